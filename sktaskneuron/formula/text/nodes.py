"""The tree of a function of one variable or of named columns, and its text.

The classes here only hold; `canonical` builds them, and is the only module that should, because
every function of this room relies on the canonical form it keeps.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import TypeAlias

from sktaskneuron.formula.text.primitives import PRIMITIVES

__all__ = [
    "Call",
    "Clip",
    "Node",
    "Number",
    "Power",
    "Product",
    "Sum",
    "Variable",
    "children",
    "column_text",
    "complexity",
    "number_text",
    "render",
    "text_of",
]


@dataclass(frozen=True)
class Number:
    """A finite constant."""

    value: float


@dataclass(frozen=True)
class Variable:
    """A variable: x of an elementwise function, or a named column."""

    name: str = "x"


@dataclass(frozen=True)
class Call:
    """A primitive applied to an argument; never ``sqrt``, which is a `Power` of 0.5."""

    name: str
    argument: Node


@dataclass(frozen=True)
class Power:
    """A base to a constant exponent, which is neither 0 nor 1 (an int where it is whole)."""

    base: Node
    exponent: float


@dataclass(frozen=True)
class Product:
    """A non-zero coefficient times factors, which are neither numbers nor products."""

    coefficient: float
    factors: tuple[Node, ...]


@dataclass(frozen=True)
class Sum:
    """Terms, which are neither numbers nor sums, plus a constant."""

    terms: tuple[Node, ...]
    constant: float


@dataclass(frozen=True)
class Clip:
    """An argument kept within bounds, of which one may be infinite.

    It stands in trees made of a `FittedFormula` only; texts have no form for it.
    """

    argument: Node
    lower: float
    upper: float


Node: TypeAlias = Number | Variable | Call | Power | Product | Sum | Clip


def children(node: Node) -> tuple[Node, ...]:
    """Return the parts that a node is made of."""
    match node:
        case Call(_, inner) | Power(inner, _) | Clip(inner):
            return (inner,)
        case Product(_, parts) | Sum(parts, _):
            return parts
        case _:
            return ()


def number_text(value: float) -> str:
    """Print a number so that reading it back gives the same float.

    Whole numbers print without a point.
    """
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(float(value))


_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z_0-9]*", re.ASCII)


def column_text(name: str) -> str:
    """Write a column's name as a text has it: in backticks unless it is a free identifier."""
    if _IDENTIFIER.fullmatch(name) and name not in PRIMITIVES and name != "pi":
        return name
    return "`" + name.replace("`", "``") + "`"


def _formula_call(name: str, argument: str) -> str:
    return f"{name}({argument})"


def _formula_clip(argument: str, lower: float, upper: float) -> str:
    if lower == -inf:
        return f"min({argument}, {number_text(upper)})"
    if upper == inf:
        return f"max({argument}, {number_text(lower)})"
    return f"clip({argument}, {number_text(lower)}, {number_text(upper)})"


def render(
    node: Node,
    variable: Callable[[str], str] = column_text,
    call: Callable[[str, str], str] = _formula_call,
) -> str:
    """Write a tree as text, with the brackets that Python's precedence needs.

    Parameters
    ----------
    node : Node
    variable : callable
        ``name -> text`` of a variable; must read as one operand (an identifier, a subscript, a
        bracket).
    call : callable
        ``(primitive name, argument text) -> text`` of a function call.

    Returns
    -------
    text : str
    """

    def operand(inner: Node) -> str:
        if isinstance(inner, Variable | Call | Clip) or (
            isinstance(inner, Power) and inner.exponent == 0.5
        ):
            return write(inner)
        if isinstance(inner, Number) and inner.value >= 0:
            return write(inner)
        return f"({write(inner)})"

    def raised(base: Node, exponent: float) -> str:
        if exponent == 1:
            return operand(base)
        if exponent == 0.5:
            return call("sqrt", write(base))
        return f"{operand(base)}**{number_text(exponent)}"

    def product(coefficient: float, factors: tuple[Node, ...]) -> str:
        above: list[str] = []
        below: list[str] = []
        for factor in factors:
            if isinstance(factor, Power):
                side = above if factor.exponent > 0 else below
                side.append(raised(factor.base, abs(factor.exponent)))
            else:
                above.append(operand(factor))
        size = abs(coefficient)
        if size != 1 or not above:
            above.insert(0, number_text(size))
        return ("-" if coefficient < 0 else "") + "/".join(["*".join(above), *below])

    def write(inner: Node) -> str:
        match inner:
            case Number(value):
                return number_text(value)
            case Variable(name):
                return variable(name)
            case Call(name, argument):
                return call(name, write(argument))
            case Clip(argument, lower, upper):
                return _formula_clip(write(argument), lower, upper)
            case Power():
                return product(1.0, (inner,))
            case Product(coefficient, factors):
                return product(coefficient, factors)
            case Sum(terms, constant):
                parts = [write(term) for term in terms]
                if constant != 0:
                    parts.append(number_text(constant))
                text = parts[0]
                for part in parts[1:]:
                    text += f" - {part[1:]}" if part.startswith("-") else f" + {part}"
                return text

    return write(node)


@lru_cache(maxsize=4096)
def text_of(node: Node) -> str:
    """Return the canonical text of a tree, as a formula shows it."""
    return render(node)


def complexity(node: Node) -> int:
    """Count the nodes of a tree: the variable, numbers, functions and operations, one each."""
    match node:
        case Number() | Variable():
            return 1
        case Call(_, argument):
            return 1 + complexity(argument)
        case Clip(argument):
            return 3 + complexity(argument)
        case Power(base, exponent):
            return complexity(base) + (1 if exponent == 0.5 else 2)
        case Product(coefficient, factors):
            joints = len(factors) - 1
            scaling = 0 if coefficient == 1 else 1 if coefficient == -1 else 2
            return sum(complexity(factor) for factor in factors) + joints + scaling
        case Sum(terms, constant):
            joints = len(terms) - 1 + (2 if constant != 0 else 0)
            return sum(complexity(term) for term in terms) + joints
