"""The tables of NeuronSeek's own study that are at hand, measured as there, beside its figures.

    python benchmarks/neuronseek_tables.py --data FOLDER --out neuronseek_tables.csv
    python benchmarks/neuronseek_tables.py --summary benchmarks/results/neuronseek_tables.csv

Seven of the sixteen tables of arXiv 2506.15715: four fifths of the rows to fit on and one fifth to
test, with columns and target scaled to [-1, 1]; mean squared error of the scaled target, or
accuracy. Ours is the estimator at its defaults. Their figures are marked as theirs: they come from
other splits, and of some tables from another version with other rows.
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
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import accuracy_score, mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import minmax_scale
from tables.data import Table, load_table

from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor

FIELDS = ["table", "measure", "model", "seed", "score", "fit_cpu_s"]
#: Of arXiv 2506.15715, and of the first version of arXiv 2405.02369 (the best of its networks).
THEIRS = {
    "california_housing": (0.1005, 0.0540),
    "airfoil": (None, 0.0134),
    "diamonds": (None, 0.0078),
    "abalone": (None, 0.0250),
    "phoneme": (0.8242, 0.8560),
    "vehicle": (0.8176, 0.8240),
    "credit_g": (None, None),
}
MODELS = ("neuronseek", "boosted trees")


def make_model(name: str, classes: bool, seed: int) -> object:
    """Ours, or boosted trees, which tell what a table allows; both at their defaults."""
    if name == "neuronseek":
        return (NeuronSeekClassifier if classes else NeuronSeekRegressor)(random_state=seed)
    trees = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    return trees(categorical_features="from_dtype", random_state=seed)


def measure(name: str, table: Table, seed: int) -> Row:
    """Fit one model on a random split and judge it."""
    X, y = table.X.copy(), table.y
    numbers = X.select_dtypes("number").columns
    X[numbers] = minmax_scale(X[numbers].astype(float), (-1, 1))
    if not table.classes:
        y = minmax_scale(y, (-1, 1))
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=seed)
    start = time.process_time()
    model = make_model(name, table.classes, seed).fit(X_train, y_train)
    seconds = time.process_time() - start
    score = (accuracy_score if table.classes else mean_squared_error)(y_test, model.predict(X_test))
    return {
        "table": table.name,
        "measure": "accuracy" if table.classes else "MSE",
        "model": name,
        "seed": seed,
        "score": score,
        "fit_cpu_s": seconds,
    }


def summary(rows: list[Row]) -> str:
    """A line for each table, with their figures at its end."""
    frame = pd.DataFrame(rows).astype({"score": float})
    lines = []
    for (table, unit), own in frame.groupby(["table", "measure"], sort=False):
        scores = {model: part["score"].to_numpy() for model, part in own.groupby("model")}
        ours = [f"{scores[m].mean():.4f} ± {scores[m].std():.4f}" for m in MODELS]
        theirs = ["–" if figure is None else f"{figure:.4f}" for figure in THEIRS[table]]
        lines.append([table, unit, *ours, *theirs])
    heads = ["NeuronSeek here", "boosted trees", "theirs, 2506.15715", "theirs, 2405.02369"]
    return markdown(["table", "measure", *heads], lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="bundled", help="folder with a MANIFEST.csv")
    parser.add_argument("--tables", default=",".join(THEIRS), help="with commas between")
    parser.add_argument("--seeds", type=int, default=2, help="random splits")
    parser.add_argument("--out", type=Path, help="CSV file of all results")
    parser.add_argument("--summary", type=Path, help="print the rows of this file and end")
    args = parser.parse_args()
    if args.summary:
        print(summary(read_rows(args.summary)))
        return 0
    rows = read_rows(args.out) if args.out else []
    done = {(row["table"], row["model"], int(row["seed"])) for row in rows}
    for name in args.tables.split(","):
        table = load_table(args.data, name, None, 0)
        for seed, model in np.ndindex(args.seeds, len(MODELS)):
            if (name, MODELS[model], seed) in done:
                continue
            rows.append(measure(MODELS[model], table, seed))
            append_row(args.out, rows[-1], FIELDS)
            print(*rows[-1].values(), file=sys.stderr, flush=True)
    print(summary(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
