"""`partial_fit`: first rows decide how tables are read and what is trained, more rows train it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import _fit_context

from sktaskneuron._clock import time_limit
from sktaskneuron._typing import AnyArray, TableLike, TargetLike
from sktaskneuron.estimators._common.checks import (
    EncodedTable,
    check_target,
    codes_among,
    encode_more,
    with_class_weight,
)
from sktaskneuron.estimators._common.earlier import check_same_classes, same_target
from sktaskneuron.estimators._common.importances import with_importances
from sktaskneuron.estimators._common.report import FitReport
from sktaskneuron.estimators._common.settings import Settings
from sktaskneuron.estimators._common.targets import Classifies, Predictive, Regresses
from sktaskneuron.estimators._common.usual_state import usual_state
from sktaskneuron.estimators.fitted import Fitted, FittedPredictor, fitted_value, put_on, told
from sktaskneuron.preprocessing.naming import in_name_of


class LearnsFurther(Predictive):
    """An estimator whose networks can go on learning from more rows."""

    @abstractmethod
    def _first_settings(self) -> Settings:
        """Return the settings of a first call, which leaves out what could not go on learning."""

    @abstractmethod
    def _further(
        self, former: FittedPredictor, table: EncodedTable, encoded: AnyArray, report: FitReport
    ) -> Fitted:
        """Let a fitted model learn from more rows; return what that leaves behind."""

    def _more_rows(self, X: TableLike, sample_weight: ArrayLike | None) -> EncodedTable:
        reader = fitted_value(self).predictor.reader
        return encode_more(self, reader.encoder, reader.bounds_to_learn, X, sample_weight)

    def _learned_further(
        self, table: EncodedTable, encoded: AnyArray, arguments: tuple[object, ...]
    ) -> Fitted:
        report = FitReport(self, *arguments)  # type: ignore[arg-type]
        fitted = self._further(fitted_value(self), table, encoded, report)
        fitted = with_importances(fitted, table, self.device)
        report.end()
        return fitted


class RegressesFurther(Regresses, LearnsFurther):
    """Mixin: partial_fit of numbers."""

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: TableLike, y: TargetLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Fit to the first rows; with more rows let the networks learn from these too.

        The first call, if the estimator is not fitted, is `fit` without the mean, the linear model
        and the equation, which could not go on learning. Each further one trains every network on
        its rows, and takes the mean of the weights before and after, each by its number of rows.
        All else stays: the encoding and the scales of the columns and of the target, the formula,
        the weights of the blend, scores and history. No row is held out, so there are no intervals
        from then on. `feature_importances_` are those of the latest rows.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Columns as in the first call; levels that it had not count as none of its levels.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            As in fit.

        Returns
        -------
        self : object
            The fitted estimator; as it was if the call fails.

        Raises
        ------
        ValueError, TypeError
            If X, y, the weights or a parameter cannot be used.

        Warns
        -----
        UserWarning
            If no networks predict, as after a `fit` that chose an equation: nothing changes then.
        """
        with usual_state(), time_limit(self.time_limit) as left_out:
            if not self.__sklearn_is_fitted__():
                fitted = self._learned(self._first_settings(), X, y, sample_weight)
            else:
                name, predictor = type(self).__name__, fitted_value(self).predictor
                table = self._more_rows(X, sample_weight)
                values = check_target(name, X, y, numeric=True)
                kept = values[table.rows].reshape(len(table.rows), -1)
                with in_name_of(name):
                    loss = self._loss(kept, table)
                    loss.check(kept)
                target = same_target(predictor.target, loss, values)
                fitted = self._learned_further(table, target.encoded(kept), (X, y, sample_weight))
        return put_on(self, told(self, fitted, left_out))


class ClassifiesFurther(Classifies, LearnsFurther):
    """Mixin: partial_fit of classes."""

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: TableLike,
        y: TargetLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Fit to the first rows; with more rows let the networks learn from these too.

        The first call, if the estimator is not fitted, is `fit` without the shares of the classes,
        the linear model and the equation, which could not go on learning. Each further one trains
        every network on its rows, and takes the mean of the weights before and after, each by its
        number of rows. All else stays: the encoding and the scales of the columns, the classes, the
        formula, the weights of the blend, scores and history. No row is held out, so there are no
        sets from then on. `feature_importances_` are those of the latest rows.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Columns as in the first call; levels that it had not count as none of its levels.
        y : array-like of shape (n_samples,)
            Class labels; later rows need not hold every class.
        classes : array-like of shape (n_classes,), default=None
            All classes that there will be. The first call needs rows of each, as it searches a
            formula and holds rows out; None takes those of its y.
        sample_weight : array-like of shape (n_samples,), default=None
            As in fit.

        Returns
        -------
        self : object
            The fitted estimator; as it was if the call fails.

        Raises
        ------
        ValueError, TypeError
            If X, y, the weights or a parameter cannot be used, or the classes are others than in
            the first call; if ``class_weight="balanced"``, since the shares of the classes among
            all rows are not known.

        Warns
        -----
        UserWarning
            If no networks predict, as after a `fit` that chose an equation: nothing changes then.
        """
        with usual_state(), time_limit(self.time_limit) as left_out:
            name = type(self).__name__
            if isinstance(self.class_weight, str):
                raise ValueError(
                    f"class_weight={self.class_weight!r} needs all rows at once; give "
                    f"{name}.partial_fit a dict of the classes' weights"
                )
            if not self.__sklearn_is_fitted__():
                if classes is not None:
                    labels = check_target(name, X, y, numeric=False)
                    check_same_classes(np.unique(labels), np.unique(np.asarray(classes)))
                fitted = self._learned(self._first_settings(), X, y, sample_weight)
            else:
                table = self._more_rows(X, sample_weight)
                known = fitted_value(self).predictor.target.classes
                if classes is not None:
                    check_same_classes(np.unique(np.asarray(classes)), known)
                labels = check_target(name, X, y, numeric=False)[table.rows]
                codes = codes_among(known, labels, "y", "the first call")
                weight = with_class_weight(self.class_weight, known, codes, table.weight)
                table = replace(table, weight=weight)
                fitted = self._learned_further(table, codes, (X, y, sample_weight))
        return put_on(self, told(self, fitted, left_out))
