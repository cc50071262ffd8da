"""What the target is: the likelihood under which a searched model is scored.

A family turns the linear predictor ``eta`` into a deviance (minus twice the log likelihood, up to a
constant) and into a weighted least-squares problem (weights and residuals of the current fit). The
search needs nothing else of the target, so regression and classification share every line of the
selection.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import minimize
from scipy.special import expit

from sktaskneuron._clock import checkpoint
from sktaskneuron._semidefinite import solve_semidefinite
from sktaskneuron._typing import FloatArray, Mask, Matrix, RowNumbers, Vector
from sktaskneuron.search.frame.linalg import weighted_lstsq

# Residual variance, relative to the target's, below which two fits count as equally exact. A term
# that explains less than a millionth of the target's standard deviation is rounding, not structure.
VARIANCE_FLOOR = 1e-12
# Newton sweeps over the outputs, and halvings of a step that overshoots.
_MAX_SWEEPS, _MAX_HALVINGS = 25, 8
# Ridge on columns of unit variance. That of the search keeps fits finite where classes are
# separable, and moves no coefficient that the data determine. That of the weights that are told is
# a third of scikit-learn's LogisticRegression's: where few rows nearly separate the classes, the
# likelihood alone is sure of far too much.
_RIDGE, _INTERCEPT_RIDGE, _RIDGE_OF_ANSWERS = 1e-2, 1e-8, 0.3
# Least p (1 - p) of a class: a row that is certain keeps a slope to step by.
_LEAST_CURVATURE = 1e-6
# Relative fall of the objective in a sweep at which it ends: far below what a term costs.
_CONVERGED = 1e-6
# Steps of the joint fit of several classes, and what makes nearly dependent columns separable.
_MAX_STEPS, _CONDITION = 300, 1e-9


# Rows of a class, and their share of a small table, below which no term can be told from chance.
_FEWEST, _SHARE = 5, 0.1


def have_rows(counts: Vector, total: float) -> Mask:
    """Tell of which classes there are rows enough to look for terms.

    Parameters
    ----------
    counts : ndarray of shape (n_classes,)
        Rows of each, or sums of weights.
    total : float
        Of all.

    Returns
    -------
    enough : ndarray of bool of shape (n_classes,)
    """
    return counts >= min(_FEWEST, _SHARE * total)


@dataclass(frozen=True, eq=False)
class LinearFit:
    """Weighted maximum-likelihood fit of linear weights.

    Parameters
    ----------
    coef : ndarray of shape (n_columns, n_outputs)
    eta : ndarray of shape (n_samples, n_outputs)
        Linear predictor.
    deviance : float
    """

    coef: Matrix
    eta: Matrix
    deviance: float


@dataclass(frozen=True, eq=False)
class Working:
    """Local least-squares form of a deviance.

    sum_q precision_q sum_n weight_nq (residual_nq - change_nq)^2, where change is that of ``eta``.

    Parameters
    ----------
    weight : ndarray of shape (n_samples, 1) or (n_samples, n_outputs)
        One column where the outputs share it.
    residual : ndarray of shape (n_samples, n_outputs)
    precision : ndarray of shape (n_outputs,)
    """

    weight: Matrix
    residual: Matrix
    precision: Vector

    def with_shared_weight(self) -> Working:
        """Return the same slopes with the mean curvature of the outputs.

        One Gram matrix then serves all of them.
        """
        if self.weight.shape[1] <= 1:
            return self
        mean = self.weight.mean(axis=1, keepdims=True)
        return Working(mean, self.weight * self.residual / mean, self.precision)

    @property
    def shared(self) -> bool:
        """Whether all outputs have the same row weights."""
        return self.weight.shape[1] == 1

    def outputs(self) -> list[tuple[Matrix, list[int]]]:
        """Return pairs of square-root weights (n_samples, 1) and the outputs that use them."""
        root = np.sqrt(self.weight)
        n_outputs = self.residual.shape[1]
        if self.shared:
            return [(root, list(range(n_outputs)))]
        return [(root[:, q : q + 1], [q]) for q in range(n_outputs)]


@dataclass(frozen=True, eq=False)
class _Likelihood:
    """What all likelihoods share: a target (n_samples, n_outputs) and weights (n_samples,)."""

    target: Matrix
    weight: Vector

    @property
    def n_outputs(self) -> int:
        """Number of columns of the target."""
        return self.target.shape[1]

    @property
    def n_effective(self) -> float:
        """Number of observations: the sum of the weights."""
        return float(self.weight.sum())

    @property
    def of_answers(self) -> Self:
        """The one that weights which are told are fitted by."""
        return self

    def subset(self, rows: RowNumbers) -> Self:
        """Return the same likelihood of some of the rows."""
        return replace(self, target=self.target[rows], weight=self.weight[rows])


class Gaussian(_Likelihood):
    """Least squares with one residual variance per output, profiled out.

    Parameters
    ----------
    target : ndarray of shape (n_samples, n_outputs)
    weight : ndarray of shape (n_samples,)
    """

    link = "identity"

    @property
    def n_free_outputs(self) -> int:
        """Outputs that count as parameters."""
        return self.n_outputs

    def deviance(self, eta: Matrix) -> float:
        """Return n log(residual variance) of the predictor ``eta``, summed over outputs."""
        variance = self.weight @ (self.target - eta) ** 2 / self.n_effective
        floor = VARIANCE_FLOOR * self.total_variance
        return float(self.n_effective * np.log(np.maximum(variance, floor)).sum())

    @property
    def total_variance(self) -> Vector:
        """Weighted variance of the target, shape (n_outputs,)."""
        mean = self.weight @ self.target / self.n_effective
        return np.maximum(self.weight @ (self.target - mean) ** 2 / self.n_effective, 1e-30)

    def fit_linear(self, columns: Matrix, eta: Matrix | None = None) -> LinearFit:
        """Fit the weights of ``columns`` (n_samples, n_columns); ``eta`` is not needed here."""
        coef = weighted_lstsq(columns, self.target, self.weight)
        eta = columns @ coef
        return LinearFit(coef, eta, self.deviance(eta))

    def working(self, eta: Matrix) -> Working:
        """Return the local least-squares form of the deviance at ``eta`` (n_samples, n_outputs)."""
        residual = self.target - eta
        variance = self.weight @ residual**2 / self.n_effective
        floor = VARIANCE_FLOOR * self.total_variance
        return Working(self.weight[:, None], residual, 1.0 / np.maximum(variance, floor))

    def predicted_drop(self, gain: FloatArray) -> FloatArray:
        """Return the fall of the deviance for a quadratic gain: (..., n_outputs) -> (...).

        The variance is profiled out, so a gain near the whole residual counts for more.
        """
        share = np.clip(gain / self.n_effective, 0.0, 1.0 - VARIANCE_FLOOR)
        return np.asarray(-self.n_effective * np.log1p(-share).sum(axis=-1))

    def predicted_rise(self, cost: float) -> float:
        """Return the rise of the deviance for a quadratic cost summed over outputs.

        The variance is profiled out, so a large cost counts for less.
        """
        return float(self.n_effective * np.log1p(cost / self.n_effective))

    @property
    def loss_scale(self) -> Vector:
        """What a row's loss is measured in: the variance of each output."""
        return self.total_variance

    def row_loss(self, eta: Matrix, scale: Vector) -> Vector:
        """Return every row's squared error over ``scale``, mean over outputs: (n_samples,)."""
        return np.asarray(((self.target - eta) ** 2 / scale).mean(axis=1))


