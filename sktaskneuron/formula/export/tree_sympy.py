"""Trees as sympy expressions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.export.notation import simple_fraction
from sktaskneuron.formula.text.nodes import (
    Call,
    Clip,
    Node,
    Number,
    Power,
    Product,
    Sum,
    Variable,
    children,
)
from sktaskneuron.formula.text.primitives import get_primitive

__all__ = ["node_to_sympy", "sympy_number"]

# Softsign has its argument twice: nested, it doubles at every level what sympy walks over.
_MAX_UNFOLDED = 20_000


def node_to_sympy(node: Node, symbols: Mapping[str, Any], sympy: Any) -> Any:
    """Return a tree as a sympy expression.

    Parameters
    ----------
    node : Node
    symbols : mapping of str to sympy expression
        What stands for the variables.
    sympy : module

    Returns
    -------
    expression : sympy.Expr

    Raises
    ------
    FormulaError
        If functions that sympy writes with their argument twice are nested too deeply.
    """
    if _unfolded(node, sympy) > _MAX_UNFOLDED:
        raise FormulaError(
            f"the equation has more than {_MAX_UNFOLDED} parts in sympy; use to_python() or to_c()"
        )

    def convert(inner: Node) -> Any:
        match inner:
            case Number(value):
                return sympy_number(value, sympy)
            case Variable(name):
                return symbols[name]
            case Call(name, argument):
                return get_primitive(name).sympy(sympy, convert(argument))
            case Power(base, exponent):
                fraction = simple_fraction(exponent)
                if fraction is not None:  # a root
                    return sympy.Pow(convert(base), sympy.Rational(fraction))
                return sympy.Pow(convert(base), sympy_number(exponent, sympy))
            case Product(coefficient, factors):
                return sympy.Mul(sympy_number(coefficient, sympy), *map(convert, factors))
            case Sum(terms, constant):
                return sympy.Add(*map(convert, terms), sympy_number(constant, sympy))
            case Clip(argument, lower, upper):
                result = convert(argument)
                if math.isfinite(lower):
                    result = sympy.Max(result, sympy_number(lower, sympy))
                if math.isfinite(upper):
                    result = sympy.Min(result, sympy_number(upper, sympy))
                return result

    return convert(node)


def _unfolded(node: Node, sympy: Any) -> int:
    """Count the parts of a tree, those of an argument as often as sympy writes it."""
    inner = sum(_unfolded(child, sympy) for child in children(node))
    return 1 + inner * (_repeats(node.name, sympy) if isinstance(node, Call) else 1)


@cache
def _repeats(name: str, sympy: Any) -> int:
    x = sympy.Dummy("x")
    form = get_primitive(name).sympy(sympy, x)
    return sum(part == x for part in sympy.preorder_traversal(form))


def sympy_number(value: float, sympy: Any) -> Any:
    """Return a sympy number: exact for whole numbers and halves, a 53-bit float otherwise."""
    value = float(value)
    if abs(value) < 1e6 and (2 * value).is_integer():
        return sympy.Rational(int(2 * value), 2)
    return sympy.Float(value)
