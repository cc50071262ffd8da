"""The text that a file of an activation set holds, read within bounds."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from zipfile import ZipFile

import numpy as np

# Largest file, and largest content of a packed one: a set of a thousand functions on fine grids.
_MAX_BYTES = 2**26


def read_stored(path: str | PathLike[str]) -> str:
    """Read the JSON text in a file, or in a packed array of numpy where its name ends in ``.npz``.

    Parameters
    ----------
    path : path-like

    Raises
    ------
    ValueError
        If it is a device, is larger than any set, or holds no text. Nothing is run, and no more is
        read than a set may have.
    OSError
        If there is no such file, or it cannot be read.
    """
    path = Path(path)
    size = path.stat().st_size
    if not path.is_file():
        raise ValueError(f"{path} holds no ActivationSet: it is no file")
    _check_size(path, size)
    if path.suffix != ".npz":
        return path.read_text(encoding="utf-8")
    try:
        with ZipFile(path) as packed:
            unpacked = sum(part.file_size for part in packed.infolist())
        _check_size(path, unpacked)
        with np.load(path, allow_pickle=False) as data:
            return str(data["activation_set"])
    except Exception as error:  # zipfile raises a dozen kinds for damaged content
        raise ValueError(f"{path} holds no ActivationSet: {error}") from error


def _check_size(path: Path, size: int) -> None:
    if size > _MAX_BYTES:
        raise ValueError(f"{path} has {size} bytes, and an ActivationSet at most {_MAX_BYTES}")
