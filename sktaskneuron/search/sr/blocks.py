"""Least squares over blocks: one block holds one candidate function of every column.

All inner products of all blocks are computed once (the Gram matrix). What a set of blocks explains,
and what each further one would add, then costs a few small factorisations and no pass over rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import solve_triangular

from sktaskneuron._clock import checkpoint
from sktaskneuron._semidefinite import solve_semidefinite
from sktaskneuron._typing import FloatArray, IndexArray, Matrix, Vector
from sktaskneuron.search.frame.family import VARIANCE_FLOOR
from sktaskneuron.search.sr.library import Term

Set = tuple[int, ...]

# Left of a column's length below which a set explains it already, and what keeps factors finite.
_COLLINEAR, _JITTER = 1e-9, 1e-11
# Columns longer than this overflow somewhere.
_TOO_LONG = 1e100
# Numbers held at once while pairs are looked at.
_CHUNK = 4_000_000


@dataclass(frozen=True, eq=False)
class Quadratic:
    """What a set of columns is to explain: a weighted least-squares problem.

    Parameters
    ----------
    weight : ndarray of shape (n_samples,)
    target : ndarray of shape (n_samples, n_outputs)
    profiled : bool
        Whether the variance of what is left is estimated (numbers) or one (working responses of
        classes).
    """

    weight: Vector
    target: Matrix
    profiled: bool

    def deviance(self, rss: FloatArray) -> FloatArray:
        """Return the deviance of what is left, (..., n_outputs) -> (...)."""
        if not self.profiled:
            return np.asarray(rss.sum(axis=-1))
        n = float(self.weight.sum())
        return np.asarray(n * np.log(np.maximum(rss / n, self._floor)).sum(axis=-1))

    def precision(self, rss: Vector) -> Vector:
        """Return the inverse variance of what is left, (n_outputs,)."""
        if not self.profiled:
            return np.ones(len(rss))
        return float(self.weight.sum()) / np.maximum(rss, 1e-300)

    @cached_property
    def _floor(self) -> Vector:
        """Variances below which fits count as equally exact."""
        n = float(self.weight.sum())
        mean = self.weight @ self.target / n
        variance = self.weight @ (self.target - mean) ** 2 / n
        return np.maximum(VARIANCE_FLOOR * variance, 1e-300)


class Blocks:
    """Candidate blocks with all their inner products.

    Parameters
    ----------
    z : ndarray of shape (n_samples, n_columns)
        Scaled columns.
    problem : Quadratic
    terms : sequence of Term
        Candidates. Those that are not finite, or constant, at a column leave it out.
    """

    def __init__(self, z: Matrix, problem: Quadratic, terms: Sequence[Term]) -> None:
        self._z = z
        self._root = np.sqrt(problem.weight)[:, None]
        self._one = self._root[:, 0] / np.linalg.norm(self._root)
        self.deviance: Callable[[FloatArray], FloatArray] = problem.deviance
        self.target: Matrix = self.centred(problem.target)
        self.rss0: Vector = np.einsum("nq,nq->q", self.target, self.target)
        self.terms: list[Term] = []
        self._values = np.zeros((len(z), 0))
        self.gram: Matrix = np.zeros((0, 0))
        self.inner: Matrix = np.zeros((0, problem.target.shape[1]))
        self.add(terms)

    def truncate(self, n_terms: int) -> None:
        """Forget all candidates but the first ones."""
        size = n_terms * self.width
        self.gram, self.inner = self.gram[:size, :size], self.inner[:size]
        self._values, self.terms = self._values[:, :size], self.terms[:n_terms]

    @property
    def width(self) -> int:
        """Number of columns of a block."""
        return self._z.shape[1]

    def centred(self, values: Matrix) -> Matrix:
        """Weight ``values`` (n_samples, n) and project the constant out of them."""
        values = values * self._root
        values -= np.outer(self._one, self._one @ values)
        return np.asarray(values)

    def normal(self, values: Matrix) -> Matrix:
        """Return weighted, centred columns of unit length; zero for those that say nothing."""
        checkpoint()
        finite = np.isfinite(values).all(axis=0)
        values = np.where(finite, values, 0.0)
        with np.errstate(over="ignore", invalid="ignore"):
            size = np.linalg.norm(values * self._root, axis=0)
            columns = self.centred(values)
            norm = np.linalg.norm(columns, axis=0)
            alive = (norm > 1e-7 * size) & (norm < _TOO_LONG)
        return np.asarray(np.where(alive, columns, 0.0) / np.where(alive, norm, 1.0))

    def add(self, terms: Sequence[Term]) -> list[int]:
        """Add candidates; return their numbers."""
        new = [self.normal(term.values(self._z)) for term in terms]
        first = len(self.terms)
        if new:
            fresh = np.concatenate(new, axis=1)
            cross = self._values.T @ fresh
            self.gram = np.block([[self.gram, cross], [cross.T, fresh.T @ fresh]])
            self._values = np.concatenate([self._values, fresh], axis=1)
            self.inner = np.concatenate([self.inner, fresh.T @ self.target])
            self.terms += terms
        return list(range(first, len(self.terms)))

    def columns(self, blocks: Set) -> IndexArray:
        """Return the places of the blocks' columns."""
        firsts = self.width * np.array(blocks, dtype=np.intp)
        return (firsts[:, None] + np.arange(self.width)).ravel()

    def rss(self, blocks: Set) -> Vector:
        """Return what a set leaves unexplained, (n_outputs,)."""
        return self.rss0 - _explained(self._part(blocks)[None], self.inner[self.columns(blocks)])[0]

    def _part(self, blocks: Set) -> Matrix:
        place = self.columns(blocks)
        return self.gram[np.ix_(place, place)]

    def rest(self, blocks: Set, tangents: Matrix | None = None) -> Rest:
        """Return the problem that is left with the set (and single columns beside it) taken out.

        tangents : (n_samples, n_tangents) unit columns by which the set may still move.
        """
        place = self.columns(blocks)
        base, cross, inner = self._part(blocks), self.gram[place], self.inner[place]
        if tangents is not None and tangents.shape[1]:
            side = self._values.T @ tangents
            own = side[place]
            base = np.block([[base, own], [own.T, tangents.T @ tangents]])
            cross = np.concatenate([cross, side.T])
            inner = np.concatenate([inner, tangents.T @ self.target])
        if not len(base):
            return Rest(self, self.gram, self.inner, self.rss0)
        root = np.linalg.cholesky(base + _JITTER * len(base) * np.eye(len(base)))
        cross = solve_triangular(root, cross, lower=True, check_finite=False)
        inner = solve_triangular(root, inner, lower=True, check_finite=False)
        rss = self.rss0 - (inner**2).sum(axis=0)
        return Rest(self, self.gram, self.inner - cross.T @ inner, rss, cross)


