"""Candidate functions of the neuron: shapes h with one inner constant, g(x) = h(a x).

A factor in front and an added constant belong to the weights, so log(1 + a|x|), x exp(-a|x|),
1/(1 + a x^2) and the like are all of the one form h(a x): a shape, and how far it is stretched.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sktaskneuron._typing import FloatArray
from sktaskneuron.formula import ElementwiseExpression
from sktaskneuron.formula.text.canonical import make_number, make_product, rebuilt
from sktaskneuron.formula.text.evaluation import primitives_of
from sktaskneuron.formula.text.nodes import Node, Variable


@dataclass(frozen=True)
class Shape:
    """A function h, and the inner constants from which the search for one begins.

    Parameters
    ----------
    text : str
        h(x).
    grid : tuple of float
        Starting values of a in h(a x); empty where a would only be another weight, as for x**2.
    """

    text: str
    grid: tuple[float, ...] = ()

    @property
    def n_constants(self) -> int:
        """Number of inner constants to be fitted: 1, or 0 for a homogeneous function."""
        return int(bool(self.grid))

    @cached_property
    def expression(self) -> ElementwiseExpression:
        """The function h."""
        return ElementwiseExpression.parse(self.text)

    @property
    def bounds(self) -> tuple[float, float]:
        """Range of the constant's size: beyond, the function is its own tangent, or a comb."""
        sizes = [abs(a) for a in self.grid]
        return min(sizes) / 2, max(sizes) * 3

    @property
    def power(self) -> int | None:
        """The exponent of a power, else None."""
        return self.expression.power

    @property
    def terms(self) -> list[Term]:
        """Candidates to begin with."""
        return [Term(self, a) for a in self.grid or (1.0,)]


@dataclass(frozen=True)
class Term:
    """A shape with its inner constant: g(x) = h(a x)."""

    shape: Shape
    a: float = 1.0

    def values(self, x: FloatArray) -> FloatArray:
        """Return h(a x), not finite where it is not defined or overflows; shape of ``x``."""
        return np.asarray(self.shape.expression.evaluate(self.a * x))

    def slope(self, x: FloatArray, values: FloatArray) -> FloatArray:
        """Return the derivative of h(a x) by log a, given its values; shape of ``x``.

        A difference: good to six digits, and any function will do.
        """
        step = 1e-6
        return np.asarray((self.at(self.a * (1 + step)).values(x) - values) / step)

    def at(self, a: float) -> Term:
        """Return the same shape with another constant."""
        return Term(self.shape, a)

    @cached_property
    def expression(self) -> ElementwiseExpression:
        """The function g, without leading factor and added constant."""
        return stretched(self.shape.expression, self.a)


def stretched(h: ElementwiseExpression, a: float) -> ElementwiseExpression:
    """Return h(a x) in canonical form, without leading factor and added constant."""
    node = rebuilt(h.node, lambda name: make_product([make_number(a), Variable(name)]))
    g = ElementwiseExpression(node).without_scale()
    assert g is not None
    return g


def rescaled(g: ElementwiseExpression, a: float) -> ElementwiseExpression:
    """Return g(a x), or g itself where that is the same function up to a weight."""
    other = stretched(g, a)
    points = np.linspace(-3.0, 3.0, 101)
    same = np.corrcoef(g.evaluate(points), other.evaluate(points))[0, 1]
    return g if abs(same) > 1 - 1e-9 else other


# Neighbouring waves of a grid overlap: for columns of unit spread sin(a x) and sin((a + 1/4) x)
# correlate to 0.97, which leaves Gauss-Newton steps an easy way between grid points.
_WAVES = tuple(np.arange(0.5, 10.25, 0.5).tolist())
_WAVES_X = (1.0, 2.0, 3.0, 4.0, 5.0)
_WIDE, _FINE = (0.5, 1.5, 4.0), (0.5, 1.0, 2.0, 4.0)
_GROWTH = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)

#: Functions beside the powers. All are defined on the whole line, since rows to come may have other
#: values than those seen. Of functions that only a sharp eye tells apart one stands for all:
#: sigmoid is a tanh up to weights, erf and softsign are not told from tanh and atan at a noise of
#: a tenth. Beside x, relu(x) and |x| are the same; |x|, which stands earlier, is the answer then.
SHAPES = (
    Shape("abs(x)"),
    Shape("sqrt(abs(x))"),
    Shape("x*abs(x)"),
    Shape("sin(x)", _WAVES),
    Shape("cos(x)", _WAVES),
    Shape("tanh(x)", _FINE),
    Shape("atan(x)", (0.5, 1.5, 5.0)),
    Shape("exp(x)", _GROWTH),
    Shape("relu(x)"),
    Shape("softplus(x)", (-3.0, -1.0, 1.0, 3.0)),
    Shape("gaussian(x)", _FINE),
    Shape("x*gaussian(x)", (0.4, 0.8, 1.6)),
    Shape("exp(-abs(x))", _WIDE),
    Shape("x*exp(-abs(x))", _WIDE),
    Shape("log(1 + abs(x))", (0.3, 1.0, 3.0, 10.0)),
    Shape("log(1 + x**2)", (0.5, 1.0, 3.0)),
    Shape("1/(1 + x**2)", _FINE),
    Shape("x/(1 + x**2)", (0.5, 1.0, 2.0)),
    Shape("x*sin(x)", _WAVES_X),
    Shape("x*cos(x)", _WAVES_X),
)


def powers(max_order: int) -> tuple[Shape, ...]:
    """Return x, x**2, ... up to ``max_order``."""
    return tuple(Shape("x" if k == 1 else f"x**{k}") for k in range(1, max_order + 1))


def admitted(node: Node, functions: frozenset[str] | None) -> bool:
    """Tell whether a tree is made of these functions; of all where there is no list."""
    return functions is None or primitives_of(node) <= functions


def choice(shape: Shape, shapes: tuple[Shape, ...]) -> float:
    """Return the logarithm of how many shapes come no later: what picking this one costs.

    A simple function needs less evidence than a long one, of which there are more; among equally
    complex ones the order of `SHAPES` counts. Powers come before all others, and all cost the same,
    as in the tensor search.
    """
    own = _rank(shape, shapes)
    return math.log(max(1, sum(_rank(other, shapes) <= own for other in shapes)))


def _rank(shape: Shape, shapes: tuple[Shape, ...]) -> tuple[bool, int, int]:
    if shape.power is not None:
        return False, 0, 0
    return True, shape.expression.complexity, shapes.index(shape)
