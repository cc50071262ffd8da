"""Rows of a benchmark in a CSV file, so that a run that was stopped goes on where it ended."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any


def read_rows(path: Path | None) -> list[dict[str, Any]]:
    """The finished rows, none if there is no file."""
    if path is None or not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def append_row(path: Path | None, row: dict[str, Any], fields: list[str]) -> None:
    """Add a row; the first one writes the header."""
    if path is None:
        return
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, fields)
        if new:
            writer.writeheader()
        writer.writerow(row)
