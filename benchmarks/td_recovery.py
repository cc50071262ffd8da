"""How often the search names the right orders: recovery of known formulas.

Each problem draws a law, data and noise. An answer is exact if both the set of pure orders and the
set of interaction orders are right. Four families:

  sparse  10 laws of few columns, one of them pure noise (d = 10, n = 500)
  dense   the 15 cases of the authors' synthetic study (arXiv 2506.15715), in which every column
          takes part (d = 10, n = 2500)
  hard    the sparse laws again: correlated, heavy-tailed or uniform columns, 50 columns, and
          targets of two or three classes
  large   the sparse laws in 200 columns and 100,000 rows

Truths are in disjoint terms: a dense product of k projections also holds every x_i^k, so it counts
as "pure order k and interaction order k". The authors' own labels name the interaction only; the
column "labels contained" counts the answers that hold at least those. "Ranks too" counts the exact
answers with as many atoms per order as the law has products.

    python benchmarks/td_recovery.py --family sparse --seeds 20 --jobs 2 --out recovery.csv

With --out, finished problems are kept and a second call goes on where the first one stopped.
Seconds are processor time of one fit on one thread. Noise is the ratio of standard deviations,
noise over signal.
"""

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorly.decomposition  # noqa: F401  (the search's first fit would time its import)
from common.rows import append_row, read_rows
from scipy.special import expit, softmax
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from sktaskneuron import NeuronFormulaSearch

Array = np.ndarray
Orders = tuple[frozenset[int], frozenset[int]]
Signal = Callable[[Array], Array]

# Spare rows, drawn with those of the problem and counted in the spread of the signal: they keep the
# draws equal to those of an earlier study, which scored predictions on them.
N_SPARE_ROWS = 1000

FIELDS = [
    "family",
    "setting",
    "case",
    "seed",
    "noise",
    "n",
    "d",
    "engine",
    "exact",
    "ranks",
    "contained",
    "empty",
    "formula",
    "seconds",
]
KEY = FIELDS[:8]


# -- laws ------------------------------------------------------------------------------------------


def orders(pure: tuple[int, ...] = (), interactions: tuple[int, ...] = ()) -> Orders:
    return frozenset(pure), frozenset(interactions)


def signed(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high) * rng.choice([-1.0, 1.0]))


@dataclass(frozen=True)
class Law:
    """A drawn law: its signal, its true orders in disjoint terms, the orders its authors name."""

    signal: Signal
    truth: Orders
    label: Orders
    ranks: dict[int, int]


SPARSE_CASES = [
    "x0 + x1^2 + x2^3",
    "x0 x1",
    "x0 + x1 x2",
    "x0^2 + x1 x2 x3",
    "x0^2 + x1 x2 + x3 x4",
    "x0 x1 x2",
    "x0 + x1 + x2 + x3",
    "x0^3 + x1 x2",
    "strong x0 + weak x1^2 + weak x2 x3",
    "noise",
]
SPARSE_TRUTHS = [
    orders((1, 2, 3)),
    orders((), (2,)),
    orders((1,), (2,)),
    orders((2,), (3,)),
    orders((2,), (2,)),
    orders((), (3,)),
    orders((1,)),
    orders((3,), (2,)),
    orders((1, 2), (2,)),
    orders(),
]
NOISE_CASE = SPARSE_CASES.index("noise")
TWO_PRODUCTS_CASE = SPARSE_CASES.index("x0^2 + x1 x2 + x3 x4")


def sparse_signal(case: int, columns: Array, coef: list[float]) -> Signal:
    a, b, e, g = coef

    def signal(X: Array) -> Array:
        x = X[:, columns].T
        values = [
            lambda: 2.5 * x[0] + 3.0 * x[1] ** 2 - 1.2 * x[2] ** 3,
            lambda: a * x[0] * x[1],
            lambda: a * x[0] + b * x[1] * x[2],
            lambda: a * x[0] ** 2 + b * x[1] * x[2] * x[3],
            lambda: a * x[0] ** 2 + b * x[1] * x[2] + e * x[3] * x[4],
            lambda: a * x[0] * x[1] * x[2],
            lambda: a * x[0] + b * x[1] + e * x[2] + g * x[3],
            lambda: 0.5 * a * x[0] ** 3 + b * x[1] * x[2],
            lambda: 3 * a * x[0] + 0.6 * b * x[1] ** 2 + 0.6 * e * x[2] * x[3],
            lambda: np.zeros(len(X)),
        ]
        return np.asarray(values[case]())

    return signal


