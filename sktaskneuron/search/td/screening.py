"""Which columns' products are worth a look: scores of all monomials of one order at once."""

from __future__ import annotations

import numpy as np

from sktaskneuron._typing import ColumnNumbers, FloatArray, Matrix, Vector
from sktaskneuron.search.frame.family import Family, Working
from sktaskneuron.search.frame.model import Structure, Table
from sktaskneuron.search.td.moments import moment_tensor

# Entries of the largest moment tensor formed. Wider tables have their columns screened first:
# 547 columns at order 2, 66 at order 3, 23 at order 4, 12 at order 5.
MAX_TENSOR_ENTRIES = 300_000
# Columns of a dense atom before entries are taken out or added one by one.
DENSE_COLUMNS = 40
# Directions of the outputs that are scored; see `leading_directions`.
_N_DIRECTIONS = 3


def screened_size(order: int) -> int:
    """Return the number of columns whose order-``order`` products are all looked at."""
    return int(MAX_TENSOR_ENTRIES ** (1.0 / order) + 1e-9)


def screening_caps(n_columns: int, max_order: int) -> list[str]:
    """Return among how many columns interactions up to an order are looked for, if not all."""
    caps = []
    for order in range(2, max_order + 1):
        size = screened_size(order)
        if n_columns > size:
            caps.append(
                f"interactions of order {order} looked for among the {size} most promising "
                f"of {n_columns} columns"
            )
    if n_columns > DENSE_COLUMNS and max_order > 1:
        caps.append(
            f"dense atoms start from the {DENSE_COLUMNS} most promising of {n_columns} columns"
        )
    return caps


class MonomialScreen:
    """Scores of single products against a residual; keeps their norms, which no step changes."""

    def __init__(self, table: Table, family: Family) -> None:
        self._table = table
        self._weight = family.weight / family.weight.mean()
        self._norms: dict[int, tuple[bytes, FloatArray]] = {}

    def columns(
        self, order: int, relevance: Vector, working: Working, structure: Structure
    ) -> ColumnNumbers:
        """Return the columns to look at: all where they fit, else the most promising ones.

        Promising is what explains the residual alone (``relevance``, of shape (n_features,)) or
        in a product of two, and what the structure already uses.
        """
        d = self._table.n_features
        size = screened_size(order)
        if d <= size:
            return np.arange(d)
        score = relevance / max(float(relevance.max()), 1e-300)
        if order > 2 and d <= screened_size(2):
            pairs = self.scores(np.arange(d), working, 2)
            np.fill_diagonal(pairs, 0.0)
            score = score + pairs.max(axis=0) / max(float(pairs.max()), 1e-300)
        for atom in structure.atoms:
            score[atom.support.any(axis=0)] += 1.0
        for mask in structure.pure.values():
            score[mask] += 1.0
        return np.sort(np.argsort(-score, kind="stable")[:size])

    def scores(self, columns: ColumnNumbers, working: Working, order: int) -> FloatArray:
        """Return the gain of every product, of shape (n_columns,) * order.

        The model's columns are not projected out of the products: a ranking, not a gain.
        """
        z = self._table.z[:, columns]
        norm = self._norm(columns, z, order)
        score = np.zeros_like(norm)
        for direction in leading_directions(working).T:
            score += moment_tensor(z, direction, order) ** 2
        return score / norm

    def _norm(self, columns: ColumnNumbers, z: Matrix, order: int) -> FloatArray:
        key = columns.tobytes()
        known = self._norms.get(order)
        if known is not None and known[0] == key:
            return known[1]
        total = self._weight.sum()
        mean = moment_tensor(z, self._weight, order) / total
        norm = moment_tensor(z * z, self._weight, order) - total * mean**2
        norm = np.maximum(norm, 1e-9 * np.abs(norm).max() + 1e-300)
        self._norms[order] = key, norm
        return norm


def leading_directions(working: Working) -> Matrix:
    """Return the weighted residuals, turned so that the first columns carry most: (n_samples, <=3).

    The sum of squared inner products over the outputs does not change when the outputs are
    rotated; directions beyond the third are left out, which costs little and saves most of the
    time where classes are many.
    """
    curvature = working.weight.mean(axis=0)
    residual = working.residual * working.weight * np.sqrt(working.precision / curvature)
    if residual.shape[1] == 1:
        return residual
    vectors = np.linalg.eigh(residual.T @ residual)[1][:, ::-1]
    return np.asarray(residual @ vectors[:, :_N_DIRECTIONS])
