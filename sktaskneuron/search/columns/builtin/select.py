"""Which of many columns a target is a weighted sum of: forward with exchanges, and backward."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import lapack

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import FloatArray, Matrix, Vector

Places = tuple[int, ...]

# Share of a column's norm that must be left beside the chosen ones.
_INDEPENDENT = 1e-11
# Spread of a column, as a share of its size, below which it is a constant and its rounding.
_VARIES = 1e-12
# Rounds in which every chosen column may be exchanged, and columns up to which sums are exchanged.
_MAX_EXCHANGES, _MOST_EXCHANGED = 2, 6
# Observations that a chosen column needs: with fewer everything fits.
_ROWS_PER_COLUMN = 4
# Columns in a row that did not pay, after which no more are added.
_WITHOUT_GAIN = 3
# Residual share at which a sum counts as exact.
_EXACT = 1e-24
# Passes over a column that are needed once: the rest of a subtraction of nearly equal vectors.
_T_CLEARLY_NOTHING = 0.7
# Weights for a target of length one up to which a column can be taken out of a fit without a new
# one, and the residual share: the digits that are lost do not matter there.
_TAME, _NEARLY_EXACT = 1e6, 1e-10


@dataclass(frozen=True, eq=False)
class Sums:
    """Weighted sums of some of the columns, by their number of columns.

    Parameters
    ----------
    places : dict of int to tuple of int
        The best columns found for each number of them.
    loss : dict of int to float
        Share of the target's weighted sum of squares that is left.
    """

    places: dict[int, Places]
    loss: dict[int, float]

    def add(self, places: Places, loss: float) -> None:
        """Take a sum if it is the best of its size."""
        if loss < self.loss.get(len(places), np.inf):
            self.places[len(places)] = tuple(sorted(places))
            self.loss[len(places)] = loss


def _normalised(values: Matrix, target: Vector, weight: Vector) -> tuple[FloatArray, FloatArray]:
    """Return weighted columns and target with the constant taken out, both of unit length."""
    root = np.sqrt(weight)
    share = weight / weight.sum()
    columns = (values - share @ values) * root[:, None]
    norm = np.sqrt(np.einsum("ij,ij->j", columns, columns))
    size = np.sqrt(weight @ values**2)
    columns *= np.where(norm > _VARIES * size, 1.0 / np.where(norm > 0, norm, 1.0), 0.0)
    y = (target - share @ target) * root
    return columns, y / max(float(np.linalg.norm(y)), 1e-300)


def _inverse_of(triangle: Matrix) -> Matrix:
    """Return the inverse of an upper triangle."""
    if not len(triangle):
        return triangle  # LAPACK refuses it
    return np.asarray(lapack.dtrtri(triangle)[0])


@dataclass(frozen=True, eq=False)
class _Chosen:
    """Chosen columns, and how all others stand to them.

    Parameters
    ----------
    places : list of int
    inverse : ndarray of shape (n_chosen, n_chosen)
        Of the triangle that takes an orthonormal basis to the columns.
    inside : ndarray of shape (n_chosen, n_columns)
        All columns in that basis.
    along : ndarray of shape (n_chosen,)
        The target in that basis.
    beside : ndarray of shape (n_columns,)
        Share of each column's square that is beside the chosen ones.
    onto : ndarray of shape (n_columns,)
        The residual along each column.
    loss : float
        Share of the target's square that is left.
    """

    places: list[int]
    inverse: Matrix
    inside: Matrix
    along: Vector
    beside: Vector
    onto: Vector
    loss: float

    @classmethod
    def of(cls, columns: Matrix, y: Vector, places: list[int]) -> _Chosen:
        """Choose columns of a matrix (n_samples, n_columns), all of unit length as y is."""
        if not places:
            nothing = np.zeros((0, columns.shape[1]))
            one = np.ones(columns.shape[1])
            return cls([], np.zeros((0, 0)), nothing, np.zeros(0), one, y @ columns, 1.0)
        q, r = np.linalg.qr(columns[:, places])
        along = q.T @ y
        residual = y - q @ along
        # a second pass: what is left is told to all digits, other than by a difference
        residual -= q @ (q.T @ residual)
        inside = q.T @ columns
        beside = 1.0 - np.einsum("ij,ij->j", inside, inside)
        left = float(residual @ residual)
        onto = residual @ columns
        return cls(places, _inverse_of(r), inside, along, beside, onto, left)

    def best_addition(self) -> tuple[int, float] | None:
        """Return the column that lowers the residual most beside them, and what is left then."""
        return _best(self.beside, self.onto, self.loss, self.places)

    def best_in_place_of(self, place: int) -> tuple[int, float] | None:
        """Return the best column beside all of them but one, and what is left then.

        That one's own direction comes back to what is beside the others.
        """
        own = self.inverse[self.places.index(place)]
        direction = own / np.linalg.norm(own)
        inside, along = direction @ self.inside, float(direction @ self.along)
        rest = [other for other in self.places if other != place]
        onto = self.onto + along * inside
        return _best(self.beside + inside**2, onto, self.loss + along**2, rest)


def _best(beside: Vector, onto: Vector, loss: float, places: list[int]) -> tuple[int, float] | None:
    with np.errstate(all="ignore"):
        gain = np.where(beside > _INDEPENDENT, onto**2 / beside, 0.0)
    gain[places] = 0.0
    best = int(np.argmax(gain))
    if gain[best] <= 0:
        return None
    return best, max(float(loss - gain[best]), 0.0)


def forward(
    values: Matrix, target: Vector, weight: Vector, most: int, n_observations: float
) -> Sums:
    """Add the best column one after another, and exchange each for a better one after every step.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_columns)
        Finite.
    target : ndarray of shape (n_samples,)
    weight : ndarray of shape (n_samples,)
    most : int
        Most columns of a sum; a constant is always there.
    n_observations : float
        That the weights stand for. After some columns in a row that were not worth the price of
        the extended Bayesian criterion the steps end.

    Returns
    -------
    Sums
    """
    columns, y = _normalised(values, target, weight)
    price = float(np.log(max(n_observations, 3)) + 2 * np.log(max(columns.shape[1], 2)))
    sums = Sums({0: ()}, {0: 1.0})
    chosen = _Chosen.of(columns, y, [])
    best, best_size = 0.0, 0
    most = min(most, columns.shape[1], int(n_observations / _ROWS_PER_COLUMN))
    while len(chosen.places) < most:
        checkpoint()
        found = chosen.best_addition()
        if found is None:
            break
        chosen = _Chosen.of(columns, y, [*chosen.places, found[0]])
        for _ in range(_MAX_EXCHANGES if 1 < len(chosen.places) <= _MOST_EXCHANGED else 0):
            exchanged = False
            for place in chosen.places:
                checkpoint()
                found = chosen.best_in_place_of(place)
                if found is not None and found[1] < chosen.loss * (1 - 1e-9) and found[0] != place:
                    rest = [other for other in chosen.places if other != place]
                    chosen = _Chosen.of(columns, y, [*rest, found[0]])
                    exchanged = True
            if not exchanged:
                break
        loss, size = chosen.loss, len(chosen.places)
        sums.add(tuple(chosen.places), loss)
        value = n_observations * np.log(max(loss, _EXACT)) + price * size
        if value < best:
            best, best_size = value, size
        if loss < _EXACT or size >= best_size + _WITHOUT_GAIN:
            break
    return sums


def backward(
    values: Matrix, target: Vector, weight: Vector, most: int, n_observations: float
) -> Sums:
    """Start from all columns and take out the least significant one after another.

    Where columns are nearly collinear and there is little noise this finds what steps forward miss.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_columns)
        Finite.
    target : ndarray of shape (n_samples,)
    weight : ndarray of shape (n_samples,)
    most : int
        Sizes above it are not reported.
    n_observations : float
        That the weights stand for.

    Returns
    -------
    Sums
    """
    columns, y = _normalised(values, target, weight)
    fitted = _Fitted.of(np.column_stack([columns, y]), list(range(columns.shape[1])))
    sums = Sums({0: ()}, {0: 1.0})
    while fitted.kept:
        checkpoint()
        kept, loss = fitted.kept, fitted.loss
        if len(kept) <= min(most, int(n_observations / _ROWS_PER_COLUMN)):
            sums.add(tuple(kept), loss)
        spread = np.sqrt(np.einsum("ij,ij->i", fitted.inverse, fitted.inverse))
        noise = np.sqrt(max(loss, 1e-30) / max(n_observations - len(kept) - 1, 1.0))
        t = np.abs(fitted.inverse @ fitted.along) / (spread * noise)
        nothing = np.flatnonzero(t < _T_CLEARLY_NOTHING)
        if len(kept) > 2 * most and nothing.size > 1:
            # several at once while there are many: the weaker half of those that say nothing
            drop = nothing[np.argsort(t[nothing], kind="stable")][: (nothing.size + 1) // 2]
            fitted = fitted.without_all(set(drop.tolist()))
        else:
            fitted = fitted.without(int(np.argmin(t)))
    return sums


@dataclass(frozen=True, eq=False)
class _Fitted:
    """A target on columns that can be taken out.

    Parameters
    ----------
    kept : list of int
        Places of the columns, none of which depends on the others.
    triangle : ndarray of shape (n_triangle, n_triangle)
        Of an orthonormal basis, for all columns when it was made and the target.
    within : list of int
        Places of the columns in it.
    inverse : ndarray of shape (n_kept, n_triangle)
        Takes the target in that basis to the weights.
    along : ndarray of shape (n_triangle,)
        The target in that basis.
    loss : float
        Share of the target's square that is left.
    is_tame : bool
        Whether a column can be taken out of the inverse to enough digits.
    """

    kept: list[int]
    triangle: Matrix
    within: list[int]
    inverse: Matrix
    along: Vector
    loss: float
    is_tame: bool

    @classmethod
    def of(cls, table: Matrix, kept: list[int]) -> _Fitted:
        """Fit the last column of a table to the others; those that depend on others are left out.

        ``kept`` are the places to tell of the others.
        """
        triangle: Matrix = np.asarray(np.linalg.qr(table, "r"))
        k = len(kept)
        size = np.abs(np.diag(triangle)[:k])
        independent = np.flatnonzero(size >= 1e-13)
        if len(independent) < k:  # more columns than rows depend on others
            rest = [*independent.tolist(), k]
            return cls.of(triangle[:, rest], [kept[j] for j in independent])
        inverse = _inverse_of(triangle[:k, :k])
        loss = float(triangle[k, k] ** 2) if len(triangle) > k else 0.0
        is_tame = bool(np.abs(inverse).max(initial=0.0) < _TAME)
        return cls(kept, triangle, list(range(k)), inverse, triangle[:k, k], loss, is_tame)

    def without_all(self, gone: set[int]) -> _Fitted:
        """Take some columns out, by their numbers among those kept, and fit the others anew."""
        rest = [j for j in range(len(self.kept)) if j not in gone]
        columns = [*(self.within[j] for j in rest), self.triangle.shape[1] - 1]
        return _Fitted.of(self.triangle[:, columns], [self.kept[j] for j in rest])

    def without(self, place: int) -> _Fitted:
        """Take one column out.

        Its row of the inverse is the direction that is its own; without it the others have none of
        that. Each such step costs digits: where there are few, all is fitted anew.
        """
        if not self.is_tame or self.loss < _NEARLY_EXACT:
            return self.without_all({place})
        own = self.inverse[place] / np.linalg.norm(self.inverse[place])
        rest = np.delete(self.inverse, place, axis=0)
        rest -= np.outer(rest @ own, own)
        return replace(
            self,
            kept=self.kept[:place] + self.kept[place + 1 :],
            within=self.within[:place] + self.within[place + 1 :],
            inverse=rest,
            loss=self.loss + float(own @ self.along) ** 2,
        )
