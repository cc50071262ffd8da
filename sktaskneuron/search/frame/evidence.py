"""How far to believe an answer.

Validated gain of each term, stability over resamples, score against complexity.
"""

from __future__ import annotations

import numpy as np

from sktaskneuron._typing import RowNumbers, Splits, Vector
from sktaskneuron.search.frame.family import Family
from sktaskneuron.search.frame.fit import Fit, fit_structure
from sktaskneuron.search.frame.model import Structure, Table


def folds(
    n_samples: int, n_splits: int, rng: np.random.Generator
) -> list[tuple[RowNumbers, RowNumbers]]:
    """Return ``n_splits`` pairs (train, test) of sorted row numbers, drawn at random."""
    order = rng.permutation(n_samples)
    parts = np.array_split(order, n_splits)
    return [
        (np.sort(np.concatenate(parts[:j] + parts[j + 1 :])), np.sort(parts[j]))
        for j in range(n_splits)
    ]


def held_out_loss(table: Table, family: Family, structure: Structure, splits: Splits) -> Vector:
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


def explained(loss: Vector, null_loss: Vector, weight: Vector) -> float:
    """Return 1 - loss / null loss: the validated R2, or the explained share of the deviance.

    loss, null_loss, weight : (n_samples,).
    """
    reference = float(weight @ null_loss)
    return 1.0 - float(weight @ loss) / reference if reference > 0 else 0.0


def term_gains(
    table: Table, family: Family, fit: Fit, splits: Splits
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
