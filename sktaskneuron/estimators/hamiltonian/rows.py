"""The rows of one fit: states of a system with their rates, from tables or from orbits."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from sktaskneuron._typing import AnyArray, Matrix, Splits, TableLike, Vector
from sktaskneuron.dynamics import states_and_rates
from sktaskneuron.estimators._common.checks import check_target, count_weight, sized
from sktaskneuron.estimators._common.judges import drawn_splits, judges_given
from sktaskneuron.preprocessing.columns import read_table
from sktaskneuron.preprocessing.doubtful import warn_of_sentinels
from sktaskneuron.preprocessing.naming import in_name_of
from sktaskneuron.preprocessing.weighted import check_weight


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
    columns: Mapping[str, object]
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
    rows: tuple[ArrayLike, ArrayLike, ArrayLike | None, ArrayLike | None],
    validation: object,
    judges: tuple[ArrayLike | None, ArrayLike | None, ArrayLike | None],
) -> Motion:
    """Read the rows of a fit.

    Parameters
    ----------
    owner : estimator
        The one in fit; nothing is written on it.
    rows : tuple
        States, rates, weights and groups, as `as_rows` returns them.
    validation : object
        The parameter of the estimator.
    judges : tuple
        ``X_val``, ``y_val`` and ``sample_weight_val``.

    Raises
    ------
    ValueError, TypeError
        If one of these cannot be used.
    """
    X, y, sample_weight, groups = rows
    reader = copy(owner)
    with in_name_of(owner):
        motion, kept = _read(reader, X, y, sample_weight, "y", reset=True)
        splits = drawn_splits(validation, motion.rates, groups, kept)
        motion = replace(_taken(motion, kept), splits=splits)
    if not judges_given(owner, *judges):
        return motion
    with in_name_of(owner):
        X_val, y_val, weight_val, _ = as_rows(*judges)  # type: ignore[arg-type]
        other, kept = _read(reader, X_val, y_val, weight_val, "y_val", reset=False)
    return replace(motion, judges=_taken(other, kept))


def _read(
    reader: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    name: str,
    *,
    reset: bool,
) -> tuple[Motion, AnyArray]:
    """Return finite states and rates as they were given, and the rows of positive weight."""
    states = read_states(reader, X, reset=reset)
    columns = {
        key: value
        for key, value in vars(reader).items()
        if key in ("n_features_in_", "feature_names_in_")
    }
    rates = check_target(type(reader).__name__, X, y, numeric=True, flat=False)
    weight = count_weight(check_weight(sample_weight, states))
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
    return Motion(states, rates, weight, columns), np.flatnonzero(weight > 0)


def _taken(motion: Motion, rows: AnyArray) -> Motion:
    return replace(
        motion, states=motion.states[rows], rates=motion.rates[rows], weight=motion.weight[rows]
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
        return sized(states, "X", tuple(table.names))
