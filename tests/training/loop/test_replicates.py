"""Many networks as one batch, each as if it were alone."""

import numpy as np
import pytest
import torch

from sktaskneuron.nn import DiverseNetwork
from sktaskneuron.training import Clock, DivergedError, TensorTable
from sktaskneuron.training.loop.replicates import fit_replicates


def draw_table(n=200, seed=0, weight=None):
    X = np.random.default_rng(seed).normal(size=(n, 3))
    y = np.sin(X[:, :1]) + X[:, 1:2] * X[:, 2:3]
    return TensorTable.from_arrays(X, y, weight, dtype=torch.float64)


def network(count=3, function="tanh"):
    return DiverseNetwork(3, 1, (8,), [(count, [[function]])], dtype=torch.float64)


ROWS = np.arange(150), np.arange(150, 200)


def fit(module, table, rates=0.01, count=3, held=True, **options):
    return fit_replicates(
        module,
        table,
        [ROWS[0]] * count,
        [ROWS[1]] * count if held else None,
        learning_rate=rates,
        **{"n_epochs": 8, "batch_size": 32, **options},
    )


def test_each_has_its_own_rate_and_best_epoch():
    result = fit(network(), draw_table(), [1e-3, 1e-2, 0.3])
    assert result.loss.shape == (3,)
    assert result.loss[1] < result.loss[0]
    series = np.array(result.history["valid_loss"])
    np.testing.assert_array_equal(result.best_epoch, series.argmin(axis=0) + 1)
    np.testing.assert_allclose(result.loss, series.min(axis=0))


def test_state_and_outputs_are_those_of_the_best_epoch():
    module, table = network(), draw_table()
    result = fit(module, table, [1e-3, 1e-2, 0.3])
    with torch.no_grad():
        outputs = module(table.X[ROWS[1]]).numpy()
    for member in range(3):
        np.testing.assert_allclose(outputs[member], result.held_outputs[member], rtol=1e-9)
    loss = ((outputs - table.y[ROWS[1]].numpy()) ** 2).mean(axis=(1, 2))
    np.testing.assert_allclose(loss, result.loss, rtol=1e-9)


def test_a_replicate_alone_is_the_same():
    """One batch per epoch, so that the order of rows does not matter."""
    together = fit(network(3), draw_table(), [1e-3, 1e-2, 2e-2], batch_size=500)
    alone = fit_replicates(
        network(3).part(0, [1]),
        draw_table(),
        [ROWS[0]],
        [ROWS[1]],
        learning_rate=1e-2,
        n_epochs=8,
        batch_size=500,
    )
    assert alone.loss[0] == pytest.approx(together.loss[1], rel=1e-10)


def test_one_that_diverges_harms_no_other():
    table = draw_table()
    calm = fit(network(), table, [1e-2, 1e-2, 1e-2])
    module = network()
    with torch.no_grad():
        module.weights[0][1] = torch.inf
    result = fit(module, table, [1e-2, 1e-2, 1e-2])
    assert np.isinf(result.loss[1])
    np.testing.assert_allclose(result.loss[[0, 2]], calm.loss[[0, 2]], rtol=1e-9)
    with torch.no_grad():
        module.weights[0][:] = torch.inf
    with pytest.raises(DivergedError, match="no network had a finite loss"):
        fit(module, table)


def test_weights_are_copies():
    weight = np.ones(200)
    weight[:50] = 2.0
    weighted = fit_replicates(
        network(1),
        draw_table(weight=weight),
        [np.arange(200)],
        n_epochs=5,
        batch_size=10_000,
        learning_rate=0.01,
    )
    copies = np.r_[np.arange(50), np.arange(200)]
    repeated = fit_replicates(
        network(1), draw_table(), [copies], n_epochs=5, batch_size=10_000, learning_rate=0.01
    )
    for name, value in weighted.state.items():
        np.testing.assert_allclose(value, repeated.state[name], atol=1e-9)


