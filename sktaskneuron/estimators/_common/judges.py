"""Rows that judge, where the user says which: rows given apart, or the splits of a splitter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.model_selection import check_cv

from sktaskneuron._typing import AnyArray, RowNumbers, Splits, TableLike, TargetLike, Vector
from sktaskneuron.estimators._common.checks import EncodedTable, JudgeRows, check_target
from sktaskneuron.estimators._common.settings import TrainingSettings
from sktaskneuron.models.predictor import Reader
from sktaskneuron.models.target import Target
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import held_out, make_splits
from sktaskneuron.preprocessing import TableEncoder
from sktaskneuron.preprocessing.columns import read_table
from sktaskneuron.preprocessing.doubtful import warn_of_copies
from sktaskneuron.preprocessing.naming import in_name_of
from sktaskneuron.preprocessing.weighted import check_weight


def held_out_splits(settings: TrainingSettings, task: Task, seed: int) -> Splits:
    """Return (training, held-out) rows as the parameter ``validation`` asks for.

    Raises
    ------
    ValueError
        In the name of the estimator, if the rows are too few for it.
    """
    if task.splits is None:
        warn_of_copies(task.copy_groups, settings.estimator_name)
    with in_name_of(settings.estimator_name):
        return make_splits(task, held_out(settings.validation, len(task)), seed)


def with_splits(
    table: EncodedTable, validation: object, y: AnyArray, groups: ArrayLike | None
) -> EncodedTable:
    """Return the table with the splits that `drawn_splits` finds, if it finds any."""
    splits = drawn_splits(validation, y, groups, table.rows)
    return table if splits is None else replace(table, splits=splits)


def drawn_splits(
    validation: object, y: AnyArray, groups: ArrayLike | None, rows: RowNumbers
) -> Splits | None:
    """Draw the splits of a splitter of scikit-learn, or take a list of them, if one was given.

    Parameters
    ----------
    validation : object
        The parameter of the estimator.
    y : ndarray of n_samples rows
    groups : array-like of shape (n_samples,) or None
    rows : ndarray of int
        Those of positive weight.

    Returns
    -------
    splits : list of (training rows, held-out rows) or None
        Places among ``rows``.

    Raises
    ------
    ValueError
        If a split has no rows to train on or to hold out.
    """
    if not (hasattr(validation, "get_n_splits") or isinstance(validation, list)):
        return None
    drawn: Iterable[tuple[Any, Any]] = check_cv(validation).split(np.zeros((len(y), 1)), y, groups)
    # places among the rows of positive weight
    place = np.full(len(y), -1, dtype=np.intp)
    place[rows] = np.arange(len(rows))
    splits: list[tuple[RowNumbers, RowNumbers]] = []
    for pair in drawn:
        train, held = (place[np.asarray(part)] for part in pair)
        splits.append((train[train >= 0], held[held >= 0]))
    if not splits or min(min(len(train), len(held)) for train, held in splits) == 0:
        raise ValueError(
            f"validation={validation!r} leaves no rows of positive weight to train on or to hold "
            f"out in one of its {len(splits)} splits"
        )
    return splits


def judges_given(
    owner: BaseEstimator,
    X: TableLike | None,
    y: TargetLike | None,
    sample_weight: ArrayLike | None,
) -> bool:
    """Tell whether rows were given to judge by.

    Raises
    ------
    ValueError
        If one of ``X_val`` and ``y_val`` is missing.
    """
    if X is None and y is None and sample_weight is None:
        return False
    if X is None or y is None:
        raise ValueError(f"{type(owner).__name__}.fit needs X_val and y_val together, or neither")
    return True


def with_judges(
    table: EncodedTable,
    owner: BaseEstimator,
    given: tuple[TableLike | None, TargetLike | None, ArrayLike | None],
    encode: Callable[[AnyArray, Vector], tuple[AnyArray, Vector]],
    *,
    numeric: bool,
) -> EncodedTable:
    """Read the rows that were given to judge by, if there are any.

    Parameters
    ----------
    table : EncodedTable
    owner : estimator
        The one in fit, for messages.
    given : tuple
        ``X_val``, ``y_val`` and ``sample_weight_val``.
    encode : callable
        Makes of checked targets and weights what models are fitted to, and the weights.
    numeric : bool
        Whether the target is numbers.

    Raises
    ------
    ValueError
        If one of ``X_val`` and ``y_val`` is missing, or their rows cannot be used.
    """
    X, y, sample_weight = given
    if not judges_given(owner, X, y, sample_weight):
        return table
    assert X is not None
    assert y is not None
    target = check_target(type(owner).__name__, X, y, numeric=numeric)
    with in_name_of("sample_weight_val"):
        weight = check_weight(sample_weight, target)
    with in_name_of(owner):
        if isinstance(table.encoder, TableEncoder):
            n_columns = read_table(X, owner).shape[1]
            if n_columns != table.encoder.n_features_in_:
                raise ValueError(
                    f"X_val has {n_columns} columns, but X has {table.encoder.n_features_in_}"
                )
        matrix, codes = table.encoder.transform_with_codes(X)
    kept = weight > 0
    encoded, weight = encode(target[kept], weight[kept])
    return replace(table, judges=JudgeRows(matrix[kept], codes[kept], encoded, weight))


def task_of(reader: Reader, table: EncodedTable, encoded: AnyArray, target: Target) -> Task:
    """Bind rows, target and weights; rows that only judge stand behind the others."""
    inputs, judges = reader.inputs(table.matrix, table.codes), table.judges
    if judges is None:
        return Task(inputs, encoded, table.weight, target, table.splits)
    own, n = np.arange(len(table.matrix)), len(judges.matrix)
    inputs = reader.inputs(
        np.concatenate([table.matrix, np.clip(judges.matrix, *reader.bounds_to_learn)]),
        np.concatenate([table.codes, judges.codes]),
    )
    return Task(
        inputs,
        np.concatenate([encoded, judges.target]),
        np.concatenate([table.weight, judges.weight]),
        target,
        [(own, len(own) + np.arange(n))],
        len(own),
    )
