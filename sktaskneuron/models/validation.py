"""Held-out rows, and the choice between models by their losses there.

Validation is out of fold on all but large tables: every fold holds out its rows once, so no row is
lost to it. Large tables hold out one part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from sktaskneuron.models.fitted import FittedModel, Inputs, View

if TYPE_CHECKING:
    import torch

    from sktaskneuron.training import TensorTable

FloatArray = NDArray[np.float64]
Rows = NDArray[np.intp]
Splits = Sequence[tuple[Rows, Rows]]

_FOLD_ROWS = 100_000
_N_FOLDS = 4
_HOLDOUT, _MOST_HELD = 0.15, 20_000
_SMALLEST = 20
# Log loss of a row is counted up to here.
_LARGEST_LOSS = 35.0
# Rows turned into tensors at a time.
_ROWS = 8_192


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
    _tables: dict[View, TensorTable] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.inputs)

    def losses(self, raw: FloatArray, rows: Rows) -> FloatArray:
        """Return the loss of raw outputs for each of ``rows``: squared error, or log loss."""
        if self.classification:
            chosen = raw[np.arange(len(rows)), self.target[rows]]
            return np.minimum(logsumexp(raw, axis=1) - chosen, _LARGEST_LOSS)
        return np.asarray(((raw - self.target[rows]) ** 2).mean(axis=1))

    def release(self) -> None:
        """Give the tensors' memory back; they are made anew when asked for."""
        self._tables.clear()

    def table(self, view: View, device: torch.device, dtype: torch.dtype) -> TensorTable:
        """Return the rows as tensors: on ``device``, or on the host if they would fill it.

        One view is held at a time.
        """
        from sktaskneuron.training import TensorTable, place_of

        if view not in self._tables:
            self.release()
            shape = (len(self), self.inputs.n_columns)
            device = place_of(shape, dtype, device)
            kind = np.float64 if dtype.itemsize == 8 else np.float32
            matrix = np.empty(shape, dtype=kind)
            for start in range(0, len(self), _ROWS):
                part = slice(start, start + _ROWS)
                matrix[part] = self.inputs.block(view, part)
            weight = None if (self.weight == self.weight[0]).all() else self.weight
            self._tables[view] = TensorTable.around(
                matrix, self.target, weight, device=device, dtype=dtype
            )
        return self._tables[view]


@dataclass(frozen=True, eq=False)
class Validation:
    """Rows held out.

    Parameters
    ----------
    splits : sequence of (training rows, held-out rows)
        None of it without validation.
    rows : ndarray of int
        All held-out rows, in the order of the splits; those held out several times once.
    place : ndarray of int of shape (n_rows of the table,)
        Where a row stands in ``rows``; -1 for rows never held out.
    target, weight : ndarray
        Of ``rows``.
    """

    splits: Splits
    rows: Rows
    place: Rows
    target: NDArray[Any]
    weight: FloatArray

    @classmethod
    def of(cls, task: Task, splits: Splits) -> Validation:
        """Collect what belongs to the held-out rows."""
        rows = np.concatenate([held for _, held in splits] or [np.zeros(0, dtype=np.intp)])
        rows = rows[np.sort(np.unique(rows, return_index=True)[1])]
        place = np.full(len(task), -1, dtype=np.intp)
        place[rows] = np.arange(len(rows))
        return cls(splits, rows, place, task.target[rows], task.weight[rows])

    def __bool__(self) -> bool:
        return len(self.splits) > 0

    def outputs(self, task: Task, fit: Callable[[Rows], FittedModel]) -> FloatArray:
        """Return the outputs on held-out rows, each split's by the model fitted to its own part."""
        outputs = [fit(train).predict_raw(task.inputs.take(held)) for train, held in self.splits]
        return self.merged(outputs, [held for _, held in self.splits])

    def merged(self, outputs: Sequence[FloatArray], held: Sequence[Rows]) -> FloatArray:
        """Return the mean output for each of ``rows``, of models and the rows that each held."""
        total = np.zeros((len(self.rows), outputs[0].shape[1]))
        count = np.zeros(len(total))
        for output, rows in zip(outputs, held, strict=True):
            np.add.at(total, self.place[rows], output)
            np.add.at(count, self.place[rows], 1.0)
        return total / count[:, None]


@dataclass(eq=False)
class Candidate:
    """A fitted model with its held-out outputs.

    Parameters
    ----------
    name : str
    model : FittedModel
        Fitted to all rows.
    outputs : ndarray of shape (n_held_out, n_outputs) or None
        Raw outputs of models that have not seen the row; None without validation.
    history : dict of str to list
        Losses per epoch, of networks.
    n_epochs, best_epoch : int
        Epochs trained, and the one kept; 0 for other models.
    stop_reason : str
        Why training ended; empty for other models.
    """

    name: str
    model: FittedModel
    outputs: FloatArray | None = None
    history: dict[str, list[Any]] = field(default_factory=dict)
    n_epochs: int = 0
    best_epoch: int = 0
    stop_reason: str = ""


def paired_gain(reference: FloatArray, rows: FloatArray, share: FloatArray) -> tuple[float, float]:
    """Return how much less ``rows`` lose than ``reference``, and the standard error of that.

    Parameters
    ----------
    reference, rows : ndarray of shape (n_rows,)
        Losses. Where ``rows`` are not finite, the gain is -inf and its error 0.
    share : ndarray of shape (n_rows,)
        Weights of sum 1.
    """
    if not np.isfinite(rows).all():
        return -np.inf, 0.0
    if not np.isfinite(reference).all():
        return np.inf, 0.0
    differences = reference - rows
    gain = float(share @ differences)
    return gain, float(np.sqrt(share @ (differences - gain) ** 2 / len(rows)))


def held_out(validation: Any, n_rows: int) -> str | int | float | None:
    """Return the parameter ``validation`` as plain text or number, if the rows suffice for it."""
    if validation is None or isinstance(validation, str):
        return validation
    folds = int(validation) if isinstance(validation, Integral) else None
    share = float(validation)
    if n_rows < (folds or 2) or (folds is None and round(share * n_rows) >= n_rows):
        raise ValueError(
            f"validation={validation!r} leaves no rows to train on or to hold out: got "
            f"n_samples = {n_rows} of positive weight; use validation=None"
        )
    return share if folds is None else folds


def make_splits(task: Task, validation: Any, seed: int) -> list[tuple[Rows, Rows]]:
    """Return (training, held-out) rows; none without validation."""
    n = len(task)
    stratify = task.target if task.classification else None
    if validation is None or (validation == "auto" and n < _SMALLEST):
        return []
    if validation == "auto":
        validation = _N_FOLDS if n < _FOLD_ROWS else min(_HOLDOUT, _MOST_HELD / n)
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
