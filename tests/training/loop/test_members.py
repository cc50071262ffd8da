"""Packed members: rows of their own, one joint best epoch, an end in time."""

import math
import time

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback

from sktaskneuron.nn import TaskNetwork
from sktaskneuron.training import (
    Clock,
    DivergedError,
    MeanOfMembers,
    TensorTable,
    arrays_to_module,
    fit_members,
)
from sktaskneuron.training.loop.calibration import inverse_temperature
from sktaskneuron.training.loop.held_out import StopRules
from sktaskneuron.training.loop.packed_rows import MemberBatches, MemberTable

from ..conftest import make_arrays

CPU = torch.device("cpu")


def make_packed(n_members=3, n_outputs=1, seed=0, formula="x + x**2 + <x,x>:3", **options):
    options = {"hidden_layer_sizes": (8,), "generator": seed, **options}
    return TaskNetwork(4, n_outputs, formula, n_members=n_members, **options)


def folds(n_rows, n_members):
    """Training and held-out rows per member."""
    place = np.arange(n_rows) % n_members
    held = [np.flatnonzero(place == j) for j in range(n_members)]
    return [np.setdiff1d(np.arange(n_rows), rows) for rows in held], held


def train(table, train_rows, held_rows=None, *, network=None, **options):
    options = {"n_epochs": 5, "batch_size": 32, **options}
    network = network or make_packed(len(train_rows))
    return fit_members(network, table, train_rows, held_rows, **options)


def equal(first, second):
    return first.keys() == second.keys() and all((first[k] == second[k]).all() for k in first)


def outputs_of(state, X, rows, **options):
    """Each member's outputs on rows of its own, from a stored state."""
    network = make_packed(len(rows), **options)
    arrays_to_module(network, state)
    network.eval()
    with torch.no_grad():
        longest = max(map(len, rows))
        stack = torch.stack([X[np.resize(part, longest)] for part in rows])
        return [
            o[: len(part)].double().numpy() for o, part in zip(network(stack), rows, strict=True)
        ]


class TestRows:
    def test_a_member_learns_the_targets_of_its_own_rows(self):
        """The rows of each third have another target; no member knows of the others' ones."""
        X, _ = make_arrays(180)
        slopes = [-2.0, 0.0, 3.0]
        part = np.arange(180) // 60
        table = TensorTable.from_arrays(X, np.choose(part, slopes) * X[:, 0])
        rows = [np.flatnonzero(part == j) for j in range(3)]
        result = train(table, rows, n_epochs=20, learning_rate=0.1, schedule="flat_cos")
        everything = [np.arange(180)] * 3
        for slope, found in zip(slopes, outputs_of(result.state, table.X, everything), strict=True):
            assert np.mean((found[:, 0] - slope * X[:, 0]) ** 2) < 0.05

    def test_changed_rows_of_one_member_change_that_member_alone(self):
        X, y = make_arrays(90)
        rows = [np.arange(30) + 30 * j for j in range(3)]
        changed = y.copy()
        changed[30:60] *= -1
        first, second = (train(TensorTable.from_arrays(X, t), rows).state for t in (y, changed))
        weights = [state["output.weight"] for state in (first, second)]
        np.testing.assert_array_equal(weights[0][[0, 2]], weights[1][[0, 2]])
        assert not np.allclose(weights[0][1], weights[1][1])

    def test_held_rows_are_never_trained_on(self):
        X, y = make_arrays(90)
        train_rows, held = folds(90, 3)
        poisoned = y.copy()
        poisoned[held[1]] = 1e3
        states = [
            train(TensorTable.from_arrays(X, t), [train_rows[1]] * 3, [held[1]] * 3, n_epochs=1)
            for t in (y, poisoned)
        ]
        assert equal(states[0].state, states[1].state)

    def test_an_epoch_takes_as_many_rows_of_each_member(self):
        rows = [np.arange(10), np.arange(20, 57)]
        index = torch.arange(60.0)
        table = TensorTable(index[:, None], index, index + 1)
        members = MemberTable(table, rows)
        generator = torch.Generator().manual_seed(0)
        batches = MemberBatches(members, 4, generator=generator, device=CPU, clock=Clock())
        assert len(members) == 10
        seen = []
        for _ in range(15):
            parts = list(batches)
            assert [X.shape for X, _ in parts] == [(2, 3, 1), (2, 3, 1), (2, 4, 1)]
            X = torch.cat([X for X, _ in parts], dim=1)[..., 0]
            assert torch.equal(torch.cat([y for _, (y, _) in parts], dim=1)[..., 0], X)
            assert torch.equal(torch.cat([w for _, (_, w) in parts], dim=1), X + 1)
            assert X[0].sort().values.tolist() == list(range(10))
            assert len(set(X[1].tolist())) == 10
            seen.extend(X[1].tolist())
        assert len(set(seen)) > 30  # of 37: the longer member meets others at every epoch

    def test_a_member_without_rows_is_refused(self):
        table = TensorTable.from_arrays(*make_arrays())
        with pytest.raises(ValueError, match="every member needs rows"):
            train(table, [np.arange(5), np.arange(0)])


