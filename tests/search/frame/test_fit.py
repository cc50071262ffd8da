"""Variable projection and the cost of taking a number out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from sktaskneuron.search.frame.family import Logistic
from sktaskneuron.search.frame.fit import (
    column_costs,
    entry_covariance,
    fit_linear,
    fit_structure,
    movable_entries,
)
from sktaskneuron.search.frame.model import Atom, Structure

from ..helpers import draw_atom, draw_table, gaussian, mask_of, values


def perturbed(structure: Structure, rng: np.random.Generator, size: float) -> Structure:
    """The structure with every factor turned by about ``size``."""
    return structure.with_atoms(
        tuple(
            Atom.from_factors(
                atom.factors + size / np.sqrt(6) * rng.standard_normal(atom.factors.shape),
                atom.support,
            )
            for atom in structure.atoms
        )
    )


def planted(seed: int, ranks: dict[int, int], width: int | None = None):
    """A structure on 6 columns with its noiseless values, every term about equally strong."""
    rng = np.random.default_rng(seed)
    table = draw_table(seed, 800, 6)
    atoms = tuple(draw_atom(rng, k, 6, width) for k, rank in ranks.items() for _ in range(rank))
    structure = Structure(6, {1: mask_of([0, 3], 6)}, atoms)
    coef = rng.uniform(1, 2, size=(structure.n_linear, 1))
    return rng, table, structure, values(structure, coef, table)


@pytest.mark.parametrize("ranks", [{2: 1}, {2: 2}, {3: 1}, {2: 1, 3: 1}, {4: 1}])
@pytest.mark.parametrize("seed", range(2))
def test_reaches_the_noise_floor_from_perturbed_factors(ranks, seed):
    rng, table, structure, signal = planted(seed, ranks)
    noise = 0.05 * rng.standard_normal(signal.shape)
    family = gaussian(signal + noise)
    start = perturbed(structure, rng, 0.3)
    rough, fine = fit_linear(table, family, start), fit_structure(table, family, start)
    residual = ((family.target - fine.eta) ** 2).mean()
    assert ((family.target - rough.eta) ** 2).mean() > 3 * residual
    assert residual <= (noise**2).mean()
    assert residual > 0.9 * (noise**2).mean()


def test_keeps_the_support():
    rng, table, structure, signal = planted(0, {3: 1}, width=2)
    start = perturbed(structure, rng, 0.3)
    fit = fit_structure(table, gaussian(signal), start)
    for atom, before in zip(fit.structure.atoms, structure.atoms, strict=True):
        np.testing.assert_array_equal(atom.support, before.support)
        assert not atom.factors[~atom.support].any()
        np.testing.assert_allclose(np.linalg.norm(atom.factors, axis=1), 1.0)


def test_without_movable_factors_it_is_the_linear_fit():
    table = draw_table(0, 50, 3)
    family = gaussian(np.random.default_rng(0).standard_normal(50))
    structure = Structure(3, {2: mask_of([1], 3)}, (Atom.monomial((0, 2), 3),))
    fit = fit_structure(table, family, structure)
    assert fit.deviance == fit_linear(table, family, structure).deviance
    assert fit.structure.atoms[0] is structure.atoms[0]


def test_never_raises_the_deviance():
    """Also from a start that has nothing to do with the target, and on 0/1 targets."""
    rng = np.random.default_rng(0)
    table = draw_table(0, 200, 5)
    structure = Structure(5, atoms=tuple(draw_atom(rng, k, 5) for k in (2, 2, 3)))
    labels = (rng.uniform(size=(200, 2)) < 0.4).astype(float)
    for family in (gaussian(rng.standard_normal(200)), Logistic(labels, np.ones(200))):
        before = fit_linear(table, family, structure).deviance
        fit = fit_structure(table, family, structure)
        assert fit.deviance < before
        assert fit.deviance == pytest.approx(family.deviance(fit.eta))


def test_logistic_factors_are_found():
    rng, table, structure, signal = planted(3, {2: 1})
    labels = (rng.uniform(size=signal.shape) < expit(3 * signal)).astype(float)
    family = Logistic(labels, np.ones(len(labels)))
    truth = fit_linear(table, family, structure)
    fit = fit_structure(table, family, perturbed(structure, rng, 0.3))
    assert fit.deviance < truth.deviance
    found, planted_atom = fit.structure.atoms[0], structure.atoms[0]
    assert abs(np.corrcoef(found.values(table), planted_atom.values(table))[0, 1]) > 0.95


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_fit_holds_what_its_design_says(n_outputs):
    rng = np.random.default_rng(0)
    table = draw_table(0, 80, 4)
    structure = Structure(4, {1: mask_of([1], 4)}, (draw_atom(rng, 2, 4),))
    fit = fit_structure(table, gaussian(rng.standard_normal((80, n_outputs))), structure)
    np.testing.assert_allclose(fit.eta, fit.structure.design(table) @ fit.coef)
    assert fit.loadings.shape == (1, n_outputs)
    np.testing.assert_array_equal(fit.loadings, fit.coef[-1:])


def test_removal_cost_of_a_column_is_exact_for_least_squares():
    rng = np.random.default_rng(0)
    table = draw_table(0, 120, 4)
    structure = Structure(4, {1: mask_of([0, 1, 2], 4)}, (Atom.monomial((0, 3), 4),))
    family = gaussian(table.z[:, 0] + rng.standard_normal(120))
    fit = fit_linear(table, family, structure)
    linear = column_costs(table, family, fit)
    assert linear[0] == np.inf  # the intercept is never taken out
    assert movable_entries(structure).size == 0
    smaller = [
        structure.with_pure(1, mask_of([c for c in range(3) if c != i], 4)) for i in range(3)
    ]
    for cost, rest in zip(linear[1:], [*smaller, structure.with_atoms(())], strict=True):
        rise = fit_linear(table, family, rest).deviance - fit.deviance
        assert family.predicted_rise(cost) == pytest.approx(rise, rel=1e-6)


def test_removal_cost_of_an_entry_tells_needed_from_idle():
    rng = np.random.default_rng(0)
    table = draw_table(0, 500, 4)
    support = np.array([[True, False, False, True], [False, True, True, False]])
    atom = Atom.from_factors(np.array([[1.0, 0, 0, 0], [0, 1, 1, 0]]), support)
    signal = table.z[:, 0] * (table.z[:, 1] + table.z[:, 2])
    family = gaussian(signal + 0.1 * rng.standard_normal(500))
    fit = fit_structure(table, family, Structure(4, atoms=(atom,)))
    cost = movable_entries(fit.structure) ** 2 / np.diag(entry_covariance(table, family, fit))
    idle = np.argwhere(support).tolist().index([0, 3])
    assert cost[idle] < 10  # a chi-squared of one degree of freedom
    assert np.delete(cost, idle).min() > 1000


def test_entries_of_an_atom_that_came_to_zero_are_free():
    rng = np.random.default_rng(0)
    table, support = draw_table(0, 100, 3), np.ones((2, 3), dtype=bool)
    family = gaussian(rng.normal(size=(100, 1)))
    fit = fit_linear(table, family, Structure(3, {}, (Atom(np.zeros((2, 3)), support),)))
    covariance = entry_covariance(table, family, fit)
    assert np.isfinite(np.outer(covariance[0], covariance[0])).all()
    assert np.diag(covariance).min() > 1e100


def test_a_repeated_column_costs_nothing():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((60, 2))
    table = draw_table(0, 60, 3)
    table = type(table).from_array(np.column_stack([z, z[:, 0]]), 3)
    family = gaussian(z[:, 0] + 0.1 * rng.standard_normal(60))
    fit = fit_linear(table, family, Structure(3, {1: mask_of([0, 1, 2], 3)}))
    linear = column_costs(table, family, fit)
    assert np.isfinite(linear[1:]).all()
    assert linear[2] < 10
