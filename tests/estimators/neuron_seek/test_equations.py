"""Searched equations beside the networks: judged, helped by networks, and of columns."""

import pickle

import numpy as np
import pytest

from sktaskneuron import NeuronFormulaSearch, NeuronSeekClassifier, NeuronSeekRegressor
from sktaskneuron.formula import FittedExpression, FittedFormula
from sktaskneuron.models.fitted import Blend, FormulaModel

from ..data import QUICK, draw_columns

#: Small networks in every group; of a number of networks none are left for the residuals.
SMALL = {"hidden_layer_sizes": (8,), "max_epochs": 3, "validation": 2, "random_state": 0}


def draw_many_terms(n_rows=400, n_columns=14, seed=0):
    """A law of twice as many terms as columns."""
    X = draw_columns(n_rows, n_columns, seed=seed)
    first, second = np.random.default_rng(9).normal(size=(2, n_columns))
    noise = np.random.default_rng([seed, 1]).normal(size=n_rows)
    return X, X @ first + X**2 @ second + 0.02 * noise


def draw_part(n_rows=300, seed=0):
    """A law, and a step that is none."""
    X = draw_columns(n_rows, 3, seed=seed)
    return X, 3 * X[:, 0] * X[:, 1] + X[:, 1] ** 2 + np.sign(X[:, 2])


class TestJudged:
    def test_a_law_of_many_terms_predicts(self):
        X, y = draw_many_terms()
        model = NeuronSeekRegressor(**QUICK).fit(X, y)
        assert len(model.fitted_formula_.terms) > 25
        assert model.selected_ == "formula"
        assert model.weights_["formula"] == 1.0
        new, truth = draw_many_terms(seed=1)
        assert model.score(new, truth) > 0.999
        assert "x" in model.to_python()

    def test_a_law_of_classes(self):
        X, y = draw_many_terms(1200)
        model = NeuronSeekClassifier(**QUICK).fit(X, y > np.median(y))
        assert len(model.fitted_formula_.terms) > 25
        assert model.validation_scores_["formula"] > model.validation_scores_["task"]

    @pytest.mark.parametrize(
        ("draw", "reason"),
        [
            (lambda X: X[:, 0] - X[:, 1] + 0.1 * X[:, 2] * 0, "linear"),
            (lambda X: np.random.default_rng(5).normal(size=len(X)), "no terms"),
            (lambda X: np.sign(X[:, 0]) * np.sign(X[:, 1]) + 0.2 * X[:, 2] ** 2, ""),
        ],
        ids=["linear", "noise", "judged"],
    )
    def test_says_why_not(self, draw, reason):
        X = draw_columns(200, 4)
        model = NeuronSeekRegressor(**QUICK).fit(X, draw(X))
        assert ("formula" in model.validation_scores_) is (model.not_compared_ == {})
        if reason:
            assert reason in model.not_compared_["formula"]

    def test_of_more_than_two_classes(self):
        X = draw_columns(150)
        y = np.digitize(X[:, 0] ** 2, [0.3, 1.2])
        model = NeuronSeekClassifier(**QUICK).fit(X, y)
        assert "one equation for each" in model.not_compared_["formula"]

    def test_of_another_loss(self):
        X, y = draw_part()
        model = NeuronSeekRegressor(loss="absolute_error", **QUICK).fit(X, y)
        assert "another loss" in model.not_compared_["formula"]

    def test_nothing_to_say_without_comparison(self):
        X, y = draw_part()
        assert NeuronSeekRegressor(**QUICK, compare_simple=False).fit(X, y).not_compared_ == {}


@pytest.fixture(scope="module")
def in_part():
    X, y = draw_part()
    return NeuronSeekRegressor(**{**SMALL, "max_epochs": 20}).fit(X, y)


