"""What a search does with more rows, and with other ones, once it is fitted."""

from __future__ import annotations

from typing import Self

from numpy.typing import ArrayLike
from sklearn.base import _fit_context, clone
from sklearn.utils.metaestimators import available_if

from sktaskneuron._clock import time_limit
from sktaskneuron._typing import TableLike, TargetLike
from sktaskneuron.estimators._common.checks import are_labels, plain_target
from sktaskneuron.estimators._common.usual_state import usual_state
from sktaskneuron.estimators.fitted import TableEstimator, exchange, put_on, told
from sktaskneuron.estimators.formula_search.calls import (
    no_sums,
    refitted,
    searched,
    with_more_rows,
)


def _updates(search: EquationUpdates) -> bool:
    """Tell whether weights follow from sums; those of classes do not."""
    return search.target_type != "classes"


class EquationUpdates(TableEstimator):
    """Mixin: numbers fitted anew, the structure kept."""

    target_type: str
    time_limit: float | None

    @available_if(_updates)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: TableLike, y: TargetLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Search in the first rows; with more rows keep what was found, and update its weights.

        The first call, if the estimator is not fitted, is `fit`. Each further one fits the weights
        of the terms and the constant by least squares to the rows of all calls together, from sums
        that stand for the rows before: the order and the size of the parts change nothing. What is
        inside of terms stays: functions and their constants, directions of products, centers and
        scales. So do the encoding of the columns, the evidence and the scores of the search;
        `feature_importances_` are those of the latest rows.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Columns as in the first call; levels that it had not count as none of its levels.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Numbers; two different whole numbers are no classes here.
        sample_weight : array-like of shape (n_samples,), default=None
            Of each row beside those of all calls.

        Returns
        -------
        self : NeuronFormulaSearch
            Fitted; as it was if the call fails.

        Raises
        ------
        ValueError, TypeError
            If X, y, the weights or a parameter cannot be used; if y holds classes, whose weights do
            not follow from sums; if the search was made on the way to networks.
        AttributeError
            With ``target_type="classes"``.
        """
        with usual_state(), time_limit(self.time_limit) as left_out:
            if self.__sklearn_is_fitted__():
                fitted = with_more_rows(self, X, y, sample_weight)
            else:
                if are_labels(plain_target(type(self).__name__, y)):
                    raise no_sums("classes")
                fitted = searched(self, X, y, sample_weight, classification=False)
        return put_on(self, told(self, fitted, left_out))

    def refit(
        self,
        X: TableLike,
        y: TargetLike,
        sample_weight: ArrayLike | None = None,
        *,
        exponents: bool = False,
    ) -> Self:
        """Fit the numbers to other rows, and keep the structure.

        The numbers of the equations of the front are fitted anew too, and the rows of before count
        no more: `partial_fit` adds rows. Functions of a neuron's formula with their inner
        constants, centers and scales stay; of equations of columns all numbers are fitted, of
        classes those in front of the terms. Evidence, scores and criteria stay those of the search.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Columns as in fit.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            In the shape of that of fit; labels among those of fit.
        sample_weight : array-like of shape (n_samples,), default=None
            As in fit.
        exponents : bool, default=False
            Whether exponents that are no simple fractions are fitted too, in equations of columns.

        Returns
        -------
        refitted : NeuronFormulaSearch
            A new one, fitted; this one stays as it is.

        Raises
        ------
        NotFittedError
            If the search is not fitted.
        ValueError, TypeError
            If the columns or the target are others than in fit, or cannot be used.
        """
        with usual_state():
            fitted = refitted(self, X, y, sample_weight, exponents=exponents)
        return exchange(clone(self), fitted)
