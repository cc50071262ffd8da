"""Over which rows, noise, columns and ranges a search of columns finds laws again.

    python benchmarks/recovery_grid.py --out recovery_grid.csv
    python benchmarks/recovery_grid.py --summary recovery_grid.csv --plot grid.png

Twelve laws of one or two columns, the first of the table; the others say nothing. Two grids: rows
by noise, of five columns of positive values; and columns by ranges, of 200 rows with 1 % of noise.
Noise is a share of the target's standard deviation. Ranges are drawn from uniformly: positive
0.5 to 3, signed -2 to 2, narrow 1.5 to 2. A law is exact if the answer is the law once its numbers
are fitted to rows without noise: the same values to six digits on ranges half as wide again where
positive ones stay positive, as ``feynman.py`` judges. The spread is the standard error of a share
of so many laws.

With --out, finished cells are kept and a second call goes on where the first one stopped.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from common.rows import append_row, read_rows
from formulas.equivalence import is_law

from sktaskneuron import NeuronFormulaSearch
from sktaskneuron.formula import FittedExpression

KEY = ["law", "columns", "rows", "noise", "domain", "seed"]
FIELDS = [*KEY, "exact", "nodes", "seconds", "expression"]
LAWS = (
    "3*a*b",
    "a/(1 + b**2)",
    "a**3 - a*b + 1",
    "2*b*sin(2*a)",
    "b*exp(-a**2)",
    "sqrt(a**2 + b**2)",
    "a*b**2/(2 + b**2)",
    "a*log(2 + a**2)",
    "(a - b)**2/(1 + a**2)",
    "tanh(a) + b**2",
    "a + relu(b - a)",
    "cos(a - 2*b) + a",
)
ROWS, NOISE, COLUMNS = (50, 200, 1000, 5000), (0.0, 0.01, 0.1, 0.3), (2, 5, 10, 20)
DOMAINS = {"positive": (0.5, 3.0), "signed": (-2.0, 2.0), "narrow": (1.5, 2.0)}
GRIDS = {
    "rows by noise": [(5, n, noise, "positive") for n in ROWS for noise in NOISE],
    "columns by range": [(d, 200, 0.01, domain) for d in COLUMNS for domain in DOMAINS],
}


def draw(
    law: str, d: int, n: int, domain: str, rng: np.random.Generator, wide: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, d) and the law's values."""
    low, high = DOMAINS[domain]
    margin = (high - low) / 4 if wide else 0.0
    left = max(low - margin, 0.8 * low) if low > 0 else low - margin
    X = rng.uniform(left, high + margin, size=(n, d))
    return X, FittedExpression.parse(law, names_of(d)).evaluate(X)[:, 0]


def names_of(d: int) -> list[str]:
    return ["a", "b", *(f"x{place}" for place in range(2, d))]


def run(law: str, d: int, n: int, noise: float, domain: str, seed: int) -> dict[str, Any]:
    """Search once, and judge the answer."""
    rng = np.random.default_rng([seed, LAWS.index(law), d, n, list(DOMAINS).index(domain)])
    X, f = draw(law, d, n, domain, rng)
    y = f + noise * f.std() * rng.standard_normal(n)
    search = NeuronFormulaSearch("sr", scope="columns", target_type="continuous", random_state=seed)
    before = time.process_time()
    answer = search.fit(pd.DataFrame(X, columns=names_of(d)), y).fitted_formula_
    seconds = time.process_time() - before
    sides = [draw(law, d, 1000, domain, rng, wide) for wide in (False, True)]
    (inside, value), (outside, beyond) = (
        (dict(zip(names_of(d), X.T, strict=True)), f) for X, f in sides
    )
    return {
        "exact": int(is_law(answer.nodes[0], inside, value, outside, beyond)),
        "nodes": answer.complexity,
        "seconds": f"{seconds:.2f}",
        "expression": answer.texts()[0][:400],
    }


def cell(rows: list[dict[str, Any]], place: tuple[int, int, float, str]) -> list[dict[str, Any]]:
    """Rows of one cell of a grid."""
    key = tuple(map(str, place))
    return [r for r in rows if (r["columns"], r["rows"], r["noise"], r["domain"]) == key]


