"""Whether one model's losses are lower than another's on the same rows."""

from __future__ import annotations

import numpy as np

from sktaskneuron._typing import Vector

__all__ = ["paired_gain"]


def paired_gain(reference: Vector, losses: Vector, share: Vector) -> tuple[float, float]:
    """Return how much less ``losses`` are than ``reference``, and the standard error of that.

    Row by row: what makes a row hard for both models does not count.

    Parameters
    ----------
    reference, losses : ndarray of shape (n_rows,)
        Where ``losses`` are not finite, the gain is -inf and its error 0; where only those of the
        reference are not, it is inf.
    share : ndarray of shape (n_rows,)
        Weights of sum 1.

    Returns
    -------
    gain, error : float
    """
    if not np.isfinite(losses).all():
        return -np.inf, 0.0
    if not np.isfinite(reference).all():
        return np.inf, 0.0
    differences = reference - losses
    gain = float(share @ differences)
    return gain, float(np.sqrt(share @ (differences - gain) ** 2 / len(losses)))
