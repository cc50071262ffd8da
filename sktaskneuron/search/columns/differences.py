"""Columns of one unit that a law holds by their difference alone: two positions, times or angles.

Laws know no origin of a place, a time or a phase. Where the slopes of the target along two columns
cancel, their difference stands for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, combinations_with_replacement

import numpy as np
from numpy.polynomial import legendre

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import FloatArray, Matrix, Vector
from sktaskneuron.search.columns.constants import EXACT
from sktaskneuron.search.columns.dimensions import Groups, power_product
from sktaskneuron.search.columns.units import Unit

# Rows that the polynomial is fitted to, that a term of it needs, and its largest degree.
_MOST_ROWS, _ROWS_PER_TERM, _MOST_DEGREES = 800, 3, 10
# Share of the variance that the polynomial must explain for its slopes to be looked at.
_EXPLAINED = 0.8
# Share of the squared slopes along two columns that may be left along both, in the median of the
# rows: near the ends of its range a polynomial is steep by chance.
_LEFT = 0.03


def find_differences(
    X: Matrix, y: Vector, weight: Vector, way: Groups, units: Sequence[Unit]
) -> list[tuple[int, int]]:
    """Find pairs of columns of one unit whose slopes cancel everywhere.

    The slopes are those of a polynomial of the groups of a law free of units: they are fewer than
    the columns, so that its degree may be higher.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
    weight : ndarray of shape (n_samples,)
    way : Groups
    units : sequence of Unit
        Of the columns.

    Returns
    -------
    pairs : list of (int, int)
        No column is in two of them; the clearest pair comes first.
    """
    pairs = [(i, j) for i, j in combinations(range(X.shape[1]), 2) if units[i] == units[j]]
    if not pairs or not way.groups:
        return []
    rows = np.linspace(0, len(y) - 1, min(len(y), _MOST_ROWS)).astype(int)
    slopes = _slopes(X[rows], y[rows], weight[rows], way)
    if slopes is None:
        return []
    left = {}
    for i, j in pairs:
        total = float(np.median(slopes[:, i] ** 2 + slopes[:, j] ** 2))
        if total > 0:
            left[i, j] = float(np.median((slopes[:, i] + slopes[:, j]) ** 2)) / total
    found: list[tuple[int, int]] = []
    for pair in sorted(left, key=lambda pair: left[pair]):
        if left[pair] < _LEFT and not any(set(pair) & set(other) for other in found):
            found.append(pair)
    return found


def _slopes(X: Matrix, y: Vector, weight: Vector, way: Groups) -> Matrix | None:
    """Return the derivatives of y by the columns, (n_rows, n_features), where they are defined.

    None where a polynomial of the groups does not explain y.
    """
    scale = power_product(X, way.scale)
    groups = np.stack([power_product(X, powers) for powers in way.groups], axis=1)
    positive = groups.min(axis=0) > 0
    log = np.where(positive, np.log(np.where(positive, groups, 1.0)), groups)
    low, high = groups.min(axis=0), groups.max(axis=0)
    if not (np.isfinite(groups).all() and np.isfinite(scale).all() and (low < high).all()):
        return None
    found: list[tuple[float, Vector, Matrix]] = []
    for u, chained in ((groups, groups), (log, np.where(positive, 1.0, groups))):
        low, high = u.min(axis=0), u.max(axis=0)
        half = (high - low) / 2
        length, value, by_group = _fitted((u - low) / half - 1.0, y, scale, weight)
        # of the groups by their logarithms, which move with those of the columns
        found.append((length, value, by_group / half * chained * scale[:, None]))
    _, value, moved = min(found, key=lambda item: item[0])
    total = weight @ (y - weight @ y / weight.sum()) ** 2
    if weight @ (y - value) ** 2 > (1 - _EXPLAINED) * total:
        return None
    slopes = np.zeros_like(X)
    for j, powers in enumerate(way.groups):
        for i, exponent in powers.items():
            slopes[:, i] += exponent * moved[:, j]
    for i, exponent in way.scale.items():
        slopes[:, i] += exponent * value
    with np.errstate(all="ignore"):
        slopes = slopes / X
    slopes = slopes[np.isfinite(slopes).all(axis=1)]  # a column may be zero somewhere
    return slopes if len(slopes) else None


def _fitted(u: Matrix, y: Vector, scale: Vector, weight: Vector) -> tuple[float, Vector, Matrix]:
    """Fit y / scale by polynomials of u; the degree is that of the shortest description.

    Return that, y's values and the derivatives of y / scale by u.
    """
    n, d = u.shape
    root = np.sqrt(weight)
    floor = EXACT * float(weight @ (y - weight @ y / weight.sum()) ** 2)
    tables = _legendre(u, np.eye(_MOST_DEGREES + 1))
    shortest, coef, chosen = np.inf, np.zeros(1), 0
    terms: list[tuple[int, ...]] = [()]
    for degree in range(1, _MOST_DEGREES + 1):
        checkpoint()
        terms += combinations_with_replacement(range(d), degree)
        if _ROWS_PER_TERM * len(terms) > n:
            break
        design = _products(tables, terms) * scale[:, None]
        size = np.maximum(np.linalg.norm(design * root[:, None], axis=0), 1e-300)
        found = np.linalg.lstsq(design / size * root[:, None], y * root, rcond=1e-10)[0] / size
        left = float(weight @ (y - design @ found) ** 2)
        length = n * np.log(max(left, floor)) + len(terms) * np.log(n)
        if length < shortest:
            shortest, coef, chosen = length, found, len(terms)
    terms = terms[: max(chosen, 1)]
    derivatives = np.asarray(legendre.legder(np.eye(_MOST_DEGREES + 1)), dtype=np.float64)
    slopes = _legendre(u, derivatives)
    by_group = np.empty_like(u)
    for j in range(d):
        along = np.where(np.arange(d)[:, None] == j, slopes, tables)
        by_group[:, j] = _products(along, terms) @ coef
    return shortest, scale * (_products(tables, terms) @ coef), by_group


def _legendre(u: Matrix, coef: Matrix) -> FloatArray:
    """Return Legendre series of each column, (n_samples, n_features, n_series)."""
    return np.asarray(np.moveaxis(legendre.legval(u, coef), 0, -1), dtype=np.float64)


def _products(tables: FloatArray, terms: Sequence[tuple[int, ...]]) -> Matrix:
    """Return products of one function of each column, (n_samples, n_terms).

    ``tables`` has the functions of the columns by degree, (n_samples, n_features, n_degrees).
    """
    d = tables.shape[1]
    degrees = np.asarray([[term.count(i) for i in range(d)] for term in terms])
    out = np.ones((len(tables), len(terms)))
    for i in range(d):
        out *= tables[:, i, degrees[:, i]]
    return out
