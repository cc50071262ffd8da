"""Search of the activation of networks that somebody else has written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import FloatArray, Matrix, RowNumbers, Vector
from sktaskneuron.nn import activation_layer
from sktaskneuron.nn.activations import distinct_activations
from sktaskneuron.search.activation.evaluations import StepHook
from sktaskneuron.search.activation.features import output_features
from sktaskneuron.search.activation.module_features import module_fisher_features
from sktaskneuron.search.activation.surrogate import SurrogateResult, search_surrogate
from sktaskneuron.search.classic import CLASSIC
from sktaskneuron.training.device import random_scope, resolve_device
from sktaskneuron.training.loop.losses import RowLoss, get_row_loss
from sktaskneuron.training.loop.schedules import cosine
from sktaskneuron.training.optimizers import AdamW

__all__ = ["ModuleFactory", "own_network_features", "search_activation"]

#: Builds a network; what it is given makes an activation module each time it is called.
ModuleFactory: TypeAlias = Callable[[Callable[[], nn.Module]], nn.Module]
#: Trains a network built by the factory and returns its held-out loss.
Train: TypeAlias = Callable[[nn.Module], float]
# Rows that features are taken of, and functions evaluated between two fits of the surrogate.
_FEATURE_ROWS, _ROUND = 256, 4
# Largest norm of a step's gradient.
_MOST_GRADIENT = 1.0


def search_activation(
    module_factory: ModuleFactory,
    X: ArrayLike,
    y: ArrayLike,
    *,
    candidates: Sequence[str] | None = None,
    n_evaluations: int = 20,
    n_starts: int = 2,
    train: Train | None = None,
    loss: str | RowLoss = "auto",
    held_out: float = 0.2,
    n_epochs: int = 10,
    batch_size: int = 64,
    learning_rate: float = 3e-3,
    weight_decay: float = 1e-2,
    device: str = "auto",
    random_state: int = 0,
    on_step: StepHook | None = None,
) -> SurrogateResult:
    """Search the activation function of a network of your own.

    A Gaussian process predicts from the outputs of every candidate and from the spectrum of the
    Fisher information of the network at its start which ones are worth training (Bingham and
    Miikkulainen, arXiv:2301.05785). The classic ones are trained first.

    Parameters
    ----------
    module_factory : callable
        Returns the network, given a callable without arguments that makes an activation module,
        one for each place: ``lambda act: nn.Sequential(nn.Conv1d(1, 8, 5), act(), ...)``.
    X : array-like of shape (n_samples, ...)
        What the network takes.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Labels, or numbers on the scale that the network gives.
    candidates : sequence of str or None, default=None
        As of :func:`sktaskneuron.nn.get_activation`; None is the whole catalogue.
    n_evaluations : int, default=20
        Candidates that networks are trained with.
    n_starts : int, default=2
        Networks that are trained with each, whose losses are averaged.
    train : callable, default=None
        Trains a network and returns its held-out loss, in place of the training here.
    loss : "auto", str or callable, default="auto"
        "cross_entropy" or "squared_error"; a callable maps outputs and targets to the loss of every
        row. "auto" goes by the type of ``y``.
    held_out : float, default=0.2
        Share of the rows that losses are taken of.
    n_epochs : int, default=10
        Passes over the training rows.
    batch_size : int, default=64
        Rows of a step.
    learning_rate : float, default=3e-3
        Of AdamW, after a warm-up on half a cosine wave.
    weight_decay : float, default=1e-2
        Of AdamW.
    device : str, default="auto"
        Where to train; "auto" takes a GPU if there is one.
    random_state : int, default=0
        Of the held-out rows, the starts, the batches and the search.
    on_step : callable, default=None
        Called after every round; a true answer ends the search.

    Returns
    -------
    SurrogateResult
        ``ranked`` holds what was trained, the best first; ``remaining`` and ``predicted`` what
        was not, and what losses are expected of it.

    Raises
    ------
    ValueError
        If rows do not fit, ``held_out`` leaves none, or an option is not known.

    See Also
    --------
    sktaskneuron.ActivationSearchClassifier : The same for tables, with the network.
    sktaskneuron.nn.activation_layer : The module of a text, for the network at last.

    Examples
    --------
    >>> from torch import nn
    >>> from sktaskneuron.datasets import make_mnist1d
    >>> from sktaskneuron.search.activation import search_activation
    >>> X, y = make_mnist1d(300, random_state=0)
    >>> def build(act):
    ...     return nn.Sequential(
    ...         nn.Conv1d(1, 8, 5), act(), nn.MaxPool1d(4), nn.Flatten(), nn.Linear(72, 10)
    ...     )
    >>> found = search_activation(
    ...     build, X[:, None], y, candidates=["relu", "tanh", "sin"], n_epochs=2, n_starts=1
    ... )
    >>> len(found.ranked)
    3
    """
    place = resolve_device(device)
    data = _Data.of(X, y, loss, held_out, random_state)
    pool = list(dict.fromkeys(distinct_activations() if candidates is None else candidates))
    if not pool:
        raise ValueError("candidates are empty")
    if n_evaluations < 1 or n_starts < 1 or n_epochs < 1 or batch_size < 1:
        raise ValueError("n_evaluations, n_starts, n_epochs and batch_size must be positive")

    def evaluate(texts: list[str]) -> Vector:
        return np.array([np.mean([trained(text, i) for i in range(n_starts)]) for text in texts])

    def trained(text: str, start: int) -> float:
        checkpoint()
        module = _built(module_factory, text, random_state + start)
        if train is not None:
            return float(train(module))
        return _held_out_loss(
            module.to(place),
            data.to(place),
            n_epochs,
            batch_size,
            learning_rate,
            weight_decay,
            random_state + start,
        )

    features: list[FloatArray] = []
    if n_evaluations < len(pool):
        features = own_network_features(
            module_factory, pool, data.X[data.own], data.y[data.own], data.row_loss, random_state
        )
    first = [text for text in pool if text in CLASSIC]
    return search_surrogate(
        pool,
        features or [np.zeros((len(pool), 1))],
        evaluate,
        n_evaluations=min(n_evaluations, len(pool)),
        initial=(first or pool[:_ROUND])[:n_evaluations],
        batch_size=_ROUND,
        rng=np.random.default_rng(random_state),
        on_step=on_step,
    )


def own_network_features(
    module_factory: ModuleFactory,
    texts: Sequence[str],
    X: Tensor,
    y: Tensor,
    row_loss: RowLoss,
    seed: int = 0,
) -> list[Matrix]:
    """Return what is known of activations before a network is trained with them.

    Parameters
    ----------
    module_factory : callable
        As of :func:`search_activation`.
    texts : sequence of str
    X : Tensor of shape (batch, ...)
        Of more than 256 rows a part is taken, evenly spaced.
    y : Tensor
    row_loss : callable
        Maps outputs and targets to (batch,) losses.
    seed : int, default=0
        Of the network's start, the same for all.

    Returns
    -------
    list of two ndarray of shape (n_texts, n_features)
        The outputs, and the spectrum of the Fisher information of the network, in float64.
    """
    rows = slice(None, None, -(-len(X) // _FEATURE_ROWS))
    X, y = (part[rows].double() if part.is_floating_point() else part[rows] for part in (X, y))
    spectra = []
    for text in texts:
        module = _built(module_factory, text, seed).double().train()
        with random_scope(seed, torch.device("cpu")):
            spectra.append(module_fisher_features(module, X, y, row_loss))
    return [output_features(texts), np.stack(spectra)]


def _built(module_factory: ModuleFactory, text: str, seed: int) -> nn.Module:
    with random_scope(seed, torch.device("cpu")):
        return module_factory(partial(activation_layer, text))


@dataclass(frozen=True, eq=False)
class _Data:
    """Rows, how they are told apart, and what a row costs."""

    X: Tensor
    y: Tensor
    own: RowNumbers
    held: RowNumbers
    row_loss: RowLoss

    @classmethod
    def of(
        cls, X: ArrayLike, y: ArrayLike, loss: str | RowLoss, held_out: float, seed: int
    ) -> _Data:
        inputs, targets = np.asarray(X), np.asarray(y)
        if inputs.ndim < 2 or len(inputs) != len(targets) or len(inputs) < 2:
            raise ValueError(
                f"X and y need as many rows, two or more; got the shapes {inputs.shape} and "
                f"{targets.shape}"
            )
        if loss == "auto":
            loss = "squared_error" if targets.dtype.kind == "f" else "cross_entropy"
        n_held = round(held_out * len(inputs))
        if not 0 < n_held < len(inputs):
            raise ValueError(f"held_out={held_out!r} leaves no rows to train on or to hold out")
        if loss == "cross_entropy":
            target = torch.from_numpy(np.unique(targets, return_inverse=True)[1].astype(np.int64))
        else:
            target = torch.from_numpy(targets.astype(np.float32))
            target = target.reshape(len(target), -1) if loss == "squared_error" else target
        if inputs.dtype.kind == "f":
            inputs = inputs.astype(np.float32)
        order = np.random.default_rng(seed).permutation(len(inputs))
        return cls(
            torch.from_numpy(np.ascontiguousarray(inputs)),
            target,
            np.sort(order[n_held:]),
            np.sort(order[:n_held]),
            get_row_loss(loss),
        )

    def to(self, device: torch.device) -> _Data:
        """Return the same rows elsewhere."""
        return _Data(self.X.to(device), self.y.to(device), self.own, self.held, self.row_loss)


def _held_out_loss(
    module: nn.Module,
    data: _Data,
    n_epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
    seed: int,
) -> float:
    """Train a network; return its mean loss on the held-out rows, infinite if it diverged."""
    own = torch.from_numpy(data.own)
    held = torch.from_numpy(data.held).split(4 * batch_size)
    n_steps, step = n_epochs * -(-len(own) // batch_size), 0
    adam = AdamW(module.parameters(), lr=learning_rate, weight_decay=weight_decay)
    generator = torch.Generator().manual_seed(seed)
    with (
        random_scope(seed, data.X.device),
        torch.inference_mode(False),
        torch.enable_grad(),
    ):
        module.train()
        for _ in range(n_epochs):
            order = own[torch.randperm(len(own), generator=generator)]
            for rows in order.split(batch_size):
                checkpoint()
                if len(rows) == 1 < len(own):
                    continue  # a batch of one row has no statistics
                for group in adam.param_groups:
                    group["lr"] = learning_rate * cosine(step / n_steps)
                adam.zero_grad()
                data.row_loss(module(data.X[rows]), data.y[rows]).mean().backward()
                norm = nn.utils.clip_grad_norm_(module.parameters(), _MOST_GRADIENT)
                if not torch.isfinite(norm):
                    return float("inf")
                adam.step()
                step += 1
        module.eval()
        with torch.no_grad():
            losses = [data.row_loss(module(data.X[rows]), data.y[rows]) for rows in held]
    loss = float(torch.cat(losses).mean())
    return loss if np.isfinite(loss) else float("inf")
