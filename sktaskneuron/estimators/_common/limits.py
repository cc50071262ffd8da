"""Cells absurdly far from the rest of their column, and the limits that keep them from ruling.

A cell of 1e12 in a column of ages is a slip, but squared it outweighs all other rows. So it counts
as the outermost of the other cells of its column, in fit as in every later prediction.
"""

from __future__ import annotations

import warnings

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.exceptions import DataWarning
from sktaskneuron.preprocessing.weighted import weighted_quantiles

# A cell is far where it lies so many ranges of all nearer cells outside of the core. In 400 tables
# each of 500 numbers, lognormal with sigma 4 or Cauchy, .5 % had one; of normal**9 and of numbers
# over 24 decades none. Less far cells, from 10 to 10,000 standard deviations, changed no blend by
# more than .005 in R2.
_FAR = 1e3
# The core is what is left without so many rows at either end, a twentieth of the table at most and
# one row at least: what more rows say is no slip.
_MOST_ROWS, _SHARE, _FEWEST_ROWS = 9, 0.05, 10
# Columns that a warning names.
_NAMED = 3


def column_limits(matrix: Matrix, weight: Vector) -> Matrix:
    """Return limits that leave out far cells.

    Parameters
    ----------
    matrix : ndarray of shape (n_rows, n_columns)
        Finite, raw units.
    weight : ndarray of shape (n_rows,)
        Positive; the mean one counts as a row.

    Returns
    -------
    limits : ndarray of shape (2, n_columns)
        The outermost of the other cells at an end with far cells; infinite elsewhere.
    """
    n_rows, n_columns = matrix.shape
    limits = np.repeat([[-np.inf], [np.inf]], n_columns, axis=1)
    if n_rows < _FEWEST_ROWS:
        return limits
    # half a row more, so that no rounding of weights decides
    end = (min(max(int(_SHARE * n_rows), 1), _MOST_ROWS) + 0.5) / n_rows
    equal = bool((weight == weight[0]).all())
    low, high = weighted_quantiles(matrix, (end, 1.0 - end), None if equal else weight)
    margin = _FAR * (high - low)
    for column in np.flatnonzero(margin > 0):
        cells, (bottom, top) = matrix[:, column], (low[column], high[column])
        if cells.min() < bottom - margin[column]:
            limits[0, column] = -_upper_limit(-cells, -top, -bottom)
        if cells.max() > top + margin[column]:
            limits[1, column] = _upper_limit(cells, bottom, top)
    return limits


def _upper_limit(cells: Vector, low: float, high: float) -> float:
    """Return the outermost cell before the first far one above the core; infinity without one."""
    nearer = np.append(high, np.sort(cells[cells > high]))
    far = np.flatnonzero(np.diff(nearer) > _FAR * (nearer[:-1] - low))
    return float(nearer[far[0]]) if far.size else np.inf


def limited(matrix: Matrix, names: tuple[str, ...], weight: Vector) -> tuple[Matrix, Matrix]:
    """Bring far cells to the limits of their columns, in place; return the matrix and the limits.

    Parameters
    ----------
    matrix : ndarray of shape (n_rows, n_columns)
    names : tuple of str
        Of the columns, for the warning.
    weight : ndarray of shape (n_rows,)
    """
    limits = column_limits(matrix, weight)
    found = _far_cells(matrix, names, limits)
    if found:
        _warn(
            f"{found}: cells beyond count as these limits, in equations too; correct them, leave "
            "their rows out, or give a logarithm of the column if they are right"
        )
        np.clip(matrix, *limits, out=matrix)
    return matrix, limits


def tell_far_targets(target: Matrix, weight: Vector) -> None:
    """Warn of values of the target (n_rows, n_outputs) that are far from the rest."""
    names = tuple("y" if target.shape[1] == 1 else f"y[{j}]" for j in range(target.shape[1]))
    found = _far_cells(target, names, column_limits(target, weight))
    if found:
        _warn(
            f"{found}: squared errors of these rows outweigh all others; correct them, leave "
            "their rows out, or learn a logarithm of the target if they are right"
        )


def _far_cells(matrix: Matrix, names: tuple[str, ...], limits: Matrix) -> str:
    """Say which columns hold cells outside of their limits; nothing if none does."""
    columns = np.flatnonzero(np.isfinite(limits).any(axis=0))
    told = []
    for column in columns[:_NAMED]:
        cells, (lower, upper) = matrix[:, column], limits[:, column]
        far = cells[(cells < lower) | (cells > upper)]
        below = [f"below {lower:.6g}"] if lower > -np.inf else []
        above = [f"above {upper:.6g}"] if upper < np.inf else []
        ends = " and ".join(below + above)
        told.append(f"{names[column]} holds {_some(far)}, far {ends}, where its other cells end")
    rest = len(columns) - len(told)
    return "; ".join(told) + (f"; {rest} more columns hold far cells" if rest else "")


def _some(values: Vector) -> str:
    shown = ", ".join(f"{value:.6g}" for value in values[:_NAMED])
    return shown if len(values) <= _NAMED else f"{shown} and {len(values) - _NAMED} more"


def _warn(text: str) -> None:
    warnings.warn(text, DataWarning, stacklevel=4)
