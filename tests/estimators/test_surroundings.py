"""The estimators among scikit-learn's own tools."""

from dataclasses import replace

import numpy as np
import pytest
import sklearn
from joblib import parallel_config
from sklearn.base import clone
from sklearn.ensemble import BaggingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktaskneuron import (
    NeuronFormula,
    NeuronFormulaSearch,
    NeuronSeekClassifier,
    NeuronSeekRegressor,
)
from sktaskneuron.formula import FittedFormula

from .data import ALONE, QUICK, draw_classes, draw_people, draw_quadratic


class TestPipelines:
    def test_search_feeds_a_linear_model(self):
        X, y = draw_quadratic(200)
        model = make_pipeline(StandardScaler(), NeuronFormulaSearch(method="td"), Ridge(1e-3))
        assert model.fit(X[:150], y[:150]).score(X[150:], y[150:]) > 0.98
        assert Ridge().fit(X, y).score(X, y) < 0.5

    def test_search_of_classes_feeds_a_linear_model(self):
        X, y = draw_classes(200)
        model = make_pipeline(NeuronFormulaSearch(n_resamples=0), LogisticRegression())
        assert model.fit(X[:150], y[:150]).score(X[150:], y[150:]) > 0.9

    def test_nothing_found_does_not_break_a_pipeline(self):
        X, _ = draw_quadratic()
        y = np.random.default_rng(3).normal(size=len(X))
        model = make_pipeline(NeuronFormulaSearch(n_resamples=0), Ridge()).fit(X, y)
        assert not model[0].formula_
        assert list(model[0].get_feature_names_out()) == ["nothing found"]
        np.testing.assert_allclose(model.predict(X), y.mean())

    def test_scaler_before_a_network_changes_little(self):
        X, y = draw_quadratic()
        alone = NeuronSeekRegressor("x + x**2", **ALONE)
        piped = make_pipeline(StandardScaler(), clone(alone)).fit(X, y)
        np.testing.assert_allclose(piped.predict(X), alone.fit(X, y).predict(X), atol=1e-6)


class TestModelSelection:
    def test_grid_over_formulas(self):
        X, y = draw_quadratic()
        grid = GridSearchCV(
            NeuronSeekRegressor(**ALONE),
            {"formula": ["td", "x", "x + x**2", NeuronFormula.parse("x + x**2 + <x,x>:2")]},
            cv=KFold(2),
            error_score="raise",
        ).fit(X, y)
        scores = grid.cv_results_["mean_test_score"]
        assert np.isfinite(scores).all()
        assert grid.best_params_["formula"] != "x"
        assert scores[1] == scores.min()
        assert grid.predict(X).shape == y.shape

    def test_grid_over_settings_of_the_search(self):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor(search=NeuronFormulaSearch(n_resamples=0), **QUICK)
        grid = GridSearchCV(model, {"search__max_order": [1, 2]}, cv=KFold(2)).fit(X, y)
        assert grid.best_params_ == {"search__max_order": 2}
        assert "x**2" in grid.best_estimator_.formula_.pure

    def test_cross_validation(self):
        X, y = draw_classes()
        scores = cross_val_score(NeuronSeekClassifier(**QUICK), X, y, cv=3, error_score="raise")
        assert scores.mean() > 0.8
        result = cross_validate(
            NeuronSeekClassifier("x + x**2", **ALONE),
            X,
            y,
            cv=2,
            scoring=["roc_auc", "neg_log_loss"],
            error_score="raise",
        )
        assert np.isfinite(result["test_neg_log_loss"]).all()

    def test_threads(self):
        X, y = draw_quadratic(60)
        model = NeuronSeekRegressor("x + x**2", **{**ALONE, "dropout": 0.1})
        one = cross_val_score(model, X, y, cv=4)
        with parallel_config("threading", n_jobs=2):
            two = cross_val_score(model, X, y, cv=4)
        np.testing.assert_array_equal(one, two)

    def test_bagging(self):
        X, y = draw_quadratic(60)
        bag = BaggingRegressor(NeuronSeekRegressor("x + x**2", **ALONE), n_estimators=2)
        assert np.isfinite(bag.fit(X, y).predict(X)).all()


class TestParameters:
    @pytest.mark.parametrize(
        "model",
        [
            NeuronFormulaSearch(max_order=3, random_state=1),
            NeuronSeekRegressor(
                NeuronFormula.parse("x + <x,x>:2"), search=NeuronFormulaSearch(max_order=2)
            ),
            NeuronSeekClassifier(class_weight="balanced", hidden_layer_sizes=[8, 8]),
        ],
        ids=lambda model: type(model).__name__,
    )
    def test_clone(self, model):
        twin = clone(model)
        assert twin is not model
        assert repr(twin) == repr(model)

    def test_fit_changes_no_parameter(self):
        X, y = draw_quadratic()
        search = NeuronFormulaSearch(max_order=2, n_resamples=0)
        model = NeuronSeekRegressor(search=search, **QUICK).fit(X, y)
        assert model.search is search
        assert not hasattr(search, "formula_")
        assert model.search_.max_order == 2

    def test_second_fit_forgets_the_first(self):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor(**QUICK).fit(X, y)
        model.set_params(formula="x + x**2").fit(X[:, :3], y)
        assert model.fitted_formula_ is None
        assert model.search_ is None
        assert model.n_features_in_ == 3
        assert not hasattr(model, "expression_")
        search = NeuronFormulaSearch().fit(X, y > 0)
        assert hasattr(search, "classes_")
        search.set_params(n_resamples=0).fit(X, y)
        assert not hasattr(search, "classes_")
        assert not hasattr(search, "selection_frequency_")


