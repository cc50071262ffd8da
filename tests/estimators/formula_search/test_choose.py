"""A fitted search predicts, and answers with another equation of its front."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.ensemble import StackingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktaskneuron import NeuronFormulaSearch

QUICK = {"max_order": 3, "max_interaction_order": 2, "n_resamples": 2}


def draw(seed=0, n=200):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    return X, 2 * X[:, 0] ** 2 + X[:, 1] * X[:, 2] + 0.5 * X[:, 3] + 0.3 * rng.normal(size=n)


def draw_classes(seed=0, n=200):
    X, y = draw(seed, n)
    return X, np.digitize(y, np.quantile(y, [0.3, 0.7]))


SEARCHES = {
    "td": NeuronFormulaSearch(**QUICK),
    "sr": NeuronFormulaSearch("sr", max_steps=3, n_resamples=2),
    "columns": NeuronFormulaSearch("sr", scope="columns", max_steps=1),
}


@pytest.fixture(params=SEARCHES)
def search(request, known={}):  # noqa: B006
    if request.param not in known:
        known[request.param] = clone(SEARCHES[request.param]).fit(*draw())
    return pickle.loads(pickle.dumps(known[request.param]))


def test_predicts_by_the_equation(search):
    X, y = draw(1)
    equation = search.fitted_formula_
    np.testing.assert_allclose(search.predict(X), equation.evaluate(X)[:, 0])
    assert search.score(X, y) == pytest.approx(r2_score(y, search.predict(X)))
    weight = np.random.default_rng(0).random(len(X))
    assert search.score(X, y, weight) == pytest.approx(
        r2_score(y, search.predict(X), sample_weight=weight)
    )
    assert not hasattr(search, "predict_proba")


def test_every_point_of_the_front_answers(search):
    X, _ = draw(1)
    front, own = search.pareto_front_, search.fitted_formula_
    assert front[search.chosen_].fitted == own
    assert front[search.chosen_].criterion == pytest.approx(search.criterion_)
    for place, point in enumerate(front):
        assert search.choose(place) is search
        assert search.chosen_ == place
        assert search.fitted_formula_ == point.fitted
        assert search.criterion_ == point.criterion
        np.testing.assert_allclose(search.predict(X), point.fitted.evaluate(X)[:, 0], atol=1e-12)
        assert search.to_python() == point.fitted.to_python()
        values, names = search.transform(X), search.get_feature_names_out()
        assert values.shape == (len(X), len(names))
        if point.fitted.terms:
            assert list(names) == point.fitted.term_names()
            np.testing.assert_allclose(values, point.fitted.transform(X))
        read = np.zeros(4, dtype=bool)
        read[point.fitted.used_features] = True
        np.testing.assert_array_equal(search.feature_importances_ > 0, read)
    assert search.choose(None).fitted_formula_ == own


def test_numbers_of_the_front_are_those_of_all_rows():
    X, y = draw()
    search = NeuronFormulaSearch(**QUICK, max_samples=100)
    for point in search.fit(X, y).pareto_front_:
        residual = y - point.fitted.evaluate(X)[:, 0]
        terms = np.column_stack([np.ones(len(X)), point.fitted.transform(X)])
        np.testing.assert_allclose(terms.T @ residual, 0, atol=1e-8)


def test_points_are_named_by_place_or_text(search):
    last = len(search.pareto_front_) - 1
    search.choose(-1)
    assert search.chosen_ == last
    text = str(search.pareto_front_[0].formula)
    assert search.choose(text).chosen_ == 0
    assert search.choose(np.int64(last)).chosen_ == last
    before = vars(search).copy()
    for point in (last + 1, -last - 2):
        with pytest.raises(ValueError, match=rf"pareto_front_ has {last + 1} points"):
            search.choose(point)
    with pytest.raises(ValueError, match="no point of pareto_front_ has the formula 'x9'"):
        search.choose("x9")
    for point in (1.5, [0]):
        with pytest.raises(TypeError, match="point must be a place"):
            search.choose(point)
    assert vars(search) == before


def test_what_was_chosen_is_kept_and_a_new_fit_forgets_it(search):
    X, y = draw()
    search.choose(0)
    again = pickle.loads(pickle.dumps(search))
    assert again.chosen_ == 0
    np.testing.assert_array_equal(again.predict(X), search.predict(X))
    assert clone(search).fit(X, y).fitted_formula_ == search.choose(None).fitted_formula_


def test_a_stream_of_seeds_stays_where_it_is():
    stream = np.random.RandomState(3)
    search = NeuronFormulaSearch(**QUICK, random_state=stream).fit(*draw())
    state = search.random_state.get_state()[1].copy()
    search.choose(0)
    np.testing.assert_array_equal(search.random_state.get_state()[1], state)


def test_without_a_front():
    search = NeuronFormulaSearch(n_resamples=0, max_order=2, interactions=False).fit(*draw())
    assert not hasattr(search, "chosen_")
    with pytest.raises(ValueError, match=r"0 points, got the place 0: .* needs n_resamples=2"):
        search.choose(0)
    with pytest.raises(NotFittedError):
        NeuronFormulaSearch().choose(0)
    with pytest.raises(NotFittedError):
        NeuronFormulaSearch().predict(draw()[0])


@pytest.mark.parametrize("name", SEARCHES)
def test_classes(name):
    X, y = draw_classes()
    search = clone(SEARCHES[name]).set_params(target_type="classes").fit(X, y)
    probability = search.predict_proba(X)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    np.testing.assert_array_equal(search.predict(X), search.classes_[probability.argmax(axis=1)])
    assert search.score(X, y) == accuracy_score(y, search.predict(X)) > 0.5
    search.choose(0)  # a constant: the frequencies
    shares = np.bincount(y) / len(y)
    np.testing.assert_allclose(search.predict_proba(X), np.tile(shares, (len(X), 1)), rtol=1e-4)


def test_several_outputs():
    X, y = draw()
    Y = np.column_stack([y, X[:, 0] + y, np.full(len(y), 7.0)])
    search = NeuronFormulaSearch(**QUICK).fit(X, Y)
    assert search.predict(X).shape == Y.shape
    assert search.score(X, Y) > 0.9
    np.testing.assert_allclose(search.choose(0).predict(X), np.tile(Y.mean(axis=0), (len(X), 1)))


def test_the_front_of_several_equations_is_that_of_the_first():
    X, y = draw()
    search = NeuronFormulaSearch("sr", scope="columns", max_steps=1)
    search.fit(X, np.column_stack([y, X[:, 0]]))
    second = search.fitted_formula_.nodes[1]
    search.choose(0)
    assert search.fitted_formula_.nodes[1] == second
    np.testing.assert_allclose(search.predict(X)[:, 0], y.mean())


def test_kinds_of_estimators():
    assert is_regressor(NeuronFormulaSearch(target_type="continuous"))
    assert is_classifier(NeuronFormulaSearch(target_type="classes"))
    auto = NeuronFormulaSearch()
    assert not is_regressor(auto)
    assert not is_classifier(auto)


def test_in_pipelines():
    X, y = draw()
    search = NeuronFormulaSearch(n_resamples=0, max_order=2, max_interaction_order=2)
    pipe = make_pipeline(StandardScaler(), search)
    assert pipe.fit(X, y).score(*draw(1)) > 0.9
    assert pipe.transform(X).shape == (len(X), len(pipe[-1].get_feature_names_out()))
    assert cross_val_score(search, X, y, cv=2).min() > 0.9
    stack = StackingRegressor([("law", clone(search).set_params(target_type="continuous"))], cv=2)
    assert stack.fit(X, y).score(X, y) > 0.9
    logs = clone(search).set_params(target_type="classes", max_interaction_order=0)
    assert cross_val_score(logs, *draw_classes(), cv=2, scoring="neg_log_loss").min() > -1.1
