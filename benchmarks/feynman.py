"""How many published formulas are found again: symbolic regression on columns.

    python benchmarks/feynman.py --data FOLDER --engines builtin,operon --out feynman.csv
    python benchmarks/feynman.py --summary feynman.csv

FOLDER holds ``formulas/*.csv`` with the columns id, formula and variables (``name:low:high`` joined
with ``;``): the lists of AI Feynman and of the classic genetic-programming suites. Rows are drawn
uniformly within the ranges, n = 1000; noise is that share of the target's standard deviation.

A formula counts as solved if its test R2 is above 0.9999 on extrapolated ranges: boxes 1.5 times as
wide about the same centre, where positive ranges stay positive (down to 0.8 of the lower end).
It is exact if it is the formula once its numbers are fitted to rows without noise: the same values
to six digits on those ranges. Distance is the edit distance of the two trees, as a share of the
larger one. Complexity counts the nodes of the answer. Every engine has --budget seconds of
processor time on one thread; ours ends earlier by itself, pyoperon gets as many evaluations as take
that long here (or longer), gplearn adds generations until the time is spent.

    builtin, operon    NeuronFormulaSearch(method="sr", scope="columns", engine=...)
    builtin_units      the same with units=..., target_unit=...: AI Feynman's formulas alone
    raw_operon         pyoperon's own SymbolicRegressor and its own choice of model
    raw_gplearn        gplearn's SymbolicRegressor

With --out, finished problems are kept and a second call goes on where the first one stopped.
"""

import argparse
import csv
import math
import sys
import time
import zlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from common.cells import Cells
from common.rows import append_row, read_rows
from formulas.equivalence import is_law, tree_distance
from formulas.raw_operon import fit_raw_operon
from formulas.units import unit_of_values, units_of

from sktaskneuron.formula.text.evaluation import evaluate
from sktaskneuron.formula.text.nodes import Node, Number, Variable
from sktaskneuron.search.columns.engines.text import parse_engine_text

FIELDS = [
    "engine",
    "id",
    "suite",
    "noise",
    "seed",
    "status",
    "solved",
    "exact",
    "distance",
    "r2",
    "r2_extrapolated",
    "complexity",
    "seconds",
    "expression",
]
KEY = ["engine", "id", "noise", "seed"]
ENGINES = ("builtin", "builtin_units", "operon", "raw_operon", "raw_gplearn")
SOLVED = 0.9999
SUITES = ("feynman", "classic")
# Evaluations that pyoperon makes in a second of one thread on 1000 rows: about as many as it has
# time for. (Its own time limit would count the time of other processes too.)
EVALUATIONS_PER_SECOND = 15_000
FUNCTIONS = {"arcsin": "asin", "arccos": "acos", "arctan": "atan"}


def read_formulas(folder: Path) -> list[dict[str, Any]]:
    """The formulas, with the ranges of their variables as a dict."""
    out = []
    for suite in SUITES:
        for path in sorted((folder / "formulas").glob(f"{suite}*.csv")):
            with path.open(newline="") as file:
                for row in csv.DictReader(file):
                    parts = [item.split(":") for item in row["variables"].split(";")]
                    row["ranges"] = {name: (float(lo), float(hi)) for name, lo, hi in parts}
                    row["suite"] = suite
                    out.append(row)
    return out


def tree(formula: dict[str, Any]) -> Node:
    """The true formula as a tree."""
    text = formula["formula"]
    for theirs, ours in FUNCTIONS.items():
        text = text.replace(theirs, ours)
    known = {name: Variable(name) for name in formula["ranges"]} | {"pi": Number(math.pi)}
    return parse_engine_text(text, known)


def truth(formula: dict[str, Any], columns: dict[str, np.ndarray]) -> np.ndarray:
    """Values of the true formula."""
    node = tree(formula)
    with np.errstate(all="ignore"):
        size = len(next(iter(columns.values())))
        return np.broadcast_to(np.asarray(evaluate(node, columns), dtype=float), (size,))


