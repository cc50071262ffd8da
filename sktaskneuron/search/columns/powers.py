"""Powers about an origin in place of polynomials: ``(x - 3)**4`` says what four terms say."""

from __future__ import annotations

from collections.abc import Mapping

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.text.canonical import make_power, make_product, make_sum, remade
from sktaskneuron.formula.text.nodes import Node, Number, Power, Product, Sum, Variable

# Degrees that are completed, and the share of a linear term that a power must leave to be kept.
_DEGREES, _LEFT = (2, 3, 4), 0.02


def with_completed_powers(node: Node) -> Node | None:
    """Write polynomials of one column in the sums of an equation as powers about an origin.

    Where a polynomial of degree three or four is no such power, a linear term stays beside it. The
    numbers are near, not fitted.

    Returns
    -------
    node : Node or None
        None where no sum has all powers of a column up to such a degree.

    Examples
    --------
    >>> from sktaskneuron.formula import FittedExpression
    >>> from sktaskneuron.formula.text.nodes import render
    >>> from sktaskneuron.search.columns.powers import with_completed_powers
    >>> tree = FittedExpression.parse("exp(-2*a**2 + 4*a) + b", ["a", "b"]).nodes[0]
    >>> render(with_completed_powers(tree))
    'b + exp(-2*(a - 1)**2 + 2)'
    """

    def change(inner: Node) -> Node:
        inner = remade(inner, change)
        if not isinstance(inner, Sum):
            return inner
        tables: dict[str, dict[int, float]] = {}
        rest: list[Node] = [Number(inner.constant)]
        for term in inner.terms:
            name, degree, weight = _monomial(term)
            if name:
                tables.setdefault(name, {})[degree] = weight
            else:
                rest.append(term)
        for name, weights in tables.items():
            rest += _completed(name, weights)
        return make_sum(rest)

    try:
        found = change(node)
    except FormulaError:
        return None
    return None if found == node else found


def _monomial(term: Node) -> tuple[str, int, float]:
    """Return column, degree and weight of a power of one column; no name of other terms."""
    weight = 1.0
    if isinstance(term, Product) and len(term.factors) == 1:
        weight, term = term.coefficient, term.factors[0]
    match term:
        case Variable(name):
            return name, 1, weight
        case Power(Variable(name), int(degree)) if degree > 0:
            return name, degree, weight
        case _:
            return "", 0, 0.0


def _completed(name: str, weights: Mapping[int, float]) -> list[Node]:
    """Return the terms in place of the powers of a column."""
    x, degree = Variable(name), max(weights)
    terms: list[Node] = [
        make_product([Number(weight), make_power(x, power)]) for power, weight in weights.items()
    ]
    if degree not in _DEGREES or len(weights) < degree:
        return terms
    top = weights[degree]
    origin = -weights[degree - 1] / (degree * top)
    power = make_power(make_sum([x, Number(-origin)]), degree)
    found: list[Node] = [
        make_product([Number(top), power]),
        Number(-top * (-origin) ** degree),
    ]
    linear = weights[1] - top * degree * (-origin) ** (degree - 1)
    if degree > 2 and abs(linear) > _LEFT * abs(weights[1]):
        found.append(make_product([Number(linear), x]))
    return found
