"""Packed multilayer networks whose layers mix neurons of several activation functions.

``DiverseNetwork`` holds S networks of one shape. They may carry different activations: the S
networks fall into groups of neighbours, and each group has functions of its own per layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Self

import torch
from torch import Tensor, nn

from sktaskneuron._typing import Spec
from sktaskneuron.nn.functional import affine, matrix_product
from sktaskneuron.nn.typed.layers import FunctionSpec, TypedActivation, built, spec_of


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
        Number of columns and of outputs.
    hidden_layer_sizes : sequence of int
        Widths of the hidden layers.
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
        Type of the parameters.

    See Also
    --------
    TypedActivation : Activation of a layer whose neurons are of several types, by place.
    sktaskneuron.training.fit_replicates : Train the replicates of a packed module in place.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import DiverseNetwork
    >>> networks = DiverseNetwork(2, 1, [8], [(3, [["relu", "sin"]]), (1, [["tanh"]])])
    >>> networks(torch.zeros(5, 2)).shape
    torch.Size([4, 5, 1])
    """

    activations: Any
    in_features: int
    out_features: int
    weights: nn.ParameterList
    biases: nn.ParameterList

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
        self.hidden_layer_sizes: tuple[int, ...] = tuple(hidden_layer_sizes)
        self.hamiltonian = hamiltonian
        self.in_features, self.out_features = in_features, out_features
        self.group_sizes: list[int] = [count for count, _ in groups]
        self.n_members: int = sum(self.group_sizes)
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
            Rows of every network, or rows that all of them see.

        Returns
        -------
        outputs : Tensor of shape (S, batch, out_features)
            Of a Hamiltonian network the rates of the states.
        """
        return self._field(x) if self.hamiltonian else self._outputs(x)

    def energy(self, x: Tensor) -> Tensor:
        """Return H of a Hamiltonian network: (S, batch)."""
        return self._outputs(x)[..., 0]

    def _field(self, x: Tensor) -> Tensor:
        """Return the symplectic gradient of H, written out: no gradient is taken of a gradient."""
        slopes = []
        x = self._packed(x)
        for weight, bias, activation in self._hidden_layers():
            x, slope = activation.value_and_slope(affine(bias, x, weight))
            slopes.append(slope)
        gradient = self.weights[-1].transpose(1, 2)
        for slope, weight in zip(reversed(slopes), reversed(self.weights[:-1]), strict=True):
            gradient = matrix_product(gradient * slope, weight.transpose(1, 2))
        half = self.in_features // 2
        return torch.cat([gradient[..., half:], -gradient[..., :half]], dim=-1)

    def hidden(self, x: Tensor) -> list[Tensor]:
        """Return the activity of every hidden layer: (S, batch, n_neurons) each."""
        found = []
        x = self._packed(x)
        for weight, bias, activation in self._hidden_layers():
            x = activation(affine(bias, x, weight))
            found.append(x)
        return found

    def pre_activations(self, x: Tensor) -> list[Tensor]:
        """Return what every hidden layer's functions are applied to: (S, batch, n_neurons) each."""
        found = []
        x = self._packed(x)
        for weight, bias, activation in self._hidden_layers():
            found.append(affine(bias, x, weight))
            x = activation(found[-1])
        return found

    def _packed(self, x: Tensor) -> Tensor:
        return x.expand(self.n_members, *x.shape) if x.ndim == 2 else x

    def _hidden_layers(self) -> Iterator[tuple[Tensor, Tensor, _Grouped]]:
        return zip(self.weights[:-1], self.biases[:-1], self.activations, strict=True)

    def _outputs(self, x: Tensor) -> Tensor:
        """Return the sums of the last layer: (S, batch, n_outputs), of which H is the one."""
        x = self._packed(x)
        for weight, bias, activation in self._hidden_layers():
            x = activation(affine(bias, x, weight))
        return affine(self.biases[-1], x, self.weights[-1])

    def spec(self) -> Spec:
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
            Number of the group, from 0.
        members : sequence of int, default=None
            Numbers within the group; None takes all.

        Returns
        -------
        network : DiverseNetwork
            On the same device.
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

    def parameter_rates(self) -> Iterator[tuple[nn.Parameter, float, float]]:
        """Yield (parameter, factor of the learning rate, factor of the weight decay)."""
        for parameters, decay in ((self.weights, 1.0), (self.biases, 0.0)):
            for parameter in parameters:
                yield parameter, 1.0, decay

    @classmethod
    def from_spec(
        cls,
        spec: Spec,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Self:
        """Build a network whose parameters and tables are still to be loaded."""
        return cls(**spec, dtype=dtype).to(device=device)