@dataclass(frozen=True, eq=False)
class _ClassLikelihood(_Likelihood, ABC):
    """What the likelihoods of classes share.

    Parameters
    ----------
    target : ndarray of shape (n_samples, n_outputs)
        Of 0 and 1.
    weight : ndarray of shape (n_samples,)
    ridge : float
        What squares of weights cost, of standardised columns.
    """

    ridge: float = _RIDGE

    @property
    def of_answers(self) -> Self:
        """The one that weights which are told are fitted by."""
        return replace(self, ridge=_RIDGE_OF_ANSWERS)

    @abstractmethod
    def probabilities(self, eta: Matrix) -> Matrix:
        """Return the probability that each target is 1, (n_samples, n_outputs)."""

    @abstractmethod
    def loss(self, eta: Matrix) -> Vector:
        """Return minus the log likelihood of every row, (n_samples,)."""

    def deviance(self, eta: Matrix) -> float:
        """Return minus twice the log likelihood."""
        return float(2.0 * (self.weight @ self.loss(eta)))

    def working(self, eta: Matrix) -> Working:
        """Return the local least-squares form of the deviance at ``eta`` (n_samples, n_outputs).

        Each output has its own curvature; that between outputs is left out.
        """
        p = self.probabilities(eta)
        curvature = np.maximum(p * (1.0 - p), _LEAST_CURVATURE)
        weight = self.weight[:, None] * curvature
        return Working(weight, (self.target - p) / curvature, np.ones(self.n_outputs))

    def fit_linear(self, columns: Matrix, eta: Matrix | None = None) -> LinearFit:
        """Fit the weights of ``columns`` (n_samples, n_columns), starting near ``eta`` if given.

        One damped Newton step after another, output by output with the others held.
        """
        z, mean, scale = self._standardised(columns)
        coef = np.zeros((z.shape[1], self.n_outputs))
        if eta is not None:
            # start from the neighbouring model's predictor, as near as these columns come to it
            coef = weighted_lstsq(z, eta, self.weight)
        ridge = np.full(z.shape[1], self.ridge)
        ridge[0] = _INTERCEPT_RIDGE

        def objective(predictor: Matrix, weights: Matrix) -> float:
            return float(self.weight @ self.loss(predictor) + 0.5 * (ridge @ weights**2).sum())

        predictor = z @ coef
        value = objective(predictor, coef)
        for _ in range(_MAX_SWEEPS):
            before = value
            for q in range(self.n_outputs):
                if len(coef) > 1:  # a constant is always fitted
                    checkpoint()
                p = self.probabilities(predictor)[:, q]
                curvature = self.weight * np.maximum(p * (1.0 - p), _LEAST_CURVATURE)
                gradient = z.T @ (self.weight * (self.target[:, q] - p)) - ridge * coef[:, q]
                hessian = (z * curvature[:, None]).T @ z + np.diag(ridge)
                step = solve_semidefinite(hessian, gradient[:, None])[:, 0]
                for _ in range(_MAX_HALVINGS):
                    trial = coef.copy()
                    trial[:, q] += step
                    moved = predictor.copy()
                    moved[:, q] += z @ step
                    new = objective(moved, trial)
                    if new <= value:
                        coef, predictor, value = trial, moved, new
                        break
                    step = step / 2
            if before - value < _CONVERGED * (1.0 + abs(value)):
                break
        return LinearFit(_in_units(coef, mean, scale), predictor, self.deviance(predictor))

    def _standardised(self, columns: Matrix) -> tuple[Matrix, Vector, Vector]:
        """Return columns of mean zero and variance one but the first, a constant; mean, scale."""
        mean = self.weight @ columns / self.n_effective
        mean[0] = 0.0
        z = columns - mean
        scale = np.sqrt(self.weight @ z**2 / self.n_effective)
        scale[scale == 0] = 1.0
        return z / scale, mean, scale

    def predicted_drop(self, gain: FloatArray) -> FloatArray:
        """Return the fall of the deviance for a quadratic gain: (..., n_outputs) -> (...)."""
        return np.asarray(gain.sum(axis=-1))

    def predicted_rise(self, cost: float) -> float:
        """Return the rise of the deviance for a quadratic cost summed over outputs."""
        return cost

    @property
    def loss_scale(self) -> Vector:
        """Ones: a deviance has no unit."""
        return np.ones(self.n_outputs)

    def row_loss(self, eta: Matrix, scale: Vector) -> Vector:
        """Return every row's deviance, (n_samples,)."""
        return 2.0 * self.loss(eta)


