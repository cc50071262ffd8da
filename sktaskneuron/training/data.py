"""Tables as tensors on the device, and the batches cut from them."""

from collections.abc import Iterator
from typing import Any, Self, TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.utils.data import Dataset

from sktaskneuron._typing import AnyArray

Target = tuple[Tensor, Tensor | None]

#: Lowest and highest output, array-like of shape (n_outputs,).
Bounds: TypeAlias = tuple[Any, Any]


def as_tensor(array: ArrayLike, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Copy an array into a tensor; the caller's array is never shared and may be read-only."""
    kind = np.int64 if dtype == torch.int64 else None
    return torch.from_numpy(np.array(array, dtype=kind, order="C")).to(device=device, dtype=dtype)


class TensorTable(Dataset[tuple[Tensor, Target]]):
    """Inputs, targets and weights of all rows, as tensors on one device.

    Rows of weight zero are left out: they would take a place in a batch without a say in it.

    Parameters
    ----------
    X : Tensor of shape (n_rows, n_features)
        The columns.
    y : Tensor of shape (n_rows, n_outputs), floating, or (n_rows,), int64 class numbers
        The target.
    weight : Tensor of shape (n_rows,), default=None
        Non-negative weights; None means equal weights.

    Raises
    ------
    ValueError
        If lengths differ, no row is left, or a weight is negative or not finite.

    See Also
    --------
    fit_network : Train a module in place with AdamW and return the state of the best epoch.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.training import TensorTable
    >>> table = TensorTable.from_arrays(np.zeros((4, 2)), [0.0, 1.0, 2.0, 3.0])
    >>> len(table), tuple(table.y.shape)
    (4, (4, 1))
    """

    y: Tensor
    weight: Tensor | None

    def __init__(self, X: Tensor, y: Tensor, weight: Tensor | None = None) -> None:
        if X.ndim != 2:
            raise ValueError(f"X must have two dimensions, got shape {tuple(X.shape)}")
        if y.is_floating_point() and y.ndim == 1:
            y = y[:, None]
        if len(y) != len(X) or (weight is not None and weight.shape != (len(X),)):
            found = None if weight is None else tuple(weight.shape)
            raise ValueError(f"X has {len(X)} rows, y {len(y)}, weight the shape {found}")
        if weight is not None:
            if not bool(torch.isfinite(weight).all()) or bool((weight < 0).any()):
                raise ValueError("sample weights must be finite and not negative")
            if bool((weight == 0).any()):
                kept = weight > 0
                X, y, weight = X[kept], y[kept], weight[kept]
        if len(X) == 0:
            raise ValueError("no rows to train on: the table is empty or all weights are zero")
        self.X, self.y, self.weight = X, y, weight

    @classmethod
    def from_arrays(
        cls,
        X: ArrayLike,
        y: ArrayLike,
        weight: ArrayLike | None = None,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> Self:
        """Copy arrays to a device.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            The columns.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Floats are values of a regression, integers are class numbers from 0.
        weight : array-like of shape (n_rows,), default=None
            None means equal weights.
        device : torch.device or str, default="cpu"
            Where the tensors lie.
        dtype : torch.dtype, default=torch.float32
            Type of the columns, and of a floating target.

        Returns
        -------
        TensorTable
            Copies of the arrays.
        """
        device = torch.device(device)
        classes = np.asarray(y).dtype.kind in "iu"
        return cls(
            as_tensor(X, device, dtype),
            as_tensor(y, device, torch.int64 if classes else dtype),
            None if weight is None else as_tensor(weight, device, dtype),
        )

    @classmethod
    def around(
        cls,
        X: AnyArray,
        y: ArrayLike,
        weight: ArrayLike | None = None,
        *,
        device: torch.device,
        dtype: torch.dtype,
    ) -> Self:
        """Do the same without a copy of X, which then belongs to the table.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            Of the floating type ``dtype``.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            As in :meth:`from_arrays`.
        weight : array-like of shape (n_rows,), default=None
            As in :meth:`from_arrays`.
        device : torch.device
            As in :meth:`from_arrays`.
        dtype : torch.dtype
            As in :meth:`from_arrays`.

        Returns
        -------
        TensorTable
            It shares the memory of X where it can.
        """
        classes = np.asarray(y).dtype.kind in "iu"
        return cls(
            torch.from_numpy(X).to(device=device, dtype=dtype),
            as_tensor(y, device, torch.int64 if classes else dtype),
            None if weight is None else as_tensor(weight, device, dtype),
        )

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, index: int) -> tuple[Tensor, Target]:
        return self.X[index], (self.y[index], None if self.weight is None else self.weight[index])


def take_inputs(table: TensorTable, rows: Tensor, device: torch.device) -> Tensor:
    """Return the inputs of rows of any shape, on ``device``."""
    return table.X[rows.to(table.X.device)].to(device)


def take_targets(table: TensorTable, rows: Tensor, device: torch.device) -> Target:
    """Return the targets and weights of rows of any shape, on ``device``."""
    rows = rows.to(table.y.device)
    weight = None if table.weight is None else table.weight[rows].to(device)
    return table.y[rows].to(device), weight


def n_batches(n_rows: int, batch_size: int) -> int:
    """Return the number of batches of an epoch: the rounded-up quotient.

    The rows are spread evenly over them, so that no small rest batch makes a noisy step.

    Raises
    ------
    ValueError
        If ``batch_size`` is not positive.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be a positive integer, got {batch_size!r}")
    return max(1, -(-n_rows // batch_size))


def edges_of(n_rows: int, batch_size: int) -> list[int]:
    """Return where the batches of an epoch start and end: one more than :func:`n_batches`."""
    count = n_batches(n_rows, batch_size)
    return [n_rows * i // count for i in range(count + 1)]


class TensorBatches:
    """Iterator of skorch that slices tensors which already lie on the device.

    One permutation per epoch, then slices: several times faster than a ``DataLoader``, which
    collates row by row. A single batch is never permuted, so that full-batch training depends on
    the rows' order only by rounding.

    Parameters
    ----------
    dataset : TensorTable
        Rows to draw from.
    batch_size : int
        Upper bound of the rows in a batch.
    shuffle : bool, default=False
        Whether to permute the rows in every pass.
    generator : torch.Generator, default=None
        CPU generator of the permutations; needed to shuffle.

    See Also
    --------
    TensorTable : The rows that it slices.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.training import TensorBatches, TensorTable
    >>> table = TensorTable.from_arrays(np.zeros((5, 2)), np.zeros(5))
    >>> [len(X) for X, _ in TensorBatches(table, batch_size=3)]
    [2, 3]
    """

    dataset: TensorTable
    shuffle: bool
    generator: torch.Generator | None

    def __init__(
        self,
        dataset: TensorTable,
        batch_size: int,
        *,
        shuffle: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        if shuffle and generator is None:
            raise ValueError("shuffle=True needs a generator")
        self.dataset, self.shuffle, self.generator = dataset, shuffle, generator
        self.edges: list[int] = edges_of(len(dataset), batch_size)

    def __len__(self) -> int:
        return len(self.edges) - 1

    def __iter__(self) -> Iterator[tuple[Tensor, Target]]:
        X, y, weight = self.dataset.X, self.dataset.y, self.dataset.weight
        if self.shuffle and len(self) > 1:
            # drawn on the CPU: the same order of rows on every device
            order = torch.randperm(len(X), generator=self.generator).to(X.device)
            X, y = X[order], y[order]
            weight = None if weight is None else weight[order]
        for start, stop in zip(self.edges[:-1], self.edges[1:], strict=True):
            yield X[start:stop], (y[start:stop], None if weight is None else weight[start:stop])
