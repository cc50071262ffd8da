"""The one printer of code: precedence, signs, long sums and repeated parts of trees.

A language says how it writes a number, a column, a power and a clipped value; what its primitives
look like stands in their entries in `PRIMITIVES`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.text.nodes import (
    Call,
    Clip,
    Node,
    Number,
    Power,
    Product,
    Sum,
    Variable,
    children,
)
from sktaskneuron.formula.text.primitives import Primitive, get_primitive

__all__ = ["ExpressionPrinter", "Level", "Printer", "StatementPrinter", "Text"]

# Longer chains of + or * are split by brackets: parsers recurse into a chain's left end, and
# CPython and SQLite give up after about 1000 levels.
_CHAIN = 50


class Level(IntEnum):
    """How tightly a text holds together; what holds less needs brackets as an operand."""

    SUM = 0
    PRODUCT = 1
    POWER = 2
    OPERAND = 3


class Text(NamedTuple):
    """Printed code, with its sign kept apart so that sums and products can place it."""

    body: str
    level: Level = Level.OPERAND
    negative: bool = False


class _Parts:
    """Numbers the parts of trees, equal parts alike, and counts how often each is used."""

    def __init__(self, trees: Sequence[Node]) -> None:
        self._numbers: dict[tuple[object, ...], int] = {}
        # By identity first: hashing a tree walks all of it, at every part anew. The node is kept,
        # since an id is free again once its object is gone.
        self._seen: dict[int, tuple[Node, int]] = {}
        self.uses: Counter[int] = Counter()
        for tree in trees:
            self.uses[self.number(tree)] += 1

    def number(self, node: Node) -> int:
        seen = self._seen.get(id(node))
        if seen is not None:
            return seen[1]
        inner = [self.number(child) for child in children(node)]
        key = (type(node), *_payload(node), *inner)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._numbers)
            self.uses.update(inner)
        self._seen[id(node)] = node, number
        return number


def _payload(node: Node) -> tuple[object, ...]:
    """Return what a node holds besides its parts."""
    return tuple(value for value in vars(node).values() if isinstance(value, str | float | int))


class Printer(ABC):
    """Prints trees in one language, every distinct part once.

    Parameters
    ----------
    trees : sequence of Node
        All that will be printed, so that repeated parts are known.
    """

    #: The language as an error names it.
    language: str
    #: What keeps a value above a bound, and what keeps it below one.
    bounds: tuple[str, str]

    def __init__(self, trees: Sequence[Node]) -> None:
        self.trees: tuple[Node, ...] = tuple(trees)
        self._parts = _Parts(self.trees)
        self._written: dict[int, Text] = {}

    @abstractmethod
    def form(self, primitive: Primitive) -> str | None:
        """Return the language's form of a primitive, with ``{x}`` for its argument."""

    @abstractmethod
    def variable(self, name: str) -> str:
        """Write a column; must read as one operand."""

    @abstractmethod
    def power(self, base: Node, exponent: float) -> Text:
        """Write a power with a positive exponent."""

    @abstractmethod
    def kept(self, number: int, node: Node, text: Text) -> Text:
        """Take note of a part's text and return what stands for it wherever it is used."""

    def clip(self, argument: Text, lower: float, upper: float) -> str:
        """Write a clipped value, of which one bound may be infinite, as one operand."""
        value = self.signed(argument)
        for form, bound in zip(self.bounds, (lower, upper), strict=True):
            if math.isfinite(bound):
                value = form.format(value, self.constant(bound))
        return value

    def number(self, size: float) -> str:
        """Write a number that is not negative."""
        return repr(float(size))

    def minus(self, body: str) -> str:
        """Write a minus in front of a product, power or operand."""
        return f"-{body}"

    def leads(self, n_parts: int) -> bool:
        """Tell whether a product of so many parts needs a number in front even if it is 1."""
        return n_parts == 0

    def write(self, node: Node) -> Text:
        """Print a part, or take what was printed for an equal one."""
        number = self._parts.number(node)
        text = self._written.get(number)
        if text is None:
            text = self._written[number] = self.kept(number, node, self._printed(node))
        return text

    def signed(self, text: Text) -> str:
        """Return a text with its sign."""
        return self.minus(text.body) if text.negative else text.body

    def operand(self, text: Text) -> str:
        """Return a text that reads as one operand."""
        signed = self.signed(text)
        return signed if text.level == Level.OPERAND and not text.negative else f"({signed})"

    def constant(self, value: float) -> str:
        """Write a number with its sign."""
        return self.signed(Text(self.number(abs(value)), negative=value < 0))

    def repeated(self, node: Node) -> bool:
        """Tell whether a part that is no leaf is used more than once."""
        return not isinstance(node, Number | Variable) and (
            self._parts.uses[self._parts.number(node)] > 1
        )

    def call(self, name: str, argument: Node) -> Text:
        """Write a primitive of an argument."""
        return Text(self.form_of(name).format(x=self.signed(self.write(argument))))

    def form_of(self, name: str) -> str:
        """Return the language's form of a primitive; raises FormulaError if it has none."""
        form = self.form(get_primitive(name))
        if form is None:
            raise FormulaError(f"{name} has no form in {self.language}")
        return form

    def _printed(self, node: Node) -> Text:
        match node:
            case Number(value):
                return Text(self.number(abs(value)), negative=value < 0)
            case Variable(name):
                return Text(self.variable(name))
            case Call(name, argument):
                return self.call(name, argument)
            case Clip(argument, lower, upper) if lower == -math.inf and upper == math.inf:
                return self.write(argument)
            case Clip(argument, lower, upper):
                return Text(self.clip(self.write(argument), lower, upper))
            case Power(base, exponent) if exponent > 0:
                return self.power(base, exponent)
            case Power(base, exponent):
                return self._product(1.0, [], [self._raised(base, -exponent)])
            case Product(coefficient, factors):
                above, below = [], []
                for factor in factors:
                    if (
                        isinstance(factor, Power)
                        and factor.exponent < 0
                        and not self.repeated(factor)
                    ):
                        below.append(self._raised(factor.base, -factor.exponent))
                    else:
                        above.append(self.write(factor))
                return self._product(coefficient, above, below)
            case Sum(terms, constant):
                parts = [self.write(term) for term in terms]
                if constant != 0:
                    parts.append(self._printed(Number(constant)))
                return self._sum(parts)

    def _raised(self, base: Node, exponent: float) -> Text:
        return self.write(base) if exponent == 1 else self.power(base, exponent)

    def _product(self, coefficient: float, above: list[Text], below: list[Text]) -> Text:
        negative = (coefficient < 0) != (sum(part.negative for part in [*above, *below]) % 2 == 1)
        size = abs(coefficient)
        if size == 1 and len(above) == 1 and not below:
            level = Level.PRODUCT if negative else Level.SUM
            return Text(_bracketed(above[0], level), max(above[0].level, level), negative)
        over = _chained([_bracketed(part, Level.POWER) for part in above])
        under = _chained([_bracketed(part, Level.POWER) for part in below])
        if size != 1 or not over or self.leads(len(over) + len(under)):
            over.insert(0, self.number(size))
        return Text("/".join(["*".join(over), *under]), Level.PRODUCT, negative)

    def _sum(self, parts: list[Text]) -> Text:
        if len(parts) > _CHAIN:
            return self._sum(
                [self._sum(parts[i : i + _CHAIN]) for i in range(0, len(parts), _CHAIN)]
            )
        if len(parts) == 1:
            return parts[0]
        first, *others = (
            part._replace(
                body=_bracketed(part, Level.PRODUCT), level=max(part.level, Level.PRODUCT)
            )
            for part in parts
        )
        signs = (" - " if part.negative else " + " for part in others)
        tail = "".join(f"{sign}{part.body}" for sign, part in zip(signs, others, strict=True))
        return Text(self.signed(first) + tail, Level.SUM)


