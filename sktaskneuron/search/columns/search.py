"""Search of an equation in named columns: rows held out, an engine's candidates, their choice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from sktaskneuron._clock import seconds_left, within
from sktaskneuron.formula.equation.fitted_expression import FittedExpression
from sktaskneuron.formula.text.nodes import Node, Number
from sktaskneuron.search.columns.choice import ColumnsResult, Split, choose_equations
from sktaskneuron.search.columns.classes import Budget, choose_classes
from sktaskneuron.search.columns.constants import NamedRows, refit
from sktaskneuron.search.columns.dimensions import find_groups, unused_columns
from sktaskneuron.search.columns.engines.registry import get_columns_engine
from sktaskneuron.search.columns.looks import Ask, LookInForms, LookInGroups, Quantities
from sktaskneuron.search.columns.origins import Forms, in_given_columns, with_fitted_origins
from sktaskneuron.search.columns.polish import pruned, snapped
from sktaskneuron.search.columns.powers import with_completed_powers
from sktaskneuron.search.columns.proposals import (
    EquationProposer,
    forced_terms,
    read_proposals,
    straight_lines,
    with_forced,
)
from sktaskneuron.search.columns.rules import NO_RULES, Rules, obeying, running_rules
from sktaskneuron.search.columns.shortness import shorter_than
from sktaskneuron.search.columns.simplify import simplified
from sktaskneuron.search.columns.units import Unit
from sktaskneuron.search.frame.observations import Observations
from sktaskneuron.search.frame.progress import SILENCE, Progress
from sktaskneuron.search.frame.standardise import usable_columns
from sktaskneuron.search.frame.support import shared_support

# Rows on which equations are searched at most: more change no choice between them.
_MOST_ROWS = 2_000
# Share and greatest number of rows held out, and rows below which none are.
_HELD_OUT, _MOST_HELD_OUT, _FEWEST_ROWS = 0.2, 20_000, 60
# Most of the time left that the candidates of all outputs may take, and of that of one output what
# they are found in; in the rest they are made simpler, and compared.
_CANDIDATES, _FINDING = 0.75, 0.75
# Candidates that are validated, and those whose numbers and summands are made fewer before.
_MOST_CANDIDATES, _MOST_POLISHED = 40, 10


@dataclass(frozen=True)
class ColumnsOptions:
    """Settings, as documented for :class:`sktaskneuron.NeuronFormulaSearch`.

    ``columns`` are those that may enter; None: all. ``units`` are those of the columns, in their
    order; None where nothing is known of them.
    """

    engine: str = "builtin"
    max_complexity: int = 50
    max_samples: int = _MOST_ROWS
    max_steps: int | None = None
    columns: frozenset[str] | None = None
    rules: Rules = NO_RULES
    proposer: EquationProposer | None = None
    units: tuple[Unit, ...] | None = None
    target_unit: Unit = field(default_factory=dict)


def search_columns(
    observations: Observations,
    options: ColumnsOptions,
    rng: np.random.Generator,
    progress: Progress = SILENCE,
) -> ColumnsResult:
    """Find equations of a target in named columns.

    Parameters
    ----------
    observations : Observations
    options : ColumnsOptions
    rng : numpy.random.Generator
        Draws the rows that are held out and those that are searched on.
    progress : Progress, optional
        Has a part for every output that is searched, with the steps of the engine, and one for the
        choice.

    Returns
    -------
    ColumnsResult
        Several outputs have an equation each, and a front of the first output's.

    Raises
    ------
    MissingDependencyError
        If the engine's package is not installed.
    EngineError
        If the engine failed.
    """
    with obeying(options.rules):
        return _search(observations, options, rng, progress)


def _search(
    observations: Observations,
    options: ColumnsOptions,
    rng: np.random.Generator,
    progress: Progress,
) -> ColumnsResult:
    """Search under the rules that run."""
    find = get_columns_engine(options.engine)
    X, target, weight = observations.X, observations.target, observations.weight
    names = tuple(map(str, observations.names))
    caps: list[str] = []
    n_steps = 0
    n, most = len(X), min(options.max_samples, _MOST_ROWS)
    order = rng.permutation(n)
    n_held = min(round(_HELD_OUT * n), _MOST_HELD_OUT) if weight.sum() >= _FEWEST_ROWS else 0
    held, rest = np.sort(order[:n_held]), order[n_held:]
    if len(rest) > most:
        caps.append(f"equations searched on {most} of {n} rows, drawn at random")
    train = np.sort(rest[:most])
    support = shared_support(X[train], weight[train])
    allowed = usable_columns(X[train]) & np.diag(support)
    if observations.references is not None:
        allowed &= ~observations.references
    if options.columns is not None:
        allowed &= np.asarray([name in options.columns for name in names])
    usable = np.flatnonzero(allowed)
    additions = forced_terms(options.rules, [names[i] for i in usable])
    seed = int(rng.integers(2**31))
    part = X[np.ix_(train, usable)]
    ask = Ask(find, options.max_complexity, options.max_steps, seed)
    look: Callable[[NamedRows, Callable[[str], None]], list[Node]]
    if options.units is None:
        forms = Forms.of(X[train], names, weight[train], usable)
        look = LookInForms(ask, forms, part)
    else:
        forms = Forms.as_given([names[i] for i in usable], usable)
        known = [options.units[i] for i in usable]
        ways = find_groups(part, forms.first.names, known, options.target_unit)
        caps += [
            f"column {forms.first.names[i]!r} left out: no other cancels its unit"
            for i in unused_columns(ways, len(usable))
        ]
        given = Quantities(part, forms.first.names, tuple(known))
        look = LookInGroups(ask, ways, given, options.target_unit)
    split = Split(
        forms.extended(replace(observations, names=names)),
        held,
        partial(_admitted, forms=forms),
        # moved columns are the given ones once more
        n_apart=X.shape[1] - len(usable) + len(forms.meaning),
    )

    n_outputs = target.shape[1]

    def place(output: int) -> str:
        return f"output {output + 1} of {n_outputs}: " * (n_outputs > 1)

    def candidates(output: int, searched: bool, progress: Progress) -> list[Node]:
        rows = split.rows(output).take(train)
        found: list[Node] = []
        # nothing but rounding could be found in a constant
        if searched and usable.size and rows.y.min() < rows.y.max():

            def tell(text: str) -> None:
                nonlocal n_steps
                n_steps += 1
                progress.step(place(output) + text)

            with within(_FINDING * seconds_left()):
                found = look(rows, tell)
        if options.proposer is not None:
            proposed, unread = read_proposals(options.proposer, rows, names)
            found += proposed
            caps.extend(unread)
        found += straight_lines(options.rules, rows)
        found += with_forced(found, additions, rows)
        return _tidied(found, rows, forms, options.max_complexity)

    budget = None
    if observations.classification and n_outputs > 1:
        budget = Budget.of(target[train], weight[train])
    outputs = list(range(n_outputs)) if budget is None else budget.order
    found: dict[int, list[Node]] = {}
    # values that overflow are looked for and left out wherever candidates are compared
    with np.errstate(all="ignore"), within(_CANDIDATES * seconds_left()):
        for output in outputs:
            with (
                progress.part(f"{place(output)}equations") as steps,
                within(seconds_left() / (len(outputs) - len(found))),
            ):
                searched = budget is None or budget.admits(output)
                found[output] = candidates(output, searched, steps)
                if budget is not None:
                    budget.spend(found[output][0])
    if budget is not None and budget.n_searched < n_outputs:
        caps.append(f"equations searched for {budget.n_searched} of {n_outputs} classes")
    per_output = [found[output] for output in range(n_outputs)]
    with np.errstate(all="ignore"), progress.part("choice of the equations"):
        choose = (
            partial(choose_classes, max_complexity=options.max_complexity)
            if observations.classification
            else choose_equations
        )
        result = _in_given_columns(choose(split, per_output), forms, names)
    result.caps, result.n_steps = tuple(caps), n_steps
    return result


def _in_given_columns(result: ColumnsResult, forms: Forms, names: tuple[str, ...]) -> ColumnsResult:
    """Write the equations of a result in the columns as they were given."""
    meaning = forms.meaning
    if not meaning:
        return result

    def written(fitted: FittedExpression) -> FittedExpression:
        nodes = tuple(in_given_columns(node, meaning) for node in fitted.nodes)
        return FittedExpression(nodes, names, fitted.link)

    front = []
    for point in result.front:
        assert isinstance(point.formula, FittedExpression)
        assert isinstance(point.fitted, FittedExpression)
        formula, fitted = written(point.formula), written(point.fitted)
        size = float(sum(map(running_rules().size, formula.nodes)))
        front.append(replace(point, complexity=size, formula=formula, fitted=fitted))
    return replace(result, fitted=written(result.fitted), front=front)


def _admitted(node: Node, rows: NamedRows, forms: Forms) -> bool:
    """Tell whether the rules admit an equation as it is written in the given columns."""
    rules = running_rules()
    if not (rules.restrict_parts or rules.restrict_shape):
        return True
    written = forms.written(node, rows)
    return written is not None and rules.admit(written, rows.columns)


def _tidied(
    nodes: Sequence[Node], rows: NamedRows, forms: Forms, max_complexity: int
) -> list[Node]:
    """Refit, prune and simplify an engine's candidates; the best by description length first."""
    mean, rules = Number(rows.mean), running_rules()
    scored: dict[Node, float] = {}

    def keep(node: Node) -> None:
        value = rows.criterion(node)
        if not np.isfinite(value):
            return
        written = forms.written(node, rows)
        if written is None or rules.size(written) > max_complexity:
            return
        if rules.admit(written, rows.columns):
            scored[node] = value

    if rules.restrict_shape:
        nodes = [node for node in nodes if _admitted(node, rows, forms)]
    start = _best(nodes, rows)
    short = shorter_than(start[0], nodes, rows) if start else []
    start += [node for node in short if node not in start]
    with within(otherwise="simpler forms of equations"):
        if forms.meaning:
            freed = [with_fitted_origins(node, forms.meaning, rows) for node in start]
            start = start + [node for node in freed if node is not None]
            start.sort(key=rows.criterion)
        completed = [with_completed_powers(node) for node in start[:_MOST_POLISHED]]
        start += [refit(node, rows) for node in completed if node is not None]
        start.sort(key=rows.criterion)
        polished = {*start[:_MOST_POLISHED], *short}
        for node in start:
            if not np.isfinite(rows.values(node)).all():
                continue
            keep(node)
            if node not in polished:
                continue
            fitted = pruned(refit(node, rows), rows)
            for trial in (fitted, snapped(fitted, rows)):
                keep(simplified(trial, rows))
    best = _best(scored, rows)
    # the front wants the best of each size
    more = shorter_than(best[0], scored, rows) if best else []
    return best + [node for node in dict.fromkeys([*more, mean]) if node not in best]


def _best(nodes: Iterable[Node], rows: NamedRows) -> list[Node]:
    return sorted(nodes, key=rows.criterion)[:_MOST_CANDIDATES]
