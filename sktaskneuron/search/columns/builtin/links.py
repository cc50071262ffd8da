"""Transforms of the target under which many equations become sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sktaskneuron._typing import RowNumbers, Vector
from sktaskneuron.formula.text.canonical import make_call, make_power, make_sum
from sktaskneuron.formula.text.nodes import Node, Number, Variable
from sktaskneuron.search.columns.rules import running_rules

# Share of the rows on which a transform must be defined; noise takes a few out.
_DEFINED = 0.95
# Most that a transform may raise a row's weight, relative to the median row.
_MOST_WEIGHT = 50.0


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

    @property
    def spread(self) -> float:
        """Weighted sum of squares about the mean: to first order that of y about what is fitted."""
        mean = self.weight @ self.target / self.weight.sum()
        return float(self.weight @ (self.target - mean) ** 2)

    def thinned(self, step: int) -> Given:
        """Return every so many of the rows."""
        return Given(self.target[::step], self.rows[::step], self.weight[::step])


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
