"""Convex blends of any estimators: their weights, their metadata, and how they live."""

import pickle
from unittest import mock

import numpy as np
import pytest
import sklearn
from joblib import parallel_config
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, TimeSeriesSplit
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeRegressor

from sktaskneuron import BlendClassifier, BlendRegressor

from ..data import draw_columns

PARTS = [("ridge", Ridge()), ("near", KNeighborsRegressor()), ("mean", DummyRegressor())]


def draw(n_rows=200, seed=0):
    X = draw_columns(n_rows, seed=seed)
    noise = np.random.default_rng([seed, 1]).normal(size=n_rows)
    return X, 3.0 * X[:, 0] + 2.0 * np.abs(X[:, 1]) + 0.1 * noise


@pytest.fixture(scope="module")
def fitted():
    return BlendRegressor(PARTS, random_state=0).fit(*draw())


class TestWeights:
    def test_are_convex(self, fitted):
        weights = fitted.weights_
        assert list(weights) == ["ridge", "near", "mean"]
        assert min(weights.values()) >= 0
        assert sum(weights.values()) == pytest.approx(1.0)
        assert set(fitted.validation_scores_) == {*weights, "blend"}

    def test_are_those_of_the_least_error(self, fitted):
        """No other convex weights have a lower error on the held-out rows, but for the prior."""
        X, y = draw()
        held = np.empty((3, len(y)))
        for train, rows in KFold(5, shuffle=True, random_state=fitted_seed()).split(X):
            for place, (_, part) in enumerate(PARTS):
                held[place, rows] = clone(part).fit(X[train], y[train]).predict(X[rows])
        found = np.mean((np.array(list(fitted.weights_.values())) @ held - y) ** 2)
        others = np.random.default_rng(0).dirichlet(np.ones(3), size=2_000) @ held
        assert found < 1.01 * np.mean((others - y) ** 2, axis=1).min()

    def test_a_blend_is_better_than_its_parts(self, fitted):
        X, y = draw(1_000, seed=1)
        assert all(fitted.score(X, y) > part.score(X, y) for part in fitted.estimators_)
        assert fitted.validation_scores_["blend"] == pytest.approx(fitted.score(X, y), abs=0.1)

    def test_what_has_no_weight_is_not_fitted(self, fitted):
        assert fitted.weights_["mean"] == 0.0
        assert list(fitted.named_estimators_) == ["ridge", "near"]
        X, _ = draw()
        parts = [
            w * fitted.named_estimators_[n].predict(X) for n, w in fitted.weights_.items() if w
        ]
        np.testing.assert_allclose(fitted.predict(X), sum(parts))

    def test_of_classes(self):
        X, y = load_iris(return_X_y=True)
        parts = [("forest", RandomForestClassifier(20, random_state=0))]
        parts += [("logistic", LogisticRegression(max_iter=300))]
        model = BlendClassifier(parts, random_state=0).fit(X, y.astype(str))
        scores = dict(model.validation_scores_)
        blend = scores.pop("blend")
        assert blend > max(scores.values()) - 0.005
        assert sum(model.weights_.values()) == pytest.approx(1.0)
        assert model.classes_.tolist() == ["0", "1", "2"]
        np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)
        assert model.score(X, y.astype(str)) > 0.95

    def test_a_temperature_calms_those_that_are_too_sure(self):
        X, y = draw(300)
        labels = y + np.random.default_rng(0).normal(size=300) > 1.5
        model = BlendClassifier([("near", KNeighborsClassifier(1))], random_state=0).fit(X, labels)
        assert model.inverse_temperature_ < 0.7
        assert model.weights_ == {"near": 1.0}
        probabilities = model.predict_proba(X)
        assert probabilities.max() < 0.95

    def test_a_class_that_a_fold_lacks(self):
        X, y = draw(40)
        labels = np.where(np.arange(40) == 3, "rare", np.where(y > 1.5, "high", "low"))
        model = BlendClassifier([("near", KNeighborsClassifier())], random_state=0).fit(X, labels)
        assert np.isfinite(model.validation_scores_["blend"])
        assert model.predict_proba(X).shape == (40, 3)


def fitted_seed():
    """The seed of the folds of random_state=0."""
    return int(np.random.RandomState(0).randint(2**31 - 1))


