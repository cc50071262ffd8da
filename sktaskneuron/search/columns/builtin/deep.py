"""Last stage of the package's own engine: functions of functions of columns, in great number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sktaskneuron._typing import Matrix, RowNumbers
from sktaskneuron.search.columns.builtin.library import (
    Atoms,
    columns_as_atoms,
    monomials,
    pairs_of,
    unary_of,
    waves,
)
from sktaskneuron.search.columns.builtin.links import Link
from sktaskneuron.search.columns.builtin.pool import Search, View
from sktaskneuron.search.columns.builtin.select import forward
from sktaskneuron.search.columns.builtin.sums import DEEP_ROWS, fit_best

# Terms of a sum of such functions.
_DEEP_TERMS = 4


def deep(search: Search, view: View) -> None:
    """Fit sums of a few functions of functions of columns."""
    search.say("deep library")
    rows = view.rows(DEEP_ROWS)
    for atoms in _libraries(view.X[rows], view.names):
        for link in search.links(view):
            deep_linked(search, view, link, atoms, rows)
            if search.pool.is_exact:
                return


def _libraries(X: Matrix, names: Sequence[str]) -> Iterator[Atoms]:
    """Yield libraries of functions of functions of columns (n_samples, n_features)."""
    columns = columns_as_atoms(X, names)
    functions = ("sin", "cos", "exp", "exp-", "log", "sqrt", "square", "cube", "inverse")
    outer = ("tanh", "gaussian", "1+", "1-", "log 1+")
    single = unary_of(columns, (*functions, *outer, "abs", "sin/2", "sin*2", "cos*2"))
    level1 = columns + single
    pairs = pairs_of(columns, columns, "+-*/", 400)
    mixed = pairs_of(columns, single, "+-*/", 2_000)
    twice = unary_of(single + pairs, (*functions, *outer))
    triples = pairs_of(pairs, columns, "+-*/", 2_000)
    level2 = level1.union(pairs, mixed, twice, triples)
    yield level2
    # products of the columns and their inverses, of any number of columns
    inner = monomials(X, names, [(-1.0, 1.0)] * min(X.shape[1], 5), 500)
    curved = unary_of(inner, (*functions, *outer, "asin"))
    curved = curved + unary_of(unary_of(inner, ("square",)), ("exp", "exp-", "1+", "1-"))
    inverted = columns + unary_of(columns, ("inverse",))
    yield level1.union(curved, pairs_of(inverted, curved, "*", 8_000))
    inside = unary_of(columns, ("square", "cube", "inverse", "sqrt"))
    nested = unary_of(inside + columns, ("sin", "cos", "exp", "exp-", "log")) + columns
    yield level2.union(
        unary_of(mixed + triples, ("sin", "cos", "exp", "exp-", "log", "sqrt", "inverse")),
        pairs_of(level1, twice, "*/", 8_000),
        pairs_of(single, single, "*/", 3_000),
        pairs_of(nested, nested, "*", 5_000),
    )
    yield waves(inner, 6_000)


def deep_linked(search: Search, view: View, link: Link, atoms: Atoms, rows: RowNumbers) -> None:
    """Fit sums of atoms, whose values stand for some of the rows, under one transform."""
    given = link.given(view.y[rows], view.weight[rows])
    if given is None or not len(atoms):
        return
    n_rows = len(given.rows)
    values = atoms.values if n_rows == len(rows) else atoms.values[given.rows]
    n = view.n_observations * n_rows / len(view.y)
    sums = forward(values, given.target, given.weight, _DEEP_TERMS, n)
    fit_best(search, view, link, atoms, sums, given, given)
