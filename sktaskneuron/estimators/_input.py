"""What every estimator asks of its input: a table, a target, weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, _check_y, validate_data

from sktaskneuron.preprocessing import TableEncoder

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class EncodedTable:
    """A training table as floats, rows of zero weight left out.

    matrix : (n_rows, n_columns) finite, raw units; names : of its columns;
    weight : (n_rows,) positive; rows : places of the kept rows in the caller's table.
    """

    matrix: FloatArray
    names: tuple[str, ...]
    weight: FloatArray
    rows: NDArray[np.intp]


def check_rows(estimator: BaseEstimator, X: Any, y: Any, *, numeric_target: bool) -> NDArray[Any]:
    """Check that y is there, is finite and has a row for each of X; return it as an array."""
    if y is None:
        raise ValueError(
            f"requires y to be passed, but the target y is None: {type(estimator).__name__} "
            "learns from a target"
        )
    if numeric_target:
        y = _check_y(y, multi_output=True, y_numeric=True, estimator=estimator)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        y = y.astype(np.float64)
    else:
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
    check_consistent_length(X, y)
    return np.asarray(y)


def encode_table(
    estimator: BaseEstimator, encoder: TableEncoder, X: Any, sample_weight: Any
) -> EncodedTable:
    """Fit ``encoder``, take over its feature names, check the weights."""
    weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    encoder.fit(X, sample_weight=None if sample_weight is None else weight)
    validate_data(estimator, X, skip_check_array=True)
    rows = np.flatnonzero(weight > 0)
    matrix = encoder.transform(X)
    if len(rows) < len(matrix):
        matrix = matrix[rows]
    names = tuple(str(name) for name in encoder.get_feature_names_out())
    return EncodedTable(matrix, names, weight[rows], rows)


def read_rows(estimator: BaseEstimator, encoder: TableEncoder, X: Any) -> FloatArray:
    """Encode new rows after checking their columns against those of fit."""
    matrix: FloatArray = encoder.transform(X)
    validate_data(estimator, X, reset=False, skip_check_array=True)
    return matrix
