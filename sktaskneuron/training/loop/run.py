"""One run of the training net, from seeds to the kept epoch: what every kind of training shares."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback
from torch import Tensor, nn
from torch.utils.data import Dataset

from sktaskneuron.exceptions import SkTaskNeuronError
from sktaskneuron.nn.dropout import GeneratorDropout
from sktaskneuron.training.data import Target
from sktaskneuron.training.device import keep_freed_memory, random_scope
from sktaskneuron.training.loop.best import BestEpoch
from sktaskneuron.training.loop.callbacks import HookCallback, OwnCallback
from sktaskneuron.training.loop.losses import RowLoss, WeightedLoss
from sktaskneuron.training.loop.net import TaskDrivenNet
from sktaskneuron.training.loop.results import EpochHook, TrainingResult
from sktaskneuron.training.optimizers import AdamW
from sktaskneuron.training.state import module_to_arrays

#: As skorch takes them: callbacks, or pairs of a name and a callback.
Callbacks: TypeAlias = Sequence[Callback | tuple[str, Callback]]


class DivergedError(SkTaskNeuronError, ArithmeticError):
    """Training met a loss that is not finite before the end of its first epoch.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.nn import TaskNetwork
    >>> from sktaskneuron.training import DivergedError, TensorTable, fit_network
    >>> X = np.full((64, 1), 1e30)
    >>> network = TaskNetwork(1, 1, "x", hidden_layer_sizes=(4,))
    >>> try:
    ...     fit_network(network, TensorTable.from_arrays(X, X), max_epochs=1)
    ... except DivergedError:
    ...     print("diverged")
    diverged
    """


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options of a run; values that would fail later or train nothing are refused.

    Parameters
    ----------
    seed : int
        Of the order of rows, of dropout and of modules that read the global stream.
    max_epochs, batch_size, learning_rate, weight_decay, betas, max_gradient_norm, verbose
        As of :func:`fit_network`.
    patience : int or None
        Checked here, and used by :class:`BestEpoch`.
    on_epoch_end, callbacks
        As of :func:`fit_network`; they run after our own callbacks.
    """

    seed: int
    max_epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    betas: tuple[float, float]
    max_gradient_norm: float | None
    patience: int | None
    verbose: int
    on_epoch_end: EpochHook[float] | None
    callbacks: Callbacks

    def __post_init__(self) -> None:
        for name in ("max_epochs", "batch_size", "patience"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value!r}")
        for name in ("learning_rate", "max_gradient_norm"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be positive, got {value!r}")
        if not self.weight_decay >= 0:
            raise ValueError(f"weight_decay must not be negative, got {self.weight_decay!r}")


def run_training(
    module: nn.Module,
    data: Dataset[tuple[Tensor, Target]],
    loss: RowLoss,
    best: BestEpoch,
    own: Sequence[tuple[str, OwnCallback]],
    options: RunOptions,
    *,
    device: torch.device,
    **iterators: object,
) -> TrainingResult:
    """Train ``module`` in place with AdamW and leave it with the best epoch's parameters.

    Parameters
    ----------
    module : nn.Module
        On ``device``.
    data : Dataset
        What ``iterator_train`` cuts batches from.
    loss : RowLoss
    best : BestEpoch
        One of the callbacks: the keeper of the state.
    own : sequence of (name, OwnCallback) pairs
    options : RunOptions
    device : torch.device
    **iterators : dict
        Iterators of the net, their options, and ``train_split``.

    Returns
    -------
    TrainingResult

    Raises
    ------
    DivergedError
        If the loss is not finite in the first epoch.

    Warns
    -----
    ConvergenceWarning
        If a later epoch's loss is not finite.
    """
    dropouts = [child for child in module.modules() if isinstance(child, GeneratorDropout)]
    entropy = np.random.SeedSequence(options.seed)
    seeds = entropy.generate_state(2 + len(dropouts), np.uint32).tolist()
    for dropout, dropout_seed in zip(dropouts, seeds[2:], strict=True):
        dropout.reseed(dropout_seed)
    hook = []
    if options.on_epoch_end is not None:
        hook.append(("task_epoch_hook", HookCallback(options.on_epoch_end)))
    net = TaskDrivenNet(
        module,
        WeightedLoss(loss),
        optimizer=AdamW,
        lr=options.learning_rate,
        optimizer__betas=options.betas,
        weight_decay=options.weight_decay,
        max_gradient_norm=options.max_gradient_norm,
        max_epochs=options.max_epochs,
        batch_size=options.batch_size,
        iterator_train__generator=torch.Generator().manual_seed(seeds[0]),
        callbacks=[*own, *hook, *options.callbacks],
        device=device,
        verbose=options.verbose,
        **iterators,
    )
    keep_freed_memory()
    with random_scope(seeds[1], device):
        net.fit(data)
    module.eval()
    n_run = len(net.history)
    rate = f"learning_rate (now {options.learning_rate:g})"
    if not best.kept_epoch_:
        raise DivergedError(
            f"the loss was not finite in epoch {n_run}, before any usable state; lower "
            f"{rate} or look for extreme values in X and y"
        )
    best.kept_.load()
    if net.stop_reason_ == "not_finite":
        warnings.warn(
            f"the loss was not finite in epoch {n_run}; the state of epoch {best.kept_epoch_} is "
            f"kept. A lower {rate} may help.",
            ConvergenceWarning,
            stacklevel=3,
        )
    return TrainingResult(
        state=module_to_arrays(module),
        n_epochs=n_run,
        best_epoch=best.kept_epoch_,
        history=_history_columns(net),
        stop_reason=net.stop_reason_ or "max_epochs",
    )


def _history_columns(net: TaskDrivenNet) -> dict[str, list[Any]]:
    """Turn skorch's list of epochs into a list per key, without its book-keeping."""
    epochs = [dict(epoch) for epoch in net.history]
    keys = dict.fromkeys(key for epoch in epochs for key in epoch)
    return {
        key: [epoch.get(key) for epoch in epochs]
        for key in keys
        if key not in ("batches", "epoch", "valid_loss_best")
    }
