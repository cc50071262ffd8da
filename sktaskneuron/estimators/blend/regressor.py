"""Convex blend of regressors."""

from __future__ import annotations

from typing import Any, Self

from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin, _fit_context

from sktaskneuron._typing import FloatArray, TableLike, TargetLike
from sktaskneuron.estimators._common.checks import check_target
from sktaskneuron.estimators.blend.base import BaseBlend
from sktaskneuron.estimators.blend.run import FittedBlend
from sktaskneuron.estimators.fitted import fitted_value, put_on


class BlendRegressor(RegressorMixin, BaseBlend):
    r"""Weighted mean of regressors, :math:`\hat y = \sum_m w_m \hat y_m`, of the least squares.

    The weights are not negative and sum to one. They are those with the least squared error on rows
    that the estimators have not seen, found exactly, as a quadratic form over the simplex [1]_.
    Weights below 0.02 are none. What has no weight is not fitted to all rows, and costs nothing
    in `predict`.

    Beside :class:`sklearn.ensemble.StackingRegressor`, whose weights may be negative and are
    shrunk towards zero, a blend stays within what its parts predict, and its weights can be read as
    shares.

    Parameters
    ----------
    estimators : list of (str, estimator)
        Regressors with their names; one may be "drop". They get X as it is given.
    cv : int, splitter, iterable or None, default=None
        How rows are held out. None and an int: so many shuffled folds, None is 5. A splitter of
        scikit-learn, or pairs of training and held-out rows: these, also where they are no
        partition.
    n_jobs : int or None, default=None
        Fits at a time, of every estimator on every fold. None is 1 unless in a
        ``joblib.parallel_config``; -1 is all processors.
    random_state : int, RandomState instance or None, default=None
        Draws the folds. The estimators have seeds of their own.
    verbose : int, default=0
        Verbosity of joblib.

    Attributes
    ----------
    weights_ : dict of str to float
        Weight of every estimator; sum one.
    validation_scores_ : dict of str to float
        R2 on the held-out rows, of every estimator and of the "blend"; the latter is a little too
        good, since the weights were chosen on the same rows.
    estimators_ : list of estimator
        Those with a weight, fitted to all rows.
    named_estimators_ : Bunch
        The same by their names.
    n_features_in_ : int
        Number of input columns, where the estimators know it.
    feature_names_in_ : ndarray of str of shape (n_features,)
        Their names, where the estimators know them.

    See Also
    --------
    BlendClassifier : The same for classes.
    NeuronSeekRegressor : Blends networks, equations and, by `companions`, other estimators.

    References
    ----------
    .. [1] L. Breiman, "Stacked regressions", Machine Learning 24, 49-64, 1996.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.ensemble import RandomForestRegressor
    >>> from sklearn.linear_model import RidgeCV
    >>> from sktaskneuron import BlendRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> parts = [("ridge", RidgeCV()), ("forest", RandomForestRegressor(50, random_state=0))]
    >>> blend = BlendRegressor(parts, random_state=0).fit(X, y)
    >>> sorted(blend.weights_)
    ['forest', 'ridge']
    >>> blend.validation_scores_["blend"] > max(blend.validation_scores_["ridge"], 0.45)
    True
    """

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: TableLike,
        y: TargetLike,
        sample_weight: ArrayLike | None = None,
        **metadata: Any,
    ) -> Self:
        """Predict held-out rows, find the weights, fit what has one to all rows.

        A fit that fails or is interrupted leaves the estimator as it was.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Whatever the estimators take.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Numbers; several outputs where all estimators take these.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows, in the fits of all estimators and for the weights of the blend.
        **metadata : dict
            ``groups`` for the splitter; with scikit-learn's metadata routing whatever the
            estimators and the splitter ask for.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            If X, y, the weights or a parameter cannot be used, or an estimator takes no weights.
        """
        values = check_target(type(self).__name__, X, y, numeric=True)
        return put_on(self, self._blend(X, values, None, None, sample_weight, metadata))

    def predict(self, X: TableLike) -> FloatArray:
        """Predict the target.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Columns as in fit.

        Returns
        -------
        y : ndarray of float64 of shape (n_samples,) or (n_samples, n_outputs)
            The weighted mean.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        fitted: FittedBlend = fitted_value(self)
        return fitted.values(X)
