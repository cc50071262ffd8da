"""The logarithm of a target as a polynomial of the logarithms of the columns that are positive.

Where ``y = x_i**a * F(others)`` the terms of ``log(x_i)`` are linear, and where y depends on two
columns by their product or ratio alone, so are those along a direction of the two logarithms.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np
from scipy.linalg import null_space
from scipy.stats import f as f_distribution

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import FloatArray, Mask, Matrix, Vector
from sktaskneuron.search.columns.builtin.links import capped

# Share of the rows on which the target may have the other sign, from noise, and of its variance
# that such a fit may leave: it may be no noise.
_OTHER_SIGN, _LEFT = 0.3, 0.1
# Steps to the fit of y itself, and the gain below which they end.
_STEPS, _GAIN = 6, 1e-3
# How near an exponent must come to a half, at most, and to a third; the largest one.
_NEAR_HALF, _NEAREST_HALF, _NEAR_THIRD, _LARGEST = 0.04, 0.12, 0.005, 6


class LogPolynomial:
    """A polynomial of degree three, on wide tables of degree two or one, for ``log|y|``.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    positive : ndarray of bool of shape (n_features,)
        Columns whose logarithm is read; others are read as they are.
    y : ndarray of shape (n_samples,)
        Not zero.
    weight : ndarray of shape (n_samples,)
    """

    root: Vector
    design: FloatArray
    right: Matrix
    rss: float
    coef: Vector

    def __init__(self, X: Matrix, positive: Mask, y: Vector, weight: Vector) -> None:
        d = X.shape[1]
        u = np.where(positive, np.log(np.where(positive, X, 1.0)), X)
        mean = weight @ u / weight.sum()
        self.positive = positive
        self.spread: Vector = np.maximum(np.sqrt(weight @ (u - mean) ** 2 / weight.sum()), 1e-300)
        self.u: Matrix = (u - mean) / self.spread
        n = float(weight.sum())
        self.terms: list[tuple[int, ...]] = [(i,) for i in range(d)]
        for degree in (2, 3):
            more = list(combinations_with_replacement(range(d), degree))
            if len(self.terms) + len(more) < n / 3:
                self.terms += more
        plain = _products(self.u, self.terms)
        target = np.log(np.abs(y))
        root = np.sqrt(capped(weight * y**2, weight))
        sign = np.sign(float(weight @ y))
        if (y * sign > 0).mean() > 1 - _OTHER_SIGN:
            target, root = _of_errors_of_y(plain, y * sign, weight, target, root)
        self.root, self.design, self.right = root, plain * root[:, None], target * root
        self.free: float = max(n - self.design.shape[1], 1.0)
        spread = target - np.average(target, weights=root**2)
        self.floor: float = 1e-24 * max(float(np.sum((root * spread) ** 2)), 1e-300)
        self.rss, self.coef = self._left(self.design)
        #: Share of the variance that the polynomial explains.
        self.explained: float = 1.0 - self.rss / max(float(np.sum((root * spread) ** 2)), 1e-300)

    @property
    def has_crossed(self) -> bool:
        """Whether rows are enough for terms of a degree beyond one."""
        return len(self.terms[-1]) > 1

    def _left(self, design: Matrix) -> tuple[float, Vector]:
        checkpoint()
        coef = np.asarray(np.linalg.lstsq(design, self.right, rcond=1e-12)[0], dtype=np.float64)
        return float(np.sum((self.right - design @ coef) ** 2)), coef

    def _crossed(self, columns: Sequence[int]) -> Mask:
        chosen = set(columns)
        return np.asarray([False, *(len(t) > 1 and bool(chosen & set(t)) for t in self.terms)])

    def _statistic(self, without: float, n_terms: float) -> tuple[float, float]:
        """Return F of terms that were left out, and the chance of one as large."""
        if without < self.floor * 1e4:
            return 0.0, 1.0
        statistic = (without - self.rss) / n_terms / max(self.rss / self.free, self.floor)
        return statistic, float(f_distribution.sf(statistic, n_terms, self.free))

    # -- factors -----------------------------------------------------------------------------------

    def test(self, column: int) -> tuple[float, float]:
        """Return F of a column's non-linear terms, and the chance of one as large."""
        crossed = self._crossed([column])
        return self._statistic(self._left(self.design[:, ~crossed])[0], float(crossed.sum()))

    def exponents(self, columns: Sequence[int]) -> dict[int, float]:
        """Return the simple exponents of columns without non-linear terms; others are left out."""
        crossed = self._crossed(columns)
        kept = self.design[:, ~crossed]
        rss, coef = self._left(kept)
        places = np.flatnonzero(~crossed).tolist()
        inverse = np.linalg.pinv(kept.T @ kept, rcond=1e-12, hermitian=True)
        errors = np.sqrt((rss + self.floor) / self.free * np.diag(inverse))
        result: dict[int, float] = {}
        for i in columns:
            place = places.index(1 + i)
            spread = self.spread[i]
            exponent = simple_exponent(float(coef[place] / spread), float(errors[place] / spread))
            if exponent is not None:
                result[i] = exponent
        return result

    # -- scalings ----------------------------------------------------------------------------------

    def slopes(self) -> Matrix:
        """Return the derivatives of the polynomial by the logarithms, (n_samples, n_features)."""
        out = np.zeros_like(self.u)
        for term, weight in zip(self.terms, self.coef[1:], strict=True):
            for place, i in enumerate(term):
                rest = term[:place] + term[place + 1 :]
                out[:, i] += weight * np.prod(self.u[:, rest], axis=1)
        return np.asarray(out / self.spread)

    def test_scalings(self, vectors: Matrix) -> tuple[float, float, Vector]:
        """Test that y is a power of the scale along each of some vectors.

        Parameters
        ----------
        vectors : ndarray of shape (n_vectors, n_features)
            Exponents by which the columns are scaled.

        Returns
        -------
        statistic, chance : float
            As of `test`.
        exponents : ndarray of shape (n_vectors,)
            Of y.
        """
        along = vectors / self.spread
        across = null_space(along)
        z = self.u @ across
        degree = max(map(len, self.terms))
        rest = [
            term
            for size in range(1, degree + 1)
            for term in combinations_with_replacement(range(z.shape[1]), size)
        ]
        design = np.column_stack([_products(z, rest), self.u @ along.T]) * self.root[:, None]
        without, coef = self._left(design)
        n_terms = self.design.shape[1] - design.shape[1]
        exponents = (along @ along.T) @ coef[len(rest) + 1 :]
        return *self._statistic(without, float(max(n_terms, 1))), exponents


