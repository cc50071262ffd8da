"""What one fit trains after the search: the groups of networks, and the models beside them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sktaskneuron._clock import leave_out, seconds_left, within
from sktaskneuron._typing import Vector
from sktaskneuron.estimators._common.report import FitReport
from sktaskneuron.estimators.neuron_seek.defaults import LINEAR
from sktaskneuron.estimators.neuron_seek.equation import Equation
from sktaskneuron.estimators.neuron_seek.settings import NeuronSeekSettings
from sktaskneuron.formula import NeuronFormula
from sktaskneuron.models.candidate import Candidate
from sktaskneuron.models.companions import Companion, companion_candidate
from sktaskneuron.models.equations import Judge, Search
from sktaskneuron.models.jobs import AllAtOnce, Call, Jobs
from sktaskneuron.models.members import MemberGroup, group_candidate
from sktaskneuron.models.networks import PackedModel
from sktaskneuron.models.recipe import EpochReport, Recipe
from sktaskneuron.models.residual import leaves_structure, residual_candidate
from sktaskneuron.models.simple import constant_candidate, linear_candidate
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation
from sktaskneuron.preprocessing.ordinal import OrdinalColumns

# Shares of the time left that may go into judging the equation, and into the linear model.
_MOST_TO_JUDGE, _MOST_LINEAR = 0.4, 0.3
# And into all companions.
_MOST_COMPANIONS = 0.4
_NOT_JUDGED = "the comparison with the searched {}"
_NO_TIME = "time_limit left no time for it"


@dataclass(frozen=True, eq=False)
class Compared:
    """The models of one fit.

    Parameters
    ----------
    candidates : list of Candidate
        The simple ones first, from the simplest on.
    not_compared : dict of str to str
        Which searched equations are not among them, and why.
    """

    candidates: list[Candidate]
    not_compared: dict[str, str]


@dataclass(frozen=True, eq=False)
class Rivals:
    """The models that one fit compares, and how they are trained.

    Parameters
    ----------
    settings : NeuronSeekSettings
    task : Task
    validation : Validation
    equation : Equation or None
        The searched formula of the neurons; None where one was given.
    columns : Equation or None
        The searched equation of columns, if one was asked for.
    unit : ndarray of shape (n_columns,)
        Scales of the task group's columns.
    ordinal : OrdinalColumns
        How trees read the columns.
    seed : int
    report : callable
    jobs : Jobs
        What may run at a time.
    apart : callable
        Reports in the place of ``report`` what does.
    done : dict of str to Candidate or None
        What has been made ahead, by its name; None for want of time.
    """

    settings: NeuronSeekSettings
    task: Task
    validation: Validation
    equation: Equation | None
    columns: Equation | None
    unit: Vector
    ordinal: OrdinalColumns
    seed: int
    report: EpochReport
    jobs: Jobs = field(default_factory=Jobs)
    apart: EpochReport | None = None
    done: Mapping[str, Candidate | None] = field(default_factory=dict)

    @property
    def compares(self) -> bool:
        """Whether there are rivals to the task-driven networks."""
        return bool(self.validation) and self.settings.compare_simple

    @property
    def compares_simple(self) -> bool:
        """Whether some of them are no networks."""
        return self.compares and not self.settings.networks_alone

    def made_ahead(self) -> Rivals:
        """Return the same rivals, their companions and networks made side by side.

        Where one job at a time is asked for nothing is made ahead: all is made in its turn.
        """
        if not self.jobs.several or self.apart is None:
            return self
        here = replace(self, report=self.apart, jobs=Jobs())
        calls = {
            name: Call(here._companion, (name, companion), _companion_in_words(name))
            for name, companion in self.settings.companions
        }
        groups = [(*pair, self.seed + number) for number, pair in enumerate(self.groups())]
        if self.settings.term_evidence and self.validation:
            group, n_members, seed = groups[0]
            groups += [(other, n_members, seed) for other in _lacking(group).values()]
        calls |= {group[0].name: Call(here._train, group) for group in groups}
        judged, _ = self._equations_to_judge()
        reserve = sum(self._seconds_to_judge(equation) for equation in judged)
        found = self.jobs.run(list(calls.values()), seconds_left() - reserve)
        return replace(self, done=dict(zip(calls, found, strict=True)))

    def candidates(self) -> Compared:
        """Train everything, the simple models first."""
        simple = self._simple() if self.compares_simple else []
        companions = self._companions()
        judged, not_compared = self._equations_to_judge()
        reserve = sum(self._seconds_to_judge(equation) for equation in judged)
        networks = self._networks(reserve, has_rivals=bool(simple))
        others = [*simple, *companions, *networks]
        judge = Judge(self.task, self.validation, others, self.settings.defaults.simple_margin)
        found: list[Candidate] = []
        for equation in judged:
            not_compared[equation.name] = _NO_TIME
            with within(otherwise=_NOT_JUDGED.format(equation.name)):
                judgement = judge(
                    equation.name,
                    equation.fitted,
                    self._search_on_rows(equation),
                    simple=equation.is_short,
                )
                not_compared[equation.name] = judgement.reason
                if judgement.candidate is not None:
                    del not_compared[equation.name]
                    found.append(judgement.candidate)
        together = [*simple, *found, *companions, *networks]
        return Compared([*together, *self._residual_networks(found, together)], not_compared)

    def _search_on_rows(self, equation: Equation) -> Search:
        """Return what repeats a search on some of the rows: those of all splits side by side."""
        if not self.jobs.several:
            return equation.on_rows
        return AllAtOnce(
            self.jobs, equation.on_rows, [train for train, _ in self.validation.splits]
        )

    def _simple(self) -> list[Candidate]:
        """Return the mean and, if there is time, the linear model."""
        found = [constant_candidate(self.task, self.validation)]
        with within(_MOST_LINEAR * seconds_left(), "the linear model"):
            found.append(linear_candidate(self.task, self.validation))
        return found

    def _companions(self) -> list[Candidate]:
        """Fit the companions, each as long as there is time for it."""
        found: list[Candidate] = []
        asked = self.settings.companions
        for number, (name, companion) in enumerate(asked):
            if name in self.done:
                made = self.done[name]
                if made is not None:
                    found.append(made)
                continue
            share = _MOST_COMPANIONS * seconds_left() / (len(asked) - number)
            with within(share, _companion_in_words(name)):
                found.append(self._companion(name, companion))
        return found

    def _companion(self, name: str, companion: Companion) -> Candidate:
        return companion_candidate(
            name, companion, self.task, self.validation, self.ordinal, self.seed
        )

    def _equations_to_judge(self) -> tuple[list[Equation], dict[str, str]]:
        """Return the equations that may take part, and of the others why they may not."""
        judged: list[Equation] = []
        not_compared: dict[str, str] = {}
        if not self.compares_simple:
            return judged, not_compared
        for equation in (self.equation, self.columns):
            if equation is None:
                continue
            reason = equation.no_model
            if not reason and self._seconds_to_judge(equation) > _MOST_TO_JUDGE * seconds_left():
                reason = _NO_TIME
                leave_out(_NOT_JUDGED.format(equation.name))
            if reason:
                not_compared[equation.name] = reason
            else:
                judged.append(equation)
        return judged, not_compared

    def _seconds_to_judge(self, equation: Equation) -> float:
        """Return what the held-out loss of an equation costs at most: a search for each split."""
        return equation.seconds * len(self.validation.splits)

    def _residual_networks(
        self, equations: Sequence[Candidate], others: Sequence[Candidate]
    ) -> list[Candidate]:
        """Train networks on what the best of the equations leaves, where that looks simple."""
        groups = self._rivals()
        counted = not isinstance(self.settings.n_members, str)  # all are shared out already
        if not equations or not groups or counted:
            return []
        best = min(equations, key=self._loss)
        assert best.outputs is not None
        name = f"{best.name} + networks"
        with within(otherwise=f"the look at the networks {name!r}"):
            if not leaves_structure(self.task, self.validation, best.outputs, others):
                return []
            if seconds_left() <= 0:
                leave_out(f"the networks {name!r}")
                return []
            [(group, n_members)] = self._shared_out([replace(groups[0], name=name)])
            recipe = self.recipe(n_members, self.seed + len(self.groups()))
            return [
                residual_candidate(best, group, self.task, recipe, self.validation, self.report)
            ]
        return []

    def _networks(self, reserve: float, has_rivals: bool) -> list[Candidate]:
        """Train the groups; the first in any case where nothing else can predict."""
        trained: list[Candidate] = []
        groups, over = self.groups(), 0.0
        for number, (group, n_members) in enumerate(groups):
            made = self.done.get(group.name)
            if made is not None:
                trained.append(made)
                continue
            left = seconds_left() - reserve - over
            if (trained or has_rivals) and left <= 0:
                leave_out(f"the networks {group.name!r}")
                continue
            with within(left / (len(groups) - number)) as clock:
                trained.append(self._train(group, n_members, self.seed + number))
            # a look at very many held-out rows takes long: the next group needs it too
            over = max(over, -clock.left())
        return trained

    def _train(self, group: MemberGroup, n_members: int, seed: int) -> Candidate:
        start = self._packs.get(group.name)
        recipe = self.recipe(n_members, seed, further=start is not None)
        return group_candidate(group, self.task, recipe, self.validation, self.report, start)

    @property
    def _packs(self) -> Mapping[str, PackedModel]:
        """Networks of an earlier fit to go on from, by the names of their groups."""
        return {} if self.settings.start is None else self.settings.start.packs

    def recipe(self, n_members: int, seed: int, *, further: bool = False) -> Recipe:
        """Return how the networks of a group are built and trained, anew or further."""
        splits = self.validation.splits
        n_rows = min((len(train) for train, _ in splits), default=len(self.task))
        return self.settings.recipe(
            n_rows, n_members, seed, classification=self.task.classification, further=further
        )

    def _loss(self, candidate: Candidate) -> float:
        """Mean held-out loss."""
        assert candidate.outputs is not None
        losses = self.task.losses(candidate.outputs, self.validation.rows)
        return float(np.average(losses, weights=self.validation.weight))

    def groups(self) -> list[tuple[MemberGroup, int]]:
        """Return the groups with their numbers of members, the most important first."""
        defaults, n_rows = self.settings.defaults, len(self.task.own_rows)
        if self.equation is None:
            assert self.settings.given is not None
            task = MemberGroup("task", self.settings.given | LINEAR, terms=None)
        else:
            task = defaults.task
            if defaults.use_search:
                task = replace(
                    task,
                    formula=task.formula | self.equation.network_formula(self.unit),
                    factors=self.equation.network_factors(self.unit),
                )
        groups = [task]
        if self.compares and n_rows < defaults.rivals_below:
            groups += self._rivals()
        return self._shared_out(groups)

    def _rivals(self) -> list[MemberGroup]:
        """Return the groups beside the task group whose scale of the columns is there."""
        defaults, inputs = self.settings.defaults, self.task.inputs
        classification, n_rows = self.task.classification, len(self.task.own_rows)
        bins = defaults.uses_bins(classification, n_rows, inputs.n_numeric)
        if self.settings.start is not None:  # what goes on learning stays what it is
            bins = defaults.without_bins.view not in inputs.scalers
        rivals = defaults.rivals_of(classification, bins=bins)
        return [group for group in rivals if group.view in inputs.scalers]

    def _shared_out(self, groups: Sequence[MemberGroup]) -> list[tuple[MemberGroup, int]]:
        """Give every group as many members as there are splits, or leave it out."""
        n_rows = len(self.task.own_rows)
        n_splits, total = max(1, len(self.validation.splits)), self.settings.n_members
        if self._packs:
            each = next(iter(self._packs.values())).n_members
            return [
                (g, self._packs[g.name].n_members if g.name in self._packs else each)
                for g in groups
            ]
        if isinstance(total, str):
            each = max(n_splits, self.settings.defaults.members_per_group(n_rows))
            return [(group, each) for group in groups]
        used = groups[: max(1, int(total) // n_splits)]
        each, rest = divmod(int(total), len(used))
        return [(group, each + (number < rest)) for number, group in enumerate(used)]

    def term_gains(self, full_loss: float) -> dict[str, float]:
        """Return by how much the task group's held-out loss rises without each kind of term.

        The same members are trained once more for every kind, on the same rows, while time is left.
        """
        group, n_members = self.groups()[0]
        gains = {}
        for kind, other in _lacking(group).items():
            rest = self.done.get(other.name)
            if rest is None and seconds_left() <= 0:
                leave_out(f"formula_gain_ of {kind}")
                continue
            if rest is None:
                rest = self._train(other, n_members, self.seed)
            gains[kind] = self._loss(rest) - full_loss
        return gains


def _lacking(group: MemberGroup) -> dict[str, MemberGroup]:
    """Return the group without each kind of term that it has."""
    formula = group.formula
    lacking = {
        "products": replace(group, formula=NeuronFormula(pure=formula.pure), hidden_formula=None),
        "pure terms": replace(
            group, formula=LINEAR | NeuronFormula(interactions=formula.interactions)
        ),
        "learned terms": replace(group, terms=None),
    }
    return {
        kind: replace(other, name=f"task without {kind}")
        for kind, other in lacking.items()
        if other != group
    }


def _companion_in_words(name: str) -> str:
    return f"the companion {name!r}"


def jobs_of(settings: NeuronSeekSettings, report: FitReport) -> Jobs:
    """Return how much may run at a time: callbacks live in this process, and see all in turn.

    Warns
    -----
    UserWarning
        If callbacks make one of several jobs.
    """
    jobs = Jobs(settings.n_jobs)
    if jobs.several and (settings.skorch_callbacks or report.is_watched):
        warnings.warn(
            f"n_jobs={settings.n_jobs!r} is taken for 1, because callbacks follow a fit in one "
            "process; leave the callbacks out, or use n_jobs=1",
            UserWarning,
            stacklevel=7,  # the caller of fit
        )
        return Jobs()
    return jobs
