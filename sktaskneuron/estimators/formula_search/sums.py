"""What an equation's weights need of the rows that were seen, so that more rows can be added."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.formula import FittedExpression, FittedFormula
from sktaskneuron.search.frame.linalg import weighted_lstsq

# Rows whose terms are held at once.
_ROWS = 8_192


@dataclass(frozen=True, eq=False)
class TermSums:
    r"""Sums of the products of an equation's terms with one another and with the target.

    With a row :math:`a_i = (1, t_1(x_i), \ldots, t_p(x_i), y_i)` they are
    :math:`S = \sum_i w_i\, a_i a_i^\top`, and all that weighted least squares asks of the rows.
    What is kept is their triangle R, :math:`R^\top R = S`, by QR decompositions: the condition
    number of S itself would be squared.

    Parameters
    ----------
    equation : FittedFormula or FittedExpression
        As it was found: its terms, and which output has which.
    triangle : ndarray of shape (n_kept, 1 + n_terms + n_outputs)
        Upper triangular.
    """

    equation: FittedFormula | FittedExpression
    triangle: Matrix

    @classmethod
    def none(cls, equation: FittedFormula | FittedExpression) -> TermSums:
        """Return the sums of no rows."""
        n_terms, n_outputs = equation.term_weights.shape
        return cls(equation, np.zeros((0, 1 + n_terms + n_outputs)))

    def with_rows(self, matrix: Matrix, target: Matrix, weight: Vector) -> TermSums:
        """Add rows; those where a term is not defined are left out, as the equation is there.

        Parameters
        ----------
        matrix : ndarray of shape (n_rows, n_columns)
            Raw columns.
        target : ndarray of shape (n_rows, n_outputs)
        weight : ndarray of shape (n_rows,)
        """
        triangle = self.triangle
        for start in range(0, len(matrix), _ROWS):
            part = slice(start, start + _ROWS)
            terms = self.equation.transform(matrix[part])
            rows = np.concatenate([np.ones((len(terms), 1)), terms, target[part]], axis=1)
            rows *= np.sqrt(weight[part])[:, None]
            defined = rows[np.isfinite(rows).all(axis=1)]
            triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, defined]), mode="r"))
        return replace(self, triangle=triangle)

    def merged(self, other: TermSums) -> TermSums:
        """Return the sums of the rows of both, which are of one equation."""
        both = np.concatenate([self.triangle, other.triangle])
        return replace(self, triangle=np.asarray(np.linalg.qr(both, mode="r")))

    def fitted(self) -> FittedFormula | FittedExpression:
        """Return the equation with the weights of least squares over all rows.

        An output keeps to the terms that it was found with. Without a row it is the one found.
        """
        if not len(self.triangle):
            return self.equation
        present = self.equation.term_weights != 0
        n_terms, n_outputs = present.shape
        weights, intercept = np.zeros((n_terms, n_outputs)), np.zeros(n_outputs)
        ones = np.ones(len(self.triangle))
        for output in range(n_outputs):
            own = np.flatnonzero(np.append(True, present[:, output]))
            target = self.triangle[:, [1 + n_terms + output]]
            found = weighted_lstsq(self.triangle[:, own], target, ones)[:, 0]
            intercept[output], weights[own[1:] - 1, output] = found[0], found[1:]
        return self.equation.reweighted(intercept, weights)
