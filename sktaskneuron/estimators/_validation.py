"""Held-out rows, and the choice between models by their losses there.

Validation is out of fold on small tables: every fold holds out its rows once, so no row is lost to
it. Large tables hold out one part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from sktaskneuron.estimators._models import FittedModel, Inputs, softmax

FloatArray = NDArray[np.float64]
Rows = NDArray[np.intp]
Splits = Sequence[tuple[Rows, Rows]]

_FOLD_ROWS = 5_000
_N_FOLDS = 5
_HOLDOUT = 0.15
_SMALLEST = 20


@dataclass(frozen=True, eq=False)
class Task:
    """Training rows of one fit.

    Parameters
    ----------
    inputs : Inputs
        The table.
    target : ndarray
        Standardised values (n_rows, n_outputs), or class codes (n_rows,).
    weight : ndarray of shape (n_rows,)
        Positive.
    n_outputs : int
        Number of targets, or of classes.
    classification : bool
        Whether ``target`` holds codes.
    shift, unit : ndarray of shape (n_outputs,)
        Of the values; zeros and ones for classes.
    """

    inputs: Inputs
    target: NDArray[Any]
    weight: FloatArray
    n_outputs: int
    classification: bool
    shift: FloatArray
    unit: FloatArray

    def __len__(self) -> int:
        return len(self.inputs)

    def losses(self, raw: FloatArray, rows: Rows) -> FloatArray:
        """Return the loss of raw outputs for each of ``rows``: squared error, or log loss."""
        if self.classification:
            chosen = softmax(raw)[np.arange(len(rows)), self.target[rows]]
            return np.asarray(-np.log(np.maximum(chosen, 1e-15)))
        return np.asarray(((raw - self.target[rows]) ** 2).mean(axis=1))


@dataclass(eq=False)
class Candidate:
    """A fitted model with its held-out losses.

    Parameters
    ----------
    name : str
        "constant", "linear", "formula", "mlp" or "task".
    model : FittedModel
        Fitted.
    losses, weight : ndarray of shape (n_held_out,) or None
        Losses of the held-out rows, in the order of the splits; None without validation.
    history : dict of str to list
        Losses per epoch, of networks.
    n_epochs : int
        Epochs trained, 0 for other models.
    """

    name: str
    model: FittedModel
    losses: FloatArray | None = None
    weight: FloatArray | None = None
    history: dict[str, list[Any]] = field(default_factory=dict)
    n_epochs: int = 0

    @property
    def is_network(self) -> bool:
        """Whether the model was trained in epochs."""
        return self.n_epochs > 0

    @property
    def loss(self) -> float:
        """Weighted mean held-out loss; infinite without validation."""
        if self.losses is None or self.weight is None:
            return float("inf")
        return float(self.weight @ self.losses / self.weight.sum())


def make_splits(task: Task, validation: Any, seed: int) -> list[tuple[Rows, Rows]]:
    """Return (training, held-out) rows; none without validation."""
    n = len(task)
    stratify = task.target if task.classification else None
    if validation is None or (validation == "auto" and n < _SMALLEST):
        return []
    if validation == "auto":
        validation = _N_FOLDS if n < _FOLD_ROWS else _HOLDOUT
    smallest_class = int(np.bincount(task.target).min()) if task.classification else n
    if isinstance(validation, float):
        n_held = max(1, round(validation * n))
        n_classes = task.n_outputs if task.classification else 1
        if smallest_class < 2 or min(n_held, n - n_held) < n_classes:
            stratify = None
        train, held = train_test_split(
            np.arange(n), test_size=n_held, random_state=seed, stratify=stratify
        )
        return [(np.sort(train), np.sort(held))]
    folds: KFold | StratifiedKFold = KFold(validation, shuffle=True, random_state=seed)
    if stratify is not None and smallest_class >= validation:
        folds = StratifiedKFold(validation, shuffle=True, random_state=seed)
    return list(folds.split(np.arange(n), stratify))


def held_out(task: Task, splits: Splits, models: Sequence[FittedModel]) -> FloatArray:
    """Return the losses of held-out rows, each split's by its own model: (n_held_out,)."""
    return np.concatenate(
        [
            task.losses(model.predict_raw(task.inputs.take(held)), held)
            for model, (_, held) in zip(models, splits, strict=True)
        ]
    )


def held_out_weight(task: Task, splits: Splits) -> FloatArray:
    """Return the weights of the held-out rows in the order of the splits: (n_held_out,)."""
    return np.concatenate([task.weight[held] for _, held in splits])


def choose(candidates: Sequence[Candidate]) -> Candidate:
    """Choose by held-out loss; ``candidates`` come simplest first.

    Any model takes the place of the constant, and a network that of a readable model, only if it
    is better by more than one standard error of the paired differences. Among models of one kind
    the lower loss wins.
    """
    best = candidates[0]
    for candidate in candidates[1:]:
        if candidate.losses is None or best.losses is None or candidate.weight is None:
            best = candidate
            continue
        share = candidate.weight / candidate.weight.sum()
        gain = best.losses - candidate.losses
        mean = float(share @ gain)
        error = float(np.sqrt(share @ (gain - mean) ** 2 / len(gain)))
        one_kind = candidate.is_network == best.is_network and best.name != "constant"
        if mean > (0.0 if one_kind else error):
            best = candidate
    return best
