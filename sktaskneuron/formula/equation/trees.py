"""A fitted formula as trees of the raw columns."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from sktaskneuron._typing import Matrix
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.equation.terms import PureTerm
from sktaskneuron.formula.equation.value import FittedValue
from sktaskneuron.formula.text.nodes import Call, Clip, Node, Number, Power, Product, Sum, Variable

__all__ = ["additive_terms", "clipped", "substituted", "trees"]


def trees(fitted: FittedValue) -> tuple[Node, ...]:
    """Return one tree per output that computes what `FittedFormula.evaluate` does.

    The trees keep the shape of the equation, ``(clip(x) - center)*(1/scale)`` and products of
    sums, where the canonical form would multiply out: ``x/scale - center/scale`` loses the digits
    of a column far from 0, and the monomials of an interaction are many. So they are not
    canonical; equal parts are one object.

    Parameters
    ----------
    fitted : FittedValue

    Returns
    -------
    trees : tuple of Node
        Of the columns with a non-zero weight only.

    Raises
    ------
    FormulaError
        If a scale is so small that its inverse is not finite.
    """
    z = {int(i): _standardized(fitted, int(i)) for i in fitted.used_features}
    terms = []
    for term in fitted.terms:
        if isinstance(term, PureTerm):
            g = fitted.formula.expressions[term.index].node
            terms.append(substituted(g, {"x": z[term.feature]}))
        else:
            terms.append(_atom(fitted.factors[term.order][:, :, term.index], z))
    weights = fitted.term_weights
    return tuple(
        _sum(
            [_scaled(float(weights[t, j]), terms[t]) for t in np.flatnonzero(weights[:, j])],
            float(fitted.intercept[j]),
        )
        for j in range(fitted.n_outputs)
    )


def _standardized(fitted: FittedValue, i: int) -> Node:
    node = clipped(fitted.feature_names[i], float(fitted.lower[i]), float(fitted.upper[i]))
    with np.errstate(over="ignore"):
        factor = float(1.0 / fitted.scale[i])
    if not math.isfinite(factor):
        raise FormulaError(
            f"the scale {fitted.scale[i]:g} of {fitted.feature_names[i]!r} is too small to write"
        )
    return _scaled(factor, _sum([node], -float(fitted.center[i])))


def _scaled(coefficient: float, node: Node) -> Node:
    return node if coefficient == 1 else Product(coefficient, (node,))


def _sum(terms: list[Node], constant: float) -> Node:
    if not terms:
        return Number(constant + 0.0)
    return terms[0] if len(terms) == 1 and constant == 0 else Sum(tuple(terms), constant + 0.0)


def _atom(factors: Matrix, z: dict[int, Node]) -> Node:
    """Return a product of sums minus the powers that the interaction leaves out."""
    order = factors.shape[0]
    coefficient = 1.0
    parts = []
    for u in factors:
        read = np.flatnonzero(u)
        if len(read) == 1:
            coefficient *= float(u[read[0]])
            parts.append(z[int(read[0])])
        else:
            parts.append(_sum([_scaled(float(u[i]), z[int(i)]) for i in read], 0.0))
    diagonal = factors.prod(axis=0)
    powers = [
        _scaled(-float(diagonal[i]), Power(z[int(i)], order)) for i in np.flatnonzero(diagonal)
    ]
    return _sum([Product(coefficient, tuple(parts)), *powers], 0.0)


def clipped(name: str, lower: float, upper: float) -> Node:
    """Return a column within its bounds, of which either may be infinite."""
    node = Variable(name)
    return Clip(node, lower, upper) if math.isfinite(lower) or math.isfinite(upper) else node


def substituted(node: Node, parts: Mapping[str, Node]) -> Node:
    """Put trees in the place of the variables, by name, and change nothing else."""

    def build(inner: Node) -> Node:
        match inner:
            case Variable(name):
                return parts[name]
            case Call(name, argument):
                return Call(name, build(argument))
            case Power(base, exponent):
                return Power(build(base), exponent)
            case Product(coefficient, factors):
                return Product(coefficient, tuple(map(build, factors)))
            case Sum(terms, constant):
                return Sum(tuple(map(build, terms)), constant)
            case _:
                return inner

    return build(node)


def additive_terms(node: Node) -> tuple[dict[Node, float], float]:
    """Split a tree into its additive terms, with their weights, and its constant."""
    constant = 0.0
    parts: tuple[Node, ...] = (node,)
    if isinstance(node, Sum):
        parts, constant = node.terms, node.constant
    weights: dict[Node, float] = {}
    for part in parts:
        match part:
            case Number(value):
                constant += value
            case Product(weight, factors):
                core = factors[0] if len(factors) == 1 else Product(1.0, factors)
                weights[core] = weights.get(core, 0.0) + weight
            case _:
                weights[part] = weights.get(part, 0.0) + 1.0
    return weights, constant
