"""Cross-validated scores beside scikit-learn's, on tables that ship with the two packages.

    python benchmarks/tabular.py                    # six tables, five folds: the README's table
    python benchmarks/tabular.py --tables airfoil,yacht --models neuronseek,hgb --out rows.csv

The score is R2 (regression) or accuracy (classes): the mean over the folds of one shuffled
(stratified) split, with its standard deviation. Every fold is one row of ``--out``; a run that was
stopped goes on where it ended. Nothing is tuned: every model is at its defaults, scikit-learn's
MLP on standardised inputs (and target), plain and with early stopping.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _rows import append_row, read_rows
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor
from sktaskneuron.datasets import load_airfoil, load_concrete, load_yacht

FIELDS = ["table", "model", "fold", "score", "fit_seconds", "note"]

TABLES: dict[str, tuple[bool, Callable[..., Any]]] = {
    "diabetes": (False, load_diabetes),
    "airfoil": (False, load_airfoil),
    "concrete": (False, load_concrete),
    "yacht": (False, load_yacht),
    "breast_cancer": (True, load_breast_cancer),
    "digits": (True, load_digits),
}


def neuronseek(classes: bool, seed: int) -> Any:
    return (NeuronSeekClassifier if classes else NeuronSeekRegressor)(random_state=seed)


def linear(classes: bool, seed: int) -> Any:
    model = LogisticRegression(max_iter=300) if classes else RidgeCV(np.logspace(-3, 3, 13))
    return make_pipeline(StandardScaler(), model)


def _mlp(classes: bool, seed: int, **options: Any) -> Any:
    model = (MLPClassifier if classes else MLPRegressor)(random_state=seed, **options)
    pipeline = make_pipeline(StandardScaler(), model)
    if classes:
        return pipeline
    return TransformedTargetRegressor(pipeline, transformer=StandardScaler())


def mlp(classes: bool, seed: int) -> Any:
    return _mlp(classes, seed)


def mlp_early_stopping(classes: bool, seed: int) -> Any:
    return _mlp(classes, seed, early_stopping=True)


def hgb(classes: bool, seed: int) -> Any:
    return (HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor)(
        random_state=seed
    )


MODELS: dict[str, Callable[[bool, int], Any]] = {
    "neuronseek": neuronseek,
    "linear": linear,
    "mlp": mlp,
    "mlp_es": mlp_early_stopping,
    "hgb": hgb,
}


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    rows = read_rows(args.out)
    done = {(row["table"], row["model"], row["fold"]) for row in rows}
    for table in args.tables:
        classes, load = TABLES[table]
        data = load(as_frame=True)
        X, y = data.data, data.target
        splitter = (StratifiedKFold if classes else KFold)(
            args.folds, shuffle=True, random_state=args.seed
        )
        for fold, (train, test) in enumerate(splitter.split(X, y)):
            for name in args.models:
                if (table, name, str(fold)) in done:
                    continue
                model = MODELS[name](classes, args.seed)
                start = time.perf_counter()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ConvergenceWarning)
                    model.fit(X.iloc[train], y.iloc[train])
                seconds = time.perf_counter() - start
                score = model.score(X.iloc[test], y.iloc[test])
                note = ""
                if name == "neuronseek":
                    note = f"{model.selected_}: {model.formula_}"
                row = {
                    "table": table,
                    "model": name,
                    "fold": str(fold),
                    "score": f"{score:.5f}",
                    "fit_seconds": f"{seconds:.2f}",
                    "note": note,
                }
                rows.append(row)
                append_row(args.out, row, FIELDS)
                print(
                    f"{table:14s} fold {fold} {name:12s} {score:.4f} {seconds:6.1f} s  {note}",
                    file=sys.stderr,
                )
    return [row for row in rows if row["table"] in args.tables and row["model"] in args.models]


def report(rows: list[dict[str, Any]], tables: list[str], models: list[str]) -> str:
    """Markdown: mean score +- standard deviation over folds (median fit seconds)."""

    def of(table: str, model: str, field: str) -> np.ndarray:
        return np.array(
            [float(r[field]) for r in rows if r["table"] == table and r["model"] == model]
        )

    lines = ["| table | " + " | ".join(models) + " |", "|---" * (len(models) + 1) + "|"]
    for table in tables:
        cells = [
            f"{of(table, m, 'score').mean():.3f} ± {of(table, m, 'score').std():.3f} "
            f"({np.median(of(table, m, 'fit_seconds')):.1f} s)"
            for m in models
        ]
        lines.append(f"| {table} | " + " | ".join(cells) + " |")
    if {"neuronseek", "mlp", "mlp_es", "hgb"} <= set(models):
        means = {(t, m): of(t, m, "score").mean() for t in tables for m in models}
        beats = sum(
            means[t, "neuronseek"] > max(means[t, "mlp"], means[t, "mlp_es"]) for t in tables
        )
        near = sum(means[t, "neuronseek"] >= 0.98 * means[t, "hgb"] for t in tables)
        lines += [
            "",
            f"Better than the better of the two MLPs on {beats} of {len(tables)} tables; "
            f"within 2 % of HistGradientBoosting or better on {near} of {len(tables)}.",
        ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--tables", default=",".join(TABLES), type=lambda s: s.split(","))
    parser.add_argument("--models", default=",".join(MODELS), type=lambda s: s.split(","))
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    if unknown := (set(args.tables) - set(TABLES)) | (set(args.models) - set(MODELS)):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    import torch

    torch.set_num_threads(args.threads)
    with threadpool_limits(args.threads):
        rows = run(args)
    print(report(rows, args.tables, args.models))


if __name__ == "__main__":
    main()
