"""Held-out rows: which they are, and what models say of them.

Validation is out of fold on all but large tables: every fold holds out its rows once, so no row is
lost to it. Large tables hold out one part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from sktaskneuron._typing import AnyArray, IntArray, Matrix, RowNumbers, Splits, Vector
from sktaskneuron.models.fitted import FittedModel
from sktaskneuron.models.target import many_classes_told
from sktaskneuron.models.task import Task

#: Rows from which one part is held out in place of folds.
FOLD_ROWS = 100_000
_N_FOLDS = 4
_HOLDOUT, _MOST_HELD = 0.15, 20_000
_SMALLEST = 20


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
    rows: RowNumbers
    place: RowNumbers
    target: AnyArray
    weight: Vector

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

    @property
    def n_parts(self) -> float:
        """In how many parts the rows were held out: of those held out several times, fewer."""
        held = sum(len(rows) for _, rows in self.splits)
        return len(self.splits) * len(self.rows) / max(held, 1)

    @property
    def share(self) -> Vector:
        """Weights of the held-out rows, of sum one."""
        return self.weight / self.weight.sum()

    def outputs(self, task: Task, fit: Callable[[RowNumbers], FittedModel]) -> Matrix:
        """Return the outputs on held-out rows, each split's by the model fitted to its own part."""
        outputs = [fit(train).predict_raw(task.inputs.take(held)) for train, held in self.splits]
        return self.merged(outputs, [held for _, held in self.splits])

    def merged(self, outputs: Sequence[Matrix], held: Sequence[RowNumbers]) -> Matrix:
        """Return the mean output for each of ``rows``, of models and the rows that each held."""
        total = np.zeros((len(self.rows), outputs[0].shape[1]))
        count = np.zeros(len(total))
        for output, rows in zip(outputs, held, strict=True):
            np.add.at(total, self.place[rows], output)
            np.add.at(count, self.place[rows], 1.0)
        return total / count[:, None]


def held_out(validation: object, n_rows: int) -> str | int | float | None:
    """Return the parameter ``validation`` as plain text or number, if the rows suffice for it.

    A splitter is answered by "auto": its splits are those of the task.
    """
    if validation is None or isinstance(validation, str):
        return validation
    if not isinstance(validation, Real):
        return "auto"
    folds = int(validation) if isinstance(validation, Integral) else None
    share = float(validation)
    if n_rows < (folds or 2) or (folds is None and round(share * n_rows) >= n_rows):
        raise ValueError(
            f"validation={validation!r} leaves no rows to train on or to hold out: got "
            f"n_samples = {n_rows} of positive weight; use validation=None"
        )
    return share if folds is None else folds


def make_splits(
    task: Task, validation: str | int | float | None, seed: int
) -> list[tuple[RowNumbers, RowNumbers]]:
    """Return (training, held-out) rows; none without validation. A task's own splits come first.

    In a table of copies those of a row are held out together.
    """
    if task.splits is not None:
        return list(task.splits)
    n = len(task)
    if validation is None or (validation == "auto" and n < _SMALLEST):
        return []
    if validation == "auto":
        validation = _N_FOLDS if n < FOLD_ROWS else min(_HOLDOUT, _MOST_HELD / n)
    assert not isinstance(validation, str)
    groups = task.copy_groups
    if groups is None or validation > groups.max() + 1:
        return _drawn(n, task.target if task.classification else None, validation, seed)
    first = np.unique(groups, return_index=True)[1]
    labels = task.target[first] if task.classification else None
    return [
        (np.flatnonzero(np.isin(groups, train)), np.flatnonzero(np.isin(groups, held)))
        for train, held in _drawn(len(first), labels, validation, seed)
    ]


def _drawn(
    n: int, labels: IntArray | None, validation: int | float, seed: int
) -> list[tuple[RowNumbers, RowNumbers]]:
    """Draw parts of ``n`` rows, of labels (n,) the same shares in each where that can be."""
    stratify = labels
    smallest_class = n if labels is None else int(np.unique(labels, return_counts=True)[1].min())
    if isinstance(validation, float):
        n_held = max(1, round(validation * n))
        n_classes = 1 if labels is None else len(np.unique(labels))
        if smallest_class < 2 or min(n_held, n - n_held) < n_classes:
            stratify = None
        train, held = train_test_split(
            np.arange(n), test_size=n_held, random_state=seed, stratify=stratify
        )
        return [(np.sort(train), np.sort(held))]
    folds: KFold | StratifiedKFold = KFold(validation, shuffle=True, random_state=seed)
    if stratify is not None and smallest_class >= validation:
        folds = StratifiedKFold(validation, shuffle=True, random_state=seed)
    with many_classes_told():
        return list(folds.split(np.arange(n), stratify))
