"""What numbers are fitted by: losses as values, and what each asks of a target and of a model.

A loss says how a target is brought to the scale of the networks, which constant and which linear
model have the least of it, and what networks are trained with. Raw outputs are values of the
standardised target (the identity link), or logarithms of its mean (the log link).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from sklearn.linear_model import RidgeCV, TweedieRegressor

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import IndexArray, Matrix, Vector
from sktaskneuron.preprocessing.weighted import weighted_quantiles

if TYPE_CHECKING:
    from sktaskneuron.training.loop.losses import RowLoss

_ALPHAS = tuple(10.0 ** np.arange(-3, 5))
# Penalties of which the held-out rows choose one: squares of coefficients of standardised columns
# by the mean loss.
_PENALTIES = (1e-3, 1e-2, 1e-1)
# Of the normal distribution: the distance of its quantiles .1 and .9, and Huber's delta by which
# the mean of normal errors loses 5 % of its efficiency, in standard deviations.
_DECILES, _HUBER = 2.5631, 1.345
# Errors below this are as good as none where absolute errors are weighted squares, and the steps.
_SMALL_ERROR, _STEPS = 1e-4, 60
_ENOUGH = 1e-5
# Rows that the spread of errors is taken from.
_MOST_ROWS = 30_000
# Of scikit-learn's solvers.
_MOST_ITERATIONS = 300


class Loss(ABC):
    """What every loss offers; frozen, so that it may stand in a fitted model."""

    link: ClassVar[Literal["identity", "log"]] = "identity"
    #: Whether the searched equation, which is fitted by squares, is fitted to this loss.
    squares: ClassVar[bool] = False
    #: Whether predictions are the middle of what is to be expected, with intervals around it.
    central: ClassVar[bool] = True
    #: Whether predictions have a column for each level of one target.
    listed: bool = False
    #: Penalties of the linear model to choose from.
    penalties: ClassVar[tuple[float, ...]] = (1.0,)

    def check(self, values: Matrix, what: str = "y") -> None:
        """Refuse a target (n_rows, n_targets) that this loss has no meaning for."""
        if self.listed and values.shape[1] > 1:
            raise ValueError(
                f"several levels of quantile are for one target, but {what} has "
                f"{values.shape[1]}: fit one estimator for each target, or one level"
            )

    def location_and_scale(self, values: Matrix, weight: Vector) -> tuple[Vector, Vector]:
        """Return shift and unit of each raw output; of errors in a tenth of the rows unmoved."""
        low, middle, high = weighted_quantiles(values, (0.1, 0.5, 0.9), weight)
        unit = (high - low) / _DECILES
        far = weight @ np.abs(values - middle) / weight.sum()
        return middle, np.where(unit > 0, unit, np.where(far > 0, far, 1.0))

    @abstractmethod
    def torch_loss(self) -> str | RowLoss:
        """Return what networks are trained with."""

    @abstractmethod
    def constant(self, target: Matrix, weight: Vector) -> Vector:
        """Return the raw outputs of the least loss, (n_outputs,), for a target as models see it."""

    @abstractmethod
    def linear(
        self, z: Matrix, target: Matrix, weight: Vector, penalty: float
    ) -> tuple[Matrix, Vector]:
        """Return coefficients (n_columns, n_outputs) and intercepts (n_outputs,)."""

    def rows(self, raw: Matrix, target: Matrix) -> Vector:
        """Return the loss of each row, in float64; the same function that trains networks."""
        import torch

        with torch.no_grad():
            return np.asarray(self._row_loss()(torch.tensor(raw), torch.tensor(target)).numpy())

    def slope(self, raw: Matrix, target: Matrix, share: Vector) -> tuple[float, Matrix]:
        """Return the mean loss with weights of sum one, and its gradient by the raw outputs."""
        import torch

        with torch.inference_mode(False), torch.enable_grad():
            output = torch.tensor(raw, requires_grad=True)
            loss = self._row_loss()(output, torch.tensor(target)) @ torch.tensor(share)
            (gradient,) = torch.autograd.grad(loss, output)
        return float(loss.detach()), gradient.numpy()

    @property
    def places(self) -> IndexArray | None:
        """Where each output stands among the sorted ones, if their meaning asks for an order."""
        return None

    def ordered(self, raw: Matrix) -> Matrix:
        """Return raw outputs in the order that their meaning asks for."""
        return raw if self.places is None else np.asarray(np.sort(raw, axis=1)[:, self.places])

    def _row_loss(self) -> RowLoss:
        from sktaskneuron.training.loop.losses import get_row_loss

        return get_row_loss(self.torch_loss())


@dataclass(frozen=True)
class SquaredError(Loss):
    """Squares: the mean."""

    name: ClassVar[str] = "squared_error"
    squares: ClassVar[bool] = True

    def location_and_scale(self, values: Matrix, weight: Vector) -> tuple[Vector, Vector]:
        """Return weighted mean and standard deviation; (value, 1) of a constant."""
        constant = values.min(axis=0) == values.max(axis=0)
        share = weight / weight.sum()
        mean = np.where(constant, values[0], share @ values)
        sd = np.sqrt(share @ (values - mean) ** 2)
        return mean, np.where(constant | (sd == 0), 1.0, sd)

    def torch_loss(self) -> str:
        """Return what networks are trained with."""
        return self.name

    def rows(self, raw: Matrix, target: Matrix) -> Vector:
        """Return the squared error of each row."""
        with np.errstate(over="ignore"):  # of an equation that overflows
            return np.asarray(((raw - target) ** 2).mean(axis=1))

    def constant(self, target: Matrix, weight: Vector) -> Vector:
        """Return the mean."""
        return np.asarray((weight / weight.sum()) @ target)

    def linear(
        self, z: Matrix, target: Matrix, weight: Vector, penalty: float
    ) -> tuple[Matrix, Vector]:
        """Fit ridge regression, its penalty chosen by leave-one-out."""
        ridge = RidgeCV(_ALPHAS).fit(z, target, sample_weight=weight)
        n_outputs = target.shape[1]
        coef = ridge.coef_.reshape(n_outputs, -1).T
        return coef, np.broadcast_to(ridge.intercept_, (n_outputs,))


@dataclass(frozen=True)
class Quantiles(Loss):
    """The pinball loss of one or several levels, or absolute errors: quantiles, or the median.

    Parameters
    ----------
    levels : tuple of float
    name : {"quantile", "absolute_error"}
    listed : bool
        Whether the levels were given as a list: they are outputs for one target.
    """

    levels: tuple[float, ...] = (0.5,)
    name: str = "quantile"
    listed: bool = False
    penalties: ClassVar[tuple[float, ...]] = _PENALTIES

    @property
    def central(self) -> bool:  # type: ignore[override]
        """Whether it is the median of absolute errors."""
        return self.name == "absolute_error"

    def location_and_scale(self, values: Matrix, weight: Vector) -> tuple[Vector, Vector]:
        """Return the same for every level."""
        shift, unit = super().location_and_scale(values, weight)
        n_outputs = max(len(self.levels), len(shift))
        return np.broadcast_to(shift, n_outputs).copy(), np.broadcast_to(unit, n_outputs).copy()

    def torch_loss(self) -> str | RowLoss:
        """Return what networks are trained with."""
        from sktaskneuron.training.loop.losses import pinball

        if self.name == "absolute_error":
            return self.name
        return partial(pinball, levels=self.levels)

    def constant(self, target: Matrix, weight: Vector) -> Vector:
        """Return the quantiles."""
        levels = np.broadcast_to(self.levels, target.shape[1])
        columns = zip(target.T, levels, strict=True)
        found = [weighted_quantiles(column[:, None], (q,), weight) for column, q in columns]
        return np.concatenate(found).ravel()

    def linear(
        self, z: Matrix, target: Matrix, weight: Vector, penalty: float
    ) -> tuple[Matrix, Vector]:
        """Fit quantile regression with a penalty on squared coefficients."""
        levels = np.broadcast_to(self.levels, target.shape[1])

        def bend(error: Vector) -> Vector:
            return 0.5 / np.maximum(np.abs(error), _SMALL_ERROR)

        columns = zip(target.T, levels, strict=True)
        found = [_reweighted(z, column, weight, penalty, bend, q - 0.5) for column, q in columns]
        coef = np.stack(found, axis=1)
        return coef[:-1], coef[-1]

    @property
    def places(self) -> IndexArray | None:
        """The ranks of several levels: sorted outputs do not cross.

        Sorted quantiles never have a larger loss (Chernozhukov, Fernández-Val and Galichon,
        "Quantile and probability curves without crossing", 2010).
        """
        if len(self.levels) == 1:
            return None
        return np.argsort(np.argsort(self.levels, kind="stable"), kind="stable")


@dataclass(frozen=True)
class Huber(Loss):
    """Squares of small errors, absolute values of large ones: a mean that gross errors do not move.

    Parameters
    ----------
    deltas : tuple of float
        Where large errors begin, for each target.
    """

    deltas: tuple[float, ...]
    name: ClassVar[str] = "huber"
    penalties: ClassVar[tuple[float, ...]] = _PENALTIES

    @classmethod
    def of(cls, matrix: Matrix, values: Matrix, weight: Vector) -> Huber:
        """Choose the deltas by the errors of a linear median, fitted to the training rows."""
        some = slice(None, None, -(-len(matrix) // _MOST_ROWS))
        matrix, weight = matrix[some], weight[some]
        shift, unit = cls(()).location_and_scale(values[some], weight)
        target = (values[some] - shift) / unit
        center, scale = columns_scale(matrix, weight)
        z = (matrix - center) / scale
        coef, intercept = Quantiles().linear(z, target, weight, _PENALTIES[0])
        low, high = weighted_quantiles(target - z @ coef - intercept, (0.1, 0.9), weight)
        spread = _HUBER * (high - low) / _DECILES
        return cls(tuple(np.where(spread > 0, spread, 1.0).tolist()))

    def torch_loss(self) -> RowLoss:
        """Return what networks are trained with."""
        from sktaskneuron.training.loop.losses import huber

        return partial(huber, deltas=self.deltas)

    def constant(self, target: Matrix, weight: Vector) -> Vector:
        """Return the median, and one step from there towards the mean."""
        median = weighted_quantiles(target, (0.5,), weight)[0]
        step = np.clip(target - median, -np.asarray(self.deltas), self.deltas)
        return np.asarray(median + weight @ step / weight.sum())

    def linear(
        self, z: Matrix, target: Matrix, weight: Vector, penalty: float
    ) -> tuple[Matrix, Vector]:
        """Fit robust regression with a penalty on squared coefficients."""

        def bend(error: Vector, delta: float) -> Vector:
            return np.asarray(delta / np.maximum(np.abs(error), delta))

        columns = zip(target.T, self.deltas, strict=True)
        found = [
            _reweighted(z, column, weight, penalty, partial(bend, delta=delta))
            for column, delta in columns
        ]
        coef = np.stack(found, axis=1)
        return coef[:-1], coef[-1]


@dataclass(frozen=True)
class Deviance(Loss):
    """Half the deviance of a distribution whose variance is its mean to a power; logarithms.

    Parameters
    ----------
    name : {"poisson", "gamma", "tweedie"}
    power : float
        1 is Poisson's, 2 the gamma distribution's.
    """

    name: str
    power: float
    link: ClassVar[Literal["identity", "log"]] = "log"
    central: ClassVar[bool] = False
    penalties: ClassVar[tuple[float, ...]] = _PENALTIES

    def check(self, values: Matrix, what: str = "y") -> None:
        """Refuse values that cannot be drawn from the distribution."""
        least, loss = float(values.min(initial=np.inf)), f"loss={self.name!r}"
        if least < 0:
            raise ValueError(
                f"{loss} needs {what} without negative values, but it holds {least:g}: leave these "
                "rows out, or use loss='squared_error'"
            )
        if self.power == 2.0 and least == 0:
            raise ValueError(
                f"{loss} needs {what} above zero, but it holds 0: leave these rows out, or use "
                "loss='poisson', which takes zeros"
            )
        if what == "y" and not (values.max(axis=0) > 0).all():
            raise ValueError(
                f"{loss} needs some of y above zero, but all values of a target are 0, and a mean "
                "of zero has no logarithm: there is nothing to learn"
            )

    def location_and_scale(self, values: Matrix, weight: Vector) -> tuple[Vector, Vector]:
        """Return zero and the mean."""
        return np.zeros(values.shape[1]), weight @ values / weight.sum()

    def torch_loss(self) -> RowLoss:
        """Return what networks are trained with."""
        from sktaskneuron.training.loop.losses import half_deviance

        return partial(half_deviance, power=self.power)

    def constant(self, target: Matrix, weight: Vector) -> Vector:
        """Return the logarithm of the mean; of rows that are all zero that of half a row's mean."""
        share = weight / weight.sum()
        return np.asarray(np.log(np.maximum(share @ target, 0.5 * share.min())))

    def linear(
        self, z: Matrix, target: Matrix, weight: Vector, penalty: float
    ) -> tuple[Matrix, Vector]:
        """Fit scikit-learn's generalised linear model."""
        models = [
            TweedieRegressor(
                power=self.power,
                alpha=penalty,
                link="log",
                solver="newton-cholesky",
                max_iter=_MOST_ITERATIONS,
            ).fit(z, column, sample_weight=weight)
            for column in target.T
        ]
        coef = np.stack([model.coef_ for model in models], axis=1)
        return coef, np.array([model.intercept_ for model in models])


