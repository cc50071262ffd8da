"""Targets as values: how numbers or labels become what models are fitted to, and back."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np
from scipy.special import logsumexp
from sklearn.metrics import r2_score

from sktaskneuron._typing import AnyArray, FloatArray, IntArray, Matrix, Vector
from sktaskneuron.models.losses import Loss, SquaredError

if TYPE_CHECKING:
    from sktaskneuron.training.loop.losses import RowLoss

_SQUARES = SquaredError()
# Log loss of a row is counted up to here: one sure and wrong row must not decide alone.
_LARGEST_LOSS = 35.0
# A value that overflows is predicted as this: scikit-learn's metrics refuse infinity.
_LARGEST = float(np.finfo(np.float64).max)
#: Differences of two such logits are finite.
LARGEST_LOGIT = 1e300


@dataclass(frozen=True, eq=False)
class ValueTarget:
    """One or several numbers, standardised.

    Parameters
    ----------
    shift, unit : ndarray of shape (n_outputs,)
        Raw outputs of models times ``unit`` plus ``shift`` are values; of a loss with the log link,
        exponentials of raw outputs times ``unit``.
    single : bool
        Whether predictions are a vector.
    loss : Loss, default=SquaredError()
        What models are fitted and judged by. Of several quantiles there is an output each for the
        one target.
    worst : float, default=1.0
        Mean loss of the constant, fitted to all rows.
    """

    shift: Vector
    unit: Vector
    single: bool
    loss: Loss = _SQUARES
    worst: float = 1.0

    classification: ClassVar[bool] = False

    @classmethod
    def of(cls, values: Matrix, weight: Vector, loss: Loss, single: bool) -> ValueTarget:
        """Bring values (n_rows, n_targets) to the scale that a loss asks for."""
        scaled = cls(*loss.location_and_scale(values, weight), single and not loss.listed, loss)
        if loss.squares:
            return scaled  # the variance is one
        encoded = scaled.encoded(values)
        constant = np.broadcast_to(loss.constant(encoded, weight), encoded.shape)
        worst = float(np.average(scaled.losses(constant, encoded), weights=weight))
        return replace(scaled, worst=worst if worst > 0 else 1.0)

    @property
    def n_outputs(self) -> int:
        """Number of raw outputs of a model."""
        return len(self.shift)

    @property
    def n_targets(self) -> int:
        """Number of targets."""
        return 1 if self.loss.listed else len(self.shift)

    @property
    def squares(self) -> bool:
        """Whether searched equations are fitted to the same loss."""
        return self.loss.squares

    @property
    def logarithmic(self) -> bool:
        """Whether raw outputs are logarithms."""
        return self.loss.link == "log"

    @property
    def linear(self) -> bool:
        """Whether predictions are values of a linear model, where one predicts."""
        return not (self.logarithmic or self.loss.listed)

    @property
    def bounded(self) -> bool:
        """Whether networks stay within the range of the target."""
        return not self.logarithmic

    def torch_loss(self) -> str | RowLoss:
        """Return what networks are trained with."""
        return self.loss.torch_loss()

    def encoded(self, values: Matrix) -> Matrix:
        """Return standardised values, (n_rows, n_outputs)."""
        return (values - self.shift) / self.unit

    def searched(self, encoded: Matrix) -> Matrix:
        """Return what an equation is searched for: the values."""
        return (encoded * self.unit + self.shift)[:, : self.n_targets]

    def decoded(self, raw: Matrix) -> FloatArray:
        """Return raw outputs as the target was given; finite where an equation overflows."""
        with np.errstate(over="ignore"):
            values = np.clip(self._natural(raw) * self.unit + self.shift, -_LARGEST, _LARGEST)
        return values[:, 0] if self.single else values

    def of_equation(self, value: Matrix) -> Matrix:
        """Return an equation's values as raw outputs; the mean where it is not defined.

        A value that overflows stays infinite.
        """
        with np.errstate(over="ignore"):
            return np.where(np.isnan(value), 0.0, (value - self.shift) / self.unit)

    def points(self, raw: Matrix) -> Matrix:
        """Return predictions as points, whose distances say how far one is from another.

        One target keeps its unit. Of several each is counted in standard deviations, and the
        squares are averaged, as those of several levels are.
        """
        return self._natural(raw) * self._point_units

    def point_steps(self, outputs: Callable[[], Matrix], steps: FloatArray) -> FloatArray:
        """Return the steps of the points for small steps of raw outputs.

        Parameters
        ----------
        outputs : callable
            Computes the raw outputs, (n_rows, n_outputs), where steps depend on them.
        steps : ndarray of shape (n_rows, n_outputs, n_columns)
        """
        if self.logarithmic:
            steps = steps * self._natural(outputs())[:, :, None]
        return steps * self._point_units[:, None]

    @property
    def _point_units(self) -> Vector:
        unit = self.unit if self.n_targets == 1 else np.ones(self.n_targets)
        return unit * self.n_outputs**-0.5

    def _natural(self, raw: Matrix) -> Matrix:
        """Return raw outputs as values of the standardised target, infinite where they overflow."""
        with np.errstate(over="ignore"):
            return np.exp(raw) if self.logarithmic else self.loss.ordered(raw)

    def losses(self, raw: Matrix, encoded: Matrix) -> Vector:
        """Return the loss of each row."""
        return self.loss.rows(self.loss.ordered(raw), encoded)

    def as_score(self, loss: float) -> float:
        """Return the share of the constant's loss that is gone: R2 of squares, else D2."""
        return 1.0 - loss / self.worst

    def score(self, raw: Matrix, encoded: Matrix, weight: Vector) -> float:
        """Return R2, or of another loss D2: the same beside the best constant for these rows."""
        if len(raw) < 2:
            return float("nan")  # one row has no variance
        if self.loss.squares:
            return float(r2_score(encoded, raw, sample_weight=weight))
        constant = np.broadcast_to(self.loss.constant(encoded, weight), encoded.shape)
        worst = np.average(self.losses(constant, encoded), weights=weight)
        loss = np.average(self.losses(raw, encoded), weights=weight)
        return float(1.0 - loss / worst) if worst > 0 else float(loss == 0)

    def attributes(self) -> dict[str, object]:
        """Return what estimators show of it."""
        return {"n_outputs_": self.n_targets}


