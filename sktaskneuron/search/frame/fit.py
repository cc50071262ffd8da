"""Fitting a structure's numbers: linear weights in closed form, factors by variable projection.

Alternating least squares (als.py) brings an atom near its optimum but closes the last digits
slowly, and a half-fitted atom leaves a residual that looks like more structure. So every accepted
structure is refitted jointly: the linear weights are eliminated (Kaufman's variable projection) and
all factors move in one damped Gauss-Newton step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sktaskneuron._clock import checkpoint
from sktaskneuron._semidefinite import solve_semidefinite
from sktaskneuron._typing import FloatArray, Matrix, Vector
from sktaskneuron.search.frame.family import Family
from sktaskneuron.search.frame.linalg import orthonormal_basis, project_out
from sktaskneuron.search.frame.model import Atom, Structure, Table

# Gauss-Newton steps of a fit to the end.
MAX_STEPS = 40
# Fall of the deviance per observation below which a fit has converged.
_TOLERANCE = 1e-5
# Curvature, relative to the greatest, below which a direction counts as free: of factors, and of
# weights.
_FLAT, _FREE = 1e-10, 1e-12
# And the least at all: its inverse, and that squared, are no infinity.
_LEAST_CURVATURE = 1e-150


@dataclass(frozen=True, eq=False)
class Fit:
    """A structure with its numbers.

    Parameters
    ----------
    structure : Structure
    coef : ndarray of shape (n_columns, n_outputs)
        Weights of the columns of ``structure.design``.
    eta : ndarray of shape (n_samples, n_outputs)
        Linear predictor.
    deviance : float
    """

    structure: Structure
    coef: Matrix
    eta: Matrix
    deviance: float

    @property
    def loadings(self) -> Matrix:
        """Weights of the atoms, (n_atoms, n_outputs)."""
        return self.coef[len(self.coef) - len(self.structure.atoms) :]


def fit_linear(
    table: Table, family: Family, structure: Structure, eta: Matrix | None = None
) -> Fit:
    """Fit the linear weights; ``eta`` is the predictor of a neighbouring fit to start from."""
    if structure.n_linear > 1:  # a constant is always fitted
        checkpoint()
    linear = family.fit_linear(structure.design(table), eta)
    return Fit(structure, linear.coef, linear.eta, linear.deviance)


def of_answers(table: Table, family: Family, fit: Fit) -> Fit:
    """Return a fit with the linear weights that are told: those of classes pay a penalty."""
    told = family.of_answers
    return fit if told is family else fit_linear(table, told, fit.structure, fit.eta)


def fit_structure(
    table: Table,
    family: Family,
    structure: Structure,
    eta: Matrix | None = None,
    max_steps: int = MAX_STEPS,
) -> Fit:
    """Fit all numbers of ``structure``, its factors starting where they stand.

    Parameters
    ----------
    table : Table
    family : Family
    structure : Structure
    eta : ndarray of shape (n_samples, n_outputs), optional
        Predictor of a neighbouring fit to start the linear weights from.
    max_steps : int, default=40
        Most Gauss-Newton steps.

    Returns
    -------
    Fit
        Its structure has the same supports and the new factors.
    """
    fit = fit_linear(table, family, structure, eta)
    if all(atom.is_monomial for atom in structure.atoms):
        return fit
    damping = 1e-3
    for _ in range(max_steps):
        checkpoint()
        gram, gradient = _normal_equations(table, family, fit)
        diagonal = np.diag(gram).copy()
        improved = False
        for _ in range(6):
            scale = damping * (diagonal + 1e-3 * diagonal.mean() + 1e-12)
            step: Vector = solve_semidefinite(gram + np.diag(scale), gradient[:, None])[:, 0]
            trial = fit_linear(table, family, _moved(fit.structure, step), fit.eta)
            if trial.deviance < fit.deviance:
                improved = True
                break
            damping *= 10.0
        if not improved:
            break
        drop = fit.deviance - trial.deviance
        fit = trial
        damping = max(damping / 10.0, 1e-9)
        if drop < _TOLERANCE * family.n_effective:
            break
    return fit


def _moved(structure: Structure, step: Vector) -> Structure:
    atoms = []
    position = 0
    for atom in structure.atoms:
        factors = atom.factors.copy()
        if not atom.is_monomial:
            size = int(atom.support.sum())
            factors[atom.support] += step[position : position + size]
            position += size
        atoms.append(Atom.from_factors(factors, atom.support))
    return structure.with_atoms(tuple(atoms))


def factor_columns(table: Table, structure: Structure) -> tuple[FloatArray, FloatArray]:
    """Return the derivatives by all movable factor entries, and the atom each belongs to.

    A monomial has no movable entry: its factors have one entry each, of length one.

    Returns
    -------
    columns : ndarray of shape (n_samples, n_entries)
    owner : ndarray of shape (n_entries,)
    """
    columns, owner = [], []
    for index, atom in enumerate(structure.atoms):
        if atom.is_monomial:
            continue
        parts = atom.derivatives(table)
        columns += parts
        owner += [index] * sum(part.shape[1] for part in parts)
    return np.concatenate(columns, axis=1), np.asarray(owner)


def _normal_equations(table: Table, family: Family, fit: Fit) -> tuple[FloatArray, FloatArray]:
    """Return the Gauss-Newton matrix (n_entries, n_entries) and right side (n_entries,).

    The linear weights are eliminated.
    """
    working = family.working(fit.eta)
    design = fit.structure.design(table)
    columns, owner = factor_columns(table, fit.structure)
    n_entries = columns.shape[1]
    gram = np.zeros((n_entries, n_entries))
    gradient = np.zeros(n_entries)
    loadings = fit.loadings
    for root, outputs in working.outputs():
        checkpoint()
        basis = orthonormal_basis(design * root)
        weighted = columns * root
        inside = basis.T @ weighted
        inner = weighted.T @ weighted - inside.T @ inside
        right = weighted.T @ project_out(basis, working.residual[:, outputs] * root)
        for j, q in enumerate(outputs):
            scale = loadings[owner, q]
            gram += working.precision[q] * inner * np.outer(scale, scale)
            gradient += working.precision[q] * scale * right[:, j]
    # each factor's length is fixed by convention (the loading carries it): a stiff spring along the
    # factor removes that free direction without touching the fit
    position = 0
    stiffness = max(float(np.diag(gram).mean()), 1e-12)
    for atom in fit.structure.atoms:
        if atom.is_monomial:
            continue
        for m in range(atom.order):
            u = atom.factors[m, atom.support[m]]
            gram[position : position + len(u), position : position + len(u)] += (
                stiffness * np.outer(u, u)
            )
            position += len(u)
    return gram, gradient


def column_costs(table: Table, family: Family, fit: Fit) -> Vector:
    """Return roughly how much the deviance rises when one linear weight is set to zero (Wald).

    Returns
    -------
    costs : ndarray of shape (n_columns,)
        For the columns of the design; infinite for the intercept, which always stays.
    """
    working = family.working(fit.eta)
    design = fit.structure.design(table)
    linear = np.zeros(design.shape[1])
    for root, outputs in working.outputs():
        checkpoint()
        weighted = design * root
        norm = np.maximum(np.sqrt((weighted**2).sum(axis=0)), 1e-140)  # its square is no zero
        scaled = weighted / norm
        # what others can say is free, so it may go
        inverse = _inverse(scaled.T @ scaled, _FREE)
        variance = np.maximum(np.diag(inverse), 1e-300) / norm**2
        for q in outputs:
            linear += working.precision[q] * fit.coef[:, q] ** 2 / variance
    linear[0] = np.inf
    return linear


def movable_entries(structure: Structure) -> Vector:
    """Return the factor entries that a fit can move, in the order of `factor_columns`."""
    parts = [atom.factors[atom.support] for atom in structure.atoms if not atom.is_monomial]
    return np.concatenate(parts) if parts else np.zeros(0)


def entry_covariance(table: Table, family: Family, fit: Fit) -> Matrix:
    """Return the inverse Gauss-Newton matrix of the movable entries, (n_entries, n_entries).

    A disjoint atom may have free directions: its diagonal, taken out, can be traded between the
    factors. There the variance is large but finite, so that an entry can be seen to slide to zero
    at no cost.
    """
    gram, _ = _normal_equations(table, family, fit)
    return _inverse(gram, _FLAT)


def _inverse(gram: Matrix, flat: float) -> Matrix:
    """Return the inverse of a semidefinite matrix; free directions get a large, finite variance.

    Those are flat by a share of the greatest curvature. Of an atom at zero every entry is free.
    """
    values, vectors = np.linalg.eigh(gram)
    floor = max(flat * float(values[-1]), _LEAST_CURVATURE)
    return np.asarray((vectors / np.maximum(values, floor)) @ vectors.T)
