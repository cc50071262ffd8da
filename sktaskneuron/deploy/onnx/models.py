"""Fitted models as ONNX nodes: from rows to raw outputs, and from these to answers."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from sktaskneuron._typing import AnyArray, Matrix
from sktaskneuron.deploy.onnx.functions import tree_value
from sktaskneuron.deploy.onnx.graph import Value, join
from sktaskneuron.deploy.onnx.networks import diverse_network, task_network
from sktaskneuron.deploy.onnx.signals import signal_network
from sktaskneuron.deploy.onnx.table import Rows
from sktaskneuron.formula import FittedExpression, FittedFormula
from sktaskneuron.formula.equation.terms import FAR, PureTerm
from sktaskneuron.formula.text.nodes import Node
from sktaskneuron.models.companions import CompanionModel
from sktaskneuron.models.fitted import Blend, FittedModel, FormulaModel, LinearModel, NoModel
from sktaskneuron.models.inputs import View
from sktaskneuron.models.networks import PackedModel
from sktaskneuron.models.target import LARGEST_LOGIT, ClassTarget, Target, ValueTarget
from sktaskneuron.nn import SignalNetwork, TaskNetwork

_LARGEST = np.finfo(np.float64).max


def views_of(model: FittedModel) -> set[View]:
    """Return the scales of the columns that a model reads."""
    match model:
        case Blend():
            return set().union(*map(views_of, model.models))
        case PackedModel():
            return {model.view}
    return set()


def raw_outputs(model: FittedModel, rows: Rows) -> Value:
    """Add a fitted model.

    Returns
    -------
    Value of float64 of shape (batch, n_outputs)

    Raises
    ------
    AttributeError
        If there is no model.
    ValueError
        If a companion takes part, which is not ours.
    TypeError
        If there is no form of it.
    """
    match model:
        case Blend():
            parts = [
                raw_outputs(part, rows) * float(weight)
                for part, weight in zip(model.models, model.weights, strict=True)
            ]
            return sum(parts[1:], start=parts[0])
        case LinearModel():
            return ((rows.raw - model.center) / model.scale) @ model.coef + model.intercept
        case FormulaModel():
            return _of_equation(model.target, equation(model.fitted, rows.raw))
        case PackedModel():
            return packed(model, rows.scaled[model.view], rows.codes)
        case CompanionModel():
            raise ValueError(
                "to_onnx writes the models of this package alone, and the companion "
                f"{model.name!r} takes part in the prediction; fit with companions=None"
            )
        case NoModel():
            raise AttributeError(model.reason)
    raise TypeError(f"a model of the type {type(model).__name__} has no form in ONNX")


def packed(model: PackedModel, scaled: Value, codes: Value | None) -> Value:
    """Add packed networks: the mean of their outputs, (batch, n_outputs)."""
    network = model.on_device("cpu").network()
    columns = scaled.cast(model.dtype)
    if isinstance(network, TaskNetwork):
        outputs = task_network(network, columns, codes)
    elif isinstance(network, SignalNetwork):
        outputs = signal_network(network, columns)
    else:
        outputs = diverse_network(network, columns)
    if model.bounds is not None:
        low, high = model.bounds
        outputs = outputs.op("Max", low).op("Min", high)
    return outputs.mean(0).cast(np.float64)


# -- equations -------------------------------------------------------------------------------------


def equation(fitted: FittedFormula | FittedExpression, raw: Value) -> Value:
    """Add an equation of the encoded columns, (batch, n_outputs)."""
    if isinstance(fitted, FittedExpression):
        return _trees(fitted, fitted.nodes, raw)
    value = raw.take([0], 1) * 0.0 + fitted.intercept
    for terms, weights in _blocks(fitted, raw):
        value = value + terms @ weights
    return value


def equation_terms(fitted: FittedFormula | FittedExpression, raw: Value) -> Value:
    """Add the additive terms of an equation that has some, (batch, n_terms)."""
    if isinstance(fitted, FittedExpression):
        return _trees(fitted, fitted.terms, raw)
    return join([terms for terms, _ in _blocks(fitted, raw)], 1)


def _trees(fitted: FittedExpression, nodes: tuple[Node, ...], raw: Value) -> Value:
    # one at least: a tree that is a number alone needs to know how many rows there are
    used = fitted.used_features.tolist() or [0]
    columns = {fitted.feature_names[place]: raw.take([place], 1) for place in used}
    return join([tree_value(node, columns) for node in nodes], 1)


def _blocks(fitted: FittedFormula, raw: Value) -> Iterator[tuple[Value, Matrix]]:
    """Yield the values of the terms, in their order, and their weights.

    Values have the shape (batch, n_block), weights (n_block, n_outputs).
    """
    if not fitted.terms:
        return
    bounded = raw.op("Max", fitted.lower).op("Min", fitted.upper)
    z = (bounded - fitted.center) / fitted.scale
    by_function: dict[int, list[int]] = {}
    by_order: dict[int, list[int]] = {}
    for term in fitted.terms:
        if isinstance(term, PureTerm):
            by_function.setdefault(term.index, []).append(term.feature)
        else:
            by_order.setdefault(term.order, []).append(term.index)
    for index, features in by_function.items():
        node = fitted.formula.expressions[index].node
        yield (
            tree_value(node, {"x": z.take(features, 1)}),
            fitted.pure_weights[index][features],
        )
    for order, kept in by_order.items():
        factors = fitted.factors[order][:, :, kept]
        read = np.flatnonzero(factors.any(axis=(0, 2)))
        yield _atoms(z.take(read, 1), factors[:, read]), fitted.loadings[order][kept]


def _atoms(z: Value, factors: Matrix) -> Value:
    """Return interaction atoms, disjoint from pure terms: see `atom_values`."""
    inner = [z @ factor for factor in factors]
    values = math.prod(inner[1:], start=inner[0])
    diagonal = factors.prod(axis=0)
    if not diagonal.any():
        return values
    values = values - math.prod([z] * (len(factors) - 1), start=z) @ diagonal
    is_far = z.op("Abs").largest(1).without_axis(1).op("Greater", FAR, dtype=bool)
    rows = is_far.op("NonZero", dtype=np.int64).transpose(1, 0)
    exact = _without_cancelling(z.op("Compress", is_far, axis=0), factors)
    return values.op("ScatterND", rows, exact)


def _without_cancelling(z: Value, factors: Matrix) -> Value:
    """Return interaction atoms of rows with a far cell, as the function of this name does."""
    powers, *others = (z.with_axis(2) * factor for factor in factors)  # (rows, n_features, rank)
    values = None
    for part in others:
        axis = part.ints(np.asarray(1))
        before = part.op("CumSum", axis, exclusive=1)
        behind = part.op("CumSum", axis, exclusive=1, reverse=1)
        new = (powers * (before + behind)).sum(1)
        values = new if values is None else values * part.sum(1) + new
        powers = powers * part
    assert values is not None  # interactions have two factors at least
    return values


def is_finite(value: Value) -> Value:
    """Return where values are numbers."""
    return value.op("Abs").up_to(_LARGEST)


def _of_equation(target: Target, value: Value) -> Value:
    """Return an equation's values as raw outputs, as the target's own method does."""
    if isinstance(target, ValueTarget):
        return value.is_nan().choose(0.0, (value - target.shift) / target.unit)
    logits = value.is_nan().choose(0.0, value).clip(-LARGEST_LOGIT, LARGEST_LOGIT)
    # of two classes the equation has the log odds: (0, value)
    return logits if target.n_outputs > 2 else logits * np.array([0.0, 1.0])


# -- answers ---------------------------------------------------------------------------------------


def answers(target: Target, raw: Value) -> dict[str, Value]:
    """Add the way back from raw outputs.

    Returns
    -------
    outputs : dict of str to Value
        "predict", and of classes "predict_proba".
    """
    if isinstance(target, ClassTarget):
        size = (raw - raw.largest(1)).op("Exp")
        probabilities = size / size.sum(1, keep=True)
        best = probabilities.op("ArgMax", axis=1, keepdims=0, dtype=np.int64)
        labels = raw.graph.constant(_labels(target.classes)).take(best, 0)
        return {"predict": labels, "predict_proba": probabilities}
    if target.logarithmic:
        raw = raw.op("Exp")
    elif target.loss.places is not None:
        raw = _sorted(raw, target.n_outputs).take(target.loss.places, 1)
    values = (raw * target.unit + target.shift).clip(-_LARGEST, _LARGEST)
    return {"predict": values.without_axis(1) if target.single else values}


def _sorted(value: Value, n_columns: int) -> Value:
    """Sort every row by neighbours that change places; there are few columns."""
    columns = [value.part(1, j, j + 1) for j in range(n_columns)]
    for last in range(n_columns - 1, 0, -1):
        for j in range(last):
            one, other = columns[j], columns[j + 1]
            columns[j], columns[j + 1] = one.op("Min", other), one.op("Max", other)
    return join(columns, 1)


def _labels(classes: AnyArray) -> AnyArray:
    """Return class labels in a type that ONNX has: texts, bools, int64 or float64."""
    kind = classes.dtype.kind
    if kind in "iu":
        return classes.astype(np.int64)
    return classes.astype({"b": np.bool_, "f": np.float64}.get(kind, np.object_))
