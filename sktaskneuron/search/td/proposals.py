"""Forward and backward neighbours of a fitted structure, each with a predicted criterion.

Predictions are exact for least squares and second-order for likelihoods; the selection refits only the best few.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._linalg import Array, orthonormal_basis, project_out
from .als import AtomFitter
from .criteria import Price
from .family import Family, Working
from .fit import Fit, removal_costs
from .model import Atom, Mask, Structure, Table
from .moments import cp_starts, moment_tensor, monomials

# Entries of the largest moment tensor formed. Wider tables have their columns screened first, per order:
# 547 columns at order 2, 66 at order 3, 23 at order 4, 12 at order 5.
MAX_TENSOR_ENTRIES = 300_000
_SHORTLIST = 12


@dataclass(frozen=True, eq=False)
class Proposal:
    """A neighbour and the criterion it is expected to reach before refitting."""

    predicted: float
    structure: Structure
    kind: str


@dataclass(frozen=True)
class Space:
    """What may enter.

    pure_orders : orders of pure terms; interaction_orders : orders of atoms; max_rank : most atoms of one order;
    allowed : order -> mask (n_features,) of the columns whose power of that order says something new (a column with m
    different values has m - 1 independent powers).
    """

    pure_orders: tuple[int, ...]
    interaction_orders: tuple[int, ...]
    max_rank: int
    allowed: Mapping[int, Mask]

    @property
    def n_orders(self) -> int:
        return max(1, len(self.pure_orders) + len(self.interaction_orders))


def screened_size(order: int) -> int:
    """Number of columns whose order-``order`` products are all looked at."""
    return int(MAX_TENSOR_ENTRIES ** (1.0 / order) + 1e-9)


class ForwardSearch:
    """Additions to a model. Holds what does not change between steps (the norms of all monomials)."""

    def __init__(self, table: Table, family: Family, price: Price, space: Space, seed: int) -> None:
        self._table = table
        self._family = family
        self._price = price
        self._space = space
        self._seed = seed
        self._norm_cache: dict[tuple[int, bytes], Array] = {}

    def __call__(self, fit: Fit) -> list[Proposal]:
        working = self._family.working(fit.eta)
        design = fit.structure.design(self._table)
        fitter = AtomFitter(self._table, working, design)
        gains = self._pure_gains(working, design)
        proposals = self._pure_proposals(fit, working, design, gains)
        ranks = fit.structure.ranks()
        relevance = np.sum([gain.sum(axis=-1) for gain in gains.values()], axis=0)
        for order in self._space.interaction_orders:
            if ranks.get(order, 0) < self._space.max_rank:
                columns = self._screen(order, relevance, working, fit.structure)
                proposals += self._atom_proposals(fit, working, fitter, order, columns)
        proposals += self._wider_factors(fit, working, design)
        return sorted(proposals, key=lambda proposal: proposal.predicted)

    def dense_atom(self, fit: Fit, order: int, n_random: int) -> Atom | None:
        """The best atom of one order on top of ``fit``, from ``n_random`` random starts besides the usual ones."""
        working = self._family.working(fit.eta)
        design = fit.structure.design(self._table)
        relevance = np.sum([g.sum(axis=-1) for g in self._pure_gains(working, design).values()], axis=0)
        columns = self._screen(order, relevance, working, fit.structure)
        fitter = AtomFitter(self._table, working, design)
        best = self._dense_atom(working, fitter, order, columns, None, n_random)
        return None if best is None else best[0]

    def _proposal(self, fit: Fit, structure: Structure, gain: Array, kind: str) -> Proposal:
        drop = float(self._family.predicted_drop(gain))
        return Proposal(fit.deviance - drop + self._price(structure), structure, kind)

    # -- pure terms ---------------------------------------------------------------------------------------------

    def _pure_gains(self, working: Working, design: Array) -> dict[int, Array]:
        """Order -> gain of each single column, (n_features, n_outputs)."""
        orders = self._space.pure_orders or (1,)
        columns = np.concatenate([self._table.powers[k] for k in orders], axis=1)
        gain = np.zeros((columns.shape[1], working.residual.shape[1]))
        for root, outputs in working.outputs():
            basis = orthonormal_basis(design * root)
            weighted = columns * root
            norm = np.einsum("ij,ij->j", weighted, weighted)
            inside = basis.T @ weighted
            left = norm - np.einsum("ij,ij->j", inside, inside)
            usable = left > 1e-9 * np.maximum(norm, 1e-300)
            for q in outputs:
                inner = weighted.T @ (working.residual[:, q] * root[:, 0])
                gain[usable, q] = working.precision[q] * inner[usable] ** 2 / left[usable]
        d = self._table.n_features
        return {k: gain[j * d : (j + 1) * d] for j, k in enumerate(orders)}

    def _pure_proposals(
        self, fit: Fit, working: Working, design: Array, gains: dict[int, Array]
    ) -> list[Proposal]:
        d = self._table.n_features
        out = []
        for order in self._space.pure_orders:
            inside = fit.structure.pure.get(order, np.zeros(d, dtype=bool))
            gain = gains[order].copy()
            allowed = self._space.allowed[order]
            gain[inside | ~allowed] = 0.0
            drops = self._family.predicted_drop(gain)
            best = int(np.argmax(drops))
            if drops[best] <= 0.0:
                continue
            mask = inside.copy()
            mask[best] = True
            out.append(self._proposal(fit, fit.structure.with_pure(order, mask), gain[best], "column"))
            worth = drops > self._price.pure(order, 1)
            for mask, kind in ((inside | worth, "columns"), (allowed, "block")):
                new = np.flatnonzero(mask & ~inside)
                if len(new) < 2 or mask.sum() * 2 > self._table.n_samples:
                    continue
                joint = self._joint_gain(working, design, self._table.powers[order][:, new])
                out.append(self._proposal(fit, fit.structure.with_pure(order, mask), joint, kind))
        return out

    def _joint_gain(self, working: Working, design: Array, columns: Array) -> Array:
        gain = np.zeros(working.residual.shape[1])
        for root, outputs in working.outputs():
            weighted = columns * root
            projected = project_out(orthonormal_basis(design * root), weighted)
            left = np.einsum("ij,ij->j", projected, projected)
            new = left > 1e-9 * np.einsum("ij,ij->j", weighted, weighted)
            basis = orthonormal_basis(projected[:, new])
            for q in outputs:
                inner = basis.T @ (working.residual[:, q] * root[:, 0])
                gain[q] = working.precision[q] * float(inner @ inner)
        return gain

    # -- interactions -------------------------------------------------------------------------------------------

    def _screen(
        self, order: int, relevance: Array, working: Working, structure: Structure
    ) -> NDArray[np.intp]:
        """Columns whose products are looked at: all where they fit, else the most promising ones."""
        d = self._table.n_features
        size = screened_size(order)
        if d <= size:
            return np.arange(d)
        score = relevance / max(float(relevance.max()), 1e-300)
        if order > 2 and d <= screened_size(2):
            pairs = self._scores(np.arange(d), working, 2)
            np.fill_diagonal(pairs, 0.0)
            score = score + pairs.max(axis=0) / max(float(pairs.max()), 1e-300)
        for atom in structure.atoms:
            score[atom.support.any(axis=0)] += 1.0
        for mask in structure.pure.values():
            score[mask] += 1.0
        return np.sort(np.argsort(-score, kind="stable")[:size])

    def _scores(self, columns: NDArray[np.intp], working: Working, order: int) -> Array:
        """Gain of every single product, current columns not projected out of it: (n_columns,) * order."""
        z = self._table.z[:, columns]
        norm = self._norms(columns, z, order)
        score = np.zeros_like(norm)
        for q in range(working.residual.shape[1]):
            weight = working.weight[:, 0 if working.shared else q]
            inner = moment_tensor(z, weight * working.residual[:, q], order)
            score += working.precision[q] * float(weight.mean()) ** -1 * inner**2 / norm
        return score

    def _norms(self, columns: NDArray[np.intp], z: Array, order: int) -> Array:
        key = (order, columns.tobytes())
        if key not in self._norm_cache:
            weight = self._family.weight / self._family.weight.mean()
            mean = moment_tensor(z, weight, order) / weight.sum()
            norm = moment_tensor(z * z, weight, order) - weight.sum() * mean**2
            self._norm_cache = {k: v for k, v in self._norm_cache.items() if k[0] != order}
            self._norm_cache[key] = np.maximum(norm, 1e-9 * np.abs(norm).max() + 1e-300)
        return self._norm_cache[key]

    def _atom_proposals(
        self,
        fit: Fit,
        working: Working,
        fitter: AtomFitter,
        order: int,
        columns: NDArray[np.intp],
    ) -> list[Proposal]:
        if len(columns) < 2:
            return []
        d = self._table.n_features
        index = monomials(len(columns), order)
        score = self._scores(columns, working, order)[tuple(index.T)]
        shortlist = np.argsort(-score, kind="stable")[:_SHORTLIST]
        products = columns[index[shortlist]]
        values = self._table.z[:, products].prod(axis=2).T
        _, gains = fitter.gains(values)
        ranked = np.argsort(-self._family.predicted_drop(gains), kind="stable")
        atoms = fit.structure.atoms
        out = []
        for row in ranked[:2]:
            atom = Atom.monomial(tuple(int(c) for c in products[row]), d)
            structure = fit.structure.with_atoms((*atoms, atom))
            out.append(self._proposal(fit, structure, gains[row], "monomial"))
        lead = index[shortlist[ranked[0]]]
        dense = self._dense_atom(working, fitter, order, columns, lead, 2 if order > 2 else 1)
        if dense is not None:
            atom, gain = dense
            out.append(self._proposal(fit, fit.structure.with_atoms((*atoms, atom)), gain, "atom"))
        return out

    def _wider_factors(self, fit: Fit, working: Working, design: Array) -> list[Proposal]:
        """Columns that a factor left out, or lost to an early pruning: all of them, and the best one."""
        out = []
        structure = fit.structure
        bases = [(root, q, orthonormal_basis(design * root)) for root, q in working.outputs()]
        for j, atom in enumerate(structure.atoms):
            if structure.n_features > screened_size(atom.order):
                continue
            projections = atom.projections(self._table)
            for m in range(atom.order):
                outside = np.flatnonzero(~atom.support[m])
                if not outside.size:
                    continue
                partial = atom.partial(self._table, projections, m, outside)
                gram, right = np.zeros((outside.size, outside.size)), np.zeros(outside.size)
                for root, outputs, basis in bases:
                    weighted = partial * root
                    inside = basis.T @ weighted
                    inner = weighted.T @ weighted - inside.T @ inside
                    scale = working.precision[outputs] * fit.loadings[j, outputs]
                    gram += float(scale @ fit.loadings[j, outputs]) * inner
                    right += weighted.T @ ((working.residual[:, outputs] * root) @ scale)
                single = right**2 / np.maximum(np.diag(gram), 1e-9 * np.trace(gram) + 1e-300)
                joint = float(right @ np.linalg.pinv(gram, rcond=1e-9, hermitian=True) @ right)
                best = outside[[int(np.argmax(single))]]
                for new, gain in ((best, float(single.max())), (outside, joint)):
                    support = atom.support.copy()
                    support[m, new] = True
                    wider = Atom(atom.factors, support)
                    atoms = (*structure.atoms[:j], wider, *structure.atoms[j + 1 :])
                    gains = np.full(working.residual.shape[1], gain / working.residual.shape[1])
                    out.append(self._proposal(fit, structure.with_atoms(atoms), gains, "wider"))
        return out

    def _dense_atom(
        self,
        working: Working,
        fitter: AtomFitter,
        order: int,
        columns: NDArray[np.intp],
        monomial: NDArray[np.intp] | None,
        n_random: int,
    ) -> tuple[Atom, Array] | None:
        n_columns = len(columns)
        if 2 * order * (n_columns - 1) > self._table.n_samples:
            return None
        residual = working.residual * working.weight * np.sqrt(working.precision)
        if residual.shape[1] > 1:
            residual = residual @ np.linalg.svd(residual, full_matrices=False)[2][0]
        starts = cp_starts(moment_tensor(self._table.z[:, columns], residual.ravel(), order), 2)
        if monomial is not None:
            starts.append(np.eye(n_columns)[monomial])
        rng = np.random.default_rng([self._seed, order])
        starts += list(rng.standard_normal((n_random, order, n_columns)))
        return fitter.fit(np.stack(starts), columns)


def backward(table: Table, family: Family, price: Price, fit: Fit) -> list[Proposal]:
    """Removals: batches of single numbers by their Wald cost, whole atoms, whole orders."""
    structure = fit.structure
    linear, entries = removal_costs(table, family, fit)
    current = price(structure)
    out: list[Proposal] = []

    def add(new: Structure, cost: float, kind: str) -> None:
        rise = float(family.predicted_rise(np.asarray(cost)))
        out.append(Proposal(fit.deviance + rise + price(new), new, kind))

    columns = structure.pure_columns()
    pure_cost = linear[1 : 1 + len(columns)]
    atom_cost = linear[1 + len(columns) :]
    for order, mask in structure.pure.items():
        cost = np.array([c for c, (k, _) in zip(pure_cost, columns, strict=True) if k == order])
        features = np.flatnonzero(mask)
        by_cost = np.argsort(cost, kind="stable")
        best: tuple[float, int] | None = None
        for size in range(1, len(features) + 1):
            dropped = float(cost[by_cost[:size]].sum())
            saved = price.pure(order, len(features)) - (
                price.pure(order, len(features) - size) if size < len(features) else 0.0
            )
            net = float(family.predicted_rise(np.asarray(dropped))) - saved
            if best is None or net < best[0]:
                best = (net, size)
        for size in {1, best[1] if best else 1, len(features)}:
            kept = mask.copy()
            kept[features[by_cost[:size]]] = False
            add(structure.with_pure(order, kept), float(cost[by_cost[:size]].sum()), "columns out")
    for j, atom in enumerate(structure.atoms):
        rest = structure.atoms[:j] + structure.atoms[j + 1 :]
        add(structure.with_atoms(rest), float(atom_cost[j]), "atom out")
    for order, rank in structure.ranks().items():
        if rank > 1:
            cost_sum = sum(atom_cost[j] for j, a in enumerate(structure.atoms) if a.order == order)
            add(structure.without_order("interaction", order), float(cost_sum), "order out")
    position = 0
    for j, atom in enumerate(structure.atoms):
        if atom.is_monomial:
            continue
        size = int(atom.support.sum())
        thinner = _thinned(atom, entries[position : position + size], price, family)
        position += size
        for new_atom, cost in thinner:
            atoms = (*structure.atoms[:j], new_atom, *structure.atoms[j + 1 :])
            add(structure.with_atoms(atoms), cost, "entries out")
    limit = fit.deviance + current
    return sorted((p for p in out if p.predicted < limit), key=lambda p: p.predicted)


def _thinned(atom: Atom, cost: Array, price: Price, family: Family) -> list[tuple[Atom, float]]:
    """The atom with its cheapest entries removed: the best batch by predicted net price, and half of it."""
    where = np.argwhere(atom.support)
    support = atom.support.copy()
    removed: list[tuple[int, int]] = []
    total = 0.0
    best: tuple[float, int] = (0.0, 0)
    costs = [0.0]
    for e in np.argsort(cost, kind="stable"):
        m, i = int(where[e][0]), int(where[e][1])
        if support[m].sum() == 1:
            continue
        support[m, i] = False
        total += float(cost[e])
        removed.append((m, i))
        costs.append(total)
        trial = Atom(np.where(support, atom.factors, 0.0), support.copy())
        net = float(family.predicted_rise(np.asarray(total))) + price.atom(trial) - price.atom(atom)
        if net < best[0]:
            best = (net, len(removed))
    out = []
    for size in sorted({best[1], best[1] // 2} - {0}):
        kept = atom.support.copy()
        for m, i in removed[:size]:
            kept[m, i] = False
        columns = [np.flatnonzero(row) for row in kept]
        if all(len(c) == 1 for c in columns) and len({int(c[0]) for c in columns}) == 1:
            continue  # a power of one column is a pure term
        out.append((Atom.from_factors(atom.factors, kept), costs[size]))
    return out
