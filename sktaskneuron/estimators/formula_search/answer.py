"""An equation that a search can answer with, and what was taken of the training rows for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.estimators._common.checks import EncodedTable, column_range
from sktaskneuron.estimators.formula_search.sums import TermSums
from sktaskneuron.formula import FittedExpression, FittedFormula
from sktaskneuron.models.constants import NumberErrors, number_errors
from sktaskneuron.models.fitted import FormulaModel
from sktaskneuron.models.predictor import Predictor, Reader
from sktaskneuron.models.target import Target
from sktaskneuron.preprocessing import TableEncoder

# Ranges of a training column, beyond its ends, within which new values are read: the widest at
# which the equation, which may hold an exponential, stays finite.
_READ_RANGES = (1e6, 1e4, 1e2, 10.0, 1.0, 0.0)


@dataclass(frozen=True, eq=False)
class Answer:
    """An equation with what is left of the training rows.

    Parameters
    ----------
    equation : FittedFormula or FittedExpression
    bounds : ndarray of shape (2, n_columns)
        Within which new values are read.
    term_means : ndarray of shape (n_terms,)
        Over the training rows, where terms fail.
    criterion : float
        Of the search; smaller is better.
    importances : ndarray of shape (n_features_in,) or None
        Of the columns, on the training rows.
    sums : TermSums or None
        By which more rows can be added; None where the weights do not follow from sums, as those of
        classes, and in a search on the way to networks.
    errors : NumberErrors or None
        Of the equation's numbers; None where they are too many, or were not asked for.
    """

    equation: FittedFormula | FittedExpression
    bounds: Matrix
    term_means: Vector
    criterion: float
    importances: Vector | None = None
    sums: TermSums | None = None
    errors: NumberErrors | None = None

    @classmethod
    def of(
        cls, equation: FittedFormula | FittedExpression, criterion: float, table: EncodedTable
    ) -> Answer:
        """Take from a training table what the equation's answers need."""
        for far_out in _READ_RANGES:
            bounds = column_range(table, far_out)
            # where an equation of columns is not defined the means stand in
            if (
                isinstance(equation, FittedExpression)
                or np.isfinite(equation.evaluate(bounds)).all()
            ):
                break
        values = equation.transform(table.matrix)
        with np.errstate(all="ignore"):
            means = np.nan_to_num(table.weight @ values / table.weight.sum())
        return cls(equation, bounds, means, criterion)

    def with_sums(self, matrix: Matrix, target: Matrix, weight: Vector) -> Answer:
        """Return the same with the sums of its training rows; shapes as in `TermSums`."""
        sums = TermSums.none(self.equation).with_rows(matrix, target, weight)
        return replace(self, sums=sums)

    def fitted_by(self, sums: TermSums) -> Answer:
        """Return the same with the weights that sums of other rows give."""
        return replace(self, equation=sums.fitted(), sums=sums, errors=None)

    def with_errors(
        self, matrix: Matrix, target: Matrix, weight: Vector, *, classification: bool
    ) -> Answer:
        """Return the same with the errors of its numbers; parameters as in `number_errors`."""
        errors = number_errors(self.equation, matrix, target, weight, classification=classification)
        return replace(self, errors=errors)

    def reader(self, encoder: TableEncoder) -> Reader:
        """Return how new rows are read."""
        return Reader(encoder, self.bounds, {})

    def predictor(self, encoder: TableEncoder, target: Target) -> Predictor:
        """Return the equation as what predicts the target."""
        return Predictor(self.reader(encoder), target, FormulaModel(self.equation, target))

    def transform(self, matrix: Matrix) -> Matrix:
        """Return the values of the terms, (n_rows, n_terms); a column of zeros without terms."""
        if not self.equation.terms:
            return np.zeros((len(matrix), 1))
        values = self.equation.transform(matrix)
        return np.where(np.isfinite(values), values, self.term_means)
