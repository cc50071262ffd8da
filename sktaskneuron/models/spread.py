"""How sure predictions are: learned from the rows that were held out, without further training.

The size of held-out errors as a function of the columns is estimated by a small forest, and their
distribution relative to that size by its quantiles. Everything kept is an array of a size that does
not depend on the number of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm
from sklearn.ensemble import ExtraTreesRegressor

from sktaskneuron._typing import FloatArray, IntArray, Mask, Matrix, RowNumbers, Vector
from sktaskneuron.models.fitted import FittedModel, outputs_of_members
from sktaskneuron.models.inputs import Inputs
from sktaskneuron.models.target import ValueTarget, softmax
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation

# Of the forest, chosen on 24 fits to twelve tables of 300 to 4,000 rows: boosted trees gave wider
# intervals, deeper or more trees the same ones, logarithms of errors or fewer rows in a leaf 2 %
# wider ones.
_N_TREES, _DEPTH, _LEAF_ROWS, _FEATURES = 40, 6, 10, 0.5
# Rows beyond which the forest gains nothing, and cells: 300 columns of as many rows take 5 s. With
# fewer columns for a split instead, intervals of 260 columns were worse by 5 % in their score.
_MOST_ROWS, _MOST_CELLS = 20_000, 1_000_000
# An expected error is at least this share of the median one.
_LEAST = 0.1
# The correction for the mean of members leaves at least this share of the width.
_LEAST_LEFT = 0.5
# Where the normal distribution gives the width whose part is due to single members.
_REFERENCE = 0.9
#: Coverages whose quantiles are kept; what lies between takes the next higher one.
LEVELS = np.append(np.arange(1, 200) / 200, [0.996, 0.997, 0.998, 0.999, 0.9995, 0.9999])


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees of one depth as arrays: node i stands over 2 i + 1 and 2 i + 2.

    Parameters
    ----------
    feature : ndarray of int of shape (n_trees, n_inner_nodes)
    threshold : ndarray of shape (n_trees, n_inner_nodes)
        Values up to it go to the left.
    value : ndarray of shape (n_trees, n_leaves)
    """

    feature: IntArray
    threshold: FloatArray
    value: FloatArray

    @classmethod
    def of(cls, forest: ExtraTreesRegressor, depth: int) -> Forest:
        """Copy a fitted forest; a leaf above the last floor is repeated under itself."""
        n_inner = 2**depth - 1
        nodes = np.zeros((len(forest.estimators_), 2 * n_inner + 1), dtype=np.int64)
        feature = np.zeros((len(nodes), n_inner), dtype=np.int32)
        threshold = np.full((len(nodes), n_inner), np.inf, dtype=np.float32)
        value = np.empty((len(nodes), n_inner + 1), dtype=np.float32)
        for number, estimator in enumerate(forest.estimators_):
            tree, at = estimator.tree_, nodes[number]
            for floor in range(depth):
                place = np.arange(2**floor - 1, 2 ** (floor + 1) - 1)
                node = at[place]
                inner = tree.children_left[node] >= 0
                at[2 * place + 1] = np.where(inner, tree.children_left[node], node)
                at[2 * place + 2] = np.where(inner, tree.children_right[node], node)
                feature[number, place] = np.where(inner, tree.feature[node], 0)
                threshold[number, place] = np.where(inner, tree.threshold[node], np.inf)
            value[number] = tree.value[at[n_inner:], 0, 0]
        return cls(feature, threshold, value)

    def __call__(self, X: Matrix) -> Vector:
        """Return the mean of the trees for each row of X (n_rows, n_features)."""
        return np.asarray(self.each(X).mean(axis=1), dtype=np.float64)

    def each(self, X: Matrix) -> FloatArray:
        """Return what every tree says, (n_rows, n_trees)."""
        X = X.astype(np.float32)
        trees, rows = np.arange(len(self.feature)), np.arange(len(X))[:, None]
        place = np.zeros((len(X), len(trees)), dtype=np.int64)
        n_inner = self.feature.shape[1]
        while place.size and place[0, 0] < n_inner:
            right = X[rows, self.feature[trees, place]] > self.threshold[trees, place]
            place = 2 * place + 1 + right
        return self.value[trees, place - n_inner]


