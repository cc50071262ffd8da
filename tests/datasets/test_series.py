"""Rows made from series and orbits."""

import numpy as np
import pytest

from sktaskneuron.datasets import make_derivative_pairs, make_henon_heiles, make_lagged


def frozen(values):
    values = np.array(values, dtype=float)
    values.flags.writeable = False
    return values


def test_lagged_numbers():
    X, y = make_lagged([0, 1, 4, 9, 16, 25], n_lags=3, horizon=2)
    assert X.tolist() == [[0, 1, 4], [1, 4, 9]]
    assert y.tolist() == [16, 25]
    assert X.dtype == y.dtype == np.float64


def test_lagged_vectors():
    X, y = make_lagged([[0, 10], [1, 11], [2, 12], [3, 13]], n_lags=2)
    assert X.tolist() == [[0, 10, 1, 11], [1, 11, 2, 12]]
    assert y.tolist() == [[2, 12], [3, 13]]


def test_lagged_rows_keep_to_one_series():
    orbits = make_henon_heiles(3, 10, random_state=0).trajectories
    X, y, groups = make_lagged(orbits, n_lags=4, return_groups=True)
    single = [make_lagged(orbit, n_lags=4) for orbit in orbits]
    np.testing.assert_array_equal(X, np.concatenate([rows for rows, _ in single]))
    np.testing.assert_array_equal(y, np.concatenate([target for _, target in single]))
    np.testing.assert_array_equal(groups, np.repeat([0, 1, 2], 6))


def test_lagged_leaves_its_input():
    series = frozen(np.arange(6.0))
    X, y = make_lagged(series, n_lags=1)
    X += 1
    y += 1
    assert series.tolist() == [0, 1, 2, 3, 4, 5]


def test_lagged_shortest_series():
    X, y = make_lagged([1, 2, 3], n_lags=2)
    assert (X.tolist(), y.tolist()) == ([[1, 2]], [3])
    with pytest.raises(ValueError, match="at least 4 points, got 3"):
        make_lagged([1, 2, 3], n_lags=2, horizon=2)


@pytest.mark.parametrize(
    ("series", "options", "message"),
    [
        ([1, 2, 3], {"n_lags": 0}, "n_lags"),
        ([1, 2, 3], {"n_lags": 1, "horizon": 0}, "horizon"),
        ([1, 2, 3], {"n_lags": 1, "return_groups": 1}, "return_groups"),
        ([1, np.nan, 3], {"n_lags": 1}, "series contains NaN"),
        (np.zeros((2, 2, 2, 2)), {"n_lags": 1}, "1, 2 or 3 dimensions"),
        (3, {"n_lags": 1}, "series"),
    ],
)
def test_lagged_errors(series, options, message):
    with pytest.raises(ValueError, match=message):
        make_lagged(series, **options)


@pytest.mark.parametrize("order", [2, 4])
def test_differences_are_exact_for_polynomials(order):
    t = np.linspace(-1, 2, 9)
    orbit = np.column_stack([t**power for power in range(order + 1)])
    X, y = make_derivative_pairs(orbit, t, order=order)
    reach = order // 2
    exact = np.column_stack(
        [power * t ** max(power - 1, 0) if power else 0 * t for power in range(order + 1)]
    )
    np.testing.assert_allclose(y, exact[reach:-reach], atol=1e-12)
    np.testing.assert_array_equal(X, orbit[reach:-reach])


@pytest.mark.parametrize("order", [2, 4])
def test_order_of_differences(order):
    def error(n_points):
        t = np.linspace(0, 3, n_points)
        X, y = make_derivative_pairs(np.column_stack([np.sin(t), np.cos(t)]), t, order=order)
        return np.abs(y - np.column_stack([X[:, 1], -X[:, 0]])).max()

    assert error(31) / error(61) == pytest.approx(2**order, rel=0.05)


def test_derivative_pairs_of_several_orbits():
    orbits = make_henon_heiles(3, 10, random_state=0)
    X, y, groups = make_derivative_pairs(orbits.trajectories, orbits.t, return_groups=True)
    single = [make_derivative_pairs(orbit, orbits.t) for orbit in orbits.trajectories]
    np.testing.assert_array_equal(X, np.concatenate([rows for rows, _ in single]))
    np.testing.assert_array_equal(y, np.concatenate([target for _, target in single]))
    np.testing.assert_array_equal(groups, np.repeat([0, 1, 2], 6))


def test_smoothing_is_for_noise():
    t = np.linspace(0, 10, 200)
    orbit = np.column_stack([np.sin(t), np.cos(t)])
    noisy = orbit + 0.02 * np.random.default_rng(0).normal(size=orbit.shape)

    def error(states, **options):
        X, y = make_derivative_pairs(states, t, **options)
        at = slice((200 - len(X)) // 2, -((200 - len(X)) // 2))
        return np.abs(X - orbit[at]).max(), np.abs(y - orbit[at][:, ::-1] * [1, -1]).max()

    assert max(error(orbit, smooth=True)) < 1e-3
    of_states, of_slopes = error(noisy, smooth=True)
    assert of_states < 0.03
    assert of_slopes < 0.15 < error(noisy)[1]
    later = make_derivative_pairs(noisy, 100 * t, smooth=True)[1]
    np.testing.assert_allclose(later, make_derivative_pairs(noisy, t, smooth=True)[1] / 100)


def test_smoothing_of_a_state_at_rest():
    X, y = make_derivative_pairs(np.full((30, 2), 3.0), np.arange(30), smooth=True)
    assert (X == 3).all()
    assert (y == 0).all()
    assert X.shape == (28, 2)


def test_derivative_pairs_leave_their_input():
    t, orbit = frozen(np.arange(6.0)), frozen(np.ones((6, 2)))
    X, _ = make_derivative_pairs(orbit, t)
    X += 1
    assert np.all(orbit == 1)


@pytest.mark.parametrize(
    ("shape", "t", "options", "message"),
    [
        ((6, 2), np.arange(5), {}, r"t must be of shape \(6,\)"),
        ((6, 2), np.arange(6) ** 2, {}, "equal steps"),
        ((6, 2), -np.arange(6), {}, "equal steps"),
        ((6, 2), np.zeros(6), {}, "equal steps"),
        ((4, 2), np.arange(4), {}, "needs 5 points"),
        ((4, 2), np.arange(4), {"smooth": True}, "smooth=True needs 5 points"),
        ((6, 2), np.arange(6), {"order": 3}, "order"),
        ((6,), np.arange(6), {}, "2 or 3 dimensions"),
    ],
)
def test_derivative_errors(shape, t, options, message):
    with pytest.raises(ValueError, match=message):
        make_derivative_pairs(np.ones(shape), t, **options)
