"""Networks that learn what an equation leaves: y minus its values on rows that it has not seen.

Where a law explains a part of the target and something else the rest, the two together need far
fewer rows than networks of the whole. Where there is no law, what the equation leaves is no simpler
than the target, and such networks are worse than those of the target: a quick look says which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import Matrix
from sktaskneuron.models.candidate import Candidate
from sktaskneuron.models.fitted import Blend, FittedModel
from sktaskneuron.models.members import MemberGroup, group_candidate
from sktaskneuron.models.recipe import EpochReport, Recipe
from sktaskneuron.models.target import ValueTarget
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation

# Share of the linear model's loss that the equation's must be below, and share of what it leaves
# that small trees must explain. On four laws in part they explained 0.69 to 0.88 of it, on six
# tables and two laws outside the search's reach at most 0.13.
_WELL_BELOW, _LEAST_EXPLAINED = 0.5, 0.4
# Of those trees; and rows that they are fitted to and judged on, and columns that a split looks at.
_N_TREES, _DEPTH, _RATE = 60, 2, 0.2
_ROWS, _FEWEST, _HELD_OUT, _COLUMNS = 2_000, 100, 0.25, 50


def leaves_structure(
    task: Task, validation: Validation, outputs: Matrix, others: Sequence[Candidate]
) -> bool:
    """Return whether what an equation leaves is worth networks of its own.

    Parameters
    ----------
    task : Task
    validation : Validation
    outputs : ndarray of shape (n_held_out, n_outputs)
        Of the equation, on rows that it has not seen.
    others : sequence of Candidate
        Among them the linear model.
    """
    squares = isinstance(task.kind, ValueTarget) and task.kind.squares
    linear = next((c.outputs for c in others if c.name == "linear"), None)
    rows, share = validation.rows, validation.share
    # every row needs a value of an equation that has not seen it
    if not squares or linear is None or len(rows) < max(len(task), _FEWEST):
        return False
    if not np.isfinite(outputs).all():
        return False
    losses = [float(share @ task.losses(o, rows)) for o in (outputs, linear)]
    if losses[0] > _WELL_BELOW * losses[1]:
        return False
    left, weight = validation.target - outputs, validation.weight
    target = left[:, int(np.argmax(share @ left**2))]
    order = np.random.default_rng(0).permutation(len(rows))[:_ROWS]
    held, train = np.split(order, [round(_HELD_OUT * len(order))])
    # trees read float32, which 1e80, or the seconds since 1970, are not
    seen = task.inputs.scalers["robust"].transform(task.inputs.raw[rows])
    checkpoint()
    trees = GradientBoostingRegressor(
        n_estimators=_N_TREES,
        max_depth=_DEPTH,
        learning_rate=_RATE,
        max_features=min(_COLUMNS, seen.shape[1]),
        random_state=0,
    ).fit(seen[train], target[train], weight[train])
    error = target[held] - trees.predict(seen[held])
    before, after = (float(weight[held] @ values**2) for values in (target[held], error))
    return after < (1 - _LEAST_EXPLAINED) * before


def residual_candidate(
    equation: Candidate,
    group: MemberGroup,
    task: Task,
    recipe: Recipe,
    validation: Validation,
    report: EpochReport,
) -> Candidate:
    """Train networks on what an equation leaves; together they are one candidate.

    Parameters
    ----------
    equation : Candidate
        With outputs for every row of ``task``.
    group : MemberGroup
        Its name is the candidate's.
    task : Task
        Of squared errors.
    recipe : Recipe
    validation : Validation
    report : callable
        Told of every epoch, with the equation and the networks as they are by then.
    """
    assert equation.outputs is not None
    left = np.empty_like(equation.outputs)
    left[validation.rows] = validation.target - equation.outputs
    unit = float(np.sqrt(np.average((left**2).mean(axis=1), weights=task.weight))) or 1.0

    def together(networks: FittedModel) -> Blend:
        return Blend((equation.model, networks), np.array([1.0, unit]), names=())

    def tell(
        name: str,
        epoch: int,
        n_epochs: int,
        logs: Mapping[str, float],
        get_model: Callable[[], FittedModel] | None,
    ) -> bool:
        whole = None if get_model is None else lambda: together(get_model())
        return report(name, epoch, n_epochs, logs, whole)

    trained = group_candidate(group, replace(task, target=left / unit), recipe, validation, tell)
    assert trained.outputs is not None
    return replace(
        trained,
        model=together(trained.model),
        outputs=equation.outputs + unit * trained.outputs,
    )
