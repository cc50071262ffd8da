"""Atom and Structure: the equations of the docs page, term by term."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorly.cp_tensor import cp_to_tensor

from sktaskneuron.search.frame.model import Atom, Structure, Table, log_binomial

from ..helpers import draw_atom, draw_table, mask_of

SEEDS = st.integers(0, 10_000)
ORDERS = st.integers(2, 4)


def contract(tensor: np.ndarray, z: np.ndarray) -> np.ndarray:
    """sum over all index tuples of tensor[i1, ..., ik] z_i1 ... z_ik, for every row of z."""
    out = np.broadcast_to(tensor, (len(z), *tensor.shape))
    for _ in range(tensor.ndim):
        out = np.einsum("n...i,ni->n...", out, z)
    return out


def without_diagonal(tensor: np.ndarray) -> np.ndarray:
    tensor = tensor.copy()
    tensor[(np.arange(len(tensor)),) * tensor.ndim] = 0.0
    return tensor


@given(seed=SEEDS, order=ORDERS, width=st.integers(1, 4))
def test_atom_is_its_tensor_without_the_diagonal(seed, order, width):
    rng = np.random.default_rng(seed)
    table = draw_table(seed, 30, 5)
    atom = draw_atom(rng, order, 5, width)
    tensor = np.einsum(",".join("abcd"[:order]) + "->" + "abcd"[:order], *atom.factors)
    np.testing.assert_allclose(
        atom.values(table), contract(without_diagonal(tensor), table.z), atol=1e-12
    )


@given(seed=SEEDS, order=ORDERS)
def test_loaded_atoms_are_a_cp_tensor(seed, order):
    rng = np.random.default_rng(seed)
    table = draw_table(seed, 20, 4)
    atoms = [draw_atom(rng, order, 4) for _ in range(3)]
    loadings = rng.standard_normal(3)
    factors = [np.stack([atom.factors[m] for atom in atoms], axis=1) for m in range(order)]
    tensor = without_diagonal(cp_to_tensor((loadings, factors)))
    design = Structure(4, atoms=tuple(atoms)).design(table)
    np.testing.assert_allclose(design[:, 1:] @ loadings, contract(tensor, table.z), atol=1e-12)


@given(seed=SEEDS, order=ORDERS)
def test_an_atom_is_blind_to_a_single_column(seed, order):
    """Disjoint from the pure terms: where one column alone is not zero, the atom is zero."""
    atom = draw_atom(np.random.default_rng(seed), order, 4)
    z = np.zeros((4, 4))
    z[np.arange(4), np.arange(4)] = [2.0, -1.0, 0.5, 3.0]
    np.testing.assert_allclose(atom.values(Table.from_array(z, order)), 0.0, atol=1e-12)


@given(seed=SEEDS, order=ORDERS, width=st.integers(1, 4))
def test_derivatives_are_those_of_finite_differences(seed, order, width):
    rng = np.random.default_rng(seed)
    table = draw_table(seed, 15, 4)
    atom = draw_atom(rng, order, 4, width)
    step = 1e-6
    for m, columns in enumerate(atom.derivatives(table)):
        places = np.flatnonzero(atom.support[m])
        assert columns.shape == (15, len(places))
        for column, i in zip(columns.T, places, strict=True):
            moved = [atom.factors.copy(), atom.factors.copy()]
            moved[0][m, i] += step
            moved[1][m, i] -= step
            high, low = (Atom(factors, atom.support).values(table) for factors in moved)
            np.testing.assert_allclose(column, (high - low) / (2 * step), atol=1e-7)


def test_derivatives_are_linear_in_their_factor():
    """A(z) = D_m u_m: what alternating least squares rests on."""
    table = draw_table(0, 25, 5)
    atom = draw_atom(np.random.default_rng(1), 3, 5)
    for m, columns in enumerate(atom.derivatives(table)):
        np.testing.assert_allclose(columns @ atom.factors[m], atom.values(table), atol=1e-12)


def test_monomial_is_the_plain_product():
    table = draw_table(0, 10, 6)
    atom = Atom.monomial((4, 1, 1), 6)
    assert atom.is_monomial
    assert atom.order == 3
    np.testing.assert_allclose(atom.values(table), table.z[:, 4] * table.z[:, 1] ** 2)


def test_factors_have_unit_norm_and_respect_the_support():
    factors = np.array([[3.0, 4.0, 9.0], [0.0, 0.0, 7.0]])
    support = np.array([[True, True, False], [True, True, False]])
    atom = Atom.from_factors(factors, support)
    np.testing.assert_allclose(atom.factors[0], [0.6, 0.8, 0.0])
    np.testing.assert_array_equal(atom.factors[1], 0.0)  # an empty factor stays zero, never NaN
    assert not atom.is_monomial


def test_table_holds_powers_of_its_rows():
    table = draw_table(0, 8, 3)
    for order, power in table.powers.items():
        np.testing.assert_allclose(power, table.z**order)
    part = table.subset(np.array([5, 1]))
    np.testing.assert_array_equal(part.powers[3], table.powers[3][[5, 1]])
    assert (part.n_samples, part.n_features) == (2, 3)


def test_design_is_one_then_pure_terms_then_atoms():
    table = draw_table(0, 12, 3)
    pair = Atom.monomial((0, 2), 3)
    structure = Structure(3, {2: mask_of([0, 1], 3), 1: mask_of([2], 3)}, (pair,))
    z = table.z
    expected = np.stack(
        [np.ones(12), z[:, 2], z[:, 0] ** 2, z[:, 1] ** 2, z[:, 0] * z[:, 2]], axis=1
    )
    np.testing.assert_allclose(structure.design(table), expected)
    assert structure.pure_columns() == [(1, 2), (2, 0), (2, 1)]
    assert structure.n_linear == 5
    assert structure.orders == ({1, 2}, {2})
    assert structure.ranks() == {2: 1}


def test_structures_are_changed_by_copies():
    pair, triple = Atom.monomial((0, 1), 3), Atom.monomial((0, 1, 2), 3)
    whole = Structure(3, {1: mask_of([0], 3)}, (pair, triple, pair))
    assert whole.without_order("pure", 1).orders == (frozenset(), {2, 3})
    assert whole.without_order("interaction", 2).ranks() == {3: 1}
    assert whole.with_pure(2, mask_of([1], 3)).orders[0] == {1, 2}
    assert whole.with_pure(1, mask_of([], 3)).orders[0] == frozenset()
    assert whole.orders == ({1}, {2, 3})


@pytest.mark.parametrize(("n", "k"), [(10, 3), (7, 0), (7, 7), (50, 25)])
def test_log_binomial(n, k):
    count = sum(1 for _ in itertools.combinations(range(n), k)) if n < 20 else 126410606437752
    assert log_binomial(n, k) == pytest.approx(np.log(count), abs=1e-10)
