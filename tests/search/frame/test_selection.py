"""Forward and backward moves, and the merging of atoms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sktaskneuron.search.frame.backward import backward
from sktaskneuron.search.frame.fit import fit_linear, fit_structure
from sktaskneuron.search.frame.judges import InformationJudge
from sktaskneuron.search.frame.model import Atom, Structure
from sktaskneuron.search.frame.selection import merge_atoms, select
from sktaskneuron.search.td.forward import ForwardSearch

from ..helpers import (
    as_fit,
    draw_atom,
    draw_table,
    gaussian,
    mask_of,
    price_for,
    problem_for,
)


def spans(table, structure, eta) -> bool:
    """Whether some weights of the structure give the predictor."""
    fit = fit_linear(table, gaussian(eta), structure)
    return np.allclose(fit.eta, eta, atol=1e-8 * np.abs(eta).max())


# -- merging ---------------------------------------------------------------------------------------


@given(
    seed=st.integers(0, 1000),
    order=st.integers(2, 4),
    n_outputs=st.integers(1, 2),
    flip=st.booleans(),
)
def test_atoms_that_differ_in_one_factor_become_one(seed, order, n_outputs, flip):
    rng = np.random.default_rng(seed)
    table = draw_table(seed, 40, 5)
    first = draw_atom(rng, order, 5)
    other = first.factors.copy()
    other[rng.integers(order)] = rng.standard_normal(5)
    other[0] *= -1.0 if flip else 1.0
    second = Atom.from_factors(other[rng.permutation(order)])
    loading = rng.uniform(0.5, 2, size=n_outputs)
    coef = np.stack([np.zeros(n_outputs), loading, rng.uniform(-2, 2) * loading])
    fit = as_fit(Structure(5, atoms=(first, second)), coef, table)
    merged = merge_atoms(fit)
    assert len(merged) == 1
    assert spans(table, Structure(5, atoms=merged), fit.eta)


def test_products_with_a_common_column_become_one():
    """x0 x1 + 2 x0 x2 - 3 x0 x3 = x0 (x1 + 2 x2 - 3 x3)."""
    table = draw_table(0, 30, 4)
    atoms = tuple(Atom.monomial((0, i), 4) for i in (1, 2, 3))
    fit = as_fit(Structure(4, atoms=atoms), np.array([[0.0], [1.0], [2.0], [-3.0]]), table)
    (atom,) = merge_atoms(fit)
    assert sorted(atom.support.sum(axis=1)) == [1, 3]
    assert spans(table, Structure(4, atoms=(atom,)), fit.eta)


@given(seed=st.integers(0, 1000))
def test_other_atoms_stay(seed):
    rng = np.random.default_rng(seed)
    table = draw_table(seed, 20, 5)
    atoms = tuple(draw_atom(rng, order, 5) for order in (2, 2, 3, 3))
    fit = as_fit(Structure(5, atoms=atoms), rng.standard_normal((5, 1)), table)
    assert len(merge_atoms(fit)) == 4


def test_outputs_with_unlike_loadings_keep_their_atoms():
    table = draw_table(0, 20, 4)
    atoms = (Atom.monomial((0, 1), 4), Atom.monomial((0, 2), 4))
    coef = np.array([[0.0, 0.0], [1.0, 1.0], [1.0, -1.0]])
    assert len(merge_atoms(as_fit(Structure(4, atoms=atoms), coef, table))) == 2


# -- backward --------------------------------------------------------------------------------------


def junk_case():
    """x0 + x1**2 + x2 x3 with a surplus column, order and atom, and idle entries."""
    rng = np.random.default_rng(0)
    table = draw_table(0, 400, 6)
    z = table.z.T
    family = gaussian(z[0] + z[1] ** 2 + z[2] * z[3] + 0.3 * rng.standard_normal(400))
    wide = np.array([[0, 0, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]], dtype=bool)
    pure = {1: mask_of([0, 4], 6), 2: mask_of([1], 6), 3: mask_of([5], 6)}
    atoms = (Atom.from_factors(wide * 1.0, wide), Atom.monomial((0, 4, 5), 6))
    return table, family, Structure(6, pure, atoms)


def test_backward_takes_out_all_junk_and_nothing_else():
    table, family, structure = junk_case()
    price = price_for(table)
    judge = InformationJudge(price)
    fit = fit_structure(table, family, structure)
    for _ in range(20):
        better = [
            trial
            for proposal in backward(table, family, price, fit)[:3]
            if judge.worth_adding(trial := fit_structure(table, family, proposal.structure), fit)
        ]
        if not better:
            break
        fit = better[0]
    found = fit.structure
    assert {k: np.flatnonzero(v).tolist() for k, v in found.pure.items()} == {1: [0], 2: [1]}
    (atom,) = found.atoms
    assert atom.is_monomial
    assert np.flatnonzero(atom.support.any(axis=0)).tolist() == [2, 3]


def test_backward_proposals_are_sorted_and_promise_a_better_score():
    table, family, structure = junk_case()
    price = price_for(table)
    fit = fit_structure(table, family, structure)
    proposals = backward(table, family, price, fit)
    predicted = [proposal.predicted for proposal in proposals]
    assert predicted == sorted(predicted)
    assert predicted[-1] < fit.deviance + price(structure)
    assert all(price(p.structure) < price(structure) for p in proposals)


def test_backward_predictions_of_columns_are_exact():
    table, family, structure = junk_case()
    price = price_for(table)
    linear = structure.with_atoms(())
    fit = fit_structure(table, family, linear)
    single = [
        p
        for p in backward(table, family, price, fit)
        if p.structure.n_linear == fit.structure.n_linear - 1
    ]
    assert single
    for proposal in single:
        refit = fit_linear(table, family, proposal.structure)
        assert proposal.predicted == pytest.approx(refit.deviance + price(proposal.structure))


# -- selection ----------------------------------------------------------------------------------


def test_selection_reports_every_step_and_improves():
    table = draw_table(0, 300, 5)
    z = table.z.T
    family = gaussian(
        z[0] + z[1] ** 2 + z[2] * z[3] + 0.1 * np.random.default_rng(0).standard_normal(300)
    )
    problem = problem_for(table, family, max_steps=10)
    steps = []
    selection = select(
        problem,
        ForwardSearch,
        on_step=lambda step, fit, score: steps.append((step, fit.structure.n_linear)),
    )
    assert [step for step, _ in steps] == list(range(len(steps)))
    assert steps[0][1] == 1
    scores = [problem.judge().score(fit) for fit in selection.visited]
    assert scores == sorted(scores, reverse=True)
    assert selection.score == scores[-1]
    assert selection.fit.structure.orders == ({1, 2}, {2})


def test_selection_stops_at_max_steps():
    table = draw_table(0, 300, 5)
    family = gaussian(table.z[:, 0] + table.z[:, 1] ** 2)
    selection = select(problem_for(table, family, max_steps=1), ForwardSearch)
    assert len(selection.visited) == 2
