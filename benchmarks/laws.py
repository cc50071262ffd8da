"""Is a model with a law at hand as good as its best part?

    python benchmarks/laws.py                          # six laws, one draw of each
    python benchmarks/laws.py --laws many,part --seeds 3

Each law is drawn with 1,500 rows to fit NeuronSeekRegressor on, at its defaults, and 2,500 new
ones. A part is any model that fit compares: the constant, the linear model, the searched equation,
each group of networks, and the networks on what the equation leaves. Errors are root mean squared
errors on the new rows, against the target with its noise, in standard deviations of the target. The
bar is a ratio of 1.5 at most.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from common.report import markdown, say

from sktaskneuron import NeuronSeekRegressor
from sktaskneuron.estimators.fitted import fitted_value
from sktaskneuron.estimators.neuron_seek.groups import Compared
from sktaskneuron.estimators.neuron_seek.run import Prepared, prepare
from sktaskneuron.models.choice import Choice, choose

Array = np.ndarray
Rows = tuple[Array, Array]

N_TRAIN, N_NEW, BAR = 1_500, 2_500, 1.5


def columns(rng: np.random.Generator, n_columns: int, correlation: float) -> Array:
    """Normal columns that share a part."""
    own = rng.normal(size=(N_TRAIN + N_NEW, n_columns))
    shared = rng.normal(size=(N_TRAIN + N_NEW, 1))
    return np.sqrt(1 - correlation) * own + np.sqrt(correlation) * shared


def with_noise(X: Array, law: Array, noise: float, rng: np.random.Generator) -> Rows:
    return X, law + noise * law.std() * rng.normal(size=len(law))


def many(rng: np.random.Generator) -> Rows:
    """33 exact terms: a line and a square of each of 16 columns, and a product."""
    X = columns(rng, 16, 0.5)
    lines, squares = np.random.default_rng(3).normal(size=(2, 16))
    return with_noise(X, X @ lines + X**2 @ squares + 2 * X[:, 0] * X[:, 1], 0.01, rng)


def part(rng: np.random.Generator) -> Rows:
    """A product and a cube, beside a fast wave and a step that no power reaches."""
    X = columns(rng, 10, 0.5)
    law = X[:, 0] * X[:, 1] + 0.5 * X[:, 2] ** 3 + np.sin(4 * X[:, 3]) + 0.5 * np.sign(X[:, 4])
    return with_noise(X, law, 0.01, rng)


def ratio(rng: np.random.Generator) -> Rows:
    """Two ratios of positive columns, outside of what powers and products reach."""
    X = np.exp(0.4 * columns(rng, 10, 0.5))
    law = X[:, 0] * X[:, 1] ** 2 / X[:, 2] + X[:, 3] / X[:, 4]
    return with_noise(X, law, 0.01, rng)


def sparse(rng: np.random.Generator) -> Rows:
    """Four terms up to the third order among 15 columns."""
    X = columns(rng, 15, 0.7)
    law = X[:, 0] * X[:, 1] ** 2 + X[:, 2] * X[:, 3] * X[:, 4] + 0.5 * X[:, 5] ** 3 + X[:, 6]
    return with_noise(X, law, 0.001, rng)


def plant(rng: np.random.Generator) -> Rows:
    """Fourteen sensors of three states; the target is the state that moves them least."""
    n_rows = N_TRAIN + N_NEW
    speed = rng.choice(np.linspace(0.2, 1.8, 9), n_rows)
    wear, other = rng.uniform(size=(2, n_rows))
    states = np.stack([speed, wear, 2 * other], axis=1)
    machine = np.random.default_rng(5)
    linear, inner = machine.normal(size=(2, 3, 14))
    X = (states * [3, 0.3, 0.2]) @ linear + ((states * [1, 0.2, 0.1]) @ inner) ** 2
    X = X + speed[:, None] ** 3 * machine.normal(size=14)
    X = X + 1e-3 * X.std(axis=0) * rng.normal(size=X.shape)
    return X, 0.95 + 0.05 * wear


def fifth(rng: np.random.Generator) -> Rows:
    """Terms of the fourth and the fifth order, with far tails."""
    X = columns(rng, 12, 0.7)
    law = X[:, :4].prod(axis=1) + 0.3 * X[:, 4] ** 5 + X[:, 5] * X[:, 6] + X[:, 7]
    return with_noise(X, law, 0.01, rng)


LAWS: dict[str, Callable[[np.random.Generator], Rows]] = {
    law.__name__: law for law in (many, part, ratio, sparse, plant, fifth)
}


@dataclass(frozen=True, eq=False)
class _Watched:
    """A fit of which all models are kept, not those alone that predict."""

    prepared: Prepared
    compared: Compared
    choice: Choice

    def attributes(self) -> dict[str, object]:
        return {}


def _watched(settings, table, encoded, target, report) -> _Watched:
    prepared = prepare(settings, table, encoded, target, report)
    rivals = prepared.rivals
    compared = rivals.candidates()
    margin = settings.defaults.simple_margin
    choice = choose(rivals.task, rivals.validation, compared.candidates, margin)
    return _Watched(prepared, compared, choice)


class _Regressor(NeuronSeekRegressor):
    _run = staticmethod(_watched)


def line(name: str, seed: int) -> list[str]:
    """Errors of the model and of its best part, as a line of the table."""
    X, y = LAWS[name](np.random.default_rng(seed))
    start = time.process_time()
    estimator = _Regressor(random_state=seed).fit(X[:N_TRAIN], y[:N_TRAIN])
    seconds = time.process_time() - start
    fitted = fitted_value(estimator)
    inputs = fitted.prepared.reader.read(X[N_TRAIN:], estimator)
    target = fitted.prepared.rivals.task.kind

    def error(model) -> float:
        predicted = target.decoded(model.predict_raw(inputs))
        return float(np.sqrt(np.mean((predicted - y[N_TRAIN:]) ** 2)) / y[N_TRAIN:].std())

    parts = {c.name: error(c.model) for c in fitted.compared.candidates}
    equation = "formula" if "formula" in parts else "linear"
    best = min(parts, key=lambda part: parts[part])
    whole = error(fitted.choice.model)
    over = whole / parts[best]
    say(f"{name}, draw {seed}: {whole:.4f} against {parts[best]:.4f} of {best!r}")
    numbers = [f"{value:.4f}" for value in (whole, parts[best])]
    return [
        *(name, str(seed), fitted.choice.name, numbers[0], best, numbers[1]),
        *(f"{over:.2f}" + " !" * (over > BAR), f"{parts[equation]:.4f}", f"{seconds:.1f}"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--laws", default=",".join(LAWS), help=", ".join(LAWS))
    parser.add_argument("--seeds", type=int, default=1, help="draws of each law")
    arguments = parser.parse_args()
    lines = [line(n, seed) for n in arguments.laws.split(",") for seed in range(arguments.seeds)]
    heads = ["law", "draw", "predicts", "error", "best part", "its error", "ratio"]
    print(markdown([*heads, "of the equation", "CPU s"], lines))


if __name__ == "__main__":
    main()
