"""Which equation of columns answers: compared on held-out rows, refitted on all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sktaskneuron.formula.equation.fitted_expression import FittedExpression
from sktaskneuron.formula.text.nodes import Node, Number, complexity
from sktaskneuron.search.columns.constants import EXACT, Rows, refit
from sktaskneuron.search.columns.polish import snapped
from sktaskneuron.search.columns.simplify import simplified

Array = NDArray[np.float64]

# Points between two rows, and ranges of the target beyond its ends that are near enough there.
_BETWEEN, _MOST_RANGES = 8_000, 1.0
# Standard errors by which a candidate's held-out loss may exceed the best one's.
_TOLERANCE = 2.0


@dataclass(frozen=True)
class FrontPoint:
    """One equation met, with its number of nodes and its score on held-out rows."""

    complexity: int
    score: float
    expression: FittedExpression


@dataclass(eq=False)
class ColumnsResult:
    """What the search found.

    Parameters
    ----------
    fitted : FittedExpression
    criterion, null_criterion : float
        Description length of the target by the answer and by a constant.
    front : list of FrontPoint
        Equations met, with their validated scores.
    caps : tuple of str
        What was cut to keep the cost bounded.
    n_steps : int
    """

    fitted: FittedExpression
    criterion: float
    null_criterion: float
    front: list[FrontPoint] = field(default_factory=list)
    caps: tuple[str, ...] = ()
    n_steps: int = 0


@dataclass(frozen=True, eq=False)
class Observations:
    """All rows of a search, of which some were held out from it.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    target : ndarray of shape (n_samples, n_outputs)
    weight : ndarray of shape (n_samples,)
    names : tuple of str
        Of the columns.
    held : ndarray of int
        Places of the held-out rows, may be none.
    link : str
        Of the equations.
    """

    X: Array
    target: Array
    weight: Array
    names: tuple[str, ...]
    held: NDArray[np.intp]
    link: str

    @property
    def kept(self) -> NDArray[np.intp]:
        """Places of the rows that were not held out."""
        return np.setdiff1d(np.arange(len(self.target)), self.held)

    def rows(self, output: int) -> Rows:
        """Return the rows with one output."""
        return Rows.of(self.X, self.names, self.target[:, output], self.weight)

    def fitted(self, nodes: Sequence[Node]) -> FittedExpression:
        """Return trees as an equation of the columns."""
        return FittedExpression(tuple(nodes), self.names, self.link)


def choose_equations(
    observations: Observations, per_output: Sequence[Sequence[Node]]
) -> ColumnsResult:
    """Choose an equation for each output among its candidates, which hold a constant.

    Of the candidates that no other beats clearly on held-out rows, it is the one of the shortest
    description of all rows.
    """
    chosen, value, null = [], 0.0, 0.0
    front: list[FrontPoint] = []
    for output, nodes in enumerate(per_output):
        rows = observations.rows(output)
        train, test = rows.take(observations.kept), rows.take(observations.held)
        errors = [(test.y - test.values(node)) ** 2 for node in nodes]
        # before they are compared: one that is to be refused must not refuse others
        tame = bounded(nodes, rows)
        best = _unbeaten(
            [node for node, is_tame in zip(nodes, tame, strict=True) if is_tame],
            [error for error, is_tame in zip(errors, tame, strict=True) if is_tame],
            test.weight,
            EXACT * rows.variance,
        )
        refitted = [_refitted(node, rows) for node in best]
        criteria = [rows.criterion(node) for node in refitted]
        place = int(np.argmin(criteria))
        chosen.append(refitted[place])
        value += criteria[place]
        null += rows.criterion(Number(rows.mean))
        if output == 0:
            if not len(observations.held):
                test, errors = train, [(train.y - train.values(node)) ** 2 for node in nodes]
            front = _front(observations, nodes, errors, test)
    return ColumnsResult(observations.fitted(chosen), value, null, front)


def _unbeaten(
    nodes: Sequence[Node], errors: Sequence[Array], weight: Array, floor: float
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

    def excess(place: int) -> float:
        """Return by how many standard errors a loss exceeds the best one, row by row."""
        gap = errors[place] - errors[best]
        mean = float(share @ gap)
        error = float(np.sqrt(share @ (gap - mean) ** 2 / len(gap)))
        return mean / error if error > 0 else 0.0

    kept = [
        node
        for place, node in enumerate(nodes)
        if means[place] <= floor or (np.isfinite(means[place]) and excess(place) <= _TOLERANCE)
    ]
    return kept if constant in kept else [*kept, constant]


def _front(
    observations: Observations, nodes: Sequence[Node], errors: Sequence[Array], rows: Rows
) -> list[FrontPoint]:
    """Score the candidates on rows, by their squared errors there."""
    reference = rows.variance * rows.n_effective
    return [
        FrontPoint(
            complexity(node),
            1.0 - float(rows.weight @ error) / reference,
            observations.fitted([node]),
        )
        for node, error in zip(nodes, errors, strict=True)
        if np.isfinite(error).all()
    ]


def bounded(nodes: Sequence[Node], rows: Rows) -> list[bool]:
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
    between = Rows(columns, np.zeros(_BETWEEN), np.ones(_BETWEEN))
    low, high = float(rows.y.min()), float(rows.y.max())
    margin = _MOST_RANGES * (high - low)
    found = []
    for node in nodes:
        values = between.values(node)
        # where a logarithm ends is no pole
        fine = ~np.isfinite(values) | ((values >= low - margin) & (values <= high + margin))
        found.append(bool(fine.all()) or rows.is_exact(rows.loss(node)))
    return found


def _refitted(node: Node, rows: Rows) -> Node:
    """Refit an equation on all rows, and make its numbers simple again where they agree."""
    if isinstance(node, Number):
        return Number(rows.mean)
    if rows.is_exact(rows.loss(node)):
        return node
    return simplified(snapped(refit(node, rows), rows), rows)
