"""Task neurons in a module that somebody else has written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from copy import deepcopy
from typing import Literal, TypeAlias, TypeVar

import torch
from torch import Tensor, nn

from sktaskneuron.formula import NeuronFormula
from sktaskneuron.nn.task.conv import Sizes, TaskNeuronConv1d, TaskNeuronConv2d
from sktaskneuron.nn.task.neuron import TaskNeuron
from sktaskneuron.nn.task.start import as_formula, as_generator, factory_options

M = TypeVar("M", bound=nn.Module)
_Plain: TypeAlias = nn.Linear | nn.Conv1d | nn.Conv2d
_TaskLayer: TypeAlias = TaskNeuron | TaskNeuronConv1d | TaskNeuronConv2d


def replace_linear(
    module: M,
    formula: NeuronFormula | str,
    *,
    skip: Collection[str] = (),
    generator: torch.Generator | int | None = None,
) -> M:
    """Return a copy of a module whose linear layers and convolutions are task neurons.

    The layers keep their weights, and everything that the formula adds starts at zero: before
    training the copy computes what the module does. The first step of training moves the weights of
    terms and products, the further ones the factors too.

    Parameters
    ----------
    module : nn.Module
        Stays as it is.
    formula : NeuronFormula or str
        Aggregation of all the new layers, as ``"x + <x,x>:8"``.
    skip : collection of str, default=()
        Names of layers that stay plain, as ``module.named_modules()`` names them.
    generator : torch.Generator or int, default=None
        Source of the factors; None is seed 0.

    Returns
    -------
    nn.Module
        A copy with the new layers.

    Raises
    ------
    FormulaError
        If the formula is bad text, or cannot be trained.
    ValueError
        If there is no layer to replace, or ``skip`` names none.

    See Also
    --------
    scale_factors : Brings the factors to a batch of data, before training.

    Notes
    -----
    Layers of exactly the types ``Linear``, ``Conv1d`` and ``Conv2d`` are replaced. Those that other
    code reads by their weight stay: the output of ``MultiheadAttention``, and layers that share
    their weight with another module. So do convolutions whose padding is not zeros.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import replace_linear
    >>> module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    >>> task = replace_linear(module, "x + <x,x>:4", skip=["2"])
    >>> x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    >>> torch.allclose(task(x), module(x), atol=1e-5)
    True
    """
    formula, generator = as_formula(formula), as_generator(generator)
    copy = deepcopy(module)
    found = dict(_replaceable(copy))
    unknown = sorted(set(skip) - found.keys())
    if unknown:
        raise ValueError(
            f"skip names {unknown[0]!r}, which is no layer to replace; these are {sorted(found)}"
        )
    made: dict[nn.Module, _TaskLayer] = {}
    for name, layer in found.items():
        if name in skip:
            continue
        if layer not in made:
            made[layer] = _as_task_neurons(layer, formula, generator)
        if not name:
            return made[layer]  # type: ignore[return-value]  # the module is itself a layer
        copy.set_submodule(name, made[layer])
    if not made:
        raise ValueError("the module has no Linear, Conv1d or Conv2d that may be replaced")
    for part in copy.modules():
        if isinstance(part, nn.TransformerEncoderLayer):
            # its fast path of inference reads weights of layers past their forward
            part.activation_relu_or_gelu = 0
        elif isinstance(part, nn.TransformerEncoder):
            part.use_nested_tensor = False
    return copy


def _replaceable(module: nn.Module) -> Iterator[tuple[str, _Plain]]:
    """Yield the layers that may be replaced with their names, those of two names twice."""
    held = {
        f"{name}.out_proj" if name else "out_proj"
        for name, part in module.named_modules()
        if isinstance(part, nn.MultiheadAttention)
    }
    owners = Counter(
        id(parameter) for part in module.modules() for parameter in part.parameters(recurse=False)
    )
    for name, part in module.named_modules(remove_duplicate=False):
        if type(part) not in (nn.Linear, nn.Conv1d, nn.Conv2d) or name in held:
            continue
        assert isinstance(part, _Plain)
        if owners[id(part.weight)] > 1:
            continue
        if not isinstance(part, nn.Linear) and part.padding_mode != "zeros":
            continue
        yield name, part


def _as_task_neurons(
    layer: _Plain, formula: NeuronFormula, generator: torch.Generator
) -> _TaskLayer:
    """Return a layer of task neurons that starts with the weights of a plain one."""
    bias = layer.bias is not None
    where = factory_options(layer.weight.device, layer.weight.dtype)
    new: _TaskLayer
    if isinstance(layer, nn.Linear):
        new = TaskNeuron(
            layer.in_features,
            layer.out_features,
            formula,
            bias=bias,
            generator=generator,
            **where,
        )
        neuron, weight = new, layer.weight.t()
    else:
        kind = TaskNeuronConv1d if isinstance(layer, nn.Conv1d) else TaskNeuronConv2d
        padding: Sizes | Literal["same"] = 0
        if isinstance(layer.padding, tuple):
            padding = layer.padding
        elif layer.padding == "same":
            padding = "same"
        new = kind(
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size,
            formula,
            stride=layer.stride,
            padding=padding,
            dilation=layer.dilation,
            groups=layer.groups,
            bias=bias,
            generator=generator,
            **where,
        )
        neuron = new.neuron
        weight = layer.weight.flatten(1).unflatten(0, (layer.groups, -1)).transpose(1, 2)
    with torch.no_grad():
        neuron.weight.zero_()
        # of the terms of an input the linear one is the first
        neuron.weight[..., :: neuron.n_terms, :] = weight
        if neuron.bias is not None and layer.bias is not None:
            neuron.bias.copy_(layer.bias.view(neuron.bias.shape))
    neuron.weight.requires_grad_(layer.weight.requires_grad)
    return new.train(layer.training)


@torch.no_grad()
def scale_factors(module: nn.Module, *inputs: Tensor) -> None:
    """Bring the factors of all task neurons of a module to a batch of data, in place.

    Afterwards every inner product of factors and inputs has the root mean square one on this batch,
    and every product mean zero and unit variance. Task neurons start that way for inputs that are
    standard normal and independent; those behind other layers are often not, and the points of
    smooth signals are alike, so that inner products are several times as large.

    Parameters
    ----------
    module : nn.Module
        Run once, in its present mode. Its outputs stay as they are, because its products have not
        been trained.
    *inputs : Tensor
        What ``module(*inputs)`` takes.

    Raises
    ------
    ValueError
        If the products of a layer have weights already.

    See Also
    --------
    replace_linear : Return a copy of a module whose linear layers and convolutions are task
        neurons.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import TaskNeuron, scale_factors
    >>> layer = TaskNeuron(4, 2, "x + <x,x>:3")
    >>> x = 50 + 100 * torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    >>> scale_factors(layer, x)
    >>> bool(torch.allclose(layer.product_signals(x).std(0, unbiased=False), torch.ones(3)))
    True
    """
    hooks = []

    def scale(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, _TaskLayer)
        layer.scale_factors(given[0])

    try:
        for part in module.modules():
            if isinstance(part, _TaskLayer):
                hooks.append(part.register_forward_pre_hook(scale))
        module(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
