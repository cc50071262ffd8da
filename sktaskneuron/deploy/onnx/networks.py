"""Packed networks as ONNX nodes, in the order of the equations of `nn.task` and `nn.typed`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn

from sktaskneuron._typing import AnyArray
from sktaskneuron.deploy.onnx.functions import (
    DUAL_PRIMITIVES,
    PRIMITIVES,
    Dual,
    sinc,
    tree_value,
)
from sktaskneuron.deploy.onnx.graph import Value, join
from sktaskneuron.formula.text.evaluation import evaluate
from sktaskneuron.nn import (
    DiverseNetwork,
    StochasticActivation,
    TableFunction,
    TaskNetwork,
    TaskNeuron,
    TrainableActivation,
    TypedActivation,
    find_activation,
)
from sktaskneuron.nn.task.piecewise import PiecewiseLinearEmbedding, PiecewiseLinearTerms
from sktaskneuron.nn.task.table_input import LevelEmbedding, PeriodicTerms

# The two activations that the grammar of formulas cannot write.
_WITH_HOLES: Mapping[str, Callable[[Any, Any, Any], Any]] = {
    "sinc_plus_x": lambda x, values, functions: sinc(x, functions) + x,
    "gelu_sinc": lambda x, values, functions: (
        x
        * (0.5 * functions["erf"](x * math.sqrt(0.5)) + 0.5)
        * (values["a"] * sinc(math.pi * x, functions) + 1.0)
    ),
}


def array(tensor: Tensor) -> AnyArray:
    """Return a tensor's numbers."""
    numbers: AnyArray = tensor.detach().cpu().numpy()
    return numbers


# -- networks of task-driven neurons ---------------------------------------------------------------


def task_network(network: TaskNetwork, columns: Value, codes: Value | None) -> Value:
    """Add a network of task-driven neurons.

    Parameters
    ----------
    network : TaskNetwork
        Packed.
    columns : Value of shape (batch, n_columns)
        Scaled, in the network's type.
    codes : Value of int64 of shape (batch, n_large), or None

    Returns
    -------
    Value of shape (n_members, batch, n_outputs)
    """
    signals = _signals(network, columns, codes)
    pure, products = _pure_signals(network.first, signals), _products(network.first, signals)
    value = _combine(network.first, pure, products)
    if not len(network.hidden):
        return value
    for activation, layer in zip(
        network.activations, (*network.hidden[1:], network.output), strict=True
    ):
        assert isinstance(activation, TypedActivation)
        assert isinstance(layer, TaskNeuron)
        inner = typed_value(activation, value)
        value = _combine(layer, _pure_signals(layer, inner), _products(layer, inner))
    if network.skip_weight is None:
        return value
    if network.skip == "formula":
        signals = pure if products is None else join([pure, products], 2)
    return value + signals @ array(network.skip_weight)


def _signals(network: TaskNetwork, columns: Value, codes: Value | None) -> Value:
    """Return what the neurons combine, (n_members, batch, n_signals)."""
    table = network.input
    parts = [columns]
    if isinstance(table.terms, PiecewiseLinearTerms):
        parts.append(_piecewise(table.terms, columns))
    parts = [join(parts, 1).expand(network.n_members or 1, 1, 1)]
    if isinstance(table.terms, PeriodicTerms):
        parts.append(_periodic(table.terms, columns))
    elif isinstance(table.terms, PiecewiseLinearEmbedding):
        parts.append(_mixed_bins(table.terms, columns))
    if table.levels is not None:
        assert codes is not None
        parts.append(_embedded(table.levels, codes))
    signals = join(parts, 2)
    return signals if table.scale is None else signals * array(table.scale)[:, None]


def _periodic(terms: PeriodicTerms, columns: Value) -> Value:
    """Return mixed cosines, (n_members, batch, n_columns * n_terms)."""
    rows_last = columns.part(1, 0, terms.n_columns).transpose(1, 0).with_axis(1)
    angle = rows_last * array(terms.frequency)[..., None] + array(terms.phase)[..., None]
    mixing, constant = array(terms.mixing).swapaxes(-1, -2), array(terms.constant)[..., None]
    mixed = columns.of(mixing) @ angle.op("Cos") + constant
    return mixed.reshape(0, terms.n_columns * terms.n_terms, -1).transpose(0, 2, 1)


