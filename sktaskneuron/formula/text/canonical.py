"""Builders that keep every tree in one canonical form, so that equal functions compare equal.

Constants fold, products and powers collapse (``x*x`` is ``x**2``), like terms add, arguments of
sums and products sort, and odd or even functions take a positive argument (``sin(-x)`` is
``-sin(x)``). Two trees are taken as equal where both are defined: ``x/x`` is 1, though the first
has a hole at 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.text.nodes import (
    Call,
    Clip,
    Node,
    Number,
    Power,
    Product,
    Sum,
    Variable,
    complexity,
    render,
)
from sktaskneuron.formula.text.primitives import get_primitive

__all__ = [
    "MAX_EXPONENT",
    "make_call",
    "make_number",
    "make_power",
    "make_product",
    "make_sum",
    "rebuilt",
    "remade",
    "sort_key",
    "without_scale",
]

#: Largest exponent, by size, of a power; beyond it a float64 overflows from x = 1.2e3 or less.
MAX_EXPONENT = 100


def _fold(value: float) -> float:
    """Round a computed constant to 15 digits, so that 0.1 + 0.2 is 0.3 and 0.3/0.1 is 3.

    Typed numbers are never rounded: only the result of arithmetic between two of them is.
    """
    if not math.isfinite(value):
        raise FormulaError("a constant of the formula is not finite")
    return float(f"{value:.15g}") + 0.0  # + 0.0 turns -0.0 into 0.0


def _add(a: float, b: float) -> float:
    return a + b if a == 0 or b == 0 else _fold(a + b)


def _multiply(a: float, b: float) -> float:
    return a * b if abs(a) == 1 or abs(b) == 1 else _fold(a * b)


def _raise(value: float, exponent: float) -> float:
    if exponent == 1:
        return value
    try:
        result = value**exponent
    except (OverflowError, ZeroDivisionError):
        result = math.nan
    if isinstance(result, complex) or not math.isfinite(result):
        raise FormulaError(f"{value:g}**{exponent:g} is not a finite real number")
    return _fold(result)


def _exponent(value: float) -> float:
    if abs(value) > MAX_EXPONENT:
        raise FormulaError(
            f"an exponent of {value:g} is too large; at most {MAX_EXPONENT} by size is allowed"
        )
    return int(value) if value == int(value) else value


def sort_key(node: Node) -> tuple[int, float, str]:
    """Order trees: powers of x upwards, then inverse powers, then by complexity and text."""
    match node:
        case Variable(name):
            return 0, 1, name
        case Power(Variable(name), int(exponent)):
            return (0 if exponent > 0 else 1), abs(exponent), name
        case _:
            return _rank(node)


@lru_cache(maxsize=4096)
def _rank(node: Node) -> tuple[int, float, str]:
    return 2, complexity(node), render(node)


def make_number(value: float) -> Number:
    """Make a constant; raises FormulaError unless it is finite."""
    if not math.isfinite(value):
        raise FormulaError("a number is too large")
    return Number(float(value) + 0.0)


def _split(node: Node) -> tuple[float, Node]:
    """Split a term into its coefficient and the rest."""
    if not isinstance(node, Product):
        return 1.0, node
    if len(node.factors) == 1:
        return node.coefficient, node.factors[0]
    return node.coefficient, Product(1.0, node.factors)


def _scaled(coefficient: float, core: Node) -> Node:
    """Multiply a tree by a number; a sum takes it into its terms."""
    if coefficient == 0:
        return Number(0.0)
    if coefficient == 1:
        return core
    match core:
        case Number(value):
            return Number(_multiply(coefficient, value))
        case Sum(terms, constant):
            return make_sum(
                [
                    *(_scaled(coefficient, term) for term in terms),
                    Number(_multiply(coefficient, constant)),
                ]
            )
        case Product():
            return _with_coefficient(_multiply(coefficient, core.coefficient), core.factors)
        case _:
            return Product(coefficient, (core,))


def _with_coefficient(coefficient: float, factors: tuple[Node, ...]) -> Node:
    if coefficient == 0:
        return Number(0.0)
    if coefficient == 1 and len(factors) == 1:
        return factors[0]
    return Product(coefficient, factors)


def make_sum(items: Iterable[Node]) -> Node:
    """Add trees: like terms add up, constants fold, terms sort."""
    constant = 0.0
    collected: dict[Node, float] = {}
    for item in items:
        parts: tuple[Node, ...] = (item,)
        if isinstance(item, Sum):
            parts = item.terms
            constant = _add(constant, item.constant)
        for part in parts:
            if isinstance(part, Number):
                constant = _add(constant, part.value)
                continue
            coefficient, core = _split(part)
            collected[core] = _add(collected.get(core, 0.0), coefficient)
    kept = sorted(
        ((core, value) for core, value in collected.items() if value != 0),
        key=lambda pair: sort_key(pair[0]),
    )
    terms = tuple(_scaled(value, core) for core, value in kept)
    if not terms:
        return Number(constant + 0.0)
    if len(terms) == 1 and constant == 0:
        return terms[0]
    return Sum(terms, constant + 0.0)


def _leading(node: Node) -> float:
    """Return the coefficient of a tree's first term."""
    if isinstance(node, Sum):
        return _split(node.terms[0])[0]
    return _split(node)[0]


