"""One way to fit and to predict for every kind of target."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin, MultiOutputMixin, RegressorMixin, _fit_context

from sktaskneuron._clock import time_limit
from sktaskneuron._typing import (
    AnyArray,
    FloatArray,
    IntArray,
    Matrix,
    TableLike,
    TargetLike,
    Vector,
)
from sktaskneuron.estimators._common.checks import (
    EncodedTable,
    check_target,
    class_codes,
    codes_among,
    encode_more,
    encode_table,
    score_weight,
    with_class_weight,
)
from sktaskneuron.estimators._common.earlier import check_same_classes, same_target
from sktaskneuron.estimators._common.importances import with_importances
from sktaskneuron.estimators._common.judges import with_judges, with_splits
from sktaskneuron.estimators._common.limits import tell_far_targets
from sktaskneuron.estimators._common.report import FitReport
from sktaskneuron.estimators._common.settings import Settings
from sktaskneuron.estimators._common.usual_state import usual_state
from sktaskneuron.estimators.fitted import Fitted, TableEstimator, fitted_value, put_on, told
from sktaskneuron.models.losses import Loss, SquaredError
from sktaskneuron.models.predictor import Predictor
from sktaskneuron.models.target import ClassTarget, ValueTarget, softmax
from sktaskneuron.preprocessing import TableEncoder
from sktaskneuron.preprocessing.cells import without_objects
from sktaskneuron.preprocessing.naming import in_name_of

#: ``X_val``, ``y_val`` and ``sample_weight_val`` of fit.
Judges: TypeAlias = "tuple[TableLike | None, TargetLike | None, ArrayLike | None]"


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

    def _earlier(self) -> Predictor | None:
        """Return what an earlier fit predicts by, if this one is to go on from it."""
        return None

    def _encoded(self, X: TableLike, sample_weight: ArrayLike | None) -> EncodedTable:
        """Read the training rows, as an earlier fit read its own if this one goes on from it."""
        earlier = self._earlier()
        if earlier is None:
            return encode_table(self, TableEncoder(self.categorical_features), X, sample_weight)
        reader = earlier.reader
        assert isinstance(reader.encoder, TableEncoder)
        return encode_more(self, reader.encoder, reader.bounds_to_learn, X, sample_weight)

    def _with_importances(self, fitted: Any, table: EncodedTable) -> Any:
        """Return what was fitted with the importances of its columns."""
        return with_importances(fitted, table, self.device)


class Scored:
    """Mixin: scikit-learn's score, its weights checked and scaled as those of fit are."""

    def score(self, X: TableLike, y: TargetLike, sample_weight: ArrayLike | None = None) -> float:
        """Return R2 of numbers, the mean of several outputs; of classes the share that is right.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Columns as in fit.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            True values or labels.
        sample_weight : array-like of shape (n_samples,), default=None
            How rows compare.

        Returns
        -------
        score : float
            1 at best.

        Raises
        ------
        ValueError, TypeError
            If X, y or the weights cannot be used.
        """
        weight = score_weight(self, X, sample_weight)
        if getattr(getattr(y, "dtype", None), "kind", "") == "O":
            y = without_objects(np.asarray(y))  # as fit reads them
        return float(super().score(X, y, weight))  # type: ignore[misc]


