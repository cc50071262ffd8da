"""Columns with one or two values, which every scaler treats alike."""

from dataclasses import dataclass

import numpy as np

from sktaskneuron._typing import Mask, Matrix, Vector
from sktaskneuron.preprocessing.weighted import column_chunks


@dataclass(frozen=True)
class FewValued:
    """Which columns of a matrix hold one or two values, and where they lie.

    Attributes
    ----------
    constant : ndarray of bool of shape (n_columns,)
        Columns whose values differ by no more than rounding noise.
    two_valued : ndarray of bool of shape (n_columns,)
        Columns with two values.
    mean : ndarray of shape (n_columns,)
        Weighted mean of the two-valued columns; the lowest value of the others.
    half_range : ndarray of shape (n_columns,)
        Half the difference of the highest and the lowest value.
    """

    constant: Mask
    two_valued: Mask
    mean: Vector
    half_range: Vector


def find_few_valued(X: Matrix, weight: Vector | None = None) -> FewValued:
    """Find the columns with one or two values.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
        Finite numbers.
    weight : ndarray of shape (n_rows,) or None
        Positive weights.

    Returns
    -------
    few_valued : FewValued
        The columns, and their mean and half range.
    """
    low, high = X.min(axis=0), X.max(axis=0)
    # halves, because a difference of two large numbers may overflow
    half_range = high / 2 - low / 2
    constant = half_range <= noise(low, high)
    two_valued = ~constant & _two_valued(X, low, high)
    share = _share_of(X, high, two_valued, weight)
    return FewValued(constant, two_valued, low * (1 - share) + high * share, half_range)


def noise(low: Vector, high: Vector) -> Vector:
    """Half a difference that is but rounding noise in numbers of this size.

    Parameters
    ----------
    low, high : ndarray of shape (n_columns,)
        The two numbers.

    Returns
    -------
    half_difference : ndarray of shape (n_columns,)
        At least 0.
    """
    return 4 * np.finfo(np.float64).eps * np.maximum(np.abs(low), np.abs(high))


def _two_valued(X: Matrix, low: Vector, high: Vector) -> Mask:
    """Tell the columns that hold nothing but their lowest and highest value."""
    two_valued = np.empty(X.shape[1], dtype=bool)
    for c in column_chunks(X.shape):
        two_valued[c] = np.all((X[:, c] == low[c]) | (X[:, c] == high[c]), axis=0)
    return two_valued


def _share_of(X: Matrix, value: Vector, columns: Mask, weight: Vector | None) -> Vector:
    """Share of the weight on ``value`` in the chosen columns, 0 elsewhere; counts, so exact."""
    share = np.zeros(X.shape[1])
    for j in np.flatnonzero(columns):
        at = X[:, j] == value[j]
        share[j] = at.mean() if weight is None else weight[at].sum() / weight.sum()
    return share
