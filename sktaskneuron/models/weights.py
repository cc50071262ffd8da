"""Non-negative weights of models, from their outputs on held-out rows."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize, nnls
from scipy.special import logsumexp

from sktaskneuron._typing import FloatArray, IntArray, Vector

# Weights below this share of the total are put to zero.
_NEGLIGIBLE = 0.02
# Pull to equal weights, in rows: it decides where few rows say little.
_PRIOR_ROWS = 2.0


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
    :math:`\|E a\|^2 + (1^T a - 1)^2` over :math:`a \ge 0`.
    """
    n_models = len(outputs)
    share = weight / weight.sum()
    error = (outputs - target) * np.sqrt(share)[:, None]
    flat = error.reshape(n_models, -1)
    gram = flat @ flat.T
    size = max(float(np.diag(gram).min()), 1e-300)
    gram = gram / size
    # a prior of so many rows, on which every model errs by as much and independently
    gram += np.eye(n_models) * (_PRIOR_ROWS / len(share))
    root = np.linalg.cholesky(gram + 1e-10 * np.eye(n_models)).T
    design = np.vstack([root, np.ones((1, n_models))])
    solution, _ = nnls(design, np.append(np.zeros(n_models), 1.0))
    return _without_crumbs(solution / solution.sum())


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
    result = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, 20.0)] * n_models)
    total = result.x.sum()
    if not total > 0:
        return np.asarray(start * 1e-3)
    return np.asarray(_without_crumbs(result.x / total) * total)


def _without_crumbs(weights: Vector) -> Vector:
    """Return weights of sum one without the negligible ones."""
    kept = np.where(weights < _NEGLIGIBLE, 0.0, weights)
    return np.asarray(kept / kept.sum())
