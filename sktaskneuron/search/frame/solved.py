"""A search on one scale of the columns, and what keeps it from going through single rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from sktaskneuron._clock import within
from sktaskneuron._typing import Matrix, RowNumbers, Vector
from sktaskneuron.search.frame.evidence import held_out_loss
from sktaskneuron.search.frame.model import Structure
from sktaskneuron.search.frame.options import SearchOptions
from sktaskneuron.search.frame.problem import Problem, ScaledTask
from sktaskneuron.search.frame.selection import Selection
from sktaskneuron.search.frame.standardise import Standardisation
from sktaskneuron.search.frame.support import carried_by_few, far_rows
from sktaskneuron.search.frame.terms import interaction_text

# Rows below which terms have to hold where they were not fitted, and the share of the loss of
# simpler ones that lines and all other terms may leave there. Of 24 tables each of 4, 5, 8 and 12
# rows and three columns, 10, 9, 5 and 5 had an equation that erred more than the mean by a third of
# the variance and more, up to 480 times; so 7, 7, 2 and 1, most by a mean of so few rows.
_FEW, _LINES_LEAVE, _TERMS_LEAVE = 30, 0.8, 0.1
# Minus the logarithm of the chance that is not taken for evidence there.
_UNLIKELY = 3.0


@dataclass(frozen=True, eq=False)
class Solution:
    """What a search on one scale of the columns came to.

    Parameters
    ----------
    problem : Problem
        With the functions that may enter.
    selection : Selection
        Its score is comparable over scales and methods.
    """

    problem: Problem
    selection: Selection

    @property
    def score(self) -> float:
        """The score of the chosen fit; smaller is better."""
        return self.selection.score

    @property
    def terms(self) -> list[str]:
        """Texts of the terms that are in."""
        pure, interactions = self.selection.fit.structure.orders
        texts = [self.problem.library.text(key) for key in sorted(pure)]
        return texts + [interaction_text(order) for order in sorted(interactions)]


class Method(Protocol):
    """A way to search."""

    @property
    def first_scale(self) -> str:
        """The scale that is tried where one must do, in words."""

    def scales(self, X: Matrix, weight: Vector, options: SearchOptions) -> list[Standardisation]:
        """Return the scales of the columns ``X`` (n_samples, n_features) worth trying."""

    def solve(
        self, task: ScaledTask, on_step: Callable[[int, str, float], None], caps: list[str]
    ) -> Solution:
        """Search on one scale of the columns; add to ``caps`` what is cut."""

    def is_enough(self, solution: Solution, scale: Standardisation, other: Standardisation) -> bool:
        """Return whether the solution on ``scale`` makes a search on the scale ``other`` idle."""

    def terms_on(self, solution: Solution, rows: RowNumbers) -> list[str]:
        """Search once more on some rows; return the terms, named as in ``solution``."""

    def caps(self, n_columns: int, options: SearchOptions) -> list[str]:
        """Return what is left out, a line each, of a table of so many columns."""


def solved(
    method: Method,
    task: ScaledTask,
    on_step: Callable[[int, str, float], None],
    caps: list[str],
) -> Solution:
    """Search on one scale; twice where few rows carry a column on it.

    A polynomial of such a column goes through those rows, wild between them and beyond, and no
    price tells it from a law. So powers and functions have to hold in the farthest rows when they
    are fitted to the others, better than lines and the mean do.
    """
    weight = task.family.weight
    if weight.sum() < _FEW:
        return _solved_of_few(method, task, on_step, caps)
    # gates compare no fits: a tenth of a small table is too few for them
    gates = task.options.engine == "gates"
    lines = carried_by_few(task.z, weight, 1.0) if gates else carried_by_few(task.z, weight)
    if not lines.any():
        return method.solve(task, on_step, caps)
    plain = method.solve(replace(task, lines=lines), on_step, caps)
    far = far_rows(task.z[:, lines], weight)
    if 2 * far.sum() > len(far) or gates:
        return plain
    splits = [(np.flatnonzero(~far), np.flatnonzero(far))]
    best = plain
    with within(otherwise="functions of columns with far values"):
        free = method.solve(task, on_step, caps)

        def loss(solution: Solution, structure: Structure) -> float:
            rows = held_out_loss(solution.problem.table, task.family, structure, splits)
            return float(weight[far] @ rows[far])

        lines_loss = loss(plain, plain.selection.fit.structure)
        mean_loss = loss(plain, Structure(len(lines)))
        if loss(free, free.selection.fit.structure) < min(lines_loss, mean_loss):
            best = free
    return best


def _solved_of_few(
    method: Method,
    task: ScaledTask,
    on_step: Callable[[int, str, float], None],
    caps: list[str],
) -> Solution:
    """Search on one scale of few rows: terms have to hold in each row, fitted to the others.

    A power goes through the outermost rows, whatever they hold.
    """
    plain = method.solve(replace(task, lines=np.ones(task.z.shape[1], dtype=bool)), on_step, caps)
    with within(otherwise="functions of columns of few rows"):
        # a product of many columns may come first, and hide the law of single ones
        single = replace(task, options=replace(task.options, max_interaction_order=1))
        further = () if task.options.engine == "gates" else (single, task)  # gates compare no fits
        others = [method.solve(each, on_step, caps) for each in further]
        groups = np.unique(task.z, axis=0, return_inverse=True)[1].ravel()  # copies are one row
        splits = [
            (np.flatnonzero(groups != group), np.flatnonzero(groups == group))
            for group in range(groups.max() + 1)
        ]
        start = plain.selection.visited[0]
        null = Selection(start, plain.problem.judge().score(start), (start,))
        mean = replace(plain, selection=null)

        def loss(solution: Solution) -> float:
            fit = solution.selection.fit
            rows = held_out_loss(solution.problem.table, task.family, fit.structure, splits)
            return float(task.family.weight @ rows)

        best, least = mean, loss(mean)
        for solution in (plain, *others):
            found = loss(solution)
            share = _LINES_LEAVE if solution is plain else _TERMS_LEAVE
            if found < min(share, _by_chance(solution, len(splits))) * least:
                best, least = solution, found
        return best
    return plain


def _by_chance(solution: Solution, n_rows: int) -> float:
    """Return what share of noise the best of so many structures hardly ever leaves."""
    price, structure = solution.problem.price, solution.selection.fit.structure
    choices = 0.5 * replace(price, log_n=0.0, gamma=1.0)(structure)
    freedom = n_rows - 1 - price.free_numbers(structure)
    return float(np.exp(-2.0 * (choices + _UNLIKELY) / freedom)) if freedom > 0 else 0.0