def draw(formula: dict[str, Any], n: int, rng: np.random.Generator, wide: bool) -> tuple[Any, Any]:
    """Rows (n, d) and the noise-free target; rows where the formula is not defined are left out."""
    low, high = np.array(list(formula["ranges"].values())).T
    if wide:
        centre, half = (low + high) / 2, (high - low) / 2 * 1.5
        left = centre - half
        left = np.where(low > 0, np.maximum(left, 0.8 * low), left)
        low, high = left, centre + half
    parts, values, count = [], [], 0
    for _ in range(50):
        X = rng.uniform(low, high, size=(n, len(low)))
        y = truth(formula, dict(zip(formula["ranges"], X.T, strict=True)))
        fine = np.isfinite(y)
        parts.append(X[fine])
        values.append(y[fine])
        count += int(fine.sum())
        if count >= n:
            break
    return np.concatenate(parts)[:n], np.concatenate(values)[:n]


def r2(y: np.ndarray, predicted: np.ndarray) -> float:
    if not np.isfinite(predicted).all():
        return -np.inf
    return float(1.0 - np.mean((y - predicted) ** 2) / np.var(y))


def fit_ours(
    engine: str, X: Any, y: Any, names: list[str], seed: int, budget: float, law: Node
) -> Any:
    import pandas as pd

    from sktaskneuron import NeuronFormulaSearch

    name, _, with_units = engine.partition("_")
    steps = None if name == "builtin" else int(budget * EVALUATIONS_PER_SECOND)
    search = NeuronFormulaSearch(
        "sr", scope="columns", engine=name, max_steps=steps, random_state=seed
    )
    if with_units:
        target_unit = unit_of_values(law, dict(zip(names, X.T, strict=True)))
        search.set_params(units=units_of(names), target_unit=target_unit)
    # two different whole numbers would be read as classes
    search.set_params(target_type="continuous")
    fitted = search.fit(pd.DataFrame(X, columns=names), y).fitted_formula_
    return (
        (lambda Z: fitted.evaluate(Z)[:, 0]),
        fitted.complexity,
        fitted.texts()[0],
        fitted.nodes[0],
    )


def fit_raw_gplearn(X: Any, y: Any, names: list[str], seed: int, budget: float) -> Any:
    from gplearn.genetic import SymbolicRegressor

    start, generations = time.process_time(), 10
    model = SymbolicRegressor(
        population_size=1000,
        generations=generations,
        function_set=("add", "sub", "mul", "div", "sqrt", "log", "sin", "cos", "inv"),
        parsimony_coefficient=0.001,
        random_state=seed,
        warm_start=True,
    )
    while True:
        model.set_params(generations=generations).fit(X, y)
        if time.process_time() - start > budget:
            return model.predict, model._program.length_, str(model._program), None
        generations += 5


def cell(engine: str, formula: dict[str, Any], noise: float, seed: int, budget: float) -> dict:
    """One engine on one formula."""
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng([seed, zlib.crc32(formula["id"].encode())])
    X, y = draw(formula, 1000, rng, wide=False)
    noisy = y + noise * y.std() * rng.standard_normal(len(y))
    X_test, y_test = draw(formula, 1000, rng, wide=False)
    X_wide, y_wide = draw(formula, 1000, rng, wide=True)
    names = list(formula["ranges"])
    with threadpool_limits(1), np.errstate(all="ignore"):
        before = cpu_seconds()
        if engine == "raw_operon":
            steps = int(budget * EVALUATIONS_PER_SECOND)
            predict, size, text, node = (*fit_raw_operon(X, noisy, steps, seed), None)
        elif engine == "raw_gplearn":
            predict, size, text, node = fit_raw_gplearn(X, noisy, names, seed, budget)
        else:
            predict, size, text, node = fit_ours(
                engine, X, noisy, names, seed, budget, tree(formula)
            )
        seconds = cpu_seconds() - before
        inside = r2(y_test, np.asarray(predict(X_test), dtype=float))
        outside = r2(y_wide, np.asarray(predict(X_wide), dtype=float))
        sides = [dict(zip(names, part.T, strict=True)) for part in (X, X_wide)]
        exact = node is not None and is_law(node, sides[0], y, sides[1], y_wide)
        distance = "" if node is None else f"{tree_distance(node, tree(formula)):.2f}"
    return {
        "status": "ok",
        "solved": int(outside > SOLVED),
        "exact": int(exact),
        "distance": distance,
        "r2": f"{inside:.6f}",
        "r2_extrapolated": f"{outside:.6f}",
        "complexity": size,
        "seconds": f"{seconds:.2f}",
        "expression": text[:400],
    }


