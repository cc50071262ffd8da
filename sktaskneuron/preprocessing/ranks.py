"""Scores and bins by rank: what a column's order alone says."""

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from sktaskneuron._typing import Mask, Matrix, RowNumbers, Vector
from sktaskneuron.preprocessing.few_valued import find_few_valued
from sktaskneuron.preprocessing.weighted import (
    TIE,
    check_positive_weight,
    column_chunks,
    weighted_quantiles,
)

# Scores of at most 7. Rows that weigh alike stay below: n of them give F >= 1 / (2 n). A row of
# tiny weight must not reach F = 1 by rounding.
_TAIL = 1e-12
# What SmoothClipScaler allows a two-valued column by default: a code never seen stays near.
_TWO_VALUED_BOUND = 3.0


class NormalScoreScaler(
    OneToOneFeatureMixin,
    TransformerMixin,
    BaseEstimator,
    auto_wrap_output_keys=None,  # type: ignore[call-arg]
):
    r"""Map each column to the normal scores of its weighted distribution.

    .. math:: F(x) = P(X < x) + \tfrac{1}{2} P(X = x), \qquad \mathrm{out} = \Phi^{-1}(F(x))

    with the mid-distribution F (Parzen, 2004, "Quantile probability and statistical data
    modeling", Statistical Science 19) of the rows of fit: ties share one score, and the mean of F
    is one half. Scores are kept for up to ``n_quantiles`` values, linear between them and constant
    beyond the lowest and the highest. So a column becomes nearly normal whatever its shape, and its
    scores stay finite: n rows give scores of at most :math:`\Phi^{-1}(1 - 1/(2n))` in size, 3.3
    for a thousand.

    Two kinds of column are treated as by
    :class:`~sktaskneuron.preprocessing.SmoothClipScaler`:

    - two values (0/1 codes): centred at the mean and divided by half the difference;
    - one value: always 0, whatever comes later.

    Parameters
    ----------
    n_quantiles : int, default=1000
        Most values whose scores are kept. A column with more distinct ones keeps its lowest, its
        highest and those nearest to equal steps of F.

    Attributes
    ----------
    values_ : list of ndarray of shape (n_nodes,)
        The values whose scores are kept, ascending, of each column.
    scores_ : list of ndarray of shape (n_nodes,)
        What these values become.
    center_, scale_ : ndarray of shape (n_features,)
        Mean and half difference of the two-valued columns; 0 and 1 elsewhere.
    constant_ : ndarray of bool of shape (n_features,)
        Columns with one value in fit.
    two_valued_ : ndarray of bool of shape (n_features,)
        Columns with two values in fit.
    n_features_in_ : int
        Number of columns seen in fit.

    See Also
    --------
    SmoothClipScaler : Keeps distances, where the shape of a column matters.

    Notes
    -----
    :class:`sklearn.preprocessing.QuantileTransformer` takes no weights and gives the lowest and
    the highest value scores of 5.2, however few the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.preprocessing import NormalScoreScaler
    >>> X = np.array([[1.0], [10.0], [10.0], [100.0], [1e6]])
    >>> NormalScoreScaler().fit_transform(X).round(2).ravel().tolist()
    [-1.28, -0.25, -0.25, 0.52, 1.28]
    """

    values_: list[Vector]
    scores_: list[Vector]
    center_: Vector
    scale_: Vector
    constant_: Mask
    two_valued_: Mask

    def __init__(self, n_quantiles: int = 1000) -> None:
        self.n_quantiles = n_quantiles

    def fit(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> "NormalScoreScaler":
        """Find the distribution of each column.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            A weight of k equals k copies of the row, exactly.

        Returns
        -------
        self : NormalScoreScaler
            Fitted.

        Raises
        ------
        ValueError
            If ``n_quantiles`` is no int of 2 or more, X is not a finite matrix or the weights are
            bad.
        """
        if not (isinstance(self.n_quantiles, Integral) and self.n_quantiles >= 2):
            raise ValueError(f"n_quantiles must be an int of 2 or more, got {self.n_quantiles!r}")
        data: Matrix = validate_data(self, X, dtype=np.float64)
        weight, rows = check_positive_weight(sample_weight, data)
        data = data[rows]
        few = find_few_valued(data, weight)
        self.constant_, self.two_valued_ = few.constant, few.two_valued
        self.center_ = np.where(few.two_valued, few.mean, 0.0)
        self.scale_ = np.where(few.two_valued, few.half_range, 1.0)
        self.values_, self.scores_ = [], []
        for columns in column_chunks(data.shape):
            for j, column in enumerate(np.array(data[:, columns].T, order="C"), columns.start):
                values, probabilities = _mid_distribution(column, weight)
                if not few.two_valued[j]:
                    nodes = _spread(probabilities, 1 if few.constant[j] else self.n_quantiles)
                    values, probabilities = values[nodes], probabilities[nodes]
                self.values_.append(values)
                self.scores_.append(ndtri(probabilities))
                if few.constant[j] or few.two_valued[j]:
                    self.scores_[j] = self._score(values, j)
        return self

    def transform(self, X: ArrayLike) -> Matrix:
        """Replace values by their scores.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_features)
            Normal scores.

        Raises
        ------
        ValueError
            If X is not a finite matrix of ``n_features_in_`` columns.
        """
        check_is_fitted(self)
        data: Matrix = validate_data(self, X, dtype=np.float64, reset=False)
        Z = np.empty(data.shape)
        for columns in column_chunks(data.shape):
            block = np.array(data[:, columns].T, order="C")
            for j, column in enumerate(block, columns.start):
                column[:] = self._score(column, j)
            Z[:, columns] = block.T
        return Z

    def _score(self, x: Vector, column: int) -> Vector:
        """Scores of the values x (n,) of one column."""
        if self.constant_[column]:
            return np.zeros(len(x))
        if self.two_valued_[column]:
            with np.errstate(over="ignore"):
                z = (x - self.center_[column]) / self.scale_[column]
            return np.clip(z, -_TWO_VALUED_BOUND, _TWO_VALUED_BOUND)
        values, scores = self.values_[column], self.scores_[column]
        if values[-1] / 2 - values[0] / 2 > np.finfo(np.float64).max / 2:
            x, values = x / 2, values / 2  # a difference of two large numbers may overflow
        # between two denormal numbers the slope is infinite
        return np.asarray(np.clip(np.interp(x, values, scores), scores[0], scores[-1]))


def quantile_edges(Z: ArrayLike, n_bins: int, sample_weight: ArrayLike | None = None) -> Matrix:
    """Edges of quantile bins of each column.

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

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.preprocessing import quantile_edges
    >>> Z = np.array([[1.0, 0.0], [2.0, 1.0], [3.0, 0.0], [9.0, 0.0]])
    >>> quantile_edges(Z, 2).tolist()
    [[1.0, 2.0, 9.0], [0.0, 0.0, 0.0]]
    """
    if not (isinstance(n_bins, Integral) and n_bins >= 2):
        raise ValueError(f"n_bins must be an int of 2 or more, got {n_bins!r}")
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


def _mid_distribution(x: Vector, weight: Vector | None) -> tuple[Vector, Vector]:
    """Distinct values of x (n,), ascending, and F of each.

    F is a quotient of sums: with whole weights the same numbers, bit for bit, as with copies.
    """
    if weight is None:
        x = np.sort(x)
        below = np.arange(len(x) + 1.0)
    else:
        order = np.argsort(x)
        x = x[order]
        below = np.concatenate([[0.0], np.cumsum(weight[order])])
    first = np.flatnonzero(np.concatenate([[True], x[1:] != x[:-1]]))
    mass = below[np.append(first, len(x))]
    probabilities = (mass[:-1] + mass[1:]) / (2 * mass[-1])
    return x[first], np.clip(probabilities, _TAIL, 1 - _TAIL)


def _spread(probabilities: Vector, n_nodes: int) -> RowNumbers:
    """Places of up to ``n_nodes`` values: the ends, and between them equal steps of F."""
    n = len(probabilities)
    if n <= n_nodes:
        return np.arange(n)
    target = np.linspace(probabilities[0], probabilities[-1], n_nodes)
    place = np.searchsorted(probabilities, target * (1 - TIE))
    place[-1] = n - 1
    return np.unique(place)
