"""Transforms of the target under which many equations become sums, and factors to divide out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from scipy.stats import f as f_distribution

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import Mask, RowNumbers, Vector
from sktaskneuron.formula.text.canonical import make_call, make_power, make_product, make_sum
from sktaskneuron.formula.text.nodes import Node, Number, Variable
from sktaskneuron.search.columns.rules import running_rules

# Share of the rows on which a transform must be defined; noise takes a few out.
_DEFINED = 0.95
# Most that a transform may raise a row's weight, relative to the median row.
_MOST_WEIGHT = 50.0
# Chance below which the non-linear part of a column counts as real; where the polynomial does not
# fit the rest, its residual has far tails and F is larger by chance than it should be.
_REAL, _LARGE_F = 1e-4, 6.0
# How near an exponent must come to a half, at most, and to a third.
_NEAR_HALF, _NEAREST_HALF, _NEAR_THIRD = 0.04, 0.12, 0.005


@dataclass(frozen=True, eq=False)
class Given:
    """A transformed target where it is defined.

    Parameters
    ----------
    target : ndarray of shape (n_rows,)
    rows : ndarray of int of shape (n_rows,)
        Places among the rows of the target itself.
    weight : ndarray of shape (n_rows,)
    """

    target: Vector
    rows: RowNumbers
    weight: Vector


@dataclass(frozen=True)
class Link:
    """A transform l(y) with its slope, and the tree of its inverse."""

    name: str
    forward: Callable[[Vector], Vector]
    slope: Callable[[Vector], Vector]
    inverse: Callable[[Node], Node]

    def given(self, y: Vector, weight: Vector) -> Given | None:
        """Return the transformed target on the rows that it is defined on.

        The weights are those of the error of y, to first order. None where too few rows are left.
        """
        with np.errstate(all="ignore"):
            value, slope = self.forward(y), np.abs(self.slope(y))
            moved = weight / slope**2
        fine = np.flatnonzero(np.isfinite(value) & np.isfinite(moved) & (moved > 0))
        if len(fine) < max(_DEFINED * len(y), 5):
            return None
        return Given(value[fine], fine, capped(moved[fine], weight[fine]))


def capped(moved: Vector, weight: Vector) -> Vector:
    """Return weights that a transform moved, none above fifty times what is usual.

    A single row must not decide: where a slope vanishes the first order says nothing.
    """
    ratio = moved / weight
    usual = float(np.quantile(ratio, 0.5, method="inverted_cdf", weights=weight))
    return np.asarray(np.minimum(ratio, _MOST_WEIGHT * usual) * weight)


def _positive(y: Vector) -> Vector:
    return np.where(y > 0, y, np.nan)


LINKS = (
    Link("y", lambda y: y, np.ones_like, lambda s: s),
    Link("1/y", lambda y: 1 / y, lambda y: y**-2.0, lambda s: make_power(s, -1)),
    Link("y**2", lambda y: _positive(y) ** 2, lambda y: 2 * y, lambda s: make_power(s, 0.5)),
    Link(
        "1/y**2",
        lambda y: _positive(y) ** -2.0,
        lambda y: 2 * y**-3.0,
        lambda s: make_power(s, -0.5),
    ),
    Link("log(y)", lambda y: np.log(_positive(y)), lambda y: 1 / y, lambda s: make_call("exp", s)),
    Link(
        "sqrt(y)",
        lambda y: np.sqrt(_positive(y)),
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
        lambda y: np.log1p(1 / _positive(y)),
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


def allowed_links() -> list[Link]:
    """Return the transforms whose inverses the rules of the search admit."""
    rules = running_rules()
    return [link for link in LINKS if rules.admit_part(link.inverse(Variable("x")))]


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
    values: Vector
    node: Node


def no_factor(n_rows: int) -> Factor:
    """Return the factor one."""
    return Factor({}, np.ones(n_rows), Number(1.0))


def find_factors(X: Vector, y: Vector, weight: Vector, names: Sequence[str]) -> list[Factor]:
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
    factors : list of Factor
        At most two: by a strict test, and by a loose one if that finds more.
    """
    d = X.shape[1]
    size = np.abs(y)
    fine = size > 1e-9 * size.max()
    positive = X.min(axis=0) > 0
    if fine.mean() < _DEFINED or not positive.any() or d > 20:
        return []
    regression = _LogRegression(X[fine], positive, np.log(size[fine]), weight[fine])
    if not regression.has_crossed:
        return []
    tests = [(int(i), *regression.test(int(i))) for i in np.flatnonzero(positive)]
    found: list[dict[int, float]] = []
    for loose in (False, True):
        linear = [i for i, f, p in tests if p > _REAL or (loose and f < _LARGE_F)]
        exponents = regression.exponents(linear) if linear else {}
        if exponents and exponents not in found:
            found.append(exponents)
    factors = [_factor_of(exponents, X, names) for exponents in found]
    return [factor for factor in factors if running_rules().admit_part(factor.node)]


