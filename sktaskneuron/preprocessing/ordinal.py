"""Encoded columns as trees read them: gaps as NaN, one column of codes for each category."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sktaskneuron._typing import ColumnNumbers, Mask, Matrix
from sktaskneuron.preprocessing.table import TableEncoder

#: Most levels of a category that scikit-learn's histograms of trees tell apart.
MOST_LEVELS = 255


@dataclass(frozen=True, eq=False)
class OrdinalColumns:
    """The way from what a `TableEncoder` returns to numbers with gaps and codes of categories.

    Nothing of the table is lost on it but what `TableEncoder` has left out: a gap in a column that
    had none in fit is the median, and a level that fit has not seen is a gap.

    Parameters
    ----------
    n_numbers : int
        Columns of numbers; they come first.
    marks : ndarray of int of shape (n_numbers,)
        The encoded column that marks the gaps of each; -1 where fit saw none.
    levels : tuple of (first, stop)
        The 0/1 columns of each category.
    large : tuple of int
        For each category its place among the codes of levels, where these are read instead; else
        -1.
    """

    n_numbers: int
    marks: ColumnNumbers
    levels: tuple[tuple[int, int], ...]
    large: tuple[int, ...]

    @classmethod
    def of(cls, encoder: TableEncoder) -> OrdinalColumns:
        """Read the layout of a fitted encoder."""
        n_numbers, source = len(encoder.missing_), encoder.source_
        marks = np.full(n_numbers, -1, dtype=np.intp)
        marked = np.flatnonzero(encoder.missing_)
        for place, number in enumerate(marked, start=n_numbers):
            marks[source[:n_numbers] == source[number]] = place
        levels, large = [], []
        first = n_numbers + len(marked)
        coded = encoder.large_.tolist()
        for column, _, _ in encoder.categories():
            stop = first + int((source == column).sum())
            levels.append((first, stop))
            place = coded.index(column) if column in coded else -1
            large.append(place if place >= 0 and encoder.n_levels_[place] <= MOST_LEVELS else -1)
            first = stop
        return cls(n_numbers, marks, tuple(levels), tuple(large))

    @property
    def categorical(self) -> Mask:
        """Which columns hold codes."""
        return np.arange(self.n_numbers + len(self.levels)) >= self.n_numbers

    def __call__(self, raw: Matrix, codes: Matrix) -> Matrix:
        """Return numbers, then codes of categories, (n_rows, n_numbers + n_categories).

        Parameters
        ----------
        raw : ndarray of shape (n_rows, n_columns)
            As `TableEncoder.transform` returns it.
        codes : ndarray of shape (n_rows, n_large)
            As `TableEncoder.level_codes` returns it.
        """
        out = np.empty((len(raw), self.n_numbers + len(self.levels)))
        out[:, : self.n_numbers] = raw[:, : self.n_numbers]
        for number in np.flatnonzero(self.marks >= 0):
            out[raw[:, self.marks[number]] != 0, number] = np.nan
        categories = zip(self.levels, self.large, strict=True)
        for place, ((first, stop), large) in enumerate(categories, start=self.n_numbers):
            block = raw[:, first:stop]
            if large >= 0:
                out[:, place] = np.where(codes[:, large] < 0, np.nan, codes[:, large])
            elif stop - first == 1:  # of two levels
                out[:, place] = block[:, 0]
            else:
                out[:, place] = np.where(block.any(axis=1), block.argmax(axis=1), np.nan)
        return out
