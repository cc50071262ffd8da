"""What the estimators of packed networks of typed neurons share: settings, recipe, value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator

from sktaskneuron._typing import AnyArray, IntArray, Matrix, TableLike
from sktaskneuron.estimators._common.checks import EncodedTable, check_target, network_range
from sktaskneuron.estimators._common.settings import NetworkSettings
from sktaskneuron.estimators.fitted import FittedPredictor
from sktaskneuron.models.networks import PackedModel
from sktaskneuron.models.predictor import Reader
from sktaskneuron.models.recipe import Recipe
from sktaskneuron.models.target import ClassTarget
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation
from sktaskneuron.preprocessing import SmoothClipScaler

# Of the scaled columns: a tighter one would bend what is smooth in columns of long tails.
_BOUND = 6.0
# Steps of an epoch and of a whole training that "auto" aims at, and the batches it allows.
_STEPS_PER_EPOCH, _STEPS = 40, 3_000
_SMALLEST_BATCH, _LARGEST_BATCH = 32, 256
_FEWEST_EPOCHS, _MOST_EPOCHS = 10, 100


def reader_of(table: EncodedTable) -> Reader:
    """Return how rows are read: on bounded scales, levels by the frequent ones alone."""
    scaler = SmoothClipScaler(_BOUND).fit(table.matrix, sample_weight=table.weight)
    return Reader(table.encoder, network_range(table), {"robust": scaler}, False)


def lengths(settings: NetworkSettings, n_rows: int) -> tuple[int, int]:
    """Return the epochs and the batch size for so many training rows."""
    batch_size = settings.batch_size
    if isinstance(batch_size, str):
        batch_size = min(max(n_rows // _STEPS_PER_EPOCH, _SMALLEST_BATCH), _LARGEST_BATCH)
    n_epochs = settings.max_epochs
    if isinstance(n_epochs, str):
        steps = -(-n_rows // int(batch_size))
        n_epochs = min(max(round(_STEPS / steps), _FEWEST_EPOCHS), _MOST_EPOCHS)
    return int(n_epochs), int(batch_size)


def recipe_of(
    settings: NetworkSettings, task: Task, validation: Validation, seed: int, bounded: bool = True
) -> Recipe:
    """Return how networks are built and trained.

    Raises
    ------
    ValueError
        If there are fewer networks than folds.
    """
    n_rows = min((len(train) for train, _ in validation.splits), default=len(task))
    n_epochs, batch_size = lengths(settings, n_rows)
    n_members = settings.n_members
    if isinstance(n_members, str):
        n_members = max(len(validation.splits), 2)
    if validation and int(n_members) < len(validation.splits):
        raise ValueError(
            f"n_members={n_members} is less than the {len(validation.splits)} folds that are "
            "held out; use a share of the rows as validation, as 0.15, or None"
        )
    rate = settings.learning_rate
    return Recipe(
        hidden_layer_sizes=settings.hidden_layer_sizes,
        n_members=int(n_members),
        n_epochs=n_epochs,
        batch_size=batch_size,
        learning_rate=None if isinstance(rate, str) else float(rate),
        seed=seed,
        bounded=bounded,
        **settings.plain_options(),
    )


@dataclass(frozen=True, eq=False)
class FittedNetworks(FittedPredictor):
    """Packed networks of typed neurons that predict: what an inspection asks for."""

    @property
    def packed(self) -> PackedModel | None:
        """The networks as a value; None after a search that trained none to predict."""
        model = self.predictor.model
        return model if isinstance(model, PackedModel) else None

    def network_inputs(self, X: TableLike, owner: BaseEstimator) -> Matrix:
        """Return what the networks of ``owner`` see of a table, (n_samples, n_columns)."""
        inputs = self.predictor.reader.read(X, owner)
        return inputs.block("robust", slice(None))

    def network_targets(self, name: str, y: AnyArray) -> Matrix | IntArray:
        """Return a target as the networks are trained on it.

        name : of the estimator, for messages.
        """
        target = self.predictor.target
        values = check_target(name, y, y, numeric=not target.classification)
        if isinstance(target, ClassTarget):
            return target.encoded(values)
        return np.asarray(target.encoded(values.reshape(-1, target.n_outputs)))
