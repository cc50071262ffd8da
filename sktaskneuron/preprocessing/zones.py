"""Time zones as tables: what the clocks of a place show at any moment.

A table is learned once and kept with the model, so that predictions do not change with the data on
time zones of the machine that makes them.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np

from sktaskneuron._typing import IntArray

_UTC = datetime.UTC
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=_UTC)
# Offsets that are written out, as "+02:00" or "UTC-03:30".
_FIXED = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?")
_ZERO = frozenset({"UTC", "GMT", "Z", "Etc/UTC"})
# Changes are looked for once a week from 1900 to 2100: no zone changes its clocks and back within
# one, and later moments keep the last offset.
_WEEK = 7 * 86_400
_FIRST, _LAST = -2_208_988_800, 4_102_444_800


@dataclass(frozen=True, eq=False)
class Zone:
    """What the clocks of a time zone show.

    Parameters
    ----------
    name : str
    starts : ndarray of int of shape (n_changes,)
        Moments at which clocks are changed, in seconds since 1970-01-01 UTC, upwards.
    offsets : ndarray of int of shape (n_changes + 1,)
        Seconds that clocks are ahead of UTC before the first change, and from each of them on.
    """

    name: str
    starts: IntArray = field(repr=False)
    offsets: IntArray = field(repr=False)

    def local(self, moments: IntArray) -> IntArray:
        """Return the time on the clocks.

        Parameters
        ----------
        moments : ndarray of int of shape (n_rows,)
            Seconds since 1970-01-01 UTC.

        Returns
        -------
        shown : ndarray of int of shape (n_rows,)
            Seconds since the clocks showed 1970-01-01 00:00, if no clock had ever been changed.
        """
        return moments + self.offsets[np.searchsorted(self.starts, moments, side="right")]


@lru_cache(maxsize=32)
def find_zone(name: str) -> Zone:
    """Return a time zone.

    Parameters
    ----------
    name : str
        As in the time zone database, "Europe/Berlin", or an offset, "+02:00".

    Raises
    ------
    ValueError
        If there is no such zone.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.preprocessing.zones import find_zone
    >>> noon_in_july = np.array([1_751_371_200])
    >>> int((find_zone("Europe/Berlin").local(noon_in_july) - noon_in_july)[0])
    7200
    """
    none = np.empty(0, dtype=np.int64)
    if name in _ZERO:
        return Zone(name, none, np.zeros(1, dtype=np.int64))
    written = _FIXED.fullmatch(name)
    if written:
        sign, hours, minutes = written.groups()
        offset = int(f"{sign}1") * (3600 * int(hours) + 60 * int(minutes or 0))
        return Zone(name, none, np.array([offset]))
    try:
        zone = ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(
            f"the time zone {name!r} is not known: convert to one of the time zone database, as "
            "'Europe/Berlin', or to 'UTC'"
        ) from error

    def offset_at(moment: int) -> int:
        found = (_EPOCH + datetime.timedelta(seconds=moment)).astimezone(zone).utcoffset()
        assert found is not None  # the moment has a zone
        return int(found.total_seconds())

    starts = _changes(offset_at)
    offsets = [offset_at(moment) for moment in [_FIRST, *starts]]
    return Zone(name, np.array(starts, dtype=np.int64), np.array(offsets, dtype=np.int64))


def _changes(offset_at: Callable[[int], int]) -> list[int]:
    """Return the moments at which an offset changes, each found by halving its week."""
    found = []
    for before, after in pairwise(range(_FIRST, _LAST, _WEEK)):
        if offset_at(before) == offset_at(after):
            continue
        old = offset_at(before)
        while after - before > 1:
            middle = (before + after) // 2
            if offset_at(middle) == old:
                before = middle
            else:
                after = middle
        found.append(after)
    return found
