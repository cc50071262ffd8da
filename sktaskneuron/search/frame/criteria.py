"""Prices: what a structure must earn to be kept.

The extended Bayesian information criterion (Chen & Chen, Biometrika 2008) charges each free number
log n and each choice of a support twice the log of the number of supports of that size. A full
block has one support and pays nothing for the choice, a single monomial pays for having been picked
among all: dense and sparse truths compete on fair terms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sktaskneuron.search.frame.model import Atom, Structure, log_binomial
from sktaskneuron.search.frame.terms import POWERS, TermLibrary


@dataclass(frozen=True)
class Price:
    """Penalty of a structure in units of deviance.

    Parameters
    ----------
    log_n : float
        Logarithm of the number of observations.
    gamma : float
        Weight of the support choice: 1 is the extended criterion, 0 the plain one.
    n_orders : int
        Number of (stream, order) pairs on offer.
    n_outputs : int
        Each output has its own weight for every column.
    n_allowed : mapping of int to int
        Columns that may enter as pure terms of each order.
    library : TermLibrary
        Knows the fitted inner constants of a function, each a free number, and among how many
        functions it was chosen.
    """

    log_n: float
    gamma: float
    n_orders: int
    n_outputs: int
    n_allowed: Mapping[int, int]
    library: TermLibrary = POWERS

    def pure(self, order: int, size: int) -> float:
        """Return the price of ``size`` pure columns of one order."""
        choice = log_binomial(self.n_allowed[order], size)
        return self.n_outputs * size * self.log_n + 2 * self.gamma * choice

    def atom(self, atom: Atom) -> float:
        """Return the price of an atom: K factors of unit norm and one loading per output.

        Supports of equal size are interchangeable, so their orderings count as one choice.
        """
        sizes = atom.support.sum(axis=1)
        n_features = atom.support.shape[1]
        free = int(sizes.sum()) - atom.order + self.n_outputs
        choice = sum(log_binomial(n_features, int(size)) for size in sizes)
        same = [int((sizes == size).sum()) for size in set(sizes.tolist()) if size < n_features]
        choice -= sum(math.lgamma(count + 1) for count in same)
        return free * self.log_n + 2 * self.gamma * max(choice, 0.0)

    def __call__(self, structure: Structure) -> float:
        """Return the price of a whole structure."""
        pure_orders, interaction_orders = structure.orders
        one_of = math.log(self.n_orders)
        choices = sum(self.library.choices.get(key, one_of) for key in pure_orders)
        constants = sum(self.library.constants.get(key, 0) for key in pure_orders)
        return (
            sum(self.pure(order, int(mask.sum())) for order, mask in structure.pure.items())
            + sum(self.atom(atom) for atom in structure.atoms)
            + constants * self.log_n
            + 2 * self.gamma * (choices + len(interaction_orders) * one_of)
        )

    def free_numbers(self, structure: Structure) -> int:
        """Return the degrees of freedom, the complexity axis of the Pareto front."""
        return round(replace(self, log_n=1.0, gamma=0.0)(structure))
