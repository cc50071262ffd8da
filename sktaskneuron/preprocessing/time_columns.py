r"""A column of times as numbers: the time that has gone by, and where its cycles stand.

Elapsed time in days, hours, minutes or seconds since a round moment, and for every cycle that the
column goes through (the day, the week, the year)

.. math:: \sin 2\pi\varphi, \quad \cos 2\pi\varphi, \qquad
          \varphi = \frac{t + s}{P},

with the time :math:`t` that clocks show, the length :math:`P` of the cycle and the shift :math:`s`
to its beginning: midnight, Monday, and the new year of 2000. Of the week whole days count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sktaskneuron._typing import Mask, Matrix, Vector
from sktaskneuron.preprocessing.times import TimeKind, Times
from sktaskneuron.preprocessing.weighted import weighted_quantiles
from sktaskneuron.preprocessing.zones import Zone, find_zone

_DAY = 86_400
#: Seconds of the units, and the span from which on each is the readable one.
UNITS: Mapping[str, int] = {"days": _DAY, "hours": 3_600, "minutes": 60, "seconds": 1}
_SPANS = {"days": 2 * _DAY, "hours": 7_200, "minutes": 120}
# The origin is rounded down to a year or a month where the column spans as much, in days.
_YEAR, _MONTH = 366, 62
# Without the outer twentieths, what lies further out than the range of the rest is no part of what
# a column spans: a slip of the year, as 1900, or a mark, as 9999-12-31.
_OUTER = 0.05
# A sine or cosine that moves less is constant: ten minutes of the day, three days of the year. The
# first of January is not on one place of a year of 365.2425 days.
_LEAST = 0.05
#: Sines and cosines of cycles are multiples of one over this.
WAVE_STEPS = 2.0**34


@dataclass(frozen=True)
class Cycle:
    """A cycle that the clocks go through.

    Parameters
    ----------
    period : int
        Its length in seconds.
    shift : int
        Seconds from its beginning to 1970-01-01.
    step : int or None
        Seconds that count as one, as a whole day of the week.
    least : int
        Seconds that a column must span to go through it.
    """

    period: int
    shift: int
    step: int | None
    least: int


#: The first of January of a year stands within a day of the cycle's beginning.
CYCLES: Mapping[str, Cycle] = {
    "day": Cycle(_DAY, 0, None, _DAY),
    "week": Cycle(7 * _DAY, 3 * _DAY, _DAY, 7 * _DAY),
    "year": Cycle(31_556_952, -10_957 * _DAY, None, 364 * _DAY),
}


@dataclass(frozen=True, eq=False)
class TimeColumn:
    """How a column of times is read.

    Parameters
    ----------
    kind : "date", "duration" or "time of day"
    unit : "days", "hours", "minutes" or "seconds"
    origin : int
        Seconds from 1970-01-01 to the moment that time is counted from; 0 for durations and times
        of day.
    cycles : tuple of str
        The cycles that it goes through: "day", "week", "year".
    zone : Zone or None
        Of dates that have a time zone.
    """

    kind: TimeKind
    unit: str
    origin: int
    cycles: tuple[str, ...]
    zone: Zone | None = None

    @property
    def n_columns(self) -> int:
        """Number of columns that it becomes."""
        return 1 + 2 * len(self.cycles)

    def names(self, name: str) -> list[str]:
        """Name the columns that it becomes.

        Parameters
        ----------
        name : str
            Of the column.
        """
        since = {"date": f" since {self._origin_text()}", "duration": ""}
        parts = [f"{self.unit}{since.get(self.kind, ' since midnight')}"]
        for cycle in self.cycles:
            parts += [f"sine of the {cycle}", f"cosine of the {cycle}"]
        return [f"{name} [{part}]" for part in parts]

    def _origin_text(self) -> str:
        moment = str(np.datetime64(self.origin, "s")).replace("T", " ")
        moment = moment.removesuffix(":00").removesuffix(" 00:00")
        return moment if self.zone is None else f"{moment} UTC"

    def check(self, times: Times, name: str) -> None:
        """Refuse dates without a time zone where those of fit have one, and the other way round.

        Raises
        ------
        ValueError
            Naming the column.
        """
        if (times.zone is None) == (self.zone is None) or np.isnan(times.part).all():
            return
        if self.zone is None:
            raise ValueError(
                f"column {name!r} holds dates in the time zone {times.zone!r}, but those of fit "
                "have none: give what clocks show, without a time zone, as in fit"
            )
        raise ValueError(
            f"column {name!r} holds dates without a time zone, but those of fit have one, "
            f"{self.zone.name!r}: say which zone they are of, as by dt.tz_localize"
        )

    def encode(self, times: Times) -> Matrix:
        """Return the numbers.

        Parameters
        ----------
        times : Times
            Of n_rows rows, of the kind of fit.

        Returns
        -------
        numbers : ndarray of shape (n_rows, n_columns)
            NaN for a gap.
        """
        out = np.empty((len(times.whole), self.n_columns))
        out[:, 0] = ((times.whole - self.origin) + times.part) / UNITS[self.unit]
        for place, name in enumerate(self.cycles):
            angle = _angle(times, CYCLES[name], self.zone)
            waves = np.stack([np.sin(angle), np.cos(angle)], axis=1)
            # not to the last bit, in which libraries differ: a rank may jump beside a shared value
            out[:, 1 + 2 * place : 3 + 2 * place] = np.round(waves * WAVE_STEPS) / WAVE_STEPS
        return out


def _angle(times: Times, cycle: Cycle, zone: Zone | None) -> Vector:
    """Return where a cycle stands, from 0 to a whole turn; NaN for a gap."""
    shown = times.whole if zone is None else zone.local(times.whole)
    shown, part = shown + cycle.shift, times.part
    if cycle.step is not None:
        shown, part = shown // cycle.step * cycle.step, np.where(np.isnan(part), np.nan, 0.0)
    # whole seconds first, which are exact
    return np.asarray((2 * np.pi / cycle.period) * (shown % cycle.period + part))


def learn_times(kind: TimeKind, times: Times, weight: Vector | None) -> TimeColumn:
    """Choose unit, origin and cycles.

    Parameters
    ----------
    kind : "date", "duration" or "time of day"
    times : Times
        Of n_rows rows.
    weight : ndarray of shape (n_rows,) or None
        Positive.

    Raises
    ------
    ValueError
        If the time zone is not known.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.preprocessing.time_columns import learn_times
    >>> from sktaskneuron.preprocessing.times import read_times
    >>> hours = np.arange("2011-01-01", "2011-02-01", dtype="datetime64[h]")
    >>> learn_times("date", read_times(hours, "date", "t"), None).names("t")[:2]
    ['t [days since 2011-01-01]', 't [sine of the day]']
    """
    zone = None if times.zone is None else find_zone(times.zone)
    seconds = times.seconds
    usual = _usual(seconds, weight)
    if not usual.any():
        return TimeColumn(kind, "hours" if kind == "time of day" else "days", 0, (), zone)
    values = seconds[usual]
    first, span = float(values.min()), float(np.ptp(values))
    if kind == "time of day":
        return TimeColumn(kind, "hours", 0, ("day",) if span > _DAY / 2 else ())
    whole_days = not (values % _DAY).any()
    if kind == "duration":
        return TimeColumn(kind, _unit(float(np.abs(values).max()), whole_days), 0, ())
    unit = _unit(span, whole_days)
    seen = Times(times.whole[usual], times.part[usual])
    cycles = tuple(
        name
        for name, cycle in CYCLES.items()
        if span >= cycle.least and _moves(_angle(seen, cycle, zone))
    )
    return TimeColumn(kind, unit, _round_down(first, span, unit), cycles, zone)


def _usual(seconds: Vector, weight: Vector | None) -> Mask:
    """Tell the cells that are neither gaps nor far outside of the others, (n_rows,)."""
    low, high = weighted_quantiles(seconds[:, None], (_OUTER, 1 - _OUTER), weight)[:, 0]
    if low < high:
        return (seconds >= low - (high - low)) & (seconds <= high + (high - low))
    return ~np.isnan(seconds)


def _unit(span: float, whole_days: bool) -> str:
    if whole_days:
        return "days"
    return next((unit for unit, least in _SPANS.items() if span >= least), "seconds")


def _moves(angle: Vector) -> bool:
    return max(np.ptp(np.sin(angle)), np.ptp(np.cos(angle))) > _LEAST


def _round_down(first: float, span: float, unit: str) -> int:
    """Return a round moment at or before the first one, in seconds since 1970-01-01."""
    letter = {"days": "D", "hours": "D", "minutes": "h", "seconds": "m"}[unit]
    if unit == "days" and span >= _MONTH * _DAY:
        letter = "Y" if span >= _YEAR * _DAY else "M"
    moment = np.datetime64(int(np.floor(first)), "s").astype(f"M8[{letter}]")
    return int(moment.astype("M8[s]").astype(np.int64))
