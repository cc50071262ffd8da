"""The share of an equation's variance that each additive term brings."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sktaskneuron._typing import FloatArray, TableLike
from sktaskneuron.inspection.equations.equation import Equation, check_output, read_rows

# Variation below this part of the terms' size is what rounding leaves of a constant.
_ROUNDING = 1e-12


def term_importance(
    estimator: BaseEstimator | Equation,
    X: TableLike,
    sample_weight: ArrayLike | None = None,
    *,
    output: int | None = None,
) -> dict[str, float]:
    r"""Compute the share of the equation's variance that each additive term brings.

    .. math::
        f(x) = b + \sum_t w_t\, h_t(x), \qquad
        s_t = \frac{\mathrm{Cov}(w_t h_t, f)}{\mathrm{Var}(f)}, \qquad \sum_t s_t = 1

    This is exact and needs no permutation: X is only where the variance is taken. It tells what
    moves the *equation*, not the target. Terms that cancel each other, as powers of one column or
    correlated columns can, share badly: one gets more than all, the other less than nothing.
    `FormulaDisplay` adds up the terms of one column first.

    Parameters
    ----------
    estimator : estimator, FittedFormula or FittedExpression
        A fitted estimator with a readable equation, or an equation.
    X : table or array-like of shape (n_samples, n_features)
        The raw table of the estimator; the columns of an equation.
    sample_weight : array-like of shape (n_samples,), default=None
        A weight of k counts as k copies of the row.
    output : int, default=None
        One output, by place. None: the mean over the outputs that vary. For classes the outputs
        are log odds.

    Returns
    -------
    shares : dict of str to float
        By name of the term (of the encoded columns), the largest first; they sum to one. Empty if
        the equation is a constant, without terms.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    AttributeError, TypeError
        If there is no readable equation.
    ValueError
        If the equation has the same value in all rows, a term has no finite value in one of them,
        or the equation lacks the output.

    See Also
    --------
    FormulaDisplay : What the columns of an equation add to its output, most important first.
    shapley_values : Compute the exact interventional Shapley values of an equation.
    feature_importances : Compute how much predictions change with each column.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.formula import FittedExpression
    >>> from sktaskneuron.inspection import term_importance
    >>> X = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    >>> equation = FittedExpression.parse("3*a + 4*b + 7", ["a", "b"])
    >>> {name: round(share, 2) for name, share in term_importance(equation, X).items()}
    {'b': 0.64, 'a': 0.36}
    """
    equation, rows, weight = read_rows(estimator, X, sample_weight)
    names = equation.term_names()
    outputs = range(equation.n_outputs)
    if output is not None:
        outputs = range(check_output(equation, output), output + 1)
    if not names:
        return {}
    values = equation.transform(rows)
    found = [
        variance_shares(values * weights, weight)
        for weights in equation.term_weights.T[list(outputs)]
    ]
    varying = [shares for shares in found if shares is not None]
    if not varying:
        raise ValueError(
            "the equation has the same value in all rows of X (of positive weight): there is no "
            "variance to share"
        )
    mean = np.mean(varying, axis=0)
    order = np.argsort(-mean, kind="stable")
    return {names[place]: float(mean[place]) for place in order}


def variance_shares(parts: FloatArray, weight: FloatArray) -> FloatArray | None:
    """Compute Cov(part, sum of parts) / Var(sum of parts).

    Parameters
    ----------
    parts : ndarray of shape (n_samples, n_parts)
        Values of the additive parts.
    weight : ndarray of shape (n_samples,)

    Returns
    -------
    shares : ndarray of shape (n_parts,), or None if the sum is constant

    Raises
    ------
    ValueError
        If no weight is positive, or a part is not finite in a row of positive weight.
    """
    used = weight > 0
    if not used.any():
        raise ValueError("no row of X has a positive weight")
    parts, weight = parts[used], weight[used] / weight[used].sum()
    bad = int((~np.isfinite(parts)).any(axis=1).sum())
    if bad:
        raise ValueError(
            f"the terms have no finite value in {bad} of {len(parts)} rows of X: leave these out"
        )
    size = np.abs(parts).max(initial=0.0)
    if size == 0.0:
        return None
    parts = parts / size  # squares stay within the range of doubles
    parts -= weight @ parts
    total = parts.sum(axis=1)
    covariances = weight @ (parts * total[:, None])
    if weight @ total**2 <= _ROUNDING**2:
        return None
    return np.asarray(covariances / covariances.sum())
