"""Arrays of signals or images as rows of a table, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from sktaskneuron._typing import AnyArray, Mask, Matrix, TableLike, Vector
from sktaskneuron.preprocessing.naming import in_name_of


class SignalEncoder(BaseEstimator):
    """Reads signals or images as rows of numbers, channel by channel.

    Attributes
    ----------
    shape_ : tuple of int
        Shape of one signal (channels, length), or of one image (channels, height, width).
    n_axes_ : int
        Number of axes of the arrays in fit.
    n_features_in_ : int
        Length of their second axis.
    feature_names_in_ : ndarray of str of shape (n_features,)
        Names of the points of a signal, where it came as a table with names.

    See Also
    --------
    TableEncoder : Turn a table into a matrix of floats without missing values.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.preprocessing import SignalEncoder
    >>> encoder = SignalEncoder().fit(np.zeros((6, 2, 30)))
    >>> encoder.shape_, encoder.transform(np.zeros((4, 2, 30))).shape
    ((2, 30), (4, 60))
    """

    shape_: tuple[int, ...]
    n_axes_: int
    n_features_in_: int

    def fit(self, X: TableLike, y: object = None) -> SignalEncoder:
        """Learn the shape.

        Parameters
        ----------
        X : array-like of shape (n_samples, length), (n_samples, channels, length) or \
                (n_samples, channels, height, width)
            Signals of one channel, of several, or images.
        y : None
            Ignored.

        Returns
        -------
        self : SignalEncoder
            Fitted.

        Raises
        ------
        ValueError, TypeError
            If X has other axes, no sample, or cells that are no finite numbers.
        """
        self.fit_transform_of(X, self)
        return self

    def fit_transform_of(self, X: TableLike, owner: BaseEstimator) -> Matrix:
        """Learn the shape, and return the rows; messages name ``owner``, the estimator in fit."""
        with in_name_of(owner):
            values = _read(X, owner)
            validate_data(self, X, skip_check_array=True)
        shape = values.shape[1:]
        self.n_axes_ = values.ndim
        self.shape_ = (1, *shape) if len(shape) == 1 else shape
        return values.reshape(len(values), -1)

    def transform(self, X: TableLike) -> Matrix:
        """Return signals as rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            With the axes of fit.

        Returns
        -------
        rows : ndarray of shape (n_samples, n_points)
            The points of all channels, channel by channel.

        Raises
        ------
        ValueError, TypeError
            If the shape is not that of fit, or cells are no finite numbers.
        """
        return self.transform_with_codes(X)[0]

    def transform_with_codes(
        self, X: TableLike, owner: BaseEstimator | None = None
    ) -> tuple[Matrix, Matrix]:
        """Do the same as :class:`TableEncoder` does; signals have no codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            With the axes of fit.
        owner : estimator, default=None
            The fitted one that asks, named in messages. None: this one.

        Returns
        -------
        rows : ndarray of shape (n_samples, n_points)
            What `transform` returns.
        codes : ndarray of shape (n_samples, 0)
            None.
        """
        check_is_fitted(self)
        asked = self if owner is None else owner
        with in_name_of(asked):
            values = _read(X, asked)
            validate_data(asked, X, reset=False, skip_check_array=True)
            expected = self.shape_[1:] if self.n_axes_ == 2 else self.shape_
            if values.shape[1:] != expected:
                raise ValueError(
                    f"X holds arrays of shape {values.shape[1:]}, and fit saw arrays of shape "
                    f"{expected}: bring signals to one length"
                )
        rows = values.reshape(len(values), -1)
        return rows, rows[:, :0]

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> AnyArray:
        """Name the points of a row.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features,), default=None
            Names of the points of signals of one channel, where the table had none.

        Returns
        -------
        names : ndarray of str of shape (n_points,)
            As ``"x0"``, ``"x1"``; with the axes of channels and images ``"x0_12"``.
        """
        check_is_fitted(self)
        if self.n_axes_ == 2:
            names: AnyArray = _check_feature_names_in(self, input_features)
            return names
        places = np.ndindex(*self.shape_)
        return np.asarray(["x" + "_".join(map(str, place)) for place in places], dtype=object)

    @property
    def indicator_(self) -> Mask:
        """Which points are 0/1 by construction: none."""
        return np.zeros(int(np.prod(self.shape_)), dtype=bool)

    @property
    def n_levels_(self) -> list[int]:
        """Levels of columns of categories: there are none."""
        return []

    def scaler(self, rows: Matrix, weight: Vector) -> StandardScaler:
        """Return what brings every channel to mean zero and unit variance over all its points.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_points)
            Signals, channel by channel.
        weight : ndarray of shape (n_samples,)
            Weights of the signals.

        Returns
        -------
        scaler : StandardScaler
            Fitted; the points of a channel share one mean and one scale.
        """
        n_channels = self.shape_[0]
        points = rows.reshape(len(rows), n_channels, -1).swapaxes(1, 2)
        n_points = points.shape[1]
        scaler = StandardScaler()
        scaler.fit(points.reshape(-1, n_channels), sample_weight=np.repeat(weight, n_points))
        for name in ("mean_", "var_", "scale_"):
            setattr(scaler, name, np.repeat(getattr(scaler, name), n_points))
        scaler.n_features_in_ = rows.shape[1]
        return scaler


def _read(X: Any, owner: BaseEstimator) -> Matrix:
    """Return signals as an array of its own of finite numbers."""
    if np.ma.is_masked(X):
        raise ValueError("X is masked in some cells: fill these gaps in, or leave the rows out")
    values: Matrix = check_array(
        X, dtype=np.float64, copy=True, order="C", allow_nd=True, input_name="X", estimator=owner
    )
    if values.ndim > 4:
        raise ValueError(
            f"X has {values.ndim} axes; give signals as (n_samples, channels, length) or images as "
            "(n_samples, channels, height, width)"
        )
    if not values.size:
        raise ValueError(f"X has the shape {values.shape}: its signals have no points")
    return values
