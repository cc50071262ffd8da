"""Sets of activations: learned, tuned, and trained as one batch of networks; finished ones kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common.report import say
from common.rows import Store

from sktaskneuron.nn import ActivationSet
from sktaskneuron.nn.typed.diverse import DiverseNetwork
from sktaskneuron.training import MetaOptions, learn_activations
from sktaskneuron.training.loop.losses import cross_entropy
from sktaskneuron.training.loop.replicates import fit_replicates
from sktaskneuron.training.loop.results import ReplicateResult

from .problems import Problem

Array = np.ndarray

# -- sets of activations ---------------------------------------------------------------------------

# Nothing to learn.
FREE: dict[str, list[str]] = {
    "ReLU": ["relu"],
    "tanh": ["tanh"],
    "sine": ["sin"],
    "GELU": ["gelu"],
    "sine + ReLU": ["sin", "relu"],
    "sine + tanh": ["sin", "tanh"],
}
# Tables of what needs none, to see what the interpolation does.
TABLES = {"sine, linear table": "linear", "sine, cubic table": "cubic"}
# Number of types and base; "U2:1" is type 1 of U2 alone.
LEARNED: dict[str, tuple[int, str]] = {
    "U1": (1, "sin"),
    "U2": (2, "sin"),
    "U3": (3, "sin"),
    "U2 from tanh": (2, "tanh"),
    "U2 from zero": (2, "zero"),
}
LEGEND = (
    "U1, U2, U3: one, two, three learned types, each added to a sine; U2:1 and U2:2: all neurons "
    "of the one and the other type of U2."
)


@dataclass(frozen=True, eq=False)
class Learned:
    """A learned set; its values over the outer steps, (n_snapshots, n_types, n_knots)."""

    functions: ActivationSet
    evolution: Array
    outer_loss: Array
    seconds: float

    @property
    def steps(self) -> Array:
        """Outer steps of the snapshots."""
        every = len(self.outer_loss) // max(1, len(self.evolution) - 1)
        return np.arange(len(self.evolution)) * every

    def past(self) -> list[ActivationSet]:
        return [ActivationSet(values, self.functions.grid) for values in self.evolution]


@dataclass(frozen=True, eq=False)
class Library:
    """All sets for a problem; what was learned is kept in a folder.

    problem : Problem
        Its training rows are learned on.
    width : int
    options : dict
        Of MetaOptions, beside types and base.
    folder : Path
    seed : int
    """

    problem: Problem
    width: int
    options: Mapping[str, Any]
    folder: Path
    seed: int = 0

    def learned(self, name: str) -> Learned:
        kind = "hamiltonian-" if self.problem.hamiltonian else ""
        stem = f"{self.problem.name}-{kind}{name.replace(' ', '_')}-seed{self.seed}"
        return _learned(self, name, self.folder / "activations" / f"{stem}.npz")

    def activations(self, name: str) -> ActivationSet | list[str]:
        """Names of activations, or a set of tables."""
        if name in FREE:
            return FREE[name]
        if name in TABLES:
            return ActivationSet.from_names(["sin"])
        mix, _, place = name.partition(":")
        functions = self.learned(mix).functions
        return functions[int(place) - 1] if place else functions

    def functions(self, name: str) -> list[Any]:
        """One function per type, as DiverseNetwork takes them."""
        found = self.activations(name)
        if isinstance(found, list):
            return found
        return found.functions(TABLES.get(name, "cubic" if self.problem.hamiltonian else "linear"))

    def seconds(self, name: str) -> float:
        """CPU seconds of learning; zero for what is not learned."""
        mix = name.partition(":")[0]
        return self.learned(mix).seconds if mix in LEARNED else 0.0


@cache
def _learned(library: Library, name: str, path: Path) -> Learned:
    if path.exists():
        with np.load(path, allow_pickle=False) as file:
            return Learned(
                ActivationSet.from_json(str(file["functions"])),
                file["evolution"],
                file["outer_loss"],
                float(file["seconds"]),
            )
    n_types, base = LEARNED[name]
    options = MetaOptions(n_types=n_types, base=base, **library.options)
    problem = library.problem

    def on_step(step: int, n_steps: int, loss: float) -> bool:
        if step % 20 == 0 or step == n_steps:
            say(f"{problem.name}: learning {name}, step {step} of {n_steps}, loss {loss:.4g}")
        return False

    start = time.process_time()
    result = learn_activations(
        problem.train_table(),
        [library.width],
        problem.n_outputs,
        options,
        hamiltonian=problem.hamiltonian,
        seed=library.seed,
        on_step=on_step,
    )
    found = Learned(
        result.sets[0],
        result.evolution[:, 0],
        np.array(result.outer_loss),
        time.process_time() - start,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        functions=np.array(found.functions.to_json()),
        evolution=found.evolution,
        outer_loss=found.outer_loss,
        seconds=found.seconds,
    )
    return found


# -- training --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Training:
    """How networks are trained with Adam, and at which rates they are tuned."""

    width: int = 100
    depth: int = 1
    n_epochs: int = 40
    batch_size: int = 100
    rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2)
    schedule: str = "constant"
    n_tuning: int = 4


# Seeds of the networks that learning rates are tuned with start here.
TUNING = 100_000


def error_or_loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross-entropy in training; on validation rows the error rate, which chooses the epoch.

    The cross-entropy of validation rows rises long before their error rate does.
    """
    if torch.is_grad_enabled():
        return cross_entropy(output, target)
    return (output.argmax(dim=-1) != target).to(output.dtype)