def _in_units(coef: Matrix, mean: Vector, scale: Vector) -> Matrix:
    """Return weights of the columns as given, for those of standardised ones."""
    given = coef / scale[:, None]
    given[0] -= mean @ given
    return given


class Logistic(_ClassLikelihood):
    """Two classes: one output, whose log odds are ``eta``."""

    n_free_outputs = 1
    link = "logit"

    def probabilities(self, eta: Matrix) -> Matrix:
        """Return the probability of the second class."""
        return np.asarray(expit(eta))

    def loss(self, eta: Matrix) -> Vector:
        """Return minus the log likelihood of every row, (n_samples,)."""
        return np.asarray((np.logaddexp(0.0, eta) - self.target * eta).sum(axis=1))


class Multinomial(_ClassLikelihood):
    """Several classes: one output each, probabilities by softmax.

    A shift common to all classes changes nothing; the weights of a column sum to zero.
    """

    link = "softmax"

    def fit_linear(self, columns: Matrix, eta: Matrix | None = None) -> LinearFit:
        """Fit the weights of ``columns`` (n_samples, n_columns), starting near ``eta`` if given.

        All outputs at once by L-BFGS, on columns made orthonormal so that few steps are needed.
        """
        n_columns = columns.shape[1]
        z, mean, scale = self._standardised(columns)
        gram = (z * self.weight[:, None]).T @ z / self.n_effective
        root = np.linalg.cholesky(gram + _CONDITION * np.eye(n_columns))
        white = solve_triangular(root, z.T, lower=True).T
        ridge = np.full((n_columns, 1), self.ridge)
        ridge[0] = _INTERCEPT_RIDGE

        def weights(u: Matrix) -> Matrix:
            return np.asarray(solve_triangular(root, u, lower=True, trans="T"))

        def objective(flat: Vector) -> tuple[float, Vector]:
            if n_columns > 1:  # a constant is always fitted
                checkpoint()
            u = flat.reshape(n_columns, self.n_outputs)
            predictor, coef = white @ u, weights(u)
            loss, probabilities = self._loss_and_probabilities(predictor)
            value = self.weight @ loss + 0.5 * (ridge * coef**2).sum()
            residual = self.weight[:, None] * (probabilities - self.target)
            slope = white.T @ residual + solve_triangular(root, ridge * coef, lower=True)
            return float(value) / self.n_effective, slope.ravel() / self.n_effective

        start = np.zeros((n_columns, self.n_outputs))
        if eta is not None:
            # start from the neighbouring model's predictor, as near as these columns come to it
            start = root.T @ weighted_lstsq(z, eta, self.weight)
        options = {"maxiter": _MAX_STEPS, "ftol": _CONVERGED / 100, "gtol": 1e-6}
        found = minimize(objective, start.ravel(), jac=True, method="L-BFGS-B", options=options)
        coef = _in_units(weights(found.x.reshape(start.shape)), mean, scale)
        coef = coef - coef.mean(axis=1, keepdims=True)
        predictor = columns @ coef
        return LinearFit(coef, predictor, self.deviance(predictor))

    @cached_property
    def n_free_outputs(self) -> int:
        """Outputs that count as parameters: classes of a few rows in all have no say in a weight.

        Where these classes have rows enough together, each of its weights is fitted to a few.
        """
        counts, total = self.weight @ self.target, self.n_effective
        counted = have_rows(counts, total)
        if have_rows(counts[~counted].sum(), total):
            return self.n_outputs - 1
        return max(int(counted.sum()) - 1, 1)

    def probabilities(self, eta: Matrix) -> Matrix:
        """Return the probabilities of the classes."""
        return self._loss_and_probabilities(eta)[1]

    def loss(self, eta: Matrix) -> Vector:
        """Return minus the log likelihood of every row, (n_samples,)."""
        return self._loss_and_probabilities(eta)[0]

    def _loss_and_probabilities(self, eta: Matrix) -> tuple[Vector, Matrix]:
        """Return both: they share the exponentials, which take long where classes are many."""
        top = eta.max(axis=1)
        share = np.exp(eta - top[:, None])
        total = share.sum(axis=1)
        loss = np.log(total) + top - np.einsum("nq,nq->n", self.target, eta)
        return np.asarray(loss), np.asarray(share / total[:, None])


Family = Gaussian | Logistic | Multinomial


def make_family(target: Matrix, weight: Vector, classification: bool) -> Family:
    """Return the likelihood of values, of two classes (one column) or of several (one each)."""
    if not classification:
        return Gaussian(target, weight)
    return (Logistic if target.shape[1] == 1 else Multinomial)(target, weight)
