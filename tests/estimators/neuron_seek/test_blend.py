"""Networks and simple models, blended: as good as the parts, and at home with any table."""

import time

import numpy as np
import pytest

from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor

from ..data import QUICK, draw_by_odds, draw_classes, draw_columns, draw_quadratic

#: Networks that have had some time to learn.
LEARNED = {**QUICK, "max_epochs": 20, "hidden_layer_sizes": (16,)}


def draw_mixed(n_rows=160, seed=0):
    """A linear part, a product and a wave: no candidate alone has it all."""
    X = draw_columns(n_rows, seed=seed)
    noise = np.random.default_rng([seed, 1]).normal(size=n_rows)
    return X, X[:, 0] + X[:, 1] * X[:, 2] + np.sin(3 * X[:, 3]) + 0.3 * noise


def draw_levels(n_rows=1500, n_levels=200, seed=0):
    """One column of text with many levels, and a value that depends on the level alone."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(n_levels, size=n_rows)
    value = np.random.default_rng(9).normal(size=n_levels)[codes]
    return [f"level {code}" for code in codes], value


class TestWeights:
    @pytest.mark.parametrize("formula", ["td", "x + <x,x>:2"])
    def test_sum_to_one(self, formula):
        X, y = draw_mixed()
        for model, target in (
            (NeuronSeekRegressor(formula, **QUICK), y),
            (NeuronSeekClassifier(formula, **QUICK), y > 0),
        ):
            weights = model.fit(X, target).weights_
            assert set(weights) - {"formula"} == {"constant", "linear", "task", "ranks"}
            assert all(weight >= 0 for weight in weights.values())
            assert sum(weights.values()) == pytest.approx(1.0)
            if model.selected_ != "blend":
                assert weights[model.selected_] == 1.0

    def test_of_one_group(self):
        X, y = draw_mixed()
        model = NeuronSeekRegressor("x", **QUICK, compare_simple=False).fit(X, y)
        assert model.weights_ == {"task": 1.0}
        assert not hasattr(model, "rank_scaler_")

    @pytest.mark.parametrize("kind", [NeuronSeekRegressor, NeuronSeekClassifier])
    def test_blend_is_no_worse_than_its_parts_on_held_out_rows(self, kind):
        X, y = draw_mixed()
        model = kind("x + <x,x>:2", **LEARNED).fit(X, y if kind is NeuronSeekRegressor else y > 0)
        scores = dict(model.validation_scores_)
        blend = scores.pop("blend")
        # the pull to equal weights and the cut of small ones may cost a little
        assert blend > max(scores.values()) - 0.005
        assert model.selected_ == "blend"
        parts = set(scores) if kind is NeuronSeekRegressor else set(scores) - {"constant"}
        assert set(model.formula_gain_) == parts
        assert max(model.formula_gain_.values()) > 0

    def test_blend_is_better_than_its_parts_on_new_rows(self):
        X, y = draw_mixed(300)
        new, truth = draw_mixed(2000, seed=1)
        model = NeuronSeekRegressor("x + <x,x>:2", **LEARNED).fit(X, y)
        assert model.selected_ == "blend"
        parts = dict(model.validation_scores_)
        blend = parts.pop("blend")
        assert model.score(new, truth) > max(parts.values()) - 0.05
        assert model.oof_score_ == pytest.approx(blend, abs=0.01)
        assert model.oof_score_ == pytest.approx(model.score(new, truth), abs=0.1)

    def test_held_out_accuracy(self):
        X, y = draw_classes(300)
        model = NeuronSeekClassifier("x + x**2", **LEARNED).fit(X, y)
        new, truth = draw_classes(1000, seed=1)
        assert model.oof_score_ == pytest.approx(model.score(new, truth), abs=0.12)

    def test_values_stay_within_those_seen(self):
        X, y = draw_mixed()
        model = NeuronSeekRegressor("x + x**2", **QUICK, compare_simple=False).fit(X, y)
        far = model.predict(100 * draw_columns(200, seed=5))
        assert y.min() - 1e-6 <= far.min() < far.max() <= y.max() + 1e-6


class TestTermEvidence:
    def test_of_a_given_formula(self):
        """A given formula has no learned terms."""
        X, y = draw_quadratic(200)
        settings = {**LEARNED, "term_evidence": True, "compare_simple": False}
        model = NeuronSeekRegressor("x + x**2 + <x,x>:2", **settings).fit(X, y)
        assert set(model.formula_gain_) == {"products", "pure terms"}
        model.set_params(formula="x + x**2").fit(X, (X**2).sum(axis=1))
        assert set(model.formula_gain_) == {"pure terms"}
        assert model.formula_gain_["pure terms"] > 0.2

    def test_of_the_search(self):
        X, y = draw_quadratic(200)
        model = NeuronSeekRegressor(**{**LEARNED, "term_evidence": True}).fit(X, y)
        kinds = {"products", "learned terms"}
        assert kinds | set(model.weights_) == set(model.formula_gain_)
        for kind in kinds:
            assert model.formula_gain_[kind] > 0

    def test_changes_nothing_else(self):
        X, y = draw_quadratic()
        plain = NeuronSeekRegressor("x + x**2", **QUICK).fit(X, y)
        more = NeuronSeekRegressor("x + x**2", **QUICK, term_evidence=True).fit(X, y)
        np.testing.assert_array_equal(plain.predict(X), more.predict(X))
        assert not set(plain.formula_gain_) & {"products", "pure terms", "learned terms"}


class TestTables:
    @pytest.mark.parametrize("formula", ["td", "x"])
    def test_many_levels_are_used(self, dataframe, formula):
        city, y = draw_levels()
        table = dataframe({"city": city})
        new, truth = draw_levels(500, seed=1)
        model = NeuronSeekRegressor(formula, **{**LEARNED, "max_epochs": 30}).fit(table, y)
        assert model.score(dataframe({"city": new}), truth) > 0.6
        unknown = model.predict(dataframe({"city": ["nowhere", "elsewhere"]}))
        assert np.isfinite(unknown).all()
        assert unknown[0] == unknown[1]

    def test_many_levels_of_classes(self, dataframe):
        city, value = draw_levels()
        new, truth = draw_levels(500, seed=1)
        settings = {**LEARNED, "learning_rate": 0.1}
        model = NeuronSeekClassifier("x", **settings).fit(dataframe({"city": city}), value > 0)
        assert model.score(dataframe({"city": new}), truth > 0) > 0.85

    @pytest.mark.parametrize("kind", [NeuronSeekRegressor, NeuronSeekClassifier])
    def test_a_gap_may_be_the_signal(self, kind):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(300, 3))
        gap = rng.random(300) < 0.4
        X[gap, 1] = np.nan
        y = gap if kind is NeuronSeekClassifier else 3.0 * gap + 0.1 * rng.normal(size=300)
        model = kind(**QUICK).fit(X[:200], y[:200])
        assert model.score(X[200:], y[200:]) > 0.95

    def test_many_columns_go_without_learned_terms(self):
        X = draw_columns(200, 300)
        y = X[:, 0] - X[:, 1] + 0.1 * np.random.default_rng(0).normal(size=200)
        start = time.process_time()
        alone = NeuronSeekRegressor(**QUICK, compare_simple=False).fit(X, y)
        assert alone._fitted.predictor.model.spec["terms"] is None
        model = NeuronSeekRegressor(**QUICK).fit(X, y)
        assert time.process_time() - start < 30
        assert model.score(X, y) > 0.9

    @pytest.mark.parametrize("n_rows", [5, 10, 19, 20, 21, 50])
    def test_few_rows(self, n_rows):
        X, y = draw_quadratic(n_rows)
        low = y > np.median(y)
        targets = {"values": y, "classes": low, "one row": np.where(np.arange(n_rows) == 3, 2, low)}
        settings = {"hidden_layer_sizes": (8,), "max_epochs": 2, "random_state": 0}
        for name, target in targets.items():
            kind = NeuronSeekRegressor if name == "values" else NeuronSeekClassifier
            model = kind(**settings).fit(X, target)
            assert np.isfinite(model.predict(X).astype(float)).all()
            assert (model.validation_scores_ == {}) is (n_rows < 20)
            if name != "values":
                np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)


class TestPrediction:
    @pytest.mark.parametrize("kind", [NeuronSeekRegressor, NeuronSeekClassifier])
    def test_bit_equal_for_any_split_of_the_rows(self, kind):
        pd = pytest.importorskip("pandas")

        def table(n_rows, seed):
            X, y = draw_mixed(n_rows, seed=seed)
            frame = pd.DataFrame(X, columns=list("abcd"))
            frame.loc[::7, "b"] = np.nan
            return frame.assign(city=draw_levels(n_rows, 40, seed)[0]), y

        (train, y), (new, _) = table(300, 0), table(1500, 1)
        model = kind("x + <x,x>:2", **LEARNED)
        model.fit(train, y > 0 if kind is NeuronSeekClassifier else y)
        assert sum(weight > 0 for weight in model.weights_.values()) > 1
        predict = model.predict_proba if kind is NeuronSeekClassifier else model.predict
        whole = predict(new)
        parts = np.split(np.arange(1500), [1, 3, 500, 1030, 1499])
        np.testing.assert_array_equal(np.concatenate([predict(new.iloc[p]) for p in parts]), whole)
        order = np.random.default_rng(0).permutation(1500)
        np.testing.assert_array_equal(predict(new.iloc[order]), whole[order])


class TestTimeLimit:
    pytestmark = pytest.mark.filterwarnings("ignore::sktaskneuron.exceptions.TimeLimitWarning")

    @pytest.mark.parametrize("n_members", [1, 2, 3, 8])
    def test_ends_in_time(self, n_members):
        X = draw_columns(20_000, 6)
        y = X[:, 0] * X[:, 1] + X[:, 2]
        settings = {"n_members": n_members, "time_limit": 0.5, "random_state": 0}
        start = time.process_time()
        model = NeuronSeekRegressor("x + <x,x>:2", **settings).fit(X, y)
        # a step and a look at the held-out rows may come on top
        assert time.process_time() - start < 0.5 + 2.0
        assert sum(model.weights_.values()) == pytest.approx(1.0)
        assert np.isfinite(model.predict(X[:10])).all()
        assert model.n_iter_ < 80

    def test_with_a_search(self):
        X, y = draw_by_odds(lambda X: X[:, 0] * X[:, 1], 2000)
        start = time.process_time()
        model = NeuronSeekClassifier(time_limit=1e-3, random_state=0).fit(X, y)
        assert time.process_time() - start < 2.0
        assert np.isfinite(model.predict_proba(X)).all()

    def test_without_validation(self):
        X, y = draw_mixed()
        settings = {**QUICK, "validation": None, "max_epochs": 100_000, "time_limit": 0.2}
        model = NeuronSeekRegressor("x", **settings).fit(X, y)
        assert 1 <= model.n_iter_ < 100_000
        assert np.isfinite(model.predict(X)).all()

    def test_enough_time_changes_nothing(self):
        X, y = draw_mixed()
        free = NeuronSeekRegressor("x", **QUICK).fit(X, y)
        limited = NeuronSeekRegressor("x", **QUICK, time_limit=1000.0).fit(X, y)
        np.testing.assert_array_equal(free.predict(X), limited.predict(X))

    @pytest.mark.parametrize("time_limit", [0, -1.0])
    def test_must_be_positive(self, time_limit):
        with pytest.raises(ValueError, match="'time_limit' parameter"):
            NeuronSeekRegressor(time_limit=time_limit).fit(None, None)
