"""Fitted models as plain values: arrays, texts and numbers.

Nothing in them must be trusted to be loaded, companions aside. Each maps a table to raw outputs:
standardised targets for regression, one logit per class for classification.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from sktaskneuron._typing import FloatArray, Matrix, Vector
from sktaskneuron.formula import FittedExpression, FittedFormula, NeuronFormula
from sktaskneuron.models.inputs import Inputs
from sktaskneuron.models.networks import PackedModel
from sktaskneuron.models.target import Target, ValueTarget


class FittedModel(Protocol):
    """What prediction needs of a fitted model."""

    def predict_raw(self, inputs: Inputs) -> Matrix:
        """Return raw outputs, (n_rows, n_outputs)."""

    def steps_raw(self, inputs: Inputs, low: Matrix, high: Matrix) -> FloatArray:
        """Return by how much raw outputs rise as each column alone goes from low to high.

        Exact, but for networks, where it is the gradient at the row times the step.

        Parameters
        ----------
        inputs : Inputs
        low, high : ndarray of shape (n_rows, n_columns)
            On both sides of each cell of ``inputs.raw``, close to it.

        Returns
        -------
        ndarray of shape (n_rows, n_outputs, n_columns)
        """


@dataclass(frozen=True, eq=False)
class LinearModel:
    """outputs = (raw - center) / scale @ coef + intercept."""

    center: Vector
    scale: Vector
    coef: Matrix
    intercept: Vector

    def as_formula(self, names: tuple[str, ...], target: Target) -> FittedFormula:
        """Return the same as an equation: of values, or of classes the log odds."""
        coef, intercept, link = self.coef, self.intercept, "identity"
        if isinstance(target, ValueTarget):
            coef, intercept = coef * target.unit, intercept * target.unit + target.shift
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

    def predict_raw(self, inputs: Inputs) -> Matrix:
        """Return raw outputs, (n_rows, n_outputs)."""
        # one row at a time: a matrix product rounds differently for another number of rows
        z = (inputs.raw - self.center) / self.scale
        return np.stack([np.einsum("ij,j->i", z, c) for c in self.coef.T], axis=1) + self.intercept

    def steps_raw(self, inputs: Inputs, low: Matrix, high: Matrix) -> FloatArray:
        """Return the rises of raw outputs, (n_rows, n_outputs, n_columns)."""
        return np.asarray(((high - low) / self.scale)[:, None, :] * self.coef.T)


@dataclass(frozen=True, eq=False)
class FormulaModel:
    """An equation itself, brought to the scale of the other models.

    Parameters
    ----------
    fitted : FittedFormula or FittedExpression
    target : ValueTarget or ClassTarget
    """

    fitted: FittedFormula | FittedExpression
    target: Target

    def predict_raw(self, inputs: Inputs) -> Matrix:
        """Return raw outputs, (n_rows, n_outputs)."""
        return self.target.of_equation(self.fitted.evaluate(inputs.raw))

    def steps_raw(self, inputs: Inputs, low: Matrix, high: Matrix) -> FloatArray:
        """Return the rises of raw outputs, (n_rows, n_outputs, n_columns); 0 at an edge."""
        at = inputs.raw.copy()
        rises = np.zeros((len(at), self.target.n_outputs, at.shape[1]))
        for column in self.fitted.used_features.tolist():
            own = at[:, column].copy()
            ends = []
            for end in (high, low):
                at[:, column] = end[:, column]
                ends.append(self.fitted.evaluate(at))
            at[:, column] = own
            defined = np.isfinite(ends[0]) & np.isfinite(ends[1])
            top, bottom = (self.target.of_equation(np.where(defined, v, 0.0)) for v in ends)
            rises[:, :, column] = top - bottom
        return rises


@dataclass(frozen=True, eq=False)
class Blend:
    """A weighted sum of models' outputs.

    For classes the outputs are logits and the sum of the weights an inverse temperature.

    Parameters
    ----------
    models : tuple of FittedModel
    weights : ndarray of shape (n_models,)
    names : tuple of str
        Of the candidates that the models are; empty where they are the parts of one candidate.
    """

    models: tuple[FittedModel, ...]
    weights: Vector
    names: tuple[str, ...]

    def on_device(self, device: str) -> Blend:
        """Return the same model, its networks to be evaluated elsewhere."""
        return replace(self, models=tuple(on_device(model, device) for model in self.models))

    def predict_raw(self, inputs: Inputs) -> Matrix:
        """Return raw outputs, (n_rows, n_outputs)."""
        total = np.zeros(())
        for model, weight in zip(self.models, self.weights, strict=True):
            total = total + weight * model.predict_raw(inputs)
        return np.asarray(total)

    def steps_raw(self, inputs: Inputs, low: Matrix, high: Matrix) -> FloatArray:
        """Return the rises of raw outputs, (n_rows, n_outputs, n_columns)."""
        total = np.zeros(())
        for model, weight in zip(self.models, self.weights, strict=True):
            if weight:
                total = total + weight * model.steps_raw(inputs, low, high)
        return np.asarray(total)


@dataclass(frozen=True)
class NoModel:
    """Stands where nothing predicts, and says why."""

    reason: str

    def predict_raw(self, inputs: Inputs) -> Matrix:
        """Raise AttributeError."""
        raise AttributeError(self.reason)

    def steps_raw(self, inputs: Inputs, low: Matrix, high: Matrix) -> FloatArray:
        """Raise AttributeError."""
        raise AttributeError(self.reason)


def on_device(model: FittedModel, device: str) -> FittedModel:
    """Return the model, to be evaluated on a device if it is one that runs there."""
    return model.on_device(device) if isinstance(model, PackedModel | Blend) else model


def outputs_of_members(model: FittedModel, inputs: Inputs) -> FloatArray:
    """Return raw outputs of a model's members, (n_members, n_rows, n_outputs).

    Where models of other numbers of members are blended, those of the largest number are told
    apart; a model that is no pack is one member.
    """
    if isinstance(model, PackedModel):
        return model.members_raw(inputs)
    if not isinstance(model, Blend):
        return model.predict_raw(inputs)[None]
    parts = [outputs_of_members(part, inputs) for part in model.models]
    most = max(map(len, parts))
    total = np.zeros(())
    for part, weight in zip(parts, model.weights, strict=True):
        total = total + weight * (part if len(part) == most else part.mean(axis=0, keepdims=True))
    return np.asarray(total)
