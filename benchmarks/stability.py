"""Whether a search gives the same formula again when the rows are drawn anew.

    python benchmarks/stability.py --draws 10 --out stability.csv
    python benchmarks/stability.py --summary stability.csv

Three generators, 500 rows, noise of 5 % of the target's standard deviation; only the rows and the
noise differ between draws. A structure is an answer without its numbers: orders, functions, columns
and how they are put together. Same is how often the commonest one came, right whether it is the
generator's.

    td, gates    NeuronFormulaSearch("td"), and engine="gates", the published search
    sr           NeuronFormulaSearch("sr")
    columns      NeuronFormulaSearch("sr", scope="columns")
    tnlearn      its VecSymRegressor, a tenth of its default budget; where it is installed
"""

import argparse
import csv
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from common.rows import append_row, read_rows
from threadpoolctl import threadpool_limits

from sktaskneuron import NeuronFormulaSearch

Array = np.ndarray
FIELDS = ["method", "generator", "draw", "structure", "right", "seconds"]
NOISE, N_ROWS = 0.05, 500


@dataclass(frozen=True)
class Generator:
    """A law of columns on a range, and what a method calls it; None where it has no name for it."""

    law: Callable[[Array], Array]
    n_columns: int
    low: float
    high: float
    neuron: str | None
    columns: str


GENERATORS = {
    "powers and a product": Generator(
        lambda X: 1.5 * X[:, 0] - X[:, 1] + 2 * X[:, 2] * X[:, 3] + X[:, 4] ** 3,
        6,
        -2,
        2,
        "x + x**3 + <x,x>",
        "x0 + x1 + x2*x3 + x4**3",
    ),
    "functions of all columns": Generator(
        lambda X: np.sin(2 * X) @ [1, -2, 0.5, 1, 2, -1] + np.abs(X) @ [2, 1, -1, 0.5, 1, 1],
        6,
        -2,
        2,
        "abs(x) + sin(x)",
        "abs(x) + sin(x)",
    ),
    "a law of columns": Generator(
        lambda X: X[:, 0] * X[:, 1] ** 2 / X[:, 2], 3, 1, 4, None, "x0*x1**2/x2"
    ),
}
METHODS = ("td", "sr", "columns", "gates", "tnlearn")


def draw(name: str, seed: int) -> tuple[pd.DataFrame, Array]:
    generator = GENERATORS[name]
    rng = np.random.default_rng([seed, list(GENERATORS).index(name)])
    X = rng.uniform(generator.low, generator.high, (N_ROWS, generator.n_columns))
    y = generator.law(X)
    y = y + NOISE * y.std() * rng.normal(size=N_ROWS)
    return pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])]), y


def without_numbers(text: str) -> str:
    """Leave out what is fitted: factors, summands, ranks; exponents stay."""
    text = re.sub(r":\d+", "", text.replace(" ", ""))
    number = r"(?<![\w*.])-?\d+(?:\.\d+)?(?:e-?\d+)?"
    text = re.sub(number + r"\*(?!\*)", "", text)
    text = re.sub(r"(?<=[-+(])" + number + r"(?=[-+)]|$)|^" + number + r"(?=[-+])", "", text)
    text = re.sub(r"[-+]", "+", text)
    return re.sub(r"\++", " + ", text.strip("+")).replace("( + ", "(").replace(" + )", ")")


def sorted_terms(text: str) -> str:
    return " + ".join(sorted(text.split(" + "))) if "(" not in text else text


def search(method: str, X: pd.DataFrame, y: Array) -> str:
    if method == "tnlearn":
        from tnlearn import VecSymRegressor

        model = VecSymRegressor(random_state=0, pop_size=500, max_generations=5)
        model.fit(X.to_numpy(), y)
        return str(model.neuron).replace("@", "*")
    options = {
        "td": {"method": "td", "n_resamples": 0},
        "gates": {"method": "td", "engine": "gates", "n_resamples": 0},
        "sr": {"method": "sr", "n_resamples": 0},
        "columns": {"method": "sr", "scope": "columns"},
    }[method]
    fitted = NeuronFormulaSearch(**options, random_state=0).fit(X, y)
    return str(fitted.fitted_formula_ if method == "columns" else fitted.formula_)


def run(arguments: argparse.Namespace) -> None:
    done = {(r["method"], r["generator"], r["draw"]) for r in read_rows(arguments.out)}
    for name, generator in GENERATORS.items():
        for method in arguments.methods:
            for seed in range(arguments.draws):
                if (method, name, str(seed)) in done:
                    continue
                X, y = draw(name, seed)
                start = time.process_time()
                try:
                    with threadpool_limits(1):
                        text = search(method, X, y)
                except ImportError as error:
                    print(f"{method}: not installed ({error})")
                    break
                structure = sorted_terms(without_numbers(text))
                wanted = generator.columns if method == "columns" else generator.neuron
                right = wanted is not None and structure == sorted_terms(wanted)
                row = {
                    "method": method,
                    "generator": name,
                    "draw": seed,
                    "structure": structure,
                    "right": int(right),
                    "seconds": f"{time.process_time() - start:.2f}",
                }
                append_row(arguments.out, row, FIELDS)
                print(row, flush=True)


def summary(path: Path) -> None:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    print("| generator | method | same | distinct answers | right | CPU s | commonest |")
    print("|---|---|---|---|---|---|---|")
    for name in GENERATORS:
        for method in METHODS:
            part = [r for r in rows if r["generator"] == name and r["method"] == method]
            if not part:
                continue
            counts = Counter(r["structure"] for r in part)
            commonest, same = counts.most_common(1)[0]
            right = sum(int(r["right"]) for r in part)
            seconds = np.median([float(r["seconds"]) for r in part])
            print(
                f"| {name} | {method} | {same} of {len(part)} | {len(counts)} | {right} "
                f"| {seconds:.1f} | `{commonest[:60]}` |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--methods", type=lambda text: text.split(","), default=list(METHODS))
    parser.add_argument("--out", type=Path, default=Path("stability.csv"))
    parser.add_argument("--summary", type=Path)
    arguments = parser.parse_args()
    if arguments.summary is None:
        run(arguments)
    summary(arguments.summary or arguments.out)


if __name__ == "__main__":
    main()
