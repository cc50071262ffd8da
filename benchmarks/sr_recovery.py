"""How often symbolic regression finds the right functions: recovery of known neuron formulas.

Each problem is y = sum_t <w_t, g_t(x)> + noise with dense weights w_t, the same functions g_t for
all columns, standard normal columns, and every term of the same spread. 16 laws of one to four
functions, and pure noise. Inner constants are drawn anew for every seed (sin and cos 1.5 to 4,
tanh 1 to 2). An answer is exact if it has the same functions, and no other, with inner constants
(also those of exp(-x^2), log(1 + |x|) and x exp(-|x|), which are 1) within 5 % of the true ones at
noise 0.01, and within 15 % above. On pure noise the empty formula is exact. Noise is the ratio of
standard deviations, noise over signal.

    python benchmarks/sr_recovery.py --seeds 10 --out sr_recovery.csv

With --out, finished problems are kept and a second call goes on where the first one stopped.
Seconds are processor time of one fit on one thread. --peer searches with tnlearn's VecSymRegressor
instead (needs the extra `peers`, or its wheel on the path); each of its fits has --limit seconds.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorly.decomposition  # noqa: F401  (the search's first fit would time its import)
from common.rows import append_row, read_rows
from threadpoolctl import threadpool_limits

from sktaskneuron import NeuronFormulaSearch
from sktaskneuron.formula import ElementwiseExpression
from sktaskneuron.search.sr.library import Shape, Term

Array = np.ndarray

FIELDS = ["searcher", "case", "seed", "noise", "n", "d", "exact", "shapes", "formula", "seconds"]
KEY = FIELDS[:6]

# Per law its functions; "a" stands for a drawn constant.
LAWS: list[tuple[str, ...]] = [
    ("x",),
    ("sin(a*x)",),
    ("tanh(a*x)",),
    ("x*exp(-abs(x))",),
    ("x", "x**2"),
    ("x", "cos(a*x)"),
    ("x**2", "sin(a*x)"),
    ("x**3", "gaussian(x)"),
    ("abs(x)", "sin(a*x)"),
    ("x**2", "tanh(a*x)"),
    ("x", "log(1 + abs(x))"),
    ("sin(a*x)", "cos(a*x)"),
    ("x", "x**2", "x**3"),
    ("x**2", "abs(x)", "sin(a*x)"),
    ("x", "gaussian(x)", "cos(a*x)"),
    ("x", "x**3", "abs(x)", "sin(a*x)"),
]
NOISE_CASE = len(LAWS)
RANGES = {"sin(a*x)": (1.5, 4.0), "cos(a*x)": (1.5, 4.0), "tanh(a*x)": (1.0, 2.0)}
# Share by which a constant may be off, up to a noise of 0.01 and above.
TOLERANCE, TOLERANCE_NOISY = 0.05, 0.15
_POINTS = np.linspace(-3.0, 3.0, 301)


def draw_law(case: int, rng: np.random.Generator) -> list[Term]:
    terms = []
    for text in LAWS[case] if case < len(LAWS) else ():
        a = round(float(rng.uniform(*RANGES[text])), 3) if text in RANGES else 1.0
        terms.append(Term(Shape(text.replace("a*x", "x")), a))
    return terms


def draw_problem(
    case: int, seed: int, noise: float, n: int, d: int
) -> tuple[Array, Array, list[Term]]:
    rng = np.random.default_rng([seed, case])
    terms = draw_law(case, rng)
    X = rng.standard_normal((n, d))
    signal = np.zeros(n)
    for term in terms:
        part = term.values(X) @ rng.standard_normal(d)
        signal += part / part.std()
    spread = signal.std() if terms else 1.0
    return X, signal + (noise * spread if terms else 1.0) * rng.standard_normal(n), terms


# -- verdict ---------------------------------------------------------------------------------------


def best_constant(found: ElementwiseExpression, term: Term) -> float | None:
    """The a at which the term's shape is the found function up to weight and constant, if any."""
    values = found.evaluate(_POINTS)
    homogeneous = term.shape.power is not None or term.shape.text == "abs(x)"
    grid = [1.0] if homogeneous else np.geomspace(0.1, 10, 4001)
    best, miss = None, 1e-4
    for a in grid:
        shape = term.at(float(a)).values(_POINTS)
        rest = 1.0 - abs(np.corrcoef(values, shape)[0, 1])
        if rest < miss:
            best, miss = float(a), rest
    return best


