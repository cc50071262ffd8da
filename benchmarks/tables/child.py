"""The child process of the tabular benchmark: the folds of one model on one table.

Reads its job as one line of JSON from standard input and writes one row of JSON per fold. A fit
that runs past its seconds of processor time is ended by the system (``RLIMIT_CPU``), one that
takes twenty times as many seconds of the clock by an alarm; the parent reads either from the exit
status. When the parent goes, its end of the input closes, and the child and its own children go
with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any, TextIO

IDLE_FACTOR = 20
CLIP = 1e-7  # every model's probabilities, before the log loss


def main() -> None:
    rows = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what the models print
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=end_with_parent, daemon=True).start()
    warnings.simplefilter("ignore")
    run(job, rows)
    rows.flush()
    os._exit(0)  # the thread still waits for the parent


def end_with_parent() -> None:
    sys.stdin.read()
    os.killpg(0, signal.SIGKILL)


def run(job: dict[str, Any], rows: TextIO) -> None:
    from .data import load_table, make_folds
    from .peers import MODELS, Setting

    table = load_table(job["data"], job["table"], job["max_rows"], job["seed"])
    folds = make_folds(table, job["n_folds"], job["seed"])
    setting = Setting(table.classes, job["seed"], job["threads"])
    for fold in job["folds"]:
        row = {"fold": fold, "task": table.task, "d": table.X.shape[1]}
        row["n_train"] = len(folds[fold][0])
        print(json.dumps({"started": row}), file=rows)
        try:
            model = MODELS[job["model"]](setting)
            row |= evaluate(model, table, *folds[fold], job) | {"status": "ok"}
        except Exception as error:  # a model that fails is a row, not the end of the run
            message = f"{type(error).__name__}: {error}"
            row |= {"status": "error", "note": " ".join(message.split())[:300]}
        print(json.dumps(row), file=rows)


def evaluate(model: Any, table: Any, train: Any, test: Any, job: dict[str, Any]) -> dict[str, Any]:
    seed_global_streams(job["seed"])
    X_train, y_train = table.X.iloc[train], table.y[train]
    X_test, y_test = table.X.iloc[test], table.y[test]
    reset_peak()
    wall, cpu = time.perf_counter(), cpu_seconds()
    with seconds_limit(job["timeout"]):
        model.fit(X_train, y_train)
    row = {"fit_cpu_s": cpu_seconds() - cpu, "fit_wall_s": time.perf_counter() - wall}
    wall = time.perf_counter()
    answer = model.predict_proba(X_test) if table.classes else model.predict(X_test)
    row["predict_wall_s"] = time.perf_counter() - wall
    row["peak_mb"] = peak_mb()
    row |= class_scores(table, y_test, answer) if table.classes else errors(table, y_test, answer)
    return row | {"note": note(model, job["model"])}


class seconds_limit:
    """Let the system end this process after so many more seconds of processor time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        used = time.process_time()
        self.hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (int(used + self.seconds) + 1, self.hard))
        signal.setitimer(signal.ITIMER_REAL, IDLE_FACTOR * self.seconds)

    def __exit__(self, *exception: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (self.hard, self.hard))


def cpu_seconds() -> float:
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def seed_global_streams(seed: int) -> None:
    """Some peers draw from the global generators."""
    import random

    import numpy as np

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


# -- scores ----------------------------------------------------------------------------------------


def errors(table: Any, y: Any, answer: Any) -> dict[str, float]:
    import numpy as np
    from sklearn.metrics import r2_score, root_mean_squared_error

    answer = np.ravel(np.asarray(answer, dtype=float))
    return {
        "nrmse": root_mean_squared_error(y, answer) / table.y.std(),
        "r2": r2_score(y, answer),
    }


def class_scores(table: Any, y: Any, answer: Any) -> dict[str, float]:
    import numpy as np
    from sklearn.metrics import log_loss

    labels = np.unique(table.y)
    answer = np.asarray(answer, dtype=float)
    if answer.shape != (len(y), len(labels)) or not np.isfinite(answer).all():
        raise ValueError(f"not finite probabilities of shape {(len(y), len(labels))}")
    clipped = np.clip(answer, CLIP, 1.0)
    clipped /= clipped.sum(axis=1, keepdims=True)
    return {
        "log_loss": log_loss(y, clipped, labels=labels),
        "accuracy": float((labels[answer.argmax(axis=1)] == y).mean()),
    }


def note(model: Any, name: str) -> str:
    """Package and version; for models that have one, what was selected and the formula."""
    from importlib.metadata import PackageNotFoundError, version

    from .peers import PACKAGES

    package = PACKAGES.get(name, "scikit-learn")
    parts = []
    with contextlib.suppress(PackageNotFoundError):  # a checkout need not be installed
        parts.append(f"{package} {version(package)}")
    inner = getattr(model, "regressor_", model)
    inner = inner[-1] if hasattr(inner, "steps") else inner
    parts += [
        str(getattr(inner, part)) for part in ("selected_", "formula_") if hasattr(inner, part)
    ]
    return "; ".join(parts)[:300]


# -- memory ----------------------------------------------------------------------------------------


def reset_peak() -> None:
    """Forget the peak of earlier folds, where the system lets us (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_mb() -> float:
    """Peak resident memory of the process, libraries and table included."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    except OSError:
        unit = 1024**2 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    main()
