"""Every loss, from the parameter to the predictions, or one sentence."""

import pickle

import numpy as np
import pytest
from sklearn.metrics import d2_absolute_error_score, d2_pinball_score, mean_poisson_deviance

from sktaskneuron import NeuronFormulaSearch, NeuronSeekRegressor

SMALL = {
    "formula": "x",
    "hidden_layer_sizes": (8,),
    "max_epochs": 4,
    "batch_size": 64,
    "validation": 2,
    "random_state": 0,
}
LOSSES = ["absolute_error", "huber", "quantile", "poisson", "gamma", "tweedie"]
LOGARITHMIC = ["poisson", "gamma", "tweedie"]


def draw(n_rows=300, seed=0):
    """Positive targets, whose spread grows with their median."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(n_rows, 3))
    return X, np.exp(1.0 + 0.8 * X[:, 0] + 0.2 * rng.normal(size=n_rows))


def fitted(X, y, *rows, **parameters):
    return NeuronSeekRegressor(**SMALL | parameters).fit(X, y, *rows)


@pytest.mark.parametrize("loss", LOSSES)
class TestEveryLoss:
    def test_scores_are_shares_of_the_constants_loss(self, loss):
        search = NeuronFormulaSearch(max_order=2, max_interaction_order=2, n_resamples=0)
        model = fitted(*draw(), loss=loss, formula="td", search=search)
        assert model.fitted_formula_ is not None
        scores = model.validation_scores_
        assert list(scores) == ["constant", "linear", "task", "ranks", "blend"]  # no equation
        assert abs(scores["constant"]) < 0.05
        assert scores["linear"] > 0.3
        assert scores["blend"] >= max(scores["linear"], scores["task"]) - 0.01
        assert model.oof_score_ == pytest.approx(scores[model.selected_], abs=0.05)
        assert sum(model.weights_.values()) == pytest.approx(1.0)

    def test_predictions_follow_the_target(self, loss):
        X, y = draw()
        model = fitted(X, y, loss=loss)
        assert model.predict(X).shape == y.shape
        assert model.score(X, y) > 0.6

    def test_unit_of_the_target_does_not_matter(self, loss):
        X, y = draw()
        small, large = (fitted(X, y * unit, loss=loss).predict(X) for unit in (1.0, 1024.0))
        np.testing.assert_allclose(large, small * 1024.0, rtol=1e-4)

    def test_file_predicts_the_same(self, loss):
        X, y = draw()
        model = fitted(X, y, loss=loss)
        np.testing.assert_array_equal(
            pickle.loads(pickle.dumps(model)).predict(X), model.predict(X)
        )

    def test_weights_of_rows_decide(self, loss):
        X, y = draw()
        both = np.concatenate([X, X]), np.concatenate([y, 3 * y])
        weight = np.repeat([1.0, 0.01], len(y))
        near = fitted(*both, weight, loss=loss).predict(X)
        assert np.abs(np.log(near / y)).mean() < np.abs(np.log(near / (3 * y))).mean()

    def test_rows_that_judge_may_be_given(self, loss):
        X, y = draw()
        model = NeuronSeekRegressor(**SMALL, loss=loss).fit(
            X[:200], y[:200], X_val=X[200:], y_val=y[200:]
        )
        assert model.oof_score_ > 0.3

    def test_importances_are_in_the_unit_of_the_target(self, loss):
        X, y = draw()
        small, large = (fitted(X, y * unit, loss=loss).feature_importances_ for unit in (1.0, 64.0))
        assert small.argmax() == 0
        np.testing.assert_allclose(large, 64.0 * small, rtol=1e-3)
        # y moves by half a unit of its logarithm with a standard deviation of the column
        assert 0.5 < small[0] / (0.46 * y.mean()) < 1.5

    def test_several_targets(self, loss):
        X, y = draw()
        Y = np.stack([y, 10 * y[::-1]], axis=1)
        model = fitted(X, Y, loss=loss)
        assert model.n_outputs_ == 2
        assert model.predict(X).shape == (300, 2)

    def test_without_validation_and_with_networks_alone(self, loss):
        X, y = draw()
        for other in ({"validation": None}, {"compare_simple": False}):
            found = fitted(X, y, loss=loss, max_epochs=20, **other).predict(X)
            assert np.corrcoef(found, y)[0, 1] > 0.5

    def test_linear_model_alone_is_exported_where_it_is_an_equation(self, loss):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(200, 2))
        y = np.exp(X[:, 0]) if loss in LOGARITHMIC else X[:, 0] + 5
        model = fitted(X, y * np.exp(0.1 * rng.normal(size=200)), loss=loss, max_epochs=1)
        assert model.selected_ == "linear"
        if loss in LOGARITHMIC:
            with pytest.raises(AttributeError, match="fit with loss='squared_error' and readable"):
                model.to_python()
        else:
            np.testing.assert_allclose(model.to_numpy()(X).ravel(), model.predict(X))


class TestQuantiles:
    def test_shares_below_are_the_levels(self):
        X, y = draw(1_500)
        levels = [0.1, 0.5, 0.9]
        found = fitted(X[:1000], y[:1000], loss="quantile", quantile=levels).predict(X[1000:])
        assert found.shape == (500, 3)
        below = (y[1000:, None] <= found).mean(axis=0)
        np.testing.assert_allclose(below, levels, atol=0.06)

    def test_never_cross_and_stand_in_the_order_that_was_asked_for(self):
        X, y = draw()
        found = fitted(X, y, loss="quantile", quantile=[0.55, 0.5, 0.45], max_epochs=2).predict(X)
        assert (np.diff(found, axis=1) <= 0).all()

    def test_one_level_of_a_list_is_a_column(self):
        X, y = draw()
        one = fitted(X, y, loss="quantile", quantile=[0.7]).predict(X)
        np.testing.assert_array_equal(
            one, fitted(X, y, loss="quantile", quantile=0.7).predict(X)[:, None]
        )

    def test_level_has_an_effect(self):
        X, y = draw()
        low, high = (fitted(X, y, loss="quantile", quantile=q).predict(X) for q in (0.1, 0.9))
        assert (low < high).mean() > 0.95

    def test_score_of_several_is_the_mean_d2(self):
        X, y = draw()
        model = fitted(X, y, loss="quantile", quantile=[0.2, 0.8])
        columns = model.predict(X).T
        expected = [
            d2_pinball_score(y, q, alpha=a) for q, a in zip(columns, (0.2, 0.8), strict=True)
        ]
        assert model.score(X, y) == pytest.approx(np.mean(expected))


class TestGrossErrors:
    @pytest.mark.parametrize("loss", ["absolute_error", "huber"])
    def test_do_not_move_the_prediction(self, loss):
        X, y = draw()
        dirty = y.copy()
        dirty[::20] += 1e3
        clean, moved = (fitted(X, values, loss=loss).predict(X) for values in (y, dirty))
        assert np.abs(moved - clean).mean() < 0.3 * y.std()
        squares = NeuronSeekRegressor(**SMALL).fit(X, dirty).predict(X)
        assert d2_absolute_error_score(y, moved) > d2_absolute_error_score(y, squares) + 0.5

    def test_are_told_for_squares_alone(self, recwarn):
        X, y = draw()
        y[0] = 1e9
        fitted(X, y, loss="absolute_error", max_epochs=1)
        assert not [w for w in recwarn if "squared errors" in str(w.message)]


class TestCounts:
    def test_poisson_beats_the_constant_on_counts_with_zeros(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(600, 2))
        y = rng.poisson(np.exp(0.7 * X[:, 0] - 1.0))
        found = fitted(X[:400], y[:400], loss="poisson").predict(X[400:])
        assert (found > 0).all()
        worst = mean_poisson_deviance(y[400:], np.full(200, y[:400].mean()))
        assert mean_poisson_deviance(y[400:], found) < 0.9 * worst

    def test_predictions_leave_the_range_of_the_target(self):
        X = np.linspace(0, 1, 200)[:, None]
        model = fitted(X, np.exp(3 * X[:, 0]), loss="gamma")
        assert model.predict([[1.5]])[0] > np.exp(3)

    def test_power_has_an_effect(self):
        X, y = draw()
        y[::3] = 0
        one, two = (fitted(X, y, loss="tweedie", power=p).validation_scores_ for p in (1.1, 1.9))
        assert one["linear"] != two["linear"]

    def test_tweedie_of_power_one_is_poisson(self):
        X, y = draw()
        np.testing.assert_array_equal(
            fitted(X, y, loss="tweedie", power=1).predict(X),
            fitted(X, y, loss="poisson").predict(X),
        )


class TestIntervals:
    @pytest.mark.parametrize("loss", ["absolute_error", "huber"])
    def test_around_a_median(self, loss):
        X, y = draw(600)
        low, high = fitted(X[:400], y[:400], loss=loss).predict_interval(X[400:]).T
        assert 0.8 < ((low <= y[400:]) & (y[400:] <= high)).mean() <= 1.0

    @pytest.mark.parametrize("loss", ["quantile", "poisson"])
    def test_of_another_loss_are_refused(self, loss):
        model = fitted(*draw(60), loss=loss, max_epochs=1)
        with pytest.raises(ValueError, match="NeuronSeekRegressor predicts by another loss"):
            model.predict_interval([[0.0, 0.0, 0.0]])


class TestRefusals:
    @pytest.mark.parametrize(
        ("loss", "y", "sentence"),
        [
            ("poisson", [-1.0, 2.0, 3.0], "loss='poisson' needs y without negative values"),
            ("tweedie", [-1.0, 2.0, 3.0], "loss='tweedie' needs y without negative values"),
            ("gamma", [0.0, 2.0, 3.0], "loss='gamma' needs y above zero"),
            ("poisson", [0.0, 0.0, 0.0], "some of y above zero"),
        ],
    )
    def test_targets_without_meaning(self, loss, y, sentence):
        with pytest.raises(ValueError, match=f"NeuronSeekRegressor: .*{sentence}"):
            fitted(np.eye(3), y, loss=loss)

    def test_judges_without_meaning(self):
        X, y = draw(30)
        with pytest.raises(ValueError, match="needs y_val without negative values"):
            NeuronSeekRegressor(**SMALL, loss="poisson").fit(X, y, X_val=X, y_val=-y)

    @pytest.mark.parametrize("quantile", [[], [0.5, 1.0], ["low"], [[0.5]]])
    def test_levels_that_are_none(self, quantile):
        with pytest.raises(ValueError, match="quantile must be a number or a list of numbers"):
            fitted(*draw(30), loss="quantile", quantile=quantile)

    def test_several_levels_of_several_targets(self):
        X, y = draw(30)
        with pytest.raises(ValueError, match="several levels of quantile are for one target"):
            fitted(X, np.stack([y, y], axis=1), loss="quantile", quantile=[0.1, 0.9])

    def test_readable_equations(self):
        with pytest.raises(ValueError, match="readable=True looks for an equation by squares"):
            fitted(*draw(30), loss="poisson", readable=True)
