"""What a search is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from sktaskneuron._typing import Mask, Matrix, Vector
from sktaskneuron.search.frame.family import Family, make_family


@dataclass(frozen=True, eq=False)
class Observations:
    """Rows of named columns, and what is to be found in them.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite, in raw units.
    target : ndarray of shape (n_samples, n_outputs)
        For classification 0/1 indicators, one column for two classes.
    weight : ndarray of shape (n_samples,)
        Positive.
    names : sequence of str
        Of the columns.
    classification : bool
        Whether the equation is of the log odds.
    references : ndarray of bool of shape (n_features,) or None, default=None
        Columns that stay out of products: one level of each category. The levels sum to one, so
        with all of them a column is also the sum of its products with the levels, and no price can
        tell the two apart.

    See Also
    --------
    search_formula : Find the formula of a target in numeric columns.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.search.frame import Observations
    >>> X = np.arange(6.0).reshape(3, 2)
    >>> seen = Observations(X, X[:, :1], np.ones(3), ("a", "b"), classification=False)
    >>> seen.names
    ('a', 'b')
    """

    X: Matrix
    target: Matrix
    weight: Vector
    names: Sequence[str]
    classification: bool
    references: Mask | None = None

    @property
    def family(self) -> Family:
        """The likelihood of the target."""
        return make_family(self.target, self.weight, self.classification)

    def target_scale(self) -> tuple[Vector, Vector]:
        """Return mean and spread of each output, (n_outputs,); of classes zeros and ones."""
        target, weight = self.target, self.weight
        if self.classification:
            return np.zeros(target.shape[1]), np.ones(target.shape[1])
        mean = weight @ target / weight.sum()
        sd = np.sqrt(weight @ (target - mean) ** 2 / weight.sum())
        return mean, np.where(sd > 1e-12 * np.abs(mean), sd, 1.0)

    def without_copies(self) -> Self:
        """Return rows that differ, each with the sum of the weights of its copies.

        Nothing that a fit sees changes, but rows that are held out have no copy among the others.
        """
        if len(np.unique(self.target[:, 0])) == len(self.target):
            return self
        cells = np.column_stack([self.X, self.target]) + 0.0  # minus zero is zero
        keys = cells.view(np.dtype((np.void, cells.itemsize * cells.shape[1])))[:, 0]
        _, first, place = np.unique(keys, return_index=True, return_inverse=True)
        if len(first) == len(keys):
            return self
        weight = np.zeros(len(first))
        np.add.at(weight, place, self.weight)
        order = np.argsort(first)
        rows = first[order]
        return replace(self, X=self.X[rows], target=self.target[rows], weight=weight[order])
