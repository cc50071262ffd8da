"""Learned diversity: activation functions learned through the training of fresh networks.

Algorithm 1 of Choudhary et al., "Neuronal diversity can improve machine learning for physics and
beyond", Scientific Reports 2023. An outer loop moves the sub-networks (the activation functions of
the neuron types) down the gradient of an outer loss; the inner loop trains networks from a fresh
start with the present functions. Within an outer step the functions do not change, so each is
tabulated once, the inner loop reads the tables, and the gradient by the tables is handed to the
sub-networks at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from sktaskneuron._clock import checkpoint, within
from sktaskneuron._typing import FloatArray
from sktaskneuron.nn.typed.activation_set import ActivationSet
from sktaskneuron.nn.typed.sub_networks import base_texts
from sktaskneuron.training.data import TensorTable
from sktaskneuron.training.device import threads_for
from sktaskneuron.training.meta.functions import LearnedFunctions
from sktaskneuron.training.meta.inner_field import TabulatedField
from sktaskneuron.training.meta.inner_run import (
    Batch,
    InnerOptimizer,
    TabulatedNetwork,
    adjoint_run,
    run_inner,
)
from sktaskneuron.training.meta.options import MetaOptions

# Rows of the outer loss at most, and the share of the rows that it holds out.
_MOST_OUTER_ROWS, _OUTER_SHARE = 1_000, 0.15
# Steps of a joint run per outer step of the others.
_JOINT_STEPS = 10
# Snapshots of the functions over the outer steps, about.
_N_SNAPSHOTS = 40


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

    See Also
    --------
    learn_activations : Learn the activation functions of the neuron types of a multilayer network.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.training import MetaOptions, TensorTable, learn_activations
    >>> X = np.linspace(-1, 1, 60).reshape(-1, 1)
    >>> options = MetaOptions(outer_steps=2, inner_steps=3, batch_size=20)
    >>> result = learn_activations(TensorTable.from_arrays(X, np.sin(3 * X)), [4], 1, options)
    >>> len(result.sets), len(result.outer_loss)
    (1, 2)
    """

    sets: list[ActivationSet]
    outer_loss: list[float]
    evolution: FloatArray
    outside: float


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
        Widths of the hidden layers.
    n_outputs : int
        Number of classes or of values.
    options : MetaOptions, default=None
        How to learn; None is ``MetaOptions()``.
    hamiltonian : bool, default=False
        Whether the networks give one number, and the targets are its symplectic gradient.
    seed : int, default=0
        Of starting values and batches.
    on_step : callable, default=None
        Called with the outer step, their number and the outer loss; a true answer ends learning.

    Returns
    -------
    MetaResult
        The functions, and the losses on the way.

    Raises
    ------
    ValueError
        If an option is not known, or there are less than two rows.

    See Also
    --------
    MetaOptions : How activation functions are learned.
    MetaResult : Learned activation functions.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.training import MetaOptions, TensorTable, learn_activations
    >>> X = np.linspace(-1, 1, 60).reshape(-1, 1)
    >>> table = TensorTable.from_arrays(X, np.sin(3 * X))
    >>> options = MetaOptions(outer_steps=2, inner_steps=3, batch_size=20)
    >>> learned = learn_activations(table, [4], 1, options)
    """
    options = options or MetaOptions()
    base_texts(options.base, options.n_types)
    if options.meta not in ("unrolled", "first_order", "joint"):
        raise ValueError(f"meta must be 'unrolled', 'first_order' or 'joint', got {options.meta!r}")
    if options.meta_loss not in ("holdout", "train"):
        raise ValueError(f"meta_loss must be 'holdout' or 'train', got {options.meta_loss!r}")
    if len(table) < 2:
        raise ValueError("learning activation functions needs at least 2 rows")
    device, dtype = table.X.device, table.X.dtype
    generator = torch.Generator().manual_seed(seed)
    n_sets = 1 if options.share_across_layers else len(hidden_layer_sizes)
    functions = LearnedFunctions(options, n_sets, generator, device, dtype)
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
    with threads_for(n_values, device), within(otherwise="steps of the learned functions") as clock:
        for step in range(options.outer_steps):
            checkpoint()
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
                if functions.note(loss, max(step / options.outer_steps, clock())):
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
    end = states[-1].theta
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

    def run(self, functions: LearnedFunctions, batches: list[Batch]) -> float:
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
