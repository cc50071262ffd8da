"""The training rows of one fit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sktaskneuron._typing import AnyArray, IntArray, Matrix, RowNumbers, Splits, Vector
from sktaskneuron.models.inputs import Inputs, View
from sktaskneuron.models.target import Target
from sktaskneuron.preprocessing.copies import copy_groups

if TYPE_CHECKING:
    import torch

    from sktaskneuron.training import TensorTable

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
    kind : ValueTarget or ClassTarget
        What ``target`` stands for.
    splits : sequence of (training rows, held-out rows) or None
        How rows are to be held out; None leaves it to the estimator.
    n_own : int or None
        Number of the rows that models may be fitted to, which come first; None: all.
    """

    inputs: Inputs
    target: AnyArray
    weight: Vector
    kind: Target
    splits: Splits | None = None
    n_own: int | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def own_rows(self) -> RowNumbers:
        """The rows that models may be fitted to."""
        return np.arange(len(self) if self.n_own is None else self.n_own)

    @cached_property
    def copy_groups(self) -> IntArray | None:
        """Places of the different rows, (n_rows,), if half of the rows are copies at least."""
        return copy_groups(self.inputs.raw, self.target, self.inputs.codes)

    @property
    def classification(self) -> bool:
        """Whether ``target`` holds codes."""
        return self.kind.classification

    @property
    def n_outputs(self) -> int:
        """Number of targets, or of classes."""
        return self.kind.n_outputs

    def losses(self, raw: Matrix, rows: RowNumbers) -> Vector:
        """Return the loss of raw outputs for each of ``rows``: squared error, or log loss."""
        return self.kind.losses(raw, self.target[rows])

    def table(self, view: View, device: torch.device, dtype: torch.dtype) -> TensorTable:
        """Return the rows as tensors: on ``device``, or on the host if they would fill it."""
        from sktaskneuron.training import TensorTable, place_of

        shape = (len(self), self.inputs.n_columns)
        device = place_of(shape, dtype, device)
        matrix = np.empty(shape, dtype=np.float64 if dtype.itemsize == 8 else np.float32)
        for start in range(0, len(self), _ROWS):
            part = slice(start, start + _ROWS)
            matrix[part] = self.inputs.block(view, part)
        weight = None if (self.weight == self.weight[0]).all() else self.weight
        return TensorTable.around(matrix, self.target, weight, device=device, dtype=dtype)