@dataclass(frozen=True, eq=False)
class Spread:
    """The sizes of held-out errors.

    Parameters
    ----------
    forest : Forest
        Expected size of the error of a row's outputs, in units of the outputs' mean ones.
    least : float
        Sizes below are taken for this.
    quantiles : ndarray of shape (n_levels, n_outputs)
        For each of ``LEVELS`` the quantile of error by expected size, that of a finite sample;
        infinite where the rows do not suffice.
    n_parts : float
        Number of parts that the rows were held out in.
    """

    forest: Forest
    least: float
    quantiles: Matrix
    n_parts: float

    @classmethod
    def of(cls, task: Task, outputs: Matrix, rows: RowNumbers, n_parts: float, seed: int) -> Spread:
        """Learn from outputs (n_held_out, n_outputs) of models that have not seen the rows."""
        rng = np.random.default_rng([seed, 3])
        some = np.arange(len(rows))
        most = min(_MOST_ROWS, max(_MOST_CELLS // task.inputs.raw.shape[1], 1))
        if len(rows) > most:
            some = np.sort(rng.choice(some, size=most, replace=False))
        rows, outputs = rows[some], outputs[some]
        error, weight = np.abs(outputs - task.target[rows]), task.weight[rows]
        mean = np.average(error, axis=0, weights=weight)
        size = (error / np.where(mean > 0, mean, 1.0)).mean(axis=1)
        forest = ExtraTreesRegressor(
            _N_TREES,
            max_depth=_DEPTH,
            min_samples_leaf=_LEAF_ROWS,
            max_features=_FEATURES,
            bootstrap=True,
            random_state=int(rng.integers(2**31)),
        )
        X = _features(task.inputs.take(rows), outputs)
        forest.fit(X, size, sample_weight=weight)
        trees = Forest.of(forest, _DEPTH)
        expected = _out_of_bag(trees.each(X), forest.estimators_samples_, float(size.mean()))
        least = max(_LEAST * float(np.median(expected)), 1e-12)
        score = error / np.maximum(expected, least)[:, None]
        quantiles = np.stack([_quantiles(column, weight) for column in score.T], axis=1)
        return cls(trees, least, quantiles, n_parts)

    def intervals(
        self, model: FittedModel, inputs: Inputs, coverages: Sequence[float]
    ) -> tuple[FloatArray, FloatArray]:
        """Return the lower and the upper ends of intervals of raw outputs.

        Parameters
        ----------
        model : FittedModel
        inputs : Inputs
        coverages : sequence of float
            None above ``most``.

        Returns
        -------
        low, high : ndarray of shape (n_coverages, n_rows, n_outputs)

        Notes
        -----
        A row is held out from one part of the members only, but the mean of all K of them
        predicts. With n parts the variance of an error is smaller there by the share
        (n - 1) / K of the variance s² between members, which new rows show without a target.
        """
        members = outputs_of_members(model, inputs)
        center = members.mean(axis=0)
        expected = np.maximum(self.forest(_features(inputs, center)), self.least)[:, None]
        reference = self._quantile(_REFERENCE) / norm.ppf((1 + _REFERENCE) / 2) * expected
        left = np.ones_like(center)
        if len(members) > 1:
            gain = members.var(axis=0, ddof=1) * (self.n_parts - 1) / len(members)
            square = np.maximum(reference**2, np.finfo(float).tiny)
            left = np.sqrt(np.maximum(1.0 - gain / square, _LEAST_LEFT**2))
        quantiles = np.stack([self._quantile(coverage) for coverage in coverages])
        half = quantiles[:, None, :] * expected * left
        return center - half, center + half

    @property
    def most(self) -> float:
        """The largest coverage that the rows suffice for."""
        finite = np.isfinite(self.quantiles).all(axis=1)
        return float(LEVELS[finite].max(initial=0.0))

    def _quantile(self, coverage: float) -> Vector:
        return np.asarray(self.quantiles[_place(coverage)])


@dataclass(frozen=True, eq=False)
class LabelSpread:
    """How improbable held-out rows' own labels were.

    Parameters
    ----------
    quantiles : ndarray of shape (n_levels,)
        For each of ``LEVELS`` the quantile of 1 - p of the true class, that of a finite sample.
    """

    quantiles: Vector

    @classmethod
    def of(cls, probability: Vector, weight: Vector) -> LabelSpread:
        """Learn from the probabilities (n_held_out,) of the rows' own classes."""
        return cls(_quantiles(1.0 - probability, weight))

    @property
    def most(self) -> float:
        """The largest coverage that the rows suffice for."""
        return float(LEVELS[np.isfinite(self.quantiles)].max(initial=0.0))

    def sets(self, probability: Matrix, coverages: Sequence[float]) -> Mask:
        """Return which classes belong to the sets, (n_coverages, n_rows, n_classes).

        Parameters
        ----------
        probability : ndarray of shape (n_rows, n_classes)
        coverages : sequence of float
            None above ``most``.
        """
        least = np.array([1.0 - self.quantiles[_place(coverage)] for coverage in coverages])
        likeliest = probability == probability.max(axis=1, keepdims=True)
        return (probability >= least[:, None, None] * (1 - 1e-12)) | likeliest


def learn_spread(
    task: Task, validation: Validation, outputs: Matrix, rows: RowNumbers, seed: int
) -> Spread | LabelSpread | None:
    """Learn how far held-out rows are from what models that have not seen them say.

    Of a loss whose predictions are not the middle of the target's values nothing is learned.

    Parameters
    ----------
    task : Task
    validation : Validation
    outputs : ndarray of shape (n_held_out, n_outputs)
        Raw outputs.
    rows : ndarray of int of shape (n_held_out,)
        The rows they are for.
    seed : int
    """
    if isinstance(task.kind, ValueTarget):
        if not task.kind.loss.central:
            return None
        return Spread.of(task, outputs, rows, validation.n_parts, seed)
    probability = softmax(outputs)[np.arange(len(rows)), task.target[rows]]
    return LabelSpread.of(probability, task.weight[rows])


def checked_coverages(coverage: float | Sequence[float], most: float) -> list[float]:
    """Return one or several coverages as a list.

    Raises
    ------
    ValueError
        If one is no share, or more than ``most``.
    """
    asked = np.atleast_1d(np.asarray(coverage))
    numbers = asked.dtype.kind == "f" and asked.ndim == 1 and asked.size > 0
    if not (numbers and ((asked > 0) & (asked < 1)).all()):
        raise ValueError(f"coverage must be a number or a list within 0 and 1, got {coverage!r}")
    if asked.max() > most + 1e-12:
        raise ValueError(
            f"coverage={asked.max():g} is more than the held-out rows suffice for: at most {most:g}"
        )
    return [float(share) for share in asked]


def _place(coverage: float) -> int:
    """Return the place of the level that has at least this coverage."""
    return int(np.searchsorted(LEVELS, coverage - 1e-12))


def _features(inputs: Inputs, outputs: Matrix) -> Matrix:
    """Return what the size of an error may depend on: the scaled columns and the prediction."""
    return np.concatenate([inputs.block("robust", slice(None)), outputs], axis=1)


def _out_of_bag(said: FloatArray, drawn: Sequence[IntArray], otherwise: float) -> Vector:
    """Return the mean of the trees that have not seen a row.

    said : what every tree says of every row, (n_rows, n_trees); drawn : the rows that each has
    seen; otherwise : for rows that all have.
    """
    unseen = np.ones(said.shape, dtype=bool)
    for number, rows in enumerate(drawn):
        unseen[rows, number] = False
    count = unseen.sum(axis=1)
    total = (said * unseen).sum(axis=1, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), otherwise)


def _quantiles(values: Vector, weight: Vector) -> Vector:
    """Return for each level the smallest value that covers the share of the rows and of one more.

    For n rows of equal weight that is the value number ceil((n + 1) level), and a new row that is
    exchangeable with them lies at or below it with at least this probability.
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    wanted = LEVELS * (reached[-1] + reached[-1] / len(values))
    place = np.searchsorted(reached, wanted * (1 - 1e-12))
    return np.append(values[order], np.inf)[place]
