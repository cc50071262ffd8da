"""Fitted values of the estimators as programs, from the raw table to the answer."""

from __future__ import annotations

from collections.abc import Mapping

from sklearn.preprocessing import StandardScaler

from sktaskneuron._typing import Vector
from sktaskneuron.deploy.onnx.file import Program
from sktaskneuron.deploy.onnx.graph import Graph
from sktaskneuron.deploy.onnx.models import (
    answers,
    equation_terms,
    is_finite,
    packed,
    raw_outputs,
    views_of,
)
from sktaskneuron.deploy.onnx.table import about_columns, inputs_of, names_of, read_rows, scale
from sktaskneuron.formula import FittedExpression, FittedFormula
from sktaskneuron.models.networks import PackedModel
from sktaskneuron.models.predictor import Predictor, Reader
from sktaskneuron.models.target import ClassTarget


def predictor_program(predictor: Predictor, *, one_tensor: bool) -> Program:
    """Return the way of a table to a prediction.

    Parameters
    ----------
    predictor : Predictor
    one_tensor : bool
        Whether all columns come in one input.
    """
    graph, target = Graph(), predictor.target
    rows = read_rows(graph, predictor.reader, views_of(predictor.model), one_tensor)
    found = answers(target, raw_outputs(predictor.model, rows))
    about = about_columns(predictor.reader.encoder)
    wide: tuple[int | None, ...] = (None, target.n_outputs)
    shapes = {"predict": wide, "predict_proba": wide}
    if isinstance(target, ClassTarget):
        about["classes"] = target.classes.tolist()
    if isinstance(target, ClassTarget) or target.single:
        shapes["predict"] = (None,)
    return Program(graph, {name: (value, shapes[name]) for name, value in found.items()}, about)


def terms_program(
    reader: Reader,
    equation: FittedFormula | FittedExpression,
    term_means: Vector,
    *,
    one_tensor: bool,
) -> Program:
    """Return the way of a table to the terms of an equation.

    Parameters
    ----------
    reader : Reader
    equation : FittedFormula or FittedExpression
    term_means : ndarray of shape (n_terms,)
        Where terms are not defined.
    one_tensor : bool
        Whether all columns come in one input.
    """
    graph = Graph()
    raw = read_rows(graph, reader, (), one_tensor).raw
    if equation.terms:
        values = equation_terms(equation, raw)
        values = is_finite(values).choose(values, term_means)
    else:
        values = raw.take([0], 1) * 0.0
    shape = (None, max(len(equation.terms), 1))
    about = about_columns(reader.encoder)
    return Program(graph, {"transform": (values, shape)}, about)


def field_program(
    model: PackedModel,
    scaler: StandardScaler,
    units: Vector,
    columns: Mapping[str, object],
    *,
    one_tensor: bool,
) -> Program:
    """Return the way of states to their rates.

    Parameters
    ----------
    model : PackedModel
    scaler : StandardScaler
        Of the states.
    units : ndarray of shape (n_columns,)
        Of the rates.
    columns : dict of str to object
        Number and names of the columns, as estimators show them.
    one_tensor : bool
        Whether all columns come in one input.
    """
    graph, names = Graph(), names_of(columns)
    states = inputs_of(graph, names, (), one_tensor)(range(len(names)))
    rates = packed(model, scale(states, scaler), None) * units
    return Program(graph, {"predict": (rates, (None, len(units)))}, {"feature_names": names})