def sparse_law(case: int, rng: np.random.Generator, d: int) -> Law:
    columns = rng.permutation(d)
    coef = [signed(rng, 0.8, 1.6) for _ in range(4)]
    truth = SPARSE_TRUTHS[case]
    ranks = dict.fromkeys(truth[1], 2 if case == TWO_PRODUCTS_CASE else 1)
    return Law(sparse_signal(case, columns, coef), truth, truth, ranks)


# Per dense case: kind, pure parts (order, weight), products of projections (order, weight); the
# weights "c1" and "c2" are drawn.
DENSE_CASES: list[tuple[str, list[tuple[int, Any]], list[tuple[int, Any]]]] = [
    ("pure", [(2, "c1")], []),
    ("pure", [(3, "c1")], []),
    ("pure", [(1, 10.0), (2, 0.5)], []),
    ("pure", [(2, 5.0), (4, 0.5)], []),
    ("pure", [(5, "c1")], []),
    ("interact", [], [(2, "c1")]),
    ("interact", [], [(2, "c1"), (3, "c2")]),
    ("interact", [], [(2, 8.0), (3, 0.5)]),
    ("interact", [], [(2, "c1"), (4, "c2")]),
    ("interact", [], [(4, "c1")]),
    ("hybrid", [(2, "c1")], [(2, "c2")]),
    ("hybrid", [(1, "c1")], [(2, "c2")]),
    ("hybrid", [(3, 5.0)], [(2, 0.5)]),
    ("hybrid", [(2, 0.5)], [(3, 5.0)]),
    ("hybrid", [(2, "c1")], [(3, "c2")]),
]


def dense_name(case: int) -> str:
    kind, pure, products = DENSE_CASES[case]
    parts = [f"{w} x^{k}" for k, w in pure] + [f"{w} product of {k}" for k, w in products]
    return f"{kind}: " + " + ".join(parts)


def dense_law(case: int, rng: np.random.Generator, d: int) -> Law:
    kind, pure, products = DENSE_CASES[case]
    drawn = {"c1": signed(rng, 1.0, 3.0)}
    drawn["c2"] = signed(rng, 1.0 if kind == "hybrid" else 0.5, 3.0)
    directions = [rng.standard_normal((k, d)) / np.sqrt(d) for k, _ in products]

    def signal(X: Array) -> Array:
        value = np.zeros(len(X))
        for k, weight in pure:
            value += drawn.get(weight, weight) * (X**k).sum(axis=1)
        for (_, weight), w in zip(products, directions, strict=True):
            value += drawn.get(weight, weight) * (X @ w.T).prod(axis=1)
        return value

    label = orders(tuple(k for k, _ in pure), tuple(k for k, _ in products))
    return Law(signal, (label[0] | label[1], label[1]), label, dict.fromkeys(label[1], 1))


# -- data ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Setting:
    """Under which conditions laws are drawn."""

    name: str
    family: str
    number: int  # third part of the seed
    n: int
    d: int = 10
    columns: str = "normal"
    n_classes: int = 0

    def n_cases(self) -> int:
        return len(DENSE_CASES) if self.family == "dense" else len(SPARSE_CASES)

    def case_name(self, case: int) -> str:
        return dense_name(case) if self.family == "dense" else SPARSE_CASES[case]


SETTINGS = [
    Setting("dense", "dense", 0, 2500),
    Setting("sparse", "sparse", 1, 500),
    Setting("correlated columns (0.7)", "hard", 2, 500, columns="correlated"),
    Setting("heavy tails (t, 4 degrees)", "hard", 3, 500, columns="student"),
    Setting("uniform columns", "hard", 4, 500, columns="uniform"),
    Setting("50 columns", "hard", 5, 500, d=50),
    Setting("50 columns, n = 2000", "hard", 6, 2000, d=50),
    Setting("two classes", "hard", 7, 2000, n_classes=2),
    Setting("three classes", "hard", 8, 2000, n_classes=3),
    Setting("200 columns, n = 100,000", "large", 9, 100_000, d=200),
]
BY_NAME = {setting.name: setting for setting in SETTINGS}
DEFAULT_NOISE = {"sparse": [0.01, 0.1, 0.5], "dense": [0.01, 0.5], "hard": [0.1], "large": [0.1]}
DEFAULT_SEEDS = {"sparse": 20, "dense": 4, "hard": 5, "large": 1}
# Standard deviation of the log odds of two classes: about 80 % of the labels are the likelier one.
CLASS_SIGNAL = 3.0


