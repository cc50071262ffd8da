"""Fit three tables with default settings and put the test scores beside scikit-learn's.

Prints, for each table, the neuron's formula, the searched equation on the raw columns (of the log
odds, if the target is a class), what predicts (a blend or one model, chosen on held-out rows), and
the score on a test part that no model has seen.

    python examples/quickstart.py
"""

import os

# one thread a process: on small tables more would only wait for one another
os.environ.setdefault("OMP_NUM_THREADS", "1")

import textwrap
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from joblib import Parallel, delayed, effective_n_jobs
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor
from sktaskneuron.datasets import load_airfoil

# With pandas the equations carry the names of the columns, without it x0, x1, ...
FRAMES = find_spec("pandas") is not None
WIDTH = 96
LONGEST_EQUATION = 260

TABLES: dict[str, tuple[bool, Callable[..., Any], dict[str, Any]]] = {
    "diabetes": (False, load_diabetes, {"scaled": False}),
    "airfoil": (False, load_airfoil, {}),
    "breast cancer": (True, load_breast_cancer, {}),
}


def regressors() -> dict[str, Any]:
    mlp = make_pipeline(StandardScaler(), MLPRegressor(random_state=0))
    return {
        "NeuronSeek": NeuronSeekRegressor(random_state=0),
        "ridge": make_pipeline(StandardScaler(), RidgeCV()),
        "MLP": TransformedTargetRegressor(mlp, transformer=StandardScaler()),
        "HistGradientBoosting": HistGradientBoostingRegressor(random_state=0),
    }


def classifiers() -> dict[str, Any]:
    return {
        "NeuronSeek": NeuronSeekClassifier(random_state=0),
        "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
        "MLP": make_pipeline(StandardScaler(), MLPClassifier(random_state=0)),
        "HistGradientBoosting": HistGradientBoostingClassifier(random_state=0),
    }


def wrapped(label: str, text: str) -> str:
    text = textwrap.shorten(text, LONGEST_EQUATION, placeholder=" ...")
    return textwrap.fill(text, WIDTH, initial_indent=f"{label:12s}", subsequent_indent=" " * 12)


def describe(model: Any) -> list[str]:
    fitted = model.fitted_formula_
    forms = [fitted.to_text(digits=3, form=form) for form in ("auto", "factored")]
    scores = ", ".join(f"{name} {score:.3f}" for name, score in model.validation_scores_.items())
    return [
        wrapped("formula", str(model.formula_)),
        wrapped("equation", min(forms, key=len)),
        wrapped("selected", f"{model.selected_} (held out: {scores})"),
    ]


def fit_table(name: str) -> str:
    """Fit all models on one table; return what there is to say."""
    classes, load, options = TABLES[name]
    X, y = load(return_X_y=True, as_frame=FRAMES, **options)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, random_state=0, stratify=y if classes else None
    )
    head = [f"{name}: {X.shape[0]} rows, {X.shape[1]} columns"]
    lines = [f"test {'accuracy' if classes else 'R2'}, seconds to fit"]
    for label, model in (classifiers() if classes else regressors()).items():
        began = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the MLP's 200 epochs
            model.fit(X_train, y_train)
        seconds = time.perf_counter() - began
        lines.append(f"    {label:22s}{model.score(X_test, y_test):8.3f}{seconds:10.1f} s")
        if label == "NeuronSeek":
            head += describe(model)
    return "\n".join([*head, *lines])


def main() -> None:
    start = time.perf_counter()
    parallel = Parallel(n_jobs=min(2, effective_n_jobs(-1)), return_as="generator")
    for text in parallel(delayed(fit_table)(name) for name in TABLES):
        print(f"\n{text}", flush=True)
    print(f"\n{time.perf_counter() - start:.0f} s in all")


if __name__ == "__main__":
    main()
