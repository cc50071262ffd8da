"""The rows of one fit: states of a system with their rates, from tables or from orbits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from sktaskneuron._typing import Matrix, Splits, TableLike, Vector
from sktaskneuron.dynamics import states_and_rates
from sktaskneuron.estimators._common.checks import count_weight, refuse_tiny, sized
from sktaskneuron.estimators._common.judges import drawn_splits, judges_given
from sktaskneuron.preprocessing.columns import read_table
from sktaskneuron.preprocessing.doubtful import warn_of_sentinels
from sktaskneuron.preprocessing.naming import in_name_of
from sktaskneuron.preprocessing.weighted import check_weight

#: Number and names of the columns, as estimators show them.
Columns: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, eq=False)
class Motion:
    """States of positive weight.

    Parameters
    ----------
    states, rates : ndarray of shape (n_rows, n_columns)
    weight : ndarray of shape (n_rows,)
        As counts of rows.
    columns : dict of str to object
        Number and names of the columns, as estimators show them.
    splits : sequence of (training rows, held-out rows) or None
        How rows are to be held out; None leaves it to the estimator.
    judges : Motion or None
        Rows that only judge.
    """

    states: Matrix
    rates: Matrix
    weight: Vector
    columns: Columns
    splits: Splits | None = None
    judges: Motion | None = None


def as_rows(
    X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, groups: ArrayLike | None = None
) -> tuple[ArrayLike, ArrayLike, ArrayLike | None, ArrayLike | None]:
    """Turn orbits, if that is what X holds, into rows; each orbit is a group unless told otherwise.

    Raises
    ------
    ValueError
        If times, weights or groups do not fit the orbits.
    """
    if not (isinstance(X, list | tuple | np.ndarray) and np.ndim(X) == 3):
        return X, y, sample_weight, groups
    n_orbits, n_times = np.shape(X)[:2]
    own = np.arange(n_orbits) if groups is None else np.asarray(groups)
    if own.shape != (n_orbits,):
        raise ValueError(f"{n_orbits} orbits need as many groups, got {own.shape}")
    return *states_and_rates(X, y, sample_weight), np.repeat(own, n_times)


def read_motion(
    owner: BaseEstimator,
    check: Callable[[ArrayLike, ArrayLike, Columns | None], tuple[Matrix, Matrix, Columns]],
    rows: tuple[ArrayLike, ArrayLike, ArrayLike | None, ArrayLike | None],
    judges: tuple[ArrayLike | None, ArrayLike | None, ArrayLike | None],
    validation: object,
) -> Motion:
    """Read the rows of a fit.

    Parameters
    ----------
    owner : estimator
        The one in fit, for messages.
    check : callable
        Reads states and rates, and number and names of their columns, which may be known.
    rows : tuple
        States, rates, weights and groups, as `as_rows` returns them.
    judges : tuple
        ``X_val``, ``y_val`` and ``sample_weight_val``.
    validation : object
        The parameter of the estimator.

    Raises
    ------
    ValueError, TypeError
        If one of these cannot be used.
    """
    X, y, sample_weight, groups = rows
    with in_name_of(owner):
        states, rates, columns = check(X, y, None)
        weight = count_weight(check_weight(sample_weight, states))
        _check_shapes(states, rates, "y")
        kept = np.flatnonzero(weight > 0)
        splits = drawn_splits(validation, rates, groups, kept)
    motion = Motion(states[kept], rates[kept], weight[kept], columns, splits)
    if not judges_given(owner, *judges):
        return motion
    with in_name_of(owner):
        X, y, sample_weight, _ = as_rows(*judges)  # type: ignore[arg-type]
        states, rates, _ = check(X, y, columns)
        weight = count_weight(check_weight(sample_weight, states))
        _check_shapes(states, rates, "y_val")
    kept = np.flatnonzero(weight > 0)
    return replace(motion, judges=Motion(states[kept], rates[kept], weight[kept], columns))


def _check_shapes(states: Matrix, rates: Matrix, name: str) -> None:
    if states.shape[1] % 2:
        raise ValueError(
            f"X holds coordinates and momenta [q, p], an even number of columns, got "
            f"n_features = {states.shape[1]}"
        )
    if rates.shape != states.shape:
        raise ValueError(
            f"{name} holds the derivative of every column of X, so its shape is {states.shape}, "
            f"got {rates.shape}"
        )


def read_states(owner: BaseEstimator, X: TableLike, *, reset: bool = False) -> Matrix:
    """Read states without gaps.

    Parameters
    ----------
    owner : estimator
        It checks number and names of the columns, and messages name it.
    X : table of shape (n_rows, n_columns)
    reset : bool
        Whether number and names of the columns are written on ``owner``, for later checks.

    Returns
    -------
    states : ndarray of shape (n_rows, n_columns)
        A new array.
    """
    with in_name_of(owner):
        table = read_table(X, owner)
        validate_data(owner, X, reset=reset, skip_check_array=True)
        states = np.array(table.numbers(range(table.shape[1])))
        for column in np.flatnonzero(np.isnan(states).any(axis=0)).tolist():
            raise ValueError(
                f"Input X contains NaN in column {table.names[column]!r}: a state has no gaps, "
                "leave these rows out"
            )
        if reset:
            warn_of_sentinels(states, table.names, owner)
            # of a state that counts as zero no law is left
            refuse_tiny(states, "X", tuple(table.names))
        return sized(states, "X", tuple(table.names))
