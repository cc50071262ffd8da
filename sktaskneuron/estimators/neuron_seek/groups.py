"""Stage two: train the groups of networks and the simple models that one fit compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sktaskneuron.estimators._common.report import FitReport
from sktaskneuron.estimators.neuron_seek.defaults import LINEAR, Defaults
from sktaskneuron.estimators.neuron_seek.equation import Equation
from sktaskneuron.formula import NeuronFormula
from sktaskneuron.models.members import MemberGroup, NetworkRecipe, group_candidate
from sktaskneuron.models.simple import (
    constant_candidate,
    formula_candidate,
    linear_candidate,
)
from sktaskneuron.models.validation import Candidate, Task, Validation

if TYPE_CHECKING:
    from sktaskneuron.training import Clock

# Share of the time left that may go into judging the equation.
_MOST_TO_JUDGE = 0.4


@dataclass(frozen=True, eq=False)
class StageTwo:
    """What one fit trains after the search.

    Parameters
    ----------
    settings : NeuronSeek
        The estimator, for its parameters.
    defaults : Defaults
        What "auto" means.
    task : Task
    validation : Validation
    formula : NeuronFormula or None
        Given by the user; None where it was searched.
    equation : Equation or None
        What was searched.
    seed : int
    clock : Clock
    report : FitReport
    """

    settings: Any
    defaults: Defaults
    task: Task
    validation: Validation
    formula: NeuronFormula | None
    equation: Equation | None
    seed: int
    clock: Clock
    report: FitReport

    @property
    def compares(self) -> bool:
        """Whether there are rivals to the task-driven networks."""
        return bool(self.validation) and self.settings.compare_simple

    def candidates(self) -> list[Candidate]:
        """Train everything, the simple models first."""
        simple = []
        if self.compares:
            simple = [
                constant_candidate(self.task, self.validation),
                linear_candidate(self.task, self.validation),
            ]
        reserve = self._seconds_to_judge()
        networks = self._networks(reserve or 0.0)
        self.task.release()
        if reserve is not None and self.equation is not None:
            rival = min(self._loss(candidate) for candidate in [*simple, *networks])
            simple += formula_candidate(
                self.task, self.equation.fitted, self.validation, self.equation.on_rows, rival
            )
        return [*simple, *networks]

    def _seconds_to_judge(self) -> float | None:
        """Return what the held-out loss of the equation costs; None if it is not to be judged.

        It takes as many searches as there are splits, and at most a part of the time left.
        """
        if not self.compares or self.equation is None or not self.equation.is_readable:
            return None
        seconds = self.equation.seconds * len(self.validation.splits)
        return seconds if seconds <= _MOST_TO_JUDGE * self.clock.left() else None

    def _networks(self, reserve: float) -> list[Candidate]:
        from sktaskneuron.training import Clock

        trained: list[Candidate] = []
        groups = self.groups()
        for number, (group, n_members) in enumerate(groups):
            left = self.clock.left() - reserve
            if trained and left <= 0:
                break
            clock = Clock(None if np.isinf(left) else left / (len(groups) - number))
            trained.append(self._train(group, n_members, self.seed + number, clock))
        return trained

    def _train(
        self, group: MemberGroup, n_members: int, seed: int, clock: Clock | None = None
    ) -> Candidate:
        return group_candidate(
            group,
            n_members,
            self.task,
            self.recipe(seed),
            self.validation,
            self.report.epoch,
            clock,
        )

    def _loss(self, candidate: Candidate) -> float:
        """Mean held-out loss."""
        assert candidate.outputs is not None
        losses = self.task.losses(candidate.outputs, self.validation.rows)
        return float(np.average(losses, weights=self.validation.weight))

    def groups(self) -> list[tuple[MemberGroup, int]]:
        """Return the groups with their numbers of members, the most important first."""
        defaults, n_rows = self.defaults, len(self.task)
        if self.equation is None:
            assert self.formula is not None
            task = MemberGroup("task", self.formula | LINEAR, terms=None)
        else:
            task = defaults.task
            if defaults.use_search:
                found = self.equation.network_formula(self.settings.scaler_.scale_)
                task = replace(task, formula=task.formula | found)
        groups = [task]
        if self.compares and n_rows < defaults.rivals_below:
            groups += defaults.class_rivals if self.task.classification else defaults.rivals
        return self._shared_out(groups, n_rows)

    def _shared_out(
        self, groups: Sequence[MemberGroup], n_rows: int
    ) -> list[tuple[MemberGroup, int]]:
        """Give every group as many members as there are splits, or leave it out."""
        n_splits, total = max(1, len(self.validation.splits)), self.settings.n_members
        if isinstance(total, str):
            each = max(n_splits, self.defaults.members_per_group(n_rows))
            return [(group, each) for group in groups]
        used = groups[: max(1, int(total) // n_splits)]
        each, rest = divmod(int(total), len(used))
        return [(group, each + (number < rest)) for number, group in enumerate(used)]

    def term_gains(self, full_loss: float) -> dict[str, float]:
        """Return by how much the task group's held-out loss rises without each kind of term.

        The same members are trained once more for every kind, on the same rows, while time is left.
        """
        from sktaskneuron.training import Clock

        group, n_members = self.groups()[0]
        formula = group.formula
        lacking = {
            "products": replace(
                group, formula=NeuronFormula(pure=formula.pure), hidden_formula=None
            ),
            "pure terms": replace(
                group, formula=LINEAR | NeuronFormula(interactions=formula.interactions)
            ),
            "learned terms": replace(group, terms=None),
        }
        gains = {}
        for kind, other in lacking.items():
            left = self.clock.left()
            if other == group or left <= 0:
                continue
            named = replace(other, name=f"task without {kind}")
            rest = self._train(named, n_members, self.seed, Clock(None if np.isinf(left) else left))
            gains[kind] = self._loss(rest) - full_loss
        return gains

    def recipe(self, seed: int) -> NetworkRecipe:
        """Return how networks are built and trained."""
        settings, defaults, task = self.settings, self.defaults, self.task
        n_rows = min((len(train) for train, _ in self.validation.splits), default=len(task))
        rate, batch_size = settings.learning_rate, settings.batch_size
        n_epochs = settings.max_epochs
        if isinstance(rate, str):
            rate = defaults.class_learning_rate if task.classification else defaults.learning_rate
        if isinstance(batch_size, str):
            batch_size = defaults.batch_size(n_rows)
        passes = 1
        if isinstance(n_epochs, str):
            n_epochs, passes = defaults.epochs(n_rows, int(batch_size))
        return NetworkRecipe(
            hidden_layer_sizes=settings._layer_sizes(),
            activation=settings.activation,
            dropout=float(settings.dropout),
            learning_rate=float(rate),
            weight_decay=float(settings.weight_decay),
            label_smoothing=defaults.label_smoothing,
            n_epochs=int(n_epochs),
            passes_per_epoch=passes,
            batch_size=int(batch_size),
            patience=settings.n_iter_no_change,
            stop_early=isinstance(settings.max_epochs, str),
            device=settings.device,
            dtype=settings.dtype,
            seed=seed,
            callbacks=tuple(settings.skorch_callbacks or ()),
            verbose=int(settings.verbose),
        )
