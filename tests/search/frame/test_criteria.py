"""Prices, checked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sktaskneuron.search.frame.criteria import Price
from sktaskneuron.search.frame.model import Atom, Structure

from ..helpers import mask_of

LOG_N = math.log(500)


def price(gamma: float = 1.0, n_outputs: int = 1) -> Price:
    return Price(LOG_N, gamma, n_orders=7, n_outputs=n_outputs, n_allowed={1: 10, 2: 10, 3: 8})


def atom(*rows: list[int]) -> Atom:
    support = np.stack([mask_of(row, 10) for row in rows])
    return Atom.from_factors(np.ones(support.shape), support)


def test_one_column_pays_for_having_been_picked():
    assert price().pure(1, 1) == pytest.approx(LOG_N + 2 * math.log(10))
    assert price().pure(3, 2) == pytest.approx(2 * LOG_N + 2 * math.log(28))


def test_a_full_block_has_one_support():
    assert price().pure(1, 10) == pytest.approx(10 * LOG_N)


def test_bic_counts_numbers_only():
    structure = Structure(10, {1: mask_of([0, 4], 10)}, (atom([1], [2]),))
    assert price(gamma=0.0)(structure) == pytest.approx(3 * LOG_N)


def test_monomials_are_counted_once_whatever_their_order_of_factors():
    """x1 x2 is one of 10 * 10 / 2! ordered choices; x1**2 x2 is one of 10**3 / 3!."""
    assert price().atom(atom([1], [2])) == pytest.approx(LOG_N + 2 * math.log(100 / 2))
    assert price().atom(atom([1], [2], [1])) == pytest.approx(LOG_N + 2 * math.log(1000 / 6))


def test_a_dense_atom_pays_for_its_numbers_only():
    everything = list(range(10))
    assert price().atom(atom(everything, everything)) == pytest.approx((2 * 10 - 2 + 1) * LOG_N)


def test_a_mixed_atom():
    """One column times a sum of three: 1 + 3 entries, two fixed by the norms, one loading."""
    expected = (4 - 2 + 1) * LOG_N + 2 * (math.log(10) + math.log(120))
    assert price().atom(atom([0], [1, 2, 3])) == pytest.approx(expected)


def test_every_active_order_pays_for_having_been_picked():
    structure = Structure(10, {1: mask_of([0], 10), 2: mask_of([1], 10)}, (atom([1], [2]),))
    parts = price().pure(1, 1) + price().pure(2, 1) + price().atom(structure.atoms[0])
    assert price()(structure) == pytest.approx(parts + 2 * 3 * math.log(7))


def test_the_empty_structure_is_free():
    assert price()(Structure(10)) == 0.0


def test_outputs_have_their_own_weights():
    assert price(n_outputs=3).pure(1, 2) == pytest.approx(6 * LOG_N + 2 * math.log(45))
    pair = price(n_outputs=3).atom(atom([1], [2]))
    assert pair == pytest.approx(3 * LOG_N + 2 * math.log(50))


def test_free_numbers():
    structure = Structure(10, {1: mask_of([0, 4], 10)}, (atom([0], [1, 2, 3]), atom([1], [2])))
    assert price().free_numbers(structure) == 2 + 3 + 1
    assert price(n_outputs=2).free_numbers(structure) == 4 + 4 + 2


def test_spreading_an_atom_costs_more_than_the_log_of_its_numbers_saves():
    """A sum of more columns is never cheaper, up to the full factor, where the choice is free."""
    widths = [price().atom(atom([0], list(range(1, 1 + w)))) for w in range(1, 6)]
    assert widths == sorted(widths)
