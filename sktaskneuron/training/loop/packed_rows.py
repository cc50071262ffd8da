"""The rows of packed networks: those that each trains on, and those that it holds out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from sktaskneuron._clock import Clock
from sktaskneuron._typing import Matrix, RowNumbers
from sktaskneuron.training.data import Target, TensorTable, edges_of, take_inputs, take_targets
from sktaskneuron.training.loop.losses import RowLoss, mean_of_rows


class MemberTable(Dataset[tuple[Tensor, Target]]):
    """A table and the rows of it that each network of a pack trains on.

    Parameters
    ----------
    table : TensorTable
    rows : sequence of ndarray of int
        Training rows per network. An epoch takes as many of each as the shortest has, others at
        every epoch.
    kind : str, default="member"
        What messages call a network.
    """

    def __init__(
        self, table: TensorTable, rows: Sequence[RowNumbers], kind: str = "member"
    ) -> None:
        self.table = table
        self.rows: list[Tensor] = [
            torch.from_numpy(np.asarray(part, dtype=np.int64)) for part in rows
        ]
        if not self.rows or min(map(len, self.rows)) == 0:
            raise ValueError(f"every {kind} needs rows to train on")

    def __len__(self) -> int:
        return min(map(len, self.rows))

    def __getitem__(self, index: int) -> tuple[Tensor, Target]:
        return self.table[int(self.rows[0][index])]


class MemberBatches:
    """Iterator of skorch over batches of packed networks: X has shape (S, batch, features).

    Every network's rows are permuted by themselves. The batches are cut on the device of the table
    and then moved to ``device``: a table larger than the device's memory stays on the host.

    Parameters
    ----------
    dataset : MemberTable
    batch_size : int
        Upper bound of the rows of a network in a batch.
    n_passes : int, default=1
        Passes over the rows in an epoch.
    generator : torch.Generator
        CPU generator of the permutations.
    device : torch.device
    clock : Clock, default=None
        When it has run out, the epoch ends early.
    permute_whole : bool, default=True
        Whether to permute the rows of a batch that holds them all, too: their order then changes
        nothing but rounding.
    """

    dataset: MemberTable
    generator: torch.Generator
    n_passes: int
    device: torch.device
    clock: Clock

    def __init__(
        self,
        dataset: MemberTable,
        batch_size: int,
        *,
        n_passes: int = 1,
        generator: torch.Generator,
        device: torch.device,
        clock: Clock | None = None,
        permute_whole: bool = True,
    ) -> None:
        self.dataset, self.generator, self.n_passes = dataset, generator, n_passes
        self.device, self.clock = device, clock or Clock()
        self.edges: list[int] = edges_of(len(dataset), batch_size)
        in_one = len(self.edges) == 2 and max(map(len, dataset.rows)) == len(dataset)
        self.permuted: bool = permute_whole or not in_one

    def __len__(self) -> int:
        return self.n_passes * (len(self.edges) - 1)

    def __iter__(self) -> Iterator[tuple[Tensor, Target]]:
        for number in range(self.n_passes):
            if number and self.clock() >= 1.0:
                return
            yield from self._pass()

    def _pass(self) -> Iterator[tuple[Tensor, Target]]:
        table, parts = self.dataset.table, self.dataset.rows
        if self.permuted:
            n_rows = len(self.dataset)
            parts = [
                part[torch.randperm(len(part), generator=self.generator)[:n_rows]] for part in parts
            ]
        order = torch.stack(parts)
        for start, stop in zip(self.edges[:-1], self.edges[1:], strict=True):
            if start and self.clock() >= 1.0:
                return
            rows = order[:, start:stop]
            yield take_inputs(table, rows, self.device), take_targets(table, rows, self.device)


class HeldRows:
    """Held-out rows of packed networks, filled up to one length.

    Short networks repeat a row to fill the rectangle; the repetitions weigh nothing.

    Parameters
    ----------
    table : TensorTable
    rows : sequence of ndarray of int
        Held-out rows per network.
    device : torch.device
        Where the module is.
    """

    table: TensorTable
    device: torch.device
    target: Tensor

    def __init__(
        self, table: TensorTable, rows: Sequence[RowNumbers], device: torch.device
    ) -> None:
        self.table, self.device = table, device
        self.sizes: list[int] = [len(part) for part in rows]
        longest = max(self.sizes)
        padded = [np.resize(np.asarray(part, dtype=np.int64), longest) for part in rows]
        self.rows: Tensor = torch.from_numpy(np.stack(padded))
        real = torch.arange(longest) < torch.tensor(self.sizes)[:, None]
        self.target, weight = take_targets(table, self.rows, device)
        self.weight: Tensor = real.to(device=device, dtype=table.X.dtype)
        if weight is not None:
            self.weight = self.weight * weight

    def outputs(self, module: nn.Module, chunk: int) -> Tensor:
        """Return the outputs, (S, longest, n_outputs), computed for ``chunk`` rows at a time.

        It is for the caller to switch gradients off: in inference mode the products of matrices are
        other ones, see :func:`sktaskneuron.nn.functional.affine`.
        """
        parts = [
            module(take_inputs(self.table, part, self.device))
            for part in torch.split(self.rows, chunk, dim=1)
        ]
        return torch.cat(parts, dim=1)

    def joint_loss(self, outputs: Tensor, row_loss: RowLoss) -> float:
        """Return the weighted mean loss of all rows."""
        rows = row_loss(outputs, self.target)
        return float((rows * self.weight).sum() / self.weight.sum())

    def losses(self, outputs: Tensor, row_loss: RowLoss) -> Tensor:
        """Return every network's weighted mean loss: (S,)."""
        rows = row_loss(outputs, self.target)
        # a diverged network's NaN counts where it has weight
        rows = torch.where(self.weight > 0, rows, torch.zeros_like(rows))
        return mean_of_rows(rows, self.weight)

    def split(self, outputs: Tensor | None) -> list[Matrix]:
        """Return outputs per network, without the filling; an empty list of none."""
        if outputs is None:
            return []
        arrays = outputs.cpu().to(torch.float64).numpy()
        return [array[:n] for array, n in zip(arrays, self.sizes, strict=True)]
