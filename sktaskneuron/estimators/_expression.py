"""How the estimators show their equations."""

from __future__ import annotations

from typing import Any

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import FittedFormula

# Longer equations take seconds to build and no reader to the end.
_READABLE_TERMS = 1000


def readable_expression(fitted: FittedFormula) -> Any:
    """Return an equation as sympy.

    Parameters
    ----------
    fitted : FittedFormula

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
        return fitted.to_sympy(max_terms=_READABLE_TERMS)
    except FormulaError as error:
        raise AttributeError(
            f"expression_ is left out: {error}. See fitted_formula_ and its exports"
        ) from error
