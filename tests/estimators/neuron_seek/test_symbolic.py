"""Functions found by symbolic regression: their options, and networks of such neurons."""

import numpy as np
import pytest
import sympy
from sklearn.base import clone

from sktaskneuron import NeuronFormulaSearch, NeuronSeekClassifier, NeuronSeekRegressor

from ..data import ALONE, QUICK, draw_columns

WEIGHTS = np.array([1.0, -2.0, 0.7, 1.5])


def draw_waves(n_rows=300, noise=0.1):
    X = draw_columns(n_rows)
    rng = np.random.default_rng(1)
    return X, np.sin(2.5 * X) @ WEIGHTS + noise * rng.normal(size=n_rows)


class TestSearch:
    def test_functions_and_their_evidence(self):
        X, y = draw_waves()
        search = NeuronFormulaSearch("sr").fit(X, y)
        assert str(search.formula_) == "sin(2.5*x)"
        assert search.selection_frequency_ == {"sin(2.5*x)": 1.0}
        assert search.term_gain_["sin(2.5*x)"] > 0.9
        names = [f"sin(2.5*x{i})" for i in range(4)]
        assert search.get_feature_names_out().tolist() == names
        np.testing.assert_allclose(search.transform(X), np.sin(2.5 * X))
        assert str(search.pareto_front_.best().formula) == "sin(2.5*x)"

    def test_the_front_shows_smaller_sets(self):
        X, y = draw_waves()
        y = y + np.abs(X) @ WEIGHTS[::-1]
        search = NeuronFormulaSearch("sr", n_resamples=2).fit(X, y)
        sizes = [len(point.formula.expressions) for point in search.pareto_front_.points]
        assert sizes == [0, 1, 2]

    def test_expression_is_what_the_terms_add_up_to(self):
        X, y = draw_waves()
        X = 100 * X
        search = NeuronFormulaSearch("sr", n_resamples=0).fit(X, y)
        symbols = sympy.symbols([f"x{i}" for i in range(4)])
        values = sympy.lambdify(symbols, search.expression_, "numpy")(*X.T)
        np.testing.assert_allclose(values, search.fitted_formula_.evaluate(X)[:, 0], atol=1e-8)

    def test_interactions(self):
        X, y = draw_waves()
        y = y + 2 * X[:, 0] * X[:, 1]
        search = NeuronFormulaSearch("sr", n_resamples=0)
        assert search.fit(X, y).formula_.interactions == {2: 1}
        assert not search.set_params(interactions=False).fit(X, y).formula_.interactions
        tensor = NeuronFormulaSearch(n_resamples=0)
        assert tensor.fit(X, y).formula_.interactions
        assert not tensor.set_params(interactions=False).fit(X, y).formula_.interactions

    def test_engines_go_with_their_methods(self):
        X, y = draw_waves(60)
        for method, engine in (("sr", "als"), ("sr", "gates"), ("td", "builtin")):
            with pytest.raises(ValueError, match=f"engine='{engine}' does not go with method="):
                NeuronFormulaSearch(method, engine=engine).fit(X, y)
        auto = NeuronFormulaSearch("sr", n_resamples=0)
        named = NeuronFormulaSearch("sr", engine="builtin", n_resamples=0)
        assert auto.fit(X, y).fitted_formula_ == named.fit(X, y).fitted_formula_

    def test_rows_far_out_have_a_finite_answer(self):
        X = draw_columns(300)
        y = np.exp(X) @ WEIGHTS + 0.1 * np.random.default_rng(1).normal(size=300)
        search = NeuronFormulaSearch("sr", n_resamples=0).fit(X, y)
        assert "exp(x)" in str(search.formula_)
        assert np.isfinite(search.transform(1e9 * X)).all()
        np.testing.assert_allclose(search.transform(X), np.exp(X))


class TestNetwork:
    def test_neurons_of_the_functions_that_were_found(self):
        X, y = draw_waves()
        model = NeuronSeekRegressor("sr", **ALONE).fit(X, y)
        assert str(model.formula_) == "sin(2.5*x)"
        (term,) = [
            t
            for t in model._fitted.predictor.model.spec["formula"].split(" + ")
            if t.startswith("sin")
        ]
        constant = float(term[4:-3])
        # the network's columns are in interquartile ranges, 1.35 of a normal one's spreads
        assert constant == pytest.approx(2.5 * np.median(model.scaler_.scale_), rel=0.01)
        assert np.isfinite(model.predict(1e6 * X)).all()

    def test_the_equation_is_a_candidate(self):
        X, y = draw_waves()
        model = NeuronSeekRegressor("sr", **QUICK).fit(X, y)
        assert model.selected_ == "formula"
        assert model.score(X, y) > 0.98

    def test_functions_without_a_slope_are_left_to_the_equation(self):
        X = draw_columns(300)
        y = np.sqrt(np.abs(X)) @ WEIGHTS + 0.02 * np.random.default_rng(1).normal(size=300)
        model = NeuronSeekRegressor("sr", **ALONE).fit(X, y)
        assert str(model.formula_) == "sqrt(abs(x))"
        assert "sqrt" not in model._fitted.predictor.model.spec["formula"]

    def test_classes(self):
        X = draw_columns(600)
        odds = 4 * np.cos(2 * X) @ WEIGHTS
        labels = np.random.default_rng(2).random(600) < 1 / (1 + np.exp(-odds))
        model = NeuronSeekClassifier("sr", **QUICK).fit(X, labels)
        assert "cos" in str(model.formula_)
        assert model.score(X, labels) > 0.8

    def test_formula_and_search_agree(self):
        X, y = draw_waves(60)
        search = NeuronFormulaSearch("sr", max_order=2, n_resamples=0)
        with pytest.raises(ValueError, match="use formula='sr'"):
            NeuronSeekRegressor(search=search, **ALONE).fit(X, y)
        other = clone(search).set_params(engine="als")
        with pytest.raises(ValueError, match="does not go with method='sr'"):
            NeuronSeekRegressor("sr", search=other, **ALONE).fit(X, y)
        model = NeuronSeekRegressor("sr", search=search, **ALONE).fit(X, y)
        assert model.formula_ == clone(search).fit(X, y).formula_
