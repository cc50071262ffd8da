"""JSON text read with care, and its format name and number."""

from __future__ import annotations

import json
from typing import NoReturn

from sktaskneuron._typing import PlainData
from sktaskneuron.exceptions import FormulaError

__all__ = ["check_format", "load_json"]


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
