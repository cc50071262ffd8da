"""How often laws with constants inside functions are found again: rates, frequencies, exponents.

    python benchmarks/hard_laws.py --seeds 6

Nine laws, 300 rows drawn uniformly, noise of 1 % of the target's standard deviation. A law counts
as found if the answer reads the same kinds of functions, is at most half as long again as the law,
and errs by less than 2 % of the law's standard deviation on ranges half as wide again about the
same centre (positive ones down to 0.8 of the lower end): wrong constants do not pass there.
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sktaskneuron import NeuronFormulaSearch
from sktaskneuron.formula import FittedExpression
from sktaskneuron.formula.text.evaluation import primitives_of

Array = np.ndarray


@dataclass(frozen=True)
class Law:
    """A law, the ranges of its columns, and the sets of functions that it may be written with."""

    name: str
    text: str
    ranges: dict[str, tuple[float, float]]
    functions: tuple[frozenset[str], ...]

    @property
    def expression(self) -> FittedExpression:
        return FittedExpression.parse(self.text, list(self.ranges))

    def draw(self, n: int, rng: np.random.Generator, wide: bool = False) -> Array:
        low, high = np.array(list(self.ranges.values())).T
        if wide:
            margin = (high - low) / 4
            left = np.where(low > 0, np.maximum(low - margin, 0.8 * low), low - margin)
            low, high = left, high + margin
        X = rng.uniform(low, high, size=(n, len(low)))
        # an entropy ends at one
        return np.minimum(X, 0.999) if self.name.startswith("entropy") else X


def _kinds(*options: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(option.split()) for option in options)


LAWS = (
    Law(
        "damped wave",
        "2*exp(-0.3*t)*cos(3*t + 0.4)",
        {"t": (0, 10)},
        _kinds("exp cos", "exp sin"),
    ),
    Law("Hill", "5/(1 + 19.419*x**-2.7)", {"x": (0.2, 10)}, _kinds("")),
    Law("Hill times V", "V/(1 + 19.419*x**-2.7)", {"x": (0.2, 10), "V": (1, 4)}, _kinds("")),
    Law("entropy, one side", "-p*log(p)", {"p": (0.01, 0.99)}, _kinds("log")),
    Law("entropy, two sides", "-p*log(p) - (1 - p)*log(1 - p)", {"p": (0.01, 0.99)}, _kinds("log")),
    Law("Arrhenius", "A*exp(-2300/T)", {"T": (250, 400), "A": (1, 3)}, _kinds("exp")),
    Law(
        "bell",
        "s*exp(-0.78125*(x - 1.3)**2)",
        {"x": (-3, 5), "s": (1, 3)},
        _kinds("exp", "gaussian"),
    ),
    Law(
        "logistic",
        "3*sigmoid(1.428571*x - 3.142857)",
        {"x": (-4, 8)},
        _kinds("sigmoid", "exp", "tanh"),
    ),
    Law(
        "two decays",
        "A*exp(-0.35*t) + 2*exp(-2.1*t)",
        {"t": (0, 6), "A": (1, 3)},
        _kinds("exp"),
    ),
)


def is_found(law: Law, answer: FittedExpression, error: float) -> bool:
    reads = primitives_of(answer.nodes[0])
    short = answer.complexity <= 1.5 * law.expression.complexity
    return error < 0.02 and short and reads in law.functions


def run(law: Law, seed: int, noise: float, n: int) -> tuple[bool, float, float, str]:
    """Search once; return whether the law was found, the error outside, seconds and the answer."""
    rng = np.random.default_rng([seed, LAWS.index(law)])
    X = law.draw(n, rng)
    f = law.expression.evaluate(X)[:, 0]
    y = f + noise * f.std() * rng.normal(size=n)
    search = NeuronFormulaSearch("sr", scope="columns")
    start = time.process_time()
    answer = search.fit(pd.DataFrame(X, columns=list(law.ranges)), y).fitted_formula_
    seconds = time.process_time() - start
    wide = law.draw(2_000, rng, wide=True)
    truth = law.expression.evaluate(wide)[:, 0]
    error = float(np.sqrt(np.mean((answer.evaluate(wide)[:, 0] - truth) ** 2)) / truth.std())
    return is_found(law, answer, error), error, seconds, str(answer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--noise", type=float, default=0.01)
    parser.add_argument("--n", type=int, default=300, help="rows")
    parser.add_argument("--verbose", action="store_true", help="print every answer")
    arguments = parser.parse_args()
    print("| law | found | median error outside | median CPU s |\n|---|---|---|---|", flush=True)
    total = 0
    for law in LAWS:
        seeds = range(arguments.first, arguments.first + arguments.seeds)
        rows = [run(law, seed, arguments.noise, arguments.n) for seed in seeds]
        found, errors, seconds, _ = zip(*rows, strict=True)
        total += sum(found)
        if arguments.verbose:
            for row in rows:
                print(f"<!-- {'right' if row[0] else 'WRONG'} {row[1]:.4f} {row[3]} -->")
        print(
            f"| {law.name} | {sum(found)} of {len(rows)} | {np.median(errors):.4f} "
            f"| {np.median(seconds):.1f} |",
            flush=True,
        )
    print(f"| all | {total} of {len(LAWS) * arguments.seeds} | | |")


if __name__ == "__main__":
    main()
