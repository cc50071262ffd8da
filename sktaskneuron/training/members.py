"""Training of packed members: networks of one shape in one batched module.

Every member trains on rows of its own and is judged on rows it has not seen. Their joint held-out
loss chooses the epoch, so one training serves as ensemble, as restarts and as cross-validation.
"""

import math
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor, nn
from torch.utils.data import Dataset

from sktaskneuron.nn.dropout import GeneratorDropout
from sktaskneuron.training.calibration import inverse_temperature
from sktaskneuron.training.callbacks import BestEpoch, EpochHook, HookCallback, Schedules
from sktaskneuron.training.data import Target, TensorTable, n_batches
from sktaskneuron.training.device import random_scope
from sktaskneuron.training.fit import DivergedError, check_options, history_columns
from sktaskneuron.training.losses import RowLoss, WeightedLoss, cross_entropy, get_row_loss
from sktaskneuron.training.net import TaskDrivenNet
from sktaskneuron.training.state import State, module_to_arrays

Rows = NDArray[np.intp]

# Held-out rows evaluated at a time, per member.
_CHUNK = 4096
# Share by which a cycle of the learning rate must lower the held-out loss for the next to follow.
_LEAST_GAIN = 0.01


@dataclass(frozen=True, eq=False)
class MemberResult:
    """What training of packed members leaves behind: plain values only.

    Parameters
    ----------
    state : dict of str to ndarray
        Parameters and buffers of the kept epoch.
    n_epochs : int
        Number of epochs that ran.
    best_epoch : int
        The kept epoch, counted from 1.
    held_outputs : list of ndarray of shape (n_held, n_outputs)
        Every member's output on its held-out rows in the kept epoch; empty without such rows.
    history : dict of str to list
        ``train_loss`` and ``valid_loss`` per epoch, and whatever callbacks recorded.
    stop_reason : str
        ``"max_epochs"``, ``"patience"``, ``"cycle"``, ``"time"``, ``"callback"`` or
        ``"not_finite"``.
    """

    state: State
    n_epochs: int
    best_epoch: int
    held_outputs: list[NDArray[np.float64]]
    history: dict[str, list[Any]] = field(default_factory=dict)
    stop_reason: str = "max_epochs"


