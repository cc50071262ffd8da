"""What packed members' joint held-out loss decides: the epoch that is kept, and when to end."""

import math
from collections.abc import Mapping, Sequence

import torch
from skorch import NeuralNet
from torch import Tensor

from sktaskneuron._clock import Clock
from sktaskneuron._typing import Matrix
from sktaskneuron.training.loop.calibration import inverse_temperature
from sktaskneuron.training.loop.callbacks import OwnCallback
from sktaskneuron.training.loop.losses import RowLoss, cross_entropy
from sktaskneuron.training.loop.packed_rows import HeldRows

# Held-out rows evaluated at a time, per member.
_CHUNK = 4096
# Share by which a cycle of the learning rate must lower the held-out loss for the next to follow.
_LEAST_GAIN = 0.01

#: Where the cycles of a schedule end, as shares of the training: "coslog4" is at zero wherever
#: log2(1 + 15 t) is a whole number.
CYCLE_ENDS: Mapping[str, Sequence[float]] = {"coslog4": (1 / 15, 3 / 15, 7 / 15)}


class HeldOut(OwnCallback):
    """Evaluate every member on its held-out rows at the end of every epoch.

    The loss of classes is taken at the temperature that makes it lowest: an overconfident network
    that ranks the rows well is mended by one number afterwards, and should not be stopped early
    for it.

    Parameters
    ----------
    held : HeldRows
    loss : RowLoss
    bounds : tuple of two Tensors or None
        Range to which outputs are cut before the loss is taken.
    """

    held: HeldRows
    loss: RowLoss
    bounds: tuple[Tensor, Tensor] | None
    best_: float
    inverse_temperature_: float

    def __init__(self, held: HeldRows, loss: RowLoss, bounds: tuple[Tensor, Tensor] | None) -> None:
        self.held, self.loss, self.bounds = held, loss, bounds

    def on_train_begin(self, net: NeuralNet, **kwargs: object) -> None:
        """Forget former runs."""
        self.best_, self.inverse_temperature_ = math.inf, 1.0
        self.outputs_: Tensor | None = None

    @torch.no_grad()
    def on_epoch_end(self, net: NeuralNet, **kwargs: object) -> None:
        """Record the weighted mean loss; keep the outputs of the best epoch."""
        net.module_.eval()
        outputs = self.held.outputs(net.module_, _CHUNK)
        if self.bounds is not None:
            outputs = outputs.clamp(*self.bounds)
        loss = self.held.joint_loss(self._calibrated(outputs), self.loss)
        net.history.record("valid_loss", loss)
        if loss < self.best_:
            self.best_, self.outputs_ = loss, outputs

    def _calibrated(self, outputs: Tensor) -> Tensor:
        if self.loss is not cross_entropy or not bool(torch.isfinite(outputs).all()):
            return outputs
        self.inverse_temperature_ = inverse_temperature(
            outputs.flatten(0, 1),
            self.held.target.flatten(),
            self.held.weight.flatten(),
            self.inverse_temperature_,
        )
        return outputs * self.inverse_temperature_

    def held_outputs(self) -> list[Matrix]:
        """Return the kept outputs per member, without the filling."""
        return self.held.split(self.outputs_)


class StopRules(OwnCallback):
    """End training when the clock has run out, or when a cycle of the rate was no gain.

    Parameters
    ----------
    clock : Clock
    cycle_ends : sequence of float
        Shares of the training at which the learning rate has fallen to zero.
    n_epochs : int
    """

    clock: Clock
    cycle_ends: Sequence[float]
    n_epochs: int
    ends_: set[int]
    last_: float

    def __init__(self, clock: Clock, cycle_ends: Sequence[float], n_epochs: int) -> None:
        self.clock, self.cycle_ends, self.n_epochs = clock, cycle_ends, n_epochs

    def on_train_begin(self, net: NeuralNet, **kwargs: object) -> None:
        """Forget former runs."""
        self.ends_ = {max(1, round(end * self.n_epochs)) for end in self.cycle_ends}
        self.last_ = math.inf

    def on_epoch_end(self, net: NeuralNet, **kwargs: object) -> None:
        """Compare the loss at the end of a cycle with that at the end of the cycle before."""
        if self.clock() >= 1.0:
            net.stop("time")
        if len(net.history) in self.ends_:
            loss = net.history[-1]["valid_loss"]
            if loss >= self.last_ * (1.0 - _LEAST_GAIN):
                net.stop("cycle")
            self.last_ = loss
