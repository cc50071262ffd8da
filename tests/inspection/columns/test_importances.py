"""Importances of columns: units, levels, gaps, classes, directions; scikit-learn's selectors."""

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.inspection import permutation_importance

from sktaskneuron import (
    ActivationSearchRegressor,
    HamiltonianMLPRegressor,
    LearnedDiversityMLPRegressor,
    NeuronFormulaSearch,
    NeuronSeekClassifier,
    NeuronSeekRegressor,
)
from sktaskneuron.formula import FittedExpression
from sktaskneuron.inspection import (
    FeatureImportanceDisplay,
    active_subspace,
    feature_importances,
)
from sktaskneuron.models.fitted import FormulaModel
from sktaskneuron.models.importances import column_importances
from sktaskneuron.models.inputs import Inputs
from sktaskneuron.models.networks import PackedModel
from sktaskneuron.models.predictor import Predictor, Reader
from sktaskneuron.models.target import ValueTarget
from sktaskneuron.preprocessing import TableEncoder


def linear_table(n_rows=400):
    """y = 3 a + 2 (b is missing) + (level effects) + 4 flag, with a of standard deviation 2."""
    rng = np.random.default_rng(0)
    a = 2 * rng.normal(size=n_rows)
    b = rng.normal(size=n_rows)
    gap = rng.random(n_rows) < 0.3
    level = rng.choice(["u", "v", "w"], size=n_rows, p=[0.5, 0.3, 0.2])
    flag = (rng.random(n_rows) < 0.5).astype(float)
    y = 3 * a + 2 * gap + pd.Series(level).map({"u": 0, "v": 5, "w": -5}).to_numpy() + 4 * flag
    table = pd.DataFrame(
        {"a": a, "b": np.where(gap, np.nan, b), "level": pd.Categorical(level), "flag": flag}
    )
    table["idle"] = rng.normal(size=n_rows)
    return table, y


@pytest.fixture(scope="module")
def linear():
    X, y = linear_table()
    return NeuronFormulaSearch(n_resamples=0).fit(X, y), X, y


def test_units_of_a_linear_equation(linear):
    """Each column's standard deviation of the prediction: slope times spread, levels by shares."""
    model, X, _ = linear
    effect = X["level"].map({"u": 0, "v": 5, "w": -5}).astype(float)
    expected = [
        3 * X["a"].std(ddof=0),
        2 * X["b"].isna().std(ddof=0),
        effect.std(ddof=0),
        4 * X["flag"].std(ddof=0),
        0.0,
    ]
    np.testing.assert_allclose(feature_importances(model, X), expected, rtol=0.05, atol=0.02)
    np.testing.assert_allclose(model.feature_importances_, expected, rtol=0.05, atol=0.02)


def test_without_rows_it_is_the_attribute(linear):
    model, _, _ = linear
    found = feature_importances(model)
    np.testing.assert_array_equal(found, model.feature_importances_)
    found[:] = 0.0
    assert model.feature_importances_.any()


def stein_kernel(x):
    """At cells that all differ: half of the area on either side."""
    order = np.argsort(x)
    above = np.cumsum((x[order] - x.mean())[::-1])[::-1][1:]
    area = np.diff(x[order]) * above / 2
    kernel = np.empty(len(x))
    kernel[order] = np.append(area, 0) + np.append(0, area)
    np.testing.assert_allclose(kernel.mean(), x.var())
    return kernel


def test_a_long_tail_does_not_count_by_its_steep_start():
    """log(x) of a lognormal x has the standard deviation 1; slope times spread says far more."""
    x = np.exp(np.random.default_rng(9).normal(size=(2_000, 1)))
    target = ValueTarget(np.zeros(1), np.ones(1), single=True)
    reader = Reader(TableEncoder().fit(x), np.array([[0.0], [np.inf]]), {})
    model = FormulaModel(FittedExpression.parse("log(a)", ["a"]), target)
    predictor, inputs = Predictor(reader, target, model), reader.inputs(x, x[:, :0])
    (found,) = column_importances(predictor, inputs, np.ones(len(x)), "cpu")
    assert 1.0 <= found < 1.6
    assert x.std() * np.sqrt((1 / x**2).mean()) > 4


