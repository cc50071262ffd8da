"""Power products that are factors of a target, and columns that occur in products of them only.

What dimensional analysis does with units (`dimensions`) can be read off the rows too: where y is a
power of the scale when some columns are scaled together, it is ``y0 * F(groups)`` with fewer groups
than columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations, product

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.search.columns.builtin.library import invertible
from sktaskneuron.search.columns.builtin.log_polynomial import LogPolynomial, simple_exponent
from sktaskneuron.search.columns.dimensions import Groups, find_groups, power_node
from sktaskneuron.search.columns.rules import running_rules

# Share of the rows on which the target must not be zero.
_DEFINED = 0.95
# Columns above which nothing is looked for.
_MOST_COLUMNS = 20
# Chance below which the non-linear part of a column counts as real; where the polynomial does not
# fit the rest, its residual has far tails and F is larger by chance than it should be.
_REAL, _LARGE_F = 1e-4, 6.0
# Share of the variance that the polynomial must explain for a column without use to go, and for
# columns to be grouped.
_EXPLAINED, _EXPLAINED_FOR_GROUPS = 0.5, 0.9
# F of scalings at most, and how near to a simple number the exponent of the target must be: less so
# where the polynomial fits.
_MOST_F, _NEAR, _NEAR_MISFIT = 25.0, 0.05, 0.01
# Columns that are scaled together at most, by exponents up to this size.
_TOGETHER, _LARGEST = 4, 2
# Share of the variance of slopes that one along a scaling may keep, of two columns and of more, and
# scalings that are tested.
_FLAT_PAIR, _FLAT, _MOST_TESTS = 1.0, 0.2, 24
# Columns up to which all scalings are looked at, and ways of grouping that are searched.
_FEW, _MOST_WAYS = 9, 3


def no_factor(n_columns: int) -> Groups:
    """Return the columns as they are."""
    return Groups({}, tuple({place: 1.0} for place in range(n_columns)))


def _polynomial(X: Matrix, y: Vector, weight: Vector) -> LogPolynomial | None:
    """Fit log|y|; None where it has no logarithm, no column has one, or rows are too few."""
    size = np.abs(y)
    fine = size > 1e-9 * size.max()
    positive = X.min(axis=0) > 0
    if fine.mean() < _DEFINED or not positive.any() or X.shape[1] > _MOST_COLUMNS:
        return None
    polynomial = LogPolynomial(X[fine], positive, y[fine], weight[fine])
    return polynomial if polynomial.has_crossed else None


def find_factors(
    X: Matrix, y: Vector, weight: Vector, names: Sequence[str]
) -> list[tuple[Groups, bool]]:
    """Find what a target may be divided by, and columns it depends on together only.

    log|y| is regressed on a cubic (on wide tables quadratic) polynomial of log x. Columns whose
    non-linear part says nothing by an F test, and whose slope is a simple number, are factors.
    Where the slopes along a direction of the logarithms are one number, columns are grouped.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
    weight : ndarray of shape (n_samples,)
    names : sequence of str

    Returns
    -------
    ways : list of (Groups, bool)
        Groups first, then factors by a strict test, and by a loose one if that finds more. Whether
        it is one more choice of the same kind, which is not worth more than a look.
    """
    polynomial = _polynomial(X, y, weight)
    if polynomial is None:
        return []
    tests = [(int(i), *polynomial.test(int(i))) for i in np.flatnonzero(polynomial.positive)]
    found: list[dict[int, float]] = []
    for loose in (False, True):
        linear = [i for i, f, p in tests if p > _REAL or (loose and f < _LARGE_F)]
        exponents = polynomial.exponents(linear) if linear else {}
        if polynomial.explained < _EXPLAINED:
            exponents = {i: e for i, e in exponents.items() if e != 0}
        if exponents and exponents not in found:
            found.append(exponents)
    grouped = list[Groups]()
    if polynomial.explained > _EXPLAINED_FOR_GROUPS:
        grouped = _grouped(X, names, polynomial, found[-1] if found else {})
    ways = [(way, place > 0) for place, way in enumerate(grouped)]
    ways += [(_without(exponents, X.shape[1]), bool(grouped)) for exponents in found]
    return [(way, in_short) for way, in_short in ways if _is_admitted(way, names)]


def _is_admitted(way: Groups, names: Sequence[str]) -> bool:
    rules = running_rules()
    return all(rules.admit_part(power_node(names, powers)) for powers in (way.scale, *way.groups))


def _without(exponents: dict[int, float], n_columns: int) -> Groups:
    """Divide by a product of powers; its columns go, those of exponent zero too."""
    scale = {place: e for place, e in exponents.items() if e != 0}
    return Groups(scale, tuple({i: 1.0} for i in range(n_columns) if i not in exponents))


def _grouped(
    X: Matrix, names: Sequence[str], polynomial: LogPolynomial, factors: dict[int, float]
) -> list[Groups]:
    """Return ways to group the columns that a target depends on; none where there is no way."""
    d = X.shape[1]
    vectors = [np.eye(d)[i] for i in factors]
    exponents = [float(e) for e in factors.values()]
    usable = [
        i for i in range(d) if polynomial.positive[i] and i not in factors and invertible(X[:, i])
    ]
    for vector in _flat(polynomial, usable):
        both = np.stack([*vectors, vector])
        if np.linalg.matrix_rank(both) < len(both) or len(both) == d:
            continue
        statistic, chance, found = polynomial.test_scalings(both)
        own = simple_exponent(float(found[-1]), np.inf)
        if own is None:
            continue
        off = abs(own - float(found[-1]))
        if off < (_NEAR if chance > _REAL else _NEAR_MISFIT) and statistic < _MOST_F:
            vectors.append(vector)
            exponents.append(float(own))
    if len(vectors) == len(factors):
        return []
    # each scaling is a unit of its own
    units = [
        {str(k): Fraction(v[i]).limit_denominator(12) for k, v in enumerate(vectors) if v[i]}
        for i in range(d)
    ]
    target = {str(k): Fraction(e).limit_denominator(12) for k, e in enumerate(exponents) if e}
    ways = find_groups(X, names, units, target)
    distinct = {frozenset(frozenset(p.items()) for p in way.groups): way for way in ways[::-1]}
    return [way for way in ways if way in distinct.values()][:_MOST_WAYS]


def _flat(polynomial: LogPolynomial, usable: Sequence[int]) -> Iterator[Vector]:
    """Yield directions along which the slope hardly varies, those of fewest columns first."""
    slopes = polynomial.slopes()
    weight = polynomial.root**2 / (polynomial.root @ polynomial.root)
    centred = slopes - weight @ slopes
    spread = (centred * weight[:, None]).T @ centred
    found: list[tuple[int, float, Vector]] = []
    columns = list(usable)[:_FEW]
    for size in range(2, min(_TOGETHER, len(columns)) + 1):
        powers = [e for e in range(-_LARGEST, _LARGEST + 1) if e]
        kinds = np.array(
            [
                e
                for e in product(powers, repeat=size)
                if e[0] > 0 and any(abs(part) == 1 for part in e)
            ],
            dtype=float,
        )
        for chosen in combinations(columns, size):
            part = spread[np.ix_(chosen, chosen)]
            along = np.einsum("vi,ij,vj->v", kinds, part, kinds)
            rough = along / np.maximum(kinds**2 @ np.diag(part), 1e-300)
            for place in np.flatnonzero(rough < (_FLAT_PAIR if size == 2 else _FLAT)):
                vector = np.zeros(len(polynomial.positive))
                vector[list(chosen)] = kinds[place]
                found.append((size, float(rough[place]), vector))
    found.sort(key=lambda item: (item[0], item[1]))
    yield from (vector for _, _, vector in found[:_MOST_TESTS])
