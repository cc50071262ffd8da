"""Forward-backward selection over pure terms and rank-one CP atoms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sktaskneuron._clock import checkpoint, within
from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.search.frame.backward import backward
from sktaskneuron.search.frame.fit import MAX_STEPS, Fit, fit_structure
from sktaskneuron.search.frame.judges import Judge
from sktaskneuron.search.frame.model import Atom, Structure
from sktaskneuron.search.frame.problem import Problem
from sktaskneuron.search.frame.proposals import N_REFITTED, Proposal

# Most additions: far more than any readable formula has terms.
_MOST_ADDITIONS = 100
# Gauss-Newton steps before a trial is judged: what matters shows early, only winners are fitted to
# the end.
_TRIAL_STEPS = 4
_REMOVAL_STEPS = 6


class Additions(Protocol):
    """Proposes what may be added to the fits of one problem.

    The class itself is handed to a search, which makes one of each problem that it sets up.
    """

    def __init__(self, problem: Problem) -> None: ...

    def __call__(self, fit: Fit, thorough: bool = False) -> list[Proposal]:
        """Return the additions to ``fit``, best first; ``thorough`` spares no cost."""

    def best_atom(self, fit: Fit, order: int, dense: bool) -> Atom | None:
        """Return the best atom of one order on top of ``fit``: a single product, or a dense one."""

    @staticmethod
    def caps(n_columns: int, max_order: int) -> list[str]:
        """Return what is left out, a line each, where interactions of so many columns are many."""


@dataclass(frozen=True, eq=False)
class Selection:
    """Outcome: the chosen fit, its score, and the models met on the way, in order."""

    fit: Fit
    score: float
    visited: tuple[Fit, ...]


def select(
    problem: Problem,
    additions: type[Additions],
    on_step: Callable[[int, Fit, float], None] | None = None,
    start: Structure | None = None,
) -> Selection:
    """Add the best term while it pays, and after each addition take out whatever no longer does.

    Parameters
    ----------
    problem : Problem
    additions : type of Additions
        Who proposes what may enter.
    on_step : callable, optional
        Called before every addition with the step, the fit so far and its score.
    start : Structure, optional
        Where to begin, if it is better than a constant.

    Returns
    -------
    Selection
    """
    moves = _Moves(problem, problem.judge(), additions(problem))
    options = problem.options
    fit = moves.fit(Structure(problem.table.n_features))
    score = moves.judge.score(fit)
    visited = [fit]
    with within(otherwise="steps of the search"):
        if start is not None:
            first = moves.reduced(moves.fit(start))
            if moves.judge.worth_adding(first, fit):
                fit, score = first, moves.judge.score(first)
                visited.append(fit)
        for step in range(_MOST_ADDITIONS if options.max_steps is None else options.max_steps):
            checkpoint()
            if on_step is not None:
                on_step(step, fit, score)
            grown = moves.grown(fit)
            if grown is None:
                break
            reduced = moves.reduced(grown)
            fit, score = reduced, moves.judge.score(reduced)
            visited.append(fit)
        if options.swap:
            swapped = moves.swapped(fit)
            if swapped is not fit:
                fit, score = swapped, moves.judge.score(swapped)
                visited.append(fit)
    return Selection(fit, score, tuple(visited))


@dataclass(frozen=True, eq=False)
class _Moves:
    """Steps from one fit to another that its judge prefers."""

    problem: Problem
    judge: Judge
    additions: Additions

    def fit(self, structure: Structure, near: Fit | None = None, max_steps: int = MAX_STEPS) -> Fit:
        """Fit a structure, from the predictor of a neighbouring fit on."""
        eta = None if near is None else near.eta
        structure = self.problem.with_forced(structure)
        return fit_structure(self.problem.table, self.problem.family, structure, eta, max_steps)

    def grown(self, fit: Fit) -> Fit | None:
        """Return the fit with the best addition, None if none is worth it."""
        for thorough in (False, True):
            best: Fit | None = None
            for proposal in self.additions(fit, thorough)[:N_REFITTED]:
                trial = self.fit(proposal.structure, fit, _TRIAL_STEPS)
                if best is None or self.judge.score(trial) < self.judge.score(best):
                    best = trial
            if best is not None:
                grown = self.fit(best.structure, best)
                if self.judge.worth_adding(grown, fit):
                    return grown
        return None

    def reduced(self, fit: Fit) -> Fit:
        """Take out what does not pay, and write the atoms that are left as few."""
        return self.merged(self.pruned(fit))

    def pruned(self, fit: Fit) -> Fit:
        """Take out one part after another while the judge agrees."""
        problem = self.problem
        while True:
            removals = backward(problem.table, problem.family, problem.price, fit)
            if problem.forced is not None:
                removals = [p for p in removals if self._removes(p.structure, fit.structure)]
            for proposal in removals[:N_REFITTED]:
                trial = self.fit(proposal.structure, fit, _REMOVAL_STEPS)
                if self.judge.simpler_or_better(trial, fit):
                    fit = self.fit(trial.structure, trial)
                    break
            else:
                return fit

    def _removes(self, less: Structure, structure: Structure) -> bool:
        """Tell whether something is gone once the forced columns are back."""
        return self.problem.with_forced(less).n_linear < structure.n_linear or any(
            old is not new for old, new in zip(structure.atoms, less.atoms, strict=False)
        )

    def merged(self, fit: Fit) -> Fit:
        """Merge atoms unless that makes the fit worse."""
        atoms = merge_atoms(fit)
        if len(atoms) == len(fit.structure.atoms):
            return fit
        merged = self.fit(fit.structure.with_atoms(atoms), fit)
        return fit if self.judge.worth_adding(fit, merged) else merged

    def swapped(self, fit: Fit) -> Fit:
        """Try other atoms for one order at a time: single products, and fewer ones fitted afresh.

        Atoms found one after another can be a poor local optimum, and a dense atom can stand for
        two single products: with its diagonal taken out, it reaches further than its rank says.
        """
        for order in sorted(fit.structure.ranks()):
            atoms = [atom for atom in fit.structure.atoms if atom.order == order]
            if all(atom.is_monomial for atom in atoms):
                continue
            without = self.fit(fit.structure.without_order("interaction", order), fit)
            for dense, n_atoms in ((False, self.problem.space.max_rank), (True, len(atoms) - 1)):
                trial = self._with_atoms(without, order, n_atoms, dense)
                if trial is not without:
                    trial = self.reduced(trial)
                    if self.judge.worth_adding(trial, fit):
                        fit = trial
        return fit

    def _with_atoms(self, fit: Fit, order: int, n_atoms: int, dense: bool) -> Fit:
        """Add the best atoms one by one; single products while each is worth it."""
        for _ in range(n_atoms):
            atom = self.additions.best_atom(fit, order, dense)
            if atom is None:
                break
            grown = self.fit(fit.structure.with_atoms((*fit.structure.atoms, atom)), fit)
            if not dense and not self.judge.worth_adding(grown, fit):
                break
            fit = grown
        return fit


def merge_atoms(fit: Fit) -> tuple[Atom, ...]:
    """Return the atoms of the same function, as few as summing factors allows.

    Atoms that differ in one factor only are one atom with the summed factor:
    x0 x1 + x0 x2 = x0 (x1 + x2). Needs loadings that are proportional over the outputs.
    """
    items = [
        (atom.factors, loading)
        for atom, loading in zip(fit.structure.atoms, fit.loadings, strict=True)
    ]
    a = 0
    while a < len(items):
        for b in range(a + 1, len(items)):
            joint = _merge_pair(*items[a], *items[b])
            if joint is not None:
                items[a] = joint
                del items[b]
                break
        else:
            a += 1
    return tuple(Atom.from_factors(factors, factors != 0.0) for factors, _ in items)


def _merge_pair(
    first: Matrix, first_loading: Vector, second: Matrix, second_loading: Vector
) -> tuple[Matrix, Vector] | None:
    if len(first) != len(second) or not np.any(first_loading):
        return None
    cosine = first @ second.T
    free = list(range(len(second)))
    unmatched = []
    sign = 1.0
    for m in range(len(first)):
        partner = next((j for j in free if abs(cosine[m, j]) > 1.0 - 1e-9), None)
        if partner is None:
            unmatched.append(m)
        else:
            sign *= float(np.sign(cosine[m, partner]))
            free.remove(partner)
    if len(unmatched) != 1:
        return None
    ratio = float(first_loading @ second_loading / (first_loading @ first_loading))
    if not np.allclose(second_loading, ratio * first_loading, rtol=1e-6):
        return None
    factors = first.copy()
    factors[unmatched[0]] += ratio * sign * second[free[0]]
    return factors, first_loading
