"""Atoms: their trees evaluate to their values, none is there twice, none where it is undefined."""

from functools import partial

import numpy as np
import pytest

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.text.evaluation import evaluate
from sktaskneuron.formula.text.nodes import Number, render
from sktaskneuron.search.columns.builtin.library import (
    _BINARY,
    UNARY,
    Atoms,
    columns_as_atoms,
    distinct,
    hinges,
    invertible,
    monomials,
    pairs_of,
    unary_of,
    waves,
)
from sktaskneuron.search.columns.builtin.pool import Pool
from sktaskneuron.search.columns.builtin.sums import full_products
from sktaskneuron.search.columns.constants import NamedRows

NAMES = ("mass", "a b", "sin")


def draw(n=50, low=-2.0, high=2.0, d=3):
    return np.random.default_rng(0).uniform(low, high, (n, d))


def check(atoms, X, names=NAMES):
    """Every atom's tree has its values, and some are there."""
    columns = dict(zip(names, X.T, strict=True))
    assert len(atoms) == atoms.values.shape[1] > 0
    assert np.isfinite(atoms.values).all()
    for place in range(len(atoms)):
        node = atoms.node(place)
        value = np.broadcast_to(evaluate(node, columns), len(X))
        np.testing.assert_allclose(
            value, atoms.values[:, place], rtol=1e-10, atol=1e-13, err_msg=render(node)
        )


def texts(atoms):
    return [render(atoms.node(place)) for place in range(len(atoms))]


class TestTrees:
    @pytest.mark.parametrize("name", UNARY)
    def test_every_unary_function(self, name):
        X = draw(low=0.1, high=0.95)
        atoms = unary_of(columns_as_atoms(X, NAMES), (name,))
        assert len(atoms) == (0 if name in ("1+", "1-") else 3) or name in ("1+", "1-")
        check(atoms, X)

    @pytest.mark.parametrize("name", sorted(set(UNARY) - {"log", "sqrt", "asin", "log 1+"}))
    def test_functions_of_negative_numbers(self, name):
        X = draw(low=-2, high=2)
        check(unary_of(columns_as_atoms(X, NAMES), (name,)), X)

    @pytest.mark.parametrize("name", ["log", "sqrt", "asin", "log 1+"])
    def test_functions_undefined_on_some_row_are_no_atoms(self, name):
        X = draw()
        X[:, 0] = np.linspace(0.1, 0.9, 50)
        atoms = unary_of(columns_as_atoms(X, NAMES), (name,))
        assert len(atoms) == 1
        assert "mass" in texts(atoms)[0]

    def test_functions_of_functions(self):
        X = draw(low=0.1, high=2)
        inner = unary_of(columns_as_atoms(X, NAMES), ("sin", "square", "inverse"))
        check(unary_of(inner, tuple(UNARY)), X)

    @pytest.mark.parametrize("name", _BINARY)
    def test_every_operation(self, name):
        X = draw(low=0.1, high=2)
        columns = columns_as_atoms(X, NAMES)
        own = pairs_of(columns, columns, name, 100)
        check(own, X)
        assert len(own) == {"+": 3, "-": 3, "*": 6, "/": 6}[name]
        other = unary_of(columns, ("cos",))
        mixed = pairs_of(columns, other, name, 100)
        check(mixed, X)
        assert len(mixed) == 9
        assert len(pairs_of(columns, other, name, 4)) == 4

    def test_waves(self):
        X = draw()
        check(waves(columns_as_atoms(X, NAMES), 10_000), X)
        assert len(waves(columns_as_atoms(X, NAMES), 10)) == 10

    def test_waves_reach_the_frequencies_between_the_grid(self):
        """Near enough for least squares: a correlation that is no longer one of noise."""
        X = draw(400)[:, :1]
        atoms = waves(columns_as_atoms(X, NAMES[:1]), 10_000)
        for frequency in (1.37, 4.2, 11.9):
            y = np.sin(frequency * X[:, 0])
            assert np.abs(np.corrcoef(atoms.values.T, y)[-1, :-1]).max() > 0.9

    def test_hinges(self):
        X = draw()
        X[:, 2] = np.arange(50) % 2  # has no place for a knot
        atoms = hinges(X, NAMES, 7)
        check(atoms, X)
        assert len(atoms) == 14
        assert not any("`sin`" in text for text in texts(atoms))

    def test_full_products(self):
        X = draw(low=0.2, high=2)
        atoms = full_products(X, NAMES)
        check(atoms, X)
        assert len(atoms) == 6**3 - 1
        wide = draw(d=6)
        assert len(full_products(wide, tuple("abcdef"))) == 6

    def test_trees_whose_numbers_overflow(self):
        def overflowing():
            raise FormulaError("too large")

        atoms = Atoms(np.zeros((3, 2)), [overflowing, lambda: Number(1.0)])
        pool = Pool(NamedRows({}, np.arange(3.0), np.ones(3)), 20)
        assert pool.add(partial(atoms.node, 0)) == np.inf
        assert np.isfinite(pool.add(partial(atoms.node, 1)))


