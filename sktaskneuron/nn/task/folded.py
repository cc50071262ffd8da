"""A network that only predicts: the same function in half of the operations.

Every layer of task neurons asks for the products of its input with the weights, with the factors of
its products and with the skip path's weights. Side by side they are one matrix; scales, shifts and
the bound are folded into it and into the loadings.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sktaskneuron.nn.functional import rank_one_products, whole_blocks
from sktaskneuron.nn.task.network import TaskNetwork
from sktaskneuron.nn.task.neuron import TaskNeuron
from sktaskneuron.nn.task.table_input import TableInput


def folded(network: TaskNetwork) -> nn.Module:
    """Return a faster module that predicts as the network does, up to rounding.

    Parameters
    ----------
    network : TaskNetwork
        Stays as it is; the result has copies of its numbers.

    Returns
    -------
    nn.Module
        The network itself, where its layers have more pure terms than x, or its skip path sees
        products.

    See Also
    --------
    TaskNetwork : The network that is trained.
    sktaskneuron.training.predict_in_chunks : Evaluate a module so that a row's result does not
        depend on the rows around it.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import TaskNetwork, folded
    >>> network = TaskNetwork(3, 1, "x + <x,x>:2", hidden_layer_sizes=(8,)).eval()
    >>> rows = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    >>> torch.allclose(folded(network)(rows), network(rows), atol=1e-5)
    True
    """
    layers = (*network.hidden, network.output)
    plain = all(isinstance(layer, TaskNeuron) and layer.n_terms == 1 for layer in layers)
    return FoldedNetwork(network) if plain and network.skip != "formula" else network


class FoldedNetwork(nn.Module):
    """A network whose layers have x as their only pure term.

    Parameters
    ----------
    network : TaskNetwork
    """

    input: TableInput
    activations: nn.ModuleList
    first: FoldedNeuron
    rest: nn.ModuleList

    def __init__(self, network: TaskNetwork) -> None:
        super().__init__()
        self.input, self.activations = network.input, network.activations
        skip = network.skip_weight
        if not len(network.hidden):
            skip = None
        layers = [
            FoldedNeuron(layer, None if i else network.input.scale, None if i else skip)
            for i, layer in enumerate((*network.hidden, network.output))
            if isinstance(layer, TaskNeuron)
        ]
        self.first, self.rest = layers[0], nn.ModuleList(layers[1:])

    def forward(self, input: Tensor) -> Tensor:
        """Return the output: ([n_members,] batch, in_features) -> ([n_members,] batch, n_out)."""
        value, skip = self.first(self.input.unscaled(input))
        for activation, layer in zip(self.activations, self.rest, strict=True):
            value, _ = layer(activation(value))
        return value if skip is None else value + skip


class FoldedNeuron(nn.Module):
    """A layer of task neurons, and what a skip path takes of the same signals.

    Parameters
    ----------
    layer : TaskNeuron
        With x as its only pure term.
    scale : Tensor of shape ([n_members,] in_features) or None
        Of the signals.
    skip : Tensor of shape ([n_members,] in_features, n_skip) or None
        Weights of the skip path.
    """

    joint: Tensor
    constant: Tensor
    loadings: Tensor | None
    n_out: int
    n_skip: int

    def __init__(self, layer: TaskNeuron, scale: Tensor | None, skip: Tensor | None) -> None:
        super().__init__()
        weight = layer.weight
        self.interactions: tuple[tuple[int, int], ...] = tuple(layer.interactions)
        self.n_factors: int = sum(order * rank for order, rank in self.interactions)
        bias = _exact(weight).new_zeros(weight.shape[:-2] + weight.shape[-1:])
        if layer.bias is not None:
            bias = bias + _exact(layer.bias)
        blocks, loadings = [whole_blocks(_exact(weight))], None
        if layer.factors is not None and layer.loadings is not None:
            blocks.append(whole_blocks(_exact(layer.factors) / layer.bound))
            loadings = _exact(layer.loadings)
            bias = bias + (_exact(layer.product_shift).unsqueeze(-2) @ loadings).squeeze(-2)
            size = [layer.bound**order for order, rank in layer.interactions for _ in range(rank)]
            length = _exact(layer.product_scale) * torch.tensor(size, dtype=torch.float64)
            loadings = whole_blocks(length.unsqueeze(-1) * loadings).to(weight)
        if skip is not None:
            blocks.append(whole_blocks(_exact(skip)))
        joint = torch.cat(blocks, dim=-1)
        if scale is not None:
            joint = joint * _exact(scale).unsqueeze(-1)
        self.n_out, self.n_skip = weight.shape[-1], 0 if skip is None else skip.shape[-1]
        self.sizes: list[int] = [block.shape[-1] for block in blocks]
        # parameters, as other modules have: their device and type are asked for
        self.joint = nn.Parameter(joint.to(weight), requires_grad=False)
        self.register_buffer("constant", whole_blocks(bias.unsqueeze(-2)).to(weight))
        self.register_buffer("loadings", loadings)

    def forward(self, signals: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the neurons' values and the skip path's, None without one."""
        parts = (signals @ self.joint).split(self.sizes, dim=-1)
        value = parts[0] + self.constant
        if self.loadings is not None:
            inner = parts[1][..., : self.n_factors]
            inner = inner * torch.rsqrt(1.0 + torch.square(inner))
            value = value + rank_one_products(inner, self.interactions) @ self.loadings
        skip = parts[-1][..., : self.n_skip] if self.n_skip else None
        return value[..., : self.n_out], skip


def _exact(values: Tensor) -> Tensor:
    """Return numbers in float64 on the CPU: not every device has it."""
    return values.detach().cpu().double()
