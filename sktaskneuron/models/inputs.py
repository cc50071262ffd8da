"""A table in the forms that models read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from sktaskneuron._typing import FloatArray, Matrix, RowNumbers, Vector
from sktaskneuron.preprocessing import NormalScoreScaler, SmoothClipScaler, threshold_edges

#: A scale of the columns.
View = Literal["robust", "ranks"]


class Scaler(Protocol):
    """From raw units to what networks see."""

    def transform(self, X: Matrix) -> Matrix:
        """Scale rows (n_rows, n_columns)."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """One table in the forms that models read.

    Parameters
    ----------
    raw : ndarray of shape (n_rows, n_columns)
        Raw units, numeric columns first.
    codes : ndarray of shape (n_rows, n_large)
        Codes of the levels of columns with many levels.
    scalers : dict of view to transformer
        From raw units to what networks see.
    n_numeric : int
        Number of numeric columns.
    n_levels : tuple of int
        Levels of each column of ``codes``.
    """

    raw: Matrix
    codes: Matrix
    scalers: Mapping[View, Scaler]
    n_numeric: int
    n_levels: tuple[int, ...] = ()

    def take(self, rows: RowNumbers) -> Inputs:
        """Return some rows."""
        return replace(self, raw=self.raw[rows], codes=self.codes[rows])

    def __len__(self) -> int:
        return len(self.raw)

    @property
    def n_columns(self) -> int:
        """Columns that networks see."""
        return self.raw.shape[1] + self.codes.shape[1]

    def block(self, view: View, part: slice) -> Matrix:
        """Return some rows as networks see them: scaled columns, then codes."""
        scaler, rows = self.scalers[view], self.raw[part]
        if isinstance(scaler, NormalScoreScaler | SmoothClipScaler):
            scaled = scaler.scaled(rows)  # they were checked
        else:
            scaled = scaler.transform(rows)
        if not self.codes.shape[1]:
            return np.asarray(scaled)
        return np.concatenate([scaled, self.codes[part]], axis=1)

    def edges(self, view: View, n_bins: int, weight: Vector) -> FloatArray:
        """Return the edges of bins of the numeric columns as a view scales them.

        Their shape is (n_numeric, n_bins + 1).
        """
        raw = np.zeros((n_bins + 1, self.raw.shape[1]))
        raw[:, : self.n_numeric] = threshold_edges(self.raw[:, : self.n_numeric], n_bins, weight).T
        return np.asarray(self.scalers[view].transform(raw))[:, : self.n_numeric].T
