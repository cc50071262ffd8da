"""The one reader of texts: precedence, brackets and calls, by recursive descent.

Grammar, with blanks free between the tokens::

    sum     = product { ("+" | "-") product }
    product = unary { ("*" | "/") unary }
    unary   = { "+" | "-" } power
    power   = operand [ ("**" | "^") unary ]
    operand = number | variable | function "(" sum { "," sum } ")" | "(" sum ")"

A `Dialect` says which tokens and functions there are and what an exponent may be. Text is never
handed to eval, exec or sympify: a name means what the dialect says, or an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.text.canonical import make_number, make_power, make_product, make_sum
from sktaskneuron.formula.text.nodes import Node, Number
from sktaskneuron.formula.text.tokens import Token, tokenize

__all__ = ["MAX_DEPTH", "Dialect", "Reader"]

#: Deepest nesting of brackets, functions and exponents; far below Python's recursion limit.
MAX_DEPTH = 50


@dataclass(frozen=True)
class Dialect:
    """What texts of one kind may say.

    Parameters
    ----------
    tokens : re.Pattern
        As `sktaskneuron.formula.text.tokens.token_pattern` makes it.
    functions : mapping of str to (int, callable)
        Number of arguments and builder ``trees -> tree`` of every function.
    max_length : int
        Longest text, in characters.
    variable : str
        What messages call a variable.
    power : callable, optional
        ``(base, exponent) -> tree`` for an exponent that is no constant. Without it, such powers
        are refused.
    """

    tokens: re.Pattern[str]
    functions: Mapping[str, tuple[int, Callable[..., Node]]]
    max_length: int
    variable: str = "a variable"
    power: Callable[[Node, Node], Node] | None = None


class Reader:
    """State of one reading: the tokens and the place among them.

    Parameters
    ----------
    text : str
    dialect : Dialect
    variables : mapping of str to Node, optional
        What stands for each of the names that are no functions.

    Raises
    ------
    FormulaError
        If the text is no str, too long, or holds a character that begins no token.
    """

    def __init__(
        self, text: str, dialect: Dialect, variables: Mapping[str, Node] | None = None
    ) -> None:
        if not isinstance(text, str):
            raise FormulaError(f"a formula text must be a str, got {type(text).__name__}")
        if len(text) > dialect.max_length:
            raise FormulaError(
                f"the text has {len(text)} characters; at most {dialect.max_length} are allowed"
            )
        self.text = text
        self.dialect = dialect
        self.variables: Mapping[str, Node] = variables or {}
        self.tokens: list[Token] = tokenize(text, dialect.tokens)
        self.index: int = 0
        self.depth: int = 0

    def whole(self) -> Node:
        """Read all of the text as one sum."""
        node = self.sum()
        self.expect_end()
        return node

    @property
    def token(self) -> Token:
        """The token at hand."""
        return self.tokens[self.index]

    def next(self) -> Token:
        """Return the token at hand and go on; the end stays."""
        token = self.token
        if token.kind != "end":
            self.index += 1
        return token

    def at(self, *symbols: str) -> bool:
        """Tell whether one of these symbols is at hand."""
        return self.token.kind == "symbol" and self.token.text in symbols

    def fail(self, message: str, token: Token | None = None) -> FormulaError:
        """Make an error at a token, by default the one at hand."""
        place = self.token if token is None else token
        return FormulaError(message, self.text, place.position)

    def expect(self, symbol: str, why: str) -> Token:
        """Go past a symbol, or fail."""
        if not self.at(symbol):
            raise self.fail(f"expected {symbol!r} {why}, found {self.token}")
        return self.next()

    def expect_end(self) -> None:
        """Fail unless all of the text is read."""
        token = self.token
        if token.kind == "end":
            return
        if token.kind in ("number", "name", "column") or token.text in ("(", "<"):
            raise self.fail(f"expected an operator before {token}")
        raise self.fail(f"unexpected {token}")

    @contextmanager
    def nested(self, token: Token) -> Iterator[None]:
        """Count a level of nesting that begins at `token`."""
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
        """Read terms with + and - between them."""
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
        """Read factors with * and / between them."""
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
        """Read signs and a power, as factors."""
        sign = 1.0
        while self.at("+", "-"):
            if self.next().text == "-":
                sign = -sign
        return [Number(sign), self.power()]

    def power(self) -> Node:
        """Read an operand and its exponent."""
        start = self.token
        base = self.operand()
        if not self.at("**", "^"):
            return base
        operator = self.next()
        place = self.token
        with self.nested(operator):
            exponent = make_product(self.unary())
        if isinstance(exponent, Number):
            with self.placed(start if isinstance(base, Number) else place):
                return make_power(base, exponent.value)
        if self.dialect.power is None:
            raise self.fail("an exponent must be a constant; write exp(x) for e**x", place)
        with self.placed(place):
            return self.dialect.power(base, exponent)

    def operand(self) -> Node:
        """Read a number, a variable, a call or a bracket."""
        token = self.next()
        if token.kind == "number":
            with self.placed(token):
                return make_number(float(token.text.lower().replace("f", "e")))
        if token.kind == "name":
            return self.named(token)
        if token.text == "(":
            with self.nested(token):
                inner = self.sum()
                self.expect(")", "to close the bracket")
            return inner
        raise self.fail(
            f"expected a number, {self.dialect.variable}, a function or a bracket, found {token}",
            token,
        )

    def named(self, token: Token) -> Node:
        """Return what a name stands for, the token behind it being at hand."""
        if token.text in self.variables:
            return self.variables[token.text]
        if token.text not in self.dialect.functions:
            raise self.fail(f"unknown name {token.text[:40]!r}", token)
        return self.call(token)

    def call(self, token: Token) -> Node:
        """Read the arguments of a function that `token` names."""
        count, build = self.dialect.functions[token.text]
        takes = f"{token.text} takes {'one argument' if count == 1 else f'{count} arguments'}"
        self.expect("(", f"after the function {token.text}")
        with self.nested(token):
            arguments = [self.sum()]
            while len(arguments) < count:
                if not self.at(","):
                    raise self.fail(takes)
                self.next()
                arguments.append(self.sum())
            if self.at(","):
                raise self.fail(takes)
            self.expect(")", f"to close {token.text}")
        with self.placed(token):
            return build(*arguments)
