"""What all estimators of packed multilayer networks share: input, recipe, prediction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sktaskneuron.estimators._common.checks import EncodedTable, FloatArray, column_range, read_rows
from sktaskneuron.models.comparison import DiverseRecipe
from sktaskneuron.models.fitted import Inputs
from sktaskneuron.models.networks import DiverseModel
from sktaskneuron.models.validation import Task, Validation
from sktaskneuron.preprocessing import SmoothClipScaler, TableEncoder

# Of the scaled columns: a tighter one would bend what is smooth in columns of long tails.
_BOUND = 6.0
# Steps of an epoch and of a whole training that "auto" aims at, and the batches it allows.
_STEPS_PER_EPOCH, _STEPS = 40, 3_000
_SMALLEST_BATCH, _LARGEST_BATCH = 32, 256
_FEWEST_EPOCHS, _MOST_EPOCHS = 10, 100


class TypedNetworks(CallbackSupportMixin, BaseEstimator, ABC):
    """Mixin: packed networks behind fit and predict."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "max_epochs": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "n_members": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "validation": [
            None,
            StrOptions({"auto"}),
            Interval(Integral, 2, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
        ],
        "n_iter_no_change": [None, Interval(Integral, 1, None, closed="left")],
        "device": [str],
        "dtype": [StrOptions({"float32", "float64"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    _hamiltonian: ClassVar[bool] = False
    # whether values are cut to the range of the training target
    _bounded: bool = True

    hidden_layer_sizes: Any
    learning_rate: Any
    weight_decay: Any
    max_epochs: Any
    batch_size: Any
    n_members: Any
    validation: Any
    n_iter_no_change: Any
    categorical_features: Any
    device: str
    dtype: str
    encoder_: TableEncoder
    scaler_: Any
    _model: DiverseModel
    _bounds: FloatArray

    def _layer_sizes(self) -> tuple[int, ...]:
        listed: list[Any] = list(np.atleast_1d(np.asarray(self.hidden_layer_sizes, dtype=object)))
        if not listed or not all(isinstance(s, Integral) and int(s) >= 1 for s in listed):
            raise ValueError(
                "hidden_layer_sizes must be positive whole numbers, at least one, got "
                f"{self.hidden_layer_sizes!r}"
            )
        return tuple(int(size) for size in listed)

    def _prepare(self, table: EncodedTable, encoder: TableEncoder) -> Inputs:
        self.encoder_ = encoder
        self._bounds = column_range(table)
        self.scaler_ = SmoothClipScaler(_BOUND).fit(table.matrix, sample_weight=table.weight)
        return self._inputs(table.matrix)

    def _inputs(self, matrix: FloatArray) -> Inputs:
        # columns of many levels are read by their frequent levels
        codes = np.empty((len(matrix), 0))
        return Inputs(matrix, codes, {"robust": self.scaler_}, matrix.shape[1])

    def _recipe(self, task: Task, validation: Validation, seed: int) -> DiverseRecipe:
        n_rows = min((len(train) for train, _ in validation.splits), default=len(task))
        lengths = self._lengths(n_rows)
        n_members = self.n_members
        if isinstance(n_members, str):
            n_members = max(len(validation.splits), 2)
        if validation and int(n_members) < len(validation.splits):
            raise ValueError(
                f"n_members={n_members} is less than the {len(validation.splits)} folds that are "
                "held out; use a share of the rows as validation, as 0.15, or None"
            )
        rate = None if isinstance(self.learning_rate, str) else float(self.learning_rate)
        return DiverseRecipe(
            self._layer_sizes(),
            int(n_members),
            lengths["n_epochs"],
            lengths["batch_size"],
            rate,
            float(self.weight_decay),
            self.n_iter_no_change,
            self._hamiltonian,
            self._bounded,
            self.device,
            self.dtype,
            seed,
        )

    def _lengths(self, n_rows: int) -> dict[str, int]:
        """Return batch size and epochs for so many training rows."""
        batch_size = self.batch_size
        if isinstance(batch_size, str):
            batch_size = min(max(n_rows // _STEPS_PER_EPOCH, _SMALLEST_BATCH), _LARGEST_BATCH)
        n_epochs = self.max_epochs
        if isinstance(n_epochs, str):
            steps = -(-n_rows // int(batch_size))
            n_epochs = min(max(round(_STEPS / steps), _FEWEST_EPOCHS), _MOST_EPOCHS)
        return {"batch_size": int(batch_size), "n_epochs": int(n_epochs)}

    @abstractmethod
    def _held_out_score(self, task: Task, validation: Validation, outputs: FloatArray) -> float:
        """Return R2 or accuracy of raw outputs on the held-out rows."""

    # -- prediction -------------------------------------------------------------------------------

    def _raw(self, X: Any) -> FloatArray:
        check_is_fitted(self, "_model")
        return self._model.on_device(self.device).predict_raw(self._inputs(self._read(X)))

    def _read(self, X: Any) -> FloatArray:
        """Return new rows as numbers in raw units: (n_samples, n_columns)."""
        return read_rows(self, self.encoder_, self._bounds, X)

    def _network_inputs(self, X: Any) -> FloatArray:
        """Return what the networks see of a table: (n_samples, n_columns)."""
        check_is_fitted(self, "_model")
        return np.asarray(self.scaler_.transform(self._read(X)))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = self.categorical_features is not None
        return tags
