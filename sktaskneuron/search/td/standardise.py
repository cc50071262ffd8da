"""Scales on which raw columns are searched, and the way back to raw units.

Where the origin lies decides which orders a law needs: (x - m)^2 has a linear part, x^2 has not. So
the origin is not a nuisance but part of the answer. Each table is searched with the origin of its
columns at zero and at their mean, and, if columns have far tails, with those clipped and as they
are; the criterion, comparable across all of these, decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._linalg import Array
from .model import Mask

# A mean within so many standard errors of zero is zero: shifting by noise would add lower orders to
# a clean law.
_CENTERED = 4.0
# Robust standard deviations beyond which a column counts as far-tailed, and where clipping cuts it.
_TAIL = 6.0
_CLIP = 5.0
# Means of so many scales make powers about zero numerically useless.
_FAR_ORIGIN = 30.0


@dataclass(frozen=True, eq=False)
class Standardisation:
    """z = (clip(x, lower, upper) - center) / scale, all of shape (n_features,) in raw units."""

    center: Array
    scale: Array
    lower: Array
    upper: Array

    def __call__(self, X: Array) -> Array:
        """Return ``X`` (n_samples, n_features) on this scale, same shape."""
        return np.asarray((np.clip(X, self.lower, self.upper) - self.center) / self.scale)


def usable_columns(X: Array) -> Mask:
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


def distinct_values(X: Array, most: int) -> np.ndarray:
    """Return the number of different values per column, counted up to ``most``: (n_features,)."""
    ordered = np.sort(X, axis=0)
    return np.minimum((np.diff(ordered, axis=0) > 0).sum(axis=0) + 1, most)


def standardisations(X: Array, weight: Array) -> list[Standardisation]:
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
    total = weight.sum()
    mean = weight @ X / total
    sd = np.sqrt(weight @ (X - mean) ** 2 / total)
    quartiles = np.quantile(
        X, [0.25, 0.5, 0.75], axis=0, method="inverted_cdf", weights=_columns(weight, X)
    )
    robust = (quartiles[2] - quartiles[0]) / 1.349
    scale = np.where(robust > 0, robust, sd)
    # a column that sits on one value most of the time has quartiles without a spread to speak of
    scale = np.where(scale < 0.05 * sd, sd, scale)

    centered = np.abs(mean) <= _CENTERED * sd / np.sqrt(max(total, 1.0))
    origins = [np.where(centered, 0.0, mean)]
    movable = ~centered & (np.abs(mean) <= _FAR_ORIGIN * sd)
    if movable.any():
        origins.append(np.where(movable, 0.0, origins[0]))
    nowhere = np.full(X.shape[1], np.inf)
    bounds = [(-nowhere, nowhere)]
    lower, upper = quartiles[1] - _CLIP * scale, quartiles[1] + _CLIP * scale
    far = np.maximum(X.max(axis=0) - quartiles[1], quartiles[1] - X.min(axis=0)) > _TAIL * scale
    far &= distinct_values(X, 3) > 2
    if far.any():
        bounds.insert(0, (np.where(far, lower, -np.inf), np.where(far, upper, np.inf)))

    out = []
    for low, high in bounds:
        clipped = np.clip(X, low, high)
        for origin in origins:
            rms = np.sqrt(weight @ (clipped - origin) ** 2 / total)
            out.append(Standardisation(origin, np.where(rms > 0, rms, 1.0), low, high))
    return out


def _columns(weight: Array, X: Array) -> Array:
    return np.broadcast_to(weight[:, None], X.shape)
