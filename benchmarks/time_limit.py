"""Whether fits end in time: CPU and wall seconds of every estimator with a `time_limit`.

    python benchmarks/time_limit.py                      # about five minutes; all tables
    python benchmarks/time_limit.py --only wide "sr"     # those whose line holds all of the texts

A limit is kept if fit takes no more than half a second or a tenth of it longer, in both. What is
imported once is imported before; one thread.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from sklearn.base import BaseEstimator

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
from sktaskneuron.exceptions import TimeLimitWarning

# Rows, columns, kind of target, and the limit in seconds.
TABLES = {
    "tiny": (20, 1, "values", 0.5),
    "small": (500, 6, "values", 2.0),
    "hasty": (500, 6, "values", 0.01),
    "weights": (2_000, 8, "weights", 1.0),
    "outputs": (2_000, 8, "outputs", 2.0),
    "three classes": (1_000, 6, "3", 2.0),
    "fifty classes": (3_000, 10, "50", 3.0),
    "wide": (400, 300, "values", 3.0),
    "wide, two classes": (2_000, 300, "2", 3.0),
    "long": (100_000, 10, "values", 5.0),
    "long and wide": (100_000, 100, "values", 10.0),
    "long and very wide": (100_000, 300, "values", 20.0),
}
# The usual ways to fit; large tables and single limits are tried with these only.
FEW = ("td", "sr, readable", "columns", "activations")


def make_table(n: int, d: int, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return X (n, d), y, and weights or None."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    x = X[:, np.arange(4) % d]
    value = np.sin(2 * x[:, 0] * x[:, 1]) + x[:, 2] ** 2 + x[:, 3] + 0.1 * rng.normal(size=n)
    if kind == "outputs":
        return X, np.stack([value, x[:, 0] * x[:, 3], np.abs(x[:, 1])], axis=1), None
    if kind == "weights":
        return X, value, 10.0 ** rng.integers(-3, 4, n)
    if kind == "values":
        return X, value, None
    edges = np.quantile(value, np.linspace(0, 1, int(kind) + 1)[1:-1])
    return X, np.digitize(value, edges), None


def fits(classes: bool) -> Iterator[tuple[str, BaseEstimator]]:
    """Yield the ways to fit values or classes, by name."""
    seek = NeuronSeekClassifier if classes else NeuronSeekRegressor
    diverse = LearnedDiversityMLPClassifier if classes else LearnedDiversityMLPRegressor
    chosen = ActivationSearchClassifier if classes else ActivationSearchRegressor
    kind = "classes" if classes else "continuous"
    for formula in ("td", "sr", "x + <x,x>:4"):
        yield formula, seek(formula, random_state=0)
        yield f"{formula}, readable", seek(formula, readable=True, random_state=0)
    yield "td, evidence", seek(term_evidence=True, random_state=0)
    yield "search td", NeuronFormulaSearch(target_type=kind)
    yield "search sr", NeuronFormulaSearch("sr", target_type=kind)
    yield "columns", NeuronFormulaSearch("sr", scope="columns", target_type=kind)
    yield "gates", NeuronFormulaSearch(engine="gates", target_type=kind)
    yield "diversity", diverse(random_state=0)
    yield "activations", chosen(random_state=0)
    yield "activations, tail", chosen(split="tail", random_state=0)
    yield "activations, evolve", chosen(strategy="evolve", random_state=0)
    yield "activations, surrogate", chosen(strategy="surrogate", random_state=0)


def cases() -> Iterator[tuple[str, str, BaseEstimator, tuple[object, ...], float]]:
    """Yield table, way to fit, estimator, arguments of fit and limit."""
    for table, (n, d, kind, limit) in TABLES.items():
        *data, weight = make_table(n, d, kind)
        for name, estimator in fits(kind.isdigit()):
            if n * d > 100_000 and name not in FEW:
                continue
            if kind == "outputs" and name == "gates":
                continue
            yield table, name, estimator, (*data, weight), limit
    rng = np.random.default_rng(0)
    q = rng.uniform(-1, 1, size=(5_000, 4))
    rates = np.hstack([q[:, 2:], -q[:, :2]])
    for name, activations in (("given", "tanh"), ("learned", None)):
        model = HamiltonianMLPRegressor(activations=activations, random_state=0)
        yield "states", f"Hamiltonian, {name}", model, (q, rates, None), 2.0


def measured(estimator: BaseEstimator, data: tuple[object, ...]) -> tuple[float, float]:
    """Fit; return CPU and wall seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("ignore", TimeLimitWarning)
        cpu, wall = time.process_time(), time.perf_counter()
        estimator.fit(*data)
        return time.process_time() - cpu, time.perf_counter() - wall


def main() -> int:
    """Print a line for each case; return the number of limits that were not kept."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="*", default=[], help="texts that a line must hold")
    args = parser.parse_args()
    X, y, _ = make_table(40, 2, "2")
    for classes in (False, True):  # imports, and what is made once
        for _, estimator in fits(classes):
            measured(estimator.set_params(time_limit=0.3), (X, y))
    print("| table | fit | limit, s | CPU, s | wall, s | kept | left out |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    missed = 0
    for table, name, estimator, data, limit in cases():
        if not all(text in f"{table} {name}" for text in args.only):
            continue
        cpu, wall = measured(estimator.set_params(time_limit=limit), data)
        kept = max(cpu, wall) <= limit + max(0.5, 0.1 * limit)
        missed += not kept
        print(
            f"| {table} | {name} | {limit:g} | {cpu:.2f} | {wall:.2f} | {'yes' if kept else 'NO'} "
            f"| {len(estimator.left_out_)} |",
            flush=True,
        )
    print(f"{missed} not kept")
    return missed


if __name__ == "__main__":
    sys.exit(min(main(), 1))
