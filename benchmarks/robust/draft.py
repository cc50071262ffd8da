"""A hostile table beside the same table cleaned by hand, and what may come of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

NEVER, MAY, MUST = "never", "may", "must"


@dataclass(frozen=True)
class Rows:
    """What `fit` is given."""

    X: Any
    y: Any
    weight: Any = None


@dataclass(frozen=True)
class Truth:
    """What the new rows are: (n_rows, n_outputs), of classes their probabilities by name."""

    values: np.ndarray
    classes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Draft:
    """A table as it is drawn, and as kinds change it one after another.

    `given` and `new` are the training rows and clean new rows with all columns as a user holds
    them; `clean` and `clean_new` are the same rows cleaned by hand. `odd_new` are rows that only
    `predict` sees, with whether it may refuse them.
    """

    task: str
    given: Rows
    clean: Rows
    new: Any
    clean_new: pd.DataFrame
    truth: Truth
    clean_truth: Truth
    # may fit end in an error: never, may, must; the error then names one of these words
    refusal: str = NEVER
    words: tuple[str, ...] = ()
    # a word that a warning must hold
    told: tuple[str, ...] = ()
    # weaker marks: the constant, a linear model of the hostile table, or none at all
    mean_is_enough: bool = False
    # the constant is the one mark: too few rows for a clean fit to be any
    mean_alone: bool = False
    linear_as_given: bool = False
    rough: tuple[Rows, pd.DataFrame] | None = None
    judged: bool = True
    # how many times the mark the error may be more than it
    slack: float = 0.0
    odd_new: Any = None
    odd_refusal: str = NEVER
