"""Every public estimator, in settings that are short but go through all its parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import expit, softmax

import sktaskneuron as sn

from .draft import Truth

Array = np.ndarray

SEARCH = {"n_resamples": 2}
# Nodes that hold the laws in any units: where they do not, chance decides which part is left out.
NODES = 20
COLUMNS = {"method": "sr", "scope": "columns", "max_complexity": NODES, "max_steps": 3}
NETWORK = {
    "hidden_layer_sizes": (16,),
    "max_epochs": 30,
    "n_members": 2,
    "validation": 2,
    "random_state": 0,
}
GIVEN = {**NETWORK, "activations": ["sin", "tanh"]}
LEARNED = {**NETWORK, "activations": None, "outer_steps": 2, "inner_steps": 4}
SEARCHED = {**NETWORK, "candidates": ["silu", "tanh"]}
#: A network by itself has nothing that speaks against a column. One that counts the rows goes on
#: beyond the table in new ones: there it need be no worse than a linear model that has it too.
COUNTED = ("running_number",)
#: An equation of raw columns that stand a million spreads from zero is not asked for yet.
OFFSETS = ("offset",)


@dataclass(frozen=True)
class Model:
    """An estimator under a name, the task it is for, and how often it is drawn.

    On the kinds named as `weak` the constant is enough, on those named as `as_given` what a linear
    model makes of the hostile table.
    """

    name: str
    task: str
    make: Callable[[], Any]
    share: int = 2
    weak: tuple[str, ...] = ()
    as_given: tuple[str, ...] = ()


def both(
    name: str, make: Callable[[], Any], share: int = 2, weak: tuple[str, ...] = ()
) -> list[Model]:
    return [Model(f"{name}, {task}", task, make, share, weak) for task in ("numbers", "classes")]


def networks(*models: Model) -> list[Model]:
    return [replace(model, as_given=COUNTED) for model in models]


MODELS = [
    *both("search td", lambda: sn.NeuronFormulaSearch(**SEARCH), 3),
    *both("search sr", lambda: sn.NeuronFormulaSearch("sr", n_resamples=0)),
    *both("search columns", lambda: sn.NeuronFormulaSearch(**COLUMNS), 3, OFFSETS),
    Model(
        "search gates",
        "numbers",
        lambda: sn.NeuronFormulaSearch(engine="gates", max_steps=10, n_resamples=0),
        1,
    ),
    Model("seek regressor", "numbers", lambda: sn.NeuronSeekRegressor(**NETWORK), 4),
    Model("seek classifier", "classes", lambda: sn.NeuronSeekClassifier(**NETWORK), 4),
    Model(
        "seek regressor, readable",
        "numbers",
        lambda: sn.NeuronSeekRegressor(readable=NODES, **NETWORK),
        1,
    ),
    Model(
        "seek classifier, readable",
        "classes",
        lambda: sn.NeuronSeekClassifier(readable=NODES, **NETWORK),
        1,
    ),
    Model("seek regressor, default", "numbers", lambda: sn.NeuronSeekRegressor(random_state=0), 1),
    Model(
        "seek classifier, default", "classes", lambda: sn.NeuronSeekClassifier(random_state=0), 1
    ),
    *networks(
        Model("diversity regressor", "numbers", lambda: sn.LearnedDiversityMLPRegressor(**GIVEN)),
        Model("diversity classifier", "classes", lambda: sn.LearnedDiversityMLPClassifier(**GIVEN)),
        Model(
            "diversity regressor, learned",
            "numbers",
            lambda: sn.LearnedDiversityMLPRegressor(**LEARNED),
            1,
        ),
        Model(
            "diversity classifier, learned",
            "classes",
            lambda: sn.LearnedDiversityMLPClassifier(**LEARNED),
            1,
        ),
        Model("activation regressor", "numbers", lambda: sn.ActivationSearchRegressor(**SEARCHED)),
        Model(
            "activation classifier", "classes", lambda: sn.ActivationSearchClassifier(**SEARCHED)
        ),
        Model(
            "activation regressor, tail",
            "numbers",
            lambda: sn.ActivationSearchRegressor(split="tail", **SEARCHED),
            1,
        ),
        Model("hamiltonian", "states", lambda: sn.HamiltonianMLPRegressor(**GIVEN)),
        Model("hamiltonian, learned", "states", lambda: sn.HamiltonianMLPRegressor(**LEARNED), 1),
    ),
]


def outputs(fitted: Any, X: Any) -> Array:
    """Predict numbers (n_rows, n_outputs) or probabilities; a search does by its equation."""
    if hasattr(fitted, "predict_proba"):
        return fitted.predict_proba(X)
    if hasattr(fitted, "predict"):
        return np.asarray(fitted.predict(X)).reshape(len(X), -1)
    return linked(
        fitted.to_numpy()(fitted.encoder_.transform(X)), len(X), fitted.fitted_formula_.link
    )


def linked(values: Array, n_rows: int, link: str | None) -> Array:
    """Turn an equation's log odds to probabilities; numbers stay."""
    values = np.asarray(values, dtype=float).reshape(n_rows, -1)
    if link not in ("logit", "softmax"):
        return values
    if values.shape[1] == 1:
        values = expit(values)
        return np.hstack([1 - values, values])
    return softmax(values, axis=1)


def aligned(values: Array, classes: Any, truth: Truth) -> Array:
    """Order a model's probabilities as those of the truth; a class that it lacks has 0."""
    found = {label(name): place for place, name in enumerate(classes)}
    return np.stack(
        [values[:, found[c]] if c in found else np.zeros(len(values)) for c in truth.classes],
        axis=1,
    )


def label(name: Any) -> str:
    """Write a class as the truth does: whole numbers may come back as floats."""
    return str(int(name) if isinstance(name, float) and name.is_integer() else name)