def test_held_out_parts_of_other_lengths():
    table = draw_table()
    held = [np.arange(100, 150), np.arange(150, 197)]
    result = fit_replicates(
        network(2), table, [np.arange(100)] * 2, held, n_epochs=2, batch_size=50
    )
    assert [len(part) for part in result.held_outputs] == [50, 47]
    for part, rows, loss in zip(result.held_outputs, held, result.loss, strict=True):
        assert ((part - table.y[rows].numpy()) ** 2).mean() == pytest.approx(loss)


def test_same_seed_same_result():
    one, two = (fit(network(), draw_table(), seed=3) for _ in range(2))
    other = fit(network(), draw_table(), seed=4)
    np.testing.assert_array_equal(one.loss, two.loss)
    assert (one.loss != other.loss).all()


def test_ends():
    table = draw_table()
    assert fit(network(), table, held=False).stop_reason == "max_epochs"
    assert fit(network(), table, clock=Clock(0.0)).stop_reason == "time"
    assert fit(network(), table, on_epoch_end=lambda e, *_: e == 2).n_epochs == 2
    stuck = fit(network(), table, 1e-12, patience=2, n_epochs=30, schedule="constant")
    assert stuck.stop_reason in ("patience", "max_epochs")


def test_ends_where_none_is_left():
    table = draw_table()

    def blow_up(epoch, logs, get_state):
        if epoch == 2:
            with torch.no_grad():
                module.weights[0].fill_(torch.nan)

    module = network()
    result = fit(module, table, on_epoch_end=blow_up)
    assert (result.stop_reason, result.n_epochs) == ("not_finite", 3)
    assert np.isfinite(result.loss).all()


def test_wrong_numbers():
    with pytest.raises(ValueError, match="first axis of 4 replicates"):
        fit(network(3), draw_table(), count=4)
    with pytest.raises(ValueError, match="every replicate needs rows"):
        fit_replicates(network(1), draw_table(), [np.arange(0)])


def test_ends_where_all_overfit():
    """The epochs that are left out change nothing: every network has had its best one."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(200, 1))
    table = TensorTable.from_arrays(rng.normal(size=(200, 3)), noise, dtype=torch.float64)

    def run(**options):
        wide = DiverseNetwork(3, 1, (100,), [(3, [["sin"]])], dtype=torch.float64)
        rates = [3e-2, 2e-2, 1e-2]
        return fit(wide, table, rates, n_epochs=100, schedule="flat_cos", **options)

    whole, early = run(), run(stop_overfit=True)
    assert (early.stop_reason, whole.stop_reason) == ("overfit", "max_epochs")
    assert early.n_epochs < whole.n_epochs
    np.testing.assert_array_equal(early.loss, whole.loss)
    np.testing.assert_array_equal(early.best_epoch, whole.best_epoch)
    valid, train = (np.array(early.history[f"{kind}_loss"]) for kind in ("valid", "train"))
    assert (valid[-8:] > 1.05 * early.loss).all()
    assert (train[-1] < train[early.best_epoch - 1, range(3)]).all()


def test_a_loss_that_is_high_in_training_too_is_no_overfit():
    result = fit(network(), draw_table(), 0.3, n_epochs=30, stop_overfit=True)
    assert result.stop_reason == "max_epochs"


def test_a_network_that_diverged_does_not_hold_the_others_up():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(200, 1))
    table = TensorTable.from_arrays(rng.normal(size=(200, 3)), noise, dtype=torch.float64)
    wide = DiverseNetwork(3, 1, (100,), [(2, [["sin"]])], dtype=torch.float64)

    def blow_up(epoch, logs, get_state):
        if epoch == 2:
            with torch.no_grad():
                wide.weights[0][1].fill_(torch.nan)

    result = fit(wide, table, 0.03, 2, n_epochs=100, stop_overfit=True, on_epoch_end=blow_up)
    assert (result.stop_reason, np.isfinite(result.loss).all()) == ("overfit", True)
