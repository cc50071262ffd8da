"""Networks whose neurons learn their own activation functions."""

import io
import pickle

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktaskneuron import (
    HamiltonianMLPRegressor,
    LearnedDiversityMLPClassifier,
    LearnedDiversityMLPRegressor,
)
from sktaskneuron.estimators.hamiltonian import regressor
from sktaskneuron.nn import ActivationSet

from ..data import draw_classes, draw_people, draw_quadratic

LEARNED = {
    "hidden_layer_sizes": (8,),
    "outer_steps": 3,
    "inner_steps": 5,
    "max_epochs": 10,
    "validation": 2,
    "random_state": 0,
}
GIVEN = {
    "hidden_layer_sizes": (16,),
    "activations": ["sin", "relu"],
    "learning_rate": 0.03,
    "max_epochs": 80,
    "validation": 2,
    "random_state": 0,
}


def draw_waves(n=400, seed=0):
    X = np.random.default_rng(seed).uniform(-2, 2, size=(n, 2))
    return X, np.sin(2 * X[:, 0]) + 0.5 * X[:, 1]


class TestLearning:
    def test_report(self):
        X, y = draw_waves()
        model = LearnedDiversityMLPRegressor(**LEARNED).fit(X, y)
        report = model.activation_report_
        names = ["learned", "learned 1", "learned 2", "sin", "sin + relu"]
        assert list(report["candidates"]) == names
        assert report["selected"] == model.selected_
        for entry in report["candidates"].values():
            assert set(entry) == {"loss", "gain", "standard_error", "learning_rate"}
        free = [report["candidates"][name] for name in ("sin", "sin + relu")]
        best = min(free, key=lambda entry: entry["loss"])
        assert best["gain"] == 0.0
        chosen = report["candidates"][model.selected_]
        if model.selected_.startswith("learned"):
            assert chosen["gain"] > chosen["standard_error"]
        else:
            assert chosen is best
        assert len(model.learned_) == 1
        assert model.activation_history_["evolution"].shape[1:] == (1, 2, 101)
        assert len(model.activation_history_["outer_loss"]) == 3
        assert model.oof_score_ == pytest.approx(1 - chosen["loss"], abs=0.1)

    def test_learned_functions_are_taken_where_they_help(self):
        """An even wave of two columns' product: far from the base, and noise-free."""
        X, y = draw_waves(600)
        y = np.cos(4 * X[:, 0] * X[:, 1])
        model = LearnedDiversityMLPRegressor(
            hidden_layer_sizes=(24,),
            base="relu",
            outer_steps=60,
            inner_steps=60,
            max_epochs=40,
            validation=2,
            random_state=0,
        ).fit(X, y)
        assert model.activation_report_["candidates"]["learned"]["gain"] > 0
        assert model.selected_.startswith("learned")
        assert isinstance(model.activations_, ActivationSet)

    def test_noise_is_mostly_not_taken_for_an_improvement(self):
        """The margin is for luck: the best of three learned groups is held against two others."""
        taken = 0
        for seed in range(6):
            rng = np.random.default_rng(seed)
            X, y = rng.normal(size=(200, 3)), rng.normal(size=200)
            settings = {**LEARNED, "outer_steps": 20, "random_state": seed}
            model = LearnedDiversityMLPRegressor(**settings).fit(X, y)
            taken += model.selected_.startswith("learned")
            assert model.score(X, y) < 0.5
        assert taken <= 3

    def test_without_comparison_the_mix_predicts(self):
        X, y = draw_waves()
        model = LearnedDiversityMLPRegressor(compare=False, **LEARNED).fit(X, y)
        assert model.selected_ == "learned"
        assert list(model.activation_report_["candidates"]) == ["learned"]
        blind = LearnedDiversityMLPRegressor(**{**LEARNED, "validation": None}).fit(X, y)
        assert blind.selected_ == "learned"
        assert np.isnan(blind.oof_score_)
        assert blind.activation_report_["candidates"] == {}

    def test_very_few_rows_learn_nothing_but_weights(self):
        X, y = draw_waves(15)
        model = LearnedDiversityMLPRegressor(**{**LEARNED, "validation": "auto"}).fit(X, y)
        assert model.learned_ == []
        assert model.selected_ == "sin"
        assert np.isfinite(model.predict(X)).all()

    @pytest.mark.parametrize("base", ["zero", "tanh"])
    @pytest.mark.parametrize("n_types", [1, 3])
    def test_types_and_bases(self, base, n_types):
        X, y = draw_classes()
        model = LearnedDiversityMLPClassifier(base=base, n_types=n_types, **LEARNED).fit(X, y)
        names = list(model.activation_report_["candidates"])
        assert ("tanh" in names) == (base == "tanh")
        assert sum(name.startswith("learned") for name in names) == (1 if n_types == 1 else 4)

    def test_a_base_per_type(self):
        X, y = draw_waves()
        model = LearnedDiversityMLPRegressor(base=["tanh", "x - sin(x) + 1"], **LEARNED).fit(X, y)
        names = list(model.activation_report_["candidates"])
        assert names[-2:] == ["tanh + x - sin(x) + 1", "sin + relu"]
        first, second = model.activation_history_["evolution"][0, 0]
        knots = model.learned_[0].grid.knots()
        np.testing.assert_allclose(first, np.tanh(knots), atol=1.0)
        np.testing.assert_allclose(second, knots - np.sin(knots) + 1, atol=1.0)
        assert model.learned_[0].text(1).startswith("x - sin(x) + 1 ")
        again = ActivationSet.from_json(model.learned_[0].to_json())
        np.testing.assert_array_equal(again.exact(knots), model.learned_[0].exact(knots))
        np.testing.assert_array_equal(again[1].exact(knots)[0], again.exact(knots)[1])

    def test_the_mix_of_the_bases_can_predict(self):
        X, y = draw_waves()
        bases = ["x - x**2", "tanh"]
        model = LearnedDiversityMLPRegressor(base=bases, **{**LEARNED, "outer_steps": 1})
        model.fit(X, y)
        free = [name for name in model.activation_report_["candidates"] if "learned" not in name]
        assert free == ["x - x**2 + tanh", "sin + relu"]
        if model.selected_ == free[0]:
            assert model.activations_ == bases

    def test_layers(self):
        X, y = draw_waves()
        settings = {**LEARNED, "hidden_layer_sizes": (8, 6)}
        model = LearnedDiversityMLPRegressor(share_across_layers=False, **settings).fit(X, y)
        assert len(model.learned_) == 2
        model = LearnedDiversityMLPRegressor(compare=False, share_across_layers=False, **settings)
        model.fit(X, y)
        assert [len(layer) for layer in model.activations_] == [2, 2]
        again = clone(model).set_params(activations=model.activations_).fit(X, y)
        assert again.selected_ == "given"


