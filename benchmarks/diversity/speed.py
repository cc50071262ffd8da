"""The gradient of an outer step three ways: ours, unrolled tables, unrolled sub-networks.

One outer step is an inner run of RMSProp from a fresh start, the loss of held-out rows after it,
and the gradient of that loss by the weights of the sub-networks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from common import report
from common.report import say, yes
from torch import Tensor

from sktaskneuron.nn.typed.layers import type_sizes
from sktaskneuron.nn.typed.sub_networks import (
    SCALE,
    draw_sub_networks,
    get_base,
    sub_network_values,
)
from sktaskneuron.training import MetaOptions, TensorTable, learn_activations
from sktaskneuron.training.meta.inner_run import (
    Batch,
    InnerOptimizer,
    TabulatedNetwork,
    adjoint_run,
    run_inner,
)

from . import pictures
from .problems import Problem
from .run import Run

Loss = Callable[[Sequence[Tensor], Batch], Tensor]

OURS, TABLES, DIRECT = "exact adjoint of tables", "tables, unrolled", "sub-networks, unrolled"
N_NEURONS, N_TYPES = 100, 2
BATCH, N_OUTER = 200, 500


def unrolled(
    loss: Loss, start: list[Tensor], batches: list[Batch], outer: Batch, optimizer: InnerOptimizer
) -> Tensor:
    """The outer loss, with the graph of the whole inner run."""
    theta = [p.clone().requires_grad_() for p in start]
    moment = [torch.ones_like(p) for p in theta]
    for batch in batches:
        gradient = torch.autograd.grad(loss(theta, batch).sum(), theta, create_graph=True)
        moment = [
            v * optimizer.decay + (1 - optimizer.decay) * g * g
            for v, g in zip(moment, gradient, strict=True)
        ]
        theta = [
            p - optimizer.learning_rate * g / (v.sqrt() + optimizer.epsilon)
            for p, g, v in zip(theta, gradient, moment, strict=True)
        ]
    return loss(theta, outer).sum()


def direct_loss(weights: list[Tensor], base: str) -> Loss:
    """Cross-entropy of a network whose neurons evaluate their sub-network at every input."""
    function = get_base(base)

    def activation(z: Tensor) -> Tensor:
        parts = []
        for part, w1, b1, w2, b2 in zip(
            torch.split(z, type_sizes(z.shape[-1], N_TYPES), dim=-1), *weights, strict=True
        ):
            hidden = torch.tanh(part.unsqueeze(-1) * w1 + b1)
            parts.append(function(part) + SCALE * (hidden @ w2 + b2))
        return torch.cat(parts, dim=-1)

    def loss(theta: Sequence[Tensor], batch: Batch) -> Tensor:
        value = activation(torch.baddbmm(theta[1], batch.X, theta[0]))
        if batch.noise:
            value = value + batch.noise[0]
        logits = torch.baddbmm(theta[3], value, theta[2])
        rows = torch.nn.functional.cross_entropy(logits.transpose(1, 2), batch.y, reduction="none")
        return (rows * batch.weight).sum(dim=-1)

    return loss


class Kept:
    """Bytes of all tensors that graphs keep for the way back."""

    def __enter__(self) -> Kept:
        self.n_bytes, seen = 0, set()

        def pack(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in seen:
                seen.add(storage.data_ptr())
                self.n_bytes += storage.nbytes()
            return tensor

        self._hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
        self._hooks.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._hooks.__exit__(*error)


class OuterStep:
    """One outer step on given rows, start and sub-networks.

    table : TensorTable
    n_steps : int
        Of the inner run.
    dtype : torch.dtype
    """

    def __init__(self, problem: Problem, n_steps: int, dtype: torch.dtype) -> None:
        self.options = MetaOptions(n_types=N_TYPES)
        self.optimizer = InnerOptimizer(self.options.inner_learning_rate)
        table = problem.train_table()
        table = TensorTable(table.X.to(dtype), table.y)
        generator = torch.Generator().manual_seed(0)
        sizes = [table.X.shape[1], N_NEURONS, problem.n_outputs]
        self.start = []
        for n_in, n_out in pairwise(sizes):
            for height in (n_in, 1):
                draw = torch.rand((1, height, n_out), generator=generator, dtype=torch.float64)
                self.start.append(((2 * draw - 1) * n_in**-0.5).to(dtype))
        drawn = draw_sub_networks(N_TYPES, self.options.n_hidden, generator, torch.float64)
        self.weights = [w.to(dtype).requires_grad_() for w in drawn]
        self.knots = torch.from_numpy(self.options.grid.knots()).to(dtype)
        self.network = TabulatedNetwork([N_NEURONS], N_TYPES, 1, self.options.grid, True)

        def batch(n_rows: int, width: float) -> Batch:
            rows = torch.randint(len(table.X), (1, n_rows), generator=generator)
            noise = 2 * torch.rand((1, 1, N_NEURONS), generator=generator, dtype=torch.float64) - 1
            weight = torch.full((1, n_rows), 1.0 / n_rows, dtype=dtype)
            return Batch(table.X[rows], table.y[rows], weight, ((width * noise).to(dtype),))

        self.batches = [batch(BATCH, self.options.noise) for _ in range(n_steps)]
        self.outer = replace(batch(N_OUTER, 0.0), noise=())

    def tables(self) -> Tensor:
        return sub_network_values(self.weights, self.knots, self.options.base)[None]

    def ours(self) -> list[Tensor]:
        """The gradient by the sub-networks' weights, as learn_activations takes it."""
        tables = self.tables()
        return list(torch.autograd.grad(tables, self.weights, self.ours_by_tables(tables.detach())))

    def ours_by_tables(self, tables: Tensor) -> Tensor:
        states, _ = run_inner(self.network, self.start, tables, self.batches, self.optimizer)
        _, by_end, by_tables = self.network.gradient(
            states[-1].theta, tables, self.outer, by_tables=True
        )
        return by_tables + adjoint_run(
            self.network, states, tables, self.batches, self.optimizer, by_end, 0.0
        )

    def _table_loss(self, tables: Tensor) -> Tensor:
        return unrolled(
            lambda theta, batch: self.network.loss(theta, tables, batch),
            self.start,
            self.batches,
            self.outer,
            self.optimizer,
        )

    def unrolled_tables(self) -> list[Tensor]:
        return list(torch.autograd.grad(self._table_loss(self.tables()), self.weights))

    def unrolled_by_tables(self) -> Tensor:
        tables = self.tables().detach().requires_grad_()
        return torch.autograd.grad(self._table_loss(tables), tables)[0]

    def direct(self) -> list[Tensor]:
        loss = direct_loss(self.weights, self.options.base)
        total = unrolled(loss, self.start, self.batches, self.outer, self.optimizer)
        return list(torch.autograd.grad(total, self.weights))


