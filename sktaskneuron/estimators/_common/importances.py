"""The importances of columns that a fit leaves behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sktaskneuron._typing import Vector
from sktaskneuron.estimators._common.checks import EncodedTable
from sktaskneuron.models.fitted import NoModel
from sktaskneuron.models.importances import column_importances
from sktaskneuron.models.predictor import Predictor


def with_importances(fitted: Any, table: EncodedTable, device: str) -> Any:
    """Return what was fitted, which has a predictor, with the importances of its columns.

    They are taken on the training rows here, because what is fitted holds no rows.
    """
    if isinstance(fitted.predictor.model, NoModel):
        return fitted
    return replace(fitted, importances=importances_of(fitted.predictor, table, device))


def importances_of(predictor: Predictor, table: EncodedTable, device: str) -> Vector:
    """Return by how much predictions move with each column, (n_features_in,), on training rows."""
    reader = predictor.reader
    inputs = reader.inputs(np.clip(table.matrix, *reader.bounds), table.codes)
    return column_importances(predictor, inputs, table.weight, device)