class TestGivenActivations:
    @pytest.mark.parametrize(
        "activations", ["sin", ["sin", "relu"], ActivationSet.from_names(["tanh", "sin"])]
    )
    def test_they_are_used(self, activations):
        X, y = draw_waves()
        model = LearnedDiversityMLPRegressor(**{**GIVEN, "activations": activations}).fit(X, y)
        assert model.selected_ == "given"
        assert model.activations_ is activations
        assert model.learned_ == []
        assert model.score(X, y) > 0.6

    def test_functions_of_another_model(self):
        X, y = draw_waves()
        first = LearnedDiversityMLPRegressor(compare=False, **LEARNED).fit(X, y)
        second = LearnedDiversityMLPRegressor(**{**GIVEN, "activations": first.activations_})
        assert second.fit(X, y).score(X, y) > 0.6

    def test_the_best_is_near_an_ordinary_network(self):
        from sklearn.neural_network import MLPRegressor

        X, y = draw_waves()
        Z, target = draw_waves(seed=1)
        model = LearnedDiversityMLPRegressor(
            (50,), activations=["sin", "relu"], random_state=0
        ).fit(X, y)
        peer = MLPRegressor(hidden_layer_sizes=(50,), max_iter=1000, random_state=0).fit(X, y)
        assert model.score(Z, target) > peer.score(Z, target)

    @pytest.mark.parametrize(
        ("activations", "error", "message"),
        [
            ("sine", ValueError, "unknown activation 'sine'"),
            (["sin", "sine"], ValueError, "unknown activation 'sine'"),
            ([], TypeError, "activations must be a name"),
            (3, TypeError, "activations must be a name"),
            (
                [ActivationSet.from_names(["sin"])] * 2,
                ValueError,
                "of 2 hidden layers, the network has 1",
            ),
            (["sin"] * 20, ValueError, "cannot have 20 types"),
        ],
    )
    def test_wrong_ones(self, activations, error, message):
        X, y = draw_waves(60)
        with pytest.raises(error, match=message):
            LearnedDiversityMLPRegressor(**{**GIVEN, "activations": activations}).fit(X, y)


