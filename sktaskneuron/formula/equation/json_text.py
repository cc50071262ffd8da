"""JSON text read with care, and its format name and number."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import NoReturn

from sktaskneuron._typing import PlainData
from sktaskneuron.exceptions import FormulaError

__all__ = ["check_format", "load_json", "plain_bounds", "read_bounds"]


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


def load_json(text: str) -> object:
    """Read JSON text; raises FormulaError where json would raise errors of its own."""
    try:
        return json.loads(text, parse_constant=_refused)
    except (ValueError, TypeError, RecursionError) as error:
        raise FormulaError(f"not a JSON text: {error}") from None


def check_format(data: object, name: str, version: int) -> PlainData:
    """Return loaded data if they have this format name and a known number, else FormulaError."""
    if not isinstance(data, dict) or data.get("format") != name:
        raise FormulaError(f"these data are not of the format {name!r}")
    found = data.get("version")
    if not isinstance(found, int) or isinstance(found, bool) or not 1 <= found <= version:
        raise FormulaError(
            f"{name} of format number {found!r}; this version of sktaskneuron reads up to {version}"
        )
    return data


def plain_bounds(values: Iterable[float]) -> list[float | None]:
    """Return bounds as JSON has them: None for an infinite one."""
    return [float(value) if math.isfinite(value) else None for value in values]


def read_bounds(data: object, none: float) -> tuple[float, ...]:
    """Return what `plain_bounds` wrote, with a number for None; raises FormulaError."""
    if not isinstance(data, list) or not all(
        value is None or (isinstance(value, int | float) and not isinstance(value, bool))
        for value in data
    ):
        raise FormulaError(f"bounds must be a list of numbers or None, got {data!r:.80}")
    return tuple(none if value is None else value for value in data)
