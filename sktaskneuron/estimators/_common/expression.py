"""How the estimators show and complete their equations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sktaskneuron._typing import Matrix, RowNumbers, Vector
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import FittedExpression, FittedFormula

if TYPE_CHECKING:
    import sympy

# Longer equations take seconds to build and no reader to the end.
_MOST_TERMS = 1000


def readable_expression(fitted: FittedFormula | FittedExpression) -> sympy.Expr | list[sympy.Expr]:
    """Return an equation as sympy.

    Parameters
    ----------
    fitted : FittedFormula or FittedExpression

    Returns
    -------
    expression : sympy.Expr, or list of sympy.Expr for several outputs

    Raises
    ------
    AttributeError
        If it has too many terms to be read; an attribute's error, since scikit-learn's HTML display
        reads every public attribute of an estimator.
    """
    try:
        if isinstance(fitted, FittedExpression):
            return fitted.to_sympy()
        return fitted.to_sympy(max_terms=_MOST_TERMS)
    except FormulaError as error:
        raise AttributeError(
            f"expression_ is left out: {error}. See fitted_formula_ and its exports"
        ) from error


def with_constant_outputs(
    fitted: FittedFormula, varying: RowNumbers, values: Vector
) -> FittedFormula:
    """Put constant outputs, of which no search can be made, back among the varying ones.

    values : (n_outputs,) of the constant outputs; at the places ``varying`` they are not read.
    """
    intercept = values.copy()
    intercept[varying] = fitted.intercept

    def widened(weights: Matrix) -> Matrix:
        wide = np.zeros((len(weights), len(values)))
        wide[:, varying] = weights
        return wide

    return FittedFormula(
        fitted.formula,
        intercept,
        [widened(weights) for weights in fitted.pure_weights],
        fitted.factors,
        {order: widened(loadings) for order, loadings in fitted.loadings.items()},
        fitted.center,
        fitted.scale,
        fitted.lower,
        fitted.upper,
        fitted.feature_names,
        fitted.link,
    )
