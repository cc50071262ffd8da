"""Stage of the package's own engine: polynomials of which some are multiplied by one function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sktaskneuron._semidefinite import solve_semidefinite
from sktaskneuron._typing import Matrix, RowNumbers, Vector
from sktaskneuron.formula.text.canonical import make_power, make_product, make_sum
from sktaskneuron.formula.text.nodes import Number
from sktaskneuron.search.columns.builtin.library import (
    Atoms,
    MakeNode,
    columns_as_atoms,
    monomials,
    pairs_of,
    unary_of,
)
from sktaskneuron.search.columns.builtin.links import LINKS, Given
from sktaskneuron.search.columns.builtin.pool import Search, View
from sktaskneuron.search.columns.builtin.sums import DEEP_ROWS, FEW_COLUMNS, SMALL, linked

# Functions of which modulated polynomials are fitted to the end, and transforms they are tried
# with.
_MOST_FITTED, _MOST_LINKS = 8, 6
# Columns up to which there are more terms.
_FEW = 2
# Constants of saturations, times what is usual of what saturates.
_CONSTANTS = np.geomspace(0.05, 20.0, 7)
# Saturations whose constants are told closer, the rounds of that, and constants of a round.
_MOST_REFINED, _ROUNDS, _PARTS = 3, 2, 9


def modulated(search: Search, view: View) -> None:
    """Fit ``P + Q w + R w**2`` for every w of a library.

    P is quadratic, Q too but with squares of waves, R linear; of one or two columns also a cubic P
    and a quadratic R. w is a wave, an exponential, a logarithm, or a saturation ``1/(1 + a*u)`` of
    a column or its square. All terms at once, so that no greedy step has to find them; then those
    that say nothing go.
    """
    X, names = view.X, view.names
    quadratic = monomials(X, names, [(1, 2), (1,)], SMALL)
    if X.shape[1] > FEW_COLUMNS or 6 * len(quadratic) > min(view.n_observations, DEEP_ROWS):
        return
    search.say("modulated polynomials")
    columns = columns_as_atoms(X, names)
    _fit_modulated(search, view, quadratic, columns)
    if X.shape[1] <= _FEW and not (search.pool.is_exact or search.pool.is_noise):
        cubic = monomials(X, names, [(1, 2, 3), (1, 2)], SMALL)
        _fit_modulated(search, view, cubic, quadratic)


def _fit_modulated(search: Search, view: View, fixed: Atoms, twice: Atoms) -> None:
    """Fit such sums with P of the atoms ``fixed`` and R of the atoms ``twice``."""
    X, names = view.X, view.names
    columns = columns_as_atoms(X, names)
    squares = unary_of(columns, ("square",))
    factors = monomials(X, names, [(1, 2), (1,)], SMALL)
    factors = factors.join(unary_of(unary_of(columns, ("sin",)), ("square",)))
    functions = unary_of(
        columns + pairs_of(columns, columns, "+-*/", 200), ("sin", "cos", "exp", "exp-", "log abs")
    )
    rows = view.rows(DEEP_ROWS)
    look = _Look(fixed.values, factors.values, twice.values, rows)
    found: list[tuple[float, int, Atoms]] = []
    for number, link in enumerate(LINKS[:_MOST_LINKS]):
        given = link.given(view.y[rows], view.weight[rows])
        if given is None:
            continue
        left = look.left(functions.values, given)
        found += [(float(v), number, functions.take([place])) for place, v in enumerate(left)]
        found += [(v, number, w) for v, w in look.saturations(columns + squares, given)]
    found.sort(key=lambda item: item[:2])
    for _, number, w in found[:_MOST_FITTED]:
        terms = fixed + w + pairs_of(factors, w, "*", SMALL)
        terms = terms + pairs_of(twice, unary_of(w, ("square",)), "*", SMALL)
        linked(search, view, LINKS[number], terms, from_all=True)
        if search.pool.is_exact:
            return


@dataclass(frozen=True, eq=False)
class _Look:
    """What functions are ranked by: P, Q and R without weights, and some of the rows.

    Parameters
    ----------
    fixed, factors, linear : ndarray of shape (n_samples, n_terms)
    rows : ndarray of int of shape (n_rows,)
    """

    fixed: Matrix
    factors: Matrix
    linear: Matrix
    rows: RowNumbers

    def left(self, w: Matrix, given: Given) -> Vector:
        """Return the share of a target that each w (n_samples, n_w) leaves, (n_w,).

        By normal equations, all w at once: to rank them needs no more digits.
        """
        own = self.rows[given.rows]
        root = np.sqrt(given.weight)
        y = (given.target - np.average(given.target, weights=given.weight)) * root
        one = np.ones((len(own), 1))
        fixed = _scaled(np.hstack([one, self.fixed[own]]))
        factors = _scaled(np.hstack([one, self.factors[own]]))
        wave = _scaled(w[own]).T[:, :, None]
        parts = [np.broadcast_to(fixed, (len(wave), *fixed.shape)), factors * wave]
        design = np.concatenate([*parts, _scaled(self.linear[own]) * wave**2], axis=2)
        design = design * root[:, None]
        # below 1e-150 squares are no floats
        design /= np.maximum(np.linalg.norm(design, axis=1, keepdims=True), 1e-150)
        gram = np.matmul(design.transpose(0, 2, 1), design)
        right = np.matmul(design.transpose(0, 2, 1), y)
        ridge = 1e-10 * np.eye(gram.shape[1])
        coef = solve_semidefinite(gram + ridge, right[:, :, None])[:, :, 0]
        residual = y - np.einsum("wnp,wp->wn", design, coef)
        return np.asarray(np.einsum("wn,wn->w", residual, residual) / max(float(y @ y), 1e-300))

    def saturations(self, atoms: Atoms, given: Given) -> Iterator[tuple[float, Atoms]]:
        """Yield ``1/(1 + a*u)`` of some of the atoms u that are nowhere negative, a fitted.

        Each with the share of a target that it leaves.
        """
        places = [k for k in range(len(atoms)) if atoms.values[:, k].min() >= 0]
        if not places:
            return
        usual = np.median(atoms.values[:, places], axis=0)
        grid = _CONSTANTS / np.maximum(usual, 1e-300)[:, None]
        u = np.repeat(atoms.values[:, places], len(_CONSTANTS), axis=1)
        left = self.left(1.0 / (1.0 + u * grid.ravel()), given).reshape(grid.shape)
        for k in np.argsort(left.min(axis=1), kind="stable")[:_MOST_REFINED]:
            own, (a, value) = atoms.values[:, [places[k]]], _least(grid[k], left[k])
            ratio = float(_CONSTANTS[1] / _CONSTANTS[0])
            for _ in range(_ROUNDS):
                near = a * np.geomspace(1.0 / ratio, ratio, _PARTS)
                a, value = _least(near, self.left(1.0 / (1.0 + own * near), given))
                ratio **= 2.0 / (_PARTS - 1)
            make = _saturation(atoms.makers[places[k]], a)
            one = Atoms.of([(1.0 / (1.0 + own[:, 0] * a), make)], len(own))
            if len(one):
                yield value, one


def _scaled(values: Matrix) -> Matrix:
    return np.asarray(values / np.maximum(np.abs(values).max(axis=0), 1e-300))


def _least(constants: Vector, left: Vector) -> tuple[float, float]:
    best = int(np.argmin(left))
    return float(constants[best]), float(left[best])


def _saturation(make: MakeNode, a: float) -> MakeNode:
    return lambda: make_power(make_sum([Number(1.0), make_product([Number(a), make()])]), -1)