def test_network_gradients_are_those_of_predict():
    """Against central differences of predict, of all kinds of networks."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(100, 3))
    X = np.vstack([X, -X])
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2]
    kernel = np.stack([stein_kernel(column) for column in X.T], axis=1)
    options = {"max_epochs": 3, "random_state": 0, "dtype": "float64"}
    models = [
        NeuronSeekRegressor("x", compare_simple=False, hidden_layer_sizes=(8,), **options),
        LearnedDiversityMLPRegressor(8, activations=["sin", "relu"], **options),
        ActivationSearchRegressor((8,), candidates=["tanh", "sin"], **options),
    ]
    for model in models:
        model.fit(X, y)
        expected = []
        for column in range(3):
            step = np.zeros(3)
            step[column] = 1e-4
            slope = (model.predict(X + step) - model.predict(X - step)) / 2e-4
            expected.append(np.sqrt((kernel[:, column] * slope**2).mean()))
        np.testing.assert_allclose(model.feature_importances_, expected, rtol=0.02)
        np.testing.assert_allclose(feature_importances(model, X), expected, rtol=0.02)


def test_category_of_many_levels():
    rng = np.random.default_rng(2)
    town = rng.integers(0, 60, size=1_500)
    effect = rng.normal(size=60)
    X = pd.DataFrame({"town": [f"town {j}" for j in town], "idle": rng.normal(size=1_500)})
    y = effect[town] + 0.01 * rng.normal(size=1_500)
    model = NeuronSeekRegressor("x", max_epochs=20, n_members=2, random_state=0).fit(X, y)
    town_moves, idle_moves = feature_importances(model, X)
    assert 0.5 * y.std() < town_moves < 1.3 * y.std()
    assert idle_moves < 0.2 * town_moves


def test_classes_count_probability():
    """Of a rule of one 0/1 column: the probability goes over as a whole."""
    rng = np.random.default_rng(3)
    flag = (rng.random(400) < 0.5).astype(float)
    X = np.stack([flag, rng.normal(size=400)], axis=1)
    label = np.where(flag > 0, "yes", "no")
    options = {"max_epochs": 1, "n_members": 2, "hidden_layer_sizes": (4,), "validation": 2}
    model = NeuronSeekClassifier("x", random_state=0, **options).fit(X, label)
    first, second = feature_importances(model, X)
    assert 0.35 < first <= 0.5  # the standard deviation of a fair 0/1 is one half
    assert second < 0.05


def test_search_by_its_equation():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(500, 4))
    y = np.stack([2 * X[:, 0], X[:, 0] + X[:, 1] * X[:, 2]], axis=1)
    search = NeuronFormulaSearch().fit(X, y)
    # mean of squares over outputs of standard deviation one
    expected = np.sqrt([(1 + 1 / 2) / 2, 1 / 4, 1 / 4, 0.0])
    np.testing.assert_allclose(search.feature_importances_, expected, atol=0.09)


def test_an_equation_has_no_slope_where_it_is_not_defined():
    """Nor across the edge: the mean that stands in there is no cliff."""
    target = ValueTarget(np.zeros(1), np.ones(1), single=True)
    model = FormulaModel(FittedExpression.parse("log(a) + 2*b", ["a", "b"]), target)
    raw = np.array([[1.0, 0.0], [0.001, 0.0], [-1.0, 0.0]])
    inputs = Inputs(raw, raw[:, :0], {}, 2)
    steps = model.steps_raw(inputs, raw - 0.01, raw + 0.01)
    np.testing.assert_allclose(steps[:, 0, 0], [0.02, 0.0, 0.0], atol=1e-5)
    np.testing.assert_allclose(steps[:, 0, 1], [0.04, 0.04, 0.0])


def test_a_law_is_not_asked_beyond_the_rows():
    """exp(-1/a) of 0.01 < a < 10 overflows below zero, where a step of the spread would lead."""
    x = 10 ** np.random.default_rng(9).uniform(-3, 1, size=(500, 1))
    target = ValueTarget(np.zeros(1), np.ones(1), single=True)
    reader = Reader(TableEncoder().fit(x), np.array([[-np.inf], [np.inf]]), {})
    model = FormulaModel(FittedExpression.parse("exp(-1/a)", ["a"]), target)
    predictor, inputs = Predictor(reader, target, model), reader.inputs(x, x[:, :0])
    with np.errstate(all="raise", under="ignore"):
        (found,) = column_importances(predictor, inputs, np.ones(len(x)), "cpu")
    assert 0.1 < found < 1.0


def test_active_subspace_finds_planted_directions():
    """Two directions in six columns of several scales."""
    rng = np.random.default_rng(6)
    X = rng.normal(size=(800, 6)) * [1, 10, 0.1, 1, 5, 1]
    z = X / X.std(axis=0)
    directions = np.linalg.qr(rng.normal(size=(6, 2)))[0]
    s, t = (z @ directions).T
    y = np.tanh(2 * s) + 0.5 * t**2
    model = NeuronSeekRegressor(
        "x", compare_simple=False, max_epochs=20, n_members=2, random_state=0
    ).fit(X, y)
    found = active_subspace(model, X)
    assert found.vectors.shape == (6, 6)
    assert list(found.feature_names) == [f"x{j}" for j in range(6)]
    assert (np.diff(found.values) <= 0).all()
    assert found.values[2] < 0.1 * found.values[1]
    cosines = np.linalg.svd(directions.T @ found.vectors[:, :2])[1]
    assert np.degrees(np.arccos(cosines.min())) < 10
    squares = (found.vectors**2 * found.values).sum(axis=1)  # columns are normal
    np.testing.assert_allclose(np.sqrt(squares), feature_importances(model, X), rtol=0.15)


def test_selectors_of_scikit_learn(linear):
    _, X, y = linear
    model = NeuronFormulaSearch(n_resamples=0)
    kept = SelectFromModel(model, threshold=0.5).fit(X, y).get_support()
    np.testing.assert_array_equal(kept, [True, True, True, True, False])
    rng = np.random.default_rng(7)
    Z = rng.normal(size=(300, 4))
    ranking = RFE(NeuronFormulaSearch(), n_features_to_select=1).fit(Z, Z @ [3, 2, 1, 0]).ranking_
    np.testing.assert_array_equal(ranking, [1, 2, 3, 4])


def test_order_is_that_of_permutations():
    rng = np.random.default_rng(8)
    X = rng.uniform(size=(300, 4))
    y = 10 * X[:, 3] + 5 * X[:, 2] + 3 * np.sin(np.pi * X[:, 0] * X[:, 1])
    model = NeuronSeekRegressor("x", compare_simple=False, max_epochs=8, random_state=0).fit(X, y)
    wanted = permutation_importance(model, X, y, n_repeats=2, random_state=0).importances_mean
    np.testing.assert_array_equal(
        np.argsort(model.feature_importances_)[-2:], np.argsort(wanted)[-2:]
    )


def test_display(linear):
    pytest.importorskip("matplotlib").use("agg")
    model, X, _ = linear
    display = FeatureImportanceDisplay.from_estimator(model, X, max_features=3)
    labels = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert labels == ["a", "level", "flag"]
    assert [bar.get_width() for bar in display.bars_] == sorted(
        feature_importances(model, X), reverse=True
    )[:3]
    assert "in units of the target" in display.ax_.get_xlabel()
    with pytest.raises(ValueError, match="as many names"):
        FeatureImportanceDisplay([1.0, 2.0], ["a"])


def test_refusals(linear):
    model, X, _ = linear
    with pytest.raises(ValueError, match="0 sample"):
        feature_importances(model, X[:0])
    with pytest.raises(ValueError, match="feature names"):
        feature_importances(model, X.rename(columns={"a": "z"}))
    levels = X[["level"]]
    only = NeuronFormulaSearch(n_resamples=0).fit(levels, X["a"])
    with pytest.raises(ValueError, match="no column of numbers"):
        active_subspace(only, levels)
    states = np.random.default_rng(0).normal(size=(40, 2))
    motion = HamiltonianMLPRegressor((4,), max_epochs=1, random_state=0).fit(states, states)
    with pytest.raises(TypeError, match="HamiltonianMLPRegressor"):
        active_subspace(motion, states)
    with pytest.raises(ValueError, match="NaN"):
        feature_importances(motion, states * np.nan)


def test_rates_of_a_system():
    """Of an oscillator with free motion beside it: dq1 = p1, dp1 = -q1, dq2 = p2, dp2 = 0."""
    X = np.random.default_rng(0).normal(size=(300, 4)) * [1.0, 5.0, 1.0, 3.0]
    y = np.stack([X[:, 2], X[:, 3], -X[:, 0], 0 * X[:, 0]], axis=1)
    model = HamiltonianMLPRegressor((16,), max_epochs=60, validation=0.2, random_state=0)
    found = model.fit(X, y).feature_importances_
    # each of three rates out of four moves by one standard deviation with one column
    np.testing.assert_allclose(found[[0, 2, 3]], 0.5, atol=0.06)
    np.testing.assert_array_equal(feature_importances(model), found)
    np.testing.assert_allclose(feature_importances(model, X), found, rtol=1e-9)


def test_of_many_classes_fewer_rows_are_differentiated(monkeypatch):
    """Each output of each row is a gradient of its own."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    seen = []
    steps_raw = PackedModel.steps_raw

    def watched(self, inputs, low, high):
        seen.append(len(inputs))
        return steps_raw(self, inputs, low, high)

    monkeypatch.setattr(PackedModel, "steps_raw", watched)
    model = NeuronSeekClassifier("x", compare_simple=False, max_epochs=1, random_state=0)
    model.fit(X, X[:, 0] > 0)
    model.fit(X, np.arange(400) % 40)
    assert seen == [400, 8192 // 40]
