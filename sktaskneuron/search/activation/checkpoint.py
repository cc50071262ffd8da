"""The file that a search of activation functions goes on from."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

# Raised whenever what a file holds changes: older ones are refused.
_FORMAT = 1


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
    losses : list of float
        Infinite where training failed.
    generations : list of int
        The one that each text is of.
    proposals : dict of str to int
        What became of a proposer's strings.
    """

    settings: dict[str, object]
    random_state: dict[str, object]
    generation: int = 0
    texts: list[str] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    generations: list[int] = field(default_factory=list)
    proposals: dict[str, int] = field(default_factory=dict)


def write_checkpoint(path: str | os.PathLike[str], state: SearchState) -> None:
    """Write a state so that the file is whole at any time: the old one or the new one.

    Parameters
    ----------
    path : str or path-like
    state : SearchState
    """
    path = Path(path)
    values = {"format": _FORMAT, **asdict(state)}
    values["losses"] = [value if np.isfinite(value) else None for value in state.losses]
    part = path.with_name(f".{path.name}.part")
    try:
        with open(part, "w", encoding="utf-8") as file:
            json.dump(values, file, allow_nan=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
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
        If the file is no checkpoint, or one of a search with other settings.
    """
    # as they would read from the file
    wanted = json.loads(json.dumps(settings))
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        return None
    try:
        values = json.loads(content)
        if values.pop("format") != _FORMAT:
            raise ValueError("another format")
        losses = [np.inf if value is None else float(value) for value in values.pop("losses")]
        state = SearchState(**values, losses=losses)
        if not len(state.texts) == len(losses) == len(state.generations):
            raise ValueError("lists of different lengths")
        same = {key: state.settings.get(key) == wanted[key] for key in wanted}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{os.fspath(path)!r} is no checkpoint of a search of activations ({error}); give "
            "another path or delete the file"
        ) from None
    other = [key for key, equal in same.items() if not equal]
    if other:
        raise ValueError(
            f"the checkpoint {os.fspath(path)!r} is of a search with another {other[0]}; give the "
            "same settings and seed, another path, or delete the file"
        )
    return state
