"""Time, memory and speed of prediction on a large synthetic table.

    python benchmarks/large.py                         # 10^6 rows, 50 columns, 300 s, two threads
    python benchmarks/large.py --rows 100000 --time-limit 60
    python benchmarks/large.py --stream --rows 50000000 --columns 20 --folder DIR   # from files
    python benchmarks/large.py --predict               # speed of prediction alone, a minute

The target is a sum of powers, waves and products of some of the columns, plus noise of a fifth of
its standard deviation, so R2 ends at 0.96. The peak is the resident memory that fit adds to what
the table and the libraries take, in multiples of the table (float64).

With --stream the table lies in a folder of Parquet files (written first, if the folder is empty;
50 million rows of 20 columns take 8.4 GB), and `fit_stream` finds its equation: a line, two
squares, a product of two columns and one of three, and noise.
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


def write_files(folder: Path, n_rows: int, n_columns: int, rows_of_a_file: int = 500_000) -> None:
    """Write a table of a known law as Parquet files; what is there already stays."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    for number, start in enumerate(range(0, n_rows, rows_of_a_file)):
        path = folder / f"rows{number:05d}.parquet"
        if path.exists():
            continue
        rng = np.random.default_rng([7, number])
        X = rng.normal(size=(min(rows_of_a_file, n_rows - start), n_columns))
        y = law(X) + rng.normal(size=len(X))
        columns = {f"x{j}": X[:, j] for j in range(n_columns)} | {"y": y}
        part = path.with_suffix(".part")
        pq.write_table(pa.table(columns), part, compression="none")
        part.rename(path)


def law(X: np.ndarray) -> np.ndarray:
    """The target of `write_files` without its noise."""
    x = X.T
    return 2 * x[0] - x[1] ** 2 + 1.5 * x[2] * x[3] + 0.5 * x[4] ** 2 + x[5] * x[6] * x[7]


def stream(folder: Path, n_rows: int, n_columns: int) -> None:
    """Fit the equation of a folder of files, and print how exact it is and what it cost."""
    import pandas as pd

    from sktaskneuron import NeuronFormulaSearch
    from sktaskneuron.streams import fit_stream

    write_files(folder, n_rows, n_columns)
    search = NeuronFormulaSearch(n_resamples=0)
    with Peak() as memory:
        start, cpu = time.perf_counter(), time.process_time()
        fitted = fit_stream(search, folder, "y", random_state=0)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    X = np.random.default_rng(1).normal(size=(10_000, n_columns))
    table = pd.DataFrame(X, columns=[f"x{j}" for j in range(n_columns)])
    off = float(np.sqrt(np.mean((fitted.predict(table) - law(X)) ** 2)))
    print(
        "| rows | columns | files, GB | s | CPU s | peak, GB | error of the law / noise |\n"
        + "|---" * 7
        + "|"
    )
    size = sum(path.stat().st_size for path in folder.glob("*.parquet"))
    print(
        f"| {n_rows:,} | {n_columns} | {size / 1e9:.2f} | {seconds:.0f} | {cpu:.0f} "
        f"| {memory.highest / 1e9:.2f} | {off:.6f} |\n\n{fitted.fitted_formula_}"
    )


def predict_speed(columns: int, threads: int) -> str:
    """Markdown: how fast models of so many columns predict, equations and networks."""
    import torch

    from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor

    torch.set_num_threads(threads)
    X, y = make_table(5_000, columns, 0)
    new, _ = make_table(200_000, columns, 1)
    lines = ["| model | columns | threads | rows a second | one row, ms |", "|---" * 5 + "|"]
    given = {"max_epochs": 2, "random_state": 0, "formula": "x + <x,x>:16"}
    for model, target in (
        (NeuronSeekRegressor(max_epochs=2, random_state=0), y),
        (NeuronSeekRegressor(**given), y),  # a formula that is given: no equation beside networks
        (NeuronSeekClassifier(**given), y > np.median(y)),
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
    parser.add_argument("--stream", action="store_true", help="fit to files in --folder")
    parser.add_argument("--folder", type=Path, help="of the files of --stream")
    parser.add_argument("--predict", action="store_true", help="speed of prediction alone")
    args = parser.parse_args()
    if args.predict:
        print(predict_speed(args.columns, args.threads))
        return
    import torch

    from sktaskneuron import NeuronSeekRegressor

    torch.set_num_threads(args.threads)
    if args.stream:
        if args.folder is None:
            parser.error("--stream needs --folder")
        stream(args.folder, args.rows, args.columns)
        return
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
