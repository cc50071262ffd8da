"""Bounds of an equation's columns: a part of it in every form."""

import pickle

import numpy as np
import pytest

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import FittedExpression
from tests.formula import executed

X = np.array([[-5.0, 2.0], [0.5, 1e9], [7.0, -1e9], [1.0, 1.0]])


@pytest.fixture
def bounded():
    free = FittedExpression.parse("a**2*b - 3*sin(b) + 1", ["a", "b"])
    return free.within([-1.0, -np.inf], [2.0, 10.0])


def expected():
    a, b = np.clip(X[:, 0], -1.0, 2.0), np.minimum(X[:, 1], 10.0)
    return a**2 * b - 3 * np.sin(b) + 1


def test_every_form(bounded, tmp_path):
    sympy = pytest.importorskip("sympy")
    symbols = sympy.symbols("a b")
    values = {
        "evaluate": bounded.evaluate(X)[:, 0],
        "terms": (bounded.intercept + bounded.transform(X) @ bounded.term_weights)[:, 0],
        "numpy": bounded.to_numpy()(X),
        "python": executed.run_python(bounded, X, tmp_path)[:, 0],
        "c": executed.run_c([bounded], [X], tmp_path)[0][:, 0],
        "sql": executed.run_sql(bounded, X)[:, 0],
        "sympy": [float(bounded.to_sympy().subs(dict(zip(symbols, x, strict=True)))) for x in X],
    }
    for name, found in values.items():
        np.testing.assert_allclose(found, expected(), rtol=1e-9, err_msg=name)
    assert bounded.to_text() == "-3*sin(min(b, 10)) + min(b, 10)*clip(a, -1, 2)**2 + 1"


def test_excel(bounded):
    np.testing.assert_allclose(executed.run_excel(bounded, X)[:, 0], expected(), rtol=1e-9)


@pytest.mark.parametrize("form", ["evaluate", "python", "c"])
def test_a_gap_is_no_bound(bounded, form, tmp_path):
    gap = np.array([[np.nan, 1.0]])
    run = {
        "evaluate": lambda: bounded.evaluate(gap),
        "python": lambda: executed.run_python(bounded, gap, tmp_path),
        "c": lambda: executed.run_c([bounded], [gap], tmp_path)[0],
    }
    assert np.isnan(run[form]()).all()


def test_a_value_like_any_other(bounded):
    assert FittedExpression.from_json(bounded.to_json()) == bounded
    assert pickle.loads(pickle.dumps(bounded)) == bounded
    assert repr(bounded).endswith(".within((-1.0, -inf), (2.0, 10.0))")
    free = FittedExpression.parse("a**2*b - 3*sin(b) + 1", ["a", "b"])
    assert len({bounded, free, free.within([-np.inf] * 2, [np.inf] * 2)}) == 2
    assert "lower" not in free.to_dict()


def test_the_tighter_bounds_hold(bounded):
    tighter = bounded.within([-3.0, 0.0], [1.0, 20.0])
    assert (tighter.lower, tighter.upper) == ((-1.0, 0.0), (1.0, 10.0))


@pytest.mark.parametrize(
    "bounds",
    [{"lower": (0.0,)}, {"upper": (np.nan, 1.0)}, {"lower": (1.0, 1.0), "upper": (0.0, 2.0)}],
)
def test_wrong_bounds(bounds):
    nodes = FittedExpression.parse("a*b", ["a", "b"]).nodes
    with pytest.raises(FormulaError, match=r"bound|lower|upper"):
        FittedExpression(nodes, ("a", "b"), **bounds)


@pytest.mark.parametrize("data", ["x", [1.0, "2"], [True, 1.0], [1.0]])
def test_wrong_bounds_of_strangers(bounded, data):
    with pytest.raises(FormulaError):
        FittedExpression.from_dict({**bounded.to_dict(), "lower": data})
