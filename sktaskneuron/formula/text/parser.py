"""The grammar of formula texts.

It is that of `sktaskneuron.formula.text.reader` with constant exponents and functions of one
argument, and above it::

    formula     = ["+" | "-"] term { ("+" | "-") term }
    term        = interaction | product | number "@" product
    interaction = [number "*"] "<" "x" { "," "x" } ">" [":" rank]
    variable    = "x", or in an expression of columns a column's name, in backticks unless it is an
                  identifier

and the number "pi". ``2@x**3`` is how tnlearn writes a weight and its function.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection
from dataclasses import replace
from functools import partial

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.text.canonical import make_call, make_number
from sktaskneuron.formula.text.nodes import Node, Variable
from sktaskneuron.formula.text.primitives import PRIMITIVES
from sktaskneuron.formula.text.reader import MAX_DEPTH, Dialect, Reader
from sktaskneuron.formula.text.tokens import MAX_TOKENS, Token, token_pattern, tokenize

__all__ = [
    "MAX_ORDER",
    "MAX_RANK",
    "MAX_TEXT_LENGTH",
    "PRIMITIVE_CALLS",
    "check_readable",
    "parse_formula_parts",
    "parse_node",
]

#: Longest text, in characters, of a formula or of one function; read in 0.1 s (measured).
MAX_TEXT_LENGTH = 4000
# Orders and ranks are limited far above what is ever fitted, so that no text asks for a network
# beyond memory.
#: Highest order of an interaction term.
MAX_ORDER = 20
#: Highest rank of an interaction term.
MAX_RANK = 10_000

#: The primitives as functions of a dialect.
PRIMITIVE_CALLS = {name: (1, partial(make_call, name)) for name in PRIMITIVES}

_COLUMN = "|`(?P<column>(?:[^`]|``)*)`"
_OF_X = Dialect(
    token_pattern("-+*/()<>,:@", others=_COLUMN), PRIMITIVE_CALLS, MAX_TEXT_LENGTH, variable="x"
)
# Columns may have long names.
_OF_COLUMNS = replace(_OF_X, tokens=token_pattern("-+*/()<>,:", others=_COLUMN), max_length=200_000)


class _FormulaReader(Reader):
    """Reads what users write; the variable is x unless there are columns."""

    def __init__(self, text: str, columns: Collection[str] | None = None) -> None:
        super().__init__(text, _OF_X if columns is None else _OF_COLUMNS)
        if self.token.kind == "end":
            raise FormulaError("the text is empty; a formula without terms is written 0")
        self.columns = None if columns is None else frozenset(columns)

    def operand(self) -> Node:
        token = self.token
        if token.kind == "column":
            return self.column(self.next(), token.text.replace("``", "`"))
        if self.at("<"):
            raise self.fail("an interaction <x,x> must stand alone as a term of its own")
        return super().operand()

    def column(self, token: Token, name: str) -> Node:
        if self.columns is None:
            raise self.fail("a function has the one variable x, and no columns in backticks", token)
        if name not in self.columns:
            close = difflib.get_close_matches(name, sorted(self.columns), n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise self.fail(f"unknown column {name!r}{hint}", token)
        return Variable(name)

    def named(self, token: Token) -> Node:
        name, called = token.text, self.at("(")
        if self.columns is None and name == "x":
            if called:
                raise self.fail("x is the variable, not a function")
            return Variable()
        known = name in PRIMITIVES or name == "pi"
        if self.columns is not None and not called and (name in self.columns or not known):
            return self.column(token, name)
        if name == "pi" and not called:
            return make_number(math.pi)
        if name not in PRIMITIVES:
            raise self.fail(_unknown_name(name, is_call=called), token)
        return self.call(token)

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
            if self.token.kind == "number" and (ahead[1:] == ["*", "<"] or ahead[1] == "@"):
                self.index += 2
            if self.at("<"):
                interactions.append(self.interaction())
            else:
                pure.append(self.product())
            if self.at("@"):
                raise self.fail(
                    "unexpected '@': it stands between a number and its function, as in 2@x**3"
                )
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
    for token in tokenize(text, _OF_COLUMNS.tokens):
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
    return _FormulaReader(text, columns).whole()


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
    return _FormulaReader(text).formula()
