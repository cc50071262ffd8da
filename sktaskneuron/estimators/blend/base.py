"""What the blends of numbers and of classes share; their docstrings describe it."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_classifier
from sklearn.ensemble._base import _BaseHeterogeneousEnsemble
from sklearn.model_selection import KFold, StratifiedKFold, check_cv
from sklearn.utils import indexable
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.validation import has_fit_parameter

from sktaskneuron._seeds import next_seed
from sktaskneuron._typing import AnyArray, Constraints, RandomState, Splits, TableLike, Vector
from sktaskneuron.estimators._common.constraints import N_JOBS
from sktaskneuron.estimators.blend.run import BlendFit, FitParams, FittedBlend, checked_splits
from sktaskneuron.models.target import ClassTarget
from sktaskneuron.preprocessing.weighted import check_weight

_N_FOLDS = 5


class BaseBlend(_BaseHeterogeneousEnsemble):
    """A convex blend of estimators."""

    _parameter_constraints: ClassVar[Constraints] = {
        "estimators": [list],
        "cv": ["cv_object"],
        **N_JOBS,
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    _fitted: FittedBlend

    def __init__(
        self,
        estimators: Sequence[tuple[str, BaseEstimator]],
        *,
        cv: Any = None,
        n_jobs: int | None = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(estimators=estimators)
        self.cv = cv
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_is_fitted__(self) -> bool:
        return "_fitted" in vars(self)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return which metadata go where: to `fit` of the estimators, and `split` of `cv`.

        Returns
        -------
        routing : MetadataRouter
            One request for each estimator, and one for `cv`.
        """
        to_fit = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=self).add_self_request(self)
        for name, estimator in self.estimators:
            router.add(**{name: estimator}, method_mapping=to_fit)
        to_split = MethodMapping().add(caller="fit", callee="split")
        return router.add(splitter=check_cv(self.cv), method_mapping=to_split)

    def _blend(
        self,
        X: TableLike,
        y: AnyArray,
        codes: AnyArray | None,
        classes: ClassTarget | None,
        sample_weight: ArrayLike | None,
        metadata: dict[str, Any],
    ) -> FittedBlend:
        """Return what a fit leaves behind."""
        names, estimators = self._validate_estimators()
        used = {n: e for n, e in zip(names, estimators, strict=True) if e != "drop"}
        for name, estimator in used.items():
            if classes is not None and not hasattr(estimator, "predict_proba"):
                raise TypeError(
                    f"{type(self).__name__} blends probabilities, and {name!r}, a "
                    f"{type(estimator).__name__}, has no predict_proba; wrap it in a "
                    "CalibratedClassifierCV, or drop it"
                )
        (X,) = indexable(X)
        params, to_split = self._routed(used, sample_weight, metadata)
        weight = check_weight(sample_weight, y)
        splits = self._splits(X, y, weight, codes, to_split)
        fit = BlendFit(used, X, y, codes, weight, params, classes, self.n_jobs, int(self.verbose))
        return fit.run(splits)

    def _routed(
        self,
        estimators: dict[str, BaseEstimator],
        sample_weight: ArrayLike | None,
        metadata: dict[str, Any],
    ) -> tuple[FitParams, dict[str, Any]]:
        """Return the metadata of every estimator's fit, and of the splitter."""
        given = metadata if sample_weight is None else metadata | {"sample_weight": sample_weight}
        if _routing_enabled():
            routed = process_routing(self, "fit", **given)
            return {name: routed[name].fit for name in estimators}, routed["splitter"].split
        _raise_for_params(metadata, self, "fit", allow=["groups"])
        own = {} if sample_weight is None else {"sample_weight": sample_weight}
        for name, estimator in estimators.items():
            if own and not has_fit_parameter(estimator, "sample_weight"):
                raise TypeError(
                    f"fit of {name!r}, a {type(estimator).__name__}, takes no sample_weight; drop "
                    "it, or fit without weights"
                )
        return dict.fromkeys(estimators, own), metadata

    def _splits(
        self,
        X: TableLike,
        y: AnyArray,
        weight: Vector,
        codes: AnyArray | None,
        to_split: dict[str, Any],
    ) -> Splits:
        """Draw the splits: of `cv` as a number shuffled folds."""
        cv, stratify = self.cv, y if codes is None else codes
        if cv is None or isinstance(cv, Integral):
            n_folds = _N_FOLDS if cv is None else int(cv)
            if len(y) < n_folds:
                raise ValueError(
                    f"{type(self).__name__} holds every row out in one of cv={n_folds} folds, got "
                    f"n_samples = {len(y)}; give more rows, or a smaller cv"
                )
            # a class of fewer rows than folds cannot be in each
            rare = codes is not None and np.bincount(codes).min() < n_folds
            kind = StratifiedKFold if is_classifier(self) and not rare else KFold
            cv = kind(n_folds, shuffle=True, random_state=next_seed(self.random_state))
        splits = list(
            check_cv(cv, y, classifier=is_classifier(self)).split(X, stratify, **to_split)
        )
        return checked_splits(splits, weight)
