"""The spectrum of the Fisher information of any torch module, by hooks on its layers.

As :mod:`.features` for multilayer networks: the information of a linear layer is approximated by
the Kronecker product of the second moments of its inputs and of the loss's gradients at its outputs
(K-FAC, arXiv:1503.05671). The inputs of a convolution are the patches that its kernel meets, its
outputs those of every place (KFC, arXiv:1602.01407).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import Vector
from sktaskneuron.search.activation.features import distribution, log_eigenvalues
from sktaskneuron.training.loop.losses import RowLoss

_Layer = nn.Linear | nn.Conv1d | nn.Conv2d
# Rows of a layer of which moments are taken at most, evenly spaced over rows and places.
_MOST_PLACES = 1_024


@dataclass(eq=False)
class _Seen:
    """What a layer met in one pass: its inputs as rows, and its outputs with their graph."""

    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)


def module_fisher_features(module: nn.Module, X: Tensor, y: Tensor, row_loss: RowLoss) -> Vector:
    """Return the spectrum of the Fisher information of a module as it is.

    Parameters
    ----------
    module : nn.Module
        Of float64, in the mode in which it is trained. Its running statistics may move.
    X : Tensor of shape (batch, ...)
        What it takes.
    y : Tensor
        As ``row_loss`` takes it.
    row_loss : callable
        Maps outputs and targets to (batch,) losses.

    Returns
    -------
    ndarray of shape (48 * n_layers,)
        Per ``Linear``, ``Conv1d`` and ``Conv2d`` that was used, in the order of first use, the
        cumulative distribution of the log-eigenvalues between -40 and 15; NaN where activities or
        gradients are not finite.

    Raises
    ------
    ValueError
        If no such layer was used.

    Notes
    -----
    Layers whose weights other code reads past their ``forward``, as those of
    ``nn.MultiheadAttention``, are not seen.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.search.activation.module_features import module_fisher_features
    >>> from sktaskneuron.training.loop.losses import squared_error
    >>> module = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    >>> x = torch.linspace(-1, 1, 60).view(20, 3).double()
    >>> module_fisher_features(module.double(), x, x[:, :1], squared_error).shape
    (96,)
    """
    checkpoint()
    seen: dict[_Layer, _Seen] = {}

    def keep(layer: nn.Module, given: tuple[Tensor, ...], result: Tensor) -> None:
        assert isinstance(layer, _Layer)
        found = seen.setdefault(layer, _Seen())
        found.inputs.append(_places_in(layer, given[0].detach()))
        found.outputs.append(result)

    layers = [layer for layer in module.modules() if isinstance(layer, _Layer)]
    hooks = [layer.register_forward_hook(keep) for layer in layers]
    try:
        with torch.inference_mode(False), torch.enable_grad():
            losses = row_loss(module(X), y)
            outputs = [output for found in seen.values() for output in found.outputs]
            if not outputs:
                raise ValueError("the module uses no Linear, Conv1d or Conv2d")
            gradients = list(
                torch.autograd.grad(
                    losses.sum(), outputs, allow_unused=True, materialize_grads=True
                )
            )
    finally:
        for hook in hooks:
            hook.remove()
    parts, finite = [], True
    for layer, found in seen.items():
        own = [gradients.pop(0) for _ in found.outputs]
        rows = torch.cat(found.inputs)
        back = torch.cat([_places_out(layer, gradient) for gradient in own])
        if rows.shape[1]:
            rows = torch.cat([torch.ones_like(rows[:, :1]), rows], dim=1)
        moments = [_spectrum(rows), _spectrum(back)]
        finite &= all(known for _, known in moments)
        parts.append(distribution((moments[0][0][:, None] + moments[1][0][None, :])[None])[0])
    features = np.concatenate(parts)
    return features if finite else np.full_like(features, np.nan)


def _places_in(layer: _Layer, x: Tensor) -> Tensor:
    """Return the inputs of a layer as rows: points, or patches of a group of channels."""
    if isinstance(layer, nn.Linear):
        return _thinned(x.reshape(-1, x.shape[-1]))
    flat = isinstance(layer, nn.Conv1d)
    if flat:
        x = x.unsqueeze(2)
    lead = (0,) if flat else ()
    padding: tuple[int, ...]
    kernel, stride, dilation = (
        (1,) * flat + tuple(sizes) for sizes in (layer.kernel_size, layer.stride, layer.dilation)
    )
    if layer.padding == "same":
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        sides = [side for t in reversed(total) for side in (t // 2, t - t // 2)]
        x, padding = nn.functional.pad(x, sides), (0, 0)
    else:
        sizes = () if isinstance(layer.padding, str) else layer.padding
        padding = (*lead, *sizes) if sizes else (0, 0)
    patches = nn.functional.unfold(x, kernel, dilation, padding, stride)
    patches = patches.view(len(x), layer.groups, -1, patches.shape[-1])
    return _thinned(patches.permute(0, 3, 1, 2).reshape(-1, patches.shape[2]))


def _places_out(layer: _Layer, gradient: Tensor) -> Tensor:
    """Return the gradients at a layer's outputs as rows, in the way of the inputs."""
    if isinstance(layer, nn.Linear):
        return _thinned(gradient.reshape(-1, gradient.shape[-1]))
    places = gradient.flatten(2).unflatten(1, (layer.groups, -1))
    return _thinned(places.permute(0, 3, 1, 2).reshape(-1, places.shape[2]))


def _thinned(rows: Tensor) -> Tensor:
    """Return rows evenly spaced over all, of very many a part."""
    return rows[:: -(-len(rows) // _MOST_PLACES)]


def _spectrum(rows: Tensor) -> tuple[Vector, bool]:
    """Return the log-eigenvalues of the second moments of rows (n, d), and whether all is finite.

    Where rows are fewer than columns, by the products of the rows: the others are zero.
    """
    n, d = rows.shape
    if n >= d:
        values, finite = log_eigenvalues(rows.unsqueeze(0))
        return values[0], bool(finite[0])
    values, finite = log_eigenvalues(rows.T.unsqueeze(0) * (d / n) ** 0.5)
    return np.concatenate([np.full(d - n, values.min()), values[0]]), bool(finite[0])
