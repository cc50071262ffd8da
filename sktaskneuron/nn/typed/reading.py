"""How the activation of a network is given: texts and sets of tables, for all layers or each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from sktaskneuron.nn.activations.reading import has_learned_parameters
from sktaskneuron.nn.typed.activation_set import ActivationSet
from sktaskneuron.nn.typed.layers import built


def layer_functions(
    activation: object,
    n_layers: int,
    interpolation: str = "cubic",
    *,
    name: str = "activation",
    stored: bool = False,
) -> list[list[str | nn.Module]]:
    """Return functions per hidden layer, per type, of what stands for the activation of a network.

    A layer is given by a text, a set, or a list of these with at least one text, whose items are
    the types of neurons in turn: a set stands for all of its own. One layer is for all; a list of
    sets and lists is one for each.

    Parameters
    ----------
    activation : str, ActivationSet or sequence
        Texts as of :func:`get_activation`, also with ``trainable=True``.
    n_layers : int
    interpolation : {"cubic", "linear"}, default="cubic"
        Of the sets' tables.
    name : str, default="activation"
        What messages call it.
    stored : bool, default=False
        Whether lists may also hold tables and their specs, as those of a stored network do.

    Returns
    -------
    list of list of str or nn.Module

    Raises
    ------
    ValueError
        If a text names no activation, or there are not as many items as layers.
    TypeError
        If it is none of these.

    Examples
    --------
    >>> from sktaskneuron.nn.typed.reading import layer_functions
    >>> layer_functions(["sin", "prelu(trainable=True)"], 2)
    [['sin', 'prelu(trainable=True)'], ['sin', 'prelu(trainable=True)']]
    >>> layer_functions([["sin", "relu"], ["tanh"]], 2)
    [['sin', 'relu'], ['tanh']]
    """
    layers = given_layers(activation, n_layers)
    if layers is None or not (activation or stored):
        raise _wrong_activation(name, activation)
    if len(layers) != n_layers:
        raise ValueError(f"{name} is of {len(layers)} hidden layers, the network has {n_layers}")
    found: list[list[str | nn.Module]] = []
    # a text is read, even if there is no layer for it
    for layer in layers or given_layers(activation, 1) or []:
        kinds: list[str | nn.Module] = []
        for item in layer:
            if isinstance(item, str):
                has_learned_parameters(item)
                kinds.append(item)
            elif isinstance(item, ActivationSet):
                kinds += item.functions(interpolation)
            elif stored and isinstance(item, nn.Module):
                kinds.append(built(item))
            elif stored and isinstance(item, list | tuple):
                low, high, n, degree = item
                kinds.append(built((low, high, n, degree)))
            else:
                raise _wrong_activation(name, activation)
        found.append(kinds)
    return found[:n_layers]


def given_layers(activation: object, n_layers: int) -> list[list[Any]] | None:
    """Return what is given for each hidden layer, item by item; None if it is no activation.

    Examples
    --------
    >>> from sktaskneuron.nn.typed.reading import given_layers
    >>> given_layers("sin", 2), given_layers(["sin", "relu"], 1), given_layers([["sin"]], 1)
    ([['sin'], ['sin']], [['sin', 'relu']], [['sin']])
    """
    if isinstance(activation, str | ActivationSet):
        activation = [[activation]] * n_layers
    if not isinstance(activation, Sequence):
        return None
    if not all(isinstance(item, ActivationSet | list | tuple) for item in activation):
        # a text is among them: the types of one layer
        activation = [activation] * n_layers
    layers = [[layer] if isinstance(layer, ActivationSet) else list(layer) for layer in activation]
    return layers if all(layers) else None


def _wrong_activation(name: str, activation: object) -> TypeError:
    return TypeError(
        f"{name} must be a name or an expression, an ActivationSet, a list of these, or one set or "
        f"list per hidden layer, got {activation!r}"
    )
