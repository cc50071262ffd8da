"""From a fitted model back to a series: closed loops, and how long they hold."""

from numbers import Integral, Real
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array
from sklearn.utils._param_validation import HasMethods, Interval

from sktaskneuron._typing import FloatArray, Mask, Matrix, Vector
from sktaskneuron.datasets.parameters import validated
from sktaskneuron.datasets.series import check_series, stacked_shape

# Beyond this a regressor that works in float32 refuses its input.
_LARGEST = float(np.finfo(np.float32).max)


class Predictor(Protocol):
    """A fitted regressor."""

    def predict(self, X: Matrix, /) -> ArrayLike:
        """Predict from the columns of rows (n_rows, n_columns)."""


@validated(
    {
        "model": [HasMethods("predict")],
        "start": ["array-like"],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "dt": [Interval(Real, 0, None, closed="neither"), None],
    }
)
def forecast(
    model: Predictor, start: ArrayLike, n_steps: int, *, dt: float | None = None
) -> FloatArray:
    r"""Forecast in a closed loop: the model's own output is its next input.

    Without `dt` the model predicts the next value from the last ones, in the columns of
    `make_lagged` with ``horizon=1``. With `dt` it predicts time derivatives f of states, as fitted
    to `make_derivative_pairs`, and each step is one of the classical Runge-Kutta method,

    .. math::

       k_1 &= f(s), \quad k_2 = f(s + \tfrac{\tau}{2} k_1), \quad
       k_3 = f(s + \tfrac{\tau}{2} k_2), \quad k_4 = f(s + \tau k_3), \\
       s' &= s + \tfrac{\tau}{6} (k_1 + 2 k_2 + 2 k_3 + k_4).

    All series advance together, by one call of predict a step (four with `dt`). Once a value is no
    longer finite, or too large for float32, the rest of its series is NaN.

    Parameters
    ----------
    model : object with a method predict
        Fitted regressor.
    start : array-like
        Without `dt` the last values, oldest first, of shape (n_lags,), (n_lags, n_features) or
        (n_series, n_lags, n_features). With `dt` the state, of shape (n_state,), or
        (n_orbits, n_state) for several.
    n_steps : int
        Number of steps.
    dt : float or None, default=None
        Time step of a model of derivatives.

    Returns
    -------
    predicted : ndarray
        The values after `start`, which is not among them: of shape (n_steps,),
        (n_steps, n_features) or (n_series, n_steps, n_features); with `dt`, (n_steps, n_state) or
        (n_orbits, n_steps, n_state).

    Raises
    ------
    InvalidParameterError
        If a parameter is of the wrong type or out of range; also a ValueError and a TypeError.
    ValueError
        If `start` is not finite or of another shape, or the model predicts another number of
        columns than the series has.

    See Also
    --------
    valid_prediction_time : Give the time at which a forecast's normalised error first exceeds a
        threshold.
    make_lagged : Turn series into rows: the last `n_lags` values, and the value to come.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sktaskneuron.datasets import forecast, make_lagged
    >>> wave = np.sin(0.3 * np.arange(60))
    >>> model = LinearRegression().fit(*make_lagged(wave[:40], n_lags=2))
    >>> bool(np.allclose(forecast(model, wave[38:40], 20), wave[40:]))
    True
    """
    values = check_series(start, "start", flat=True)
    if dt is None:
        history = values.reshape(stacked_shape(values)).copy()
    elif values.ndim < 3:
        history = np.atleast_2d(values)[:, np.newaxis].copy()
    else:
        raise ValueError(
            f"with dt, start is of shape (n_state,) or (n_orbits, n_state), got {values.shape}"
        )
    n_series, _, n_features = history.shape
    predicted = np.full((n_series, n_steps, n_features), np.nan)

    going = np.arange(n_series)
    for step in range(n_steps):
        window = history[going]
        after = _predict(model, window) if dt is None else _runge_kutta(model, window[:, 0], dt)
        kept = _is_usable(after)
        going, after = going[kept], after[kept]
        predicted[going, step] = after
        history[going] = np.concatenate([window[kept, 1:], after[:, np.newaxis]], axis=1)
        if not going.size:
            break

    if dt is not None:
        return predicted if values.ndim == 2 else predicted[0]
    if values.ndim == 1:
        return predicted[0, :, 0]
    return predicted if values.ndim == 3 else predicted[0]


