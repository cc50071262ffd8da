"""Equations as other packages write them, read into canonical trees.

They say what our own formulas must not: powers of variables, functions of two arguments. Numbers
are as in Python, and as in Julia, whose Float32 has f for e: ``1.5f-3``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from sktaskneuron.exceptions import EngineError, FormulaError
from sktaskneuron.formula.text.canonical import make_call, make_power, make_product, make_sum
from sktaskneuron.formula.text.nodes import Node, Number, render
from sktaskneuron.formula.text.parser import MAX_TEXT_LENGTH, PRIMITIVE_CALLS, check_readable
from sktaskneuron.formula.text.reader import Dialect, Reader
from sktaskneuron.formula.text.tokens import NAME, token_pattern

# Equations of a front, and their characters together, that are read; the others are left out. An
# engine's front has one equation per complexity, and the characters are those of 50 texts of full
# length, of which each takes 0.1 s.
_MAX_EQUATIONS, _MAX_CHARACTERS = 500, 200_000


def _power(base: Node, exponent: Node) -> Node:
    if isinstance(exponent, Number):
        return make_power(base, exponent.value)
    return make_call("exp", make_product([exponent, make_call("log", base)]))


def _abs(node: Node) -> Node:
    return make_call("abs", node)


_UNARY: dict[str, Callable[[Node], Node]] = {
    "neg": lambda x: make_product([Number(-1.0), x]),
    "inv": lambda x: make_power(x, -1),
    "square": lambda x: make_power(x, 2),
    "cube": lambda x: make_power(x, 3),
    "cbrt": lambda x: make_product([make_call("sign", x), make_power(_abs(x), 1 / 3)]),
    "log2": lambda x: make_product([Number(1 / math.log(2)), make_call("log", x)]),
    "log10": lambda x: make_product([Number(1 / math.log(10)), make_call("log", x)]),
    "log1p": lambda x: make_call("log", make_sum([x, Number(1.0)])),
    "log_abs": lambda x: make_call("log", _abs(x)),
    "sqrt_abs": lambda x: make_power(_abs(x), 0.5),
}
_BINARY: dict[str, Callable[[Node, Node], Node]] = {
    "plus": lambda a, b: make_sum([a, b]),
    "sub": lambda a, b: make_sum([a, make_product([Number(-1.0), b])]),
    "mult": lambda a, b: make_product([a, b]),
    "div": lambda a, b: make_product([a, make_power(b, -1)]),
    "pow": _power,
    "pow_abs": lambda a, b: _power(_abs(a), b),
}

_ENGINE = Dialect(
    # "#1" is a variable of PySR's templates
    token_pattern("-+*/^(),", name=rf"{NAME}|\#\d+", exponents="eEfF"),
    {
        **PRIMITIVE_CALLS,
        **{name: (1, build) for name, build in _UNARY.items()},
        **{name: (2, build) for name, build in _BINARY.items()},
    },
    MAX_TEXT_LENGTH,
    power=_power,
)


def parse_engine_text(text: str, variables: Mapping[str, Node]) -> Node:
    """Read one equation of an engine.

    Parameters
    ----------
    text : str
        At most 4,000 characters.
    variables : mapping of str to Node
        What stands for each of the engine's variables.

    Returns
    -------
    node : Node
        The canonical tree.

    Raises
    ------
    FormulaError
        If the text does not follow the grammar, names what is unknown, or a number in it is not
        finite.

    Examples
    --------
    >>> from sktaskneuron.formula.text.nodes import Variable, text_of
    >>> from sktaskneuron.search.columns.engines.text import parse_engine_text
    >>> names = {"x0": Variable("mass"), "x1": Variable("speed")}
    >>> text_of(parse_engine_text("(x0 * square(x1)) * 0.5 - x0 ^ 1.5", names))
    '-mass**1.5 + 0.5*mass*speed**2'
    """
    node = Reader(text, _ENGINE, variables).whole()
    # what the search keeps is printed and must be readable again
    check_readable(render(node, lambda _: "x"))
    return node


def read_front(
    texts: Iterable[str], read: Callable[[str], Iterable[Node]], engine: str
) -> list[Node]:
    """Read the equations of a front; those that cannot be read are left out.

    Parameters
    ----------
    texts : iterable of str
    read : callable
        ``text -> trees``; raises FormulaError.
    engine : str
        What errors call the engine.

    Returns
    -------
    nodes : list of Node
        Distinct, at least one.

    Raises
    ------
    EngineError
        If there is no equation that can be read.
    """
    found: dict[Node, None] = {}
    first: FormulaError | None = None
    total = 0
    for number, text in enumerate(texts):
        total += len(text)
        if number >= _MAX_EQUATIONS or total > _MAX_CHARACTERS:
            break
        try:
            found.update(dict.fromkeys(read(text)))
        except FormulaError as error:
            first = first or error
    if not found:
        reason = "it is empty" if first is None else f"the first: {first}"
        raise EngineError(f"no equation of the front of engine={engine!r} can be read; {reason}")
    return list(found)
