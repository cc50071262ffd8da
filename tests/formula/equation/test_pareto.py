from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import NeuronFormula, ParetoFront, ParetoPoint

X = NeuronFormula.parse("x")
POINTS = st.lists(
    st.builds(ParetoPoint, st.integers(0, 6), st.integers(0, 6), st.just(X)), max_size=12
)


@given(POINTS)
def test_front_is_what_nothing_dominates(points):
    front = ParetoFront(points)
    for point in points:
        dominated = any(
            (other.complexity <= point.complexity and other.score >= point.score)
            and (other.complexity, other.score) != (point.complexity, point.score)
            for other in points
        )
        assert (point in front.points) == (not dominated)
    values = [(point.complexity, point.score) for point in front]
    assert values == sorted(set(values))


@given(POINTS, POINTS)
def test_merging_fronts_is_the_front_of_all(one, other):
    assert ParetoFront(one) | ParetoFront(other) == ParetoFront(one + other)


def test_best():
    front = ParetoFront([(1, 0.5, X), (2, 0.9, X), (5, 0.91, X)])
    assert len(front) == 3
    assert front.best() is front[-1]
    assert front.best(tolerance=0.02) is front[1]
    assert front.best(max_complexity=1) is front[0]
    with pytest.raises(FormulaError, match="no formula"):
        front.best(max_complexity=0.5)
    with pytest.raises(FormulaError, match="no formula"):
        ParetoFront().best()


def test_nan_is_refused_and_pickle_works():
    with pytest.raises(FormulaError, match="NaN"):
        ParetoFront([(1, float("nan"), X)])
    front = ParetoFront([(1, 0.5, X)])
    assert pickle.loads(pickle.dumps(front)) == front
