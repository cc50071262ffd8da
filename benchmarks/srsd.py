"""Laws of physics on realistic ranges: SI units, columns spread over decades.

    python benchmarks/srsd.py --out srsd.csv
    python benchmarks/srsd.py --summary benchmarks/results/srsd.csv

Thirty well-known laws, their columns drawn uniformly in the logarithm (angles and small pure
numbers uniformly) over ranges that they have in nature, n = 1000; constants of nature are numbers
in the law. Noise is a share of the target's standard deviation. A law is exact if the answer is the
law once its numbers are fitted to rows without noise: the same values to six digits on ranges half
as wide again in the logarithm, as `feynman.py` judges. ``builtin_units`` hands over the units
too, of the laws without constants that have units of their own.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from common.rows import append_row, read_rows
from formulas.equivalence import is_law

from sktaskneuron import NeuronFormulaSearch
from sktaskneuron.formula import FittedExpression

FIELDS = ["engine", "law", "noise", "seed", "exact", "r2_outside", "seconds", "expression"]
KEY = ["engine", "law", "noise", "seed"]
ENGINES = ("builtin", "builtin_units")


@dataclass(frozen=True)
class Law:
    """A law, and ``column low high unit`` of each of its columns.

    ``unit`` is the target's; empty where a constant of the law has a unit.
    """

    name: str
    text: str
    columns: tuple[str, ...]
    unit: str = ""

    @property
    def parts(self) -> list[list[str]]:
        return [column.split() for column in self.columns]

    @property
    def names(self) -> list[str]:
        return [part[0] for part in self.parts]

    @property
    def units(self) -> dict[str, str]:
        return {part[0]: part[3] for part in self.parts}

    @property
    def expression(self) -> FittedExpression:
        return FittedExpression.parse(self.text, self.names)

    def draw(self, n: int, rng: np.random.Generator, wide: bool = False) -> tuple[Any, Any]:
        """Rows where the law is defined, and its values there."""
        X = np.empty((4 * n, len(self.columns)))
        for place, (_, low, high, unit) in enumerate(self.parts):
            a, b = float(low), float(high)
            angle = unit == "1" and b < 10
            if not angle:
                a, b = math.log(a), math.log(b)
            margin = (b - a) / 4 if wide and not angle else 0.0
            drawn = rng.uniform(a - margin, b + margin, size=len(X))
            X[:, place] = drawn if angle else np.exp(drawn)
        with np.errstate(all="ignore"):
            y = self.expression.evaluate(X)[:, 0]
        fine = np.flatnonzero(np.isfinite(y))[:n]
        return X[fine], y[fine]


LAWS = (
    Law("gravity", "6.6743e-11*m1*m2/r**2", ("m1 1 1e4 kg", "m2 1 1e4 kg", "r 0.1 10 m")),
    Law("Coulomb", "8.98755e9*q1*q2/r**2", ("q1 1e-9 1e-7 C", "q2 1e-9 1e-7 C", "r 0.01 1 m")),
    Law("gas", "8.31446*n*T/V", ("n 0.1 100 mol", "T 100 1000 K", "V 0.001 1 m**3")),
    Law("radiation", "5.67037e-8*A*T**4", ("A 0.01 10 m**2", "T 200 6000 K")),
    Law(
        "Planck",
        "1.4745e-50*nu**3/(exp(4.79924e-11*nu/T) - 1)",
        ("nu 1e13 1e15 1/s", "T 1e3 1e4 K"),
    ),
    Law(
        "Arrhenius",
        "A*exp(-E/(8.31446*T))",
        ("A 1e9 1e11 1/s", "E 1e4 5e4 J/mol", "T 250 1000 K"),
    ),
    Law("pendulum", "6.283185307*sqrt(L/g)", ("L 0.01 10 m", "g 1 30 m/s**2"), "s"),
    Law("Kepler", "769082*sqrt(a**3/M)", ("a 1e10 1e12 m", "M 1e29 1e31 kg")),
    Law("lens", "u*v/(u + v)", ("u 0.1 10 m", "v 0.1 10 m"), "m"),
    Law("time dilation", "t/sqrt(1 - v**2/8.98755e16)", ("t 1e-6 1e-3 s", "v 1e7 2e8 m/s")),
    Law(
        "sum of velocities",
        "(u + v)/(1 + u*v/8.98755e16)",
        ("u 1e7 2.5e8 m/s", "v 1e7 2.5e8 m/s"),
    ),
    Law("de Broglie", "6.62607e-34/(m*v)", ("m 1e-30 1e-26 kg", "v 1e3 1e6 m/s")),
    Law("Compton", "l + 2.42631e-12*(1 - cos(a))", ("l 1e-12 1e-11 m", "a 0.1 3.1 1")),
    Law("escape", "1.15536e-5*sqrt(M/R)", ("M 1e22 1e28 kg", "R 1e6 1e8 m")),
    Law(
        "Reynolds",
        "rho*v*L/mu",
        ("rho 0.1 1e3 kg/m**3", "v 0.01 100 m/s", "L 0.001 10 m", "mu 1e-5 1 kg/m/s"),
        "1",
    ),
    Law(
        "Poiseuille",
        "0.3926990817*p*r**4/(mu*L)",
        ("p 100 1e5 kg/m/s**2", "r 1e-4 1e-2 m", "mu 1e-4 1e-1 kg/m/s", "L 0.01 10 m"),
        "m**3/s",
    ),
    Law(
        "pressure below",
        "p + rho*g*h",
        ("p 1e4 1e6 kg/m/s**2", "rho 500 5e3 kg/m**3", "g 1 30 m/s**2", "h 0.1 100 m"),
        "kg/m/s**2",
    ),
    Law(
        "drag",
        "0.5*rho*C*A*v**2",
        ("rho 0.1 1e3 kg/m**3", "C 0.01 2 1", "A 0.01 10 m**2", "v 0.1 100 m/s"),
        "kg*m/s**2",
    ),
    Law(
        "discharge",
        "V*exp(-t/(R*C))",
        ("V 1 100 V", "t 1e-3 1e-1 s", "R 1e3 1e5 V/A", "C 1e-7 1e-5 A*s/V"),
        "V",
    ),
    Law("resonance", "0.1591549431/sqrt(L*C)", ("L 1e-6 1e-2 V*s/A", "C 1e-12 1e-8 A*s/V"), "1/s"),
    Law("capacitor", "8.85419e-12*k*A/d", ("k 2 100 1", "A 1e-4 1 m**2", "d 1e-6 1e-3 m")),
    Law("solenoid", "1.25664e-6*N*I/L", ("N 10 1e4 1", "I 0.01 10 A", "L 0.01 1 m")),
    Law(
        "cyclotron",
        "m*v/(q*B)",
        ("m 1e-30 1e-25 kg", "v 1e4 1e7 m/s", "q 1e-19 1e-18 A*s", "B 1e-3 10 kg/A/s**2"),
        "m",
    ),
    Law(
        "barometer",
        "p*exp(-1.17946*M*h/T)",
        ("p 1e3 1e6 Pa", "M 2e-3 5e-2 kg/mol", "h 10 2e4 m", "T 100 1000 K"),
    ),
    Law("Snell", "asin(n1*sin(a)/n2)", ("n1 1 2.5 1", "n2 1 2.5 1", "a 0.05 1.5 1"), "1"),
    Law(
        "Michaelis-Menten",
        "V*S/(K + S)",
        ("V 1e-6 1e-3 mol/s", "S 1e-6 1e-2 mol", "K 1e-5 1e-3 mol"),
        "mol/s",
    ),
    Law(
        "Nernst",
        "8.61733e-5*T*log(a/b)/z",
        ("T 250 400 K", "a 1e-4 1 mol", "b 1e-4 1 mol", "z 1 4 1"),
    ),
    Law("Debye", "69.0065*sqrt(T/n)", ("T 1e2 1e7 K", "n 1e6 1e20 1/m**3")),
    Law("range", "v**2*sin(2*a)/g", ("v 1 1e3 m/s", "a 0.05 1.5 1", "g 1 30 m/s**2"), "m"),
    Law(
        "orbit",
        "sqrt(6.6743e-11*M*(2/r - 1/a))",
        ("M 1e29 1e31 kg", "r 1e10 1e11 m", "a 1e11 1e12 m"),
    ),
)


def run(engine: str, law: Law, noise: float, seed: int) -> dict[str, Any]:
    """Search once, and judge the answer."""
    rng = np.random.default_rng([seed, LAWS.index(law)])
    X, f = law.draw(1000, rng)
    y = f + noise * f.std() * rng.standard_normal(len(f))
    X_wide, f_wide = law.draw(1000, rng, wide=True)
    search = NeuronFormulaSearch("sr", scope="columns", random_state=seed)
    search.set_params(target_type="continuous")
    if engine == "builtin_units":
        search.set_params(units=law.units, target_unit=law.unit)
    before = time.process_time()
    answer = search.fit(pd.DataFrame(X, columns=law.names), y).fitted_formula_
    seconds = time.process_time() - before
    sides = [dict(zip(law.names, part.T, strict=True)) for part in (X, X_wide)]
    with np.errstate(all="ignore"):
        outside = 1 - np.mean((answer.evaluate(X_wide)[:, 0] - f_wide) ** 2) / np.var(f_wide)
    return {
        "exact": int(is_law(answer.nodes[0], sides[0], f, sides[1], f_wide)),
        "r2_outside": f"{outside:.6f}",
        "seconds": f"{seconds:.2f}",
        "expression": answer.texts()[0][:400],
    }


def summary(rows: list[dict[str, Any]]) -> None:
    print("| engine | noise | laws | exact | median CPU s |\n|---|---|---|---|---|")
    for engine, noise in sorted({(row["engine"], row["noise"]) for row in rows}):
        part = [row for row in rows if (row["engine"], row["noise"]) == (engine, noise)]
        seconds = np.median([float(row["seconds"]) for row in part])
        exact = sum(int(row["exact"]) for row in part)
        print(f"| {engine} | {noise} | {len(part)} | {exact} | {seconds:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engines", type=lambda text: text.split(","), default=list(ENGINES))
    parser.add_argument("--noise", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="rows as CSV; finished ones are not run again")
    parser.add_argument("--summary", type=Path, help="print the table of these rows")
    options = parser.parse_args()
    if options.summary:
        summary(list(read_rows(options.summary)))
        return
    done = {tuple(row[key] for key in KEY) for row in read_rows(options.out)}
    rows = []
    for engine in options.engines:
        for law in LAWS:
            key = {"engine": engine, "law": law.name, "noise": options.noise, "seed": options.seed}
            if tuple(map(str, key.values())) in done or (engine != "builtin" and not law.unit):
                continue
            row = key | run(engine, law, options.noise, options.seed)
            rows.append(row)
            append_row(options.out, row, FIELDS)
            print(f"{engine} {law.name}: {row['exact']}, {row['expression']}", file=sys.stderr)
    summary(list(read_rows(options.out)) if options.out else rows)


if __name__ == "__main__":
    main()
