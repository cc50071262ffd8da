"""Scales of the columns for functions with an inner constant.

sin(a x) with one a for all columns says something only where the columns share a unit. Brought to
unit spread one by one they share none: the sampling noise of a spread, two in a hundred at a
thousand rows, is enough to blur a fast wave. So beside the scales of the tensor search one scale
for all columns is tried, where their spreads are alike.
"""

from __future__ import annotations

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.search.frame.standardise import CENTERED, FAR_ORIGIN, Standardisation

# Columns of so different spreads have no common unit; raw units serve as they are within it.
_ALIKE = 3.0


def common_scales(X: Matrix, weight: Vector) -> list[Standardisation]:
    """Return scales with one centre and one unit for all columns; none if these are unlike."""
    share = weight / weight.sum()
    mean = share @ X
    spread = np.sqrt(share @ (X - mean) ** 2)
    if spread.min() <= 0 or spread.max() > _ALIKE * spread.min():
        return []
    unit = float(np.sqrt((spread**2).mean()))
    pooled = float(mean.mean())
    error = unit / np.sqrt(max(float(weight.sum()), 1.0) * X.shape[1])
    origins = [0.0] if abs(pooled) <= FAR_ORIGIN * unit else []
    if abs(pooled) > CENTERED * error:
        origins.append(_rounded(pooled, 3))
    nowhere = np.full(X.shape[1], np.inf)
    out = []
    for origin in origins:
        rms = float(np.sqrt((share @ (X - origin) ** 2).mean()))
        common = 1.0 if 1 / _ALIKE <= rms <= _ALIKE else _rounded(rms, 1)
        center, scale = np.full(X.shape[1], origin), np.full(X.shape[1], common)
        out.append(Standardisation(center, scale, -nowhere, nowhere))
    return out


def _rounded(value: float, digits: int) -> float:
    """Round to so many digits: a unit of the equation that people can read."""
    return float(f"{value:.{digits}g}")
