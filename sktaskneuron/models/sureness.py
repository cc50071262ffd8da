"""Probabilities of classes that few rows can bear out."""

from __future__ import annotations

import numpy as np

from sktaskneuron._typing import IntArray, Matrix, Vector
from sktaskneuron.models.fitted import FittedModel
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation
from sktaskneuron.models.weights import logit_weights

# Rows below which models of classes are no surer than the rows bear out. Networks of thirty epochs
# on half of nine rows are sure to .997; on tables of 6, 10, 16 and 25 rows (8 each) the log loss of
# new rows falls from 1.31, 1.01, .74 and .70 to .93, .87, .72 and .67.
_FEW = 30
# Rows that are added to those a model was fitted to, where none was held out: most of what it says
# of its own rows is memory. On seven tables of 6, 8, 10, 14 and 18 rows (4 draws each) log loss
# falls from .755, .735, .715, .751 and .728 to .718, .692, .673, .681 and .661.
_REMEMBERED = 8.0


def borne_out(
    task: Task, validation: Validation, model: FittedModel, outputs: Matrix | None
) -> float:
    """Return the factor, one at most, of the logits of a model that few rows bear out.

    Parameters
    ----------
    task : Task
    validation : Validation
    model : FittedModel
    outputs : ndarray of shape (n_held_out, n_outputs) or None
        Its raw outputs on held-out rows. Without any those on the rows that it was fitted to have
        to do, and the factor is smaller.

    Returns
    -------
    float
        One for values, and from 30 rows on.
    """
    if not task.classification or task.weight.sum() >= _FEW:
        return 1.0
    rows, share = validation.rows, 1.0
    if outputs is None:
        rows = task.own_rows
        outputs = model.predict_raw(task.inputs.take(rows))
        n_rows = float(task.weight[rows].sum())
        share = n_rows / (n_rows + _REMEMBERED)
    if not np.isfinite(outputs).all():
        return 1.0
    return share * sure_factor(outputs, task.target[rows], task.weight[rows])


def sure_factor(logits: Matrix, target: IntArray, weight: Vector) -> float:
    """Return the factor, one at most, of the least log loss where a row of each class is added.

    So n rows that are all right stand for a chance of (n + 1) / (n + k) among k classes. The inputs
    of the rows that are added are those of all others.

    Parameters
    ----------
    logits : ndarray of shape (n_rows, n_classes)
    target : ndarray of shape (n_rows,)
        Class codes.
    weight : ndarray of shape (n_rows,)
        Copies of each row.

    Returns
    -------
    float

    References
    ----------
    Platt, "Probabilistic outputs for support vector machines", 1999: the targets of his fit.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.models.sureness import sure_factor
    >>> logits = np.array([[9.0, 0.0], [9.0, 0.0], [0.0, 9.0], [0.0, 9.0]])
    >>> s = sure_factor(logits, np.array([0, 0, 1, 1]), np.ones(4))
    >>> round(9 * s, 3)  # right in four of four rows: log odds of log(5)
    1.609
    """
    n_rows, n_classes = logits.shape
    added = np.repeat(np.arange(n_classes), n_rows)
    share = np.tile(weight / weight.sum(), n_classes)
    rows = np.tile(logits, (n_classes + 1, 1))
    factor = logit_weights(
        rows[None], np.concatenate([target, added]), np.concatenate([weight, share])
    )
    return min(1.0, float(factor[0]))
