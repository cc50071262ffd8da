"""Packed multilayer networks whose layers mix neurons of several activation functions.

``DiverseNetwork`` holds S networks of one shape. They may carry different activations: the S
networks fall into groups of neighbours, and each group has functions of its own per layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Self

import torch
from torch import Tensor, nn

from sktaskneuron.nn.activation_set import ActivationSet
from sktaskneuron.nn.activations.registry import has_learned_parameters
from sktaskneuron.nn.activations.trainable import TrainableActivation
from sktaskneuron.nn.functional import affine, get_activation, matrix_product
from sktaskneuron.nn.tables import Grid, TableFunction

#: A named activation, or a table: grid (low, high, n) and degree; its numbers are the module's.
FunctionSpec = str | tuple[float, float, int, int]


def type_sizes(n_neurons: int, n_types: int) -> list[int]:
    """Return how many neurons each type has: neuron j is of type ``j * n_types // n_neurons``.

    Raises
    ------
    ValueError
        If there are more types than neurons.

    Examples
    --------
    >>> from sktaskneuron.nn.diverse import type_sizes
    >>> type_sizes(10, 3)
    [4, 3, 3]
    """
    if not 1 <= n_types <= n_neurons:
        raise ValueError(f"a layer of {n_neurons} neurons cannot have {n_types} types of them")
    edges = [-(-n_neurons * t // n_types) for t in range(n_types + 1)]
    return [stop - start for start, stop in pairwise(edges)]


def layer_functions(
    activation: Any, n_layers: int, interpolation: str = "cubic", *, name: str = "activation"
) -> list[list[Any]]:
    """Return functions per hidden layer, per type, of what stands for the activation of a network.

    A text, a set, or a list of texts (one per type of neurons) are for all layers; a list of sets
    is one for each.

    Parameters
    ----------
    activation : str, ActivationSet, sequence of str or sequence of ActivationSet
        Texts as of :func:`get_activation`, also with ``trainable=True``.
    n_layers : int
    interpolation : {"cubic", "linear"}, default="cubic"
        Of the sets' tables.
    name : str, default="activation"
        What messages call it.

    Returns
    -------
    list of list of str or TableFunction

    Raises
    ------
    ValueError
        If a text names no activation, or there are not as many sets as layers.
    TypeError
        If it is none of these.

    Examples
    --------
    >>> from sktaskneuron.nn.diverse import layer_functions
    >>> layer_functions(["sin", "prelu(trainable=True)"], 2)
    [['sin', 'prelu(trainable=True)'], ['sin', 'prelu(trainable=True)']]
    """
    if isinstance(activation, str):
        activation = [activation]
    if isinstance(activation, ActivationSet):
        return [activation.functions(interpolation) for _ in range(n_layers)]
    listed = list(activation) if isinstance(activation, Sequence) else []
    if listed and all(isinstance(item, str) for item in listed):
        for text in listed:
            has_learned_parameters(text)
        return [list(listed) for _ in range(n_layers)]
    if listed and all(isinstance(item, ActivationSet) for item in listed):
        if len(listed) != n_layers:
            raise ValueError(
                f"{name} holds {len(listed)} sets for {n_layers} hidden layers; a single set "
                "serves all layers"
            )
        return [item.functions(interpolation) for item in listed]
    raise TypeError(
        f"{name} must be a name or an expression, a list of these, an ActivationSet, or one "
        f"ActivationSet per hidden layer, got {activation!r}"
    )


class TypedActivation(nn.Module):
    """Activation of a layer whose neurons are of several types, by place.

    Parameters
    ----------
    functions : sequence of str or nn.Module
        One per type: texts as of :func:`get_activation`, or modules as :class:`TableFunction`. A
        text with ``trainable=True`` becomes a :class:`TrainableActivation`, whose parameters all
        neurons of the type share.
    n_neurons : int
        Size of the last axis of the input.
    n_members : int or None, default=None
        Number of packed networks, (n_members, batch, n_neurons), each with such parameters of its
        own.
    dtype : torch.dtype, default=torch.float32
        Of such parameters.

    Raises
    ------
    ValueError
        If there are more types than neurons, or a text names no activation.
    """

    def __init__(
        self,
        functions: Sequence[str | nn.Module],
        n_neurons: int,
        *,
        n_members: int | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.sizes = type_sizes(n_neurons, len(functions))
        # the text of each type, None where a module stands for it
        self.names: list[str | None] = []
        self.own = nn.ModuleList()
        for function in functions:
            if not isinstance(function, nn.Module) and has_learned_parameters(function):
                function = TrainableActivation(function, n_members=n_members, dtype=dtype)
            if isinstance(function, nn.Module):
                self.own.append(function)
                self.names.append(None)
            else:
                self.names.append(function)

    def reset_parameters(self) -> None:
        """Put learned parameters back where training starts."""
        for module in self.own:
            if isinstance(module, TrainableActivation):
                module.reset_parameters()

    def mean_texts(self) -> list[str] | None:
        """Return one text per type, means for learned parameters; None if there are tables."""
        own = iter(self.own)
        modules = [next(own) if name is None else None for name in self.names]
        texts = [
            module.mean_text() if isinstance(module, TrainableActivation) else name
            for module, name in zip(modules, self.names, strict=True)
        ]
        return None if None in texts else [text for text in texts if text is not None]

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

    def _functions(self) -> list[Any]:
        own = iter(self.own)
        return [next(own) if name is None else get_activation(name) for name in self.names]


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


class _Grouped(nn.Module):
    """One layer's activations for all networks of the pack: a typed activation per group."""

    activations: Any

    def __init__(self, activations: Sequence[TypedActivation], sizes: Sequence[int]) -> None:
        super().__init__()
        self.activations = nn.ModuleList(activations)
        self.sizes = list(sizes)

    def forward(self, z: Tensor) -> Tensor:
        if len(self.sizes) == 1:
            only: Tensor = self.activations[0](z)
            return only
        parts = torch.split(z, self.sizes, dim=0)
        return torch.cat([f(p) for f, p in zip(self.activations, parts, strict=True)], dim=0)

    def value_and_slope(self, z: Tensor) -> tuple[Tensor, Tensor]:
        parts = torch.split(z, self.sizes, dim=0)
        pairs = [f.value_and_slope(p) for f, p in zip(self.activations, parts, strict=True)]
        return torch.cat([a for a, _ in pairs], dim=0), torch.cat([b for _, b in pairs], dim=0)


