"""The columns of a `TableEncoder` as texts of the raw table's columns, in another language."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from sktaskneuron.preprocessing.categories import Level, _shown
from sktaskneuron.preprocessing.table import TableEncoder
from sktaskneuron.preprocessing.time_columns import CYCLES, Cycle, TimeColumn


class RawText(ABC):
    """How a language turns a cell of the raw table into numbers."""

    @abstractmethod
    def cell(self, place: int, name: str) -> str:
        """Write the cell of a column, if the user gave no text for it."""

    @abstractmethod
    def number(self, cell: str, median: float) -> str:
        """Write a number, whose gaps are the median."""

    @abstractmethod
    def boolean(self, cell: str, median: float) -> str:
        """Write True as 1 and False as 0; gaps are the median."""

    @abstractmethod
    def elapsed(self, cell: str, column: TimeColumn, median: float) -> str:
        """Write a time in its unit since its origin; gaps are the median."""

    @abstractmethod
    def wave(
        self, cell: str, column: TimeColumn, cycle: Cycle, function: str, median: float
    ) -> str:
        """Write the function SIN or COS of where a cycle stands; gaps are the median."""

    @abstractmethod
    def gap(self, cell: str) -> str:
        """Write 1 for gaps and 0 otherwise."""

    @abstractmethod
    def among(self, cell: str, name: str, levels: Sequence[Level], known: Sequence[Level]) -> str:
        """Write 1 for cells of these levels, which are some of the known ones, and 0 otherwise.

        The missing level is none of them.
        """


def mixed(levels: Iterable[Level]) -> bool:
    """Tell whether levels are of text and of other types."""
    return len({isinstance(level, str) for level in levels}) > 1


def column_texts(
    encoder: TableEncoder,
    language: RawText,
    names: Iterable[str] | None = None,
    cells: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Write encoded columns in terms of the raw table.

    Parameters
    ----------
    encoder : TableEncoder
        Fitted.
    language : RawText
    names : iterable of str, default=None
        Encoded columns that are wanted; None: all.
    cells : mapping of str to str, default=None
        Texts of raw columns, by their names.

    Returns
    -------
    texts : dict of str to str
        By name of the encoded column, in the encoder's order.

    Raises
    ------
    ValueError
        If ``cells`` names no raw column, or the language cannot write a wanted one.
    """
    # without names of its own, the table's columns are called as the encoder calls them
    own = getattr(encoder, "feature_names_in_", None)
    raw = [f"x{j}" for j in range(encoder.n_features_in_)] if own is None else own.tolist()
    given = dict(cells or {})
    unknown = given.keys() - set(raw)
    if unknown:
        raise ValueError(
            f"the table has no column {min(map(str, unknown))!r}: name the columns of the table, "
            f"as {raw[0]!r}"
        )
    for name, text in given.items():
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"the text of column {name!r} must be a str, got {text!r}")
    encoded = encoder.get_feature_names_out().tolist()
    wanted = set(encoded if names is None else names)
    return {
        # written when wanted only: what cannot be written elsewhere in the table does no harm
        name: write(given.get(raw[place]) or language.cell(place, raw[place]))
        for name, (place, write) in zip(encoded, _writers(encoder, language, raw), strict=True)
        if name in wanted
    }


def _writers(
    encoder: TableEncoder, language: RawText, names: Sequence[str]
) -> Iterator[tuple[int, Callable[[str], str]]]:
    """Yield the raw column of each encoded one, and what writes it, in the encoder's order."""
    medians = iter(encoder.median_.tolist())
    for place in np.flatnonzero(~encoder.categorical_).tolist():
        column = encoder.times_.get(place)
        if column is None:
            write = language.boolean if encoder.boolean_[place] else language.number
            yield place, partial(write, median=next(medians))
            continue
        yield place, partial(language.elapsed, column=column, median=next(medians))
        for name in column.cycles:
            for function in ("SIN", "COS"):
                wave = partial(language.wave, column=column, cycle=CYCLES[name], function=function)
                yield place, partial(wave, median=next(medians))
    for number in np.flatnonzero(encoder.missing_):
        yield int(encoder.source_[number]), language.gap
    for place, kept, pooled in encoder.categories():
        known = [level for level in [*kept, *pooled] if level is not None]
        groups: list[Sequence[Level]] = [[level] for level in kept]
        groups.append(pooled)
        for shown in _shown(kept, pooled):
            if list(groups[shown]) == [None]:
                yield place, language.gap
            elif not groups[shown]:  # every level was of a single row
                yield place, _zero
            else:
                write = partial(language.among, name=names[place], known=known)
                yield place, partial(write, levels=groups[shown])


def _zero(_: str) -> str:
    """Write 0, whatever a cell holds."""
    return "0"