class TestOutput:
    def test_set_output(self, dataframe):
        columns, y = draw_people()
        table = dataframe(columns)
        search = NeuronFormulaSearch(max_order=2, max_interaction_order=2, n_resamples=0)
        search.set_output(transform=dataframe.__module__.partition(".")[0])
        terms = search.fit(table, y).transform(table)
        assert isinstance(terms, dataframe)
        assert list(terms.columns) == list(search.get_feature_names_out())
        assert "city=Bergen" in terms.columns

    def test_set_output_keeps_the_index(self):
        pd = pytest.importorskip("pandas")
        columns, y = draw_people()
        table = pd.DataFrame(columns, index=np.arange(len(y))[::-1] + 100)
        search = NeuronFormulaSearch(max_order=1, max_interaction_order=0, n_resamples=0)
        terms = search.set_output(transform="pandas").fit_transform(table, y)
        assert terms.index.equals(table.index)

    def test_feature_names(self):
        X, y = draw_quadratic()
        search = NeuronFormulaSearch(n_resamples=0).fit(X, y)
        names = search.get_feature_names_out()
        assert set(names) == {"x0**2", "x1*x2"}
        assert names.dtype == object
        assert search.transform(X).shape == (len(X), len(names))
        with pytest.raises(ValueError, match="input_features should have length"):
            search.get_feature_names_out(["a"])

    def test_transform_gives_the_terms_of_the_formula(self):
        X, y = draw_quadratic()
        search = NeuronFormulaSearch(n_resamples=0).fit(X, y)
        fitted = search.fitted_formula_
        by_terms = search.transform(X) @ fitted.term_weights + fitted.intercept
        np.testing.assert_allclose(by_terms, fitted.evaluate(X))


class TestRouting:
    @pytest.fixture(autouse=True)
    def enabled(self):
        with sklearn.config_context(enable_metadata_routing=True):
            yield

    def test_weights_reach_a_step(self):
        X, y = draw_quadratic(60)
        weight = (np.arange(60) % 3).astype(float)
        model = NeuronSeekRegressor("x + x**2", **ALONE).set_fit_request(sample_weight=True)
        routed = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
        routed.fit(X, y, sample_weight=weight)
        direct = clone(model).fit(routed[0].transform(X), y, sample_weight=weight)
        np.testing.assert_array_equal(routed.predict(X), direct.predict(routed[0].transform(X)))
        unweighted = clone(routed).fit(X, y)
        assert not np.allclose(routed.predict(X), unweighted.predict(X))

    def test_weights_reach_the_search(self):
        X, y = draw_quadratic()
        y = np.where(np.arange(len(y)) < 60, y, X[:, 3])
        search = NeuronFormulaSearch(n_resamples=0).set_fit_request(sample_weight=True)
        weight = np.repeat([0.0, 1.0], 60)
        model = make_pipeline(search, Ridge().set_fit_request(sample_weight=True))
        model.fit(X, y, sample_weight=weight)
        assert list(model[0].get_feature_names_out()) == ["x3"]

    def test_weights_in_a_grid(self):
        X, y = draw_quadratic(60)
        model = NeuronSeekRegressor(**ALONE).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        grid = GridSearchCV(model, {"formula": ["x", "x + x**2"]}, cv=KFold(2))
        grid.fit(X, y, sample_weight=np.ones(60))
        assert grid.best_params_ == {"formula": "x + x**2"}


class TestDisplay:
    @pytest.mark.parametrize("kind", [NeuronSeekRegressor, NeuronSeekClassifier])
    def test_html(self, kind):
        X, y = draw_quadratic()
        y = y > 1 if kind is NeuronSeekClassifier else y
        model = kind(**QUICK)
        assert "NeuronSeek" in model._repr_html_()
        html = model.fit(X, y)._repr_html_()
        for name in ("formula_", "selected_", "validation_scores_", "expression_", "max_epochs"):
            assert name in html
        assert len(html) < 100_000

    def test_html_of_the_search(self):
        X, y = draw_quadratic()
        html = NeuronFormulaSearch(n_resamples=2).fit(X, y)._repr_html_()
        assert "selection_frequency_" in html

    def test_expression_too_long_is_left_out(self):
        """The display reads every attribute: an equation too long must not fail there."""
        X, y = draw_quadratic()
        search = NeuronFormulaSearch(n_resamples=0).fit(X, y)
        assert "expression_" in search._repr_html_()
        dense = np.random.default_rng(0).normal(size=(2, 60, 1))
        long = FittedFormula(
            NeuronFormula.parse("<x,x>"), [0.0], factors={2: dense}, loadings={2: [[1.0]]}
        )
        search._fitted = replace(search._fitted, own=replace(search._fitted.own, equation=long))
        with pytest.raises(AttributeError, match="more than max_terms=1000 terms"):
            _ = search.expression_
        assert "expression_" not in search._repr_html_()

    def test_verbose(self, capsys):
        X, y = draw_quadratic()
        NeuronSeekRegressor(**QUICK).fit(X, y)
        assert capsys.readouterr().out == ""
        search = NeuronFormulaSearch(n_resamples=0, verbose=1)
        NeuronSeekRegressor(search=search, **QUICK, verbose=1).fit(X, y)
        out = capsys.readouterr().out
        assert "[NeuronFormulaSearch] " in out
        assert "[NeuronSeekRegressor] " in out
        assert "epoch 3/3" in out
