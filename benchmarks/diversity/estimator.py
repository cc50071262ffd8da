"""Study of LearnedDiversityMLPClassifier at its defaults: ten draws of MNIST-1D."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from common import report
from common.report import say, yes

from sktaskneuron import LearnedDiversityMLPClassifier
from sktaskneuron.datasets import make_mnist1d

from .run import Run

N_DRAWS, N_TRAIN, N_TEST = 10, 4000, 1000
MEAN_BAR, LEAST_BAR, SECONDS_BAR = 0.64, 0.62, 60.0
FREE = "sin + relu, without learning"
MODELS: dict[str, dict[str, Any]] = {"defaults": {}, FREE: {"activations": ["sin", "relu"]}}


def study_estimator(run: Run) -> None:
    """The fitted mean of four networks: the seeds are those of the draws and of the estimator."""
    store = run.store("estimator", ["model"], ["accuracy", "chosen", "gain", "error", "cpu_s"])
    draws = run.seeds[:N_DRAWS]
    few = {"outer_steps": 2, "inner_steps": 5, "max_epochs": 2} if run.quick else {}
    for draw in draws:
        for name, options in MODELS.items():
            if not store.missing([draw], model=name):
                continue
            X, y = make_mnist1d(N_TRAIN + N_TEST, random_state=draw)
            model = LearnedDiversityMLPClassifier(random_state=draw, **options, **few)
            start = time.process_time()
            model.fit(X[:N_TRAIN], y[:N_TRAIN])
            seconds = time.process_time() - start
            accuracy = float(model.score(X[N_TRAIN:], y[N_TRAIN:]))
            entry = model.activation_report_["candidates"][model.selected_]
            store.add(
                model=name,
                seed=draw,
                accuracy=accuracy,
                chosen=model.selected_,
                gain=entry["gain"],
                error=entry["standard_error"],
                cpu_s=seconds,
            )
            say(f"draw {draw}, {name}: {accuracy:.3f}, {model.selected_}, {seconds:.0f} CPU s")
    lines = []
    for name in MODELS:
        accuracy = store.values("accuracy", draws, model=name)
        seconds = store.values("cpu_s", draws, model=name)
        chosen = [row["chosen"] for row in store.of(draws, model=name)]
        counts = ", ".join(f"{kind} {chosen.count(kind)}" for kind in dict.fromkeys(chosen))
        lines.append(
            [
                name,
                report.spread(accuracy, unit=100),
                f"{100 * accuracy.min():.1f}",
                counts,
                f"{seconds.mean():.0f} (at most {seconds.max():.0f})",
            ]
        )
    accuracy = store.values("accuracy", draws, model="defaults")
    seconds = store.values("cpu_s", draws, model="defaults")
    met = [
        f"mean at least {100 * MEAN_BAR:.0f} %: {yes(bool(accuracy.mean() >= MEAN_BAR))}",
        f"none under {100 * LEAST_BAR:.0f} %: {yes(bool(accuracy.min() >= LEAST_BAR))}",
        f"at most {SECONDS_BAR:.0f} CPU s a fit: {yes(bool(np.max(seconds) <= SECONDS_BAR))}",
    ]
    run.finish(
        "estimator",
        "LearnedDiversityMLPClassifier() on MNIST-1D",
        f"{len(draws)} draws of {N_TRAIN:,} signals to fit and {N_TEST:,} to test; one hidden "
        f"layer of 100. ± is the standard deviation over the draws.",
        report.markdown(["model", "test accuracy, %", "least", "chosen", "CPU s a fit"], lines),
        f"Bars: {'; '.join(met)}.",
    )
