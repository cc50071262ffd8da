"""Stage of the package's own engine: the larger and the smaller of two columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

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


def pieces(search: Search, view: View) -> None:
    """Fit sums of columns and of what bends where one column overtakes another.

    ``max(a, b)`` is ``a + relu(b - a)``, ``min(a, b)`` is ``a - relu(a - b)``.
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
    """Yield what bends where two columns are equal, of all pairs."""
    for i, j in permutations(range(X.shape[1]), 2):
        more = X[:, j] - X[:, i]
        yield np.maximum(more, 0.0), _bend("relu", names[i], names[j])
        if i < j:
            yield np.abs(more), _bend("abs", names[i], names[j])


def _bend(function: str, first: str, second: str) -> MakeNode:
    def make() -> Node:
        minus = make_product([Number(-1.0), Variable(first)])
        return make_call(function, make_sum([Variable(second), minus]))

    return make
