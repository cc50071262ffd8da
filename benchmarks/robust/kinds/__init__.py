"""The hostile kinds, each a function that changes a draft; its docstring says what is right."""

from . import cells, columns, later, names, rows, targets, types, weights
from .kind import KINDS, Kind

__all__ = [
    "KINDS",
    "Kind",
    "cells",
    "columns",
    "later",
    "names",
    "rows",
    "targets",
    "types",
    "weights",
]