def _monic(node: Sum, content: float) -> Sum:
    """Divide a sum by a number (its leading coefficient, or the size of it)."""
    if content == 1:
        return node

    def divided(value: float) -> float:
        return value / content if abs(content) == 1 or value == 0 else _fold(value / content)

    # Division term by term, not multiplication by 1/content: 3/3 must be 1 exactly.
    terms = []
    for term in node.terms:
        coefficient, core = _split(term)
        terms.append(_scaled(divided(coefficient), core))
    return Sum(tuple(terms), divided(node.constant) + 0.0)


def make_product(items: Iterable[Node]) -> Node:
    """Multiply trees: powers of one base collapse, constants fold, factors sort.

    A number times a sum goes into the sum; inside a longer product a sum is written with
    leading coefficient 1, and what was divided out joins the product's coefficient.
    """
    items = list(items)
    if len(items) == 2 and isinstance(items[0], Number):
        number, only = items[0].value, items[1]
        if isinstance(only, Variable | Call | Sum):
            return _scaled(number, only)
    coefficient = 1.0
    content = 1.0
    exponents: dict[Node, float] = {}
    plain_sums: list[Sum] = []

    def collect(factor: Node) -> None:
        nonlocal coefficient, content
        match factor:
            case Number(value):
                coefficient = _multiply(coefficient, value)
            case Product():
                coefficient = _multiply(coefficient, factor.coefficient)
                for inner in factor.factors:
                    collect(inner)
            case Power(base, exponent):
                exponents[base] = _add(exponents.get(base, 0), exponent)
            case Sum():
                plain_sums.append(factor)
                leading = _leading(factor)
                content = _multiply(content, leading)
                base = _monic(factor, leading)
                exponents[base] = _add(exponents.get(base, 0), 1)
            case _:
                exponents[factor] = _add(exponents.get(factor, 0), 1)

    for item in items:
        collect(item)
    if coefficient == 0:
        return Number(0.0)
    left = [(base, exponent) for base, exponent in exponents.items() if exponent != 0]
    if len(left) == 1 and len(plain_sums) == 1 and left[0][1] == 1:
        only = plain_sums[0]
        if left[0][0] == _monic(only, _leading(only)):
            # The sum as it was typed, not divided and multiplied again: no rounding.
            return _scaled(coefficient, only)
    coefficient = _multiply(coefficient, content)
    factors = [make_power(base, exponent) for base, exponent in left]
    if any(_opened(factor, *pair) for factor, pair in zip(factors, left, strict=True)):
        # An exponent that became whole opened a base (sqrt(x**2)**2 is x**2): collect again.
        return make_product([Number(coefficient), *factors])
    if not factors:
        return Number(coefficient)
    if len(factors) == 1:
        return _scaled(coefficient, factors[0])
    return _with_coefficient(coefficient, tuple(sorted(factors, key=sort_key)))


def _opened(factor: Node, base: Node, exponent: float) -> bool:
    """Tell whether ``base**exponent`` became something else than that power of that base."""
    match factor:
        case Power():
            return (factor.base, factor.exponent) != (base, exponent)
        case Sum():
            return exponent != 1 or _leading(factor) != 1
        case Product() | Number():
            return True
        case _:
            return (factor, 1) != (base, exponent)


