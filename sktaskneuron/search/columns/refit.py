"""The numbers of an equation of columns that was found, fitted anew to other rows."""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares

from sktaskneuron._typing import Vector
from sktaskneuron.formula.equation.fitted_expression import FittedExpression
from sktaskneuron.formula.text.nodes import Node, Number
from sktaskneuron.search.columns.choice import Split
from sktaskneuron.search.columns.classes import weighted_terms
from sktaskneuron.search.columns.constants import (
    NamedRows,
    canonical,
    numbers,
    refit,
    with_constants,
)
from sktaskneuron.search.frame.observations import Observations

# What stands for a residual, in spreads of the target, where an equation is not defined; least
# scale of a number.
_FAR_OFF, _LEAST_SCALE = 1e3, 1e-3


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
        Whether exponents that are no simple fractions are fitted too; not of classes.

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
        find = _fitted if exponents else _with_held_exponents
        nodes = tuple(find(node, split.rows(j)) for j, node in enumerate(fitted.nodes))
    return split.fitted(nodes).within(fitted.lower, fitted.upper)


def _fitted(node: Node, rows: NamedRows) -> Node:
    with np.errstate(all="ignore"):
        return Number(rows.mean) if isinstance(node, Number) else refit(node, rows)


def _with_held_exponents(node: Node, rows: NamedRows) -> Node:
    """Fit all numbers of a tree but the exponents."""
    found = numbers(node)
    values = np.asarray([value for value, _ in found])
    free = np.flatnonzero([not is_exponent for _, is_exponent in found])
    if len(free) == len(values):
        return _fitted(node, rows)
    root = np.sqrt(rows.weight / rows.n_effective / rows.variance)

    def tree(moved: Vector) -> Node:
        now = values.copy()
        now[free] = moved
        return with_constants(node, now)

    def residual(moved: Vector) -> Vector:
        error = (rows.y - rows.values(tree(moved))) * root
        return np.where(np.isfinite(error), error, _FAR_OFF)

    start = values[free]
    best = least_squares(residual, start, x_scale=np.maximum(np.abs(start), _LEAST_SCALE)).x
    return canonical(tree(best)) or node
