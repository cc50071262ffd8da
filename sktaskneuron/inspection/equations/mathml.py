"""An equation as MathML, which browsers show without a script."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import FittedExpression, FittedFormula
from sktaskneuron.formula.equation.sympy_form import sympy_expressions
from sktaskneuron.formula.export.notation import rounded
from sktaskneuron.inspection.equations.equation import Equation

if TYPE_CHECKING:
    import sympy

# Significant digits, and terms beyond which nobody reads an equation.
_DIGITS, _MOST_TERMS = 4, 60


def equation_mathml(equation: Equation) -> str:
    """Write an equation as presentation MathML, its numbers rounded.

    Parameters
    ----------
    equation : FittedFormula or FittedExpression

    Returns
    -------
    text : str
        One ``math`` element for each output.

    Raises
    ------
    FormulaError
        If it is too long to read.

    Examples
    --------
    >>> from sktaskneuron.formula import FittedExpression
    >>> from sktaskneuron.inspection.equations.mathml import equation_mathml
    >>> print(equation_mathml(FittedExpression.parse("a_1**2", ["a_1"])))
    <math display="block"><msup><mi>a_1</mi><mn>2</mn></msup></math>
    """
    if isinstance(equation, FittedFormula):
        expressions = sympy_expressions(equation, "auto", _MOST_TERMS, _DIGITS)
    else:
        expressions = _shown(equation)
    printer = _printer()
    return "".join(f'<math display="block">{printer.doprint(e)}</math>' for e in expressions)


def _shown(equation: FittedExpression) -> list[sympy.Expr]:
    if len(equation.terms) > _MOST_TERMS:
        raise FormulaError(f"the equation has more than {_MOST_TERMS} terms")
    nodes = tuple(rounded(node, _DIGITS) for node in equation.nodes)
    names, bounds = equation.feature_names, (equation.lower, equation.upper)
    found = FittedExpression(nodes, names, equation.link, *bounds).to_sympy()
    return found if isinstance(found, list) else [found]


def _printer() -> Any:
    """Return sympy's printer with names as they are: no Greek letters, no indices."""
    from sympy.printing.mathml import MathMLPresentationPrinter

    class Printer(MathMLPresentationPrinter):
        def _print_Symbol(self, symbol, style="plain"):  # type: ignore[no-untyped-def]
            item = self.dom.createElement("mi")
            # sympy's text nodes write what they are given
            item.appendChild(self.dom.createTextNode(html.escape(symbol.name, quote=False)))
            return item

    return Printer()