def draw_columns(kind: str, rng: np.random.Generator, n: int, d: int) -> Array:
    """(n, d) columns of mean zero and variance one."""
    if kind == "student":
        return np.asarray(rng.standard_t(4, (n, d)) / np.sqrt(2.0))
    if kind == "uniform":
        return rng.uniform(-np.sqrt(3.0), np.sqrt(3.0), (n, d))
    X = rng.standard_normal((n, d))
    if kind == "correlated":
        X = np.sqrt(0.3) * X + np.sqrt(0.7) * rng.standard_normal((n, 1))
    return X


def standardised(values: Array) -> Array:
    spread = values.std()
    return np.asarray((values - values.mean()) / (spread if spread > 1e-9 else 1.0))


def draw_problem(
    setting: Setting, case: int, seed: int, noise: float, n: int
) -> tuple[Array, Array, Law]:
    rng = np.random.default_rng([seed, case, setting.number])
    law = (dense_law if setting.family == "dense" else sparse_law)(case, rng, setting.d)
    X = draw_columns(setting.columns, rng, n + N_SPARE_ROWS, setting.d)
    if setting.n_classes:
        return X[:n], draw_classes(setting, case, law, X, rng)[:n], law
    signal = law.signal(X)
    spread = signal.std()
    y = signal + (noise * spread if spread > 1e-9 else 1.0) * rng.standard_normal(len(signal))
    return X[:n], standardised(y[:n]), law


def draw_classes(
    setting: Setting, case: int, law: Law, X: Array, rng: np.random.Generator
) -> Array:
    """Two classes by a logistic law; three by a multinomial one, the first class as reference."""
    first = CLASS_SIGNAL * standardised(law.signal(X))
    if setting.n_classes == 2:
        return (rng.uniform(size=len(X)) < expit(first)).astype(int)
    columns, coef = rng.permutation(setting.d), [signed(rng, 0.8, 1.6) for _ in range(8)]
    scores = [sparse_signal(case, columns, part)(X) for part in (coef[:4], coef[4:])]
    if case == 0:  # this law has fixed weights: the second score turns two of them round
        x = X[:, columns].T
        scores[1] = -2.5 * x[0] + 3.0 * x[1] ** 2 + 1.2 * x[2] ** 3
    logits = np.stack([np.zeros(len(X)), *map(standardised, scores)], axis=1)
    share = softmax(CLASS_SIGNAL * logits, axis=1).cumsum(axis=1)
    return np.asarray((rng.uniform(size=(len(X), 1)) > share[:, :-1]).sum(axis=1))


# -- running ---------------------------------------------------------------------------------------


def solve(
    setting_name: str, case: int, seed: int, noise: float, n: int, engine: str
) -> dict[str, Any]:
    setting = BY_NAME[setting_name]
    X, y, law = draw_problem(setting, case, seed, noise, n)
    search = NeuronFormulaSearch(
        engine=engine,
        max_interaction_order=4,
        n_resamples=0,
        target_type="classes" if setting.n_classes else "continuous",
    )
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.process_time()
        formula = search.fit(X, y).formula_
        seconds = time.process_time() - start
    found = frozenset(e.power for e in formula.expressions), frozenset(formula.interactions)
    return {
        "family": setting.family,
        "setting": setting.name,
        "case": str(case),
        "seed": str(seed),
        "noise": str(noise),
        "n": str(n),
        "d": str(setting.d),
        "engine": engine,
        "exact": int(found == law.truth),
        "ranks": int(found == law.truth and dict(formula.interactions) == law.ranks),
        "contained": int(law.label[0] <= found[0] and law.label[1] <= found[1]),
        "empty": int(not formula),
        "formula": str(formula),
        "seconds": f"{seconds:.3f}",
    }


