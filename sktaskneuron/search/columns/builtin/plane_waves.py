"""Stage of the package's own engine: a polynomial and a wave of a form of two columns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import combinations

import numpy as np

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import FloatArray, Matrix, Vector
from sktaskneuron.formula.text.canonical import make_product, make_sum
from sktaskneuron.formula.text.nodes import Node, Number, Variable
from sktaskneuron.search.columns.builtin.curves import Curve, Range, turned
from sktaskneuron.search.columns.builtin.library import Atoms, monomials
from sktaskneuron.search.columns.builtin.pool import Search, View
from sktaskneuron.search.columns.builtin.projection import (
    CurveTerm,
    Target,
    fit_constants,
    weights_at,
)
from sktaskneuron.search.columns.builtin.sums import SMALL

# Columns up to which pairs are looked at, and rows on which waves are compared.
_MOST_COLUMNS, _ROWS = 3, 400
# Steps of a phase over the range of a column, in radians; most of them in a plane wave, and in a
# wave of a product on both sides of nothing, whose own steps these are.
_STEP, _PLANE, _BESIDE, _PRODUCTS = 1.5, 16, 5, 16
# Waves of a pair that are fitted.
_FITTED = 6
# Share of the square of a wave that must be left beside the polynomial.
_ALONE = 1e-6


def plane_waves(search: Search, view: View) -> None:
    """Fit ``P + A cos(k*a + l*b + m*a*b + p)`` with a quadratic P, for all pairs of columns."""
    d = view.X.shape[1]
    if not 2 <= d <= _MOST_COLUMNS or view.y.min() == view.y.max():
        return
    search.say("waves of two columns")
    rows = view.rows(_ROWS)
    target = Target.of(view.y[rows], view.weight[rows])
    X = view.X[rows]
    atoms = monomials(X, view.names, [(1, 2), (1,)], SMALL)
    if 6 * len(atoms) > len(rows):
        return
    polynomial = CurveTerm(_polynomial(atoms), Range(X[:, 0]), np.ones(len(rows)))
    basis = np.linalg.qr(target.columns(atoms.values.T).T)[0]
    left = target.y - basis @ (basis.T @ target.y)
    for i, j in combinations(range(d), 2):
        pair = _Pair(view.names[i], view.names[j], X[:, i], X[:, j])
        starts = pair.best_starts(basis, left, target)
        if not len(starts):
            continue
        wave = CurveTerm(pair.curve, Range(X[:, i]), np.ones(len(rows)))
        terms = [polynomial, wave]
        fitted = fit_constants(terms, starts, target)
        for q in fitted.q[:2]:
            search.pool.add(partial(_equation, view, terms, q, target))
        if search.pool.is_exact:
            return


def _polynomial(atoms: Atoms) -> Curve:
    values = atoms.values.T

    def write(q: Sequence[float], w: Sequence[float], _: Node, __: Range) -> Node:
        return make_sum([make_product([Number(float(a)), atoms.node(k)]) for k, a in enumerate(w)])

    return Curve(
        "polynomial",
        lambda q, _: np.broadcast_to(values, (len(q), *values.shape)),
        lambda _: np.zeros((1, 0)),
        write,
        n_constants=0,
        n_weights=len(values),
    )


class _Pair:
    """Waves of a pair of columns, whose forms are of the columns about their middles."""

    def __init__(self, first: str, second: str, a: Vector, b: Vector) -> None:
        self.names = first, second
        self.middle = (a.min() + a.max()) / 2, (b.min() + b.max()) / 2
        self.width = float(np.ptp(a)), float(np.ptp(b))
        u, v = a - self.middle[0], b - self.middle[1]
        self.forms = np.stack([u * v, u, v])

    @property
    def curve(self) -> Curve:
        """Their waves, of the three factors in the form."""
        return Curve(
            "wave of two columns",
            self._values,
            lambda _: np.zeros((0, 3)),
            self._write,
            n_constants=3,
            n_weights=2,
        )

    def _values(self, q: Matrix, _: Range | None = None) -> FloatArray:
        angle = q @ self.forms
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)

    def _write(self, q: Sequence[float], w: Sequence[float], _: Node, __: Range) -> Node:
        a, b = (Variable(name) for name in self.names)
        first, second = self.middle
        form = [
            make_product([Number(q[0]), a, b]),
            make_product([Number(q[1] - q[0] * second), a]),
            make_product([Number(q[2] - q[0] * first), b]),
        ]
        # what the middles add to the phase goes into the weights
        angle = q[0] * first * second - q[1] * first - q[2] * second
        cos, sin = float(np.cos(angle)), float(np.sin(angle))
        weights = [w[0] * cos + w[1] * sin, w[1] * cos - w[0] * sin]
        return turned(1.0, weights, make_sum(form))

    def best_starts(self, basis: Matrix, left: Vector, target: Target) -> Matrix:
        """Return the waves that say most of what a polynomial leaves, (n_starts, 3)."""
        checkpoint()
        q = self._grid()
        values = target.columns(self._values(q)).reshape(2 * len(q), -1)
        size = np.einsum("sn,sn->s", values, values)
        along = (values @ left).reshape(-1, 2)
        inside = values @ basis
        own = size - np.einsum("sk,sk->s", inside, inside)
        own = np.where(own > _ALONE * size, own, np.inf).reshape(-1, 2)
        # cosine and sine as if they were orthogonal: near enough to choose starts
        gain = (along**2 / own).sum(axis=1)
        return q[np.argsort(-gain, kind="stable")[:_FITTED]]

    def _grid(self) -> Matrix:
        one, two = self.width
        flat = np.arange(-_PLANE, _PLANE + 1)
        k, m = np.meshgrid(flat[_PLANE + 1 :], flat[flat != 0], indexing="ij")
        planes = np.column_stack([np.zeros(k.size), k.ravel() / one, m.ravel() / two])
        near = np.arange(-_BESIDE, _BESIDE + 1)
        p, k, m = np.meshgrid(np.arange(1, _PRODUCTS + 1), near, near, indexing="ij")
        # a product about the middles has half the range that its widths have
        bent = [2 * p.ravel() / (one * two), k.ravel() / one, m.ravel() / two]
        return np.asarray(_STEP * np.concatenate([planes, np.column_stack(bent)]))


def _equation(view: View, terms: Sequence[CurveTerm], q: Vector, target: Target) -> Node:
    constants, weights, beside = weights_at(terms, q, target)
    parts = [
        term.curve.write(own.tolist(), w.tolist(), Number(0.0), term.column)
        for term, own, w in zip(terms, constants, weights, strict=True)
    ]
    return view.equation(make_sum([*parts, Number(beside)]))
