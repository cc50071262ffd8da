"""Activations of which training takes one of two functions by a coin."""

from __future__ import annotations

from torch import Tensor, nn

from sktaskneuron.nn.activations.activation import Activation
from sktaskneuron.nn.activations.reading import find_activation
from sktaskneuron.nn.dropout import GeneratorDropout


class StochasticActivation(nn.Module):
    r"""One of two functions, chosen at random in training, and their mean in prediction.

    .. math::

        f(x) = r(x) + c\,\bigl(s(x) - r(x)\bigr), \qquad
        c \sim \mathrm{Bernoulli}(p) \text{ in training}, \quad c = p \text{ in prediction}

    with a coin for every value; of "silu_or_relu" s is SiLU and r is ReLU [1]_. Where ReLU has no
    slope, a share p of the values goes on to learn.

    Parameters
    ----------
    activation : str or Activation, default="silu_or_relu"
        A registered one with two functions; its parameter p, above 0 and at most 1, is the
        probability of the first.
    seed : int, default=0
        Of the coins. Training in this package seeds them anew.

    Raises
    ------
    ValueError
        If it has no two functions, or p is above 1.

    See Also
    --------
    TrainableActivation : An activation with parameters of its own, in one number, or per network or
        neuron.
    activation_layer : Return a module that applies an activation to every value of an input of any
        shape.

    References
    ----------
    .. [1] M. Lomeli et al., "Stochastic activations", arXiv 2509.22358 (2025). There the network is
       trained on with ReLU alone at the end, which predicts.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import StochasticActivation
    >>> module = StochasticActivation("silu_or_relu(p=0.25)")
    >>> values = module(torch.full((1000,), -1.0))
    >>> [round(value, 3) for value in sorted(set(values.tolist()))]
    [-0.269, 0.0]
    >>> round(float(module.eval()(torch.tensor(-1.0))), 3)
    -0.067
    """

    coins: GeneratorDropout

    def __init__(self, activation: str | Activation = "silu_or_relu", *, seed: int = 0) -> None:
        super().__init__()
        if isinstance(activation, str):
            activation = find_activation(activation)
        if activation.coin is None:
            raise ValueError(f"the activation {activation.name} has no two functions to take from")
        self.activation = activation
        self.p: float = activation.parameters["p"]
        if self.p > 1:
            raise ValueError(f"the probability p must be above 0 and at most 1, got {self.p:g}")
        self.coins = GeneratorDropout(1.0 - self.p, seed=seed, scheduled=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the values, of the shape of ``x``."""
        assert self.activation.coin is not None
        first, second = (function(x) for function in self.activation.coin)
        # what dropout keeps it divides by p
        return second + self.coins(self.p * (first - second))

    def extra_repr(self) -> str:
        """Return the activation's name."""
        return self.activation.name
