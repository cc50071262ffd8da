"""Checks of the arrays that a fitted formula is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from sktaskneuron._typing import AnyArray, ColumnsLike, FloatArray, Matrix
from sktaskneuron.exceptions import FormulaError

__all__ = [
    "check_shape",
    "column_matrix",
    "column_texts",
    "count_features",
    "frozen",
    "numbers",
    "row_blocks",
]

# Rows computed at once. Measured on one core, 5 and 50 columns: 4096 are the fastest or within a
# fifth of it; 256 take 1.3 to 5 times as long, all rows at once 1.2 to 5 times.
_ROWS = 4096

ArrayT = TypeVar("ArrayT", bound=AnyArray)


def frozen(values: ArrayT) -> ArrayT:
    """Make an array read-only."""
    values.flags.writeable = False
    return values


def numbers(values: ArrayLike, name: str, *, finite: bool = True) -> FloatArray:
    """Return a read-only float64 copy; raises FormulaError for NaN, infinity and non-numbers."""
    try:
        result = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise FormulaError(f"{name} must be an array of numbers") from None
    if np.isnan(result).any() or (finite and not np.isfinite(result).all()):
        raise FormulaError(f"{name} must be finite")
    return frozen(result)


def check_shape(name: str, values: FloatArray, shape: tuple[int, ...]) -> None:
    """Raise FormulaError unless an array has a shape."""
    if values.shape != shape:
        raise FormulaError(f"{name} must have shape {shape}, got {values.shape}")


def count_features(
    names: tuple[str, ...] | None,
    columns: Iterable[FloatArray],
    pure: Iterable[FloatArray],
    factors: Mapping[int, FloatArray],
) -> int:
    """Take the number of columns from whatever was given; shapes are checked later."""
    if names is not None:
        return len(names)
    for values in [*columns, *pure]:
        if values.ndim > 0:
            return len(values)
    for values in factors.values():
        if values.ndim == 3:
            return int(values.shape[1])
    raise FormulaError("the number of columns is unknown; give feature_names")


def column_matrix(X: ColumnsLike, names: Sequence[str]) -> Matrix:
    """Return X as a float64 matrix; the columns of a table or mapping go by their names.

    Raises
    ------
    FormulaError
        If X has another number of columns, or the table lacks one.
    """
    wanted = list(names)
    keys = X.keys() if isinstance(X, Mapping) else getattr(X, "columns", None)
    if keys is not None:
        missing = [name for name in wanted if name not in keys]
        if missing:
            raise FormulaError(
                f"the table lacks the columns {missing}; columns of a table go by name"
            )
    if isinstance(X, Mapping):
        X = np.column_stack([X[name] for name in wanted])
    elif keys is not None:
        X = X[wanted]  # type: ignore[index]  # a dataframe
    values = np.asarray(X, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(wanted):
        raise FormulaError(f"X must have shape (n_samples, {len(wanted)}), got {values.shape}")
    return values


def row_blocks(n_rows: int) -> Iterator[slice]:
    """Cut rows into blocks whose values stay in the processor's cache while they are computed."""
    return (slice(start, start + _ROWS) for start in range(0, n_rows, _ROWS))


def column_texts(
    texts: Mapping[str, str] | None, feature_names: Sequence[str], what: str
) -> dict[str, str]:
    """Check a mapping from columns to their texts; raises FormulaError."""
    given = dict(texts or {})
    unknown = given.keys() - set(feature_names)
    if unknown:
        raise FormulaError(f"{what} names {min(map(str, unknown))!r}, which is no feature")
    for name, text in given.items():
        if not isinstance(text, str) or not text.strip():
            raise FormulaError(f"{what}[{name!r}] must be a text, got {text!r}")
    return given
