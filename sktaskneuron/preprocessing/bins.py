"""Edges of bins of each column, by its rows and by its distinct values."""

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.preprocessing.distribution import (
    FEWEST_ROWS,
    distribution,
    points_between,
    rows_below,
)
from sktaskneuron.preprocessing.few_valued import find_few_valued
from sktaskneuron.preprocessing.weighted import check_positive_weight, weighted_quantiles


def quantile_edges(Z: ArrayLike, n_bins: int, sample_weight: ArrayLike | None = None) -> Matrix:
    """Return the edges of quantile bins of each column.

    The edges are the quantiles 0, 1 / n_bins, ..., 1 of the weighted distribution (see
    `weighted_quantiles`), so each is a value of the column. Quantiles that coincide give one edge,
    so a column with ties has fewer bins than others; its last edge fills the row up, which means
    empty bins. A piecewise linear encoding (Gorishniy, Rubachev and Babenko, 2022, "On embeddings
    for numerical features in tabular deep learning", NeurIPS) is built on such edges.

    Parameters
    ----------
    Z : array-like of shape (n_rows, n_columns)
        Finite numbers.
    n_bins : int
        Number of bins, 2 or more.
    sample_weight : array-like of shape (n_rows,), default=None
        A weight of k equals k copies of the row, exactly.

    Returns
    -------
    edges : ndarray of shape (n_columns, n_bins + 1)
        Ascending in each row: the distinct quantiles, then the last one again. All are equal for
        a column with fewer than three distinct ones: a constant, two values, or almost nothing
        but one value.

    Raises
    ------
    ValueError
        If ``n_bins`` is no int of 2 or more, Z is not a finite matrix or the weights are bad.

    See Also
    --------
    threshold_edges : Return edges of bins, half of them by a column's rows and half by its distinct
        values.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.preprocessing import quantile_edges
    >>> Z = np.array([[1.0, 0.0], [2.0, 1.0], [3.0, 0.0], [9.0, 0.0]])
    >>> quantile_edges(Z, 2).tolist()
    [[1.0, 2.0, 9.0], [0.0, 0.0, 0.0]]
    """
    _check_n_bins(n_bins)
    data: Matrix = check_array(Z, dtype=np.float64, ensure_min_features=0, input_name="Z")
    weight, rows = check_positive_weight(sample_weight, data)
    data = data[rows]
    inner = weighted_quantiles(data, [i / n_bins for i in range(1, n_bins + 1)], weight)
    edges = np.vstack([data.min(axis=0), inner]).T
    constant = find_few_valued(data, weight).constant
    for row, one_value in zip(edges, constant, strict=True):
        distinct = np.unique(row)
        if one_value or len(distinct) < 3:
            distinct = distinct[:1]
        row[: len(distinct)] = distinct
        row[len(distinct) :] = distinct[-1]
    return edges


def threshold_edges(X: ArrayLike, n_bins: int, sample_weight: ArrayLike | None = None) -> Matrix:
    """Return edges of bins, half of them by a column's rows and half by its distinct values.

    Quantiles of the rows of a column that is mostly zero are mostly zero. So one half of the edges
    are quantiles of the rows, the other half are spread evenly over the distinct values; where all
    of these fit, each has a bin. An edge lies between two neighbouring values and is equal to
    neither, and five rows at least lie between two edges: but for the two ends no edge is a cell of
    the table.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_columns)
        Finite numbers.
    n_bins : int
        Number of bins, 2 or more.
    sample_weight : array-like of shape (n_rows,), default=None
        A weight of k equals k copies of the row, exactly.

    Returns
    -------
    edges : ndarray of shape (n_columns, n_bins + 1)
        Ascending in each row: the lowest value, the edges, then the highest value, which fills the
        row up. All are equal for a column with one or two values.

    Raises
    ------
    ValueError
        If ``n_bins`` is no int of 2 or more, X is not a finite matrix or the weights are bad.

    See Also
    --------
    quantile_edges : Edges that are quantiles, and cells, of the column.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.preprocessing import threshold_edges
    >>> X = np.repeat([0.0, 1.0, 4.0], [90, 5, 5])[:, None]
    >>> threshold_edges(X, 4).tolist()
    [[0.0, 0.5, 2.5, 4.0, 4.0]]
    """
    _check_n_bins(n_bins)
    data: Matrix = check_array(X, dtype=np.float64, ensure_min_features=0, input_name="X")
    weight, rows = check_positive_weight(sample_weight, data)
    data = data[rows]
    few = find_few_valued(data, weight)
    edges = np.empty((data.shape[1], n_bins + 1))
    for row, column, none in zip(edges, data.T, few.constant | few.two_valued, strict=True):
        values, below = distribution(column, weight)
        inner = values[:0] if none else _between(values, rows_below(below, len(column)), n_bins)
        row[0], row[1:] = values[0], values[0] if none else values[-1]
        row[1 : 1 + len(inner)] = inner
    return edges


def _between(values: Vector, below: Vector, n_bins: int) -> Vector:
    """Return at most ``n_bins - 1`` points between the values of a column.

    below : rows below each value, and all rows.
    """
    inner, half = below[1:-1], (n_bins - 1) // 2
    n_places = len(inner)
    by_value = np.linspace(0, n_places - 1, min(n_places, n_bins - 1 - half)).round().astype(int)
    if n_places < n_bins:
        by_value = np.arange(n_places)
    by_row = np.searchsorted(inner, below[-1] * np.arange(1, half + 1) / (half + 1))
    wanted = np.union1d(by_value, np.minimum(by_row, n_places - 1))
    shared = np.diff(below) >= max(FEWEST_ROWS, below[-1] / n_bins)
    points = points_between(values, shared)
    kept: list[int] = []
    last = 0.0
    for place in wanted[inner[wanted] <= below[-1] - FEWEST_ROWS]:
        apart = inner[place] >= last + FEWEST_ROWS
        if apart and values[place] < points[place] < values[place + 1]:
            kept.append(place)
            last = inner[place]
    return np.asarray(points[kept])


def _check_n_bins(n_bins: int) -> None:
    if not (isinstance(n_bins, Integral) and n_bins >= 2):
        raise ValueError(f"n_bins must be an int of 2 or more, got {n_bins!r}")
