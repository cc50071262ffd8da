"""The numbers inside a tree one by one: their values, and the tree with another in their place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sktaskneuron.formula.export.notation import rounded
from sktaskneuron.formula.text.nodes import (
    Call,
    Node,
    Number,
    Power,
    Product,
    Sum,
    Variable,
    children,
    render,
)

__all__ = ["MOST_PARTS", "FreeNumber", "free_numbers", "is_free_exponent"]

#: Largest whole number that counts as simple as it stands.
MOST_PARTS = 20
# Denominators of the exponents that count as simple, how near they must come, and the largest
# product of a fraction's two numbers: among 12, 12.5 and 13 an exponent is fitted.
_DENOMINATORS, _NEAR, _MOST_PRODUCT = (1, 2, 3, 4), 1e-9, 30
# What stands for a number in a text; in an exponent, which is no tree, this number.
_BLANK, _BLANK_EXPONENT = Variable("_"), 987654321
# Significant digits of the other numbers of a text.
_DIGITS = 4


@dataclass(frozen=True)
class FreeNumber:
    """A number of a tree that a fit may move.

    Parameters
    ----------
    value : float
    at : callable
        Makes the tree with another value in this place; not in canonical form.
    where : str
        The additive term of the tree that it stands in, with ``_`` in its place.
    """

    value: float
    at: Callable[[float], Node]
    where: str


def free_numbers(node: Node) -> list[FreeNumber]:
    """Return the factors, summands and exponents of a tree that a fit may move.

    Factors of one, and exponents that are simple fractions, belong to the shape.

    Examples
    --------
    >>> from sktaskneuron.formula import FittedExpression
    >>> from sktaskneuron.formula.equation.numbers import free_numbers
    >>> tree = FittedExpression.parse("2*exp(-0.3*a) + b**1.7 + 5", ["a", "b"]).nodes[0]
    >>> [(number.value, number.where) for number in free_numbers(tree)]
    [(5.0, '_'), (1.7, 'b**_'), (2.0, '_*exp(-0.3*a)'), (-0.3, '2*exp(_*a)')]
    """
    return [FreeNumber(value, at, _text(blank, node)) for value, at, blank in _places(node)]


def is_free_exponent(exponent: float) -> bool:
    """Tell whether an exponent is a fitted number: no small whole one, half, third or quarter."""
    for k in _DENOMINATORS:
        top = round(k * exponent)
        if abs(k * exponent - top) < _NEAR:
            return abs(top) > MOST_PARTS if k == 1 else k * abs(top) > _MOST_PRODUCT
    return True


def _places(node: Node) -> list[tuple[float, Callable[[float], Node], Node]]:
    """Return values, trees with others in their place, and trees with a blank there."""
    found: list[tuple[float, Callable[[float], Node], Node]] = []
    blank: Node
    match node:
        case Number(value):
            found.append((value, Number, _BLANK))
        case Product(coefficient, parts) if abs(coefficient) != 1:
            blank = Product(1.0, (_BLANK, *parts))
            found.append((coefficient, lambda v: Product(v, node.factors), blank))
        case Sum(parts, constant) if constant != 0:
            blank = Sum((*parts, _BLANK), 0.0)
            found.append((constant, lambda v: Sum(node.terms, v), blank))
        case Power(base, exponent) if is_free_exponent(exponent):
            blank = Power(base, _BLANK_EXPONENT if exponent > 0 else -_BLANK_EXPONENT)
            found.append((exponent, lambda v: Power(node.base, v), blank))
    for place, part in enumerate(children(node)):
        for value, at, blank in _places(part):
            found.append((value, _inside(node, place, at), _with_part(node, place, blank)))
    return found


def _inside(node: Node, place: int, at: Callable[[float], Node]) -> Callable[[float], Node]:
    return lambda value: _with_part(node, place, at(value))


def _with_part(node: Node, place: int, part: Node) -> Node:
    """Put another tree in the place of one of a node's parts."""
    match node:
        case Call(name, _):
            return Call(name, part)
        case Power(_, exponent):
            return Power(part, exponent)
        case Product(coefficient, parts):
            return Product(coefficient, (*parts[:place], part, *parts[place + 1 :]))
        case Sum(parts, constant):
            return Sum((*parts[:place], part, *parts[place + 1 :]), constant)
    raise TypeError(node)


def _text(blank: Node, node: Node) -> str:
    """Write the summand of a tree that differs from the tree itself."""
    shown = blank
    if isinstance(blank, Sum) and isinstance(node, Sum):
        if len(blank.terms) > len(node.terms):
            shown = _BLANK
        else:
            pairs = zip(blank.terms, node.terms, strict=True)
            shown = next(new for new, old in pairs if new is not old)
    return render(rounded(shown, _DIGITS)).replace(str(_BLANK_EXPONENT), "_")
