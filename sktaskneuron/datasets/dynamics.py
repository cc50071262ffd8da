"""Orbits of three oscillators: van der Pol, Hénon-Heiles, pendulum."""

from functools import partial
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval

from sktaskneuron._typing import FloatArray, RandomState, Vector
from sktaskneuron.datasets.integration import Field, integrate, integrate_kicked
from sktaskneuron.datasets.parameters import check_range, make_generator, validated

#: Energy above which an orbit of Hénon-Heiles may leave for infinity.
ESCAPE_ENERGY = 1 / 6

#: Parameters of all generators of orbits.
COMMON: dict[str, list[object]] = {
    "n_orbits": [Interval(Integral, 1, None, closed="left")],
    "n_points": [Interval(Integral, 2, None, closed="left")],
    "t_max": [Interval(Real, 0, None, closed="neither")],
    "noise": [Interval(Real, 0, None, closed="left")],
    "random_state": ["random_state"],
}


@validated(
    COMMON | {"mu": [Interval(Real, 0, None, closed="left")], "start": [tuple]},
)
def make_van_der_pol(
    n_orbits: int = 40,
    n_points: int = 100,
    *,
    t_max: float = 10.0,
    mu: float = 2.7,
    start: tuple[float, float] = (-3.0, 3.0),
    noise: float = 0.0,
    random_state: RandomState = None,
) -> Bunch:
    r"""Draw orbits of the van der Pol oscillator.

    .. math:: \dot x = v, \qquad \dot v = \mu\,(1 - x^2)\,v - x

    Every orbit but the one at rest runs into the same limit cycle.

    Parameters
    ----------
    n_orbits : int, default=40
        Number of orbits.
    n_points : int, default=100
        Points of each orbit, equally spaced in time, both ends included.
    t_max : float, default=10.0
        Time of the last point; the first is at 0.
    mu : float, default=2.7
        Strength of the damping. The larger, the stiffer, and the slower: 1000 takes seconds.
    start : tuple of float (low, high), default=(-3.0, 3.0)
        Range of the uniform draws of both the first position and the first velocity.
    noise : float, default=0.0
        Standard deviation of the normal noise on states, and on derivatives, in units of that of
        each column.
    random_state : int, RandomState instance or None, default=None
        Seed of all draws.

    Returns
    -------
    bunch : `sklearn.utils.Bunch`
        ``trajectories`` of shape (n_orbits, n_points, 2), with states (x, v); ``t`` of shape
        (n_points,); ``X`` of shape (n_orbits * n_points, 2), the states one below the other; ``y``
        of the same shape, their time derivatives; ``groups`` of shape (n_orbits * n_points,), the
        orbit of each row; ``feature_names``, ``target_names`` and ``DESCR``. Without noise, states
        are exact to about 1e-9 at the default `mu` and `t_max`.

    Raises
    ------
    InvalidParameterError
        If a parameter is of the wrong type or out of range; also a ValueError and a TypeError.
    ValueError
        If `start` is not a range, or the integration fails.

    See Also
    --------
    make_henon_heiles : Draw bound orbits of the Hénon-Heiles system.
    make_pendulum : Draw orbits of a pendulum: free, damped, or kept going by a clock's escapement.
    make_derivative_pairs : Turn sampled orbits into rows of states and their time derivatives.

    References
    ----------
    B. van der Pol, "On relaxation-oscillations", Phil. Mag. 2 (1926) 978-992; with mu = 2.7 in
    A. Choudhary et al., "Neuronal diversity can improve machine learning for physics and beyond",
    Scientific Reports 13 (2023), https://doi.org/10.1038/s41598-023-40766-6.

    Examples
    --------
    >>> from sktaskneuron.datasets import make_van_der_pol
    >>> orbits = make_van_der_pol(3, 50, random_state=0)
    >>> orbits.trajectories.shape, orbits.X.shape, orbits.target_names
    ((3, 50, 2), (150, 2), ['dx/dt', 'dv/dt'])
    """
    low, high = check_range(start, "start")
    rng = make_generator(random_state)
    states = rng.uniform(low, high, size=(2, n_orbits))
    return make_bunch(
        partial(_van_der_pol, mu=mu),
        states,
        np.linspace(0.0, t_max, n_points),
        noise,
        rng,
        system=f"the van der Pol oscillator with mu={mu:g}",
        feature_names=["x", "v"],
    )


