"""The functions that the outer loop learns."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from sktaskneuron.nn.typed.activation_set import ActivationSet
from sktaskneuron.nn.typed.sub_networks import SubNetworks, draw_sub_networks, sub_network_values
from sktaskneuron.training.loop.schedules import flat_cos
from sktaskneuron.training.meta.options import MetaOptions
from sktaskneuron.training.optimizers import Adam

# Sub-network weights are averaged over the calmest stretch of this share of the outer steps.
_AVERAGED = 0.2
# A loss so many times that of the steps before means that the functions have become too steep for
# the inner learning rate: learning goes back, and on at half the rate.
_JUMP, _BEFORE = 2.0, 8


class LearnedFunctions:
    """The sub-networks of all sets, with their optimiser (Adam)."""

    options: MetaOptions
    n_sets: int
    adam: Adam

    def __init__(
        self,
        options: MetaOptions,
        n_sets: int,
        generator: torch.Generator,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.options, self.n_sets = options, n_sets
        drawn = draw_sub_networks(n_sets * options.n_types, options.n_hidden, generator, dtype)
        self.weights: list[Tensor] = [w.to(device).requires_grad_() for w in drawn]
        self.knots: Tensor = torch.from_numpy(options.grid.knots()).to(device=device, dtype=dtype)
        self.adam = Adam(self.weights, lr=options.outer_learning_rate)
        self.damping: float = 1.0
        self.trace: list[tuple[float, list[Tensor]]] = []
        self._tables: Tensor | None = None

    def tables(self) -> Tensor:
        """Return the functions at the knots, (n_sets, n_types, grid.n), without a graph."""
        values = sub_network_values(self.weights, self.knots, self.options.base, self.options.scale)
        self._tables = values.view(self.n_sets, self.options.n_types, -1)
        return self._tables.detach()

    def step(self, by_tables: Tensor) -> None:
        """Move the sub-networks, given the gradient by the tables last returned."""
        assert self._tables is not None
        gradients = torch.autograd.grad(self._tables, self.weights, by_tables)
        if not all(bool(torch.isfinite(g).all()) for g in gradients):
            return  # an inner run that blew up teaches nothing
        for weight, gradient in zip(self.weights, gradients, strict=True):
            weight.grad = gradient.clamp(-1.0, 1.0)
        self.adam.step()

    def note(self, loss: float, progress: float) -> bool:
        """Take down the loss of the present functions; a false answer has set them back.

        Parameters
        ----------
        loss : float
        progress : float
            Share of the outer steps that are done: in the second half the rate falls to zero.
        """
        before = [value for value, _ in self.trace[-_BEFORE:]]
        calm = math.isfinite(loss) and (
            len(before) < _BEFORE or loss <= _JUMP * float(np.median(before))
        )
        if calm:
            self.trace.append((loss, [w.detach().clone() for w in self.weights]))
        elif self.trace:
            self.damping *= 0.5
            with torch.no_grad():
                for weight, kept in zip(self.weights, self._calmest(), strict=True):
                    weight.copy_(kept)
            self.adam = Adam(self.weights, lr=self.options.outer_learning_rate)
        for group in self.adam.param_groups:
            group["lr"] = self.options.outer_learning_rate * self.damping * flat_cos(progress)
        return calm

    def _calmest(self) -> list[Tensor]:
        """Return the mean weights of the stretch of steps with the lowest mean loss."""
        losses = np.array([loss for loss, _ in self.trace])
        width = min(len(losses), max(1, round(_AVERAGED * self.options.outer_steps)))
        means = np.convolve(losses, np.full(width, 1.0 / width), mode="valid")
        start = len(means) - 1 - int(np.argmin(means[::-1]))
        stretch = [weights for _, weights in self.trace[start : start + width]]
        return [torch.stack(parts).mean(dim=0) for parts in zip(*stretch, strict=True)]

    def sets(self) -> list[ActivationSet]:
        """Return the averaged functions as values."""
        weights = self._calmest() if self.trace else [w.detach() for w in self.weights]
        arrays = [w.cpu().numpy().astype(np.float64) for w in weights]
        found = []
        for i in range(self.n_sets):
            part = slice(i * self.options.n_types, (i + 1) * self.options.n_types)
            w1, b1, w2, b2 = (array[part] for array in arrays)
            networks = SubNetworks(w1, b1, w2, b2, self.options.base, self.options.scale)
            found.append(ActivationSet.from_sub_networks(networks, self.options.grid))
        return found
