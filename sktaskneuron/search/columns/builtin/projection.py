"""Variable projection: constants inside curves by least squares, the weights eliminated.

For given constants q the best weights of ``y = b + sum_t v_t sum_j w_tj h_tj(x_t; q_t)`` have a
closed form, so that only q is searched: by Levenberg-Marquardt steps with Kaufman's Jacobian, for
all starts at once (Golub and Pereyra, Inverse Problems 19(2), 2003).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sktaskneuron._clock import checkpoint
from sktaskneuron._semidefinite import solve_semidefinite
from sktaskneuron._typing import FloatArray, Matrix, Vector
from sktaskneuron.search.columns.builtin.curves import Curve, Range

# Most steps of a fit, those without gain after which it ends, and what counts as one.
_MAX_STEPS, _IDLE, _GAIN = 25, 4, 1e-4
# Step of a difference quotient, relative to the constant, which counts as no smaller than a share
# of the largest one among the starts.
_STEP, _SMALL = 1e-6, 1e-2
# Share of a column's norm that must be left beside the others.
_INDEPENDENT = 1e-10


@dataclass(frozen=True, eq=False)
class CurveTerm:
    """A curve of a column times a factor.

    Parameters
    ----------
    curve : Curve
    column : Range
    factor : ndarray of shape (n_samples,)
    """

    curve: Curve
    column: Range
    factor: Vector

    def values(self, q: Matrix) -> FloatArray:
        """Return the values, (n_starts, n_weights, n_samples), for constants (n_starts, k)."""
        return np.asarray(self.curve.values(q, self.column) * self.factor)


@dataclass(frozen=True, eq=False)
class Target:
    """A target on rows, as lengths are measured: times the roots of the weights, centred.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Of unit length.
    root : ndarray of shape (n_samples,)
        Roots of the weights, of unit length.
    mean, unit : float
        What was taken off the target, and what it was divided by.
    """

    y: Vector
    root: Vector
    mean: float
    unit: float

    @classmethod
    def of(cls, y: Vector, weight: Vector) -> Target:
        """Centre a target; it must vary."""
        root = np.sqrt(weight / weight.sum())
        mean = float(root**2 @ y)
        centred = (y - mean) * root
        unit = float(np.linalg.norm(centred))
        return cls(centred / unit, root, mean, unit)

    def columns(self, values: FloatArray) -> FloatArray:
        """Bring values (..., n_samples) to the same terms; what is not finite is zero."""
        with np.errstate(all="ignore"):
            weighted = np.where(np.isfinite(values), values, 0.0) * self.root
            return np.asarray(weighted - (weighted @ self.root)[..., None] * self.root)


@dataclass(frozen=True, eq=False)
class Fitted:
    """Sums of curves fitted from several starts, the best first.

    Parameters
    ----------
    q : ndarray of shape (n_starts, n_constants)
        Of all terms, one after another.
    left : ndarray of shape (n_starts,)
        Share of the target's weighted sum of squares that is left.
    """

    q: Matrix
    left: Vector


def fit_constants(terms: Sequence[CurveTerm], starts: Matrix, target: Target) -> Fitted:
    """Fit the constants of a sum of curves.

    Parameters
    ----------
    terms : sequence of CurveTerm
    starts : ndarray of shape (n_starts, n_constants)
    target : Target

    Returns
    -------
    Fitted
        Constants that are not finite or fit worse than their start are not taken.
    """
    q = np.array(starts, dtype=float)
    basis, residual, weights = _eliminated(_design(terms, q, target), target)
    left = np.einsum("sn,sn->s", residual, residual)
    damping, idle = np.full(len(q), 1e-3), 0
    for _ in range(_MAX_STEPS if q.shape[1] else 0):
        checkpoint()
        slopes = _slopes(terms, q, target, weights)
        slopes = slopes - np.einsum("skm,smn->skn", np.einsum("skn,smn->skm", slopes, basis), basis)
        size = np.maximum(np.linalg.norm(slopes, axis=2), 1e-150)  # squares are floats
        slopes = slopes / size[:, :, None]
        gram = np.matmul(slopes, slopes.transpose(0, 2, 1))
        gram = gram + damping[:, None, None] * np.eye(q.shape[1])
        change = solve_semidefinite(gram, np.matmul(slopes, residual[:, :, None]))[:, :, 0] / size
        moved = np.where(np.isfinite(change), q + change, q)
        new = _eliminated(_design(terms, moved, target), target)
        new_left = np.einsum("sn,sn->s", new[1], new[1])
        better = new_left < left
        gained = (left - new_left > _GAIN * left) & better
        damping = np.where(better, np.maximum(damping / 10, 1e-12), np.minimum(damping * 10, 1e8))
        q = np.where(better[:, None], moved, q)
        left = np.where(better, new_left, left)
        pick = better[:, None, None]
        basis = np.where(pick, new[0], basis)
        residual = np.where(better[:, None], new[1], residual)
        weights = np.where(better[:, None], new[2], weights)
        idle = 0 if gained.any() else idle + 1
        if idle >= _IDLE:
            break
    order = np.argsort(left, kind="stable")
    return Fitted(q[order], left[order])


def _parts(terms: Sequence[CurveTerm], q: Matrix) -> list[Matrix]:
    """Cut constants (n_starts, n_constants) into those of each term."""
    counts = [term.curve.n_constants for term in terms]
    return np.split(q, np.cumsum(counts)[:-1], axis=1)


def _design(terms: Sequence[CurveTerm], q: Matrix, target: Target) -> FloatArray:
    """Return the curves, (n_starts, n_weights, n_samples)."""
    with np.errstate(all="ignore"):
        values = [term.values(part) for term, part in zip(terms, _parts(terms, q), strict=True)]
    return target.columns(np.concatenate(values, axis=1))


def _eliminated(design: FloatArray, target: Target) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return an orthonormal basis of the curves, what they leave, and their weights."""
    size = np.linalg.norm(design, axis=2)
    scaled = design / np.maximum(size, 1e-300)[:, :, None]
    q, r = np.linalg.qr(scaled.transpose(0, 2, 1))
    diagonal = np.abs(np.einsum("smm->sm", r))
    dependent = (diagonal < _INDEPENDENT) | (size < 1e-300)
    # a curve that others give has no weight
    q = np.where(dependent[:, None, :], 0.0, q)
    r = r + np.einsum("sm,mk->smk", dependent * 1.0, np.eye(r.shape[1]))
    along = np.einsum("snm,n->sm", q, target.y)
    residual = target.y - np.einsum("snm,sm->sn", q, along)
    weights = np.linalg.solve(r, along[:, :, None])[:, :, 0] / np.maximum(size, 1e-300)
    return q.transpose(0, 2, 1), residual, np.where(dependent, 0.0, weights)