class TestHeldOut:
    @pytest.mark.parametrize("sizes", [(30, 30, 30), (30, 7, 1)], ids=str)
    def test_outputs_are_those_of_the_kept_epoch(self, sizes):
        table = TensorTable.from_arrays(*make_arrays(90))
        train_rows, held = folds(90, 3)
        held = [rows[:n] for rows, n in zip(held, sizes, strict=True)]
        result = train(table, train_rows, held, learning_rate=0.5, n_epochs=8)
        assert [len(output) for output in result.held_outputs] == list(sizes)
        expected = outputs_of(result.state, table.X, held)
        for found, value in zip(result.held_outputs, expected, strict=True):
            assert found.dtype == np.float64
            np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-5)
        y = table.y.double().numpy()
        errors = np.concatenate(
            [(o - y[rows])[:, 0] for o, rows in zip(result.held_outputs, held, strict=True)]
        )
        joint = np.mean(errors**2)
        assert joint == pytest.approx(min(result.history["valid_loss"]), rel=1e-5)

    def test_best_epoch_is_that_of_the_joint_loss(self):
        X, _ = make_arrays(90)
        table = TensorTable.from_arrays(X, np.random.default_rng(0).normal(size=90))
        states = []

        def hook(epoch, logs, get_state):
            states.append(get_state())

        options = {"learning_rate": 0.6, "schedule": "constant", "n_epochs": 30}
        result = train(table, *folds(90, 3), on_epoch_end=hook, **options)
        assert result.best_epoch == 1 + int(np.argmin(result.history["valid_loss"]))
        assert result.best_epoch < result.n_epochs == 30
        assert equal(states[result.best_epoch - 1], result.state)

    def test_without_held_rows_the_last_epoch_is_kept(self):
        table = TensorTable.from_arrays(*make_arrays())
        result = train(table, [np.arange(96)] * 2, patience=1)
        assert result.best_epoch == result.n_epochs == 5
        assert result.held_outputs == []
        assert "valid_loss" not in result.history

    def test_bounds_cut_the_outputs(self):
        table = TensorTable.from_arrays(*make_arrays(90))
        splits = folds(90, 3)
        free, cut = (train(table, *splits, bounds=b) for b in (None, ([-0.1], [0.1])))
        assert max(abs(o).max() for o in free.held_outputs) > 0.2
        assert max(abs(o).max() for o in cut.held_outputs) == pytest.approx(0.1)

    def test_weights_count(self):
        """In training and in the held-out loss: as many copies of the row."""
        X, y = make_arrays(60)
        weight = np.random.default_rng(3).integers(1, 4, size=60)
        copies = np.repeat(np.arange(60), weight)
        train_rows, held = folds(60, 2)
        place = [np.flatnonzero(np.isin(copies, rows)) for rows in (*train_rows, *held)]
        runs = []
        for table, rows in (
            (TensorTable.from_arrays(X, y, weight, dtype=torch.float64), (*train_rows, *held)),
            (TensorTable.from_arrays(X[copies], y[copies], dtype=torch.float64), place),
            (TensorTable.from_arrays(X, y, dtype=torch.float64), (*train_rows, *held)),
        ):
            # whole parts in every step; equal numbers of rows, or the longer is cut
            rows = [*[rows[0]] * 2, *[rows[2]] * 2]
            runs.append(train(table, rows[:2], rows[2:], batch_size=1000, n_epochs=10))
        for name in runs[0].state:
            np.testing.assert_allclose(
                runs[0].state[name], runs[1].state[name], rtol=1e-6, atol=1e-7
            )
        losses = [run.history["valid_loss"] for run in runs]
        np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)
        assert not np.allclose(losses[0], losses[2], rtol=1e-3)

    def test_loss_of_classes_is_at_its_best_temperature(self):
        X, y = make_arrays(90)
        codes = (y > 0).astype(int)
        table = TensorTable.from_arrays(X, codes)
        train_rows, held = folds(90, 3)
        network = make_packed(3, 2)
        options = {"loss": "cross_entropy", "learning_rate": 0.3, "n_epochs": 6}
        result = train(table, train_rows, held, network=network, **options)
        logits = torch.from_numpy(np.concatenate(result.held_outputs))
        target = torch.from_numpy(codes[np.concatenate(held)])
        s = inverse_temperature(logits, target)
        loss = torch.nn.functional.cross_entropy(s * logits, target).item()
        assert loss == pytest.approx(min(result.history["valid_loss"]), rel=1e-4)
        raw = torch.nn.functional.cross_entropy(logits, target).item()
        assert loss < raw


