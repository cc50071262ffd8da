"""Dimensional analysis: equations as ``y = y0 * F(groups)``, the groups free of units.

A set of columns whose units span all others repeats in the groups: every other column is divided by
the product of their powers that has its unit (Buckingham, Physical Review 4, 1914).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.formula.text.canonical import make_power, make_product
from sktaskneuron.formula.text.nodes import Node, Variable
from sktaskneuron.search.columns.units import Unit

#: A column smaller than this share of its size somewhere has no inverse powers.
NEAR_ZERO = 1e-6
# Sets of repeating columns that are searched, those with the smallest exponents.
_MOST_SETS = 4
# Denominator that exponents may have, their largest size, and how near they must come.
_PARTS, _LARGEST, _NEAR = 6, 6, 1e-9


@dataclass(frozen=True, eq=False)
class Groups:
    """One way to write a law free of units.

    Parameters
    ----------
    scale : dict of int to float
        Exponents of y0, by column.
    groups : tuple of dict of int to float
        Exponents of each group.
    """

    scale: Mapping[int, float]
    groups: tuple[Mapping[int, float], ...]

    @property
    def size(self) -> float:
        """Sum of the sizes of all exponents: the smaller, the simpler."""
        return sum(abs(e) for powers in (self.scale, *self.groups) for e in powers.values())


def invertible(column: Vector) -> bool:
    """Whether a column stays away from zero."""
    size = np.abs(column)
    return bool(size.min() > NEAR_ZERO * size.max())


def power_product(X: Matrix, powers: Mapping[int, float]) -> Vector:
    """Return a product of powers of columns, (n_samples,)."""
    with np.errstate(all="ignore"):
        return np.asarray(
            np.prod([X[:, i] ** e for i, e in powers.items()] or [np.ones(len(X))], 0)
        )


def power_node(names: Sequence[str], powers: Mapping[int, float]) -> Node:
    """Return a product of powers of columns as a tree."""
    return make_product([make_power(Variable(names[i]), e) for i, e in powers.items()])


def find_groups(
    X: Matrix, names: Sequence[str], units: Sequence[Unit], target: Unit
) -> list[Groups]:
    """Return ways to write a law of columns with units free of them, the simplest first.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    names : sequence of str
    units : sequence of Unit
        Of the columns.
    target : Unit

    Returns
    -------
    list of Groups
        Columns whose unit no others cancel are in none of the groups.

    Raises
    ------
    ValueError
        If no product of the columns has the target's unit; it names the base unit.
    """
    for base in target:
        if not any(base in unit for unit in units):
            raise ValueError(
                f"target_unit has {base}, which no column has: no equation of "
                f"{', '.join(map(repr, names))} gives it"
            )
    found = ways_of(X, units, target)
    if not found:
        raise ValueError(
            f"no product of powers of {', '.join(map(repr, names))} has the unit of the target: "
            "one of units and target_unit is wrong, or a constant with a unit lacks its column"
        )
    return found


def ways_of(X: Matrix, units: Sequence[Unit], target: Unit) -> list[Groups]:
    """Return what `find_groups` does, nothing where there is no way."""
    bases = sorted({base for unit in (*units, target) for base in unit})
    table = np.array([[float(unit.get(base, 0)) for unit in units] for base in bases])
    table = table.reshape(len(bases), len(units))
    right = np.array([float(target.get(base, 0)) for base in bases])
    rank = int(np.linalg.matrix_rank(table)) if table.size else 0
    found = sorted(_all_groups(X, table, right, rank), key=lambda groups: groups.size)
    return found[:_MOST_SETS]


def _all_groups(X: Matrix, table: Matrix, right: Vector, rank: int) -> Iterator[Groups]:
    """Yield the groups of every set of repeating columns."""
    plain = [j for j in range(table.shape[1]) if not table[:, j].any()]
    with_unit = [j for j in range(table.shape[1]) if table[:, j].any()]
    for repeating in combinations(with_unit, rank):
        part = table[:, list(repeating)]
        if rank and np.linalg.matrix_rank(part) < rank:
            continue
        scale = _exponents(part, right, repeating, X)
        if scale is None:
            continue
        others = [j for j in with_unit if j not in repeating]
        powers = [_exponents(part, table[:, j], repeating, X) for j in others]
        if any(inside is None for inside in powers):
            continue
        groups = [
            {j: 1.0} | {i: -e for i, e in inside.items()}
            for j, inside in zip(others, powers, strict=True)
            if inside is not None
        ]
        groups = [g for g in groups if all(_is_defined(X[:, i], e) for i, e in g.items())]
        yield Groups(scale, (*({j: 1.0} for j in plain), *groups))


def _exponents(
    part: Matrix, unit: Vector, columns: Sequence[int], X: Matrix
) -> dict[int, float] | None:
    """Return the powers of columns whose product has a unit; None where they are not simple."""
    exact = np.linalg.lstsq(part, unit, rcond=None)[0] if len(columns) else np.zeros(0)
    near = np.round(exact * _PARTS) / _PARTS
    if not np.allclose(part @ near, unit, atol=_NEAR) or (np.abs(near) > _LARGEST).any():
        return None
    powers = {i: float(e) for i, e in zip(columns, near, strict=True) if e != 0}
    return powers if all(_is_defined(X[:, i], e) for i, e in powers.items()) else None


def _is_defined(column: Vector, exponent: float) -> bool:
    if not float(exponent).is_integer() and column.min() <= 0:
        return False
    return exponent > 0 or invertible(column)


def unused_columns(groups: Sequence[Groups], n_columns: int) -> list[int]:
    """Return the columns that occur in no way of writing a law."""
    used = {i for way in groups for powers in (way.scale, *way.groups) for i in powers}
    return [i for i in range(n_columns) if i not in used]
