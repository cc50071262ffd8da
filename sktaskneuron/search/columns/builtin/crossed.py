"""Stage of the package's own engine: a curve of one column times a curve of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import FloatArray, Matrix, Vector
from sktaskneuron.formula.text.canonical import make_product, make_sum
from sktaskneuron.formula.text.nodes import Node, Number, Variable
from sktaskneuron.search.columns.builtin.curves import CURVES, PHASED, Curve, Range
from sktaskneuron.search.columns.builtin.pool import Search, View
from sktaskneuron.search.columns.builtin.projection import (
    CurveTerm,
    Target,
    fit_constants,
    weights_at,
)
from sktaskneuron.search.columns.builtin.sums import FEW_COLUMNS
from sktaskneuron.search.columns.constants import EXACT

# Rows on which products are compared; all are used to fit their numbers in the end.
_ROWS = 400
# Curves that stand in products: those of one weight, and waves of any phase.
_CURVES = (*(curve for curve in CURVES if curve.n_weights == 1), PHASED)
# Kinds of products that are fitted, starts of each, and those of a pair that are looked through.
_KINDS, _STARTS, _LOOKED_AT = 24, 2, 2_000
# Products that are fitted to the end.
_FINISHED = 8
# Share of the square of a product that must be left beside a constant.
_VARIES = 1e-9


@dataclass(frozen=True, eq=False)
class _Side:
    """Curves of one column at the starts of their constants.

    Parameters
    ----------
    name : str
    column : Range
    curves : list of Curve
        Of each start.
    q : list of ndarray of shape (n_constants,)
    values : ndarray of shape (n_starts, n_samples)
    """

    name: str
    column: Range
    curves: list[Curve]
    q: list[Vector]
    values: Matrix

    @classmethod
    def of(cls, name: str, column: Range) -> _Side:
        """Start all curves of a column."""
        curves: list[Curve] = []
        constants: list[Vector] = []
        values = [np.zeros((0, len(column.x)))]
        for curve in _CURVES:
            q = curve.starts(column)
            if not len(q):
                continue
            with np.errstate(all="ignore"):
                own = curve.values(q, column)[:, 0]
            curves += [curve] * len(q)
            constants += list(q)
            values.append(np.where(np.isfinite(own), own, 0.0))
        return cls(name, column, curves, constants, np.concatenate(values))


def crossed(search: Search, view: View) -> None:
    """Fit ``w f(a) g(b) + c``, with constants inside of both curves, for all pairs of columns."""
    d = view.X.shape[1]
    if not 2 <= d <= FEW_COLUMNS or view.y.min() == view.y.max():
        return
    search.say("products of two curves")
    rows = view.rows(_ROWS)
    target = Target.of(view.y[rows], view.weight[rows])
    sides = [
        _Side.of(name, Range(column))
        for name, column in zip(view.names, view.X[rows].T, strict=True)
        if len(np.unique(column)) > 3
    ]
    n = view.n_observations * len(rows) / len(view.y)
    price = np.log(max(n, 3.0))
    found: list[tuple[float, CurveTerm, Vector]] = []
    for curve, starts in _promising(sides, target):
        checkpoint()
        term = CurveTerm(curve, sides[0].column, np.ones(len(rows)))
        fitted = fit_constants([term], starts, target)
        length = n * np.log(max(float(fitted.left[0]), EXACT)) + fitted.q.shape[1] * price
        found.append((float(length), term, fitted.q[0]))
    found.sort(key=lambda item: item[0])
    for _, term, q in found[:_FINISHED]:
        search.pool.add(partial(_equation, view, term, q, target))
        if search.pool.is_exact:
            return


def _promising(sides: Sequence[_Side], target: Target) -> list[tuple[Curve, Matrix]]:
    """Return the products that fit best at their starts, with starts (n_starts, n_constants)."""
    ranked: list[tuple[float, _Side, _Side, int, int]] = []
    for first, second in combinations(sides, 2):
        checkpoint()
        gain = _gains(first.values, second.values, target)
        flat = np.argsort(-gain, axis=None, kind="stable")[:_LOOKED_AT]
        for i, j in zip(*np.unravel_index(flat, gain.shape), strict=True):
            ranked.append((float(gain[i, j]), first, second, int(i), int(j)))
    ranked.sort(key=lambda item: -item[0])
    starts: dict[tuple[str, str, str, str], list[Vector]] = {}
    products: dict[tuple[str, str, str, str], Curve] = {}
    for _, first, second, i, j in ranked:
        f, g = first.curves[i], second.curves[j]
        key = (first.name, f.name, second.name, g.name)
        if key not in starts:
            if len(starts) == _KINDS:
                continue
            starts[key], products[key] = [], _product(f, first, g, second)
        if len(starts[key]) < _STARTS:
            starts[key].append(np.concatenate([first.q[i], second.q[j]]))
    return [(products[key], np.stack(starts[key])) for key in starts]


def _gains(first: Matrix, second: Matrix, target: Target) -> FloatArray:
    """Return the share of a target that each product of two curves and a constant explains."""
    share = target.root**2
    with np.errstate(all="ignore"):
        along = (first * (target.root * target.y)) @ second.T
        square = (first**2 * share) @ (second**2).T
        rest = square - ((first * share) @ second.T) ** 2
        return np.asarray(np.where(rest > _VARIES * square, along**2 / rest, 0.0))


def _product(f: Curve, first: _Side, g: Curve, second: _Side) -> Curve:
    """Return the product of curves of two columns, as one of whatever column."""
    n = f.n_constants

    def values(q: Matrix, _: Range) -> FloatArray:
        return np.asarray(f.values(q[:, :n], first.column) * g.values(q[:, n:], second.column))

    def write(q: Sequence[float], w: Sequence[float], _: Node, __: Range) -> Node:
        left = f.write(q[:n], w, Variable(first.name), first.column)
        right = g.write(q[n:], [1.0], Variable(second.name), second.column)
        return make_product([left, right])

    return Curve(
        f"{f.name} times {g.name}",
        values,
        lambda _: np.zeros((0, n + g.n_constants)),
        write,
        n + g.n_constants,
    )


def _equation(view: View, term: CurveTerm, q: Vector, target: Target) -> Node:
    """Write a product as an equation."""
    constants, weights, beside = weights_at([term], q, target)
    curve = term.curve.write(constants[0].tolist(), weights[0].tolist(), Number(1.0), term.column)
    return view.equation(make_sum([curve, Number(beside)]))
