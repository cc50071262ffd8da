"""How much of a column's distribution NormalScoreScaler must keep: errors by what is kept.

    python benchmarks/normal_scores.py --data FOLDER --out benchmarks/results/normal_scores.csv

A setting K/r is NormalScoreScaler(n_quantiles=K) whose points stand for r rows at least; "all"
keeps every cell, as no setting of the scaler does. Each is one fit of a NeuronSeek estimator at its
defaults, of fold 0 of three, at most --max-rows rows, as ``benchmarks/tabular.py`` takes them. A
run that was stopped goes on where it ended.

Errors are RMSE over the standard deviation of the table's target, or log loss. A ratio is that of a
setting's error to that of "all". The halves are those of ``benchmarks/recipes.py``: the setting was
chosen on half A and confirmed on half B. Of a column with more than two values, "points" are the
numbers that are kept, "rare" those of them that stand in the table, in fewer than five rows.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
from common.report import markdown
from common.rows import Row, append_row, read_rows
from recipes import HALF_A
from tables.data import Table, load_table, make_folds, table_names

from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor
from sktaskneuron.preprocessing import NormalScoreScaler, ranks

FIELDS = ["table", "half", "task", "n_train", "setting", "error", "points", "rare", "fit_cpu_s"]
ALL = "all"
SETTINGS = [ALL, "100/5", "50/5", "25/5", "100/10"]


@contextmanager
def keeping(setting: str) -> Iterator[None]:
    """Let every NormalScoreScaler of default parameters keep what a setting says."""
    # a thousandth of a row: every value is shared by more
    n_quantiles, fewest = (10**9, 1e-3) if setting == ALL else map(int, setting.split("/"))
    with (
        patch.object(NormalScoreScaler.__init__, "__defaults__", (n_quantiles,)),
        patch.object(ranks, "_FEWEST_ROWS", fewest),
    ):
        yield


def fit(table: Table, setting: str) -> dict[str, float]:
    """One fit on the training rows of the first fold: its error, and what its scaler keeps."""
    train, test = make_folds(table, 3, 0)[0]
    X, y = table.X.iloc[train], table.y[train]
    model = (NeuronSeekClassifier if table.classes else NeuronSeekRegressor)(random_state=0)
    start = time.process_time()
    with keeping(setting):
        model.fit(X, y)
    seconds = time.process_time() - start
    truth, new = table.y[test], table.X.iloc[test]
    if table.classes:
        chosen = model.predict_proba(new)[np.arange(len(test)), truth]
        error = -np.log(np.clip(chosen, 1e-7, 1.0)).mean()
    else:
        error = np.sqrt(np.mean((model.predict(new) - truth) ** 2)) / table.y.std()
    found = kept(model.rank_scaler_, model.encoder_.transform(X))
    return {"n_train": len(train), "error": float(error), **found, "fit_cpu_s": seconds}


def kept(scaler: NormalScoreScaler, cells: np.ndarray) -> dict[str, float]:
    """Points of a column with more than two values, and those in fewer than five rows: means."""
    points, rare = [], []
    for j in np.flatnonzero(~(scaler.constant_ | scaler.two_valued_)):
        values, counts = np.unique(cells[:, j], return_counts=True)
        points.append(len(scaler.values_[j]))
        rare.append(np.isin(values[counts < 5], scaler.values_[j]).sum())
    return {"points": float(np.mean(points)), "rare": float(np.mean(rare))}


def run(args: argparse.Namespace) -> list[Row]:
    rows = read_rows(args.out)
    done = {(row["table"], row["setting"]) for row in rows}
    for setting in args.settings:
        for name in args.tables:
            if (name, setting) in done:
                continue
            table = load_table(args.data, name, args.max_rows, 0)
            half = "A" if name in HALF_A else "B"
            found = {k: f"{v:.6g}" for k, v in fit(table, setting).items()}
            row = {"table": name, "half": half, "task": table.task, "setting": setting, **found}
            rows.append(row)
            append_row(args.out, row, FIELDS)
            print(*row.values(), file=sys.stderr, flush=True)
    return rows


def report(rows: list[Row], settings: list[str]) -> str:
    """Errors by table, then means of their ratios to those of "all" (and of how many tables)."""
    error = {(row["table"], row["setting"]): float(row["error"]) for row in rows}
    half = {row["table"]: row["half"] for row in rows}
    settings = [s for s in settings if any(row["setting"] == s for row in rows)]
    lines = [
        [
            name,
            half[name],
            *(f"{error[name, s]:.4f}" if (name, s) in error else "–" for s in settings),
        ]
        for name in half
    ]
    for title, chosen in (("half A", "A"), ("half B", "B"), ("both halves", "AB")):
        cells = []
        for s in settings:
            both = [t for t in half if half[t] in chosen and {(t, s), (t, ALL)} <= error.keys()]
            ratios = [error[t, s] / error[t, ALL] for t in both]
            cells.append(f"{np.mean(ratios):.4f} ({len(both)})" if both else "–")
        lines.append([f"mean ratio, {title}", "", *cells])
    for key in ("points", "rare"):
        means = [np.mean([float(r[key]) for r in rows if r["setting"] == s]) for s in settings]
        lines.append([f"mean {key}", "", *(f"{mean:.3g}" for mean in means)])
    return markdown(["table", "half", *settings], lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="bundled", help="a folder, or 'bundled'")
    parser.add_argument("--tables", type=lambda s: s.split(","), help="default: all of --data")
    parser.add_argument("--half", choices=("A", "B"))
    parser.add_argument("--settings", type=lambda s: s.split(","), default=SETTINGS)
    parser.add_argument("--max-rows", type=int, default=3000)
    parser.add_argument("--out", type=Path, help="CSV file of rows, continued if it exists")
    args = parser.parse_args()
    args.tables = args.tables or [
        name
        for name in table_names(args.data)
        if args.half is None or (name in HALF_A) == (args.half == "A")
    ]
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print(report(run(args), args.settings))


if __name__ == "__main__":
    main()
