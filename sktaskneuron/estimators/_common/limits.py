"""Cells absurdly far from the rest of their column, and the limits that keep them from ruling.

A cell of 1e12 in a column of ages is a slip, but squared it outweighs all other rows. It says as
little of the age as a gap does, so it is filled as gaps are. New cells of the kind count as a bound
that is a part of the equations too.
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


def column_ends(matrix: Matrix, weight: Vector) -> Matrix:
    """Return where the cells end that are not far.

    Parameters
    ----------
    matrix : ndarray of shape (n_rows, n_columns)
        Finite, raw units.
    weight : ndarray of shape (n_rows,)
        Positive; the mean one counts as a row.

    Returns
    -------
    ends : ndarray of shape (2, n_columns)
        The outermost of the other cells on a side with far cells; infinite elsewhere.
    """
    n_rows, n_columns = matrix.shape
    ends = np.repeat([[-np.inf], [np.inf]], n_columns, axis=1)
    if n_rows < _FEWEST_ROWS:
        return ends
    # half a row more, so that no rounding of weights decides
    share = (min(max(int(_SHARE * n_rows), 1), _MOST_ROWS) + 0.5) / n_rows
    equal = bool((weight == weight[0]).all())
    low, high = weighted_quantiles(matrix, (share, 1.0 - share), None if equal else weight)
    margin = _FAR * (high - low)
    for column in np.flatnonzero(margin > 0):
        cells, (bottom, top) = matrix[:, column], (low[column], high[column])
        if cells.min() < bottom - margin[column]:
            ends[0, column] = -_upper_end(-cells, -top, -bottom)
        if cells.max() > top + margin[column]:
            ends[1, column] = _upper_end(cells, bottom, top)
    return ends


def _upper_end(cells: Vector, low: float, high: float) -> float:
    """Return the outermost cell before the first far one above the core; infinity without one."""
    nearer = np.append(high, np.sort(cells[cells > high]))
    far = np.flatnonzero(np.diff(nearer) > _FAR * (nearer[:-1] - low))
    return float(nearer[far[0]]) if far.size else np.inf


def limited(matrix: Matrix, names: tuple[str, ...], weight: Vector) -> tuple[Matrix, Matrix]:
    """Fill far cells, in place, with the medians of their columns, and bound later ones.

    Parameters
    ----------
    matrix : ndarray of shape (n_rows, n_columns)
    names : tuple of str
        Of the columns, for the warning.
    weight : ndarray of shape (n_rows,)

    Returns
    -------
    matrix : ndarray of shape (n_rows, n_columns)
    limits : ndarray of shape (2, n_columns)
        For new rows: a range of the other cells beyond their end on a side with far cells;
        infinite elsewhere.
    """
    ends = column_ends(matrix, weight)
    limits = ends.copy()
    columns = np.flatnonzero(np.isfinite(ends).any(axis=0))
    if columns.size:
        told = _far_cells(matrix, names, ends)
        _warn(
            f"{told}: such values are replaced as missing ones are, and later ones are limited "
            "near that end; correct them, leave their rows out, or give a logarithm if they are "
            "right"
        )
    for column in columns:
        cells, (lower, upper) = matrix[:, column], ends[:, column]
        near = (cells >= lower) & (cells <= upper)
        matrix[~near, column] = weighted_quantiles(cells[near, None], (0.5,), weight[near])
        limits[:, column] += np.array([-1.0, 1.0]) * np.ptp(cells[near])
    return matrix, limits


def tell_far_targets(target: Matrix, weight: Vector) -> None:
    """Warn of values of the target (n_rows, n_outputs) that are far from the rest."""
    names = tuple("y" if target.shape[1] == 1 else f"y[{j}]" for j in range(target.shape[1]))
    ends = column_ends(target, weight)
    if np.isfinite(ends).any():
        _warn(
            f"{_far_cells(target, names, ends)}: squared errors of these rows outweigh all others; "
            "correct them, leave them out, or learn a logarithm of the target if they are right"
        )


def _far_cells(matrix: Matrix, names: tuple[str, ...], ends: Matrix) -> str:
    """Say which columns hold cells beyond their ends."""
    columns = np.flatnonzero(np.isfinite(ends).any(axis=0))
    told = []
    for column in columns[:_NAMED]:
        cells, (lower, upper) = matrix[:, column], ends[:, column]
        far = cells[(cells < lower) | (cells > upper)]
        below = [f"below {lower:.6g}"] if lower > -np.inf else []
        above = [f"above {upper:.6g}"] if upper < np.inf else []
        told.append(
            f"{names[column]} holds {_some(far)}, far {' and '.join(below + above)}, where its "
            "other values end"
        )
    rest = len(columns) - len(told)
    return "; ".join(told) + (f"; {rest} more columns hold such values" if rest else "")


def _some(values: Vector) -> str:
    shown = ", ".join(f"{value:.10g}" for value in values[:_NAMED])
    return shown if len(values) <= _NAMED else f"{shown} and {len(values) - _NAMED} more"


def _warn(text: str) -> None:
    warnings.warn(text, DataWarning, stacklevel=4)
