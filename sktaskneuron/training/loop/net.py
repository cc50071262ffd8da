"""The skorch net that trains our networks."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Self, TypeAlias

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.utils import TeeGenerator
from torch import Tensor, nn

from sktaskneuron.nn.parameterization import parameter_groups
from sktaskneuron.training.data import Target
from sktaskneuron.training.loop.callbacks import OwnCallback
from sktaskneuron.training.loop.interrupts import is_raised_by_code

Batch: TypeAlias = tuple[Tensor, Target]

# kinds of devices on which torch's fused AdamW runs
_FUSED = ("cpu", "cuda", "mps")


class StopTraining(Exception):
    """Raised inside the loop to end training in order: a signal, not an error."""


class TaskDrivenNet(NeuralNet):
    """A net of skorch for tensor tables, with weighted losses and rates per parameter.

    It differs from :class:`skorch.NeuralNet` in five points: batches are ``(X, (y, weight))`` and
    the weight enters the loss; the optimiser gets the module's parameter groups; the loss is read
    once per epoch and not once per batch (on a GPU each reading waits for the device); there are no
    default callbacks; and an interrupt by the user leaves ``fit`` instead of ending it silently.
    A KeyboardInterrupt ends training in order only if a callback of the user raises it by itself,
    during training: that is how :class:`skorch.callbacks.EarlyStopping` stops.
    Estimators hold it by composition, see :func:`sktaskneuron.training.fit_network`.

    Parameters
    ----------
    module : nn.Module
        Trained in place.
    criterion : nn.Module
        Called with (output, target, weight).
    weight_decay : float, default=0.0
        Decoupled weight decay at fan-in one.
    max_gradient_norm : float or None, default=None
        Gradients longer than this are shortened to it.
    **kwargs : dict
        As in :class:`skorch.NeuralNet`.

    See Also
    --------
    fit_network : Train a module in place with AdamW and return the state of the best epoch.

    Examples
    --------
    >>> from torch import nn
    >>> from skorch import NeuralNet
    >>> from sktaskneuron.training import TaskDrivenNet
    >>> net = TaskDrivenNet(nn.Linear(3, 1), nn.MSELoss(), weight_decay=0.01)
    >>> isinstance(net, NeuralNet)
    True
    """

    optimizer_: torch.optim.Optimizer

    def __init__(
        self,
        module: nn.Module,
        criterion: nn.Module,
        *,
        weight_decay: float = 0.0,
        max_gradient_norm: float | None = None,
        **kwargs: object,
    ) -> None:
        super().__init__(module, criterion, **kwargs)
        self.weight_decay = weight_decay
        self.max_gradient_norm = max_gradient_norm

    stop_reason_: str = ""

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        return []

    def initialize_optimizer(self, triggered_directly: bool | None = None) -> Self:
        """Build the optimiser from the module's parameter groups."""
        own = getattr(self.module_, "parameter_groups", None)
        if callable(own):
            groups = own(self.lr, self.weight_decay)
        else:
            groups = parameter_groups(self.module_, self.lr, self.weight_decay)
        options = self.get_params_for("optimizer")
        if issubclass(self.optimizer, torch.optim.AdamW) and "fused" not in options:
            kinds = {p.device.type for group in groups for p in group["params"]}
            options["fused"] = kinds <= set(_FUSED)
        self.optimizer_ = self.optimizer(groups, lr=self.lr, **options)
        return self

    def stop(self, reason: str) -> None:
        """Ask for the end of training after the present epoch; the first reason counts."""
        self.stop_reason_ = self.stop_reason_ or reason

    def partial_fit(
        self, X: object, y: object = None, classes: object = None, **fit_params: object
    ) -> Self:
        """Train; end in order on a callback's wish, and with an error on an interrupt."""
        if not self.initialized_:
            self.initialize()
        self.stop_reason_ = ""
        fit_params.pop("_routing_method", None)
        self.notify("on_train_begin", X=X, y=y)
        try:
            self.fit_loop(X, y, **fit_params)
        except StopTraining:
            pass
        except BaseException:
            # callbacks may clean up; what fails then must not take the place of this error
            with suppress(Exception):
                self.notify("on_train_end", X=X, y=y)
            raise
        self.notify("on_train_end", X=X, y=y)
        return self

    def notify(self, method_name: str, **cb_kwargs: object) -> None:
        """Call the callbacks; turn a wish to stop into the end of training."""
        getattr(self, method_name)(self, **cb_kwargs)
        for _, callback in self.callbacks_:
            try:
                getattr(callback, method_name)(self, **cb_kwargs)
            except KeyboardInterrupt as error:
                outside = method_name in ("on_train_begin", "on_train_end")
                if outside or isinstance(callback, OwnCallback) or not is_raised_by_code(error):
                    raise
                self.stop("callback")
                raise StopTraining from None
        if method_name == "on_epoch_end" and self.stop_reason_:
            raise StopTraining

    def get_loss(
        self, y_pred: Tensor, y_true: Target, X: object = None, training: bool = False
    ) -> Tensor:
        """Return the weighted loss of a batch."""
        target, weight = y_true
        loss: Tensor = self.criterion_(y_pred, target, weight)
        return loss

    def train_step(self, batch: Batch, **fit_params: object) -> dict[str, Tensor]:
        """Make one step of the optimiser, which needs the gradients of a batch once."""
        self.optimizer_.zero_grad()
        step = self.train_step_single(batch, **fit_params)
        named = TeeGenerator(self.get_all_learnable_params())
        self.notify("on_grad_computed", named_parameters=named, batch=batch, training=True)
        self.optimizer_.step()
        return step

    def train_step_single(self, batch: Batch, **fit_params: object) -> dict[str, Tensor]:
        """Compute loss and gradients of a batch, and shorten the gradients if asked to."""
        if not self.module_.training:  # to tell every part at every step takes its time
            self.module_.train()
        inputs, target = batch
        output = self.infer(inputs, **fit_params)
        loss = self.get_loss(output, target, X=inputs, training=True)
        loss.backward()
        if self.max_gradient_norm is not None:
            nn.utils.clip_grad_norm_(self.module_.parameters(), self.max_gradient_norm)
        return {"loss": loss, "y_pred": output}

    def run_single_epoch(
        self,
        iterator: Iterable[Batch] | None,
        training: bool,
        prefix: str,
        step_fn: Callable[..., Mapping[str, Tensor]],
        **fit_params: object,
    ) -> None:
        """Run all batches and record the weighted mean of their losses."""
        if iterator is None:
            return
        total: Tensor | float = 0.0
        size: Tensor | float = 0.0
        for batch in iterator:
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            inputs, (_, weight) = batch
            share = inputs.shape[-2] if weight is None else weight.sum()
            total = total + step["loss"].detach() * share
            size = size + share
            self.notify("on_batch_end", batch=batch, training=training, **step)
        self.history.record(prefix + "_loss", float(total / size))
