"""Weighted order statistics for which integer weights equal repeated rows exactly."""

import warnings
from collections.abc import Iterator, Sequence, Sized

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import _check_sample_weight

from sktaskneuron._typing import Mask, Matrix, Vector

# Entries sorted at a time: bounds the extra memory of a wide table at about 100 MB.
_CHUNK = 2**22
# Ten weights of 0.1 do not sum to 1: a quantile may be missed by this share of the total.
TIE = 1e-12


def check_weight(sample_weight: ArrayLike | None, X: Sized) -> Vector:
    """Validate weights.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,), scalar or None
        Weight of each row; None is one for each.
    X : sized container of n_samples rows
        Only its length is read.

    Returns
    -------
    weight : ndarray of shape (n_samples,)
        Not negative, some positive.

    Raises
    ------
    ValueError
        If a weight is negative, missing or not finite, all are zero, or their number is wrong; the
        message names ``sample_weight``.
    """
    if np.ma.is_masked(sample_weight):
        raise ValueError("sample_weight is masked: give every row a weight, or leave the row out")
    try:
        return np.asarray(
            _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        )
    # a number that no float can hold; a tensor that requires gradients
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        if "sample_weight" in str(error):
            raise
        reason = str(error).splitlines()[0]  # an array may follow
        raise ValueError(f"sample_weight cannot be used: {reason}") from error


def check_positive_weight(
    sample_weight: ArrayLike | None, X: Sized
) -> tuple[Vector | None, slice | Mask]:
    """Validate weights; name the rows that count.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,), scalar or None
        Weight of each row.
    X : sized container of n_samples rows
        Only its length is read.

    Returns
    -------
    weight : ndarray of shape (n_rows,) or None
        Positive weights of the rows that count; None when all are equal, which is the same
        as no weights.
    rows : slice or ndarray of bool of shape (n_samples,)
        The rows of positive weight. A row of weight zero is a row repeated zero times: its
        levels and missing values must not be seen.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, all are zero, or their number is wrong.
    """
    if sample_weight is None:
        return None, slice(None)
    weight = check_weight(sample_weight, X)
    rows: slice | Mask = slice(None)
    if not weight.all():
        rows = weight > 0
        weight = weight[rows]
    return (None if np.all(weight == weight[0]) else weight), rows


def column_chunks(shape: tuple[int, int]) -> Iterator[slice]:
    """Cut the columns of a matrix into slices of bounded size.

    Parameters
    ----------
    shape : tuple (n_rows, n_columns)
        Shape of the matrix.

    Yields
    ------
    columns : slice
        The next columns.
    """
    step = max(1, _CHUNK // max(1, shape[0]))
    for start in range(0, shape[1], step):
        yield slice(start, min(start + step, shape[1]))


def weighted_quantiles(
    X: Matrix, probabilities: Sequence[float], weight: Vector | None = None
) -> Matrix:
    """Quantiles of each column: the smallest value whose share of the weight reaches q.

    This is numpy's ``method="inverted_cdf"``, for which a weight of k equals k copies of a row,
    with missing values left out and ties of fractional weights decided within rounding.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
        Values; NaN is missing.
    probabilities : sequence of float
        Each q in (0, 1].
    weight : ndarray of shape (n_rows,) or None
        Positive weights.

    Returns
    -------
    quantiles : ndarray of shape (n_probabilities, n_columns)
        NaN for a column without any value.
    """
    if not X.size:  # nanquantile forgets the axis of the probabilities
        return np.full((len(probabilities), X.shape[1]), np.nan)
    if weight is not None:
        # one weight per row is misread by nanquantile along an axis (numpy 2.4)
        weight = np.broadcast_to(weight[:, None], X.shape)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        return np.nanquantile(
            X,
            np.asarray(probabilities) * (1.0 - TIE),
            axis=0,
            weights=weight,
            method="inverted_cdf",
        )
