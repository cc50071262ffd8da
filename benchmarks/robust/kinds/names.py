"""Kinds of names of columns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ..draft import MAY, Draft
from .edits import on_both
from .kind import NAMES, Generator, kind

ODD = [
    "",
    " ",
    "x0",
    "x1=f",
    "a is missing",
    "größe²",
    "名前",
    "it's",
    'say "hi"',
    "select",
    "from",
    "Order",
    "a\nb",
    "a\tb",
    "a" * 300,
    "a.b",
    "a*b + 1",
    "sin",
    "I",
    "lambda",
    "None",
    "nan",
    "{0}",
    "%s",
    "$x_1$",
    "\\alpha",
    "--",
    "/*",
    "]",
    "🙂",
    "_",
    "1",
    "1e5",
    "A",
    "0x10",
    "exp(a)",
    "x**2",
    "<x,x>:1",
]


def renamed(draft: Draft, names: list[Any], **changes: Any) -> Draft:
    return on_both(draft, lambda t: t.set_axis(names, axis=1), **changes)


def width(draft: Draft) -> int:
    return draft.given.X.shape[1]


@kind(NAMES)
def odd_names(draft: Draft, rng: Generator) -> Draft:
    """Names are empty, of quotes, lines, SQL, formulas, or of other scripts."""
    names = list(draft.given.X.columns)
    odd = rng.permutation(np.array(ODD, dtype=object)).tolist()
    chosen = odd[: len(names)] + names[len(odd) :]
    draft = renamed(draft, chosen)
    return replace(draft, told=draft.told[1:])


@kind(NAMES)
def repeated_names(draft: Draft, rng: Generator) -> Draft:
    """Two columns have one name: it works, or the error says the name."""
    names = list(draft.given.X.columns)
    names[1] = names[0]
    return renamed(draft, names, refusal=MAY, words=(str(names[0]),), told=())


@kind(NAMES)
def integer_names(draft: Draft, rng: Generator) -> Draft:
    """Names are whole numbers, as a frame of an array has them."""
    start = int(rng.choice([0, 0, 1, -2]))
    return renamed(draft, list(range(start, start + width(draft))), told=draft.told[1:])


@kind(NAMES)
def mixed_names(draft: Draft, rng: Generator) -> Draft:
    """Names are texts and numbers: it works, or the error speaks of names."""
    names: list[Any] = list(draft.given.X.columns)
    names[rng.integers(len(names))] = 7
    return renamed(draft, names, refusal=MAY, words=("name",), told=())


@kind(NAMES)
def tuples_as_names(draft: Draft, rng: Generator) -> Draft:
    """Columns have names of two levels: it works, or the error speaks of names."""
    names = pd.MultiIndex.from_tuples([("t", str(n)) for n in draft.given.X.columns])
    return on_both(
        draft, lambda t: t.set_axis(names, axis=1), refusal=MAY, words=("name",), told=()
    )


@kind(NAMES)
def long_names(draft: Draft, rng: Generator) -> Draft:
    """Names differ in their last of two hundred characters only."""
    return renamed(draft, ["very long " * 20 + str(j) for j in range(width(draft))], told=())
