"""Which scales are tried: origins, clipping, columns that say nothing new."""

from __future__ import annotations

import numpy as np
import pytest

from sktaskneuron.datasets import load_airfoil, load_concrete, load_yacht
from sktaskneuron.search.frame.standardise import (
    distinct_values,
    standardisations,
    usable_columns,
)

RNG = np.random.default_rng(0)
NORMAL = RNG.standard_normal((400, 2))
ONES = np.ones(400)


def origins(X, weight=None):
    scales = standardisations(X, np.ones(len(X)) if weight is None else weight)
    return {tuple(np.round(scale.center, 6)) for scale in scales}


def test_centred_columns_keep_their_origin():
    """Shifting by the noise of a mean would add lower orders to a clean law."""
    assert len(standardisations(NORMAL, ONES)) == 1
    assert origins(NORMAL) == {(0.0, 0.0)}


def test_columns_off_centre_are_tried_about_zero_and_about_their_mean():
    X = NORMAL + np.array([2.0, 0.0])
    mean = round(float(X[:, 0].mean()), 6)
    assert origins(X) == {(0.0, 0.0), (mean, 0.0)}


def test_columns_far_from_zero_have_one_origin():
    """Powers of a year about year zero are numerically useless."""
    X = NORMAL + np.array([2000.0, 0.0])
    assert origins(X) == {(round(float(X[:, 0].mean()), 6), 0.0)}


def test_every_scale_has_unit_root_mean_square():
    X = np.column_stack([RNG.exponential(5.0, 400), RNG.standard_t(2, 400), NORMAL + 3.0])
    weight = RNG.integers(1, 4, 400).astype(float)
    for scale in standardisations(X, weight):
        np.testing.assert_allclose(weight @ scale(X) ** 2 / weight.sum(), 1.0)


def test_standard_columns_are_the_clipped_raw_ones_in_units():
    X = np.column_stack([RNG.standard_t(2, 400), NORMAL])
    for scale in standardisations(X, ONES):
        back = scale(X) * scale.scale + scale.center
        np.testing.assert_allclose(back, np.clip(X, scale.lower, scale.upper), atol=1e-9)


def test_far_tails_are_tried_clipped_and_as_they_are():
    X = NORMAL.copy()
    X[0, 0] = 50.0
    scales = standardisations(X, ONES)
    bounded = [np.isfinite(scale.upper).tolist() for scale in scales]
    assert sorted(bounded) == [[False, False], [True, False]]
    clipped = scales[bounded.index([True, False])]
    assert 4.0 < clipped.upper[0] < 6.0
    assert clipped(X)[0, 0] < 10.0


def test_only_the_side_with_the_tail_is_clipped():
    """A bound that no value comes near would only make equations longer."""
    X = np.column_stack([np.exp(1.5 * NORMAL[:, 0]), NORMAL[:, 1]])
    clipped = [scale for scale in standardisations(X, ONES) if np.isfinite(scale.upper[0])]
    assert clipped
    assert all(np.isinf(scale.lower).all() for scale in clipped)


@pytest.mark.parametrize("load", [load_airfoil, load_concrete, load_yacht])
def test_a_tail_is_few_rows(load):
    """Columns of few levels have narrow quartiles; what lies beyond them is no tail."""
    X, _ = load(return_X_y=True)
    for scale in standardisations(X, np.ones(len(X))):
        clipped = (scale.lower > X) | (scale.upper < X)
        assert clipped.mean(axis=0).max() < 0.1


def test_one_wild_value_does_not_widen_the_scale():
    X = NORMAL.copy()
    X[0, 0] = 1e6
    assert any(scale.upper[0] < 10.0 for scale in standardisations(X, ONES))


@pytest.mark.parametrize("column", [RNG.uniform(size=400), (RNG.uniform(size=400) < 0.01) * 1.0])
def test_no_clipping_without_far_tails(column):
    """A rare 0/1 column has values many robust scales away, but no tail."""
    X = np.column_stack([column, NORMAL])
    for scale in standardisations(X, ONES):
        assert np.isinf(scale.lower).all()
        assert np.isinf(scale.upper).all()


def test_weights_are_repeated_rows():
    X = np.column_stack([RNG.exponential(2.0, 400), RNG.standard_t(2, 400), NORMAL + 1.0])
    weight = RNG.integers(1, 4, 400).astype(float)
    rows = np.repeat(np.arange(400), weight.astype(int))
    ours, repeated = standardisations(X, weight), standardisations(X[rows], np.ones(len(rows)))
    for a, b in zip(ours, repeated, strict=True):
        for name in ("center", "scale", "lower", "upper"):
            np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-10)


def test_usable_columns_leave_out_constants_and_copies():
    x, z = NORMAL.T
    X = np.column_stack([np.full(400, 3.0), x, z, x, 1.0 - 7.0 * x, x + 1e-3 * z, x**2])
    assert usable_columns(X).tolist() == [False, True, True, False, False, True, True]


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_usable_columns_know_no_unit(unit):
    assert usable_columns(unit * NORMAL).all()
    assert not usable_columns(np.full((400, 1), 0.1 * unit)).any()


def test_rounding_is_no_variation():
    noise = 1e8 + 1e-7 * np.sign(NORMAL[:, :1])
    assert not usable_columns(noise).any()


def test_distinct_values():
    X = np.array([[1.0, 1.0, 5.0], [1.0, 2.0, 6.0], [1.0, 1.0, 7.0], [1.0, 2.0, 8.0]])
    assert distinct_values(X, 3).tolist() == [1, 2, 3]
    assert distinct_values(X, 10).tolist() == [1, 2, 4]
