"""A uniform draw of rows from parts that are seen one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from sktaskneuron._typing import Vector

if TYPE_CHECKING:
    from sktaskneuron.streams.sources import Part


@dataclass(frozen=True, eq=False)
class Sample:
    """The rows with the smallest keys of those that were seen; keys are drawn uniformly.

    Parameters
    ----------
    keys : ndarray of shape (n_kept,)
        Rising.
    rows : DataFrame
        In the order of the keys, which is random.
    n_seen : int
        Rows that were drawn from.
    """

    keys: Vector
    rows: Part
    n_seen: int

    @classmethod
    def drawn(cls, part: Part, size: int, number: int, seed: int) -> Sample:
        """Draw from one part; what is drawn depends on its number and the seed alone."""
        keys = np.random.default_rng([seed, number]).random(len(part))
        return cls._smallest(keys, part, size, len(part))

    def merged(self, other: Sample, size: int) -> Sample:
        """Return a draw from the rows of both."""
        keys = np.concatenate([self.keys, other.keys])
        if len(keys) > size and len(self.keys) == size and self.keys[-1] < other.keys[0]:
            return Sample(self.keys, self.rows, self.n_seen + other.n_seen)
        rows = nw.concat([self.rows, other.rows], how="vertical")
        return self._smallest(keys, rows, size, self.n_seen + other.n_seen)

    @classmethod
    def _smallest(cls, keys: Vector, rows: Part, size: int, n_seen: int) -> Sample:
        kept = np.argsort(keys, kind="stable")[:size]
        return cls(keys[kept], rows[kept.tolist(), :], n_seen)
