"""Alternating least squares for one more atom."""

from __future__ import annotations

import numpy as np
import pytest

from sktaskneuron.search.frame.fit import fit_linear
from sktaskneuron.search.frame.model import Structure, Table
from sktaskneuron.search.td.als import AtomFitter

from ..helpers import draw_atom, draw_table, gaussian, mask_of


def fitter_for(table, family, structure):
    fit = fit_linear(table, family, structure)
    return fit, AtomFitter(table, family.working(fit.eta), structure.design(table))


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_gain_of_a_column_is_the_fall_of_the_deviance(n_outputs):
    rng = np.random.default_rng(0)
    table = draw_table(0, 150, 4)
    family = gaussian(rng.standard_normal((150, n_outputs)), rng.integers(1, 4, 150).astype(float))
    structure = Structure(4, {1: mask_of([0, 2], 4)})
    fit, fitter = fitter_for(table, family, structure)
    atom = draw_atom(rng, 2, 4)
    loading, gain = fitter.gains(atom.values(table))
    more = fit_linear(table, family, structure.with_atoms((atom,)))
    np.testing.assert_allclose(family.predicted_drop(gain), fit.deviance - more.deviance)
    np.testing.assert_allclose(loading, more.loadings[0])


def test_what_the_model_explains_brings_nothing():
    rng = np.random.default_rng(0)
    table = draw_table(0, 100, 3)
    structure = Structure(3, {1: mask_of([0, 1], 3)})
    _, fitter = fitter_for(table, gaussian(rng.standard_normal(100)), structure)
    inside = table.z[:, 0] - 2 * table.z[:, 1] + 1
    np.testing.assert_array_equal(fitter.gains(inside)[1], 0.0)


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_a_planted_atom_is_found_from_random_starts(order, n_outputs):
    rng = np.random.default_rng(order)
    table = draw_table(1, 600, 6)
    truth = draw_atom(rng, order, 6)
    loading = rng.uniform(1, 2, size=n_outputs)
    signal = truth.values(table)[:, None] * loading + 3 * table.z[:, :1]
    family = gaussian(signal + 0.01 * rng.standard_normal(signal.shape))
    structure = Structure(6, {1: mask_of([0], 6)})
    _, fitter = fitter_for(table, family, structure)
    starts = rng.standard_normal((8, order, 6))
    atom = fitter.fit(starts, np.arange(6), max_sweeps=60, tolerance=1e-6)
    values, expected = atom.values(table), truth.values(table)
    assert abs(np.corrcoef(values, expected)[0, 1]) > 0.999
    np.testing.assert_allclose(np.linalg.norm(atom.factors, axis=1), 1.0)


def test_a_sweep_never_lowers_the_gain():
    rng = np.random.default_rng(0)
    table = draw_table(2, 300, 5)
    family = gaussian(draw_atom(rng, 3, 5).values(table) + rng.standard_normal(300))
    _, fitter = fitter_for(table, family, Structure(5))
    start = rng.standard_normal((1, 3, 5))
    atoms = [fitter.fit(start.copy(), np.arange(5), max_sweeps=k) for k in range(6)]
    gains = [fitter.gains(atom.values(table))[1].sum() for atom in atoms]
    assert gains == sorted(gains)
    assert gains[-1] > gains[0]


def test_only_the_columns_asked_for_enter():
    rng = np.random.default_rng(0)
    table = draw_table(2, 200, 6)
    _, fitter = fitter_for(table, gaussian(rng.standard_normal(200)), Structure(6))
    atom = fitter.fit(rng.standard_normal((2, 2, 3)), np.array([1, 3, 4]))
    assert np.flatnonzero(atom.support.any(axis=0)).tolist() == [1, 3, 4]
    assert not atom.factors[:, [0, 2, 5]].any()


def test_constant_columns_do_no_harm():
    """A column of zeros gives a singular factor equation."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((100, 4))
    z[:, 2] = 0.0
    table = Table.from_array(z, 3)
    _, fitter = fitter_for(table, gaussian(z[:, 0] * z[:, 1]), Structure(4))
    atom = fitter.fit(rng.standard_normal((3, 2, 4)), np.arange(4))
    assert np.isfinite(atom.factors).all()
    assert abs(np.corrcoef(atom.values(table), z[:, 0] * z[:, 1])[0, 1]) > 0.999