class DiverseNetwork(nn.Module):
    """S packed multilayer networks with neurons of several types.

    Parameters
    ----------
    in_features, out_features : int
    hidden_layer_sizes : sequence of int
    groups : sequence of (int, sequence of sequence of function)
        Number of networks in the group, and per hidden layer one function per type: a text as of
        :func:`get_activation`, a :class:`TableFunction`, or a spec of it. Parameters of a text with
        ``trainable=True`` are learned, by every network for itself.
    hamiltonian : bool, default=False
        Whether the networks give one number H, and the output is its symplectic gradient: with the
        inputs [q, p] the derivatives [dH/dp, -dH/dq].
    generator : torch.Generator or int, default=0
        Of the starting weights, on the CPU. Networks of equal number within their groups start
        alike, so that activations are compared on the same starts.
    dtype : torch.dtype, default=torch.float32
    """

    activations: Any

    def __init__(
        self,
        in_features: int,
        out_features: int,
        hidden_layer_sizes: Sequence[int],
        groups: Sequence[tuple[int, Sequence[Sequence[FunctionSpec | nn.Module]]]],
        *,
        hamiltonian: bool = False,
        generator: torch.Generator | int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if hamiltonian and (in_features % 2 or out_features != in_features):
            raise ValueError(
                "a Hamiltonian network maps [q, p] to their derivatives: it needs an even number "
                f"of inputs and as many outputs, got {in_features} and {out_features}"
            )
        self.hidden_layer_sizes = tuple(hidden_layer_sizes)
        self.hamiltonian = hamiltonian
        self.in_features, self.out_features = in_features, out_features
        self.group_sizes = [count for count, _ in groups]
        self.n_members = sum(self.group_sizes)
        layers: list[list[TypedActivation]] = [[] for _ in self.hidden_layer_sizes]
        specs: list[tuple[int, tuple[tuple[FunctionSpec, ...], ...]]] = []
        for count, per_layer in groups:
            if len(per_layer) != len(layers):
                raise ValueError(
                    f"{len(layers)} hidden layers need functions each, got {len(per_layer)}"
                )
            specs.append((count, tuple(tuple(map(spec_of, kinds)) for kinds in per_layer)))
            for layer, kinds, n_neurons in zip(
                layers, per_layer, self.hidden_layer_sizes, strict=True
            ):
                layer.append(
                    TypedActivation(
                        [built(kind) for kind in kinds], n_neurons, n_members=count, dtype=dtype
                    )
                )
        self._groups = tuple(specs)
        self.activations = nn.ModuleList(_Grouped(layer, self.group_sizes) for layer in layers)
        if not isinstance(generator, torch.Generator):
            generator = torch.Generator().manual_seed(generator)
        sizes = [in_features, *self.hidden_layer_sizes, 1 if hamiltonian else out_features]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        most = max(self.group_sizes)
        for n_in, n_out in pairwise(sizes):
            for target, rows in ((self.weights, n_in), (self.biases, 1)):
                start = torch.rand((most, rows, n_out), generator=generator, dtype=torch.float64)
                start = (2.0 * start - 1.0) * n_in**-0.5
                packed = torch.cat([start[:count] for count in self.group_sizes])
                target.append(nn.Parameter(packed.to(dtype)))
        self.to(dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs: (S, batch, out_features).

        Parameters
        ----------
        x : Tensor of shape (S, batch, in_features) or (batch, in_features)
        """
        if x.ndim == 2:
            x = x.expand(self.n_members, *x.shape)
        if self.hamiltonian:
            return self._field(x)
        for weight, bias, activation in zip(
            self.weights[:-1], self.biases[:-1], self.activations, strict=True
        ):
            x = activation(affine(bias, x, weight))
        return affine(self.biases[-1], x, self.weights[-1])

    def energy(self, x: Tensor) -> Tensor:
        """Return H of a Hamiltonian network: (S, batch)."""
        if x.ndim == 2:
            x = x.expand(self.n_members, *x.shape)
        for weight, bias, activation in zip(
            self.weights[:-1], self.biases[:-1], self.activations, strict=True
        ):
            x = activation(affine(bias, x, weight))
        return affine(self.biases[-1], x, self.weights[-1])[..., 0]

    def _field(self, x: Tensor) -> Tensor:
        """Return the symplectic gradient of H, written out: no gradient is taken of a gradient."""
        slopes = []
        for weight, bias, activation in zip(
            self.weights[:-1], self.biases[:-1], self.activations, strict=True
        ):
            x, slope = activation.value_and_slope(affine(bias, x, weight))
            slopes.append(slope)
        gradient = self.weights[-1].transpose(1, 2)
        for slope, weight in zip(reversed(slopes), reversed(self.weights[:-1]), strict=True):
            gradient = matrix_product(gradient * slope, weight.transpose(1, 2))
        half = self.in_features // 2
        return torch.cat([gradient[..., half:], -gradient[..., :half]], dim=-1)

    def hidden(self, x: Tensor) -> list[Tensor]:
        """Return the activity of every hidden layer: (S, batch, n_neurons) each."""
        if x.ndim == 2:
            x = x.expand(self.n_members, *x.shape)
        found = []
        for weight, bias, activation in zip(
            self.weights[:-1], self.biases[:-1], self.activations, strict=True
        ):
            x = activation(affine(bias, x, weight))
            found.append(x)
        return found

    def pre_activations(self, x: Tensor) -> list[Tensor]:
        """Return what every hidden layer's functions are applied to: (S, batch, n_neurons) each."""
        if x.ndim == 2:
            x = x.expand(self.n_members, *x.shape)
        found = []
        for weight, bias, activation in zip(
            self.weights[:-1], self.biases[:-1], self.activations, strict=True
        ):
            found.append(affine(bias, x, weight))
            x = activation(found[-1])
        return found

    def spec(self) -> dict[str, Any]:
        """Return plain values that :meth:`from_spec` builds the same network from."""
        return {
            "in_features": self.in_features,
            "out_features": self.out_features,
            "hidden_layer_sizes": self.hidden_layer_sizes,
            "groups": self._groups,
            "hamiltonian": self.hamiltonian,
        }

    def part(self, group: int, members: Sequence[int] | None = None) -> DiverseNetwork:
        """Return some networks of a group as a network of their own, which shares no memory.

        Parameters
        ----------
        group : int
        members : sequence of int, default=None
            Numbers within the group; None takes all.
        """
        count, functions = self._groups[group]
        chosen = list(range(count) if members is None else members)
        spec = {**self.spec(), "groups": ((len(chosen), functions),)}
        taken = type(self).from_spec(
            spec, device=self.weights[0].device, dtype=self.weights[0].dtype
        )
        first = sum(self.group_sizes[:group])
        places = [first + member for member in chosen]
        with torch.no_grad():
            for own, mine in zip(
                (*taken.weights, *taken.biases), (*self.weights, *self.biases), strict=True
            ):
                own.copy_(mine[places])
        for layer, whole in zip(taken.activations, self.activations, strict=True):
            activation = whole.activations[group]
            learned = dict(activation.named_parameters())
            layer.activations[0].load_state_dict(
                {
                    name: value[chosen] if name in learned else value
                    for name, value in activation.state_dict().items()
                }
            )
        return taken

    def member_ranges(self) -> dict[nn.Parameter, slice]:
        """Return the networks that own a parameter, where these are not all.

        The parameters of activations are those of a group.
        """
        found: dict[nn.Parameter, slice] = {}
        for layer in self.activations:
            start = 0
            for count, activation in zip(self.group_sizes, layer.activations, strict=True):
                for parameter in activation.parameters():
                    found[parameter] = slice(start, start + count)
                start += count
        return found

    @classmethod
    def from_spec(
        cls,
        spec: Mapping[str, Any],
        *,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Self:
        """Build a network whose parameters and tables are still to be loaded."""
        return cls(**spec, dtype=dtype).to(device=device)


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


def built(function: FunctionSpec | nn.Module) -> str | nn.Module:
    """Return the function of a spec; a text or module as it is."""
    if isinstance(function, str | nn.Module):
        return function
    low, high, n, degree = function
    return TableFunction(Grid(low, high, n), degree=degree)
