"""Time, memory and speed of prediction on a large synthetic table.

    python benchmarks/large.py                         # 10^6 rows, 50 columns, 300 s, two threads
    python benchmarks/large.py --rows 100000 --time-limit 60
    python benchmarks/large.py --predict               # speed of prediction alone, a minute

The target is a sum of powers, waves and products of some of the columns, plus noise of a fifth of
its standard deviation, so R2 ends at 0.96. The peak is the resident memory that fit adds to what
the table and the libraries take, in multiples of the table (float64).
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np


class Peak:
    """Highest resident memory while it runs, in bytes, sampled fifty times a second."""

    def __enter__(self) -> Peak:
        self.start = self.highest = resident()
        self.running = True
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def _watch(self) -> None:
        while self.running:
            self.highest = max(self.highest, resident())
            time.sleep(0.02)

    def __exit__(self, *error: object) -> None:
        self.running = False
        self.thread.join()


def resident() -> int:
    """Resident memory of this process, in bytes (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def make_table(n: int, d: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """X of shape (n, d), y of shape (n,)."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    signal = np.zeros(n)
    for start in range(0, n, 65_536):
        x = X[start : start + 65_536].T
        signal[start : start + 65_536] = (
            x[0] + x[1] ** 2 + np.sin(2 * x[2]) + x[3] * x[4] + x[5] * x[6] * x[7] + np.abs(x[8])
        )
    return X, signal + 0.2 * signal.std() * rng.normal(size=n)


def predict_speed(columns: int, threads: int) -> str:
    """Markdown: how fast models of so many columns predict."""
    import torch

    from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor

    torch.set_num_threads(threads)
    X, y = make_table(5_000, columns, 0)
    new, _ = make_table(200_000, columns, 1)
    lines = ["| model | columns | threads | rows a second | one row, ms |", "|---" * 5 + "|"]
    for model, target in (
        (NeuronSeekRegressor(max_epochs=2, random_state=0), y),
        (NeuronSeekClassifier(max_epochs=2, random_state=0), y > np.median(y)),
    ):
        model.fit(X, target)
        many, one = best_of(3, lambda m=model: m.predict(new)), new[:1]
        single = best_of(50, lambda m=model, row=one: m.predict(row))
        lines.append(
            f"| {type(model).__name__} ({', '.join(k for k, w in model.weights_.items() if w)}) "
            f"| {columns} | {threads} | {len(new) / many:,.0f} | {1e3 * single:.2f} |"
        )
    return "\n".join(lines)


def best_of(n: int, work: Callable[[], object]) -> float:
    """The shortest of ``n`` times, in seconds of the clock."""
    seconds = []
    for _ in range(n):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--time-limit", type=float, default=300.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--predict", action="store_true", help="speed of prediction alone")
    args = parser.parse_args()
    if args.predict:
        print(predict_speed(args.columns, args.threads))
        return
    import torch

    from sktaskneuron import NeuronSeekRegressor

    torch.set_num_threads(args.threads)
    # libraries are loaded once, before anything is measured
    warm = make_table(200, 9, 1)
    NeuronSeekRegressor(max_epochs=1, random_state=0).fit(*warm).predict(warm[0])

    X, y = make_table(args.rows, args.columns, 0)
    test, truth = make_table(min(args.rows, 200_000), args.columns, 2)
    model = NeuronSeekRegressor(time_limit=args.time_limit, random_state=0)
    with Peak() as memory:
        start = time.perf_counter()
        model.fit(X, y)
        seconds = time.perf_counter() - start
    start = time.perf_counter()
    score = model.score(test, truth)
    predict = time.perf_counter() - start
    with Peak() as at_predict:
        model.predict(X)
    print(
        "| rows | columns | threads | time_limit | fit, s | R2 | peak of fit / table "
        "| rows predicted a second | peak of predict / table |\n" + "|---" * 9 + "|"
    )
    print(
        f"| {args.rows:,} | {args.columns} | {args.threads} | {args.time_limit:g} | {seconds:.0f} "
        f"| {score:.4f} | {(memory.highest - memory.start) / X.nbytes:.2f} "
        f"| {len(test) / predict:,.0f} "
        f"| {(at_predict.highest - at_predict.start) / X.nbytes:.2f} |"
    )
    print(f"\n{model.selected_}: {model.weights_}; {model.formula_}")


if __name__ == "__main__":
    main()
