"""Trees as Excel formulas."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.export.printer import ExpressionPrinter, Level, Text
from sktaskneuron.formula.export.validation import column_texts
from sktaskneuron.formula.text.nodes import Node
from sktaskneuron.formula.text.primitives import Primitive

__all__ = ["MAX_LENGTH", "cell_of", "to_excel"]

#: Most characters of a formula that Excel takes.
MAX_LENGTH = 8192
# Most functions inside of one another.
_MAX_NESTING = 64
# Columns of a sheet, A to XFD.
_MAX_COLUMNS = 16384

_REFERENCE = re.compile(r"\$?[A-Za-z]{1,3}\$?[0-9]+", re.ASCII)
_QUOTED = re.compile(r'"[^"]*"')
_LEADING_NUMBER = re.compile(r"[0-9.]+(E[-+]?[0-9]+)?([*/]|\Z)", re.ASCII)


def to_excel(
    trees: Sequence[Node], feature_names: Sequence[str], cells: Mapping[str, str] | None = None
) -> list[str]:
    """Return one Excel formula per tree.

    Parameters
    ----------
    trees : sequence of Node
    feature_names : sequence of str
    cells : mapping of str to str, optional
        References by feature name, such as ``"Sheet1!$B$2"`` or ``"[@age]"``. The others are
        ``A2``, ``B2``, ..., in the order of the columns.

    Returns
    -------
    formulas : list of str
        With the equals sign. Numbers have 15 digits: Excel reads no more.

    Raises
    ------
    FormulaError
        If a formula is longer or nested deeper than Excel takes, or `cells` names other columns.
    """
    given = column_texts(cells, feature_names, "cells")
    texts = _ExcelPrinter(trees, feature_names, given).texts()
    for text in texts:
        if _nesting(text) > _MAX_NESTING:
            raise FormulaError(
                f"the equation nests more than {_MAX_NESTING} functions, all Excel allows; "
                "use to_python()"
            )
    return texts


def _nesting(text: str) -> int:
    """Return how deep function calls stand inside of one another."""
    brackets: list[bool] = []
    deepest = 0
    for before, character in pairwise(_QUOTED.sub("", text)):
        if character == "(":
            brackets.append(before.isalnum())
            deepest = max(deepest, sum(brackets))
        elif character == ")" and brackets:
            brackets.pop()
    return deepest


def cell_of(place: int, name: str) -> str:
    """Return the cell of a column, by its place from 0, in the first row under the names.

    Raises
    ------
    FormulaError
        If a sheet has no such column.
    """
    if place >= _MAX_COLUMNS:
        raise FormulaError(f"Excel has {_MAX_COLUMNS} columns; give the cell of {name!r}")
    text, place = "2", place + 1
    while place:
        place, digit = divmod(place - 1, 26)
        text = chr(ord("A") + digit) + text
    return text


class _ExcelPrinter(ExpressionPrinter):
    language = "Excel"
    bounds = ("MAX({},{})", "MIN({},{})")
    prefix = "="

    def __init__(
        self, trees: Sequence[Node], feature_names: Sequence[str], cells: Mapping[str, str]
    ) -> None:
        super().__init__(trees, MAX_LENGTH, "that is all Excel allows; use to_python()")
        self._place = {name: i for i, name in enumerate(feature_names)}
        self._cells = cells

    def form(self, primitive: Primitive) -> str | None:
        return primitive.excel

    def variable(self, name: str) -> str:
        if name in self._cells:
            cell = self._cells[name]
            return cell if _REFERENCE.fullmatch(cell) else f"({cell})"
        return cell_of(self._place[name], name)

    def number(self, size: float) -> str:
        return f"{size:.15g}".upper()

    def minus(self, body: str) -> str:
        # Excel's minus binds tighter than its power: -A2^2 is (-A2)^2.
        return f"-{body}" if _LEADING_NUMBER.match(body) else f"-1*{body}"

    def power(self, base: Node, exponent: float) -> Text:
        text = self.write(base)
        if exponent == 0.5:
            return Text(f"SQRT({self.signed(text)})")
        return Text(f"{self.operand(text)}^{self.number(exponent)}", Level.POWER)
