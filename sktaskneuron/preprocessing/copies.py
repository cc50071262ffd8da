"""Rows that are copies of one another."""

from __future__ import annotations

import numpy as np

from sktaskneuron._typing import AnyArray, IntArray, Matrix, Vector

# Share of the rows that are copies of earlier ones from which on this is how the table was made: a
# bootstrap sample has .37 of them. Fewer rows, or fewer that differ, may be alike by chance.
_SHARE, _FEWEST_ROWS, _FEWEST_DIFFERENT = 0.5, 50, 10


def copy_groups(matrix: Matrix, target: AnyArray, codes: Matrix | None = None) -> IntArray | None:
    """Return a number for each row, the same for copies, if at least half of the rows are copies.

    Rows of few different cells are often alike, and observations of their own all the same. So one
    numeric column has to tell most of the different rows apart, most of these have a copy, and
    copies agree in the target too.

    Parameters
    ----------
    matrix : ndarray of shape (n_rows, n_columns)
        Finite numbers.
    target : ndarray of shape (n_rows,) or (n_rows, n_outputs)
    codes : ndarray of shape (n_rows, n_large), default=None
        Of levels: copies agree in them. That rows of one level are alike makes none a copy.

    Returns
    -------
    groups : ndarray of shape (n_rows,) or None
        Places of the different rows; None if the rows are no copies.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.preprocessing.copies import copy_groups
    >>> X = np.random.default_rng(0).normal(size=(30, 2))
    >>> groups = copy_groups(np.repeat(X, 3, axis=0), np.repeat(X[:, 0], 3))
    >>> len(set(groups.tolist())), bool((groups[::3] == groups[2::3]).all())
    (30, True)
    >>> copy_groups(X.round(), np.zeros(30)) is None
    True
    """
    n_rows = len(matrix)
    most = int((1.0 - _SHARE) * n_rows)
    if n_rows < _FEWEST_ROWS:
        return None
    n_values = 0
    for column in matrix.T:
        n_values = max(n_values, len(np.unique(column)))
        if n_values > most:
            return None
    if n_values < _FEWEST_DIFFERENT:
        return None
    cells = matrix if codes is None else np.hstack([matrix, codes])
    _, first, groups = np.unique(_keys(cells), return_index=True, return_inverse=True)
    if len(first) > min(most, 2 * n_values):
        return None
    if np.median(np.bincount(groups)) < 2:  # one row is frequent, as where most cells are zero
        return None
    alike = target == target[first][groups]
    return groups if alike.all() else None


def _keys(matrix: Matrix) -> Vector:
    """Return a number for each row, the same to the last bit for copies: (n_rows,)."""
    spread = np.ptp(matrix, axis=0)
    factors = np.random.default_rng(0).uniform(1.0, 2.0, len(spread))
    keys = np.zeros(len(matrix))
    # column by column: a product of matrices rounds by the place of a row
    for column, unit, factor in zip(matrix.T, spread, factors, strict=True):
        if unit > 0:
            keys += factor * (column / unit)
    return keys
