"""Forward-backward selection over pure terms and rank-one CP atoms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from sktaskneuron.search.frame.backward import backward
from sktaskneuron.search.frame.criteria import Price
from sktaskneuron.search.frame.family import Family
from sktaskneuron.search.frame.fit import Fit, fit_structure
from sktaskneuron.search.frame.linalg import Array
from sktaskneuron.search.frame.model import Atom, Structure, Table
from sktaskneuron.search.frame.proposals import Proposal, Space
from sktaskneuron.search.td.forward import N_REFITTED, ForwardSearch

# Gauss-Newton steps before a trial is judged: what matters shows early, only winners are fitted to
# the end.
_TRIAL_STEPS = 4
_REMOVAL_STEPS = 6
_REL_TOL = 1e-9


class Judge(Protocol):
    """Scores a fitted structure (smaller is better) and says when a change is worth making."""

    def score(self, fit: Fit) -> float:
        """Return the score of a fit, smaller for a better one."""
        ...

    def simpler_or_better(self, new: Fit, old: Fit) -> bool:
        """Return whether ``new``, which has less in it, may replace ``old``."""
        ...

    def worth_adding(self, new: Fit, old: Fit) -> bool:
        """Return whether ``new`` is better enough than ``old`` to be taken."""
        ...


@dataclass(frozen=True, eq=False)
class InformationJudge:
    """Deviance plus price."""

    price: Price

    def score(self, fit: Fit) -> float:
        """Return the deviance plus the price of the structure."""
        return fit.deviance + self.price(fit.structure)

    def worth_adding(self, new: Fit, old: Fit) -> bool:
        """Return whether ``new`` scores lower than ``old`` by more than rounding."""
        before = self.score(old)
        return self.score(new) < before - _REL_TOL * (1.0 + abs(before))

    simpler_or_better = worth_adding


@dataclass(eq=False)
class Selection:
    """Outcome: the chosen fit and the models met on the way, in order."""

    fit: Fit
    visited: list[Fit] = field(default_factory=list)


def select(
    table: Table,
    family: Family,
    price: Price,
    space: Space,
    judge: Judge,
    *,
    seed: int,
    max_steps: int,
    swap: bool = True,
    on_step: Callable[[int, Fit], None] | None = None,
    start: Structure | None = None,
) -> Selection:
    """Add the best term while it pays, and after each addition take out whatever no longer does.

    Parameters
    ----------
    table : Table
    family : Family
    price : Price
        Ranks the proposals before they are fitted.
    space : Space
        What may enter.
    judge : Judge
        Decides between fits.
    seed : int
        Of the random starts of atoms.
    max_steps : int
        Most additions.
    swap : bool
        Whether to try other atoms for each order in the end.
    on_step : callable, optional
        Called before every addition with the step and the fit so far.
    start : Structure, optional
        Where to begin, if it is better than a constant.

    Returns
    -------
    Selection
    """
    forward = ForwardSearch(table, family, price, space, seed)
    fit = fit_structure(table, family, Structure(table.n_features))
    visited = [fit]
    if start is not None:
        first = fit_structure(table, family, start)
        first = _merged(table, family, judge, _pruned(table, family, price, judge, first))
        if judge.worth_adding(first, fit):
            fit = first
            visited.append(fit)
    for step in range(max_steps):
        if on_step is not None:
            on_step(step, fit)
        grown = _best_refit(table, family, judge, fit, forward(fit))
        if grown is None or not judge.worth_adding(grown, fit):
            grown = _best_refit(table, family, judge, fit, forward(fit, thorough=True))
        if grown is None or not judge.worth_adding(grown, fit):
            break
        fit = _merged(table, family, judge, _pruned(table, family, price, judge, grown))
        visited.append(fit)
    if not swap:
        return Selection(fit, visited)
    swapped = _swapped(table, family, price, judge, forward, fit)
    if swapped is not fit:
        visited.append(swapped)
    return Selection(swapped, visited)


def _swapped(
    table: Table, family: Family, price: Price, judge: Judge, forward: ForwardSearch, fit: Fit
) -> Fit:
    """Try other atoms for one order at a time: single products, and fewer atoms fitted afresh.

    Atoms found one after another can be a poor local optimum, and a dense atom can stand for two
    single products: with its diagonal taken out, it reaches further than its rank says.
    """
    for order in sorted(fit.structure.ranks()):
        atoms = [atom for atom in fit.structure.atoms if atom.order == order]
        if all(atom.is_monomial for atom in atoms):
            continue
        without = fit_structure(
            table, family, fit.structure.without_order("interaction", order), fit.eta
        )
        for dense, n_atoms in ((False, forward.max_rank), (True, len(atoms) - 1)):
            trial = without
            for _ in range(n_atoms):
                atom = forward.best_atom(trial, order, dense)
                if atom is None:
                    break
                structure = trial.structure.with_atoms((*trial.structure.atoms, atom))
                grown = fit_structure(table, family, structure, trial.eta)
                if not dense and not judge.worth_adding(grown, trial):
                    break
                trial = grown
            if trial is not without:
                pruned = _merged(table, family, judge, _pruned(table, family, price, judge, trial))
                if judge.worth_adding(pruned, fit):
                    fit = pruned
    return fit


def _best_refit(
    table: Table, family: Family, judge: Judge, fit: Fit, proposals: list[Proposal]
) -> Fit | None:
    best: Fit | None = None
    for proposal in proposals[:N_REFITTED]:
        trial = fit_structure(table, family, proposal.structure, fit.eta, max_steps=_TRIAL_STEPS)
        if best is None or judge.score(trial) < judge.score(best):
            best = trial
    return None if best is None else fit_structure(table, family, best.structure, best.eta)


def _pruned(table: Table, family: Family, price: Price, judge: Judge, fit: Fit) -> Fit:
    while True:
        for proposal in backward(table, family, price, fit)[:N_REFITTED]:
            trial = fit_structure(
                table, family, proposal.structure, fit.eta, max_steps=_REMOVAL_STEPS
            )
            if judge.simpler_or_better(trial, fit):
                fit = fit_structure(table, family, trial.structure, trial.eta)
                break
        else:
            return fit


def _merged(table: Table, family: Family, judge: Judge, fit: Fit) -> Fit:
    atoms = merge_atoms(fit)
    if len(atoms) == len(fit.structure.atoms):
        return fit
    merged = fit_structure(table, family, fit.structure.with_atoms(atoms), fit.eta)
    return fit if judge.worth_adding(fit, merged) else merged


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
    first: Array, first_loading: Array, second: Array, second_loading: Array
) -> tuple[Array, Array] | None:
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
