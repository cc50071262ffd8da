"""Activations whose parameters are learned with the network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from sktaskneuron.nn.activations.registry import REGISTRY, Activation, find_activation


class TrainableActivation(nn.Module):
    """An activation with parameters of its own, in one number, or per network or neuron.

    Parameters
    ----------
    activation : str or Activation
        A registered one with trainable parameters, such as ``"prelu"`` or ``"snake(a=5)"``: its
        parameters are where training starts.
    trainable : sequence of str or None, default=None
        The parameters to learn; None learns all that may be.
    n_members : int or None, default=None
        Number of packed networks, each with parameters of its own: the input is
        (n_members, batch, n).
    n_neurons : int or None, default=None
        Size of the input's last axis, where every neuron has parameters of its own.
    dtype : torch.dtype, default=torch.float32

    Raises
    ------
    ValueError
        If the activation has no such parameter.

    Notes
    -----
    Parameters that must stay above 0 are learned as their logarithms. No weight decay is asked for:
    see :func:`parameter_groups`.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import TrainableActivation
    >>> prelu = TrainableActivation("prelu", n_members=3)
    >>> prelu(torch.full((3, 5, 4), -1.0)).shape
    torch.Size([3, 5, 4])
    >>> prelu.current()["a"].shape
    torch.Size([3, 1, 1])
    """

    def __init__(
        self,
        activation: str | Activation,
        *,
        trainable: Sequence[str] | None = None,
        n_members: int | None = None,
        n_neurons: int | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if isinstance(activation, str):
            activation = find_activation(activation)
        self.activation = activation
        learned = activation.trainable if trainable is None else tuple(trainable)
        wrong = [name for name in learned if name not in activation.trainable]
        if wrong or not learned:
            has = ", ".join(activation.trainable) or "none"
            able = ", ".join(name for name, entry in REGISTRY.items() if entry.trainable)
            raise ValueError(
                f"the activation {activation.name} cannot learn {', '.join(wrong) or 'anything'}; "
                f"its trainable parameters: {has}; activations that have some: {able}"
            )
        shape: tuple[int, ...] = () if n_neurons is None else (n_neurons,)
        if n_members is not None:
            shape = (n_members, 1, n_neurons or 1)
        self.raw = nn.ParameterDict()
        for name in learned:
            start = activation.parameters[name]
            start = math.log(start) if name in activation.positive else start
            self.raw[name] = nn.Parameter(torch.full(shape, start, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        """Return the values, of the shape of ``x``: ([n_members,] batch, n)."""
        return self.activation.torch(x, **self.current())

    def current(self) -> dict[str, Tensor]:
        """Return the learned parameters by name: (), (n_neurons,) or (n_members, 1, 1 or n)."""
        positive = self.activation.positive
        return {
            name: torch.exp(value) if name in positive else value
            for name, value in self.raw.items()
        }

    def parameter_rates(self) -> Iterator[tuple[nn.Parameter, float, float]]:
        """Yield (parameter, factor of the learning rate, factor of the weight decay)."""
        # decay would pull a parameter to 0, or to 1 where its logarithm is learned
        for parameter in self.raw.values():
            yield parameter, 1.0, 0.0

    def extra_repr(self) -> str:
        """Return the activation's name."""
        return self.activation.name
