"""How networks are built and trained, and who is told of their epochs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sktaskneuron._clock import leave_out
from sktaskneuron.models.fitted import FittedModel
from sktaskneuron.models.target import Target

if TYPE_CHECKING:
    from skorch.callbacks import Callback

    from sktaskneuron.training import ReplicateResult, TrainingResult

#: ``report(name, epoch, n_epochs, logs, get_model) -> stop``, called after every epoch. Without
#: ``get_model`` there is nothing yet that predicts.
EpochReport = Callable[[str, int, int, Mapping[str, float], Callable[[], FittedModel] | None], bool]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How networks are built and trained.

    Parameters
    ----------
    n_members : int
        Networks of a pack.
    n_epochs, batch_size : int
    learning_rate : float or None
        None tries several.
    weight_decay : float
    patience : int or None
        Epochs without a lower held-out loss after which training ends.
    device, dtype : str
    seed : int
    hidden_layer_sizes : tuple of int
        Of networks of tables.
    bounded : bool
        Whether values are cut to the range of the training target.
    activation : str, ActivationSet or sequence
        Of networks of task-driven neurons, as a user gives it; others are compared by theirs.
    dropout, label_smoothing : float
    passes_per_epoch : int
    schedule : str
        Of the learning rate.
    stop_early : bool
        Whether training ends where a cycle of the learning rate gained next to nothing.
    callbacks : tuple
        skorch's.
    verbose : int
    """

    n_members: int
    n_epochs: int
    batch_size: int
    learning_rate: float | None
    weight_decay: float
    patience: int | None
    device: str
    dtype: str
    seed: int
    hidden_layer_sizes: tuple[int, ...] = ()
    bounded: bool = True
    activation: Any = "silu"
    dropout: float = 0.0
    label_smoothing: float = 0.0
    passes_per_epoch: int = 1
    schedule: str = "coslog4"
    stop_early: bool = False
    callbacks: tuple[Callback | tuple[str, Callback], ...] = ()
    verbose: int = 0

    def training(self, target: Target) -> dict[str, Any]:
        """Return the options of `fit_members` that every pack is trained with."""
        return {
            "loss": target.torch_loss(),
            "label_smoothing": self.label_smoothing if target.classification else 0.0,
            "n_epochs": self.n_epochs,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "weight_decay": self.weight_decay,
            "schedule": self.schedule,
            "seed": self.seed,
            "callbacks": self.callbacks,
            "verbose": self.verbose,
        }


def leave_out_epochs(name: str, result: TrainingResult | ReplicateResult, n_epochs: int) -> None:
    """Note which epochs of networks time did not suffice for."""
    if result.stop_reason == "time" and result.n_epochs < n_epochs:
        leave_out(f"epochs after {result.n_epochs} of {n_epochs} of {name!r}")