def _mixed_bins(terms: PiecewiseLinearEmbedding, columns: Value) -> Value:
    """Return mixed codes of bins, (n_members, batch, n_columns * n_terms)."""
    codes = _piecewise(terms, columns).reshape(0, terms.n_columns, terms.n_bins)
    mixed = codes.transpose(1, 0, 2).with_axis(0) @ array(terms.mixing)
    return mixed.transpose(0, 2, 1, 3).reshape(0, 0, terms.n_columns * terms.n_terms)


def _piecewise(terms: PiecewiseLinearTerms | PiecewiseLinearEmbedding, columns: Value) -> Value:
    """Return how far values have climbed through their bins, (batch, n_columns * n_bins)."""
    edges = array(terms.edges)
    low, width = edges[:, :-1], np.diff(edges, axis=1)
    full = width > 0
    slope = np.divide(2.0, width, where=full, out=np.zeros_like(width)).astype(width.dtype)
    start = np.where(full, -low * slope - 1.0, 0.0)
    column = columns.part(1, 0, terms.n_columns).with_axis(2)
    code = (column * slope + start).clip(-1.0, 1.0)
    return code.reshape(0, terms.n_columns * terms.n_bins)


def _embedded(levels: LevelEmbedding, codes: Value) -> Value:
    """Return the vectors of levels, (n_members, batch, n_columns * n_dimensions)."""
    vectors = array(levels.vectors).copy()
    vectors[..., -1, :] = 0.0  # the vector of unknown levels
    known = codes.op("Less", array(levels.counts), dtype=bool)
    known = known.op("And", codes.op("GreaterOrEqual", 0, dtype=bool))
    place = known.choose(codes + array(levels.offsets), vectors.shape[-2] - 1)
    chosen = codes.graph.constant(vectors).take(place, 1)
    return chosen.reshape(0, 0, len(levels.n_levels) * levels.n_dimensions)


def smooth_bound(x: Value, bound: float) -> Value:
    """Return x / sqrt(1 + (x / bound)**2)."""
    inner = x * (1.0 / bound)
    return x / (inner * inner + 1.0).op("Sqrt")


def _pure_signals(layer: TaskNeuron, signals: Value) -> Value:
    """Return phi_t(x_i): (..., n_signals * n_terms)."""
    expressions = layer.formula.expressions
    terms = [expression.node for expression in expressions if expression.power != 1]
    if not terms:
        return signals
    bounded = smooth_bound(signals, layer.bound)
    values = [signals, *(tree_value(node, {"x": bounded}) for node in terms)]
    stacked = join([value.with_axis(3) for value in values], 3)
    mixed = stacked @ array(layer.mixing) + array(layer.shift)
    return mixed.reshape(0, 0, layer.n_pure_signals)


def _products(layer: TaskNeuron, signals: Value) -> Value | None:
    """Return psi_{k,r}(x), (..., sum of ranks), or None without interactions."""
    if layer.factors is None:
        return None
    inner = smooth_bound(signals @ array(layer.factors), layer.bound)
    products, column = [], 0
    for order, rank in sorted(layer.formula.interactions.items()):
        starts = range(column, column + order * rank, rank)
        blocks = [inner.part(2, start, start + rank) for start in starts]
        products.append(math.prod(blocks[1:], start=blocks[0]))
        column += order * rank
    shift, scale = array(layer.product_shift)[:, None], array(layer.product_scale)[:, None]
    return join(products, 2) * scale + shift


def _combine(layer: TaskNeuron, pure: Value, products: Value | None) -> Value:
    """Return the weighted sums, (n_members, batch, n_outputs)."""
    value = pure @ array(layer.weight)
    if layer.bias is not None:
        value = value + array(layer.bias)[:, None]
    if products is not None and layer.loadings is not None:
        value = value + products @ array(layer.loadings)
    return value


# -- networks of typed neurons ---------------------------------------------------------------------


def diverse_network(network: DiverseNetwork, columns: Value) -> Value:
    """Add a network of typed neurons.

    Parameters
    ----------
    network : DiverseNetwork
    columns : Value of shape (batch, n_columns)

    Returns
    -------
    Value of shape (n_members, batch, n_outputs)
    """
    if network.hamiltonian:
        return _field(network, columns)
    value = columns
    for weight, bias, activation in _hidden_layers(network):
        value = _grouped(activation, value @ weight + bias, typed_value)
    return value @ array(network.weights[-1]) + array(network.biases[-1])


