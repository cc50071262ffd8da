"""Shorter forms of a tree that hold on the rows it was fitted to."""

from __future__ import annotations

from collections.abc import Callable

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.equation.trees import additive_terms
from sktaskneuron.formula.text.canonical import (
    make_call,
    make_power,
    make_product,
    make_sum,
    remade,
)
from sktaskneuron.formula.text.evaluation import primitives_of
from sktaskneuron.formula.text.nodes import Call, Node, Number, Power, Product, Sum, complexity
from sktaskneuron.search.columns.constants import EXACT, NamedRows


def simplified(node: Node, rows: NamedRows) -> Node:
    """Shorten what holds for the rows' columns though not for all numbers.

    ``sqrt(x**2)``, ``abs(x)`` and ``relu(x)`` are x where x is positive, ``exp(a*log(x))`` is
    ``x**a``, ``sqrt(a)*sqrt(b)`` is ``sqrt(a*b)``, and ``a + b - abs(a - b)`` is
    ``2*a - 2*relu(a - b)``.
    """

    def positive(inner: Node) -> bool:
        return bool((rows.values(inner) > 0).all())

    def power(base: Node, exponent: float) -> Node:
        match base:
            case Power(inner, e) if positive(inner):
                return make_power(inner, e * exponent)
            case Call("exp", argument):
                return make_call("exp", make_product([Number(exponent), argument]))
            case Product(coefficient, parts) if coefficient > 0 and all(map(positive, parts)):
                raised = [power(part, exponent) for part in parts]
                return make_product([make_power(Number(coefficient), exponent), *raised])
            case _:
                return make_power(base, exponent)

    def short(inner: Node) -> Node:
        match inner:
            case Call("abs" | "relu" as name, argument):
                argument = short(argument)
                if positive(argument):
                    return argument
                return make_call(name, argument)
            case Call("exp", argument):
                argument = short(argument)
                terms, constant = additive_terms(argument)
                logs = {t: w for t, w in terms.items() if isinstance(t, Call) and t.name == "log"}
                if not logs:
                    return make_call("exp", argument)
                rest = [make_product([Number(w), t]) for t, w in terms.items() if t not in logs]
                powers = [power(t.argument, w) for t, w in logs.items()]
                left = make_sum([*rest, Number(constant)])
                return make_product([make_call("exp", left), *powers])
            case Power(base, exponent):
                return power(with_common_factor(short(base)), exponent)
            case Product(coefficient, parts):
                inside = [with_common_factor(short(part)) for part in parts]
                return make_product([Number(coefficient), *inside])
            case _:
                return remade(inner, short)

    try:
        shorter = short(node)
        if "abs" in primitives_of(shorter):
            ways = [shorter, *(_with_pieces(shorter, sign) for sign in (1.0, -1.0))]
            shorter = min(ways, key=complexity)
        shorter = min(shorter, _with_joined_roots(shorter, positive), key=complexity)
    except FormulaError:
        return node
    tolerance = rows.loss(node) * (1 + 1e-9) + EXACT * rows.variance
    if complexity(shorter) < complexity(node) and rows.loss(shorter) <= tolerance:
        return shorter
    return node


def _with_joined_roots(node: Node, positive: Callable[[Node], bool]) -> Node:
    """Write powers of one fractional exponent as one: ``a**-0.5*b**-0.5`` is ``(a*b)**-0.5``."""

    def change(inner: Node) -> Node:
        inner = remade(inner, change)
        if not isinstance(inner, Product):
            return inner
        together: dict[float, list[Node]] = {}
        rest: list[Node] = [Number(inner.coefficient)]
        for part in inner.factors:
            match part:
                case Power(base, float(exponent)) if positive(base):
                    together.setdefault(exponent, []).append(base)
                case _:
                    rest.append(part)
        joined = [make_power(make_product(bases), e) for e, bases in together.items()]
        return make_product([*rest, *joined])

    return change(node)


def _with_pieces(node: Node, sign: float) -> Node:
    """Write distances as what bends: ``a + b + abs(a - b)`` is ``2*b + 2*relu(a - b)``."""

    def change(inner: Node) -> Node:
        inner = remade(inner, change)
        match inner:
            case Call("abs", argument):
                toward = make_product([Number(sign), argument])
                twice = make_product([Number(2.0), make_call("relu", toward)])
                return make_sum([twice, make_product([Number(-1.0), toward])])
            case _:
                return inner

    return change(node)


def with_common_factor(node: Node) -> Node:
    """Take the powers that all terms of a sum share out of it: ``a*b + a*c`` is ``a*(b + c)``.

    Parameters
    ----------
    node : Node

    Returns
    -------
    node : Node
        The given one if it is no sum, or its terms share nothing.
    """
    if not isinstance(node, Sum) or node.constant != 0:
        return node
    tables = [_powers_of(term) for term in node.terms]
    common: dict[Node, float] = {}
    for base, exponent in tables[0].items():
        others = [table.get(base, 0.0) for table in tables]
        if all(other * exponent > 0 for other in others):
            common[base] = min(others) if exponent > 0 else max(others)
    if not common:
        return node
    inverse = [make_power(base, -exponent) for base, exponent in common.items()]
    rest = make_sum([make_product([term, *inverse]) for term in node.terms])
    return make_product([*(make_power(base, e) for base, e in common.items()), rest])


def _powers_of(term: Node) -> dict[Node, float]:
    """Return the factors of a term with their exponents."""
    parts = term.factors if isinstance(term, Product) else (term,)
    return dict((p.base, p.exponent) if isinstance(p, Power) else (p, 1) for p in parts)
