"""Fitted values of the estimators as programs, from the raw table to the answer."""

from __future__ import annotations

from collections.abc import Mapping

from sklearn.preprocessing import StandardScaler

from sktaskneuron._typing import Vector
from sktaskneuron.deploy.onnx.file import Program
from sktaskneuron.deploy.onnx.graph import Graph, Value
from sktaskneuron.deploy.onnx.models import (
    answers,
    equation_terms,
    is_finite,
    packed,
    raw_outputs,
    views_of,
)
from sktaskneuron.deploy.onnx.table import (
    Rows,
    about_columns,
    inputs_of,
    names_of,
    read_rows,
    scale,
)
from sktaskneuron.formula import FittedExpression, FittedFormula
from sktaskneuron.models.networks import PackedModel
from sktaskneuron.models.predictor import Predictor
from sktaskneuron.models.target import ClassTarget


def predictor_program(predictor: Predictor, *, one_tensor: bool) -> Program:
    """Return the way of a table to a prediction.

    Parameters
    ----------
    predictor : Predictor
    one_tensor : bool
        Whether all columns come in one input.
    """
    graph = Graph()
    rows = read_rows(graph, predictor.reader, views_of(predictor.model), one_tensor)
    return Program(graph, _predictions(predictor, rows), _about(predictor))


def terms_program(
    predictor: Predictor,
    equation: FittedFormula | FittedExpression,
    term_means: Vector,
    *,
    one_tensor: bool,
) -> Program:
    """Return the way of a table to the terms of an equation, and to what it predicts.

    Parameters
    ----------
    predictor : Predictor
        Of the equation.
    equation : FittedFormula or FittedExpression
    term_means : ndarray of shape (n_terms,)
        Where terms are not defined.
    one_tensor : bool
        Whether all columns come in one input.
    """
    graph = Graph()
    rows = read_rows(graph, predictor.reader, (), one_tensor)
    raw = rows.raw
    if equation.terms:
        values = equation_terms(equation, raw)
        values = is_finite(values).choose(values, term_means)
    else:
        values = raw.take([0], 1) * 0.0
    shape = (None, max(len(equation.terms), 1))
    outputs = {"transform": (values, shape)} | _predictions(predictor, rows)
    return Program(graph, outputs, _about(predictor))


def _predictions(
    predictor: Predictor, rows: Rows
) -> dict[str, tuple[Value, tuple[int | None, ...]]]:
    """Return answers of a predictor with their shapes, by the names of the methods."""
    target = predictor.target
    found = answers(target, raw_outputs(predictor.model, rows))
    wide: tuple[int | None, ...] = (None, target.n_outputs)
    shapes = {"predict": wide, "predict_proba": wide}
    if isinstance(target, ClassTarget) or target.single:
        shapes["predict"] = (None,)
    return {name: (value, shapes[name]) for name, value in found.items()}


def _about(predictor: Predictor) -> dict[str, object]:
    """Return what a graph says of the table and the classes."""
    about = about_columns(predictor.reader.encoder)
    if isinstance(predictor.target, ClassTarget):
        about["classes"] = predictor.target.classes.tolist()
    return about


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
