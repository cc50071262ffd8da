"""Activations whose parameters are learned with the network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from sktaskneuron.nn.activations.activation import Activation
from sktaskneuron.nn.activations.reading import find_activation
from sktaskneuron.nn.activations.registry import able_to_learn

# A parameter meets every value of its neurons.
_RATE = 0.1


class TrainableActivation(nn.Module):
    """An activation with parameters of its own, in one number, or per network or neuron.

    Parameters
    ----------
    activation : str or Activation
        A registered one with trainable parameters, such as ``"prelu"`` or ``"snake(a=5)"``: its
        parameters are where training starts. ``"prelu(trainable=True)"`` says the same here.
    trainable : sequence of str or None, default=None
        The parameters to learn; None learns all that may be.
    n_members : int or None, default=None
        Number of packed networks, each with parameters of its own: the input is
        (n_members, batch, n).
    n_neurons : int or None, default=None
        Size of the input's last axis, where every neuron has parameters of its own.
    dtype : torch.dtype, default=torch.float32
        Type of the parameters.

    Raises
    ------
    ValueError
        If the activation has no such parameter.

    See Also
    --------
    StochasticActivation : One of two functions, chosen at random in training, and their mean in
        prediction.
    activation_layer : Return a module that applies an activation to every value of an input of any
        shape.

    Notes
    -----
    Parameters that must stay above 0 are learned as their logarithms. They ask for a tenth of the
    learning rate [1]_ and for no weight decay: see :func:`parameter_groups`.

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by default: strong pre-tuned MLPs
       and boosted trees on tabular data", arXiv 2407.04491.

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

    raw: nn.ParameterDict

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
            able = ", ".join(able_to_learn())
            raise ValueError(
                f"the activation {activation.name} cannot learn {', '.join(wrong) or 'anything'}; "
                f"its trainable parameters: {has}; activations that have some: {able}"
            )
        shape: tuple[int, ...] = () if n_neurons is None else (n_neurons,)
        if n_members is not None:
            shape = (n_members, 1, n_neurons or 1)
        self.raw = nn.ParameterDict()
        for name in learned:
            self.raw[name] = nn.Parameter(torch.empty(shape, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Put the parameters back where training starts."""
        with torch.no_grad():
            for name, value in self.raw.items():
                start = self.activation.parameters[name]
                value.fill_(math.log(start) if name in self.activation.positive else start)

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

    def mean_text(self) -> str:
        """Return the activation as a text with fixed parameters: means, to four digits.

        Examples
        --------
        >>> from sktaskneuron.nn import TrainableActivation
        >>> TrainableActivation("gmtu(a=2)", trainable=["b"], n_members=3).mean_text()
        'gmtu(a=2, b=0.2, c=0.2)'
        """
        values = dict(self.activation.parameters)
        for name, value in self.current().items():
            values[name] = float(value.detach().double().mean())
        listed = ", ".join(f"{name}={value:.4g}" for name, value in values.items())
        return f"{self.activation.name.partition('(')[0]}({listed})"

    def parameter_rates(self) -> Iterator[tuple[nn.Parameter, float, float]]:
        """Yield (parameter, factor of the learning rate, factor of the weight decay)."""
        # decay would pull a parameter to 0, or to 1 where its logarithm is learned
        for parameter in self.raw.values():
            yield parameter, _RATE, 0.0

    def extra_repr(self) -> str:
        """Return the activation's name."""
        return self.activation.name
