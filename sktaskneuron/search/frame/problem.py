"""One search on one scale of the columns: what is fitted, what may enter, at which price."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sktaskneuron._typing import Mask, Matrix, RowNumbers
from sktaskneuron.search.frame.criteria import Price
from sktaskneuron.search.frame.evidence import folds
from sktaskneuron.search.frame.family import Family
from sktaskneuron.search.frame.judges import CrossValidationJudge, InformationJudge, Judge
from sktaskneuron.search.frame.model import Structure, Table
from sktaskneuron.search.frame.options import SearchOptions
from sktaskneuron.search.frame.proposals import Space
from sktaskneuron.search.frame.standardise import distinct_values
from sktaskneuron.search.frame.support import shared_support
from sktaskneuron.search.frame.terms import POWERS, TermLibrary

# Parts of the rows that are held out in turn by the criterion "cv".
_N_FOLDS = 5


@dataclass(frozen=True, eq=False)
class ScaledTask:
    """Columns on one scale, and what is to be found in them.

    Parameters
    ----------
    z : ndarray of shape (n_samples, n_features)
    family : Family
        The likelihood of the target.
    options : SearchOptions
    seed : int
    references : ndarray of bool of shape (n_features,) or None
        Columns that stay out of products.
    lines : ndarray of bool of shape (n_features,) or None
        Columns that enter as they are only: no powers, functions or products of them.
    forced : ndarray of bool of shape (n_features,) or None
        Columns that have a linear term.
    """

    z: Matrix
    family: Family
    options: SearchOptions
    seed: int
    references: Mask | None = None
    lines: Mask | None = None
    forced: Mask | None = None

    def subset(self, rows: RowNumbers) -> ScaledTask:
        """Return the same task on some of the rows."""
        return replace(self, z=self.z[rows], family=self.family.subset(rows))


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows, likelihood, what may enter, and the settings of the search.

    ``n_kinds`` is the number of kinds of terms that were on offer, where that is more than may
    enter now. ``forced`` are the columns that have a linear term.
    """

    table: Table
    family: Family
    space: Space
    options: SearchOptions
    seed: int
    library: TermLibrary = POWERS
    n_kinds: int = 0
    forced: Mask | None = None

    @classmethod
    def of(cls, task: ScaledTask, library: TermLibrary = POWERS) -> Problem:
        """Set up the search in scaled columns ``z`` of shape (n_samples, n_features).

        Beside the powers, the functions of ``library`` may enter.
        """
        z, options = task.z, task.options
        table = Table.from_array(z, max(options.max_order, options.max_interaction_order), library)
        levels = distinct_values(z, max(options.max_order, 2) + 2)
        allowed: dict[int, Mask] = {k: levels > k for k in range(1, options.max_order + 1)}
        # of two values every function is a line
        allowed |= dict.fromkeys(library.functions, levels > 2)
        if task.lines is not None:
            allowed |= {k: mask & ~task.lines for k, mask in allowed.items() if k > 1}
        pure = tuple(k for k, mask in allowed.items() if mask.any())
        products = tuple(range(2, options.max_interaction_order + 1)) if z.shape[1] > 1 else ()
        support = shared_support(z, task.family.weight)
        for alone in (task.references, task.lines):
            if alone is not None:
                support &= ~(alone | alone[:, None])
        space = Space(pure, products, options.max_rank, allowed, support)
        return cls(table, task.family, space, options, task.seed, library, forced=task.forced)

    @cached_property
    def price(self) -> Price:
        """Price of a structure under the chosen criterion."""
        return Price(
            log_n=float(np.log(max(self.family.n_effective, 3.0))),
            gamma=0.0 if self.options.criterion == "bic" else 1.0,
            n_orders=max(self.space.n_orders, self.n_kinds),
            n_outputs=self.family.n_free_outputs,
            n_allowed={k: int(mask.sum()) for k, mask in self.space.allowed.items()},
            library=self.library,
        )

    def with_forced(self, structure: Structure) -> Structure:
        """Return a structure with the linear terms that none goes without."""
        if self.forced is None:
            return structure
        known = structure.pure.get(1)
        return structure.with_pure(1, self.forced if known is None else known | self.forced)

    def judge(self) -> Judge:
        """Return who decides between two fits."""
        if self.options.criterion != "cv":
            return InformationJudge(self.price)
        n = self.table.n_samples
        splits = folds(n, min(_N_FOLDS, n), np.random.default_rng(self.seed))
        return CrossValidationJudge(self.table, self.family, splits)

    def subset(self, rows: RowNumbers) -> Problem:
        """Return the same problem for some of the rows."""
        table, family = self.table.subset(rows), self.family.subset(rows)
        return replace(self, table=table, family=family)
