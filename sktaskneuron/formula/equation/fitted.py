"""`FittedFormula`: a neuron formula with numbers, in every form it can be written in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sktaskneuron._typing import PlainData
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.equation.json_text import (
    check_format,
    load_json,
    plain_bounds,
    read_bounds,
)
from sktaskneuron.formula.equation.neuron_formula import NeuronFormula
from sktaskneuron.formula.equation.sympy_form import sympy_expressions
from sktaskneuron.formula.equation.trees import trees
from sktaskneuron.formula.equation.value import FittedValue
from sktaskneuron.formula.export.exports import Exports
from sktaskneuron.formula.export.notation import one_or_all, text_lines
from sktaskneuron.formula.text.nodes import Node

if TYPE_CHECKING:
    import sympy

__all__ = ["FittedFormula"]

# Format name and number of the plain data.
_FORMAT, _VERSION = "sktaskneuron.FittedFormula", 1


@dataclass(frozen=True, init=False, eq=False, repr=False)
class FittedFormula(FittedValue, Exports):
    r"""A neuron formula with fitted numbers: an equation from raw columns to outputs.

    .. math::
        z_i &= (\mathrm{clip}(x_i, \mathrm{lower}_i, \mathrm{upper}_i)
              - \mathrm{center}_i) / \mathrm{scale}_i \\
        f(x) &= b + \sum_t \sum_i W_{t,i}\, g_t(z_i) + \sum_k \sum_r V_{k,r}\, A_{k,r}(z) \\
        A_{k,r}(z) &= \prod_{m=1}^{k} \langle u_{k,m,r}, z \rangle
                    - \sum_i \Big(\prod_{m=1}^{k} u_{k,m,r,i}\Big) z_i^k

    The subtraction keeps interactions disjoint from pure terms: no :math:`z_i^k` hides in an
    interaction of order k, so every function has one set of numbers only.

    Only columns with a non-zero weight are read: NaN elsewhere does no harm. Arrays are copied
    and made read-only.

    Parameters
    ----------
    formula : NeuronFormula
        Shape of the neuron whose numbers these are.
    intercept : array-like of shape (n_outputs,)
        Constant of every output.
    pure_weights : sequence of array-like of shape (n_features, n_outputs)
        :math:`W_t`, one per pure term, in the formula's canonical order.
    factors : mapping of int to array-like of shape (order, n_features, rank)
        :math:`u_{k,m,r}`, by order, for every order of the formula.
    loadings : mapping of int to array-like of shape (rank, n_outputs)
        :math:`V_{k,r}`, by order.
    center, scale : array-like of shape (n_features,), optional
        In raw units; 0 and 1 by default. Scales are positive.
    lower, upper : array-like of shape (n_features,), optional
        Bounds in raw units; without bounds by default.
    feature_names : sequence of str, optional
        Distinct names of the columns; ``x0``, ``x1``, ... by default.
    link : str, optional
        How a model uses the value, e.g. "logit". Kept as a note: what is evaluated and
        exported is always the linear predictor f.

    Raises
    ------
    FormulaError
        If shapes disagree, numbers are not finite, or names repeat.

    See Also
    --------
    FittedExpression : Equations of named columns: one tree per output, numbers and all.
    NeuronFormula : Which terms one neuron adds up: pure terms and interactions, without weights.

    Examples
    --------
    >>> from sktaskneuron.formula import FittedFormula, NeuronFormula
    >>> fitted = FittedFormula(
    ...     NeuronFormula.parse("x**2 + <x,x>:1"),
    ...     intercept=[1.0],
    ...     pure_weights=[[[2.0], [0.0]]],
    ...     factors={2: [[[1.0], [0.0]], [[0.0], [1.0]]]},
    ...     loadings={2: [[3.0]]},
    ...     feature_names=("age", "bmi"),
    ... )
    >>> fitted.evaluate([[2.0, 5.0]])
    array([[39.]])
    >>> fitted.term_names()
    ['age**2', 'age*bmi']
    >>> print(fitted)
    2*age**2 + 3*age*bmi + 1
    """

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FittedFormula):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.formula, self.feature_names, self.intercept.tobytes()))

    def __repr__(self) -> str:
        return (
            f"<FittedFormula {self.formula}: {len(self.terms)} terms, "
            f"{self.n_features} columns, {self.n_outputs} outputs>"
        )

    def __str__(self) -> str:
        try:
            return self.to_text()
        except FormulaError:  # too long to read
            return repr(self)

    def trees(self) -> tuple[Node, ...]:
        """Return one tree per output on the raw columns, clipped where there are bounds."""
        return trees(self)

    def to_sympy(
        self, *, form: str = "auto", max_terms: int = 5000
    ) -> sympy.Expr | list[sympy.Expr]:
        """Return the equation as sympy expressions of the raw columns.

        Parameters
        ----------
        form : {"auto", "expanded", "centered", "factored"}
            How the polynomial part is written: in monomials of the raw columns ("expanded"); in
            monomials of the centred ones, ``(age - 48.5)**2`` ("centered"); with the interactions
            as products of sums, the shortest for wide tables ("factored"). "auto" is "expanded"
            where that agrees with `evaluate` to 1e-9 of the equation's spread, else "centered".
        max_terms : int
            Largest number of terms, after multiplying out what `form` says.

        Returns
        -------
        expression : sympy.Expr, or list of sympy.Expr if there are several outputs
            Symbols are plain ``sympy.Symbol(name)`` with the columns' names; numbers have full
            float64 precision; a clipped column appears as ``Min(Max(x, lower), upper)``. Inside
            functions, a column whose center is more than 10 scales away from 0 appears as
            ``UnevaluatedExpr(x - center)``; ``expression.doit()`` releases it, at the cost of
            digits.

        Raises
        ------
        FormulaError
            If the form is unknown, would lose digits, or has more than `max_terms` terms.
        """
        return one_or_all(sympy_expressions(self, form, max_terms))

    def to_text(self, digits: int = 4, *, form: str = "auto", max_terms: int = 200) -> str:
        """Return the equation as readable text, with rounded numbers.

        Parameters
        ----------
        digits : int, default=4
            Significant digits. "auto" form avoids multiplying out where so few digits would not
            tell the equation; centers are rounded relative to their scales.
        form : {"auto", "expanded", "centered", "factored"}, default="auto"
            As in `to_sympy`.
        max_terms : int, default=200
            As in `to_sympy`.

        Returns
        -------
        text : str
            One line ``f[j] = ...`` per output if there are several.

        Raises
        ------
        FormulaError
            As `to_sympy`, and if `digits` is below 1.
        """
        import sympy

        expressions = sympy_expressions(self, form, max_terms, digits)
        return text_lines([sympy.sstr(item, full_prec=False) for item in expressions])

    def to_latex(self, digits: int = 4, *, form: str = "auto", max_terms: int = 200) -> str:
        r"""Return the equation as LaTeX, with rounded numbers.

        Parameters
        ----------
        digits : int, default=4
            As in `to_text`.
        form : {"auto", "expanded", "centered", "factored"}, default="auto"
            As in `to_sympy`.
        max_terms : int, default=200
            As in `to_sympy`.

        Returns
        -------
        text : str
            For math mode, without dollars. Names longer than a letter are upright,
            ``\mathrm{body\_mass}``. Several outputs make an ``aligned`` block.

        Raises
        ------
        FormulaError
            As `to_text`.
        """
        return self._latex(sympy_expressions(self, form, max_terms, digits))

    def to_dict(self) -> PlainData:
        """Return plain data (str, float, list, dict, None) that `from_dict` reads.

        Numbers are exact; an infinite bound is None, since JSON has no infinity.
        """
        return {
            "format": _FORMAT,
            "version": _VERSION,
            "formula": self.formula.to_dict(),
            "intercept": self.intercept.tolist(),
            "pure_weights": [weights.tolist() for weights in self.pure_weights],
            "factors": {str(order): u.tolist() for order, u in self.factors.items()},
            "loadings": {str(order): v.tolist() for order, v in self.loadings.items()},
            "center": self.center.tolist(),
            "scale": self.scale.tolist(),
            "lower": plain_bounds(self.lower),
            "upper": plain_bounds(self.upper),
            "feature_names": list(self.feature_names),
            "link": self.link,
        }

    @classmethod
    def from_dict(cls, data: object) -> FittedFormula:
        """Read what `to_dict` returned.

        Parameters
        ----------
        data : dict
            As `to_dict` wrote it.

        Returns
        -------
        fitted : FittedFormula

        Raises
        ------
        FormulaError
            If something is missing or wrong, or the format is newer.
        """
        plain = check_format(data, _FORMAT, _VERSION)
        try:
            return cls(
                formula=NeuronFormula.from_dict(plain["formula"]),
                intercept=plain["intercept"],
                pure_weights=plain["pure_weights"],
                factors={int(order): u for order, u in plain["factors"].items()},
                loadings={int(order): v for order, v in plain["loadings"].items()},
                center=plain["center"],
                scale=plain["scale"],
                lower=read_bounds(plain["lower"], -math.inf),
                upper=read_bounds(plain["upper"], math.inf),
                feature_names=plain["feature_names"],
                link=plain["link"],
            )
        except KeyError as error:
            raise FormulaError(f"the fitted formula's data lack {error.args[0]!r}") from None
        except FormulaError:
            raise
        except (TypeError, ValueError, AttributeError) as error:
            raise FormulaError(f"the fitted formula's data are malformed: {error}") from None

    @classmethod
    def from_json(cls, text: str) -> FittedFormula:
        """Read what `to_json` wrote; raises FormulaError."""
        return cls.from_dict(load_json(text))
