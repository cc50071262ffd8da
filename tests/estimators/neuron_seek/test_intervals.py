"""predict_interval and predict_set: coverage, shapes, errors."""

import pickle

import numpy as np
import pytest

from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor
from sktaskneuron.models import spread

QUICK = {"max_epochs": 15, "random_state": 0}


def draw(n_rows, seed=0):
    """A target whose noise grows with the second column."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 4))
    noise = 0.1 + np.abs(X[:, 1])
    return X, np.sin(2 * X[:, 0]) + X[:, 2] ** 2 + noise * rng.normal(size=n_rows), noise


@pytest.fixture(scope="module")
def regressor():
    X, y, _ = draw(800)
    return NeuronSeekRegressor(**QUICK).fit(X, y)


@pytest.fixture(scope="module")
def classifier():
    X, y, _ = draw(600)
    return NeuronSeekClassifier(**QUICK).fit(X, np.digitize(y, [0, 1]))


def test_intervals_cover_and_are_wide_where_the_noise_is(regressor):
    X, y, noise = draw(4000, seed=1)
    intervals = regressor.predict_interval(X, [0.5, 0.9, 0.95])
    assert intervals.shape == (4000, 3, 2)
    inside = (intervals[..., 0] <= y[:, None]) & (y[:, None] <= intervals[..., 1])
    np.testing.assert_allclose(inside.mean(axis=0), [0.5, 0.9, 0.95], atol=0.04)
    width = intervals[:, 1, 1] - intervals[:, 1, 0]
    assert np.corrcoef(width, noise)[0, 1] > 0.8
    # a normal law of that noise would ask for 3.29 of it
    assert width.mean() < 1.25 * 3.29 * noise.mean()


def test_intervals_are_nested_around_the_prediction(regressor):
    X, _, _ = draw(300, seed=2)
    intervals = regressor.predict_interval(X, [0.1, 0.3, 0.6, 0.9, 0.98])
    assert (np.diff(intervals[..., 0], axis=1) <= 0).all()
    assert (np.diff(intervals[..., 1], axis=1) >= 0).all()
    np.testing.assert_allclose(
        intervals.mean(axis=(1, 2)), regressor.predict(X), rtol=1e-4, atol=1e-5
    )


def test_one_coverage_is_one_of_several(regressor):
    X, _, _ = draw(20, seed=3)
    alone = regressor.predict_interval(X)
    assert alone.shape == (20, 2)
    np.testing.assert_array_equal(alone, regressor.predict_interval(X, [0.5, 0.9])[:, 1])


def test_several_targets():
    X, y, _ = draw(200)
    model = NeuronSeekRegressor(**QUICK).fit(X, np.column_stack([y, 1000 * X[:, 0]]))
    assert model.predict_interval(X[:7]).shape == (7, 2, 2)
    assert model.predict_interval(X[:7], [0.5, 0.9]).shape == (7, 2, 2, 2)
    width = np.diff(model.predict_interval(X), axis=2)[..., 0].mean(axis=0)
    assert width[1] < 0.5 * 1000  # the second target is exactly linear


@pytest.mark.parametrize("options", [{"readable": True}, {"n_members": 2}, {"validation": 0.3}])
def test_other_ways_to_hold_out(options):
    X, y, _ = draw(300)
    model = NeuronSeekRegressor(**QUICK, **options).fit(X, y)
    new, truth, _ = draw(2000, seed=5)
    low, high = model.predict_interval(new).T
    assert ((low <= truth) & (truth <= high)).mean() > 0.8


def test_same_seed_same_intervals(regressor):
    X, y, _ = draw(800)
    again = NeuronSeekRegressor(**QUICK).fit(X, y)
    loaded = pickle.loads(pickle.dumps(regressor))
    for model in (again, loaded):
        np.testing.assert_array_equal(model.predict_interval(X), regressor.predict_interval(X))


def test_a_constant_target_has_no_width():
    X, _, _ = draw(60)
    model = NeuronSeekRegressor(**QUICK).fit(X, np.full(60, 3.0))
    np.testing.assert_allclose(model.predict_interval(X), 3.0, atol=1e-9)


def test_sets(classifier):
    X, y, _ = draw(3000, seed=1)
    labels = np.digitize(y, [0, 1])
    sets = classifier.predict_set(X, [0.6, 0.9])
    assert sets.shape == (3000, 2, 3)
    assert sets.dtype == bool
    held = sets[np.arange(3000), :, labels].mean(axis=0)
    assert held[1] == pytest.approx(0.9, abs=0.04)
    predicted = np.searchsorted(classifier.classes_, classifier.predict(X))
    assert sets[np.arange(3000), :, predicted].all()
    np.testing.assert_array_equal(classifier.predict_set(X), sets[:, 1])


@pytest.mark.parametrize("coverage", [0, 1.5, "much"])
def test_bad_coverages(regressor, classifier, coverage):
    X, _, _ = draw(3)
    for predict in (regressor.predict_interval, classifier.predict_set):
        with pytest.raises(ValueError, match="coverage must be"):
            predict(X, coverage)


def test_too_much_is_asked(regressor):
    X, _, _ = draw(3)
    with pytest.raises(ValueError, match=r"held-out rows suffice for: at most 0\.998"):
        regressor.predict_interval(X, 0.9999)


def test_without_held_out_rows():
    X, y, _ = draw(60)
    with pytest.raises(ValueError, match="NeuronSeekRegressor was fitted without"):
        NeuronSeekRegressor(**QUICK, validation=None).fit(X, y).predict_interval(X)
    model = NeuronSeekClassifier(**QUICK, validation=None).fit(X, y > 0)
    with pytest.raises(ValueError, match="NeuronSeekClassifier was fitted without"):
        model.predict_set(X)


@pytest.mark.parametrize("n_rows", [20, 21, 24])
def test_very_few_rows(n_rows):
    X, y, _ = draw(n_rows)
    model = NeuronSeekRegressor(**QUICK).fit(X, y)
    assert np.isfinite(model.predict_interval(X, 0.5)).all()


@pytest.mark.parametrize("readable", [False, True])
def test_one_row_that_counts(readable):
    X, y, _ = draw(30)
    weight = (np.arange(30) == 7).astype(float)
    model = NeuronSeekRegressor(**QUICK, readable=readable).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(model.predict(X), y[7], atol=1.0)


def test_a_wide_table_gives_the_forest_fewer_rows(monkeypatch):
    """Its time grows with the cells; some thousand rows suffice for sizes of errors."""
    seen = []

    class Watched(spread.ExtraTreesRegressor):
        def fit(self, X, y, sample_weight=None):
            seen.append(len(X))
            return super().fit(X, y, sample_weight=sample_weight)

    monkeypatch.setattr(spread, "ExtraTreesRegressor", Watched)
    X, y, _ = draw(300)
    NeuronSeekRegressor("x", max_epochs=1, random_state=0).fit(X, y)
    monkeypatch.setattr(spread, "_MOST_CELLS", 400)
    NeuronSeekRegressor("x", max_epochs=1, random_state=0).fit(X, y)
    assert seen == [300, 100]
