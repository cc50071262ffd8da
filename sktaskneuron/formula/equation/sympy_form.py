"""A fitted formula as sympy expressions of the raw columns, exact or rounded for show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.equation.expression import ElementwiseExpression
from sktaskneuron.formula.equation.polynomial import (
    Polynomial,
    raw_polynomial,
    shown_polynomial,
    standardized_polynomial,
    too_many_terms,
)
from sktaskneuron.formula.equation.terms import AtomTerm, PureTerm
from sktaskneuron.formula.equation.value import FittedValue
from sktaskneuron.formula.export.notation import check_digits
from sktaskneuron.formula.export.tree_sympy import sympy_number

if TYPE_CHECKING:
    import sympy

__all__ = ["FORMS", "sympy_expressions"]

# Expressions and their weights, one per output.
Weighted: TypeAlias = "list[tuple[sympy.Expr, Vector]]"

#: Ways to write the polynomial part.
FORMS = ("auto", "expanded", "centered", "factored")

# Centers this many scales away from 0 stay together with their column inside functions: sympy
# would make exp(x/s)*exp(-c/s) of exp((x - c)/s), which overflows.
_FAR = 10.0


def sympy_expressions(
    fitted: FittedValue, form: str, max_terms: int, digits: int | None = None
) -> list[sympy.Expr]:
    """Return a fitted formula as sympy expressions of the raw columns, one per output.

    Parameters
    ----------
    fitted : FittedValue
    form : {"auto", "expanded", "centered", "factored"}
        As `FittedFormula.to_sympy` says.
    max_terms : int
    digits : int, optional
        Significant digits to round to, for show; the default keeps all.

    Returns
    -------
    expressions : list of sympy.Expr

    Raises
    ------
    FormulaError
        If the form is unknown, would lose digits, or has more than `max_terms` terms, or if
        `digits` is below 1.
    """
    return _Builder(fitted, form, max_terms, digits).expressions()


class _Builder:
    """One conversion: the numbers' precision, the columns' symbols, the chosen form."""

    def __init__(self, fitted: FittedValue, form: str, max_terms: int, digits: int | None) -> None:
        import sympy

        if form not in FORMS:
            raise FormulaError(f"unknown form {form!r}; known are {', '.join(FORMS)}")
        if digits is not None:
            check_digits(digits)
        self.sympy = sympy
        self.fitted = fitted
        self.digits = digits
        self.max_terms = max_terms
        self.used = [int(i) for i in fitted.used_features]
        self.bases = {i: self.clipped(i) for i in self.used}
        self.form = form

    def number(self, value: float, digits: int | None = None) -> sympy.Expr:
        digits = self.digits if digits is None else digits
        if digits is None or (float(value).is_integer() and abs(value) < 10**digits):
            return sympy_number(value, self.sympy)
        rounded = float(f"{value:.{digits}g}")
        if rounded.is_integer() and abs(rounded) < 10**digits:
            return sympy_number(rounded, self.sympy)
        return self.sympy.Float(rounded, digits)

    def located(self, value: float, feature: int) -> sympy.Expr:
        """Return a number on a column's axis: rounded relative to the column's scale."""
        digits = self.digits
        if digits is not None and value != 0:
            places = math.log10(abs(value)) - math.log10(self.fitted.scale[feature])
            digits = min(17, digits + max(0, math.ceil(places)))
        return self.number(value, digits)

    def clipped(self, feature: int) -> sympy.Expr:
        sympy, fitted = self.sympy, self.fitted
        base = sympy.Symbol(fitted.feature_names[feature])
        lower, upper = float(fitted.lower[feature]), float(fitted.upper[feature])
        if math.isfinite(lower):
            base = sympy.Max(base, self.located(lower, feature))
        if math.isfinite(upper):
            base = sympy.Min(base, self.located(upper, feature))
        return base

    def centred(self, feature: int) -> sympy.Expr:
        center = float(self.fitted.center[feature])
        base = self.bases[feature]
        return base - self.located(center, feature) if center != 0 else base

    def scaled(self, coefficient: float, base: sympy.Expr) -> sympy.Expr:
        """Multiply without letting sympy distribute the number over a difference x - c.

        Distributing would cost digits for centers many scales away from 0.
        """
        number = self.number(coefficient)
        if number == 1:
            return base
        return self.sympy.Mul(number, base, evaluate=not base.is_Add)

    def expressions(self) -> list[sympy.Expr]:
        """Return one expression per output."""
        sympy = self.sympy
        weighted = self.elementwise_terms()
        if self.form == "factored":
            weighted += self.factored_terms()
        else:
            weighted += self.polynomial_terms()
        if len(weighted) > self.max_terms:
            raise too_many_terms(self.max_terms)
        return [
            sympy.Add(
                *(self.scaled(weights[j], term) for term, weights in weighted if weights[j] != 0)
            )
            for j in range(self.fitted.n_outputs)
        ]

    def elementwise_terms(self) -> Weighted:
        """Return g_t(z_i) and its weights for pure terms that are no power of x."""
        fitted = self.fitted
        pure = [term for term in fitted.terms if isinstance(term, PureTerm)]
        if len(pure) > self.max_terms:
            raise too_many_terms(self.max_terms)
        result = []
        for term in pure:
            expression = fitted.formula.expressions[term.index]
            if not expression.is_power:
                weights = fitted.pure_weights[term.index][term.feature]
                result.append((self.elementwise(expression, term.feature), weights))
        return result

    def elementwise(self, expression: ElementwiseExpression, feature: int) -> sympy.Expr:
        symbol = self.sympy.Dummy("x")
        g = expression.to_sympy(symbol)
        if self.digits is not None:
            g = g.xreplace({f: self.number(float(f)) for f in g.atoms(self.sympy.Float)})
        z = self.centred(feature)
        far = abs(self.fitted.center[feature]) > _FAR * self.fitted.scale[feature]
        if z.is_Add and (far or self.digits is not None):
            z = self.sympy.UnevaluatedExpr(z)
        return g.xreplace({symbol: self.scaled(1.0 / float(self.fitted.scale[feature]), z)})

    def polynomial_terms(self) -> Weighted:
        """Return monomials of the raw or centred columns, and their weights."""
        fitted = self.fitted
        standardized = standardized_polynomial(fitted, self.max_terms)
        raw = self.expanded(standardized)
        if raw is not None:
            return self.monomials(raw, self.bases)
        rescaled = {
            monomial: weights / np.prod([float(fitted.scale[i]) ** p for i, p in monomial])
            for monomial, weights in standardized.items()
        }
        return self.monomials(rescaled, {i: self.centred(i) for i in self.used})

    def expanded(self, standardized: Polynomial) -> Polynomial | None:
        """Return the polynomial in raw columns if it is wanted and keeps the digits."""
        if self.form == "centered":
            return None
        if self.form == "expanded":
            raw = raw_polynomial(self.fitted, standardized, self.max_terms)
            if raw is None:
                raise FormulaError(
                    "multiplied out in raw columns the equation would lose its digits, since "
                    "centers are many scales away from 0; use form='centered'"
                )
            return raw
        return shown_polynomial(self.fitted, standardized, self.max_terms, self.digits)

    def monomials(self, polynomial: Polynomial, bases: Mapping[int, sympy.Expr]) -> Weighted:
        sympy = self.sympy
        result = []
        for monomial, weights in polynomial.items():
            powers = [sympy.Pow(bases[feature], power) for feature, power in monomial]
            result.append((sympy.Mul(*powers), weights))
        return result

    def factored_terms(self) -> Weighted:
        """Return powers and products of sums of the centred columns, and their weights."""
        sympy, fitted = self.sympy, self.fitted
        centred = {i: self.centred(i) for i in self.used}
        result = [(sympy.Integer(1), fitted.intercept)]
        count = 1
        for term in fitted.terms:
            if isinstance(term, AtomTerm):
                u = fitted.factors[term.order][:, :, term.index]
                count += int(np.count_nonzero(u))
                if count > self.max_terms:
                    raise too_many_terms(self.max_terms)
                result.append((self.atom(u, centred), fitted.loadings[term.order][term.index]))
                continue
            power = fitted.formula.expressions[term.index].power
            if power is not None:
                count += 1
                weights = fitted.pure_weights[term.index][term.feature]
                size = float(fitted.scale[term.feature]) ** power
                result.append((sympy.Pow(centred[term.feature], power), weights / size))
        if count > self.max_terms:
            raise too_many_terms(self.max_terms)
        return result

    def atom(self, factors: Matrix, centred: Mapping[int, sympy.Expr]) -> sympy.Expr:
        sympy, scale = self.sympy, self.fitted.scale
        order = factors.shape[0]
        sums = [
            sympy.Add(
                *(self.scaled(u[i] / float(scale[i]), centred[int(i)]) for i in np.flatnonzero(u))
            )
            for u in factors
        ]
        diagonal = factors.prod(axis=0)
        powers = [
            self.scaled(-diagonal[i] / float(scale[i]) ** order, centred[int(i)] ** order)
            for i in np.flatnonzero(diagonal)
        ]
        return sympy.Add(sympy.Mul(*sums), *powers)
