"""The importances of columns that a fit leaves behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sktaskneuron._typing import Vector
from sktaskneuron.estimators._common.checks import EncodedTable
from sktaskneuron.models.fitted import NoModel
from sktaskneuron.models.importances import column_importances, drawn_rows
from sktaskneuron.models.predictor import Predictor

# Rows that are read: gradients are taken at a few hundred, shares of levels at all of them.
_MOST_ROWS = 20_000


def with_importances(fitted: Any, table: EncodedTable, device: str) -> Any:
    """Return what was fitted, which has a predictor, with the importances of its columns.

    They are taken on the training rows here, because what is fitted holds no rows.
    """
    if isinstance(fitted.predictor.model, NoModel):
        return fitted
    return replace(fitted, importances=importances_of(fitted.predictor, table, device))


def importances_of(predictor: Predictor, table: EncodedTable, device: str) -> Vector:
    """Return by how much predictions move with each column, (n_features_in,), on training rows."""
    reader, rows = predictor.reader, drawn_rows(len(table.matrix), _MOST_ROWS)
    matrix, codes, weight = table.matrix[rows], table.codes[rows], table.weight[rows]
    inputs = reader.inputs(np.clip(matrix, *reader.bounds), codes)
    return column_importances(predictor, inputs, weight, device)