class TestEstimators:
    def test_tables_with_categories_gaps_and_text_labels(self):
        pd = pytest.importorskip("pandas")
        columns, y = draw_people()
        X = pd.DataFrame(columns)
        labels = np.where(y > y.mean(), "high", "low")
        model = LearnedDiversityMLPClassifier(**GIVEN).fit(X, labels)
        assert model.score(X, labels) > 0.8
        assert list(model.feature_names_in_) == list(X.columns)
        np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)

    def test_several_targets(self):
        X, y = draw_waves()
        model = LearnedDiversityMLPRegressor(**GIVEN).fit(X, np.stack([y, -2 * y + 3], axis=1))
        value = model.predict(X)
        assert value.shape == (len(X), 2)
        np.testing.assert_allclose(value[:, 1], -2 * value[:, 0] + 3, atol=0.7)

    def test_class_weight(self):
        X, y = draw_classes(300)
        rare = (y == "outside") & (np.arange(300) % 6 > 0)
        X, y = X[~rare], y[~rare]
        plain = LearnedDiversityMLPClassifier(**GIVEN).fit(X, y)
        model = LearnedDiversityMLPClassifier(class_weight="balanced", **GIVEN).fit(X, y)
        assert model.predict_proba(X)[:, 1].mean() > plain.predict_proba(X)[:, 1].mean()

    @pytest.mark.parametrize("settings", [LEARNED, GIVEN], ids=["learned", "given"])
    def test_same_seed_same_model(self, settings):
        X, y = draw_waves(200)
        one, two = (LearnedDiversityMLPRegressor(**settings).fit(X, y) for _ in range(2))
        np.testing.assert_array_equal(one.predict(X), two.predict(X))
        other = clone(one).set_params(random_state=1).fit(X, y)
        assert not np.array_equal(one.predict(X), other.predict(X))

    @pytest.mark.parametrize("settings", [LEARNED, GIVEN], ids=["learned", "given"])
    def test_saving(self, settings):
        X, y = draw_classes()
        model = LearnedDiversityMLPClassifier(**settings).fit(X, y)
        file = io.BytesIO()
        joblib.dump(model, file)
        file.seek(0)
        data = skops.io.dumps(model)
        untrusted = skops.io.get_untrusted_types(data=data)
        assert all(name.startswith("sktaskneuron.") for name in untrusted)
        for twin in (
            pickle.loads(pickle.dumps(model)),
            joblib.load(file),
            skops.io.loads(data, trusted=untrusted),
        ):
            np.testing.assert_array_equal(twin.predict_proba(X), model.predict_proba(X))
        assert len(pickle.dumps(model)) < 400_000

    def test_rows_do_not_depend_on_one_another(self):
        X, y = draw_waves()
        model = LearnedDiversityMLPRegressor(**GIVEN).fit(X, y)
        whole = model.predict(X)
        np.testing.assert_array_equal(model.predict(X[::-1])[::-1], whole)
        np.testing.assert_array_equal(model.predict(X[17:18]), whole[17:18])

    def test_among_scikit_learns_tools(self):
        X, y = draw_classes()
        pipe = make_pipeline(StandardScaler(), LearnedDiversityMLPClassifier(**GIVEN))
        assert cross_val_score(pipe, X, y, cv=2, error_score="raise").mean() > 0.8
        grid = GridSearchCV(
            LearnedDiversityMLPClassifier(**GIVEN),
            {"activations": ["relu", ["sin", "relu"]]},
            cv=2,
            error_score="raise",
        ).fit(X, y)
        assert np.isfinite(grid.cv_results_["mean_test_score"]).all()

    def test_callbacks(self, capsys):
        pytest.importorskip("rich")
        X, y = draw_waves(100)
        model = LearnedDiversityMLPRegressor(**LEARNED)
        model.set_callbacks(ProgressBar()).fit(X, y)
        assert "activations" in capsys.readouterr().out

    def test_verbose(self, capsys):
        X, y = draw_waves(100)
        LearnedDiversityMLPRegressor(verbose=1, **LEARNED).fit(X, y)
        text = capsys.readouterr().out
        assert "activations, epoch 3/3: outer_loss" in text
        assert "sin + relu: held-out loss" in text

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"n_members": 1}, "less than the 2 folds"),
            ({"hidden_layer_sizes": ()}, "hidden_layer_sizes must be positive"),
            ({"hidden_layer_sizes": (3, 0)}, "hidden_layer_sizes must be positive"),
            ({"activations": None, "base": "cosine"}, "base: unknown activation 'cosine'.*'zero'"),
            ({"activations": None, "base": ["sin"] * 3}, "base names 3 functions for 2 types"),
            ({"activations": None, "base": "prelu(trainable=True)"}, "base: .*to learn"),
            ({"activations": None, "n_types": 30}, "cannot have 30 types"),
            ({"validation": 200}, "LearnedDiversityMLPRegressor: .*leaves no rows"),
            ({"device": "tpu"}, "device"),
        ],
    )
    def test_wrong_settings(self, settings, message):
        X, y = draw_waves(60)
        with pytest.raises(ValueError, match=message):
            LearnedDiversityMLPRegressor(**{**GIVEN, **settings}).fit(X, y)

    def test_members_and_shares(self):
        X, y = draw_quadratic(200)
        model = LearnedDiversityMLPRegressor(**{**GIVEN, "n_members": 5, "validation": 0.25})
        model.fit(X, y)
        assert model._fitted.predictor.model.n_members == 5
        assert np.isfinite(model.oof_score_)


