"""More rows for a formula that was found: its terms stay, its weights are those of all rows."""

from copy import copy

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from sktaskneuron import NeuronFormulaSearch, NeuronSeekRegressor

QUICK = {"n_resamples": 0, "max_steps": 6}
SEARCHES = [
    NeuronFormulaSearch(max_order=2, max_interaction_order=2, **QUICK),
    NeuronFormulaSearch("sr", **QUICK),
    NeuronFormulaSearch("sr", scope="columns", max_complexity=10, max_steps=1),
]


def draw(n_rows, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 3)) * [1.0, 10.0, 0.1] + [0.0, 50.0, 3.0]
    y = 100 + X[:, 0] ** 2 * 3 + X[:, 0] * X[:, 1] + rng.normal(size=n_rows)
    return X, y, rng.uniform(0.1, 3.0, size=n_rows)


@pytest.fixture(scope="module", params=SEARCHES, ids=["td", "sr", "columns"])
def begun(request):
    """A search on the first part, which no test changes."""
    X, y, weight = draw(300)
    return clone(request.param).partial_fit(X[:150], y[:150], weight[:150])


def least_squares(model, X, y, weight):
    """Weights of the terms of a fitted search, fitted to all rows at once."""
    terms = np.column_stack([np.ones(len(X)), model.transform(X)])
    root = np.sqrt(weight)
    return np.linalg.lstsq(terms * root[:, None], y * root, rcond=None)[0], terms


class TestNumbers:
    def test_they_are_those_of_one_fit_to_all_rows(self, begun):
        X, y, weight = draw(300)
        found, terms = least_squares(begun, X, y, weight)
        model = copy(begun)
        for part in (slice(150, 160), slice(160, 300)):
            model.partial_fit(X[part], y[part], weight[part])
        np.testing.assert_allclose(
            model.fitted_formula_.evaluate(X)[:, 0], terms @ found, rtol=1e-8
        )

    def test_the_size_of_the_parts_changes_nothing(self, begun):
        X, y, weight = draw(300)
        answers = []
        for parts in ([slice(150, 300)], [slice(i, i + 10) for i in range(290, 140, -10)]):
            model = copy(begun)
            for part in parts:
                model.partial_fit(X[part], y[part], weight[part])
            answers.append(model.fitted_formula_.evaluate(X))
        np.testing.assert_allclose(*answers, rtol=1e-9)

    def test_the_structure_stays_and_the_first_call_is_fit(self, begun):
        X, y, weight = draw(300)
        fitted = clone(begun).fit(X[:150], y[:150], weight[:150])
        assert fitted.to_json() == begun.to_json()
        names = fitted.get_feature_names_out().tolist()
        before = fitted.transform(X)
        fitted.partial_fit(X[150:], 2 * y[150:] + 5)
        assert fitted.get_feature_names_out().tolist() == names
        np.testing.assert_allclose(fitted.transform(X), before)
        assert fitted.to_json() != begun.to_json()

    def test_zero_weights_hide_rows(self, begun):
        X, y, weight = draw(300)
        models = []
        for hidden in (False, True):
            model = copy(begun)
            rows = np.arange(150, 300)
            target, own = y[rows].copy(), weight[rows].copy()
            if hidden:
                target[:50], own[:50] = 1e6, 0.0
            else:
                rows, target, own = rows[50:], target[50:], own[50:]
            models.append(model.partial_fit(X[rows], target, own))
        np.testing.assert_allclose(
            *(model.fitted_formula_.evaluate(X) for model in models), rtol=1e-12
        )


def test_several_targets_and_categories():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": rng.normal(size=200), "k": pd.Categorical(rng.choice(list("pqr"), size=200))}
    )
    y = np.column_stack([frame["a"] * 2 + (frame["k"] == "q"), frame["a"] ** 2 - 1])
    y += 0.01 * rng.normal(size=y.shape)
    model = NeuronFormulaSearch(**QUICK).partial_fit(frame[:100], y[:100])
    model.partial_fit(frame[100:].assign(k=frame["k"][100:].astype(object)), y[100:])
    matrix = model.encoder_.transform(frame)
    assert np.abs(model.fitted_formula_.evaluate(matrix) - y).max() < 0.1
    with pytest.raises(ValueError, match="2 target"):
        model.partial_fit(frame, y[:, 0])


def test_one_part_of_two_numbers_is_no_classes():
    X, y, _ = draw(60)
    model = NeuronFormulaSearch(**QUICK).partial_fit(X, (y > np.median(y)).astype(int))
    assert model.partial_fit(X, y).fitted_formula_.link == "identity"


@pytest.mark.parametrize("labels", [["p", "q"] * 30, [True, False] * 30])
def test_classes_are_refused_before_a_search(labels):
    with pytest.raises(ValueError, match="not kept of classes: use fit"):
        NeuronFormulaSearch().partial_fit(draw(60)[0], labels)


def test_what_keeps_no_sums_says_so():
    X, y, _ = draw(80)
    model = NeuronSeekRegressor(hidden_layer_sizes=4, max_epochs=1, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="on the way to networks: use fit"):
        model.search_.partial_fit(X, y)
    classes = NeuronFormulaSearch(**QUICK).fit(X, y > np.median(y))
    with pytest.raises(ValueError, match="not kept of classes"):
        classes.partial_fit(X, y)


def test_a_call_that_fails_leaves_the_former_model(begun):
    X, y, _ = draw(20)
    before = begun.to_json()
    for bad, why in (
        ((X[:, :2], y), "expecting 3 features"),
        ((X, np.full(20, np.nan)), "NaN"),
        ((X, y[:5]), "X has 20 rows, y has 5"),
    ):
        with pytest.raises(ValueError, match=why):
            begun.partial_fit(*bad)
    assert begun.to_json() == before
