"""Fitted models of stage two as plain values: arrays, texts and numbers.

Nothing in them must be trusted to be loaded. Each maps a table to raw outputs: standardised targets
for regression, one logit per class for classification.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from sktaskneuron.formula import FittedExpression, FittedFormula, NeuronFormula
from sktaskneuron.preprocessing import quantile_edges

FloatArray = NDArray[np.float64]
State = dict[str, NDArray[Any]]
View = Literal["robust", "ranks"]

# Rows scaled at a time.
_ROWS = 8_192


@dataclass(frozen=True, eq=False)
class Inputs:
    """One table in the forms that models read.

    Parameters
    ----------
    raw : ndarray of shape (n_rows, n_columns)
        Raw units, numeric columns first.
    codes : ndarray of shape (n_rows, n_large)
        Codes of the levels of columns with many levels.
    scalers : dict of view to transformer
        From raw units to what networks see.
    n_numeric : int
        Number of numeric columns.
    n_levels : tuple of int
        Levels of each column of ``codes``.
    """

    raw: FloatArray
    codes: FloatArray
    scalers: Mapping[View, Any]
    n_numeric: int
    n_levels: tuple[int, ...] = ()

    def take(self, rows: NDArray[np.intp]) -> Inputs:
        """Return some rows."""
        return replace(self, raw=self.raw[rows], codes=self.codes[rows])

    def __len__(self) -> int:
        return len(self.raw)

    @property
    def n_columns(self) -> int:
        """Columns that networks see."""
        return self.raw.shape[1] + self.codes.shape[1]

    def block(self, view: View, part: slice) -> FloatArray:
        """Return some rows as networks see them: scaled columns, then codes."""
        scaled = self.scalers[view].transform(self.raw[part])
        if not self.codes.shape[1]:
            return np.asarray(scaled)
        return np.concatenate([scaled, self.codes[part]], axis=1)

    def edges(self, view: View, n_bins: int, weight: FloatArray) -> FloatArray:
        """Return the edges of bins of the numeric columns, (n_numeric, n_bins + 1)."""
        scaled = [
            self.block(view, slice(start, start + _ROWS))[:, : self.n_numeric]
            for start in range(0, len(self), _ROWS)
        ]
        return quantile_edges(np.concatenate(scaled), n_bins, weight)


class FittedModel(Protocol):
    """What prediction needs of a fitted model."""

    def predict_raw(self, inputs: Inputs) -> FloatArray:
        """Raw outputs, (n_rows, n_outputs)."""


@dataclass(frozen=True, eq=False)
class LinearModel:
    """outputs = (raw - center) / scale @ coef + intercept."""

    center: FloatArray
    scale: FloatArray
    coef: FloatArray
    intercept: FloatArray

    def as_formula(
        self, names: tuple[str, ...], shift: FloatArray | None, unit: FloatArray | None
    ) -> FittedFormula:
        """Return the same as an equation: of values, or of two classes the log odds.

        shift, unit : (n_outputs,) of the standardised target; None for classes.
        """
        coef, intercept, link = self.coef, self.intercept, "identity"
        if shift is not None and unit is not None:
            coef, intercept = coef * unit, intercept * unit + shift
        elif coef.shape[1] == 2:
            coef, intercept, link = np.diff(coef, axis=1), np.diff(intercept), "logit"
        else:
            link = "softmax"
        return FittedFormula(
            NeuronFormula(pure=("x",)),
            intercept,
            [coef],
            center=self.center,
            scale=self.scale,
            feature_names=names,
            link=link,
        )

    def predict_raw(self, inputs: Inputs) -> FloatArray:
        """Return raw outputs, (n_rows, n_outputs)."""
        # one row at a time: a matrix product rounds differently for another number of rows
        z = (inputs.raw - self.center) / self.scale
        return np.stack([np.einsum("ij,j->i", z, c) for c in self.coef.T], axis=1) + self.intercept


@dataclass(frozen=True, eq=False)
class FormulaModel:
    """An equation itself, brought to the scale of the other models.

    shift, unit : (n_outputs,) of the standardised target; for classes 0 and 1. Where the equation
    is not defined the mean stands in, and even odds.
    """

    fitted: FittedFormula | FittedExpression
    shift: FloatArray
    unit: FloatArray
    classification: bool

    def predict_raw(self, inputs: Inputs) -> FloatArray:
        """Return raw outputs, (n_rows, n_outputs)."""
        value = self.fitted.evaluate(inputs.raw)
        if self.classification:
            return class_logits(np.where(np.isfinite(value), value, 0.0))
        return np.where(np.isfinite(value), (value - self.shift) / self.unit, 0.0)


@dataclass(frozen=True, eq=False)
class NetworkModel:
    """Packed networks, whose outputs are averaged.

    Parameters
    ----------
    spec : dict
        How to build the packed module.
    state : dict of str to ndarray
        Its weights.
    view : {"robust", "ranks"}
        Scale of the columns that it sees.
    n_members : int
    device, dtype : str
        Where and in which precision to predict.
    low, high : ndarray of shape (n_outputs,) or None
        Range of the training target, outside of which a regression does not go; None for classes.
    format : int
        Of this state.
    """

    spec: dict[str, Any]
    state: State
    view: View
    n_members: int
    device: str
    dtype: str
    low: FloatArray | None = None
    high: FloatArray | None = None
    format: int = field(default=2)

    def on_device(self, device: str) -> NetworkModel:
        """Return the same model, to be evaluated elsewhere."""
        return replace(self, device=device)

    def predict_raw(self, inputs: Inputs) -> FloatArray:
        """Return raw outputs, (n_rows, n_outputs)."""
        from sktaskneuron.nn import TaskNetwork
        from sktaskneuron.training import (
            MeanOfMembers,
            arrays_to_module,
            predict_blocks,
            resolve_device,
            resolve_dtype,
        )

        device = resolve_device(self.device)
        dtype = resolve_dtype(self.dtype, device)
        network = TaskNetwork.from_spec(self.spec, device=device, dtype=dtype)
        arrays_to_module(network, self.state)
        bounds = None if self.low is None else (self.low, self.high)
        mean = MeanOfMembers(network, self.n_members, bounds)
        return predict_blocks(mean, len(inputs), lambda part: inputs.block(self.view, part))


@dataclass(frozen=True, eq=False)
class Blend:
    """A weighted sum of models' outputs.

    For classes the outputs are logits and the sum of the weights an inverse temperature.
    """

    models: tuple[FittedModel, ...]
    weights: FloatArray

    def on_device(self, device: str) -> Blend:
        """Return the same model, its networks to be evaluated elsewhere."""
        return replace(self, models=tuple(on_device(model, device) for model in self.models))

    def predict_raw(self, inputs: Inputs) -> FloatArray:
        """Return raw outputs, (n_rows, n_outputs)."""
        total = np.zeros(())
        for model, weight in zip(self.models, self.weights, strict=True):
            total = total + weight * model.predict_raw(inputs)
        return np.asarray(total)


def on_device(model: FittedModel, device: str) -> FittedModel:
    """Return the model, to be evaluated on a device if it is one that runs there."""
    return model.on_device(device) if isinstance(model, NetworkModel | Blend) else model


def class_logits(value: FloatArray) -> FloatArray:
    """Return one logit per class from searched values: (n, 1) log odds, or (n, n_classes)."""
    if value.shape[1] == 1:
        return np.concatenate([np.zeros_like(value), value], axis=1)
    return value


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities in float64, rows summing to one."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
