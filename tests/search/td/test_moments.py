"""Moment tensors and starting factors."""

from __future__ import annotations

import itertools
import math
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sktaskneuron.search.td import moments
from sktaskneuron.search.td.moments import cp_starts, moment_tensor, monomials


@given(seed=st.integers(0, 1000), order=st.integers(2, 5))
def test_moment_tensor_is_the_einsum(seed, order):
    rng = np.random.default_rng(seed)
    z, values = rng.standard_normal((17, 4)), rng.standard_normal(17)
    letters = "abcde"[:order]
    expected = np.einsum(
        "n," + ",".join("n" + letter for letter in letters) + "->" + letters, values, *[z] * order
    )
    np.testing.assert_allclose(moment_tensor(z, values, order), expected, atol=1e-10)


def test_moment_tensor_of_many_rows_goes_in_chunks(monkeypatch):
    rng = np.random.default_rng(0)
    z, values = rng.standard_normal((101, 5)), rng.standard_normal(101)
    whole = moment_tensor(z, values, 3)
    monkeypatch.setattr(moments, "_CHUNK_ENTRIES", 5**2 * 10)
    np.testing.assert_allclose(moment_tensor(z, values, 3), whole, atol=1e-12)


@pytest.mark.parametrize(("d", "order"), [(2, 2), (5, 2), (5, 3), (4, 4)])
def test_monomials_are_all_products_of_two_columns_or_more(d, order):
    index = monomials(d, order)
    assert len(index) == math.comb(d + order - 1, order) - d
    assert len({tuple(row) for row in index}) == len(index)
    assert (np.diff(index, axis=1) >= 0).all()
    assert (index[:, 0] != index[:, -1]).all()


def test_monomials_of_one_column_are_none():
    assert monomials(1, 2).shape == (0, 2)


def symmetric(factors: np.ndarray) -> np.ndarray:
    """The symmetrised product of the factors with its diagonal taken out, flat."""
    order, d = factors.shape
    tensor = np.zeros((d,) * order)
    for turned in itertools.permutations(factors):
        tensor += reduce(np.multiply.outer, turned)
    tensor[(np.arange(d),) * order] = 0.0
    return tensor.ravel()


def alignment(start: np.ndarray, truth: np.ndarray) -> float:
    a, b = symmetric(start), symmetric(truth)
    return float(abs(a @ b) / (np.linalg.norm(a) * np.linalg.norm(b)))


@pytest.mark.parametrize(("order", "least"), [(2, 0.95), (3, 0.45)])
@pytest.mark.parametrize("seed", range(3))
def test_starts_point_at_the_planted_product(order, least, seed):
    """Order 2 is all but solved by its eigenvectors; order 3 only has to start near."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((20_000, 8))
    truth = rng.standard_normal((order, 8))
    residual = (z @ truth.T).prod(axis=1)
    starts = cp_starts(moment_tensor(z, residual - residual.mean(), order), 2)
    assert 1 <= len(starts) <= 2
    best = max(alignment(start, truth) for start in starts)
    random = max(alignment(rng.standard_normal((order, 8)), truth) for _ in range(2))
    assert random < least < best


def test_no_start_without_a_signal():
    assert cp_starts(np.zeros((4, 4)), 2) == []
    diagonal = np.diag([1.0, 2.0, 3.0])  # pure terms only
    assert cp_starts(diagonal, 2) == []
