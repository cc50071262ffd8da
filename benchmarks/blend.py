"""Convex blends beside scikit-learn's stacking and voting, of the same four estimators.

    python benchmarks/blend.py --data FOLDER --max-rows 2000 --out benchmarks/results/blend.csv
    python benchmarks/blend.py --out benchmarks/results/blend.csv --plot blend_ratios.png

On every table of FOLDER, on a third of the rows: error of boosted trees, extremely random trees, a
linear model and neighbours, blended by `BlendRegressor`/`BlendClassifier`, by
`StackingRegressor`/`StackingClassifier`, and by `VotingRegressor`/`VotingClassifier` (equal
weights, soft). The error is the root mean squared error by the target's standard deviation, and for
classes the log loss. CPU seconds are of fit and of predict. All is on one thread. A run that was
stopped goes on where it ended.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from common.report import markdown
from common.rows import Row, append_row, read_rows
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tables.data import Table, load_table, make_folds, table_names

from sktaskneuron import BlendClassifier, BlendRegressor
from sktaskneuron.preprocessing import TableEncoder

FIELDS = ["table", "task", "fold", "model", "error", "fit_cpu_s", "predict_cpu_s", "weights"]
MODELS = ("blend", "stacking", "voting")


def parts(classes: bool) -> list[tuple[str, Any]]:
    """The four estimators, which get the raw table."""
    boosting = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    trees = ExtraTreesClassifier if classes else ExtraTreesRegressor
    near = KNeighborsClassifier if classes else KNeighborsRegressor
    linear = LogisticRegression(max_iter=300) if classes else RidgeCV(10.0 ** np.arange(-3, 4))
    return [
        ("boosting", boosting(categorical_features="from_dtype", random_state=0)),
        ("trees", make_pipeline(TableEncoder(), trees(100, random_state=0))),
        ("linear", make_pipeline(TableEncoder(), StandardScaler(), linear)),
        ("near", make_pipeline(TableEncoder(), StandardScaler(), near(10))),
    ]


def make_model(name: str, classes: bool) -> Any:
    """The three ways, all with the same five shuffled folds."""
    cv = (StratifiedKFold if classes else KFold)(5, shuffle=True, random_state=0)
    estimators = parts(classes)
    if name == "blend":
        return (BlendClassifier if classes else BlendRegressor)(estimators, cv=cv)
    if name == "voting":
        return (
            VotingClassifier(estimators, voting="soft") if classes else VotingRegressor(estimators)
        )
    if classes:
        return StackingClassifier(estimators, cv=cv, stack_method="predict_proba")
    return StackingRegressor(estimators, cv=cv)


def measure(name: str, table: Table, train: np.ndarray, test: np.ndarray) -> Row:
    """Fit and judge one of the three."""
    model, X, y = make_model(name, table.classes), table.X, table.y
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of linear models that are not done
        model.fit(X.iloc[train], y[train])
    middle = time.process_time()
    if table.classes:
        found = model.predict_proba(X.iloc[test])
        error = log_loss(y[test], found, labels=np.unique(y))
    else:
        found = model.predict(X.iloc[test])
        error = root_mean_squared_error(y[test], found) / y[test].std()
    end = time.process_time()
    weights = getattr(model, "weights_", {})
    return {
        "model": name,
        "error": error,
        "fit_cpu_s": middle - start,
        "predict_cpu_s": end - middle,
        "weights": " ".join(f"{key}={value:.2f}" for key, value in weights.items()),
    }


def summary(rows: list[Row]) -> str:
    """Errors by table, and ratios of the blend to the others."""
    frame = pd.DataFrame(rows)
    numbers = ["error", "fit_cpu_s", "predict_cpu_s"]
    frame[numbers] = frame[numbers].apply(pd.to_numeric)
    texts = []
    for task, own in frame.groupby("task", sort=False):
        wide = own.pivot_table(index="table", columns="model", values=numbers, sort=False)
        lines = [
            [str(table), *(f"{row['error', m]:.4f}" for m in MODELS)]
            + [f"{row['fit_cpu_s', m]:.1f}" for m in MODELS]
            for table, row in wide.iterrows()
        ]
        heads = ["table", *MODELS, *(f"CPU s, {m}" for m in MODELS)]
        texts.append(f"{task}\n\n" + markdown(heads, lines))
        for other in MODELS[1:]:
            ratios = {
                what: np.exp(np.log(wide[what, "blend"] / wide[what, other]).mean())
                for what in numbers
            }
            better = int((wide["error", "blend"] < wide["error", other]).sum())
            texts.append(
                f"Blend by {other}, geometric means: error {ratios['error']:.3f} (lower on "
                f"{better} of {len(wide)} tables), CPU of fit {ratios['fit_cpu_s']:.2f}, of "
                f"predict {ratios['predict_cpu_s']:.2f}."
            )
    return "\n\n".join(texts)


def draw_ratios(rows: list[Row], path: Path) -> None:
    """One row for each table: errors of stacking and voting by those of the blend."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharex=True, layout="constrained")
    frame = pd.DataFrame(rows).astype({"error": float})
    for ax, (task, own) in zip(axes, frame.groupby("task", sort=False), strict=True):
        errors = own.pivot_table(index="table", columns="model", values="error")
        ratios = errors.div(errors["blend"], axis=0).sort_values("stacking", ascending=False)
        places = range(len(ratios))
        ax.axvline(1, color="0.6", linewidth=0.9)
        for model, color in (("stacking", "#2a6f97"), ("voting", "#e07a5f")):
            ax.plot(ratios[model], places, "o", color=color, label=model)
        ax.set_yticks(places, ratios.index)
        ax.set(title=task, xlabel="error / error of the blend")
        ax.spines[["top", "right"]].set_visible(False)
    axes[1].legend(frameon=False, loc="right")
    figure.savefig(path, dpi=90)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="bundled", help="folder with a MANIFEST.csv")
    parser.add_argument("--tables", default="", help="some of the tables, with commas between")
    parser.add_argument("--folds", type=int, default=1, help="of three")
    parser.add_argument("--max-rows", type=int, default=2_000, help="most rows of a table")
    parser.add_argument("--out", type=Path, help="CSV file of all results")
    parser.add_argument("--plot", type=Path, help="draw the rows of --out into this file, no more")
    args = parser.parse_args()
    rows = read_rows(args.out) if args.out else []
    if args.plot:
        draw_ratios(rows, args.plot)
        return 0
    done = {(row["table"], int(row["fold"]), row["model"]) for row in rows}
    for name in args.tables.split(",") if args.tables else table_names(args.data):
        table = load_table(args.data, name, args.max_rows, 0)
        for fold, (train, test) in enumerate(make_folds(table, 3, 0)[: args.folds]):
            for model in MODELS:
                if (name, fold, model) in done:
                    continue
                found = measure(model, table, train, test)
                row: Row = {"table": name, "task": table.task, "fold": fold, **found}
                rows.append(row)
                if args.out:
                    append_row(args.out, row, FIELDS)
                print(*row.values(), file=sys.stderr, flush=True)
    print(summary(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
