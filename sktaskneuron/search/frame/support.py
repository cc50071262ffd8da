"""How many rows stand behind a column, behind a product of columns, and behind a spread."""

from __future__ import annotations

import numpy as np

from sktaskneuron._typing import Mask, Matrix, Vector
from sktaskneuron.search.frame.standardise import distinct_values

# Rows in which a column must differ from its usual value, and their share of a small table.
# Measured on 48 tables with rare levels and gaps: 22 answers are right without a floor, 45 with ten
# rows, all where a reference level of each category is left out too (which alone makes it 40).
_FEWEST, _SHARE = 10, 0.1
# Values of a column on few rows: theirs say whether its powers hold beyond the others.
_FAR_VALUES = 3


def shared_support(X: Matrix, weight: Vector) -> Mask:
    """Tell of which pairs of columns a product rests on rows enough.

    A column that has one value in most of the rows, as the mark of a level does, says something in
    the others alone, and a product of two such columns in the rows that both have in common. Few of
    them fit those rows, outliers foremost, and tell nothing about others.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    weight : ndarray of shape (n_samples,)
        Copies of each row.

    Returns
    -------
    ndarray of bool of shape (n_features, n_features)
        Symmetric; on the diagonal, whether rows enough stand behind a column itself.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.search.frame.support import shared_support
    >>> X = np.zeros((400, 3))
    >>> X[:3, 0], X[:90, 1], X[80:, 2] = 1.0, 1.0, np.arange(320)
    >>> shared_support(X, np.ones(400)).astype(int).tolist()
    [[0, 0, 1], [0, 1, 1], [1, 1, 1]]
    """
    n_rows = len(X)
    # what more than half of the rows have is the median too
    usual = np.partition(X, n_rows // 2, axis=0)[n_rows // 2]
    marks = np.flatnonzero((usual == X).mean(axis=0) > 0.5)
    apart = (X[:, marks] != usual[marks]).astype(np.float64)
    fewest = min(_FEWEST, _SHARE * float(weight.sum()))
    enough = np.ones((X.shape[1], X.shape[1]), dtype=bool)
    enough[np.ix_(marks, marks)] = (apart.T * weight) @ apart >= fewest
    return enough


def carried_by_few(X: Matrix, weight: Vector, share: float = _SHARE) -> Mask:
    """Tell which columns owe their spread to few rows, as those with a heavy tail do.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    weight : ndarray of shape (n_samples,)
        Copies of each row.
    share : float, default=0.1
        Share of the rows that is enough where it is less than ten.

    Returns
    -------
    ndarray of bool of shape (n_features,)
        Of columns of more than two values, whether fewer than ten rows carry them in effect, or
        that share of a small table: the participation ratio of the squared deviations from the
        mean, which is 30 for 90 rows of a normal column, 13 of an exponential one, 3 of its square.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.search.frame.support import carried_by_few
    >>> normal = np.random.default_rng(0).normal(size=(90, 1))
    >>> carried_by_few(np.hstack([normal, np.exp(2 * normal)]), np.ones(90)).tolist()
    [False, True]
    """
    n_rows = float(weight.sum())
    apart = np.abs(X - weight @ X / n_rows)
    largest = apart.max(axis=0)
    squares = (apart / np.where(largest > 0, largest, 1.0)) ** 2
    enough = min(_FEWEST, share * n_rows) * (weight @ squares**2)
    few = (weight @ squares) ** 2 < enough
    few[few] = distinct_values(X[:, few], 3) > 2
    return np.asarray(few)


def far_rows(X: Matrix, weight: Vector) -> Mask:
    """Tell in which rows, (n_samples,), a column of ``X`` has one of its three farthest values.

    weight : (n_samples,), copies of each row.
    """
    apart = np.abs(X - (weight / weight.sum()) @ X)
    found = np.zeros(len(X), dtype=bool)
    for column in apart.T:
        found |= column >= np.unique(column)[-_FAR_VALUES:][0]
    return found