def pack(
    problem: Problem, functions: Sequence[Any], training: Training, seeds: Sequence[int]
) -> DiverseNetwork:
    """One network per seed; its start depends on the seed alone, not on the others."""
    layers = [functions] * training.depth
    make = partial(
        DiverseNetwork,
        problem.table.X.shape[1],
        problem.n_outputs,
        (training.width,) * training.depth,
        hamiltonian=problem.hamiltonian,
    )
    network = make([(len(seeds), layers)])
    with torch.no_grad():
        for place, seed in enumerate(seeds):
            own = make([(1, layers)], generator=seed)
            for packed, alone in zip(network.parameters(), own.parameters(), strict=True):
                packed[place] = alone[0]
    return network


def fit(
    problem: Problem,
    functions: Callable[[], list[Any]],
    training: Training,
    seeds: Sequence[int],
    rates: Sequence[float],
    *,
    best_epoch: bool = True,
) -> tuple[DiverseNetwork, ReplicateResult, float]:
    """Train networks as one batch; returns them, what is known of them, and CPU seconds of one."""
    network = pack(problem, functions(), training, seeds)
    n, n_rows = len(seeds), len(problem.table.X)
    start = time.process_time()
    result = fit_replicates(
        network,
        problem.table,
        [np.arange(problem.n_train)] * n,
        [np.arange(problem.n_train, n_rows)] * n if best_epoch else None,
        loss=error_or_loss if problem.classification else "squared_error",
        n_epochs=training.n_epochs,
        batch_size=training.batch_size,
        learning_rate=np.asarray(rates),
        schedule=training.schedule,
        seed=seeds[0],
    )
    return network, result, (time.process_time() - start) / n


def tune(problem: Problem, functions: Callable[[], list[Any]], training: Training) -> float:
    """The learning rate of the lowest mean validation loss, over seeds of its own."""
    own = [TUNING + i for i in range(training.n_tuning)]
    rates = np.repeat(training.rates, len(own))
    _, result, _ = fit(problem, functions, training, own * len(training.rates), rates)
    means = result.loss.reshape(len(training.rates), -1).mean(axis=1)
    return training.rates[int(np.argmin(means))]


# -- sets side by side -----------------------------------------------------------------------------


def compare(
    library: Library,
    names: Sequence[str],
    training: Training,
    seeds: Sequence[int],
    store: Store,
    measure: Callable[[Problem, DiverseNetwork], dict[str, Array]],
    *,
    like: Mapping[str, str] | None = None,
    **key: Any,
) -> None:
    """Tune and train each set that is not finished, and add a row per seed.

    Sets in `like` take the learning rate of another set before them.
    """
    problem = library.problem
    for place, name in enumerate(names, 1):
        missing = store.missing(seeds, set=name, **key)
        if not missing:
            continue
        functions = partial(library.functions, name)
        known = store.of(seeds, set=(like or {}).get(name, name), **key)
        rate = float(known[0]["rate"]) if known else tune(problem, functions, training)
        network, result, seconds = fit(problem, functions, training, missing, [rate] * len(missing))
        found = measure(problem, network)
        for i, seed in enumerate(missing):
            store.add(
                set=name,
                seed=seed,
                rate=rate,
                epoch=int(result.best_epoch[i]),
                validation=float(result.loss[i]),
                seconds=seconds,
                learning=library.seconds(name),
                **key,
                **{field: float(values[i]) for field, values in found.items()},
            )
        shown = ", ".join(f"{field} {np.median(values):.4g}" for field, values in found.items())
        where = " ".join(f"{field} {value}" for field, value in key.items())
        say(
            f"{problem.name} {where} {place}/{len(names)} {name}: rate {rate:g}, {shown} "
            f"({seconds:.2f} s a network)"
        )
