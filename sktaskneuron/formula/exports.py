"""What a fitted formula and a fitted expression have in common: the forms they can be written in."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from .nodes import Node

__all__ = ["Exports"]


class Exports(ABC):
    """An equation of raw columns, in every form that it can be written in."""

    feature_names: tuple[str, ...]

    @abstractmethod
    def trees(self) -> tuple[Node, ...]:
        """Return one tree per output, whose variables are the raw columns."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""

    def to_json(self) -> str:
        """Return the equation as JSON text with a format number; numbers are exact."""
        return json.dumps(self.to_dict(), allow_nan=False)
