"""Kinds of targets: far cells, constants, units, classes few and many, outputs, odd types."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from ..draft import MAY, MUST, Draft, Truth
from .edits import scaled_truth, some_rows, taken
from .kind import TABLES, TARGET, Generator, kind

# A steep term through the row is still least squares: it may be off by thirty times as much as a
# line, which is a thousand times in squares. Measured: 280 times by x**5 at an outermost row.
FAR_SLACK = 1000.0

NUMBERS, CLASSES = ("numbers",), ("classes",)


def with_y(draft: Draft, y: Any, **changes: Any) -> Draft:
    return replace(draft, given=replace(draft.given, y=y), **changes)


@kind(TARGET, NUMBERS)
def far_target(draft: Draft, rng: Generator) -> Draft:
    """One target is off by a hundred to 1e12: least squares follow it, within bounds."""
    y = draft.given.y.copy()
    y[rng.integers(len(y))] = rng.choice([1e2, -1e4, 1e8, 1e12])
    return with_y(draft, y, linear_as_given=True, mean_is_enough=True, slack=FAR_SLACK)


@kind(TARGET, NUMBERS)
def constant_target(draft: Draft, rng: Generator) -> Draft:
    """The target is one number: so is every prediction."""
    value = float(rng.choice([0.0, 1.0, -3.5, 1e9, 1e-12, 1e12]))
    y = np.full(len(draft.given.y), value)
    truth = Truth(np.full_like(draft.truth.values, value))
    clean = replace(draft.clean, y=np.full(len(draft.clean.y), value))
    return with_y(draft, y, truth=truth, clean_truth=truth, clean=clean)


@kind(TARGET, NUMBERS)
def units_of_target(draft: Draft, rng: Generator) -> Draft:
    """The target is in units of 1e-30 to 1e30, or shifted."""
    unit, shift = [(1e-30, 0.0), (1e30, 0.0), (1e-9, 0.0), (1.0, 1e6), (1.0, -1e9), (1e9, 1e12)][
        rng.integers(6)
    ]
    return with_y(draft, draft.given.y * unit + shift, truth=scaled_truth(draft.truth, unit, shift))


@kind(TARGET, NUMBERS)
def several_outputs(draft: Draft, rng: Generator) -> Draft:
    """Two or three outputs, one of which may be constant."""

    def spread(values: np.ndarray) -> np.ndarray:
        values = values.reshape(len(values), -1)[:, :1]
        return np.hstack([values, -3 * values + 1, 0 * values + last * values])

    last = float(rng.choice([0.0, 1e6, 0.5]))
    truth = replace(draft.truth, values=spread(draft.truth.values))
    clean_truth = replace(draft.clean_truth, values=spread(draft.clean_truth.values))
    clean = replace(draft.clean, y=spread(draft.clean.y))
    return with_y(draft, spread(draft.given.y), truth=truth, clean_truth=clean_truth, clean=clean)


@kind(TARGET, NUMBERS)
def counts(draft: Draft, rng: Generator) -> Draft:
    """The target is whole numbers, most of them zero."""

    def counted(values: np.ndarray) -> np.ndarray:
        return np.maximum(np.round(values), 0).astype(np.int64)

    clean = replace(draft.clean, y=counted(draft.clean.y))
    truth = Truth(np.maximum(draft.truth.values, 0))
    return with_y(draft, counted(draft.given.y), clean=clean, truth=truth, clean_truth=truth)


@kind(TARGET, CLASSES)
def rare_class(draft: Draft, rng: Generator) -> Draft:
    """One to three rows are of a class of their own."""
    y = draft.given.y.astype(object)
    y[some_rows(rng, len(y), 0, int(rng.integers(1, 4)))] = "zebra"
    values = np.hstack([draft.truth.values, np.zeros((len(draft.truth.values), 1))])
    refusal = draft.refusal if len(set(y)) > 1 else MAY
    truth = Truth(values, (*draft.truth.classes, "zebra"))
    return with_y(draft, y, truth=truth, refusal=refusal, words=(*draft.words, "class"))


@kind(TARGET, CLASSES)
def lopsided(draft: Draft, rng: Generator) -> Draft:
    """One of two classes has one to five rows: the frequencies are enough."""
    rare = np.flatnonzero(draft.given.y == "yes")
    if len(rare) == 0:
        return draft
    keep = rng.permutation(
        np.r_[np.flatnonzero(draft.given.y != "yes"), rare[: rng.integers(1, 6)]]
    )
    given = taken(draft.given, keep)
    share = float(np.mean(given.y == "yes"))
    values = np.tile([1 - share, share], (len(draft.truth.values), 1))
    refusal = draft.refusal if len(set(given.y)) > 1 else MAY
    # of how the rare class hangs on the columns nothing can be learned: no judgement but finite
    return replace(
        draft,
        given=given,
        clean=given,
        truth=Truth(values, ("no", "yes")),
        clean_truth=Truth(values, ("no", "yes")),
        judged=False,
        refusal=refusal,
        words=(*draft.words, "class"),
        clean_new=draft.new,
    )


@kind(TARGET, CLASSES)
def many_classes(draft: Draft, rng: Generator) -> Draft:
    """Twenty to sixty classes have a few rows each: the frequencies are enough."""
    n = int(rng.integers(20, 61))
    names = [f"class {i:02d}" for i in range(n)]
    y = rng.choice(np.array(names, dtype=object), len(draft.given.y))
    return nothing_to_learn(draft, y)


def nothing_to_learn(draft: Draft, y: Any) -> Draft:
    names, counts = np.unique(y.astype(str), return_counts=True)
    values = np.tile(counts / counts.sum(), (len(draft.truth.values), 1))
    truth = Truth(values, tuple(names))
    given = replace(draft.given, y=y)
    refusal = draft.refusal if len(names) > 1 else MAY
    return replace(
        draft,
        given=given,
        clean=given,
        clean_new=draft.new,
        truth=truth,
        clean_truth=truth,
        mean_is_enough=True,
        refusal=refusal,
        words=(*draft.words, "class"),
    )


@kind(TARGET, CLASSES)
def one_class(draft: Draft, rng: Generator) -> Draft:
    """All rows are of one class: refused by that word."""
    return with_y(draft, np.full(len(draft.given.y), "no"), refusal=MUST, words=("class",))


@kind(TARGET, CLASSES)
def odd_labels(draft: Draft, rng: Generator) -> Draft:
    """Labels are booleans, numbers far apart, a category, nullable, objects, or odd texts."""
    yes = draft.given.y == "yes"
    series = pd.Series(yes)
    y, names = [
        (yes, ("False", "True")),
        (np.where(yes, 10**9, -7), ("-7", "1000000000")),
        (series.map({True: "ja", False: "nein"}).astype("category"), ("nein", "ja")),
        (series.astype("boolean"), ("False", "True")),
        (series.astype("Int64"), ("0", "1")),
        (np.where(yes, "", "\"';drop table--\n"), ("\"';drop table--\n", "")),
        (series.map({True: "ja", False: "nein"}).astype("string[pyarrow]"), ("nein", "ja")),
        (np.where(yes, "b", "a").astype(object).tolist(), ("a", "b")),
        (series.astype(object), ("False", "True")),
        (yes.astype(int).astype(object), ("0", "1")),
    ][rng.integers(10)]
    return with_y(draft, y, truth=Truth(draft.truth.values, names))


@kind(TARGET, NUMBERS)
def odd_target(draft: Draft, rng: Generator) -> Draft:
    """Numbers come as a list, a Series of any kind, float16, decimals or one column."""
    y = draft.given.y
    series = pd.Series(y)
    made = [
        y.tolist(),
        series,
        series.set_axis(rng.permutation(len(y))),
        y.astype(np.float32),
        y.astype(np.longdouble),
        series.astype("Float64"),
        series.astype("float64[pyarrow]"),
        np.array([Decimal(str(round(v, 6))) for v in y], dtype=object),
        series.astype(object),
    ]
    return with_y(draft, made[rng.integers(len(made))])


@kind(TARGET, TABLES)
def gap_in_target(draft: Draft, rng: Generator) -> Draft:
    """A target is missing: refused."""
    y = draft.given.y.astype(object)
    y[rng.integers(len(y))] = [None, np.nan, pd.NA][rng.integers(3)]
    made = [y, pd.Series(y), pd.Series(y).convert_dtypes()][rng.integers(3)]
    return with_y(draft, made, refusal=MUST, words=("y",))


@kind(TARGET, NUMBERS)
def text_target(draft: Draft, rng: Generator) -> Draft:
    """The target of a regressor is text, dates or complex: refused, unless it can be classes."""
    n = len(draft.given.y)
    made = [
        np.array([f"{v:.3f} m" for v in draft.given.y], dtype=object),
        pd.Series(pd.date_range("2020-01-01", periods=n)),
        draft.given.y + 1j,
        pd.Series(pd.to_timedelta(np.arange(n), unit="D")),
    ][rng.integers(4)]
    return with_y(draft, made, refusal=MAY, words=("y",), judged=False)


@kind(TARGET, TABLES)
def other_length(draft: Draft, rng: Generator) -> Draft:
    """X and y have other numbers of rows: refused."""
    return with_y(draft, draft.given.y[:-1], refusal=MUST, words=("sample", "row", "length", "y"))
