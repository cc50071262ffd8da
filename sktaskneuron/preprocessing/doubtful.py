"""Columns that can be read but look like a mistake: marks of gaps, numbers written as text."""

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator

from sktaskneuron._typing import AnyArray, IntArray, Matrix, Vector
from sktaskneuron.exceptions import DataWarning
from sktaskneuron.preprocessing.categories import Level
from sktaskneuron.preprocessing.cells import is_missing, shorten
from sktaskneuron.preprocessing.naming import name_of

# A mark of gaps stands in so many rows, and in such a share of them: below, one cannot tell it from
# single far cells, above, it is a level of its own, as zero often is.
_FEWEST_MARKS, _SHARES = 5, (0.005, 0.25)
# Different values that the rest of a column has: with fewer it is a scale, and the end one of it.
_FEWEST_OTHERS = 10
# Ranges of the rest between it and the mark. What is written in nines alone, as -9999, is rarely a
# measurement, so that half of a range tells it.
_RANGES, _RANGES_OF_NINES = 3.0, 0.5
_NINES = re.compile(r"-?99+(\.0|\.90*|\.99+)?")
# Text of a number: a sign or brackets, a currency, digits in groups, a percent sign.
_SPACE = r"[\s\u00a0\u202f]?"
_CURRENCY = r"(?:[$\u00a2-\u00a5\u20a0-\u20cf]|[A-Z]{3})?"
_DIGITS = r"(?:\d{1,3}(?:[,.'_\s\u00a0\u202f]\d{2,3})+(?:[.,]\d+)?|\d+(?:[.,]\d*)?|[.,]\d+)"
_NUMBER = re.compile(
    rf"\s*\(?[-+\u2212]?{_SPACE}{_CURRENCY}{_SPACE}[-+\u2212]?{_DIGITS}(?:[eE][-+]?\d+)?"
    rf"{_SPACE}(?:%|\u2030|{_CURRENCY})\)?\s*"
)
# Text of a date, with a time of day or without, or of a time of day alone.
_CLOCK = r"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-6]\d(?:[.,]\d+)?)?(?:\s?[AaPp][Mm])?"
_PART = r"(?:0?[1-9]|[12]\d|3[01])"
_DAY = rf"(?:\d{{4}}([-/.]){_PART}\1{_PART}|{_PART}([-/.]){_PART}\2(?:\d{{4}}|\d{{2}}))"
_TIME = re.compile(
    rf"\s*(?:{_DAY}(?:[T\s]\s?{_CLOCK}\s?(?:Z|UTC|[-+]\d{{2}}:?\d{{2}})?)?|{_CLOCK})\s*"
)
# Share of the levels that such text makes up: the others are marks of gaps, as "n/a" or "-". A
# column of fewer levels is the same as a category.
_MOSTLY, _FEWEST_NUMBERS = 0.9, 3
# Share of different texts among the rows beyond which a column says nothing of new rows, and the
# rows from which on that is no chance.
_UNIQUE, _FEWEST_ROWS = 0.9, 20
# Words of its middle cell from which on such a column holds sentences, not names or keys.
_WORDS = 5


@dataclass(frozen=True)
class Sentinel:
    """A value that stands far outside of the rest of a column, in many rows.

    Parameters
    ----------
    value : float
    n_rows, n_values : int
        Rows with it, and rows with any value.
    low, high : float
        Range of the rest.
    """

    value: float
    n_rows: int
    n_values: int
    low: float
    high: float


def find_sentinels(column: Vector) -> list[Sentinel]:
    """Find values that look like marks of gaps, the outermost first.

    Parameters
    ----------
    column : ndarray of shape (n_rows,)
        NaN is missing.

    Returns
    -------
    sentinels : list of Sentinel
        Two at most.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.preprocessing.doubtful import find_sentinels
    >>> column = np.r_[np.linspace(0, 30, 95), np.full(5, -9999.0)]
    >>> [(found.value, found.n_rows) for found in find_sentinels(column)]
    [(-9999.0, 5)]
    """
    rest = column[~np.isnan(column)]
    n_values, found = len(rest), list[Sentinel]()
    while len(found) < 2:
        sentinel = next(_at_the_ends(rest, n_values), None)
        if sentinel is None:
            break
        found.append(sentinel)
        rest = rest[rest != sentinel.value]
    return found