HAMILTONIAN = {
    "hidden_layer_sizes": (24,),
    "learning_rate": 0.03,
    "max_epochs": 60,
    "validation": 0.2,
    "random_state": 0,
}


class TestHamiltonian:
    def pendulum(self, n=600, seed=0):
        """States of q in rad and p in other units, so that scales matter."""
        X = np.random.default_rng(seed).uniform([-1.5, -20], [1.5, 20], size=(n, 2))
        return X, np.stack([X[:, 1] / 10, -10 * np.sin(X[:, 0])], axis=1)

    def energy(self, X):
        return X[:, 1] ** 2 / 20 - 10 * np.cos(X[:, 0])

    def test_field_and_energy(self):
        X, y = self.pendulum()
        model = HamiltonianMLPRegressor(**HAMILTONIAN).fit(X, y)
        Z, target = self.pendulum(seed=1)
        assert model.score(Z, target) > 0.995
        value, true = model.energy(Z), self.energy(Z)
        assert np.corrcoef(value, true)[0, 1] > 0.999
        assert np.std(value - true) < 0.05 * np.std(true)
        assert abs(model.energy(X).mean()) < 1e-9

    def test_prediction_is_the_gradient_of_the_energy(self):
        X, y = self.pendulum(200)
        model = HamiltonianMLPRegressor(**HAMILTONIAN).fit(X, y)
        step = np.array([1e-4, 1e-3])
        for place, sign in ((0, -1), (1, 1)):
            move = np.zeros(2)
            move[place] = step[place]
            slope = (model.energy(X + move) - model.energy(X - move)) / (2 * step[place])
            np.testing.assert_allclose(
                sign * slope, model.predict(X)[:, 1 - place], rtol=1e-3, atol=1e-3
            )

    def test_orbits(self):
        X, y = self.pendulum()
        model = HamiltonianMLPRegressor(**HAMILTONIAN).fit(X, y)
        t = np.linspace(0, 20, 81)
        start = [[0.8, 0.0], [0.0, 9.0]]
        path = model.simulate(start, t)
        assert path.shape == (2, 81, 2)
        np.testing.assert_array_equal(path[:, 0], start)
        np.testing.assert_allclose(model.simulate(start[0], t), path[0], atol=1e-8)
        exact = model.simulate(start, t, method="rk4", max_step=0.02)
        np.testing.assert_allclose(path, exact, atol=0.5)
        drift = model.energy_drift(start, t)
        assert (drift < 0.02 * self.energy(X).std()).all()
        assert (model.energy_drift(start, t, "rk4", max_step=0.02) < 1e-5).all()
        assert (model.energy_drift(start, t, energy=self.energy) < 1.0).all()

    def test_leapfrog_keeps_the_energy_for_long(self):
        X, y = self.pendulum()
        model = HamiltonianMLPRegressor(**HAMILTONIAN).fit(X, y)
        short = model.energy_drift([0.8, 0.0], np.linspace(0, 10, 41), max_step=0.1)
        long = model.energy_drift([0.8, 0.0], np.linspace(0, 100, 401), max_step=0.1)
        assert long[0] < 2 * short[0]

    def test_trajectories(self):
        X, y = self.pendulum()
        model = HamiltonianMLPRegressor(**HAMILTONIAN).fit(X, y)
        t = np.linspace(0, 6, 200)
        starts = np.random.default_rng(0).uniform([-1, -8], [1, 8], size=(12, 2))
        paths = model.simulate(starts, t, "rk4")
        twin = HamiltonianMLPRegressor(**HAMILTONIAN).fit(paths, t)
        states = paths.reshape(-1, 2)
        assert twin.score(states, model.predict(states)) > 0.99
        weighted = HamiltonianMLPRegressor(**HAMILTONIAN).fit(paths, t, np.ones(12))
        np.testing.assert_array_equal(weighted.predict(states), twin.predict(states))

    def orbits(self):
        """Five of an oscillator."""
        t = np.linspace(0, 4, 40)
        size = np.array([0.5, 1, 1.5, 2, 0.2])[:, None]
        return np.stack([size * np.cos(t), -size * np.sin(t)], axis=2), t

    def test_orbits_are_held_out_whole(self, monkeypatch):
        paths, t = self.orbits()
        seen = []
        monkeypatch.setattr(
            regressor, "fit_hamiltonian", lambda _, motion, report: seen.append(motion) or 1 / 0
        )
        for n_folds, groups in ((5, None), (4, [0, 0, 1, 2, 3])):
            model = HamiltonianMLPRegressor(**{**HAMILTONIAN, "validation": GroupKFold(n_folds)})
            with pytest.raises(ZeroDivisionError):
                model.fit(paths, t, groups=groups)
        alone, pairs = (motion.splits for motion in seen)
        assert all(len(train) + len(held) == 200 for train, held in alone + pairs)
        for splits, sizes in ((alone, [40] * 5), (pairs, [40, 40, 40, 80])):
            assert sorted(len(held) for _, held in splits) == sizes
            assert all(len(np.unique(held // 40)) == len(held) // 40 for _, held in splits)

    def test_rows_that_judge(self):
        X, y = self.pendulum(300)
        Z, target = self.pendulum(80, seed=1)
        settings = {**HAMILTONIAN, "validation": None, "n_members": 2}
        model = HamiltonianMLPRegressor(**settings).fit(X, y, X_val=Z, y_val=target)
        assert model.oof_score_ == pytest.approx(model.score(Z, target), abs=1e-6)
        assert "valid_loss" in model.history_
        same = clone(model).fit(X, y, X_val=Z, y_val=target, sample_weight_val=np.ones(80))
        np.testing.assert_array_equal(same.predict(Z), model.predict(Z))
        wrong = clone(model).fit(X, y, X_val=Z, y_val=-target)
        assert wrong.oof_score_ < 0 < model.oof_score_
        paths, t = self.orbits()
        judged = HamiltonianMLPRegressor(**{**settings, "max_epochs": 2})
        judged.fit(paths, t, X_val=paths[:1], y_val=t)
        assert np.isfinite(judged.oof_score_)

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"X_val": np.zeros((3, 2))}, "needs X_val and y_val together"),
            ({"X_val": np.zeros((3, 4)), "y_val": np.zeros((3, 4))}, "4 features"),
            ({"X_val": np.zeros((3, 2)), "y_val": np.zeros(3)}, "y_val holds the derivative"),
            ({"groups": [1, 2]}, "inconsistent numbers of samples"),
        ],
        ids=["half", "columns", "rates", "groups"],
    )
    def test_rows_that_cannot_judge(self, given, message):
        X, y = self.pendulum(30)
        model = HamiltonianMLPRegressor(**{**HAMILTONIAN, "validation": GroupKFold(2)})
        with pytest.raises(ValueError, match=message):
            model.fit(X, y, **{"groups": np.arange(30), **given})

    def test_learned_functions(self):
        X, y = self.pendulum(200)
        model = HamiltonianMLPRegressor(
            hidden_layer_sizes=(8,),
            activations=None,
            outer_steps=2,
            inner_steps=4,
            max_epochs=5,
            validation=0.3,
            random_state=0,
        ).fit(X, y)
        names = list(model.activation_report_["candidates"])
        assert names == ["learned", "learned 1", "learned 2", "tanh", "sin + tanh"]

    def test_tables_are_cubic(self):
        """Of linear tables the field would be a staircase."""
        X, y = self.pendulum()
        exact = HamiltonianMLPRegressor(**HAMILTONIAN, activations="tanh").fit(X, y)
        table = HamiltonianMLPRegressor(
            **HAMILTONIAN, activations=ActivationSet.from_names(["tanh"])
        ).fit(X, y)
        assert 1 - table.score(X, y) < 1.05 * (1 - exact.score(X, y)) + 1e-6

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda X, y: (X[:, :1], y[:, :1]), "an even number of columns, got n_features = 1"),
            (lambda X, y: (X, y[:, 0]), "derivative of every column"),
            (lambda X, y: (X[None], y[:3, 0]), "y holds their 60 times"),
            (lambda X, y: (X[None], np.zeros(60)), "increasing times"),
            (lambda X, y: (np.where(X > 1, np.nan, X), y), "NaN"),
        ],
    )
    def test_wrong_tables(self, change, message):
        X, y = change(*self.pendulum(60))
        with pytest.raises(ValueError, match=message):
            HamiltonianMLPRegressor(**HAMILTONIAN).fit(X, y)

    def test_wrong_simulations(self):
        X, y = self.pendulum(60)
        model = HamiltonianMLPRegressor(**{**HAMILTONIAN, "max_epochs": 2}).fit(X, y)
        with pytest.raises(ValueError, match="'leapfrog' or 'rk4'"):
            model.simulate([0.0, 0.0], [0.0, 1.0], "euler")
        with pytest.raises(ValueError, match="increasing times"):
            model.simulate([0.0, 0.0], [1.0, 0.0])
        with pytest.raises(ValueError, match="features"):
            model.simulate([0.0, 0.0, 1.0], [0.0, 1.0])
