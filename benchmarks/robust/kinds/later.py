"""Kinds of new rows: what `predict` gets is not like what `fit` saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ..draft import MAY, MUST, Draft
from .edits import numbers_of, set_cells
from .kind import LATER, TABLES, Generator, kind


@kind(LATER, alone=True)
def new_columns(draft: Draft, rng: Generator) -> Draft:
    """New rows have no rows, a column less, others' names, or their columns in another order."""
    new = draft.new
    made = [
        new[:0],
        new.iloc[:, :-1],
        new.set_axis([f"{n}!" for n in new], axis=1),
        new.iloc[:, ::-1],
        new.to_numpy()[:, :, None],
    ]
    return replace(
        draft, odd_new=made[rng.integers(len(made))], odd_refusal=MUST, words=("feature names",)
    )


@kind(LATER, TABLES)
def new_gaps(draft: Draft, rng: Generator) -> Draft:
    """New rows have gaps, and levels that were not seen: they are predicted."""
    new = draft.new.copy()
    for name in [*numbers_of(new)[:2], "k"]:
        rows = rng.choice(len(new), 10, replace=False)
        gap = np.nan if name != "k" else [None, "never seen"][rng.integers(2)]
        new = set_cells(new, name, rows, gap)
    return replace(draft, odd_new=new)


@kind(LATER)
def new_far(draft: Draft, rng: Generator) -> Draft:
    """New rows are far out: answers are finite, or the error says so."""
    new = draft.new.copy()
    for name in numbers_of(new):
        new = set_cells(new, name, [rng.integers(len(new))], rng.choice([1e6, -1e12, 1e30]))
    return replace(draft, odd_new=new, odd_refusal=MAY)


@kind(LATER, TABLES, alone=True)
def new_types(draft: Draft, rng: Generator) -> Draft:
    """New rows hold text where numbers were, or numbers where text was."""
    new = draft.new.copy()
    if rng.random() < 0.5:
        name = numbers_of(new)[0]
        new[name] = pd.Series(["much"] * len(new), index=new.index, dtype=object)
    else:
        new["k"] = 3.5
    return replace(draft, odd_new=new, odd_refusal=MAY)
