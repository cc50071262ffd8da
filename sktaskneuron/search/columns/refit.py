"""The numbers of an equation of columns that was found, fitted anew to other rows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.optimize import least_squares

from sktaskneuron.formula.equation.fitted_expression import FittedExpression
from sktaskneuron.formula.text.nodes import Call, Node, Number, Power, Product, Sum, children
from sktaskneuron.search.columns.choice import Split
from sktaskneuron.search.columns.classes import weighted_terms
from sktaskneuron.search.columns.constants import NamedRows, canonical, refit
from sktaskneuron.search.frame.observations import Observations

# Exponents are looked for within so far of those that were found.
_FARTHEST = 2.0


def refit_expression(
    fitted: FittedExpression, observations: Observations, *, exponents: bool
) -> FittedExpression:
    """Fit the numbers of an equation of columns to other rows.

    Of classes those in front of the terms, and the constants.

    Parameters
    ----------
    fitted : FittedExpression
    observations : Observations
        Of all columns of the equation.
    exponents : bool
        Whether exponents that are no whole or half numbers are fitted too; not of classes.

    Returns
    -------
    FittedExpression
        Of the same shape. Rows where it is not defined are left out.
    """
    rows = np.flatnonzero(fitted.in_domain(observations.X))
    if not rows.size:
        return fitted
    X = np.clip(observations.X, fitted.lower, fitted.upper)[rows]
    seen = Observations(
        X,
        observations.target[rows],
        observations.weight[rows],
        observations.names,
        observations.classification,
    )
    split = Split(seen, np.zeros(0, dtype=np.intp))
    if seen.classification:
        nodes = tuple(weighted_terms(seen, fitted.terms) or fitted.nodes)
    else:
        find = _with_exponents if exponents else _with_constant
        nodes = tuple(find(node, split.rows(j)) for j, node in enumerate(fitted.nodes))
    return split.fitted(nodes).within(fitted.lower, fitted.upper)


def _with_constant(node: Node, rows: NamedRows) -> Node:
    with np.errstate(all="ignore"):
        return Number(rows.mean) if isinstance(node, Number) else refit(node, rows)


def _with_exponents(node: Node, rows: NamedRows) -> Node:
    """Fit the free exponents outside, and for each try the other numbers inside."""
    start = np.asarray(free_exponents(node))
    if not start.size:
        return _with_constant(node, rows)
    root = np.sqrt(rows.weight / rows.n_effective / rows.variance)

    def inside(values: Iterable[float]) -> Node:
        tree = canonical(with_exponents(node, values))
        return node if tree is None else _with_constant(tree, rows)

    def residual(values: np.ndarray) -> np.ndarray:
        error = (rows.y - rows.values(inside(values))) * root
        return np.where(np.isfinite(error), error, 1e3)

    found = least_squares(residual, start, bounds=(start - _FARTHEST, start + _FARTHEST))
    best = inside(found.x)
    before = _with_constant(node, rows)
    return best if rows.loss(best) < rows.loss(before) else before


def free_exponents(node: Node) -> list[float]:
    """Return the exponents of a tree that are no whole or half numbers."""
    own = [node.exponent] if isinstance(node, Power) and _is_free(node.exponent) else []
    return own + [value for part in children(node) for value in free_exponents(part)]


def with_exponents(node: Node, values: Iterable[float]) -> Node:
    """Return a tree of the same shape with other exponents, in the order of `free_exponents`."""
    left = iter(values)

    def build(inner: Node) -> Node:
        match inner:
            case Power(base, exponent):
                own = float(next(left)) if _is_free(exponent) else exponent
                return Power(build(base), own)
            case Call(name, argument):
                return Call(name, build(argument))
            case Product(coefficient, parts):
                return Product(coefficient, tuple(map(build, parts)))
            case Sum(parts, constant):
                return Sum(tuple(map(build, parts)), constant)
            case _:
                return inner

    return build(node)


def _is_free(exponent: float) -> bool:
    return not (2 * exponent).is_integer()
