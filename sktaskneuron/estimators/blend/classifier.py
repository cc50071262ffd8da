"""Convex blend of classifiers."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin, _fit_context

from sktaskneuron._typing import AnyArray, Matrix, TableLike, TargetLike
from sktaskneuron.estimators._common.checks import check_target, class_codes
from sktaskneuron.estimators.blend.base import BaseBlend
from sktaskneuron.estimators.blend.run import FittedBlend
from sktaskneuron.estimators.fitted import fitted_value, put_on
from sktaskneuron.models.target import ClassTarget


class BlendClassifier(ClassifierMixin, BaseBlend):
    r"""Weighted mean of classifiers' log-probabilities, of the least log loss.

    .. math:: p(k \mid x) \propto \exp \beta \sum_m w_m \log p_m(k \mid x)

    The weights :math:`w_m` are not negative and sum to one; :math:`\beta` is an inverse
    temperature, which makes a blend of too sure classifiers less sure. Both are those with the
    least log loss on rows that the estimators have not seen, a convex problem. Weights below 0.02
    are none. What has no weight is not fitted to all rows, and costs nothing in `predict`.

    A probability that is lower than one in the number of training rows of a fold is taken for this
    number: no model can know it from so few.

    Beside :class:`sklearn.ensemble.StackingClassifier`, whose final estimator has a coefficient for
    every class of every estimator, a blend has one number for each estimator, which few rows
    determine.

    Parameters
    ----------
    estimators : list of (str, estimator)
        Classifiers with `predict_proba` and their names; one may be "drop". They get X as it is
        given.
    cv : int, splitter, iterable or None, default=None
        How rows are held out. None and an int: so many shuffled folds, None is 5, which keep the
        shares of the classes if each has so many rows. A splitter of scikit-learn, or pairs of
        training and held-out rows: these, also where they are no partition.
    n_jobs : int or None, default=None
        Fits at a time, of every estimator on every fold. None is 1 unless in a
        ``joblib.parallel_config``; -1 is all processors.
    random_state : int, RandomState instance or None, default=None
        Draws the folds. The estimators have seeds of their own.
    verbose : int, default=0
        Verbosity of joblib.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    weights_ : dict of str to float
        Weight of every estimator; sum one.
    inverse_temperature_ : float
        Below one the blend is less sure than its parts.
    validation_scores_ : dict of str to float
        Mean log-likelihood of the held-out rows, of every estimator and of the "blend"; the latter
        is a little too good, since the weights were chosen on the same rows.
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
    BlendRegressor : The same for numbers.
    NeuronSeekClassifier : Blends networks, equations and, by `companions`, other estimators.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sktaskneuron import BlendClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> parts = [("bayes", GaussianNB()), ("forest", RandomForestClassifier(50, random_state=0))]
    >>> blend = BlendClassifier(parts, random_state=0).fit(X, y)
    >>> sorted(blend.weights_)
    ['bayes', 'forest']
    >>> blend.validation_scores_["blend"] > blend.validation_scores_["bayes"]
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
        y : array-like of shape (n_samples,)
            Class labels.
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
        labels = check_target(type(self).__name__, X, y, numeric=False)
        classes, codes = class_codes(type(self).__name__, labels)
        target = ClassTarget(classes)
        return put_on(self, self._blend(X, labels, codes, target, sample_weight, metadata))

    def predict_proba(self, X: TableLike) -> Matrix:
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Columns as in fit.

        Returns
        -------
        probabilities : ndarray of float64 of shape (n_samples, n_classes)
            In the order of `classes_`; rows sum to one.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        fitted: FittedBlend = fitted_value(self)
        return fitted.probabilities(X)

    def predict(self, X: TableLike) -> AnyArray:
        """Predict the most probable class.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Columns as in fit.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Of the type of `classes_`.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[np.argmax(probabilities, axis=1)])
