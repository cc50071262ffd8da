"""Estimators of scikit-learn as candidates of a blend, trained on the folds of the others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.utils.validation import has_fit_parameter

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import AnyArray, FloatArray, Matrix, RowNumbers
from sktaskneuron.models.candidate import Candidate
from sktaskneuron.models.fitted import FittedModel
from sktaskneuron.models.inputs import Inputs
from sktaskneuron.models.losses import Deviance, Huber, Loss, Quantiles
from sktaskneuron.models.simple import constant_model
from sktaskneuron.models.target import ClassTarget, Target, ValueTarget
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation
from sktaskneuron.preprocessing.ordinal import OrdinalColumns

#: The companion that is asked for by its name alone.
BOOSTED_TREES = "boosted_trees"
# A mean of zero has no logarithm: what is predicted below this share of the target's mean.
_LEAST_SHARE = 1e-6
# Trees have no slope: theirs is taken over a stretch that is so many times as long.
_WIDER = 5.0

#: An estimator that is not fitted, or the name of one that is made for the target.
Companion: TypeAlias = BaseEstimator | str


@dataclass(frozen=True, eq=False)
class CompanionModel:
    """Fitted estimators of scikit-learn, brought to the scale of the other models.

    Parameters
    ----------
    name : str
    estimators : tuple of estimator
        One that gives all outputs, or one for each.
    target : ValueTarget or ClassTarget
    least : float
        Probabilities below are taken for this: no model knows them from so few rows.
    columns : OrdinalColumns or None
        What it reads; None: the encoded columns.
    """

    name: str
    estimators: tuple[Any, ...]
    target: Target
    least: float
    columns: OrdinalColumns | None = None

    def predict_raw(self, inputs: Inputs) -> Matrix:
        """Return raw outputs, (n_rows, n_outputs)."""
        X = _seen(inputs, self.columns)
        if isinstance(self.target, ClassTarget):
            return self._logits(X)
        found = [e.predict(X).reshape(len(X), -1) for e in self.estimators]
        return self._standardised(np.concatenate(found, axis=1).astype(np.float64))

    def steps_raw(self, inputs: Inputs, low: Matrix, high: Matrix) -> FloatArray:
        """Return the mean rises of raw outputs over a wider step, (n_rows, n_outputs, n_columns).

        Trees are flat but for their edges: over a short step few rows would tell of any.
        """
        raw = inputs.raw.copy()
        at = replace(inputs, raw=raw)
        rises = np.zeros((len(raw), self.target.n_outputs, raw.shape[1]))
        for column in np.flatnonzero((low != high).any(axis=0)).tolist():
            own = raw[:, column].copy()
            ends = []
            for end in (high, low):
                raw[:, column] = own + _WIDER * (end[:, column] - own)
                ends.append(self.predict_raw(at))
            raw[:, column] = own
            rises[:, :, column] = (ends[0] - ends[1]) / _WIDER
        return rises

    def _logits(self, X: Matrix) -> Matrix:
        (estimator,) = self.estimators
        assert isinstance(self.target, ClassTarget)
        probability = np.zeros((len(X), self.target.n_outputs))
        places = np.searchsorted(self.target.classes, estimator.classes_)
        probability[:, places] = estimator.predict_proba(X)
        return np.log(np.maximum(probability, self.least))

    def _standardised(self, values: Matrix) -> Matrix:
        assert isinstance(self.target, ValueTarget)
        if self.target.logarithmic:
            return np.log(np.maximum(values / self.target.unit, _LEAST_SHARE))
        return self.target.encoded(values)


def _seen(inputs: Inputs, columns: OrdinalColumns | None) -> Matrix:
    return inputs.raw if columns is None else columns(inputs.raw, inputs.codes)


def companion_candidate(
    name: str,
    companion: Companion,
    task: Task,
    validation: Validation,
    columns: OrdinalColumns,
    seed: int,
) -> Candidate:
    """Fit an estimator on every split's training rows, and on all.

    Ends the block of `within` around it where the fits that are left would take longer than that
    has: an estimator cannot be stopped within its own fit.

    Parameters
    ----------
    name : str
    companion : estimator or "boosted_trees"
    task : Task
    validation : Validation
        With rows.
    columns : OrdinalColumns
        What "boosted_trees" reads.
    seed : int
        Of estimators whose ``random_state`` is None.

    Raises
    ------
    TypeError
        If rows have weights and the estimator takes none.
    """
    trees = isinstance(companion, str)
    fitting = _Fitting(name, companion, task, columns if trees else None, seed)
    parts = [train for train, _ in validation.splits]
    if task.n_own is None:  # else the one split's training rows are all
        parts.append(task.own_rows)
    held = [held for _, held in validation.splits]
    try:
        models = _fitted(fitting, parts)
        pairs = zip(models, held, strict=False)
        outputs = [model.predict_raw(task.inputs.take(rows)) for model, rows in pairs]
    except (TypeError, ValueError) as error:
        error.add_note(f"This came of the companion {name!r}.")
        raise
    return Candidate(name, models[-1], validation.merged(outputs, held))


def _fitted(fitting: _Fitting, parts: Sequence[RowNumbers]) -> list[FittedModel]:
    """Fit to each part of the rows, as long as there is time for all that are left."""
    models: list[FittedModel] = []
    longest = 0.0
    for rows in parts:
        checkpoint((len(parts) - len(models)) * longest)
        start = time.perf_counter()
        models.append(fitting.on_rows(rows))
        longest = max(longest, time.perf_counter() - start)
    return models


@dataclass(frozen=True, eq=False)
class _Fitting:
    """How one companion is fitted; parameters as of `companion_candidate`."""

    name: str
    companion: Companion
    task: Task
    columns: OrdinalColumns | None
    seed: int

    def on_rows(self, rows: RowNumbers) -> FittedModel:
        """Fit to some of the rows."""
        task, kind = self.task, self.task.kind
        X, target = _seen(task.inputs.take(rows), self.columns), task.target[rows]
        targets: Sequence[AnyArray]
        if isinstance(kind, ClassTarget):
            if len(np.unique(target)) < 2:
                return constant_model(task, rows)
            targets = [kind.classes[target]]
        else:
            values = kind.searched(target)
            if kind.n_outputs == 1:
                targets = [values[:, 0]]
            elif self.columns is None:
                targets = [values]
            else:  # trees have one output: a target, or a level of the one target
                targets = list(np.broadcast_to(values, (len(rows), kind.n_outputs)).T)
        fitted = tuple(self._fit(X, y, rows, output) for output, y in enumerate(targets))
        return CompanionModel(self.name, fitted, kind, 1.0 / len(rows), self.columns)

    def _fit(self, X: Matrix, y: AnyArray, rows: RowNumbers, output: int) -> BaseEstimator:
        weight = self.task.weight[rows]
        estimator = self._estimator(output)
        options = {}
        if (weight != 1.0).any():
            if not has_fit_parameter(estimator, "sample_weight"):
                raise TypeError(
                    f"the rows have weights, and fit of the companion {self.name!r}, a "
                    f"{type(estimator).__name__}, takes no sample_weight; leave it out, or give "
                    "neither sample_weight nor class_weight"
                )
            options["sample_weight"] = weight
        return estimator.fit(X, y, **options)

    def _estimator(self, output: int) -> BaseEstimator:
        if not isinstance(self.companion, str):
            return _seeded(clone(self.companion), self.seed)
        assert self.columns is not None
        options = {"categorical_features": self.columns.categorical, "random_state": self.seed}
        if self.task.classification:
            return HistGradientBoostingClassifier(**options)
        assert isinstance(self.task.kind, ValueTarget)
        return HistGradientBoostingRegressor(**_tree_loss(self.task.kind.loss, output), **options)


def _tree_loss(loss: Loss, output: int) -> dict[str, object]:
    """Return the options of trees that are fitted by a loss, or by the nearest that they have."""
    match loss:
        case Quantiles(name="quantile"):
            return {"loss": "quantile", "quantile": loss.levels[output % len(loss.levels)]}
        case Quantiles() | Huber():  # of gross errors the median is the nearest
            return {"loss": "absolute_error"}
        case Deviance(name="gamma"):
            return {"loss": "gamma"}
        case Deviance():  # of amounts with many zeros the mean of counts is
            return {"loss": "poisson"}
    return {"loss": "squared_error"}


def _seeded(estimator: BaseEstimator, seed: int) -> BaseEstimator:
    """Give a seed to every ``random_state`` that is None, so that the same fit comes out again."""
    unset = {
        name: seed
        for name, value in estimator.get_params().items()
        if value is None and name.split("__")[-1] == "random_state"
    }
    return estimator.set_params(**unset)
