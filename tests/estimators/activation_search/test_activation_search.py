"""Estimators that choose their activation function."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import KFold, ShuffleSplit, cross_val_score

from sktaskneuron import ActivationSearchClassifier, ActivationSearchRegressor
from sktaskneuron.estimators.activation_search.candidates import CLASSIC, named_candidates
from sktaskneuron.estimators.activation_search.tails import tail_split
from sktaskneuron.inspection import ActivationSearchDisplay
from sktaskneuron.models.inputs import Inputs
from sktaskneuron.models.target import ValueTarget
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation
from sktaskneuron.nn import ActivationSet

from ..data import draw_classes

QUICK = {
    "hidden_layer_sizes": (16,),
    "candidates": ["silu", "relu", "sin"],
    "learning_rate": 0.03,
    "max_epochs": 15,
    "validation": 2,
    "random_state": 0,
}


def draw_waves(n=300, seed=0):
    X = np.random.default_rng(seed).uniform(-1, 1, size=(n, 2))
    return X, np.sin(4 * X[:, 0]) + np.sin(4 * X[:, 1])


def draw_parabola(n=400, width=1.0, seed=0):
    X = np.random.default_rng(seed).uniform(-width, width, size=(n, 2))
    return X, X[:, 0] ** 2 + X[:, 0] * X[:, 1]


class TestResults:
    def test_table(self):
        X, y = draw_waves()
        model = ActivationSearchRegressor(**QUICK).fit(X, y)
        results = model.results_
        assert results["activation"] == ["silu", "relu", "sin"]
        assert {len(column) for column in results.values()} == {3}
        losses = results["mean_loss"]
        assert sorted(results["rank"]) == [1, 2, 3]
        assert losses[results["rank"] == 1] == losses.min()
        np.testing.assert_allclose(results["gain"], losses[0] - losses)
        assert results["like_fallback"][0]
        assert model.best_score_ == -losses[model.best_index_]
        assert model.best_activation_ == results["activation"][model.best_index_]

    def test_waves_want_sine(self):
        X, y = draw_waves()
        model = ActivationSearchRegressor(**{**QUICK, "max_epochs": 60}).fit(X, y)
        assert model.best_activation_ == "sin"
        assert model.oof_score_ > 0.9

    def test_noise_keeps_the_fallback(self):
        rng = np.random.default_rng(1)
        X, y = rng.normal(size=(200, 3)), rng.normal(size=200)
        for fallback in ("silu", "relu"):
            model = ActivationSearchRegressor(fallback=fallback, **QUICK).fit(X, y)
            gain = model.results_["gain"][model.best_index_]
            assert (
                model.best_activation_ == fallback
                or gain > model.results_["standard_error"][model.best_index_]
            )

    def test_a_fallback_that_was_not_listed_takes_part(self):
        X, y = draw_waves()
        model = ActivationSearchRegressor(**{**QUICK, "candidates": ["sin"]}).fit(X, y)
        assert model.results_["activation"] == ["silu", "sin"]

    def test_candidates_of_every_kind(self):
        X, y = draw_waves()
        learned = ActivationSet.from_names(["tanh", "sin"])
        candidates = ["silu", "x*tanh(softplus(x))", ["sin", "relu"], learned, "silu"]
        model = ActivationSearchRegressor(**{**QUICK, "candidates": candidates}).fit(X, y)
        assert model.results_["activation"] == [
            "silu",
            "x*tanh(softplus(x))",
            "sin + relu",
            "set of tanh, sin",
        ]
        assert any(model.best_activation_ is candidate for candidate in candidates) or (
            model.best_activation_ in candidates[:3]
        )

    def test_one_that_fails_harms_no_other(self):
        X, y = draw_waves()
        candidates = ["silu", "1e30*exp(x**2)", "sin"]
        model = ActivationSearchRegressor(**{**QUICK, "candidates": candidates}).fit(X, y)
        assert np.isfinite(model.results_["mean_loss"][[0, 2]]).all()
        assert model.best_activation_ != candidates[1]

    def test_very_few_rows_keep_the_fallback(self):
        X, y = draw_waves(12)
        model = ActivationSearchRegressor(**{**QUICK, "validation": "auto"}).fit(X, y)
        assert model.best_activation_ == "silu"
        assert model.results_ == {}
        assert np.isfinite(model.predict(X)).all()

    def test_several_predict_together(self):
        X, y = draw_waves()
        model = ActivationSearchRegressor(n_best=2, **QUICK).fit(X, y)
        names = np.array(model.results_["activation"])[np.argsort(model.results_["rank"])]
        assert model.predicting_ == names[:2].tolist()
        assert model._fitted.predictor.model.n_members == 4
        assert np.isfinite(model.oof_score_)
        alone = ActivationSearchRegressor(n_best=1, **QUICK).fit(X, y)
        assert alone.predicting_ == [alone.best_activation_]
        many = ActivationSearchRegressor(**{**QUICK, "candidates": "catalogue", "max_epochs": 2})
        assert len(many.fit(X, y).predicting_) == 4

    def test_without_a_model(self):
        X, y = draw_waves()
        model = ActivationSearchRegressor(refit=False, **QUICK).fit(X, y)
        assert len(model.results_["rank"]) == 3
        with pytest.raises(AttributeError, match="refit=False"):
            model.predict(X)


class TestTails:
    def test_extrapolation_wants_the_right_function(self):
        X, y = draw_parabola()
        settings = {**QUICK, "candidates": ["silu", "relu", "tanh", "square"], "max_epochs": 60}
        model = ActivationSearchRegressor(split="tail", **settings).fit(X, y)
        assert model.best_activation_ == "square"
        far, target = draw_parabola(width=2.0, seed=1)
        fixed = clone(model).set_params(candidates=["silu"], fallback="silu").fit(X, y)
        error, other = (np.mean((m.predict(far) - target) ** 2) for m in (model, fixed))
        assert error < 0.1 * other

    def test_rows_of_the_tail(self):
        rng = np.random.default_rng(0)
        inputs = rng.normal(size=(200, 3)) * [1, 3, 1]
        for by in ("radius", "component", "b", 2):
            bulk, tail = tail_split(inputs, ["a", "b", "c"], by, 0.2)
            assert len(tail) == 40
            assert sorted([*bulk, *tail]) == list(range(200))
        bulk, tail = tail_split(inputs, ["a", "b", "c"], "b", 0.2)
        assert inputs[tail, 1].min() > inputs[bulk, 1].max()
        bulk, tail = tail_split(inputs, ["a", "b", "c"], "component", 0.2)
        assert np.abs(inputs[tail, 1]).mean() > 2 * np.abs(inputs[bulk, 1]).mean()
        with pytest.raises(ValueError, match="tail_by must be 'radius'"):
            tail_split(inputs, ["a", "b", "c"], "time", 0.2)

    def test_by_a_named_column(self):
        pd = pytest.importorskip("pandas")
        X, y = draw_waves()
        table = pd.DataFrame(X, columns=["year", "level"])
        model = ActivationSearchRegressor(split="tail", tail_by="year", **QUICK).fit(table, y)
        assert np.isfinite(model.predict(table)).all()
        with pytest.raises(ValueError, match="columns are year, level"):
            model.set_params(tail_by="month").fit(table, y)

    def test_far_outside_linear_scales_end(self):
        X, y = draw_parabola()
        settings = {**QUICK, "candidates": ["silu", "square"], "max_epochs": 60}
        model = ActivationSearchRegressor(split="tail", **settings).fit(X, y)
        spread = X.std(axis=0)
        near, far, further = (X.mean(axis=0) + k * spread for k in (3.0, 6.5, 1e6))
        inside, edge, beyond = model.predict([near, far, further])
        assert inside > y.max()
        assert edge == pytest.approx(beyond)

    def test_few_candidates_decide_between_scales(self):
        X, y = draw_parabola()
        settings = {**QUICK, "max_epochs": 2, "n_evaluations": 14}
        whole = ActivationSearchRegressor(
            split="tail", strategy="surrogate", **{**settings, "candidates": "catalogue"}
        ).fit(X, y)
        assert len(whole.results_["activation"]) == 14
        listed = [*CLASSIC, "mish", "golu"]
        model = ActivationSearchRegressor(split="tail", **{**settings, "candidates": listed})
        assert model.fit(X, y).results_["activation"] == listed

    def test_repeated_holdout_counts_every_row_once(self):
        X, y = draw_waves(100)
        splitter = ShuffleSplit(6, test_size=0.5, random_state=0)
        held = [rows for _, rows in splitter.split(X)]
        inputs = Inputs(X, np.empty((100, 0)), {}, 2)
        target = ValueTarget(np.zeros(1), np.ones(1), single=True)
        task = Task(inputs, y[:, None], np.ones(100), target)
        validation = Validation.of(task, list(splitter.split(X)))
        assert sorted(validation.rows) == sorted(set(np.concatenate(held)))
        np.testing.assert_array_equal(validation.target[:, 0], y[validation.rows])
        outputs = [np.full((50, 1), float(number)) for number in range(6)]
        means = [np.mean([n for n in range(6) if row in held[n]]) for row in validation.rows]
        np.testing.assert_allclose(validation.merged(outputs, held)[:, 0], means)
        model = ActivationSearchRegressor(split=splitter, **QUICK).fit(X, y)
        assert np.isfinite(model.results_["mean_loss"]).all()

    def test_a_splitter(self):
        X, y = draw_waves()
        model = ActivationSearchRegressor(split=KFold(3), **{**QUICK, "n_members": 4})
        model.fit(X, y)
        assert model._fitted.predictor.model.n_members == 4


class TestStrategies:
    @pytest.mark.parametrize("candidates", ["classic", "catalogue", "grammar"])
    @pytest.mark.parametrize("strategy", ["portfolio", "surrogate", "evolve"])
    def test_all_end_in_a_model(self, strategy, candidates):
        X, y = draw_waves(120)
        settings = {**QUICK, "candidates": candidates, "n_evaluations": 16, "max_epochs": 2}
        model = ActivationSearchRegressor(strategy=strategy, **settings).fit(X, y)
        names = model.results_["activation"]
        if (strategy, candidates) == ("portfolio", "classic"):
            assert names == list(CLASSIC)
        elif (strategy, candidates) == ("portfolio", "catalogue"):
            assert len(names) > 40
        else:
            assert 12 <= len(names) <= 20
        assert "silu" in names
        assert len(set(names)) == len(names)
        assert np.isfinite(model.predict(X)).all()

    def test_learned_parameters(self):
        X, y = draw_waves(120)
        text = "snake(trainable=True)"
        settings = {**QUICK, "candidates": ["silu", text, "relu", "tanh"], "max_epochs": 2}
        for strategy in ("portfolio", "surrogate"):
            model = ActivationSearchRegressor(strategy=strategy, n_best=4, **settings).fit(X, y)
            assert set(model.predicting_) == set(settings["candidates"])
            assert np.isfinite(model.predict(X)).all()

    def test_an_error_of_the_proposer_is_told(self):
        X, y = draw_waves(120)

        def fails(archive, rng, n):
            raise RuntimeError("no answer")

        model = ActivationSearchRegressor(strategy="evolve", proposer=fails, n_evaluations=24)
        with pytest.raises(RuntimeError, match="no answer"):
            model.set_params(**{**QUICK, "candidates": "classic", "max_epochs": 1}).fit(X, y)


class TestCandidates:
    def test_names(self):
        one, two = (
            ActivationSet.from_names(["sin", "tanh"]),
            ActivationSet.from_names(["sin", "tanh"]),
        )
        named = named_candidates(["relu", one, two, one, ["relu", one], [["sin"], two], "relu"])
        assert list(named) == [
            "relu",
            "set of sin, tanh",
            "set of sin, tanh (2)",
            "relu + set of sin, tanh",
            "sin / set of sin, tanh",
        ]
        assert named["set of sin, tanh (2)"] is two

    def test_layers_of_their_own(self):
        X, y = draw_waves(120)
        learned = ActivationSet.from_names(["tanh", "sin"])
        candidates = ["silu", [["sin"], ["relu", learned]], ["relu", learned]]
        settings = {**QUICK, "candidates": candidates, "hidden_layer_sizes": (8, 8)}
        model = ActivationSearchRegressor(**settings).fit(X, y)
        assert len(model.results_["activation"]) == 3
        display = ActivationSearchDisplay.from_estimator(model)
        assert len(display.axes_) == 3


class TestEstimators:
    def test_classes(self):
        X, y = draw_classes(200)
        model = ActivationSearchClassifier(**{**QUICK, "max_epochs": 40}).fit(X, y)
        assert model.score(X, y) > 0.85
        np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)
        weighted = ActivationSearchClassifier(class_weight="balanced", **QUICK).fit(X, y)
        assert set(weighted.predict(X)) <= set(y)

    def test_same_seed_same_model(self):
        X, y = draw_waves()
        one, two = (ActivationSearchRegressor(**QUICK).fit(X, y) for _ in range(2))
        np.testing.assert_array_equal(one.predict(X), two.predict(X))
        np.testing.assert_array_equal(one.results_["mean_loss"], two.results_["mean_loss"])

    def test_saving_and_tools(self):
        X, y = draw_waves()
        model = ActivationSearchRegressor(**QUICK).fit(X, y)
        twin = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(twin.predict(X), model.predict(X))
        assert np.isfinite(cross_val_score(clone(model), X, y, cv=2, error_score="raise")).all()

    def test_verbose(self, capsys):
        X, y = draw_waves(100)
        ActivationSearchRegressor(verbose=1, **QUICK).fit(X, y)
        assert "gain over silu" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("settings", "error", "message"),
        [
            ({"candidates": "all"}, ValueError, "'classic', 'catalogue', 'grammar' or a list"),
            ({"candidates": []}, ValueError, "candidates are empty"),
            ({"candidates": 3}, TypeError, "'classic', 'catalogue', 'grammar' or a list"),
            ({"candidates": [3]}, TypeError, "each of candidates must be a name"),
            ({"split": "time"}, ValueError, "split must be 'cv', 'tail' or a splitter"),
            ({"split": 3}, TypeError, "split must be 'cv', 'tail' or a splitter"),
            ({"proposer": lambda *_: []}, ValueError, "proposer needs strategy='evolve'"),
            ({"checkpoint": "x.json"}, ValueError, "checkpoint needs strategy='evolve'"),
            ({"hidden_layer_sizes": ()}, ValueError, "hidden_layer_sizes must be positive"),
        ],
    )
    def test_wrong_settings(self, settings, error, message):
        X, y = draw_waves(60)
        with pytest.raises(error, match=message):
            ActivationSearchRegressor(**{**QUICK, **settings}).fit(X, y)
