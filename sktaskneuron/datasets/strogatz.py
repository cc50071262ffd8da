"""Orbits of seven systems of two equations, on which searches of equations are compared."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import StrOptions

from sktaskneuron._typing import FloatArray, RandomState
from sktaskneuron.datasets.dynamics import COMMON, make_bunch
from sktaskneuron.datasets.integration import Field
from sktaskneuron.datasets.parameters import make_generator, validated


@dataclass(frozen=True)
class System:
    """A system of two equations.

    Parameters
    ----------
    field : callable
        ``states (2, ...) -> derivatives``, the same shape.
    equations : tuple of str
        The same as texts, in x and y.
    start : tuple of (float, float)
        Ranges of the first states.
    t_max : float
        Time by which orbits have shown what they do.
    """

    field: Field
    equations: tuple[str, str]
    start: tuple[tuple[float, float], tuple[float, float]]
    t_max: float = 10.0


def _bacteria(s: FloatArray) -> FloatArray:
    x, y = s
    eaten = x * y / (1 + 0.5 * x**2)
    return np.stack([20 - x - eaten, 10 - eaten])


def _magnets(s: FloatArray) -> FloatArray:
    x, y = s
    return np.stack([0.5 * np.sin(x - y) - np.sin(x), 0.5 * np.sin(y - x) - np.sin(y)])


def _glider(s: FloatArray) -> FloatArray:
    x, y = s
    return np.stack([-0.05 * x**2 - np.sin(y), x - np.cos(y) / x])


def _competition(s: FloatArray) -> FloatArray:
    x, y = s
    return np.stack([3 * x - 2 * x * y - x**2, 2 * y - x * y - y**2])


def _predators(s: FloatArray) -> FloatArray:
    x, y = s
    return np.stack([x * (4 - x - y / (1 + x)), y * (x / (1 + x) - 0.075 * y)])


def _shear_flow(s: FloatArray) -> FloatArray:
    x, y = s
    along = np.cos(x) * np.cos(y) / np.sin(y)
    return np.stack([along, (np.cos(y) ** 2 + 0.1 * np.sin(y) ** 2) * np.sin(x)])


def _van_der_pol(s: FloatArray) -> FloatArray:
    x, y = s
    return np.stack([10 * (y - (x**3 - x) / 3), -x / 10])


SYSTEMS: dict[str, System] = {
    "bacterial respiration": System(
        _bacteria,
        ("20 - x - x*y/(1 + 0.5*x**2)", "10 - x*y/(1 + 0.5*x**2)"),
        ((2.0, 15.0), (2.0, 15.0)),
    ),
    "bar magnets": System(
        _magnets,
        ("0.5*sin(x - y) - sin(x)", "0.5*sin(y - x) - sin(y)"),
        ((0.3, 6.0), (0.3, 6.0)),
    ),
    "glider": System(
        _glider,
        ("-0.05*x**2 - sin(y)", "x - cos(y)/x"),
        ((2.0, 6.0), (-1.0, 1.0)),
    ),
    "competition": System(
        _competition,
        ("3*x - 2*x*y - x**2", "2*y - x*y - y**2"),
        ((0.3, 8.0), (0.3, 3.0)),
        5.0,
    ),
    "predators": System(
        _predators,
        ("x*(4 - x - y/(1 + x))", "y*(x/(1 + x) - 0.075*y)"),
        ((1.0, 10.0), (1.0, 10.0)),
        20.0,
    ),
    "shear flow": System(
        _shear_flow,
        ("cos(x)*cos(y)/sin(y)", "(cos(y)**2 + 0.1*sin(y)**2)*sin(x)"),
        ((0.3, 3.0), (0.4, 2.7)),
    ),
    "van der Pol": System(
        _van_der_pol,
        ("10*(y - (x**3 - x)/3)", "-x/10"),
        ((-2.0, 2.0), (-1.0, 1.0)),
        20.0,
    ),
}


@validated(COMMON | {"system": [StrOptions(set(SYSTEMS))], "t_max": [*COMMON["t_max"], None]})
def make_strogatz(
    system: str = "glider",
    n_orbits: int = 4,
    n_points: int = 100,
    *,
    t_max: float | None = None,
    noise: float = 0.0,
    random_state: RandomState = None,
) -> Bunch:
    r"""Draw orbits of a system of two equations from Strogatz' textbook.

    "bacterial respiration" :math:`20 - x - xy/(1 + x^2/2),\ 10 - xy/(1 + x^2/2)`; "bar magnets"
    :math:`\tfrac12\sin(x - y) - \sin x,\ \tfrac12\sin(y - x) - \sin y`; "glider"
    :math:`-0.05 x^2 - \sin y,\ x - \cos(y)/x`; "competition"
    :math:`3x - 2xy - x^2,\ 2y - xy - y^2`; "predators"
    :math:`x(4 - x - y/(1 + x)),\ y(x/(1 + x) - 0.075 y)`; "shear flow"
    :math:`\cos x \cot y,\ (\cos^2 y + 0.1 \sin^2 y)\sin x`; "van der Pol"
    :math:`10(y - (x^3 - x)/3),\ -x/10`.

    Parameters
    ----------
    system : str, default="glider"
        One of those above.
    n_orbits : int, default=4
        Number of orbits, their first states uniform in a box.
    n_points : int, default=100
        Points of each orbit, equally spaced in time, both ends included.
    t_max : float or None, default=None
        Time of the last point; the first is at 0. None: 5 to 20, by the system.
    noise : float, default=0.0
        Standard deviation of the normal noise on states, and on derivatives, in units of that of
        each column.
    random_state : int, RandomState instance or None, default=None
        Seed of all draws.

    Returns
    -------
    bunch : `sklearn.utils.Bunch`
        ``trajectories`` of shape (n_orbits, n_points, 2), with states (x, y); ``t`` of shape
        (n_points,); ``X`` of shape (n_orbits * n_points, 2), the states one below the other; ``y``
        of the same shape, their time derivatives; ``groups`` of shape (n_orbits * n_points,), the
        orbit of each row; ``equations``, the two right-hand sides as texts; ``feature_names``,
        ``target_names`` and ``DESCR``.

    Raises
    ------
    InvalidParameterError
        If a parameter is of the wrong type or out of range; also a ValueError and a TypeError.
    ValueError
        If the integration fails.

    See Also
    --------
    make_van_der_pol : Draw orbits of the van der Pol oscillator.
    make_derivative_pairs : Turn sampled orbits into rows of states and their time derivatives.

    References
    ----------
    S. H. Strogatz, "Nonlinear Dynamics and Chaos", CRC Press (2015); as a benchmark in W. La Cava,
    K. Danai and L. Spector, Engineering Applications of Artificial Intelligence 55 (2016) 292-306.

    Examples
    --------
    >>> from sktaskneuron.datasets import make_strogatz
    >>> orbits = make_strogatz("competition", random_state=0)
    >>> orbits.X.shape, orbits.equations
    ((400, 2), ('3*x - 2*x*y - x**2', '2*y - x*y - y**2'))
    """
    chosen = SYSTEMS[system]
    rng = make_generator(random_state)
    states = np.stack([rng.uniform(*ends, size=n_orbits) for ends in chosen.start])
    return make_bunch(
        chosen.field,
        states,
        np.linspace(0.0, chosen.t_max if t_max is None else t_max, n_points),
        noise,
        rng,
        system=f"the system {system!r}",
        feature_names=["x", "y"],
        equations=chosen.equations,
    )
