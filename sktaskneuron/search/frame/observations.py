"""What a search is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
