"""Curves of one column with constants inside: their values, where a fit of them starts, their text.

A constant inside a function, as a rate, a frequency or an exponent, has no closed form. For each
kind of curve there are starts near enough to descend from, on the range of the column.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sktaskneuron._typing import FloatArray, Matrix, Vector
from sktaskneuron.formula.text.canonical import make_call, make_power, make_product, make_sum
from sktaskneuron.formula.text.nodes import Node, Number
from sktaskneuron.search.columns.dimensions import invertible

# Turns of a wave over the range of a column, in radians: a step of 1.5 is near enough to descend.
_WAVES = 1.5 * np.arange(1, 61)
_DAMPED_WAVES = 1.5 * np.arange(1, 41)
# Largest exponent that a factor in front of an exponential may hold.
_MOST_FOLDED = 30.0
# Bounds of an argument of an exponential.
_FAR = 300.0


@dataclass(frozen=True, eq=False)
class Range:
    """The values of a column, and where they lie.

    Parameters
    ----------
    x : ndarray of shape (n_samples,)
    """

    x: Vector

    @property
    def low(self) -> float:
        """Smallest value."""
        return float(self.x.min())

    @property
    def high(self) -> float:
        """Largest value."""
        return float(self.x.max())

    @property
    def width(self) -> float:
        """Distance of the two."""
        return self.high - self.low

    def quantiles(self, *shares: float) -> Vector:
        """Return quantiles of the values."""
        return np.quantile(self.x, shares)

    def spaced(self, n: int) -> Vector:
        """Return numbers at equal distances over the range."""
        return np.linspace(self.low, self.high, n)


@dataclass(frozen=True)
class Curve:
    """A kind of curve: ``sum_j w_j h_j(x; q)`` with weights w and constants q inside.

    Parameters
    ----------
    name : str
    values : callable
        ``(constants (n_starts, n_constants), Range) -> (n_starts, n_weights, n_samples)``.
    starts : callable
        ``Range -> (n_starts, n_constants)``; no rows where the curve is not defined.
    write : callable
        ``(constants, weights, argument, Range) -> Node``, the weighted curve as a tree.
    n_constants, n_weights : int
    """

    name: str
    values: Callable[[Matrix, Range], FloatArray]
    starts: Callable[[Range], Matrix]
    write: Callable[[Sequence[float], Sequence[float], Node, Range], Node]
    n_constants: int = 1
    n_weights: int = 1


def _grid(*axes: Sequence[float] | np.ndarray) -> Matrix:
    return np.asarray(list(itertools.product(*axes)), dtype=float).reshape(-1, len(axes))


def _exp(argument: FloatArray) -> FloatArray:
    return np.asarray(np.exp(np.clip(argument, -_FAR, _FAR)))


def _positive(starts: Callable[[Range], Matrix]) -> Callable[[Range], Matrix]:
    """Leave the starts out where a column is not positive, or all but zero somewhere."""

    def checked(column: Range) -> Matrix:
        if column.low <= 0 or not invertible(column.x):
            return np.zeros((0, 0))
        return starts(column)

    return checked


def _scaled(number: float, node: Node) -> Node:
    return make_product([Number(float(number)), node])


def _plus(node: Node, number: float) -> Node:
    return make_sum([node, Number(float(number))])


def _grown(rate: float, weight: float, x: Node, low: float) -> Node:
    """Write ``weight * exp(-rate * (x - low))``; a shift that would overflow stays inside."""
    shift = rate * low
    if abs(shift) < _MOST_FOLDED:
        return _scaled(weight * np.exp(shift), make_call("exp", _scaled(-rate, x)))
    inside = _plus(_scaled(-rate, x), shift + np.log(max(abs(weight), 1e-300)))
    return _scaled(np.sign(weight), make_call("exp", inside))


def turned(frequency: float, weights: Sequence[float], x: Node) -> Node:
    """Write ``weights[0] cos(f x) + weights[1] sin(f x)`` as one wave with a phase."""
    size = float(np.hypot(weights[0], weights[1]))
    phase = float(np.arctan2(weights[1], weights[0]))
    turns = np.round(phase / (np.pi / 2))  # the quarter turn that is nearest
    name = "cos" if turns % 2 == 0 else "sin"
    sign = -1.0 if turns % 4 in (2, 3) else 1.0
    inside = _plus(_scaled(frequency, x), -(phase - turns * np.pi / 2))
    return _scaled(sign * size, make_call(name, inside))


def _waves(q: Matrix, column: Range) -> FloatArray:
    angle = q[:, -1:] * column.x
    both = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    if q.shape[1] == 1:
        return both
    return both * _exp(-q[:, :1] * (column.x - column.low))[:, None]


def _write_damped(q: Sequence[float], w: Sequence[float], x: Node, column: Range) -> Node:
    return make_product([_grown(q[0], 1.0, x, column.low), turned(q[1], w, x)])


def _one(value: FloatArray) -> FloatArray:
    return value[:, None]


def _standard(q: Matrix, column: Range) -> FloatArray:
    """Return ``(x - q0) / q1``, no spread smaller than what rounding is."""
    spread = np.where(np.abs(q[:, 1:]) > 1e-12 * column.width, q[:, 1:], 1e-12 * column.width)
    return np.asarray((column.x - q[:, :1]) / spread)


def _logistic(q: Matrix, column: Range) -> FloatArray:
    return _one(1.0 / (1.0 + _exp(-_standard(q, column))))


def _hill(q: Matrix, column: Range) -> FloatArray:
    return _one(1.0 / (1.0 + _exp(q[:, 1:] * (q[:, :1] - np.log(column.x)))))


def _write_hill(q: Sequence[float], w: Sequence[float], x: Node, column: Range) -> Node:
    below = _plus(_scaled(np.exp(q[1] * q[0]), make_power(x, -q[1])), 1.0)
    return _scaled(w[0], make_power(below, -1))


def _planck(rate: float, weight: float, x: Node) -> Node:
    below = _plus(make_call("exp", _scaled(rate, x)), -1.0)
    return _scaled(weight, make_power(below, -1))


def _write_resonance(q: Sequence[float], w: Sequence[float], x: Node, column: Range) -> Node:
    below = _plus(make_power(_plus(x, -q[0]), 2), q[1] ** 2)
    return _scaled(w[0] * q[1] ** 2, make_power(below, -1))


def _fixed(_: Range) -> Matrix:
    return np.zeros((1, 0))


def _inside_unit(column: Range) -> Matrix:
    return np.zeros((1 if column.low > 0 and column.high < 1 else 0, 0))


def _write_other_entropy(q: Sequence[float], w: Sequence[float], x: Node, column: Range) -> Node:
    rest = _plus(_scaled(-1.0, x), 1.0)
    return _scaled(w[0], make_product([rest, make_call("log", rest)]))


def _squares(column: Range) -> Matrix:
    """Return logarithms of a square's usual values."""
    usual = max(float(np.median(column.x**2)), 1e-300)
    return np.log(usual * _grid([0.03, 0.3, 1.0, 3.0]))


