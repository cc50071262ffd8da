"""The activation of a layer whose neurons are of several types, one function per type.

A network is stored by specs of these functions, plain values that they are built from again.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from sktaskneuron.nn.activations import (
    StochasticActivation,
    TrainableActivation,
    get_activation,
)
from sktaskneuron.nn.activations.reading import has_learned_parameters, tosses_coins
from sktaskneuron.nn.typed.tables import Grid, TableFunction

#: A named activation, or a table: grid (low, high, n) and degree; its numbers are the module's.
FunctionSpec = str | tuple[float, float, int, int]
#: A text for all neurons, or the specs of the functions per layer, per type, as JSON can hold them.
ActivationSpec = str | list[list[str | list[float]]]


def type_sizes(n_neurons: int, n_types: int) -> list[int]:
    """Return how many neurons each type has: neuron j is of type ``j * n_types // n_neurons``.

    Raises
    ------
    ValueError
        If there are more types than neurons.

    Examples
    --------
    >>> from sktaskneuron.nn.typed.layers import type_sizes
    >>> type_sizes(10, 3)
    [4, 3, 3]
    """
    if not 1 <= n_types <= n_neurons:
        raise ValueError(f"a layer of {n_neurons} neurons cannot have {n_types} types of them")
    edges = [-(-n_neurons * t // n_types) for t in range(n_types + 1)]
    return [stop - start for start, stop in pairwise(edges)]


def spec_of(function: FunctionSpec | nn.Module) -> FunctionSpec:
    """Return plain values that :func:`built` makes the function from; a table's numbers are zero.

    Raises
    ------
    TypeError
        If it is neither a text nor a table.
    """
    if isinstance(function, TableFunction):
        grid = function.grid
        return (grid.low, grid.high, grid.n, function.coefficients.shape[1] - 1)
    if isinstance(function, nn.Module):
        raise TypeError(f"{type(function).__name__} is neither a name nor a TableFunction")
    return str(function) if isinstance(function, str) else function


def activation_spec(
    activation: object, functions: Sequence[Sequence[FunctionSpec | nn.Module]]
) -> ActivationSpec:
    """Return a text as it is, and the specs of functions of anything else."""
    if isinstance(activation, str):
        return str(activation)
    specs = [[spec_of(function) for function in layer] for layer in functions]
    return [[spec if isinstance(spec, str) else list(spec) for spec in layer] for layer in specs]


def built(function: FunctionSpec | nn.Module) -> str | nn.Module:
    """Return the function of a spec; a text as it is, and of a table a copy.

    A network casts and moves its tables, and those that it was given have to stay as they are.
    """
    if isinstance(function, TableFunction):
        return copy.deepcopy(function)
    if isinstance(function, str | nn.Module):
        return function
    low, high, n, degree = function
    return TableFunction(Grid(low, high, n), degree=degree)


class TypedActivation(nn.Module):
    """Activation of a layer whose neurons are of several types, by place.

    Parameters
    ----------
    functions : sequence of str or nn.Module
        One per type: texts as of :func:`get_activation`, or modules as :class:`TableFunction`. A
        text with ``trainable=True`` becomes a :class:`TrainableActivation`, whose parameters all
        neurons of the type share; "silu_or_relu" a :class:`StochasticActivation`.
    n_neurons : int
        Neurons of the layer.
    n_points : int, default=1
        Values of each neuron, side by side: the last axis of the input is n_neurons * n_points.
    n_members : int or None, default=None
        Number of packed networks, (n_members, batch, n_neurons), each with such parameters of its
        own.
    dtype : torch.dtype, default=torch.float32
        Of such parameters.

    Raises
    ------
    ValueError
        If there are more types than neurons, or a text names no activation.

    See Also
    --------
    ActivationSet : Activation functions of one or more types of neurons, as values on a grid.
    DiverseNetwork : S packed multilayer networks with neurons of several types.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import TypedActivation
    >>> both = TypedActivation(["relu", "sin"], n_neurons=4)
    >>> both(torch.full((1, 4), -1.0))
    tensor([[ 0.0000,  0.0000, -0.8415, -0.8415]])
    """

    own: nn.ModuleList

    def __init__(
        self,
        functions: Sequence[str | nn.Module],
        n_neurons: int,
        *,
        n_points: int = 1,
        n_members: int | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.sizes: list[int] = [n_points * n for n in type_sizes(n_neurons, len(functions))]
        # the text of each type, None where a module stands for it
        self.names: list[str | None] = []
        self.own = nn.ModuleList()
        for function in functions:
            if not isinstance(function, nn.Module) and has_learned_parameters(function):
                function = TrainableActivation(function, n_members=n_members, dtype=dtype)
            elif not isinstance(function, nn.Module) and tosses_coins(function):
                function = StochasticActivation(function)
            if isinstance(function, nn.Module):
                self.own.append(function)
                self.names.append(None)
            else:
                self.names.append(function)

    @property
    def is_plain(self) -> bool:
        """Whether all values of all networks have the same function."""
        return len(self.sizes) == 1 and next(self.parameters(), None) is None

    def reset_parameters(self) -> None:
        """Put learned parameters back where training starts."""
        for module in self.own:
            if isinstance(module, TrainableActivation):
                module.reset_parameters()

    def mean_texts(self) -> list[str | None]:
        """Return the text of each type, means for learned parameters; None for tables."""
        own = iter(self.own)
        return [_text_of(next(own)) if name is None else name for name in self.names]

    def forward(self, z: Tensor) -> Tensor:
        """Return the values, of the shape of ``z``: (..., n_neurons)."""
        functions = self._functions()
        if len(functions) == 1:
            return functions[0](z)
        # the gradient of a split is one concatenation; that of slices would be full tensors each
        parts = torch.split(z, self.sizes, dim=-1)
        return torch.cat([f(part) for f, part in zip(functions, parts, strict=True)], dim=-1)

    def value_and_slope(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return the values and the derivatives by the inputs, both differentiable."""
        parts = torch.split(z, self.sizes, dim=-1)
        pairs = [
            f.value_and_slope(part) if isinstance(f, TableFunction) else _with_slope(f, part)
            for f, part in zip(self._functions(), parts, strict=True)
        ]
        return torch.cat([v for v, _ in pairs], dim=-1), torch.cat([s for _, s in pairs], dim=-1)

    def _functions(self) -> list[Callable[[Tensor], Tensor]]:
        own = iter(self.own)
        return [next(own) if name is None else get_activation(name) for name in self.names]


