"""Which columns of a wide table are combined."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.formula.text.canonical import make_product
from sktaskneuron.formula.text.evaluation import variables
from sktaskneuron.formula.text.nodes import Node, Variable
from sktaskneuron.search.columns.builtin.library import Atoms, columns_as_atoms
from sktaskneuron.search.columns.builtin.select import forward

# Products of two columns that are looked at, those that say most about the target, and columns
# above which there are none: a million products are told apart in a second.
_MOST_PRODUCTS, _MOST_COLUMNS = 500, 1_000


def promising(X: Matrix, y: Vector, weight: Vector, names: Sequence[str], most: int) -> list[int]:
    """Return the columns to combine: all of a narrow table, else those that explain most.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    y, weight : ndarray of shape (n_samples,)
    names : sequence of str
    most : int

    Returns
    -------
    places : list of int
        At most ``most``, upwards.
    """
    if X.shape[1] <= most:
        return list(range(X.shape[1]))
    atoms = _atoms(X, y, weight, names)
    steps = forward(atoms.values, y, weight, most, float(weight.sum()))
    used: list[str] = []
    for size in sorted(steps.places):
        for place in steps.places[size]:
            own = sorted(variables(atoms.node(place)))
            used += [name for name in own if name not in used]
    return sorted(names.index(name) for name in used[:most])


def _atoms(X: Matrix, y: Vector, weight: Vector, names: Sequence[str]) -> Atoms:
    """Return columns in standard form, their squares and sizes, and products of two.

    A column may matter beside another one only, as each of a product of two that have both signs.
    """
    z = _standard(X, weight)
    squares = _standard(z**2, weight)
    atoms = columns_as_atoms(z, names) + columns_as_atoms(squares, names)
    atoms = atoms + columns_as_atoms(np.abs(z), names)
    if len(names) > _MOST_COLUMNS:
        return atoms
    both = np.concatenate([z, squares], axis=1)
    products = [
        (z[:, i] * both[:, j], partial(_product, names[i], names[j % len(names)]))
        for i, j in _best_products(z, both, y, weight)
    ]
    return atoms + Atoms.of(products, len(X))


def _best_products(z: Matrix, others: Matrix, y: Vector, weight: Vector) -> list[tuple[int, int]]:
    """Return which products of columns of two tables are most correlated with y.

    The first columns of the second table are those of the first one: each pair of them counts once.
    """
    share = weight / weight.sum()
    centred = y - share @ y
    along = (z * (share * centred)[:, None]).T @ others
    mean = (z * share[:, None]).T @ others
    spread = (z**2 * share[:, None]).T @ others**2 - mean**2
    gain = along**2 / np.maximum(spread, 1e-12)
    gain[np.tril_indices(z.shape[1])] = 0.0
    best = np.argsort(-gain, axis=None, kind="stable")[:_MOST_PRODUCTS]
    return [divmod(int(place), others.shape[1]) for place in best]


def _product(first: str, second: str) -> Node:
    return make_product([Variable(first), Variable(second)])


def _standard(values: Matrix, weight: Vector) -> Matrix:
    share = weight / weight.sum()
    centred = values - share @ values
    return np.asarray(centred / np.maximum(np.sqrt(share @ centred**2), 1e-300))
