"""The tokens that formula texts consist of."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sktaskneuron.exceptions import FormulaError

__all__ = ["MAX_TOKENS", "Token", "tokenize"]

#: Most numbers, names and symbols of an expression of columns; reading them takes a second at most.
MAX_TOKENS = 8000

_TOKEN = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|`(?P<column>(?:[^`]|``)*)`"
    r"|(?P<symbol>\*\*|[-+*/()<>,:])",
    re.ASCII,
)
_BLANK = re.compile(r"\s*")


@dataclass(frozen=True)
class Token:
    """A number, name, column in backticks or symbol, or the end, and its place in the text."""

    kind: str  # "number", "name", "column", "symbol" or "end"
    text: str
    position: int

    def __str__(self) -> str:
        return "the end of the text" if self.kind == "end" else repr(self.text)


def tokenize(text: str) -> list[Token]:
    """Cut a text into tokens, the last of which is its end.

    Raises
    ------
    FormulaError
        If a character begins none, or there are more than ``MAX_TOKENS``.
    """
    tokens: list[Token] = []
    position = 0
    while True:
        if len(tokens) > MAX_TOKENS:
            raise FormulaError(f"the text is too long; at most {MAX_TOKENS} tokens are allowed")
        blank = _BLANK.match(text, position)
        position = blank.end() if blank else position
        if position == len(text):
            tokens.append(Token("end", "", position))
            return tokens
        match = _TOKEN.match(text, position)
        if match is None:
            character = text[position]
            hint = "; a power is written x**2" if character == "^" else ""
            raise FormulaError(f"unexpected character {character!r}{hint}", text, position)
        kind = str(match.lastgroup)
        tokens.append(Token(kind, match.group(kind), position))
        position = match.end()
