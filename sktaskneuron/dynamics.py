"""Trajectories: integrated along a field of derivatives, and read back as states with theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from sktaskneuron._typing import FloatArray, Matrix, TableLike, TargetLike, Vector

Field = Callable[[Matrix], Matrix]
Step = Callable[[Field, Matrix, float], Matrix]

# Iterations of the implicit equations of leapfrog, and the change that ends them.
_ITERATIONS, _TOLERANCE = 20, 1e-12


def rk4_step(field: Field, x: Matrix, dt: float) -> Matrix:
    """Return the state after one step of the classical Runge-Kutta method: fourth order.

    Parameters
    ----------
    field : callable
        Maps states (n_orbits, n_state) to derivatives.
    x : ndarray of shape (n_orbits, n_state)
    dt : float
    """
    k1 = field(x)
    k2 = field(x + 0.5 * dt * k1)
    k3 = field(x + 0.5 * dt * k2)
    k4 = field(x + dt * k3)
    return np.asarray(x + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4))


def leapfrog_step(field: Field, x: Matrix, dt: float) -> Matrix:
    """Return the state after one step of the Störmer-Verlet method: second order, symplectic.

    Learned Hamiltonians are not sums of functions of q and of p, so the two implicit half steps are
    solved by iteration.
    """
    half = x.shape[1] // 2
    q, p = x[:, :half], x[:, half:]

    def parts(q: Matrix, p: Matrix) -> tuple[Matrix, Matrix]:
        rate = field(np.concatenate([q, p], axis=1))
        return rate[:, :half], rate[:, half:]

    middle = _solved(lambda guess: p + 0.5 * dt * parts(q, guess)[1], p)
    start = parts(q, middle)[0]
    new_q = _solved(lambda guess: q + 0.5 * dt * (start + parts(guess, middle)[0]), q + dt * start)
    new_p = middle + 0.5 * dt * parts(new_q, middle)[1]
    return np.concatenate([new_q, new_p], axis=1)


def _solved(function: Callable[[Matrix], Matrix], guess: Matrix) -> Matrix:
    for _ in range(_ITERATIONS):
        new = function(guess)
        change = np.abs(new - guess).max(initial=0.0)
        guess = new
        if not change > _TOLERANCE * max(1.0, np.abs(guess).max(initial=0.0)):
            break
    return guess


STEPS: Mapping[str, Step] = {"leapfrog": leapfrog_step, "rk4": rk4_step}


def check_integration(t: ArrayLike, method: str, max_step: float | None) -> Vector:
    """Return the times as an array, after asking whether an integration can follow them.

    Raises
    ------
    ValueError
        If the times do not increase, the method is not known, or the step is not positive.
    """
    if method not in STEPS:
        raise ValueError(f"method must be 'leapfrog' or 'rk4', got {method!r}")
    if max_step is not None and not max_step > 0:
        raise ValueError(f"max_step must be positive, got {max_step!r}")
    times = np.asarray(t, dtype=np.float64)
    increasing = times.ndim == 1 and len(times) > 0 and bool((np.diff(times) > 0).all())
    if not increasing or not np.isfinite(times).all():
        raise ValueError("t must hold finite, increasing times")
    return times


def integrate(
    field: Field, start: Matrix, t: Vector, method: str, max_step: float | None = None
) -> FloatArray:
    """Return states at the times ``t``, the first of which is that of the start.

    Parameters
    ----------
    field : callable
    start : ndarray of shape (n_orbits, n_state)
    t : ndarray of shape (n_times,)
        Increasing.
    method : {"leapfrog", "rk4"}
    max_step : float or None, default=None
        Longest step; None takes a tenth of the distances of ``t``.

    Returns
    -------
    ndarray of shape (n_orbits, n_times, n_state)
    """
    step = STEPS[method]
    states = [start]
    for span in np.diff(t):
        count = 10 if max_step is None else max(1, int(np.ceil(span / max_step - 1e-9)))
        x = states[-1]
        for _ in range(count):
            x = step(field, x, span / count)
        states.append(x)
    return np.stack(states, axis=1)


def states_and_rates(
    X: TableLike, t: TargetLike, sample_weight: ArrayLike | None
) -> tuple[Matrix, Matrix, Vector | None]:
    """Turn orbits into rows: their states, the derivatives of these by time, and weights.

    Parameters
    ----------
    X : array-like of shape (n_orbits, n_times, n_state)
    t : array-like of shape (n_times,)
        Increasing, the same for all orbits.
    sample_weight : array-like of shape (n_orbits,) or None

    Returns
    -------
    states, rates : ndarray of shape (n_orbits * n_times, n_state)
        Derivatives are differences of second order, at the ends too.
    weight : ndarray of shape (n_orbits * n_times,) or None
        Every state has the weight of its orbit.

    Raises
    ------
    ValueError
        If times or weights do not fit the orbits, or there are less than 3 increasing times.
    """
    paths, times = np.asarray(X, dtype=np.float64), np.asarray(t, dtype=np.float64)
    if times.shape != (paths.shape[1],):
        raise ValueError(
            f"with trajectories of shape {paths.shape} y holds their {paths.shape[1]} times, "
            f"got the shape {times.shape}"
        )
    if len(times) < 3 or not (np.diff(times) > 0).all():
        raise ValueError("trajectories need at least 3 increasing times")
    rates = np.gradient(paths, times, axis=1, edge_order=2)
    weight = None
    if sample_weight is not None:
        given = np.asarray(sample_weight, dtype=np.float64)
        if given.shape != (len(paths),):
            raise ValueError(f"{len(paths)} orbits need as many weights, got {given.shape}")
        weight = np.repeat(given, len(times))
    width = paths.shape[2]
    return paths.reshape(-1, width), rates.reshape(-1, width), weight
