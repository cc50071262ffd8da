"""Pointwise activation functions as expressions of x: drawn at random, changed and crossed.

Trees of the operations of :mod:`sktaskneuron.search.activation.operations` over x and constants.
Every function is a text in canonical form.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from sktaskneuron._clock import checkpoint
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import ElementwiseExpression
from sktaskneuron.formula.text.canonical import (
    make_call,
    make_number,
    make_product,
    make_sum,
    remade,
)
from sktaskneuron.formula.text.nodes import Call, Node, Product, Sum, children
from sktaskneuron.nn.activations import REGISTRY
from sktaskneuron.nn.activations.numerics import operation_cost
from sktaskneuron.search.activation.admission import BUDGET, output_key, refusal
from sktaskneuron.search.activation.operations import (
    BINARY,
    FUNCTIONS,
    OWN_FORMS,
    UNARY,
    Unary,
    X,
    node_text,
    plus,
    times,
)

T = TypeVar("T")

_UNARY, _BINARY = tuple(UNARY.values()), tuple(BINARY.values())
# Constants that trees begin with; mutation changes them.
_CONSTANTS = (0.1, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0)
# How often trees of 1, 2 and 3 operations above each other are drawn.
_DEPTHS = (0.2, 0.5, 0.3)
# How often a branch ends early in x, and how often an end has a constant in front.
_LEAF, _SCALED_LEAF = 0.25, 0.15
# Trees made per one that is wanted, and digits that a moved constant keeps.
_TRIES, _DIGITS = 50, 3


def canonical_text(text: str) -> str:
    """Return the canonical text of an expression of x or of a named activation.

    Raises
    ------
    FormulaError
        If the text does not follow the grammar, or names what cannot be written in it.

    Examples
    --------
    >>> from sktaskneuron.search.activation.grammar import canonical_text
    >>> canonical_text("silu"), canonical_text("tanh(x)*x + x*0")
    ('x*sigmoid(x)', 'x*tanh(x)')
    """
    if isinstance(text, str) and text in OWN_FORMS:
        return OWN_FORMS[text]
    if isinstance(text, str) and text in REGISTRY:
        expression = REGISTRY[text].expression
        if expression is None:
            raise FormulaError(f"the activation {text!r} has no form in the grammar of formulas")
        return expression.text
    return ElementwiseExpression.parse(text).text


def sample(rng: np.random.Generator, n: int, *, budget: float = BUDGET) -> list[str]:
    """Draw activation functions.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
    budget : float, default=60
        Most floating-point operations per element.

    Returns
    -------
    list of str
        Admissible expressions of x, no two of which serve a network alike; fewer than ``n`` if a
        small budget leaves fewer.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.search.activation.admission import admissible
    >>> from sktaskneuron.search.activation.grammar import sample
    >>> texts = sample(np.random.default_rng(0), 3)
    >>> len(texts), all(map(admissible, texts))
    (3, True)
    """
    found: dict[bytes, str] = {}
    for _ in range(_TRIES * n):
        if len(found) == n:
            break
        checkpoint()
        text = _attempt(lambda: _drawn(rng), budget)
        if text is not None and refusal(text, budget=budget) is None:
            found.setdefault(output_key(text), text)
    return list(found.values())


def mutate(text: str, rng: np.random.Generator, *, budget: float = BUDGET) -> str:
    """Change an activation function in one place.

    A part is drawn anew, wrapped in a function, joined with another, or taken for the whole; a
    function is exchanged, or a constant moved.

    Parameters
    ----------
    text : str
    rng : numpy.random.Generator
    budget : float, default=60

    Returns
    -------
    str
        Another function of x within the budget; whether it is admissible is still to be asked. The
        text itself if none was found.

    Raises
    ------
    FormulaError
        If the text does not follow the grammar.
    """
    node = ElementwiseExpression.parse(text).node
    return _other(lambda: _mutated(node, rng), (node,), budget)


def crossover(a: str, b: str, rng: np.random.Generator, *, budget: float = BUDGET) -> str:
    """Put a part of the second function in place of a part of the first.

    Parameters
    ----------
    a, b : str
    rng : numpy.random.Generator
    budget : float, default=60

    Returns
    -------
    str
        A function of x within the budget, unlike both; the first one if none was found.

    Raises
    ------
    FormulaError
        If a text does not follow the grammar.
    """
    first, second = (ElementwiseExpression.parse(text).node for text in (a, b))

    def crossed() -> Node:
        donor = _chosen(list(_parts(second)), rng)
        return _with_part(first, _place(first, rng), lambda _: donor)

    return _other(crossed, (first, second), budget)


def _attempt(make: Callable[[], Node], budget: float) -> str | None:
    """Return the text of a tree that is a function of x within the budget."""
    try:
        expression = ElementwiseExpression(make())
    except FormulaError:  # of constants, or too long
        return None
    if expression.is_constant or operation_cost(expression.node) > budget:
        return None
    return expression.text


def _other(make: Callable[[], Node], parents: tuple[Node, ...], budget: float) -> str:
    known = {node_text(parent) for parent in parents}
    for _ in range(_TRIES):
        text = _attempt(make, budget)
        if text is not None and text not in known:
            return text
    return node_text(parents[0])


# -- trees -----------------------------------------------------------------------------------------


def _chosen(items: Sequence[T], rng: np.random.Generator) -> T:
    return items[int(rng.integers(len(items)))]


def _constant(rng: np.random.Generator) -> float:
    return float(_chosen(_CONSTANTS, rng) * _chosen((-1.0, 1.0), rng))


def _drawn(rng: np.random.Generator, depth: int | None = None) -> Node:
    """Draw a tree; a shallow one by chance."""
    if depth is None:
        depth = 1 + int(rng.choice(len(_DEPTHS), p=_DEPTHS))
    elif depth == 0 or rng.random() < _LEAF:
        return times(_constant(rng), X) if rng.random() < _SCALED_LEAF else X
    if rng.random() < 0.5:
        return _chosen(_UNARY, rng)(_drawn(rng, depth - 1))
    return _chosen(_BINARY, rng)(_drawn(rng, depth - 1), _drawn(rng, depth - 1))


def _mutated(node: Node, rng: np.random.Generator) -> Node:
    kind = int(rng.integers(6))
    if kind == 0:
        return _with_part(node, _place(node, rng), lambda _: _drawn(rng, int(rng.integers(1, 3))))
    if kind == 1:
        return _with_part(node, _place(node, rng), _chosen(_UNARY, rng))
    if kind == 2:
        operation, other = _chosen(_BINARY, rng), _drawn(rng, int(rng.integers(2)))
        return _with_part(node, _place(node, rng), lambda part: operation(part, other))
    if kind == 3:
        return _chosen(list(_parts(node)), rng)
    if kind == 4:
        return _renamed(node, rng)
    return _moved(node, rng)


def _renamed(node: Node, rng: np.random.Generator) -> Node:
    """Call another function in one place; a tree without calls gets one around it."""
    name = _chosen(FUNCTIONS, rng)
    places = [i for i, part in enumerate(_parts(node)) if isinstance(part, Call)]
    if not places:
        return make_call(name, node)
    return _with_part(node, _chosen(places, rng), lambda part: make_call(name, children(part)[0]))


def _moved(node: Node, rng: np.random.Generator) -> Node:
    """Move a constant by about a fifth, or scale or shift a part by one."""
    places = [
        i
        for i, part in enumerate(_parts(node))
        if (isinstance(part, Product) and part.coefficient not in (1, -1))
        or (isinstance(part, Sum) and part.constant != 0)
    ]
    if not places or rng.random() < 0.3:
        constant = _constant(rng)
        changes: tuple[Unary, Unary] = (
            lambda u: times(constant, u),
            lambda u: plus(u, constant),
        )
        change = _chosen(changes, rng)
        return _with_part(node, _place(node, rng), change)
    factor = math.exp(0.2 * rng.standard_normal())

    def change_constant(part: Node) -> Node:
        if isinstance(part, Product):
            return make_product([make_number(_rounded(part.coefficient * factor)), *part.factors])
        if isinstance(part, Sum):
            return make_sum([*part.terms, make_number(_rounded(part.constant * factor))])
        raise TypeError("only products and sums have constants")

    return _with_part(node, _chosen(places, rng), change_constant)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _parts(node: Node) -> Iterator[Node]:
    """Yield a tree and its parts, from above."""
    yield node
    for child in children(node):
        yield from _parts(child)


def _place(node: Node, rng: np.random.Generator) -> int:
    return int(rng.integers(sum(1 for _ in _parts(node))))


def _with_part(node: Node, place: int, change: Unary) -> Node:
    """Return a tree with the part of a number, in the order of :func:`_parts`, changed."""
    count = -1

    def build(inner: Node) -> Node:
        nonlocal count
        count += 1
        if count == place:
            count += sum(1 for _ in _parts(inner)) - 1
            return change(inner)
        return remade(inner, build)

    return build(node)