def verdict(
    found: list[ElementwiseExpression], truth: list[Term], noise: float
) -> tuple[bool, bool]:
    """Whether functions and constants are right, and whether the functions are."""
    allowed = TOLERANCE if noise <= 0.01 else TOLERANCE_NOISY
    left, close = list(truth), True
    for expression in found:
        matches = [(term, best_constant(expression, term)) for term in left]
        match = next(((term, a) for term, a in matches if a is not None), None)
        if match is None:
            return False, False
        term, a = match
        left.remove(term)
        close &= abs(a / term.a - 1.0) <= allowed
    return not left and close, not left


# -- searchers -------------------------------------------------------------------------------------


def search_ours(X: Array, y: Array) -> tuple[list[ElementwiseExpression], str]:
    search = NeuronFormulaSearch("sr", target_type="continuous", n_resamples=0).fit(X, y)
    # back to raw columns, if the search scaled all of them alike
    fitted = search.fitted_formula_
    used = fitted.used_features
    scale = float(np.median(fitted.scale[used])) if used.size else 1.0
    raw = [Term(Shape(e.text), 1.0 / scale).expression for e in search.formula_.expressions]
    return raw, " + ".join(e.text for e in raw) or "0"


def search_peer(X: Array, y: Array) -> tuple[list[ElementwiseExpression], str]:
    from tnlearn import VecSymRegressor

    searcher = VecSymRegressor(random_state=0, **PEER_BUDGET)
    searcher.fit(X, y)
    text = str(searcher.neuron)
    return [], text


# A tenth of its default population and a quarter of its generations.
PEER_BUDGET: dict[str, Any] = {"pop_size": 500, "max_generations": 5}


def peer_in_child(X: Array, y: Array, limit: float) -> tuple[str, float]:
    """The peer's formula, or why there is none, and the seconds it took."""

    def work(queue: Any) -> None:
        start = time.process_time()
        with threadpool_limits(1):
            text = search_peer(X, y)[1]
        queue.put((text, time.process_time() - start))

    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=work, args=(queue,), daemon=True)
    child.start()
    try:
        return queue.get(timeout=limit)
    except Exception:  # a crash leaves the queue empty as a timeout does
        return "no answer", limit
    finally:
        child.kill()
        child.join()


def solve(args: argparse.Namespace, case: int, seed: int, noise: float) -> dict[str, Any]:
    X, y, truth = draw_problem(case, seed, noise, args.n, args.d)
    if args.peer:
        formula, seconds = peer_in_child(X, y, args.limit)
        # its formulas are polynomials in one x: powers with a coefficient each
        exact = shapes = same_powers(formula, truth)
    else:
        with threadpool_limits(1):
            start = time.process_time()
            found, formula = search_ours(X, y)
            seconds = time.process_time() - start
        exact, shapes = verdict(found, truth, noise)
    return {
        "searcher": "tnlearn" if args.peer else "builtin",
        "case": str(case),
        "seed": str(seed),
        "noise": str(noise),
        "n": str(args.n),
        "d": str(args.d),
        "exact": int(exact),
        "shapes": int(shapes),
        "formula": formula,
        "seconds": f"{seconds:.3f}",
    }


def same_powers(text: str, truth: list[Term]) -> bool:
    """Whether a formula in tnlearn's notation, as ``2@x**3 - 1@x + 3``, has the true powers."""
    import sympy

    x = sympy.Symbol("x")
    try:
        found = {power[0] for power, c in sympy.Poly(parsed(text, x), x).terms() if c != 0}
    except (sympy.SympifyError, ValueError, KeyError, sympy.PolynomialError):
        return False
    return found - {0} == {term.shape.power for term in truth}


def parsed(text: str, x: Any) -> Any:
    """The polynomial, by this package's own parser: nothing is executed."""
    from sktaskneuron.formula.export.tree_sympy import node_to_sympy
    from sktaskneuron.formula.text.parser import parse_node

    return node_to_sympy(parse_node(text.replace("@", "*")), {"x": x}, __import__("sympy"))


