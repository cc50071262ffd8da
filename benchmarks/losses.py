"""Losses of NeuronSeekRegressor beside those of boosted trees: quantiles, gross errors, counts.

    python benchmarks/losses.py --data FOLDER --max-rows 2000 --out benchmarks/results/losses.csv

quantiles: on every regression table of FOLDER, pinball loss of the levels .1, .5 and .9 on a third
of the rows, beside CatBoost's with its loss of several quantiles and with one model per level;
crossings are rows whose quantiles are not in order. errors: 5 % of the training targets of three
tables are moved by ten standard deviations, up or down; mean absolute and root mean squared error
on rows without such errors, beside LightGBM's "l1". counts: mean Poisson deviance for the rings of
abalones and the inhabitants of Californian blocks, beside HistGradientBoostingRegressor's. A run
that was stopped goes on where it ended.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from common.report import markdown
from common.rows import Row, append_row, read_rows
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import (
    mean_absolute_error,
    mean_pinball_loss,
    mean_poisson_deviance,
    root_mean_squared_error,
)
from tables.data import Table, load_table, make_folds, table_names

from sktaskneuron import NeuronSeekRegressor

FIELDS = ["part", "table", "fold", "model", "loss", "rmse", "crossings", "fit_cpu_s"]
LEVELS = (0.1, 0.5, 0.9)
WRONG, FAR = 0.05, 10.0
PARTS = ("quantiles", "errors", "counts")
ERROR_TABLES = ("diamonds", "california_housing", "cpu_act")
#: Tables of counts, with the column that is one; None: the table's own target.
COUNTS = {"abalone": None, "california_housing": "population"}

Fold = tuple[pd.DataFrame, np.ndarray, pd.DataFrame, np.ndarray]
Predict = Callable[[pd.DataFrame], np.ndarray]


def catboost(loss: str, X: pd.DataFrame, y: np.ndarray) -> Predict:
    """Fit CatBoost with its own defaults, which ask for texts of categories."""
    from catboost import CatBoostRegressor

    texts = [name for name in X.columns if X[name].dtype == "category"]

    def plain(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(**{name: frame[name].astype(str).fillna("missing") for name in texts})

    model = CatBoostRegressor(
        loss_function=loss,
        verbose=0,
        thread_count=1,
        random_seed=0,
        cat_features=texts,
        allow_writing_files=False,
    ).fit(plain(X), y)
    return lambda frame: model.predict(plain(frame))


def quantiles(fold: Fold) -> Iterator[dict[str, Any]]:
    """Pinball losses, mean of the levels."""
    X, y, new, truth = fold

    def ours() -> np.ndarray:
        model = NeuronSeekRegressor(loss="quantile", quantile=LEVELS, random_state=0)
        return model.fit(X, y).predict(new)

    def several() -> np.ndarray:
        return catboost(f"MultiQuantile:alpha={','.join(map(str, LEVELS))}", X, y)(new)

    def single() -> np.ndarray:
        return np.stack([catboost(f"Quantile:alpha={q}", X, y)(new) for q in LEVELS], axis=1)

    models = {"neuronseek": ours, "catboost, several": several, "catboost, each": single}
    for name, fit in models.items():
        start = time.process_time()
        found = fit()
        columns = zip(LEVELS, found.T, strict=True)
        loss = np.mean([mean_pinball_loss(truth, q, alpha=level) for level, q in columns])
        crossings = int((np.diff(found, axis=1) < 0).any(axis=1).sum())
        seconds = time.process_time() - start
        yield {"model": name, "loss": loss, "crossings": crossings, "fit_cpu_s": seconds}


def errors(fold: Fold) -> Iterator[dict[str, Any]]:
    """Errors on clean rows after gross errors in the training target."""
    from lightgbm import LGBMRegressor

    X, y, new, truth = fold
    rng = np.random.default_rng(0)
    wrong = rng.random(len(y)) < WRONG
    y = y + wrong * rng.choice([-FAR, FAR], len(y)) * y.std()
    losses = ("squared_error", "absolute_error", "huber")
    models: dict[str, Any] = {
        name: NeuronSeekRegressor(loss=name, random_state=0) for name in losses
    }
    models["lightgbm, l1"] = LGBMRegressor(objective="l1", n_jobs=1, verbose=-1, random_state=0)
    for name, model in models.items():
        start = time.process_time()
        found = model.fit(X, y).predict(new)
        yield {
            "model": name,
            "loss": mean_absolute_error(truth, found),
            "rmse": root_mean_squared_error(truth, found),
            "fit_cpu_s": time.process_time() - start,
        }


def counts(fold: Fold) -> Iterator[dict[str, Any]]:
    """Mean Poisson deviances."""
    X, y, new, truth = fold
    models: dict[str, Any] = {
        "neuronseek": NeuronSeekRegressor(loss="poisson", random_state=0),
        "hist gradient boosting": HistGradientBoostingRegressor(
            loss="poisson", categorical_features="from_dtype", random_state=0
        ),
    }
    for name, model in models.items():
        start = time.process_time()
        loss = mean_poisson_deviance(truth, model.fit(X, y).predict(new))
        yield {"model": name, "loss": loss, "fit_cpu_s": time.process_time() - start}


def tables_of(part: str, data: str, max_rows: int | None) -> Iterator[Table]:
    """Return the tables of a part."""
    names = {"errors": ERROR_TABLES, "counts": tuple(COUNTS)}.get(part) or table_names(data)
    for name in names:
        table = load_table(data, name, max_rows, 0)
        if table.classes:
            continue
        column = COUNTS[name] if part == "counts" else None
        if column is not None:
            X = table.X.assign(target=table.y)
            y = X.pop(column).to_numpy()
            table = Table(name, table.task, X, y)
        yield table


def summary(rows: list[Row]) -> str:
    """Tables of losses, and whether the bars are met."""
    frame = pd.DataFrame(rows)
    for name in ("loss", "rmse", "crossings"):
        frame[name] = pd.to_numeric(frame.get(name))
    parts = []
    for part, own in frame.groupby("part", sort=False):
        wide = own.groupby(["table", "model"])["loss"].mean().unstack("model")
        lines = [[table, *(f"{value:.4g}" for value in row)] for table, row in wide.iterrows()]
        parts.append(f"{part}\n\n" + markdown(["table", *wide.columns], lines))
        if part == "quantiles":
            peers = wide[["catboost, several", "catboost, each"]]
            ratios = wide["neuronseek"].to_numpy()[:, None] / peers.to_numpy()
            means = np.exp(np.log(ratios).mean(axis=0))
            crossings = own.loc[own["model"] == "neuronseek", "crossings"].sum()
            parts.append(
                f"Pinball loss by CatBoost's, geometric mean: {means[0]:.3f} of several quantiles, "
                f"{means[1]:.3f} of one each. Bar: at most .95, met: "
                f"{'yes' if means.max() <= 0.95 else 'NO'}. Crossings: {crossings:.0f}."
            )
        elif part == "errors":
            root = own.groupby(["table", "model"])["rmse"].mean().unstack("model")
            lines = [[table, *(f"{value:.4g}" for value in row)] for table, row in root.iterrows()]
            parts.append("root mean squared error\n\n" + markdown(["table", *root], lines))
            best = wide[["absolute_error", "huber"]].max(axis=1)
            beaten = (best < wide[["squared_error", "lightgbm, l1"]].min(axis=1)).all()
            parts.append(
                "Bar: absolute_error and huber below squares and LightGBM's l1, met: "
                f"{'yes' if beaten else 'NO'}."
            )
        else:
            ratio = wide["neuronseek"] / wide["hist gradient boosting"]
            shown = ", ".join(f"{table} {value:.3f}" for table, value in ratio.items())
            met = "yes" if (ratio <= 1.0).all() else "NO"
            parts.append(
                f"Poisson deviance by HistGradientBoosting's: {shown}. Bar: at most 1, met: {met}."
            )
    return "\n\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="folder with a MANIFEST.csv")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--folds", type=int, default=1, help="of three")
    parser.add_argument("--max-rows", type=int, default=2_000, help="most rows of a table")
    parser.add_argument("--out", type=Path, help="CSV file of all results")
    args = parser.parse_args()
    rows = read_rows(args.out) if args.out else []
    done = {(row["part"], row["table"], int(row["fold"])) for row in rows}
    measures = {"quantiles": quantiles, "errors": errors, "counts": counts}
    for part in args.parts.split(","):
        for table in tables_of(part, args.data, args.max_rows):
            for fold, (train, test) in enumerate(make_folds(table, 3, 0)[: args.folds]):
                if (part, table.name, fold) in done:
                    continue
                X, y = table.X, table.y
                found = list(measures[part]((X.iloc[train], y[train], X.iloc[test], y[test])))
                for result in found:
                    row: Row = {"part": part, "table": table.name, "fold": fold, **result}
                    rows.append(row)
                    if args.out:
                        append_row(args.out, row, FIELDS)
                    print(*row.values(), file=sys.stderr, flush=True)
    print(summary(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
