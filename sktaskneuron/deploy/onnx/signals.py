"""Packed networks of signals as ONNX nodes, members side by side among the channels."""

from __future__ import annotations

import math

import numpy as np
from torch import nn

from sktaskneuron._typing import AnyArray
from sktaskneuron.deploy.onnx.functions import tree_value
from sktaskneuron.deploy.onnx.graph import Value, join
from sktaskneuron.deploy.onnx.networks import array, smooth_bound, typed_value
from sktaskneuron.nn import SignalNetwork, TaskNeuronConv1d, TaskNeuronConv2d, TypedActivation


def signal_network(network: SignalNetwork, rows: Value) -> Value:
    """Add a network of signals or images.

    Parameters
    ----------
    network : SignalNetwork
        Packed.
    rows : Value of shape (batch, n_points)
        Scaled, in the network's type.

    Returns
    -------
    Value of shape (n_members, batch, n_outputs)
    """
    n_axes = len(network.in_shape) - 1
    value = join([rows.reshape(0, *network.in_shape)] * network.n_packed, 1)
    *norms, last = network.norms
    layers = zip(norms, network.convolutions, network.activations, strict=True)
    for place, (norm, layer, activation) in enumerate(layers):
        assert isinstance(layer, TaskNeuronConv1d | TaskNeuronConv2d)
        assert isinstance(activation, TypedActivation)
        value = _activated(activation, _convolution(layer, _norm(norm, value)), network.n_packed)
        if (place + 1) % network.depth == 0:
            sizes = [2] * n_axes
            value = value.op("MaxPool", kernel_shape=sizes, strides=sizes, ceil_mode=1)
    features = _norm(last, value).reshape(0, network.n_packed, network.output.in_features)
    output = network.output
    assert output.bias is not None
    return features.transpose(1, 0, 2) @ array(output.weight) + array(output.bias)[:, None]


def _activated(activation: TypedActivation, value: Value, n_packed: int) -> Value:
    """Return the functions of channels, (batch, n_packed * channels, *size), type by type."""
    if activation.is_plain:
        return typed_value(activation, value)
    typed = typed_value(activation, value.reshape(0, n_packed, -1).transpose(1, 0, 2))
    return typed.transpose(1, 0, 2).op("Reshape", value.op("Shape"))


def _norm(norm: nn.Module, value: Value) -> Value:
    """Return channels by the means and variances of training."""
    assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    ones = (1,) * (2 if isinstance(norm, nn.BatchNorm2d) else 1)
    spread = np.sqrt(array(norm.running_var) + np.asarray(norm.eps, dtype=value.dtype))
    mean = array(norm.running_mean)
    return (value - mean.reshape(-1, *ones)) / spread.reshape(-1, *ones)


def _convolution(layer: TaskNeuronConv1d | TaskNeuronConv2d, value: Value) -> Value:
    """Return the neurons' values of every patch, as the layer computes them."""
    neuron, n_axes = layer.neuron, len(layer.kernel_size)
    assert neuron.bias is not None
    bias = array(neuron.bias)
    if neuron.loadings is not None:
        bias = bias + (array(neuron.product_shift)[:, None] @ array(neuron.loadings))[:, 0]
    lows, highs = zip(*layer.padding, strict=True)
    options = {
        "kernel_shape": layer.kernel_size,
        "strides": layer.stride,
        "dilations": layer.dilation,
    }
    # the input is padded, not its functions: these need not be zero at zero
    value = value.op("Pad", value.ints([0, 0, *lows, 0, 0, *highs]), value.of(0.0))

    def convolved(signals: Value, kernels: AnyArray, *constant: AnyArray) -> Value:
        return signals.op("Conv", kernels, *constant, group=layer.n_layers, **options)

    kernels = array(layer.kernels_of(neuron.weight, neuron.n_terms))
    output = convolved(_functions(layer, value), kernels, bias.ravel())
    if neuron.factors is None or neuron.loadings is None:
        return output
    inner = convolved(value, array(layer.kernels_of(neuron.factors)))
    inner = smooth_bound(inner, neuron.bound)
    n_factors = neuron.factors.shape[-1]
    weight = array(neuron.product_scale)[:, :, None] * array(neuron.loadings)
    column = row = 0
    for order, rank in neuron.interactions:
        factors = []
        for start in range(column, column + order * rank, rank):
            places = np.arange(layer.n_layers)[:, None] * n_factors + np.arange(start, start + rank)
            factors.append(inner.take(places.ravel(), 1))
        products = math.prod(factors[1:], start=factors[0])
        own = weight[:, row : row + rank].swapaxes(1, 2).reshape(-1, rank, *(1,) * n_axes)
        output = output + products.op("Conv", own, group=layer.n_layers)
        column, row = column + order * rank, row + rank
    return output


def _functions(layer: TaskNeuronConv1d | TaskNeuronConv2d, value: Value) -> Value:
    """Return phi_t of every channel, the terms of one side by side."""
    neuron = layer.neuron
    if neuron.n_terms == 1:
        return value
    bounded = smooth_bound(value, neuron.bound)
    nodes = [expression.node for expression in neuron.terms_after_linear]
    terms = [value, *(tree_value(node, {"x": bounded}) for node in nodes)]
    mixing, shift = array(neuron.mixing), array(neuron.shift)
    signals = []
    for t in range(neuron.n_terms):
        parts = [term * mixing[s, t] for s, term in enumerate(terms[: t + 1])]
        signals.append(sum(parts[1:], start=parts[0]) + shift[t])
    n_channels = layer.n_layers * (layer.in_channels // layer.groups)
    # from one term after the other to one channel after the other
    places = np.arange(neuron.n_terms * n_channels).reshape(neuron.n_terms, n_channels)
    return join(signals, 1).take(places.T.ravel(), 1)
