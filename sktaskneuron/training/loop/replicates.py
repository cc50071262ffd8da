"""Training of many networks of one shape as one batch, each as if it were alone.

Packed members (:func:`fit_members`) share a learning rate and stop together, because they predict
together. Replicates are compared with one another: each has its own learning rate and its own best
epoch, and one that diverges harms no other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from sktaskneuron._clock import Clock
from sktaskneuron._typing import RowNumbers, Vector
from sktaskneuron.nn.dropout import GeneratorDropout
from sktaskneuron.nn.parameterization import rates_of
from sktaskneuron.training.data import TensorTable
from sktaskneuron.training.device import keep_freed_memory, random_scope, threads_for
from sktaskneuron.training.loop.best import BestEpochs
from sktaskneuron.training.loop.losses import RowLoss, get_row_loss, mean_of_rows
from sktaskneuron.training.loop.packed_rows import HeldRows, MemberBatches, MemberTable
from sktaskneuron.training.loop.replicate_adam import ReplicateAdam
from sktaskneuron.training.loop.results import EpochHook, ReplicateResult
from sktaskneuron.training.loop.run import DivergedError
from sktaskneuron.training.loop.schedules import get_schedule
from sktaskneuron.training.state import module_to_arrays

# Hidden values computed at a time when held-out rows are looked at.
_MOST_VALUES = 4_000_000


def fit_replicates(
    module: nn.Module,
    table: TensorTable,
    train_rows: Sequence[RowNumbers],
    held_rows: Sequence[RowNumbers] | None = None,
    *,
    device: torch.device | None = None,
    loss: str | RowLoss = "squared_error",
    n_epochs: int = 40,
    batch_size: int = 100,
    learning_rate: float | ArrayLike = 3e-3,
    weight_decay: float = 0.0,
    schedule: str = "constant",
    patience: int | None = None,
    stop_overfit: bool = False,
    clock: Clock | None = None,
    seed: int = 0,
    on_epoch_end: EpochHook[Vector] | None = None,
) -> ReplicateResult:
    """Train the replicates of a packed module in place.

    Parameters
    ----------
    module : nn.Module
        Maps (S, batch, n_features) to (S, batch, n_outputs); all parameters have a first axis S,
        or of those replicates that its method ``member_ranges()`` says.
    table : TensorTable
        All rows.
    train_rows : sequence of S ndarray of int
        Training rows; an epoch takes as many of each as the shortest has.
    held_rows : sequence of S ndarray of int or None, default=None
        Held-out rows, which choose every replicate's best epoch; None keeps the last one.
    device : torch.device, default=None
        Where to train; None is the table's device.
    loss : {"squared_error", "cross_entropy"} or callable, default="squared_error"
        As in :func:`fit_network`.
    n_epochs : int, default=40
        Passes over the rows.
    batch_size : int, default=100
        Upper bound of the rows of a replicate in a step.
    learning_rate : float or array-like of shape (S,), default=3e-3
        One for all replicates, or one for each.
    weight_decay : float, default=0.0
        Decoupled, relative to the learning rate. Factors of both are those that the module asks for
        single parameters, see :func:`~sktaskneuron.nn.parameter_groups`.
    schedule : str, default="constant"
        Of the learning rates over the epochs, see :data:`SCHEDULES`.
    patience : int or None, default=None
        Epochs without a lower held-out loss of any replicate after which training ends.
    stop_overfit : bool, default=False
        Whether training ends where every replicate overfits: for eight epochs its held-out loss was
        a twentieth above its lowest, and the training loss is below the one of that epoch.
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
        Best state of each and what happened on the way.

    Raises
    ------
    DivergedError
        If no replicate had a finite loss in any epoch.

    See Also
    --------
    fit_members : Train a packed module in place and return the state of the jointly best epoch.
    ReplicateResult : The result of training replicates.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.training import TensorTable, fit_replicates
    >>> from sktaskneuron.nn import DiverseNetwork
    >>> X = np.linspace(-1, 1, 60).reshape(-1, 1)
    >>> table = TensorTable.from_arrays(X, X**2)
    >>> networks = DiverseNetwork(1, 1, [8], [(2, [["tanh"]])])
    >>> rows = [np.arange(40), np.arange(20, 60)]
    >>> result = fit_replicates(networks, table, rows, n_epochs=5)
    >>> result.loss.shape
    (2,)
    """
    device = device or table.X.device
    keep_freed_memory()
    module.to(device=device, dtype=table.X.dtype)
    n_replicates = len(train_rows)
    owners = _owners(module, n_replicates)
    row_loss, clock, wave = get_row_loss(loss), clock or Clock(), get_schedule(schedule)
    like = torch.empty(n_replicates, device=device, dtype=table.X.dtype)
    rates = np.broadcast_to(np.asarray(learning_rate, float), n_replicates)
    adam = _adam(module, torch.as_tensor(rates.copy()).to(like), weight_decay, owners)
    batches = MemberBatches(
        MemberTable(table, train_rows, "replicate"),
        batch_size,
        generator=torch.Generator().manual_seed(seed),
        device=device,
        clock=clock,
        permute_whole=False,
    )
    held = None if held_rows is None else HeldRows(table, held_rows, device)
    dropouts = [child for child in module.modules() if isinstance(child, GeneratorDropout)]
    seeds = np.random.SeedSequence(seed).generate_state(len(dropouts), np.uint32).tolist()
    for dropout, dropout_seed in zip(dropouts, seeds, strict=True):
        dropout.reseed(dropout_seed)
    width = n_replicates * _width(module, table)
    alive = torch.ones_like(like, dtype=torch.bool)
    best = BestEpochs(module.parameters(), owners, torch.full_like(like, torch.inf))
    history: dict[str, list[Vector]] = {"train_loss": []}
    if held is not None:
        history["valid_loss"] = []
    stop_reason, epoch = "max_epochs", 0

    def rate_factor(number: int) -> float:
        progress = clock.pace((epoch - 1 + number / len(batches)) / n_epochs)
        return wave(min(progress, 1.0))

    n_values = width * min(batch_size, batches.edges[-1])
    with random_scope(seed, device), threads_for(n_values, device):
        for epoch in range(1, n_epochs + 1):
            train = _train_epoch(module, batches, row_loss, adam, rate_factor, alive)
            value, outputs = train, None
            logs = {"train_loss": _numbers(train)}
            if held is not None:
                with torch.inference_mode():
                    outputs = held.outputs(module, max(1, _MOST_VALUES // width))
                    value = held.losses(outputs, row_loss)
                logs["valid_loss"] = _numbers(value)
            best.keep(value, train, epoch, outputs, always=held is None)
            for key, series in history.items():
                series.append(logs[key])
            if on_epoch_end is not None and on_epoch_end(
                epoch, logs, lambda: module_to_arrays(module)
            ):
                stop_reason = "callback"
            elif clock() >= 1.0:
                stop_reason = "time"
            elif patience is not None and held is not None and best.age(epoch) >= patience:
                stop_reason = "patience"
            elif stop_overfit and held is not None and best.all_overfit(train):
                stop_reason = "overfit"
            elif not alive.any():
                stop_reason = "not_finite"
            else:
                continue
            break
    best.kept.load()
    if not torch.isfinite(best.loss).any():
        raise DivergedError(
            "no network had a finite loss in its first epochs; lower learning_rate or look for "
            "extreme values in X and y"
        )
    return ReplicateResult(
        state=module_to_arrays(module),
        n_epochs=epoch,
        best_epoch=best.epoch.cpu().numpy().astype(np.intp),
        history=history,
        stop_reason=stop_reason,
        loss=_numbers(best.loss),
        held_outputs=[] if held is None else held.split(best.outputs),
    )


def _train_epoch(
    module: nn.Module,
    batches: MemberBatches,
    row_loss: RowLoss,
    adam: ReplicateAdam,
    rate_factor: Callable[[int], float],
    alive: Tensor,
) -> Tensor:
    """Step over all batches and return the mean losses, (S,); those that diverge leave ``alive``.

    Written out, not run by the skorch net, whose steps take .14 to .38 ms more than plain ones do:
    13 to 20 percent (medians of benchmarks/training_loop.py, two layers of 64 neurons).
    """
    module.train()
    total = torch.zeros_like(alive, dtype=adam.rate.dtype)
    for number, (X, (y, weight)) in enumerate(batches):
        losses = mean_of_rows(row_loss(module(X), y), weight)
        # the constant of a Hamiltonian has no gradient
        gradients = torch.autograd.grad(
            losses.sum(), adam.parameters, allow_unused=True, materialize_grads=True
        )
        alive &= torch.isfinite(losses.detach())
        adam.step(gradients, rate_factor(number), alive)
        total += losses.detach()
    module.eval()
    return total / (number + 1)  # time may end an epoch early


def _adam(
    module: nn.Module, rates: Tensor, weight_decay: float, owners: Sequence[slice]
) -> ReplicateAdam:
    """Return the optimiser, with the factors that the module asks for single parameters."""
    parameters = list(module.parameters())
    factors = {parameter: (rate, decay) for parameter, rate, decay in rates_of(module)}
    return ReplicateAdam(
        parameters, rates, weight_decay, owners, [factors[parameter] for parameter in parameters]
    )


def _numbers(values: Tensor) -> Vector:
    return values.cpu().numpy().astype(np.float64)


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
