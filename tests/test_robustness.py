"""Hostile tables: the judge sees planted faults, and a slice of the benchmark has none."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression

from benchmarks.robust.case import Case, draw, plan
from benchmarks.robust.clarity import unclear
from benchmarks.robust.kinds import KINDS
from benchmarks.robust.laws import SIZES
from benchmarks.robust.models import Model
from benchmarks.robust.trial import digest, run
from sktaskneuron.exceptions import FormulaError

SEED = 0


class Right(RegressorMixin, BaseEstimator):
    """A line through the numbers of a table; the classes below each plant a fault in it."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        self.inner_ = LinearRegression().fit(self.read(X), y)
        return self

    def read(self, X):
        return X.select_dtypes("number").to_numpy(float)

    def predict(self, X):
        return self.inner_.predict(self.read(X))


class Inside(Right):
    def fit(self, X, y, sample_weight=None):
        raise KeyError("a")


class Untaught(Right):
    def fit(self, X, y, sample_weight=None):
        raise ValueError("the matrix is bad")


class Shy(Right):
    def fit(self, X, y, sample_weight=None):
        raise ValueError("Shy has no wish to be fitted")


class Gaps(Right):
    def predict(self, X):
        return np.where(np.arange(len(X)) == 3, np.nan, super().predict(X))


class Poor(Right):
    """Wrong on the hostile table only."""

    def predict(self, X):
        return super().predict(X) + 5.0 * ("constant" in X)


class Scribbler(Right):
    def fit(self, X, y, sample_weight=None):
        super().fit(X, y)
        y[0] = 0.0
        return self


class Forgetful(Right):
    def __getstate__(self):
        return {**super().__getstate__(), "lost": True}

    def predict(self, X):
        return super().predict(X) + hasattr(self, "lost")


class Loud(Right):
    def predict(self, X):
        np.log(np.zeros(1))
        return super().predict(X)


class Repeating(Right):
    def fit(self, X, y, sample_weight=None):
        for _ in range(2):
            warnings.warn("a column is constant", stacklevel=1)
        return super().fit(X, y)


def planted(estimator, kind="constant"):
    case = Case(SEED, 0, (KINDS[kind],), Model(estimator.__name__, "numbers", estimator), 1)
    return run(case)


def test_nothing_is_found_where_nothing_is_planted():
    outcome = planted(Right)
    assert not outcome.faults
    assert not outcome.refused


@pytest.mark.parametrize(
    ("estimator", "start"),
    [
        (Inside, "unclear error in fit (its class)"),
        (Untaught, "unclear error in fit (names none"),
        (Shy, "refused in fit"),
        (Gaps, "not finite: predict of new rows"),
        (Poor, "worse"),
        (Scribbler, "input"),
        (Forgetful, "pickle"),
        (Loud, "warning in predict: RuntimeWarning"),
        (Repeating, "warning in fit: 2 times"),
    ],
)
def test_a_planted_fault_is_seen(estimator, start):
    (fault, *_) = planted(estimator).faults
    assert fault.startswith(start)


def test_what_must_be_refused():
    assert "taken: this must be refused" in planted(Right, "bad_weights").faults


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyError("Fitter"), "its class"),
        (np.linalg.LinAlgError("Fitter: bad"), "its class"),
        (UnicodeDecodeError("utf-8", b"", 0, 1, "Fitter"), "its class"),
        (ValueError("X has 0 rows, TableEncoder needs one, Fitter"), "names what is inside"),
        (ValueError("Fitter: " + 1000 * "x"), "too long"),
        (ValueError("it fails"), "names none of Fitter, column"),
        (TypeError("column 'a' holds dates"), None),
        (FormulaError("the columns' names repeat"), None),
    ],
)
def test_clear_errors(error, reason):
    with pytest.raises(type(error)) as caught:
        raise error
    assert unclear(caught.value, "Fitter", ["column"]) == reason


def test_errors_of_other_packages():
    with pytest.raises(ValueError, match="parse") as caught:
        pd.to_numeric(["column"])
    assert unclear(caught.value, "Fitter", ["column"]) == "raised by another package"


@pytest.mark.parametrize("number", range(0, 4 * len(KINDS), 29))
def test_a_case_follows_from_its_number(number):
    first, second = plan(3, number), plan(3, number)
    assert first == second
    drawn = [draw(case) for case in (first, second)]
    assert len({digest(d.given.X, d.given.y, d.given.weight) for d in drawn}) == 1


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_says_what_is_right(name):
    assert KINDS[name].text.endswith(".")


def quick(case):
    """Tell a case of the shortest settings and the smallest clean table."""
    slow = ("default", "readable", "gates", "learned")
    return case.base % len(SIZES) == 0 and not any(part in case.model.name for part in slow)


def slice_of_cases():
    """Return for every kind the number of its first quick case without another kind."""
    turns = [itertools.count(place, 2 * len(KINDS)) for place in range(len(KINDS))]
    return [next(n for n in numbers if quick(plan(SEED, n))) for numbers in turns]


@pytest.mark.parametrize("number", slice_of_cases(), ids=list(KINDS))
def test_slice(number):
    """What `python benchmarks/robustness.py --seed 0 --case NUMBER` runs."""
    assert not run(plan(SEED, number)).faults
