"""How far to believe an answer.

Validated gain of each term, stability over resamples, score against complexity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sktaskneuron.search.frame.family import Family
from sktaskneuron.search.frame.fit import Fit, fit_structure
from sktaskneuron.search.frame.linalg import Array, Rows
from sktaskneuron.search.frame.model import Structure, Table


def folds(n_samples: int, n_splits: int, rng: np.random.Generator) -> list[tuple[Rows, Rows]]:
    """Return ``n_splits`` pairs (train, test) of sorted row numbers, drawn at random."""
    order = rng.permutation(n_samples)
    parts = np.array_split(order, n_splits)
    return [
        (np.sort(np.concatenate(parts[:j] + parts[j + 1 :])), np.sort(parts[j]))
        for j in range(n_splits)
    ]


def held_out_loss(
    table: Table, family: Family, structure: Structure, splits: Sequence[tuple[Rows, Rows]]
) -> Array:
    """Return the loss of every row by a model that has not seen it, shape (n_samples,).

    Linear weights and factors are refitted on the training rows of each split; the test rows of
    ``splits`` cover every row once.
    """
    loss = np.empty(table.n_samples)
    for train, test in splits:
        fit = fit_structure(table.subset(train), family.subset(train), structure)
        eta = fit.structure.design(table.subset(test)) @ fit.coef
        loss[test] = family.subset(test).row_loss(eta, family.loss_scale)
    return loss


@dataclass(eq=False)
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
    splits: Sequence[tuple[Rows, Rows]]
    _losses: dict[int, tuple[Fit, Array]] = field(default_factory=dict)

    def _loss(self, fit: Fit) -> Array:
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
        weight = self.family.weight / self.family.weight.sum()
        gain = self._loss(old) - self._loss(new)
        mean = float(weight @ gain)
        error = np.sqrt(float(weight @ (gain - mean) ** 2) / len(gain))
        return mean > error

    def simpler_or_better(self, new: Fit, old: Fit) -> bool:
        """Return whether the smaller ``new`` is at most one standard error worse than ``old``."""
        return not self.worth_adding(old, new)


def explained(loss: Array, null_loss: Array, weight: Array) -> float:
    """Return 1 - loss / null loss: the validated R2, or the explained share of the deviance.

    loss, null_loss, weight : (n_samples,).
    """
    reference = float(weight @ null_loss)
    return 1.0 - float(weight @ loss) / reference if reference > 0 else 0.0


def term_gains(
    table: Table, family: Family, fit: Fit, splits: Sequence[tuple[Rows, Rows]]
) -> dict[tuple[str, int], float]:
    """Return what each order of the fit is worth on rows not seen.

    Returns
    -------
    dict of (stream, order) to float
        Fall of the validated explained share when that order is taken out and the rest refitted.
    """
    structure = fit.structure
    weight = family.weight
    null = held_out_loss(table, family, Structure(structure.n_features), splits)
    whole = explained(held_out_loss(table, family, structure, splits), null, weight)
    pure_orders, interaction_orders = structure.orders
    terms = [("pure", k) for k in sorted(pure_orders)]
    terms += [("interaction", k) for k in sorted(interaction_orders)]
    gains = {}
    for stream, order in terms:
        rest = structure.without_order(stream, order)
        loss = held_out_loss(table, family, rest, splits)
        gains[stream, order] = whole - explained(loss, null, weight)
    return gains


def validated_path(
    table: Table, family: Family, fits: Sequence[Fit], splits: Sequence[tuple[Rows, Rows]]
) -> list[float]:
    """Return the validated explained share of each model met on the way, one per fit."""
    null = held_out_loss(table, family, Structure(table.n_features), splits)
    return [
        explained(held_out_loss(table, family, fit.structure, splits), null, family.weight)
        for fit in fits
    ]
