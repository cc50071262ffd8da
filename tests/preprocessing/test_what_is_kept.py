"""Fitted steps keep no cells of a column of numbers, but for those that the docs name."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sktaskneuron.preprocessing import (
    NormalScoreScaler,
    SmoothClipScaler,
    TableEncoder,
    threshold_edges,
)

SHAPES = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "uniform": lambda rng, n: rng.uniform(-3.0, 5.0, n),
    "lognormal": lambda rng, n: np.exp(3 * rng.standard_normal(n)),
    "cauchy": lambda rng, n: rng.standard_cauchy(n),
    "two clusters": lambda rng, n: rng.choice([-1e6, 1e6], n) + rng.random(n),
    "zeros, then numbers": lambda rng, n: np.where(rng.random(n) < 0.4, 0.0, rng.exponential(1, n)),
}
WEIGHTS = {
    "none": lambda rng, n: None,
    "copies": lambda rng, n: rng.permutation(np.arange(n) % 4),
    "shares": lambda rng, n: rng.random(n) + 0.01,
}
# of each column of numbers: docs/user_guide/model_files.md names these, and no other
EXCEPTIONS = {
    "encoder": (TableEncoder, ["median"]),
    "robust": (SmoothClipScaler, ["median", "interquartile range"]),
    "ranks": (NormalScoreScaler, ["minimum", "maximum"]),
    "ranks, many": (lambda: NormalScoreScaler(10_000), ["minimum", "maximum"]),
}


def numbers_of(value):
    """Every number that a fitted object holds."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return np.concatenate([np.empty(0), *map(numbers_of, value)])
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return value.ravel()
    return np.asarray([value] if isinstance(value, float) else [])


def draw(shape, size, weights, seed):
    rng = np.random.default_rng(seed)
    x = SHAPES[shape](rng, size)
    return x, WEIGHTS[weights](rng, size)


columns = st.builds(
    draw,
    st.sampled_from(list(SHAPES)),
    st.integers(20, 5_000),
    st.sampled_from(list(WEIGHTS)),
    st.integers(0, 2**32 - 1),
)


def allowed(x, weight, names):
    if weight is not None:
        x, weight = x[weight > 0], weight[weight > 0]
    q1, median, q3 = np.quantile(x, (0.25, 0.5, 0.75), weights=weight, method="inverted_cdf")
    cells = {
        "minimum": x.min(),
        "maximum": x.max(),
        "median": median,
        # a cell where a quartile is zero
        "interquartile range": q3 - q1,
    }
    return {0.0, *(float(cells[name]) for name in names)}


@pytest.mark.parametrize("step", EXCEPTIONS)
@given(column=columns)
def test_cells_that_are_kept(step, column):
    x, weight = column
    make, names = EXCEPTIONS[step]
    fitted = make().fit(x[:, None], sample_weight=weight)
    kept = np.intersect1d(numbers_of(vars(fitted)), x)
    assert set(kept) <= allowed(x, weight, names)


@given(column=columns)
def test_edges_of_bins_are_no_cells(column):
    x, weight = column
    edges = threshold_edges(x[:, None], 1_000, weight)
    kept = np.intersect1d(edges, x)
    assert set(kept) <= allowed(x, weight, ["minimum", "maximum"])


def points_of_curve(x):
    return NormalScoreScaler(10_000).fit(x[:, None]).values_[0]


def edges_of_bins(x):
    return np.unique(threshold_edges(x[:, None], 1_000))


@pytest.mark.parametrize("points_of", [points_of_curve, edges_of_bins])
@given(column=columns)
def test_no_cell_can_be_worked_out(points_of, column):
    """Points of a curve stand five rows apart, so that none is the mean of known numbers."""
    x, weight = column
    if weight is not None or 0.0 in x:
        return
    points = points_of(x)
    rows_between = np.diff(np.searchsorted(np.sort(x), points[1:-1]))
    assert len(points) <= len(x) / 5 + 1
    assert np.all(rows_between >= 5)


@pytest.mark.parametrize("n", [20, 301, 4000])
def test_a_weight_of_k_is_k_copies_of_a_cell(n):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(n)
    weight = rng.integers(0, 12, n)
    weighted = NormalScoreScaler().fit(x[:, None], sample_weight=weight)
    repeated = NormalScoreScaler().fit(np.repeat(x, weight)[:, None])
    np.testing.assert_array_equal(weighted.values_[0], repeated.values_[0])
    np.testing.assert_array_equal(weighted.scores_[0], repeated.scores_[0])
