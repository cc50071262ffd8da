"""The grammar of formula texts: a recursive descent parser.

Grammar, with blanks free between the tokens::

    formula     = ["+" | "-"] term { ("+" | "-") term }
    term        = interaction | product
    interaction = [number "*"] "<" "x" { "," "x" } ">" [":" rank]
    sum         = product { ("+" | "-") product }
    product     = unary { ("*" | "/") unary }
    unary       = { "+" | "-" } power
    power       = operand [ "**" unary ]              the exponent must be a constant
    operand     = number | "pi" | variable | name "(" sum ")" | "(" sum ")"
    variable    = "x", or in an expression of columns a column's name, in backticks unless it is an
                  identifier

Text is never handed to eval, exec or sympify: a name means what `PRIMITIVES` says, or an error.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.text.canonical import (
    make_call,
    make_number,
    make_power,
    make_product,
    make_sum,
)
from sktaskneuron.formula.text.nodes import Node, Number, Variable
from sktaskneuron.formula.text.primitives import PRIMITIVES
from sktaskneuron.formula.text.tokens import MAX_TOKENS, Token, tokenize

__all__ = [
    "MAX_DEPTH",
    "MAX_ORDER",
    "MAX_RANK",
    "MAX_TEXT_LENGTH",
    "check_readable",
    "parse_formula_parts",
    "parse_node",
]

#: Longest text, in characters, of a formula or of one function.
MAX_TEXT_LENGTH = 4000
# Longest text of an expression of columns, whose names may be long.
_MAX_COLUMNS_LENGTH = 200_000
#: Deepest nesting of brackets, functions and exponents; far below Python's recursion limit.
MAX_DEPTH = 50
#: Highest order of an interaction term.
MAX_ORDER = 20
#: Highest rank of an interaction term.
MAX_RANK = 10_000


class _Parser:
    """State of one reading: the tokens and the place among them.

    Without ``columns`` the variable is x, else every one of their names is a variable.
    """

    def __init__(self, text: str, columns: Collection[str] | None = None) -> None:
        if not isinstance(text, str):
            raise FormulaError(f"a formula text must be a str, got {type(text).__name__}")
        longest = MAX_TEXT_LENGTH if columns is None else _MAX_COLUMNS_LENGTH
        if len(text) > longest:
            raise FormulaError(
                f"the text has {len(text)} characters; at most {longest} are allowed"
            )
        if not text or text.isspace():
            raise FormulaError("the text is empty; a formula without terms is written 0")
        self.text = text
        self.columns = None if columns is None else frozenset(columns)
        self.tokens = tokenize(text)
        self.index = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def next(self) -> Token:
        token = self.token
        if token.kind != "end":
            self.index += 1
        return token

    def at(self, *symbols: str) -> bool:
        return self.token.kind == "symbol" and self.token.text in symbols

    def fail(self, message: str, token: Token | None = None) -> FormulaError:
        place = self.token if token is None else token
        return FormulaError(message, self.text, place.position)

    def expect(self, symbol: str, why: str) -> Token:
        if not self.at(symbol):
            raise self.fail(f"expected {symbol!r} {why}, found {self.token}")
        return self.next()

    def expect_end(self) -> None:
        token = self.token
        if token.kind == "end":
            return
        if token.kind in ("number", "name", "column") or token.text in ("(", "<"):
            raise self.fail(f"expected an operator before {token}")
        raise self.fail(f"unexpected {token}")

    @contextmanager
    def nested(self, token: Token) -> Iterator[None]:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(f"nested too deeply; at most {MAX_DEPTH} levels are allowed", token)
        yield
        self.depth -= 1

    @contextmanager
    def placed(self, token: Token) -> Iterator[None]:
        """Give the place of `token` to errors of the builders, which know none."""
        try:
            yield
        except FormulaError as error:
            if error.position is not None:
                raise
            raise self.fail(error.message, token) from None

    def sum(self) -> Node:
        start = self.token
        items = [self.product()]
        while self.at("+", "-"):
            sign = -1.0 if self.next().text == "-" else 1.0
            operand = self.token
            item = self.product()
            with self.placed(operand):
                items.append(make_product([Number(sign), item]))
        with self.placed(start):
            return make_sum(items)

    def product(self) -> Node:
        # The factors are multiplied in one go: canonical forms of parts of a product, such as
        # 2*(x + 0.1), would otherwise round more than once.
        start = self.token
        factors = self.unary()
        while self.at("*", "/"):
            operator = self.next()
            operand = self.token
            following = self.unary()
            if operator.text == "/":
                with self.placed(operand):
                    following = [make_power(factor, -1) for factor in following]
            factors += following
        with self.placed(start):
            return make_product(factors)

    def unary(self) -> list[Node]:
        sign = 1.0
        while self.at("+", "-"):
            if self.next().text == "-":
                sign = -sign
        return [Number(sign), self.power()]

    def power(self) -> Node:
        start = self.token
        base = self.operand()
        if not self.at("**"):
            return base
        operator = self.next()
        place = self.token
        with self.nested(operator):
            exponent = make_product(self.unary())
        if not isinstance(exponent, Number):
            raise self.fail("an exponent must be a constant; write exp(x) for e**x", place)
        if isinstance(base, Number):
            place = start
        with self.placed(place):
            return make_power(base, exponent.value)

    def operand(self) -> Node:
        token = self.next()
        if token.kind == "number":
            with self.placed(token):
                return make_number(float(token.text))
        if token.kind == "name":
            return self.named(token)
        if token.kind == "column":
            return self.column(token, token.text.replace("``", "`"))
        if token.text == "(":
            with self.nested(token):
                inner = self.sum()
                self.expect(")", "to close the bracket")
            return inner
        if token.text == "<":
            raise self.fail("an interaction <x,x> must stand alone as a term of its own", token)
        raise self.fail(f"expected a number, x, a function or a bracket, found {token}", token)

    def column(self, token: Token, name: str) -> Node:
        if self.columns is None:
            raise self.fail("a function has the one variable x, and no columns in backticks", token)
        if name not in self.columns:
            close = difflib.get_close_matches(name, sorted(self.columns), n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise self.fail(f"unknown column {name!r}{hint}", token)
        return Variable(name)

    def named(self, token: Token) -> Node:
        called = self.at("(")
        if self.columns is None and token.text == "x":
            if called:
                raise self.fail("x is the variable, not a function")
            return Variable()
        if self.columns is not None and not called and token.text in self.columns:
            return Variable(token.text)
        if token.text == "pi" and not called:
            return make_number(math.pi)
        if self.columns is not None and not called and token.text not in PRIMITIVES:
            return self.column(token, token.text)
        if token.text not in PRIMITIVES:
            raise self.fail(_unknown_name(token.text, is_call=self.at("(")), token)
        self.expect("(", f"after the function {token.text}")
        with self.nested(token):
            argument = self.sum()
            if self.at(","):
                raise self.fail(f"{token.text} takes one argument")
            self.expect(")", f"to close {token.text}")
        with self.placed(token):
            return make_call(token.text, argument)

    def interaction(self) -> tuple[int, int]:
        """Read ``<x,x>:3`` as (order, rank), here (2, 3)."""
        opening = self.next()
        order = 0
        while True:
            if self.token.text != "x":
                raise self.fail(f"expected x between the brackets < >, found {self.token}")
            self.next()
            order += 1
            if not self.at(","):
                break
            self.next()
        self.expect(">", "to close the interaction")
        if order > MAX_ORDER:
            raise self.fail(
                f"an interaction of order {order}; at most {MAX_ORDER} is allowed", opening
            )
        rank = 1
        if self.at(":"):
            self.next()
            rank = self.rank()
        if self.at("*", "/", "**"):
            raise self.fail("an interaction <x,x> must stand alone as a term of its own")
        return order, rank

    def rank(self) -> int:
        token = self.next()
        if token.kind != "number" or not token.text.isdigit() or int(token.text) == 0:
            raise self.fail(f"expected a whole positive rank behind ':', found {token}", token)
        if len(token.text) > 9 or int(token.text) > MAX_RANK:
            raise self.fail(f"a rank of {token.text}; at most {MAX_RANK} is allowed", token)
        return int(token.text)

    def formula(self) -> tuple[list[Node], list[tuple[int, int]]]:
        pure: list[Node] = []
        interactions: list[tuple[int, int]] = []
        while True:
            while self.at("+", "-"):
                self.next()
            ahead = [token.text for token in self.tokens[self.index : self.index + 3]]
            if self.token.kind == "number" and ahead[1:] == ["*", "<"]:
                self.index += 2
            if self.at("<"):
                interactions.append(self.interaction())
            else:
                pure.append(self.product())
            if not self.at("+", "-"):
                self.expect_end()
                return pure, interactions


def _unknown_name(name: str, *, is_call: bool) -> str:
    kind = "function" if is_call else "name"
    close = difflib.get_close_matches(name.lower(), [*PRIMITIVES, "x"], n=1)
    if close:
        return f"unknown {kind} {name!r}; did you mean {close[0]!r}?"
    if is_call:
        return f"unknown function {name!r}; known are {', '.join(sorted(PRIMITIVES))}"
    return f"unknown name {name!r}; the variable is x, standing for every input in turn"


def check_readable(text: str) -> None:
    """Check that a printed expression of columns is one that `parse_node` reads.

    Parameters
    ----------
    text : str

    Raises
    ------
    FormulaError
        If the text is too long or nested too deeply.
    """
    depth = deepest = 0
    count = -1
    for token in tokenize(text):
        count += 1
        if token.kind == "symbol":
            depth += (token.text == "(") - (token.text == ")")
            deepest = max(deepest, depth)
    if count > MAX_TOKENS or deepest > MAX_DEPTH:
        raise FormulaError(
            f"the expression is too long: its text has {count} tokens, nested {deepest} deep; at "
            f"most {MAX_TOKENS} and {MAX_DEPTH} are allowed"
        )


def parse_node(text: str, columns: Collection[str] | None = None) -> Node:
    """Read one elementwise function, or an expression of columns.

    Parameters
    ----------
    text : str
    columns : collection of str, optional
        Names of the columns that the text may read, instead of the variable x.

    Returns
    -------
    node : Node
        The canonical tree.

    Raises
    ------
    FormulaError
        If the text does not follow the grammar; the message shows the place.
    """
    parser = _Parser(text, columns)
    node = parser.sum()
    parser.expect_end()
    return node


def parse_formula_parts(text: str) -> tuple[list[Node], list[tuple[int, int]]]:
    """Read a neuron formula as its terms.

    Parameters
    ----------
    text : str

    Returns
    -------
    pure : list of Node
        The pure terms in the order of the text, with their factors. A sum in brackets is one
        term.
    interactions : list of (order, rank)
        As they stand in the text, ``<x>`` as order 1.

    Raises
    ------
    FormulaError
        If the text does not follow the grammar; the message shows the place.
    """
    return _Parser(text).formula()
