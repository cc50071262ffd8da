"""Kinds of sample weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..draft import MAY, MUST, Draft
from .edits import some_rows, without_rows
from .kind import WEIGHT, Generator, kind

WORDS = ("sample_weight",)


def with_weight(draft: Draft, weight: Any, **changes: Any) -> Draft:
    return replace(draft, given=replace(draft.given, weight=weight), **changes)


def size(draft: Draft) -> int:
    return len(draft.given.X)


@kind(WEIGHT)
def zero_weights(draft: Draft, rng: Generator) -> Draft:
    """Rows of weight zero hold nonsense: they are as if they were not there."""
    rows = some_rows(rng, size(draft), 0.2)
    weight = np.ones(size(draft))
    weight[rows] = 0.0
    y = draft.given.y
    if isinstance(y, np.ndarray) and len(y) == size(draft) and y.dtype.kind in "fiUO":
        y = y.copy()
        y[rows] = rng.permutation(y[rows]) if draft.task == "classes" else 1e6
    given = replace(draft.given, y=y, weight=weight)
    left = np.ones(size(draft), dtype=bool)
    left[rows] = False
    refusal = draft.refusal if left.sum() > 2 and varied(draft, left) else MAY
    clean = draft.clean
    if len(clean.X) == size(draft):
        clean = without_rows(clean, rows)
    return replace(
        draft, given=given, clean=clean, refusal=refusal, words=(*draft.words, *WORDS, "class")
    )


def varied(draft: Draft, left: np.ndarray) -> bool:
    if draft.task != "classes":
        return True
    return len(set(np.asarray(draft.given.y)[: len(left)][left[: len(draft.given.y)]])) > 1


@kind(WEIGHT)
def weights_of_24_decades(draft: Draft, rng: Generator) -> Draft:
    """Weights go over 24 powers of ten: a few rows are all there is."""
    weight = 10.0 ** rng.integers(-12, 12, size(draft))
    return with_weight(
        draft, weight, refusal=MAY, words=(*WORDS, "class"), mean_is_enough=True, judged=False
    )


@kind(WEIGHT)
def big_counts(draft: Draft, rng: Generator) -> Draft:
    """Weights are counts times 1e15, which carries nothing, or 1e300, which may be refused."""
    unit = float(rng.choice([1e15, 1e-15, 1e-300, 1e300]))
    weight = rng.integers(1, 4, size(draft)) * unit
    refusal = MAY if abs(np.log10(unit)) > 100 else draft.refusal
    return with_weight(draft, weight, refusal=refusal, words=WORDS)


@kind(WEIGHT)
def one_row_counts(draft: Draft, rng: Generator) -> Draft:
    """All rows but one or two have weight zero."""
    weight = np.zeros(size(draft))
    weight[some_rows(rng, len(weight), 0, int(rng.integers(1, 3)))] = 1.0
    return with_weight(draft, weight, refusal=MAY, words=(*WORDS, "class", "row"), judged=False)


@kind(WEIGHT)
def bad_weights(draft: Draft, rng: Generator) -> Draft:
    """Weights are negative, missing, infinite, all zero, of another length or shape, or text."""
    n = size(draft)
    ones = np.ones(n)
    made = [
        np.r_[-1.0, ones[1:]],
        np.r_[np.nan, ones[1:]],
        np.r_[np.inf, ones[1:]],
        0 * ones,
        ones[:-1],
        np.ones((n, 2)),
        np.full(n, "heavy"),
        ones + 1j,
    ][rng.integers(8)]
    return with_weight(draft, made, refusal=MUST, words=(*WORDS, "weight"))


@kind(WEIGHT)
def list_of_weights(draft: Draft, rng: Generator) -> Draft:
    """Weights come as a list of whole numbers or as small floats: they are weights all the same."""
    weight = rng.integers(1, 4, size(draft))
    return with_weight(draft, weight.tolist() if rng.random() < 0.5 else weight.astype(np.float16))
