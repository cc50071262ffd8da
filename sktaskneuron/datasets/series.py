"""From series and orbits to rows of a table."""

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import make_smoothing_spline
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval, Options

from sktaskneuron._typing import AnyArray, FloatArray, Matrix
from sktaskneuron.datasets.parameters import validated

# Central differences: weights of the points after the middle one; those before have opposite signs.
_STENCILS = {2: (1 / 2,), 4: (2 / 3, -1 / 12)}
# Share of the points at each end that splines leave out, as a divisor, and points that they need.
_ENDS, _LEAST_SMOOTH = 20, 5
# Largest relative deviation of a time step from the mean one: what rounding leaves of a linspace.
_UNEVEN = 1e-6


@validated(
    {
        "series": ["array-like"],
        "n_lags": [Interval(Integral, 1, None, closed="left")],
        "horizon": [Interval(Integral, 1, None, closed="left")],
        "return_groups": ["boolean"],
    }
)
def make_lagged(
    series: ArrayLike, n_lags: int, *, horizon: int = 1, return_groups: bool = False
) -> tuple[AnyArray, ...]:
    r"""Turn series into rows: the last `n_lags` values, and the value to come.

    Row :math:`i` of X is :math:`(s_i, \ldots, s_{i + L - 1})`, oldest first, and of y
    :math:`s_{i + L - 1 + h}`, with L lags and the horizon h. No row reaches over two series.

    Parameters
    ----------
    series : array-like of one to three dimensions
        One series of numbers (n_points,), one of vectors (n_points, n_features), or several of
        vectors (n_series, n_points, n_features).
    n_lags : int
        Values that a row holds.
    horizon : int, default=1
        Steps from the last of them to the target.
    return_groups : bool, default=False
        Return the series of each row too, for splitters such as `GroupKFold`.

    Returns
    -------
    X : ndarray of shape (n_rows, n_lags * n_features)
        Lagged values; those of one time are neighbours.
    y : ndarray of shape (n_rows,) or (n_rows, n_features)
        Targets, of shape (n_rows,) for a series of numbers.
    groups : ndarray of shape (n_rows,)
        Number of the series. Only if ``return_groups=True``.

    Raises
    ------
    InvalidParameterError
        If a parameter is of the wrong type or out of range; also a ValueError and a TypeError.
    ValueError
        If a series is shorter than ``n_lags + horizon``, or holds values that are not finite.

    See Also
    --------
    make_derivative_pairs : Turn sampled orbits into rows of states and their time derivatives.
    forecast : Forecast in a closed loop: the model's own output is its next input.

    Examples
    --------
    >>> from sktaskneuron.datasets import make_lagged
    >>> X, y = make_lagged([0, 1, 2, 3, 4], n_lags=2)
    >>> X.tolist(), y.tolist()
    ([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]], [2.0, 3.0, 4.0])
    """
    values = check_series(series, "series", flat=True)
    stack = values.reshape(stacked_shape(values))
    n_series, n_points, n_features = stack.shape
    n_rows = n_points - n_lags - horizon + 1
    if n_rows < 1:
        raise ValueError(
            f"n_lags={n_lags} and horizon={horizon} need series of at least {n_lags + horizon} "
            f"points, got {n_points}"
        )
    lags = np.arange(n_rows)[:, np.newaxis] + np.arange(n_lags)
    X = stack[:, lags].reshape(n_series * n_rows, n_lags * n_features)
    y = stack[:, n_lags + horizon - 1 :].reshape(n_series * n_rows, n_features).copy()
    return _rows(X, y[:, 0] if values.ndim == 1 else y, n_series, return_groups)


