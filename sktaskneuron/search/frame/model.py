"""A point of the search: the pure terms and rank-one atoms that are in, on scaled columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from sktaskneuron._typing import ColumnNumbers, Mask, Matrix, RowNumbers, Vector
from sktaskneuron.search.frame.terms import POWERS, TermLibrary


@dataclass(frozen=True, eq=False)
class Table:
    """Standardised columns, their powers and other functions of them.

    Parameters
    ----------
    powers : mapping of int to ndarray of shape (n_samples, n_features)
        Per order the columns to that power; ``powers[1]`` is the table itself.
    functions : mapping of int to ndarray of shape (n_samples, n_features)
        Values of the library's functions by their keys.
    """

    powers: Mapping[int, Matrix]
    functions: Mapping[int, Matrix] = field(default_factory=dict)

    @classmethod
    def from_array(cls, z: Matrix, max_order: int, library: TermLibrary = POWERS) -> Table:
        """Return the table of ``z`` (n_samples, n_features).

        It holds the powers up to ``max_order`` and the functions of ``library``.
        """
        powers = {1: z}
        for order in range(2, max_order + 1):
            powers[order] = powers[order - 1] * z
        return cls(powers, library.values(z))

    def pure(self, key: int) -> Matrix:
        """Return the values of one pure term, (n_samples, n_features)."""
        return self.functions[key] if key in self.functions else self.powers[key]

    @property
    def z(self) -> Matrix:
        """The columns themselves, (n_samples, n_features)."""
        return self.powers[1]

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return self.z.shape[0]

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return self.z.shape[1]

    def subset(self, rows: RowNumbers) -> Table:
        """Return the same columns of some of the rows."""
        powers = {order: power[rows] for order, power in self.powers.items()}
        return Table(powers, {key: values[rows] for key, values in self.functions.items()})


@dataclass(frozen=True, eq=False)
class Atom:
    """One rank-one product, disjoint from the pure terms.

    A(z) = prod_m <u_m, z> - sum_i (prod_m u_m,i) z_i^k.

    Parameters
    ----------
    factors : ndarray of shape (order, n_features)
        Rows u_m of unit norm, zero outside ``support``.
    support : ndarray of bool of shape (order, n_features)
        Entries that may differ from zero.
    """

    factors: Matrix
    support: Mask

    @classmethod
    def monomial(cls, columns: tuple[int, ...], n_features: int) -> Atom:
        """Return the product of ``columns``, each named once per power."""
        support = np.zeros((len(columns), n_features), dtype=bool)
        support[np.arange(len(columns)), columns] = True
        return cls(support.astype(float), support)

    @classmethod
    def from_factors(cls, factors: Matrix, support: Mask | None = None) -> Atom:
        """Return the atom of ``factors`` (order, n_features), cut to ``support`` and scaled to one.

        Without a support every entry may differ from zero.
        """
        support = np.ones(factors.shape, dtype=bool) if support is None else support
        factors = np.where(support, factors, 0.0)
        norm = np.linalg.norm(factors, axis=1, keepdims=True)
        return cls(factors / np.where(norm > 0, norm, 1.0), support)

    @property
    def order(self) -> int:
        """Number of factors."""
        return len(self.factors)

    @property
    def is_monomial(self) -> bool:
        """Whether every factor has one column only, so that nothing but the loading is free."""
        return bool((self.support.sum(axis=1) == 1).all())

    def projections(self, table: Table) -> Matrix:
        """Return the inner products <u_m, z>, shape (order, n_samples)."""
        used = np.flatnonzero(self.support.any(axis=0))
        return np.asarray(self.factors[:, used] @ table.z[:, used].T)

    def values(self, table: Table) -> Vector:
        """Return A(z) of every row, shape (n_samples,)."""
        out = self.projections(table).prod(axis=0)
        diagonal = self.factors.prod(axis=0)
        hit = np.flatnonzero(diagonal)
        if hit.size:
            out = out - table.powers[self.order][:, hit] @ diagonal[hit]
        return np.asarray(out)

    def derivatives(self, table: Table) -> list[Matrix]:
        """Return per factor m the columns dA/du_m on its support: (n_samples, support size)."""
        projections = self.projections(table)
        return [
            self.partial(table, projections, m, np.flatnonzero(self.support[m]))
            for m in range(self.order)
        ]

    def partial(self, table: Table, projections: Matrix, m: int, columns: ColumnNumbers) -> Matrix:
        """Return dA/du_m for the entries ``columns`` of factor m, (n_samples, n_columns).

        ``projections`` are those of this atom; the caller has them for several factors.
        """
        others = np.arange(self.order) != m
        rest = projections[others].prod(axis=0)
        out = table.z[:, columns] * rest[:, None]
        diagonal = self.factors[others][:, columns].prod(axis=0)
        hit = np.flatnonzero(diagonal)
        if hit.size:
            out[:, hit] -= table.powers[self.order][:, columns[hit]] * diagonal[hit]
        return np.asarray(out)


@dataclass(frozen=True, eq=False)
class Structure:
    """Pure supports and atoms; linear weights are found by the fit.

    Parameters
    ----------
    n_features : int
    pure : mapping of int to ndarray of bool of shape (n_features,)
        Per order (or key of another function) its columns, at least one.
    atoms : tuple of Atom
    """

    n_features: int
    pure: Mapping[int, Mask] = field(default_factory=dict)
    atoms: tuple[Atom, ...] = ()

    def design(self, table: Table) -> Matrix:
        """Return the columns [1 | pure terms by order | atoms], shape (n_samples, n_columns)."""
        parts = [np.ones((table.n_samples, 1))]
        parts += [table.pure(order)[:, self.pure[order]] for order in sorted(self.pure)]
        parts += [atom.values(table)[:, None] for atom in self.atoms]
        return np.concatenate(parts, axis=1)

    def pure_columns(self) -> list[tuple[int, int]]:
        """Return (order, feature) of the pure columns, in the order of ``design``."""
        return [(k, int(i)) for k in sorted(self.pure) for i in np.flatnonzero(self.pure[k])]

    @property
    def n_linear(self) -> int:
        """Number of columns of the design."""
        return 1 + sum(int(mask.sum()) for mask in self.pure.values()) + len(self.atoms)

    @property
    def orders(self) -> tuple[frozenset[int], frozenset[int]]:
        """The pure orders and the interaction orders that are in."""
        return frozenset(self.pure), frozenset(atom.order for atom in self.atoms)

    def ranks(self) -> dict[int, int]:
        """Return the number of atoms of each interaction order."""
        counts: dict[int, int] = {}
        for atom in self.atoms:
            counts[atom.order] = counts.get(atom.order, 0) + 1
        return counts

    def with_pure(self, order: int, mask: Mask) -> Structure:
        """Return the structure with the columns ``mask`` (n_features,) in one pure order."""
        pure = {k: v for k, v in self.pure.items() if k != order}
        if mask.any():
            pure[order] = mask
        return Structure(self.n_features, pure, self.atoms)

    def with_atoms(self, atoms: tuple[Atom, ...]) -> Structure:
        """Return the structure with these atoms in place of its own."""
        return Structure(self.n_features, self.pure, atoms)

    def with_atom(self, place: int, atom: Atom) -> Structure:
        """Return the structure with another atom in one place."""
        return self.with_atoms((*self.atoms[:place], atom, *self.atoms[place + 1 :]))

    def without_order(self, stream: str, order: int) -> Structure:
        """Return the structure without one order of ``stream``, ``"pure"`` or ``"interaction"``."""
        if stream == "pure":
            return self.with_pure(order, np.zeros(self.n_features, dtype=bool))
        return self.with_atoms(tuple(a for a in self.atoms if a.order != order))


def log_binomial(n: int, k: int) -> float:
    """Return log(n choose k)."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
