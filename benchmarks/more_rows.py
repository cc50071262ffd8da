"""More rows later: `partial_fit` and `warm_start` beside the first rows alone and all rows at once.

    python benchmarks/more_rows.py --data FOLDER --max-rows 1500

Of every table a third of the rows is for the test, a third comes first, a third comes later. What
is printed is the held-out loss (squared error, or log loss) by that of a model of the first rows:
after `partial_fit` of the later rows in one part and in ten, after a fit with `warm_start=True` on
them, and of a model fitted to both thirds at once.
"""

from __future__ import annotations

import argparse
from copy import copy

import numpy as np
from common.report import markdown
from sklearn.metrics import log_loss, mean_squared_error
from tables.data import load_table, make_folds, table_names

from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor


def ratios(data: str, name: str, max_rows: int | None) -> list[float]:
    """Losses by that of the first rows: in one part, in ten, warm start, all rows."""
    table = load_table(data, name, max_rows, 0)
    train, test = make_folds(table, 3, 0)[0]
    first, later = np.array_split(np.random.default_rng(0).permutation(train), 2)
    X, y = table.X, table.y
    kind = NeuronSeekClassifier if table.classes else NeuronSeekRegressor

    def loss(model: NeuronSeekRegressor | NeuronSeekClassifier) -> float:
        if table.classes:
            return log_loss(y[test], model.predict_proba(X.iloc[test]), labels=model.classes_)
        return mean_squared_error(y[test], model.predict(X.iloc[test]))

    begun = kind(random_state=0).partial_fit(X.iloc[first], y[first])
    start = loss(begun)
    found = []
    for n_parts in (1, 10):
        model = copy(begun)
        for rows in np.array_split(later, n_parts):
            model.partial_fit(X.iloc[rows], y[rows])
        found.append(loss(model) / start)
    warm = copy(begun).set_params(warm_start=True).fit(X.iloc[later], y[later])
    return [
        *found,
        loss(warm) / start,
        loss(kind(random_state=0).fit(X.iloc[train], y[train])) / start,
    ]


def main() -> None:
    """Print the table, and geometric means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", default="bundled", help='folder with a MANIFEST.csv, or "bundled"'
    )
    parser.add_argument("--tables", help="comma-separated names; default: all")
    parser.add_argument("--max-rows", type=int, default=1500)
    args = parser.parse_args()
    names = args.tables.split(",") if args.tables else table_names(args.data)
    lines, all_ratios = [], []
    for name in names:
        found = ratios(args.data, name, args.max_rows)
        all_ratios.append(found)
        lines.append([name, *(f"{ratio:.3f}" for ratio in found)])
        print(*lines[-1], flush=True)
    means = np.exp(np.log(all_ratios).mean(axis=0))
    lines.append(["geometric mean", *(f"{ratio:.3f}" for ratio in means)])
    head = ["table", "one part", "ten parts", "warm start", "all rows at once"]
    print(markdown(head, lines))


if __name__ == "__main__":
    main()
