"""Systems of normal equations, which rounding may make singular."""

from __future__ import annotations

import numpy as np

from sktaskneuron._typing import FloatArray


def solve_semidefinite(gram: FloatArray, right: FloatArray) -> FloatArray:
    """Solve systems of symmetric matrices that are nowhere negative but for rounding.

    Parameters
    ----------
    gram : ndarray of shape (..., n, n)
    right : ndarray of shape (..., n, m)

    Returns
    -------
    solution : ndarray of shape (..., n, m)
        The shortest of the best ones, of a matrix that is singular in floats; not finite where the
        matrix is not.
    """
    try:
        return np.asarray(np.linalg.solve(gram, right))
    except np.linalg.LinAlgError:  # of one of them, and says not of which
        if gram.ndim > 2:
            return np.stack([solve_semidefinite(g, r) for g, r in zip(gram, right, strict=True)])
        return np.asarray(np.linalg.pinv(gram, hermitian=True) @ right)
