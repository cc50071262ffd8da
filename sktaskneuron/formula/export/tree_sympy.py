"""Trees as sympy expressions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    import sympy

__all__ = ["node_to_sympy", "sympy_number"]

# Softsign has its argument twice: nested, it doubles at every level what sympy walks over.
# Measured: 8,000 parts take half a second, and time grows with their number.
_MAX_UNFOLDED = 20_000


def node_to_sympy(node: Node, symbols: Mapping[str, sympy.Expr], sp: ModuleType) -> sympy.Expr:
    """Return a tree as a sympy expression.

    Parameters
    ----------
    node : Node
    symbols : mapping of str to sympy expression
        What stands for the variables.
    sp : module
        sympy.

    Returns
    -------
    expression : sympy.Expr

    Raises
    ------
    FormulaError
        If functions that sympy writes with their argument twice are nested too deeply.
    """
    if _unfolded(node, sp) > _MAX_UNFOLDED:
        raise FormulaError(
            f"the equation has more than {_MAX_UNFOLDED} parts in sympy; use to_python() or to_c()"
        )

    def convert(inner: Node) -> sympy.Expr:
        match inner:
            case Number(value):
                return sympy_number(value, sp)
            case Variable(name):
                return symbols[name]
            case Call(name, argument):
                return get_primitive(name).sympy(sp, convert(argument))
            case Power(base, exponent):
                fraction = simple_fraction(exponent)
                if fraction is not None:  # a root
                    return sp.Pow(convert(base), sp.Rational(fraction))
                return sp.Pow(convert(base), sympy_number(exponent, sp))
            case Product(coefficient, factors):
                return sp.Mul(sympy_number(coefficient, sp), *map(convert, factors))
            case Sum(terms, constant):
                return sp.Add(*map(convert, terms), sympy_number(constant, sp))
            case Clip(argument, lower, upper):
                result = convert(argument)
                if math.isfinite(lower):
                    result = sp.Max(result, sympy_number(lower, sp))
                if math.isfinite(upper):
                    result = sp.Min(result, sympy_number(upper, sp))
                return result

    return convert(node)


def _unfolded(node: Node, sp: ModuleType) -> int:
    """Count the parts of a tree, those of an argument as often as sympy writes it."""
    inner = sum(_unfolded(child, sp) for child in children(node))
    return 1 + inner * (_repeats(node.name, sp) if isinstance(node, Call) else 1)


@cache
def _repeats(name: str, sp: ModuleType) -> int:
    x = sp.Dummy("x")
    form = get_primitive(name).sympy(sp, x)
    return sum(part == x for part in sp.preorder_traversal(form))


def sympy_number(value: float, sp: ModuleType) -> sympy.Expr:
    """Return a sympy number: exact for whole numbers and halves, a 53-bit float otherwise."""
    value = float(value)
    if abs(value) < 1e6 and (2 * value).is_integer():
        return sp.Rational(int(2 * value), 2)
    return sp.Float(value)
