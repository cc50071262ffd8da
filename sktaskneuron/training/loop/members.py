"""Training of packed members: networks of one shape in one batched module.

Every member trains on rows of its own and is judged on rows it has not seen. Their joint held-out
loss chooses the epoch, so one training serves as ensemble, as restarts and as cross-validation.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from sktaskneuron.training.data import Target, TensorTable, n_batches, take_inputs
from sktaskneuron.training.loop.callbacks import BestEpoch, EpochHook, HookCallback, Schedules
from sktaskneuron.training.loop.clock import Clock
from sktaskneuron.training.loop.held_out import CYCLE_ENDS, HeldOut, Rows, StopRules
from sktaskneuron.training.loop.losses import RowLoss, cross_entropy, get_row_loss
from sktaskneuron.training.loop.run import check_options, history_columns, run_training
from sktaskneuron.training.state import State, module_to_arrays


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

    net = run_training(
        module,
        members,
        train_loss,
        best,
        [*own, *callbacks],
        device=device,
        seed=seed,
        learning_rate=learning_rate,
        optimizer__betas=betas,
        weight_decay=weight_decay,
        max_gradient_norm=max_gradient_norm,
        max_epochs=n_epochs,
        batch_size=batch_size,
        iterator_train=MemberBatches,
        iterator_train__n_passes=passes_per_epoch,
        iterator_train__device=device,
        iterator_train__clock=clock,
        train_split=None,
        verbose=verbose,
    )
    return MemberResult(
        state=module_to_arrays(module),
        n_epochs=len(net.history),
        best_epoch=best.kept_epoch_,
        held_outputs=[] if held is None else held.held_outputs(),
        history=history_columns(net),
        stop_reason=net.stop_reason_ or "max_epochs",
    )
