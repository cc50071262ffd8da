"""What happens around the steps of training, as skorch callbacks."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback

from sktaskneuron.nn.task.dropout import GeneratorDropout
from sktaskneuron.training.loop.schedules import constant, get_schedule
from sktaskneuron.training.state import State, module_to_arrays

#: ``on_epoch_end(epoch, logs, get_state) -> stop``: epochs count from 1, ``get_state()`` copies the
#: present state, a true answer ends training.
EpochHook = Callable[[int, Mapping[str, float], Callable[[], State]], bool | None]


class OwnCallback(Callback):
    """A callback of this package: it ends training by ``net.stop``, never by an interrupt."""


class Schedules(OwnCallback):
    """Learning rate and weight decay by the step, dropout by the epoch.

    Parameters
    ----------
    learning_rate, weight_decay, dropout : str
        Names of schedules.
    n_epochs : int
    steps_per_epoch : int
    clock : callable, default=None
        ``clock()`` is the share of a time budget that is used up. The schedules go by it where it
        is ahead of the steps.
    """

    def __init__(
        self,
        learning_rate: str,
        weight_decay: str,
        dropout: str,
        n_epochs: int,
        steps_per_epoch: int,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.dropout = dropout
        self.n_epochs, self.steps_per_epoch = n_epochs, steps_per_epoch
        self.clock = clock

    def initialize(self) -> Self:
        """Look the schedules up."""
        self.rate_schedule_ = get_schedule(self.learning_rate)
        self.decay_schedule_ = get_schedule(self.weight_decay)
        self.dropout_schedule_ = get_schedule(self.dropout)
        return self

    def on_train_begin(self, net: NeuralNet, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Remember the rates at factor one."""
        self.step_, self.epoch_ = 0, 0
        self.groups_ = [
            (group, group["lr"], group["weight_decay"]) for group in net.optimizer_.param_groups
        ]
        self.dropouts_ = [m for m in net.module_.modules() if isinstance(m, GeneratorDropout)]

    def _at(self, t: float) -> float:
        return t if self.clock is None else min(1.0, max(t, self.clock()))

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Set the dropout rates."""
        factor = self.dropout_schedule_(self._at(self.epoch_ / self.n_epochs))
        for dropout in self.dropouts_:
            dropout.p = dropout.rate * factor
        self.epoch_ += 1

    def on_batch_begin(
        self, net: NeuralNet, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        """Set learning rates and weight decays."""
        if not training:
            return
        # the middle of the step's share of time: neither the first nor the last rate is zero
        t = self._at((self.step_ + 0.5) / (self.n_epochs * self.steps_per_epoch))
        self.step_ += 1
        if self.rate_schedule_ is not constant:
            factor = self.rate_schedule_(t)
            for group, rate, _ in self.groups_:
                group["lr"] = rate * factor
        if self.decay_schedule_ is not constant:
            factor = self.decay_schedule_(t)
            for group, _, decay in self.groups_:
                group["weight_decay"] = decay * factor

    def on_train_end(self, net: NeuralNet, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Put the dropout rates back."""
        for dropout in self.dropouts_:
            dropout.p = dropout.rate


class BestEpoch(OwnCallback):
    """Keep the state of the best finite epoch in memory; stop when it does not improve.

    With validation rows the best epoch is that of the lowest validation loss; without, the last
    one. A loss that is not finite ends training.

    Parameters
    ----------
    patience : int or None
        Number of epochs without a better validation loss after which training ends.
    restore : bool
        False keeps the last finite epoch instead of the best one.
    """

    def __init__(self, patience: int | None = None, restore: bool = True) -> None:
        self.patience, self.restore = patience, restore

    def on_train_begin(self, net: NeuralNet, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Forget former runs."""
        self.best_loss_, self.best_epoch_, self.kept_epoch_ = math.inf, 0, 0
        self.tensors_ = [
            tensor.detach() for tensor in (*net.module_.parameters(), *net.module_.buffers())
        ]
        self.kept_: list[torch.Tensor] = []

    def _is_finite(self, train_loss: float, valid_loss: float | None) -> bool:
        if valid_loss is not None:  # computed with the present weights, so it speaks for them
            return math.isfinite(train_loss) and math.isfinite(valid_loss)
        sums = [tensor.sum() for tensor in self.tensors_ if tensor.is_floating_point()]
        return math.isfinite(train_loss) and bool(torch.isfinite(torch.stack(sums)).all())

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Compare, keep, stop."""
        record = net.history[-1]
        epoch, train_loss, valid_loss = len(net.history), record["train_loss"], None
        if "valid_loss" in record:
            valid_loss = record["valid_loss"]
        if not self._is_finite(train_loss, valid_loss):
            net.stop("not_finite")
            return
        better = valid_loss is None or valid_loss < self.best_loss_
        if valid_loss is not None:
            # the mark that skorch's own callbacks (Checkpoint, PrintLog) look for
            net.history.record("valid_loss_best", better)
        if better:
            self.best_epoch_ = epoch
            self.best_loss_ = math.inf if valid_loss is None else valid_loss
        if better or not self.restore:
            self._keep()
            self.kept_epoch_ = epoch
        if self.patience is not None and epoch - self.best_epoch_ >= self.patience:
            net.stop("patience")

    def _keep(self) -> None:
        if not self.kept_:
            self.kept_ = [tensor.clone() for tensor in self.tensors_]
            return
        for kept, tensor in zip(self.kept_, self.tensors_, strict=True):
            kept.copy_(tensor)

    def load(self) -> None:
        """Put the kept state into the module."""
        for kept, tensor in zip(self.kept_, self.tensors_, strict=True):
            tensor.copy_(kept)


class HookCallback(OwnCallback):
    """Call a function at the end of every epoch; stop when it says so.

    Parameters
    ----------
    hook : EpochHook
    """

    def __init__(self, hook: EpochHook) -> None:
        self.hook = hook

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Call the hook."""
        record = net.history[-1]
        logs = {key: value for key, value in record.items() if isinstance(value, float)}
        if self.hook(len(net.history), logs, lambda: module_to_arrays(net.module_)):
            net.stop("callback")