class TestMonomials:
    def test_trees(self):
        X = draw(low=0.2, high=2)
        check(monomials(X, NAMES, [(-2, -0.5, 0.5, 1, 3), (-1, 1), (-1, 1)], 1000), X)

    def test_powers_only_where_they_are_defined(self):
        X = draw(low=0.5, high=2)
        X[:, 1] -= 1.2  # negative somewhere, never near zero
        X[0, 2] = 0.0
        X[:, 1][np.abs(X[:, 1]) < 1e-3] = 0.5
        found = texts(monomials(X, NAMES, [(-1, 0.5, 1)], 100))
        assert found == ["1/mass", "sqrt(mass)", "mass", "1/`a b`", "`a b`", "sqrt(`sin`)", "`sin`"]
        assert invertible(X[:, 1])
        assert not invertible(X[:, 2])

    def test_limit_leaves_out_products_of_more_columns(self):
        X = draw(low=0.5, high=2)
        full = monomials(X, NAMES, [(1, 2), (1,), (1,)], 100)
        assert len(full) == 6 + 3 + 1
        assert texts(monomials(X, NAMES, [(1, 2), (1,), (1,)], 9)) == texts(full)[:9]
        assert len(monomials(X, NAMES, [(1, 2), (1,), (1,)], 7)) == 6


class TestOnce:
    def test_affine_copies_are_the_same_atom(self):
        rng = np.random.default_rng(0)
        u = rng.normal(size=80)
        values = np.column_stack([u, 3 * u - 7, -u, u**2, 1e9 * u**2 + 1, u**3])
        assert distinct(values).tolist() == [0, 3, 5]

    def test_values_that_cannot_be_used(self):
        u = np.linspace(-1, 1, 40)
        bad = u.copy()
        bad[3] = np.nan
        endless = u.copy()
        endless[4] = np.inf
        values = np.column_stack([np.ones(40), bad, endless, 1e70 * u, u, 1e12 + u])
        assert distinct(values).tolist() == [4]
        assert distinct(np.ones((5, 2))).size == 0

    def test_joining_keeps_what_both_have_once(self):
        X = draw(low=0.2, high=2)
        columns = columns_as_atoms(X, NAMES)
        both = columns + unary_of(columns, ("square", "1+"))
        assert texts(both) == ["mass", "`a b`", "`sin`", "mass**2", "`a b`**2", "`sin`**2"]
        assert len(columns.join(columns)) == 6

    def test_close_but_different_stay(self):
        u = np.linspace(0.1, 1, 100)
        assert len(distinct(np.column_stack([np.sin(u), u, np.tanh(u), u + 1e-3 * u**2]))) == 4

    def test_nothing_in_nothing_out(self):
        empty = Atoms.of([], 7)
        assert empty.values.shape == (7, 0)
        assert len(unary_of(empty, ("sin",))) == len(pairs_of(empty, empty, "+", 5)) == 0
