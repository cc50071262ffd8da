"""Do the ONNX graphs of all estimators answer as the estimators do, and how fast?

    python benchmarks/onnx_export.py --data FOLDER
    python benchmarks/onnx_export.py --data FOLDER --speed

Every table of FOLDER, every estimator, fitted on at most ``--rows`` rows with a small budget: the
graph is run by onnxruntime on these rows and on copies of them with levels that fit has not seen,
gaps and far cells, and compared with the estimator's own answers. A difference is relative to the
answer and to the spread of the middle half of the answers; of labels it is the share that differs.
The exit status is 1 if a difference is above 1e-5 (1e-9 where all is computed in float64).

With ``--speed``: CPU milliseconds for one row and CPU seconds for 100,000 rows, of the estimator
and of onnxruntime on one thread each (set OMP_NUM_THREADS=1); estimators with default settings but
few epochs.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
from common.report import markdown, say
from sklearn.base import clone
from tables.data import Table, load_table, table_names

from sktaskneuron import (
    ActivationSearchClassifier,
    ActivationSearchRegressor,
    HamiltonianMLPRegressor,
    LearnedDiversityMLPClassifier,
    LearnedDiversityMLPRegressor,
    NeuronFormulaSearch,
    NeuronSeekClassifier,
    NeuronSeekRegressor,
)
from sktaskneuron.deploy import onnx_inputs

# Bars of the house: largest relative difference of a float32 and of a float64 model.
SINGLE, DOUBLE = 1e-5, 1e-9
# Share of the cells that become hostile, in rows of their own.
HOSTILE_CELLS = 0.1
# Rows per call for many rows: large enough that a call costs nothing, small enough for the caches.
BLOCK = 256
N_MANY = 100_000

SMALL: dict[str, Any] = {"hidden_layer_sizes": (16,), "max_epochs": 3, "random_state": 0}
SEARCH = NeuronFormulaSearch(max_order=2, max_interaction_order=2, n_resamples=0)
SEEK = {**SMALL, "n_members": 4, "validation": 2, "search": SEARCH}
LEARNING = {**SMALL, "activations": None, "outer_steps": 2, "inner_steps": 2, "validation": 2}
NETWORKS = {**SEEK, "search": None, "compare_simple": False}
SEARCHING = {**SMALL, "candidates": ["silu", "tanh"], "validation": 2}

#: Estimators by name: for tables of numbers, of classes, or of both.
ESTIMATORS: dict[str, tuple[str, Callable[[], Any], float]] = {
    "NeuronSeekRegressor": ("regression", lambda: NeuronSeekRegressor(**SEEK), SINGLE),
    "NeuronSeekRegressor, networks alone": (
        "regression",
        lambda: NeuronSeekRegressor("x + x**2 + <x,x>:4", **NETWORKS),
        SINGLE,
    ),
    "NeuronSeekRegressor, float64 networks": (
        "regression",
        lambda: NeuronSeekRegressor("x + sin(x) + <x,x>:4", **NETWORKS, dtype="float64"),
        DOUBLE,
    ),
    "NeuronSeekClassifier": ("classification", lambda: NeuronSeekClassifier(**SEEK), SINGLE),
    "NeuronSeekClassifier, networks alone": (
        "classification",
        lambda: NeuronSeekClassifier("x + x**2 + <x,x>:4", **NETWORKS),
        SINGLE,
    ),
    "LearnedDiversityMLPRegressor": (
        "regression",
        lambda: LearnedDiversityMLPRegressor(**LEARNING),
        SINGLE,
    ),
    "LearnedDiversityMLPClassifier": (
        "classification",
        lambda: LearnedDiversityMLPClassifier(**LEARNING),
        SINGLE,
    ),
    "ActivationSearchRegressor": (
        "regression",
        lambda: ActivationSearchRegressor(**SEARCHING),
        SINGLE,
    ),
    "ActivationSearchClassifier": (
        "classification",
        lambda: ActivationSearchClassifier(**SEARCHING),
        SINGLE,
    ),
    "NeuronFormulaSearch": (
        "both",
        lambda: NeuronFormulaSearch(n_resamples=0, max_order=3),
        DOUBLE,
    ),
    "HamiltonianMLPRegressor": ("both", lambda: HamiltonianMLPRegressor(**SMALL), SINGLE),
}


def hostile(X: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A copy of a table with unseen levels, gaps and far cells."""
    table = X.copy()
    for name in table.columns:
        rows = np.flatnonzero(rng.random(len(table)) < HOSTILE_CELLS)
        if isinstance(table[name].dtype, pd.CategoricalDtype):
            table[name] = table[name].astype(object)
            cells: list[Any] = [None, "never seen", "ß \n"]
        else:
            cells = [np.nan, 1e12, -1e300, 0.0]
        for row in rows:
            table.loc[row, name] = cells[rng.integers(len(cells))]
    return table


