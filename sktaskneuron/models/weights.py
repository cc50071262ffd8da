"""Non-negative weights of models, from their outputs on held-out rows."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize, nnls
from scipy.special import logsumexp

from sktaskneuron._typing import FloatArray, IntArray, Matrix, Vector
from sktaskneuron.models.losses import Loss

# Weights below this share of the total are put to zero.
_NEGLIGIBLE = 0.02
_EPSILON = float(np.finfo(np.float64).eps)
# Pull to equal weights, in rows: it decides where few rows say little.
_PRIOR_ROWS = 2.0
# Median logit of a row, beyond which a model is so sure (1e-13) that the odds are rounding.
_SURE = 30.0
# Keeps the weights of equal models equal where the prior is switched off or says next to nothing.
_RIDGE = 1e-10
# Models whose errors are so many times the least get nothing: no others cancel theirs to more
# digits.
_BEYOND = 1e12
# Models that enter or leave a sum; the solver's own bound of three times their number is for tables
# of many more columns.
_MOST_CHANGES = 1_000


def value_weights(outputs: FloatArray, target: FloatArray, weight: Vector) -> Vector:
    r"""Return convex weights of the least squared error.

    Parameters
    ----------
    outputs : ndarray of shape (n_models, n_rows, n_outputs)
        Each model's values on rows that it has not seen.
    target : ndarray of shape (n_rows, n_outputs)
    weight : ndarray of shape (n_rows,)

    Returns
    -------
    ndarray of shape (n_models,), non-negative, with sum one

    Notes
    -----
    With the sum fixed to one the error of a mixture is the mixture of the models' errors, so the
    weights are those of a quadratic form over the simplex, solved exactly by non-negative least
    squares: minimising :math:`\|E a\|^2` over the simplex is, up to scale, minimising
    :math:`\|E a\|^2 + (1^T a - 1)^2` over :math:`a \ge 0`. Every model's errors are brought to the
    size one before, and its weight back after, so that errors of any sizes go together.
    """
    n_models, n_rows = len(outputs), len(weight)
    share = weight / weight.max()
    error = (outputs - target) * np.sqrt(share / share.sum())[:, None]
    flat = error.reshape(n_models, -1)
    size = _root_of_squares(flat)
    relative = size.min() / size
    # a prior of so many rows, on which every model errs by as much and independently
    prior = np.diag(np.sqrt(_PRIOR_ROWS / n_rows + _RIDGE) * relative)
    root = np.linalg.qr(np.vstack([(flat / size[:, None]).T, prior]), mode="r")
    seen = relative * _BEYOND > 1.0
    design = np.vstack([root, relative])[:, seen]
    solution = np.zeros(n_models)
    solution[seen], _ = nnls(design, np.append(np.zeros(len(root)), 1.0), maxiter=_MOST_CHANGES)
    solution = solution * relative
    return _without_crumbs(solution / solution.sum())


def _root_of_squares(rows: Matrix) -> Vector:
    """Return the Euclidean length of each row, above zero; squares neither overflow nor vanish."""
    largest = np.maximum(np.abs(rows).max(axis=1), np.finfo(np.float64).tiny)
    return np.asarray(largest * np.maximum(np.linalg.norm(rows / largest[:, None], axis=1), 1.0))


def loss_weights(outputs: FloatArray, target: FloatArray, weight: Vector, loss: Loss) -> Vector:
    """Return convex weights of raw outputs of the least loss.

    Parameters
    ----------
    outputs : ndarray of shape (n_models, n_rows, n_outputs)
        Each model's raw outputs on rows that it has not seen.
    target : ndarray of shape (n_rows, n_outputs)
    weight : ndarray of shape (n_rows,)
    loss : Loss
        Convex in the raw outputs, so in the weights.

    Returns
    -------
    ndarray of shape (n_models,), non-negative, with sum one
    """
    n_models, n_rows, _ = outputs.shape
    share = weight / weight.sum()
    corners = np.eye(n_models)
    unit = min(loss.slope(model, target, share)[0] for model in outputs) or 1.0
    pull = _PRIOR_ROWS / n_rows + _RIDGE

    def value(a: Vector) -> tuple[float, Vector]:
        mean, slope = loss.slope(np.tensordot(a, outputs, axes=1), target, share)
        spread = a - a.mean()
        gradient = np.tensordot(outputs, slope, axes=2) / unit
        return mean / unit + 0.5 * pull * float(spread @ spread), gradient + pull * spread

    start = np.full(n_models, 1.0 / n_models)
    result = minimize(
        value,
        start,
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * n_models,
        constraints={"type": "eq", "fun": lambda a: a.sum() - 1.0, "jac": np.ones_like},
    )
    found = np.clip(result.x, 0.0, 1.0)
    tried = [*corners, start, found / found.sum()] if found.sum() > 0 else [*corners, start]
    return _without_crumbs(min(tried, key=lambda a: value(a)[0]))


def logit_weights(logits: FloatArray, target: IntArray, weight: Vector) -> Vector:
    """Return non-negative weights of logits of the least log loss.

    Their sum is free: it is the inverse temperature of the mixture.

    Parameters
    ----------
    logits : ndarray of shape (n_models, n_rows, n_classes)
        Each model's logits on rows that it has not seen.
    target : ndarray of shape (n_rows,)
        Class codes.
    weight : ndarray of shape (n_rows,)

    Returns
    -------
    ndarray of shape (n_models,)
    """
    n_models, n_rows, _ = logits.shape
    share = weight / weight.sum()
    # of models surer than any probability the solver sees the logits in another unit
    unit = np.maximum(np.median(np.abs(logits).max(axis=2), axis=1) / _SURE, 1.0)
    logits = logits / unit[:, None, None]
    chosen = logits[:, np.arange(n_rows), target]
    pull = _PRIOR_ROWS / n_rows

    def loss(a: Vector) -> tuple[float, Vector]:
        mixed = np.tensordot(a, logits, axes=1)
        norm = logsumexp(mixed, axis=1)
        value = share @ (norm - a @ chosen)
        p = np.exp(mixed - norm[:, None])
        mean = np.einsum("mnc,nc->mn", logits, p)
        spread = a - a.mean()
        return float(value + 0.5 * pull * spread @ spread), (mean - chosen) @ share + pull * spread

    start = np.full(n_models, 1.0 / n_models)
    # a loss that falls from 1e8 must not count as solved where it falls by little against that
    result = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, 20.0)] * n_models,
        options={"ftol": _EPSILON},
    )
    best = min([result.x, *np.eye(n_models)], key=lambda a: loss(a)[0])
    total = best.sum()
    if not total > 0:
        return np.asarray(start * 1e-3 / unit)
    return np.asarray(_without_crumbs(best / total) * total / unit)


def _without_crumbs(weights: Vector) -> Vector:
    """Return weights of sum one without the negligible ones."""
    kept = np.where(weights < _NEGLIGIBLE, 0.0, weights)
    return np.asarray(kept / kept.sum())
