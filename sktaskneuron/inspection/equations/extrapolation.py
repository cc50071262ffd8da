"""Where an equation leaves the rows that it was looked at on, and what it says there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.inspection.equations.equation import Equation

# How far beyond the ends of a column it is looked at, in its ranges, and points on a side.
_BEYOND, _POINTS = 1.0, 50
# Rows from which columns are moved out.
_MOST_ROWS = 200


@dataclass(frozen=True)
class Extrapolation:
    """What an equation says beyond one column's range, the other columns as they are.

    Parameters
    ----------
    column : str
    low, high : float
        The column's range on the rows.
    below, above : float
        How far the equation leaves the target's range, in such ranges, within one range of the
        column below and above its own; infinite where it is not defined.
    """

    column: str
    low: float
    high: float
    below: float
    above: float


def extrapolations(equation: Equation, rows: Matrix, target: Vector) -> list[Extrapolation]:
    """Look at an equation beyond the range of each column of numbers that it reads.

    Parameters
    ----------
    equation : FittedFormula or FittedExpression
        Its first output counts.
    rows : ndarray of shape (n_samples, n_features)
    target : ndarray of shape (n_samples,)

    Returns
    -------
    found : list of Extrapolation
        Columns of one or two values are left out: nothing lies beyond these.
    """
    low_y, high_y = float(target.min()), float(target.max())
    range_y = high_y - low_y or 1.0
    step = -(-len(rows) // _MOST_ROWS)
    some = rows[::step]
    found = []
    for column in equation.used_features.tolist():
        cells = rows[:, column]
        low, high = float(cells.min()), float(cells.max())
        if len(np.unique(cells)) <= 2:
            continue
        out = np.linspace(0, _BEYOND, _POINTS + 1)[1:] * (high - low)

        def leaves(ends: Vector, column: int = column) -> float:
            """Return by how many ranges of the target the equation leaves that range."""
            table = np.repeat(some, len(ends), axis=0)
            table[:, column] = np.tile(ends, len(some))
            values = equation.evaluate(table)[:, 0]
            if not np.isfinite(values).all():
                return np.inf
            excess = max(float(values.max()) - high_y, low_y - float(values.min()), 0.0)
            return excess / range_y

        found.append(
            Extrapolation(
                equation.feature_names[column], low, high, leaves(low - out), leaves(high + out)
            )
        )
    return found
