"""What the selection may add, and the neighbours of a structure that it looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from sktaskneuron._typing import IndexArray, Mask
from sktaskneuron.search.frame.model import Structure

# Proposals refitted per step: the predicted order is exact for single columns and near-exact for
# atoms.
N_REFITTED = 3


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
    support : ndarray of bool of shape (n_features, n_features)
        Of which pairs of columns a product rests on rows enough, and on the diagonal which columns
        may enter products at all.
    """

    pure_orders: tuple[int, ...]
    interaction_orders: tuple[int, ...]
    max_rank: int
    allowed: Mapping[int, Mask]
    support: Mask

    @property
    def n_orders(self) -> int:
        """Number of (stream, order) pairs on offer."""
        return max(1, len(self.pure_orders) + len(self.interaction_orders))

    def admits(self, products: IndexArray) -> Mask:
        """Tell which products of columns, (n_products, order), may enter.

        Not lower ones in disguise: the square of a 0/1 column is the column again. Nor those that
        rest on few rows.
        """
        order = products.shape[1]
        fine = np.ones(len(products), dtype=bool)
        for first, second in combinations_with_replacement(range(order), 2):
            fine &= self.support[products[:, first], products[:, second]]
        for power in range(2, order):
            if power not in self.allowed:
                continue
            # columns stand in order: a power is a run of equal ones
            for start in range(order - power + 1):
                run = products[:, start] == products[:, start + power - 1]
                fine &= ~(run & ~self.allowed[power][products[:, start]])
        return fine

    def repeatable(self, order: int) -> Mask:
        """Tell which columns, (n_features,), may stand in every factor of an atom of this order.

        In two factors of three a 0/1 column would bring in terms of lower order.
        """
        known = self.allowed.get(order - 1, next(iter(self.allowed.values())))
        return known & self.supported if order > 2 else self.supported

    @property
    def supported(self) -> Mask:
        """The columns, (n_features,), that may enter products."""
        return np.diag(self.support)