class TestEnd:
    def test_patience(self):
        table = TensorTable.from_arrays(*make_arrays(90))
        options = {"learning_rate": 0.6, "schedule": "constant", "n_epochs": 100}
        result = train(table, *folds(90, 3), patience=3, **options)
        assert result.stop_reason == "patience"
        assert result.n_epochs == result.best_epoch + 3 < 100

    def test_a_cycle_without_gain_ends_training(self):
        """Of noise the first cycles learn all there is."""
        X, _ = make_arrays(60)
        table = TensorTable.from_arrays(X, np.random.default_rng(0).normal(size=60))
        options = {"n_epochs": 30, "learning_rate": 0.3}
        splits = folds(60, 2)
        stopped = train(table, *splits, **options)
        assert stopped.stop_reason == "cycle"
        assert stopped.n_epochs in (6, 14)  # the second or third end of a cycle
        patient = train(table, *splits, stop_at_cycle_ends=False, **options)
        assert patient.stop_reason == "max_epochs"
        assert patient.n_epochs == 30
        head = patient.history["valid_loss"][: stopped.n_epochs]
        assert stopped.history["valid_loss"] == head

    def test_a_cycle_with_gain_does_not(self):
        class Net:
            def __init__(self, losses):
                self.losses, self.history, self.reasons = losses, [], []

            def run(self, rules):
                rules.on_train_begin(self)
                for loss in self.losses:
                    self.history.append({"valid_loss": loss})
                    rules.on_epoch_end(self)
                    if self.reasons:
                        break
                return len(self.history), self.reasons

            def stop(self, reason):
                self.reasons.append(reason)

        def run(losses):
            return Net(losses).run(StopRules(Clock(), (0.2, 0.5), 10))

        assert run(list(np.linspace(1, 0, 10))) == (10, [])
        assert run([1.0] * 10) == (5, ["cycle"])
        # the loss between the ends of two cycles does not matter
        assert run([1.0, 0.5, 9.0, 9.0, 0.1, 9.0, 9.0, 9.0, 9.0, 9.0]) == (10, [])

    @pytest.mark.parametrize("seconds", [1e-9, 0.0, -1.0])
    def test_a_tiny_budget_leaves_a_usable_state(self, seconds):
        table = TensorTable.from_arrays(*make_arrays(90))
        train_rows, held = folds(90, 3)
        result = train(table, train_rows, held, clock=Clock(seconds), n_epochs=1000, batch_size=8)
        assert result.stop_reason == "time"
        assert result.n_epochs == result.best_epoch == 1
        assert all(np.isfinite(value).all() for value in result.state.values())
        assert [len(output) for output in result.held_outputs] == [30, 30, 30]

    def test_a_budget_is_kept_and_the_rate_falls_with_it(self):
        table = TensorTable.from_arrays(*make_arrays(96))
        rates = []

        class Watch(Callback):
            def on_batch_end(self, net, **kwargs):
                rates.append(net.optimizer_.param_groups[0]["lr"])

        start = time.perf_counter()
        result = train(
            table, [np.arange(96)] * 2, clock=Clock(0.5), n_epochs=100_000, schedule="flat_cos",
            callbacks=[Watch()],
        )  # fmt: skip
        assert 0.5 <= time.perf_counter() - start < 5.0
        assert result.stop_reason == "time"
        assert 1 < result.n_epochs < 100_000
        assert rates[-1] < 0.2 * rates[0] == 0.2 * max(rates)

    def test_hook_ends_training(self):
        table = TensorTable.from_arrays(*make_arrays(90))
        result = train(table, *folds(90, 3), on_epoch_end=lambda epoch, *_: epoch == 2)
        assert result.stop_reason == "callback"
        assert result.n_epochs == 2


