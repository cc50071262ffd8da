"""Networks that go on learning from more rows, beside what stays as it is in a blend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from sktaskneuron._clock import running_clock
from sktaskneuron._typing import State, Vector
from sktaskneuron.models.fitted import Blend, FittedModel
from sktaskneuron.models.networks import PackedModel
from sktaskneuron.models.recipe import EpochReport, Recipe, leave_out_epochs
from sktaskneuron.models.task import Task


def trained_further(
    model: FittedModel, task: Task, recipe: Recipe, share: float, report: EpochReport
) -> FittedModel:
    r"""Return a model whose networks have learned from the rows of a task too.

    Networks trained on new rows alone forget the others. So of every weight :math:`\theta` the mean
    is taken of what it was and of what training on the new rows makes of it, each by its number of
    rows, as federated averaging does [1]_: :math:`\theta + s\,(\theta' - \theta)`.

    Parameters
    ----------
    model : FittedModel
    task : Task
        Read and encoded as the rows that the model was fitted to.
    recipe : Recipe
        Its numbers of networks and their shapes are not read: those are the model's.
    share : float
        s, that of the new rows among all.
    report : callable

    References
    ----------
    .. [1] H. B. McMahan et al., "Communication-efficient learning of deep networks from
       decentralized data", AISTATS 2017.
    """
    if isinstance(model, Blend):
        # a blend in a blend is an equation and networks of what it leaves: both stay
        parts = (
            _trained(part, task, recipe, share, report) if isinstance(part, PackedModel) else part
            for part in model.models
        )
        return replace(model, models=tuple(parts))
    if isinstance(model, PackedModel):
        return _trained(model, task, recipe, share, report)
    return model


def _trained(
    model: PackedModel, task: Task, recipe: Recipe, share: float, report: EpochReport
) -> PackedModel:
    """Train a pack on all rows; regressions may go as far as the new rows' targets too."""
    from sktaskneuron.training import fit_members, resolve_device, resolve_dtype

    device = resolve_device(recipe.device)
    dtype = resolve_dtype(recipe.dtype, device)
    bounds: tuple[Vector, Vector] | None = None
    if model.bounds is not None:
        low, high = model.bounds
        bounds = np.minimum(low, task.target.min(axis=0)), np.maximum(high, task.target.max(axis=0))
    model = replace(model, device=recipe.device, dtype=recipe.dtype, bounds=bounds)
    assert recipe.learning_rate is not None  # no rate is tried
    name = f"networks of {model.view!r} columns, further"

    def mean(state: State) -> PackedModel:
        return replace(model, state=_mean(model.state, state, share))

    def on_epoch_end(epoch: int, logs: Mapping[str, float], get_state: Callable[[], State]) -> bool:
        return report(name, epoch, recipe.n_epochs, logs, lambda: mean(get_state()))

    result = fit_members(
        model.network(),
        task.table(model.view, device, dtype),
        [task.own_rows] * model.n_members,
        device=device,
        clock=running_clock(),
        on_epoch_end=on_epoch_end,
        **recipe.training(task.kind),
    )
    leave_out_epochs(name, result, recipe.n_epochs)
    return mean(result.state)


def _mean(former: State, latter: State, share: float) -> State:
    return {
        name: value + (share * (latter[name] - value)).astype(value.dtype)
        for name, value in former.items()
    }
