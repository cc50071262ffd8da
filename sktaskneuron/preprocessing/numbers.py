"""The columns of a table that become numbers: numbers themselves, and times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from sktaskneuron._typing import Mask, Matrix, Vector
from sktaskneuron.preprocessing.columns import Table
from sktaskneuron.preprocessing.time_columns import TimeColumn, learn_times


def find_times(table: Table, places: Iterable[int], weight: Vector | None) -> dict[int, TimeColumn]:
    """Learn how the columns of times are read.

    Parameters
    ----------
    table : Table
    places : iterable of int
        Of the columns that are no categories.
    weight : ndarray of shape (n_rows,) or None
        Positive.

    Returns
    -------
    times : dict of int to TimeColumn
        By place of the column.

    Raises
    ------
    ValueError, TypeError
        If a column mixes times with anything else, has several time zones or an unknown one.
    """
    kinds = {place: table.time_kind(place) for place in places}
    return {
        place: learn_times(kind, table.times(place, kind), weight)
        for place, kind in kinds.items()
        if kind is not None
    }


def number_sources(places: Iterable[int], times: Mapping[int, TimeColumn]) -> list[int]:
    """Return the column of the table for each column of numbers that it becomes."""
    return [place for place in places for _ in range(_width(place, times))]


def are_first(places: Iterable[int], times: Mapping[int, TimeColumn]) -> Mask:
    """Tell the columns of numbers that are the first of their column of the table."""
    return np.array([not i for place in places for i in range(_width(place, times))], dtype=bool)


def number_names(
    places: Iterable[int], times: Mapping[int, TimeColumn], names: Sequence[str]
) -> list[str]:
    """Name the columns of numbers, by the names of all columns of the table."""
    return [
        name
        for place in places
        for name in (times[place].names(names[place]) if place in times else [names[place]])
    ]


def read_numbers(table: Table, places: Iterable[int], times: Mapping[int, TimeColumn]) -> Matrix:
    """Read the columns that become numbers.

    Parameters
    ----------
    table : Table
    places : iterable of int
        Of these columns.
    times : dict of int to TimeColumn
        Those among them that hold times.

    Returns
    -------
    block : ndarray of shape (n_rows, n_numbers)
        NaN for a gap; may be the caller's memory: do not write into it.

    Raises
    ------
    ValueError, TypeError
        If a column does not hold what it should.
    """
    places = list(places)
    plain = table.numbers([place for place in places if place not in times])
    if not times:
        return plain
    sources = np.array(number_sources(places, times))
    block = np.empty((len(table), len(sources)))
    block[:, ~np.isin(sources, list(times))] = plain
    for place, column in times.items():
        found = table.times(place, column.kind)
        column.check(found, table.names[place])
        block[:, sources == place] = column.encode(found)
    return block


def _width(place: int, times: Mapping[int, TimeColumn]) -> int:
    return times[place].n_columns if place in times else 1