class TestClock:
    def test_without_budget(self):
        assert Clock()() == 0.0
        assert Clock().left() == math.inf
        assert Clock(math.inf)() == 0.0

    def test_runs(self):
        clock = Clock(1000.0)
        first, second = clock(), clock()
        assert 0 <= first <= second < 0.01
        assert 990 < clock.left() <= 1000
        assert Clock(0.0)() == math.inf
        assert Clock(-1.0).left() < -0.9


class Poisoned(torch.nn.Module):
    """Linear members, the second of which fails from a given call in training mode on."""

    def __init__(self, bad_call):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(2, 4, 1))
        self.calls, self.bad_call = 0, bad_call

    def forward(self, input):
        self.calls += self.training
        factor = torch.ones(2, 1, 1)
        if self.calls >= self.bad_call:
            factor[1] = math.nan
        return input @ self.weight * factor


class TestNotFinite:
    @pytest.mark.parametrize("held_out", [True, False])
    def test_ends_at_the_best_epoch(self, held_out):
        table = TensorTable.from_arrays(*make_arrays(96))
        train_rows, held = folds(96, 2)
        states = []
        with pytest.warns(ConvergenceWarning, match="not finite in epoch 4"):
            result = train(
                table, train_rows, held if held_out else None, network=Poisoned(7),
                on_epoch_end=lambda epoch, logs, get_state: states.append(get_state()),
            )  # fmt: skip
        assert result.stop_reason == "not_finite"
        assert result.best_epoch == 3
        assert equal(result.state, states[2])
        assert np.isfinite(result.state["weight"]).all()
        assert all(np.isfinite(output).all() for output in result.held_outputs)

    def test_never_finite_is_an_error(self):
        table = TensorTable.from_arrays(*make_arrays())
        with pytest.raises(DivergedError, match="lower learning_rate"):
            train(table, folds(96, 2)[0], network=Poisoned(1))


