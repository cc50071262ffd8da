"""The columns of a `TableEncoder` as SQL text of the raw table's columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from sktaskneuron.preprocessing.categories import Level, _shown
from sktaskneuron.preprocessing.table import TableEncoder


def sql_columns(encoder: TableEncoder, names: Iterable[str] | None = None) -> dict[str, str]:
    """Write encoded columns as standard SQL (SQL:2016) on the raw table.

    A NULL in a column that had no missing value in fit stays NULL: unlike `TableEncoder.transform`,
    SQL tells thus that a row is not of the kind that fit has seen.

    Parameters
    ----------
    encoder : TableEncoder
        Fitted.
    names : iterable of str, default=None
        Encoded columns that are wanted; None: all.

    Returns
    -------
    texts : dict of str to str
        SQL text by name of the encoded column, in the encoder's order. Levels are compared as fit
        saw them: text with text, numbers with numbers, True and False with TRUE and FALSE.

    Raises
    ------
    ValueError
        If a wanted column has a name or a level that SQL cannot write: one with a NUL character, or
        infinity.

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
    encoded = encoder.get_feature_names_out().tolist()
    wanted = set(encoded if names is None else names)
    # written when wanted only: what SQL cannot write elsewhere in the table does no harm
    writers = zip(encoded, _writers(encoder), strict=True)
    return {name: write() for name, write in writers if name in wanted}


def _writers(encoder: TableEncoder) -> Iterator[Callable[[], str]]:
    """Yield what writes each encoded column, in the encoder's order."""
    # without names of its own, the table's columns are called as the encoder calls them
    names = getattr(encoder, "feature_names_in_", None)
    raw = [f"x{j}" for j in range(encoder.n_features_in_)] if names is None else names.tolist()
    numeric = [name for name, is_text in zip(raw, encoder.categorical_, strict=True) if not is_text]
    medians, gaps = encoder.median_.tolist(), encoder.missing_.tolist()
    for name, median, has_gaps in zip(numeric, medians, gaps, strict=True):
        yield partial(_filled, name, median) if has_gaps else partial(quoted_name, name)
    for name, has_gaps in zip(numeric, gaps, strict=True):
        if has_gaps:
            yield partial(_indicator, name, [None])
    texts = [name for name, is_text in zip(raw, encoder.categorical_, strict=True) if is_text]
    levels = zip(texts, encoder.levels_, encoder.pooled_levels_, strict=True)
    for name, kept, pooled in levels:
        groups: list[Sequence[Level]] = [[level] for level in kept]
        groups.append(pooled)
        for place in _shown(kept, pooled):
            yield partial(_indicator, name, groups[place])


def _filled(name: str, median: float) -> str:
    return f"COALESCE({quoted_name(name)}, {_double(median)})"


def _indicator(name: str, levels: Sequence[Level]) -> str:
    """Write 1 for rows whose value is among the levels, which are several, or one, or [None]."""
    column = quoted_name(name)
    if list(levels) == [None]:
        condition = f"{column} IS NULL"
    elif len(levels) == 1:
        condition = f"{column} = {_literal(levels[0], name)}"
    else:
        condition = f"{column} IN ({', '.join(_literal(level, name) for level in levels)})"
    return f"CASE WHEN {condition} THEN 1.0E0 ELSE 0.0E0 END"


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
