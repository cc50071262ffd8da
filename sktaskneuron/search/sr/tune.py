"""Inner constants by variable projection.

The weights are linear and eliminated; the constants a of all terms h(a x) move together, in damped
Gauss-Newton steps of log a.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cho_solve

from sktaskneuron._clock import checkpoint
from sktaskneuron._semidefinite import solve_semidefinite
from sktaskneuron._typing import FloatArray, Matrix, Vector
from sktaskneuron.search.sr.blocks import Blocks, Quadratic
from sktaskneuron.search.sr.library import Term

# Most change of log a in one step.
_MOST = 0.3
_HALVINGS = 5
# Fall of the deviance below which constants have converged.
_CONVERGED = 1e-3
_RIDGE = 1e-9
# Numbers of columns kept.
_MOST_KNOWN = 10_000_000


@dataclass(frozen=True, eq=False)
class Tuned:
    """Terms with their weights.

    Parameters
    ----------
    terms : tuple of Term
    deviance : float
    tangents : ndarray of shape (n_samples, n_constants * n_outputs)
        Unit columns in which the prediction moves with the constants, of each output.
    """

    terms: tuple[Term, ...]
    deviance: float
    tangents: Matrix


class Tuner:
    """Fits the constants of sets of terms to one problem.

    Parameters
    ----------
    z : ndarray of shape (n_samples, n_columns)
        Scaled columns.
    problem : Quadratic
    """

    def __init__(self, z: Matrix, problem: Quadratic) -> None:
        self._z = z
        self._problem = problem
        self._space = Blocks(z, problem, ())
        self._known: dict[Term, _Block] = {}

    def __call__(self, terms: Sequence[Term], max_steps: int = 15) -> Tuned:
        """Return the terms with the best constants near the given ones."""
        fit = self._fit(tuple(terms))
        free = [t for t, term in enumerate(fit.terms) if term.shape.n_constants]
        if not free:
            return fit.tuned()
        for _ in range(max_steps):
            step = fit.step(free)
            better = None
            for _ in range(_HALVINGS):
                trial = self._fit(_moved(fit.terms, free, step))
                if trial.deviance < fit.deviance:
                    better = trial
                    break
                step = step / 3.0
            if better is None:
                break
            drop = fit.deviance - better.deviance
            fit = better
            if drop < _CONVERGED:
                break
        return fit.tuned()

    def fixed(self, terms: Sequence[Term]) -> Tuned:
        """Return the terms as they are."""
        return self._fit(tuple(terms)).tuned()

    def _fit(self, terms: tuple[Term, ...]) -> _Fit:
        if terms:  # nothing but the constant is always there
            checkpoint()
        return _Fit(self._problem, self._space.target, terms, [self._block(t) for t in terms])

    def _block(self, term: Term) -> _Block:
        """Return the columns of a term, computed once: the sets tried share most of theirs."""
        if term not in self._known:
            if len(self._known) * self._z.size > _MOST_KNOWN:
                self._known.clear()
            self._known[term] = _Block(self._z, self._space, term)
        return self._known[term]


def _moved(terms: tuple[Term, ...], free: list[int], step: Vector) -> tuple[Term, ...]:
    out = list(terms)
    for t, change in zip(free, step, strict=True):
        a = terms[t].a * float(np.exp(change))
        out[t] = terms[t].at(float(np.sign(a) * np.clip(abs(a), *terms[t].shape.bounds)))
    return tuple(out)


class _Block:
    """The columns of one term."""

    def __init__(self, z: Matrix, space: Blocks, term: Term) -> None:
        self._z, self._space, self._term = z, space, term
        values = term.values(z)
        self._values = np.where(np.isfinite(values).all(axis=0), values, 0.0)
        self.columns = space.normal(values)
        alive = self.columns.any(axis=0)
        self._values = np.where(alive, self._values, 0.0)
        length = np.linalg.norm(space.centred(self._values), axis=0)
        usable = alive & (length > 0)
        self._share = usable / np.where(usable, length, 1.0)

    @cached_property
    def _slope(self) -> Matrix:
        slope = self._term.slope(self._z, self._values)
        return np.where((self._share > 0) & np.isfinite(slope), slope, 0.0)

    def tangent(self, coef: Matrix) -> Matrix:
        """Return how the prediction moves with log a, for weights of the unit columns."""
        return self._space.centred(self._slope @ (coef * self._share[:, None]))


class _Fit:
    """One set of terms with its least-squares weights."""

    def __init__(
        self, problem: Quadratic, target: Matrix, terms: tuple[Term, ...], blocks: list[_Block]
    ) -> None:
        self.terms, self._blocks = terms, blocks
        nothing = np.zeros((len(target), 0))
        columns = np.concatenate([nothing, *(block.columns for block in blocks)], axis=1)
        self._columns = columns
        gram = columns.T @ columns
        dead = np.diag(gram) < 0.5
        p = len(gram)
        gram += (dead * 1.0 + 1e-11 * p)[:, None] * np.eye(p)
        self._root = np.linalg.cholesky(gram) if p else gram
        self._coef = self._solved(columns.T @ target)
        self._residual = target - columns @ self._coef
        rss = np.einsum("nq,nq->q", self._residual, self._residual)
        self.deviance = float(problem.deviance(rss))
        self._precision = problem.precision(rss)

    def _solved(self, right: Matrix) -> Matrix:
        if not len(self._root):
            return right
        return np.asarray(cho_solve((self._root, True), right, check_finite=False))

    def tangents(self, free: list[int]) -> FloatArray:
        """Return how the prediction moves with log a: (n_samples, n_outputs, n_free)."""
        parts = []
        for t in free:
            d = self._blocks[t].columns.shape[1]
            parts.append(self._blocks[t].tangent(self._coef[t * d : (t + 1) * d]))
        return np.stack(parts, axis=2) if parts else np.zeros((*self._residual.shape, 0))

    def step(self, free: list[int]) -> Vector:
        """Return the Gauss-Newton step of log a, (n_free,)."""
        moves = self.tangents(free)
        n, q, k = moves.shape
        flat = moves.reshape(n, q * k)
        flat = flat - self._columns @ self._solved(self._columns.T @ flat)
        moves = flat.reshape(n, q, k)
        gram = np.einsum("q,nqk,nql->kl", self._precision, moves, moves)
        right = np.einsum("q,nqk,nq->k", self._precision, moves, self._residual)
        gram += (_RIDGE * np.trace(gram) + 1e-300) * np.eye(k)
        return np.asarray(np.clip(solve_semidefinite(gram, right[:, None])[:, 0], -_MOST, _MOST))

    def tuned(self) -> Tuned:
        """Return the terms with what others need to know of the fit."""
        free = [t for t, term in enumerate(self.terms) if term.shape.n_constants]
        moves = self.tangents(free)
        columns = moves.transpose(0, 2, 1).reshape(len(moves), -1)
        norm = np.linalg.norm(columns, axis=0)
        return Tuned(self.terms, self.deviance, columns / np.where(norm > 0, norm, 1.0))
