"""Does every public estimator still give the same answers, to the last bit?

    python benchmarks/same_answers.py --write before.npz      # at one commit
    python benchmarks/same_answers.py --write after.npz       # at another
    python benchmarks/same_answers.py --compare before.npz after.npz

Every public estimator is fitted on three tables: numbers, numbers with categories and gaps, and
classes. Predictions, equations, exports and the fitted attributes that are numbers or texts are
written down and compared exactly; the exit status is 1 if any differs. Only public names are used.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes, load_wine

import sktaskneuron as sn
from sktaskneuron.exceptions import FormulaError

Table = tuple[Any, Any, Any]

METHODS = ("predict", "predict_proba", "transform", "energy", "get_feature_names_out")
EXPORTS = (
    "to_sympy",
    "to_latex",
    "to_python",
    "to_c",
    "to_sql",
    "to_excel",
    "to_json",
)
ATTRIBUTES = (
    "formula_",
    "fitted_formula_",
    "readable_formula_",
    "readable_report_",
    "selected_",
    "weights_",
    "validation_scores_",
    "oof_score_",
    "formula_gain_",
    "selection_frequency_",
    "term_gain_",
    "criterion_",
    "caps_",
    "n_iter_",
    "history_",
    "activations_",
    "activation_report_",
    "best_activation_",
    "predicting_",
    "best_score_",
    "results_",
    "classes_",
    "n_features_in_",
)


def numbers() -> Table:
    X, y = load_diabetes(return_X_y=True)
    return X, y, np.linspace(0.5, 1.5, len(y))


def mixed() -> Table:
    rng = np.random.default_rng(0)
    n = 400
    frame = pd.DataFrame(
        {
            "age": rng.uniform(20, 80, n).round(),
            "income": np.exp(rng.normal(8, 1, n)),
            "height": rng.normal(170, 10, n),
            "town": rng.choice(["north", "south", "east"], n, p=[0.5, 0.3, 0.2]),
            "member": rng.random(n) < 0.4,
        }
    )
    y = 0.01 * (frame["age"] - 50) ** 2 + np.log(frame["income"]) * (1 + frame["member"])
    y = y + np.where(frame["town"] == "east", 2.0, 0.0) + 0.1 * rng.normal(size=n)
    frame.loc[rng.choice(n, 40, replace=False), "height"] = np.nan
    frame.loc[rng.choice(n, 30, replace=False), "town"] = None
    return frame, y.to_numpy(), None


def classes() -> Table:
    X, y = load_wine(return_X_y=True)
    return X[:, :6], np.array(["barolo", "grignolino", "barbera"])[y], None


def states() -> Table:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(300, 2))
    return X, np.stack([X[:, 1], -np.sin(2 * X[:, 0])], axis=1), None


def two_classes() -> Table:
    frame, y, _ = mixed()
    return frame, y > np.median(y), None


def regressors() -> dict[str, Any]:
    short = {"max_epochs": 8, "random_state": 0}
    return {
        "neuron_seek": sn.NeuronSeekRegressor(**short),
        "neuron_seek, sr, readable": sn.NeuronSeekRegressor("sr", readable=True, **short),
        "neuron_seek, alone": sn.NeuronSeekRegressor(
            compare_simple=False, term_evidence=True, validation=3, **short
        ),
        "neuron_seek, given": sn.NeuronSeekRegressor(
            "x + x**2 + <x,x>:2", activation=["sin", "relu"], validation=None, **short
        ),
        "formula_search": sn.NeuronFormulaSearch(n_resamples=2),
        "formula_search, gates": sn.NeuronFormulaSearch(engine="gates", max_steps=50),
        "formula_search, sr": sn.NeuronFormulaSearch("sr", n_resamples=2),
        "formula_search, columns": sn.NeuronFormulaSearch("sr", scope="columns", max_steps=3),
        "diversity": sn.LearnedDiversityMLPRegressor(
            (16,), outer_steps=4, inner_steps=10, max_epochs=6, random_state=0
        ),
        "activation_search": sn.ActivationSearchRegressor((16,), max_epochs=6, random_state=0),
        "activation_search, tail": sn.ActivationSearchRegressor(
            (16,), split="tail", candidates=["silu", "square"], max_epochs=6, random_state=0
        ),
    }


def classifiers() -> dict[str, Any]:
    short = {"max_epochs": 8, "random_state": 0}
    return {
        "neuron_seek": sn.NeuronSeekClassifier(**short),
        "neuron_seek, balanced": sn.NeuronSeekClassifier(
            "sr", class_weight="balanced", readable=12, **short
        ),
        "neuron_seek, alone": sn.NeuronSeekClassifier(
            "x + <x,x>:2", compare_simple=False, dtype="float64", **short
        ),
        "formula_search": sn.NeuronFormulaSearch(n_resamples=0),
        "diversity": sn.LearnedDiversityMLPClassifier(
            (16,), outer_steps=4, inner_steps=10, max_epochs=6, random_state=0
        ),
        "activation_search": sn.ActivationSearchClassifier(
            (16,),
            strategy="surrogate",
            candidates="catalogue",
            n_evaluations=20,
            max_epochs=4,
            random_state=0,
        ),
        "activation_search, evolve": sn.ActivationSearchClassifier(
            (16,), strategy="evolve", n_evaluations=16, max_epochs=4, random_state=0
        ),
    }


def hamiltonians() -> dict[str, Any]:
    return {
        "hamiltonian": sn.HamiltonianMLPRegressor((16,), max_epochs=10, random_state=0),
        "hamiltonian, learned": sn.HamiltonianMLPRegressor(
            (16,), activations=None, outer_steps=3, inner_steps=6, max_epochs=6, random_state=0
        ),
    }


#: Tables by name, with the estimators that are fitted on each.
CASES: dict[str, tuple[Callable[[], Table], Callable[[], dict[str, Any]]]] = {
    "numbers": (numbers, regressors),
    "mixed": (mixed, regressors),
    "classes": (classes, classifiers),
    "two classes": (two_classes, classifiers),
    "states": (states, hamiltonians),
}


def answers(estimator: Any, X: Any) -> Iterator[tuple[str, Any]]:
    """Every answer of a fitted estimator by its name: an array, or a text."""
    for name in METHODS:
        if hasattr(estimator, name):
            yield (
                name,
                getattr(estimator, name)(X)
                if name[:3] != "get"
                else text_of(getattr(estimator, name)()),
            )
    for name in ATTRIBUTES:
        if hasattr(estimator, name):
            yield name, text_of(getattr(estimator, name))
    for name in EXPORTS:
        if hasattr(estimator, name):
            try:
                yield name, text_of(getattr(estimator, name)())
            except (AttributeError, FormulaError, ValueError) as error:
                yield name, f"{type(error).__name__}: {error}"


def text_of(value: Any) -> str:
    """Write a value with all its digits."""
    with np.printoptions(threshold=sys.maxsize, floatmode="unique"):
        return value if isinstance(value, str) else repr(value)


def collect(wanted: str) -> dict[str, np.ndarray]:
    """Fit every case whose name contains the text, and write its answers down."""
    found: dict[str, np.ndarray] = {}
    for table, (draw, estimators) in CASES.items():
        X, y, weight = draw()
        for name, estimator in estimators().items():
            label = f"{table} / {name}"
            if wanted not in label:
                continue
            print(label, flush=True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                estimator.fit(X, y) if weight is None else estimator.fit(X, y, sample_weight=weight)
                for what, value in answers(estimator, X):
                    array = np.asarray(json.dumps(value) if isinstance(value, str) else value)
                    found[f"{label} / {what}"] = array.astype("U") if array.dtype == "O" else array
    return found


def compare(before: str, after: str) -> int:
    """Print every answer that differs; return how many do."""
    old, new = np.load(before), np.load(after)
    differing = 0
    for key in sorted({*old.files, *new.files}):
        if key not in old.files or key not in new.files:
            print(f"only in {after if key not in old.files else before}: {key}")
            differing += 1
        elif not np.array_equal(old[key], new[key], equal_nan=old[key].dtype.kind == "f"):
            differing += 1
            size = ""
            if old[key].dtype.kind == "f" and old[key].shape == new[key].shape:
                size = f", largest difference {np.abs(old[key] - new[key]).max():.3g}"
            print(f"differs: {key}{size}")
    print(f"{len(old.files)} answers, {differing} differ")
    return differing


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", help="file of the answers")
    parser.add_argument("--compare", nargs=2, help="two such files")
    parser.add_argument("--only", default="", help="cases whose name contains this text")
    arguments = parser.parse_args()
    if arguments.compare:
        return int(compare(*arguments.compare) > 0)
    found = collect(arguments.only)
    if arguments.write:
        np.savez_compressed(arguments.write, **found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
