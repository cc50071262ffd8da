"""The polynomial part of a fitted formula, multiplied out into monomials.

A monomial is a tuple of ``(feature, power)`` pairs, features upwards; ``()`` is the constant.
A polynomial maps monomials to coefficients, one per output.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import comb
from typing import TypeAlias

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.equation.terms import AtomTerm, PureTerm
from sktaskneuron.formula.equation.value import FittedValue

__all__ = [
    "Monomial",
    "Polynomial",
    "expand_atom",
    "raw_polynomial",
    "rounding_amplification",
    "shown_polynomial",
    "standardized_polynomial",
    "too_many_terms",
]

Monomial: TypeAlias = tuple[tuple[int, int], ...]
Polynomial: TypeAlias = dict[Monomial, Vector]

#: Largest difference, relative to the equation's spread, that multiplying out may cause:
#: nine of the 16 digits of a double stay.
AGREEMENT = 1e-9
# Where agreement is measured: this many points, within so many scales around the centers,
# where all but a few rows of a standardized column lie.
_N_POINTS = 64
_RANGE = 3.0
# A coefficient whose monomial stays below this share of the spread is rounding of a zero: five
# times the spacing of doubles, 2.2e-16.
_NEGLIGIBLE = 1e-15
# Rounded coefficients may move the shown equation by this share of its size at most: with four
# digits, terms that cancel may be 100 times as large as their sum.
_SHOWN_ERROR = 0.05


def too_many_terms(max_terms: int) -> FormulaError:
    """Make the error of an equation that is too long."""
    return FormulaError(
        f"the equation has more than max_terms={max_terms} terms when written in this form; "
        "form='factored' keeps the interactions as products and is the shortest, "
        "and max_terms can be raised at the cost of time"
    )


def _times(monomial: Monomial, feature: int) -> Monomial:
    powers = dict(monomial)
    powers[feature] = powers.get(feature, 0) + 1
    return tuple(sorted(powers.items()))


def expand_atom(factors: Matrix, max_terms: int) -> dict[Monomial, float]:
    r"""Multiply out one interaction atom.

    Parameters
    ----------
    factors : ndarray of shape (order, n_features)
        The vectors :math:`u_m`.
    max_terms : int
        Largest number of monomials.

    Returns
    -------
    polynomial : dict of monomial to float
        :math:`\prod_m \langle u_m, z \rangle` without its pure powers :math:`z_i^k`, and
        without zero coefficients.

    Raises
    ------
    FormulaError
        If there are more monomials.
    """
    product: dict[Monomial, float] = {(): 1.0}
    for u in factors:
        entries = [(int(i), float(u[i])) for i in np.flatnonzero(u)]
        larger: dict[Monomial, float] = {}
        for monomial, coefficient in product.items():
            for feature, value in entries:
                key = _times(monomial, feature)
                larger[key] = larger.get(key, 0.0) + coefficient * value
            if len(larger) > max_terms + len(entries):
                raise too_many_terms(max_terms)
        product = larger
    return {key: value for key, value in product.items() if len(key) > 1 and value != 0}


def standardized_polynomial(fitted: FittedValue, max_terms: int) -> Polynomial:
    """Collect constant, powers and interactions of a formula as a polynomial in z.

    Parameters
    ----------
    fitted : FittedValue
    max_terms : int

    Returns
    -------
    polynomial : dict of monomial to ndarray of shape (n_outputs,)
        Pure terms that are no power of x are left out.

    Raises
    ------
    FormulaError
        If there are more than `max_terms` monomials.
    """
    result: Polynomial = {(): fitted.intercept.copy()}
    for term in fitted.terms:
        match term:
            case PureTerm(t, feature):
                power = fitted.formula.expressions[t].power
                if power is not None:
                    _accumulate(result, ((feature, power),), fitted.pure_weights[t][feature])
            case AtomTerm(order, r):
                loading = fitted.loadings[order][r]
                atom = expand_atom(fitted.factors[order][:, :, r], max_terms)
                for monomial, coefficient in atom.items():
                    _accumulate(result, monomial, coefficient * loading)
        if len(result) > max_terms:
            raise too_many_terms(max_terms)
    return result


def _accumulate(polynomial: Polynomial, monomial: Monomial, value: Vector) -> None:
    known = polynomial.get(monomial)
    polynomial[monomial] = value if known is None else known + value


def raw_polynomial(
    fitted: FittedValue, standardized: Polynomial, max_terms: int
) -> Polynomial | None:
    """Multiply out the centring and scaling: from a polynomial in z to one in clipped x.

    Parameters
    ----------
    fitted : FittedValue
    standardized : Polynomial
        In z, as `standardized_polynomial` returns it.
    max_terms : int

    Returns
    -------
    polynomial : Polynomial or None
        None if multiplying out would lose digits: where centers are many scales away from 0,
        large terms cancel. Measured at points around the centers, not estimated.

    Raises
    ------
    FormulaError
        If there are more than `max_terms` monomials.
    """
    result: Polynomial = {}
    with np.errstate(all="ignore"):
        for monomial, weights in standardized.items():
            shifted: dict[Monomial, float] = {(): 1.0}
            for feature, power in monomial:
                scale, center = float(fitted.scale[feature]), float(fitted.center[feature])
                ratio = -center / scale
                steps = [
                    (j, comb(power, j) * ratio ** (power - j) / scale**j) for j in range(power + 1)
                ]
                shifted = {
                    (*key, (feature, j)) if j else key: value * step
                    for key, value in shifted.items()
                    for j, step in steps
                    if step != 0
                }
            for key, value in shifted.items():
                _accumulate(result, key, value * weights)
            if len(result) > max_terms:
                raise too_many_terms(max_terms)
        return _checked(fitted, standardized, result)


def _checked(fitted: FittedValue, standardized: Polynomial, raw: Polynomial) -> Polynomial | None:
    """Return the raw polynomial, without rounded zeros, if it agrees with the other."""
    x, z = _points(fitted)
    spread = np.abs(_values(standardized, z) - fitted.intercept).max(axis=0)
    basis = np.abs(_monomials(raw, x)).max(axis=0)
    kept: Polynomial = {}
    for (monomial, weights), size in zip(raw.items(), basis, strict=True):
        visible = np.where(np.abs(weights) * size > _NEGLIGIBLE * spread, weights, 0.0)
        if visible.any():
            kept[monomial] = visible
    difference = np.abs(_values(kept, x) - _values(standardized, z)).max(axis=0)
    # Not "difference > ...": a NaN has to fail.
    return kept if np.all(difference <= AGREEMENT * spread) else None


def rounding_amplification(fitted: FittedValue, raw: Polynomial) -> float:
    """Return how many times the raw form enlarges relative errors of its coefficients.

    Parameters
    ----------
    fitted : FittedValue
    raw : Polynomial
        In raw columns.

    Returns
    -------
    amplification : float
        Sum of the absolute terms over the absolute value of the sum, at its largest; a few
        where little cancels.
    """
    x, _ = _points(fitted)
    if not raw:
        return 1.0
    monomials, weights = _monomials(raw, x), np.array(list(raw.values()))
    total = np.abs(monomials) @ np.abs(weights)
    size = np.abs(monomials @ weights).max(axis=0)
    shown = size > 0  # an output without terms has nothing to enlarge
    return float((total[:, shown] / size[shown]).max(initial=1.0))


def shown_polynomial(
    fitted: FittedValue, standardized: Polynomial, max_terms: int, digits: int | None
) -> Polynomial | None:
    """Return the polynomial in raw columns where it can be shown with so many digits.

    Parameters
    ----------
    fitted : FittedValue
    standardized : Polynomial
        In z, as `standardized_polynomial` returns it.
    max_terms : int
    digits : int or None
        Significant digits of its numbers; None keeps all.

    Returns
    -------
    polynomial : Polynomial or None
        None if rounded numbers would not tell the equation, or it is too long multiplied out.
    """
    try:
        raw = raw_polynomial(fitted, standardized, max_terms)
    except FormulaError:
        return None  # maybe not in centred columns
    if raw is None or digits is None:
        return raw
    shown_error = 0.5 * 10.0 ** (1 - digits) * rounding_amplification(fitted, raw)
    return raw if shown_error <= _SHOWN_ERROR else None


def _points(fitted: FittedValue) -> tuple[Matrix, Matrix]:
    """Return fixed points around the centers, as clipped x and as z."""
    # A generator of its own with a fixed seed: exports are deterministic, global state is kept.
    z = np.random.default_rng(0).uniform(-_RANGE, _RANGE, (_N_POINTS, fitted.n_features))
    x = np.clip(fitted.center + fitted.scale * z, fitted.lower, fitted.upper)
    return x, (x - fitted.center) / fitted.scale


def _monomials(monomials: Iterable[Monomial], columns: Matrix) -> Matrix:
    """Evaluate monomials, shape (n_points, n_monomials)."""
    keys = list(monomials)
    result = np.ones((columns.shape[0], len(keys)))
    for index, monomial in enumerate(keys):
        for feature, power in monomial:
            result[:, index] *= columns[:, feature] ** power
    return result


def _values(polynomial: Polynomial, columns: Matrix) -> Matrix:
    if not polynomial:
        return np.zeros((columns.shape[0], 1))
    weights = np.array(list(polynomial.values()))
    return np.asarray(_monomials(polynomial, columns) @ weights)
