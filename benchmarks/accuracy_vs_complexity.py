"""Accuracy against size on real tables: readable equations, other readable models, black boxes.

    python benchmarks/accuracy_vs_complexity.py --data FOLDER --out avc.csv
    python benchmarks/accuracy_vs_complexity.py --summary avc.csv --plot avc.png

Every regression table of FOLDER (see `tabular.py --help`; or the bundled ones), a sample of
--max-rows rows, --folds of three shuffled folds. Size counts what must be written down to compute
a prediction: of an equation the nodes of its tree (columns, numbers, functions, operations), of a
linear model the same, of a tree column, number and comparison of every split and the number of
every leaf, of EBM the numbers of its tables. The summary gives medians over tables of the R2 and
of its rank, and says which readable models lie on the Pareto front of (median rank, median size).

    columns      NeuronFormulaSearch(method="sr", scope="columns"), 50 nodes
    readable     NeuronSeekRegressor(readable=True), 30 nodes
    td           NeuronFormulaSearch(): powers and interactions
    operon       pyoperon's own SymbolicRegressor, max_length 50, its own choice
    tree, ridge, ebm, hgb, neuronseek
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from common.cells import Cells
from common.rows import append_row, read_rows
from tables.data import load_table, make_folds, table_names

FIELDS = ["table", "model", "fold", "status", "r2", "size", "seconds", "expression"]
READABLE = ("columns", "readable", "td", "operon", "tree", "ridge", "ebm")
BLACK_BOXES = ("hgb", "neuronseek")
MODELS = (*READABLE, *BLACK_BOXES)
SEED = 0


def equation_size(equation: Any) -> int:
    from sktaskneuron.formula.text.nodes import complexity

    return sum(map(complexity, equation.trees()))


def fit_columns(X: Any, y: Any) -> Any:
    from sktaskneuron import NeuronFormulaSearch

    return fit_search(NeuronFormulaSearch("sr", scope="columns", target_type="continuous"), X, y)


def fit_td(X: Any, y: Any) -> Any:
    from sktaskneuron import NeuronFormulaSearch

    return fit_search(NeuronFormulaSearch(n_resamples=0, target_type="continuous"), X, y)


def fit_search(search: Any, X: Any, y: Any) -> Any:
    """A search as a predictor: its equation, the mean where it is not defined."""
    fitted = search.fit(X, y).fitted_formula_

    def predict(Z: Any) -> np.ndarray:
        value = fitted.evaluate(search.encoder_.transform(Z))[:, 0]
        return np.where(np.isfinite(value), value, y.mean())

    return predict, equation_size(fitted), str(fitted)


def fit_readable(X: Any, y: Any) -> Any:
    from sktaskneuron import NeuronSeekRegressor

    model = NeuronSeekRegressor(readable=True, random_state=SEED).fit(X, y)
    return model.predict, equation_size(model.readable_formula_), str(model.readable_formula_)


def fit_neuronseek(X: Any, y: Any) -> Any:
    from sktaskneuron import NeuronSeekRegressor

    model = NeuronSeekRegressor(random_state=SEED).fit(X, y)
    return model.predict, np.nan, ""


def fit_operon(X: Any, y: Any) -> Any:
    from formulas.raw_operon import fit_raw_operon

    from sktaskneuron.preprocessing import TableEncoder

    encoder = TableEncoder().fit(X)
    predict, size, text = fit_raw_operon(encoder.transform(X), y, 300_000, SEED)
    return (lambda new: predict(encoder.transform(new))), size, text


def fit_tree(X: Any, y: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.tree import DecisionTreeRegressor

    from sktaskneuron.preprocessing import TableEncoder

    tree = DecisionTreeRegressor(max_depth=4, random_state=SEED)
    model = make_pipeline(TableEncoder(), tree).fit(X, y)
    leaves = int(tree.get_n_leaves())
    return model.predict, 3 * (leaves - 1) + leaves, ""


def fit_ridge(X: Any, y: Any) -> Any:
    from tables.peers import Setting, ridge

    model = ridge(Setting(classes=False, seed=SEED, threads=1)).fit(X, y)
    n = int(np.count_nonzero(model[-1].coef_))
    # every column with a factor (x, *, number), joined by + to the others and to the constant
    return model.predict, 4 * n + 1, ""


def fit_ebm(X: Any, y: Any) -> Any:
    from interpret.glassbox import ExplainableBoostingRegressor

    model = ExplainableBoostingRegressor(random_state=SEED, n_jobs=1).fit(X, y)
    return model.predict, int(sum(np.size(scores) for scores in model.term_scores_)), ""


def fit_hgb(X: Any, y: Any) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(categorical_features="from_dtype", random_state=SEED)
    return model.fit(X, y).predict, np.nan, ""


def cell(data: str, name: str, model: str, fold: int, max_rows: int | None) -> dict[str, Any]:
    """One model on one fold of a table."""
    from sklearn.metrics import r2_score
    from threadpoolctl import threadpool_limits

    table = load_table(data, name, max_rows, SEED)
    train, test = make_folds(table, 3, SEED)[fold]
    X, y = table.X.iloc[train].reset_index(drop=True), table.y[train]
    with threadpool_limits(1):
        start = time.process_time()
        predict, size, text = globals()[f"fit_{model}"](X, y)
        seconds = time.process_time() - start
        predicted = predict(table.X.iloc[test].reset_index(drop=True))
    fine = bool(np.isfinite(predicted).all())
    score = r2_score(table.y[test], predicted) if fine else -np.inf
    return {
        "status": "ok",
        "r2": f"{score:.5f}",
        "size": size,
        "seconds": f"{seconds:.2f}",
        "expression": text[:500],
    }


def run(options: argparse.Namespace) -> None:
    done = {(row["table"], row["model"], row["fold"]) for row in read_rows(options.out)}
    names = [
        name
        for name in table_names(options.data)
        if load_table(options.data, name, 100, SEED).task == "regression"
    ]
    todo = [
        (name, model, fold)
        for fold in range(options.folds)
        for name in names
        for model in options.models
        if (name, model, str(fold)) not in done
    ]
    cells = Cells()
    for number, (name, model, fold) in enumerate(todo, start=1):
        row: dict[str, Any] = {"table": name, "model": model, "fold": fold}
        row |= cells.run(options.timeout, cell, options.data, name, model, fold, options.max_rows)
        append_row(options.out, row, FIELDS)
        print(
            f"{number}/{len(todo)} {name} {model}: {row['status']}, R2 {row.get('r2')}, "
            f"size {row.get('size')}, {row.get('seconds')} s",
            file=sys.stderr,
            flush=True,
        )
    cells.close()


def medians(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Per model the medians over tables: R2, its rank among all models, size, seconds."""
    tables = sorted({row["table"] for row in rows})
    models = [model for model in MODELS if any(row["model"] == model for row in rows)]
    fine = [row for row in rows if row["status"] == "ok"]
    score = np.full((len(tables), len(models)), np.nan)
    size, seconds = score.copy(), score.copy()
    for i, table in enumerate(tables):
        for j, model in enumerate(models):
            own = [row for row in fine if row["table"] == table and row["model"] == model]
            if own:
                score[i, j] = np.mean([float(row["r2"]) for row in own])
                size[i, j] = np.mean([float(row["size"]) for row in own])
                seconds[i, j] = np.mean([float(row["seconds"]) for row in own])
    filled = np.where(np.isnan(score), -np.inf, score)
    rank = (filled[:, None, :] > filled[:, :, None]).sum(axis=2) + 1.0
    return {
        model: {
            "n": int(np.isfinite(score[:, j]).sum()),
            "r2": float(np.nanmedian(score[:, j])),
            "rank": float(np.median(rank[:, j])),
            "size": float(np.median(size[:, j][~np.isnan(size[:, j])]))
            if not np.isnan(size[:, j]).all()
            else np.nan,
            "seconds": float(np.nanmedian(seconds[:, j])),
        }
        for j, model in enumerate(models)
    }


