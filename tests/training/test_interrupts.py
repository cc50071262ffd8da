"""Ctrl-C leaves training wherever it lands; a skorch callback may still end it in order."""

import signal
import time

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sktaskneuron.nn import DiverseNetwork, TaskNetwork, TrainableActivation
from sktaskneuron.training import (
    Clock,
    MetaOptions,
    TensorBatches,
    TensorTable,
    fit_members,
    fit_network,
    fit_replicates,
    learn_activations,
    optimizers,
    predict,
)
from sktaskneuron.training.loop import (
    best,
    callbacks,
    fit,
    held_out,
    losses,
    members,
    packed_rows,
    replicates,
    run,
)
from sktaskneuron.training.loop.interrupts import is_raised_by_code
from sktaskneuron.training.meta import functions, inner_run, learning

from ..interrupts import interrupted
from .conftest import make_arrays, make_network

EVENTS = ["on_epoch_begin", "on_batch_begin", "on_grad_computed", "on_batch_end", "on_epoch_end"]


@pytest.fixture(autouse=True)
def plain_handler():
    """Python's own handler of Ctrl-C, whatever the runner of the tests has set."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def threads_stay_as_they_were():
    n_threads = torch.get_num_threads()
    yield
    assert torch.get_num_threads() == n_threads


def by_statement(*args, **kwargs):
    raise KeyboardInterrupt


def by_signal(*args, **kwargs):
    signal.raise_signal(signal.SIGINT)


def train_network(**options):
    table, valid = (TensorTable.from_arrays(*make_arrays(seed=seed)) for seed in (0, 1))
    options = {"max_epochs": 4, "batch_size": 32, "network": make_network(), **options}
    return fit_network(options.pop("network"), table, valid, on_epoch_end=never, **options)


def train_members(**options):
    X, y = make_arrays(90)
    table = TensorTable.from_arrays(X, (y > 0).astype(int))
    rows = [np.arange(60)] * 2, [np.arange(60, 90)] * 2
    network = TaskNetwork(4, 2, "x", hidden_layer_sizes=(8,), n_members=2)
    options = {"n_epochs": 4, "batch_size": 32, "on_epoch_end": never, **options}
    return fit_members(network, table, *rows, loss="cross_entropy", **options)


def train_replicates(**options):
    table = TensorTable.from_arrays(*make_arrays(90))
    rows = [np.arange(60)] * 2, [np.arange(60, 90)] * 2
    network = DiverseNetwork(4, 1, (8,), [(2, [["tanh", "prelu(trainable=True)"]])])
    options = {"n_epochs": 4, "batch_size": 32, "on_epoch_end": never, **options}
    return fit_replicates(network, table, *rows, **options)


def learn(**options):
    X, y = make_arrays(90)
    table = TensorTable.from_arrays(X, (y > 0).astype(int))
    meta = MetaOptions(outer_steps=options.pop("outer_steps", 4), inner_steps=4, n_hidden=8)
    return learn_activations(table, (8,), 2, meta, **options)


def never(*args):
    return False


PLACES = [
    (train_network, [
        (TensorBatches, "__iter__"), (TaskNetwork, "forward"), (losses.WeightedLoss, "forward"),
        (torch.Tensor, "backward"), (optimizers.AdamW, "step"),
        (callbacks.Schedules, "on_train_begin"), (callbacks.Schedules, "on_epoch_begin"),
        (callbacks.Schedules, "on_batch_begin"), (callbacks.Schedules, "on_train_end"),
        (best.BestEpoch, "on_epoch_end"), (best.KeptTensors, "load"),
        (callbacks.HookCallback, "on_epoch_end"), (fit, "RunOptions"), (run, "_history_columns"),
        (run, "module_to_arrays"), (run, "random_scope"), (run, "TaskDrivenNet"),
    ]),
    (train_members, [
        (packed_rows.MemberBatches, "__iter__"), (packed_rows, "take_inputs"), (Clock, "__call__"),
        (TaskNetwork, "forward"), (held_out.HeldOut, "on_epoch_end"),
        (held_out, "inverse_temperature"), (held_out.HeldOut, "held_outputs"),
        (held_out.StopRules, "on_epoch_end"), (callbacks.HookCallback, "on_epoch_end"),
        (members, "MemberResult"),
    ]),
    (train_replicates, [
        (packed_rows.MemberBatches, "__iter__"), (DiverseNetwork, "forward"),
        (TrainableActivation, "forward"), (torch.autograd, "grad"), (Clock, "__call__"),
        (replicates.ReplicateAdam, "step"), (packed_rows.HeldRows, "outputs"),
        (best.BestEpochs, "keep"), (best.KeptTensors, "load"), (replicates, "module_to_arrays"),
    ]),
    (learn, [
        (functions.LearnedFunctions, "tables"), (functions.LearnedFunctions, "step"),
        (functions.LearnedFunctions, "note"), (functions.LearnedFunctions, "sets"),
        (learning, "run_inner"), (learning, "adjoint_run"), (inner_run.TabulatedNetwork, "adjoint"),
    ]),
]  # fmt: skip


@pytest.mark.parametrize("interrupt", [by_statement, by_signal])
@pytest.mark.parametrize(
    ("train", "owner", "name"),
    [(train, owner, name) for train, places in PLACES for owner, name in places],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", None),
)
def test_an_interrupt_leaves_from_every_place(monkeypatch, train, owner, name, interrupt):
    original = getattr(owner, name)

    def interrupted(*args, **kwargs):
        interrupt()
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        train()


@pytest.mark.parametrize("interrupt", [by_statement, by_signal])
@pytest.mark.parametrize(
    ("train", "hook"),
    [(train_members, "on_epoch_end"), (train_replicates, "on_epoch_end"), (learn, "on_step")],
)
def test_an_interrupt_leaves_from_a_hook(train, hook, interrupt):
    with pytest.raises(KeyboardInterrupt):
        train(**{hook: interrupt})


@pytest.mark.parametrize(
    ("train", "option"),
    [
        (train_network, "max_epochs"),
        (train_members, "n_epochs"),
        (train_replicates, "n_epochs"),
        (learn, "outer_steps"),
    ],
)
def test_an_interrupt_from_another_thread_leaves_within_a_second(train, option):
    options = {} if train is learn else {"schedule": "constant"}
    if train is train_members:
        options["stop_at_cycle_ends"] = False
    with interrupted(after=0.3):
        train(**{option: 1_000_000}, **options)


def calling(event, function):
    """Return a callback of the user that calls a function at an event."""

    def call(self, net, *args, **kwargs):
        function()

    return type("Calling", (Callback,), {event: call})()


class TestCallbackOfTheUser:
    @pytest.mark.parametrize("event", EVENTS)
    @pytest.mark.parametrize("train", [train_network, train_members])
    def test_may_end_training(self, train, event):
        epochs = iter(range(10))

        def second_time():
            if next(epochs) >= 6:
                raise KeyboardInterrupt

        result = train(callbacks=[calling(event, second_time)], **{
            "max_epochs" if train is train_network else "n_epochs": 9
        })  # fmt: skip
        assert result.stop_reason == "callback"
        assert result.best_epoch <= result.n_epochs < 9

    @pytest.mark.parametrize("event", [*EVENTS, "on_train_begin", "on_train_end"])
    def test_does_not_swallow_the_signal(self, event):
        with pytest.raises(KeyboardInterrupt):
            train_network(callbacks=[calling(event, by_signal)])

    @pytest.mark.parametrize("event", ["on_train_begin", "on_train_end"])
    def test_asks_in_vain_outside_of_training(self, event):
        """As in skorch, where such an interrupt leaves fit too."""
        with pytest.raises(KeyboardInterrupt):
            train_network(callbacks=[calling(event, by_statement)])

    def test_does_not_swallow_a_handler_written_in_python(self):
        def handler(number, frame):
            raise KeyboardInterrupt

        signal.signal(signal.SIGINT, handler)
        with pytest.raises(KeyboardInterrupt):
            train_network(callbacks=[calling("on_epoch_end", by_signal)])

    def test_does_not_swallow_what_it_raised_upon_the_signal(self):
        def clean_up():
            try:
                by_signal()
            except KeyboardInterrupt:
                raise KeyboardInterrupt from None

        with pytest.raises(KeyboardInterrupt):
            train_network(callbacks=[calling("on_epoch_end", clean_up)])

    def test_leaves_dropout_as_it_was(self):
        network = make_network(dropout=0.2)
        seen = []

        def look():
            seen.append(network.dropouts[0].p)
            if len(seen) == 4:
                by_signal()

        with pytest.raises(KeyboardInterrupt):
            train_network(network=network, callbacks=[calling("on_epoch_end", look)])
        assert seen[-1] < 0.2 == network.dropouts[0].p

    def test_does_not_hide_an_interrupt_by_an_error_at_the_end(self):
        def fail():
            raise RuntimeError("no file was written")

        with pytest.raises(KeyboardInterrupt):
            train_network(
                callbacks=[calling("on_epoch_end", by_signal), calling("on_train_end", fail)]
            )
        with pytest.raises(RuntimeError, match="no file was written"):
            train_network(callbacks=[calling("on_train_end", fail)])


def test_kinds_of_interrupts_are_told_apart():
    def again():
        try:
            by_statement()
        except KeyboardInterrupt:
            raise

    def in_a_loop():
        signal.raise_signal(signal.SIGINT)
        while True:
            pass

    for function, expected in (
        (by_statement, True), (again, True), (by_signal, False), (in_a_loop, False)
    ):  # fmt: skip
        with pytest.raises(KeyboardInterrupt) as caught:
            function()
        assert is_raised_by_code(caught.value) is expected


@pytest.mark.parametrize("n_threads", [1, 3])
def test_an_interrupt_leaves_prediction(n_threads):
    done = []
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)

    class Slow(torch.nn.Module):
        def forward(self, input):
            time.sleep(0.02)
            done.append(len(input))
            return input

    module = Slow().train()
    try:
        with interrupted(after=0.1):
            predict.predict_in_chunks(module, np.zeros((10_000, 2)), chunk=1)
        assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(before)
    assert len(done) < 3_000  # as many in 15 s: an interrupt that is dropped is sent again after 5
    assert module.training
