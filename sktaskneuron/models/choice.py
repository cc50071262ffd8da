"""Which models predict, and with what weights: decided on held-out rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sktaskneuron._evidence import paired_gain
from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.models.candidate import Candidate
from sktaskneuron.models.fitted import Blend, FittedModel, FormulaModel, LinearModel
from sktaskneuron.models.sureness import borne_out
from sktaskneuron.models.target import ClassTarget
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation
from sktaskneuron.models.weights import logit_weights, loss_weights, value_weights


@dataclass(frozen=True, eq=False)
class Choice:
    """The model that predicts, and the evidence for it.

    Parameters
    ----------
    name : str
        Of the one candidate that predicts, or "blend".
    model : FittedModel
    weights : dict of str to float
        Share of every candidate in the prediction; sum one.
    losses : dict of str to float
        Held-out loss of every candidate, and of "blend"; empty without validation.
    outputs : ndarray of shape (n_held_out, n_outputs) or None
        Raw held-out outputs of the model that predicts.
    gains : dict of str to float
        By how much the loss of the blend rises without a candidate.
    """

    name: str
    model: FittedModel
    weights: dict[str, float]
    losses: dict[str, float]
    outputs: Matrix | None
    gains: dict[str, float]


def choose(
    task: Task, validation: Validation, candidates: Sequence[Candidate], margin: float
) -> Choice:
    """Choose the model that predicts; of classes one that is no surer than few rows bear out."""
    choice = _chosen(task, validation, candidates, margin)
    model = choice.model
    # an equation of another temperature is not the one that its name promises
    if isinstance(model, FormulaModel | LinearModel):
        return choice
    factor = borne_out(task, validation, model, choice.outputs)
    if factor == 1.0:
        return choice
    if isinstance(model, Blend):
        model = replace(model, weights=factor * model.weights)
    else:
        model = Blend((model,), np.array([factor]), (choice.name,))
    outputs = None if choice.outputs is None else factor * choice.outputs
    return replace(choice, model=model, outputs=outputs)


def _chosen(
    task: Task, validation: Validation, candidates: Sequence[Candidate], margin: float
) -> Choice:
    """Blend the candidates, or take a simple one that the blend does not beat.

    The blend takes the place of a simple model only if it is better by more than ``margin``
    standard errors of the paired differences of losses; any model that of the constant by more
    than one. Of two simple models the one that comes first stays, unless the other is better.
    """
    if not validation:
        return _equal_shares(candidates)
    usable = _finite(candidates)
    parts = blendable(task, candidates)

    def losses_of(outputs: Matrix) -> Vector:
        return task.losses(outputs, validation.rows)

    losses = {c.name: losses_of(_outputs(c)) for c in usable}
    share = validation.share
    means = {name: float(share @ values) for name, values in losses.items()}
    blend = Blended.of(task, validation, parts)
    losses["blend"] = losses_of(blend.outputs)
    means["blend"] = float(share @ losses["blend"])
    gains = {}
    for left_out in parts if len(parts) > 1 else ():
        rest = Blended.of(task, validation, [c for c in parts if c is not left_out])
        gains[left_out.name] = float(share @ losses_of(rest.outputs)) - means["blend"]

    by_name = {c.name: c for c in usable}
    best = ""
    for name in (*(c.name for c in usable if c.simple), "blend"):
        if not best:
            best = name
            continue
        gain, error = paired_gain(losses[best], losses[name], share)
        needed = 1.0 if best == "constant" else margin if name == "blend" else 0.0
        if gain > needed * error:
            best = name
    if best == "blend":
        total = blend.weights.sum()
        weights = {c.name: 0.0 for c in usable}
        weights |= {c.name: float(w / total) for c, w in zip(parts, blend.weights, strict=True)}
        kept = [(c, w) for c, w in zip(parts, blend.weights, strict=True) if w > 0]
        # an equation of another temperature is not the one that its name promises
        alone = len(kept) == 1 and (
            kept[0][1] == 1.0 or not isinstance(kept[0][0].model, FormulaModel | LinearModel)
        )
        model: FittedModel = Blend(
            tuple(c.model for c, _ in kept),
            np.asarray([w for _, w in kept]),
            tuple(c.name for c, _ in kept),
        )
        if len(kept) == 1 and kept[0][1] == 1.0:
            model = kept[0][0].model  # an equation that predicts alone can be exported
        name = kept[0][0].name if alone else "blend"
        return Choice(name, model, weights, means, blend.outputs, gains)
    weights = {c.name: float(c.name == best) for c in usable}
    chosen = by_name[best]
    return Choice(best, chosen.model, weights, means, chosen.outputs, gains)


def _equal_shares(candidates: Sequence[Candidate]) -> Choice:
    name, model = candidates[0].name, candidates[0].model
    share = 1.0 / len(candidates)
    if len(candidates) > 1:
        name = "blend"
        names = tuple(c.name for c in candidates)
        model = Blend(tuple(c.model for c in candidates), np.full(len(names), share), names)
    return Choice(name, model, {c.name: share for c in candidates}, {}, None, {})


def _finite(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return those whose held-out outputs are all numbers."""
    return [c for c in candidates if c.outputs is not None and np.isfinite(c.outputs).all()]


def blendable(task: Task, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates that may be parts of a blend."""
    usable = _finite(candidates)
    # in a blend of logits the sum of the weights does what the constant does among values
    return [c for c in usable if not (task.classification and c.name == "constant")] or usable


def _outputs(candidate: Candidate) -> Matrix:
    assert candidate.outputs is not None
    return candidate.outputs


@dataclass(frozen=True, eq=False)
class Blended:
    """The weighted sum of candidates that errs least on the held-out rows.

    Parameters
    ----------
    weights : ndarray of shape (n_candidates,)
    outputs : ndarray of shape (n_held_out, n_outputs)
        Of the sum.
    """

    weights: Vector
    outputs: Matrix

    @classmethod
    def of(cls, task: Task, validation: Validation, candidates: Sequence[Candidate]) -> Blended:
        """Weigh the candidates."""
        stack = np.stack([_outputs(c) for c in candidates])
        target, weight, kind = validation.target, validation.weight, task.kind
        if isinstance(kind, ClassTarget):
            weights = logit_weights(stack, target, weight)
        elif kind.loss.squares:
            weights = value_weights(stack, target, weight)
        else:
            weights = loss_weights(stack, target, weight, kind.loss)
        return cls(weights, np.tensordot(weights, stack, axes=1))
