"""Training: reproducible, weighted, scheduled, stopped and restored."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback, Checkpoint, EarlyStopping, LRScheduler, PrintLog

from sktaskneuron.training import (
    DivergedError,
    TensorTable,
    arrays_to_module,
    fit_network,
    module_to_arrays,
)
from sktaskneuron.training.loop.net import TaskDrivenNet

from ..conftest import make_arrays, make_network


def equal(first, second):
    return first.keys() == second.keys() and all((first[k] == second[k]).all() for k in first)


def train(table, valid=None, *, network=None, **options):
    options = {"max_epochs": 6, "batch_size": 32, **options}
    return fit_network(network or make_network(), table, valid, **options)


def test_training_learns_a_product(table, valid_table):
    result = train(table, valid_table, max_epochs=60, learning_rate=0.1)
    assert min(result.history["valid_loss"]) < 0.25
    assert result.n_epochs == 60
    assert result.stop_reason == "max_epochs"


def test_same_seed_is_bit_equal(table, valid_table):
    runs = [
        train(table, valid_table, network=make_network(dropout=0.3), seed=seed)
        for seed in (5, 5, 6)
    ]
    assert equal(runs[0].state, runs[1].state)
    assert runs[0].history == runs[1].history
    assert not equal(runs[0].state, runs[2].state)


def test_global_torch_stream_neither_matters_nor_moves(table):
    states = []
    with torch.random.fork_rng(devices=[]):
        for seed in (1, 2):
            torch.manual_seed(seed)
            before = torch.random.get_rng_state()
            module = torch.nn.Sequential(
                torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1)
            )
            with torch.no_grad():
                for parameter in module.parameters():
                    parameter.fill_(0.1)
            torch.random.set_rng_state(before)
            states.append(train(table, network=module).state)
            assert torch.equal(torch.random.get_rng_state(), before)
    assert equal(*states)


@pytest.mark.parametrize("formula_options", [{}, {"hidden_formula": "x + <x,x>:2"}], ids=str)
def test_weights_equal_repeated_rows(formula_options):
    X, y = make_arrays(40)
    weight = np.random.default_rng(3).integers(0, 4, size=40)
    tables = [
        TensorTable.from_arrays(X, y, weight, dtype=torch.float64),
        TensorTable.from_arrays(
            np.repeat(X, weight, axis=0), np.repeat(y, weight), dtype=torch.float64
        ),
    ]
    states = [
        train(t, network=make_network(**formula_options), batch_size=1000, max_epochs=60).state
        for t in tables
    ]
    for name in states[0]:
        np.testing.assert_allclose(states[0][name], states[1][name], rtol=1e-7, atol=1e-7)
    unweighted = train(
        TensorTable.from_arrays(X, y, dtype=torch.float64), batch_size=1000, max_epochs=60
    )
    assert not np.allclose(unweighted.state["output.weight"], states[0]["output.weight"])


def test_weights_count_in_validation(table):
    X, y = make_arrays(seed=1)
    weight = np.random.default_rng(3).integers(1, 4, size=len(y))
    losses = [
        train(table, TensorTable.from_arrays(*arrays)).history["valid_loss"]
        for arrays in ((X, y, weight), (np.repeat(X, weight, 0), np.repeat(y, weight)), (X, y))
    ]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    assert not np.allclose(losses[0], losses[2], rtol=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        {"loss": lambda output, target: (output - target).abs().mean(dim=1)},
        {"max_epochs": 7},
        {"min_steps": 30},
        {"batch_size": 16},
        {"learning_rate": 0.02},
        {"weight_decay": 0.5},
        {"schedule": "cosine"},
        {"schedule": "constant"},
        {"weight_decay_schedule": "constant"},
        {"dropout_schedule": "constant"},
        {"betas": (0.8, 0.95)},
        {"max_gradient_norm": 1e-7},
        {"shuffle": False},
        {"seed": 1},
    ],
    ids=lambda option: ",".join(option),
)
def test_options_have_an_effect(table, change):
    runs = [train(table, network=make_network(dropout=0.2), **c) for c in ({}, change)]
    assert not equal(runs[0].state, runs[1].state)


def test_patience_stops_and_the_best_epoch_is_restored(table, valid_table):
    options = {"max_epochs": 200, "schedule": "constant", "learning_rate": 0.3}
    network = make_network()
    result = train(table, valid_table, network=network, patience=5, **options)
    losses = result.history["valid_loss"]
    assert result.stop_reason == "patience"
    assert result.best_epoch == 1 + int(np.argmin(losses))
    assert result.n_epochs == result.best_epoch + 5 == len(losses)
    with torch.no_grad():
        loss = (network(valid_table.X) - valid_table.y).square().mean().item()
    assert loss == pytest.approx(min(losses), rel=1e-5)
    longer = train(table, valid_table, patience=9, **options)
    assert longer.n_epochs > result.n_epochs

    last = train(table, valid_table, patience=5, restore_best=False, **options)
    assert last.best_epoch == last.n_epochs == result.n_epochs
    assert not equal(last.state, result.state)


def test_without_validation_the_last_epoch_is_kept(table):
    result = train(table, patience=1)
    assert result.best_epoch == result.n_epochs == 6
    assert "valid_loss" not in result.history


def test_state_is_that_of_the_module(table):
    network, other = make_network(), make_network(seed=1)
    result = train(table, network=network)
    arrays_to_module(other, result.state)
    assert not network.training
    assert torch.equal(network(table.X), other.eval()(table.X))


def test_dropout_follows_its_schedule(table):
    network = make_network(dropout=0.4)
    rates = []
    train(
        table, network=network, max_epochs=8,
        on_epoch_end=lambda *_: rates.append(network.dropouts[0].p),
    )  # fmt: skip
    assert rates[:4] == [0.4] * 4
    assert sorted(rates[4:], reverse=True) == rates[4:]
    assert rates[-1] < 0.1
    assert network.dropouts[0].p == 0.4


def test_learning_rate_follows_its_schedule(table):
    rates = []

    class Watch(Callback):
        def on_batch_end(self, net, **kwargs):
            # the input scale comes first, at six times the learning rate
            rates.append(max(group["lr"] for group in net.optimizer_.param_groups) / 6)

    train(table, schedule="cosine", max_epochs=20, learning_rate=0.1, callbacks=[Watch()])
    assert len(rates) == 60
    assert max(rates) == pytest.approx(0.1, rel=0.02)
    assert rates[0] == pytest.approx(0.1 * (0.5 / 60) / 0.05, rel=0.01)
    assert rates[-1] < 0.001


def test_hook_sees_losses_and_the_present_state_and_stops(table, valid_table):
    seen = []

    def hook(epoch, logs, get_state):
        seen.append((epoch, logs["train_loss"], logs["valid_loss"], get_state()))
        return epoch == 3

    result = train(table, valid_table, on_epoch_end=hook)
    assert [s[0] for s in seen] == [1, 2, 3]
    assert result.n_epochs == 3
    assert result.stop_reason == "callback"
    assert [s[1] for s in seen] == result.history["train_loss"]
    assert equal(seen[result.best_epoch - 1][3], result.state)


def test_skorch_callbacks_pass_through(table, valid_table):
    early = EarlyStopping(monitor="valid_loss", patience=2, threshold=1.0, sink=lambda *_: None)
    result = train(table, valid_table, callbacks=[("mine", early)], max_epochs=50)
    assert result.stop_reason == "callback"
    assert result.n_epochs < 10

    class Recorder(Callback):
        def on_epoch_end(self, net, **kwargs):
            net.history.record("answer", 42)

    result = train(table, callbacks=[Recorder()])
    assert result.history["answer"] == [42] * 6


def test_stock_callbacks_of_skorch_work(table, valid_table, tmp_path):
    lines, seen = [], []

    class Look(Callback):
        def on_train_end(self, net, **kwargs):
            seen.append(net.get_params(deep=True))
            seen.append(repr(net))

    checkpoint = Checkpoint(dirname=str(tmp_path), monitor="valid_loss_best")
    scheduler = LRScheduler("StepLR", step_size=2, gamma=0.1)
    run = {"schedule": "constant", "weight_decay_schedule": "constant"}
    callbacks = [checkpoint, scheduler, PrintLog(sink=lines.append), Look()]
    result = train(table, valid_table, callbacks=callbacks, **run)
    network = make_network()
    network.load_state_dict(torch.load(tmp_path / "params.pt", weights_only=True))
    assert equal(module_to_arrays(network), result.state)
    assert not equal(result.state, train(table, valid_table, **run).state)
    assert len(lines) >= 6
    assert len(seen) == 2


def test_an_interrupt_by_the_user_leaves_training(table):
    class Interrupted(torch.nn.Linear):
        def forward(self, input):
            raise KeyboardInterrupt

    with torch.random.fork_rng(devices=[]):
        module = Interrupted(4, 1)
    with pytest.raises(KeyboardInterrupt):
        train(table, network=module)


class Poisoned(torch.nn.Module):
    """A linear model that fails from a given call in training mode on."""

    def __init__(self, bad_call):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(4, 1))
        self.calls, self.bad_call = 0, bad_call

    def forward(self, input):
        self.calls += self.training
        return input @ self.weight / (0.0 if self.calls >= self.bad_call else 1.0)


@pytest.mark.parametrize("with_validation", [True, False])
def test_a_loss_that_is_not_finite_ends_at_the_best_epoch(table, valid_table, with_validation):
    states = []
    with pytest.warns(ConvergenceWarning, match="not finite in epoch 4"):
        result = train(
            table, valid_table if with_validation else None, network=Poisoned(10),
            on_epoch_end=lambda epoch, logs, get_state: states.append(get_state()),
        )  # fmt: skip
    assert result.stop_reason == "not_finite"
    assert result.best_epoch == 3
    assert equal(result.state, states[2])
    assert np.isfinite(result.state["weight"]).all()


def test_a_loss_that_is_never_finite_is_an_error(table):
    with pytest.raises(DivergedError, match="lower learning_rate"):
        train(table, network=Poisoned(1))


def test_classes_are_learned():
    X, _ = make_arrays(200)
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    network = make_network()
    network.output = type(network.output)(16, 2, "x", generator=0)
    network.skip_weight = None
    table = TensorTable.from_arrays(X, y)
    train(table, network=network, loss="cross_entropy", max_epochs=60, learning_rate=0.1)
    with torch.no_grad():
        assert (network(table.X).argmax(1) == table.y).double().mean() > 0.9


def test_models_of_the_user_get_rates_by_the_fan_in(table):
    with torch.random.fork_rng(devices=[]):
        module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    groups = []

    class Watch(Callback):
        def on_train_begin(self, net, **kwargs):
            groups.extend((g["lr"], g["weight_decay"]) for g in net.optimizer_.param_groups)

    train(table, network=module, learning_rate=0.1, weight_decay=0.1, callbacks=[Watch()])
    expected = [(0.01, 0.0), (0.1 / 8**0.5, 0.1 * 8**0.5), (0.05, 0.2)]
    np.testing.assert_allclose(sorted(groups), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "hinge"}, "unknown loss"),
        ({"schedule": "linear"}, "unknown schedule"),
        ({"max_epochs": 0}, "max_epochs must be at least 1"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"patience": 0}, "patience must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"learning_rate": float("nan")}, "learning_rate must be positive"),
        ({"weight_decay": -1.0}, "weight_decay must not be negative"),
    ],
)
def test_bad_options_are_refused(table, options, message):
    with pytest.raises(ValueError, match=message):
        train(table, **options)


def test_net_can_be_used_without_the_function_face(table):
    from sktaskneuron.training import TensorBatches
    from sktaskneuron.training.loop.losses import WeightedLoss, squared_error

    net = TaskDrivenNet(
        make_network(), WeightedLoss(squared_error), optimizer=torch.optim.AdamW, lr=0.05,
        max_epochs=5, iterator_train=TensorBatches, train_split=None, verbose=0,
    )  # fmt: skip
    losses = [row["train_loss"] for row in net.fit(table).history]
    assert losses[-1] < losses[0]
