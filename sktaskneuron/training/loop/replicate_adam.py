"""Adam for networks that are trained as one batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class ReplicateAdam:
    """Adam with decoupled weight decay and one learning rate per replicate.

    Parameters
    ----------
    parameters : sequence of Tensor of shape (S, ...)
    learning_rate : Tensor of shape (S,)
    weight_decay : float
        Decoupled, relative to the learning rate.
    ranges : sequence of slice
        The replicates that own each parameter.
    factors : sequence of pair of float
        Of the learning rate and the weight decay, for each parameter.
    betas : pair of float
    """

    ranges: list[slice]
    factors: list[tuple[float, float]]
    rate: Tensor
    weight_decay: float
    betas: tuple[float, float]

    def __init__(
        self,
        parameters: Sequence[Tensor],
        learning_rate: Tensor,
        weight_decay: float,
        ranges: Sequence[slice],
        factors: Sequence[tuple[float, float]],
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        self.parameters: list[Tensor] = list(parameters)
        self.ranges, self.factors = list(ranges), list(factors)
        self.rate, self.weight_decay, self.betas = learning_rate, weight_decay, betas
        self.moments: list[tuple[Tensor, Tensor]] = [
            (torch.zeros_like(p), torch.zeros_like(p)) for p in self.parameters
        ]
        self.n_steps: int = 0

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], factor: float, alive: Tensor) -> None:
        """Move the parameters of the replicates that are alive.

        Parameters
        ----------
        gradients : sequence of Tensor
        factor : float
            On the learning rates.
        alive : Tensor of bool of shape (S,)
        """
        self.n_steps += 1
        beta1, beta2 = self.betas
        correction1, root2 = 1 - beta1**self.n_steps, (1 - beta2**self.n_steps) ** 0.5
        rate = self.rate * factor
        everyone = bool(alive.all())
        for parameter, gradient, (first, second), owners, (own_factor, decay) in zip(
            self.parameters, gradients, self.moments, self.ranges, self.factors, strict=True
        ):
            shape = (-1, *[1] * (parameter.ndim - 1))
            own_rate = own_factor * rate[owners].view(shape)
            first.lerp_(gradient, 1 - beta1)
            second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
            # numerator and denominator times root2: two passes over the memory fewer
            move = first / second.sqrt().add_(1e-8 * root2)
            if not everyone:
                move = torch.where(alive[owners].view(shape), move, 0.0)
                own_rate = torch.where(alive[owners].view(shape), own_rate, 0.0)
            if self.weight_decay * decay:
                parameter.mul_(1 - self.weight_decay * decay * own_rate)
            parameter.addcmul_(move, own_rate, value=-root2 / correction1)
