"""The columns of a `TableEncoder` as SQL text of the raw table's columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from sktaskneuron.preprocessing.categories import Level
from sktaskneuron.preprocessing.raw_text import RawText, column_texts, mixed
from sktaskneuron.preprocessing.table import TableEncoder
from sktaskneuron.preprocessing.time_columns import UNITS, Cycle, TimeColumn
from sktaskneuron.preprocessing.zones import Zone

# Julian days of what seconds count from: of a time of day SQLite reads as one of 2000-01-01.
_JULIAN: Mapping[str, float] = {"date": 2_440_587.5, "time of day": 2_451_544.5}
# Python writes floats from this on with an exponent.
_PLAIN = 1e16


def sql_columns(
    encoder: TableEncoder,
    names: Iterable[str] | None = None,
    columns: Mapping[str, str] | None = None,
    *,
    dialect: str = "standard",
) -> dict[str, str]:
    """Write encoded columns as SQL on the raw table.

    NULL is read as `TableEncoder.transform` reads a gap.

    Parameters
    ----------
    encoder : TableEncoder
        Fitted.
    names : iterable of str, default=None
        Encoded columns that are wanted; None: all.
    columns : mapping of str to str, default=None
        SQL text of raw columns, by their names; the others are their names in double quotes.
    dialect : {"standard", "sqlite"}, default="standard"
        SQL:2016, or what SQLite has in its place.

    Returns
    -------
    texts : dict of str to str
        SQL text by name of the encoded column, in the encoder's order. Columns of True and False in
        fit are booleans; those of times are read by EXTRACT(EPOCH ...), as PostgreSQL and DuckDB
        have it, and AT TIME ZONE. SQLite has no types of times: there dates and times of day are
        texts of ISO 8601, read by JULIANDAY to the millisecond, and durations seconds. Levels are
        compared as fit saw them: text with text, numbers with numbers; a column that had both is
        compared as text.

    Raises
    ------
    ValueError
        If a wanted column has a name or a level that SQL cannot write: one with a NUL character,
        infinity, or a number beside its own text; for SQLite, one whose cycles go by a time zone
        that puts its clocks forward and back. If ``columns`` names no raw column, or the dialect is
        another one.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.preprocessing import TableEncoder
    >>> from sktaskneuron.preprocessing.sql import sql_columns
    >>> X = np.array([[1.5, "red"], [None, "blue"], [3.0, "red"]], dtype=object)
    >>> for name, text in sql_columns(TableEncoder().fit(X)).items():
    ...     print(f"{name}: {text}")
    x0: COALESCE("x0", 1.5E0)
    x0 is missing: CASE WHEN "x0" IS NULL THEN 1.0E0 ELSE 0.0E0 END
    x1=red: CASE WHEN "x1" = 'red' THEN 1.0E0 ELSE 0.0E0 END
    """
    if dialect not in _DIALECTS:
        raise ValueError(f"dialect must be one of {sorted(_DIALECTS)}, got {dialect!r}")
    return column_texts(encoder, _DIALECTS[dialect](), names, columns)


class _SQL(RawText):
    def cell(self, place: int, name: str) -> str:
        return quoted_name(name)

    def number(self, cell: str, median: float) -> str:
        return f"COALESCE({cell}, {_double(median)})"

    def boolean(self, cell: str, median: float) -> str:
        cases = f"WHEN {cell} THEN 1.0E0 WHEN NOT {cell} THEN 0.0E0"
        return f"CASE {cases} ELSE {_double(median)} END"

    def elapsed(self, cell: str, column: TimeColumn, median: float) -> str:
        seconds = _moved(self.seconds(cell, column), -column.origin)
        return f"COALESCE({seconds} / {_double(UNITS[column.unit])}, {_double(median)})"

    def wave(
        self, cell: str, column: TimeColumn, cycle: Cycle, function: str, median: float
    ) -> str:
        zone = column.zone
        if zone is not None and len(zone.starts):
            cell = self.on_clocks(cell, zone)
        ahead = 0 if zone is None or len(zone.starts) else int(zone.offsets[0])
        shown, step = _moved(self.seconds(cell, column), cycle.shift + ahead), 1
        if cycle.step is not None:
            shown, step = f"FLOOR({shown} / {_double(cycle.step)})", cycle.step
        angle = f"{shown} * {_double(2 * math.pi * step / cycle.period)}"
        return f"COALESCE({function}({angle}), {_double(median)})"

    def seconds(self, cell: str, column: TimeColumn) -> str:
        """Write a time as seconds: since 1970, since midnight, or how long it lasts."""
        return f"CAST(EXTRACT(EPOCH FROM {cell}) AS DOUBLE PRECISION)"

    def on_clocks(self, cell: str, zone: Zone) -> str:
        """Write a date as the clocks of its time zone show it."""
        return f"{cell} AT TIME ZONE {_literal(zone.name, zone.name)}"

    def gap(self, cell: str) -> str:
        return _case(f"{cell} IS NULL")

    def among(self, cell: str, name: str, levels: Sequence[Level], known: Sequence[Level]) -> str:
        if mixed(known):
            # Databases with types keep such a column as text.
            cell = f"CAST({cell} AS VARCHAR)"
            levels = [text for level in levels for text in _as_text(level, name, known)]
        texts = [_literal(level, name) for level in levels]
        if len(texts) == 1:
            return _case(f"{cell} = {texts[0]}")
        return _case(f"{cell} IN ({', '.join(texts)})")


class _SQLite(_SQL):
    def seconds(self, cell: str, column: TimeColumn) -> str:
        if column.kind == "duration":
            return f"CAST({cell} AS REAL)"
        start = _double(_JULIAN[column.kind])
        return f"ROUND((JULIANDAY({cell}) - {start}) * 86400.0E0, 3)"

    def on_clocks(self, cell: str, zone: Zone) -> str:
        raise ValueError(
            f"SQLite does not know when the clocks of {zone.name!r} change, by which {cell} goes "
            "through its cycles: convert the column to UTC before fit"
        )


_DIALECTS: Mapping[str, type[_SQL]] = {"standard": _SQL, "sqlite": _SQLite}


def _moved(seconds: str, shift: int) -> str:
    if not shift:
        return seconds
    return f"({seconds} {'+' if shift > 0 else '-'} {_double(abs(shift))})"


def _case(condition: str) -> str:
    return f"CASE WHEN {condition} THEN 1.0E0 ELSE 0.0E0 END"


def _as_text(level: Level, name: str, known: Sequence[Level]) -> list[str]:
    """Return what a level may read as in a column of text."""
    if isinstance(level, str):
        return [level]
    texts = [str(level)]
    if isinstance(level, bool):
        texts = ["true", "True", "1"] if level else ["false", "False", "0"]
    elif isinstance(level, int) and abs(level) < _PLAIN:
        texts.append(f"{level}.0")
    clash = [text for text in texts if text in known]
    if clash:
        raise ValueError(
            f"SQL cannot tell the levels {level!r} and {clash[0]!r} of column {name!r} apart: make "
            "all of them texts, or numbers"
        )
    return texts


def quoted_name(name: str) -> str:
    """Write a column's name as SQL does: in double quotes, quotes in it doubled."""
    _check_no_nul(name, "a column is called")
    return '"' + name.replace('"', '""') + '"'


def _literal(level: Level, name: str) -> str:
    if isinstance(level, bool):
        return "TRUE" if level else "FALSE"
    if isinstance(level, str):
        _check_no_nul(level, f"column {name!r} has the level")
        return "'" + level.replace("'", "''") + "'"
    if isinstance(level, int):
        return str(level)
    if level is None or not math.isfinite(level):
        raise ValueError(f"SQL cannot write the level {level!r} of column {name!r}")
    return _double(level)


def _double(value: float) -> str:
    # With an exponent, a number is a double in every database; 0.5 alone is a decimal.
    text = repr(float(value)).upper()
    return text if "E" in text else f"{text}E0"


def _check_no_nul(text: str, what: str) -> None:
    if "\0" in text:
        raise ValueError(f"SQL cannot write a NUL character, but {what} {text!r}")
