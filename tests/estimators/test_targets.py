"""Labels, several targets, weights."""

import numpy as np
import pytest
from sklearn.exceptions import DataConversionWarning

from sktaskneuron import NeuronFormulaSearch, NeuronSeekClassifier, NeuronSeekRegressor

from .data import ALONE, QUICK, draw_classes, draw_columns, draw_quadratic


class TestLabels:
    @pytest.mark.parametrize(
        "names",
        [("no", "yes"), (0, 1), (-1, 1), (False, True), (2.0, 7.0), ("a", "b", "c"), (3, 1, 2)],
        ids=str,
    )
    def test_any_type_of_label(self, names):
        X, y = draw_classes(names=names)
        model = NeuronSeekClassifier(
            "x + x**2", **{**ALONE, "max_epochs": 60, "learning_rate": 0.2}
        )
        model.fit(X, y)
        assert model.classes_.tolist() == sorted(names)
        assert model.classes_.dtype == y.dtype
        predicted, probability = model.predict(X), model.predict_proba(X)
        assert predicted.dtype == y.dtype
        assert (predicted == y).mean() > 0.8
        assert probability.dtype == np.float64
        assert probability.shape == (len(X), len(names))
        np.testing.assert_allclose(probability.sum(axis=1), 1.0, rtol=1e-12)
        np.testing.assert_array_equal(model.classes_[probability.argmax(axis=1)], predicted)

    def test_names_of_classes_do_not_matter(self):
        X, y = draw_classes()
        model = NeuronSeekClassifier(**QUICK)
        by_text = model.fit(X, y).predict_proba(X)
        by_number = model.fit(X, (y == "outside").astype(int)).predict_proba(X)
        np.testing.assert_array_equal(by_text, by_number)

    def test_search_reads_two_values_as_classes(self):
        X, y = draw_classes(200)
        codes = (y == "outside").astype(float)
        kinds = {"auto": True, "classes": True, "continuous": False}
        for target_type, classes in kinds.items():
            search = NeuronFormulaSearch(target_type=target_type, n_resamples=0).fit(X, codes)
            assert hasattr(search, "classes_") is classes
            assert (search.fitted_formula_.link == "logit") is classes

    def test_search_reads_two_fractions_as_numbers(self):
        X, y = draw_classes(200)
        search = NeuronFormulaSearch(n_resamples=0).fit(X, np.where(y == "outside", 0.5, -0.5))
        assert not hasattr(search, "classes_")

    def test_several_classes_share_one_formula(self):
        X, y = draw_classes(300, names=("low", "middle", "high"))
        search = NeuronFormulaSearch(n_resamples=0).fit(X, y)
        assert search.classes_.tolist() == ["high", "low", "middle"]
        assert search.fitted_formula_.evaluate(X).shape == (300, 3)
        assert "x**2" in search.formula_.pure


class TestSeveralOutputs:
    def test_shapes(self):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor("x + x**2", **ALONE)
        assert model.fit(X, y).predict(X).shape == (len(X),)
        assert model.n_outputs_ == 1
        with pytest.warns(DataConversionWarning, match="column-vector"):
            assert model.fit(X, y[:, None]).predict(X).shape == (len(X),)
        Y = np.column_stack([y, -y, X[:, 0]])
        predicted = model.fit(X, Y).predict(X)
        assert predicted.shape == (len(X), 3)
        assert predicted.dtype == np.float64
        assert model.n_outputs_ == 3

    def test_one_formula_for_all(self):
        X = draw_columns(200)
        Y = np.column_stack([X[:, 0] ** 2, 100 * X[:, 1] * X[:, 2] + 7, X[:, 3]])
        model = NeuronSeekRegressor(**QUICK).fit(X, Y)
        assert str(model.formula_) == "x + x**2 + <x,x>:1"
        assert model.score(X, Y) > 0.999
        expressions = model.expression_
        assert [sorted(map(str, e.free_symbols)) for e in expressions] == [
            ["x0"],
            ["x1", "x2"],
            ["x3"],
        ]

    def test_scales_of_outputs_do_not_matter(self):
        X, y = draw_quadratic()
        Y = np.column_stack([y, X[:, 1] + X[:, 2] ** 2])
        model = NeuronSeekRegressor("x + x**2", **ALONE)
        plain = model.fit(X, Y).predict(X)
        scaled = model.fit(X, Y * [1e6, 1e-6]).predict(X)
        np.testing.assert_allclose(scaled / [1e6, 1e-6], plain, rtol=1e-6)


