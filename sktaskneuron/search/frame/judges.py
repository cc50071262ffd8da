"""Who decides between two fits: a price for what is in them, or rows that they have not seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from sktaskneuron._evidence import paired_gain
from sktaskneuron._typing import Splits, Vector
from sktaskneuron.search.frame.criteria import Price
from sktaskneuron.search.frame.evidence import held_out_loss
from sktaskneuron.search.frame.family import Family
from sktaskneuron.search.frame.fit import Fit
from sktaskneuron.search.frame.model import Table

# Fall of a score, relative to its size, that counts as one: more than rounding leaves.
_REL_TOL = 1e-9


class Judge(Protocol):
    """Scores a fitted structure (smaller is better) and says when a change is worth making."""

    def score(self, fit: Fit) -> float:
        """Return the score of a fit, smaller for a better one."""

    def simpler_or_better(self, new: Fit, old: Fit) -> bool:
        """Return whether ``new``, which has less in it, may replace ``old``."""

    def worth_adding(self, new: Fit, old: Fit) -> bool:
        """Return whether ``new`` is better enough than ``old`` to be taken."""


@dataclass(frozen=True, eq=False)
class InformationJudge:
    """Deviance plus price."""

    price: Price

    def score(self, fit: Fit) -> float:
        """Return the deviance plus the price of the structure."""
        return fit.deviance + self.price(fit.structure)

    def worth_adding(self, new: Fit, old: Fit) -> bool:
        """Return whether ``new`` scores lower than ``old`` by more than rounding."""
        before = self.score(old)
        return self.score(new) < before - _REL_TOL * (1.0 + abs(before))

    simpler_or_better = worth_adding


@dataclass(frozen=True, eq=False)
class CrossValidationJudge:
    """Held-out loss with the paired one-standard-error rule.

    An addition must lower the loss by more than one standard error of the rows' differences, a
    removal may raise it by that much.

    Parameters
    ----------
    table : Table
    family : Family
    splits : sequence of (train, test) row numbers
        The same for every model, so that losses can be compared row by row.
    """

    table: Table
    family: Family
    splits: Splits
    _losses: dict[int, tuple[Fit, Vector]] = field(default_factory=dict)

    def _loss(self, fit: Fit) -> Vector:
        if id(fit) not in self._losses:
            # the fit itself is kept beside its loss, so that its id is not given away again
            loss = held_out_loss(self.table, self.family, fit.structure, self.splits)
            self._losses[id(fit)] = (fit, loss)
        return self._losses[id(fit)][1]

    def score(self, fit: Fit) -> float:
        """Return the held-out loss, weighted and summed over the rows."""
        return float(self.family.weight @ self._loss(fit))

    def worth_adding(self, new: Fit, old: Fit) -> bool:
        """Return whether ``new`` beats ``old`` by more than one standard error."""
        share = self.family.weight / self.family.weight.sum()
        gain, error = paired_gain(self._loss(old), self._loss(new), share)
        return gain > error

    def simpler_or_better(self, new: Fit, old: Fit) -> bool:
        """Return whether the smaller ``new`` is at most one standard error worse than ``old``."""
        return not self.worth_adding(old, new)
