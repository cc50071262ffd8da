"""Stage of the package's own engine: the larger and the smaller of two columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.formula.text.canonical import make_call, make_product, make_sum
from sktaskneuron.formula.text.nodes import Node, Number, Variable
from sktaskneuron.search.columns.builtin.library import (
    Atoms,
    MakeNode,
    columns_as_atoms,
    monomials,
    pairs_of,
    unary_of,
)
from sktaskneuron.search.columns.builtin.links import LINKS
from sktaskneuron.search.columns.builtin.pool import Search, View
from sktaskneuron.search.columns.builtin.sums import FEW_COLUMNS, SMALL, linked

# Quantiles of the ratio of two columns at which one overtakes a multiple of the other.
_RATIOS = (0.1, 0.3, 0.5, 0.7, 0.9)


def pieces(search: Search, view: View) -> None:
    """Fit sums of columns and of what bends where one column overtakes another.

    ``max(a, b)`` is ``a + relu(b - a)``, ``min(a, b)`` is ``a - relu(a - b)``; ``relu(b - k*a)``
    starts from quantiles of b / a for k.
    """
    X, names = view.X, view.names
    if not 2 <= X.shape[1] <= FEW_COLUMNS:
        return
    search.say("pieces of two columns")
    columns = columns_as_atoms(X, names)
    bends = Atoms.of(_bends(X, names), len(X))
    times = columns + unary_of(columns, ("inverse",))
    atoms = monomials(X, names, [(1, 2), (1,)], SMALL).union(
        bends, pairs_of(times, bends, "*", 10 * SMALL)
    )
    linked(search, view, LINKS[0], atoms, from_all=False)


def _bends(X: Matrix, names: Sequence[str]) -> Iterator[tuple[Vector, MakeNode]]:
    """Yield what bends on a line through the origin, of all pairs of columns."""
    for i, j in combinations(range(X.shape[1]), 2):
        a, b = X[:, i], X[:, j]
        for name, values in (("abs", np.abs), ("relu", _positive_part)):
            yield values(b - a), _bend(name, names[i], names[j], 1.0)
        yield _positive_part(a - b), _bend("relu", names[j], names[i], 1.0)
        other = a != 0
        for k in np.quantile(b[other] / a[other], _RATIOS) if other.any() else ():
            yield _positive_part(b - k * a), _bend("relu", names[i], names[j], float(k))


def _positive_part(values: Vector) -> Vector:
    return np.maximum(values, 0.0)


def _bend(function: str, first: str, second: str, k: float) -> MakeNode:
    def make() -> Node:
        minus = make_product([Number(-k), Variable(first)])
        return make_call(function, make_sum([Variable(second), minus]))

    return make