def _field(network: DiverseNetwork, columns: Value) -> Value:
    """Return the symplectic gradient of H, as the network writes it out."""
    slopes, value = [], columns
    for weight, bias, activation in _hidden_layers(network):
        inner = value @ weight + bias
        value = _grouped(activation, inner, typed_value)
        slopes.append(_grouped(activation, inner, _typed_slope))
    gradient = columns.of(array(network.weights[-1]).swapaxes(1, 2))
    for slope, weight in zip(reversed(slopes), reversed(list(network.weights[:-1])), strict=True):
        gradient = (gradient * slope) @ array(weight).swapaxes(1, 2)
    n_columns = network.in_features
    half = n_columns // 2
    return join([gradient.part(2, half, n_columns), -gradient.part(2, 0, half)], 2)


def _hidden_layers(network: DiverseNetwork) -> list[tuple[AnyArray, AnyArray, Any]]:
    weights, biases = list(network.weights[:-1]), list(network.biases[:-1])
    return [
        (array(weight), array(bias), activation)
        for weight, bias, activation in zip(weights, biases, network.activations, strict=True)
    ]


def _grouped(groups: Any, inner: Value, apply: Callable[[TypedActivation, Value], Value]) -> Value:
    """Return a layer's values, (n_members, batch, n_neurons), group by group of members."""
    ends = np.cumsum(groups.sizes).tolist()
    if len(ends) == 1:
        return apply(groups.activations[0], inner)
    starts = [0, *ends[:-1]]
    parts = [
        apply(activation, inner.part(0, start, end))
        for activation, start, end in zip(groups.activations, starts, ends, strict=True)
    ]
    return join(parts, 0)


# -- activations -----------------------------------------------------------------------------------


def typed_value(activation: TypedActivation, inner: Value) -> Value:
    """Return a layer's values, type by type of neurons."""
    return _by_type(activation, inner, activation_value)


def _typed_slope(activation: TypedActivation, inner: Value) -> Value:
    """Return the derivatives of a layer's values by its inputs."""
    return _by_type(activation, inner, _slope)


def _by_type(
    activation: TypedActivation, inner: Value, apply: Callable[[str | nn.Module, Value], Value]
) -> Value:
    own = iter(activation.own)
    functions = [next(own) if name is None else name for name in activation.names]
    if len(functions) == 1:
        return apply(functions[0], inner)
    ends = np.cumsum(activation.sizes).tolist()
    parts = [
        apply(function, inner.part(2, end - size, end))
        for function, size, end in zip(functions, activation.sizes, ends, strict=True)
    ]
    return join(parts, 2)


def activation_value(function: str | nn.Module, x: Value) -> Value:
    """Return the values of an activation: a name, an expression or a table."""
    if isinstance(function, TableFunction):
        return _table(function, x)[0]
    value: Value = _evaluated(function, x, PRIMITIVES)
    return value


def _slope(function: str | nn.Module, x: Value) -> Value:
    if isinstance(function, TableFunction):
        return _table(function, x)[1]
    dual: Dual = _evaluated(function, Dual(x, x * 0.0 + 1.0), DUAL_PRIMITIVES)
    return dual.slope


def _table(function: TableFunction, x: Value) -> tuple[Value, Value]:
    """Return values and derivatives of a table."""
    grid = function.grid
    place = (x - grid.low) * (1.0 / grid.step)
    left = place.op("Floor").clip(-1.0, grid.n - 1.0)
    cell, place = left.cast(np.int64) + 1, place - left
    coefficients = array(function.coefficients).astype(x.dtype).T
    value, slope = x.graph.constant(coefficients[-1]).take(cell, 0), x * 0.0
    for column in reversed(coefficients[:-1]):
        slope = value + place * slope
        value = x.graph.constant(column).take(cell, 0) + place * value
    return value, slope * (1.0 / grid.step)


def _evaluated(function: str | nn.Module, x: Any, functions: Mapping[str, Any]) -> Any:
    """Return the values of an activation's formula, learned parameters and all.

    x : Value, or Dual for the derivative too.
    """
    learned: dict[str, Any] = {}
    if isinstance(function, TrainableActivation):
        found = function.activation
        # numbers, or (n_members, 1, 1)
        learned = {name: x.of(array(value)) for name, value in function.current().items()}
    elif isinstance(function, StochasticActivation):
        found = function.activation
    elif isinstance(function, str):
        found = find_activation(function)
    else:
        raise TypeError(
            f"an activation of the type {type(function).__name__} has no form in ONNX: use a name, "
            "an expression or a table"
        )
    name = found.name.partition("(")[0]
    if name in _WITH_HOLES:
        return _WITH_HOLES[name](x, {**found.parameters, **learned}, functions)
    return evaluate(found.tree(tuple(learned)), {"x": x, **learned}, functions)
