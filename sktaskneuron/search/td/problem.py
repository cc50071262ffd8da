"""One search on one scale of the columns: what is fitted, what may enter, at which price."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ._linalg import Array, Rows
from .criteria import Price
from .evidence import CrossValidationJudge, folds
from .family import Family
from .fit import Fit, fit_linear, fit_structure
from .gates import DEFAULT_STEPS as GATE_STEPS
from .gates import as_structure, open_orders
from .model import Mask, Structure, Table
from .options import TDOptions
from .proposals import Space
from .selection import InformationJudge, Judge, Selection, select
from .standardise import distinct_values

# Forward steps of the default engine: far more than any readable formula has terms.
MAX_STEPS = 100
_N_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows, likelihood, what may enter, and the settings of the search."""

    table: Table
    family: Family
    space: Space
    options: TDOptions
    seed: int

    @classmethod
    def from_scaled(cls, z: Array, family: Family, options: TDOptions, seed: int) -> Problem:
        """Set up the search in scaled columns ``z`` of shape (n_samples, n_features)."""
        table = Table.from_array(z, max(options.max_order, options.max_interaction_order))
        levels = distinct_values(z, options.max_order + 2)
        allowed: dict[int, Mask] = {k: levels > k for k in range(1, options.max_order + 1)}
        pure = tuple(k for k, mask in allowed.items() if mask.any())
        products = tuple(range(2, options.max_interaction_order + 1)) if z.shape[1] > 1 else ()
        space = Space(pure, products, options.max_rank, allowed)
        return cls(table, family, space, options, seed)

    @property
    def price(self) -> Price:
        """Price of a structure under the chosen criterion."""
        return Price(
            log_n=float(np.log(max(self.family.n_effective, 3.0))),
            gamma=0.0 if self.options.criterion == "bic" else 1.0,
            n_orders=self.space.n_orders,
            n_outputs=self.family.n_free_outputs,
            n_allowed={k: int(mask.sum()) for k, mask in self.space.allowed.items()},
        )

    def judge(self) -> Judge:
        """Return who decides between two fits."""
        if self.options.criterion != "cv":
            return InformationJudge(self.price)
        n = self.table.n_samples
        splits = folds(n, min(_N_FOLDS, n), np.random.default_rng(self.seed))
        return CrossValidationJudge(self.table, self.family, splits)

    def subset(self, rows: Rows) -> Problem:
        """Return the same problem for some of the rows."""
        return Problem(
            self.table.subset(rows), self.family.subset(rows), self.space, self.options, self.seed
        )

    def solve(self, on_step: Callable[[int, Fit], None] | None = None) -> tuple[Selection, float]:
        """Search; return the selection and its score (smaller is better)."""
        judge = self.judge()
        if self.options.engine == "gates":
            selection = self._solve_by_gates()
        else:
            steps = self.options.max_steps
            selection = select(
                self.table,
                self.family,
                self.price,
                self.space,
                judge,
                seed=self.seed,
                max_steps=MAX_STEPS if steps is None else steps,
                swap=self.options.swap,
                on_step=on_step,
            )
        return selection, judge.score(selection.fit)

    def _solve_by_gates(self) -> Selection:
        steps = self.options.max_steps
        null = fit_structure(self.table, self.family, Structure(self.table.n_features))
        pure, factors = open_orders(
            self.table,
            self.family,
            self.space.pure_orders,
            self.space.interaction_orders,
            max_rank=self.options.max_rank,
            n_steps=GATE_STEPS if steps is None else steps,
            seed=self.seed,
        )
        allowed = dict(self.space.allowed)
        structure = as_structure(self.table.n_features, allowed, pure, factors)
        fit = fit_linear(self.table, self.family, structure)
        return Selection(fit, [null, fit])
