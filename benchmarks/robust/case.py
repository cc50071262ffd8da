"""A case of a run: its kinds, its estimator, its table. All follow from the seed and the number."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .draft import MAY, MUST, NEVER, Draft
from .kinds import KINDS, Kind
from .kinds.kind import TYPES
from .laws import N_BASES, base
from .models import MODELS, Model

STRENGTH = {NEVER: 0, MAY: 1, MUST: 2}


@dataclass(frozen=True)
class Case:
    """What is drawn for a number: one kind or a pair, an estimator and a clean table."""

    seed: int
    number: int
    kinds: tuple[Kind, ...]
    model: Model
    base: int

    @property
    def kind(self) -> str:
        return " + ".join(kind.name for kind in self.kinds)


def plan(seed: int, number: int) -> Case:
    """Go through the kinds in turn: every second round pairs each with another one."""
    rng = np.random.default_rng([seed, number])
    turn, place = divmod(number, len(KINDS))
    first = list(KINDS.values())[place]
    models = [model for model in MODELS if model.task in first.tasks]
    shares = np.array([model.share for model in models], dtype=float)
    model = models[rng.choice(len(models), p=shares / shares.sum())]
    kinds = [first]
    if turn % 2 and not first.alone:
        others = [
            k
            for k in KINDS.values()
            if k.stage != first.stage and model.task in k.tasks and not k.alone
        ]
        kinds.append(others[rng.integers(len(others))])
    ordered = tuple(sorted(kinds, key=lambda kind: kind.stage))
    return Case(seed, number, ordered, model, int(rng.integers(N_BASES)))


def draw(case: Case) -> Draft:
    """Draw the clean table, and let the kinds change it."""
    rng = np.random.default_rng([case.seed, case.number, 1])
    draft = base(case.model.task, case.base, case.seed)
    for kind in case.kinds:
        if kind.stage >= TYPES:
            draft = kept_rough(draft)
        draft = merged(draft, kind.change(draft, rng))
        if kind.name in case.model.as_given:
            draft = replace(draft, linear_as_given=True)
    if len(case.kinds) > 1:
        # one kind may take away what the other one is refused for, or told
        refusal = MAY if draft.refusal == MUST else draft.refusal
        odd = MAY if draft.odd_refusal == MUST else draft.odd_refusal
        draft = replace(draft, refusal=refusal, odd_refusal=odd, told=())
    return kept_rough(draft)


def merged(before: Draft, after: Draft) -> Draft:
    """What one kind allows stays allowed."""
    return replace(
        after,
        refusal=max(before.refusal, after.refusal, key=STRENGTH.__getitem__),
        words=tuple(dict.fromkeys(before.words + after.words)),
        judged=before.judged and after.judged,
        mean_is_enough=before.mean_is_enough or after.mean_is_enough,
        mean_alone=before.mean_alone or after.mean_alone,
        linear_as_given=before.linear_as_given or after.linear_as_given,
        slack=max(before.slack, after.slack),
    )


def kept_rough(draft: Draft) -> Draft:
    """Keep the hostile table while it is one of pandas, for the linear model that is a mark."""
    if draft.rough is not None or not draft.linear_as_given:
        return draft
    return replace(draft, rough=(draft.given, draft.new))
