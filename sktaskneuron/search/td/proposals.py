"""What the selection may add, and the neighbours of a structure that it looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .model import Mask, Structure


@dataclass(frozen=True, eq=False)
class Proposal:
    """A neighbour and the criterion it is expected to reach before refitting."""

    predicted: float
    structure: Structure
    kind: str


@dataclass(frozen=True)
class Space:
    """What may enter a structure.

    Parameters
    ----------
    pure_orders, interaction_orders : tuple of int
        Orders on offer.
    max_rank : int
        Most atoms of one order.
    allowed : mapping of int to ndarray of bool of shape (n_features,)
        Per pure order the columns whose power says something new: a column with m different
        values has m - 1 independent powers.
    """

    pure_orders: tuple[int, ...]
    interaction_orders: tuple[int, ...]
    max_rank: int
    allowed: Mapping[int, Mask]

    @property
    def n_orders(self) -> int:
        """Number of (stream, order) pairs on offer."""
        return max(1, len(self.pure_orders) + len(self.interaction_orders))
