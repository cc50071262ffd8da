"""The tokens that texts consist of."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sktaskneuron.exceptions import FormulaError

__all__ = ["MAX_TOKENS", "NAME", "Token", "token_pattern", "tokenize"]

#: Most numbers, names and symbols of an expression of columns; reading them takes a second at most.
MAX_TOKENS = 8000

NAME = "[A-Za-z_][A-Za-z_0-9]*"


def token_pattern(
    symbols: str, *, name: str = NAME, exponents: str = "eE", others: str = ""
) -> re.Pattern[str]:
    """Compile what the tokens of a kind of text look like, for `tokenize`.

    Parameters
    ----------
    symbols : str
        Single characters that are symbols; ``**`` always is one.
    name : str
        Regular expression of a name.
    exponents : str
        Letters in front of a number's exponent.
    others : str
        Regular expressions of more kinds of tokens, in named groups, each behind a ``|``.

    Returns
    -------
    pattern : re.Pattern
    """
    return re.compile(
        rf"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[{exponents}][+-]?\d+)?)"
        rf"|(?P<name>{name}){others}"
        rf"|(?P<symbol>\*\*|[{re.escape(symbols)}])",
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


def tokenize(text: str, pattern: re.Pattern[str]) -> list[Token]:
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
        match = pattern.match(text, position)
        if match is None:
            character = text[position]
            hint = "; a power is written x**2" if character == "^" else ""
            raise FormulaError(f"unexpected character {character!r}{hint}", text, position)
        kind = str(match.lastgroup)
        tokens.append(Token(kind, match.group(kind), position))
        position = match.end()
