"""Rows outside the bulk of a table, for validation where the model has to extrapolate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.covariance import LedoitWolf

from sktaskneuron._typing import Matrix, RowNumbers, Vector


def tail_split(
    inputs: Matrix, names: Sequence[str], by: str | int, share: float
) -> tuple[RowNumbers, RowNumbers]:
    """Return the rows of the bulk, and those of the tail.

    Parameters
    ----------
    inputs : ndarray of shape (n_rows, n_columns)
        Scaled columns.
    names : sequence of str
        Of the columns.
    by : {"radius", "component"}, str or int
        What puts a row into the tail: a large Mahalanobis distance from the mean, an extreme first
        principal component, or a large value of the column of that name or number.
    share : float
        Of the rows in the tail.

    Raises
    ------
    ValueError
        If there is no such column, or fewer than two rows.
    """
    if len(inputs) < 2:
        raise ValueError(
            "split='tail' needs a row to train on and one to hold out, got n_samples = "
            f"{len(inputs)} of positive weight; use split='cv'"
        )
    score = _score(inputs, list(names), by)
    n_tail = min(max(1, round(share * len(inputs))), len(inputs) - 1)
    order = np.argsort(score, kind="stable")
    return np.sort(order[:-n_tail]), np.sort(order[-n_tail:])


def _score(inputs: Matrix, names: list[str], by: str | int) -> Vector:
    if isinstance(by, str) and by in names:
        return inputs[:, names.index(by)]
    if by == "radius":
        # shrunk: columns may be nearly collinear
        return np.asarray(LedoitWolf().fit(inputs).mahalanobis(inputs))
    if by == "component":
        centred = inputs - inputs.mean(axis=0)
        direction = np.linalg.svd(centred, full_matrices=False)[2][0]
        return np.abs(centred @ direction)
    if isinstance(by, int | np.integer) and 0 <= by < len(names):
        return inputs[:, int(by)]
    raise ValueError(
        f"tail_by must be 'radius', 'component', or the name or number of a column, got {by!r}; "
        f"columns are {', '.join(names[:20])}"
    )