class Clock:
    """Share of a time budget that is used up.

    Parameters
    ----------
    seconds : float or None
        Budget from now on; None never runs out.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self.start, self.seconds = time.perf_counter(), seconds

    def left(self) -> float:
        """Return the seconds left; infinite without a budget."""
        if self.seconds is None:
            return math.inf
        return self.seconds - (time.perf_counter() - self.start)

    def __call__(self) -> float:
        """Return the share used, from 0; above 1 once the budget is exceeded."""
        if self.seconds is None:
            return 0.0
        if self.seconds <= 0:
            return math.inf
        return (time.perf_counter() - self.start) / self.seconds


class MemberTable(Dataset[tuple[Tensor, Target]]):
    """A table and the rows of it that each member trains on.

    Parameters
    ----------
    table : TensorTable
    rows : sequence of ndarray of int
        Training rows per member. An epoch takes as many of each as the shortest has, others at
        every epoch.
    """

    def __init__(self, table: TensorTable, rows: Sequence[Rows]) -> None:
        self.table = table
        self.rows = [torch.from_numpy(np.asarray(part, dtype=np.int64)) for part in rows]
        if not self.rows or min(map(len, self.rows)) == 0:
            raise ValueError("every member needs rows to train on")

    def __len__(self) -> int:
        return min(map(len, self.rows))

    def __getitem__(self, index: int) -> tuple[Tensor, Target]:
        return self.table[int(self.rows[0][index])]


class MemberBatches:
    """Iterator of skorch over batches of packed members: X has shape (n_members, batch, features).

    Every member's rows are permuted by themselves. The batches are cut on the device of the table
    and then moved to ``device``: a table larger than the device's memory stays on the host.

    Parameters
    ----------
    dataset : MemberTable
    batch_size : int
        Upper bound of the rows of a member in a batch.
    n_passes : int, default=1
        Passes over the rows in an epoch.
    generator : torch.Generator
        CPU generator of the permutations.
    device : torch.device
    clock : Clock
        When it has run out, the epoch ends early.
    """

    def __init__(
        self,
        dataset: MemberTable,
        batch_size: int,
        *,
        n_passes: int = 1,
        generator: torch.Generator,
        device: torch.device,
        clock: Clock,
    ) -> None:
        self.dataset, self.generator, self.n_passes = dataset, generator, n_passes
        self.device, self.clock = device, clock
        n_rows, count = len(dataset), n_batches(len(dataset), batch_size)
        self.edges = [n_rows * i // count for i in range(count + 1)]

    def __len__(self) -> int:
        return self.n_passes * (len(self.edges) - 1)

    def __iter__(self) -> Iterator[tuple[Tensor, Target]]:
        for number in range(self.n_passes):
            if number and self.clock() >= 1.0:
                return
            yield from self._pass()

    def _pass(self) -> Iterator[tuple[Tensor, Target]]:
        table = self.dataset.table
        order = torch.stack(
            [
                rows[torch.randperm(len(rows), generator=self.generator)[: len(self.dataset)]]
                for rows in self.dataset.rows
            ]
        )
        for start, stop in zip(self.edges[:-1], self.edges[1:], strict=True):
            if start and self.clock() >= 1.0:
                return
            rows = order[:, start:stop]
            X = take_inputs(table, rows, self.device)
            rows = rows.to(table.y.device)
            weight = None if table.weight is None else table.weight[rows].to(self.device)
            yield X, (table.y[rows].to(self.device), weight)


def take_inputs(table: TensorTable, rows: Tensor, device: torch.device) -> Tensor:
    """Return the inputs of rows of any shape, on ``device``."""
    return table.X[rows.to(table.X.device)].to(device)


class HeldOut(Callback):
    """Evaluate every member on its held-out rows at the end of every epoch.

    The loss of classes is taken at the temperature that makes it lowest: an overconfident network
    that ranks the rows well is mended by one number afterwards, and should not be stopped early
    for it.

    Parameters
    ----------
    table : TensorTable
    rows : sequence of ndarray of int
        Held-out rows per member.
    loss : RowLoss
    device : torch.device
        Where the module is.
    bounds : tuple of two Tensors or None
        Range to which outputs are cut before the loss is taken.
    """

    def __init__(
        self,
        table: TensorTable,
        rows: Sequence[Rows],
        loss: RowLoss,
        device: torch.device,
        bounds: tuple[Tensor, Tensor] | None,
    ) -> None:
        self.table, self.loss, self.device, self.bounds = table, loss, device, bounds
        self.sizes = [len(part) for part in rows]
        # short members repeat a row to fill the rectangle; the repetitions weigh nothing
        longest = max(self.sizes)
        padded = [np.resize(np.asarray(part, dtype=np.int64), longest) for part in rows]
        self.rows = torch.from_numpy(np.stack(padded))
        real = torch.arange(longest) < torch.tensor(self.sizes)[:, None]
        place = self.rows.to(table.X.device)
        self.target = table.y[place].to(device)
        self.weight = real.to(device=device, dtype=table.X.dtype)
        if table.weight is not None:
            self.weight = self.weight * table.weight[place].to(device)

    def on_train_begin(self, net: NeuralNet, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Forget former runs."""
        self.best_, self.inverse_temperature_ = math.inf, 1.0
        self.outputs_: Tensor | None = None

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Record the weighted mean loss; keep the outputs of the best epoch."""
        net.module_.eval()
        with torch.no_grad():
            parts = []
            for start in range(0, self.rows.shape[1], _CHUNK):
                rows = self.rows[:, start : start + _CHUNK]
                parts.append(net.module_(take_inputs(self.table, rows, self.device)))
            outputs = torch.cat(parts, dim=1)
            if self.bounds is not None:
                outputs = outputs.clamp(*self.bounds)
            loss = self._loss(outputs)
        net.history.record("valid_loss", loss)
        if loss < self.best_:
            self.best_, self.outputs_ = loss, outputs

    def _loss(self, outputs: Tensor) -> float:
        if self.loss is cross_entropy and bool(torch.isfinite(outputs).all()):
            self.inverse_temperature_ = inverse_temperature(
                outputs.flatten(0, 1),
                self.target.flatten(),
                self.weight.flatten(),
                self.inverse_temperature_,
            )
            outputs = outputs * self.inverse_temperature_
        return float((self.loss(outputs, self.target) * self.weight).sum() / self.weight.sum())

    def held_outputs(self) -> list[NDArray[np.float64]]:
        """Return the kept outputs per member, without the filling."""
        if self.outputs_ is None:
            return []
        arrays = self.outputs_.cpu().to(torch.float64).numpy()
        return [array[:n] for array, n in zip(arrays, self.sizes, strict=True)]


class StopRules(Callback):
    """End training when the clock has run out, or when a cycle of the rate was no gain.

    Parameters
    ----------
    clock : Clock
    cycle_ends : sequence of float
        Shares of the training at which the learning rate has fallen to zero.
    n_epochs : int
    """

    def __init__(self, clock: Clock, cycle_ends: Sequence[float], n_epochs: int) -> None:
        self.clock, self.cycle_ends, self.n_epochs = clock, cycle_ends, n_epochs

    def on_train_begin(self, net: NeuralNet, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Forget former runs."""
        self.ends_ = {max(1, round(end * self.n_epochs)) for end in self.cycle_ends}
        self.last_ = math.inf

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Compare the loss at the end of a cycle with that at the end of the cycle before."""
        if self.clock() >= 1.0:
            net.stop("time")
        if len(net.history) in self.ends_:
            loss = net.history[-1]["valid_loss"]
            if loss >= self.last_ * (1.0 - _LEAST_GAIN):
                net.stop("cycle")
            self.last_ = loss


def fit_members(
    module: nn.Module,
    table: TensorTable,
    train_rows: Sequence[Rows],
    held_rows: Sequence[Rows] | None = None,
    *,
    device: torch.device | None = None,
    loss: str | RowLoss = "squared_error",
    label_smoothing: float = 0.0,
    bounds: tuple[Any, Any] | None = None,
    n_epochs: int = 80,
    passes_per_epoch: int = 1,
    batch_size: int = 256,
    learning_rate: float = 0.04,
    weight_decay: float = 0.02,
    schedule: str = "coslog4",
    betas: tuple[float, float] = (0.9, 0.95),
    max_gradient_norm: float | None = None,
    patience: int | None = None,
    stop_at_cycle_ends: bool = True,
    clock: Clock | None = None,
    seed: int = 0,
    on_epoch_end: EpochHook | None = None,
    callbacks: Sequence[Any] = (),
    verbose: int = 0,
) -> MemberResult:
    """Train a packed module in place and return the state of the jointly best epoch.

    Parameters
    ----------
    module : nn.Module
        Maps (n_members, batch, n_features) to (n_members, batch, n_outputs).
    table : TensorTable
        All rows; it may lie on the host while the module is trained on a device.
    train_rows : sequence of ndarray of int
        Training rows per member.
    held_rows : sequence of ndarray of int or None, default=None
        Held-out rows per member; None keeps the last epoch.
    device : torch.device, default=None
        Where the module is trained; None is the table's device.
    loss : {"squared_error", "cross_entropy"} or callable, default="squared_error"
    label_smoothing : float, default=0.0
        Share of the target's probability that training spreads evenly over all classes.
    bounds : tuple of two array-like of shape (n_outputs,), default=None
        Range to which held-out outputs are cut before their loss is taken.
    n_epochs : int, default=80
        The schedules span this number of epochs.
    passes_per_epoch : int, default=1
        Passes over the rows in an epoch: more on a small table, where looking at the held-out rows
        after every pass would cost as much as the pass.
    batch_size : int, default=256
        Upper bound of the rows of a member in a step.
    learning_rate, weight_decay, betas, schedule, max_gradient_norm, callbacks, verbose
        As in :func:`fit_network`.
    patience : int or None, default=None
        Epochs without a lower joint held-out loss after which training ends.
    stop_at_cycle_ends : bool, default=True
        Whether to end where a whole cycle of the learning rate ("coslog4" has four) did not lower
        the joint held-out loss.
    clock : Clock, default=None
        The schedules then run as fast as the clock where that is faster than the epochs, and
        training ends in time.
    seed : int, default=0
        Seed of the order of rows and of dropout.
    on_epoch_end : callable, default=None
        As in :func:`fit_network`.

    Returns
    -------
    MemberResult

    Raises
    ------
    DivergedError
        If the loss is not finite in the first epoch.

    Warns
    -----
    ConvergenceWarning
        If a later epoch's loss is not finite; the best epoch before it is kept.
    """
    check_options(
        max_epochs=n_epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        patience=patience,
        max_gradient_norm=max_gradient_norm,
    )
    device = device or table.X.device
    clock = clock or Clock()
    module.to(device=device, dtype=table.X.dtype)
    members = MemberTable(table, train_rows)
    steps_per_epoch = passes_per_epoch * n_batches(len(members), batch_size)
    row_loss = get_row_loss(loss)
    train_loss = row_loss
    if label_smoothing:
        if row_loss is not cross_entropy:
            raise ValueError("label_smoothing needs loss='cross_entropy'")
        train_loss = partial(cross_entropy, smoothing=label_smoothing)
    schedules = Schedules(schedule, "flat_cos", "flat_cos", n_epochs, steps_per_epoch, clock)
    own: list[tuple[str, Any]] = [("task_schedules", schedules)]
    held: HeldOut | None = None
    if held_rows is not None:
        limits = None
        if bounds is not None:
            low, high = (torch.as_tensor(np.asarray(b)).to(table.X.dtype) for b in bounds)
            limits = (low.to(device), high.to(device))
        held = HeldOut(table, held_rows, row_loss, device, limits)
        own.append(("task_held_out", held))
    best = BestEpoch(patience if held is not None else None)
    cycles = CYCLE_ENDS.get(schedule, ()) if stop_at_cycle_ends and held is not None else ()
    own += [("task_best_epoch", best), ("task_stop", StopRules(clock, cycles, n_epochs))]
    if on_epoch_end is not None:
        own.append(("task_epoch_hook", HookCallback(on_epoch_end)))

    dropouts = [child for child in module.modules() if isinstance(child, GeneratorDropout)]
    seeds = np.random.SeedSequence(seed).generate_state(2 + len(dropouts), np.uint32).tolist()
    for dropout, dropout_seed in zip(dropouts, seeds[2:], strict=True):
        dropout.reseed(dropout_seed)
    net = TaskDrivenNet(
        module,
        WeightedLoss(train_loss),
        optimizer=torch.optim.AdamW,
        optimizer__betas=betas,
        lr=learning_rate,
        weight_decay=weight_decay,
        max_gradient_norm=max_gradient_norm,
        max_epochs=n_epochs,
        batch_size=batch_size,
        iterator_train=MemberBatches,
        iterator_train__n_passes=passes_per_epoch,
        iterator_train__generator=torch.Generator().manual_seed(seeds[0]),
        iterator_train__device=device,
        iterator_train__clock=clock,
        train_split=None,
        callbacks=[*own, *callbacks],
        device=device,
        verbose=verbose,
    )
    with random_scope(seeds[1], device):
        net.fit(members)
    module.eval()
    n_run = len(net.history)
    if not best.kept_:
        raise DivergedError(
            f"the loss was not finite in epoch {n_run}, before any usable state; lower "
            f"learning_rate (now {learning_rate:g}) or look for extreme values in X and y"
        )
    best.load()
    if net.stop_reason_ == "not_finite":
        warnings.warn(
            f"the loss was not finite in epoch {n_run}; the state of epoch {best.kept_epoch_} is "
            f"kept. A lower learning_rate (now {learning_rate:g}) may help.",
            ConvergenceWarning,
            stacklevel=2,
        )
    return MemberResult(
        state=module_to_arrays(module),
        n_epochs=n_run,
        best_epoch=best.kept_epoch_,
        held_outputs=[] if held is None else held.held_outputs(),
        history=history_columns(net),
        stop_reason=net.stop_reason_ or "max_epochs",
    )


class MeanOfMembers(nn.Module):
    """A packed module as one model: the mean of its members' outputs.

    Of classes the logits are averaged, not the probabilities: members that disagree then give a
    less confident answer, and one temperature fits the mean.

    Parameters
    ----------
    module : nn.Module
        Maps (n_members, batch, n_features) to (n_members, batch, n_outputs).
    n_members : int
    bounds : tuple of two array-like of shape (n_outputs,), default=None
        Range to which every member's values are cut.
    """

    def __init__(
        self, module: nn.Module, n_members: int, bounds: tuple[Any, Any] | None = None
    ) -> None:
        super().__init__()
        self.module, self.n_members = module, n_members
        like = next(module.parameters())
        self.bounds = None
        if bounds is not None:
            low, high = (torch.as_tensor(np.asarray(b)).to(like) for b in bounds)
            self.bounds = (low, high)

    def forward(self, input: Tensor) -> Tensor:
        """Return the mean: (batch, n_features) -> (batch, n_outputs)."""
        output: Tensor = self.module(input.expand(self.n_members, *input.shape))
        if self.bounds is not None:
            output = output.clamp(*self.bounds)
        return output.mean(dim=0)


#: Where the cycles of a schedule end, as shares of the training.
CYCLE_ENDS: Mapping[str, Sequence[float]] = {"coslog4": (1 / 15, 3 / 15, 7 / 15)}
