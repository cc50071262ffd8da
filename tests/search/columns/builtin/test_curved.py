"""Constants inside curves: fitted from starts, written as they were fitted, found in noise."""

import numpy as np
import pandas as pd
import pytest

from sktaskneuron import NeuronFormulaSearch
from sktaskneuron.formula.equation.fitted_expression import FittedExpression
from sktaskneuron.formula.text.evaluation import evaluate
from sktaskneuron.formula.text.nodes import Variable
from sktaskneuron.search.columns.builtin.curved import curved_sums
from sktaskneuron.search.columns.builtin.curves import CURVES, Range
from sktaskneuron.search.columns.builtin.factors import no_factor
from sktaskneuron.search.columns.builtin.pool import Pool, Search, View
from sktaskneuron.search.columns.builtin.projection import CurveTerm, Target, fit_constants
from sktaskneuron.search.columns.constants import NamedRows

# Laws of our own, other than those of the benchmark.
LAWS = [
    "1.5*exp(-0.4*x)*sin(5*x + 0.3)",
    "cos(7.3*x)*z + 0.5*z",
    "z/(1 + 2.2*x**-1.7)",
    "exp(-1.8/x)*z",
    "2*exp(-(x - 1.1)**2) + z",
    "3*sigmoid(4*x - 6)",
    "relu(x - 1.2)*z",
    "2*abs(x - 0.9)",
    "x**1.37/z",
    "z*exp(-0.7*x) + 3*exp(-4*x)",
    "x*log(x) - z",
    "x*exp(-1.3*x)",
]


def found(text, n=150, noise=0.01):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.uniform(0.1, 4, n), rng.uniform(1, 3, n)])
    truth = FittedExpression.parse(text, ["x", "z"]).evaluate(X)[:, 0]
    y = truth + noise * truth.std() * rng.normal(size=n)
    weight = np.ones(n)
    search = Search(Pool(NamedRows.of(X, ["x", "z"], y, weight), 50), lambda text: None)
    curved_sums(search, View.of(X, ["x", "z"], y, weight, no_factor(2)))
    values = search.pool.rows.values(search.pool.nodes()[0])
    return np.sqrt(np.mean((values - truth) ** 2)) / truth.std()


@pytest.mark.parametrize("text", LAWS)
def test_laws_with_constants_inside(text):
    assert found(text) < 0.004


@pytest.mark.parametrize("text", ["3*sqrt(x + 0.4) - z", "z*log(x**2 + 0.6)"])
def test_constants_are_told_exactly_without_noise(text):
    assert found(text, noise=0.0) < 1e-8


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_what_is_written_is_what_was_fitted(curve):
    column = Range(np.random.default_rng(0).uniform(0.2, 0.9, 40))
    rng = np.random.default_rng(1)
    for q in curve.starts(column)[::5]:
        weights = rng.normal(size=curve.n_weights)
        node = curve.write(q.tolist(), weights.tolist(), Variable("x"), column)
        values = np.einsum("m,smn->sn", weights, curve.values(q[None], column))[0]
        np.testing.assert_allclose(evaluate(node, {"x": column.x}), values, rtol=1e-8, atol=1e-9)
    assert curve.starts(column).shape[1] == curve.n_constants
    assert curve.values(curve.starts(column), column).shape[1] == curve.n_weights


def test_curves_of_positive_columns_have_no_starts_elsewhere():
    column = Range(np.linspace(-1, 1, 30))
    for name in ("power", "Hill", "x log x", "saturation", "exponential of the inverse"):
        curve = next(curve for curve in CURVES if curve.name == name)
        assert len(curve.starts(column)) == 0


def test_all_starts_are_fitted_at_once():
    x = np.linspace(0, 5, 100)
    curve = next(curve for curve in CURVES if curve.name == "exponential")
    target = Target.of(3 * np.exp(-0.83 * x) + 2, np.ones(100))
    starts = np.array([[0.1], [2.0], [5.0]])
    together = fit_constants([CurveTerm(curve, Range(x), np.ones(100))], starts, target)
    np.testing.assert_allclose(together.q[0], 0.83, rtol=1e-6)
    assert together.left[0] < 1e-12
    assert (np.diff(together.left) >= 0).all()
    alone = fit_constants([CurveTerm(curve, Range(x), np.ones(100))], starts[:1], target)
    np.testing.assert_allclose(alone.left.min(), together.left[0], atol=1e-10)


@pytest.mark.parametrize("n", [200, 1000])
def test_a_bell_in_much_noise_is_found_beside_an_equation_that_leaves_noise(n):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.uniform(0.5, 3, (n, 3)), columns=["a", "b", "other"])
    y = X["b"] * np.exp(-(X["a"] ** 2))
    search = NeuronFormulaSearch("sr", scope="columns", max_steps=4)
    search.fit(X, y + 0.1 * y.std() * rng.normal(size=n))
    assert str(search.fitted_formula_) in ("b*exp(-a**2)", "b*gaussian(a)")


def test_a_rate_that_steps_ran_away_with_can_be_written():
    column = Range(np.linspace(0.5, 2, 30))
    curve = next(curve for curve in CURVES if curve.name == "bell about zero")
    node = curve.write([900.0], [1.0], Variable("x"), column)
    assert np.isfinite(evaluate(node, {"x": column.x})).all()
