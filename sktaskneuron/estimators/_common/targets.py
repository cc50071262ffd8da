"""What classifiers and regressors do with their targets, and with the outputs of networks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, MultiOutputMixin, RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from sktaskneuron.estimators._common.checks import (
    EncodedTable,
    FloatArray,
    check_target,
    class_codes,
    encode_table,
    location_and_scale,
    with_class_weight,
)
from sktaskneuron.estimators._common.report import FitReport
from sktaskneuron.models.fitted import Inputs, softmax
from sktaskneuron.models.validation import Task, Validation
from sktaskneuron.preprocessing import TableEncoder


class _Target:
    """What both ask of the class that they are mixed into."""

    categorical_features: Any
    _model: Any

    if TYPE_CHECKING:

        def _check_settings(self) -> Any: ...

        def _prepare(self, table: EncodedTable, encoder: TableEncoder) -> Inputs: ...

        def _fit(self, task: Task, settings: Any, report: FitReport) -> None: ...

        def _raw(self, X: Any) -> FloatArray: ...


class ClassPrediction(ClassifierMixin):
    """Mixin: labels and probabilities from one logit per class."""

    classes_: NDArray[Any]
    _model: Any

    if TYPE_CHECKING:

        def _raw(self, X: Any) -> FloatArray: ...

    def _held_out_score(self, task: Task, validation: Validation, outputs: FloatArray) -> float:
        right = outputs.argmax(axis=1) == validation.target
        return float(validation.weight @ right / validation.weight.sum())

    def predict_proba(self, X: Any) -> FloatArray:
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Columns as in fit; levels and missing values need not have been seen there.

        Returns
        -------
        probabilities : ndarray of float64 of shape (n_samples, n_classes)
            In the order of `classes_`; rows sum to one.
        """
        check_is_fitted(self, "_model")
        return softmax(self._raw(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the most probable class.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Columns as in fit; levels and missing values need not have been seen there.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Of the type of `classes_`.
        """
        check_is_fitted(self, "_model")
        return np.asarray(self.classes_[np.argmax(self.predict_proba(X), axis=1)])


class ValuePrediction(RegressorMixin, MultiOutputMixin):
    """Mixin: values from standardised ones."""

    n_outputs_: int
    _model: Any
    _single_output: bool
    _shift: FloatArray
    _unit: FloatArray

    if TYPE_CHECKING:

        def _raw(self, X: Any) -> FloatArray: ...

    def _held_out_score(self, task: Task, validation: Validation, outputs: FloatArray) -> float:
        return float(r2_score(validation.target, outputs, sample_weight=validation.weight))

    def predict(self, X: Any) -> FloatArray:
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
        """
        check_is_fitted(self, "_model")
        value = self._raw(X) * self._unit + self._shift
        return value[:, 0] if self._single_output else value


class NetworkClassifier(ClassPrediction, _Target):
    """Mixin: classes of any type, weights of classes, probabilities."""

    class_weight: Any

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Find the activation functions, compare, train.

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
        ValueError, TypeError
            If X, y, the weights or a parameter cannot be used.
        """
        settings = self._check_settings()
        labels = check_target(self, X, y, numeric=False)
        encoder = TableEncoder(self.categorical_features)
        table = encode_table(self, encoder, X, sample_weight)
        report = FitReport(self, X, y, sample_weight)
        self.classes_, codes = class_codes(self, labels[table.rows])
        weight = with_class_weight(self, table.weight, codes)
        table = replace(table, weight=weight)
        n_classes = len(self.classes_)
        zero, one = np.zeros(n_classes), np.ones(n_classes)
        inputs = self._prepare(table, encoder)
        task = Task(inputs, codes.astype(np.int64), weight, n_classes, True, zero, one)
        self._fit(task, settings, report)
        return self

    def _network_targets(self, y: Any) -> NDArray[np.int64]:
        labels = check_target(self, y, y, numeric=False)
        return np.searchsorted(self.classes_, labels).astype(np.int64)


class NetworkRegressor(ValuePrediction, _Target):
    """Mixin: one or several standardised targets."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Find the activation functions, compare, train.

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
        ValueError, TypeError
            If X, y, the weights or a parameter cannot be used.
        """
        settings = self._check_settings()
        target = check_target(self, X, y, numeric=True)
        encoder = TableEncoder(self.categorical_features)
        table = encode_table(self, encoder, X, sample_weight)
        report = FitReport(self, X, y, sample_weight)
        values = target[table.rows].reshape(len(table.rows), -1)
        self._single_output = target.ndim == 1
        self._shift, self._unit = location_and_scale(values, table.weight)
        self.n_outputs_ = values.shape[1]
        standard = (values - self._shift) / self._unit
        inputs = self._prepare(table, encoder)
        task = Task(inputs, standard, table.weight, self.n_outputs_, False, self._shift, self._unit)
        self._fit(task, settings, report)
        return self

    def _network_targets(self, y: Any) -> FloatArray:
        values = check_target(self, y, y, numeric=True).reshape(-1, self.n_outputs_)
        return np.asarray((values - self._shift) / self._unit)
