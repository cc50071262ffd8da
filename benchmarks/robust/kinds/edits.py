"""Steps that kinds share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ..draft import Draft, Rows, Truth
from .kind import Generator

Table = pd.DataFrame


def numbers_of(table: Table) -> list[Any]:
    return [name for name in table if pd.api.types.is_float_dtype(table[name])]


def one_number(draft: Draft, rng: Generator) -> Any:
    return rng.choice(numbers_of(draft.given.X))


def with_X(draft: Draft, X: Any, **changes: Any) -> Draft:
    return replace(draft, given=replace(draft.given, X=X), **changes)


def on_both(draft: Draft, change: Callable[[Table], Table], **changes: Any) -> Draft:
    """Change the training rows and all new rows alike."""
    odd = draft.odd_new if draft.odd_new is None else change(draft.odd_new)
    X, new = change(draft.given.X), change(draft.new)
    return with_X(draft, X, **{"new": new, "odd_new": odd, **changes})


def with_column(draft: Draft, name: Any, train: Any, new: Any, **changes: Any) -> Draft:
    """Add a column with no part in the target at a place in the middle."""
    tables = []
    for table, values in ((draft.given.X, train), (draft.new, new)):
        table = table.copy()
        table.insert(1, name, np.asarray(values) if isinstance(values, list) else values)
        tables.append(table)
    if draft.odd_new is not None and len(draft.odd_new) == len(tables[1]):
        odd = draft.odd_new.copy()
        odd.insert(1, name, tables[1][name].to_numpy())
        changes = {"odd_new": odd, **changes}
    return with_X(draft, tables[0], new=tables[1], **changes)


def cells(draft: Draft, column: Any, rows: Sequence[int] | np.ndarray, value: Any) -> Table:
    """Return the training table with other cells."""
    return set_cells(draft.given.X, column, rows, value)


def set_cells(table: Table, column: Any, rows: Sequence[int] | np.ndarray, value: Any) -> Table:
    """Return the table with other cells, by place: labels of rows may repeat."""
    table = table.copy()
    for name in np.atleast_1d(column):
        table.iloc[rows, table.columns.get_loc(name)] = value
    return table


def taken(rows: Rows, places: np.ndarray) -> Rows:
    X = rows.X.iloc[places].reset_index(drop=True)
    return Rows(X, rows.y[places], None if rows.weight is None else rows.weight[places])


def rows_of(draft: Draft, places: np.ndarray, **changes: Any) -> Draft:
    """Keep some of the rows, or repeat them, in the hostile and the clean table both."""
    given, clean = taken(draft.given, places), taken(draft.clean, places)
    return replace(draft, given=given, clean=clean, **changes)


def without_rows(rows: Rows, places: np.ndarray) -> Rows:
    return taken(rows, np.setdiff1d(np.arange(len(rows.X)), places))


def some_rows(rng: Generator, n: int, share: float, at_least: int = 1) -> np.ndarray:
    return rng.choice(n, min(n, max(at_least, round(share * n))), replace=False)


def filled(table: Table, like: Table) -> Table:
    """Fill gaps of numbers by the training rows' medians, and mark where they were."""
    table = table.copy()
    for name in numbers_of(like):
        if like[name].isna().any():
            table[f"{name} gap"] = table[name].isna().astype(float)
            table[name] = table[name].fillna(like[name].median())
    return table


def scaled_truth(truth: Truth, scale: float, shift: float = 0.0) -> Truth:
    return replace(truth, values=truth.values * scale + shift)
