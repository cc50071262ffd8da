"""Kinds of columns beside the right ones: constants, copies, ids, sums, tails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ..draft import MAY, Draft
from .edits import on_both, one_number, with_column
from .kind import COLUMNS, TABLES, Generator, kind


def pair(draft: Draft, draw: Callable[[int], Any]) -> tuple[Any, Any]:
    return draw(len(draft.given.X)), draw(len(draft.new))


@kind(COLUMNS, TABLES)
def constant(draft: Draft, rng: Generator) -> Draft:
    """A column holds one value."""
    value = float(rng.choice([0.0, 1.0, -7.5, 1e9, 1e-30]))
    return with_column(draft, "constant", *pair(draft, lambda n: np.full(n, value)))


@kind(COLUMNS, TABLES)
def constant_text(draft: Draft, rng: Generator) -> Draft:
    """A category has one level."""
    return with_column(draft, "country", *pair(draft, lambda n: np.full(n, "here", dtype=object)))


@kind(COLUMNS, TABLES)
def only_gaps(draft: Draft, rng: Generator) -> Draft:
    """A column holds gaps only, as floats or as objects; in one of two it is filled later."""
    holder = float if rng.random() < 0.5 else object
    train = np.full(len(draft.given.X), np.nan if holder is float else None, dtype=holder)
    draft = with_column(draft, "empty", train, train[:1].repeat(len(draft.new)))
    later = draft.new.copy()
    later["empty"] = rng.choice(["a", "b"], len(later)) if rng.random() < 0.5 else 1.5
    return replace(draft, odd_new=later, odd_refusal=MAY)


@kind(COLUMNS, TABLES)
def copy_of_column(draft: Draft, rng: Generator) -> Draft:
    """A column stands there twice, as it is or in other units."""
    name = one_number(draft, rng)
    factor = float(rng.choice([1.0, 1.0, -1.0, 2.54, 1e6]))
    return with_column(draft, "copy", draft.given.X[name] * factor, draft.new[name] * factor)


@kind(COLUMNS, TABLES)
def running_number(draft: Draft, rng: Generator) -> Draft:
    """A column numbers the rows, or holds account numbers."""
    start = int(rng.choice([0, 100_000, 10**12]))
    n, m = len(draft.given.X), len(draft.new)
    if rng.random() < 0.5:
        return with_column(draft, "id", np.arange(n) + start, np.arange(n, n + m) + start)
    draw = lambda size: rng.integers(start, start + 10**6, size)  # noqa: E731
    return with_column(draft, "id", draw(n), draw(m))


@kind(COLUMNS, TABLES)
def unique_text(draft: Draft, rng: Generator) -> Draft:
    """A text column names every row by itself."""
    form = str(rng.choice(["user-{}", "{:x}", "note on {}"]))
    n, m = len(draft.given.X), len(draft.new)
    names = [form.format(i) for i in rng.permutation(10**5)[: n + m]]
    return with_column(
        draft, "id", pd.array(names[:n], dtype="object"), pd.array(names[n:], dtype="object")
    )


@kind(COLUMNS, TABLES)
def free_text(draft: Draft, rng: Generator) -> Draft:
    """A column holds a sentence per row: refused by name, but in the smallest tables."""
    texts = [f"the note about {i} and what was said" for i in rng.permutation(10**5)]
    draft = with_column(draft, "note", *pair(draft, lambda n: np.array(texts[:n], dtype=object)))
    return replace(draft, refusal=MAY, words=("note",))


@kind(COLUMNS, TABLES)
def many_levels(draft: Draft, rng: Generator) -> Draft:
    """A category of forty to two hundred levels has no part in the target."""
    levels = np.array([f"town {i}" for i in range(rng.integers(40, 200))], dtype=object)
    return with_column(draft, "town", *pair(draft, lambda n: rng.choice(levels, n)))


@kind(COLUMNS, TABLES)
def sum_of_columns(draft: Draft, rng: Generator) -> Draft:
    """A column is a sum of two others, exactly or up to rounding."""
    noise = float(rng.choice([0.0, 1e-12, 1e-7]))
    values = [t.a + t.b + noise * rng.normal(size=len(t)) for t in (draft.given.X, draft.new)]
    return with_column(draft, "sum", *values)


@kind(COLUMNS, TABLES)
def dummies(draft: Draft, rng: Generator) -> Draft:
    """The levels of the category stand there as 0/1 columns too, which sum to one."""

    def dummied(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(
            is_f=(table.k == "f").astype(float), is_m=(table.k != "f").astype(float)
        )

    return on_both(draft, dummied)


@kind(COLUMNS, TABLES)
def tail_of_noise(draft: Draft, rng: Generator) -> Draft:
    """A column without a part in the target has a tail without a mean."""
    draws = [
        lambda n: rng.standard_cauchy(n),
        lambda n: np.exp(4 * rng.normal(size=n)),
        lambda n: rng.pareto(0.7, n),
        lambda n: np.where(rng.random(n) < 0.9, 0.0, rng.exponential(50.0, n)),
    ]
    return with_column(draft, "tail", *pair(draft, draws[rng.integers(len(draws))]))


@kind(COLUMNS, TABLES)
def big_integers(draft: Draft, rng: Generator) -> Draft:
    """Integers near the ends of 64 bits, signed or not."""
    low, high, dtype = [
        (2**62, 2**63 - 1, np.int64),
        (-(2**63), -(2**62), np.int64),
        (2**63, 2**64 - 1, np.uint64),
        (0, 255, np.uint8),
        (-128, 127, np.int8),
    ][rng.integers(5)]
    return with_column(
        draft, "code", *pair(draft, lambda n: rng.integers(low, high, n, dtype=dtype))
    )