def _knots(column: Range) -> Matrix:
    return _grid(np.unique(column.quantiles(*np.linspace(0.05, 0.95, 13))))


#: The kinds of curves, those that are fewest constants first.
CURVES: tuple[Curve, ...] = (
    Curve(
        "line",
        lambda q, c: np.broadcast_to(c.x, (len(q), 1, len(c.x))),
        _fixed,
        lambda q, w, x, c: _scaled(w[0], x),
        n_constants=0,
    ),
    Curve(
        "square",
        lambda q, c: np.broadcast_to(c.x**2, (len(q), 1, len(c.x))),
        _fixed,
        lambda q, w, x, c: _scaled(w[0], make_power(x, 2)),
        n_constants=0,
    ),
    Curve(
        "x log x",
        lambda q, c: np.broadcast_to(c.x * np.log(c.x), (len(q), 1, len(c.x))),
        _positive(_fixed),
        lambda q, w, x, c: _scaled(w[0], make_product([x, make_call("log", x)])),
        n_constants=0,
    ),
    Curve(
        "(1 - x) log(1 - x)",
        lambda q, c: np.broadcast_to((1 - c.x) * np.log1p(-c.x), (len(q), 1, len(c.x))),
        _inside_unit,
        _write_other_entropy,
        n_constants=0,
    ),
    Curve(
        "logarithm",
        lambda q, c: _one(np.log(np.maximum(c.x - c.low + np.exp(q), 1e-300))),
        lambda c: np.log(c.width * _grid([0.003, 0.03, 0.3, 3.0])),
        lambda q, w, x, c: _scaled(w[0], make_call("log", _plus(x, np.exp(q[0]) - c.low))),
    ),
    Curve(
        "root",
        lambda q, c: _one(np.sqrt(c.x - c.low + np.exp(q))),
        lambda c: np.log(c.width * _grid([0.003, 0.03, 0.3, 3.0])),
        lambda q, w, x, c: _scaled(w[0], make_power(_plus(x, np.exp(q[0]) - c.low), 0.5)),
    ),
    Curve(
        "logarithm of the square",
        lambda q, c: _one(np.log(np.maximum(c.x**2 + np.exp(q), 1e-300))),
        _squares,
        lambda q, w, x, c: _scaled(w[0], make_call("log", _plus(make_power(x, 2), np.exp(q[0])))),
    ),
    Curve(
        "exponential",
        lambda q, c: _one(_exp(-q * (c.x - c.low))),
        lambda c: _grid(np.array([-8, -4, -2, -1, 0.5, 1, 2, 4, 8, 12, 16, 24, 40])) / c.width,
        lambda q, w, x, c: _grown(q[0], w[0], x, c.low),
    ),
    Curve(
        "hyperbolic sine",
        lambda q, c: _one(np.sinh(np.clip(q * c.x, -_FAR, _FAR))),
        lambda c: _grid([0.5, 1.0, 2.0, 4.0]) / np.abs(c.x).max(),
        lambda q, w, x, c: _scaled(w[0], make_call("sinh", _scaled(q[0], x))),
    ),
    Curve(
        "hyperbolic cosine",
        lambda q, c: _one(np.cosh(np.clip(q * c.x, -_FAR, _FAR))),
        lambda c: _grid([0.5, 1.0, 2.0, 4.0]) / np.abs(c.x).max(),
        lambda q, w, x, c: _scaled(w[0], make_call("cosh", _scaled(q[0], x))),
    ),
    Curve(
        "exponential of the inverse",
        lambda q, c: _one(_exp(-q * (1.0 / c.x - 1.0 / c.high))),
        _positive(lambda c: _grid([-3.0, -1.0, 0.3, 1.0, 3.0, 10.0, 30.0]) * c.low),
        lambda q, w, x, c: _scaled(
            w[0] * np.exp(q[0] / c.high),
            make_call("exp", _scaled(-q[0], make_power(x, -1))),
        ),
    ),
    Curve(
        "Planck",
        lambda q, c: _one(1.0 / np.expm1(np.clip(np.abs(q) * c.x, 1e-300, _FAR))),
        _positive(lambda c: _grid([0.1, 0.5, 2.0, 8.0]) / c.quantiles(0.5)[0]),
        lambda q, w, x, c: _planck(abs(q[0]), w[0], x),
    ),
    Curve(
        "Planck of the inverse",
        lambda q, c: _one(1.0 / np.expm1(np.clip(np.abs(q) / c.x, 1e-300, _FAR))),
        _positive(lambda c: _grid([0.1, 0.5, 2.0, 8.0]) * c.quantiles(0.5)[0]),
        lambda q, w, x, c: _planck(abs(q[0]), w[0], make_power(x, -1)),
    ),
    Curve(
        "power",
        lambda q, c: _one(_exp(q * np.log(c.x / c.high))),
        _positive(lambda c: _grid([-3.0, -2.0, -1.0, -0.5, 0.5, 1.5, 2.5, 3.5])),
        lambda q, w, x, c: _scaled(w[0] * c.high ** -q[0], make_power(x, q[0])),
    ),
    Curve(
        "saturation",
        lambda q, c: _one(1.0 / (1.0 + np.exp(q) / c.x)),
        _positive(lambda c: np.log(_grid(c.quantiles(0.05, 0.3, 0.7) * [0.3, 1.0, 3.0]))),
        lambda q, w, x, c: _scaled(w[0], make_product([x, make_power(_plus(x, np.exp(q[0])), -1)])),
    ),
    Curve(
        "hinge",
        lambda q, c: _one(np.maximum(c.x - q, 0.0)),
        _knots,
        lambda q, w, x, c: _scaled(w[0], make_call("relu", _plus(x, -q[0]))),
    ),
    Curve(
        "distance",
        lambda q, c: _one(np.abs(c.x - q)),
        _knots,
        lambda q, w, x, c: _scaled(w[0], make_call("abs", _plus(x, -q[0]))),
    ),
    Curve(
        "wave",
        _waves,
        lambda c: _grid(_WAVES) / c.width,
        lambda q, w, x, c: turned(q[0], w, x),
        n_weights=2,
    ),
    Curve(
        "damped wave",
        _waves,
        lambda c: _grid([-2.0, 1.0, 4.0], _DAMPED_WAVES) / c.width,
        _write_damped,
        n_constants=2,
        n_weights=2,
    ),
    Curve(
        "bell about zero",
        lambda q, c: _one(_exp(-_exp(q) * (c.x**2 - np.min(c.x**2)))),
        lambda c: -_squares(c),
        lambda q, w, x, c: _grown(
            float(np.exp(min(q[0], _FAR))), w[0], make_power(x, 2), float(np.min(c.x**2))
        ),
    ),
    Curve(
        "bell",
        lambda q, c: _one(_exp(-0.5 * _standard(q, c) ** 2)),
        lambda c: _grid(c.spaced(8), c.width / np.array([20.0, 8.0, 3.0])),
        lambda q, w, x, c: _scaled(
            w[0], make_call("exp", _scaled(-0.5 / q[1] ** 2, make_power(_plus(x, -q[0]), 2)))
        ),
        n_constants=2,
    ),
    Curve(
        "resonance",
        lambda q, c: _one(1.0 / (1.0 + _standard(q, c) ** 2)),
        lambda c: _grid(c.spaced(8), c.width / np.array([20.0, 8.0, 3.0])),
        _write_resonance,
        n_constants=2,
    ),
    Curve(
        "logistic",
        _logistic,
        lambda c: _grid(c.spaced(8), c.width / np.array([40.0, 12.0, 4.0])),
        lambda q, w, x, c: _scaled(
            w[0], make_call("sigmoid", _plus(_scaled(1.0 / q[1], x), -q[0] / q[1]))
        ),
        n_constants=2,
    ),
    Curve(
        "Hill",
        _hill,
        _positive(lambda c: _grid(np.log(c.quantiles(0.1, 0.3, 0.5, 0.7, 0.9)), [1.5, 2.5, 4.0])),
        _write_hill,
        n_constants=2,
    ),
)

#: A wave whose phase is a constant, for products: there two weights would be four.
PHASED = Curve(
    "wave of a phase",
    lambda q, c: _one(np.cos(q[:, :1] * c.x - q[:, 1:])),
    lambda c: _grid(_WAVES / c.width, np.array([0.0, 0.25, 0.5, 0.75]) * np.pi),
    lambda q, w, x, c: turned(q[0], [w[0] * np.cos(q[1]), w[0] * np.sin(q[1])], x),
    n_constants=2,
)
