"""Learned diversity: activation functions learned through the training of fresh networks.

Algorithm 1 of Choudhary et al., "Neuronal diversity can improve machine learning for physics and
beyond", Scientific Reports 2023. An outer loop moves the sub-networks (the activation functions of
the neuron types) down the gradient of an outer loss; the inner loop trains networks from a fresh
start with the present functions. Within an outer step the functions do not change, so each is
tabulated once, the inner loop reads the tables, and the gradient by the tables is handed to the
sub-networks at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sktaskneuron.nn.activation_set import ActivationSet
from sktaskneuron.nn.sub_networks import (
    SCALE,
    SubNetworks,
    draw_sub_networks,
    get_base,
    sub_network_values,
)
from sktaskneuron.nn.tables import Grid
from sktaskneuron.training.data import TensorTable
from sktaskneuron.training.device import threads_for
from sktaskneuron.training.inner_field import TabulatedField
from sktaskneuron.training.inner_run import (
    Batch,
    InnerOptimizer,
    TabulatedNetwork,
    adjoint_run,
    run_inner,
)
from sktaskneuron.training.schedules import flat_cos

# Rows of the outer loss at most, and the share of the rows that it holds out.
_MOST_OUTER_ROWS, _OUTER_SHARE = 1_000, 0.15
# Steps of a joint run per outer step of the others.
_JOINT_STEPS = 10
# Sub-network weights are averaged over the calmest stretch of this share of the outer steps.
_AVERAGED = 0.2
# A loss so many times that of the steps before means that the functions have become too steep for
# the inner learning rate: learning goes back, and on at half the rate.
_JUMP, _BEFORE = 2.0, 8
_N_SNAPSHOTS = 40


@dataclass(frozen=True)
class MetaOptions:
    """How activation functions are learned.

    Parameters
    ----------
    n_types : int, default=2
    base : str, default="sin"
        What the sub-networks are added to: an activation or "zero".
    meta : {"unrolled", "first_order", "joint"}, default="unrolled"
        "unrolled" is the exact gradient through the inner run; "first_order" leaves out how the
        trained weights depend on the functions; "joint" trains weights and functions together.
    meta_loss : {"holdout", "train"}, default="holdout"
        Loss of other rows after the inner run, or the mean training loss along it.
    outer_steps, inner_steps : int, default=120, 100
    n_replicates : int, default=1
        Networks per inner run, over which the outer gradient is averaged.
    batch_size : int, default=200
    outer_learning_rate : float, default=0.1
        Of Adam, gradients being cut to [-1, 1].
    inner_learning_rate : float, default=0.01
    n_hidden : int, default=50
        Neurons of a sub-network.
    share_across_layers : bool, default=True
        Whether all hidden layers have the same functions.
    noise : float, default=0.1
        Half-width of what is added to every hidden value, one draw per neuron and step: it smooths
        the outer loss.
    grid : Grid, default=Grid()
    scale : float, default=0.2
        Of the sub-networks.
    """

    n_types: int = 2
    base: str = "sin"
    meta: str = "unrolled"
    meta_loss: str = "holdout"
    outer_steps: int = 120
    inner_steps: int = 100
    n_replicates: int = 1
    batch_size: int = 200
    outer_learning_rate: float = 0.1
    inner_learning_rate: float = 0.01
    n_hidden: int = 50
    share_across_layers: bool = True
    noise: float = 0.1
    grid: Grid = field(default_factory=Grid)
    scale: float = SCALE


@dataclass(frozen=True, eq=False)
class MetaResult:
    """Learned activation functions.

    Parameters
    ----------
    sets : list of ActivationSet
        One, or one per hidden layer.
    outer_loss : list of float
        Per outer step.
    evolution : ndarray of shape (n_snapshots, n_sets, n_types, grid.n)
        The functions over the outer steps, the first before any.
    outside : float
        Share of the last inner run's pre-activations outside the grid.
    """

    sets: list[ActivationSet]
    outer_loss: list[float]
    evolution: NDArray[np.float64]
    outside: float


class _Functions:
    """The sub-networks of all sets, with their optimiser (Adam)."""

    def __init__(
        self,
        options: MetaOptions,
        n_sets: int,
        generator: torch.Generator,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.options, self.n_sets = options, n_sets
        drawn = draw_sub_networks(n_sets * options.n_types, options.n_hidden, generator, dtype)
        self.weights = [w.to(device).requires_grad_() for w in drawn]
        self.knots = torch.from_numpy(options.grid.knots()).to(device=device, dtype=dtype)
        self.adam = torch.optim.Adam(self.weights, lr=options.outer_learning_rate)
        self.damping = 1.0
        self.trace: list[tuple[float, list[Tensor]]] = []
        self._tables: Tensor | None = None

    def tables(self) -> Tensor:
        """Return the functions at the knots, (n_sets, n_types, grid.n), without a graph."""
        values = sub_network_values(self.weights, self.knots, self.options.base, self.options.scale)
        self._tables = values.view(self.n_sets, self.options.n_types, -1)
        return self._tables.detach()

    def step(self, by_tables: Tensor) -> None:
        """Move the sub-networks, given the gradient by the tables last returned."""
        assert self._tables is not None
        gradients = torch.autograd.grad(self._tables, self.weights, by_tables)
        if not all(bool(torch.isfinite(g).all()) for g in gradients):
            return  # an inner run that blew up teaches nothing
        for weight, gradient in zip(self.weights, gradients, strict=True):
            weight.grad = gradient.clamp(-1.0, 1.0)
        self.adam.step()

    def note(self, loss: float, progress: float) -> bool:
        """Take down the loss of the present functions; a false answer has set them back.

        Parameters
        ----------
        loss : float
        progress : float
            Share of the outer steps that are done: in the second half the rate falls to zero.
        """
        before = [value for value, _ in self.trace[-_BEFORE:]]
        calm = math.isfinite(loss) and (
            len(before) < _BEFORE or loss <= _JUMP * float(np.median(before))
        )
        if calm:
            self.trace.append((loss, [w.detach().clone() for w in self.weights]))
        elif self.trace:
            self.damping *= 0.5
            with torch.no_grad():
                for weight, kept in zip(self.weights, self._calmest(), strict=True):
                    weight.copy_(kept)
            self.adam = torch.optim.Adam(self.weights, lr=self.options.outer_learning_rate)
        for group in self.adam.param_groups:
            group["lr"] = self.options.outer_learning_rate * self.damping * flat_cos(progress)
        return calm

    def _calmest(self) -> list[Tensor]:
        """Return the mean weights of the stretch of steps with the lowest mean loss."""
        losses = np.array([loss for loss, _ in self.trace])
        width = min(len(losses), max(1, round(_AVERAGED * self.options.outer_steps)))
        means = np.convolve(losses, np.full(width, 1.0 / width), mode="valid")
        start = len(means) - 1 - int(np.argmin(means[::-1]))
        stretch = [weights for _, weights in self.trace[start : start + width]]
        return [torch.stack(parts).mean(dim=0) for parts in zip(*stretch, strict=True)]

    def sets(self) -> list[ActivationSet]:
        """Return the averaged functions as values."""
        weights = self._calmest() if self.trace else [w.detach() for w in self.weights]
        arrays = [w.cpu().numpy().astype(np.float64) for w in weights]
        found = []
        for i in range(self.n_sets):
            part = slice(i * self.options.n_types, (i + 1) * self.options.n_types)
            w1, b1, w2, b2 = (array[part] for array in arrays)
            networks = SubNetworks(w1, b1, w2, b2, self.options.base, self.options.scale)
            found.append(ActivationSet.from_sub_networks(networks, self.options.grid))
        return found


class _Rows:
    """Draws the rows of inner runs and of outer losses."""

    def __init__(
        self,
        table: TensorTable,
        options: MetaOptions,
        sizes: Sequence[int],
        generator: torch.Generator,
    ) -> None:
        self.table, self.options, self.sizes, self.generator = table, options, sizes, generator
        n, n_outer = len(table), 0
        if options.meta_loss == "holdout":
            n_outer = min(max(1, round(_OUTER_SHARE * n)), _MOST_OUTER_ROWS)
        self.n_outer, self.n_inner = n_outer, n - n_outer
        self.batch_size = min(options.batch_size, self.n_inner)

    def draw(self) -> tuple[list[Batch], Batch]:
        """Return the batches of an inner run, and the rows of its outer loss."""
        options, device = self.options, self.table.X.device
        n, m = len(self.table), options.n_replicates
        order = torch.stack([torch.randperm(n, generator=self.generator) for _ in range(m)])
        outer, inner = order[:, : self.n_outer], order[:, self.n_outer :]
        batches: list[Batch] = []
        start = self.n_inner
        for _ in range(options.inner_steps):
            if start + self.batch_size > self.n_inner:
                shuffle = torch.stack(
                    [torch.randperm(self.n_inner, generator=self.generator) for _ in range(m)]
                )
                inner, start = inner.gather(1, shuffle), 0
            noise = tuple(
                (options.noise * (2 * torch.rand((m, 1, size), generator=self.generator) - 1)).to(
                    device=device, dtype=self.table.X.dtype
                )
                for size in self.sizes
                if options.noise
            )
            batches.append(self._batch(inner[:, start : start + self.batch_size], noise))
            start += self.batch_size
        return batches, self._batch(outer if self.n_outer else inner[:, : self.batch_size], ())

    def _batch(self, rows: Tensor, noise: tuple[Tensor, ...]) -> Batch:
        table = self.table
        rows = rows.to(table.X.device)
        if table.weight is None:
            weight = torch.full(
                rows.shape, 1.0 / rows.shape[1], dtype=table.X.dtype, device=table.X.device
            )
        else:
            weight = table.weight[rows]
            weight = weight / weight.sum(dim=1, keepdim=True)
        return Batch(table.X[rows], table.y[rows], weight, noise)


def learn_activations(
    table: TensorTable,
    hidden_layer_sizes: Sequence[int],
    n_outputs: int,
    options: MetaOptions | None = None,
    *,
    hamiltonian: bool = False,
    seed: int = 0,
    on_step: Callable[[int, int, float], bool] | None = None,
) -> MetaResult:
    """Learn the activation functions of the neuron types of a multilayer network.

    Parameters
    ----------
    table : TensorTable
        Standardised columns. Targets are class numbers, or standardised values (n_rows, n_outputs).
    hidden_layer_sizes : sequence of int
    n_outputs : int
        Number of classes or of values.
    options : MetaOptions, default=None
    hamiltonian : bool, default=False
        Whether the networks give one number, and the targets are its symplectic gradient.
    seed : int, default=0
    on_step : callable, default=None
        Called with the outer step, their number and the outer loss; a true answer ends learning.

    Returns
    -------
    MetaResult

    Raises
    ------
    ValueError
        If an option is not known, or there are less than two rows.
    """
    options = options or MetaOptions()
    get_base(options.base)
    if options.meta not in ("unrolled", "first_order", "joint"):
        raise ValueError(f"meta must be 'unrolled', 'first_order' or 'joint', got {options.meta!r}")
    if options.meta_loss not in ("holdout", "train"):
        raise ValueError(f"meta_loss must be 'holdout' or 'train', got {options.meta_loss!r}")
    if len(table) < 2:
        raise ValueError("learning activation functions needs at least 2 rows")
    device, dtype = table.X.device, table.X.dtype
    generator = torch.Generator().manual_seed(seed)
    n_sets = 1 if options.share_across_layers else len(hidden_layer_sizes)
    functions = _Functions(options, n_sets, generator, device, dtype)
    network: TabulatedNetwork | TabulatedField
    if hamiltonian:
        network = TabulatedField(hidden_layer_sizes, options.n_types, n_sets, options.grid)
        n_outputs = 1
    else:
        classification = table.y.dtype == torch.int64
        network = TabulatedNetwork(
            hidden_layer_sizes, options.n_types, n_sets, options.grid, classification
        )
    rows = _Rows(table, options, hidden_layer_sizes, generator)
    sizes = [table.X.shape[1], *hidden_layer_sizes, n_outputs]

    def fresh() -> list[Tensor]:
        start = []
        for n_in, n_out in pairwise(sizes):
            for height in (n_in, 1):
                draw = torch.rand((options.n_replicates, height, n_out), generator=generator)
                start.append(((2 * draw - 1) * n_in**-0.5).to(device=device, dtype=dtype))
        return start

    losses: list[float] = []
    snapshots = [functions.tables().cpu().numpy()]
    every = max(1, options.outer_steps // _N_SNAPSHOTS)
    joint = _Joint(network, fresh(), options) if options.meta == "joint" else None
    outside = 0.0
    n_values = options.n_replicates * rows.batch_size * max(sizes)
    with threads_for(n_values, device):
        for step in range(options.outer_steps):
            tables = functions.tables()
            batches, outer = rows.draw()
            if joint is not None:
                loss = joint.run(functions, batches)
                functions.note(loss, 0.0)
                theta = joint.theta
            else:
                loss, by_tables, theta = _outer_gradient(
                    network, fresh(), tables, batches, outer, options
                )
                if functions.note(loss, step / options.outer_steps):
                    functions.step(by_tables)
            losses.append(loss)
            if step == options.outer_steps - 1:
                outside = network.outside(theta, tables, outer)
            if (step + 1) % every == 0:
                snapshots.append(functions.tables().cpu().numpy())
            if on_step is not None and on_step(step + 1, options.outer_steps, loss):
                break
    return MetaResult(functions.sets(), losses, np.array(snapshots, dtype=np.float64), outside)


def _outer_gradient(
    network: TabulatedNetwork | TabulatedField,
    start: list[Tensor],
    tables: Tensor,
    batches: list[Batch],
    outer: Batch,
    options: MetaOptions,
) -> tuple[float, Tensor, list[Tensor]]:
    """Return the outer loss, its gradient by the tables, and the trained parameters."""
    optimizer = InnerOptimizer(options.inner_learning_rate)
    first_order = options.meta == "first_order"
    at_end = options.meta_loss == "holdout" or first_order
    states, along = run_inner(network, start, tables, batches, optimizer)
    end = states[-1][0]
    m = options.n_replicates
    if at_end:
        loss, by_end, by_tables = network.gradient(end, tables, outer, by_tables=True)
        assert by_tables is not None
        share, value = 0.0, float(loss.mean())
    else:
        by_end, by_tables = [torch.zeros_like(p) for p in end], torch.zeros_like(tables)
        share, value = 1.0 / len(batches), float(along.mean())
    if not first_order:
        by_tables = by_tables + adjoint_run(
            network, states, tables, batches, optimizer, by_end, share
        )
    return value, by_tables / m, end


class _Joint:
    """One run of the weights, in which the functions learn too."""

    def __init__(
        self,
        network: TabulatedNetwork | TabulatedField,
        start: list[Tensor],
        options: MetaOptions,
    ) -> None:
        self.network, self.theta, self.options = network, start, options
        self.moment = [torch.ones_like(p) for p in start]

    def run(self, functions: _Functions, batches: list[Batch]) -> float:
        optimizer = InnerOptimizer(self.options.inner_learning_rate)
        losses = []
        for batch in batches[:_JOINT_STEPS]:
            tables = functions.tables()
            loss, gradient, by_tables = self.network.gradient(
                self.theta, tables, batch, by_tables=True
            )
            assert by_tables is not None
            functions.step(by_tables / self.options.n_replicates)
            for p, v, g in zip(self.theta, self.moment, gradient, strict=True):
                v.mul_(optimizer.decay).addcmul_(g, g, value=1 - optimizer.decay)
                p.addcdiv_(g, v.sqrt().add_(optimizer.epsilon), value=-optimizer.learning_rate)
            losses.append(float(loss.mean()))
        return float(np.mean(losses))
