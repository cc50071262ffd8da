"""Removals from a fitted structure, each with the criterion it should reach."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.search.frame.criteria import Price
from sktaskneuron.search.frame.family import Family
from sktaskneuron.search.frame.fit import Fit, column_costs, entry_covariance
from sktaskneuron.search.frame.model import Atom, Structure, Table
from sktaskneuron.search.frame.proposals import Proposal

Add = Callable[[Structure, float, str], None]


def backward(table: Table, family: Family, price: Price, fit: Fit) -> list[Proposal]:
    """Return the removals expected to pay, best first.

    Single numbers are removed in batches by their Wald cost; whole atoms and whole orders too.
    """
    structure = fit.structure
    linear = column_costs(table, family, fit)
    out: list[Proposal] = []

    def add(new: Structure, cost: float, kind: str) -> None:
        rise = float(family.predicted_rise(cost))
        out.append(Proposal(fit.deviance + rise + price(new), new, kind))

    n_pure = len(structure.pure_columns())
    _without_columns(structure, linear[1 : 1 + n_pure], price, family, add)
    _without_atoms(structure, linear[1 + n_pure :], add)
    if any(not atom.is_monomial for atom in structure.atoms):
        _without_entries(structure, entry_covariance(table, family, fit), price, family, add)
    limit = fit.deviance + price(structure)
    return sorted((p for p in out if p.predicted < limit), key=lambda p: p.predicted)


def _without_columns(
    structure: Structure, costs: Vector, price: Price, family: Family, add: Add
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
        rises = map(family.predicted_rise, running.tolist())
        net = [rise + left for rise, left in zip(rises, prices, strict=True)]
        for size in {1, int(np.argmin(net)) + 1, n}:
            kept = mask.copy()
            kept[features[by_cost[:size]]] = False
            add(structure.with_pure(order, kept), float(running[size - 1]), "columns out")


def _without_atoms(structure: Structure, costs: Vector, add: Add) -> None:
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
    structure: Structure, covariance: Matrix, price: Price, family: Family, add: Add
) -> None:
    """Add: without some entries of each atom's factors; covariance : (n_entries, n_entries)."""
    position = 0
    for j, atom in enumerate(structure.atoms):
        if atom.is_monomial:
            continue
        part = slice(position, position + int(atom.support.sum()))
        position = part.stop
        for thinner, cost in _thinned(atom, covariance[part, part], price, family):
            add(structure.with_atom(j, thinner), cost, "entries out")


def _thinned(
    atom: Atom, covariance: Matrix, price: Price, family: Family
) -> list[tuple[Atom, float]]:
    """Return the atom without its cheapest entries, with the cost of dropping them.

    Entries go one by one, the others moving to make up for each (a Gaussian conditioned on the
    entry being zero): in a disjoint atom one entry may be free while two are not. Offered are the
    batch with the best net price, and half of it.
    """
    places = [tuple(place) for place in np.argwhere(atom.support)]
    support = atom.support.copy()
    values, covariance = atom.factors[atom.support], covariance.copy()
    total, before = 0.0, price.atom(atom)
    steps: list[tuple[Atom, float]] = []
    nets: list[float] = []
    while True:
        counts = support.sum(axis=1)
        free = [e for e, place in enumerate(places) if support[place] and counts[place[0]] > 1]
        if not free:
            break
        variance = np.maximum(np.diag(covariance), 1e-300)
        cost = values**2 / variance
        e = min(free, key=lambda entry: cost[entry])
        total += float(cost[e])
        gain = covariance[:, e] / variance[e]
        values = values - gain * values[e]
        covariance -= np.outer(gain, covariance[e])
        support[places[e]] = False
        factors = np.zeros(support.shape)
        factors[atom.support] = values
        steps.append((Atom.from_factors(factors, support.copy()), total))
        nets.append(float(family.predicted_rise(total)) + price.atom(steps[-1][0]) - before)
    if not steps:
        return []
    best = int(np.argmin(nets))
    out = [steps[place] for place in sorted({best, (best - 1) // 2} - {-1})]
    # a power of one column is a pure term, not an atom
    return [
        (thinner, cost)
        for thinner, cost in out
        if not (thinner.is_monomial and thinner.support.any(axis=0).sum() == 1)
    ]
