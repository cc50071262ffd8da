"""What the estimators of activation search share: candidates, validation, choice."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from numbers import Integral, Real
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sktaskneuron.estimators._diverse_choice import (
    ActivationCandidate,
    Comparison,
    Evaluation,
)
from sktaskneuron.estimators._input import EncodedTable, FloatArray, draw_seed
from sktaskneuron.estimators._learned_diversity import given_functions
from sktaskneuron.estimators._models import Inputs
from sktaskneuron.estimators._reporting import FitReport, say
from sktaskneuron.estimators._tails import tail_split
from sktaskneuron.estimators._typed_networks import TypedNetworks
from sktaskneuron.estimators._validation import Task, Validation, held_out, make_splits
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.preprocessing import TableEncoder

if TYPE_CHECKING:
    from sktaskneuron.nn import ActivationSet

#: The default candidates: eight classics, and four that win where those do not.
CLASSIC = (
    "silu",
    "relu",
    "elu",
    "selu",
    "gelu",
    "tanh",
    "softplus",
    "sigmoid",
    "hard_swish",
    "smelu",
    "square",
    "sin",
)
# Networks per candidate where one part of the rows is held out.
_INITIALISATIONS = 3
# Candidates of a round of the surrogate, its pool from the grammar, and those of a generation.
_ROUND, _POOL, _GENERATION = 4, 200, 12
# What a search sets on the estimator.
_FOUND = (
    "_best",
    "predicting_",
    "results_",
    "best_index_",
    "best_score_",
    "best_activation_",
    "scaler_",
)
# Candidates of many whose networks predict together.
_TOGETHER = 4
# The best of a resumed search that are trained again.
_CONFIRMED = 3


class ActivationSearch(TypedNetworks):
    """What the estimators share; their docstrings describe it."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **TypedNetworks._parameter_constraints,
        "candidates": "no_validation",
        "strategy": [StrOptions({"portfolio", "surrogate", "evolve"})],
        "fallback": [str],
        "split": "no_validation",
        "tail_by": [str, Interval(Integral, 0, None, closed="left")],
        "tail_size": [Interval(Real, 0, 1, closed="neither")],
        "n_evaluations": [Interval(Integral, 1, None, closed="left")],
        "proposer": [None, callable],
        "checkpoint": [None, str, PathLike],
        "n_best": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "refit": ["boolean"],
    }

    _straight: Any
    _best: list[Evaluation]
    predicting_: list[str]
    best_activation_: str | list[str] | ActivationSet
    best_index_: int
    best_score_: float
    results_: dict[str, Any]
    oof_score_: float
    history_: dict[str, list[float]]
    n_iter_: int

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (64, 64),
        *,
        candidates: Any = "classic",
        strategy: str = "portfolio",
        fallback: str = "silu",
        split: Any = "cv",
        tail_by: str | int = "radius",
        tail_size: float = 0.2,
        n_evaluations: int = 48,
        proposer: Callable[..., list[str]] | None = None,
        checkpoint: str | PathLike[str] | None = None,
        n_best: str | int = "auto",
        refit: bool = True,
        learning_rate: str | float = "auto",
        weight_decay: float = 0.0,
        max_epochs: str | int = "auto",
        batch_size: str | int = "auto",
        n_members: str | int = "auto",
        validation: str | int | float | None = "auto",
        n_iter_no_change: int | None = None,
        categorical_features: Any = "from_dtype",
        device: str = "auto",
        dtype: str = "float32",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.candidates = candidates
        self.strategy = strategy
        self.fallback = fallback
        self.split = split
        self.tail_by = tail_by
        self.tail_size = tail_size
        self.n_evaluations = n_evaluations
        self.proposer = proposer
        self.checkpoint = checkpoint
        self.n_best = n_best
        self.refit = refit
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.n_members = n_members
        self.validation = validation
        self.n_iter_no_change = n_iter_no_change
        self.categorical_features = categorical_features
        self.device = device
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

    # -- settings ---------------------------------------------------------------------------------

    def _check_settings(self) -> list[ActivationCandidate]:
        """Refuse early what would fail after a long search; return the candidates."""
        from sktaskneuron.training import resolve_device, resolve_dtype

        resolve_dtype(self.dtype, resolve_device(self.device))
        self._layer_sizes()
        if isinstance(self.split, str) and self.split not in ("cv", "tail"):
            raise ValueError(
                f"split must be 'cv', 'tail' or a splitter of scikit-learn, got {self.split!r}"
            )
        if not isinstance(self.split, str) and not hasattr(self.split, "split"):
            raise TypeError(
                f"split must be 'cv', 'tail' or a splitter of scikit-learn, got {self.split!r}"
            )
        if self.strategy != "evolve" and self.proposer is not None:
            raise ValueError("proposer needs strategy='evolve'")
        if self.strategy != "evolve" and self.checkpoint is not None:
            raise ValueError("checkpoint needs strategy='evolve'")
        if self.strategy != "portfolio" and not isinstance(self.candidates, str):
            texts = [item for item in self.candidates if isinstance(item, str)]
            if len(texts) < len(self.candidates):
                raise TypeError(
                    f"strategy={self.strategy!r} needs names and expressions as candidates; sets "
                    "and mixed layers need strategy='portfolio'"
                )
        found = [self._candidate(item) for item in self._listed()]
        names = [candidate.name for candidate in found]
        if self.fallback not in names:
            found.insert(0, self._candidate(self.fallback))
        return found

    def _listed(self) -> list[Any]:
        from sktaskneuron.nn import ActivationSet

        candidates = self.candidates
        if isinstance(candidates, str):
            if candidates == "classic":
                return list(CLASSIC)
            if candidates == "catalogue":
                return list(catalogue())
            if candidates == "grammar":
                return list(CLASSIC)
            raise ValueError(
                "candidates must be 'classic', 'catalogue', 'grammar' or a list of activations, "
                f"got {candidates!r}"
            )
        if isinstance(candidates, ActivationSet) or not isinstance(candidates, Sequence):
            raise TypeError(
                "candidates must be 'classic', 'catalogue', 'grammar' or a list of activations, "
                f"got {candidates!r}"
            )
        if not len(candidates):
            raise ValueError("candidates are empty")
        return list(dict.fromkeys(map(_hashable, candidates)))

    def _candidate(self, item: Any) -> ActivationCandidate:
        functions = given_functions(
            list(item) if isinstance(item, tuple) else item, len(self._layer_sizes()), "cubic"
        )
        return ActivationCandidate(_name(item), functions)

    # -- fitting ----------------------------------------------------------------------------------

    def _prepare(self, table: EncodedTable, encoder: TableEncoder) -> Inputs:
        inputs = super()._prepare(table, encoder)
        self._straight = None
        if self.split == "tail":
            self._straight = StandardScaler().fit(table.matrix, sample_weight=table.weight)
        return inputs

    def _fit(self, task: Task, candidates: list[ActivationCandidate], report: FitReport) -> None:
        seed = draw_seed(self.random_state)
        self._bounded, self._best = True, []
        self._model = None  # type: ignore[assignment]
        ordinary = make_splits(task, held_out(self.validation, len(task)), seed % 2**31)
        splits = self._splits(task, ordinary)
        if not splits:
            # so few rows cannot tell activations apart
            candidates = [c for c in candidates if c.name == self.fallback]
        chosen, evaluation = self._searched(task, splits, candidates, seed, report)
        if self._straight is not None and evaluation is not None:
            task.release()
            bounded = {name: getattr(self, name) for name in _FOUND}
            self.scaler_, self._bounded = self._straight, False
            straight = replace(task, inputs=self._inputs(task.inputs.raw), _tables={})
            other, beyond = self._searched(straight, splits, candidates, seed, report)
            assert beyond is not None
            if self._beats(beyond, evaluation, Validation.of(task, splits).weight):
                task, chosen, evaluation = straight, other, beyond
            else:
                straight.release()
                self._bounded = True
                for name, value in bounded.items():
                    setattr(self, name, value)
        self._straight = None
        self.history_, self.n_iter_, self.oof_score_ = {}, 1, float("nan")
        if self.refit:
            validation = Validation.of(task, ordinary)
            recipe = self._recipe(task, validation, seed)
            if evaluation is not None:
                recipe = replace(recipe, learning_rate=evaluation.learning_rate)
            comparison = Comparison(task, validation, recipe, report.epoch)
            if len(self._best) > 1:
                rates = np.array([e.learning_rate for e in self._best])
                choice = comparison.together([e.candidate for e in self._best], rates)
            else:
                choice = comparison.choose([chosen])
            self._model = choice.model
            self.history_, self.n_iter_ = choice.history, max(1, choice.n_epochs)
            if choice.outputs is not None:
                self.oof_score_ = self._held_out_score(task, validation, choice.outputs)
        self._best = []
        task.release()
        report.end()

    def _searched(
        self,
        task: Task,
        splits: list[Any],
        candidates: list[ActivationCandidate],
        seed: int,
        report: FitReport,
    ) -> tuple[ActivationCandidate, Evaluation | None]:
        """Evaluate candidates and choose; without rows to judge by the fallback is taken."""
        evaluations: list[Evaluation] = []
        if splits:
            validation = Validation.of(task, splits)
            evaluations = self._evaluated(task, validation, candidates, seed, report)
        chosen = self._choose(evaluations, candidates, task, splits)
        self._best = self._predicting(evaluations)
        self.predicting_ = [e.candidate.name for e in self._best] or [chosen.name]
        return chosen, evaluations[self.best_index_] if evaluations else None

    def _predicting(self, evaluations: list[Evaluation]) -> list[Evaluation]:
        """Return the candidates whose networks are to predict together."""
        count = self.n_best
        if isinstance(count, str):
            many = self.split == "cv" and len(evaluations) > len(CLASSIC)
            count = _TOGETHER if many else 1
        if not evaluations:
            return []
        if int(count) == 1:
            return [evaluations[self.best_index_]]
        finite = np.isfinite(self.results_["mean_loss"])
        order = [i for i in np.argsort(self.results_["rank"]).tolist() if finite[i]]
        return [evaluations[i] for i in order[: int(count)]]

    @staticmethod
    def _beats(new: Evaluation, old: Evaluation, weight: FloatArray) -> bool:
        """Tell whether a loss is lower by more than the standard error of the difference."""
        share = weight / weight.sum()
        with np.errstate(invalid="ignore"):
            gain = old.rows - new.rows
            mean = float(share @ gain)
            error = float(np.sqrt(share @ (gain - mean) ** 2 / len(gain)))
        return bool(np.isfinite(new.rows).all()) and not mean <= error

    def _splits(self, task: Task, ordinary: list[Any]) -> list[Any]:
        """Return the rows that candidates are trained on and judged on."""
        if isinstance(self.split, str):
            if self.split == "cv":
                return ordinary
            inputs = self._straight.transform(task.inputs.raw)
            names = [str(name) for name in self.encoder_.get_feature_names_out()]
            return [tail_split(inputs, names, self.tail_by, float(self.tail_size))]
        splits = [
            (np.asarray(train), np.asarray(held))
            for train, held in self.split.split(task.inputs.raw, task.target)
        ]
        if not splits or min(min(len(train), len(held)) for train, held in splits) == 0:
            raise ValueError(f"split={self.split!r} leaves no rows to train on or to hold out")
        return splits

    def _evaluated(
        self,
        task: Task,
        validation: Validation,
        candidates: list[ActivationCandidate],
        seed: int,
        report: FitReport,
    ) -> list[Evaluation]:
        n_members = max(len(validation.splits), 1)
        if len(validation.splits) == 1:
            n_members = _INITIALISATIONS
        recipe = replace(self._recipe(task, Validation.of(task, []), seed), n_members=n_members)
        n_rows = min(len(train) for train, _ in validation.splits)
        lengths = self._lengths(n_rows)
        recipe = replace(recipe, n_epochs=lengths["n_epochs"], batch_size=lengths["batch_size"])
        comparison = Comparison(task, validation, recipe, report.epoch)
        share = validation.weight / validation.weight.sum()
        found: list[Evaluation] = []

        def evaluate(texts: Sequence[str]) -> FloatArray:
            new = comparison.evaluate([self._candidate(text) for text in texts])
            found.extend(new)
            return np.array([float(share @ evaluation.rows) for evaluation in new])

        if self.strategy == "portfolio" and self.candidates != "grammar":
            found.extend(comparison.evaluate(candidates))
            return found
        best = self._search(evaluate, candidates, comparison, seed)
        # a search that was resumed has not trained the former ones, and one that evolves not those
        # that it was not given by name
        known = {evaluation.candidate.name for evaluation in found}
        missing = [text for text in [self.fallback, *best[:_CONFIRMED]] if text not in known]
        if missing:
            evaluate(missing)
        return found

    def _search(
        self,
        evaluate: Callable[[Sequence[str]], FloatArray],
        candidates: list[ActivationCandidate],
        comparison: Comparison,
        seed: int,
    ) -> list[str]:
        """Evaluate texts one round after the other; return the best ones."""
        from sktaskneuron.search import activation as search

        rng = np.random.default_rng(seed)
        listed = [candidate.name for candidate in candidates]
        total = int(self.n_evaluations)
        if self.strategy == "evolve":
            initial = _expressions(listed)
            size = min(_GENERATION, total)
            found = search.search_evolve(
                evaluate,
                initial=list(dict.fromkeys(initial))[:size],
                population_size=size,
                n_generations=max(1, round(total / size)),
                proposer=self.proposer,
                rng=rng,
                checkpoint=self.checkpoint,
            )
            return [text for text, _ in found.ranked]
        pool = listed
        if self.candidates == "grammar":
            known = {search.output_key(text) for text in _expressions(pool)}
            drawn = search.sample(rng, _POOL if self.strategy == "surrogate" else total)
            pool = [*pool, *(text for text in drawn if search.output_key(text) not in known)]
        if self.strategy == "portfolio":
            evaluate(pool[:total])
            return []
        task = comparison.task
        inputs = comparison.table.X.cpu().numpy()
        features = [
            search.output_features(pool),
            search.fisher_features(
                pool,
                inputs,
                comparison.table.y.cpu().numpy(),
                self._layer_sizes(),
                task.n_outputs,
                classification=task.classification,
                seed=seed,
            ),
        ]
        first = [name for name in pool if name in CLASSIC or name == self.fallback]
        others = [name for name in pool if name not in first]
        extra = min(_ROUND, len(others), max(0, total - len(first)))
        first += [str(text) for text in rng.permutation(np.asarray(others, dtype=object))[:extra]]
        search.search_surrogate(
            pool,
            features,
            evaluate,
            n_evaluations=min(total, len(pool)),
            initial=first[:total],
            batch_size=_ROUND,
            rng=rng,
        )
        return []

    def _choose(
        self,
        evaluations: list[Evaluation],
        candidates: list[ActivationCandidate],
        task: Task,
        splits: list[Any],
    ) -> ActivationCandidate:
        """Take the best candidate if it beats the fallback by a standard error."""
        if not evaluations:
            self.best_activation_, self.best_index_ = self.fallback, 0
            self.best_score_, self.results_ = float("nan"), {}
            return candidates[0]
        weight = Validation.of(task, splits).weight
        share = weight / weight.sum()
        rows = np.array([evaluation.rows for evaluation in evaluations])
        names = [evaluation.candidate.name for evaluation in evaluations]
        reference = names.index(self.fallback)
        with np.errstate(invalid="ignore"):
            means = rows @ share
            gaps = rows[reference] - rows
            gains = gaps @ share
            errors = np.sqrt(((gaps - gains[:, None]) ** 2) @ share / rows.shape[1])
        members = np.array([evaluation.member_losses for evaluation in evaluations])
        finite = np.isfinite(means)
        gains = np.where(finite, gains, -np.inf)
        errors = np.where(finite, np.nan_to_num(errors), 0.0)
        best = int(np.argmin(np.where(finite, means, np.inf)))
        place = best if gains[best] > errors[best] else reference
        order = np.argsort(np.where(finite, means, np.inf), kind="stable")
        rank = np.empty(len(order), dtype=np.intp)
        rank[order] = np.arange(1, len(order) + 1)
        self.results_ = {
            "activation": names,
            "mean_loss": means,
            "std_loss": np.array(
                [np.std(m[np.isfinite(m)]) if np.isfinite(m).any() else np.nan for m in members]
            ),
            "rank": rank,
            "gain": gains,
            "standard_error": errors,
            "like_fallback": np.abs(gains) <= errors,
            "learning_rate": np.array([e.learning_rate for e in evaluations]),
        }
        for number in order[:5].tolist():
            say(
                self,
                f"{names[number]}: held-out loss {means[number]:.4g}, gain over {self.fallback} "
                f"{gains[number]:.2g} +- {errors[number]:.2g}",
            )
        self.best_index_, self.best_score_ = place, -float(means[place])
        chosen = evaluations[place].candidate
        self.best_activation_ = self._original(chosen.name)
        return chosen

    def _original(self, name: str) -> Any:
        """Return what a candidate was given as."""
        if isinstance(self.candidates, str):
            return name
        for item in self.candidates:
            if _name(_hashable(item)) == name:
                return item
        return name

    @abstractmethod
    def _held_out_score(self, task: Task, validation: Validation, outputs: FloatArray) -> float:
        """Return R2 or accuracy of raw outputs on the held-out rows."""

    def _raw(self, X: Any) -> FloatArray:
        check_is_fitted(self, "best_activation_")
        if not self.refit:
            raise AttributeError(
                f"{type(self).__name__} was fitted with refit=False: it holds the results of the "
                "search, but no model"
            )
        return super()._raw(X)


def _expressions(names: Sequence[str]) -> list[str]:
    """Return the expressions of those that have one."""
    from sktaskneuron.search.activation import canonical_text

    found = []
    for name in names:
        try:
            found.append(canonical_text(name))
        except FormulaError:
            continue  # a function by cases
    return found


def catalogue() -> tuple[str, ...]:
    """Return the names of all registered activations."""
    from sktaskneuron.nn import ACTIVATIONS

    return tuple(ACTIVATIONS)


def _hashable(item: Any) -> Any:
    return tuple(item) if isinstance(item, list) else item


def _name(item: Any) -> str:
    if isinstance(item, tuple | list):
        return " + ".join(map(str, item))
    if isinstance(item, str):
        return item
    return "set of " + ", ".join(getattr(item, "names", ("?",)))
