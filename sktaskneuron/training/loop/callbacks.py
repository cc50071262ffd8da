"""What happens around the steps of training, as skorch callbacks."""

from collections.abc import Callable
from typing import Any, Self

from skorch import NeuralNet
from skorch.callbacks import Callback

from sktaskneuron.nn.dropout import GeneratorDropout
from sktaskneuron.training.loop.results import EpochHook
from sktaskneuron.training.loop.schedules import Schedule, constant, get_schedule
from sktaskneuron.training.state import module_to_arrays


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

    learning_rate: str
    weight_decay: str
    n_epochs: int
    steps_per_epoch: int
    rate_schedule_: Schedule
    decay_schedule_: Schedule
    dropout_schedule_: Schedule
    step_: int
    epoch_: int
    groups_: list[tuple[dict[str, Any], float, float]]
    dropouts_: list[GeneratorDropout]

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

    def on_train_begin(self, net: NeuralNet, **kwargs: object) -> None:
        """Remember the rates at factor one."""
        self.step_, self.epoch_ = 0, 0
        self.groups_ = [
            (group, group["lr"], group["weight_decay"]) for group in net.optimizer_.param_groups
        ]
        self.dropouts_ = [
            m for m in net.module_.modules() if isinstance(m, GeneratorDropout) and m.scheduled
        ]

    def _at(self, t: float) -> float:
        return t if self.clock is None else min(1.0, max(t, self.clock()))

    def on_epoch_begin(self, net: NeuralNet, **kwargs: object) -> None:
        """Set the dropout rates."""
        factor = self.dropout_schedule_(self._at(self.epoch_ / self.n_epochs))
        for dropout in self.dropouts_:
            dropout.p = dropout.rate * factor
        self.epoch_ += 1

    def on_batch_begin(self, net: NeuralNet, training: bool = False, **kwargs: object) -> None:
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

    def on_train_end(self, net: NeuralNet, **kwargs: object) -> None:
        """Put the dropout rates back."""
        for dropout in self.dropouts_:
            dropout.p = dropout.rate


class HookCallback(OwnCallback):
    """Call a function at the end of every epoch; stop when it says so.

    Parameters
    ----------
    hook : EpochHook
    """

    def __init__(self, hook: EpochHook[float]) -> None:
        self.hook = hook

    def on_epoch_end(self, net: NeuralNet, **kwargs: object) -> None:
        """Call the hook."""
        record = net.history[-1]
        logs = {key: value for key, value in record.items() if isinstance(value, float)}
        if self.hook(len(net.history), logs, lambda: module_to_arrays(net.module_)):
            net.stop("callback")
