"""What training leaves behind, as plain values, and what it tells while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from sktaskneuron._typing import Matrix, RowNumbers, State, Vector

#: The kept epoch: one of all networks, or one of each.
Epoch = TypeVar("Epoch")
#: A loss of all networks, or the losses of each.
Loss = TypeVar("Loss")

#: ``on_epoch_end(epoch, logs, get_state) -> stop``: epochs count from 1, ``get_state()`` copies the
#: present state, a true answer ends training.
EpochHook: TypeAlias = Callable[[int, Mapping[str, Loss], Callable[[], State]], bool | None]


@dataclass(frozen=True, eq=False, kw_only=True)
class Result(Generic[Epoch, Loss]):
    """What every kind of training leaves behind."""

    state: State
    n_epochs: int
    best_epoch: Epoch
    history: dict[str, list[Loss]] = field(default_factory=dict)
    stop_reason: str = "max_epochs"


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingResult(Result[int, Any]):
    """The result of training: arrays, numbers and texts.

    Parameters
    ----------
    state : dict of str to ndarray
        Parameters and buffers of the kept epoch.
    n_epochs : int
        Number of epochs that ran.
    best_epoch : int
        The kept epoch, counted from 1.
    history : dict of str to list
        One entry per epoch: ``train_loss``, with validation rows also ``valid_loss``, and whatever
        callbacks recorded.
    stop_reason : str
        ``"max_epochs"``, ``"patience"``, ``"callback"`` or ``"not_finite"``; of packed members also
        ``"cycle"`` or ``"time"``.

    See Also
    --------
    fit_network : Train a module in place with AdamW and return the state of the best epoch.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.nn import TaskNetwork
    >>> from sktaskneuron.training import TensorTable, fit_network
    >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> network = TaskNetwork(1, 1, "x + x**2", hidden_layer_sizes=(4,))
    >>> result = fit_network(network, TensorTable.from_arrays(X, X**2), max_epochs=3)
    >>> result.n_epochs, result.stop_reason, len(result.history["train_loss"])
    (3, 'max_epochs', 3)
    """


@dataclass(frozen=True, eq=False, kw_only=True)
class MemberResult(TrainingResult):
    """The result of training packed members: a :class:`TrainingResult` with held-out outputs.

    Parameters
    ----------
    state : dict of str to ndarray
        Parameters and buffers of the kept epoch, of all members.
    n_epochs : int
        Number of epochs that ran.
    best_epoch : int
        The kept epoch, counted from 1.
    history : dict of str to list
        As of :class:`TrainingResult`.
    stop_reason : str
        Why training ended, as of :class:`TrainingResult`.
    held_outputs : list of ndarray of shape (n_held, n_outputs)
        Every member's output on its held-out rows in the kept epoch; empty without such rows.

    See Also
    --------
    fit_members : Train a packed module in place and return the state of the jointly best epoch.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.nn import TaskNetwork
    >>> from sktaskneuron.training import TensorTable, fit_members
    >>> X = np.linspace(-1, 1, 60).reshape(-1, 1)
    >>> packed = TaskNetwork(1, 1, "x", hidden_layer_sizes=(4,), n_members=2)
    >>> even, odd = np.arange(0, 60, 2), np.arange(1, 60, 2)
    >>> table = TensorTable.from_arrays(X, X**2)
    >>> result = fit_members(packed, table, [even, odd], [odd, even], n_epochs=3)
    >>> [output.shape for output in result.held_outputs]
    [(30, 1), (30, 1)]
    """

    held_outputs: list[Matrix]


@dataclass(frozen=True, eq=False, kw_only=True)
class ReplicateResult(Result[RowNumbers, Vector]):
    """The result of training replicates.

    Parameters
    ----------
    state : dict of str to ndarray
        Parameters and buffers, every replicate's of its own best epoch.
    n_epochs : int
        Epochs that were trained.
    best_epoch : ndarray of int of shape (S,)
        Epoch whose state each replicate keeps.
    history : dict of str to list of ndarray of shape (S,)
        ``train_loss`` and, with held-out rows, ``valid_loss``.
    stop_reason : str
        ``"max_epochs"``, ``"patience"``, ``"overfit"``, ``"time"``, ``"callback"``, or
        ``"not_finite"`` where no replicate was left.
    loss : ndarray of shape (S,)
        Held-out loss in that epoch, or the training loss without held-out rows; infinite for a
        replicate that diverged at once.
    held_outputs : list of ndarray of shape (n_held, n_outputs)
        In the best epoch, in the order of the held-out rows; empty without such rows.

    See Also
    --------
    fit_replicates : Train the replicates of a packed module in place.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.nn import DiverseNetwork
    >>> from sktaskneuron.training import TensorTable, fit_replicates
    >>> X = np.linspace(-1, 1, 60).reshape(-1, 1)
    >>> networks = DiverseNetwork(1, 1, [4], [(2, [["tanh"]])])
    >>> rows = [np.arange(40), np.arange(20, 60)]
    >>> result = fit_replicates(networks, TensorTable.from_arrays(X, X**2), rows, n_epochs=3)
    >>> result.loss.shape, result.n_epochs
    ((2,), 3)
    """

    loss: Vector
    held_outputs: list[Matrix]
