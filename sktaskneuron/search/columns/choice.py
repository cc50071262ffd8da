"""Which equation of columns answers: compared on held-out rows, refitted on all of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress

import numpy as np
from scipy.special import ndtri

from sktaskneuron._clock import checkpoint, seconds_left, within
from sktaskneuron._evidence import paired_gain
from sktaskneuron._typing import RowNumbers, Vector
from sktaskneuron.formula.equation.fitted_expression import FittedExpression
from sktaskneuron.formula.equation.pareto import ParetoFront, ParetoPoint
from sktaskneuron.formula.text.nodes import Node, Number
from sktaskneuron.search.columns.constants import (
    EXACT,
    NamedRows,
    fitted_constants,
    has_bare_terms,
    refit,
    symbols_price,
)
from sktaskneuron.search.columns.polish import snapped
from sktaskneuron.search.columns.rules import running_rules
from sktaskneuron.search.columns.simplify import simplified
from sktaskneuron.search.frame.observations import Observations

# Points between two rows, and ranges of the target beyond its ends that are near enough there.
_BETWEEN, _MOST_RANGES = 8_000, 1.0
# Chance by which a candidate's held-out loss may exceed that of another one as good, as far as it
# does: two standard errors.
_CHANCE = 0.023
# Deviance that numbers fitted on all rows may save besides.
_SPARE = 10.0


@dataclass(eq=False)
class ColumnsResult:
    """What the search found.

    Parameters
    ----------
    fitted : FittedExpression
    criterion, null_criterion : float
        Description length of the target by the answer and by a constant.
    front : list of ParetoPoint
        Equations met that no simpler one beats on held-out rows, of the first output. Refitted on
        all rows they stand beside the answer's equations of the other outputs.
    caps : tuple of str
        What was cut to keep the cost bounded.
    n_steps : int
    """

    fitted: FittedExpression
    criterion: float
    null_criterion: float
    front: list[ParetoPoint] = field(default_factory=list)
    caps: tuple[str, ...] = ()
    n_steps: int = 0


@dataclass(frozen=True, eq=False)
class Split:
    """All rows of a search, of which some were held out from it.

    Parameters
    ----------
    observations : Observations
    held : ndarray of int
        Places of the held-out rows, may be none.
    admits : callable
        Tells whether a tree may be an equation of rows (`NamedRows`).
    n_apart : int
        Columns that no equation may hold.
    """

    observations: Observations
    held: RowNumbers
    admits: Callable[[Node, NamedRows], bool] = lambda node, rows: True
    n_apart: int = 0

    @property
    def kept(self) -> RowNumbers:
        """Places of the rows that were not held out."""
        return np.setdiff1d(np.arange(len(self.observations.target)), self.held)

    def rows(self, output: int) -> NamedRows:
        """Return the rows with one output."""
        all_rows = self.observations
        target = all_rows.target[:, output]
        return NamedRows.of(all_rows.X, all_rows.names, target, all_rows.weight, self.n_apart)

    def fitted(self, nodes: Sequence[Node]) -> FittedExpression:
        """Return trees as an equation of the columns."""
        link = self.observations.family.link
        return FittedExpression(tuple(nodes), tuple(self.observations.names), link)


def choose_equations(split: Split, per_output: Sequence[Sequence[Node]]) -> ColumnsResult:
    """Choose an equation for each output among its candidates, which hold a constant.

    Of the candidates that no other beats clearly on held-out rows, it is the one of the shortest
    description of all rows.
    """
    chosen, value, null = list[Node](), 0.0, 0.0
    known: dict[Node, Node] = {}
    scored: list[ParetoPoint] = []
    for output, nodes in enumerate(per_output):
        rows = split.rows(output)
        train, test = rows.take(split.kept), rows.take(split.held)
        errors = [(test.y - test.values(node)) ** 2 for node in nodes]
        # before they are compared: one that is to be refused must not refuse others
        tame = bounded(nodes, rows)
        rivals = list(compress(nodes, tame)), list(compress(errors, tame))
        best = _unbeaten(*rivals, test.weight, EXACT * rows.variance)
        with within(seconds_left() / (len(per_output) - output)):
            refitted = _all_refitted(best, rows, split)
        criteria = {node: rows.criterion(node) for node in _eligible(refitted.values())}
        shortest = min(criteria, key=lambda node: criteria[node])
        chosen.append(shortest)
        value += criteria[shortest]
        null += rows.criterion(Number(rows.mean))
        if output == 0:
            if not len(split.held):
                test, errors = train, [(train.y - train.values(node)) ** 2 for node in nodes]
            scored = _scored(split, nodes, errors, test)
            known = refitted
    front = _front(split, scored, chosen, known)
    return ColumnsResult(split.fitted(chosen), value, null, front)


def _eligible(nodes: Collection[Node]) -> list[Node]:
    """Return the equations that may answer: no constant where columns are forced to stand in."""
    rest: list[Node] = [node for node in nodes if not isinstance(node, Number)]
    return rest if rest and running_rules().forced else list(nodes)


def _unbeaten(
    nodes: Sequence[Node], errors: Sequence[Vector], weight: Vector, floor: float
) -> list[Node]:
    """Return the candidates that no other beats clearly on held-out rows, and the constant.

    That one always stays: a lucky candidate must still pay for what it is made of.

    Parameters
    ----------
    nodes : sequence of Node
    errors : sequence of ndarray of shape (n_held_out,)
        Their squared errors.
    weight : ndarray of shape (n_held_out,)
        Empty if no rows were held out: all candidates are returned.
    floor : float
        Mean squared error that no other beats.
    """
    constant = next(node for node in nodes if isinstance(node, Number))
    if not len(weight):
        return list(nodes)
    share = weight / weight.sum()
    means = np.asarray([float(share @ e) if np.isfinite(e).all() else np.inf for e in errors])
    best = int(np.argmin(means))
    # the best of many was lucky
    tolerance = -ndtri(_CHANCE / max(len(nodes) - 1, 1))

    def excess(place: int) -> float:
        """Return by how many standard errors a loss exceeds the best one, row by row."""
        mean, error = paired_gain(errors[place], errors[best], share)
        return mean / error if error > 0 else 0.0

    kept = [
        node
        for place, node in enumerate(nodes)
        if means[place] <= floor or (np.isfinite(means[place]) and excess(place) <= tolerance)
    ]
    return kept if constant in kept else [*kept, constant]


def _scored(
    split: Split, nodes: Sequence[Node], errors: Sequence[Vector], rows: NamedRows
) -> list[ParetoPoint]:
    """Score the candidates on rows, by their squared errors there."""
    reference = rows.variance * rows.n_effective
    finite = [(node, e) for node, e in zip(nodes, errors, strict=True) if np.isfinite(e).all()]
    share = rows.weight / rows.n_effective
    best = min((error for _, error in finite), key=lambda error: float(share @ error))
    return [
        ParetoPoint(
            float(running_rules().size(node)),
            1.0 - float(rows.weight @ error) / reference,
            split.fitted([node]),
            error=paired_gain(error, best, share)[1] / rows.variance,
        )
        for node, error in finite
    ]


def _front(
    split: Split, scored: Sequence[ParetoPoint], chosen: Sequence[Node], known: Mapping[Node, Node]
) -> list[ParetoPoint]:
    """Return the points that no simpler one beats, their numbers fitted on all rows.

    Parameters
    ----------
    split : Split
    scored : sequence of ParetoPoint
        Of the first output, with the numbers of the searched rows.
    chosen : sequence of Node
        The answer, one for each output.
    known : mapping of Node to Node
        Equations of the first output that are refitted already.
    """
    rows = split.rows(0)
    front = []
    for point in ParetoFront(scored):
        assert isinstance(point.formula, FittedExpression)
        node = refitted = point.formula.nodes[0]
        with within(otherwise="numbers of the front fitted on all rows"):
            checkpoint()
            refitted = known[node] if node in known else _refitted(node, rows, split)
        fitted = split.fitted([refitted, *chosen[1:]])
        front.append(replace(point, fitted=fitted, criterion=rows.criterion(refitted)))
    return front


def bounded(nodes: Sequence[Node], rows: NamedRows) -> list[bool]:
    """Tell which equations stay near the target's range between the rows.

    A ratio may have its poles just beside the rows that it was fitted to. An equation that leaves
    nothing but rounding stays, whatever it does there.
    """
    rng = np.random.default_rng(0)
    first, second = rng.integers(len(rows.y), size=(2, _BETWEEN))
    step = rng.random(_BETWEEN)
    columns = {}
    for name, values in rows.columns.items():
        columns[name] = values[first] + step * (values[second] - values[first])
        if len(np.unique(values)) <= 2:
            # levels come in other combinations too, and nothing lies between them
            columns[name] = rng.choice(values, size=_BETWEEN)
    between = NamedRows(columns, np.zeros(_BETWEEN), np.ones(_BETWEEN))
    low, high = float(rows.y.min()), float(rows.y.max())
    margin = _MOST_RANGES * (high - low)
    found = []
    for node in nodes:
        values = between.values(node)
        # where a logarithm ends is no pole
        fine = ~np.isfinite(values) | ((values >= low - margin) & (values <= high + margin))
        found.append(bool(fine.all()) or rows.is_exact(rows.loss(node)))
    return found


def _all_refitted(nodes: Sequence[Node], rows: NamedRows, split: Split) -> dict[Node, Node]:
    """Refit equations on all rows; without time for all the first ones, and the constant.

    Those stay out whose description cannot become as short as that of another one by that.
    """
    refitted: dict[Node, Node] = {}
    before = {node: rows.criterion(node) for node in nodes}
    shortest = np.inf
    with within(otherwise="numbers of equations fitted on all rows"):
        for node in sorted(_eligible(nodes), key=lambda node: before[node]):
            checkpoint()
            if before[node] - _most_saved(node, rows) > shortest:
                continue
            refitted[node] = _refitted(node, rows, split)
            shortest = min(shortest, rows.criterion(refitted[node]))
        return refitted
    constant = next(node for node in nodes if isinstance(node, Number))
    return (refitted or {nodes[0]: nodes[0]}) | {constant: Number(rows.mean)}


def _most_saved(node: Node, rows: NamedRows) -> float:
    """Return by how much simple numbers in place of all that were fitted shorten an equation."""
    one = np.log(max(rows.n_effective, 3.0)) + symbols_price([Number(1.0)] * 2, rows.n_choices)
    return float(len(fitted_constants(node)) * one + _SPARE)


def _refitted(node: Node, rows: NamedRows, split: Split) -> Node:
    """Refit an equation on all rows, and make its numbers simple again where they agree.

    It stays as it is where other numbers would not be admitted, or make it no shorter.
    """
    if isinstance(node, Number):
        return Number(rows.mean)
    if rows.is_exact(rows.loss(node)):
        return node
    ways = [refit(node, rows)]
    if has_bare_terms(node):
        # a term that is told exactly need not be weighted
        ways.append(refit(node, rows, with_new=False))
    found = [simplified(snapped(way, rows), rows) for way in ways]
    admitted = [way for way in found if split.admits(way, rows)]
    return min([*admitted, node], key=rows.criterion)
