"""Weighted least squares that survives collinear columns."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from sktaskneuron._typing import FloatArray, Matrix, Vector

# Added to the unit diagonal of a normalised Gram matrix. One step of iterative refinement removes
# its effect wherever the columns are independent; where they are not it picks the small solution.
_JITTER = 1e-11


def _normalised(columns: Matrix) -> tuple[FloatArray, FloatArray]:
    norm = np.sqrt(np.einsum("ij,ij->j", columns, columns))
    norm[norm == 0] = 1.0
    return columns / norm, norm


def _factor(gram: Matrix) -> Matrix:
    """Return the upper Cholesky factor, with as much jitter as the matrix needs."""
    jitter = _JITTER
    identity = np.eye(len(gram))
    while True:
        try:
            return np.asarray(cho_factor(gram + jitter * identity, check_finite=False)[0])
        except np.linalg.LinAlgError:
            jitter *= 100.0


def weighted_lstsq(columns: Matrix, target: Matrix, weight: Vector) -> Matrix:
    """Return argmin_c sum_n weight_n |target_n - columns_n c|^2.

    Parameters
    ----------
    columns : ndarray of shape (n_samples, n_columns)
    target : ndarray of shape (n_samples, n_outputs)
    weight : ndarray of shape (n_samples,)

    Returns
    -------
    ndarray of shape (n_columns, n_outputs)
    """
    root = np.sqrt(weight)[:, None]
    a, norm = _normalised(columns * root)
    b = target * root
    factor = _factor(a.T @ a)
    coef = cho_solve((factor, False), a.T @ b, check_finite=False)
    coef += cho_solve((factor, False), a.T @ (b - a @ coef), check_finite=False)
    return np.asarray(coef / norm[:, None])


def orthonormal_basis(columns: Matrix) -> Matrix:
    """Return a basis of the span of ``columns``, of the same shape (n_samples, n_columns).

    Directions lost to collinearity come out short; they are not filled up with noise.
    """
    a, _ = _normalised(columns)
    factor = np.triu(_factor(a.T @ a))
    return np.asarray(solve_triangular(factor, a.T, trans="T", check_finite=False).T)


def project_out(basis: Matrix, values: Matrix) -> Matrix:
    """Return ``values`` (n_samples, n_values) less their projection on ``basis``.

    Applied twice: one pass loses digits where little is left.
    """
    values = values - basis @ (basis.T @ values)
    return np.asarray(values - basis @ (basis.T @ values))
