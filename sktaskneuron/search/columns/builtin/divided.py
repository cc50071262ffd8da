"""Stage of the package's own engine: a polynomial times a power of something else."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sktaskneuron._semidefinite import solve_semidefinite
from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.formula.text.canonical import make_power
from sktaskneuron.search.columns.builtin.library import (
    Atoms,
    MakeNode,
    columns_as_atoms,
    monomials,
    pairs_of,
    unary_of,
)
from sktaskneuron.search.columns.builtin.links import Given, allowed_links
from sktaskneuron.search.columns.builtin.pool import Search, View
from sktaskneuron.search.columns.builtin.sums import DEEP_ROWS, FEW_COLUMNS, SMALL, linked

# Powers of what the polynomial is multiplied by.
_POWERS = (-2, -1.5, -1, -0.5, 0.5, 1.5, 2)
# Bases on offer, and those whose polynomials are fitted to the end.
_MOST_BASES, _MOST_FITTED = 400, 8
# Transforms of the target.
_LINKS = ("y", "y**2", "1/y")


def divided(search: Search, view: View) -> None:
    """Fit ``P * b**e`` with a quadratic P, for all bases b of a library and powers e.

    A sum of terms that are all divided by one root or square is not found term by term.
    """
    quadratic = monomials(view.X, view.names, [(1, 2), (1,)], SMALL)
    d = view.X.shape[1]
    if d > FEW_COLUMNS or 6 * len(quadratic) > min(view.n_observations, DEEP_ROWS):
        return
    search.say("polynomials times a power")
    rows = view.rows(DEEP_ROWS)
    powers = _powers(view)
    if not len(powers):
        return
    ranked: list[tuple[float, int, int]] = []
    links = [link for link in allowed_links() if link.name in _LINKS]
    for number, link in enumerate(links):
        given = link.given(view.y[rows], view.weight[rows])
        if given is not None:
            own = rows[given.rows]
            left = _left(quadratic.values[own], powers.values[own], given)
            ranked += [(float(value), number, place) for place, value in enumerate(left)]
    for _, number, place in sorted(ranked)[:_MOST_FITTED]:
        power = powers.take([place])
        terms = power + pairs_of(quadratic, power, "*", SMALL)
        linked(search, view, links[number], terms, from_all=True)
        if search.pool.is_exact:
            return


def _powers(view: View) -> Atoms:
    """Return powers of sums of columns and of one with products of theirs."""
    X, names = view.X, view.names
    columns = columns_as_atoms(X, names)
    squares = unary_of(columns, ("square",))
    products = pairs_of(columns, columns, "*/", 100)
    sums = pairs_of(columns + squares, columns + squares, "+-", 200)
    plain = columns + squares + products + unary_of(products, ("square",))
    # joined as they are: that one is a straight line of the other does not make their powers equal
    bases = unary_of(plain, ("1-",)).join(unary_of(plain, ("1+",))).join(sums)
    bases = bases.take(range(min(len(bases), _MOST_BASES)))

    def items() -> Iterator[tuple[Vector, MakeNode]]:
        for place in range(len(bases)):
            base, make = bases.values[:, place], bases.makers[place]
            if base.min() <= 0:
                continue
            for power in _POWERS:
                yield base**power, _raised(make, power)

    return Atoms.of(items(), len(X))


def _raised(make: MakeNode, power: float) -> MakeNode:
    return lambda: make_power(make(), power)


def _left(quadratic: Matrix, powers: Matrix, given: Given) -> Vector:
    """Return the share of a target that ``P * power`` leaves, for every power.

    By normal equations, all powers at once: the products of two terms times squared powers are one
    product of matrices.
    """
    terms = np.column_stack([np.ones(len(quadratic)), quadratic])
    terms = terms / np.maximum(np.abs(terms).max(axis=0), 1e-300)
    powers = powers / np.maximum(np.abs(powers).max(axis=0), 1e-300)
    weight = given.weight / given.weight.sum()
    y = given.target
    first, second = np.triu_indices(terms.shape[1])
    flat = (powers**2 * weight[:, None]).T @ (terms[:, first] * terms[:, second])
    gram = np.zeros((powers.shape[1], terms.shape[1], terms.shape[1]))
    gram[:, first, second] = flat
    gram[:, second, first] = flat
    size = np.sqrt(np.maximum(np.einsum("pkk->pk", gram), 1e-300))
    gram /= size[:, :, None] * size[:, None, :]
    right = (powers * (weight * y)[:, None]).T @ terms / size
    ridge = 1e-9 * np.eye(terms.shape[1])
    coef = solve_semidefinite(gram + ridge, right[:, :, None])[:, :, 0]
    mean = float(weight @ y)
    spread = max(float(weight @ (y - mean) ** 2), 1e-300)
    explained = np.einsum("pk,pk->p", right, coef)
    return np.asarray((float(weight @ y**2) - explained) / spread)
