"""What a fitted search does with its equation: predict, be judged, answer with another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from numpy.typing import ArrayLike
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.metaestimators import available_if

from sktaskneuron._typing import AnyArray, Matrix, TableLike, TargetLike
from sktaskneuron.estimators._common.checks import score_weight
from sktaskneuron.estimators._common.expression import readable_expression
from sktaskneuron.estimators._common.usual_state import usual_state
from sktaskneuron.estimators.exports import EquationExports
from sktaskneuron.estimators.fitted import exchange, fitted_value
from sktaskneuron.estimators.formula_search.fitted import FittedSearch
from sktaskneuron.formula import Constant
from sktaskneuron.models.target import ClassTarget, softmax

if TYPE_CHECKING:
    import sympy


def _has_classes(search: EquationPredictor) -> bool:
    """Tell whether a search is of classes; before fit, whether it is said to be."""
    if search.__sklearn_is_fitted__():
        return isinstance(fitted_value(search).target, ClassTarget)
    return search.target_type == "classes"


class EquationPredictor(EquationExports):
    """Mixin: predictions by the equation that a search answers with."""

    target_type: str
    _fitted: FittedSearch

    @usual_state()
    def predict(self, X: TableLike) -> AnyArray:
        """Predict the target by the equation.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Columns as in fit.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Numbers as y in fit, the mean of the training target where the equation is not defined;
            of classes the most probable label.

        Raises
        ------
        NotFittedError
            If the search is not fitted.
        """
        fitted: FittedSearch = fitted_value(self)
        return fitted.predictor.predict(X, self, "cpu")

    @available_if(_has_classes)
    @usual_state()
    def predict_proba(self, X: TableLike) -> Matrix:
        """Predict the probabilities of the classes, where y was read as classes.

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
            If the search is not fitted.
        """
        fitted: FittedSearch = fitted_value(self)
        return softmax(fitted.predictor.raw(X, self, "cpu"))

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
        NotFittedError
            If the search is not fitted.
        ValueError, TypeError
            If X, y or the weights cannot be used.
        """
        fitted: FittedSearch = fitted_value(self)
        weight = score_weight(self, X, sample_weight)
        metric = accuracy_score if isinstance(fitted.target, ClassTarget) else r2_score
        return float(metric(y, self.predict(X), sample_weight=weight))

    @property
    def expression_(self) -> sympy.Expr | list[sympy.Expr]:
        """The equation as sympy, on the raw column names; a list for several outputs.

        For classes it is the log odds. There is none where it would be too long to read.
        """
        return readable_expression(fitted_value(self).equation)

    @property
    def constants_(self) -> tuple[Constant, ...]:
        """The numbers of the equation, each with its standard error and 95 % interval.

        There are none of more than two classes or 200 numbers, nor after `partial_fit`.
        """
        fitted: FittedSearch = fitted_value(self)
        return fitted.constants

    def summary(self) -> str:
        """Write the equation, its numbers with their errors, and the front as text.

        Returns
        -------
        text : str
            Several lines; what is not known is left out. The point that answers is marked by a
            star.

        Raises
        ------
        NotFittedError
            If the search is not fitted.
        """
        fitted: FittedSearch = fitted_value(self)
        return fitted.summary()

    def choose(self, point: int | str | None) -> Self:
        """Answer with another equation of the front, in place.

        Predictions, `transform`, names, exports and pictures are of that equation from now on, and
        so are `fitted_formula_`, `formula_`, `criterion_` and `feature_importances_`.

        Parameters
        ----------
        point : int, str or None
            Place in `pareto_front_`, or the text of a formula there; None goes back to the
            equation that the search found.

        Returns
        -------
        self : NeuronFormulaSearch
            The estimator, whose equation is now that one.

        Raises
        ------
        NotFittedError
            If the search is not fitted.
        ValueError
            If there is no such point.
        TypeError
            If it is neither a place nor a text.
        """
        fitted: FittedSearch = fitted_value(self)
        return exchange(self, fitted.answering_with(point))
