r"""How far the numbers of a fitted equation can be trusted.

Near the fit an equation is linear in its numbers :math:`\theta`. With the slopes
:math:`J_{ik} = \partial f(x_i) / \partial \theta_k`, weights :math:`w_i` and the residual variance
:math:`\sigma^2` the covariance of a least-squares fit is

.. math:: \mathrm{Cov}(\theta) = \sigma^2 \Big(\sum_i w_i J_i J_i^\top\Big)^{-1},

and of log odds, with the probabilities :math:`p_i`, the inverse of
:math:`\sum_i w_i\, p_i (1 - p_i)\, J_i J_i^\top`. It takes the structure for given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import pinvh
from scipy.special import expit
from scipy.stats import norm, t

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.formula import Constant, FittedExpression, FittedFormula
from sktaskneuron.formula.equation.numbers import FreeNumber, free_numbers
from sktaskneuron.formula.equation.tangent import formula_coefficients, formula_numbers, tangent

#: Most numbers of one equation whose errors are computed: nobody reads more.
MOST_NUMBERS = 200
# Rows on which slopes are taken, spread over all.
_MOST_ROWS = 20_000
# Half the step of a slope, relative to the number, and that of a zero.
_STEP, _STEP_OF_ZERO = 1e-5, 1e-8
# Curvature, relative to the greatest, below which the rows do not tell a number.
_FLAT = 1e-12


@dataclass(frozen=True, eq=False)
class NumberErrors:
    """Covariances of the numbers of an equation.

    Parameters
    ----------
    covariances : tuple of ndarray of shape (n_numbers, n_numbers)
        One for each output.
    degrees : tuple of float
        Of freedom of its residuals; infinite for classes.
    """

    covariances: tuple[Matrix, ...]
    degrees: tuple[float, ...]


def number_errors(
    equation: FittedFormula | FittedExpression,
    matrix: Matrix,
    target: Matrix,
    weight: Vector,
    *,
    classification: bool,
) -> NumberErrors | None:
    """Compute the errors of an equation's numbers on the rows that it was fitted to.

    Parameters
    ----------
    equation : FittedFormula or FittedExpression
    matrix : ndarray of shape (n_rows, n_columns)
    target : ndarray of shape (n_rows, n_outputs)
        Of classes 0/1 indicators.
    weight : ndarray of shape (n_rows,)
        Counts of the rows.
    classification : bool

    Returns
    -------
    errors : NumberErrors or None
        None for more than two classes, and for more than `MOST_NUMBERS` numbers.
    """
    n_numbers = max(_count(equation, j) for j in range(equation.n_outputs))
    if (classification and equation.n_outputs > 1) or n_numbers > MOST_NUMBERS:
        return None
    rows = np.linspace(0, len(matrix) - 1, min(len(matrix), _MOST_ROWS)).astype(np.intp)
    matrix, target, share = matrix[rows], target[rows], weight[rows]
    share = share * (weight.sum() / share.sum())
    covariances, degrees = [], []
    with np.errstate(all="ignore"):
        values = equation.evaluate(matrix)
        for j in range(equation.n_outputs):
            slopes = _slopes(equation, j, matrix)
            kept = np.isfinite(slopes).all(axis=1) & np.isfinite(values[:, j])
            own, seen = slopes[kept], share[kept]
            if classification:
                probability = expit(values[kept, j])
                seen = seen * probability * (1.0 - probability)
                free, variance = np.inf, 1.0
            else:
                free = float(seen.sum()) - own.shape[1]
                squares = float(seen @ (target[kept, j] - values[kept, j]) ** 2)
                variance = squares / free if free > 0 else np.nan
            covariances.append(variance * _inverse(own, seen))
            degrees.append(free)
    return NumberErrors(tuple(covariances), tuple(degrees))


def _count(equation: FittedFormula | FittedExpression, output: int) -> int:
    if isinstance(equation, FittedFormula):
        return len(formula_numbers(equation, output))
    return len(free_numbers(equation.nodes[output]))


def _slopes(equation: FittedFormula | FittedExpression, output: int, matrix: Matrix) -> Matrix:
    """Return the derivatives by the numbers, (n_rows, n_numbers)."""
    if isinstance(equation, FittedFormula):
        return tangent(equation, output).evaluate(matrix)
    slopes = np.empty((len(matrix), 0))

    def values(number: FreeNumber, value: float) -> Matrix:
        moved = FittedExpression(
            (number.at(value),), equation.feature_names, "", equation.lower, equation.upper
        )
        return moved.evaluate(matrix)

    for number in free_numbers(equation.nodes[output]):
        step = _STEP * abs(number.value) or _STEP_OF_ZERO
        high, low = number.value + step, number.value - step
        slope = (values(number, high) - values(number, low)) / (high - low)
        slopes = np.concatenate([slopes, slope], axis=1)
    return slopes


def _inverse(slopes: Matrix, share: Vector) -> Matrix:
    """Invert the information in slopes; what the rows do not tell takes no part.

    In the units of the numbers: constants of nature are as small as 1e-50.
    """
    largest = np.abs(slopes).max(axis=0, initial=0.0)
    scaled = slopes / np.where(largest > 0, largest, 1.0)
    size = np.sqrt(share @ scaled**2)
    size = np.where(size > 0, size, 1.0)
    inverse = pinvh((scaled / size).T @ (scaled / size * share[:, None]), rtol=_FLAT)
    unit = np.where(largest > 0, largest, 1.0) * size
    return np.asarray(inverse / unit[:, None] / unit)


def constants_of(
    equation: FittedFormula | FittedExpression, errors: NumberErrors, level: float = 0.95
) -> tuple[Constant, ...]:
    """Return the numbers of an equation with their errors and intervals.

    Parameters
    ----------
    equation : FittedFormula or FittedExpression
    errors : NumberErrors
        Of that equation.
    level : float, default=0.95
        Of the intervals.

    Returns
    -------
    constants : tuple of Constant
        Of a formula the coefficients of its monomials and functions.

    Raises
    ------
    FormulaError
        If a formula has too many monomials.
    """
    found = []
    for j, (covariance, free) in enumerate(zip(errors.covariances, errors.degrees, strict=True)):
        names, values, variance = _shown(equation, j, covariance)
        width = norm.ppf(0.5 + level / 2) if np.isinf(free) else t.ppf(0.5 + level / 2, free)
        for name, value, error in zip(names, values, np.sqrt(variance), strict=True):
            half = float(width * error)
            low, high = float(value - half), float(value + half)
            found.append(Constant(name, float(value), float(error), low, high, j))
    return tuple(found)


def _shown(
    equation: FittedFormula | FittedExpression, output: int, covariance: Matrix
) -> tuple[list[str], Vector, Vector]:
    """Return names, values and variances of the numbers that readers see."""
    if isinstance(equation, FittedExpression):
        numbers = free_numbers(equation.nodes[output])
        values = np.asarray([number.value for number in numbers])
        return [number.where for number in numbers], values, np.diag(covariance)
    names, slopes = formula_coefficients(equation, output, MOST_NUMBERS)
    fitted = formula_numbers(equation, output)
    # the entries of factors stand in the weights' slopes already
    linear = 1 + int((equation.term_weights[:, output] != 0).sum())
    values = slopes[:, :linear] @ fitted[:linear]
    return names, values, np.maximum(np.einsum("ik,kl,il->i", slopes, covariance, slopes), 0.0)
