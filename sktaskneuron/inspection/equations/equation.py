"""The equation of whatever is inspected, and the rows that it reads."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import _check_sample_weight

from sktaskneuron._typing import Matrix, TableLike, Vector
from sktaskneuron.estimators.exports import EquationExports
from sktaskneuron.estimators.exports import equation_of as predicting_equation
from sktaskneuron.formula import FittedExpression, FittedFormula
from sktaskneuron.formula.export.validation import column_matrix
from sktaskneuron.inspection.checks import check_fitted

Equation: TypeAlias = FittedFormula | FittedExpression


def equation_of(source: object) -> Equation:
    """Return the equation of an estimator, or an equation itself.

    Parameters
    ----------
    source : estimator, FittedFormula or FittedExpression

    Returns
    -------
    equation : FittedFormula or FittedExpression
        On the columns that the estimator's encoder makes.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    AttributeError
        If it has no readable equation and says why.
    TypeError
        If it has none.
    """
    if isinstance(source, Equation):
        return source
    check_fitted(source)
    if isinstance(source, EquationExports):
        return predicting_equation(source)
    equation = getattr(source, "fitted_formula_", None)
    if not isinstance(equation, Equation):
        raise TypeError(
            f"{type(source).__name__} has no readable equation: give a fitted estimator that "
            "searched one (formula='td' or 'sr'), a FittedFormula or a FittedExpression"
        )
    return equation


def read_rows(
    source: object, X: TableLike, sample_weight: ArrayLike | None
) -> tuple[Equation, Matrix, Vector]:
    """Return the equation, its columns (n_samples, n_features), and checked weights of the rows.

    An estimator's encoder reads the raw table; without one, X holds the equation's own columns.
    """
    equation = equation_of(source)
    encoder = getattr(source, "encoder_", None)
    rows = column_matrix(X, equation.feature_names) if encoder is None else encoder.transform(X)
    if not len(rows):
        raise ValueError("X has no rows: the terms vary over rows")
    rows = np.asarray(rows, dtype=np.float64)
    return equation, rows, _check_sample_weight(sample_weight, rows, ensure_non_negative=True)


def check_output(equation: Equation, output: int) -> int:
    """Return the place of an output, after asking whether the equation has it."""
    if not 0 <= output < equation.n_outputs:
        raise ValueError(
            f"output must lie in 0..{equation.n_outputs - 1}, the equation's outputs; "
            f"got {output!r}"
        )
    return int(output)