def kept_for_the_way_back(problem: Problem, n_steps: int) -> dict[str, float]:
    """MiB that each way keeps: graphs, or the states of the inner run."""
    step = OuterStep(problem, n_steps, torch.float32)
    # parameters and second moments before every step and at the end, and the steps' gradients
    states = (3 * n_steps + 2) * sum(p.numel() * p.element_size() for p in step.start)
    found = {OURS: states / 2**20}
    for name, way in ((TABLES, step.unrolled_tables), (DIRECT, step.direct)):
        with Kept() as kept:
            way()
        found[name] = kept.n_bytes / 2**20
    return found


def disagreement(problem: Problem, n_steps: int) -> tuple[float, float]:
    """Of ours from unrolled tables, relative, in float64; and its cosine with the direct gradient.

    The direct way has other functions: no tables. So it can only agree roughly.
    """
    step = OuterStep(problem, n_steps, torch.float64)
    ours = step.ours_by_tables(step.tables().detach())
    autograd = step.unrolled_by_tables()
    ours_flat, direct_flat = (
        torch.cat([g.flatten() for g in gradient]) for gradient in (step.ours(), step.direct())
    )
    cosine = torch.nn.functional.cosine_similarity(ours_flat, direct_flat, dim=0)
    return float((ours - autograd).norm() / autograd.norm()), float(cosine)


