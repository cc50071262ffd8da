"""The file that a search of activation functions goes on from."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from sktaskneuron._typing import Matrix, Vector

# Raised whenever what a file holds changes: older ones are refused.
_FORMAT = 3
# Largest file that is read: 48 functions with the losses of two million rows.
_MAX_BYTES = 2**30
# Longest setting that an error shows.
_MAX_SHOWN = 60


@dataclass(eq=False)
class SearchState:
    """Everything that the next generation depends on.

    Parameters
    ----------
    settings : dict
        What has to be the same in a search that goes on from here.
    random_state : dict
        State of the bit generator (PCG64).
    generation : int
        Number of generations evaluated.
    texts : list of str
    numbers : ndarray of shape (n_texts, n_numbers)
        What each evaluation gave, the loss first: infinite where training failed.
    generations : list of int
        The one that each text is of.
    proposals : dict of str to int
        What became of a proposer's strings.
    refused : dict of str to str
        The last of them that were dropped, and why.
    """

    settings: dict[str, object]
    random_state: dict[str, object]
    generation: int = 0
    texts: list[str] = field(default_factory=list)
    numbers: Matrix = field(default_factory=lambda: np.zeros((0, 1)))
    generations: list[int] = field(default_factory=list)
    proposals: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def losses(self) -> Vector:
        """The loss of each text."""
        return self.numbers[:, 0]


def check_place(path: str | os.PathLike[str]) -> None:
    """Refuse a path at which no checkpoint can be written or read.

    Parameters
    ----------
    path : str or path-like

    Raises
    ------
    ValueError
        If it is a directory, a device or a file too large for a checkpoint.
    OSError
        If its folder is missing, or cannot be written into.
    """
    path = Path(path)
    _check_file(path)
    part = _part(path)
    try:
        part.touch()
        part.unlink()
    except OSError as error:
        raise type(error)(
            error.errno,
            f"no checkpoint can be written in the folder {os.fspath(path.parent)!r} "
            f"({error.strerror}): make the folder, or give another path",
        ) from None


def write_checkpoint(path: str | os.PathLike[str], state: SearchState) -> None:
    """Write a state so that the file is whole at any time: the old one or the new one.

    Parameters
    ----------
    path : str or path-like
    state : SearchState

    Raises
    ------
    OSError
        If it cannot be written, as where the disk is full; the file is as it was.
    """
    path = Path(path)
    values = asdict(state)
    shape, data = state.numbers.shape, state.numbers.astype("<f8").tobytes()
    values["numbers"] = {"shape": shape, "base64": base64.b64encode(data).decode()}
    text = json.dumps(values, allow_nan=False)
    content = {"format": _FORMAT, "sha256": _digest(text), "state": text}
    part = _part(path)
    try:
        with open(part, "w", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise type(error)(
            error.errno,
            f"the checkpoint {os.fspath(path)!r} cannot be written ({error.strerror}): make room "
            f"and fit again; what it held before generation {state.generation} is still there",
        ) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def read_checkpoint(
    path: str | os.PathLike[str], settings: dict[str, object]
) -> SearchState | None:
    """Read the state of a search.

    Parameters
    ----------
    path : str or path-like
    settings : dict
        Of the search that goes on.

    Returns
    -------
    SearchState or None
        None if there is no file.

    Raises
    ------
    ValueError
        If the file is no checkpoint, a damaged one, or one of a search with other settings.
    """
    path = Path(path)
    if not _check_file(path):
        return None
    try:
        state = _state(path.read_bytes())
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as e:
        raise ValueError(
            f"{os.fspath(path)!r} is no checkpoint of a search of activations ({e}): give another "
            "path, or delete the file"
        ) from None
    # as they would read from the file
    wanted = json.loads(json.dumps(settings))
    for name in wanted | state.settings:
        found, own = state.settings.get(name), wanted.get(name)
        if found != own:
            shown = f" ({found!r} there, {own!r} here)"
            shown = shown if len(shown) <= _MAX_SHOWN else ""
            raise ValueError(
                f"the checkpoint {os.fspath(path)!r} is of a search with another {name}{shown}: "
                "fit as that one was fitted, give another path, or delete the file"
            )
    return state


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _check_file(path: Path) -> bool:
    """Tell whether there is a file; refuse what could be read without an end."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"the checkpoint {os.fspath(path)!r} is no file: give another path")
    if status.st_size > _MAX_BYTES:
        raise ValueError(
            f"{os.fspath(path)!r} has {status.st_size} bytes, and a checkpoint at most "
            f"{_MAX_BYTES}: give another path, or delete the file"
        )
    return True


def _state(content: bytes) -> SearchState:
    """Read a state; any of many errors says what is wrong with the content."""
    values = json.loads(content)
    if values["format"] != _FORMAT:
        raise ValueError(f"its format is {values['format']!r}, and this version reads {_FORMAT}")
    if _digest(values["state"]) != values["sha256"]:
        raise ValueError("its checksum is not that of its content")
    state = json.loads(values["state"])
    numbers = state.pop("numbers")
    data = np.frombuffer(base64.b64decode(numbers["base64"], validate=True), dtype="<f8")
    return SearchState(**state, numbers=data.reshape(numbers["shape"]).astype(np.float64))
