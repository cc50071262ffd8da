"""Constants that give every inner signal of a task neuron mean zero and unit variance.

The expectations are over a standard normal input. They are computed once, in float64, when a
neuron is built.
"""

from collections.abc import Sequence

import numpy as np

from sktaskneuron._typing import FloatArray, Matrix, Vector
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import ElementwiseExpression

# Beyond, the density of N(0, 1) is below 2e-14 of that at 0: no float64 sum can tell.
_HALF_WIDTH = 8.0
# A step of .004: 78 points in each wave of sin(20 x).
_N_POINTS = 4001
# Share of a term's variance that the terms before it must leave for it to be orthogonalised.
_MIN_RESIDUAL = 1e-4
# Nodes of a joint grid of quadrature at most.
_MAX_GRID = 20_000


def smooth_bound(x: FloatArray, bound: float) -> FloatArray:
    """Return x / sqrt(1 + (x / bound)**2), of the shape of ``x``."""
    return x / np.sqrt(1.0 + (x / bound) ** 2)


def _normal_grid() -> tuple[Vector, Vector]:
    """Return points and weights of an expectation over N(0, 1), each of shape (n_points,).

    An even grid (the trapezoidal rule): for smooth functions under a Gaussian weight it is as
    exact as Gauss-Hermite quadrature, and it also serves functions with a kink or with many waves
    (abs, sin(20 x)), where Gauss-Hermite with a hundred nodes is off by percents.
    """
    x = np.linspace(-_HALF_WIDTH, _HALF_WIDTH, _N_POINTS)
    weights = np.exp(-0.5 * x * x)
    return x, weights / weights.sum()


def orthonormal_terms(
    expressions: Sequence[ElementwiseExpression], bound: float
) -> tuple[Matrix, Vector]:
    """Orthonormalise the pure terms of a neuron under x ~ N(0, 1) (Gram-Schmidt).

    With g_1(x) = x and g_t(b(x)) for the others, b the smooth bound, find M upper triangular and m
    such that the signals ``phi = m + g @ M`` have mean zero, unit variance and no correlation. For
    pure powers and a wide bound these are the normalised Hermite polynomials.

    A term that is (nearly) a combination of the terms before it would be blown up by the
    orthogonalisation; such a term is only centred and scaled.

    Parameters
    ----------
    expressions : sequence of ElementwiseExpression
        The terms g_1 = x, g_2, ..., g_T.
    bound : float
        Bound of the argument of g_2, ..., g_T.

    Returns
    -------
    mixing : ndarray of shape (n_terms, n_terms)
    shift : ndarray of shape (n_terms,)

    Raises
    ------
    FormulaError
        If a term is not defined somewhere on [-bound, bound], or is a constant.
    """
    x, weights = _normal_grid()
    inside = smooth_bound(x, bound)
    n_terms = len(expressions)
    mixing = np.zeros((n_terms, n_terms))
    signals = np.zeros((n_terms, len(x)))
    means = np.zeros(n_terms)
    domain = np.linspace(-bound, bound, _N_POINTS)
    for t, expression in enumerate(expressions):
        if not expression.in_domain(domain).all():
            raise FormulaError(
                f"the pure term {expression.text!r} is not defined everywhere on "
                f"[{-bound:g}, {bound:g}], the range of a standardised column; "
                "use a function that is, such as log(1 + x**2) for log(x)"
            )
        values = expression.evaluate(x if t == 0 else inside)
        means[t] = weights @ values
        centred = values - means[t]
        variance = weights @ centred**2
        if variance <= 1e-20 * (means[t] ** 2 + 1e-280):
            raise FormulaError(f"the pure term {expression.text!r} is a constant")
        residual, column = centred, np.zeros(n_terms)
        column[t] = 1.0
        for _ in range(2):  # the second pass removes what rounding left in the first
            projections = signals[:t] @ (weights * residual)
            residual = residual - projections @ signals[:t]
            column = column - mixing[:, :t] @ projections
        rest = weights @ residual**2
        if rest < _MIN_RESIDUAL * variance:
            residual, rest = centred, variance
            column = np.eye(n_terms)[t]
        signals[t] = residual / np.sqrt(rest)
        mixing[:, t] = column / np.sqrt(rest)
    return mixing, -means @ mixing


def bounded_variance(bound: float) -> float:
    """Return the variance of c / sqrt(1 + (c / bound)**2) for c ~ N(0, 1)."""
    c, weights = _normal_grid()
    return float(weights @ smooth_bound(c, bound) ** 2)


def product_moments(factors: FloatArray, bound: float) -> tuple[Vector, Vector]:
    """Return mean and variance of bounded products prod_m b(<u_m, x>) under x ~ N(0, I).

    If the factors of each atom are orthonormal, the inner products are independent: the mean is
    zero and the variance is a power of one number. Orthonormal factors need at least as many
    features as the order; with fewer features the moments come from a grid of Gauss-Hermite nodes.

    Parameters
    ----------
    factors : ndarray of shape (order, n_features, rank)
        Unit vectors u; orthonormal within each atom where ``n_features >= order``.
    bound : float

    Returns
    -------
    mean, variance : ndarrays of shape (rank,)
    """
    order, n_features, rank = factors.shape
    if n_features >= order:
        return np.zeros(rank), np.full(rank, bounded_variance(bound) ** order)
    n_nodes = max(2, min(64, int(_MAX_GRID ** (1.0 / n_features))))
    nodes, weights = np.polynomial.hermite_e.hermegauss(n_nodes)
    grid = np.stack(np.meshgrid(*[nodes] * n_features, indexing="ij"), -1).reshape(-1, n_features)
    joint = np.ones(1)
    for _ in range(n_features):
        joint = np.outer(joint, weights / weights.sum()).ravel()
    products = np.ones((len(grid), rank))
    for factor in factors:
        products *= smooth_bound(grid @ factor, bound)
    mean = joint @ products
    return mean, joint @ (products - mean) ** 2
