"""Products of Hessians with vectors, and what Lanczos makes of them.

The Hessian itself is never built: its products come from a second differentiation. Those of several
vectors, and of all members of the pack, are one batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import _check_sample_weight

from sktaskneuron._typing import FloatArray, TableLike, TargetLike
from sktaskneuron.estimators.fitted import TableEstimator, fitted_value
from sktaskneuron.inspection.networks.networks import (
    inputs_of,
    row_blocks,
    smooth_network_of,
    widest,
)

if TYPE_CHECKING:
    from torch import Tensor

# Residual, relative to the largest entry of T, below which the Krylov space is exhausted.
_EXHAUSTED = 1e-10


class Curvature:
    """The Hessian of the training loss of each network, as products with vectors.

    Parameters
    ----------
    estimator : estimator
        Fitted, with learned diversity.
    X, y, sample_weight
        As in :func:`hessian_trace`.
    """

    rows: Tensor
    target: Tensor
    share: Tensor

    def __init__(
        self,
        estimator: TableEstimator,
        X: TableLike,
        y: TargetLike,
        sample_weight: ArrayLike | None,
    ) -> None:
        import torch

        network = smooth_network_of(estimator)
        rows = inputs_of(estimator, X)
        check_consistent_length(rows, y)
        classes = getattr(estimator, "classes_", None)
        if classes is not None and not np.isin(np.asarray(y), classes).all():
            unknown = np.setdiff1d(np.asarray(y), classes).tolist()
            raise ValueError(f"y holds classes that the estimator has not seen: {unknown}")
        name = type(estimator).__name__
        target = np.asarray(fitted_value(estimator).network_targets(name, y))
        weight = _check_sample_weight(
            sample_weight, rows, dtype=np.float64, ensure_non_negative=True
        )
        place = network.weights[0].device
        self.network = network
        self.rows, self.target, self.share = (
            torch.from_numpy(array).to(place) for array in (rows, target, weight / weight.sum())
        )
        self.n_members: int = network.n_members
        parameters = [*network.weights, *network.biases]
        if network.hamiltonian:
            parameters.pop()
        self.parameters = parameters
        self.sizes: list[int] = [p[0].numel() for p in parameters]
        self.n_parameters: int = sum(self.sizes)

    def product(self, v: Tensor) -> Tensor:
        """Return H v, of each member's Hessian.

        Parameters
        ----------
        v : Tensor of shape (n_probes, n_members, n_parameters)

        Returns
        -------
        Tensor of the shape of ``v``
        """
        import torch

        n_probes = len(v)
        parts = [
            part.reshape(n_probes, *p.shape)
            for part, p in zip(v.split(self.sizes, dim=-1), self.parameters, strict=True)
        ]
        total = torch.zeros_like(v)
        blocks = list(row_blocks(len(self.rows), n_probes * widest(self.network)))
        for block in blocks:
            gradient = self._whole_gradient if len(blocks) == 1 else self._gradient(block)
            # a part that is constant or zero has no graph, and nothing to add
            pairs = [(g, p) for g, p in zip(gradient, parts, strict=True) if g.requires_grad]
            products = torch.autograd.grad(
                [g for g, _ in pairs],
                self.parameters,
                [p for _, p in pairs],
                is_grads_batched=True,
                retain_graph=len(blocks) == 1,
                allow_unused=True,
                materialize_grads=True,
            )
            total += torch.cat([p.reshape(n_probes, self.n_members, -1) for p in products], dim=-1)
        return total

    @cached_property
    def _whole_gradient(self) -> Sequence[Tensor]:
        """The gradient of the loss of all rows, kept with its graph for all products."""
        return self._gradient(slice(None))

    def _gradient(self, block: slice) -> Sequence[Tensor]:
        """Return the gradient of the rows' part of the loss, with its graph."""
        import torch

        from sktaskneuron.training.loop.losses import cross_entropy, squared_error

        target = self.target[block].expand(self.n_members, *self.target[block].shape)
        row_losses = squared_error if target.is_floating_point() else cross_entropy
        # each member's loss has weights of its own, so the sum has the gradients of all
        loss = (row_losses(self.network(self.rows[block]), target) @ self.share[block]).sum()
        return torch.autograd.grad(
            loss, self.parameters, create_graph=True, allow_unused=True, materialize_grads=True
        )


def lanczos(curvature: Curvature, start: Tensor, n_steps: int) -> tuple[FloatArray, FloatArray]:
    """Tridiagonalise every member's Hessian from every starting vector.

    Parameters
    ----------
    curvature : Curvature
    start : Tensor of shape (n_probes, n_members, n_parameters)
    n_steps : int
        At most the number of parameters.

    Returns
    -------
    diagonal : ndarray of shape (n_probes, n_members, n_steps)
    beside : ndarray of shape (n_probes, n_members, n_steps - 1)
        The entries beside the diagonal. From where the Krylov space is exhausted both are zero.
    """
    import torch

    vector = start / start.norm(dim=-1, keepdim=True)
    basis = vector.new_zeros((*vector.shape[:2], n_steps, vector.shape[2]))
    diagonal = vector.new_zeros((*vector.shape[:2], n_steps))
    beside = vector.new_zeros((*vector.shape[:2], n_steps - 1))
    for step in range(n_steps):
        basis[:, :, step] = vector
        image = curvature.product(vector)
        diagonal[..., step] = (image * vector).sum(dim=-1)
        if step == n_steps - 1:
            break
        known = basis[:, :, : step + 1]
        for _ in range(2):
            along = known @ image.unsqueeze(-1)
            image = image - (known.transpose(-1, -2) @ along).squeeze(-1)
        length = image.norm(dim=-1)
        scale = torch.maximum(diagonal.abs().amax(dim=-1), beside.abs().amax(dim=-1))
        length = torch.where(length > _EXHAUSTED * scale, length, 0.0)
        beside[..., step] = length
        vector = torch.where(
            length[..., None] > 0, image / length.clamp_min(1e-300)[..., None], 0.0
        )
    return diagonal.cpu().numpy(), beside.cpu().numpy()


def quadrature(diagonal: FloatArray, beside: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights of tridiagonal matrices, each of the shape of the diagonal."""
    n_steps = diagonal.shape[-1]
    matrix = np.zeros((*diagonal.shape, n_steps))
    places = np.arange(n_steps)
    matrix[..., places, places] = diagonal
    # eigh reads the lower triangle
    matrix[..., places[1:], places[:-1]] = beside
    nodes, vectors = np.linalg.eigh(matrix)
    return nodes, vectors[..., 0, :] ** 2