@validated(
    {
        "trajectories": ["array-like"],
        "t": ["array-like"],
        "order": [Options(Integral, {2, 4})],
        "smooth": ["boolean"],
        "return_groups": ["boolean"],
    }
)
def make_derivative_pairs(
    trajectories: ArrayLike,
    t: ArrayLike,
    *,
    order: int = 4,
    smooth: bool = False,
    return_groups: bool = False,
) -> tuple[AnyArray, ...]:
    r"""Turn sampled orbits into rows of states and their time derivatives.

    Derivatives are central differences of second or fourth order in the time step :math:`\tau`,

    .. math::

       \dot s_i \approx \frac{s_{i+1} - s_{i-1}}{2\tau}, \qquad
       \dot s_i \approx \frac{8\,(s_{i+1} - s_{i-1}) - (s_{i+2} - s_{i-2})}{12\tau},

    so one point, or two, at each end of an orbit have no row.

    Differences of measured states have far more noise than the states. With ``smooth=True`` each
    component of an orbit is replaced by a cubic spline s that minimises

    .. math:: \sum_i (s(t_i) - s_i)^2 + \lambda \int s''(t)^2\,dt,

    with :math:`\lambda` by generalised cross-validation; states and derivatives are those of the
    spline, which is worst at its ends: a twentieth of the points has no row there.

    Parameters
    ----------
    trajectories : array-like of shape (n_points, n_state) or (n_orbits, n_points, n_state)
        States of one orbit, or of several.
    t : array-like of shape (n_points,)
        Times, equally spaced, the same for all orbits.
    order : {2, 4}, default=4
        Order of the differences. With noisy states the second order has the lesser noise. Not read
        with `smooth`.
    smooth : bool, default=False
        Take states and derivatives from smoothing splines, for measured orbits.
    return_groups : bool, default=False
        Return the orbit of each row too, for splitters such as `GroupKFold`.

    Returns
    -------
    X : ndarray of shape (n_rows, n_state)
        States.
    y : ndarray of shape (n_rows, n_state)
        Derivatives.
    groups : ndarray of shape (n_rows,)
        Number of the orbit. Only if ``return_groups=True``.

    Raises
    ------
    InvalidParameterError
        If a parameter is of the wrong type or out of range; also a ValueError and a TypeError.
    ValueError
        If times are not equally spaced, or do not fit the orbits; if orbits are too short, or hold
        values that are not finite.

    See Also
    --------
    make_lagged : Turn series into rows: the last `n_lags` values, and the value to come.
    forecast : Forecast in a closed loop: the model's own output is its next input.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.datasets import make_derivative_pairs
    >>> t = np.linspace(0, 1, 11)
    >>> X, y = make_derivative_pairs(np.column_stack([t**2, t**3]), t)
    >>> bool(np.allclose(y, np.column_stack([2 * t, 3 * t**2])[2:-2]))
    True
    """
    values = check_series(trajectories, "trajectories")
    stack = values.reshape(stacked_shape(values))
    n_orbits, n_points, n_state = stack.shape
    reach = max(1, n_points // _ENDS) if smooth else len(_STENCILS[order])
    least = max(2 * reach + 1, _LEAST_SMOOTH if smooth else 0)
    if n_points < least:
        kind = "smooth=True" if smooth else f"order={order}"
        raise ValueError(f"{kind} needs {least} points an orbit, got {n_points}")
    step = _check_times(t, n_points)
    if smooth:
        X, y = _splines(stack, step)
        X, y = X[:, reach:-reach], y[:, reach:-reach]
    else:
        X, y = stack[:, reach : n_points - reach], _differences(stack, order) / step
    return _rows(X.reshape(-1, n_state).copy(), y.reshape(-1, n_state), n_orbits, return_groups)


def _differences(stack: FloatArray, order: int) -> FloatArray:
    """Return central differences (n_orbits, n_inner_points, n_state), for steps of one."""
    stencil = _STENCILS[order]
    reach = len(stencil)
    inner = stack.shape[1] - 2 * reach
    y = np.zeros((len(stack), inner, stack.shape[2]))
    for k, weight in enumerate(stencil, start=1):
        after, before = reach + k, reach - k
        y += weight * (stack[:, after : after + inner] - stack[:, before : before + inner])
    return y


def _splines(stack: FloatArray, step: float) -> tuple[FloatArray, FloatArray]:
    """Return smoothed states and their derivatives, both of the shape of the orbits."""
    # in steps, so that the penalty does not depend on the unit of time
    t = np.arange(stack.shape[1], dtype=float)
    states, slopes = np.empty_like(stack), np.zeros_like(stack)
    for orbit in range(len(stack)):
        for place in range(stack.shape[2]):
            values = stack[orbit, :, place]
            states[orbit, :, place] = values
            if values.min() < values.max():
                spline = make_smoothing_spline(t, values)
                states[orbit, :, place] = spline(t)
                slopes[orbit, :, place] = spline.derivative()(t)
    return states, slopes / step


def check_series(values: ArrayLike, name: str, flat: bool = False) -> FloatArray:
    """Check for finite numbers in 2 or 3 dimensions, or in 1 if flat."""
    array: FloatArray = check_array(
        values, ensure_2d=False, allow_nd=True, dtype=np.float64, input_name=name
    )
    if not (1 if flat else 2) <= array.ndim <= 3:
        raise ValueError(
            f"{name} must have {'1, 2' if flat else '2'} or 3 dimensions, got shape {array.shape}"
        )
    return array


def stacked_shape(values: FloatArray) -> tuple[int, int, int]:
    """Shape (n_series, n_points, n_features) of a series of 1, 2 or 3 dimensions."""
    if values.ndim == 1:
        return 1, len(values), 1
    return (1 if values.ndim == 2 else len(values)), values.shape[-2], values.shape[-1]


def _check_times(t: ArrayLike, n_points: int) -> float:
    """Check equally spaced times, and give their step."""
    times = check_array(t, ensure_2d=False, dtype=np.float64, input_name="t")
    if times.shape != (n_points,):
        raise ValueError(f"t must be of shape ({n_points},), got {times.shape}")
    step = float((times[-1] - times[0]) / (n_points - 1))
    if not step > 0 or np.abs(np.diff(times) - step).max() > _UNEVEN * step:
        raise ValueError("t must increase in equal steps; interpolate the orbits first")
    return step


def _rows(X: Matrix, y: FloatArray, n_series: int, return_groups: bool) -> tuple[AnyArray, ...]:
    if not return_groups:
        return X, y
    return X, y, np.repeat(np.arange(n_series), len(X) // n_series)