def jobs_of(args: argparse.Namespace) -> Iterator[tuple[str, int, int, float, int, str]]:
    for setting in SETTINGS:
        if args.family not in ("all", setting.family):
            continue
        # classes have their own randomness: no noise is added to a label
        levels = [0.0] if setting.n_classes else args.noise or DEFAULT_NOISE[setting.family]
        for noise in levels:
            for case in range(setting.n_cases()):
                for seed in range(args.seeds or DEFAULT_SEEDS[setting.family]):
                    yield setting.name, case, seed, noise, args.n or setting.n, args.engine


def key_of(job: tuple[str, int, int, float, int, str]) -> tuple[str, ...]:
    name, case, seed, noise, n, engine = job
    setting = BY_NAME[name]
    return tuple(map(str, (setting.family, name, case, seed, noise, n, setting.d, engine)))


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    known = {tuple(row[k] for k in KEY): row for row in read_rows(args.out)}
    wanted = list(jobs_of(args))
    todo = [job for job in wanted if key_of(job) not in known]

    def note(row: dict[str, Any], count: int) -> None:
        known[tuple(row[k] for k in KEY)] = row
        append_row(args.out, row, FIELDS)
        where = f"{row['setting']}, case {row['case']}, seed {row['seed']}, noise {row['noise']}"
        verdict = "exact" if row["exact"] else "MISSED"
        print(
            f"{count}/{len(todo)} {where}: {verdict}, {row['formula']} ({row['seconds']} s)",
            file=sys.stderr,
            flush=True,
        )

    if args.jobs == 1:
        for count, job in enumerate(todo, 1):
            note(solve(*job), count)
    else:
        with ProcessPoolExecutor(args.jobs) as pool:
            for count, future in enumerate(as_completed([pool.submit(solve, *j) for j in todo]), 1):
                note(future.result(), count)
    return [known[key_of(job)] for job in wanted]


# -- report ----------------------------------------------------------------------------------------


def report(rows: list[dict[str, Any]]) -> str:
    """Markdown: one line per setting and noise, then the cases that were missed."""
    groups: dict[tuple[str, str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["setting"], row["n"], row["d"], row["noise"]), []).append(row)
    lines = [
        "| setting | n | d | noise | problems | exact | ranks too | labels contained "
        "| pure noise empty | s, mean | s, max |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    misses = []
    for (name, n, d, noise), part in groups.items():
        setting = BY_NAME[name]
        exact, ranks, contained = (
            np.mean([int(row[field]) for row in part]) for field in ("exact", "ranks", "contained")
        )
        seconds = np.array([float(row["seconds"]) for row in part])
        silent = [int(row["empty"]) for row in part if row["case"] == str(NOISE_CASE)]
        empties = "–" if setting.family == "dense" else f"{sum(silent)} of {len(silent)}"
        level = "labels" if setting.n_classes else noise
        lines.append(
            f"| {name} | {n} | {d} | {level} | {len(part)} | {exact:.3f} | {ranks:.3f} "
            f"| {contained:.3f} | {empties} | {seconds.mean():.2f} | {seconds.max():.2f} |"
        )
        for case in range(setting.n_cases()):
            mine = [row for row in part if int(row["case"]) == case]
            wrong = [row["formula"] for row in mine if not int(row["exact"])]
            if wrong:
                found = "; ".join(f"`{f}` ({wrong.count(f)})" for f in dict.fromkeys(wrong))
                misses.append(
                    f"| {name} | {level} | {setting.case_name(case)} | {len(wrong)} of {len(mine)} "
                    f"| {found} |"
                )
    lines += ["", "| setting | noise | law | missed | found instead |", "|---|---|---|---|---|"]
    return "\n".join(lines + (misses or ["| – | – | – | none | – |"]))


def numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--family", choices=["sparse", "dense", "hard", "large", "all"], default="all"
    )
    parser.add_argument("--seeds", type=int, default=None, help="per case; default 20, 4, 5 and 1")
    parser.add_argument("--noise", type=numbers, default=None, help="such as 0.01,0.1,0.5")
    parser.add_argument("--n", type=int, default=None, help="rows, instead of those of the setting")
    parser.add_argument("--engine", choices=["als", "gates"], default="als")
    parser.add_argument("--out", type=Path, default=None, help="CSV of all problems; resumable")
    parser.add_argument("--jobs", type=int, default=1, help="processes of one thread each")
    args = parser.parse_args()
    print(report(run(args)))


if __name__ == "__main__":
    main()