class TestRows:
    def test_weights_go_to_parts_and_to_the_blend(self):
        X, y = draw()
        tree = [("tree", DecisionTreeRegressor(max_depth=2)), ("mean", DummyRegressor())]
        heavy = X[:, 2] > 0
        y = np.where(heavy, y, -y)
        model = BlendRegressor(tree, random_state=0)
        plain = model.fit(X, y).score(X[heavy], y[heavy])
        weighted = model.fit(X, y, sample_weight=np.where(heavy, 1e6, 1.0))
        assert weighted.score(X[heavy], y[heavy]) > plain + 0.1
        assert weighted.weights_["tree"] > 0.9

    def test_weights_that_a_part_does_not_take(self):
        X, y = draw(40)
        with pytest.raises(
            TypeError, match="'near', a KNeighborsRegressor, takes no sample_weight"
        ):
            BlendRegressor(PARTS).fit(X, y, sample_weight=np.ones(40))

    def test_groups(self):
        X, y = draw(60)
        groups = np.arange(60) % 6
        model = BlendRegressor(PARTS, cv=GroupKFold(3))
        assert model.fit(X, y, groups=groups).weights_["mean"] == 0.0
        with pytest.raises(ValueError, match="'groups' parameter should not be None"):
            model.fit(X, y)

    def test_routing(self):
        X, y = draw(60)
        weight = np.arange(60) + 1.0
        with sklearn.config_context(enable_metadata_routing=True):
            parts = [("ridge", Ridge().set_fit_request(sample_weight=True))]
            parts += [("near", KNeighborsRegressor())]
            model = BlendRegressor(parts, cv=GroupKFold(3)).set_fit_request(sample_weight=True)
            with mock.patch.object(Ridge, "fit", autospec=True, side_effect=Ridge.fit) as seen:
                model.fit(X, y, sample_weight=weight, groups=np.arange(60) % 6)
            assert seen.call_args.kwargs["sample_weight"].tolist() == weight.tolist()

    def test_splits_that_are_no_partition(self):
        X, y = draw(60)
        model = BlendRegressor(PARTS, cv=TimeSeriesSplit(3)).fit(X, y)
        assert sum(model.weights_.values()) == pytest.approx(1.0)
        twice = [(np.arange(30), np.arange(30, 60)), (np.arange(60) < 20, np.arange(60) >= 40)]
        assert BlendRegressor(PARTS, cv=twice).fit(X, y).n_features_in_ == 4

    def test_several_outputs(self):
        X, y = draw()
        both = np.column_stack([y, X[:, 3]])
        model = BlendRegressor(PARTS, random_state=0).fit(X, both)
        assert model.predict(X).shape == both.shape
        assert model.score(X, both) > 0.7

    def test_tables(self, dataframe):
        X, y = draw(60)
        table = dataframe({"a": X[:, 0], "b": X[:, 1]})
        model = BlendRegressor([("line", LinearRegression())], random_state=0).fit(table, y)
        assert model.n_features_in_ == 2
        assert model.feature_names_in_.tolist() == ["a", "b"]
        text = dataframe({"c": ["u", "v"] * 30})
        line = make_pipeline(OrdinalEncoder(), LinearRegression())
        assert BlendRegressor([("line", line)]).fit(text, y).predict(text).shape == (60,)


class TestLife:
    def test_same_seed_same_result_whatever_the_jobs(self, fitted):
        X, y = draw()
        with parallel_config("threading", n_jobs=2):
            again = clone(fitted).fit(X, y)
        np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
        other = clone(fitted).set_params(random_state=1).fit(X, y)
        assert other.weights_ != fitted.weights_

    def test_pickle(self, fitted):
        X, _ = draw()
        copy = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_array_equal(copy.predict(X), fitted.predict(X))

    def test_nested_parameters(self):
        model = BlendRegressor(PARTS).set_params(near__n_neighbors=3, mean="drop")
        assert model.get_params()["near__n_neighbors"] == 3
        assert set(model.fit(*draw(60)).weights_) == {"ridge", "near"}
        grid = GridSearchCV(
            BlendRegressor(PARTS[:2], random_state=0), {"near__n_neighbors": [3, 30]}
        )
        assert grid.fit(*draw(60)).best_params_ == {"near__n_neighbors": 3}

    def test_frozen_parts(self):
        X, y = load_diabetes(return_X_y=True)
        parts = [
            ("old", FrozenEstimator(Ridge().fit(X[:200], y[:200]))),
            ("mean", DummyRegressor()),
        ]
        assert BlendRegressor(parts, random_state=0).fit(X[200:], y[200:]).weights_["old"] > 0.8

    def test_a_fit_is_whole_or_not_at_all(self, fitted):
        X, y = draw()
        model = clone(fitted).fit(X, y)
        before = dict(vars(model))
        cut = mock.patch.object(KNeighborsRegressor, "fit", side_effect=KeyboardInterrupt)
        with cut, pytest.raises(KeyboardInterrupt):
            model.fit(X[:, :2], y)
        assert vars(model) == before

    def test_refusals(self):
        X, y = draw(40)
        with pytest.raises(TypeError, match="'svc', a LinearSVC, has no predict_proba"):
            BlendClassifier([("svc", LinearSVC())]).fit(X, y > 1)
        with pytest.raises(ValueError, match="should be a regressor"):
            BlendRegressor([("svc", LinearSVC())]).fit(X, y)
        with pytest.raises(ValueError, match="cv=5 folds, got n_samples = 3"):
            BlendRegressor(PARTS).fit(X[:3], y[:3])
        with pytest.raises(ValueError, match="no rows of positive weight"):
            BlendRegressor(PARTS, cv=[(np.arange(30), np.arange(0))]).fit(X, y)
