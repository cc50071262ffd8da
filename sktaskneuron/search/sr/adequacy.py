"""Whether functions of single columns are still to be found beside a set of terms.

An F test of the set against the same with piecewise linear functions of every column beside it: if
those explain no more than chance, no other function will.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.search.sr.blocks import Blocks, Quadratic
from sktaskneuron.search.sr.library import Term

# Knots per column, rows per number of the larger model, and standard deviations of F above one.
_KNOTS, _FEWEST_KNOTS, _ROWS_PER_NUMBER = 16, 3, 3
_DEVIATIONS = 2.5


def leaves_functions(z: Matrix, problem: Quadratic, terms: Sequence[Term]) -> bool:
    """Return whether more functions of single columns than ``terms`` are needed.

    Parameters
    ----------
    z : ndarray of shape (n_samples, n_columns)
        Scaled columns.
    problem : Quadratic
    terms : sequence of Term

    Returns
    -------
    bool
        True too where the rows are too few to tell.
    """
    n, d = z.shape
    n_own = 1 + len(terms) * d
    knots = min(_KNOTS, (n // _ROWS_PER_NUMBER - n_own) // d)
    if knots < _FEWEST_KNOTS:
        return True
    space = Blocks(z, problem, ())
    own = [space.normal(term.values(z)) for term in terms]
    # inner knots only: beyond the outermost ones few rows would each have a function of their own
    shares = np.linspace(0.0, 1.0, knots + 2)[1:-1]
    bends = [np.maximum(z - np.quantile(z, share, axis=0), 0.0) for share in shares]
    small, rank_small = _left(np.concatenate([np.zeros((n, 0)), *own], axis=1), space.target)
    large, rank_large = _left(
        np.concatenate([*own, space.normal(z), *map(space.normal, bends)], axis=1), space.target
    )
    more, rest = rank_large - rank_small, n - 1 - rank_large
    if more < 1 or rest < 1:
        return True
    ratio = ((small - large) / more) / np.maximum(large / rest, 1e-300)
    spread = np.sqrt(2.0 / more + 2.0 / rest)
    exact = small <= 1e-12 * np.maximum(space.rss0, 1e-300)
    return bool(((ratio > 1.0 + _DEVIATIONS * spread) & ~exact).any())


def _left(columns: Matrix, target: Matrix) -> tuple[Vector, int]:
    """Return the squares that the columns leave, (n_outputs,), and how many count."""
    if not columns.shape[1]:
        return np.einsum("nq,nq->q", target, target), 0
    values, vectors = np.linalg.eigh(columns.T @ columns)
    kept = values > 1e-10 * values[-1]
    inner = (vectors[:, kept].T @ (columns.T @ target)) / np.sqrt(values[kept])[:, None]
    left = np.einsum("nq,nq->q", target, target) - (inner**2).sum(axis=0)
    return np.maximum(left, 0.0), int(kept.sum())