def _text_of(module: nn.Module) -> str | None:
    if isinstance(module, TrainableActivation):
        return module.mean_text()
    return module.activation.name if isinstance(module, StochasticActivation) else None


def _with_slope(function: Callable[[Tensor], Tensor], z: Tensor) -> tuple[Tensor, Tensor]:
    """Return value and derivative of a pointwise function, with their graph if one is wanted."""
    learns = isinstance(function, nn.Module) and any(
        parameter.requires_grad for parameter in function.parameters()
    )
    keep = z.requires_grad or (learns and torch.is_grad_enabled())
    with torch.inference_mode(False), torch.enable_grad():
        x = z if z.requires_grad else z.clone().requires_grad_()
        value = function(x)
        (slope,) = torch.autograd.grad(value.sum(), x, create_graph=keep)
    return (value, slope) if keep else (value.detach(), slope)


def activation_layer(text: str) -> TypedActivation:
    """Return a module that applies an activation to every value of an input of any shape.

    Parameters
    ----------
    text : str
        As of :func:`get_activation`; with ``trainable=True`` it has parameters, shared by all.

    Returns
    -------
    TypedActivation
        A module of its own, for one place of a network.

    Raises
    ------
    ValueError
        If the text names no activation.

    See Also
    --------
    get_activation : Return the torch function that a text names.
    TrainableActivation : An activation with parameters of its own, in one number, or per network or
        neuron.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import activation_layer
    >>> module = torch.nn.Sequential(torch.nn.Conv1d(1, 4, 3), activation_layer("x*tanh(x)"))
    >>> module(torch.zeros(2, 1, 9)).shape
    torch.Size([2, 4, 7])
    """
    if not has_learned_parameters(text):
        get_activation(text)
    return TypedActivation([text], 1)