class TestResidualNetworks:
    def test_are_better_than_their_parts(self, in_part):
        scores = in_part.validation_scores_
        assert in_part.weights_["formula + networks"] > 0.5
        others = {name: scores[name] for name in ("linear", "formula", "task", "ranks")}
        assert scores["formula + networks"] > max(others.values())
        X, y = draw_part(seed=1)
        alone = in_part.fitted_formula_.evaluate(X).ravel()
        assert np.mean((in_part.predict(X) - y) ** 2) < np.mean((alone - y) ** 2)

    def test_are_an_equation_and_networks(self, in_part):
        model = in_part._fitted.predictor.model
        parts = model.models if in_part.selected_ == "blend" else (model,)
        [own] = [part for part in parts if isinstance(part, Blend)]
        assert isinstance(own.models[0], FormulaModel)
        assert own.models[0].fitted == in_part.fitted_formula_

    def test_are_saved(self, in_part):
        X, _ = draw_part(50, seed=2)
        copy = pickle.loads(pickle.dumps(in_part))
        np.testing.assert_array_equal(copy.predict(X), in_part.predict(X))

    def test_have_intervals_and_importances(self, in_part):
        X, y = draw_part(400, seed=3)
        low, high = in_part.predict_interval(X, 0.8).T
        assert 0.6 < np.mean((low <= y) & (y <= high)) < 0.97
        assert in_part.feature_importances_.min() > 0.1

    def test_leave_the_package(self, in_part):
        torch = pytest.importorskip("torch")
        X, _ = draw_part(50, seed=2)
        module = in_part.to_torch()
        found = module(torch.as_tensor(X)).numpy()
        np.testing.assert_allclose(found, in_part.predict(X), rtol=1e-4, atol=1e-5)

    def test_only_where_the_number_of_networks_is_free(self):
        X, y = draw_part()
        model = NeuronSeekRegressor(**SMALL, n_members=4).fit(X, y)
        assert "formula + networks" not in model.weights_

    def test_only_where_something_simple_is_left(self):
        X, _ = draw_part()
        y = X[:, 0] * X[:, 1] + 0.1 * np.random.default_rng(1).normal(size=len(X))
        model = NeuronSeekRegressor(**SMALL).fit(X, y)
        assert "formula + networks" not in model.weights_

    def test_several_targets(self):
        X, y = draw_part()
        both = np.stack([y, 10 * X[:, 0] * X[:, 1] + 3 * np.sign(X[:, 2])], axis=1)
        model = NeuronSeekRegressor(**SMALL).fit(X, both)
        assert "formula + networks" in model.weights_
        assert model.predict(X).shape == both.shape


class TestEquationOfColumns:
    SEARCH = NeuronFormulaSearch("sr", scope="columns", max_complexity=12, max_steps=1)

    def draw(self, n_rows=200, seed=0):
        X = np.exp(0.4 * draw_columns(n_rows, 3, seed=seed))
        return X, X[:, 0] / X[:, 1] + 0.001 * np.random.default_rng(seed).normal(size=n_rows)

    @pytest.mark.parametrize("formula", ["td", "x + <x,x>:1"])
    def test_is_a_model_of_its_own(self, formula):
        X, y = self.draw()
        model = NeuronSeekRegressor(formula, search=self.SEARCH, **QUICK).fit(X, y)
        assert isinstance(model.search_.fitted_formula_, FittedExpression)
        assert len(model.search_.pareto_front_) > 1
        assert model.selected_ == "equation"
        new, truth = self.draw(seed=1)
        np.testing.assert_allclose(
            model.predict(new), model.search_.fitted_formula_.evaluate(new).ravel()
        )
        assert model.score(new, truth) > 0.999
        assert "return X[:, 0]/X[:, 1]" in model.to_python()
        copy = pickle.loads(pickle.dumps(model))
        assert copy.search_.fitted_formula_ == model.search_.fitted_formula_
        # the networks have a formula of neurons
        assert isinstance(model.fitted_formula_, FittedFormula) is (formula == "td")

    def test_of_classes(self):
        X, y = self.draw(400)
        model = NeuronSeekClassifier(search=self.SEARCH, **QUICK).fit(X, y > 1.0)
        assert "equation" in {*model.validation_scores_, *model.not_compared_}
        assert model.score(*self.labelled(seed=1)) > 0.85

    def labelled(self, seed):
        X, y = self.draw(400, seed)
        return X, y > 1.0

    @pytest.mark.filterwarnings("ignore::sktaskneuron.exceptions.TimeLimitWarning")
    def test_keeps_the_time(self):
        X, y = self.draw(400)
        y = y + np.sin(5 * X[:, 2])
        search = NeuronFormulaSearch("sr", scope="columns")
        model = NeuronSeekRegressor(search=search, time_limit=0.5, random_state=0).fit(X, y)
        assert "equation" in {*model.validation_scores_, *model.not_compared_}
        assert np.isfinite(model.predict(X)).all()
