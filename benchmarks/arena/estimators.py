"""From AutoGluon's words to an estimator; knows nothing of AutoGluon itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor

ESTIMATORS: dict[str, type[NeuronSeekRegressor] | type[NeuronSeekClassifier]] = {
    "regression": NeuronSeekRegressor,
    "binary": NeuronSeekClassifier,
    "multiclass": NeuronSeekClassifier,
}
#: Losses by the metric that a regression is judged by; other metrics ask for the mean.
LOSSES = {"mean_absolute_error": "absolute_error", "median_absolute_error": "absolute_error"}
#: Share of the seconds that are given; the rest is for saving and the first prediction.
SHARE = 0.95


def estimator_of(
    problem_type: str,
    metric: str,
    options: Mapping[str, Any],
    device: str = "cpu",
    seconds: float | None = None,
) -> NeuronSeekRegressor | NeuronSeekClassifier:
    """Return an unfitted estimator.

    Parameters
    ----------
    problem_type : {"regression", "binary", "multiclass"}
        In AutoGluon's words.
    metric : str
        Name of the metric that stops training.
    options : mapping
        Parameters of the estimator; they have the last word.
    device : str, default="cpu"
    seconds : float, default=None
        What is left of the time limit.

    Raises
    ------
    ValueError
        If there is no estimator for such a problem.
    """
    if problem_type not in ESTIMATORS:
        known = ", ".join(ESTIMATORS)
        raise ValueError(f"problems of type {problem_type!r} are not solved here; one of {known}")
    found: dict[str, Any] = {"device": device}
    if problem_type == "regression" and metric in LOSSES:
        found["loss"] = LOSSES[metric]
    if seconds is not None:
        found["time_limit"] = max(SHARE * seconds, 1.0)
    return ESTIMATORS[problem_type](**(found | dict(options)))