@validated(COMMON | {"energy": [tuple]})
def make_henon_heiles(
    n_orbits: int = 40,
    n_points: int = 100,
    *,
    t_max: float = 20.0,
    energy: tuple[float, float] = (0.01, 0.16),
    noise: float = 0.0,
    random_state: RandomState = None,
) -> Bunch:
    r"""Draw bound orbits of the Hénon-Heiles system.

    .. math::

       H(q, p) = \tfrac12 (p_x^2 + p_y^2) + \tfrac12 (q_x^2 + q_y^2) + q_x^2 q_y - \tfrac13 q_y^3,
       \qquad \dot q = \frac{\partial H}{\partial p}, \quad \dot p = -\frac{\partial H}{\partial q}

    Below the escape energy 1/6 an orbit stays near the origin; the nearer to 1/6, the more of them
    are chaotic. Energies are uniform on the given range; of all states of its energy, each is as
    likely to start an orbit (the microcanonical law).

    Parameters
    ----------
    n_orbits : int, default=40
        Number of orbits.
    n_points : int, default=100
        Points of each orbit, equally spaced in time, both ends included.
    t_max : float, default=20.0
        Time of the last point; the first is at 0.
    energy : tuple of float (low, high), default=(0.01, 0.16)
        Range of the energies, above 0 and below 1/6. Equal ends fix the energy.
    noise : float, default=0.0
        Standard deviation of the normal noise on states, and on derivatives, in units of that of
        each column.
    random_state : int, RandomState instance or None, default=None
        Seed of all draws.

    Returns
    -------
    bunch : `sklearn.utils.Bunch`
        ``trajectories`` of shape (n_orbits, n_points, 4), with states (qx, qy, px, py); ``t`` of
        shape (n_points,); ``X`` of shape (n_orbits * n_points, 4), the states one below the other;
        ``y`` of the same shape, their time derivatives; ``groups`` of shape
        (n_orbits * n_points,), the orbit of each row; ``energy``, a function of states of shape
        (..., 4); ``feature_names``, ``target_names`` and ``DESCR``. Without noise, energy is
        conserved to 1e-10.

    Raises
    ------
    InvalidParameterError
        If a parameter is of the wrong type or out of range; also a ValueError and a TypeError.
    ValueError
        If `energy` is not a range between 0 and 1/6, or the integration fails.

    See Also
    --------
    make_pendulum : Draw orbits of a pendulum: free, damped, or kept going by a clock's escapement.
    make_van_der_pol : Draw orbits of the van der Pol oscillator.

    References
    ----------
    M. Hénon and C. Heiles, "The applicability of the third integral of motion: some numerical
    experiments", Astronomical Journal 69 (1964) 73-79.

    Examples
    --------
    >>> from sktaskneuron.datasets import make_henon_heiles
    >>> orbits = make_henon_heiles(3, 50, energy=(0.1, 0.1), random_state=0)
    >>> orbits.energy(orbits.trajectories[:, ::25]).round(9).tolist()
    [[0.1, 0.1], [0.1, 0.1], [0.1, 0.1]]
    """
    low, high = check_range(energy, "energy", above=0.0)
    if high >= ESCAPE_ENERGY:
        raise ValueError(
            f"energy must stay below 1/6, where orbits escape to infinity; got {energy!r}"
        )
    rng = make_generator(random_state)
    states = _draw_henon_heiles(rng, rng.uniform(low, high, size=n_orbits))
    return make_bunch(
        _henon_heiles,
        states,
        np.linspace(0.0, t_max, n_points),
        noise,
        rng,
        system=f"the Hénon-Heiles system with energies from {low:g} to {high:g}",
        feature_names=["qx", "qy", "px", "py"],
        energy=_henon_heiles_energy,
    )


