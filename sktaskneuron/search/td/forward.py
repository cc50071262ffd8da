"""Additions to a fitted structure, each with the criterion it should reach.

Predictions are exact for least squares and second-order for likelihoods; the selection refits only
the best few.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import ColumnNumbers, Matrix, Vector
from sktaskneuron.search.frame.family import Family, Working
from sktaskneuron.search.frame.fit import Fit
from sktaskneuron.search.frame.linalg import orthonormal_basis, project_out
from sktaskneuron.search.frame.model import Atom, Structure, Table
from sktaskneuron.search.frame.problem import Problem
from sktaskneuron.search.frame.proposals import N_REFITTED, Proposal
from sktaskneuron.search.td.als import AtomFitter
from sktaskneuron.search.td.moments import cp_starts, moment_tensor, monomials
from sktaskneuron.search.td.screening import (
    DENSE_COLUMNS,
    MonomialScreen,
    leading_directions,
    screened_size,
    screening_caps,
)

# Products of the best scores whose gain is then computed exactly.
_SHORTLIST = 12
# Random starts of an atom that is fitted afresh.
_MANY_STARTS = 8
# As in `als`: the share of a column's square that must be left beside the model.
_COLLINEAR = 1e-9


class ForwardSearch:
    """Proposes single columns, whole blocks, monomials, dense atoms and wider factors.

    Parameters
    ----------
    problem : Problem
        Its seed is that of the random starts of dense atoms.
    """

    def __init__(self, problem: Problem) -> None:
        self._table = problem.table
        self._family = problem.family
        self._price = problem.price
        self._space = problem.space
        self._seed = problem.seed
        self._screen = MonomialScreen(problem.table, problem.family)
        self._dense_drops: dict[int, float] = {}

    def __call__(self, fit: Fit, thorough: bool = False) -> list[Proposal]:
        """Return the additions to ``fit``, best first.

        Dense atoms cost most, and their gain rarely grows while the model does. So unless
        ``thorough``, an order's atom is fitted only if its gain of an earlier step would still
        make it one of the best (lazy greedy selection).
        """
        step = _Step(self._table, self._family, fit)
        gains = self._pure_gains(step)
        proposals = self._pure_proposals(step, gains)
        proposals += self._wider_factors(step)
        relevance = np.sum([gain.sum(axis=-1) for gain in gains.values()], axis=0)
        starts: dict[int, tuple[ColumnNumbers, ColumnNumbers | None]] = {}
        for order in self._open_orders(fit):
            checkpoint()
            columns = self._screen.columns(order, relevance, step.working, fit.structure)
            products, starts[order] = self._monomial_proposals(step, order, columns)
            proposals += products
        best = sorted(proposal.predicted for proposal in proposals)
        rival = best[min(N_REFITTED, len(best)) - 1] if best else np.inf
        for order, (columns, lead) in starts.items():
            if thorough or self._expected(step, order, columns) <= rival:
                proposals += self._dense_proposal(step, order, columns, lead)
        proposals = [p for p in proposals if self._is_small(p.structure)]
        return sorted(proposals, key=lambda proposal: proposal.predicted)

    @staticmethod
    def caps(n_columns: int, max_order: int) -> list[str]:
        """Return among how many columns interactions are looked for, where not among all."""
        return screening_caps(n_columns, max_order)

    def best_atom(self, fit: Fit, order: int, dense: bool) -> Atom | None:
        """Return the best atom of one order on top of ``fit``.

        It is a single product, or fitted from many random starts if ``dense``.
        """
        step = _Step(self._table, self._family, fit)
        gains = self._pure_gains(step).values()
        relevance = np.sum([gain.sum(axis=-1) for gain in gains], axis=0)
        columns = self._screen.columns(order, relevance, step.working, fit.structure)
        products, (columns, lead) = self._monomial_proposals(step, order, columns)
        atom = products[0].structure.atoms[-1] if products else None
        if dense:
            atom = self._fit_dense(step, order, columns, lead, _MANY_STARTS)
        if atom is None:
            return None
        larger = fit.structure.with_atoms((*fit.structure.atoms, atom))
        return atom if self._is_small(larger) else None

    def _is_small(self, structure: Structure) -> bool:
        """Whether rows are many enough: with as many numbers as rows everything fits."""
        return 2 * self._price.free_numbers(structure) < self._family.n_effective

    def _open_orders(self, fit: Fit) -> list[int]:
        ranks = fit.structure.ranks()
        if self._table.n_features < 2:
            return []
        return [k for k in self._space.interaction_orders if ranks.get(k, 0) < self._space.max_rank]

    def _proposal(self, fit: Fit, structure: Structure, gain: Vector, kind: str) -> Proposal:
        drop = float(self._family.predicted_drop(gain))
        return Proposal(fit.deviance - drop + self._price(structure), structure, kind)

    # -- pure terms -------------------------------------------------------------------------------

    def _pure_gains(self, step: _Step) -> dict[int, Matrix]:
        """Return, per order, the gain of each single column: (n_features, n_outputs)."""
        orders = self._space.pure_orders or (1,)
        columns = np.concatenate([self._table.pure(k) for k in orders], axis=1)
        _, gain = step.fitter.gains(columns.T)
        d = self._table.n_features
        return {k: gain[j * d : (j + 1) * d] for j, k in enumerate(orders)}

    def _pure_proposals(self, step: _Step, gains: dict[int, Matrix]) -> list[Proposal]:
        fit, d = step.fit, self._table.n_features
        out = []
        for order in self._space.pure_orders:
            inside = fit.structure.pure.get(order, np.zeros(d, dtype=bool))
            allowed = self._space.allowed[order]
            gain = gains[order].copy()
            gain[inside | ~allowed] = 0.0
            drops = self._family.predicted_drop(gain)
            best = int(np.argmax(drops))
            if drops[best] <= 0.0:
                continue
            single = inside.copy()
            single[best] = True
            structure = fit.structure.with_pure(order, single)
            out.append(self._proposal(fit, structure, gain[best], "column"))
            worth = drops > self._price.pure(order, 1)
            for mask, kind in ((inside | worth, "columns"), (allowed, "block")):
                new = np.flatnonzero(mask & ~inside)
                if len(new) < 2 or mask.sum() * 2 > self._family.n_effective:
                    continue
                joint = step.joint_gain(self._table.pure(order)[:, new])
                out.append(self._proposal(fit, fit.structure.with_pure(order, mask), joint, kind))
        return out

    # -- interactions -----------------------------------------------------------------------------

    def _monomial_proposals(
        self, step: _Step, order: int, columns: ColumnNumbers
    ) -> tuple[list[Proposal], tuple[ColumnNumbers, ColumnNumbers | None]]:
        """Propose the best products; tell where a dense atom starts.

        That is its columns, and the places of the best product's columns in them.
        """
        index = monomials(len(columns), order)
        index = index[self._space.admits(columns[index])]
        if not len(index):
            return [], (columns, None)
        score = self._screen.scores(columns, step.working, order)[tuple(index.T)]
        shortlist = np.argsort(-score, kind="stable")[:_SHORTLIST]
        products = columns[index[shortlist]]
        _, gains = step.fitter.gains(self._table.z[:, products].prod(axis=2).T)
        ranked = np.argsort(-self._family.predicted_drop(gains), kind="stable")
        atoms = step.fit.structure.atoms
        out = []
        for row in ranked[:2]:
            atom = Atom.monomial(tuple(int(c) for c in products[row]), self._table.n_features)
            structure = step.fit.structure.with_atoms((*atoms, atom))
            out.append(self._proposal(step.fit, structure, gains[row], "monomial"))
        if len(columns) <= DENSE_COLUMNS:
            return out, (columns, index[shortlist[ranked[0]]])
        best = np.zeros(len(columns))
        for place in index.T:
            np.maximum.at(best, place, score)
        strongest = np.argsort(-best, kind="stable")[:DENSE_COLUMNS]
        return out, (columns[np.sort(strongest)], None)

    def _expected(self, step: _Step, order: int, columns: ColumnNumbers) -> float:
        """Return the criterion of a dense atom if it gained what it did when last fitted."""
        support = np.zeros((order, self._table.n_features), dtype=bool)
        support[:, columns] = True
        atom = Atom(support.astype(float), support)
        structure = step.fit.structure.with_atoms((*step.fit.structure.atoms, atom))
        drop = self._dense_drops.get(order, np.inf)
        return step.fit.deviance - drop + self._price(structure)

    def _dense_proposal(
        self,
        step: _Step,
        order: int,
        columns: ColumnNumbers,
        lead: ColumnNumbers | None,
    ) -> list[Proposal]:
        atom = self._fit_dense(step, order, columns, lead, 2 if order > 2 else 1)
        if atom is None:
            return []
        _, gain = step.fitter.gains(atom.values(self._table))
        self._dense_drops[order] = float(self._family.predicted_drop(gain))
        structure = step.fit.structure.with_atoms((*step.fit.structure.atoms, atom))
        return [self._proposal(step.fit, structure, gain, "atom")]

    def _fit_dense(
        self,
        step: _Step,
        order: int,
        columns: ColumnNumbers,
        lead: ColumnNumbers | None,
        n_random: int,
    ) -> Atom | None:
        if order > 2 and lead is not None and not self._space.repeatable(order)[columns].all():
            lead = None
        kept = columns[self._space.repeatable(order)[columns]]
        if lead is not None:
            lead = np.searchsorted(kept, columns[lead])
        columns, n_columns = kept, len(kept)
        if n_columns < 2 or 2 * order * (n_columns - 1) > self._family.n_effective:
            return None
        direction = leading_directions(step.working)[:, 0]
        starts = cp_starts(moment_tensor(self._table.z[:, columns], direction, order), 2)
        if lead is not None:
            starts.append(np.eye(n_columns)[lead])
        rng = np.random.default_rng([self._seed, order])
        starts += list(rng.standard_normal((n_random, order, n_columns)))
        return step.shared_fitter.fit(np.stack(starts), columns)

    def _wider_factors(self, step: _Step) -> list[Proposal]:
        """Propose columns that a factor left out or lost early: all of them, and the best one."""
        out = []
        structure = step.fit.structure
        for j, atom in enumerate(structure.atoms):
            if structure.n_features > screened_size(atom.order):
                continue
            projections = atom.projections(self._table)
            for m in range(atom.order):
                elsewhere = np.delete(atom.support, m, axis=0).any(axis=0)
                free = ~elsewhere | self._space.repeatable(atom.order)
                free &= self._space.supported
                outside = np.flatnonzero(~atom.support[m] & free)
                if not outside.size:
                    continue
                partial = atom.partial(self._table, projections, m, outside)
                single, joint = step.factor_gains(partial, step.fit.loadings[j])
                best = int(np.argmax(single))
                for new, gain in ((outside[[best]], single[best]), (outside, joint)):
                    support = atom.support.copy()
                    support[m, new] = True
                    wider = structure.with_atom(j, Atom(atom.factors, support))
                    n_outputs = step.working.residual.shape[1]
                    gains = np.full(n_outputs, float(gain) / n_outputs)
                    out.append(self._proposal(step.fit, wider, gains, "wider"))
        return out


class _Step:
    """One fitted structure and what its neighbours are measured with."""

    def __init__(self, table: Table, family: Family, fit: Fit) -> None:
        self.fit = fit
        self.working: Working = family.working(fit.eta)
        self._design = fit.structure.design(table)
        self._table = table
        self.fitter = AtomFitter(table, self.working, self._design)

    @cached_property
    def shared_fitter(self) -> AtomFitter:
        """Fitter with one set of weights for all outputs: one Gram matrix instead of many."""
        if self.working.shared:
            return self.fitter
        return AtomFitter(self._table, self.working.with_shared_weight(), self._design)

    def joint_gain(self, columns: Matrix) -> Vector:
        """Return the gain of adding all ``columns`` (n_samples, n_new), shape (n_outputs,)."""
        gain = np.zeros(self.working.residual.shape[1])
        for group in self.fitter.groups:
            checkpoint()
            weighted = columns * group.root
            projected = project_out(group.basis, weighted)
            left = np.einsum("ij,ij->j", projected, projected)
            new = left > _COLLINEAR * np.einsum("ij,ij->j", weighted, weighted)
            inner = orthonormal_basis(projected[:, new]).T @ group.residual
            gain[group.outputs] = self.working.precision[group.outputs] * (inner**2).sum(axis=0)
        return gain

    def factor_gains(self, partial: Matrix, loading: Vector) -> tuple[Vector, float]:
        """Return the gains of freeing entries of one factor: each alone, and all together.

        partial : (n_samples, n_new) derivatives by the entries; loading : (n_outputs,) of the atom.
        """
        size = partial.shape[1]
        gram, right = np.zeros((size, size)), np.zeros(size)
        for group in self.fitter.groups:
            checkpoint()
            weighted = partial * group.root
            inside = group.basis.T @ weighted
            scale = self.working.precision[group.outputs] * loading[group.outputs]
            gram += float(scale @ loading[group.outputs]) * (
                weighted.T @ weighted - inside.T @ inside
            )
            right += weighted.T @ (group.residual @ scale)
        single = right**2 / np.maximum(np.diag(gram), _COLLINEAR * np.trace(gram) + 1e-300)
        joint = right @ np.linalg.pinv(gram, rcond=_COLLINEAR, hermitian=True) @ right
        return single, float(joint)
