"""Networks of stage two: one per split, stopped together, averaged for prediction.

All folds stop at the same epoch, that of the lowest joint held-out loss. So one training serves the
choice of the epoch, the choice of the model and the prediction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sktaskneuron.estimators._models import FittedModel, NetworkModel, State
from sktaskneuron.estimators._validation import (
    Candidate,
    Rows,
    Splits,
    Task,
    held_out,
    held_out_weight,
)
from sktaskneuron.formula import NeuronFormula

#: ``report(network, epoch, n_epochs, logs, get_model) -> stop``, called after every epoch.
EpochReport = Callable[[str, int, int, Mapping[str, float], Callable[[], FittedModel]], bool]

# States kept per fold for the joint choice of the epoch.
_SNAPSHOTS = 50


@dataclass(frozen=True)
class NetworkRecipe:
    """How a network is built and trained."""

    hidden_layer_sizes: tuple[int, ...]
    activation: str
    dropout: float
    learning_rate: float
    weight_decay: float
    max_epochs: int
    min_steps: int
    batch_size: int
    patience: int | None
    device: str
    dtype: str
    seed: int
    callbacks: tuple[Any, ...] = ()
    verbose: int = 0


def network_candidate(
    name: str,
    task: Task,
    formula: NeuronFormula,
    recipe: NetworkRecipe,
    splits: Splits,
    report: EpochReport,
) -> Candidate:
    """Train one network per split, or a single one on all rows without validation."""
    if len(splits) > 1:
        return _out_of_fold(name, task, formula, recipe, splits, report)
    rows = splits[0] if splits else (np.arange(len(task)), None)
    result, spec = _train(name, task, formula, recipe, rows, recipe.seed, report)
    model = _network_model(task, recipe, spec, [result.state])
    candidate = Candidate(name, model, history=result.history, n_epochs=result.n_epochs)
    if splits:
        candidate.losses = held_out(task, splits, [model])
        candidate.weight = held_out_weight(task, splits)
    return candidate


def _out_of_fold(
    name: str,
    task: Task,
    formula: NeuronFormula,
    recipe: NetworkRecipe,
    splits: Splits,
    report: EpochReport,
) -> Candidate:
    snapshots: list[dict[int, State]] = []
    histories: list[dict[str, list[Any]]] = []
    spec: dict[str, Any] = {}
    for fold, rows in enumerate(splits):
        kept: dict[int, State] = {}
        title, seed = f"{name}, fold {fold + 1}", recipe.seed + fold
        result, spec = _train(title, task, formula, recipe, rows, seed, report, kept)
        kept[result.n_epochs] = result.state
        snapshots.append(kept)
        histories.append(result.history)
    size = [task.weight[held].sum() for _, held in splits]
    n_epochs = min(len(history["valid_loss"]) for history in histories)
    joint = {
        key: np.average([history[key][:n_epochs] for history in histories], axis=0, weights=size)
        for key in ("train_loss", "valid_loss")
    }
    common = sorted(set.intersection(*(set(kept) for kept in snapshots)))
    if common:
        best = min(common, key=lambda epoch: joint["valid_loss"][epoch - 1])
        states = [kept[best] for kept in snapshots]
    else:  # callbacks ended the folds at different epochs
        states = [kept[max(kept)] for kept in snapshots]
    models = [_network_model(task, recipe, spec, [state]) for state in states]
    return Candidate(
        name,
        _network_model(task, recipe, spec, states),
        held_out(task, splits, models),
        held_out_weight(task, splits),
        {key: values.tolist() for key, values in joint.items()},
        n_epochs,
    )


def _network_model(
    task: Task, recipe: NetworkRecipe, spec: dict[str, Any], states: Sequence[State]
) -> NetworkModel:
    low = high = None
    if not task.classification:
        low, high = task.target.min(axis=0), task.target.max(axis=0)
    return NetworkModel(spec, list(states), recipe.device, recipe.dtype, low, high)


def _train(
    name: str,
    task: Task,
    formula: NeuronFormula,
    recipe: NetworkRecipe,
    rows: tuple[Rows, Rows | None],
    seed: int,
    report: EpochReport,
    snapshots: dict[int, State] | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Train one network; with ``snapshots`` keep states on the way instead of the best one."""
    from sktaskneuron.nn import TaskNetwork
    from sktaskneuron.training import TensorTable, fit_network, resolve_device, resolve_dtype

    device = resolve_device(recipe.device)
    dtype = resolve_dtype(recipe.dtype, device)
    network = TaskNetwork(
        task.inputs.scaled.shape[1],
        task.n_outputs,
        formula,
        hidden_layer_sizes=recipe.hidden_layer_sizes,
        activation=recipe.activation,
        dropout=recipe.dropout,
        dtype=dtype,
        generator=seed,
    )
    spec = network.spec()
    train, valid = (
        None
        if part is None
        else TensorTable.from_arrays(
            task.inputs.scaled[part],
            task.target[part],
            task.weight[part],
            device=device,
            dtype=dtype,
        )
        for part in rows
    )
    assert train is not None
    steps = -(-len(train) // recipe.batch_size)
    n_epochs = max(recipe.max_epochs, -(-recipe.min_steps // steps))
    every = max(1, n_epochs // _SNAPSHOTS)

    def on_epoch_end(epoch: int, logs: Mapping[str, float], get_state: Callable[[], State]) -> bool:
        if snapshots is not None and (epoch % every == 0 or epoch == n_epochs):
            snapshots[epoch] = get_state()
        return report(
            name, epoch, n_epochs, logs, lambda: _network_model(task, recipe, spec, [get_state()])
        )

    result = fit_network(
        network,
        train,
        valid,
        loss="cross_entropy" if task.classification else "squared_error",
        max_epochs=recipe.max_epochs,
        min_steps=recipe.min_steps,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        patience=None if snapshots is not None else recipe.patience,
        restore_best=snapshots is None,
        seed=seed,
        on_epoch_end=on_epoch_end,
        callbacks=recipe.callbacks,
        verbose=recipe.verbose,
    )
    return result, spec
