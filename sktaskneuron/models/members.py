"""Groups of packed networks of task-driven neurons, which differ in the terms they carry.

A group is one batched module. Its members hold out other rows each, and stop together at the epoch
of their lowest joint held-out loss, so one training serves the choice of the epoch, the choice
among the groups and the prediction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from sktaskneuron._clock import running_clock
from sktaskneuron._typing import FloatArray, State, Vector
from sktaskneuron.formula import NeuronFormula
from sktaskneuron.models.candidate import Candidate
from sktaskneuron.models.inputs import View
from sktaskneuron.models.networks import Kind, PackedModel
from sktaskneuron.models.recipe import EpochReport, Recipe, leave_out_epochs
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation

if TYPE_CHECKING:
    import torch

    from sktaskneuron.nn import SignalNetwork, TaskNetwork

# Learned functions of a column cost their cosines: many columns get fewer each, very many none.
_FREQUENCIES, _FEWEST_FREQUENCIES, _MOST_COSINES = 16, 4, 512

#: Functions of single columns.
Terms: TypeAlias = Literal["periodic", "piecewise", "piecewise_embedding"]


@dataclass(frozen=True)
class MemberGroup:
    """What the members of a group carry.

    Parameters
    ----------
    name : str
    formula : NeuronFormula
        Aggregation of the first layer; with the part ``x``.
    hidden_formula : NeuronFormula or None
        Aggregation of the further layers.
    terms : {"periodic", "piecewise", "piecewise_embedding"} or None
        Functions of single columns beside the columns.
    frequency_std : float or pair of floats
        Of periodic terms: how wavy the functions are at the start.
    view : {"robust", "ranks"}
        Scale of the columns.
    n_terms : int
        Learned functions of a column.
    n_bins : int
        Of piecewise terms.
    label_smoothing : float or None
        Of classes; None is the recipe's.
    factors : mapping of order to ndarray of shape (order, n_columns, n_products), or None
        Directions that products of the first layer start from; the others are drawn.
    """

    name: str
    formula: NeuronFormula
    hidden_formula: NeuronFormula | None = None
    terms: Terms | None = "periodic"
    frequency_std: float | tuple[float, float] = 0.1
    view: View = "robust"
    n_terms: int = 3
    n_bins: int = 64
    label_smoothing: float | None = None
    factors: Mapping[int, FloatArray] | None = field(default=None, compare=False)

    @property
    def has_bins(self) -> bool:
        """Whether its functions bend at the edges of bins."""
        return self.terms in ("piecewise", "piecewise_embedding")


def has_room_for_terms(n_numeric: int) -> bool:
    """Return whether a table has columns for functions of single ones, and not too many."""
    return 0 < n_numeric <= _MOST_COSINES // _FEWEST_FREQUENCIES


def group_candidate(
    group: MemberGroup,
    task: Task,
    recipe: Recipe,
    validation: Validation,
    report: EpochReport,
    start: PackedModel | None = None,
) -> Candidate:
    """Train the members of a group; ``start`` is what an earlier fit made of it, to go on from.

    Raises
    ------
    ValueError
        If it holds other networks than this group has.
    """
    from sktaskneuron.training import arrays_to_module, resolve_device, resolve_dtype

    if group.label_smoothing is not None:
        recipe = replace(recipe, label_smoothing=group.label_smoothing)
    network = _network(
        group, task, recipe, resolve_dtype(recipe.dtype, resolve_device(recipe.device))
    )
    least_bounds = None
    if start is not None:
        try:
            arrays_to_module(network, start.state)
        except ValueError as error:
            raise ValueError(
                f"the networks {group.name!r} of the earlier fit have another shape than the "
                "parameters ask for now; use warm_start=False"
            ) from error
        least_bounds = start.bounds
    pack = Pack(group.name, "task", group.view, least_bounds)
    return pack_candidate(pack, network, task, recipe, validation, report)


@dataclass(frozen=True, eq=False)
class Pack:
    """What is said of packed networks.

    Parameters
    ----------
    name : str
    kind : {"task", "typed", "signal"}
        As of `PackedModel`.
    view : {"robust", "ranks"}
        Scale of the columns.
    least_bounds : pair of ndarray of shape (n_outputs,) or None
        What values are bounded by lies no further in.
    """

    name: str
    kind: Kind
    view: View
    least_bounds: tuple[Vector, Vector] | None = None


def pack_candidate(
    pack: Pack,
    network: TaskNetwork | SignalNetwork,
    task: Task,
    recipe: Recipe,
    validation: Validation,
    report: EpochReport,
) -> Candidate:
    """Train packed networks; member j holds out the rows of split j, round and round."""
    from sktaskneuron.training import fit_members, resolve_device, resolve_dtype

    assert recipe.learning_rate is not None  # a group tries no rates
    n_members = recipe.n_members
    device = resolve_device(recipe.device)
    dtype = resolve_dtype(recipe.dtype, device)
    spec = network.spec()
    bounds = None
    if task.kind.bounded:
        own = task.target[task.own_rows]
        bounds = own.min(axis=0), own.max(axis=0)
        if pack.least_bounds is not None:
            low, high = pack.least_bounds
            bounds = np.minimum(bounds[0], low), np.maximum(bounds[1], high)

    def model(state: State) -> PackedModel:
        return PackedModel(
            pack.kind, spec, state, n_members, recipe.device, recipe.dtype, pack.view, bounds
        )

    splits = None
    if validation:
        splits = [validation.splits[j % len(validation.splits)] for j in range(n_members)]
    everything = task.own_rows

    def on_epoch_end(epoch: int, logs: Mapping[str, float], get_state: Callable[[], State]) -> bool:
        return report(pack.name, epoch, recipe.n_epochs, logs, lambda: model(get_state()))

    result = fit_members(
        network,
        task.table(pack.view, device, dtype),
        [everything] * n_members if splits is None else [train for train, _ in splits],
        None if splits is None else [held for _, held in splits],
        device=device,
        bounds=bounds,
        passes_per_epoch=recipe.passes_per_epoch,
        patience=recipe.patience,
        stop_at_cycle_ends=recipe.stop_early,
        clock=running_clock(),
        on_epoch_end=on_epoch_end,
        **recipe.training(task.kind),
    )
    leave_out_epochs(pack.name, result, recipe.n_epochs)
    outputs = None
    if splits is not None:
        outputs = validation.merged(result.held_outputs, [held for _, held in splits])
    return Candidate(pack.name, model(result.state), outputs, result.history, result.n_epochs)


def _network(group: MemberGroup, task: Task, recipe: Recipe, dtype: torch.dtype) -> TaskNetwork:
    """Build the members of a group as one module."""
    from sktaskneuron.nn import TaskNetwork

    inputs = task.inputs
    terms = group.terms if has_room_for_terms(inputs.n_numeric) else None
    network = TaskNetwork(
        inputs.n_columns,
        task.n_outputs,
        group.formula,
        hidden_layer_sizes=recipe.hidden_layer_sizes,
        hidden_formula=group.hidden_formula,
        activation=recipe.activation,
        dropout=recipe.dropout,
        terms=terms,
        n_term_columns=inputs.n_numeric,
        n_frequencies=min(_FREQUENCIES, _MOST_COSINES // max(1, inputs.n_numeric)) or 1,
        frequency_std=group.frequency_std,
        n_terms=group.n_terms,
        n_bins=group.n_bins,
        n_levels=inputs.n_levels,
        n_members=recipe.n_members,
        dtype=dtype,
        generator=recipe.seed,
    )
    if group.has_bins and terms is not None:
        own = task.own_rows
        network.load_edges(inputs.take(own).edges(group.view, group.n_bins, task.weight[own]))
    if group.factors:  # a variant of the group may lack some of its products
        orders = group.formula.interactions
        network.load_atoms({k: given for k, given in group.factors.items() if k in orders})
    return network