def _products(u: Matrix, terms: Sequence[tuple[int, ...]]) -> Matrix:
    columns = [np.ones(len(u)), *(np.prod(u[:, term], axis=1) for term in terms)]
    return np.stack(columns, axis=1)


def _of_errors_of_y(
    design: Matrix, y: Vector, weight: Vector, target: Vector, root: Vector
) -> tuple[Vector, Vector]:
    """Return a target and roots of weights whose least squares are those of ``y = exp(P)`` itself.

    The logarithm of a value near zero is mostly noise, and says nothing of how near it is: the fit
    tells that, by Gauss-Newton steps. The given ones where such a fit leaves much.
    """
    best, given = np.inf, (target, root)
    eta = design @ np.linalg.lstsq(design * root[:, None], target * root, rcond=1e-12)[0]
    for _ in range(_STEPS):
        checkpoint()
        with np.errstate(all="ignore"):
            mean = np.exp(eta)
            loss = float(weight @ (y - mean) ** 2)
            moved = eta + (y - mean) / mean
        if not (loss < best * (1 - _GAIN) and np.isfinite(moved).all() and mean.min() > 0):
            break
        scale = np.sqrt(capped(weight * mean**2, weight))
        best, target, root = loss, moved, scale
        eta = design @ np.linalg.lstsq(design * root[:, None], target * root, rcond=1e-12)[0]
    spread = float(weight @ (y - np.average(y, weights=weight)) ** 2)
    return (target, root) if best < _LEFT * spread else given


def simple_exponent(value: float, error: float) -> float | None:
    """Return the whole, half or third number that an exponent is within its error; else None."""
    near = min(max(_NEAR_HALF, 4 * error), _NEAREST_HALF)
    half, third = round(2 * value) / 2, round(3 * value) / 3
    if abs(third - value) < _NEAR_THIRD and abs(third) <= _LARGEST:
        half, near = third, _NEAR_THIRD
    if abs(half - value) >= near or abs(half) > _LARGEST:
        return None
    return int(half) if float(half).is_integer() else half