def on_front(table: dict[str, dict[str, float]]) -> list[str]:
    """The readable models that no other readable one beats in rank and size both."""
    readable = [model for model in READABLE if model in table]
    return [
        model
        for model in readable
        if not any(
            table[other]["rank"] <= table[model]["rank"]
            and table[other]["size"] <= table[model]["size"]
            and table[other] != table[model]
            for other in readable
            if other != model
        )
    ]


def summary(rows: list[dict[str, Any]], plot: Path | None) -> None:
    table = medians(rows)
    front = on_front(table)
    print("| model | tables | median R2 | median rank | median size | median CPU s | front |")
    print("|---|---|---|---|---|---|---|")
    for model, row in sorted(table.items(), key=lambda item: item[1]["rank"]):
        size = "–" if np.isnan(row["size"]) else f"{row['size']:.0f}"
        mark = "yes" if model in front else "no" if model in READABLE else "(black box)"
        print(
            f"| {model} | {row['n']} | {row['r2']:.3f} | {row['rank']:.1f} | {size} "
            f"| {row['seconds']:.1f} | {mark} |"
        )
    print()
    models = list(table)
    print("| R2 per table | " + " | ".join(models) + " |")
    print("|---" * (len(models) + 1) + "|")
    for name in sorted({row["table"] for row in rows}):
        cells = []
        for model in models:
            own = [
                row
                for row in rows
                if (row["table"], row["model"], row["status"]) == (name, model, "ok")
            ]
            if not own:
                cells.append("–")
                continue
            score = np.mean([float(row["r2"]) for row in own])
            size = np.mean([float(row["size"]) for row in own])
            cells.append(f"{score:.3f}" + ("" if np.isnan(size) else f" ({size:.0f})"))
        print(f"| {name} | " + " | ".join(cells) + " |")
    if plot is not None:
        draw(table, front, plot)


def draw(table: dict[str, dict[str, float]], front: list[str], path: Path) -> None:
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
    for model, row in table.items():
        if np.isnan(row["size"]):
            ax.axhline(row["rank"], color="0.8", linewidth=1, zorder=0)
            ax.annotate(
                model,
                (0.99, row["rank"]),
                xycoords=("axes fraction", "data"),
                ha="right",
                va="bottom",
                color="0.5",
                fontsize=8,
            )
            continue
        color = "C3" if model in front else "C0"
        ax.plot(row["size"], row["rank"], "o", color=color)
        ax.annotate(
            model, (row["size"], row["rank"]), xytext=(5, 4), textcoords="offset points", fontsize=9
        )
    ax.set(xscale="log", xlabel="median size (nodes or numbers)", ylabel="median rank of R2")
    ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="bundled", help="folder with MANIFEST.csv")
    parser.add_argument("--models", type=lambda text: text.split(","), default=list(MODELS))
    parser.add_argument("--folds", type=int, default=3, help="of three, how many are run")
    parser.add_argument("--max-rows", type=int, default=3000)
    parser.add_argument("--timeout", type=float, default=600.0)
    parser.add_argument("--out", type=Path, help="rows as CSV; finished ones are not run again")
    parser.add_argument("--summary", type=Path, help="print the tables of these rows")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    if options.summary:
        summary(read_rows(options.summary), options.plot)
        return
    run(options)
    if options.out:
        summary(read_rows(options.out), options.plot)


if __name__ == "__main__":
    main()
