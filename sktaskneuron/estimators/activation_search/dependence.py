"""What held-out losses of candidates depend on: a checkpoint serves a fit of the same only."""

from __future__ import annotations

import hashlib
from importlib import import_module

import numpy as np

from sktaskneuron._typing import AnyArray
from sktaskneuron.models.comparison import Comparison
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation


def what_losses_depend_on(
    task: Task, validation: Validation, comparison: Comparison
) -> dict[str, object]:
    """Return everything that may change a held-out loss, as plain data.

    The keys are the names that users know: an error about a checkpoint of another fit names them.
    """
    recipe = comparison.recipe
    package = import_module("sktaskneuron")  # which imports this module
    return {
        "version of sktaskneuron": package.__version__,
        "table": _digest(task.inputs.raw, task.inputs.codes),
        "sample_weight": _digest(task.weight),
        "target": _digest(task.target),
        "random_state": recipe.seed,
        "choice of held-out rows": _digest(*(rows for pair in validation.splits for rows in pair)),
        "scale of the columns": "robust" if recipe.bounded else "linear",
        "hidden_layer_sizes": recipe.hidden_layer_sizes,
        "max_epochs": recipe.n_epochs,
        "batch_size": recipe.batch_size,
        "learning_rate": recipe.learning_rate,
        "weight_decay": recipe.weight_decay,
        "n_iter_no_change": recipe.patience,
        "device": comparison.device.type,
        "dtype": str(comparison.dtype),
    }


def _digest(*arrays: AnyArray) -> str:
    """Return a text that is another one for other arrays."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(repr((array.shape, array.dtype.str)).encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()