def states_of(table: Table) -> tuple[pd.DataFrame, np.ndarray]:
    """Numeric columns in pairs as [q, p], and rates of a made-up system."""
    numbers = table.X.select_dtypes("number")
    numbers = numbers.fillna(numbers.median())
    numbers = numbers.loc[:, numbers.nunique() > 1]
    numbers = numbers.iloc[:, : 2 * (numbers.shape[1] // 2)]
    scaled = ((numbers - numbers.mean()) / numbers.std()).to_numpy()
    half = numbers.shape[1] // 2
    rates = np.hstack([scaled[:, half:], -np.sin(scaled[:, :half])]) * numbers.std().to_numpy()
    return numbers, rates


def difference(found: np.ndarray, own: np.ndarray) -> float:
    if own.dtype.kind not in "f":
        return float(np.mean(found != own))
    low, high = np.quantile(own, [0.25, 0.75], axis=0)
    return float(np.max(np.abs(found - own) / (np.abs(own) + (high - low) + 1e-12)))


def compare(model: Any, X: pd.DataFrame) -> tuple[float, float]:
    """Return the largest difference of numbers, and the share of labels that differ."""
    session = session_of(model)
    inputs = onnx_inputs(model, X)
    worst = {True: 0.0, False: 0.0}
    names = [output.name for output in session.get_outputs()]
    for name, found in zip(names, session.run(None, inputs), strict=True):
        own = np.asarray(getattr(model, name)(X))
        if found.shape != own.shape:
            raise AssertionError(f"{name}: shapes {found.shape} and {own.shape}")
        numbers = own.dtype.kind == "f"
        worst[numbers] = max(worst[numbers], difference(found, own))
    return worst[True], worst[False]


def session_of(model: Any) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.to_onnx().SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def trial(name: str, table: Table) -> tuple[float, float]:
    """Fit an estimator to a table and compare; rows of fit, then hostile ones."""
    _, build, _ = ESTIMATORS[name]
    if name == "HamiltonianMLPRegressor":
        X, y = states_of(table)
        model = clone(build()).fit(X, y)
        return compare(model, X)
    model = clone(build()).fit(table.X, table.y)
    rng = np.random.default_rng(0)
    both = [compare(model, table.X), compare(model, hostile(table.X, rng))]
    return max(numbers for numbers, _ in both), max(labels for _, labels in both)


def agreement(arguments: argparse.Namespace) -> int:
    names = [name for name in table_names(arguments.data) if arguments.tables in name]
    worst: dict[str, list[tuple[float, float, str]]] = {name: [] for name in ESTIMATORS}
    faults = []
    for table_name in names:
        table = load_table(arguments.data, table_name, arguments.rows, 0)
        for name, (task, _, bar) in ESTIMATORS.items():
            if task not in (table.task, "both") or arguments.estimators not in name:
                continue
            try:
                numbers, labels = trial(name, table)
            except Exception as error:  # the table of results says which failed, and goes on
                faults.append(f"{name} on {table_name}: {type(error).__name__}: {error}")
                continue
            worst[name].append((numbers, labels, table_name))
            if numbers > bar or labels > 0:
                faults.append(f"{name} on {table_name}: {numbers:.1e}, labels {labels:.1e}")
            say(f"{table_name}, {name}: {numbers:.1e}")
    lines = []
    for name, found in worst.items():
        if found:
            numbers, _, where = max(found)
            labels = max(share for _, share, _ in found)
            lines.append([name, str(len(found)), f"{numbers:.1e}", where, f"{labels:.1e}"])
    heads = ["estimator", "tables", "largest difference", "on", "labels that differ"]
    print(markdown(heads, lines))
    print(f"\nfailures: {len(faults)}")
    print("\n".join(faults))
    return int(bool(faults))


def seconds(run: Callable[[], object], at_least: float = 0.5) -> float:
    """Median CPU seconds of a call."""
    run()
    taken: list[float] = []
    while sum(taken) < at_least or len(taken) < 3:
        start = time.process_time()
        run()
        taken.append(time.process_time() - start)
    return float(np.median(taken))


def speed(arguments: argparse.Namespace) -> int:
    lines = []
    for name, kind in (
        ("california_housing", NeuronSeekRegressor),
        ("adult", NeuronSeekClassifier),
        ("diamonds", NeuronSeekRegressor),
    ):
        table = load_table(arguments.data, name, arguments.rows, 0)
        options: dict[str, Any] = {"max_epochs": 3, "random_state": 0, "search": SEARCH}
        for compare_simple in (True, False):
            model = kind(**options, compare_simple=compare_simple).fit(table.X, table.y)
            rows = np.random.default_rng(0).integers(len(table.X), size=N_MANY)
            many = table.X.iloc[rows].reset_index(drop=True)
            fed = onnx_inputs(model, many)
            session = session_of(model)

            def run(start: int, stop: int, fed: Any = fed, session: Any = session) -> None:
                session.run(["predict"], {key: cells[start:stop] for key, cells in fed.items()})

            def run_many(run: Any = run) -> None:
                for start in range(0, N_MANY, BLOCK):
                    run(start, start + BLOCK)

            one = many.iloc[:1]
            lines.append(
                [
                    f"{kind.__name__}, {name}" + ("" if compare_simple else ", networks alone"),
                    f"{1e3 * seconds(lambda one=one, model=model: model.predict(one)):.2f}",
                    f"{1e3 * seconds(lambda run=run: run(0, 1)):.2f}",
                    f"{seconds(lambda many=many, model=model: model.predict(many)):.2f}",
                    f"{seconds(run_many):.2f}",
                ]
            )
            say(", ".join(lines[-1]))
    heads = ["model", "predict, 1 row, ms", "ONNX, 1 row, ms", "predict, 10⁵ rows, s"]
    print(markdown([*heads, "ONNX, 10⁵ rows, s"], lines))
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="bundled", help="folder of tables with a MANIFEST.csv")
    parser.add_argument("--rows", type=int, default=1_500, help="most rows of a table")
    parser.add_argument("--tables", default="", help="tables whose name contains this")
    parser.add_argument("--estimators", default="", help="estimators whose name contains this")
    parser.add_argument("--speed", action="store_true", help="times instead of differences")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # of small budgets
    return speed(arguments) if arguments.speed else agreement(arguments)


if __name__ == "__main__":
    sys.exit(main())
