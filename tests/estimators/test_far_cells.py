"""Cells absurdly far from the rest: fits that they do not rule, and equations that say so."""

import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import r2_score

from sktaskneuron import (
    ActivationSearchRegressor,
    HamiltonianMLPRegressor,
    LearnedDiversityMLPRegressor,
    NeuronFormulaSearch,
    NeuronSeekClassifier,
    NeuronSeekRegressor,
)
from sktaskneuron.estimators._common.limits import column_ends
from sktaskneuron.exceptions import DataWarning
from sktaskneuron.formula import FittedExpression
from sktaskneuron.models.target import ClassTarget, ValueTarget, softmax
from tests.formula import executed

SHORT = {"max_epochs": 3, "n_members": 1, "validation": 0.2, "random_state": 0}


def told(model, X, y, **options):
    """Fit, and return what was told of the data."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y, **options)
    assert not [w for w in caught if issubclass(w.category, RuntimeWarning)]
    return [str(w.message) for w in caught if issubclass(w.category, DataWarning)]


def draw(n_rows=300, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 3))
    return X, X[:, 0] * X[:, 2] + X[:, 1] ** 2 + 2 * X[:, 1] + 0.1 * rng.normal(size=n_rows)


def filled(X):
    """Fill the eighth cell of the second column with its median; return it and the upper limit."""
    rest = np.sort(np.delete(X[:, 1], 7))
    X[7, 1] = rest[(len(rest) - 1) // 2]
    return X[7, 1], rest[-1] + (rest[-1] - rest[0])


class TestEnds:
    @settings(max_examples=50, deadline=None)
    @given(st.integers(0, 2**32), st.integers(20, 400), st.floats(6, 90), st.booleans())
    def test_the_outermost_of_the_other_cells(self, seed, n_rows, exponent, below):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(n_rows, 2))
        n_far = rng.integers(1, max(1, min(9, n_rows // 20)) + 1)
        rest = np.sort(X[n_far:, 0])
        X[:n_far, 0] = (-1 if below else 1) * 10.0 ** (exponent + 2 * rng.random(n_far))
        lower, upper = column_ends(X, np.ones(n_rows))
        assert (lower[0], upper[0]) == ((rest[0], np.inf) if below else (-np.inf, rest[-1]))
        assert np.isinf([lower[1], upper[1]]).all()

    @pytest.mark.parametrize(
        "draw_column",
        [
            lambda rng, shape: rng.lognormal(0, 3, shape),
            lambda rng, shape: rng.normal(size=shape) ** 9,
            lambda rng, shape: 10.0 ** rng.uniform(-12, 12, shape),
            lambda rng, shape: rng.standard_t(1.5, shape),
            lambda rng, shape: rng.poisson(0.02, shape).astype(float),
            lambda rng, shape: np.full(shape, 7.0),
        ],
    )
    def test_heavy_tails_have_none(self, draw_column):
        X = draw_column(np.random.default_rng(0), (300, 200))
        assert np.isinf(column_ends(X, np.ones(300))).mean() > 0.99

    def test_what_ten_rows_say_is_no_slip(self):
        X = np.random.default_rng(0).normal(size=(500, 1))
        X[:9] = 1e12
        assert np.isfinite(column_ends(X, np.ones(500))[1])
        X[:10] = 1e12
        assert np.isinf(column_ends(X, np.ones(500))).all()

    def test_a_weight_counts_as_rows(self):
        """As many rows as its weight has means."""
        X = np.random.default_rng(0).normal(size=(500, 1))
        X[0] = 1e12
        for weight in (np.ones(500), np.full(500, 1e15)):
            assert np.isfinite(column_ends(X, weight)[1])
        weight = np.ones(500)
        weight[0] = 50.0
        assert np.isinf(column_ends(X, weight)).all()

    def test_few_rows_and_few_values_have_none(self):
        X = np.zeros((100, 1))
        X[0] = 1e12
        assert np.isinf(column_ends(X, np.ones(100))).all()
        assert np.isinf(column_ends(np.array([[1.0], [2.0], [1e12]]), np.ones(3))).all()


class TestFits:
    @pytest.mark.parametrize("cell", [1e12, -1e20, 1e30])
    def test_a_blend(self, cell):
        X, y = draw()
        X[7, 1] = cell
        model = NeuronSeekRegressor(**SHORT | {"max_epochs": 10})
        (text,) = told(model, X, y)
        assert f"x1 holds {cell:.6g}" in text
        new, truth = draw(1000, 1)
        assert r2_score(truth, model.predict(new)) > 0.95

    @pytest.mark.parametrize(
        "search",
        [
            NeuronFormulaSearch(n_resamples=0),
            NeuronFormulaSearch("sr", n_resamples=0, interactions=True),
            NeuronFormulaSearch("sr", scope="columns", max_complexity=12, max_steps=2),
        ],
        ids=["td", "sr", "columns"],
    )
    def test_a_search_is_that_of_the_filled_table(self, search):
        X, _ = draw()
        y = X[:, 0] + X[:, 1] ** 2
        _, limit = filled(X)
        expected = search.fit(X, y).fitted_formula_.evaluate(X)
        far = X.copy()
        far[7, 1] = 1e12
        (text,) = told(search, far, y)
        assert "x1 holds 1e+12, far above" in text
        equation = search.fitted_formula_
        np.testing.assert_array_equal(equation.evaluate(X), expected)
        assert equation.upper[1] == limit
        X[7, 1] = limit
        np.testing.assert_array_equal(search.transform(far), search.transform(X))

    @pytest.mark.parametrize(
        "model",
        [
            LearnedDiversityMLPRegressor((8,), max_epochs=3, outer_steps=1, random_state=0),
            ActivationSearchRegressor((8,), n_evaluations=3, max_epochs=3, random_state=0),
        ],
        ids=["diversity", "activation_search"],
    )
    def test_networks_are_those_of_the_filled_table(self, model):
        X, y = draw()
        filled(X)
        expected = model.fit(X, y).predict(X)
        far = X.copy()
        far[7, 1] = 1e12
        assert len(told(model, far, y)) == 1
        np.testing.assert_array_equal(model.predict(X), expected)

    def test_hamiltonian(self):
        rng = np.random.default_rng(0)
        states = rng.normal(size=(200, 2))
        rates = np.stack([states[:, 1], -states[:, 0]], axis=1)
        model = HamiltonianMLPRegressor(
            (8,), max_epochs=30, n_members=1, validation=None, random_state=0
        )
        expected = model.fit(states, rates).score(states, rates)
        far = states.copy()
        far[3, 0] = 1e12
        (text,) = told(model, far, rates)
        assert "x0 holds 1e+12" in text
        assert model.score(states, rates) > expected - 0.1

    def test_classes(self):
        X, y = draw()
        new, truth = draw(1000, 1)
        X[7, 1] = 1e12
        model = NeuronSeekClassifier(**SHORT | {"max_epochs": 10})
        assert len(told(model, X, y > 1)) == 1
        assert model.score(new, truth > 1) > 0.85
        np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)

    def test_beside_gaps_in_two_columns(self):
        X, y = draw()
        X[7, 1], X[8, 2] = 1e12, -1e15
        X[20:40, 1] = np.nan
        (text,) = told(NeuronFormulaSearch(n_resamples=0), X, y)
        assert "x1 holds 1e+12, far above" in text
        assert "x2 holds -1e+15, far below" in text

    @pytest.mark.parametrize("cell", [1e12, 1e30])
    def test_a_far_target_is_told(self, cell):
        X, y = draw()
        y[5] = cell
        model = NeuronSeekRegressor(**SHORT)
        (text,) = told(model, X, y)
        assert f"y holds {cell:.6g}" in text
        assert np.isfinite(model.predict(X)).all()


def far_rows():
    X = np.array([[1e9, 0.0, 1.0], [0.0, -1e9, 2.0], [1e3, -1e3, 5e2], [-1e60, 1e60, 1e50]])
    return np.vstack([X, draw(5, 3)[0]])


def forms(equation, X, folder):
    yield "numpy", equation.to_numpy()(X).reshape(len(X), -1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield "python", executed.run_python(equation, X, folder, errors="warn")
    yield "c", executed.run_c([equation], [X], folder)[0]
    yield "sql", executed.run_sql(equation, X)
    yield "excel", executed.run_excel(equation, X)
    symbols = sympy_values(equation, X)
    yield "sympy", symbols
    yield "json", type(equation).from_json(equation.to_json()).evaluate(X)
    yield "pickle", pickle.loads(pickle.dumps(equation)).evaluate(X)


def sympy_values(equation, X):
    import sympy

    symbols = [sympy.Symbol(name) for name in equation.feature_names]
    expression = equation.to_sympy()
    rows = [expression.subs(dict(zip(symbols, row, strict=True))) for row in X.tolist()]
    return np.array([[float(value)] for value in rows])


@pytest.fixture(
    scope="module", params=["linear", "readable", "linear, limited", "readable, limited"]
)
def exported(request):
    """A model that is an equation, and the upper limit of its second column."""
    X, _ = draw(100)
    y = X[:, 0] * X[:, 2] + X[:, 1] ** 2
    if "linear" in request.param:
        y = X @ [2.0, -1.0, 0.5] + np.random.default_rng(0).normal(size=len(X))
    limit = np.inf
    if "limited" in request.param:
        _, limit = filled(X)
        X[7, 1] = 1e12
    readable = 10 if "readable" in request.param else False
    model = NeuronSeekRegressor("x", readable=readable, **SHORT | {"max_epochs": 1})
    assert len(told(model, X, y)) == np.isfinite(limit)
    return model, limit


class TestExports:
    def test_every_form_predicts(self, exported, tmp_path):
        model, limit = exported
        far = far_rows()
        predicted = model.predict(far)
        equation = model._fitted.equation
        assert equation.upper[1] == limit
        for name, values in forms(equation, far, tmp_path):
            np.testing.assert_allclose(values[:, 0], predicted, rtol=1e-6, err_msg=name)
        assert (r"\min" in model.to_latex()) == np.isfinite(limit)
        beyond = far.copy()
        beyond[:, 1] = np.minimum(beyond[:, 1], limit)
        np.testing.assert_array_equal(model.predict(beyond), predicted)

    def test_a_value_that_overflows_is_predicted_as_the_largest(self, exported):
        model, _ = exported
        predicted = model.predict([[0.0, -1e200, 0.0]])
        value = model.to_numpy()([[0.0, -1e200, 0.0]])
        assert np.isinf(value) == isinstance(model._fitted.equation, FittedExpression)
        np.testing.assert_allclose(predicted, np.nan_to_num(value))

    def test_networks_stay_finite(self):
        X, y = draw()
        model = NeuronSeekRegressor("x + <x,x>:1", compare_simple=False, **SHORT).fit(X, y)
        assert model.selected_ == "task"
        assert np.isfinite(model.predict(far_rows())).all()


class TestTargets:
    """An equation's values as raw outputs of a model."""

    def test_values(self):
        target = ValueTarget(np.array([2.0]), np.array([0.5]), single=True)
        raw = target.of_equation(np.array([[np.inf], [-np.inf], [np.nan], [3.0]]))
        largest = np.finfo(float).max
        np.testing.assert_array_equal(target.decoded(raw), [largest, -largest, 2.0, 3.0])
        assert np.isinf(target.losses(np.array([[1e200]]), np.array([[0.0]])))

    def test_log_odds(self):
        target = ClassTarget(np.array(["a", "b"]))
        raw = target.of_equation(np.array([[np.inf], [-np.inf], [np.nan]]))
        np.testing.assert_array_equal(softmax(raw)[:, 1], [1.0, 0.0, 0.5])


@pytest.mark.parametrize(
    "model",
    [
        LearnedDiversityMLPRegressor(activations=["tanh"], **SHORT),
        NeuronSeekRegressor("x", compare_simple=False, **SHORT),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_third_value_is_read_near_the_two_of_fit(model):
    X, y = draw(100)
    X[:, 1] = np.arange(100) == 7
    model.fit(X, y)
    later, near = X.copy(), X.copy()
    later[:, 1], near[:, 1] = 1e6, 2.0
    np.testing.assert_array_equal(model.predict(later), model.predict(near))
