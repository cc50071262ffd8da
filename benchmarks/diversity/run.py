"""What to run of learned_diversity.py, where results go, and what all studies say of a set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from common import report
from common.rows import Row, Store

from .problems import Problem, mnist1d
from .training import Library, Training

# Set that the others are compared with.
MIX = "U2"
USUAL = ["sine + ReLU", "sine", "ReLU", "GELU", "tanh"]
LEARNED = ["U2", "U2:1", "U2:2", "U3", "U1"]
# What is known of every trained network.
FITTED = ["rate", "epoch", "validation", "seconds", "learning"]


@dataclass(frozen=True, eq=False)
class Run:
    """What to run: seeds, the folder of results, the file of MNIST-1D, and how much of all."""

    seeds: list[int]
    out: Path
    data: Path | None
    meta_seed: int
    eps: float
    quick: bool

    @cached_property
    def signals(self) -> Problem:
        return mnist1d(self.data)

    def training(self, **options: Any) -> Training:
        found = Training(**options)
        if not self.quick:
            return found
        return replace(found, n_epochs=2, rates=found.rates[1:3], n_tuning=1)

    def library(self, problem: Problem, width: int = 100, **options: Any) -> Library:
        if self.quick:
            options |= {"outer_steps": 4, "inner_steps": 10}
        return Library(problem, width, options, self.out, self.meta_seed)

    def path(self, study: str, suffix: str) -> Path:
        """File of a study; of another seed of learning, or other data, it has another name."""
        seed = f"-seed{self.meta_seed}" if self.meta_seed else ""
        return self.out / f"{study}{seed}{suffix}"

    def store(self, study: str, key: Sequence[str], fields: Sequence[str]) -> Store:
        return Store(self.path(study, ".csv"), [*key, "seed"], fields)

    def signals_name(self, study: str) -> str:
        """Name of a study that uses MNIST-1D."""
        return study if self.data is None else f"{study}_published"

    def finish(self, study: str, title: str, *parts: str) -> None:
        report.finish(self.path(study, ".md"), title, *parts)


def rate_of(rows: Sequence[Row]) -> str:
    rate = rows[0].get("rate", "") if rows else ""
    return f"{float(rate):g}" if rate else "–"


def seconds_of(rows: Sequence[Row]) -> list[str]:
    """CPU seconds of a network, and of learning its activations."""
    learning = float(rows[0]["learning"])
    return [
        f"{np.mean([float(row['seconds']) for row in rows]):.2f}",
        f"{learning:.0f}" if learning else "–",
    ]
