"""Which columns of a wide table are combined."""

from __future__ import annotations

from collections.abc import Sequence

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.formula.text.evaluation import variables
from sktaskneuron.search.columns.builtin.library import columns_as_atoms, unary_of
from sktaskneuron.search.columns.builtin.select import forward


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
    columns = columns_as_atoms(X, names)
    atoms = columns + unary_of(columns, ("square", "abs"))
    steps = forward(atoms.values, y, weight, most, float(weight.sum()))
    used: list[str] = []
    for size in sorted(steps.places):
        for place in steps.places[size]:
            used += [name for name in variables(atoms.node(place)) if name not in used]
    return sorted(names.index(name) for name in used[:most])