@validated(
    {
        "true": ["array-like"],
        "predicted": ["array-like"],
        "t": ["array-like"],
        "threshold": [Interval(Real, 0, None, closed="neither")],
    }
)
def valid_prediction_time(
    true: ArrayLike, predicted: ArrayLike, t: ArrayLike, *, threshold: float = 0.4
) -> float | Vector:
    r"""Give the time at which a forecast's normalised error first exceeds a threshold.

    .. math:: e(t) = \sqrt{\frac1d \sum_{j=1}^d \frac{(\hat s_j(t) - s_j(t))^2}{\sigma_j^2}}

    with the standard deviation :math:`\sigma_j` of component j of the true series, over all times
    (and over all series, if there are several).

    Parameters
    ----------
    true : array-like of one to three dimensions
        True values: (n_points,), (n_points, n_features), or (n_series, n_points, n_features).
    predicted : array-like of the shape of `true`
        Forecast. A value that is not finite exceeds every threshold.
    t : array-like of shape (n_points,)
        Times, increasing.
    threshold : float, default=0.4
        The error that a valid prediction may have.

    Returns
    -------
    time : float or ndarray of shape (n_series,)
        The first time with a larger error; the last time if there is none.

    Raises
    ------
    InvalidParameterError
        If a parameter is of the wrong type or out of range; also a ValueError and a TypeError.
    ValueError
        If shapes differ, times do not increase, or a component of the true series is constant.

    See Also
    --------
    forecast : Forecast in a closed loop: the model's own output is its next input.

    References
    ----------
    P. R. Vlachas et al., "Backpropagation algorithms and reservoir computing in recurrent neural
    networks for the forecasting of complex spatiotemporal dynamics", Neural Networks 126 (2020)
    191-217.

    Examples
    --------
    >>> from sktaskneuron.datasets import valid_prediction_time
    >>> valid_prediction_time([0, 1, 0, -1, 0], [0, 1, 0.1, 0, 1], [0.0, 0.5, 1.0, 1.5, 2.0])
    1.5
    """
    values = check_series(true, "true", flat=True)
    guess = np.asarray(predicted, dtype=np.float64)
    if guess.shape != values.shape:
        raise ValueError(
            f"predicted must be of the shape of true, {values.shape}, got {guess.shape}"
        )
    shape = stacked_shape(values)
    values, guess, ndim = values.reshape(shape), guess.reshape(shape), values.ndim
    times = check_array(t, ensure_2d=False, dtype=np.float64, input_name="t")
    if times.shape != shape[1:2] or np.any(np.diff(times) <= 0):
        raise ValueError(f"t must be {shape[1]} increasing times, one for each point")
    spread = values.std(axis=(0, 1))
    if np.any(spread == 0):
        raise ValueError("a component of true is constant, which leaves its error without a unit")
    gap = np.where(np.isfinite(guess), guess, np.inf) - values
    with np.errstate(over="ignore"):  # an infinite error is what a diverged forecast has
        error = np.sqrt(np.mean((gap / spread) ** 2, axis=-1))
    exceeds = error > threshold
    first = np.where(exceeds.any(axis=1), exceeds.argmax(axis=1), shape[1] - 1)
    return times[first] if ndim == 3 else float(times[first[0]])


def _predict(model: Predictor, window: FloatArray) -> Matrix:
    """Predict (n_series, n_features) from (n_series, n_lags, n_features)."""
    n_series, _, n_features = window.shape
    y = np.asarray(model.predict(window.reshape(n_series, -1)), dtype=np.float64)
    if y.shape[:1] != (n_series,) or y.size != n_series * n_features:
        raise ValueError(
            f"the model must predict {n_features} columns for series of {n_features}, got an "
            f"array of shape {y.shape} for {n_series} rows"
        )
    return y.reshape(n_series, n_features)


def _runge_kutta(model: Predictor, state: Matrix, dt: float) -> Matrix:
    """Advance states (n_orbits, n_state) by one step; NaN where a stage cannot be used."""
    after = np.full_like(state, np.nan)
    going = np.arange(len(state))
    slopes: list[Matrix] = []
    for share in (0.0, 0.5, 0.5, 1.0):
        here = state[going] + (share * dt * slopes[-1] if slopes else 0.0)
        kept = _is_usable(here)
        going, here, slopes = going[kept], here[kept], [k[kept] for k in slopes]
        if not going.size:
            return after
        slopes.append(_predict(model, here[:, np.newaxis]))
    k1, k2, k3, k4 = slopes
    after[going] = state[going] + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return after


def _is_usable(values: FloatArray) -> Mask:
    """Tell which rows a regressor can take as input."""
    return np.all(np.abs(values) <= _LARGEST, axis=-1)