class Classifies(Scored, ClassifierMixin, Predictive):
    """Mixin: classes of any type, weights of classes, probabilities."""

    class_weight: Mapping[object, float] | str | None

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: TableLike,
        y: TargetLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        X_val: TableLike | None = None,
        y_val: TargetLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
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
            Weights of a mean below one or above a million are scaled to the mean one.
        groups : array-like of shape (n_samples,), default=None
            Groups of the rows, for a splitter of them as `validation`.
        X_val, y_val : table and array-like of n_rows_val rows, default=None
            Rows to judge by: then none of X is held out, nothing is fitted to these, and they alone
            choose epochs, models and weights, whatever `validation` is.
        sample_weight_val : array-like of shape (n_rows_val,), default=None
            Their weights.

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
        with usual_state(), time_limit(self.time_limit) as left_out:
            judges = X_val, y_val, sample_weight_val
            fitted = self._learned(self._settings(), X, y, sample_weight, groups, judges)
        return put_on(self, told(self, fitted, left_out))

    def _learned(
        self,
        settings: Settings,
        X: TableLike,
        y: TargetLike,
        sample_weight: ArrayLike | None,
        groups: ArrayLike | None = None,
        judges: Judges = (None, None, None),
    ) -> Fitted:
        """Return what a fit leaves behind; parameters as in fit."""
        name, earlier = settings.estimator_name, self._earlier()
        table = self._encoded(X, sample_weight)
        labels = check_target(name, X, y, numeric=False)
        report = FitReport(self, X, y, sample_weight)
        classes, codes = class_codes(name, labels[table.rows])
        if earlier is not None:
            assert isinstance(earlier.target, ClassTarget)  # a classifier's
            check_same_classes(classes, earlier.target.classes)
        weight = with_class_weight(self.class_weight, classes, codes, table.weight)
        per_class = (weight / table.weight)[np.unique(codes, return_index=True)[1]]
        with in_name_of(name):
            table = with_splits(replace(table, weight=weight), self.validation, labels, groups)

        def encode(labels: AnyArray, weight: Vector) -> tuple[IntArray, Vector]:
            codes = codes_among(classes, labels, "y_val", "y")
            return codes, weight * per_class[codes]

        table = with_judges(table, self, judges, encode, numeric=False)
        fitted = self._run(settings, table, codes, ClassTarget(classes), report)
        fitted = self._with_importances(fitted, table)
        report.end()
        return fitted

    @usual_state()
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
        return softmax(fitted_value(self).predictor.raw(X, self, self.device))

    @usual_state()
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
        return fitted_value(self).predictor.predict(X, self, self.device)


class Regresses(Scored, RegressorMixin, MultiOutputMixin, Predictive):
    """Mixin: one or several numbers, standardised inside."""

    def _loss(self, values: Matrix, table: EncodedTable) -> Loss:
        """Return what values (n_rows, n_targets) are fitted by."""
        return SquaredError()

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: TableLike,
        y: TargetLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        X_val: TableLike | None = None,
        y_val: TargetLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
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
            Weights of a mean below one or above a million are scaled to the mean one.
        groups : array-like of shape (n_samples,), default=None
            Groups of the rows, for a splitter of them as `validation`.
        X_val, y_val : table and array-like of n_rows_val rows, default=None
            Rows to judge by: then none of X is held out, nothing is fitted to these, and they alone
            choose epochs, models and weights, whatever `validation` is.
        sample_weight_val : array-like of shape (n_rows_val,), default=None
            Their weights.

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
        with usual_state(), time_limit(self.time_limit) as left_out:
            judges = X_val, y_val, sample_weight_val
            fitted = self._learned(self._settings(), X, y, sample_weight, groups, judges)
        return put_on(self, told(self, fitted, left_out))

    def _learned(
        self,
        settings: Settings,
        X: TableLike,
        y: TargetLike,
        sample_weight: ArrayLike | None,
        groups: ArrayLike | None = None,
        judges: Judges = (None, None, None),
    ) -> Fitted:
        """Return what a fit leaves behind; parameters as in fit."""
        name, earlier = settings.estimator_name, self._earlier()
        table = self._encoded(X, sample_weight)
        values = check_target(name, X, y, numeric=True)
        report = FitReport(self, X, y, sample_weight)
        kept = values[table.rows].reshape(len(table.rows), -1)
        with in_name_of(name):
            loss = self._loss(kept, table)
            loss.check(kept)
        if loss.squares:
            tell_far_targets(kept, table.weight)
        if earlier is None:
            target = ValueTarget.of(kept, table.weight, loss, values.ndim == 1)
        else:
            target = same_target(earlier.target, loss, values)
        with in_name_of(name):
            table = with_splits(table, self.validation, values, groups)

        def encode(values: AnyArray, weight: Vector) -> tuple[Matrix, Vector]:
            columns = values.reshape(len(values), -1)
            if columns.shape[1] != target.n_targets:
                raise ValueError(
                    f"y_val has the shape {values.shape}, but y has {target.n_targets} targets"
                )
            with in_name_of(name):
                target.loss.check(columns, "y_val")
            return target.encoded(columns), weight

        table = with_judges(table, self, judges, encode, numeric=True)
        fitted = self._run(settings, table, target.encoded(kept), target, report)
        fitted = self._with_importances(fitted, table)
        report.end()
        return fitted

    @usual_state()
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
        return fitted_value(self).predictor.predict(X, self, self.device)