def _bracketed(text: Text, level: Level) -> str:
    """Return the text without its sign, in brackets if it holds less than asked."""
    return text.body if text.level >= level else f"({text.body})"


def _chained(factors: list[str]) -> list[str]:
    while len(factors) > _CHAIN:
        groups = [factors[i : i + _CHAIN] for i in range(0, len(factors), _CHAIN)]
        factors = [f"({'*'.join(group)})" for group in groups]
    return factors


class StatementPrinter(Printer):
    """Prints in a language with local variables: a part that is used twice gets a name.

    So the code's length grows with the number of distinct parts, whatever the depth.

    Attributes
    ----------
    statements : list of str
        The definitions of the local variables ``v0``, ``v1``, ..., in order.
    """

    def __init__(self, trees: Sequence[Node]) -> None:
        super().__init__(trees)
        self.statements: list[str] = []
        self._named: set[int] = set()

    @abstractmethod
    def assignment(self, name: str, value: str) -> str:
        """Write the definition of a local variable."""

    def kept(self, number: int, node: Node, text: Text) -> Text:
        """Name a part that is used more than once."""
        return self._name(number, text) if self.repeated(node) else text

    def named(self, node: Node) -> str:
        """Write a part that will be used several times: a column, or a local variable."""
        text = self.write(node)
        number = self._parts.number(node)
        if not isinstance(node, Variable) and number not in self._named:
            text = self._written[number] = self._name(number, text)
        return text.body

    def _name(self, number: int, text: Text) -> Text:
        name = f"v{len(self._named)}"
        self._named.add(number)
        self.statements.append(self.assignment(name, self.signed(text)))
        return Text(name)


class ExpressionPrinter(Printer):
    """Prints in a language of single expressions, up to a length.

    Parameters
    ----------
    trees : sequence of Node
    max_length : int
        Longest text in characters.
    advice : str
        What the user can do about a longer one.
    """

    #: What stands in front of every expression.
    prefix = ""

    def __init__(self, trees: Sequence[Node], max_length: int, advice: str) -> None:
        super().__init__(trees)
        self._max_length = max_length
        self._advice = advice

    def kept(self, number: int, node: Node, text: Text) -> Text:
        """Refuse a text that is too long.

        Part by part: parts that stand twice in a form would double the length at every level.
        """
        self._fits(text.body)
        return text

    def texts(self) -> list[str]:
        """Return one text per tree."""
        texts = [self.prefix + self.signed(self.write(tree)) for tree in self.trees]
        for text in texts:
            self._fits(text)
        return texts

    def _fits(self, text: str) -> None:
        if len(text) > self._max_length:
            raise FormulaError(
                f"the equation in {self.language} is longer than {self._max_length} characters; "
                f"{self._advice}"
            )
