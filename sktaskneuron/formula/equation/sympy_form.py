"""A fitted formula as sympy expressions, readable text and LaTeX, on the raw columns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.equation.expression import ElementwiseExpression
from sktaskneuron.formula.equation.fitted import FittedFormula
from sktaskneuron.formula.equation.polynomial import (
    Polynomial,
    raw_polynomial,
    rounding_amplification,
    standardized_polynomial,
    too_many_terms,
)
from sktaskneuron.formula.equation.terms import AtomTerm, PureTerm
from sktaskneuron.formula.export.notation import check_digits, latex_lines, latex_name, text_lines
from sktaskneuron.formula.export.tree_sympy import sympy_number

__all__ = ["FORMS", "to_latex", "to_sympy", "to_text"]

#: Ways to write the polynomial part.
FORMS = ("auto", "expanded", "centered", "factored")

# Rounded coefficients may move the shown equation by this share of its size at most.
_SHOWN_ERROR = 0.05
# Centers this many scales away from 0 stay together with their column inside functions: sympy
# would make exp(x/s)*exp(-c/s) of exp((x - c)/s), which overflows.
_FAR = 10.0


def to_sympy(fitted: FittedFormula, *, form: str = "auto", max_terms: int = 5000) -> Any:
    """Return a fitted formula as sympy expressions of the raw columns.

    Parameters
    ----------
    fitted : FittedFormula
    form : {"auto", "expanded", "centered", "factored"}
        How the polynomial part is written: in monomials of the raw columns ("expanded"); in
        monomials of the centred ones, ``(age - 48.5)**2`` ("centered"); with the interactions
        as products of sums, the shortest for wide tables ("factored"). "auto" is "expanded"
        where that agrees with `FittedFormula.evaluate` to 1e-9 of the equation's spread, else
        "centered".
    max_terms : int
        Largest number of terms, after multiplying out what `form` says.

    Returns
    -------
    expression : sympy.Expr, or list of sympy.Expr if there are several outputs
        Symbols are plain ``sympy.Symbol(name)`` with the columns' names; numbers have full
        float64 precision; a clipped column appears as ``Min(Max(x, lower), upper)``. Inside
        functions, a column whose center is more than 10 scales away from 0 appears as
        ``UnevaluatedExpr(x - center)``; ``expression.doit()`` releases it, at the cost of digits.

    Raises
    ------
    FormulaError
        If the form is unknown, would lose digits, or has more than `max_terms` terms.
    """
    expressions = _Builder(fitted, form, max_terms, digits=None).expressions()
    return expressions[0] if fitted.n_outputs == 1 else expressions


def to_text(
    fitted: FittedFormula, *, digits: int = 4, form: str = "auto", max_terms: int = 200
) -> str:
    """Return a fitted formula as text with rounded numbers.

    Parameters
    ----------
    fitted : FittedFormula
    digits : int
        Significant digits. "auto" form avoids multiplying out where so few digits would not
        tell the equation; centers are rounded relative to their scales.
    form, max_terms
        As in `to_sympy`.

    Returns
    -------
    text : str
        One line ``f[j] = ...`` per output if there are several.

    Raises
    ------
    FormulaError
        As `to_sympy`.
    """
    import sympy

    lines = [
        sympy.sstr(expression, full_prec=False)
        for expression in _Builder(fitted, form, max_terms, digits).expressions()
    ]
    return text_lines(lines)


def to_latex(
    fitted: FittedFormula, *, digits: int = 4, form: str = "auto", max_terms: int = 200
) -> str:
    r"""Return a fitted formula as LaTeX with rounded numbers.

    Parameters
    ----------
    fitted : FittedFormula
    digits, form, max_terms
        As in `to_text`.

    Returns
    -------
    text : str
        For math mode, without dollars. Names longer than a letter are upright,
        ``\mathrm{body\_mass}``. Several outputs make an ``aligned`` block.

    Raises
    ------
    FormulaError
        As `to_sympy`.
    """
    import sympy

    names = {sympy.Symbol(name): latex_name(name) for name in fitted.feature_names}
    lines = [
        sympy.latex(expression, symbol_names=names)
        for expression in _Builder(fitted, form, max_terms, digits).expressions()
    ]
    return latex_lines(lines)


class _Builder:
    """One conversion: the numbers' precision, the columns' symbols, the chosen form."""

    def __init__(
        self, fitted: FittedFormula, form: str, max_terms: int, digits: int | None
    ) -> None:
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

    def number(self, value: float, digits: int | None = None) -> Any:
        digits = self.digits if digits is None else digits
        if digits is None or (float(value).is_integer() and abs(value) < 10**digits):
            return sympy_number(value, self.sympy)
        rounded = float(f"{value:.{digits}g}")
        if rounded.is_integer() and abs(rounded) < 10**digits:
            return sympy_number(rounded, self.sympy)
        return self.sympy.Float(rounded, digits)

    def located(self, value: float, feature: int) -> Any:
        """Return a number on a column's axis: rounded relative to the column's scale."""
        digits = self.digits
        if digits is not None and value != 0:
            places = math.log10(abs(value)) - math.log10(self.fitted.scale[feature])
            digits = min(17, digits + max(0, math.ceil(places)))
        return self.number(value, digits)

    def clipped(self, feature: int) -> Any:
        sympy, fitted = self.sympy, self.fitted
        base = sympy.Symbol(fitted.feature_names[feature])
        lower, upper = float(fitted.lower[feature]), float(fitted.upper[feature])
        if math.isfinite(lower):
            base = sympy.Max(base, self.located(lower, feature))
        if math.isfinite(upper):
            base = sympy.Min(base, self.located(upper, feature))
        return base

    def centred(self, feature: int) -> Any:
        center = float(self.fitted.center[feature])
        base = self.bases[feature]
        return base - self.located(center, feature) if center != 0 else base

    def scaled(self, coefficient: float, base: Any) -> Any:
        """Multiply without letting sympy distribute the number over a difference x - c.

        Distributing would cost digits for centers many scales away from 0.
        """
        number = self.number(coefficient)
        if number == 1:
            return base
        return self.sympy.Mul(number, base, evaluate=not base.is_Add)

    def expressions(self) -> list[Any]:
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

    def elementwise_terms(self) -> list[tuple[Any, Any]]:
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

    def elementwise(self, expression: ElementwiseExpression, feature: int) -> Any:
        symbol = self.sympy.Dummy("x")
        g = expression.to_sympy(symbol)
        if self.digits is not None:
            g = g.xreplace({f: self.number(float(f)) for f in g.atoms(self.sympy.Float)})
        z = self.centred(feature)
        far = abs(self.fitted.center[feature]) > _FAR * self.fitted.scale[feature]
        if z.is_Add and (far or self.digits is not None):
            z = self.sympy.UnevaluatedExpr(z)
        return g.xreplace({symbol: self.scaled(1.0 / float(self.fitted.scale[feature]), z)})

    def polynomial_terms(self) -> list[tuple[Any, Any]]:
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
        try:
            raw = raw_polynomial(self.fitted, standardized, self.max_terms)
        except FormulaError:
            return None  # too long multiplied out, but maybe not in centred columns
        if raw is None or self.digits is None:
            return raw
        shown_error = 0.5 * 10.0 ** (1 - self.digits) * rounding_amplification(self.fitted, raw)
        return raw if shown_error <= _SHOWN_ERROR else None

    def monomials(self, polynomial: Polynomial, bases: dict[int, Any]) -> list[tuple[Any, Any]]:
        sympy = self.sympy
        result = []
        for monomial, weights in polynomial.items():
            powers = [sympy.Pow(bases[feature], power) for feature, power in monomial]
            result.append((sympy.Mul(*powers), weights))
        return result

    def factored_terms(self) -> list[tuple[Any, Any]]:
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

    def atom(self, factors: Any, centred: dict[int, Any]) -> Any:
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
