"""Scales on which raw columns are searched, and the way back to raw units.

Where the origin lies decides which orders a law needs: (x - m)^2 has a linear part, x^2 has not. So
the origin is not a nuisance but part of the answer. Each table is searched with the origin of its
columns at zero and at their mean, and, if columns have far tails, with those clipped and as they
are; the criterion, comparable across all of these, decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sktaskneuron._typing import Mask, Matrix, Vector

# A mean within so many standard errors of zero is zero: shifting by noise would add lower orders to
# a clean law.
CENTERED = 4.0
# Robust standard deviations beyond which a column counts as far-tailed, and where clipping cuts it.
_TAIL = 6.0
_CLIP = 5.0
# Means of so many scales make powers about zero numerically useless.
FAR_ORIGIN = 30.0
# Interquartile range and central 98 % of a normal column, in standard deviations.
_IQR, _RANGE_98 = 1.349, 4.653


@dataclass(frozen=True, eq=False)
class Standardisation:
    """z = (clip(x, lower, upper) - center) / scale, all of shape (n_features,) in raw units."""

    center: Vector
    scale: Vector
    lower: Vector
    upper: Vector

    def __call__(self, X: Matrix) -> Matrix:
        """Return ``X`` (n_samples, n_features) on this scale, same shape."""
        return np.asarray((np.clip(X, self.lower, self.upper) - self.center) / self.scale)


def usable_columns(X: Matrix) -> Mask:
    """Return which columns vary and repeat no earlier one up to an affine map: (n_features,)."""
    spread = X.max(axis=0) - X.min(axis=0)
    size = np.abs(X).max(axis=0)
    usable = spread > 1e-12 * np.maximum(size, 1e-300)
    normal = X - X.mean(axis=0)
    normal /= np.where(usable, np.linalg.norm(normal, axis=0), 1.0)
    cosine = np.abs(normal.T @ normal)
    for j in np.flatnonzero(usable):
        earlier = np.flatnonzero(usable[:j])
        if (cosine[j, earlier] > 1.0 - 1e-12).any():
            usable[j] = False
    return usable


def distinct_values(X: Matrix, most: int) -> np.ndarray:
    """Return the number of different values per column, counted up to ``most``: (n_features,)."""
    ordered = np.sort(X, axis=0)
    return np.minimum((np.diff(ordered, axis=0) > 0).sum(axis=0) + 1, most)


def standardisations(X: Matrix, weight: Vector) -> list[Standardisation]:
    """Return the one to four scales worth trying, the safest first.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Usable columns in raw units.
    weight : ndarray of shape (n_samples,)

    Returns
    -------
    list of Standardisation
    """
    probabilities = [0.01, 0.25, 0.5, 0.75, 0.99]
    weight_of_each = np.broadcast_to(weight[:, None], X.shape)
    low, first, middle, third, high = np.quantile(
        X, probabilities, axis=0, method="inverted_cdf", weights=weight_of_each
    )
    # a column that sits on one value most of the time has quartiles without a spread to speak of
    spread, wide = (third - first) / _IQR, (high - low) / _RANGE_98
    spread = np.where(spread < 0.2 * wide, wide, spread)
    spread = np.where(spread > 0, spread, _spread(X, weight)[1])
    several = distinct_values(X, 3) > 2
    far_down = several & (middle - X.min(axis=0) > _TAIL * spread)
    far_up = several & (X.max(axis=0) - middle > _TAIL * spread)
    nowhere = np.full(X.shape[1], np.inf)
    bounds = [(-nowhere, nowhere)]
    if far_down.any() or far_up.any():
        lower = np.where(far_down, middle - _CLIP * spread, -np.inf)
        upper = np.where(far_up, middle + _CLIP * spread, np.inf)
        bounds.insert(0, (lower, upper))
    out = []
    for lower, upper in bounds:
        clipped = np.clip(X, lower, upper)
        for origin in _origins(clipped, weight):
            rms = np.sqrt(weight @ (clipped - origin) ** 2 / weight.sum())
            out.append(Standardisation(origin, np.where(rms > 0, rms, 1.0), lower, upper))
    return out


def _origins(X: Matrix, weight: Vector) -> list[Vector]:
    """Return the origins worth trying: the mean, and zero where that is another place."""
    mean, sd = _spread(X, weight)
    centered = np.abs(mean) <= CENTERED * sd / np.sqrt(max(float(weight.sum()), 1.0))
    origins = [np.where(centered, 0.0, mean)]
    movable = ~centered & (np.abs(mean) <= FAR_ORIGIN * sd)
    if movable.any():
        origins.append(np.where(movable, 0.0, origins[0]))
    return origins


def _spread(X: Matrix, weight: Vector) -> tuple[Vector, Vector]:
    """Return the weighted mean and standard deviation of each column."""
    mean = weight @ X / weight.sum()
    return mean, np.sqrt(weight @ (X - mean) ** 2 / weight.sum())
