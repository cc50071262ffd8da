"""Training of packed members: networks of one shape in one batched module.

Every member trains on rows of its own and is judged on rows it has not seen. Their joint held-out
loss chooses the epoch, so one training serves as ensemble, as restarts and as cross-validation.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import nn

from sktaskneuron._clock import Clock
from sktaskneuron._typing import RowNumbers
from sktaskneuron.training.data import Bounds, TensorTable, as_tensor, n_batches
from sktaskneuron.training.loop.best import BestEpoch
from sktaskneuron.training.loop.callbacks import OwnCallback, Schedules
from sktaskneuron.training.loop.held_out import CYCLE_ENDS, HeldOut, StopRules
from sktaskneuron.training.loop.losses import RowLoss, cross_entropy, get_row_loss
from sktaskneuron.training.loop.packed_rows import HeldRows, MemberBatches, MemberTable
from sktaskneuron.training.loop.results import EpochHook, MemberResult
from sktaskneuron.training.loop.run import Callbacks, RunOptions, run_training


def fit_members(
    module: nn.Module,
    table: TensorTable,
    train_rows: Sequence[RowNumbers],
    held_rows: Sequence[RowNumbers] | None = None,
    *,
    device: torch.device | None = None,
    loss: str | RowLoss = "squared_error",
    label_smoothing: float = 0.0,
    bounds: Bounds | None = None,
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
    on_epoch_end: EpochHook[float] | None = None,
    callbacks: Callbacks = (),
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
        As in :func:`fit_network`.
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
    learning_rate, weight_decay : float, default=0.04 and 0.02
        As in :func:`fit_network`.
    schedule : {"coslog4", "cosine", "flat_cos", "constant"}, default="coslog4"
        Factor of the learning rate over the steps.
    betas : tuple of two floats, default=(0.9, 0.95)
        Decay rates of Adam's two moments.
    max_gradient_norm : float, default=None
        Gradients longer than this are shortened to it.
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
    callbacks : sequence of skorch callbacks or (name, callback) pairs, default=()
        As in :func:`fit_network`.
    verbose : int, default=0
        As in :func:`fit_network`.

    Returns
    -------
    MemberResult
        Best state of all and what happened on the way.

    Raises
    ------
    DivergedError
        If the loss is not finite in the first epoch.

    Warns
    -----
    ConvergenceWarning
        If a later epoch's loss is not finite; the best epoch before it is kept.

    See Also
    --------
    fit_network : Train a module in place with AdamW and return the state of the best epoch.
    MemberResult : The result of training packed members: a :class:`TrainingResult` with held-out
        outputs.
    MeanOfMembers : A packed module as one model: the mean of its members' outputs.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.training import TensorTable, fit_members
    >>> from sktaskneuron.nn import TaskNetwork
    >>> X = np.linspace(-1, 1, 60).reshape(-1, 1)
    >>> table = TensorTable.from_arrays(X, X**2)
    >>> packed = TaskNetwork(1, 1, "x + x**2", hidden_layer_sizes=(8,), n_members=2)
    >>> even, odd = np.arange(0, 60, 2), np.arange(1, 60, 2)
    >>> result = fit_members(packed, table, [even, odd], [odd, even], n_epochs=20)
    >>> 1 <= result.best_epoch <= result.n_epochs
    True
    """
    options = RunOptions(
        seed=seed,
        max_epochs=n_epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        betas=betas,
        max_gradient_norm=max_gradient_norm,
        patience=patience,
        verbose=verbose,
        on_epoch_end=on_epoch_end,
        callbacks=callbacks,
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
    own: list[tuple[str, OwnCallback]] = [("task_schedules", schedules)]
    held: HeldOut | None = None
    if held_rows is not None:
        limits = None
        if bounds is not None:
            low, high = (as_tensor(bound, device, table.X.dtype) for bound in bounds)
            limits = (low, high)
        held = HeldOut(HeldRows(table, held_rows, device), row_loss, limits)
        own.append(("task_held_out", held))
    best = BestEpoch(patience if held is not None else None)
    cycles = CYCLE_ENDS.get(schedule, ()) if stop_at_cycle_ends and held is not None else ()
    own += [("task_best_epoch", best), ("task_stop", StopRules(clock, cycles, n_epochs))]
    result = run_training(
        module,
        members,
        train_loss,
        best,
        own,
        options,
        device=device,
        iterator_train=MemberBatches,
        iterator_train__n_passes=passes_per_epoch,
        iterator_train__device=device,
        iterator_train__clock=clock,
        train_split=None,
    )
    return MemberResult(**vars(result), held_outputs=[] if held is None else held.held_outputs())