def _factor_of(exponents: dict[int, float], X: Vector, names: Sequence[str]) -> Factor:
    node = make_product([make_power(Variable(names[i]), e) for i, e in exponents.items()])
    values = np.prod([X[:, i] ** e for i, e in exponents.items()], axis=0)
    return Factor(exponents, values, node)


class _LogRegression:
    """log|y| as a polynomial of the logarithms of the columns that are positive."""

    def __init__(self, X: Vector, positive: Mask, target: Vector, weight: Vector) -> None:
        d = X.shape[1]
        u = np.where(positive, np.log(np.where(positive, X, 1.0)), X)
        mean = weight @ u / weight.sum()
        self.spread = np.maximum(np.sqrt(weight @ (u - mean) ** 2 / weight.sum()), 1e-300)
        u = (u - mean) / self.spread
        root = np.sqrt(capped(weight * np.exp(target) ** 2, weight))
        n = float(weight.sum())
        self.terms: list[tuple[int, ...]] = [(i,) for i in range(d)]
        for degree in (2, 3):
            more = list(combinations_with_replacement(range(d), degree))
            if len(self.terms) + len(more) < n / 3:
                self.terms += more
        columns = [np.ones(len(u)), *(np.prod(u[:, term], axis=1) for term in self.terms)]
        self.design = np.stack(columns, axis=1) * root[:, None]
        self.right = target * root
        self.free = max(n - self.design.shape[1], 1.0)
        spread = target - np.average(target, weights=root**2)
        self.floor = 1e-24 * max(float(np.sum((root * spread) ** 2)), 1e-300)
        self.rss, _ = self._left(np.ones(self.design.shape[1], dtype=bool))

    @property
    def has_crossed(self) -> bool:
        """Whether rows are enough for terms of a degree beyond one."""
        return len(self.terms[-1]) > 1

    def _left(self, keep: Mask) -> tuple[float, Vector]:
        checkpoint()
        coef, *_ = np.linalg.lstsq(self.design[:, keep], self.right, rcond=1e-12)
        return float(np.sum((self.right - self.design[:, keep] @ coef) ** 2)), coef

    def _crossed(self, columns: Sequence[int]) -> Mask:
        chosen = set(columns)
        return np.asarray([False, *(len(t) > 1 and bool(chosen & set(t)) for t in self.terms)])

    def test(self, column: int) -> tuple[float, float]:
        """Return F of a column's non-linear terms, and the chance of one as large."""
        crossed = self._crossed([column])
        without, _ = self._left(~crossed)
        if without < self.floor * 1e4:
            return 0.0, 1.0
        statistic = (without - self.rss) / crossed.sum() / max(self.rss / self.free, self.floor)
        return statistic, float(f_distribution.sf(statistic, crossed.sum(), self.free))

    def exponents(self, columns: Sequence[int]) -> dict[int, float]:
        """Return the simple exponents of columns without non-linear terms; others are left out."""
        crossed = self._crossed(columns)
        rss, coef = self._left(~crossed)
        places = np.flatnonzero(~crossed).tolist()
        kept = self.design[:, ~crossed]
        inverse = np.linalg.pinv(kept.T @ kept, rcond=1e-12, hermitian=True)
        errors = np.sqrt((rss + self.floor) / self.free * np.diag(inverse))
        result: dict[int, float] = {}
        for i in columns:
            place = places.index(1 + i)
            slope = float(coef[place] / self.spread[i])
            near = min(max(_NEAR_HALF, 4 * float(errors[place] / self.spread[i])), _NEAREST_HALF)
            half, third = round(2 * slope) / 2, round(3 * slope) / 3
            if abs(third - slope) < _NEAR_THIRD and abs(third) <= 6:
                half, near = third, _NEAR_THIRD
            if abs(half - slope) < near and abs(half) <= 6:
                result[i] = int(half) if float(half).is_integer() else half
        return result
