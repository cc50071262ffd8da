"""The models a network must beat: a constant and the linear one."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from sktaskneuron._clock import IterationCheckpoints, checkpoint, seconds_left
from sktaskneuron._typing import IntArray, Matrix, RowNumbers, Vector
from sktaskneuron.models.candidate import Candidate
from sktaskneuron.models.fitted import LinearModel
from sktaskneuron.models.losses import columns_scale
from sktaskneuron.models.target import ClassTarget, many_classes_told
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation

_INVERSE_PENALTIES = (0.01, 0.1, 1.0, 10.0)
# Rows beyond which a linear model gains nothing: it is fitted to so many, drawn at random.
_MOST_ROWS = 30_000
# Log odds of a class that no row of a split's training part belongs to.
_UNSEEN = -20.0


def constant_candidate(task: Task, validation: Validation) -> Candidate:
    """Return the mean, or what has the least loss, or the shares of the classes."""
    outputs = validation.outputs(task, lambda rows: constant_model(task, rows))
    return Candidate("constant", constant_model(task, task.own_rows), outputs, simple=True)


def constant_model(task: Task, rows: RowNumbers) -> LinearModel:
    """Return what has the least loss on some rows, or the shares of their classes."""
    n_columns, weight = task.inputs.raw.shape[1], task.weight[rows]
    share = weight / weight.sum()
    if isinstance(task.kind, ClassTarget):
        shares = np.bincount(task.target[rows], weights=share, minlength=task.n_outputs)
        intercept = np.log(np.maximum(shares, np.exp(_UNSEEN)))
    else:
        intercept = task.kind.loss.constant(task.target[rows], weight)
    coef = np.zeros((n_columns, task.n_outputs))
    return LinearModel(np.zeros(n_columns), np.ones(n_columns), coef, intercept)


def linear_candidate(task: Task, validation: Validation) -> Candidate:
    """Fit ridge, or the loss's or the classes' own linear model with a penalty chosen held out."""

    def held_out(penalty: float) -> Matrix:
        return validation.outputs(task, lambda rows: _fit_linear(task, rows, penalty))

    def loss(outputs: Matrix) -> float:
        return float(validation.weight @ task.losses(outputs, validation.rows))

    kind = task.kind
    penalties = _INVERSE_PENALTIES if isinstance(kind, ClassTarget) else kind.loss.penalties
    tried = {penalty: held_out(penalty) for penalty in penalties}
    best = min(tried, key=lambda penalty: loss(tried[penalty]))
    return Candidate("linear", _fit_linear(task, task.own_rows, best), tried[best], simple=True)


def _some(rows: RowNumbers) -> RowNumbers:
    """Return at most ``_MOST_ROWS`` of the rows."""
    if len(rows) <= _MOST_ROWS:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, size=_MOST_ROWS, replace=False))


def _fit_linear(task: Task, rows: RowNumbers, penalty: float) -> LinearModel:
    checkpoint()
    if len(rows) == 1:
        return constant_model(task, rows)
    rows = _some(rows)
    raw, weight = task.inputs.raw[rows], task.weight[rows]
    center, scale = columns_scale(raw, weight)
    z = (raw - center) / scale
    if isinstance(task.kind, ClassTarget):
        coef, intercept = _logistic(z, task.target[rows], weight, penalty, task.n_outputs)
    else:
        coef, intercept = task.kind.loss.linear(z, task.target[rows], weight, penalty)
    return LinearModel(center, scale, coef, intercept)


def _logistic(
    z: Matrix, codes: IntArray, weight: Vector, C: float, n_classes: int
) -> tuple[Matrix, Vector]:
    """Return coefficients (n_columns, n_classes) and intercepts (n_classes,)."""
    coef = np.zeros((z.shape[1], n_classes))
    intercept = np.full(n_classes, _UNSEEN)
    present = np.unique(codes)
    if len(present) == 1:
        intercept[present] = 0.0
        return coef, intercept
    model = LogisticRegression(C=C, max_iter=200, tol=1e-3)
    if seconds_left() < np.inf:
        model.set_callbacks(IterationCheckpoints())
    with many_classes_told():
        model.fit(z, codes, sample_weight=weight)
    if len(present) == 2:
        coef[:, present[1]] = model.coef_[0]
        intercept[present] = 0.0, model.intercept_[0]
    else:
        coef[:, present] = model.coef_.T
        intercept[present] = model.intercept_
    return coef, intercept