@dataclass(frozen=True, eq=False)
class ClassTarget:
    """Labels, read as the places of their classes.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        Sorted.
    """

    classes: AnyArray

    classification: ClassVar[bool] = True
    linear: ClassVar[bool] = True
    squares: ClassVar[bool] = True
    bounded: ClassVar[bool] = False

    def torch_loss(self) -> str:
        """Return what networks are trained with."""
        return "cross_entropy"

    @property
    def n_outputs(self) -> int:
        """Number of classes: models give a logit for each."""
        return len(self.classes)

    def encoded(self, labels: AnyArray) -> IntArray:
        """Return the places of labels among the classes, (n_rows,)."""
        return np.searchsorted(self.classes, labels).astype(np.int64)

    def searched(self, encoded: IntArray) -> IntArray:
        """Return what an equation is searched for: the places."""
        return encoded

    def decoded(self, raw: Matrix) -> AnyArray:
        """Return the label of the largest logit."""
        return np.asarray(self.classes[np.argmax(softmax(raw), axis=1)])

    def of_equation(self, value: Matrix) -> Matrix:
        """Return one logit per class of an equation's values; even odds where it is not defined.

        A value that overflows is as sure as can be.

        value : (n_rows, 1) log odds, or (n_rows, n_classes).
        """
        logits = np.clip(np.where(np.isnan(value), 0.0, value), -LARGEST_LOGIT, LARGEST_LOGIT)
        if logits.shape[1] == 1:
            return np.concatenate([np.zeros_like(logits), logits], axis=1)
        return logits

    def points(self, raw: Matrix) -> Matrix:
        """Return predictions as points, whose distances say how far one is from another.

        The distance is the probability that has gone from one class to another.
        """
        return softmax(raw) / np.sqrt(2.0)

    def point_steps(self, outputs: Callable[[], Matrix], steps: FloatArray) -> FloatArray:
        """Return the steps of the points for small steps of raw outputs.

        Parameters
        ----------
        outputs : callable
            Computes the raw outputs, (n_rows, n_outputs), where steps depend on them.
        steps : ndarray of shape (n_rows, n_outputs, n_columns)
        """
        probability = softmax(outputs())[:, :, None]
        mean = (probability * steps).sum(axis=1, keepdims=True)
        return np.asarray(probability * (steps - mean) / np.sqrt(2.0))

    def losses(self, raw: Matrix, encoded: IntArray) -> Vector:
        """Return the log loss of each row."""
        chosen = raw[np.arange(len(encoded)), encoded]
        return np.minimum(logsumexp(raw, axis=1) - chosen, _LARGEST_LOSS)

    def as_score(self, loss: float) -> float:
        """Return a mean loss as a mean log-likelihood."""
        return -loss

    def score(self, raw: Matrix, encoded: IntArray, weight: Vector) -> float:
        """Return the accuracy."""
        return float(weight @ (raw.argmax(axis=1) == encoded) / weight.sum())

    def attributes(self) -> dict[str, object]:
        """Return what estimators show of it."""
        return {"classes_": self.classes}


#: What a model is fitted to.
Target: TypeAlias = ValueTarget | ClassTarget


@contextmanager
def many_classes_told() -> Iterator[None]:
    """Silence scikit-learn's doubt about many classes, which the check of y has told already."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes is greater", UserWarning)
        yield


def softmax(logits: Matrix) -> Matrix:
    """Return probabilities in float64, rows summing to one."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def indicators(codes: IntArray, n_classes: int) -> Matrix:
    """Return 0/1 targets (n_rows, n_outputs): one output for two classes, else one each."""
    if n_classes == 2:
        return np.asarray(codes[:, None] == 1, dtype=np.float64)
    return np.asarray(codes[:, None] == np.arange(n_classes), dtype=np.float64)
