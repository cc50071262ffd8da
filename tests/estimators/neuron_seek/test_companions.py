"""Estimators of scikit-learn beside the networks: trained on their folds, weighed by their rows."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeRegressor

from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor
from sktaskneuron.exceptions import TimeLimitWarning

from ..data import QUICK, draw_columns, draw_people

TREES = {**QUICK, "companions": ["boosted_trees"]}


def draw_steps(n_rows=200, seed=0):
    """A target of thresholds, which trees find and networks of a few epochs do not."""
    X = draw_columns(n_rows, seed=seed)
    noise = np.random.default_rng([seed, 1]).normal(size=n_rows)
    return X, 3.0 * (X[:, 0] > 0.2) + 2.0 * (X[:, 1] > -0.4) + 0.1 * noise


@pytest.fixture(scope="module")
def fitted():
    X, y = draw_steps()
    return NeuronSeekRegressor(**TREES).fit(X, y)


class TestBlend:
    def test_trees_carry_a_target_of_steps(self, fitted):
        assert fitted.weights_["boosted_trees"] > 0.5
        assert sum(fitted.weights_.values()) == pytest.approx(1.0)
        assert set(fitted.weights_) | {"blend"} == set(fitted.validation_scores_)
        assert "boosted_trees" in fitted.formula_gain_
        new, truth = draw_steps(500, seed=1)
        alone = NeuronSeekRegressor(**QUICK).fit(*draw_steps())
        assert fitted.score(new, truth) > alone.score(new, truth) + 0.1

    def test_nothing_else_changes(self):
        X, y = draw_steps()
        alone = NeuronSeekRegressor(**QUICK).fit(X, y)
        useless = NeuronSeekRegressor(**QUICK, companions=[DummyRegressor()]).fit(X, y)
        rest = dict(useless.validation_scores_)
        assert rest.pop("dummyregressor") == pytest.approx(rest["constant"])
        for name in ("constant", "linear", "task", "ranks"):
            assert rest[name] == alone.validation_scores_[name]

    def test_classes(self):
        X, y = draw_steps()
        labels = np.array(["low", "mid", "high"])[np.digitize(y, [1.0, 4.0])]
        companions = ["boosted_trees", ("forest", RandomForestClassifier(20))]
        model = NeuronSeekClassifier(**QUICK, companions=companions).fit(X, labels)
        assert {"boosted_trees", "forest"} < set(model.weights_)
        assert model.score(X, labels) > 0.9
        again = clone(model).fit(X, labels)  # the forest has a seed of ours
        np.testing.assert_array_equal(model.predict_proba(X), again.predict_proba(X))

    def test_names(self):
        X, y = draw_steps(60)
        companions = [Ridge(), Ridge(10.0), ("mine", Ridge(100.0))]
        model = NeuronSeekRegressor(**QUICK, companions=companions).fit(X, y)
        assert {"ridge", "ridge-2", "mine"} < set(model.weights_)

    def test_several_targets(self):
        X, y = draw_steps()
        both = np.column_stack([y, X[:, 2] + y])
        companions = ["boosted_trees", KNeighborsRegressor()]
        model = NeuronSeekRegressor(**QUICK, companions=companions).fit(X, both)
        assert model.weights_["boosted_trees"] > 0.3
        assert model.predict(X).shape == both.shape

    @pytest.mark.parametrize("loss", ["absolute_error", "huber", "poisson", "gamma", "tweedie"])
    def test_losses(self, loss):
        X, y = draw_steps()
        model = NeuronSeekRegressor(loss=loss, **TREES).fit(X, np.exp(y / 4))
        assert model.weights_["boosted_trees"] > 0.5

    def test_levels(self):
        X, y = draw_steps()
        model = NeuronSeekRegressor(loss="quantile", quantile=[0.1, 0.9], **TREES).fit(X, y)
        low, high = model.predict(X).T
        assert model.weights_["boosted_trees"] > 0.5
        assert 0.6 < np.mean((low <= y) & (y <= high)) < 0.98

    def test_values_that_have_no_logarithm(self):
        X, y = draw_steps()
        model = NeuronSeekRegressor(loss="poisson", **QUICK, companions=[Ridge()])
        model.fit(X, np.maximum(y - 2.0, 0.0))
        assert np.isfinite(model.validation_scores_["ridge"])
        assert (model.predict(X) > 0).all()

    def test_rows_that_judge(self):
        X, y = draw_steps()
        model = NeuronSeekRegressor(**TREES).fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])
        assert model.weights_["boosted_trees"] > 0.5
        assert 0.5 < model.validation_scores_["boosted_trees"] < 1.0

    def test_groups(self):
        X, y = draw_steps()
        settings = {**TREES, "validation": GroupKFold(2)}
        model = NeuronSeekRegressor(**settings).fit(X, y, groups=np.arange(200) % 10)
        assert model.weights_["boosted_trees"] > 0.5

    def test_categories_and_gaps(self, dataframe):
        columns, y = draw_people()
        X = dataframe(columns)
        model = NeuronSeekRegressor(**TREES).fit(X, y)
        assert np.isfinite(model.predict(X)).all()
        assert model.validation_scores_["boosted_trees"] > 0.5


class TestWeights:
    def test_are_handed_on(self):
        X, y = draw_steps()
        weight = np.where(X[:, 2] > 0, 3.0, 1.0)
        tree = [("tree", DecisionTreeRegressor(max_depth=3))]
        plain = NeuronSeekRegressor(**QUICK, companions=tree).fit(X, y)
        weighted = NeuronSeekRegressor(**QUICK, companions=tree).fit(X, y, sample_weight=weight)
        assert plain.validation_scores_["tree"] != weighted.validation_scores_["tree"]

    def test_are_refused_where_they_cannot_be(self):
        X, y = draw_steps(60)
        model = NeuronSeekRegressor(**QUICK, companions=[KNeighborsRegressor()])
        with pytest.raises(TypeError, match="'kneighborsregressor', a KNeighborsRegressor, takes"):
            model.fit(X, y, sample_weight=np.arange(60) + 1.0)

    def test_of_one_need_no_handing_on(self):
        X, y = draw_steps(60)
        companions = [make_pipeline(StandardScaler(), Ridge())]
        model = NeuronSeekRegressor(**QUICK, companions=companions)
        assert "pipeline" in model.fit(X, y, sample_weight=np.ones(60)).weights_


class TestRest:
    def test_pickle(self, fitted):
        X, _ = draw_steps()
        copy = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_array_equal(copy.predict(X), fitted.predict(X))
        np.testing.assert_allclose(fitted.predict(X[:1]), fitted.predict(X)[:1], rtol=1e-6)

    def test_intervals(self, fitted):
        X, y = draw_steps(500, seed=1)
        low, high = fitted.predict_interval(X).T
        assert 0.8 < np.mean((low <= y) & (y <= high)) <= 1.0

    def test_importances(self, fitted):
        first, second, *rest = fitted.feature_importances_
        assert first > 3 * max(rest)
        assert second > 2 * max(rest)

    def test_are_not_written_elsewhere(self, fitted):
        pytest.importorskip("onnx")
        with pytest.raises(ValueError, match=r"to_onnx writes .* companion 'boosted_trees'"):
            fitted.to_onnx()
        with pytest.raises(ValueError, match=r"to_torch writes .* companion 'boosted_trees'"):
            fitted.to_torch()
        with pytest.raises(AttributeError, match="'blend', which is no equation"):
            fitted.to_latex()

    def test_time_limit(self):
        X, y = draw_steps(60)
        with pytest.warns(TimeLimitWarning, match="the companion 'boosted_trees'"):
            NeuronSeekRegressor(**TREES, time_limit=1e-3).fit(X, y)

    def test_going_on(self):
        X, y = draw_steps()
        model = NeuronSeekRegressor(**TREES, warm_start=True).fit(X, y).fit(X + 0.01, y)
        assert model.weights_["boosted_trees"] > 0.5
        with pytest.raises(ValueError, match="companions are fitted to all rows at once"):
            clone(model).partial_fit(X, y)

    def test_a_rare_class(self):
        X, _ = draw_steps(60)
        y = np.arange(60) == 7
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = NeuronSeekClassifier(**QUICK, companions=[KNeighborsClassifier()]).fit(X, y)
        assert np.isfinite(model.predict_proba(X)).all()


class TestRefusals:
    @pytest.mark.parametrize(
        ("companions", "error", "message"),
        [
            (["trees"], ValueError, "one text, 'boosted_trees', got 'trees'"),
            ([3], TypeError, "must hold estimators"),
            ([Ridge], TypeError, "must hold estimators"),
            ([LinearSVC()], TypeError, "a regressor, and LinearSVC is not"),
            ([("task", Ridge())], ValueError, "the name 'task' of a companion is taken"),
            ([("a", Ridge()), ("a", Ridge())], ValueError, "the name 'a'"),
        ],
        ids=["text", "number", "class", "kind", "own name", "twice"],
    )
    def test_of_values(self, companions, error, message):
        X, y = draw_steps(40)
        with pytest.raises(error, match=message):
            NeuronSeekRegressor(**QUICK, companions=companions).fit(X, y)

    def test_of_classifiers_without_probabilities(self):
        X, y = draw_steps(40)
        with pytest.raises(TypeError, match="with predict_proba, and LinearSVC is not"):
            NeuronSeekClassifier(**QUICK, companions=[LinearSVC()]).fit(X, y > 2)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"compare_simple": False}, "companions take part in a comparison"),
            ({"validation": None}, "weighs companions by held-out rows"),
        ],
        ids=["alone", "unvalidated"],
    )
    def test_of_options(self, options, message):
        X, y = draw_steps(40)
        with pytest.raises(ValueError, match=message):
            NeuronSeekRegressor(**{**TREES, **options}).fit(X, y)

    def test_of_levels(self):
        X, y = draw_steps(40)
        settings = {**QUICK, "loss": "quantile", "quantile": [0.1, 0.9]}
        with pytest.raises(ValueError, match="'ridge' predicts one number"):
            NeuronSeekRegressor(**settings, companions=[Ridge()]).fit(X, y)

    def test_of_an_estimator_itself(self):
        X, y = draw_steps(40)
        with pytest.raises(ValueError, match="n_neighbors") as raised:
            NeuronSeekRegressor(**QUICK, companions=[KNeighborsRegressor(1000)]).fit(X, y)
        assert "companion 'kneighborsregressor'" in "".join(raised.value.__notes__)
