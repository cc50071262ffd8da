"""Exact Shapley values: against all subsets of all columns, and as the sum that they must be."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from sktaskneuron import NeuronFormulaSearch, NeuronSeekClassifier, NeuronSeekRegressor
from sktaskneuron.formula import FittedExpression, FittedFormula, NeuronFormula
from sktaskneuron.inspection import shapley_values

NAMES = ["a", "b", "c", "d", "e"]


def brute_force(f, X, background, groups):
    """Mean over all orders of the columns of what each adds, over the background."""
    added = np.zeros((len(X), len(groups)))
    orders = list(permutations(range(len(groups))))
    for row, x in enumerate(X):
        for order in orders:
            mixed = background.copy()
            before = f(mixed).mean()
            for own in order:
                mixed[:, groups[own]] = x[groups[own]]
                after = f(mixed).mean()
                added[row, own] += (after - before) / len(orders)
                before = after
    return added


def draw(n_rows, seed):
    return np.random.default_rng(seed).uniform(0.5, 2.0, size=(n_rows, 5))


@pytest.mark.parametrize(
    "text",
    [
        "2*a - b + 1",
        "a*b*c + sin(d)*e",
        "(a + 2*b + c)*(d - e + 3) + log(a)",  # multiplied out
        "(a + b + c - d)**2 + 3",
        "exp(a*b - c*d + e)",  # all five at once
        "2*(a + (b + c + d + e)*(a - e))/b",
        "7",
    ],
)
def test_against_brute_force(text):
    equation = FittedExpression.parse(text, NAMES)
    X, background = draw(3, 0), draw(4, 1)
    found = shapley_values(equation, X, background)
    expected = brute_force(
        lambda rows: equation.evaluate(rows)[:, 0], X, background, [[j] for j in range(5)]
    )
    np.testing.assert_allclose(found.values, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.base, equation.evaluate(background).mean())


def test_atoms_of_many_columns_are_multiplied_out():
    rng = np.random.default_rng(2)
    equation = FittedFormula(
        NeuronFormula.parse("x**2 + <x,x>:2 + <x,x,x>:1"),
        [1.0, -1.0],
        [rng.normal(size=(8, 2))],
        {2: rng.normal(size=(2, 8, 2)), 3: rng.normal(size=(3, 8, 1))},
        {2: rng.normal(size=(2, 2)), 3: rng.normal(size=(1, 2))},
        center=rng.normal(size=8),
        lower=np.full(8, -1.5),
    )
    X, background = rng.normal(size=(6, 8)), rng.normal(size=(7, 8))
    found = shapley_values(equation, X, background)
    assert found.values.shape == (6, 8, 2)
    np.testing.assert_allclose(
        found.values.sum(axis=1), equation.evaluate(X) - found.base, rtol=1e-9
    )
    # of two rows that differ in one column: all that it adds is that column's
    alone = shapley_values(equation, X[:1], np.where(np.arange(8) == 3, 0.0, X[:1]))
    assert np.abs(np.delete(alone.values[0], 3, axis=0)).max() < 1e-9


def test_levels_and_gaps_belong_to_their_column():
    rng = np.random.default_rng(3)
    level = rng.choice(["u", "v", "w"], size=300)
    b = np.where(rng.random(300) < 0.3, np.nan, rng.normal(size=300))
    X = pd.DataFrame({"a": rng.normal(size=300), "b": b, "level": pd.Categorical(level)})
    effect = X["level"].map({"u": 0, "v": 5, "w": -5}).astype(float)
    y = X["a"] + effect * (1 + X["a"]) + X["b"].fillna(3)
    search = NeuronFormulaSearch().fit(X, y)
    rows, background = X[:3], X[3:8]
    found = shapley_values(search, rows, background)
    assert found.feature_names == ("a", "b", "level")
    encoder, equation = search.encoder_, search.fitted_formula_
    groups = [np.flatnonzero(encoder.source_ == j) for j in range(3)]
    expected = brute_force(
        lambda matrix: equation.evaluate(matrix)[:, 0],
        encoder.transform(rows),
        encoder.transform(background),
        groups,
    )
    np.testing.assert_allclose(found.values, expected, rtol=1e-9, atol=1e-9)


def test_sum_is_the_prediction():
    """Of a linear model that predicts, and of classes its log odds."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(200, 3))
    y = X @ [1.0, 2.0, 0.0]
    options = {"max_epochs": 1, "n_members": 2, "hidden_layer_sizes": (4,), "random_state": 0}
    model = NeuronSeekRegressor("x", **options).fit(X, y)
    found = shapley_values(model, X, X[:50])
    np.testing.assert_allclose(found.values.sum(axis=1) + found.base, model.predict(X))
    label = y + rng.logistic(size=200) > 0
    classifier = NeuronSeekClassifier("x", **options).fit(X, label)
    assert classifier.selected_ == "linear"
    found = shapley_values(classifier, X, X[:50])
    odds = found.values.sum(axis=1) + found.base
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), classifier.predict_proba(X)[:, 1])


def test_refusals():
    names = [f"x{j}" for j in range(12)]
    rows = np.ones((2, 12))
    with pytest.raises(ValueError, match="reads 12 features at once"):
        shapley_values(FittedExpression.parse(f"exp({'*'.join(names)})", names), rows, rows)
    logarithm = FittedExpression.parse("log(a)*b", ["a", "b"])
    with pytest.raises(ValueError, match="no finite value"):
        shapley_values(logarithm, [[1.0, 1.0]], [[-1.0, 1.0]])
    with pytest.raises(ValueError, match="at least one row"):
        shapley_values(logarithm, np.ones((0, 2)), [[1.0, 1.0]])
    X = np.random.default_rng(5).normal(size=(60, 2))
    blend = NeuronSeekRegressor("x", compare_simple=False, max_epochs=1, random_state=0)
    with pytest.raises(AttributeError, match="no equation"):
        shapley_values(blend.fit(X, X[:, 0]), X, X)