@validated(
    COMMON
    | {
        "omega": [Interval(Real, 0, None, closed="neither")],
        "amplitude": [tuple],
        "damping": [Interval(Real, 0, None, closed="left")],
        "kick": [Interval(Real, 0, None, closed="left")],
    }
)
def make_pendulum(
    n_orbits: int = 40,
    n_points: int = 100,
    *,
    t_max: float = 20.0,
    omega: float = 1.0,
    amplitude: tuple[float, float] = (0.1, 2.5),
    damping: float = 0.0,
    kick: float = 0.0,
    noise: float = 0.0,
    random_state: RandomState = None,
) -> Bunch:
    r"""Draw orbits of a pendulum: free, damped, or kept going by a clock's escapement.

    .. math:: H(q, p) = \tfrac12 p^2 + \omega^2 (1 - \cos q), \qquad
              \dot q = p, \quad \dot p = -\omega^2 \sin q - \gamma p

    with the angle q from the lowest point, and unit mass and length. With `kick`, the pendulum gets
    that much energy at each passing of the lowest point, in the direction of its motion: an
    instantaneous dead-beat (Graham) escapement, whose weight falls equally far at each beat. Small
    swings then approach the energy :math:`k\,\omega / (\pi\gamma)`.

    Parameters
    ----------
    n_orbits : int, default=40
        Number of orbits.
    n_points : int, default=100
        Points of each orbit, equally spaced in time, both ends included.
    t_max : float, default=20.0
        Time of the last point; the first is at 0.
    omega : float, default=1.0
        Angular frequency of small swings.
    amplitude : tuple of float (low, high), default=(0.1, 2.5)
        Range of the uniform draws of the largest angle, in radians, above 0 and below pi. An orbit
        starts at a random phase.
    damping : float, default=0.0
        Rate gamma of the friction.
    kick : float, default=0.0
        Energy k of a kick. A value above 0 integrates the orbits one by one, beat by beat, which
        takes about 40 times as long.
    noise : float, default=0.0
        Standard deviation of the normal noise on states, and on derivatives, in units of that of
        each column.
    random_state : int, RandomState instance or None, default=None
        Seed of all draws.

    Returns
    -------
    bunch : `sklearn.utils.Bunch`
        ``trajectories`` of shape (n_orbits, n_points, 2), with states (q, p); ``t`` of shape
        (n_points,); ``X`` of shape (n_orbits * n_points, 2), the states one below the other; ``y``
        of the same shape, their time derivatives (between kicks); ``groups`` of shape
        (n_orbits * n_points,), the orbit of each row; ``energy``, a function of states of shape
        (..., 2); ``feature_names``, ``target_names`` and ``DESCR``. Without noise, damping and
        kicks, energy is conserved to 1e-10 (relative to omega^2).

    Raises
    ------
    InvalidParameterError
        If a parameter is of the wrong type or out of range; also a ValueError and a TypeError.
    ValueError
        If `amplitude` is not a range between 0 and pi, or the integration fails.

    See Also
    --------
    make_henon_heiles : Draw bound orbits of the Hénon-Heiles system.
    make_van_der_pol : Draw orbits of the van der Pol oscillator.

    Notes
    -----
    Choudhary et al. (2023, https://doi.org/10.1038/s41598-023-40766-6) filmed a pendulum clock;
    this is the equation of such a clock, not their recording.

    Examples
    --------
    >>> from sktaskneuron.datasets import make_pendulum
    >>> clock = make_pendulum(2, 200, t_max=400.0, damping=0.05, kick=0.01, random_state=0)
    >>> bool(abs(clock.energy(clock.trajectories[:, -50:]) / (0.01 / 0.05 / 3.14) - 1).max() < 0.2)
    True
    """
    low, high = check_range(amplitude, "amplitude", above=0.0)
    if high >= np.pi:
        raise ValueError(
            f"amplitude must stay below pi, the pendulum's upper rest point; got {amplitude!r}"
        )
    rng = make_generator(random_state)
    sine = np.sin(rng.uniform(low, high, size=n_orbits) / 2)
    phase = rng.uniform(0, 2 * np.pi, size=n_orbits)
    # any phase puts the state on the curve of energy 2 (omega sine)^2
    states = np.stack([2 * np.arcsin(sine * np.sin(phase)), 2 * omega * sine * np.cos(phase)])
    return make_bunch(
        partial(_pendulum, omega=omega, damping=damping),
        states,
        np.linspace(0.0, t_max, n_points),
        noise,
        rng,
        kick=kick,
        system=f"a pendulum with omega={omega:g}, damping={damping:g} and kick={kick:g}, first "
        f"swings of {low:g} to {high:g} rad",
        feature_names=["q", "p"],
        energy=partial(_pendulum_energy, omega=omega),
    )


