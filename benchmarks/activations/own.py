"""The study `networks` of activation_search.py: activations of convolutions and of attention."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from common import report
from common.report import say, yes
from scipy.stats import spearmanr
from torch import nn

from sktaskneuron.datasets import make_mnist1d
from sktaskneuron.nn.activations import distinct_activations
from sktaskneuron.search.activation import search_activation
from sktaskneuron.search.activation.own_networks import own_network_features
from sktaskneuron.search.activation.surrogate import GaussianProcess, normal_scores, reduced
from sktaskneuron.training.loop.losses import cross_entropy

from .problems import SEED
from .studies import Run

Array = np.ndarray
Act = Callable[[], nn.Module]

N_ACTIVATIONS, BAR = 50, 0.6
TRAINING = {"n_epochs": 6, "batch_size": 64, "learning_rate": 3e-3}
# What a published search found to be surprising, and what it was held against.
DESIGN = "erfc_softplus_sq"
SIGMOIDAL = ("sigmoid", "hard_sigmoid", "tanh", "erf", DESIGN)
RECTIFIERS = ("relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus")


def conv_signals(act: Act) -> nn.Module:
    return nn.Sequential(
        *(nn.Conv1d(1, 16, 5, padding=2), nn.BatchNorm1d(16), act(), nn.MaxPool1d(2)),
        *(nn.Conv1d(16, 32, 5, padding=2), nn.BatchNorm1d(32), act(), nn.MaxPool1d(2)),
        *(nn.Flatten(), nn.Linear(320, 10)),
    )


class Attention(nn.Module):
    """One block of a transformer on eight pieces of a signal."""

    def __init__(self, act: Act) -> None:
        super().__init__()
        self.inputs, self.place = nn.Linear(5, 32), nn.Parameter(0.02 * torch.randn(8, 32))
        self.norms = nn.ModuleList([nn.LayerNorm(32), nn.LayerNorm(32)])
        self.mixed = nn.MultiheadAttention(32, 4, batch_first=True)
        self.wide, self.act, self.back = nn.Linear(32, 128), act(), nn.Linear(128, 32)
        self.top = nn.Linear(32 * 8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = self.inputs(x.reshape(len(x), 8, 5)) + self.place
        n = self.norms[0](z)
        z = z + self.mixed(n, n, n, need_weights=False)[0]
        z = z + self.back(self.act(self.wide(self.norms[1](z))))
        return self.top(z.flatten(1))


@dataclass(frozen=True)
class Task:
    build: Callable[[Act], nn.Module]
    draw: Callable[[], tuple[Array, Array]]
    held_out: float


def signals() -> tuple[Array, Array]:
    X, y = make_mnist1d(2_400, random_state=SEED)
    return X[:, None], y


TASKS = {
    "convolutions, MNIST-1D": Task(conv_signals, signals, 1 / 3),
    "attention, MNIST-1D": Task(Attention, signals, 1 / 3),
}


def pool_of(run: Run) -> list[str]:
    from .pool import draw_pool

    pool = list(distinct_activations())[:N_ACTIVATIONS]
    pool += [text for text in draw_pool() if text not in pool][: N_ACTIVATIONS - len(pool)]
    return pool[-6:] if run.quick else pool


def study_networks(run: Run) -> None:
    """Held-out loss of networks of two kinds with each activation, and what predicts it."""
    pool = pool_of(run)
    store = run.store("networks", ["task", "activation"], ["loss"])
    options: dict[str, Any] = {**TRAINING, "n_epochs": 1} if run.quick else TRAINING
    losses, points = {}, {}
    for name, task in TASKS.items():
        X, y = task.draw()
        X, y = (X[:300], y[:300]) if run.quick else (X, y)
        missing = [t for t in pool if store.missing([SEED], task=name, activation=t)]
        if missing:
            start = time.process_time()
            found = search_activation(
                task.build,
                X,
                y,
                candidates=missing,
                n_evaluations=len(missing),
                n_starts=1 if run.quick else 2,
                held_out=task.held_out,
                random_state=SEED,
                **options,
            )
            for text, loss in zip(found.texts, found.losses, strict=True):
                store.add(task=name, activation=text, seed=SEED, loss=float(loss))
            say(f"{name}: {time.process_time() - start:.0f} CPU s")
        losses[name] = np.array(
            [store.values("loss", [SEED], task=name, activation=t)[0] for t in pool]
        )
        rows = torch.from_numpy(np.asarray(X, dtype=np.float32)), torch.from_numpy(y)
        points[name] = own_network_features(task.build, pool, *rows, cross_entropy, SEED)
    lines, best = [], []
    for name in TASKS:
        outputs, spectrum = points[name]
        found = [
            correlation(left_out(reduced(blocks), losses[name]), losses[name])
            for blocks in ([outputs], [spectrum], [outputs, spectrum])
        ]
        others = [other for other in TASKS if other != name]
        shared = reduced([outputs])
        elsewhere = np.mean([normal_scores(losses[other]) for other in others], axis=0)
        found += [
            correlation(left_out(shared, elsewhere, scored=True), losses[name]),
            correlation(elsewhere, losses[name]),
        ]
        best.append(found[2])
        lines.append([name, *(f"{value:.2f}" for value in found)])
    heads = [
        "networks",
        "outputs",
        "spectrum",
        "both",
        "from the other network, other functions",
        "from the other network, the same function",
    ]
    classes = [[name, *class_cells(pool, losses[name])] for name in TASKS]
    run.finish(
        "networks",
        "Activations of convolutions and of attention",
        f"{len(pool)} functions: the catalogue, filled up from the grammar; means of two starts, "
        f"{options}. Rank correlation (Spearman) of the held-out loss with what a Gaussian process "
        f"predicts from the other functions, one left out at a time.",
        report.markdown(heads, lines),
        f"Bar: at least {BAR} from both on the convolutions: {yes(bool(best[0] >= BAR))}.",
        f"Held-out losses (ranks of {len(pool)}) of sigmoidal functions and of rectifiers; "
        f"`{DESIGN}` is the design that a published search found.",
        report.markdown(
            ["networks", "best", "best sigmoidal", DESIGN, "best rectifier", "relu", "silu"],
            classes,
        ),
    )


def left_out(points: Array, losses: Array, *, scored: bool = False) -> Array:
    """What is predicted of every function by a process that has not seen its loss."""
    found = np.full(len(points), np.nan)
    usable = np.isfinite(points).all(axis=1)
    for i in np.flatnonzero(usable):
        rest = usable & (np.arange(len(points)) != i)
        targets = losses[rest] if scored else normal_scores(losses[rest])
        mean, _ = GaussianProcess(points[rest], targets).predict(points[i : i + 1])
        found[i] = mean[0]
    return found


def correlation(predicted: Array, losses: Array) -> float:
    """Spearman's, over functions whose features are finite."""
    known = np.isfinite(predicted)
    return float(spearmanr(predicted[known], losses[known]).statistic)


def class_cells(pool: list[str], losses: Array) -> list[str]:
    rank = np.argsort(np.argsort(losses)) + 1

    def cell(i: int) -> str:
        return f"{losses[i]:.3f} ({rank[i]})"

    def best(names: tuple[str, ...]) -> str:
        i = min((pool.index(n) for n in names if n in pool), key=lambda i: losses[i], default=-1)
        return "–" if i < 0 else f"{pool[i]} {cell(i)}"

    def one(name: str) -> str:
        return cell(pool.index(name)) if name in pool else "–"

    return [best(tuple(pool)), best(SIGMOIDAL), one(DESIGN), best(RECTIFIERS), *map(one, SHOWN)]


SHOWN = ("relu", "silu")