def share_of(part: list[dict[str, Any]]) -> float:
    """Share of exact answers; NaN of none."""
    return float(np.mean([int(r["exact"]) for r in part])) if part else np.nan


def axes_of(grid: str) -> tuple[list[str], list[str]]:
    """Labels of the rows and columns of a grid."""
    if grid == "rows by noise":
        return [f"{n} rows" for n in ROWS], [f"noise {noise:g}" for noise in NOISE]
    return [f"{d} columns" for d in COLUMNS], list(DOMAINS)


def summary(rows: list[dict[str, Any]], plot: Path | None = None) -> None:
    for grid, places in GRIDS.items():
        down, across = axes_of(grid)
        print(f"\n| {grid} | " + " | ".join(across) + " |\n|---" + "|---" * len(across) + "|")
        for i, label in enumerate(down):
            texts = []
            for place in places[i * len(across) : (i + 1) * len(across)]:
                part = cell(rows, place)
                if not part:
                    texts.append("–")
                    continue
                share = share_of(part)
                error = np.sqrt(share * (1 - share) / len(part))
                seconds = np.median([float(r["seconds"]) for r in part])
                texts.append(f"{share:.2f} ± {error:.2f}, {seconds:.1f} s")
            print(f"| {label} | " + " | ".join(texts) + " |")
    print("\n| law | " + " | ".join(GRIDS) + " |\n|---" + "|---" * len(GRIDS) + "|")
    for law in LAWS:
        shares = []
        for places in GRIDS.values():
            part = [r for place in places for r in cell(rows, place) if r["law"] == law]
            exact = sum(int(r["exact"]) for r in part)
            shares.append(f"{exact} of {len(part)}")
        print(f"| `{law}` | " + " | ".join(shares) + " |")
    if plot is not None:
        draw_grids(rows, plot)


def draw_grids(rows: list[dict[str, Any]], path: Path) -> None:
    import matplotlib.pyplot as plt

    figure, both = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
    for ax, (grid, places) in zip(both, GRIDS.items(), strict=True):
        down, across = axes_of(grid)
        shares = [share_of(cell(rows, place)) for place in places]
        table = np.reshape(shares, (len(down), len(across)))
        ax.imshow(table, vmin=0, vmax=1, cmap="Blues", aspect="auto")
        for (i, j), share in np.ndenumerate(table):
            text = "" if np.isnan(share) else f"{share:.2f}"
            color = "white" if share > 0.6 else "black"
            ax.text(j, i, text, ha="center", va="center", color=color)
        ax.set_xticks(range(len(across)), across)
        ax.set_yticks(range(len(down)), down)
        ax.set_title(f"share of exact laws, {grid}", fontsize=9)
        ax.tick_params(length=0, labelsize=8)
        ax.spines[:].set_visible(False)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=1, help="draws of each law and cell")
    parser.add_argument("--laws", type=int, default=len(LAWS), help="how many, the first ones")
    parser.add_argument("--most-rows", type=int, default=max(ROWS), help="cells of no more rows")
    parser.add_argument("--out", type=Path, help="rows as CSV; finished ones are not run again")
    parser.add_argument("--summary", type=Path, help="print the tables of these rows")
    parser.add_argument("--plot", type=Path, help="draw the grids into this file")
    options = parser.parse_args()
    if options.summary:
        summary(read_rows(options.summary), options.plot)
        return
    done = {tuple(row[key] for key in KEY) for row in read_rows(options.out)}
    places = dict.fromkeys(place for grid in GRIDS.values() for place in grid)
    rows = []
    for seed in range(options.seeds):
        for law in LAWS[: options.laws]:  # one that is stopped has all cells of the first laws
            for d, n, noise, domain in places:
                key = dict(zip(KEY, (law, d, n, noise, domain, seed), strict=True))
                if n > options.most_rows or tuple(map(str, key.values())) in done:
                    continue
                row = key | run(law, d, n, noise, domain, seed)
                rows.append({name: str(value) for name, value in row.items()})
                append_row(options.out, row, FIELDS)
                print(*key.values(), row["exact"], row["expression"], file=sys.stderr, flush=True)
    summary(read_rows(options.out) if options.out else rows, options.plot)


if __name__ == "__main__":
    main()
