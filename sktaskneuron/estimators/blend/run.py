"""One fit of a blend: predict held-out rows, weigh, fit what has a weight; from data to a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import r2_score
from sklearn.utils import Bunch, _safe_indexing
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params

from sktaskneuron._typing import AnyArray, FloatArray, Matrix, RowNumbers, Splits, Vector
from sktaskneuron.models.target import ClassTarget, softmax
from sktaskneuron.models.weights import logit_weights, value_weights

#: Metadata of each estimator's fit, by its name.
FitParams = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class FittedBlend:
    """What a fit leaves behind.

    Parameters
    ----------
    names : tuple of str
        Of the estimators that predict.
    estimators : tuple of estimator
        These, fitted to all rows.
    shares : ndarray of shape (n_estimators,)
        Their weights; of classes the sum is the inverse temperature.
    weights : dict of str to float
        Of all estimators; sum one.
    scores : dict of str to float
        On the held-out rows, of each and of the blend.
    classes : ClassTarget or None
    least : float
        Probabilities below are taken for this.
    """

    names: tuple[str, ...]
    estimators: tuple[BaseEstimator, ...]
    shares: Vector
    weights: dict[str, float]
    scores: dict[str, float]
    classes: ClassTarget | None
    least: float

    def attributes(self) -> dict[str, object]:
        """Return the public attributes."""
        shown: dict[str, object] = {
            "estimators_": list(self.estimators),
            "named_estimators_": Bunch(**dict(zip(self.names, self.estimators, strict=True))),
            "weights_": self.weights,
            "validation_scores_": self.scores,
        }
        if self.classes is not None:
            shown |= {"classes_": self.classes.classes, "inverse_temperature_": self.shares.sum()}
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimators[0], name):
                shown[name] = getattr(self.estimators[0], name)
        return shown

    def values(self, X: Any) -> FloatArray:
        """Return the weighted sum of predictions."""
        parts = [w * e.predict(X) for e, w in zip(self.estimators, self.shares, strict=True)]
        return np.asarray(sum(parts[1:], start=parts[0]))

    def probabilities(self, X: Any) -> Matrix:
        """Return the softmax of the weighted sum of log-probabilities, (n_samples, n_classes)."""
        assert self.classes is not None
        parts = [
            w * _logits(e, X, self.classes, self.least)
            for e, w in zip(self.estimators, self.shares, strict=True)
        ]
        return softmax(np.asarray(sum(parts[1:], start=parts[0])))


@dataclass(frozen=True, eq=False)
class BlendFit:
    """Estimators and rows of one fit.

    Parameters
    ----------
    estimators : dict of str to estimator
        Not fitted.
    X : table of shape (n_samples, n_features)
        As it was given.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    codes : ndarray of int of shape (n_samples,) or None
        Places of the labels, of classes.
    weight : ndarray of shape (n_samples,)
    params : dict of str to dict
        Metadata of each estimator's fit.
    classes : ClassTarget or None
    n_jobs : int or None
    verbose : int
    """

    estimators: Mapping[str, BaseEstimator]
    X: Any
    y: AnyArray
    codes: AnyArray | None
    weight: Vector
    params: FitParams
    classes: ClassTarget | None
    n_jobs: int | None
    verbose: int

    def run(self, splits: Splits) -> FittedBlend:
        """Weigh the estimators by what they say of held-out rows; fit those that have a weight.

        Parameters
        ----------
        splits : sequence of (training rows, held-out rows)
            A row that is held out several times counts by the mean of its predictions.
        """
        smallest = min(len(train) for train, _ in splits)
        least = 1.0 / smallest
        stack, rows = self._held_out(splits, least)
        target = (self.y if self.codes is None else self.codes)[rows]
        weight = self.weight[rows]
        if self.classes is None:
            target = target.reshape(len(rows), -1)
            shares = value_weights(stack, target, weight)
        else:
            shares = logit_weights(stack, target, weight)
        outputs = [*stack, np.tensordot(shares, stack, axes=1)]
        names = list(self.estimators)
        scores = [self._score(output, target, weight) for output in outputs]
        kept = np.flatnonzero(shares > 0)
        used = tuple(names[place] for place in kept)
        fitted = self._parallel(
            delayed(_fitted)(self.estimators[name], self.X, self.y, self.params[name])
            for name in used
        )
        relative = (shares / shares.sum()).tolist()
        return FittedBlend(
            used,
            tuple(fitted),
            shares[kept],
            dict(zip(names, relative, strict=True)),
            dict(zip([*names, "blend"], scores, strict=True)),
            self.classes,
            least,
        )

    @property
    def _parallel(self) -> Parallel:
        return Parallel(n_jobs=self.n_jobs, verbose=self.verbose)

    def _held_out(self, splits: Splits, least: float) -> tuple[FloatArray, RowNumbers]:
        """Return outputs (n_estimators, n_held_out, n_outputs) and the rows that they are for."""
        found = self._parallel(
            delayed(_held_out_outputs)(
                estimator, self.X, self.y, train, held, self.params[name], self.classes, least
            )
            for name, estimator in self.estimators.items()
            for train, held in splits
        )
        rows, place = np.unique(np.concatenate([held for _, held in splits]), return_inverse=True)
        count = np.bincount(place)[:, None]
        stack = []
        for start in range(0, len(found), len(splits)):
            outputs = np.concatenate(found[start : start + len(splits)])
            total = np.zeros((len(rows), outputs.shape[1]))
            np.add.at(total, place, outputs)
            stack.append(total / count)
        counted = self.weight[rows] > 0
        return np.stack(stack)[:, counted], rows[counted]

    def _score(self, outputs: Matrix, target: AnyArray, weight: Vector) -> float:
        """Return R2, or the mean log-likelihood."""
        if self.classes is None:
            return float(r2_score(target, outputs, sample_weight=weight))
        return -float(np.average(self.classes.losses(outputs, target), weights=weight))


def _fitted(
    estimator: BaseEstimator, X: Any, y: AnyArray, params: Mapping[str, Any]
) -> BaseEstimator:
    return clone(estimator).fit(X, y, **params)


def _held_out_outputs(
    estimator: BaseEstimator,
    X: Any,
    y: AnyArray,
    train: RowNumbers,
    held: RowNumbers,
    params: Mapping[str, Any],
    classes: ClassTarget | None,
    least: float,
) -> Matrix:
    """Return what an estimator that is fitted to some rows says of others."""
    own = _check_method_params(X, params, train)
    fitted = _fitted(estimator, _safe_indexing(X, train), y[train], own)
    X_held = _safe_indexing(X, held)
    if classes is None:
        return np.asarray(fitted.predict(X_held), dtype=np.float64).reshape(len(held), -1)
    return _logits(fitted, X_held, classes, least)


def _logits(estimator: Any, X: Any, classes: ClassTarget, least: float) -> Matrix:
    """Return log-probabilities; classes that the estimator has not seen have the least."""
    seen = np.asarray(estimator.predict_proba(X))
    probability = np.zeros((len(seen), classes.n_outputs))
    probability[:, np.searchsorted(classes.classes, estimator.classes_)] = seen
    return np.log(np.maximum(probability, least))


def checked_splits(splits: Sequence[tuple[Any, Any]], weight: Vector) -> Splits:
    """Return splits as pairs of row numbers, each with rows of positive weight.

    Raises
    ------
    ValueError
        If one has no rows to train on or to hold out.
    """
    pairs = [(np.asarray(train), np.asarray(held)) for train, held in splits]
    rows = np.arange(len(weight))  # masks are read as places
    pairs = [(rows[train], rows[held]) for train, held in pairs]
    if not pairs or not all((weight[part] > 0).any() for pair in pairs for part in pair):
        raise ValueError(
            f"cv leaves no rows of positive weight to train on or to hold out in one of its "
            f"{len(pairs)} splits"
        )
    return pairs
