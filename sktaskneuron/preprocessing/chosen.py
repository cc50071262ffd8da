"""Which columns of a table are categories."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sktaskneuron._typing import Mask
from sktaskneuron.preprocessing.columns import Table


def categorical_mask(categorical_features: ArrayLike | None, table: Table) -> Mask:
    """Find the categorical columns.

    Parameters
    ----------
    categorical_features : "from_dtype", None or array-like
        As `TableEncoder` takes it.
    table : Table

    Returns
    -------
    mask : ndarray of bool of shape (n_columns,)

    Raises
    ------
    ValueError
        If the parameter names no columns of the table.
    """
    n_columns = table.shape[1]
    mask = np.zeros(n_columns, dtype=bool)
    if categorical_features is None:
        return mask
    if isinstance(categorical_features, str):
        if categorical_features != "from_dtype":
            raise ValueError(
                "categorical_features must be 'from_dtype', None or a list of columns, "
                f"got {categorical_features!r}"
            )
        return np.asarray(
            [table.is_text(j) and table.time_kind(j) is None for j in range(n_columns)]
        )
    chosen = np.asarray(categorical_features)
    if chosen.size == 0:
        return mask
    if chosen.ndim != 1 or chosen.dtype.kind not in "biuUO":
        raise ValueError(
            "categorical_features must hold names, places or a mask of columns, "
            f"got {categorical_features!r}"
        )
    if chosen.dtype.kind == "b":
        if chosen.shape != mask.shape:
            raise ValueError(
                f"categorical_features is a mask of {len(chosen)} columns, X has {n_columns}"
            )
        return chosen
    if chosen.dtype.kind in "iu":
        if chosen.min() < 0 or chosen.max() >= n_columns:
            raise ValueError(
                f"categorical_features must lie in 0..{n_columns - 1}, got {chosen.tolist()}"
            )
        mask[chosen] = True
        return mask
    unknown = [name for name in chosen.tolist() if name not in table.names]
    if unknown:
        raise ValueError(f"categorical_features names columns that X lacks: {unknown}")
    return np.isin(np.asarray(table.names, dtype=object), chosen.astype(object))