def timings(problem: Problem, n_steps: int, n_repeats: int) -> list[dict[str, float]]:
    """CPU seconds of one outer step each way, in turn, after one run to warm up."""
    step = OuterStep(problem, n_steps, torch.float32)
    ways = {OURS: step.ours, TABLES: step.unrolled_tables, DIRECT: step.direct}
    found = []
    for repeat in range(n_repeats + 1):
        row = {}
        for name, way in ways.items():
            start = time.process_time()
            way()
            row[name] = time.process_time() - start
        if repeat:
            found.append(row)
    return found


def study_speed(run: Run) -> None:
    n_steps, n_repeats, n_outer = (10, 2, 3) if run.quick else (100, 5, 120)
    problem = run.signals
    study = run.signals_name("speed")
    store = run.store(study, ["way"], ["seconds"])
    ways = [OURS, TABLES, DIRECT]
    repeats = list(range(n_repeats))
    # ratios are those of one process, so all is measured anew or nothing
    if any(store.missing(repeats, way=way) for way in ways):
        store.path.unlink(missing_ok=True)
        store = run.store(study, ["way"], ["seconds"])
        for repeat, row in enumerate(timings(problem, n_steps, n_repeats)):
            for way, seconds in row.items():
                store.add(way=way, seed=repeat, seconds=seconds)
            say("speed: " + ", ".join(f"{way} {s:.2f} s" for way, s in row.items()))
    seconds = {way: store.values("seconds", repeats, way=way) for way in ways}
    whole = f"learning, {n_outer} outer steps"
    if store.missing([0], way=whole):
        start = time.process_time()
        learn_activations(
            problem.train_table(),
            [N_NEURONS],
            problem.n_outputs,
            replace(MetaOptions(n_types=N_TYPES), outer_steps=n_outer, inner_steps=n_steps),
        )
        store.add(way=whole, seed=0, seconds=time.process_time() - start)
    memory = kept_for_the_way_back(problem, n_steps)
    apart, cosine = disagreement(problem, min(n_steps, 20))
    lines = [
        [
            way,
            f"{np.median(values):.3f}",
            f"{values.min():.3f} to {values.max():.3f}",
            f"{np.median(values / seconds[OURS]):.1f}",
            f"{memory[way]:.1f}",
        ]
        for way, values in seconds.items()
    ]
    times = float(np.median(seconds[DIRECT] / seconds[OURS]))
    run.finish(
        study,
        f"An outer step of {n_steps} inner steps",
        report.markdown(["way", "CPU s, median", "range", "ratio to ours", "MiB kept"], lines),
        report.markdown(
            ["bar", "measured", "met"],
            [
                ["5 times faster than unrolled sub-networks", f"{times:.1f}", yes(times >= 5)],
                [
                    "gradient that of unrolled tables (float64, relative difference) ≤ 1e-9",
                    f"{apart:.1e}",
                    yes(apart <= 1e-9),
                ],
            ],
        ),
        f"{N_NEURONS} neurons, {N_TYPES} types, sub-networks of 50 neurons, batches of "
        f"{BATCH}, {torch.get_num_threads()} thread; {n_repeats} runs of each way in turn, "
        f"ratios within a turn. Cosine of our gradient and that of unrolled sub-networks: "
        f"{cosine:.4f}. {whole.capitalize()} of MNIST-1D: "
        f"{store.values('seconds', [0], way=whole)[0]:.1f} CPU s.",
    )
    pictures.bars(seconds, run.path(study, ".png"))
