"""Shares of an equation's variance."""

import numpy as np
import numpydoc.validate
import pytest
from sklearn.exceptions import NotFittedError

from sktaskneuron import NeuronFormulaSearch, NeuronSeekRegressor
from sktaskneuron.datasets import load_yacht, make_neuron_formula
from sktaskneuron.formula import FittedExpression, FittedFormula, NeuronFormula
from sktaskneuron.inspection import term_importance

NAMES = ["a", "b", "c"]


def draw(n_rows=300, seed=0):
    return np.random.default_rng(seed).normal(size=(n_rows, 3))


def test_independent_terms_share_by_variance():
    X = draw(200_000)
    equation = FittedExpression.parse("3*a - 2*b + c**2 + 5", NAMES)
    shares = term_importance(equation, X)
    assert list(shares) == ["a", "b", "c**2"]
    np.testing.assert_allclose(list(shares.values()), np.array([9, 4, 2]) / 15, atol=0.01)


def test_is_the_covariance():
    X = draw()
    X[:, 1] += X[:, 0]
    equation = FittedExpression.parse("3*a - 2*b", NAMES)
    f = equation.evaluate(X)[:, 0]
    shares = term_importance(equation, X)
    for name, values in {"a": 3 * X[:, 0], "b": -2 * X[:, 1]}.items():
        assert shares[name] == pytest.approx(np.cov(values, f)[0, 1] / f.var(ddof=1))


def test_negative_where_columns_cancel():
    X = draw()
    X[:, 1] = X[:, 0] + 0.1 * X[:, 1]
    shares = term_importance(FittedExpression.parse("3*a - 2*b", NAMES), X)
    assert shares["b"] < -1.5
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_sums_to_one(shift):
    X, _, truth = make_neuron_formula(
        "x + x**2 + x**3 + <x,x>:2 + <x,x,x>",
        n_samples=200,
        n_features=6,
        return_truth=True,
        random_state=0,
    )
    moved = FittedFormula(
        truth.formula,
        truth.intercept,
        truth.pure_weights,
        truth.factors,
        truth.loadings,
        center=truth.center + shift,
        scale=truth.scale,
    )
    shares = term_importance(moved, X + shift)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    assert set(shares) == set(moved.term_names())
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-12)


def test_fitted_search():
    table = load_yacht(as_frame=True)
    search = NeuronFormulaSearch(max_interaction_order=2, n_resamples=0)
    shares = term_importance(search.fit(table.data, table.target), table.data)
    assert set(shares) == set(search.get_feature_names_out())
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-12)
    assert sum(v for k, v in shares.items() if k.startswith("froude")) > 0.9


def test_weights_are_copies():
    X, weight = draw(30), np.arange(30) % 3
    equation = FittedExpression.parse("a + a*b", NAMES)
    copied = term_importance(equation, np.repeat(X, weight, axis=0))
    assert term_importance(equation, X, weight) == pytest.approx(copied)


def test_several_outputs():
    X = draw()
    equation = FittedExpression.parse(["a + 2*b", "b - c**2", "7"], NAMES)
    each = [term_importance(equation, X, output=j) for j in range(2)]
    assert each[0]["c**2"] == 0.0
    assert set(each[0]) == {"a", "b", "c**2"}
    mean = term_importance(equation, X)
    for name in mean:
        assert mean[name] == pytest.approx((each[0][name] + each[1][name]) / 2)
    with pytest.raises(ValueError, match="same value in all rows"):
        term_importance(equation, X, output=2)
    with pytest.raises(ValueError, match=r"output must lie in 0\.\.2"):
        term_importance(equation, X, output=3)


def test_nothing_to_share():
    X = draw()
    assert term_importance(FittedFormula(NeuronFormula(), [1.0], feature_names=NAMES), X) == {}
    equation = FittedExpression.parse("a + b", NAMES)
    with pytest.raises(ValueError, match="no variance to share"):
        term_importance(equation, np.full((5, 3), 0.1))
    with pytest.raises(ValueError, match="no variance to share"):
        term_importance(FittedExpression.parse("0.1*a - 0.3*b", NAMES), X[:, [0, 0, 0]] * [3, 1, 1])
    with pytest.raises(ValueError, match="X has no rows"):
        term_importance(equation, np.empty((0, 3)))


def test_large_numbers():
    X = draw() * 1e200
    assert sum(term_importance(FittedExpression.parse("a + b", NAMES), X).values()) == (
        pytest.approx(1.0)
    )


def test_rows_outside_of_the_domain():
    X = np.abs(draw())
    X[:2, 0] = -1.0
    equation = FittedExpression.parse("log(a) + b", NAMES)
    with pytest.raises(ValueError, match="no finite value in 2 of 300 rows"):
        term_importance(equation, X)
    left_out = term_importance(equation, X, np.arange(300) >= 2)
    assert left_out == pytest.approx(term_importance(equation, X[2:]))


def test_needs_an_equation():
    with pytest.raises(NotFittedError):
        term_importance(NeuronFormulaSearch(), draw())

    class Network:
        fitted_formula_ = None

    with pytest.raises(TypeError, match="Network has no readable equation"):
        term_importance(Network(), draw())

    X = draw()
    network = NeuronSeekRegressor("x", compare_simple=False, validation=None, max_epochs=1)
    with pytest.raises(AttributeError, match="'task', which is no equation"):
        term_importance(network.fit(X, X[:, 0]), X)


@pytest.mark.parametrize(
    "path",
    [
        "term_importance",
        "ParetoFrontDisplay",
        "ParetoFrontDisplay.from_estimator",
        "ParetoFrontDisplay.plot",
        "ParetoFrontDisplay.connect",
        "EquationDisplay",
        "EquationDisplay.residuals",
        "EquationDisplay.plot",
        "bootstrap_constants",
        "equation_report",
        "FormulaDisplay",
        "FormulaDisplay.from_estimator",
        "FormulaDisplay.plot",
    ],
)
def test_docstrings(path):
    errors = numpydoc.validate.validate(f"sktaskneuron.inspection.{path}")["errors"]
    assert [e for e in errors if e[0] not in {"ES01", "EX01", "SA01", "RT02"}] == []
