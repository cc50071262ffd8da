"""Rows of a benchmark in a CSV file, so that a run that was stopped goes on where it ended."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Row = dict[str, Any]


def read_rows(path: Path | None) -> list[Row]:
    """The finished rows, none if there is no file."""
    if path is None or not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def append_row(path: Path | None, row: Row, fields: list[str]) -> None:
    """Add a row; the first one writes the header."""
    if path is None:
        return
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, fields)
        if new:
            writer.writeheader()
        writer.writerow(row)


class Store:
    """The rows of a study, one per key; the last part of the key is the seed."""

    def __init__(self, path: Path, key: Sequence[str], fields: Sequence[str]) -> None:
        self.path, self.key = path, list(key)
        self.fields = [*self.key, *fields]
        self.rows = {self._key_of(row): row for row in read_rows(path)}

    def _key_of(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(str(row[name]) for name in self.key)

    def missing(self, seeds: Sequence[int], **key: Any) -> list[int]:
        return [s for s in seeds if self._key_of({**key, "seed": s}) not in self.rows]

    def add(self, **row: Any) -> None:
        full = {name: _text(row.get(name, "")) for name in self.fields}
        self.rows[self._key_of(full)] = full
        append_row(self.path, full, self.fields)

    def of(self, seeds: Sequence[int], **key: Any) -> list[Row]:
        """The rows of these seeds, in their order."""
        found = [self.rows.get(self._key_of({**key, "seed": s})) for s in seeds]
        return [row for row in found if row is not None]

    def values(self, field: str, seeds: Sequence[int], **key: Any) -> np.ndarray:
        return np.array([float(row[field]) for row in self.of(seeds, **key)])


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)
