"""Forecasts in a closed loop, and how long they hold."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from sktaskneuron.datasets import (
    forecast,
    make_lagged,
    make_van_der_pol,
    valid_prediction_time,
)


class Rule:
    """A model given by a function, which counts its calls."""

    def __init__(self, function):
        self.function, self.calls = function, []

    def predict(self, X):
        assert np.isfinite(X).all()
        self.calls.append(len(X))
        return self.function(X)


def frozen(values):
    values = np.array(values, dtype=float)
    values.flags.writeable = False
    return values


def test_forecast_of_numbers():
    fibonacci = Rule(lambda X: X.sum(axis=1))
    start = frozen([1, 1])
    assert forecast(fibonacci, start, 5).tolist() == [2, 3, 5, 8, 13]


def test_forecast_of_vectors():
    # s_{n+1} = s_{n-1} + (1, 10)
    rule = Rule(lambda X: X[:, :2] + [1, 10])
    ahead = forecast(rule, [[0, 0], [5, 50]], 3)
    assert ahead.tolist() == [[1, 10], [6, 60], [2, 20]]


def test_forecast_with_columns_of_make_lagged():
    orbits = make_van_der_pol(4, 400, random_state=0).trajectories
    model = make_pipeline(PolynomialFeatures(3), LinearRegression())
    model.fit(*make_lagged(orbits, n_lags=2))
    ahead = forecast(model, orbits[:, 98:100], 20)
    assert ahead.shape == (4, 20, 2)
    np.testing.assert_allclose(ahead, orbits[:, 100:120], atol=0.1)
    np.testing.assert_allclose(ahead[1], forecast(model, orbits[1, 98:100], 20))


def test_forecast_by_derivatives():
    A = np.array([[0.0, 1.0], [-1.0, -0.1]])
    model = Rule(lambda X: X @ A.T)
    start = np.array([[1.0, 0.0], [0.0, 2.0], [0.5, 0.5]])
    ahead = forecast(model, start, 30, dt=0.1)
    assert model.calls == [3] * 120  # one call a stage, for all orbits
    # one Runge-Kutta step of a linear field is the Taylor polynomial of fourth degree
    B = 0.1 * A
    step = np.eye(2) + B @ (np.eye(2) + B / 2 @ (np.eye(2) + B / 3 @ (np.eye(2) + B / 4)))
    for n in range(30):
        expected = start @ np.linalg.matrix_power(step, n + 1).T
        np.testing.assert_allclose(ahead[:, n], expected, rtol=1e-12)
    np.testing.assert_array_equal(forecast(model, start[1], 30, dt=0.1), ahead[1])


def test_forecast_of_one_state():
    ahead = forecast(Rule(lambda X: -X[:, 0]), [1.0], 10, dt=0.1)
    np.testing.assert_allclose(ahead[:, 0], np.exp(-0.1 * np.arange(1, 11)), rtol=1e-5)


def test_learned_field_forecasts_an_orbit():
    orbits = make_van_der_pol(20, 400, random_state=0)
    model = make_pipeline(PolynomialFeatures(3), LinearRegression()).fit(orbits.X, orbits.y)
    fresh = make_van_der_pol(3, 400, random_state=1)
    ahead = forecast(model, fresh.trajectories[:, 0], 399, dt=fresh.t[1])
    np.testing.assert_allclose(ahead, fresh.trajectories[:, 1:], atol=1e-3)


def test_diverged_series_are_nan():
    square = Rule(lambda X: X**2)
    ahead = forecast(square, [[[10.0]], [[1.0]]], 9)
    assert ahead[0, :5, 0].tolist() == pytest.approx([1e2, 1e4, 1e8, 1e16, 1e32])
    assert np.isnan(ahead[0, 5:]).all()
    assert np.all(ahead[1] == 1)
    assert square.calls == [2] * 6 + [1] * 3


def test_forecast_stops_when_all_diverged():
    square = Rule(lambda X: X**2)
    assert np.isnan(forecast(square, [10.0], 1000)[6:]).all()
    assert len(square.calls) < 10


def test_diverged_states_are_nan():
    blows_up = Rule(lambda X: np.where(X > 0, X**3, 0.0))
    ahead = forecast(blows_up, [[1.0], [-1.0]], 60, dt=0.1)
    assert np.isnan(ahead[0, -1])
    assert np.all(ahead[1] == -1)
    known = np.isfinite(ahead[0, :, 0])
    assert np.all(np.diff(known.astype(int)) <= 0)  # NaN from some step on


def test_model_without_finite_output():
    nothing = Rule(lambda X: np.full(X.shape, np.nan))
    assert np.isnan(forecast(nothing, [1.0, 2.0], 4, dt=0.1)).all()
    assert np.isnan(forecast(Rule(lambda X: X[:, 0] * np.inf), [1.0, 2.0], 4)).all()


@pytest.mark.parametrize(
    ("start", "options", "message"),
    [
        (np.zeros((1, 1, 1, 1)), {}, "1, 2 or 3 dimensions"),
        (np.zeros((2, 3, 1)), {"dt": 0.1}, r"\(n_orbits, n_state\)"),
        ([np.nan], {}, "start contains NaN"),
        ([1.0], {"dt": 0.0}, "dt"),
        ([1.0], {"n_steps": 0}, "n_steps"),
        (np.zeros((2, 2)), {}, "must predict 2 columns"),
        (np.zeros((1, 2, 3)), {}, "must predict 3 columns"),
    ],
)
def test_forecast_errors(start, options, message):
    with pytest.raises(ValueError, match=message):
        forecast(Rule(lambda X: X[:, 0]), start, **({"n_steps": 3} | options))


def test_forecast_needs_a_model():
    with pytest.raises(ValueError, match="model"):
        forecast(np.sin, [1.0], 3)


def test_neighbours_never_diverge():
    model = KNeighborsRegressor(1).fit(*make_lagged(np.sin(np.arange(30.0)), n_lags=3))
    assert np.abs(forecast(model, [0.0, 0.5, 1.0], 200)).max() <= 1


def test_valid_prediction_time():
    t = np.linspace(0, 10, 101)
    true = np.sin(t)
    drift = true + 0.1 * t * true.std()
    # the error is 0.1 t, and not yet above its threshold where equal to it
    assert valid_prediction_time(true, drift, t, threshold=0.55) == pytest.approx(5.6)
    assert valid_prediction_time(true, drift, t) == pytest.approx(4.1, abs=0.11)
    assert valid_prediction_time(true, true, t) == 10.0
    assert valid_prediction_time(true, true + 10, t) == 0.0
    assert isinstance(valid_prediction_time(true, true, t), float)


def test_valid_prediction_time_weighs_components_by_their_spread():
    t = np.arange(200.0)
    true = np.column_stack([np.sin(t), 1000 * np.cos(t)])
    off = true.copy()
    off[50:, 1] += 100  # a tenth of an amplitude, 0.14 spreads
    assert valid_prediction_time(true, off, t) == 199
    off[100:, 0] += 0.5  # half an amplitude: 0.7 spreads, and 0.5 as mean square of both
    assert valid_prediction_time(true, off, t) == 100


def test_valid_prediction_time_of_several():
    t = np.arange(50.0)
    true = np.sin(t)[np.newaxis, :, np.newaxis] * np.ones((3, 1, 2))
    predicted = true.copy()
    predicted[1, 20:] = np.nan
    predicted[2, 30, 0] = 1e300
    time = valid_prediction_time(frozen(true), frozen(predicted), t)
    assert time.tolist() == [49, 20, 30]


@pytest.mark.parametrize(
    ("true", "predicted", "t", "options", "message"),
    [
        ([0, 1], [0, 1, 2], [0, 1], {}, "of the shape of true"),
        ([0, 1], [0, 1], [0, 1, 2], {}, "2 increasing times"),
        ([0, 1], [0, 1], [1, 0], {}, "2 increasing times"),
        ([1, 1], [0, 1], [0, 1], {}, "is constant"),
        ([0, np.inf], [0, 1], [0, 1], {}, "true contains infinity"),
        ([0, 1], [0, 1], [0, 1], {"threshold": 0.0}, "threshold"),
    ],
)
def test_valid_prediction_time_errors(true, predicted, t, options, message):
    with pytest.raises(ValueError, match=message):
        valid_prediction_time(true, predicted, t, **options)
