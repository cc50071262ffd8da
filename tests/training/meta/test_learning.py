"""Learning of activation functions."""

import numpy as np
import pytest
import torch

from sktaskneuron.nn import Grid
from sktaskneuron.training import MetaOptions, TensorTable, learn_activations

QUICK = {"outer_steps": 4, "inner_steps": 6, "batch_size": 32, "n_hidden": 10}


def draw_waves(n=300, seed=0):
    """y = cos(3 x0), which a layer of sines without a phase of its own cannot do at once."""
    X = np.random.default_rng(seed).uniform(-2, 2, size=(n, 2))
    return TensorTable.from_arrays(X, np.cos(3 * X[:, :1]))


def draw_classes(n=200, seed=0):
    X = np.random.default_rng(seed).normal(size=(n, 3))
    return TensorTable.from_arrays(X, (X[:, 0] * X[:, 1] > 0).astype(np.int64))


@pytest.mark.parametrize("meta", ["unrolled", "first_order", "joint"])
@pytest.mark.parametrize("meta_loss", ["holdout", "train"])
def test_result(meta, meta_loss):
    options = MetaOptions(meta=meta, meta_loss=meta_loss, n_types=2, **QUICK)
    seen = []
    result = learn_activations(
        draw_classes(), (8,), 2, options, seed=1, on_step=lambda *step: bool(seen.append(step))
    )
    assert len(result.sets) == 1
    assert result.sets[0].values.shape == (2, 101)
    assert len(result.outer_loss) == 4
    assert [step for step, _, _ in seen] == [1, 2, 3, 4]
    assert result.evolution.shape == (5, 1, 2, 101)
    assert np.abs(result.evolution[-1] - result.evolution[0]).max() > 0.05
    assert 0 <= result.outside <= 1
    again = learn_activations(draw_classes(), (8,), 2, options, seed=1)
    np.testing.assert_array_equal(again.sets[0].values, result.sets[0].values)


def test_types_differ_from_the_start():
    result = learn_activations(draw_classes(), (8,), 2, MetaOptions(n_types=3, **QUICK))
    start = result.evolution[0, 0]
    assert np.abs(start[0] - start[1]).max() > 1e-3
    assert np.abs(start[1] - start[2]).max() > 1e-3


def test_sets_per_layer():
    options = MetaOptions(share_across_layers=False, **QUICK)
    result = learn_activations(draw_classes(), (8, 6), 2, options)
    assert len(result.sets) == 2
    assert not np.allclose(result.sets[0].values, result.sets[1].values)
    shared = learn_activations(draw_classes(), (8, 6), 2, MetaOptions(**QUICK))
    assert len(shared.sets) == 1


@pytest.mark.parametrize("meta", ["unrolled", "joint"])
def test_the_outer_loss_falls(meta):
    options = MetaOptions(
        meta=meta, n_types=1, outer_steps=60, inner_steps=40, batch_size=64, noise=0.0
    )
    loss = learn_activations(draw_waves(), (16,), 1, options).outer_loss
    assert np.mean(loss[-5:]) < 0.7 * np.mean(loss[:5])


def test_fields_of_a_hamiltonian():
    X = np.random.default_rng(0).uniform(-1, 1, size=(200, 2))
    table = TensorTable.from_arrays(X, np.stack([X[:, 1], -np.sin(X[:, 0])], axis=1))
    result = learn_activations(table, (8,), 2, MetaOptions(base="tanh", **QUICK), hamiltonian=True)
    assert np.isfinite(result.sets[0].values).all()


def test_weights_count_rows():
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = np.r_[np.zeros(30), np.ones(30)].astype(np.int64)
    weight = np.r_[np.full(30, 1e-9), np.ones(30)]
    options = MetaOptions(n_types=1, **QUICK)
    weighted = learn_activations(TensorTable.from_arrays(X, y, weight), (4,), 2, options)
    plain = learn_activations(TensorTable.from_arrays(X, y), (4,), 2, options)
    assert weighted.outer_loss[-1] < plain.outer_loss[-1]


def test_a_run_that_blows_up_teaches_nothing():
    table = draw_waves()
    broken = TensorTable(table.X, torch.full_like(table.y, torch.inf))
    result = learn_activations(broken, (8,), 1, MetaOptions(n_types=1, **QUICK))
    np.testing.assert_allclose(result.evolution[-1], result.evolution[0])


def test_learning_can_be_ended():
    result = learn_activations(
        draw_classes(), (8,), 2, MetaOptions(**QUICK), on_step=lambda step, *_: step == 2
    )
    assert len(result.outer_loss) == 2
    assert len(result.sets) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"meta": "implicit"}, "'unrolled', 'first_order' or 'joint'"),
        ({"meta_loss": "test"}, "'holdout' or 'train'"),
        ({"base": "cosine"}, "unknown activation"),
        ({"n_types": 9}, "cannot have 9 types"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        learn_activations(draw_classes(), (8,), 2, MetaOptions(**options))


def test_too_few_rows_and_another_grid():
    with pytest.raises(ValueError, match="at least 2 rows"):
        learn_activations(draw_classes(1), (8,), 2)
    options = MetaOptions(grid=Grid(-5, 5, 31), **QUICK)
    assert learn_activations(draw_classes(), (8,), 2, options).sets[0].values.shape == (2, 31)
