"""Levels of one categorical column and their 0/1 columns."""

from collections.abc import Mapping, Sequence

import numpy as np

from sktaskneuron._typing import Matrix, RowNumbers, Vector
from sktaskneuron.preprocessing.cells import is_missing

Level = str | int | float | None

# Rows of a level, of too many levels, below which it has no column of its own.
_FEWEST_ROWS = 10


def find_levels(
    values: Sequence[object],
    weight: Vector | None,
    max_categories: int,
    name: str,
) -> tuple[list[Level], list[Level], list[Level]]:
    """Find the levels of a column and pool the rare ones.

    Where there are more levels than columns wanted, one of fewer than ten rows has no column of its
    own, and one of a single row is taken for a level that fit has not seen: what it would teach
    holds of that row alone.

    Parameters
    ----------
    values : sequence of length n_rows
        Cells of the column.
    weight : ndarray of shape (n_rows,) or None
        Positive weights.
    max_categories : int
        Most columns wanted, the missing level aside.
    name : str
        Name of the column, for error messages.

    Returns
    -------
    kept : list
        Levels with a column of their own: numbers before text, sorted; None (missing) last.
    pooled : list
        The rarer levels, sorted, that share one column.
    single : list
        The levels of a single row, sorted, that have none.

    Raises
    ------
    TypeError
        If a cell holds something that is no level, such as a dict.
    """
    level_of = _levels_of(values, name)
    levels = sorted(set(level_of.values()), key=_order)
    codes = _codes(values, level_of, levels)
    mass = np.bincount(codes, weights=weight)
    missing = levels[-1:] if levels[-1] is None else []
    levels = levels[: len(levels) - len(missing)]
    if len(levels) <= max_categories:
        return levels + missing, [], []
    # a row of weight two is two rows
    alone = (np.bincount(codes) == 1) & (mass < 2)
    single = [level for level, is_alone in zip(levels, alone, strict=False) if is_alone]
    by_mass = [i for i in np.argsort(-mass[: len(levels)], kind="stable").tolist() if not alone[i]]
    n_common = int((mass[: len(levels)] >= _FEWEST_ROWS).sum())
    n_kept = min(n_common, max_categories - (len(by_mass) > max_categories))
    kept = [levels[i] for i in sorted(by_mass[:n_kept])]
    pooled = [levels[i] for i in sorted(by_mass[n_kept:])]
    return kept + missing, pooled, single


def count_columns(kept: Sequence[Level], pooled: Sequence[Level]) -> int:
    """Count the 0/1 columns of a feature: one for each level, but one for two levels.

    Parameters
    ----------
    kept, pooled : sequence
        As `find_levels` returns them.

    Returns
    -------
    n_columns : int
        At least 1: of no levels, a column of zeros.
    """
    return len(_shown(kept, pooled))


def level_names(name: str, kept: Sequence[Level], pooled: Sequence[Level]) -> list[str]:
    """Name the 0/1 columns of a feature.

    Parameters
    ----------
    name : str
        Name of the feature.
    kept, pooled : sequence
        As `find_levels` returns them.

    Returns
    -------
    names : list of str
        "name=level", "name is missing", "name=other".
    """
    texts = [f"{name} is missing" if level is None else f"{name}={level}" for level in kept]
    texts.append(f"{name}=other")
    return [texts[i] for i in _shown(kept, pooled)]


def all_levels(kept: Sequence[Level], pooled: Sequence[Level]) -> list[Level]:
    """Join the levels that fit saw.

    Parameters
    ----------
    kept, pooled : sequence
        As `find_levels` returns them.

    Returns
    -------
    levels : list
        Numbers before text, sorted; None (missing) last.
    """
    return sorted([*kept, *pooled], key=_order)


def find_codes(values: Sequence[object], levels: Sequence[Level], name: str) -> RowNumbers:
    """Find the place of each cell's level.

    Parameters
    ----------
    values : sequence of length n_rows
        Cells of the column.
    levels : sequence
        The levels.
    name : str
        Name of the column, for error messages.

    Returns
    -------
    codes : ndarray of int of shape (n_rows,)
        Place among ``levels``; -1 for a level that they lack.

    Raises
    ------
    TypeError
        If a cell holds something that is no level, such as a dict.
    """
    return _codes(values, _levels_of(values, name), levels)


def write_levels(
    out: Matrix,
    codes: RowNumbers,
    kept: Sequence[Level],
    pooled: Sequence[Level],
) -> None:
    """Write a feature's 0/1 columns.

    Parameters
    ----------
    out : ndarray of shape (n_rows, n_columns)
        Zeros; filled in place.
    codes : ndarray of int of shape (n_rows,)
        Places among `all_levels`, -1 for none of them.
    kept, pooled : sequence
        As `find_levels` returns them.
    """
    column_of = {level: i for i, level in enumerate(kept)}
    shown = _shown(kept, pooled)
    levels = all_levels(kept, pooled)
    places = [column_of.get(level, len(kept)) for level in levels]
    # the last entry is that of the code -1
    column = np.array([p - shown.start if p in shown else -1 for p in places] + [-1])[codes]
    rows = np.flatnonzero(column >= 0)
    out[rows, column[rows]] = 1.0


def _levels_of(values: Sequence[object], name: str) -> dict[object, Level]:
    """Map each distinct cell to its level; few cells differ, so the costly part runs rarely."""
    try:
        distinct = set(values)
    except TypeError as error:
        raise TypeError(
            f"column {name!r} holds values that are no categories ({error}): each must be a "
            "string or a number"
        ) from error
    return {value: plain_level(value) for value in distinct}


def plain_level(value: object) -> Level:
    """Return a cell as a plain level, the same for pandas, polars and numpy; None if empty."""
    if is_missing(value):
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, float) and value.is_integer():
        return int(value)  # pandas stores a column of ints with gaps as floats
    return value if isinstance(value, str | int | float) else str(value)


def _codes(
    values: Sequence[object], level_of: Mapping[object, Level], levels: Sequence[Level]
) -> RowNumbers:
    """Place of each cell's level among ``levels``, -1 for a level that they lack."""
    index = {level: i for i, level in enumerate(levels)}
    place = {value: index.get(level, -1) for value, level in level_of.items()}
    return np.fromiter(map(place.__getitem__, values), dtype=np.intp, count=len(values))


def _order(level: Level) -> tuple[int, float, str]:
    """Sort key: numbers by size, then text, then the missing level."""
    if level is None:
        return (2, 0.0, "")
    if isinstance(level, str):
        return (1, 0.0, level)
    return (0, level, "")


def _shown(kept: Sequence[Level], pooled: Sequence[Level]) -> range:
    """Places, among kept levels and the pool, that have a column; of two, the second says all."""
    n_levels = len(kept) + bool(pooled)
    return range(1, 2) if n_levels == 2 else range(max(n_levels, 1))
