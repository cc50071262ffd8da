"""The columns of a `TableEncoder` as Excel formulas of the raw table's cells."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.export.excel import cell_of
from sktaskneuron.preprocessing.categories import Level
from sktaskneuron.preprocessing.raw_text import RawText, column_texts, mixed
from sktaskneuron.preprocessing.table import TableEncoder
from sktaskneuron.preprocessing.time_columns import UNITS, Cycle, TimeColumn

# Longest text in a formula, and most arguments of a function.
_MAX_TEXT = _MAX_ARGUMENTS = 255
# Times are days in Excel; dates are counted from 1899-12-30, so that 1970 began on this day.
_DAY, _DAYS_TO_1970 = 86_400, 25_569


def excel_columns(
    encoder: TableEncoder,
    names: Iterable[str] | None = None,
    cells: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Write encoded columns as Excel formulas of one row of the raw table.

    A blank cell is read as `TableEncoder.transform` reads a gap.

    Parameters
    ----------
    encoder : TableEncoder
        Fitted.
    names : iterable of str, default=None
        Encoded columns that are wanted; None: all.
    cells : mapping of str to str, default=None
        References by name of the raw column; the others are ``A2``, ``B2``, ..., in the table's
        order.

    Returns
    -------
    texts : dict of str to str
        Formulas without the equals sign by name of the encoded column, in the encoder's order.

    Raises
    ------
    FormulaError
        If a wanted column has dates with a time zone.
    ValueError
        If a wanted column has a level that Excel cannot write: infinity. If ``cells`` names no raw
        column.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.preprocessing import TableEncoder
    >>> from sktaskneuron.preprocessing.excel import excel_columns
    >>> X = np.array([[1.5, "red"], [None, "blue"], [3.0, "red"]], dtype=object)
    >>> for name, text in excel_columns(TableEncoder().fit(X)).items():
    ...     print(f"{name}: {text}")
    x0: IF(ISBLANK(A2),1.5,A2)
    x0 is missing: IF(ISBLANK(A2),1,0)
    x1=red: IF(EXACT(B2,"red"),1,0)
    """
    return column_texts(encoder, _Excel(), names, cells)


class _Excel(RawText):
    def cell(self, place: int, name: str) -> str:
        return cell_of(place, name)

    def number(self, cell: str, median: float) -> str:
        return f"IF(ISBLANK({cell}),{_number(median)},{cell})"

    def boolean(self, cell: str, median: float) -> str:
        return f"IF(ISBLANK({cell}),{_number(median)},IF({cell},1,0))"

    def elapsed(self, cell: str, column: TimeColumn, median: float) -> str:
        days = _days(cell, column, column.origin)
        factor = _DAY // UNITS[column.unit]
        written = f"{days}*{factor}" if factor > 1 else days
        return f"IF(ISBLANK({cell}),{_number(median)},{written})"

    def wave(
        self, cell: str, column: TimeColumn, cycle: Cycle, function: str, median: float
    ) -> str:
        days = _days(cell, column, -cycle.shift)
        if cycle.step is not None:
            days = f"INT({days})"  # a step is a day
        written = f"{function}({days}*2*PI()/{_number(cycle.period / _DAY)})"
        return f"IF(ISBLANK({cell}),{_number(median)},{written})"

    def gap(self, cell: str) -> str:
        return f"IF(ISBLANK({cell}),1,0)"

    def among(self, cell: str, name: str, levels: Sequence[Level], known: Sequence[Level]) -> str:
        texts = [_text(level) for level in levels if isinstance(level, str)]
        values = [_value(level, name) for level in levels if not isinstance(level, str)]
        # "=" takes "Red" for "red"; EXACT takes the number 5 for "5"
        as_text = [f"EXACT({cell},{text})" for text in texts]
        if mixed(known):
            as_text = [f"AND(ISTEXT({cell}),{text})" for text in as_text]
        conditions = as_text + [f"{cell}={value}" for value in values]
        condition = conditions[0] if len(conditions) == 1 else _any(conditions)
        written = f"IF({condition},1,0)"
        # a blank cell equals 0, FALSE and ""
        blank = any(not level for level in levels)
        return f"IF(ISBLANK({cell}),0,{written})" if blank else written


def _days(cell: str, column: TimeColumn, origin: int) -> str:
    """Write the days from a moment, in seconds since 1970 or midnight, to a time."""
    if column.zone is not None:
        raise FormulaError(
            f"dates with a time zone ({column.zone.name}) cannot be written in Excel, which knows "
            "none: fit on what clocks show, without a time zone"
        )
    first = origin / _DAY + (_DAYS_TO_1970 if column.kind == "date" else 0)
    return f"({cell}-{_number(first)})" if first else cell


def _any(conditions: Sequence[str]) -> str:
    parts = [
        f"OR({','.join(conditions[start : start + _MAX_ARGUMENTS])})"
        for start in range(0, len(conditions), _MAX_ARGUMENTS)
    ]
    return parts[0] if len(parts) == 1 else _any(parts)


def _text(text: str) -> str:
    parts = [text[start : start + _MAX_TEXT] for start in range(0, max(1, len(text)), _MAX_TEXT)]
    return "&".join('"' + part.replace('"', '""') + '"' for part in parts)


def _value(level: Level, name: str) -> str:
    if isinstance(level, bool):
        return "TRUE" if level else "FALSE"
    if level is None or isinstance(level, str) or not math.isfinite(level):
        raise ValueError(f"Excel cannot write the level {level!r} of column {name!r}")
    return _number(level)


def _number(value: float) -> str:
    return f"{value:.15g}".upper()
