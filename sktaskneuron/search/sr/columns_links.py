"""Transforms of the target under which many equations become sums, and factors to divide out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as f_distribution

from ...formula.canonical import make_call, make_power, make_product, make_sum
from ...formula.nodes import Node, Number, Variable

Array = NDArray[np.float64]

# Share of the rows on which a transform must be defined; noise takes a few out.
_DEFINED = 0.95
# Chance below which a factor's non-linear part counts as real, and how near an exponent must come
# to a simple one.
_REAL, _NEAR_EXPONENT = 1e-4, 0.04
_SIMPLE_EXPONENTS = tuple(sorted({k / q for q in (1, 2, 3) for k in range(-6 * q, 6 * q + 1)}))


@dataclass(frozen=True)
class Link:
    """A transform l(y) with its slope, and the tree of its inverse."""

    name: str
    forward: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    inverse: Callable[[Node], Node]

    def rows(self, y: Array, weight: Array) -> tuple[Array, NDArray[np.intp], Array] | None:
        """Return the transformed target, the rows that it is defined on, and their weights there.

        The weights are those of the error of y, to first order. None where too few rows are left.
        """
        with np.errstate(all="ignore"):
            value, slope = self.forward(y), np.abs(self.slope(y))
            moved = weight / slope**2
        fine = np.flatnonzero(np.isfinite(value) & np.isfinite(moved) & (moved > 0))
        if len(fine) < max(_DEFINED * len(y), 5):
            return None
        # a single row must not decide: where the slope vanishes the first order says nothing
        limit = 50.0 * float(np.median(moved[fine]))
        return value[fine], fine, np.minimum(moved[fine], limit)


def _root(node: Node) -> Node:
    return make_power(node, 0.5)


LINKS = (
    Link("y", lambda y: y, np.ones_like, lambda s: s),
    Link("1/y", lambda y: 1 / y, lambda y: y**-2.0, lambda s: make_power(s, -1)),
    Link("y**2", lambda y: np.where(y > 0, y, np.nan) ** 2, lambda y: 2 * y, _root),
    Link(
        "1/y**2",
        lambda y: np.where(y > 0, y, np.nan) ** -2.0,
        lambda y: 2 * y**-3.0,
        lambda s: make_power(s, -0.5),
    ),
    Link(
        "log(y)",
        lambda y: np.log(np.where(y > 0, y, np.nan)),
        lambda y: 1 / y,
        lambda s: make_call("exp", s),
    ),
    Link(
        "sqrt(y)",
        lambda y: np.sqrt(np.where(y > 0, y, np.nan)),
        lambda y: 0.5 * y**-0.5,
        lambda s: make_power(s, 2),
    ),
    Link(
        "exp(y)",
        lambda y: np.where(np.abs(y).max() < 15, np.exp(y), np.nan),
        np.exp,
        lambda s: make_call("log", s),
    ),
    Link(
        "sin(y)",
        lambda y: np.where(np.abs(y).max() <= np.pi / 2, np.sin(y), np.nan),
        np.cos,
        lambda s: make_call("asin", s),
    ),
    Link(
        "log(1+1/y)",
        lambda y: np.log1p(1 / np.where(y > 0, y, np.nan)),
        lambda y: 1 / (y * (1 + y)),
        lambda s: make_power(make_sum([Number(-1.0), make_call("exp", s)]), -1),
    ),
    Link(
        "atanh(y)",
        lambda y: np.arctanh(np.where(np.abs(y).max() < 1, y, np.nan)),
        lambda y: 1 / (1 - y**2),
        lambda s: make_call("tanh", s),
    ),
)


@dataclass(frozen=True, eq=False)
class Factor:
    """A power product of columns that multiplies the rest of an equation.

    Parameters
    ----------
    exponents : dict of int to float
        By column.
    values : ndarray of shape (n_samples,)
    node : Node
    """

    exponents: dict[int, float]
    values: Array
    node: Node


def no_factor(n_rows: int) -> Factor:
    """Return the factor one."""
    return Factor({}, np.ones(n_rows), Number(1.0))


def find_factor(X: Array, y: Array, weight: Array, names: Sequence[str]) -> Factor | None:
    """Find the columns of which the target has a plain power as a factor, and those without use.

    log|y| is regressed on a cubic (on wide tables quadratic) polynomial of log x; columns whose
    non-linear part says nothing by an F test, and whose slope is a simple number, are factors.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
    weight : ndarray of shape (n_samples,)
    names : sequence of str

    Returns
    -------
    Factor or None
        None if there is no such column.
    """
    n, d = X.shape
    size = np.abs(y)
    fine = size > 1e-9 * size.max()
    positive = X.min(axis=0) > 0
    if fine.mean() < _DEFINED or not positive.any() or d > 20:
        return None
    u = np.where(positive, np.log(np.where(positive, X, 1.0)), X)[fine]
    u = (u - u.mean(axis=0)) / np.maximum(u.std(axis=0), 1e-300)
    target, w = np.log(size[fine]), (weight * size**2)[fine]
    w = np.minimum(w, 50 * np.median(w))
    terms = [(i,) for i in range(d)]
    for degree in (2, 3):
        more = list(combinations_with_replacement(range(d), degree))
        if len(terms) + len(more) < len(target) / 3:
            terms += more
    design = np.stack([np.prod(u[:, term], axis=1) for term in terms], axis=1)
    design = np.column_stack([np.ones(len(u)), design]) * np.sqrt(w)[:, None]
    right = target * np.sqrt(w)

    def left(keep: NDArray[np.bool_]) -> tuple[float, Array]:
        coef, *_ = np.linalg.lstsq(design[:, keep], right, rcond=1e-12)
        return float(np.sum((right - design[:, keep] @ coef) ** 2)), coef

    everything = np.ones(design.shape[1], dtype=bool)
    free = max(len(u) - design.shape[1], 1)
    rss, _ = left(everything)
    total = float(w @ (target - w @ target / w.sum()) ** 2)
    floor = 1e-24 * max(total, 1e-300)
    linear = []
    for i in np.flatnonzero(positive):
        crossed = np.asarray([False, *(len(term) > 1 and i in term for term in terms)])
        if not crossed.any():
            continue
        without, _ = left(~crossed)
        statistic = (without - rss) / crossed.sum() / max(rss / free, floor)
        if f_distribution.sf(statistic, crossed.sum(), free) > _REAL or without < floor * 1e4:
            linear.append(int(i))
    if not linear:
        return None
    crossed = np.asarray([False, *(len(t) > 1 and bool(set(linear) & set(t)) for t in terms)])
    _, coef = left(~crossed)
    places = np.flatnonzero(~crossed)
    spread = np.log(X[fine][:, positive]).std(axis=0)
    spread_of = dict(zip(np.flatnonzero(positive).tolist(), spread, strict=True))
    exponents: dict[int, float] = {}
    for i in linear:
        slope = float(coef[np.flatnonzero(places == 1 + i)[0]]) / spread_of[i]
        simple = min(_SIMPLE_EXPONENTS, key=lambda e, slope=slope: abs(e - slope))  # type: ignore[misc]
        if abs(simple - slope) < _NEAR_EXPONENT:
            exponents[i] = int(simple) if float(simple).is_integer() else simple
    if not exponents:
        return None
    node = make_product([make_power(Variable(names[i]), e) for i, e in exponents.items()])
    values = np.prod([X[:, i] ** e for i, e in exponents.items()], axis=0)
    return Factor(exponents, values, node)