def make_power(base: Node, exponent: float) -> Node:
    """Raise a tree to a constant exponent.

    Raises
    ------
    FormulaError
        If the exponent is too large, or a constant's power is not a finite real number.
    """
    exponent = _exponent(exponent)
    whole = isinstance(exponent, int)
    if exponent == 0:
        return Number(1.0)
    if exponent == 1:
        return base
    match base:
        case Number(value):
            return Number(_raise(value, exponent))
        case Power() if whole:
            return make_power(base.base, _multiply(base.exponent, exponent))
        case Product(coefficient, factors) if whole:
            raised = [make_power(factor, exponent) for factor in factors]
            return make_product([Number(_raise(coefficient, exponent)), *raised])
        case Product(coefficient, factors) if abs(coefficient) != 1:
            # (-4*x)**0.5 is 2*(-x)**0.5: the sign has to stay under a fractional power.
            rest = _with_coefficient(math.copysign(1.0, coefficient), factors)
            outer = Number(_raise(abs(coefficient), exponent))
            return make_product([outer, make_power(rest, exponent)])
        case Sum():
            leading = _leading(base)
            content = leading if whole else abs(leading)
            if content != 1:
                outer = Number(_raise(content, exponent))
                return make_product([outer, Power(_monic(base, content), exponent)])
    return Power(base, exponent)


def make_call(name: str, argument: Node) -> Node:
    """Apply a primitive.

    Raises
    ------
    FormulaError
        If the name is unknown, or the argument is a constant outside of the domain.
    """
    primitive = get_primitive(name)
    if isinstance(argument, Number):
        inside = bool(primitive.domain.contains(argument.value))
        if name == "tan":
            inside = True  # only the poles are missing, and no float hits one
        with np.errstate(all="ignore"):
            value = float(primitive.numpy(np.asarray(argument.value))) if inside else math.nan
        if not math.isfinite(value):
            raise FormulaError(f"{name}({argument.value:g}) is not a finite real number")
        return Number(_fold(value))
    if name == "sqrt":
        return make_power(argument, 0.5)
    if primitive.parity != 0 and _leading(argument) < 0:
        positive = Call(name, _scaled(-1.0, argument))
        return positive if primitive.parity > 0 else Product(-1.0, (positive,))
    return Call(name, argument)


def without_scale(node: Node) -> Node | None:
    """Drop what a pure term's weight and the neuron's bias carry anyway.

    The leading numeric factor and, of a sum, the constant go.

    Returns
    -------
    node : Node or None
        None if nothing is left: the tree is a constant.
    """
    match node:
        case Number():
            return None
        case Product(_, factors):
            return _with_coefficient(1.0, factors)
        case Sum(terms, constant) if constant != 0:
            return without_scale(terms[0] if len(terms) == 1 else Sum(terms, 0.0))
        case Sum():
            return _monic(node, _leading(node))
        case _:
            return node


def rebuilt(node: Node, variable: Callable[[str], Node]) -> Node:
    """Build a tree anew with something else for its variables, in canonical form.

    Parameters
    ----------
    node : Node
        Without clipped parts.
    variable : callable
        ``name -> tree`` that stands for the variable.

    Returns
    -------
    node : Node

    Raises
    ------
    FormulaError
        If a constant of the new tree is not finite, or a part of the old one is clipped.
    """

    def build(inner: Node) -> Node:
        if isinstance(inner, Variable):
            return variable(inner.name)
        if isinstance(inner, Clip):
            raise FormulaError("a clipped tree has no canonical form")
        return remade(inner, build)

    return build(node)


def remade(node: Node, change: Callable[[Node], Node]) -> Node:
    """Build a node anew in canonical form, each of its parts changed; a leaf stays."""
    match node:
        case Call(name, argument):
            return make_call(name, change(argument))
        case Power(base, exponent):
            return make_power(change(base), exponent)
        case Product(coefficient, factors):
            return make_product([Number(coefficient), *map(change, factors)])
        case Sum(terms, constant):
            return make_sum([*map(change, terms), Number(constant)])
        case _:
            return node
