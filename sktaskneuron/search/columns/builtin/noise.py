"""Whether an equation leaves nothing but noise: then no longer one can say more."""

from __future__ import annotations

import numpy as np
from scipy import stats

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.formula.text.nodes import Node
from sktaskneuron.search.columns.constants import NamedRows, fitted_constants

# Chance below which what is left counts as structure.
_REAL = 0.01
# Share of the target's variance that an equation must explain: where it says little, what it leaves
# may be a structure that no test here knows.
_EXPLAINED = 0.9
# Observations that a term of the tests needs.
_ROWS_PER_TERM = 8


def leaves_noise(node: Node, rows: NamedRows) -> bool:
    """Test what an equation leaves for structure.

    A regression on quadratic polynomials of the columns, their cubes, and powers of the equation
    itself must say nothing, all together and each alone; and neighbours in the order of a column,
    or of the equation, must not be alike.

    Parameters
    ----------
    node : Node
        Fitted to the rows.
    rows : NamedRows

    Returns
    -------
    bool
        False where there are too few rows to tell.
    """
    n = rows.n_effective
    value = rows.values(node)
    if rows.loss(node) > (1 - _EXPLAINED) * rows.variance or value.min() == value.max():
        return False
    root = np.sqrt(rows.weight)
    left = rows.y - value
    residual = left * root
    columns = np.stack([*rows.columns.values(), value], axis=1)
    columns = columns[:, columns.min(axis=0) < columns.max(axis=0)]
    free = n - len(fitted_constants(node)) - 1
    basis = _terms(_standard(columns, rows.weight), int(n / _ROWS_PER_TERM))
    if basis is None:
        return False
    q = np.linalg.qr(basis * root[:, None])[0]
    along = q.T @ residual
    total, explained = float(residual @ residual), float(along @ along)
    k = q.shape[1]
    error = (total - explained) / max(free - k, 1)
    if error <= 0:
        return False
    together = stats.f.sf(explained / k / error, k, max(free - k, 1))
    # each alone by its own correlation, not what is left of it beside those before
    single = basis * root[:, None]
    size = np.linalg.norm(single, axis=0)
    largest = float(np.max((single.T @ residual / np.where(size > 0, size, 1.0)) ** 2)) / error
    alone = k * stats.f.sf(largest, 1, max(free - 1, 1))
    return bool(min(together, alone) > _REAL and _is_rough(columns, left))


def _standard(columns: Matrix, weight: Vector) -> Matrix:
    share = weight / weight.sum()
    centred = columns - share @ columns
    return np.asarray(centred / np.sqrt(share @ centred**2))


def _terms(z: Matrix, most: int) -> Matrix | None:
    """Return the terms of the tests, (n_samples, n_terms), as many kinds as there are rows for."""
    first, second = np.triu_indices(z.shape[1])
    kinds = [np.ones((len(z), 1)), z, z**2, z**3, z[:, first] * z[:, second]]
    kinds[2:] = [kinds[4], kinds[3]] if len(first) <= most // 2 else kinds[2:4]
    found = np.concatenate(kinds, axis=1)
    return found if found.shape[1] <= most else None


def _is_rough(columns: Matrix, residual: Vector) -> bool:
    """Tell whether neighbours differ as much as others (von Neumann's ratio); copies count once."""
    both = np.unique(np.column_stack([columns, residual]), axis=0)
    columns, residual = both[:, :-1], both[:, -1]
    limit = stats.norm.isf(_REAL / columns.shape[1]) / np.sqrt(len(residual))
    total = float(residual @ residual)
    for column in columns.T:
        step = np.diff(residual[np.argsort(column, kind="stable")])
        if float(step @ step) / (2 * total) < 1 - limit:
            return False
    return True
