"""How many right-hand sides of differential equations are found again: ODE-Strogatz.

    python benchmarks/ode_strogatz.py --noise 0.01
    python benchmarks/ode_strogatz.py --noise 0.01 --measured

Seven systems of two equations (`make_strogatz`), four orbits of 100 points. Noise is a share of
each column's standard deviation: of the derivatives, or with --measured of the states alone, whose
derivatives are then those of smoothing splines (`make_derivative_pairs`). An equation is exact if
it is the law once its numbers are fitted to rows without noise: the same values to six digits on
other orbits. Close means R2 above 0.999 on other orbits, without noise.
"""

import argparse
import time

import numpy as np
import pandas as pd
from formulas.equivalence import is_law, tree_distance

from sktaskneuron import NeuronFormulaSearch
from sktaskneuron.datasets import make_derivative_pairs, make_strogatz
from sktaskneuron.datasets.strogatz import SYSTEMS
from sktaskneuron.formula import FittedExpression

Array = np.ndarray
NAMES = ["x", "y"]


def rows(system: str, seed: int, noise: float, measured: bool) -> tuple[Array, Array]:
    """States and derivatives, with noise."""
    rng = np.random.default_rng(seed)
    orbits = make_strogatz(system, random_state=seed)
    if not measured:
        return orbits.X, orbits.y + noise * orbits.y.std(axis=0) * rng.normal(size=orbits.y.shape)
    spread = orbits.X.std(axis=0)
    states = orbits.trajectories + noise * spread * rng.normal(size=orbits.trajectories.shape)
    return make_derivative_pairs(states, orbits.t, smooth=True)


def run(
    system: str, place: int, arguments: argparse.Namespace
) -> tuple[bool, float, float, float, str]:
    X, y = rows(system, arguments.seed, arguments.noise, arguments.measured)
    search = NeuronFormulaSearch("sr", scope="columns", target_type="continuous", random_state=0)
    start = time.process_time()
    answer = search.fit(pd.DataFrame(X, columns=NAMES), y[:, place]).fitted_formula_
    seconds = time.process_time() - start
    clean = make_strogatz(system, random_state=arguments.seed)
    other = make_strogatz(system, n_orbits=20, random_state=arguments.seed + 1)
    truth = other.y[:, place]
    r2 = 1 - np.mean((answer.evaluate(other.X)[:, 0] - truth) ** 2) / truth.var()
    sides = [dict(zip(NAMES, bunch.X.T, strict=True)) for bunch in (clean, other)]
    exact = is_law(answer.nodes[0], sides[0], clean.y[:, place], sides[1], truth)
    law = FittedExpression.parse(SYSTEMS[system].equations[place], NAMES).nodes[0]
    return exact, float(r2), tree_distance(answer.nodes[0], law), seconds, str(answer)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--noise", type=float, default=0.01)
    parser.add_argument("--measured", action="store_true", help="noise on states; splines")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print("| system | equation | exact | R2, other orbits | tree distance | CPU s | answer |")
    print("|---|---|---|---|---|---|---|")
    exact = close = 0
    for system in SYSTEMS:
        for place, name in enumerate(NAMES):
            found, r2, distance, seconds, text = run(system, place, arguments)
            exact, close = exact + found, close + (r2 > 0.999)
            print(
                f"| {system} | d{name}/dt | {'yes' if found else 'no'} | {r2:.5f} | {distance:.2f} "
                f"| {seconds:.1f} | `{text}` |",
                flush=True,
            )
    print(f"\nexact {exact} of {2 * len(SYSTEMS)}, close {close}")


if __name__ == "__main__":
    main()
