"""Search by tensor decomposition: powers and interactions, in one selection."""

from __future__ import annotations

from collections.abc import Callable

from sktaskneuron._typing import Matrix, RowNumbers, Vector
from sktaskneuron.search.frame.answer import as_formula
from sktaskneuron.search.frame.fit import Fit
from sktaskneuron.search.frame.options import SearchOptions
from sktaskneuron.search.frame.problem import Problem, ScaledTask
from sktaskneuron.search.frame.selection import Selection, select
from sktaskneuron.search.frame.solved import Solution
from sktaskneuron.search.frame.standardise import Standardisation, standardisations
from sktaskneuron.search.td.forward import ForwardSearch
from sktaskneuron.search.td.gates import select_by_gates


class TensorDecomposition:
    """Powers and interactions, in one forward-backward selection (or by gates).

    See Also
    --------
    sktaskneuron.search.sr.SymbolicRegression : Functions of all columns, with interactions beside
        them if asked for.
    sktaskneuron.search.frame.search_formula : Find the formula of a target in numeric columns.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.search.frame import Observations, SearchOptions, search_formula
    >>> from sktaskneuron.search.td import TensorDecomposition
    >>> X = np.random.default_rng(0).standard_normal((200, 2))
    >>> seen = Observations(X, X[:, :1] + X[:, 1:] ** 2, np.ones(200), ("a", "b"), False)
    >>> options, rng = SearchOptions(n_resamples=0), np.random.default_rng(0)
    >>> str(search_formula(seen, TensorDecomposition(), options, rng).fitted)
    'a + b**2'
    """

    first_scale = "centred, far tails clipped"

    def scales(self, X: Matrix, weight: Vector, options: SearchOptions) -> list[Standardisation]:
        """Return one to four scales."""
        scales = standardisations(X, weight)
        # gates find orders by a penalty, not by a criterion that compares scales
        return scales[:1] if options.engine == "gates" else scales

    def solve(
        self, task: ScaledTask, on_step: Callable[[int, str, float], None], caps: list[str]
    ) -> Solution:
        """Select powers and atoms."""

        def report(step: int, fit: Fit, score: float) -> None:
            on_step(step, str(as_formula(fit.structure)), score)

        problem = Problem.of(task)
        return Solution(problem, _select(problem, report))

    def is_enough(self, solution: Solution, scale: Standardisation, other: Standardisation) -> bool:
        """Try all scales."""
        return False

    def terms_on(self, solution: Solution, rows: RowNumbers) -> list[str]:
        """Repeat the selection on some rows."""
        part = solution.problem.subset(rows)
        return Solution(part, _select(part)).terms

    def caps(self, n_columns: int, options: SearchOptions) -> list[str]:
        """Return among how many columns interactions are looked for, where not among all."""
        return ForwardSearch.caps(n_columns, options.max_interaction_order)


def _select(
    problem: Problem, on_step: Callable[[int, Fit, float], None] | None = None
) -> Selection:
    if problem.options.engine == "gates":
        return select_by_gates(problem)
    return select(problem, ForwardSearch, on_step)
