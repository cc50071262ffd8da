"""Trees as SQL expressions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.export.printer import ExpressionPrinter, Text
from sktaskneuron.formula.export.validation import column_texts
from sktaskneuron.formula.text.nodes import Node
from sktaskneuron.formula.text.primitives import Primitive

__all__ = ["to_sql"]


def to_sql(
    trees: Sequence[Node],
    feature_names: Sequence[str],
    columns: Mapping[str, str] | None = None,
    *,
    max_length: int = 100_000,
) -> list[str]:
    """Return one standard SQL (SQL:2016) scalar expression per tree.

    Parameters
    ----------
    trees : sequence of Node
    feature_names : sequence of str
    columns : mapping of str to str, optional
        SQL text of columns, such as ``COALESCE("age", 48.5)``, by feature name. It is taken as
        it stands, in brackets. The others are their names in double quotes.
    max_length : int
        Longest expression, in characters.

    Returns
    -------
    expressions : list of str

    Raises
    ------
    FormulaError
        If a function has no form in standard SQL (erf), an expression is too long, or `columns`
        names other columns.
    """
    given = column_texts(columns, feature_names, "columns")
    advice = "use to_python() or to_c(), or raise max_length"
    return _SQLPrinter(trees, given, max_length, advice).texts()


class _SQLPrinter(ExpressionPrinter):
    language = "standard SQL"

    def __init__(
        self, trees: Sequence[Node], columns: Mapping[str, str], max_length: int, advice: str
    ) -> None:
        super().__init__(trees, max_length, advice)
        self._columns = columns

    def form(self, primitive: Primitive) -> str | None:
        return primitive.sql

    def variable(self, name: str) -> str:
        if name in self._columns:
            return f"({self._columns[name]})"
        if "\0" in name:
            raise FormulaError(f"SQL has no name {name!r}; give its text in columns")
        return '"' + name.replace('"', '""') + '"'

    def number(self, size: float) -> str:
        # With an exponent, a number is a double everywhere; 0.5 alone is a decimal, which MySQL
        # divides to four digits, and 2 an integer.
        text = repr(float(size)).upper()
        return text if "E" in text else f"{text}E0"

    def leads(self, n_parts: int) -> bool:
        # "a"/"b" of whole columns would divide to a whole number, "a"*"b" could overflow.
        return n_parts != 1

    def power(self, base: Node, exponent: float) -> Text:
        value = self.signed(self.write(base))
        if exponent == 0.5:
            return Text(f"SQRT({value})")
        return Text(f"POWER({value}, {self.number(exponent)})")

    def clip(self, argument: Text, lower: float, upper: float) -> str:
        value = self.operand(argument)
        cases = ""
        if math.isfinite(lower):
            cases += f" WHEN {value} < {self.constant(lower)} THEN {self.constant(lower)}"
        if math.isfinite(upper):
            cases += f" WHEN {value} > {self.constant(upper)} THEN {self.constant(upper)}"
        return f"(CASE{cases} ELSE {value} END)"