def _at_the_ends(values: Vector, n_values: int) -> Iterator[Sentinel]:
    if not len(values):
        return
    for end in (float(values.min()), float(values.max())):
        is_end = values == end
        n_rows = int(is_end.sum())
        if n_rows < _FEWEST_MARKS or not _SHARES[0] <= n_rows / n_values <= _SHARES[1]:
            continue
        others = values[~is_end]
        low, high = float(others.min()), float(others.max())
        ranges = _RANGES_OF_NINES if _NINES.fullmatch(repr(end)) else _RANGES
        # halves, because a difference of two large numbers may overflow
        gap = max(low / 2 - end / 2, end / 2 - high / 2)
        if gap > ranges * (high / 2 - low / 2) and len(np.unique(others)) >= _FEWEST_OTHERS:
            yield Sentinel(end, n_rows, n_values, low, high)


def warn_of_sentinels(block: Matrix, names: Sequence[str], owner: BaseEstimator) -> None:
    """Warn, once, of the columns with values that look like marks of gaps.

    Parameters
    ----------
    block : ndarray of shape (n_rows, n_columns)
        NaN is missing.
    names : sequence of str
        Of the columns.
    owner : estimator
        Named in the message.
    """
    told = [
        f"{found.value:.15g} in column {name!r} ({found.n_rows} of {found.n_values} rows; the rest "
        f"lies in {found.low:.6g} to {found.high:.6g})"
        for name, column in zip(names, block.T, strict=True)
        for found in find_sentinels(column)
    ]
    if told:
        _warn(
            owner,
            f"a value far outside of the rest looks like the mark of a gap: {', '.join(told)}; if "
            "it is one, turn it into NaN",
        )


def warn_of_tiny(
    matrix: Matrix, names: Sequence[str], owner: BaseEstimator, smallest: float
) -> None:
    """Warn of columns (n_rows, n_columns) of nothing but zeros and values below ``smallest``."""
    largest = np.abs(matrix).max(axis=0, initial=0.0)
    for place in np.flatnonzero((largest > 0) & (largest < smallest))[:1].tolist():
        _warn(
            owner,
            f"column {names[place]!r} holds values of size {largest[place]:.3g} at most, which "
            f"count as zero, as all below {smallest:g} do: use another unit",
        )


def numbers_as_text(levels: Sequence[Level]) -> str | None:
    """Return an example of a column's levels if nearly all are text of numbers, else None.

    Parameters
    ----------
    levels : sequence
        Different texts of the column, or numbers among them.

    Examples
    --------
    >>> from sktaskneuron.preprocessing.doubtful import numbers_as_text
    >>> numbers_as_text(["$181,000", "$99,500", "n/a", *(f"${k},000" for k in range(100, 120))])
    '$181,000'
    >>> numbers_as_text(["red", "blue", "10"])
    """
    texts = [level for level in levels if isinstance(level, str)]
    written = [text for text in texts if _NUMBER.fullmatch(text)]
    n_numbers = len(written) + sum(isinstance(level, int | float) for level in levels)
    n_levels = sum(level is not None for level in levels)
    enough = n_numbers >= max(_FEWEST_NUMBERS, _MOSTLY * n_levels)
    return written[0] if written and enough else None


def times_as_text(levels: Sequence[Level]) -> str | None:
    """Return an example of a column's levels if nearly all are text of dates or times of day.

    levels : different texts of the column, or numbers among them.

    Examples
    --------
    >>> from sktaskneuron.preprocessing.doubtful import times_as_text
    >>> times_as_text(["2024-02-29", "2024-03-01T12:30", "31/12/2024"])
    '2024-02-29'
    >>> times_as_text(["monday", "2024-02-29", "1.5"])
    """
    texts = [level for level in levels if level is not None]
    written = [text for text in texts if isinstance(text, str) and _TIME.fullmatch(text)]
    enough = len(written) >= max(_FEWEST_NUMBERS, _MOSTLY * len(texts))
    return written[0] if enough else None


