"""Orbits of autonomous differential equations, to nearly full precision."""

from collections.abc import Callable

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import OptimizeResult

from sktaskneuron._typing import FloatArray, Vector

Field = Callable[[FloatArray], FloatArray]

# Orbits are integrated as one system, whose error is judged by its mean over orbits: tolerances far
# below the promised accuracy leave room for the worst of them.
_TOLERANCES = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-13}


def integrate(field: Field, states: FloatArray, t: Vector) -> FloatArray:
    """Solve from states (n_state, n_orbits) at t[0]; gives (n_orbits, n_points, n_state)."""

    def stacked(_: float, flat: Vector) -> Vector:
        return field(flat.reshape(states.shape)).ravel()

    run = _solve(stacked, (t[0], t[-1]), states.ravel(), t)
    return np.ascontiguousarray(run.y.reshape(*states.shape, len(t)).transpose(1, 2, 0))


def integrate_kicked(field: Field, state: Vector, t: Vector, kick: float) -> FloatArray:
    """Solve one pendulum (2,) beat by beat, each ended by a kick; gives (n_points, 2)."""

    def passing(_: float, state: Vector) -> float:
        return float(np.sin(state[0] / 2))

    orbit = np.empty((len(t), 2))
    done, now = 0, t[0]
    side = np.sign(passing(now, state)) or np.sign(state[1])
    passing.terminal = True  # type: ignore[attr-defined]
    while done < len(t):
        # only the way back counts: the root at the start of a beat is that of the last one
        passing.direction = -side  # type: ignore[attr-defined]
        run = _solve(lambda _, s: field(s), (now, t[-1]), state, t[done:], events=passing)
        if len(run.t):
            orbit[done : done + len(run.t)] = run.y.T
            done += len(run.t)
        if run.status == 1:
            now = run.t_events[0][0]
            q, p = run.y_events[0][0]
            state = np.array([q, np.sign(p) * np.sqrt(p**2 + 2 * kick)])
            side = -side
    return orbit


def _solve(
    field: Callable[[float, Vector], Vector],
    span: tuple[float, float],
    state: Vector,
    t: Vector,
    events: Callable[[float, Vector], float] | None = None,
) -> OptimizeResult:
    run = solve_ivp(field, span, state, t_eval=t, events=events, **_TOLERANCES)
    if run.status < 0:
        raise ValueError(f"the orbits could not be integrated to t={span[1]:g}: {run.message}")
    return run
