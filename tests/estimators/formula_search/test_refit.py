"""`refit`: the same structure, with the numbers of other rows."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from sktaskneuron import NeuronFormulaSearch
from sktaskneuron.formula import FittedExpression, FittedFormula
from sktaskneuron.search.columns.refit import refit_expression
from sktaskneuron.search.frame.observations import Observations

QUICK = {"max_order": 3, "max_interaction_order": 2, "n_resamples": 2}


def draw(a, b, c, seed=0, n=200, noise=0.1):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    y = a * X[:, 0] ** 2 + b * (X[:, 0] + X[:, 1]) * X[:, 2] + c
    return X, y + noise * rng.normal(size=n)


@pytest.fixture(scope="module")
def search():
    return NeuronFormulaSearch(**QUICK).fit(*draw(2, 1, 0))


def test_other_numbers_in_the_same_structure(search):
    X, y = draw(-1, 3, 5, seed=1)
    before = search.to_json()
    again = search.refit(X, y)
    assert search.to_json() == before
    assert again.formula_ == search.formula_
    assert again.score(X, y) > 0.999 > search.score(X, y)
    assert again.term_gain_ == search.term_gain_
    sizes = [[p.complexity for p in each.pareto_front_] for each in (again, search)]
    assert sizes[0] == sizes[1]
    assert again.get_params() == search.get_params()
    far, target = draw(-1, 3, 5, seed=2)
    assert again.score(10 * far, draw(-1, 3, 5, seed=2)[1]) < again.score(far, target)


def test_on_its_own_rows_nothing_moves(search):
    X, y = draw(2, 1, 0)
    again = search.refit(X, y)
    np.testing.assert_allclose(again.predict(X), search.predict(X), rtol=1e-3, atol=1e-3)
    for before, after in zip(search.pareto_front_, again.pareto_front_, strict=True):
        np.testing.assert_allclose(
            before.fitted.evaluate(X), after.fitted.evaluate(X), rtol=1e-3, atol=1e-3
        )


def test_directions_of_products_are_fitted_too(search):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(300, 3))
    y = (0.2 * X[:, 0] + X[:, 1]) * X[:, 2]
    assert search.refit(X, y).score(X, y) > 1 - 1e-9


def test_weights_count_rows(search):
    X, y = draw(1, 2, 3, seed=1)
    counts = np.random.default_rng(0).integers(0, 3, len(X))
    weighted = search.refit(X, y, counts)
    repeated = search.refit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X))


def test_a_chosen_point_stays_chosen():
    X, y = draw(2, 1, 0)
    search = NeuronFormulaSearch(**QUICK).fit(X, y).choose(0)
    again = search.refit(X, y + 7)
    assert again.chosen_ == 0
    np.testing.assert_allclose(again.predict(X), y.mean() + 7)
    assert again.choose(None).score(X, y + 7) > 0.99
    more = again.choose(0).partial_fit(X, y + 9)
    np.testing.assert_allclose(more.predict(X), y.mean() + 8)


def test_equations_of_columns():
    rng = np.random.default_rng(0)
    X = rng.uniform(0.5, 3, size=(150, 2))
    search = NeuronFormulaSearch("sr", scope="columns", max_steps=1)
    search.fit(X, 2 * X[:, 0] * X[:, 1] + np.log(X[:, 1]))
    y = 5.5 * X[:, 0] * X[:, 1] - 3 * np.log(X[:, 1])
    again = search.refit(X, y)
    assert again.get_feature_names_out().tolist() == search.get_feature_names_out().tolist()
    assert again.score(X, y) > 1 - 1e-6


def test_inner_numbers_and_exponents():
    rng = np.random.default_rng(0)
    X = rng.uniform(1, 4, size=(200, 2))
    observations = Observations(
        X, (3 * X[:, :1] ** 1.7 * np.exp(-0.4 * X[:, 1:])), np.ones(200), ("a", "b"), False
    )
    old = FittedExpression.parse("2*a**1.3*exp(-0.5*b)", ["a", "b"])
    stay = refit_expression(old, observations, exponents=False)
    moved = refit_expression(old, observations, exponents=True)
    assert "a**1.3" in stay.to_text()
    assert moved.to_text() == "3*a**1.7*exp(-0.4*b)"


def test_classes():
    X, y = draw(2, 1, 0)
    labels = np.where(y > 1.5, "high", "low")
    search = NeuronFormulaSearch(**QUICK).fit(X, labels)
    again = search.refit(X, np.where(y > 1.5, "low", "high"))
    np.testing.assert_allclose(again.predict_proba(X), search.predict_proba(X)[:, ::-1], atol=1e-3)
    with pytest.raises(ValueError, match="y holds the class 'tall', which the search does not"):
        search.refit(X, np.where(y > 1.5, "tall", "low"))


def test_what_is_refused(search):
    X, y = draw(2, 1, 0)
    with pytest.raises(ValueError, match="3 features"):
        search.refit(X[:, :2], y)
    with pytest.raises(ValueError, match=r"y has the shape \(200, 2\)"):
        search.refit(X, np.column_stack([y, y]))
    with pytest.raises(NotFittedError):
        NeuronFormulaSearch().refit(X, y)


def test_a_constant_is_the_new_mean():
    X, y = draw(0, 0, 0)
    search = NeuronFormulaSearch(n_resamples=0).fit(X, y)
    assert isinstance(search.fitted_formula_, FittedFormula)
    assert not search.fitted_formula_.terms
    np.testing.assert_allclose(search.refit(X, y + 4).predict(X), y.mean() + 4)
