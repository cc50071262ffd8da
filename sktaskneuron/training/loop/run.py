"""One run of the training net, from seeds to the kept epoch: what every kind of training shares."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import nn
from torch.utils.data import Dataset

from sktaskneuron.exceptions import SkTaskNeuronError
from sktaskneuron.nn.task.dropout import GeneratorDropout
from sktaskneuron.training.device import keep_freed_memory, random_scope
from sktaskneuron.training.loop.callbacks import BestEpoch
from sktaskneuron.training.loop.losses import RowLoss, WeightedLoss
from sktaskneuron.training.loop.net import TaskDrivenNet


class DivergedError(SkTaskNeuronError, ArithmeticError):
    """Training met a loss that is not finite before the end of its first epoch."""


def run_training(
    module: nn.Module,
    data: Dataset[Any],
    loss: RowLoss,
    best: BestEpoch,
    callbacks: Sequence[Any],
    *,
    device: torch.device,
    seed: int,
    learning_rate: float,
    **options: Any,
) -> TaskDrivenNet:
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
    callbacks : sequence of skorch callbacks or (name, callback) pairs
    device : torch.device
    seed : int
        Of the order of rows, of dropout and of modules that read the global stream.
    learning_rate : float
    **options : dict
        Of the net.

    Returns
    -------
    TaskDrivenNet
        With its history and ``stop_reason_``.

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
    seeds = np.random.SeedSequence(seed).generate_state(2 + len(dropouts), np.uint32).tolist()
    for dropout, dropout_seed in zip(dropouts, seeds[2:], strict=True):
        dropout.reseed(dropout_seed)
    net = TaskDrivenNet(
        module,
        WeightedLoss(loss),
        optimizer=torch.optim.AdamW,
        lr=learning_rate,
        iterator_train__generator=torch.Generator().manual_seed(seeds[0]),
        callbacks=list(callbacks),
        device=device,
        **options,
    )
    keep_freed_memory()
    with random_scope(seeds[1], device):
        net.fit(data)
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
            stacklevel=3,
        )
    return net


def check_options(**options: Any) -> None:
    """Refuse values that would fail later or train nothing."""
    for name in ("max_epochs", "batch_size", "patience"):
        value = options[name]
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, got {value!r}")
    for name in ("learning_rate", "max_gradient_norm"):
        value = options[name]
        if value is not None and not value > 0:
            raise ValueError(f"{name} must be positive, got {value!r}")
    if not options["weight_decay"] >= 0:
        raise ValueError(f"weight_decay must not be negative, got {options['weight_decay']!r}")


def history_columns(net: TaskDrivenNet) -> dict[str, list[Any]]:
    """Turn skorch's list of epochs into a list per key, without its book-keeping."""
    epochs = [dict(epoch) for epoch in net.history]
    keys = dict.fromkeys(key for epoch in epochs for key in epoch)
    return {
        key: [epoch.get(key) for epoch in epochs]
        for key in keys
        if key not in ("batches", "epoch", "valid_loss_best")
    }
