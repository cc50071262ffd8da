"""Robust scaling with a smooth bound."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sktaskneuron._typing import Mask, Matrix, Vector
from sktaskneuron.preprocessing.few_valued import find_few_valued, noise
from sktaskneuron.preprocessing.weighted import (
    check_positive_weight,
    column_chunks,
    weighted_quantiles,
)


class SmoothClipScaler(
    OneToOneFeatureMixin,
    TransformerMixin,
    BaseEstimator,
    auto_wrap_output_keys=None,  # type: ignore[call-arg]
):
    r"""Centre by the median, scale by the interquartile range, bound smoothly.

    .. math:: z = \frac{x - \mathrm{median}}{\mathrm{IQR}}, \qquad
              \mathrm{out} = \frac{z}{\sqrt{1 + (z / b)^2}}

    with the bound b, so that no outlier enters a network larger than b, yet order is kept.
    This is the robust scaling with smooth clipping of RealMLP (Holzmüller, Grinsztajn and
    Steinwart, 2024, "Better by default", NeurIPS).

    Three kinds of column differ:

    - more than two values but IQR zero (mostly one value): half the range takes its place;
    - two values (0/1 codes): centred at the mean and divided by half the difference, without
      the bend, so that a rare level stays within 2 of the centre;
    - one value: always 0, whatever comes later.

    Parameters
    ----------
    bound : float, default=3.0
        The bound b.

    Attributes
    ----------
    center_, scale_ : ndarray of shape (n_features,)
        Taken from x, and dividing it.
    constant_ : ndarray of bool of shape (n_features,)
        Columns with one value in fit.
    two_valued_ : ndarray of bool of shape (n_features,)
        Columns with two values in fit.
    n_features_in_ : int
        Number of columns seen in fit.

    See Also
    --------
    NormalScoreScaler : Map each column to the normal scores of its weighted distribution.
    TableEncoder : Turn a table into a matrix of floats without missing values.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.preprocessing import SmoothClipScaler
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0], [1e6]])
    >>> SmoothClipScaler().fit_transform(X).round(3).ravel().tolist()
    [-0.949, -0.493, 0.0, 0.493, 3.0]
    """

    center_: Vector
    scale_: Vector
    constant_: Mask
    two_valued_: Mask

    def __init__(self, bound: float = 3.0) -> None:
        self.bound = bound

    def fit(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> "SmoothClipScaler":
        """Find centre and scale of each column.

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
        self : SmoothClipScaler
            Fitted.

        Raises
        ------
        ValueError
            If ``bound`` is not positive, X is not a finite matrix or the weights are bad.
        """
        if not self.bound > 0:
            raise ValueError(f"bound must be a positive number, got {self.bound!r}")
        data: Matrix = validate_data(self, X, dtype=np.float64)
        weight, rows = check_positive_weight(sample_weight, data)
        data = data[rows]
        few = find_few_valued(data, weight)
        self.constant_, self.two_valued_ = few.constant, few.two_valued
        q1, median, q3 = weighted_quantiles(data, (0.25, 0.5, 0.75), weight)
        self.center_ = np.where(self.two_valued_, few.mean, median)
        # halves, because a difference of two large numbers may overflow
        half_range, half_iqr = few.half_range, q3 / 2 - q1 / 2
        half_scale = np.where(half_iqr > noise(q1, q3), half_iqr, half_range / 2)
        half_scale = np.where(self.two_valued_, half_range / 2, half_scale)
        largest = np.finfo(np.float64).max / 2
        self.scale_ = np.where(self.constant_, 1.0, 2 * np.minimum(half_scale, largest))
        return self

    def transform(self, X: ArrayLike) -> Matrix:
        """Scale and bound.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_features)
            Entries of at most ``bound`` in size.

        Raises
        ------
        ValueError
            If X is not a finite matrix of ``n_features_in_`` columns.
        """
        check_is_fitted(self)
        return self.scaled(validate_data(self, X, dtype=np.float64, reset=False))

    def scaled(self, X: Matrix) -> Matrix:
        """Do the same without a check of X, which takes longer than one row does.

        Parameters
        ----------
        X : ndarray of float64, shape (n_samples, n_features)
            Finite numbers.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_features)
            Entries of at most ``bound`` in size.

        Examples
        --------
        >>> import numpy as np
        >>> from sktaskneuron.preprocessing import SmoothClipScaler
        >>> scaler = SmoothClipScaler(4.0).fit(np.arange(101.0)[:, None])
        >>> float(scaler.scaled(np.array([[50.0]]))[0, 0])
        0.0
        """
        with np.errstate(over="ignore"):  # an infinite difference is bounded just below
            Z: Matrix = X - self.center_
            Z /= self.scale_
        # hypot, not sqrt(1 + (z/b)**2): squares of large z overflow. The clip makes inf finite.
        np.clip(Z, -1e150, 1e150, out=Z)
        plain = np.clip(Z[:, self.two_valued_], -max(self.bound, 2.0), max(self.bound, 2.0))
        for columns in column_chunks(Z.shape):
            Z[:, columns] *= self.bound / np.hypot(Z[:, columns], self.bound)
        Z[:, self.two_valued_] = plain
        Z[:, self.constant_] = 0.0
        return Z
