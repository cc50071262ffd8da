"""Fitted models of stage two as plain values: arrays, texts and numbers.

Nothing in them must be trusted to be loaded. Each maps a table to raw outputs: standardised targets
for regression, one logit per class for classification.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sktaskneuron.formula import FittedFormula

FloatArray = NDArray[np.float64]
State = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Inputs:
    """One table in the two forms that models read.

    raw : (n_rows, n_columns) in raw units; scaled : the same, centred, scaled and smoothly bounded.
    """

    raw: FloatArray
    scaled: FloatArray

    def take(self, rows: NDArray[np.intp]) -> Inputs:
        return Inputs(self.raw[rows], self.scaled[rows])

    def __len__(self) -> int:
        return len(self.raw)


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

    def predict_raw(self, inputs: Inputs) -> FloatArray:
        # one row at a time: a matrix product rounds differently for another number of rows
        z = (inputs.raw - self.center) / self.scale
        return np.stack([np.einsum("ij,j->i", z, c) for c in self.coef.T], axis=1) + self.intercept


@dataclass(frozen=True, eq=False)
class FormulaModel:
    """The searched equation itself, brought to the scale of the other models.

    shift, unit : (n_outputs,) of the standardised target; for classes 0 and 1.
    """

    fitted: FittedFormula
    shift: FloatArray
    unit: FloatArray
    classification: bool

    def predict_raw(self, inputs: Inputs) -> FloatArray:
        value = self.fitted.evaluate(inputs.raw)
        if self.classification:
            return class_logits(value)
        return np.asarray((value - self.shift) / self.unit)


@dataclass(frozen=True, eq=False)
class NetworkModel:
    """Networks of one shape, averaged: members trained on different rows.

    Parameters
    ----------
    spec : dict
        How to build one network.
    states : list of dict of str to ndarray
        Weights, per member.
    device, dtype : str
        Where and in which precision to predict.
    low, high : ndarray of shape (n_outputs,) or None
        Range of the training target, outside of which a regression does not go; None for classes.
    format : int
        Of this state.
    """

    spec: dict[str, Any]
    states: list[State]
    device: str
    dtype: str
    low: FloatArray | None = None
    high: FloatArray | None = None
    format: int = field(default=1)

    def predict_raw(self, inputs: Inputs) -> FloatArray:
        from sktaskneuron.nn import TaskNetwork
        from sktaskneuron.training import (
            arrays_to_module,
            predict_in_chunks,
            resolve_device,
            resolve_dtype,
        )

        device = resolve_device(self.device)
        dtype = resolve_dtype(self.dtype, device)
        network = TaskNetwork.from_spec(self.spec, device=device, dtype=dtype)
        outputs = []
        for state in self.states:
            arrays_to_module(network, state)
            output = predict_in_chunks(network, inputs.scaled)
            outputs.append(self._bounded(output))
        if self.low is not None:
            return np.asarray(np.mean(outputs, axis=0))
        # classes: the mean of the members' probabilities, as logits
        return np.asarray(
            np.log(np.maximum(np.mean([softmax(o) for o in outputs], axis=0), 1e-300))
        )

    def _bounded(self, output: FloatArray) -> FloatArray:
        if self.low is None or self.high is None:
            return output
        return np.clip(output, self.low, self.high)


def class_logits(value: FloatArray) -> FloatArray:
    """Return one logit per class from searched values: (n, 1) log odds, or (n, n_classes)."""
    if value.shape[1] == 1:
        return np.concatenate([np.zeros_like(value), value], axis=1)
    return value


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities in float64, rows summing to one."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