# -- running ---------------------------------------------------------------------------------------


def jobs_of(args: argparse.Namespace) -> Iterator[tuple[int, int, float]]:
    for noise in args.noise:
        for case in range(len(LAWS) + 1):
            if args.only and case not in args.only:
                continue
            for seed in range(args.seeds):
                yield case, seed, noise


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    known = {tuple(row[k] for k in KEY): row for row in read_rows(args.out)}
    searcher = "tnlearn" if args.peer else "builtin"

    def key_of(job: tuple[int, int, float]) -> tuple[str, ...]:
        return (searcher, *map(str, (*job, args.n, args.d)))

    wanted = list(jobs_of(args))
    todo = [job for job in wanted if key_of(job) not in known]
    for count, job in enumerate(todo, 1):
        row = solve(args, *job)
        known[key_of(job)] = row
        append_row(args.out, row, FIELDS)
        where = f"{law_name(job[0])}, seed {job[1]}, noise {job[2]}"
        print(
            f"{count}/{len(todo)} {where}: {'exact' if row['exact'] else 'MISSED'}, "
            f"{row['formula']} ({row['seconds']} s)",
            file=sys.stderr,
            flush=True,
        )
    return [known[key_of(job)] for job in wanted]


def law_name(case: int) -> str:
    return " + ".join(LAWS[case]) if case < len(LAWS) else "noise"


# -- report ----------------------------------------------------------------------------------------


def report(rows: list[dict[str, Any]]) -> str:
    """Markdown: one line per noise, then one per law."""
    levels = list(dict.fromkeys(row["noise"] for row in rows))

    def share(part: list[dict[str, Any]], field: str) -> str:
        return f"{np.mean([int(row[field]) for row in part]):.3f}" if part else "–"

    lines = [
        "| noise | problems | exact | functions right | pure noise empty | s, median | s, max |",
        "|---|---|---|---|---|---|---|",
    ]
    for noise in levels:
        mine = [row for row in rows if row["noise"] == noise]
        laws = [row for row in mine if int(row["case"]) != NOISE_CASE]
        silent = [int(row["exact"]) for row in mine if int(row["case"]) == NOISE_CASE]
        seconds = np.array([float(row["seconds"]) for row in mine])
        lines.append(
            f"| {noise} | {len(laws)} | {share(laws, 'exact')} | {share(laws, 'shapes')} "
            f"| {sum(silent)} of {len(silent)} | {np.median(seconds):.1f} | {seconds.max():.1f} |"
        )
    heads = " | ".join(f"noise {noise}" for noise in levels)
    lines += ["", f"| law | {heads} | found instead |"]
    lines.append("|---" * (len(levels) + 2) + "|")
    for case in sorted({int(row["case"]) for row in rows}):
        mine = [row for row in rows if int(row["case"]) == case]
        wrong = [row["formula"] for row in mine if not int(row["exact"])]
        found = "; ".join(f"`{text}`" for text in dict.fromkeys(wrong[:3])) or "–"
        cells = [
            f"{sum(int(row['exact']) for row in mine if row['noise'] == noise)} of "
            f"{sum(row['noise'] == noise for row in mine)}"
            for noise in levels
        ]
        lines.append(f"| {law_name(case)} | {' | '.join(cells)} | {found} |")
    return "\n".join(lines)


def numbers(kind: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    return lambda text: [kind(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--noise", type=numbers(float), default=[0.01, 0.1], help="as 0.01,0.1")
    parser.add_argument("--seeds", type=int, default=10, help="problems per law")
    parser.add_argument("--n", type=int, default=1000, help="rows")
    parser.add_argument("--d", type=int, default=10, help="columns")
    parser.add_argument("--only", type=numbers(int), default=None, help="numbers of laws, as 0,5")
    parser.add_argument("--peer", action="store_true", help="tnlearn instead of our search")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds of a fit of the peer")
    parser.add_argument("--out", type=Path, default=None, help="CSV of all problems; resumable")
    args = parser.parse_args()
    print(report(run(args)))


if __name__ == "__main__":
    main()
