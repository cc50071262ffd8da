"""What packed members' held-out rows decide: the epoch that is kept, and when to end."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNet
from torch import Tensor

from sktaskneuron.training.data import TensorTable, take_inputs
from sktaskneuron.training.loop.calibration import inverse_temperature
from sktaskneuron.training.loop.callbacks import OwnCallback
from sktaskneuron.training.loop.clock import Clock
from sktaskneuron.training.loop.losses import RowLoss, cross_entropy

Rows = NDArray[np.intp]

# Held-out rows evaluated at a time, per member.
_CHUNK = 4096
# Share by which a cycle of the learning rate must lower the held-out loss for the next to follow.
_LEAST_GAIN = 0.01

#: Where the cycles of a schedule end, as shares of the training.
CYCLE_ENDS: Mapping[str, Sequence[float]] = {"coslog4": (1 / 15, 3 / 15, 7 / 15)}


class HeldOut(OwnCallback):
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


class StopRules(OwnCallback):
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
