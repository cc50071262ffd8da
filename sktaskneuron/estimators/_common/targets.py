"""One way to fit and to predict for every kind of target."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar, Self

from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin, MultiOutputMixin, RegressorMixin, _fit_context

from sktaskneuron._clock import time_limit
from sktaskneuron._typing import AnyArray, FloatArray, Matrix, TableLike, TargetLike
from sktaskneuron.estimators._common.checks import (
    check_target,
    class_codes,
    encode_table,
    location_and_scale,
    with_class_weight,
)
from sktaskneuron.estimators._common.limits import tell_far_targets
from sktaskneuron.estimators._common.report import FitReport
from sktaskneuron.estimators._common.settings import Settings
from sktaskneuron.estimators.fitted import Fitted, TableEstimator, put_on, told, value_for
from sktaskneuron.models.target import ClassTarget, ValueTarget, softmax
from sktaskneuron.preprocessing import TableEncoder


class Predictive(TableEstimator):
    """An estimator of a target by models that may run on a device."""

    device: str
    time_limit: float | None
    #: ``_run(settings, table, encoded, target, report)`` fits: from parameters and data to what a
    #: fit leaves behind, without an estimator. ``encoded`` is the target as ``target.encoded``
    #: returns it.
    _run: ClassVar[Callable[..., Fitted]]

    @abstractmethod
    def _settings(self) -> Settings:
        """Refuse early what would fail after a long search; return the parameters."""


class Classifies(ClassifierMixin, Predictive):
    """Mixin: classes of any type, weights of classes, probabilities."""

    class_weight: Mapping[object, float] | str | None

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: TableLike, y: TargetLike, sample_weight: ArrayLike | None = None) -> Self:
        """Search, train and compare as the class describes.

        A fit that fails or is interrupted leaves the estimator as it was.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Numbers, categories and missing values; pandas, polars or numpy.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            A weight of k counts as k copies of the row, though held-out rows are drawn row by row.
            Weights of a mean below one are scaled to the mean one.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        FormulaError
            If the text of a formula or an activation is wrong, or no network can be built from it.
        ValueError, TypeError
            If X, y, the weights or a parameter cannot be used.
        """
        with time_limit(self.time_limit) as left_out:
            settings = self._settings()
            name = settings.estimator_name
            labels = check_target(name, X, y, numeric=False)
            table = encode_table(TableEncoder(self.categorical_features), X, sample_weight)
            report = FitReport(self, X, y, sample_weight)
            classes, codes = class_codes(name, labels[table.rows])
            weight = with_class_weight(self.class_weight, classes, codes, table.weight)
            table = replace(table, weight=weight)
            fitted = self._run(settings, table, codes, ClassTarget(classes), report)
            report.end()
        return put_on(self, told(self, fitted, left_out))

    def predict_proba(self, X: TableLike) -> Matrix:
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Columns as in fit; levels and missing values need not have been seen there.

        Returns
        -------
        probabilities : ndarray of float64 of shape (n_samples, n_classes)
            In the order of `classes_`; rows sum to one.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        return softmax(value_for(self, X).predictor.raw(X, self.device))

    def predict(self, X: TableLike) -> AnyArray:
        """Predict the most probable class.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Columns as in fit; levels and missing values need not have been seen there.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Of the type of `classes_`.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        return value_for(self, X).predictor.predict(X, self.device)


class Regresses(RegressorMixin, MultiOutputMixin, Predictive):
    """Mixin: one or several numbers, standardised inside."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: TableLike, y: TargetLike, sample_weight: ArrayLike | None = None) -> Self:
        """Search, train and compare as the class describes.

        A fit that fails or is interrupted leaves the estimator as it was.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Numbers, categories and missing values; pandas, polars or numpy.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            A weight of k counts as k copies of the row, though held-out rows are drawn row by row.
            Weights of a mean below one are scaled to the mean one.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        FormulaError
            If the text of a formula or an activation is wrong, or no network can be built from it.
        ValueError, TypeError
            If X, y, the weights or a parameter cannot be used.
        """
        with time_limit(self.time_limit) as left_out:
            settings = self._settings()
            values = check_target(settings.estimator_name, X, y, numeric=True)
            table = encode_table(TableEncoder(self.categorical_features), X, sample_weight)
            report = FitReport(self, X, y, sample_weight)
            kept = values[table.rows].reshape(len(table.rows), -1)
            tell_far_targets(kept, table.weight)
            target = ValueTarget(*location_and_scale(kept, table.weight), single=values.ndim == 1)
            fitted = self._run(settings, table, target.encoded(kept), target, report)
            report.end()
        return put_on(self, told(self, fitted, left_out))

    def predict(self, X: TableLike) -> FloatArray:
        """Predict the target.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Columns as in fit; levels and missing values need not have been seen there.

        Returns
        -------
        y : ndarray of float64 of shape (n_samples,) or (n_samples, n_outputs)
            As y in fit. Networks stay within the range of the training target, but for those that a
            search with ``split="tail"`` let out of it.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        return value_for(self, X).predictor.predict(X, self.device)
