"""The text that a file of an activation set holds, written, and read within bounds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from zipfile import ZipFile

import numpy as np

from sktaskneuron._typing import FloatArray
from sktaskneuron.nn.typed.sub_networks import SubNetworks
from sktaskneuron.nn.typed.tables import Grid

_FORMAT = 1
# Largest file, and largest content of a packed one: a set of a thousand functions on fine grids.
_MAX_BYTES = 2**26


def set_text(
    values: FloatArray,
    grid: Grid,
    slopes: FloatArray | None,
    names: Sequence[str],
    sub_networks: SubNetworks | None,
) -> str:
    """Return the fields of an activation set as JSON text."""
    return json.dumps(
        {
            "format": _FORMAT,
            "kind": "ActivationSet",
            "grid": [grid.low, grid.high, grid.n],
            "names": list(names),
            "values": values.tolist(),
            "slopes": None if slopes is None else slopes.tolist(),
            "sub_networks": None if sub_networks is None else sub_networks.to_dict(),
        }
    )


def read_text(
    text: str,
) -> tuple[FloatArray, Grid, FloatArray | None, tuple[str, ...], SubNetworks | None]:
    """Return the fields that `set_text` was given; of any other text some error is raised."""
    data = json.loads(text)
    if data["kind"] != "ActivationSet" or data["format"] != _FORMAT:
        raise ValueError(f"kind {data['kind']!r}, format {data['format']!r}")
    low, high, n = data["grid"]
    networks = data["sub_networks"]
    return (
        np.asarray(data["values"], dtype=np.float64),
        Grid(float(low), float(high), int(n)),
        None if data["slopes"] is None else np.asarray(data["slopes"], dtype=np.float64),
        tuple(data["names"]),
        None if networks is None else SubNetworks.from_dict(networks),
    )


def write_stored(path: str | PathLike[str], text: str) -> None:
    """Write such a text to a file: ``.npz`` for arrays, anything else as it is."""
    if str(path).endswith(".npz"):
        np.savez(path, activation_set=np.array(text))
        return
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


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