class TestSampleWeight:
    @pytest.mark.filterwarnings("ignore:.*rows are copies of others")
    @pytest.mark.parametrize("formula", ["td", "x + x**2 + <x,x>:2"])
    @pytest.mark.parametrize("kind", [NeuronSeekRegressor, NeuronSeekClassifier])
    def test_weights_equal_repeated_rows(self, kind, formula):
        X, y = draw_quadratic(80)
        y = y > 1 if kind is NeuronSeekClassifier else y
        weight = np.random.default_rng(0).integers(0, 4, size=80)
        model = kind(formula, **{**ALONE, "batch_size": 1000})
        weighted = model.fit(X, y, sample_weight=weight.astype(float))
        by_weight, found = output(weighted, X), weighted.formula_
        repeated = model.fit(np.repeat(X, weight, axis=0), np.repeat(y, weight, axis=0))
        assert repeated.formula_ == found
        np.testing.assert_allclose(by_weight, output(repeated, X), rtol=1e-6, atol=1e-8)

    @pytest.mark.parametrize("kind", [NeuronSeekRegressor, NeuronSeekClassifier])
    @pytest.mark.parametrize("settings", [ALONE, QUICK], ids=["alone", "folds"])
    def test_ones_equal_none(self, kind, settings):
        X, y = draw_quadratic()
        y = y > 1 if kind is NeuronSeekClassifier else y
        search = NeuronFormulaSearch(max_order=2, max_interaction_order=2, n_resamples=0)
        model = kind(search=search, **settings)
        without = output(model.fit(X, y), X)
        for ones in ([1] * len(X), np.full(len(X), 0.5)):
            np.testing.assert_allclose(
                output(model.fit(X, y, sample_weight=ones), X), without, rtol=1e-6
            )

    def test_rows_of_weight_zero_are_not_seen(self):
        X, y = draw_quadratic()
        wild, weight = np.vstack([X, [[1e9, np.nan, -1e9, 0.0]]]), np.r_[np.ones(len(X)), 0.0]
        model = NeuronSeekRegressor(**QUICK)
        expected = model.fit(X, y).predict(X)
        found = model.fit(wild, np.r_[y, 1e9], sample_weight=weight).predict(X)
        np.testing.assert_array_equal(found, expected)

    def test_search_takes_weights(self):
        X, y = draw_quadratic(200)
        y = np.where(np.arange(200) < 100, X[:, 3], y)
        search = NeuronFormulaSearch(n_resamples=0)
        first = search.fit(X, y, sample_weight=np.repeat([1.0, 0.0], 100)).get_feature_names_out()
        second = search.fit(X, y, sample_weight=np.repeat([0.0, 1.0], 100)).get_feature_names_out()
        assert first.tolist() == ["x3"]
        assert set(second) == {"x0**2", "x1*x2"}

    def test_weights_move_minibatch_training(self):
        """Only statistically equal to repeats, but the heavy rows must be met better."""
        X = draw_columns(300)
        y = np.where(np.arange(300) < 150, 1.0, -1.0)
        settings = {**ALONE, "batch_size": 32, "dtype": "float32"}
        for heavy in (slice(0, 150), slice(150, 300)):
            weight = np.full(300, 1.0)
            weight[heavy] = 30.0
            model = NeuronSeekRegressor("x", **settings).fit(X, y, sample_weight=weight)
            assert abs(model.predict(X).mean() - y[heavy].mean()) < 0.3


class TestClassWeight:
    def test_equals_sample_weight(self):
        X, y = draw_classes()
        per_class = {"inside": 3.0, "outside": 2.0}
        by_class = NeuronSeekClassifier(**ALONE, class_weight=per_class).fit(X, y)
        weight = np.where(y == "inside", 3.0, 2.0)
        by_row = NeuronSeekClassifier(**ALONE).fit(X, y, sample_weight=weight)
        np.testing.assert_array_equal(by_class.predict_proba(X), by_row.predict_proba(X))

    @pytest.mark.parametrize("settings", [ALONE, QUICK], ids=["alone", "folds"])
    def test_balanced_lifts_the_rare_class(self, settings):
        X, y = draw_classes(300, names=("common", "rare"))
        y = np.where((y == "rare") & (np.arange(300) % 4 == 0), "rare", "common")
        share = {}
        for class_weight in (None, "balanced", {"rare": 50.0}):
            model = NeuronSeekClassifier("x + x**2", **settings, class_weight=class_weight).fit(
                X, y
            )
            share[str(class_weight)] = model.predict_proba(X)[:, 1].mean()
        assert share["None"] < share["balanced"] < share["{'rare': 50.0}"]

    def test_with_sample_weight(self):
        X, y = draw_classes()
        rng = np.random.default_rng(0)
        weight = rng.uniform(0.5, 2.0, size=len(y))
        model = NeuronSeekClassifier(**ALONE, class_weight={"inside": 2.0})
        both = model.fit(X, y, sample_weight=weight).predict_proba(X)
        product = weight * np.where(y == "inside", 2.0, 1.0)
        model.set_params(class_weight=None)
        np.testing.assert_array_equal(both, model.fit(X, y, sample_weight=product).predict_proba(X))


def output(model, X):
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)
