"""Equations as other packages write them, read into canonical trees.

Grammar, with blanks free between the tokens::

    sum      = product { ("+" | "-") product }
    product  = unary { ("*" | "/") unary }
    unary    = { "+" | "-" } power
    power    = operand [ ("^" | "**") unary ]         the exponent may be any expression
    operand  = number | variable | name "(" sum { "," sum } ")" | "(" sum ")"
    number   = as in Python, and as in Julia, whose Float32 has f for e: 1.5f-3

It is a grammar apart from that of `sktaskneuron.formula.text.parser`, which refuses what our own
formulas must not say: powers of variables, functions of two arguments. Text is never handed to
eval, exec or sympify: a name means what `FUNCTIONS` says, or an error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import MappingProxyType

from sktaskneuron.exceptions import EngineError, FormulaError
from sktaskneuron.formula.text.canonical import (
    make_call,
    make_number,
    make_power,
    make_product,
    make_sum,
)
from sktaskneuron.formula.text.nodes import Node, Number, render
from sktaskneuron.formula.text.parser import MAX_DEPTH, MAX_TEXT_LENGTH, check_readable
from sktaskneuron.formula.text.primitives import PRIMITIVES

__all__ = ["FUNCTIONS", "parse_engine_text", "read_front"]

# Equations of a front, and their characters together, that are read; the others are left out. An
# engine's front has one equation per complexity.
_MAX_EQUATIONS, _MAX_CHARACTERS = 500, 200_000

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eEfF][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*|\#\d+)"
    r"|(?P<symbol>\*\*|[-+*/^(),])"
    r"|(?P<end>$))",
    re.ASCII,
)


def _power(base: Node, exponent: Node) -> Node:
    if isinstance(exponent, Number):
        return make_power(base, exponent.value)
    return make_call("exp", make_product([exponent, make_call("log", base)]))


def _abs(node: Node) -> Node:
    return make_call("abs", node)


def _scaled_log(factor: float, node: Node) -> Node:
    return make_product([Number(factor), make_call("log", node)])


def _plus_one(node: Node) -> Node:
    return make_sum([node, Number(1.0)])


_UNARY: dict[str, Callable[[Node], Node]] = {
    **{name: partial(make_call, name) for name in PRIMITIVES},
    "neg": lambda x: make_product([Number(-1.0), x]),
    "inv": lambda x: make_power(x, -1),
    "square": lambda x: make_power(x, 2),
    "cube": lambda x: make_power(x, 3),
    "cbrt": lambda x: make_product([make_call("sign", x), make_power(_abs(x), 1 / 3)]),
    "log2": partial(_scaled_log, 1 / math.log(2)),
    "log10": partial(_scaled_log, 1 / math.log(10)),
    "log1p": lambda x: make_call("log", _plus_one(x)),
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

#: Number of arguments and builder of every function that an equation may name.
FUNCTIONS: Mapping[str, tuple[int, Callable[..., Node]]] = MappingProxyType(
    {
        **{name: (1, build) for name, build in _UNARY.items()},
        **{name: (2, build) for name, build in _BINARY.items()},
    }
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
    parser = _Parser(text, variables)
    node = parser.sum()
    if parser.kind != "end":
        raise parser.fail("expected an operator")
    # what the search keeps is printed and must be readable again
    check_readable(render(node, lambda _: "x"))
    return node


class _Parser:
    """State of one reading: the token at hand and where the next one starts."""

    def __init__(self, text: str, variables: Mapping[str, Node]) -> None:
        if len(text) > MAX_TEXT_LENGTH:
            raise FormulaError(
                f"an equation has {len(text)} characters; at most {MAX_TEXT_LENGTH} are read"
            )
        # blanks at the end of the text would each be tried as the start of a token
        self.source = text.rstrip()
        self.variables = variables
        self.depth = 0
        self.end = 0
        self.advance()

    def advance(self) -> str:
        """Go to the next token; return the text of the one left behind."""
        left = getattr(self, "text", "")
        match = _TOKEN.match(self.source, self.end)
        if match is None:
            self.start = self.end
            raise self.fail("unexpected character")
        self.kind = str(match.lastgroup)
        self.text = match.group(self.kind)
        self.start, self.end = match.start(self.kind), match.end()
        return left

    def fail(self, message: str) -> FormulaError:
        return FormulaError(message, self.source, self.start)

    def at(self, *symbols: str) -> bool:
        return self.kind == "symbol" and self.text in symbols

    @contextmanager
    def nested(self) -> Iterator[None]:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(f"nested too deeply; at most {MAX_DEPTH} levels are allowed")
        yield
        self.depth -= 1

    def sum(self) -> Node:
        items = [self.product()]
        while self.at("+", "-"):
            sign = -1.0 if self.advance() == "-" else 1.0
            items.append(make_product([Number(sign), self.product()]))
        return make_sum(items)

    def product(self) -> Node:
        factors = [self.unary()]
        while self.at("*", "/"):
            exponent = -1 if self.advance() == "/" else 1
            factors.append(make_power(self.unary(), exponent))
        return make_product(factors)

    def unary(self) -> Node:
        sign = 1.0
        while self.at("+", "-"):
            if self.advance() == "-":
                sign = -sign
        return make_product([Number(sign), self.power()])

    def power(self) -> Node:
        base = self.operand()
        if not self.at("^", "**"):
            return base
        with self.nested():
            self.advance()
            return _power(base, self.unary())

    def operand(self) -> Node:
        if self.kind == "number":
            return make_number(float(re.sub("[fF]", "e", self.advance())))
        if self.kind == "name":
            return self.named()
        if not self.at("("):
            raise self.fail("expected a number, a variable, a function or a bracket")
        return self.arguments(1)[0]

    def named(self) -> Node:
        if self.text in self.variables:
            return self.variables[self.advance()]
        if self.text not in FUNCTIONS:
            raise self.fail(f"unknown name {self.text[:40]!r}")
        count, build = FUNCTIONS[self.advance()]
        return build(*self.arguments(count))

    def arguments(self, count: int) -> list[Node]:
        """Read so many expressions in brackets."""
        found: list[Node] = []
        with self.nested():
            while len(found) < count:
                opening = "," if found else "("
                if not self.at(opening):
                    raise self.fail(f"expected {opening!r}")
                self.advance()
                found.append(self.sum())
            if not self.at(")"):
                raise self.fail("expected ')'")
            self.advance()
        return found


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
