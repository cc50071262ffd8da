"""Never worse than simple: a readable model that predicts held-out rows as well is kept."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss

from sktaskneuron import NeuronFormula, NeuronSeekClassifier, NeuronSeekRegressor

from ..data import QUICK, draw_by_odds, draw_columns, draw_quadratic

#: Networks that have had time to learn.
THOROUGH = {
    "hidden_layer_sizes": (16,),
    "max_epochs": 30,
    "batch_size": 64,
    "n_members": 6,
    "validation": 3,
    "random_state": 0,
}


class TestNull:
    """One standard error lets some fits to noise through; they do little harm."""

    def test_noise_is_met_with_the_mean(self):
        n_constant = 0
        for seed in range(6):
            rng = np.random.default_rng(seed)
            X, y = rng.normal(size=(200, 6)), rng.normal(5.0, 2.0, size=200)
            model = NeuronSeekRegressor(**QUICK).fit(X, y)
            assert model.formula_ == NeuronFormula()
            np.testing.assert_allclose(model.fitted_formula_.evaluate(X), y.mean())
            if model.selected_ == "constant":
                n_constant += 1
                np.testing.assert_allclose(model.predict(X), y.mean())
            new, truth = rng.normal(size=(2000, 6)), rng.normal(5.0, 2.0, size=2000)
            assert np.mean((model.predict(new) - truth) ** 2) < 1.03 * np.var(truth)
        assert n_constant >= 3

    def test_noise_is_met_with_the_prior(self):
        n_constant = 0
        for seed in range(6):
            rng = np.random.default_rng(seed)
            X, y = rng.normal(size=(300, 6)), rng.random(300) < 0.25
            model = NeuronSeekClassifier(**QUICK).fit(X, y)
            assert model.formula_ == NeuronFormula()
            if model.selected_ == "constant":
                n_constant += 1
                np.testing.assert_allclose(model.predict_proba(X)[:, 1], y.mean())
            new, truth = rng.normal(size=(2000, 6)), rng.random(2000) < 0.25
            prior = log_loss(truth, np.full(2000, y.mean()))
            assert log_loss(truth, model.predict_proba(new)) < 1.03 * prior
        assert n_constant >= 3


class TestLinear:
    @pytest.mark.parametrize("formula", ["td", "x + x**2 + <x,x>:4"])
    def test_linear_truth_selects_linear(self, formula):
        X = draw_columns(200, 6)
        rng = np.random.default_rng(1)
        coef = rng.normal(size=6)
        y = X @ coef + 0.5 * rng.normal(size=200)
        model = NeuronSeekRegressor(formula, **THOROUGH).fit(X, y)
        assert model.selected_ == "linear"
        new = draw_columns(500, 6, seed=2)
        expected = Ridge(1e-3).fit(X, y).predict(new)
        assert np.abs(model.predict(new) - expected).max() < 0.1

    def test_linear_odds_select_linear(self):
        X, y = draw_by_odds(lambda X: 2 * X[:, 0] - X[:, 1], 400)
        model = NeuronSeekClassifier("x + x**2 + <x,x>:2", **THOROUGH).fit(X, y)
        assert model.selected_ == "linear"
        new, truth = draw_by_odds(lambda X: 2 * X[:, 0] - X[:, 1], 1000, seed=2)
        simple = LogisticRegression().fit(X, y).predict_proba(new)
        assert log_loss(truth, model.predict_proba(new)) < 1.02 * log_loss(truth, simple)


class TestRich:
    def test_polynomial_truth_selects_its_equation(self):
        X, y = draw_quadratic(300)
        model = NeuronSeekRegressor(**THOROUGH).fit(X, y)
        assert model.selected_ == "formula"
        scores = model.validation_scores_
        assert set(scores) == {"constant", "linear", "formula", "task", "ranks", "blend"}
        assert scores["formula"] == max(scores.values())

    def test_truth_beyond_polynomials_selects_a_network(self):
        def truth(X):
            return np.sin(3 * X[:, 0]) * np.abs(X[:, 1])

        X, new = draw_columns(400, 2), draw_columns(500, 2, seed=3)
        settings = {**THOROUGH, "validation": 0.3, "max_epochs": 60, "n_members": 4}
        model = NeuronSeekRegressor("x + sin(3*x)", **settings).fit(X, truth(X))
        assert model.selected_ in {"task", "ranks", "blend"}
        assert model.validation_scores_["linear"] < 0.1
        assert model.score(new, truth(new)) > 0.3

    def test_scores_are_those_of_held_out_rows(self):
        X, y = draw_quadratic(200)
        model = NeuronSeekRegressor("x + x**2", **THOROUGH).fit(X, y)
        new, truth = draw_quadratic(2000, seed=7)
        assert model.score(new, truth) == pytest.approx(
            model.validation_scores_[model.selected_], abs=0.15
        )


class TestSwitch:
    def test_without_comparison(self):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor(**{**QUICK, "compare_simple": False}).fit(X, y)
        assert model.selected_ == "task"
        assert set(model.validation_scores_) == {"task", "blend"}
        assert model.weights_ == {"task": 1.0}
        model.set_params(formula="x").fit(X, y)
        assert model.selected_ == "task"

    def test_without_validation(self):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor(**{**QUICK, "validation": None}).fit(X, y)
        assert model.selected_ == "task"
        assert model.validation_scores_ == {}
        assert "valid_loss" not in model.history_
