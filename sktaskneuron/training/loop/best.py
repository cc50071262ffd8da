"""The best epoch: one of all networks jointly, or one of each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from skorch import NeuralNet
from torch import Tensor

from sktaskneuron.training.loop.callbacks import OwnCallback

# A network overfits where its held-out loss has been so much above its lowest for so many epochs.
_WORSE, _EPOCHS_WORSE = 1.05, 8


class KeptTensors:
    """A copy of tensors, brought up to date when they are better and put back at the end.

    Parameters
    ----------
    tensors : iterable of Tensor
    owners : sequence of slice, default=None
        The networks of a pack that own each tensor, along its first axis. Only then may some
        networks alone be kept.
    """

    def __init__(self, tensors: Iterable[Tensor], owners: Sequence[slice] | None = None) -> None:
        self.tensors: list[Tensor] = [tensor.detach() for tensor in tensors]
        self.owners: Sequence[slice] = owners or [slice(None)] * len(self.tensors)
        self.kept: list[Tensor] = [tensor.clone() for tensor in self.tensors]

    def keep(self, better: Tensor | None = None) -> None:
        """Copy the present values; with a mask of networks, (S,), theirs alone."""
        if better is not None and bool(better.all()):
            better = None
        for kept, tensor, owners in zip(self.kept, self.tensors, self.owners, strict=True):
            kept.copy_(
                tensor if better is None else torch.where(along(better[owners], kept), tensor, kept)
            )

    def load(self) -> None:
        """Put the kept values into the tensors."""
        for kept, tensor in zip(self.kept, self.tensors, strict=True):
            tensor.copy_(kept)


def along(mask: Tensor, like: Tensor) -> Tensor:
    """Return a mask of networks, (S,), in a shape that spreads over ``like``."""
    return mask.view(-1, *[1] * (like.ndim - 1))


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

    patience: int | None
    restore: bool
    best_loss_: float
    best_epoch_: int
    kept_epoch_: int
    kept_: KeptTensors

    def __init__(self, patience: int | None = None, restore: bool = True) -> None:
        self.patience, self.restore = patience, restore

    def on_train_begin(self, net: NeuralNet, **kwargs: object) -> None:
        """Forget former runs."""
        # kept_epoch_ is 0 as long as there is nothing usable
        self.best_loss_, self.best_epoch_, self.kept_epoch_ = math.inf, 0, 0
        self.kept_ = KeptTensors((*net.module_.parameters(), *net.module_.buffers()))

    def _is_finite(self, train_loss: float, valid_loss: float | None) -> bool:
        if valid_loss is not None:  # computed with the present weights, so it speaks for them
            return math.isfinite(train_loss) and math.isfinite(valid_loss)
        sums = [tensor.sum() for tensor in self.kept_.tensors if tensor.is_floating_point()]
        return math.isfinite(train_loss) and bool(torch.isfinite(torch.stack(sums)).all())

    def on_epoch_end(self, net: NeuralNet, **kwargs: object) -> None:
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
            self.kept_.keep()
            self.kept_epoch_ = epoch
        if self.patience is not None and epoch - self.best_epoch_ >= self.patience:
            net.stop("patience")


class BestEpochs:
    """Every network's parameters, losses and held-out outputs in its own best epoch.

    Parameters
    ----------
    parameters : iterable of Tensor
    owners : sequence of slice
        The networks that own each parameter.
    loss : Tensor of shape (S,)
        Where the comparison starts: infinite.
    """

    kept: KeptTensors

    def __init__(self, parameters: Iterable[Tensor], owners: Sequence[slice], loss: Tensor) -> None:
        self.kept = KeptTensors(parameters, owners)
        self.loss: Tensor = loss
        self.epoch: Tensor = torch.zeros(len(loss), dtype=torch.int64, device=loss.device)
        self.train_loss: Tensor = loss
        self.n_worse: Tensor = torch.zeros_like(self.epoch)
        self.outputs: Tensor | None = None

    def keep(
        self, loss: Tensor, train_loss: Tensor, epoch: int, outputs: Tensor | None, *, always: bool
    ) -> None:
        """Keep the networks whose loss, (S,), is finite and lower, or ``always`` the last one."""
        better = torch.isfinite(loss) & ((loss < self.loss) | always)
        self.loss = torch.where(better, loss.to(self.loss.dtype), self.loss)
        self.train_loss = torch.where(better, train_loss.to(self.loss.dtype), self.train_loss)
        # negated, so that a diverged network's NaN is worse
        self.n_worse = torch.where(~(loss <= _WORSE * self.loss), self.n_worse + 1, 0)
        self.epoch = torch.where(better, torch.full_like(self.epoch, epoch), self.epoch)
        self.kept.keep(better)
        if outputs is not None and self.outputs is not None:
            outputs = torch.where(along(better, outputs), outputs, self.outputs)
        self.outputs = outputs

    def all_overfit(self, train_loss: Tensor) -> bool:
        """Tell whether all held-out losses are past their best while training ones go on falling.

        A loss that is high because the learning rate is says nothing: it comes down at the end.
        """
        past = (self.n_worse >= _EPOCHS_WORSE) & ~(train_loss >= self.train_loss)
        return bool(past.all())

    def age(self, epoch: int) -> int:
        """Return the epochs since any network was better."""
        return epoch - int(self.epoch.max())
