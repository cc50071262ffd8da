"""Rows that models which have not seen them find hard to believe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_classifier
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.model_selection import BaseCrossValidator, KFold, StratifiedKFold, cross_val_predict

from sktaskneuron._typing import AnyArray, RowNumbers, TableLike, TargetLike, Vector
from sktaskneuron.preprocessing import TableEncoder

# Trees and rows in a leaf of the forest for the usual size of a residual.
_TREES, _LEAF = 200, 10
# The usual size of a residual is at least this share of the median one.
_LEAST = 0.1


@dataclass(frozen=True, eq=False)
class DoubtfulRows:
    """Rows of a table, the most doubtful first.

    Parameters
    ----------
    rows : ndarray of int of shape (n_rows,)
        Their numbers in the table.
    score : ndarray of shape (n_rows,)
        Of numbers the residual by its usual size; of classes one minus the probability of the
        row's own label.
    given : ndarray of shape (n_rows,)
        The target.
    predicted : ndarray of shape (n_rows,)
        Predictions of models that were not trained on the row.

    See Also
    --------
    doubtful_rows : Rank rows by how little their target agrees with models that were not trained on
        them.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sktaskneuron.inspection import doubtful_rows
    >>> X = np.arange(60.0).reshape(-1, 1)
    >>> y = 2 * X[:, 0] + np.sin(9 * X[:, 0])
    >>> y[7] = 80.0
    >>> doubtful = doubtful_rows(LinearRegression(), X, y, n_rows=1)
    >>> doubtful.rows.tolist(), doubtful.given.tolist(), doubtful.predicted.round().tolist()
    ([7], [80.0], [14.0])
    """

    rows: RowNumbers
    score: Vector
    given: AnyArray
    predicted: AnyArray


def doubtful_rows(
    estimator: BaseEstimator,
    X: TableLike,
    y: TargetLike,
    *,
    n_rows: int | None = None,
    cv: int | BaseCrossValidator = 5,
    groups: ArrayLike | None = None,
) -> DoubtfulRows:
    """Rank rows by how little their target agrees with models that were not trained on them.

    Clones of the estimator are fitted on folds, so it takes as many fits as there are folds: a
    fitted estimator holds nothing of single rows. A wrong label has a small probability out of
    fold [1]_. A slip in a number has a residual that is large for its surroundings: the usual size
    of residuals is learned from the columns and the prediction by a forest, of each row by the
    trees that have not seen it.

    Parameters
    ----------
    estimator : regressor or classifier
        Any of scikit-learn's kind. It is cloned, fitted or not; a classifier needs
        ``predict_proba``.
    X : table or array-like of shape (n_samples, n_features)
        Columns as the estimator takes them.
    y : array-like of shape (n_samples,)
        One number or one label a row.
    n_rows : int, default=None
        Return so many. None: all.
    cv : int or splitter, default=5
        Folds, of rows in random order; or a splitter of scikit-learn, where rows belong together.
    groups : array-like of shape (n_samples,), default=None
        For a splitter that needs them.

    Returns
    -------
    doubtful : DoubtfulRows
        The most doubtful first. What comes first is worth a look, not proven wrong: a rare row
        whose like the models have not seen looks the same.

    Raises
    ------
    ValueError
        If y has several columns, or the data cannot be used.

    See Also
    --------
    DoubtfulRows : Rows of a table, the most doubtful first.

    References
    ----------
    .. [1] C. G. Northcutt, L. Jiang and I. L. Chuang, "Confident learning: estimating uncertainty
       in dataset labels", Journal of Artificial Intelligence Research 70 (2021), 1373-1411.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sktaskneuron.inspection import doubtful_rows
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(100, 2))
    >>> y = X[:, 0] + 0.1 * rng.normal(size=100)
    >>> y[17] += 3
    >>> doubtful_rows(LinearRegression(), X, y, n_rows=1).rows.tolist()
    [17]
    """
    given = np.asarray(y)
    if given.ndim != 1:
        raise ValueError(f"y needs one number or label a row, got the shape {given.shape}")
    classes = is_classifier(estimator)
    if isinstance(cv, int):
        cv = (StratifiedKFold if classes else KFold)(cv, shuffle=True, random_state=0)
    out_of_fold = cross_val_predict(
        estimator, X, y, cv=cv, groups=groups, method="predict_proba" if classes else "predict"
    )
    if classes:
        labels, places = np.unique(given, return_inverse=True)
        score = 1.0 - out_of_fold[np.arange(len(given)), places]
        predicted = labels[out_of_fold.argmax(axis=1)]
    else:
        predicted = np.asarray(out_of_fold)
        score = _by_usual_size(np.abs(given - predicted), X, predicted)
    order = np.argsort(-score, kind="stable")[:n_rows]
    return DoubtfulRows(order, score[order], given[order], predicted[order])


def _by_usual_size(residual: Vector, X: TableLike, predicted: Vector) -> Vector:
    """Return absolute residuals in units of what is usual at such rows."""
    median = float(np.median(residual))
    if median == 0.0:  # models that are mostly exact: any residual is unusual
        return residual
    features = np.column_stack([TableEncoder().fit_transform(X), predicted])
    forest = ExtraTreesRegressor(
        _TREES, min_samples_leaf=_LEAF, bootstrap=True, oob_score=True, random_state=0
    )
    forest.fit(features, residual)
    return residual / np.maximum(forest.oob_prediction_, _LEAST * median)
