"""The model class that AutoGluon fits, saves, loads and blends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from autogluon.tabular.models.abstract.abstract_torch_model import AbstractTorchModel

from arena.estimators import estimator_of

if TYPE_CHECKING:
    import pandas as pd


class NeuronSeekModel(AbstractTorchModel):
    """Networks of task-driven neurons, whose formula is found on the table.

    The rows of `X_val` choose epochs, models and weights, and nothing is fitted to them. Without
    such rows, as in a refit on all of them, folds of the training rows are held out. Categories and
    gaps are read as they are. A hyperparameter is a parameter of `NeuronSeekRegressor` or
    `NeuronSeekClassifier`.

    Paper: NeuronSeek, arXiv 2506.15715. License: BSD-3-Clause.
    """

    ag_key = "NEURONSEEK"
    ag_name = "NeuronSeek"
    ag_priority = 65
    seed_name = "random_state"
    _supported_problem_types = ["binary", "multiclass", "regression"]  # noqa: RUF012
    default_resources_physical_cores_only = True

    def _fit(
        self,
        X: pd.DataFrame,
        y: pd.Series,
        X_val: pd.DataFrame | None = None,
        y_val: pd.Series | None = None,
        sample_weight: pd.Series | None = None,
        sample_weight_val: pd.Series | None = None,
        time_limit: float | None = None,
        num_cpus: int = 1,
        num_gpus: float = 0,
        **kwargs: Any,
    ) -> None:
        start = time.monotonic()
        import torch

        torch.set_num_threads(int(num_cpus))
        device = self._resolve_fit_device(num_gpus=num_gpus)
        X = self.preprocess(X, y=y, is_train=True)
        judges = {}
        if X_val is not None:
            judges = {"X_val": self.preprocess(X_val), "y_val": y_val}
            judges["sample_weight_val"] = sample_weight_val
        left = None if time_limit is None else time_limit - (time.monotonic() - start)
        metric = self.stopping_metric.name
        options = self._get_model_params()
        model = estimator_of(self.problem_type, metric, options, device, left)
        self.model = model.fit(X, y, sample_weight, **judges)

    def get_device(self) -> str:
        return str(self.model.device)

    def _set_device(self, device: str) -> None:
        self.model.set_params(device=device)

    def _get_default_stopping_metric(self) -> Any:
        return self.eval_metric

    @classmethod
    def _class_tags(cls) -> dict[str, bool]:
        return {"reset_torch_threads": True}

    def _more_tags(self) -> dict[str, bool]:
        return {"can_refit_full": True}
