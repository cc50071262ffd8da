"""Linear interpolation in many columns at once, as tables of one size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sktaskneuron._typing import Matrix, Vector

# Half of the widest range whose difference float64 can hold.
_HALF_RANGE = np.finfo(np.float64).max / 2


@dataclass(frozen=True, eq=False)
class Points:
    """Knots of columns, filled up by infinite ones to one number that is a power of two.

    Parameters
    ----------
    unit : ndarray of shape (n_columns,)
        What values are multiplied by first: 0.5 for columns whose range overflows, else 1.
    knots, heights, slopes : ndarray of shape (n_columns, n_knots)
        The slope is that of the piece on the right of a knot.
    low, high : ndarray of shape (n_columns,)
        Heights outside of the knots.
    """

    unit: Vector
    knots: Matrix
    heights: Matrix
    slopes: Matrix
    low: Vector
    high: Vector

    @classmethod
    def of(cls, values: Sequence[Vector], scores: Sequence[Vector]) -> Points:
        """Return the tables of columns with two or more ascending values."""
        n_knots = 2 ** int(np.ceil(np.log2(max(map(len, values)))))
        unit = np.array([0.5 if v[-1] / 2 - v[0] / 2 > _HALF_RANGE else 1.0 for v in values])
        knots = np.full((len(values), n_knots), np.inf)
        heights, slopes = np.zeros(knots.shape), np.zeros(knots.shape)
        for j, (x, y) in enumerate(zip(values, scores, strict=True)):
            knots[j, : len(x)], heights[j, : len(x)] = x * unit[j], y
            with np.errstate(over="ignore"):  # between two denormal numbers the slope is infinite
                slopes[j, : len(x) - 1] = np.diff(y) / np.diff(x * unit[j])
        slopes = np.minimum(slopes, np.finfo(np.float64).max)
        low, high = (np.array([y[end] for y in scores]) for end in (0, -1))
        return cls(unit, knots, heights, slopes, low, high)