def _van_der_pol(state: FloatArray, mu: float) -> FloatArray:
    """Give the derivative of (x, v), of shape (2, ...)."""
    x, v = state
    return np.stack([v, mu * (1 - x**2) * v - x])


def _henon_heiles(state: FloatArray) -> FloatArray:
    """Give the derivative of (qx, qy, px, py), of shape (4, ...)."""
    qx, qy, px, py = state
    return np.stack([px, py, -qx - 2 * qx * qy, -qy - qx**2 + qy**2])


def _henon_heiles_potential(qx: FloatArray, qy: FloatArray) -> FloatArray:
    return (qx**2 + qy**2) / 2 + qx**2 * qy - qy**3 / 3


def _henon_heiles_energy(states: ArrayLike) -> FloatArray:
    """Give the energy of states of shape (..., 4)."""
    qx, qy, px, py = np.moveaxis(np.asarray(states, dtype=np.float64), -1, 0)
    return (px**2 + py**2) / 2 + _henon_heiles_potential(qx, qy)


def _pendulum(state: FloatArray, omega: float, damping: float) -> FloatArray:
    """Give the derivative of (q, p), of shape (2, ...)."""
    q, p = state
    return np.stack([p, -(omega**2) * np.sin(q) - damping * p])


def _pendulum_energy(states: ArrayLike, omega: float) -> FloatArray:
    """Give the energy of states of shape (..., 2)."""
    q, p = np.moveaxis(np.asarray(states, dtype=np.float64), -1, 0)
    # 2 sin(q/2)^2 = 1 - cos(q), without the loss of digits at small angles
    return p**2 / 2 + 2 * (omega * np.sin(q / 2)) ** 2


def _draw_henon_heiles(rng: np.random.Generator, energies: Vector) -> FloatArray:
    """Draw one state of each energy, (4, n_orbits), by the microcanonical law.

    With two degrees of freedom that law is uniform in q where V(q) <= E, and in the direction of p.
    """
    q = np.zeros((2, len(energies)))
    kinetic = np.full(len(energies), -1.0)
    while (missing := np.flatnonzero(kinetic < 0)).size:
        # V >= r^2/2 - r^3/3 >= r^2/6 for r <= 1: the bounded region lies in this disc, and the part
        # of {V <= E} behind the saddles, at r >= 1, lies outside of it
        radius = np.sqrt(6 * energies[missing] * rng.uniform(size=missing.size))
        angle = rng.uniform(0, 2 * np.pi, size=missing.size)
        q[:, missing] = radius * np.cos(angle), radius * np.sin(angle)
        kinetic[missing] = energies[missing] - _henon_heiles_potential(*q[:, missing])
    direction = rng.uniform(0, 2 * np.pi, size=len(energies))
    p = np.sqrt(2 * kinetic) * np.stack([np.cos(direction), np.sin(direction)])
    return np.concatenate([q, p])


def make_bunch(
    field: Field,
    states: FloatArray,
    t: Vector,
    noise: float,
    rng: np.random.Generator,
    *,
    system: str,
    feature_names: list[str],
    kick: float = 0.0,
    **more: object,
) -> Bunch:
    """Put orbits from states (n_state, n_orbits) and their derivatives into rows, with noise."""
    if kick > 0:
        trajectories = np.stack([integrate_kicked(field, s, t, kick) for s in states.T])
    else:
        trajectories = integrate(field, states, t)
    n_orbits, n_points, n_state = trajectories.shape
    y = field(trajectories.reshape(-1, n_state).T).T
    trajectories = _add_noise(rng, trajectories, noise)
    return Bunch(
        trajectories=trajectories,
        t=t,
        X=trajectories.reshape(-1, n_state).copy(),
        y=_add_noise(rng, np.ascontiguousarray(y), noise),
        groups=np.repeat(np.arange(n_orbits), n_points),
        feature_names=feature_names,
        target_names=[f"d{name}/dt" for name in feature_names],
        **more,
        DESCR=f"{n_orbits} orbits of {system}, {n_points} points each, t = 0 to {t[-1]:g}. States "
        f"({', '.join(feature_names)}); targets are their time derivatives.",
    )


def _add_noise(rng: np.random.Generator, values: FloatArray, noise: float) -> FloatArray:
    """Add normal noise in units of the spread of each last-axis column."""
    spread = values.std(axis=tuple(range(values.ndim - 1)))
    return values + noise * spread * rng.standard_normal(values.shape)