def _explained(gram: FloatArray, inner: FloatArray) -> Matrix:
    """Return the explained squares of blocks, (n_blocks, n_outputs).

    gram : (n_blocks, p, p) with a diagonal of at most one; inner : (p, n_outputs) or one each.
    Columns that are spanned already count for nothing.
    """
    if not gram.shape[1]:
        return np.zeros((len(gram), inner.shape[-1]))
    diagonal = np.einsum("bii->bi", gram)
    spanned = diagonal <= _COLLINEAR
    inner = np.where(spanned[:, :, None], 0.0, inner)
    p = gram.shape[1]
    gram = gram + (spanned * 1.0 + _JITTER * p)[:, :, None] * np.eye(p)
    return np.asarray(np.einsum("bpq,bpq->bq", inner, solve_semidefinite(gram, inner)))


class Rest:
    """What is left to explain beside a set, and how much of it each block would.

    Parameters
    ----------
    blocks : Blocks
    gram : ndarray of shape (n_columns, n_columns)
        Inner products of all candidates' columns.
    inner : ndarray of shape (n_columns, n_outputs)
        Their products with what is left of the target.
    rss : ndarray of shape (n_outputs,)
        Squares that are left.
    cross : ndarray of shape (n_base, n_columns), optional
        Products with an orthonormal basis of the set.
    """

    rss: Vector

    def __init__(
        self, blocks: Blocks, gram: Matrix, inner: Matrix, rss: Vector, cross: Matrix | None = None
    ) -> None:
        self._blocks, self._gram, self._inner, self.rss = blocks, gram, inner, rss
        self._cross = cross

    @cached_property
    def _left(self) -> FloatArray:
        """Products of what the set leaves of all columns, (n_blocks, d, n_blocks, d)."""
        n, d = len(self._blocks.terms), self._blocks.width
        gram = self._gram if self._cross is None else self._gram - self._cross.T @ self._cross
        return gram.reshape(n, d, n, d)

    def _own(self) -> FloatArray:
        """Return the same within each block, (n_blocks, d, d)."""
        n, d = len(self._blocks.terms), self._blocks.width
        everyone = np.arange(n)
        own = self._gram.reshape(n, d, n, d)[everyone, :, everyone, :]
        if self._cross is None:
            return np.asarray(own)
        sides = np.ascontiguousarray(self._cross.reshape(-1, n, d).transpose(1, 2, 0))
        return np.asarray(own - sides @ sides.transpose(0, 2, 1))

    def single(self) -> Vector:
        """Return the deviance with each block added, (n_blocks,)."""
        inner = self._inner.reshape(len(self._blocks.terms), self._blocks.width, -1)
        return self._after(_explained(self._own(), inner))

    def pairs(self, among: IndexArray) -> tuple[IndexArray, Vector]:
        """Return all pairs of the blocks ``among``, (n_pairs, 2), and the deviance with each."""
        d, n = self._blocks.width, len(self._blocks.terms)
        first, second = np.triu_indices(len(among), 1)
        couples = np.stack([among[first], among[second]], axis=1)
        inner = self._inner.reshape(n, d, -1)
        out = np.empty(len(couples))
        own = self._own()
        size = max(1, _CHUNK // (4 * d * d))
        for start in range(0, len(couples), size):
            checkpoint()
            a, b = couples[start : start + size].T
            both = np.empty((len(a), 2 * d, 2 * d))
            both[:, :d, :d], both[:, d:, d:] = own[a], own[b]
            both[:, :d, d:] = self._left[a, :, b, :]
            both[:, d:, :d] = both[:, :d, d:].transpose(0, 2, 1)
            joint = np.concatenate([inner[a], inner[b]], axis=1)
            out[start : start + size] = self._after(_explained(both, joint))
        return couples, out

    def _after(self, explained: Matrix) -> Vector:
        return self._blocks.deviance(np.maximum(self.rss - explained, 0.0))
