"""Training of many networks of one shape as one batch, each as if it were alone.

Packed members (:func:`fit_members`) share a learning rate and stop together, because they predict
together. Replicates are compared with one another: each has its own learning rate and its own best
epoch, and one that diverges harms no other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from sktaskneuron.nn.parameterization import rates_of
from sktaskneuron.training.data import TensorTable, n_batches, take_inputs
from sktaskneuron.training.device import keep_freed_memory, random_scope, threads_for
from sktaskneuron.training.loop.clock import Clock
from sktaskneuron.training.loop.held_out import Rows
from sktaskneuron.training.loop.losses import RowLoss, get_row_loss
from sktaskneuron.training.loop.replicate_adam import ReplicateAdam
from sktaskneuron.training.loop.run import DivergedError
from sktaskneuron.training.loop.schedules import get_schedule
from sktaskneuron.training.state import State, module_to_arrays

# Hidden values computed at a time when held-out rows are looked at.
_MOST_VALUES = 4_000_000

ReplicateHook = Callable[[int, Mapping[str, Any], Callable[[], State]], bool]


@dataclass(frozen=True, eq=False)
class ReplicateResult:
    """What training of replicates leaves behind.

    Parameters
    ----------
    state : dict of str to ndarray
        Parameters and buffers, every replicate's of its own best epoch.
    loss : ndarray of shape (S,)
        Held-out loss in that epoch, or the training loss without held-out rows; infinite for a
        replicate that diverged at once.
    best_epoch : ndarray of int of shape (S,)
    n_epochs : int
    held_outputs : list of ndarray of shape (n_held, n_outputs)
        In the best epoch, in the order of the held-out rows; empty without such rows.
    history : dict of str to list of ndarray of shape (S,)
        ``train_loss`` and, with held-out rows, ``valid_loss``.
    stop_reason : str
        ``"max_epochs"``, ``"patience"``, ``"time"``, ``"callback"``, or ``"not_finite"`` where no
        replicate was left.
    """

    state: State
    loss: NDArray[np.float64]
    best_epoch: NDArray[np.intp]
    n_epochs: int
    held_outputs: list[NDArray[np.float64]]
    history: dict[str, list[Any]] = field(default_factory=dict)
    stop_reason: str = "max_epochs"


def fit_replicates(
    module: nn.Module,
    table: TensorTable,
    train_rows: Sequence[Rows],
    held_rows: Sequence[Rows] | None = None,
    *,
    device: torch.device | None = None,
    loss: str | RowLoss = "squared_error",
    n_epochs: int = 40,
    batch_size: int = 100,
    learning_rate: float | ArrayLike = 3e-3,
    weight_decay: float = 0.0,
    schedule: str = "constant",
    patience: int | None = None,
    clock: Clock | None = None,
    seed: int = 0,
    on_epoch_end: ReplicateHook | None = None,
) -> ReplicateResult:
    """Train the replicates of a packed module in place.

    Parameters
    ----------
    module : nn.Module
        Maps (S, batch, n_features) to (S, batch, n_outputs); all parameters have a first axis S,
        or of those replicates that its method ``member_ranges()`` says.
    table : TensorTable
    train_rows : sequence of S ndarray of int
        Training rows; an epoch takes as many of each as the shortest has.
    held_rows : sequence of S ndarray of int or None, default=None
        Held-out rows, which choose every replicate's best epoch; None keeps the last one.
    device : torch.device, default=None
        Where to train; None is the table's device.
    loss : {"squared_error", "cross_entropy"} or callable, default="squared_error"
    n_epochs : int, default=40
    batch_size : int, default=100
        Upper bound of the rows of a replicate in a step.
    learning_rate : float or array-like of shape (S,), default=3e-3
    weight_decay : float, default=0.0
        Decoupled, relative to the learning rate. Factors of both are those that the module asks for
        single parameters, see :func:`~sktaskneuron.nn.parameter_groups`.
    schedule : str, default="constant"
        Of the learning rates over the epochs, see :data:`SCHEDULES`.
    patience : int or None, default=None
        Epochs without a lower held-out loss of any replicate after which training ends.
    clock : Clock, default=None
        Training ends when it has run out.
    seed : int, default=0
        Of the order of rows.
    on_epoch_end : callable, default=None
        Called with the epoch, its logs and a function that returns the present state; a true answer
        ends training.

    Returns
    -------
    ReplicateResult

    Raises
    ------
    DivergedError
        If no replicate had a finite loss in any epoch.
    """
    device = device or table.X.device
    keep_freed_memory()
    module.to(device=device, dtype=table.X.dtype)
    parameters = list(module.parameters())
    n_replicates = len(train_rows)
    ranges = _owners(module, n_replicates)
    row_loss, clock, wave = get_row_loss(loss), clock or Clock(), get_schedule(schedule)
    generator = torch.Generator().manual_seed(seed)
    rates = torch.as_tensor(np.broadcast_to(np.asarray(learning_rate, float), n_replicates).copy())
    found = {parameter: (rate, decay) for parameter, rate, decay in rates_of(module)}
    adam = ReplicateAdam(
        parameters,
        rates.to(device=device, dtype=table.X.dtype),
        weight_decay,
        ranges,
        [found[parameter] for parameter in parameters],
    )
    batches = _Batches(table, train_rows, batch_size, generator, device)
    held = None if held_rows is None else _Held(table, held_rows, device)
    alive = torch.ones(n_replicates, dtype=torch.bool, device=device)
    best = _Best(parameters, ranges, n_replicates, table.X)
    history: dict[str, list[Any]] = {"train_loss": []}
    if held is not None:
        history["valid_loss"] = []
    stop_reason, epoch = "max_epochs", 0
    n_values = n_replicates * min(batch_size, batches.edges[-1]) * _width(module, table)
    with random_scope(seed, device), threads_for(n_values, device):
        for epoch in range(1, n_epochs + 1):
            module.train()
            total = torch.zeros(n_replicates, device=device, dtype=table.X.dtype)
            for number, (X, y, weight) in enumerate(batches):
                losses = _mean_of_rows(row_loss(module(X), y), weight)
                # the constant of a Hamiltonian has no gradient
                gradients = torch.autograd.grad(
                    losses.sum(), parameters, allow_unused=True, materialize_grads=True
                )
                alive &= torch.isfinite(losses.detach())
                progress = max((epoch - 1 + number / len(batches)) / n_epochs, clock())
                adam.step(gradients, wave(min(progress, 1.0)), alive)
                total += losses.detach()
            module.eval()
            logs = {"train_loss": (total / len(batches)).cpu().numpy().astype(np.float64)}
            value, outputs = total / len(batches), None
            if held is not None:
                outputs = held.outputs(module)
                value = held.loss(outputs, row_loss)
                logs["valid_loss"] = value.cpu().numpy().astype(np.float64)
            best.keep(value, epoch, outputs, always=held is None)
            for key, series in history.items():
                series.append(logs[key])
            if on_epoch_end is not None and on_epoch_end(
                epoch, logs, lambda: module_to_arrays(module)
            ):
                stop_reason = "callback"
                break
            if clock() >= 1.0:
                stop_reason = "time"
                break
            if patience is not None and held is not None and best.age(epoch) >= patience:
                stop_reason = "patience"
                break
            if not alive.any():
                stop_reason = "not_finite"
                break
    best.load()
    module.eval()
    if not torch.isfinite(best.loss).any():
        raise DivergedError(
            "no network had a finite loss in its first epochs; lower learning_rate or look for "
            "extreme values in X and y"
        )
    return ReplicateResult(
        module_to_arrays(module),
        best.loss.cpu().numpy().astype(np.float64),
        best.epoch.cpu().numpy().astype(np.intp),
        epoch,
        [] if held is None else held.split(best.outputs),
        history,
        stop_reason,
    )


def _owners(module: nn.Module, n_replicates: int) -> list[slice]:
    """Return the replicates that own each parameter of a packed module."""
    of_some: dict[nn.Parameter, slice] = getattr(module, "member_ranges", dict)()
    found = []
    for parameter in module.parameters():
        owners = of_some.get(parameter, slice(0, n_replicates))
        if owners.stop > n_replicates or len(parameter) != owners.stop - owners.start:
            raise ValueError(
                f"every parameter needs a first axis of {n_replicates} replicates, or of those "
                "that own it"
            )
        found.append(owners)
    return found


def _width(module: nn.Module, table: TensorTable) -> int:
    """Return the neurons of the widest layer, the columns being one."""
    return max([*getattr(module, "hidden_layer_sizes", ()), table.X.shape[1]])


def _mean_of_rows(rows: Tensor, weight: Tensor | None) -> Tensor:
    """Return the weighted means of (S, batch) losses: (S,)."""
    if weight is None:
        return rows.mean(dim=-1)
    return (rows * weight).sum(dim=-1) / weight.sum(dim=-1)


class _Batches:
    """Every replicate's own rows in its own order: X of shape (S, batch, n_features)."""

    def __init__(
        self,
        table: TensorTable,
        rows: Sequence[Rows],
        batch_size: int,
        generator: torch.Generator,
        device: torch.device,
    ) -> None:
        self.table, self.device, self.generator = table, device, generator
        self.rows = [torch.from_numpy(np.asarray(part, dtype=np.int64)) for part in rows]
        n_rows = min(map(len, self.rows))
        if n_rows == 0:
            raise ValueError("every replicate needs rows to train on")
        count = n_batches(n_rows, batch_size)
        self.edges = [n_rows * i // count for i in range(count + 1)]
        # one batch of all rows is not permuted: the order would change nothing but rounding
        self.whole = count == 1 and max(map(len, self.rows)) == n_rows

    def __len__(self) -> int:
        return len(self.edges) - 1

    def __iter__(self) -> Any:
        if self.whole:
            order = torch.stack(self.rows)
        else:
            order = torch.stack(
                [
                    part[torch.randperm(len(part), generator=self.generator)[: self.edges[-1]]]
                    for part in self.rows
                ]
            )
        for start, stop in zip(self.edges[:-1], self.edges[1:], strict=True):
            yield _take_rows(self.table, order[:, start:stop], self.device)


def _take_rows(
    table: TensorTable, rows: Tensor, device: torch.device
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return inputs, targets and weights of rows of any shape, on ``device``."""
    X = take_inputs(table, rows, device)
    rows = rows.to(table.y.device)
    weight = None if table.weight is None else table.weight[rows].to(device)
    return X, table.y[rows].to(device), weight


class _Held:
    """Held-out rows, filled up to one length; what was filled in has no weight."""

    def __init__(self, table: TensorTable, rows: Sequence[Rows], device: torch.device) -> None:
        self.table, self.device = table, device
        self.lengths = [len(part) for part in rows]
        longest = max(self.lengths)
        self.rows = torch.from_numpy(
            np.array([np.resize(np.asarray(part, dtype=np.int64), longest) for part in rows])
        )
        inside = torch.arange(longest) < torch.tensor(self.lengths)[:, None]
        own = table.weight
        weight = torch.ones_like(self.rows, dtype=table.X.dtype)
        if own is not None:
            weight = own[self.rows.to(own.device)].cpu()
        self.weight = (weight * inside).to(device)
        self.target = table.y[self.rows.to(table.y.device)].to(device)

    def outputs(self, module: nn.Module) -> Tensor:
        """Return (S, longest, n_outputs)."""
        chunk = max(1, _MOST_VALUES // (len(self.rows) * _width(module, self.table)))
        with torch.inference_mode():
            parts = [
                module(take_inputs(self.table, part, self.device))
                for part in torch.split(self.rows, chunk, dim=1)
            ]
            return torch.cat(parts, dim=1)

    def loss(self, outputs: Tensor, row_loss: RowLoss) -> Tensor:
        with torch.inference_mode():
            rows = row_loss(outputs, self.target)
            # a diverged network's NaN counts where it has weight
            rows = torch.where(self.weight > 0, rows, torch.zeros_like(rows))
            return _mean_of_rows(rows, self.weight)

    def split(self, outputs: Tensor | None) -> list[NDArray[np.float64]]:
        if outputs is None:
            return []
        values = outputs.cpu().numpy().astype(np.float64)
        return [part[:n] for part, n in zip(values, self.lengths, strict=True)]


class _Best:
    """Every replicate's parameters in its best epoch."""

    def __init__(
        self,
        parameters: Sequence[nn.Parameter],
        ranges: Sequence[slice],
        n_replicates: int,
        like: Tensor,
    ) -> None:
        device = parameters[0].device
        self.parameters, self.ranges = list(parameters), list(ranges)
        self.kept = [p.detach().clone() for p in self.parameters]
        self.loss = torch.full((n_replicates,), torch.inf, device=device, dtype=like.dtype)
        self.epoch = torch.zeros(n_replicates, dtype=torch.int64, device=device)
        self.outputs: Tensor | None = None

    @torch.no_grad()
    def keep(self, loss: Tensor, epoch: int, outputs: Tensor | None, *, always: bool) -> None:
        loss = loss.clone()
        better = torch.isfinite(loss) & ((loss < self.loss) | always)
        self.loss = torch.where(better, loss.to(self.loss.dtype), self.loss)
        self.epoch = torch.where(better, torch.full_like(self.epoch, epoch), self.epoch)
        everyone = bool(better.all())
        for kept, parameter, owners in zip(self.kept, self.parameters, self.ranges, strict=True):
            if everyone:
                kept.copy_(parameter)
            else:
                kept.copy_(torch.where(_along(better[owners], kept), parameter, kept))
        if outputs is not None:
            outputs = outputs.clone()
            if self.outputs is None:
                self.outputs = outputs
            else:
                self.outputs = torch.where(_along(better, outputs), outputs, self.outputs)

    def age(self, epoch: int) -> int:
        return epoch - int(self.epoch.max())

    @torch.no_grad()
    def load(self) -> None:
        for kept, parameter in zip(self.kept, self.parameters, strict=True):
            parameter.copy_(kept)


def _along(mask: Tensor, like: Tensor) -> Tensor:
    return mask.view(-1, *[1] * (like.ndim - 1))
