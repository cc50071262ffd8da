"""The importances of columns that a fit leaves behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sktaskneuron.estimators._common.checks import EncodedTable
from sktaskneuron.models.fitted import NoModel
from sktaskneuron.models.importances import column_importances


def with_importances(fitted: Any, table: EncodedTable, device: str) -> Any:
    """Return what was fitted, which has a predictor, with the importances of its columns.

    They are taken on the training rows here, because what is fitted holds no rows.
    """
    predictor = fitted.predictor
    if isinstance(predictor.model, NoModel):
        return fitted
    reader = predictor.reader
    inputs = reader.inputs(np.clip(table.matrix, *reader.bounds), table.codes)
    found = column_importances(predictor, inputs, table.weight, device)
    return replace(fitted, importances=found)
