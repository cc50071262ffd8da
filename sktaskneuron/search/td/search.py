"""Search by tensor decomposition: powers and interactions, in one selection."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sktaskneuron.search.frame.family import Family
from sktaskneuron.search.frame.fit import Fit
from sktaskneuron.search.frame.linalg import Array, Rows
from sktaskneuron.search.frame.options import StepHook, TDOptions, TDResult, as_formula
from sktaskneuron.search.frame.problem import Problem
from sktaskneuron.search.frame.search import Solution, search_formula
from sktaskneuron.search.frame.standardise import Standardisation, standardisations


class TensorDecomposition:
    """Powers and interactions, in one forward-backward selection (or by gates)."""

    first_scale = "centred, far tails clipped"

    def scales(self, X: Array, weight: Array, options: TDOptions) -> list[Standardisation]:
        """Return one to four scales."""
        scales = standardisations(X, weight)
        # gates find orders by a penalty, not by a criterion that compares scales
        return scales[:1] if options.engine == "gates" else scales

    def solve(
        self,
        z: Array,
        family: Family,
        options: TDOptions,
        seed: int,
        on_step: Callable[[int, str], None],
        caps: list[str],
    ) -> Solution:
        """Select powers and atoms."""
        problem = Problem.from_scaled(z, family, options, seed)

        def report(step: int, fit: Fit) -> None:
            on_step(step, str(as_formula(fit.structure)))

        return Solution(problem, *problem.solve(report))

    def is_enough(self, solution: Solution, scale: Standardisation, other: Standardisation) -> bool:
        """Try all scales."""
        return False

    def terms_on(self, solution: Solution, rows: Rows) -> list[str]:
        """Repeat the selection on some rows."""
        part = solution.problem.subset(rows)
        return Solution(part, *part.solve()).terms


def search_td(
    X: Array,
    target: Array,
    weight: Array,
    *,
    classification: bool,
    feature_names: Sequence[str],
    options: TDOptions,
    rng: np.random.Generator,
    on_step: StepHook | None = None,
) -> TDResult:
    """Find powers and interactions by tensor decomposition; see :func:`search_formula`."""
    return search_formula(
        X,
        target,
        weight,
        method=TensorDecomposition(),
        classification=classification,
        feature_names=feature_names,
        options=options,
        rng=rng,
        on_step=on_step,
    )