def columns_scale(raw: Matrix, weight: Vector) -> tuple[Vector, Vector]:
    """Return the mean and the standard deviation of every column; 1 for one that varies not."""
    center = weight @ raw / weight.sum()
    spread = np.sqrt(weight @ (raw - center) ** 2 / weight.sum())
    return center, np.where(spread > 1e-12 * np.maximum(np.abs(center), 1e-300), spread, 1.0)


def _reweighted(
    z: Matrix,
    target: Vector,
    weight: Vector,
    penalty: float,
    bend: Callable[[Vector], Vector],
    tilt: float = 0.0,
) -> Vector:
    r"""Return the coefficients and the intercept of least loss, by iterated least squares.

    Parameters
    ----------
    z : ndarray of shape (n_rows, n_columns)
    target, weight : ndarray of shape (n_rows,)
    penalty : float
        Of half the squared coefficients, beside the mean loss.
    bend : callable
        From errors to the curvatures of parabolas that touch the loss there from above.
    tilt : float
        Slope of a line in the error that the loss has beside.

    Returns
    -------
    ndarray of shape (n_columns + 1,)

    Notes
    -----
    The pinball loss of an error e is :math:`|e| / 2 + (q - 1/2) e`, and :math:`|e|` is at most
    :math:`e^2 / (2 |e_0|) + |e_0| / 2`, with equality at the last error :math:`e_0`: no step raises
    the loss (Hunter and Lange, "Quantile regression via an MM algorithm", 2000). scikit-learn's
    linear programming takes time of the square of the rows, 1.7 s for 5,000 of ten columns, and its
    Huber model raises an error where the rows lie on a plane.
    """
    share = weight / weight.sum()
    design = np.column_stack([z, np.ones(len(z))])
    ridge = np.diag(np.append(np.full(z.shape[1], penalty), 0.0))
    coef = np.zeros(design.shape[1])
    coef[-1] = weighted_quantiles(target[:, None], (0.5 + tilt,), weight)[0, 0]
    for _ in range(_STEPS):
        checkpoint()
        near = share * bend(target - design @ coef)
        gram = (design * near[:, None]).T @ design + ridge
        right = design.T @ (near * target + tilt * share)
        former, coef = coef, np.linalg.lstsq(gram, right, rcond=None)[0]
        if np.abs(coef - former).max() <= _ENOUGH * np.abs(coef).max():
            break
    return coef
