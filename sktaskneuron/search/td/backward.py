"""Removals from a fitted structure, each with the criterion it should reach."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ._linalg import Array
from .criteria import Price
from .family import Family
from .fit import Fit, removal_costs
from .model import Atom, Structure, Table
from .proposals import Proposal

Add = Callable[[Structure, float, str], None]


def backward(table: Table, family: Family, price: Price, fit: Fit) -> list[Proposal]:
    """Return the removals expected to pay, best first.

    Single numbers are removed in batches by their Wald cost; whole atoms and whole orders too.
    """
    structure = fit.structure
    linear, entries = removal_costs(table, family, fit)
    out: list[Proposal] = []

    def add(new: Structure, cost: float, kind: str) -> None:
        rise = float(family.predicted_rise(cost))
        out.append(Proposal(fit.deviance + rise + price(new), new, kind))

    n_pure = len(structure.pure_columns())
    _without_columns(structure, linear[1 : 1 + n_pure], price, family, add)
    _without_atoms(structure, linear[1 + n_pure :], add)
    _without_entries(structure, entries, price, family, add)
    limit = fit.deviance + price(structure)
    return sorted((p for p in out if p.predicted < limit), key=lambda p: p.predicted)


def _without_columns(
    structure: Structure, costs: Array, price: Price, family: Family, add: Add
) -> None:
    """Add, per order: without the cheapest column, the best batch of them, and all of them.

    costs : (n_pure_columns,).
    """
    orders = np.array([order for order, _ in structure.pure_columns()])
    for order, mask in structure.pure.items():
        cost = costs[orders == order]
        features = np.flatnonzero(mask)
        by_cost = np.argsort(cost, kind="stable")
        n = len(features)
        running = np.cumsum(cost[by_cost])
        prices = [price.pure(order, n - size) if size < n else 0.0 for size in range(1, n + 1)]
        net = [
            float(family.predicted_rise(float(dropped))) + left
            for dropped, left in zip(running, prices, strict=True)
        ]
        for size in {1, int(np.argmin(net)) + 1, n}:
            kept = mask.copy()
            kept[features[by_cost[:size]]] = False
            add(structure.with_pure(order, kept), float(running[size - 1]), "columns out")


def _without_atoms(structure: Structure, costs: Array, add: Add) -> None:
    """Add: without each atom, and without all atoms of an order; costs : (n_atoms,)."""
    for j in range(len(structure.atoms)):
        rest = structure.atoms[:j] + structure.atoms[j + 1 :]
        add(structure.with_atoms(rest), float(costs[j]), "atom out")
    orders = np.array([atom.order for atom in structure.atoms])
    for order, rank in structure.ranks().items():
        if rank > 1:
            cost = float(costs[orders == order].sum())
            add(structure.without_order("interaction", order), cost, "order out")


def _without_entries(
    structure: Structure, costs: Array, price: Price, family: Family, add: Add
) -> None:
    """Add: without some entries of each atom's factors; costs : (n_entries,)."""
    position = 0
    for j, atom in enumerate(structure.atoms):
        if atom.is_monomial:
            continue
        size = int(atom.support.sum())
        part = costs[position : position + size]
        position += size
        for thinner, cost in _thinned(atom, part, price, family):
            atoms = (*structure.atoms[:j], thinner, *structure.atoms[j + 1 :])
            add(structure.with_atoms(atoms), cost, "entries out")


def _thinned(atom: Atom, cost: Array, price: Price, family: Family) -> list[tuple[Atom, float]]:
    """Return the atom without its cheapest entries, with the cost of dropping them.

    Twice: without the best batch by predicted net price, and without half of that batch.
    """
    places = [tuple(place) for place in np.argwhere(atom.support)]
    support = atom.support.copy()
    removed: list[tuple[int, ...]] = []
    running = [0.0]
    best, best_net = 0, 0.0
    for e in np.argsort(cost, kind="stable"):
        m, _ = place = places[e]
        if support[m].sum() == 1:
            continue
        support[place] = False
        removed.append(place)
        running.append(running[-1] + float(cost[e]))
        trial = Atom(atom.factors, support)
        net = float(family.predicted_rise(running[-1])) + price.atom(trial) - price.atom(atom)
        if net < best_net:
            best, best_net = len(removed), net
    out = []
    for size in sorted({best, best // 2} - {0}):
        kept = atom.support.copy()
        for place in removed[:size]:
            kept[place] = False
        thinner = Atom.from_factors(atom.factors, kept)
        # a power of one column is a pure term, not an atom
        if not (thinner.is_monomial and kept.any(axis=0).sum() == 1):
            out.append((thinner, running[size]))
    return out
