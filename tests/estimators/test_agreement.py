"""What is printed is what is predicted."""

import numpy as np
import pytest

from sktaskneuron import NeuronFormulaSearch, NeuronSeekClassifier, NeuronSeekRegressor

from .data import QUICK, draw_by_odds, draw_columns, draw_people, draw_quadratic

CASES = {
    "powers and a product": lambda X: 2 * X[:, 0] ** 2 + X[:, 1] * X[:, 2],
    "linear": lambda X: X[:, 0] - 3 * X[:, 3],
    "cubic far from the origin": lambda X: 5 + (X[:, 0] - 1) ** 3 + X[:, 1],
    "several outputs": lambda X: np.column_stack([X[:, 0] * X[:, 1], X[:, 2] ** 2]),
    "nothing": lambda X: np.random.default_rng(5).normal(size=len(X)),
}


def by_sympy(expressions, names, X):
    """Values of sympy expressions, one column per output, as a reader would compute them."""
    import sympy

    listed = expressions if isinstance(expressions, list) else [expressions]
    symbols = [sympy.Symbol(name) for name in names]
    columns = [
        np.broadcast_to(sympy.lambdify(symbols, e, modules="numpy")(*X.T), len(X)) for e in listed
    ]
    return np.stack(columns, axis=1)


class TestExpression:
    @pytest.mark.parametrize("case", CASES)
    def test_equals_the_fitted_formula_on_raw_columns(self, case):
        X = draw_columns(200) * [1, 10, 0.1, 100] + [0, 50, 0, -300]
        y = CASES[case](draw_columns(200))
        search = NeuronFormulaSearch(n_resamples=0).fit(X, y)
        names = search.encoder_.get_feature_names_out()
        expected = search.fitted_formula_.evaluate(X)
        np.testing.assert_allclose(
            by_sympy(search.expression_, names, X), expected, rtol=1e-6, atol=1e-6 * np.ptp(y)
        )

    @pytest.mark.parametrize("case", ["powers and a product", "several outputs"])
    def test_is_the_prediction_where_the_formula_is_chosen(self, case):
        X = draw_columns(200)
        y = CASES[case](X) + 0.01 * np.random.default_rng(0).normal(size=CASES[case](X).shape)
        model = NeuronSeekRegressor(**QUICK).fit(X, y)
        assert model.selected_ == "formula"
        new = draw_columns(50, seed=9)
        predicted = model.predict(new).reshape(50, -1)
        np.testing.assert_allclose(
            model.fitted_formula_.evaluate(new), predicted, rtol=1e-9, atol=1e-9
        )
        names = model.encoder_.get_feature_names_out()
        np.testing.assert_allclose(by_sympy(model.expression_, names, new), predicted, atol=1e-6)

    def test_is_the_log_odds_for_two_classes(self):
        X, y = draw_by_odds(lambda X: 2 * X[:, 0] ** 2 - 2, 400)
        model = NeuronSeekClassifier(**QUICK).fit(X, y)
        assert model.selected_ == "formula"
        probability = model.predict_proba(X)
        odds = by_sympy(model.expression_, model.encoder_.get_feature_names_out(), X)[:, 0]
        clear = np.abs(odds) < 20
        np.testing.assert_allclose(
            np.log(probability[clear, 1] / probability[clear, 0]), odds[clear], rtol=1e-6, atol=1e-9
        )

    def test_reads_encoded_columns_of_a_table(self, dataframe):
        columns, y = draw_people(240)
        search = NeuronFormulaSearch(max_order=2, max_interaction_order=2, n_resamples=0)
        model = NeuronSeekRegressor(search=search, **QUICK).fit(dataframe(columns), y)
        matrix = model.encoder_.transform(dataframe(columns))
        names = model.encoder_.get_feature_names_out()
        np.testing.assert_allclose(
            by_sympy(model.expression_, names, matrix)[:, 0],
            model.fitted_formula_.evaluate(matrix)[:, 0],
            rtol=1e-6,
        )
        if model.selected_ == "formula":
            np.testing.assert_allclose(
                model.predict(dataframe(columns)), model.fitted_formula_.evaluate(matrix)[:, 0]
            )

    def test_search_and_estimator_hold_the_same(self):
        X, y = draw_quadratic()
        search = NeuronFormulaSearch(n_resamples=0)
        model = NeuronSeekRegressor(search=search, **QUICK).fit(X, y)
        alone = search.fit(X, y)
        assert model.formula_ == alone.formula_ == model.search_.formula_
        assert model.fitted_formula_ is model.search_.fitted_formula_
        np.testing.assert_allclose(
            model.fitted_formula_.evaluate(X), alone.fitted_formula_.evaluate(X), rtol=1e-8
        )

    def test_given_formula_has_none(self):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor("x + x**2", **QUICK).fit(X, y)
        assert str(model.formula_) == "x + x**2"
        assert not hasattr(model, "expression_")
        with pytest.raises(AttributeError, match="formula='td'"):
            _ = model.expression_

    def test_not_before_fit(self):
        for model in (NeuronSeekRegressor(), NeuronFormulaSearch()):
            assert not hasattr(model, "expression_")
