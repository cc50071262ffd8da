"""Edges of bins: quantiles, and thresholds that lie between values."""

import numpy as np
import pytest

from sktaskneuron.preprocessing import quantile_edges, threshold_edges

KINDS = pytest.mark.parametrize("edges_of", [quantile_edges, threshold_edges])


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return np.column_stack(
        [
            rng.standard_t(1, 200),
            rng.integers(0, 5, 200),  # ties
            rng.integers(0, 2, 200),  # two values
            np.full(200, 7.0),  # constant
            np.where(rng.random(200) < 0.9, 0.0, rng.exponential(size=200)),  # mostly one value
        ]
    )


def test_quantiles(X):
    edges = quantile_edges(X, 8)
    assert edges.shape == (5, 9)
    expected = np.quantile(X[:, 0], np.arange(9) / 8, method="inverted_cdf")
    np.testing.assert_array_equal(edges[0], expected)
    counts, _ = np.histogram(X[:, 0], edges[0])
    assert np.ptp(counts) <= 2


def test_quantiles_of_ties_come_first_and_the_last_fills_up(X):
    edges = quantile_edges(X, 20)
    assert edges[1].tolist() == [0.0, 1.0, 2.0, 3.0] + [4.0] * 17
    distinct = np.unique(edges[4])
    assert 3 <= len(distinct) < 21
    np.testing.assert_array_equal(
        edges[4], np.append(distinct, [distinct[-1]] * (21 - len(distinct)))
    )
    assert np.all(np.diff(edges, axis=1) >= 0)


def test_quantiles_of_few_values_are_no_bins(X):
    edges = quantile_edges(X, 6)
    assert np.ptp(edges[2]) == 0.0
    assert edges[3].tolist() == [7.0] * 7
    mostly = np.zeros((1000, 1))
    mostly[:2, 0] = [1.0, 2.0]
    assert np.ptp(quantile_edges(mostly, 4)) == 0.0
    noise = np.array([[0.3], [0.1 * 3], [np.nextafter(0.3, 0)]])
    assert np.ptp(quantile_edges(noise, 3)) == 0.0


@pytest.mark.parametrize("factor", [1.0, 0.1])
def test_weights_of_quantiles_equal_repetition(X, factor):
    weight = np.random.default_rng(1).integers(0, 4, len(X))
    np.testing.assert_array_equal(
        quantile_edges(X, 7, weight * factor), quantile_edges(np.repeat(X, weight, axis=0), 7)
    )


def test_thresholds_lie_between_values(X):
    for column, edges in zip(X.T, threshold_edges(X, 16), strict=True):
        inner = edges[1:-1][edges[1:-1] < edges[-1]]
        assert not np.isin(inner, column).any()
        rows = np.searchsorted(np.sort(column), [-np.inf, *inner, np.inf])
        if len(inner):
            assert np.diff(rows).min() >= 5
            assert (edges[0], edges[-1]) == (column.min(), column.max())


def test_every_value_has_a_bin_where_all_fit(X):
    assert threshold_edges(X, 8)[1].tolist() == [0.0, 0.5, 1.5, 2.5, 3.5, 4.0, 4.0, 4.0, 4.0]


def test_half_of_the_thresholds_are_spread_over_the_values():
    """Of a column that is mostly zero, quantiles of the rows see but the end."""
    x = np.concatenate([np.zeros(90_000), np.repeat(np.arange(1.0, 1_001.0), 10)])
    inner = threshold_edges(x[:, None], 11)[0, 1:-1]
    np.testing.assert_allclose(inner[:5], [0.5, 250, 500, 750, 999], rtol=0.01)
    assert np.unique(quantile_edges(x[:, None], 11)).tolist() == [0.0, 91.0, 1000.0]


def test_few_values_have_no_thresholds(X):
    edges = threshold_edges(X, 6)
    assert np.ptp(edges[2:4], axis=1).tolist() == [0.0, 0.0]
    mostly = np.zeros((1000, 1))
    mostly[:2, 0] = [1.0, 2.0]  # fewer rows than an edge needs above it
    assert threshold_edges(mostly, 4).tolist() == [[0.0, 2.0, 2.0, 2.0, 2.0]]


def test_weights_of_thresholds_equal_repetition(X):
    weight = np.random.default_rng(1).integers(0, 4, len(X))
    np.testing.assert_array_equal(
        threshold_edges(X, 7, weight), threshold_edges(np.repeat(X, weight, axis=0), 7)
    )


@KINDS
def test_no_column(edges_of):
    assert edges_of(np.empty((5, 0)), 4).shape == (0, 5)


@KINDS
@pytest.mark.parametrize("order", ["C", "F"])
def test_input_untouched(X, order, edges_of):
    X = np.array(X, order=order)
    X.setflags(write=False)
    before = X.copy()
    edges = edges_of(X, 3)
    np.testing.assert_array_equal(X, before)
    assert not np.shares_memory(edges, X)


@KINDS
def test_far_numbers(edges_of):
    x = np.array([[-1.7e308], [-1e-320], [0.0], [1e-320], [1.7e308]]).repeat(9, axis=0)
    edges = edges_of(x, 8)
    assert np.isfinite(edges).all()
    assert np.all(np.diff(edges, axis=1)[np.isfinite(np.diff(edges, axis=1))] >= 0)


@KINDS
@pytest.mark.parametrize("n_bins", [1, 2.0])
def test_bad_n_bins(X, n_bins, edges_of):
    with pytest.raises(ValueError, match="n_bins must be an int of 2 or more"):
        edges_of(X, n_bins)


@KINDS
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_gaps_and_infinity_are_refused(X, bad, edges_of):
    X[3, 1] = bad
    with pytest.raises(ValueError, match="contains"):
        edges_of(X, 3)


@KINDS
@pytest.mark.parametrize(
    ("weight", "message"), [(0.0, "non-zero"), (-1.0, "Negative"), (np.nan, "NaN")]
)
def test_bad_weights(X, weight, message, edges_of):
    with pytest.raises(ValueError, match=message):
        edges_of(X, 3, np.full(len(X), weight))
