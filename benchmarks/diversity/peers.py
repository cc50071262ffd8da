"""What learned_diversity.py sets beside single networks: scikit-learn's, and our estimator."""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from common.report import say
from common.rows import Store
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sktaskneuron import LearnedDiversityMLPRegressor

from .problems import Problem
from .run import Run
from .training import Training


def add_mlp(
    run: Run, problem: Problem, store: Store, grid: dict[str, list[Any]], training: Training
) -> None:
    """Tune MLPClassifier or MLPRegressor on validation rows, and add its rows."""
    name = "MLPClassifier" if problem.classification else "MLPRegressor"
    missing = store.missing(run.seeds, set=name)
    if not missing:
        return
    combinations = [dict(zip(grid, v, strict=True)) for v in itertools.product(*grid.values())]
    if run.quick:
        combinations = combinations[:2]
    scored = [fit_mlp(problem, options, training, 10_000)[:2] for options in combinations]
    best = combinations[int(np.argmin([loss for loss, _ in scored]))]
    for seed in missing:
        loss, epoch, model, seconds = fit_mlp(problem, best, training, seed)
        predicted = model.predict((problem.X_test - problem.mean) / problem.scale)
        if problem.classification:
            found = {"accuracy": np.mean(predicted == problem.y_test), "participation": np.nan}
        else:
            target = (problem.y_test - problem.offset) / problem.gain
            found = {"mse": np.square(predicted - target).mean()}
        store.add(
            set=name,
            seed=seed,
            rate=best["learning_rate_init"],
            epoch=epoch,
            validation=loss,
            seconds=seconds,
            learning=0.0,
            note=f"{best['activation']}, alpha {best['alpha']:g}",
            **found,
        )
    say(f"{problem.name} {name}: {best}")


def fit_mlp(
    problem: Problem, options: dict[str, Any], training: Training, seed: int
) -> tuple[float, int, Any, float]:
    """Train one network, epoch by epoch; returns validation loss, epoch, model, CPU seconds."""
    kind = MLPClassifier if problem.classification else MLPRegressor
    X, y = problem.table.X.numpy(), problem.table.y.numpy()
    n = problem.n_train
    model = kind(
        hidden_layer_sizes=(training.width,),
        batch_size=training.batch_size,
        random_state=seed,
        **options,
    )
    best: tuple[float, int, Any] = (np.inf, 0, None)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for epoch in range(1, training.n_epochs + 1):
            classes = {"classes": np.unique(y)} if problem.classification and epoch == 1 else {}
            model.partial_fit(X[:n], y[:n], **classes)
            predicted = model.predict(X[n:])
            wrong = predicted != y[n:] if problem.classification else (predicted - y[n:]) ** 2
            loss = float(np.mean(wrong))
            if loss < best[0]:
                weights = [[w.copy() for w in part] for part in (model.coefs_, model.intercepts_)]
                best = (loss, epoch, weights)
    seconds = time.process_time() - start
    model.coefs_, model.intercepts_ = best[2]
    return best[0], best[1], model, seconds


def mlp_note(store: Store, seeds: Sequence[int], name: str) -> str:
    return str(store.of(seeds, set=name)[0]["note"])


def add_estimator(run: Run, problem: Problem, store: Store, seeds: Sequence[int]) -> None:
    """What LearnedDiversityMLPRegressor chooses by itself, on training and validation rows."""
    rows = problem.table
    X = rows.X.double().numpy() * problem.scale + problem.mean
    y = rows.y.double().numpy() * problem.gain + problem.offset
    few = {"outer_steps": 2, "inner_steps": 5, "max_epochs": 2} if run.quick else {}
    for seed in store.missing(seeds, set="estimator"):
        start = time.process_time()
        model = LearnedDiversityMLPRegressor(random_state=seed, **few).fit(X, y)
        seconds = time.process_time() - start
        error = (model.predict(problem.X_test) - problem.y_test) / problem.gain
        mse = float(np.square(error).mean())
        store.add(
            set="estimator", seed=seed, seconds=seconds, learning=0.0, mse=mse, note=model.selected_
        )
        say(f"{problem.name} estimator: chose {model.selected_}, mse {mse:.3g} ({seconds:.0f} s)")
