"""Columns far from zero, or in strange units: the same law, written in the columns as they are."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from sktaskneuron.formula.equation.fitted_expression import FittedExpression
from sktaskneuron.search.columns.origins import Forms, short_number
from sktaskneuron.search.columns.search import ColumnsOptions, search_columns
from sktaskneuron.search.frame.observations import Observations


def found(X, y, **options):
    names = [f"x{i}" for i in range(X.shape[1])]
    observations = Observations(X, y[:, None], np.ones(len(X)), names, False)
    return search_columns(
        observations, ColumnsOptions(max_steps=1, **options), np.random.default_rng(0)
    )


@pytest.mark.parametrize(
    ("unit", "origin"),
    [(1.0, 5.0), (1.0, 321.0), (1.0, 1e9), (40.0, 98_765.4), (1e5, 1.7e9), (1e-7, 0)],
)
def test_a_law_does_not_depend_on_the_origin(unit, origin):
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(150, 3))
    y = Z[:, 0] * Z[:, 1] + 0.5 * Z[:, 2] ** 2 + 0.05 * rng.normal(size=150)
    X = unit * Z + origin
    result = found(X, y, max_complexity=20)
    assert result.fitted.complexity <= 20
    assert len(result.fitted.terms) == 2
    assert r2_score(y, result.fitted.evaluate(X)) > 0.99
    again = FittedExpression.parse(result.fitted.texts(), result.fitted.feature_names)
    assert again == result.fitted
    for point in result.front:
        assert point.complexity == point.formula.complexity
        assert set(point.formula.feature_names) == {"x0", "x1", "x2"}


def test_years():
    rng = np.random.default_rng(1)
    X = np.column_stack([rng.integers(1990, 2021, 200), rng.normal(size=200)])
    y = 0.01 * (X[:, 0] - 2005) ** 2 + X[:, 1] + 0.01 * rng.normal(size=200)
    assert str(found(X, y).fitted) == "x1 + 0.01*(x0 - 2005)**2"


def test_ordinary_columns_are_searched_as_they_are():
    X = np.random.default_rng(0).uniform(1, 5, size=(100, 2))
    forms = Forms.of(X, ["a", "b"], np.ones(100), np.arange(2))
    assert forms.first.names == ("a", "b")
    assert not forms.both
    np.testing.assert_array_equal(forms.first(X), X)


def test_marks_of_levels_are_not_moved():
    X = np.column_stack([np.arange(100) % 2, np.arange(100) + 5000.0])
    forms = Forms.of(X.astype(float), ["mark", "far"], np.ones(100), np.arange(2))
    assert forms.first.names[0] == "mark"
    assert forms.first.names[1] != "far"


def test_names_of_moved_columns_are_new():
    X = np.random.default_rng(0).normal(size=(100, 2)) + 5000
    names = ["a", "(a - 5000)/1"]
    forms = Forms.of(X, names, np.ones(100), np.arange(2))
    assert not set(forms.first.names) & set(names)


@pytest.mark.parametrize(
    ("value", "within", "short"),
    [(2004.83, 2.0, 2005.0), (1e9 + 0.1, 0.2, 1e9), (-3.14159, 0.01, -3.14)],
)
def test_short_numbers(value, within, short):
    assert short_number(value, within) == short
