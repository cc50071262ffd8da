"""Kinds of tables by their rows: few of them, repeated, sorted, more columns than rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ..draft import MAY, Draft
from .edits import numbers_of, on_both, rows_of
from .kind import ROWS, Generator, kind


@kind(ROWS)
def tiny(draft: Draft, rng: Generator) -> Draft:
    """One to twelve rows: little can be learned, and no answer is worse than the constant."""
    n = int(rng.integers(1, 13))
    places = rng.choice(len(draft.given.X), n, replace=False)
    one_class = draft.task == "classes" and len(set(draft.given.y[places])) < 2
    refusal = MAY if n < 3 or one_class else draft.refusal
    return rows_of(
        draft, places, refusal=refusal, words=("class", "sample", "row"), mean_alone=True
    )


@kind(ROWS, ("numbers", "classes"))
def wide(draft: Draft, rng: Generator) -> Draft:
    """More columns than rows, nearly all of them noise: ridge on them is the mark, or the mean."""
    places = rng.choice(len(draft.given.X), int(rng.integers(20, 41)), replace=False)
    draft = rows_of(draft, places)
    d = int(rng.integers(45, 90))
    names = [f"noise {j}" for j in range(d)]

    def widened(table: pd.DataFrame) -> pd.DataFrame:
        noise = pd.DataFrame(rng.normal(size=(len(table), d)), columns=names)
        return pd.concat([table, noise], axis=1)

    draft = on_both(draft, widened, mean_is_enough=True)
    return replace(draft, clean=draft.given, clean_new=draft.new)


@kind(ROWS)
def copies_of_rows(draft: Draft, rng: Generator) -> Draft:
    """Every row stands there twice to five times: told, and no worse than a weight of so many.

    That a weight of k is k copies is the contract of all estimators.
    """
    n, k = len(draft.given.X), int(rng.integers(2, 6))
    places = rng.permutation(np.repeat(np.arange(n), k))
    clean = replace(draft.clean, weight=np.full(n, float(k)))
    draft = replace(rows_of(draft, places), clean=clean, linear_as_given=True)
    return replace(draft, told=("copies",))


@kind(ROWS)
def sorted_rows(draft: Draft, rng: Generator) -> Draft:
    """Rows stand sorted by the target or by a column: the order carries nothing."""
    column = rng.choice(numbers_of(draft.given.X))
    first = draft.given.y if draft.given.y.ndim == 1 else draft.given.y[:, 0]
    key = first if rng.random() < 0.5 else draft.given.X[column].to_numpy()
    return replace(rows_of(draft, np.argsort(key, kind="stable")), clean=draft.clean)


@kind(ROWS)
def odd_index(draft: Draft, rng: Generator) -> Draft:
    """The index of the data frame is of texts, repeated, or out of order: it carries nothing."""
    choices = [lambda n: rng.permutation(n), lambda n: ["r"] * n, lambda n: np.arange(n) * 7 - 3]
    label = choices[rng.integers(len(choices))]
    return on_both(draft, lambda t: t.set_axis(pd.Index(label(len(t))), axis=0))
