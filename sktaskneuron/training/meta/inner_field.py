"""A Hamiltonian network with tabulated activations, with the interface of `TabulatedNetwork`.

The loss is of the symplectic gradient of the network's one output. So the tables are cubic, and the
derivatives are left to automatic differentiation.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sktaskneuron.nn.typed.tables import Grid, cells
from sktaskneuron.training.meta.inner_run import Batch, table_offsets


def cubic_tables(tables: Tensor) -> Tensor:
    """Return the coefficients of :func:`sktaskneuron.nn.TableFunction`'s, differentiable.

    Parameters
    ----------
    tables : Tensor of shape (..., n)

    Returns
    -------
    Tensor of shape (..., n + 1, 4)
    """
    (rate,) = torch.gradient(tables, dim=-1)
    left, rise = tables[..., :-1], tables.diff(dim=-1)
    at_left, at_right = rate[..., :-1], rate[..., 1:]
    inner = torch.stack(
        [left, at_left, 3 * rise - 2 * at_left - at_right, at_left + at_right - 2 * rise], dim=-1
    )
    zero = torch.zeros_like(tables[..., 0])
    first = torch.stack([tables[..., 0] - rate[..., 0], rate[..., 0], zero, zero], dim=-1)
    last = torch.stack([tables[..., -1], rate[..., -1], zero, zero], dim=-1)
    return torch.cat([first.unsqueeze(-2), inner, last.unsqueeze(-2)], dim=-2)


class TabulatedField:
    """Loss and derivatives of Hamiltonian networks whose activations are tables.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
    n_types, n_sets : int
    grid : Grid
    """

    sizes: tuple[int, ...]
    grid: Grid

    def __init__(
        self, hidden_layer_sizes: Sequence[int], n_types: int, n_sets: int, grid: Grid
    ) -> None:
        self.sizes, self.grid = tuple(hidden_layer_sizes), grid
        self.offsets: list[Tensor] = table_offsets(self.sizes, n_types, n_sets, grid.n + 1)

    def _field(
        self, parameters: Sequence[Tensor], tables: Tensor, batch: Batch
    ) -> tuple[Tensor, list[Tensor]]:
        columns = cubic_tables(tables).reshape(-1, 4).unbind(-1)
        value, slopes, inputs = batch.X, [], []
        for k in range(len(self.sizes)):
            z = torch.baddbmm(parameters[2 * k + 1], value, parameters[2 * k])
            inputs.append(z)
            cell, place = cells(z, self.grid)
            row = (cell + self.offsets[k].to(z.device)).flatten()
            c0, c1, c2, c3 = (column.index_select(0, row).view(z.shape) for column in columns)
            value = c0 + place * (c1 + place * (c2 + place * c3))
            slopes.append((c1 + place * (2 * c2 + place * (3 * c3))) * (1.0 / self.grid.step))
            if batch.noise:
                value = value + batch.noise[k]
        gradient = parameters[-2].transpose(1, 2)
        for k in range(len(self.sizes) - 1, -1, -1):
            gradient = (gradient * slopes[k]) @ parameters[2 * k].transpose(1, 2)
        half = gradient.shape[-1] // 2
        return torch.cat([gradient[..., half:], -gradient[..., :half]], dim=-1), inputs

    def loss(self, parameters: Sequence[Tensor], tables: Tensor, batch: Batch) -> Tensor:
        """Return the loss of every network: (M,)."""
        field, _ = self._field(parameters, tables, batch)
        return ((field - batch.y).square().mean(dim=-1) * batch.weight).sum(dim=-1)

    def outside(self, parameters: Sequence[Tensor], tables: Tensor, batch: Batch) -> float:
        """Return the share of pre-activations outside the grid."""
        _, inputs = self._field(parameters, tables, batch)
        far = [((z < self.grid.low) | (z > self.grid.high)).double().mean() for z in inputs]
        return float(torch.stack(far).mean())

    def gradient(
        self,
        parameters: Sequence[Tensor],
        tables: Tensor,
        batch: Batch,
        *,
        by_tables: bool = False,
    ) -> tuple[Tensor, list[Tensor], Tensor | None]:
        """Return what :meth:`TabulatedNetwork.gradient` does."""
        with torch.enable_grad():
            own = [p.detach().requires_grad_() for p in parameters]
            functions = tables.detach().requires_grad_(by_tables)
            loss = self.loss(own, functions, batch)
            targets = [*own, functions] if by_tables else own
            # the constant of H has no gradient
            found = torch.autograd.grad(
                loss.sum(), targets, allow_unused=True, materialize_grads=True
            )
        gradients = list(found[: len(own)])
        return loss.detach(), gradients, found[-1] if by_tables else None

    def adjoint(
        self,
        parameters: Sequence[Tensor],
        tables: Tensor,
        batch: Batch,
        direction: Sequence[Tensor],
        share: float,
    ) -> tuple[list[Tensor], Tensor]:
        """Return what :meth:`TabulatedNetwork.adjoint` does."""
        with torch.enable_grad():
            own = [p.detach().requires_grad_() for p in parameters]
            functions = tables.detach().requires_grad_()
            loss = self.loss(own, functions, batch).sum()
            gradients = torch.autograd.grad(
                loss, own, create_graph=True, allow_unused=True, materialize_grads=True
            )
            along = sum(
                ((g * d).sum() for g, d in zip(gradients, direction, strict=True)), share * loss
            )
            found = torch.autograd.grad(
                along, [*own, functions], allow_unused=True, materialize_grads=True
            )
        return list(found[:-1]), found[-1]