class TestRandomness:
    @pytest.mark.parametrize("n_levels", [(), (5,)])
    def test_same_seed_is_bit_equal(self, n_levels):
        X, y = make_arrays(90)
        if n_levels:
            X[:, 3] = np.arange(90) % 6
        table = TensorTable.from_arrays(X, y)
        options = {"dropout": 0.3, "terms": "periodic", "n_levels": n_levels}
        runs = [
            train(table, *folds(90, 3), network=make_packed(3, **options), seed=seed)
            for seed in (5, 5, 6)
        ]
        assert equal(runs[0].state, runs[1].state)
        assert runs[0].history == runs[1].history
        assert not equal(runs[0].state, runs[2].state)

    def test_global_torch_stream_neither_matters_nor_moves(self):
        table = TensorTable.from_arrays(*make_arrays())
        states = []
        with torch.random.fork_rng(devices=[]):
            for seed in (1, 2):
                torch.manual_seed(seed)
                before = torch.random.get_rng_state()
                network = make_packed(2, dropout=0.5)
                states.append(train(table, [np.arange(96)] * 2, network=network).state)
                assert torch.equal(torch.random.get_rng_state(), before)
        assert equal(*states)


class TestOptions:
    @pytest.mark.parametrize(
        "change",
        [
            {"n_epochs": 6},
            {"batch_size": 16},
            {"learning_rate": 0.3},
            {"weight_decay": 0.5},
            {"schedule": "flat_cos"},
            {"betas": (0.8, 0.95)},
            {"max_gradient_norm": 1e-7},
            {"seed": 1},
            {"loss": lambda output, target: (output - target).abs().mean(dim=-1)},
        ],
        ids=lambda option: ",".join(option),
    )
    def test_have_an_effect(self, change):
        table = TensorTable.from_arrays(*make_arrays())
        rows = [np.arange(96)] * 2
        states = [train(table, rows, **options).state for options in ({}, change)]
        assert not equal(*states)

    def test_label_smoothing_makes_less_sure(self):
        X, _ = make_arrays(90)
        table = TensorTable.from_arrays(X, (X[:, 0] > 0).astype(int))
        sure = {}
        for smoothing in (0.0, 0.3):
            network = make_packed(2, 2)
            options = {"loss": "cross_entropy", "n_epochs": 30, "learning_rate": 0.3}
            train(table, [np.arange(90)] * 2, network=network, label_smoothing=smoothing, **options)
            with torch.no_grad():
                logits = network(table.X.expand(2, -1, -1))
            sure[smoothing] = logits.softmax(dim=-1).max(dim=-1).values.mean().item()
        assert sure[0.3] < 0.92 < sure[0.0]

    def test_label_smoothing_is_for_classes(self):
        table = TensorTable.from_arrays(*make_arrays())
        with pytest.raises(ValueError, match="label_smoothing needs loss='cross_entropy'"):
            train(table, [np.arange(96)] * 2, label_smoothing=0.1)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"n_epochs": 0}, "must be at least 1"),
            ({"batch_size": 0}, "batch_size must be at least 1"),
            ({"learning_rate": -1.0}, "learning_rate must be positive"),
            ({"schedule": "linear"}, "unknown schedule"),
            ({"loss": "hinge"}, "unknown loss"),
        ],
    )
    def test_bad_ones_are_refused(self, options, message):
        table = TensorTable.from_arrays(*make_arrays())
        with pytest.raises(ValueError, match=message):
            train(table, [np.arange(96)] * 2, **options)


class TestMean:
    def test_is_the_mean_of_the_members(self):
        packed, X = make_packed(3, 2), torch.from_numpy(make_arrays(20)[0]).float()
        with torch.no_grad():
            single = packed(X.expand(3, -1, -1))
            torch.testing.assert_close(MeanOfMembers(packed, 3)(X), single.mean(dim=0))
            bounds = ([-0.2, -0.1], [0.2, 0.1])
            low, high = map(torch.tensor, bounds)
            cut = single.clamp(low, high).mean(dim=0)
            torch.testing.assert_close(MeanOfMembers(packed, 3, bounds)(X), cut)
        assert not torch.allclose(cut, single.mean(dim=0))
