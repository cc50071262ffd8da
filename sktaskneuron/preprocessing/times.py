"""Cells of dates, durations and times of day as seconds, whatever holds them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from sktaskneuron._typing import AnyArray, IntArray, Vector
from sktaskneuron.preprocessing.cells import is_missing, shorten

#: What the cells of a column are.
TimeKind: TypeAlias = Literal["date", "duration", "time of day"]

# Seconds of the units of numpy that are longer than a second, and how many of the shorter ones one
# second has.
_LONG = {"W": 604_800, "D": 86_400, "h": 3_600, "m": 60, "s": 1}
_SHORT = {"ms": 10**3, "us": 10**6, "ns": 10**9, "ps": 10**12, "fs": 10**15, "as": 10**18}
# Thirty million years: so many seconds are exact as floats.
_MOST = 10**15
_GAP = np.iinfo(np.int64).min  # as numpy writes NaT


@dataclass(frozen=True, eq=False)
class Times:
    """One column of times.

    Parameters
    ----------
    whole : ndarray of int of shape (n_rows,)
        Whole seconds, rounded down: of dates since 1970-01-01, in UTC where they have a time zone;
        of times of day since midnight. 0 for a gap.
    part : ndarray of shape (n_rows,)
        The rest, from 0 to 1; NaN for a gap.
    zone : str or None
        Name of the time zone of dates that have one.
    """

    whole: IntArray
    part: Vector
    zone: str | None = None

    @property
    def seconds(self) -> Vector:
        """Both together, (n_rows,); NaN for a gap."""
        return self.whole + self.part


def kind_of_cells(cells: Iterable[object]) -> TimeKind | None:
    """Tell by its first cell that is no gap whether a column holds times, and which.

    Parameters
    ----------
    cells : iterable

    Examples
    --------
    >>> import datetime
    >>> from sktaskneuron.preprocessing.times import kind_of_cells
    >>> kind_of_cells([None, datetime.timedelta(hours=1)])
    'duration'
    """
    return next((_kind_of(cell) for cell in cells if not is_missing(cell)), None)


def read_times(
    cells: AnyArray | Sequence[object], kind: TimeKind, name: str, zone: str | None = None
) -> Times:
    """Read the cells of one column.

    Parameters
    ----------
    cells : ndarray of datetime64 or timedelta64 of shape (n_rows,), or sequence
        Those of dates with a time zone in UTC if it is an array.
    kind : "date", "duration" or "time of day"
        What they must be; gaps are always right.
    name : str
        Of the column, for messages.
    zone : str or None
        Time zone of an array of dates.

    Raises
    ------
    TypeError
        If a cell is of another kind.
    ValueError
        If dates have several time zones, some have none, or a time is out of all bounds.
    """
    if not isinstance(cells, np.ndarray):
        return _read_cells(cells, kind, name)
    fits = cells.dtype.kind == ("M" if kind == "date" else "m")
    if not fits or kind == "time of day":
        for cell in cells[~np.isnat(cells)][:1]:
            raise _other_kind(cell, kind, name)
    return _counted(cells, name, zone)


def _counted(cells: AnyArray, name: str, zone: str | None = None) -> Times:
    """Read datetime64 or timedelta64 of any unit."""
    unit, steps = np.datetime_data(cells.dtype)
    letter = cells.dtype.kind
    if letter == "M" and unit in "YM":
        cells, unit, steps = cells.astype("M8[D]"), "D", 1
    counts = np.array(cells, order="C").view(np.int64)
    gap = counts == _GAP
    counts[gap] = 0
    if unit not in {**_LONG, **_SHORT}:
        if gap.all():
            return Times(counts, np.where(gap, np.nan, 0.0), zone)
        raise ValueError(
            f"column {name!r} holds durations in a unit of no fixed length ({cells.dtype}): "
            "convert them to days, as by astype('timedelta64[D]')"
        )
    per_second = _SHORT.get(unit, 1)
    seconds = steps * _LONG.get(unit, 1)  # of one count, where it is one or more
    if unit in _SHORT and steps > 1:
        return _counted(cells.astype(f"{letter}8[{unit}]"), name, zone)
    if (np.abs(counts // per_second) > _MOST // seconds).any():
        raise ValueError(
            f"column {name!r} holds times of more than 30 million years: give numbers instead"
        )
    whole = counts // per_second
    part = (counts - whole * per_second) / per_second
    return Times(whole * seconds, np.where(gap, np.nan, part), zone)


def _read_cells(cells: Sequence[object], kind: TimeKind, name: str) -> Times:
    """Read objects of Python, numpy and pandas."""
    plain: list[Any] = []
    zones: dict[str | None, None] = {}
    ahead = np.zeros(len(cells), dtype=np.int64)  # of UTC, in seconds
    for row, cell in enumerate(cells):
        if is_missing(cell):
            plain.append(None)
            continue
        if _kind_of(cell) != kind:
            raise _other_kind(cell, kind, name)
        if _is_period(cell):
            cell = cell.start_time.to_pydatetime()  # type: ignore[attr-defined]
        if isinstance(cell, datetime.time):
            cell = datetime.datetime.combine(datetime.date(1970, 1, 1), cell.replace(tzinfo=None))
        offset = cell.utcoffset() if isinstance(cell, datetime.datetime) else None
        zones[None if offset is None else str(cell.tzinfo)] = None  # type: ignore[attr-defined]
        if offset is not None:
            ahead[row] = round(offset.total_seconds())
            cell = cell.replace(tzinfo=None)  # type: ignore[attr-defined]
        plain.append(cell)
    if len(zones) > 1:
        shown = ", ".join("none" if zone is None else zone for zone in zones)
        raise ValueError(
            f"column {name!r} holds dates of several time zones ({shown}): convert all to one"
        )
    letter = "m" if kind == "duration" else "M"
    found = _counted(np.array(plain, dtype=f"{letter}8[us]"), name)
    return Times(found.whole - ahead, found.part, next(iter(zones), None))


def _kind_of(cell: object) -> TimeKind | None:
    if isinstance(cell, datetime.date | np.datetime64) or _is_period(cell):
        return "date"
    if isinstance(cell, datetime.timedelta | np.timedelta64):
        return "duration"
    return "time of day" if isinstance(cell, datetime.time) else None


def _is_period(cell: object) -> bool:
    """Tell a period of pandas, as a month: it is read as its first moment."""
    return hasattr(cell, "start_time") and hasattr(cell, "freqstr")


def _other_kind(cell: object, kind: TimeKind, name: str) -> TypeError:
    plural = {"date": "dates", "duration": "durations", "time of day": "times of day"}[kind]
    return TypeError(
        f"column {name!r} is one of {plural}, but holds {shorten(cell)}: give a {kind}, or a gap "
        "(None)"
    )
