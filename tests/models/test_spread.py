"""Quantiles of a finite sample, and the forest as arrays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesRegressor

from sktaskneuron.models.spread import (
    LEVELS,
    Forest,
    LabelSpread,
    _quantiles,
    checked_coverages,
)


@pytest.mark.parametrize("n_rows", [12, 90, 700])
@pytest.mark.parametrize("depth", [1, 4])
def test_forest_is_that_of_sklearn(n_rows, depth):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 3)).astype(np.float32).astype(float)
    y = np.abs(rng.normal(size=n_rows)) * (1 + (X[:, 0] > 0))
    forest = ExtraTreesRegressor(7, max_depth=depth, bootstrap=True, random_state=0).fit(X, y)
    new = rng.normal(size=(50, 3)).astype(np.float32).astype(float)
    np.testing.assert_allclose(Forest.of(forest, depth)(new), forest.predict(new), rtol=1e-6)


def test_forest_has_one_size():
    rng = np.random.default_rng(0)
    sizes = set()
    for n_rows in (3, 40, 500):
        X = rng.normal(size=(n_rows, 2))
        forest = ExtraTreesRegressor(5, max_depth=3, random_state=0).fit(X, X[:, 0])
        made = Forest.of(forest, 3)
        sizes.add((made.feature.shape, made.threshold.shape, made.value.shape))
        assert made(X[:0]).shape == (0,)
    assert sizes == {((5, 7), (5, 7), (5, 8))}


@given(st.integers(1, 300), st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 0.999]))
@settings(deadline=None, max_examples=60)
def test_quantile_is_that_of_one_more_row(n_rows, level):
    """The value number ceil((n + 1) level), so that a new row is covered with that probability."""
    values = np.random.default_rng(n_rows).permutation(n_rows).astype(float)
    place = int(np.ceil((n_rows + 1) * level - 1e-9))
    found = _quantiles(values, np.ones(n_rows))[np.searchsorted(LEVELS, level - 1e-12)]
    assert found == (np.inf if place > n_rows else place - 1)


def test_coverage_is_exact_over_many_draws():
    """Scores of calibration rows and of a new one, drawn alike."""
    rng = np.random.default_rng(0)
    place = np.searchsorted(LEVELS, 0.8)
    hits = [rng.random() <= _quantiles(rng.random(9), np.ones(9))[place] for _ in range(4000)]
    assert np.mean(hits) == pytest.approx(0.8, abs=0.02)


def test_weights_are_copies():
    rng = np.random.default_rng(0)
    values, weight = rng.normal(size=40), rng.integers(1, 4, size=40)
    copied = np.repeat(values, weight)
    weighted = _quantiles(values, weight.astype(float))
    plain = _quantiles(copied, np.ones(len(copied)))
    # one more row has the mean weight here, and the weight one there
    inner = LEVELS < 0.9
    assert np.mean(weighted[inner] >= plain[inner]) == 1.0
    np.testing.assert_array_equal(
        _quantiles(values, np.full(40, 7.0)), _quantiles(values, np.ones(40))
    )


def test_sets_are_never_empty_and_nested():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(4), size=300)
    labels = np.array([rng.choice(4, p=row) for row in p])
    spread = LabelSpread.of(p[np.arange(300), labels], np.ones(300))
    sets = spread.sets(p, [0.1, 0.6, 0.9])
    assert sets.any(axis=2).all()
    assert (sets[0] <= sets[1]).all()
    assert (sets[1] <= sets[2]).all()
    assert sets[2][np.arange(300), labels].mean() >= 0.9


@pytest.mark.parametrize("coverage", [0, 1, -0.1, [0.5, 1.2], [], [[0.5]], np.nan])
def test_a_coverage_is_a_share(coverage):
    with pytest.raises(ValueError, match="coverage must be"):
        checked_coverages(coverage, 0.99)


def test_too_few_rows_for_a_coverage():
    with pytest.raises(ValueError, match=r"at most 0\.9"):
        checked_coverages([0.5, 0.95], 0.9)
