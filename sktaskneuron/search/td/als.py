"""One more rank-one atom around a fitted model, by alternating least squares from several starts.

The factor equations are linear one factor at a time: with the other projections fixed,
A(z) = D_m u_m, where column i of D_m is
z_i prod_{l != m} <u_l, z> - z_i^k prod_{l != m} u_l,i
(the second part keeps the atom disjoint from the pure terms). The columns of the current model are
projected out of D_m, so an atom never explains what the model already explains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sktaskneuron._clock import checkpoint
from sktaskneuron._semidefinite import solve_semidefinite
from sktaskneuron._typing import ColumnNumbers, FloatArray, Matrix
from sktaskneuron.search.frame.family import Working
from sktaskneuron.search.frame.linalg import orthonormal_basis
from sktaskneuron.search.frame.model import Atom, Table

# Relative to the mean curvature, so that a factor's equations can be solved; and the share of a
# column's square that must be left beside the model for it to count.
_RIDGE, _COLLINEAR = 1e-9, 1e-9
# All starts run this many sweeps; only the leaders go on.
_TRIAL_SWEEPS = 4
_N_LEADERS = 2


@dataclass(frozen=True, eq=False)
class OutputGroup:
    """Outputs that share row weights.

    Parameters
    ----------
    root : ndarray of shape (n_samples, 1)
        Square roots of the weights.
    outputs : list of int
        Places of the outputs in the target.
    basis : ndarray of shape (n_samples, n_columns)
        Orthonormal basis of the weighted model columns.
    residual : ndarray of shape (n_samples, n_outputs of the group)
        Weighted residual.
    """

    root: Matrix
    outputs: list[int]
    basis: Matrix
    residual: Matrix


class AtomFitter:
    """Fits atoms to the residual of one model.

    Parameters
    ----------
    table : Table
        Rows to fit on.
    working : Working
        Local least-squares form of the deviance at the model.
    design : ndarray of shape (n_samples, n_columns)
        Columns of the model.
    """

    def __init__(self, table: Table, working: Working, design: Matrix) -> None:
        self._table = table
        self._precision = working.precision
        self._n_outputs = working.residual.shape[1]
        self.groups: list[OutputGroup] = [
            OutputGroup(
                root, outputs, orthonormal_basis(design * root), working.residual[:, outputs] * root
            )
            for root, outputs in working.outputs()
        ]

    def gains(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the best loading and the gain of adding one column, per output.

        Parameters
        ----------
        values : ndarray of shape (..., n_samples)
            Candidate columns, each taken alone.

        Returns
        -------
        loading, gain : ndarray of shape (..., n_outputs)
            Zero where the model already spans the column.
        """
        loading = np.zeros((*values.shape[:-1], self._n_outputs))
        gain = np.zeros_like(loading)
        for group in self.groups:
            checkpoint()
            weighted = values * group.root[:, 0]
            norm = np.einsum("...n,...n->...", weighted, weighted)
            inside = weighted @ group.basis
            left = norm - np.einsum("...p,...p->...", inside, inside)
            usable = left > _COLLINEAR * norm
            inverse = np.where(usable, 1.0 / np.where(usable, left, 1.0), 0.0)[..., None]
            inner = weighted @ group.residual
            loading[..., group.outputs] = inner * inverse
            gain[..., group.outputs] = self._precision[group.outputs] * inner**2 * inverse
        return loading, gain

    def fit(
        self,
        starts: FloatArray,
        columns: ColumnNumbers,
        max_sweeps: int = 15,
        tolerance: float = 2e-3,
    ) -> Atom:
        """Return the best atom found from ``starts``.

        Parameters
        ----------
        starts : ndarray of shape (n_starts, order, n_columns)
            Factors to begin with, of any length.
        columns : ndarray of shape (n_columns,)
            Features that the atom may use.
        max_sweeps : int, default=15
            Most passes over the factors.
        tolerance : float, default=2e-3
            Relative growth of the gain below which a start has converged.

        Returns
        -------
        Atom
            Supported on all of ``columns``.
        """
        order = starts.shape[1]
        z = np.ascontiguousarray(self._table.z[:, columns])
        diagonal_powers = np.ascontiguousarray(self._table.powers[order][:, columns])
        factors = starts / np.maximum(np.linalg.norm(starts, axis=2, keepdims=True), 1e-300)
        projections = factors @ z.T
        loading, gain = self.gains(_values(factors, projections, diagonal_powers))
        last = gain.sum(axis=-1)
        for sweep in range(max_sweeps):
            for m in range(order):
                others = np.arange(order) != m
                partial = z * projections[:, others].prod(axis=1)[:, :, None]
                partial -= diagonal_powers * factors[:, others].prod(axis=1)[:, None, :]
                factors[:, m] = self._solve(partial, loading)
                projections[:, m] = factors[:, m] @ z.T
                loading, gain = self.gains(_values(factors, projections, diagonal_powers))
            total = gain.sum(axis=-1)
            improving = total > last * (1.0 + tolerance)
            if sweep + 1 == _TRIAL_SWEEPS and len(factors) > _N_LEADERS:
                lead = np.argsort(-total, kind="stable")[:_N_LEADERS]
                factors, projections, loading, gain = (
                    a[lead] for a in (factors, projections, loading, gain)
                )
                total, improving = total[lead], improving[lead]
            if not improving.any():
                break
            last = total
        best = int(np.argmax(gain.sum(axis=-1)))
        full = np.zeros((order, self._table.n_features))
        full[:, columns] = factors[best]
        support = np.zeros(full.shape, dtype=bool)
        support[:, columns] = True
        return Atom.from_factors(full, support)

    def _solve(self, partial: FloatArray, loading: Matrix) -> Matrix:
        """Return the unit-norm solution of one factor for every start, (n_starts, n_columns).

        partial : (n_starts, n_samples, n_columns); loading : (n_starts, n_outputs).
        """
        n_starts, _, n_columns = partial.shape
        gram = np.zeros((n_starts, n_columns, n_columns))
        right = np.zeros((n_starts, n_columns))
        for group in self.groups:
            checkpoint()
            weighted = partial * group.root
            transposed = weighted.transpose(0, 2, 1)
            inside = group.basis.T @ weighted
            inner = transposed @ weighted - inside.transpose(0, 2, 1) @ inside
            own = loading[:, group.outputs]
            scale = self._precision[group.outputs] * own
            gram += (scale * own).sum(axis=1)[:, None, None] * inner
            right += ((transposed @ group.residual) * scale[:, None, :]).sum(axis=2)
        trace = np.einsum("sii->s", gram) / n_columns
        idle = trace <= 0.0
        gram[:, np.arange(n_columns), np.arange(n_columns)] += (_RIDGE * trace + idle)[:, None]
        solution = solve_semidefinite(gram, right[:, :, None])[:, :, 0]
        norm = np.linalg.norm(solution, axis=1, keepdims=True)
        return np.asarray(solution / np.where(norm > 0, norm, 1.0))


def _values(factors: FloatArray, projections: FloatArray, diagonal_powers: FloatArray) -> Matrix:
    return np.asarray(projections.prod(axis=1) - factors.prod(axis=1) @ diagonal_powers.T)