def doubt_of_text(cells: Sequence[object], levels: Sequence[Level], name: str) -> str | None:
    """Say why a column of text is a poor category, or return None.

    Parameters
    ----------
    cells : sequence of length n_rows
    levels : sequence
        The different ones among them.
    name : str
        Of the column.
    """
    moment = times_as_text(levels)
    if moment is not None:
        return (
            f"column {name!r} holds dates or times written as text, such as {shorten(moment)} "
            "(pandas.to_datetime reads them)"
        )
    number = numbers_as_text(levels)
    if number is not None:
        return f"column {name!r} holds numbers written as text, such as {shorten(number)}"
    if _differs(cells, levels):
        n_cells = sum(not is_missing(cell) for cell in cells)
        shown = [level for level in levels if level is not None]
        return (
            f"column {name!r} holds {len(shown)} different texts in {n_cells} rows, such as "
            f"{shorten(shown[0])}"
        )
    return None


def _differs(cells: Sequence[object], levels: Sequence[Level]) -> bool:
    """Tell whether nearly every row has a text of its own."""
    n_levels = sum(level is not None for level in levels)
    if n_levels < _UNIQUE * _FEWEST_ROWS:
        return False
    n_cells = sum(not is_missing(cell) for cell in cells)
    return n_cells >= _FEWEST_ROWS and n_levels >= _UNIQUE * n_cells


def check_no_prose(
    cells: Sequence[object], levels: Sequence[Level], name: str, owner: BaseEstimator
) -> None:
    """Refuse sentences that differ from row to row: as a category they say nothing of new rows.

    Parameters
    ----------
    cells : sequence of length n_rows
    levels : sequence
        The different ones among them.
    name : str
        Of the column.
    owner : estimator
        Named in the cure.

    Raises
    ------
    ValueError
        With the name of the column, and what makes numbers of it.
    """
    if not _differs(cells, levels):
        return
    words = [len(level.split()) for level in levels if isinstance(level, str)]
    if words and np.median(words) >= _WORDS:
        example = next(level for level in levels if isinstance(level, str))
        cure = f"make_pipeline(skrub.TableVectorizer(), {name_of(owner)}())"
        raise ValueError(
            f"{name_of(owner)}: column {name!r} holds free text, such as {shorten(example)}: make "
            f"numbers of it by {cure}, or drop it"
        )


def warn_of_texts(told: Sequence[str], owner: BaseEstimator) -> None:
    """Warn, once, of columns of text that are poor categories.

    Parameters
    ----------
    told : sequence of str
        What `doubt_of_text` says.
    owner : estimator
        Named in the message.
    """
    if told:
        _warn(
            owner,
            f"{'; '.join(told)}: it is read as a category; convert it, drop it, or name "
            "it in categorical_features if it is one",
        )


def warn_of_text_target(y: AnyArray, owner: BaseEstimator | str, *, numeric: bool) -> bool:
    """Warn of a target of numbers that are written as text; a few are names of classes.

    Parameters
    ----------
    y : ndarray of shape (n_rows,) or (n_rows, n_outputs)
    owner : estimator or str
        Named in the message.
    numeric : bool
        Whether it is read as numbers; otherwise each different text is a class.

    Returns
    -------
    bool
        Whether there was a warning.
    """
    if y.dtype.kind not in "OU" or not (numeric or len(y) >= _FEWEST_ROWS):
        return False
    levels = [cell for cell in set(y.ravel().tolist()) if isinstance(cell, str)]
    number = numbers_as_text(sorted(levels))
    if number is None or not (numeric or len(levels) >= _FEWEST_ROWS):
        return False
    reading = "it is read as numbers" if numeric else f"each of the {len(levels)} is a class"
    _warn(
        owner,
        f"y holds numbers written as text, such as {shorten(number)}: {reading}; convert y to "
        "numbers",
    )
    return True


def warn_of_copies(groups: IntArray | None, owner: BaseEstimator | str) -> None:
    """Warn of a table of copies.

    Parameters
    ----------
    groups : ndarray of shape (n_rows,) or None
        What `copy_groups` says.
    owner : estimator or str
        Named in the message.
    """
    if groups is not None:
        n_different = int(groups.max()) + 1
        _warn(
            owner,
            f"{len(groups) - n_different} of {len(groups)} rows are copies of others: each counts "
            "as an observation of its own, so that chance looks like evidence; leave the copies "
            "out if they are none",
        )


def _warn(owner: BaseEstimator | str, text: str) -> None:
    warnings.warn(f"{name_of(owner)}: {text}", DataWarning, stacklevel=2)