def _slopes(
    terms: Sequence[CurveTerm], q: Matrix, target: Target, weights: FloatArray
) -> FloatArray:
    """Return the derivatives of the sum by its constants, (n_starts, n_constants, n_samples)."""
    out, first = [], 0
    for term, part in zip(terms, _parts(terms, q), strict=True):
        with np.errstate(all="ignore"):
            here = term.values(part)
            own = weights[:, first : first + here.shape[1]]
            first += here.shape[1]
            for k in range(part.shape[1]):
                size = np.abs(part[:, k])
                step = _STEP * np.maximum(size, max(_SMALL * float(size.max()), 1e-300))
                moved = part.copy()
                moved[:, k] += step
                change = (term.values(moved) - here) / step[:, None, None]
                out.append(target.columns(np.einsum("sm,smn->sn", own, change)))
    return np.stack(out, axis=1)


def residual_of(terms: Sequence[CurveTerm], q: Vector, target: Target) -> tuple[Matrix, Vector]:
    """Return an orthonormal basis (n_weights, n_samples) of a sum, and what it leaves."""
    basis, residual, _ = _eliminated(_design(terms, q[None], target), target)
    return basis[0], residual[0]


def weights_at(
    terms: Sequence[CurveTerm], q: Vector, target: Target
) -> tuple[list[Vector], list[Vector], float]:
    """Return the constants and weights of each term, and the constant beside them."""
    parts = _parts(terms, q[None])
    values = [term.values(part) for term, part in zip(terms, parts, strict=True)]
    weights = _eliminated(_design(terms, q[None], target), target)[2][0] * target.unit
    places = np.cumsum([value.shape[1] for value in values])[:-1]
    means = np.concatenate(values, axis=1)[0] @ target.root**2
    constant = target.mean - float(weights @ means)
    return [part[0] for part in parts], np.split(weights, places), constant
