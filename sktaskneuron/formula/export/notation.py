"""How equations are laid out for readers: rounded numbers, names in LaTeX, several outputs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import TypeVar

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.text.nodes import Call, Clip, Node, Number, Power, Product, Sum, Variable

__all__ = [
    "check_digits",
    "latex_lines",
    "latex_name",
    "one_or_all",
    "rounded",
    "simple_fraction",
    "text_lines",
]

T = TypeVar("T")

_LATEX_SPECIAL = {
    "\\": r"\backslash ",
    "{": r"\{",
    "}": r"\}",
    "_": r"\_",
    "^": r"\hat{\ }",
    "~": r"\sim ",
    "#": r"\#",
    "$": r"\$",
    "%": r"\%",
    "&": r"\&",
    " ": r"\ ",
}


def check_digits(digits: int) -> None:
    """Raise FormulaError unless there is at least one digit to show."""
    if digits < 1:
        raise FormulaError(f"digits must be at least 1, got {digits}")


def latex_name(name: str) -> str:
    r"""Write a column's name in LaTeX: ``x1`` with an index, longer ones upright.

    Parameters
    ----------
    name : str

    Returns
    -------
    text : str
        For math mode. Control characters, of which a blank line would end the formula, become
        blanks.
    """
    indexed = re.fullmatch(r"([A-Za-z])_?(\d*)", name, re.ASCII)
    if indexed:
        letter, index = indexed.groups()
        return f"{letter}_{{{index}}}" if index else letter
    shown = (_LATEX_SPECIAL.get(c, c if c.isprintable() else r"\ ") for c in name)
    return r"\mathrm{" + "".join(shown) + "}"


def one_or_all(items: list[T]) -> T | list[T]:
    """Return what a single output gives, or the list of what several give."""
    return items[0] if len(items) == 1 else items


def text_lines(lines: Sequence[str]) -> str:
    """Lay out the texts of the outputs: one line ``f[j] = ...`` each if there are several."""
    if len(lines) == 1:
        return lines[0]
    return "\n".join(f"f[{j}] = {line}" for j, line in enumerate(lines))


def latex_lines(lines: Sequence[str]) -> str:
    """Lay out the LaTeX of the outputs: an ``aligned`` block if there are several."""
    if len(lines) == 1:
        return lines[0]
    rows = " \\\\\n".join(f"f_{{{j}}} &= {line}" for j, line in enumerate(lines))
    return f"\\begin{{aligned}}\n{rows}\n\\end{{aligned}}"


def simple_fraction(value: float) -> Fraction | None:
    """Return the fraction with a denominator up to 10 that a float stands for, if any does.

    Folded constants have 15 digits, so these must agree.
    """
    fraction = Fraction(value).limit_denominator(10)
    return fraction if f"{float(fraction):.15g}" == f"{value:.15g}" else None


def rounded(node: Node, digits: int, *, roots: bool = False) -> Node:
    """Return a tree with rounded numbers, for show.

    Parameters
    ----------
    node : Node
    digits : int
        Significant digits.
    roots : bool
        Whether exponents such as 1/3 stay as they are.

    Returns
    -------
    node : Node
    """

    def short(value: float) -> float:
        return float(f"{value:.{digits}g}")

    def origin(value: float) -> float:
        """Round an origin of a column: far from zero, all its whole digits may matter."""
        return short(value) if abs(value) < 10 ** (digits - 1) else round(value, 2)

    def build(inner: Node) -> Node:
        match inner:
            case Number(value):
                return Number(short(value))
            case Sum((Variable(),), constant):
                return Sum(inner.terms, origin(constant))
            case Variable():
                return inner
            case Call(name, argument):
                return Call(name, build(argument))
            case Power(base, exponent):
                kept = isinstance(exponent, int) or (roots and simple_fraction(exponent))
                return Power(build(base), exponent if kept else short(exponent))
            case Product(coefficient, factors):
                return Product(short(coefficient), tuple(map(build, factors)))
            case Sum(terms, constant):
                return Sum(tuple(map(build, terms)), short(constant))
            case Clip(argument, lower, upper):
                return Clip(build(argument), short(lower), short(upper))

    return build(node)
