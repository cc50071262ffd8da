"""Intervals of NeuronSeekRegressor and sets of NeuronSeekClassifier: coverage, width, calibration.

    python benchmarks/intervals.py --data FOLDER --out benchmarks/results/intervals.csv

Every regression table of FOLDER, fold by fold: the share of new rows that lie in an interval of
coverage 0.9, and its mean width in standard deviations of the target, beside those of LightGBM's
pair of quantiles, conformalised (CQR): three quarters of the training rows fit the quantiles .05
and .95, one quarter widens or narrows them. Every table of classes: coverage and mean size of the
sets of coverage 0.9, and the expected calibration error of the most probable class in 15 bins of
equal size, beside CatBoost's. A run that was stopped goes on where it ended.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from common.report import markdown
from common.rows import Row, append_row, read_rows
from tables.data import Table, load_table, make_folds, table_names

from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor

FIELDS = ["table", "task", "fold", "model", "coverage", "size", "ece", "fit_cpu_s"]
COVERAGE = 0.9
N_BINS = 15


def quantile_pair(
    X: pd.DataFrame, y: np.ndarray, new: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """LightGBM's quantiles with the correction that a quarter of the rows asks for."""
    from lightgbm import LGBMRegressor

    order = np.random.default_rng(0).permutation(len(y))
    kept, rest = order[: len(y) // 4], order[len(y) // 4 :]
    margin = (1 - COVERAGE) / 2
    models = [
        LGBMRegressor(objective="quantile", alpha=alpha, n_jobs=1, verbose=-1, random_state=0).fit(
            X.iloc[rest], y[rest]
        )
        for alpha in (margin, 1 - margin)
    ]
    low, high = (model.predict(X.iloc[kept]) for model in models)
    miss = np.sort(np.maximum(low - y[kept], y[kept] - high))
    widen = miss[min(len(miss), int(np.ceil(COVERAGE * (len(miss) + 1)))) - 1]
    low, high = (model.predict(new) for model in models)
    return low - widen, np.maximum(high + widen, low - widen)


def calibration_error(probability: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance of confidence and accuracy over bins of equal numbers of rows."""
    sure = probability.max(axis=1)
    hit = probability.argmax(axis=1) == truth
    bins = np.array_split(np.argsort(sure, kind="stable"), N_BINS)
    gaps = [len(rows) * abs(sure[rows].mean() - hit[rows].mean()) for rows in bins if len(rows)]
    return float(sum(gaps) / len(truth))


def regression(table: Table, train: np.ndarray, test: np.ndarray) -> list[dict[str, float]]:
    """Coverage and width of both models on one fold."""
    X, y, new, truth = table.X.iloc[train], table.y[train], table.X.iloc[test], table.y[test]
    found = []
    for name in ("neuronseek", "lightgbm, CQR"):
        start = time.process_time()
        if name == "neuronseek":
            model = NeuronSeekRegressor(random_state=0).fit(X, y)
            low, high = model.predict_interval(new, COVERAGE).T
        else:
            low, high = quantile_pair(X, y, new)
        inside = (truth >= low) & (truth <= high)
        row = {"model": name, "coverage": inside.mean(), "size": (high - low).mean() / y.std()}
        found.append(row | {"fit_cpu_s": time.process_time() - start})
    return found


def classes(table: Table, train: np.ndarray, test: np.ndarray) -> list[dict[str, float]]:
    """Coverage and size of sets, and calibration, on one fold."""
    from catboost import CatBoostClassifier

    X, y, new, truth = table.X.iloc[train], table.y[train], table.X.iloc[test], table.y[test]
    start = time.process_time()
    model = NeuronSeekClassifier(random_state=0).fit(X, y)
    sets = model.predict_set(new, COVERAGE)
    ours = {
        "model": "neuronseek",
        "coverage": sets[np.arange(len(test)), truth].mean(),
        "size": sets.sum(axis=1).mean(),
        "ece": calibration_error(model.predict_proba(new), truth),
        "fit_cpu_s": time.process_time() - start,
    }
    texts = [name for name in X.columns if X[name].dtype == "category"]

    def plain(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(**{name: frame[name].astype(str).fillna("missing") for name in texts})

    start = time.process_time()
    peer = CatBoostClassifier(
        verbose=0, thread_count=1, random_seed=0, cat_features=texts, allow_writing_files=False
    ).fit(plain(X), y)
    error = calibration_error(peer.predict_proba(plain(new)), truth)
    theirs = {"model": "catboost", "ece": error, "fit_cpu_s": time.process_time() - start}
    return [ours, theirs]


def summary(rows: list[Row]) -> str:
    """Tables of coverages and widths, and whether the bars are met."""
    frame = pd.DataFrame(rows)
    for name in ("coverage", "size", "ece", "fit_cpu_s"):
        frame[name] = pd.to_numeric(frame.get(name))
    mean = frame.groupby(["task", "table", "model"])[["coverage", "size", "ece"]].mean()
    parts = []
    if "regression" in mean.index.get_level_values("task"):
        wide = mean.loc["regression"].unstack("model")
        ours, theirs = "neuronseek", "lightgbm, CQR"
        lines = [
            [
                table,
                f"{row['coverage', ours]:.3f}",
                f"{row['size', ours]:.3f}",
                f"{row['coverage', theirs]:.3f}",
                f"{row['size', theirs]:.3f}",
                f"{row['size', ours] / row['size', theirs]:.2f}",
            ]
            for table, row in wide.iterrows()
        ]
        header = ["table", "coverage", "width, sd", "coverage, CQR", "width, CQR", "ratio"]
        coverage = wide["coverage", ours]
        ratios = wide["size", ours] / wide["size", theirs]
        parts.append(markdown(header, lines))
        met = abs(coverage.mean() - COVERAGE) <= 0.015 and coverage.min() >= 0.86
        parts.append(
            f"Mean coverage {coverage.mean():.3f}, least {coverage.min():.3f}. Bar: within .90 +- "
            f".015, no table under .86, met: {'yes' if met else 'NO'}."
        )
        geometric = float(np.exp(np.log(ratios).mean()))
        parts.append(
            f"Width by CQR's: mean ratio {ratios.mean():.3f}, geometric {geometric:.3f}. Bar: at "
            f"most 0.8, met: {'yes' if ratios.mean() <= 0.8 else 'NO'}."
        )
    if "classification" in mean.index.get_level_values("task"):
        wide = mean.loc["classification"].unstack("model")
        lines = [
            [
                table,
                f"{row['coverage', 'neuronseek']:.3f}",
                f"{row['size', 'neuronseek']:.2f}",
                f"{row['ece', 'neuronseek']:.4f}",
                f"{row['ece', 'catboost']:.4f}",
            ]
            for table, row in wide.iterrows()
        ]
        header = ["table", "coverage of sets", "mean size", "calibration error", "CatBoost's"]
        parts.append(markdown(header, lines))
        error = wide["ece"].mean()
        parts.append(
            f"Mean coverage {wide['coverage', 'neuronseek'].mean():.3f}; mean calibration error "
            f"{error['neuronseek']:.4f}, CatBoost {error['catboost']:.4f}."
        )
    return "\n\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", default="bundled", help='folder with a MANIFEST.csv, or "bundled"'
    )
    parser.add_argument("--tables", help="comma-separated names; default: all")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--max-rows", type=int, help="most rows of a table")
    parser.add_argument("--out", type=Path, help="CSV file of all results")
    args = parser.parse_args()
    rows = read_rows(args.out) if args.out else []
    done = {(row["table"], int(row["fold"])) for row in rows}
    names = args.tables.split(",") if args.tables else table_names(args.data)
    for name in names:
        table = load_table(args.data, name, args.max_rows, 0)
        for fold, (train, test) in enumerate(make_folds(table, args.folds, 0)):
            if (name, fold) in done:
                continue
            results = (classes if table.classes else regression)(table, train, test)
            for result in results:
                row: Row = {"table": name, "task": table.task, "fold": fold, **result}
                rows.append(row)
                if args.out:
                    append_row(args.out, row, FIELDS)
            print(name, fold, *results, file=sys.stderr, flush=True)
    print(summary(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