def cpu_seconds() -> float:
    """Processor seconds of this process and of its finished children."""
    import resource

    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def run(options: argparse.Namespace) -> None:
    formulas = read_formulas(options.data)[options.start :: options.every]
    done = {tuple(row[key] for key in KEY) for row in read_rows(options.out)}
    todo = [
        (engine, formula, noise, seed)
        for seed in range(options.seeds)
        for noise in options.noise
        for formula in formulas
        for engine in options.engines
        if (engine, formula["id"], str(noise), str(seed)) not in done
        and (engine != "builtin_units" or formula["suite"] == "feynman")
    ]
    cells = Cells()
    for number, (engine, formula, noise, seed) in enumerate(todo, start=1):
        row = {
            "engine": engine,
            "id": formula["id"],
            "suite": formula["suite"],
            "noise": noise,
            "seed": seed,
            "solved": 0,
        }
        try:
            limit = 20 * options.budget
            row |= cells.run(limit, cell, engine, formula, noise, seed, options.budget)
        except Exception as error:
            row |= {"status": f"{type(error).__name__}: {error}"[:120]}
        append_row(options.out, row, FIELDS)
        print(
            f"{number}/{len(todo)} {engine} {formula['id']} noise {noise}: "
            f"{row['status']}, R2 outside {row.get('r2_extrapolated')}, {row.get('seconds')} s",
            file=sys.stderr,
            flush=True,
        )
    cells.close()


def summary(rows: list[dict[str, Any]]) -> None:
    """Print the table: all that an engine finished, and what all engines finished."""
    per_engine: dict[str, dict[tuple[str, str, str], dict[str, Any]]] = defaultdict(dict)
    for row in rows:
        per_engine[row["engine"]][row["id"], row["noise"], row["seed"]] = row
    names = [name for name in ENGINES if name in per_engine]
    common = set.intersection(*(set(per_engine[name]) for name in names))
    for title, keys in (
        ("all that each engine was run on", None),
        ("what all were run on", common),
    ):
        print(f"\n### {title.capitalize()}\n")
        print(
            "| engine | noise | suite | formulas | solved | exact | mean distance | R2 > 0.999 "
            "| median nodes, solved | median nodes | median CPU s |"
        )
        print("|---|---|---|---|---|---|---|---|---|---|---|")
        for name in names:
            chosen = [row for key, row in per_engine[name].items() if keys is None or key in keys]
            groups = sorted({(row["noise"], row["suite"]) for row in chosen})
            groups += sorted({(row["noise"], "both") for row in chosen})
            for noise, suite in groups:
                part = [r for r in chosen if r["noise"] == noise and suite in ("both", r["suite"])]
                fine = [r for r in part if r["status"] == "ok"]
                solved = [r for r in part if int(r["solved"])]
                accurate = np.mean([float(r["r2"] or "-inf") > 0.999 for r in part])

                def middle(items: list[dict[str, Any]], field: str) -> str:
                    return f"{np.median([float(r[field]) for r in items]):.3g}" if items else "–"

                def share(items: list[dict[str, Any]], field: str) -> str:
                    known = [float(r[field]) for r in items if r.get(field)]
                    return f"{np.mean(known):.3f}" if known else "–"

                print(
                    f"| {name} | {noise} | {suite} | {len(part)} | {len(solved) / len(part):.3f} "
                    f"({len(solved)}) | {share(part, 'exact')} | {share(fine, 'distance')} "
                    f"| {accurate:.3f} | {middle(solved, 'complexity')} "
                    f"| {middle(fine, 'complexity')} | {middle(fine, 'seconds')} |"
                )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with formulas/*.csv")
    parser.add_argument("--engines", type=lambda text: text.split(","), default=["builtin"])
    parser.add_argument(
        "--noise", type=lambda text: [float(v) for v in text.split(",")], default=[0.0, 0.01]
    )
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--budget", type=float, default=30.0, help="processor seconds per problem")
    parser.add_argument("--every", type=int, default=1, help="every k-th formula only")
    parser.add_argument("--start", type=int, default=0, help="the first of them")
    parser.add_argument("--out", type=Path, help="rows as CSV; finished ones are not run again")
    parser.add_argument("--summary", type=Path, nargs="+", help="print the table of these rows")
    options = parser.parse_args()
    if options.summary:
        summary([row for path in options.summary for row in read_rows(path)])
        return
    if options.data is None:
        parser.error("--data is needed")
    if not read_formulas(options.data):
        parser.error(f"--data {options.data} has no formulas/feynman*.csv or formulas/classic*.csv")
    run(options)
    if options.out:
        summary(read_rows(options.out))


if __name__ == "__main__":
    main()
