"""What the estimators of activation search share: candidates, validation, choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from os import PathLike
from typing import Any, ClassVar

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sktaskneuron.estimators._common.activations import given_functions
from sktaskneuron.estimators._common.checks import FloatArray, draw_seed
from sktaskneuron.estimators._common.report import FitReport, say
from sktaskneuron.estimators._common.typed_networks import TypedNetworks
from sktaskneuron.estimators.activation_search.candidates import CLASSIC, named_candidates
from sktaskneuron.estimators.activation_search.ranking import Ranking
from sktaskneuron.estimators.activation_search.strategies import Features, Strategy
from sktaskneuron.estimators.activation_search.tails import tail_split
from sktaskneuron.models.comparison import (
    ActivationCandidate,
    Comparison,
    Evaluation,
)
from sktaskneuron.models.validation import Task, Validation, held_out, make_splits

# Networks per candidate where one part of the rows is held out.
_INITIALISATIONS = 3
# Candidates of many whose networks predict together.
_TOGETHER = 4
# Standard deviations from the mean up to which linear scales go on.
_REACH = 6.0
# Candidates of a list that decide between scales.
_PANEL = len(CLASSIC)


@dataclass(frozen=True, eq=False)
class Scales:
    """What networks see of the columns, and whether they may leave the range of the target."""

    scaler: Any
    bounded: bool


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

    predicting_: list[str]
    best_activation_: Any
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
        is_text = isinstance(self.split, str)
        if not (self.split in ("cv", "tail") if is_text else hasattr(self.split, "split")):
            raise (ValueError if is_text else TypeError)(
                f"split must be 'cv', 'tail' or a splitter of scikit-learn, got {self.split!r}"
            )
        if self.strategy != "evolve" and self.proposer is not None:
            raise ValueError("proposer needs strategy='evolve'")
        if self.strategy != "evolve" and self.checkpoint is not None:
            raise ValueError("checkpoint needs strategy='evolve'")
        named = named_candidates(self.candidates)
        if self.strategy != "portfolio" and not all(isinstance(i, str) for i in named.values()):
            raise TypeError(
                f"strategy={self.strategy!r} needs names and expressions as candidates; sets and "
                "mixed layers need strategy='portfolio'"
            )
        if self.fallback not in named:
            named = {self.fallback: self.fallback, **named}
        return [self._candidate(name, item) for name, item in named.items()]

    def _candidate(self, name: str, item: Any) -> ActivationCandidate:
        functions = given_functions(
            item, len(self._layer_sizes()), "cubic", name="each of candidates"
        )
        return ActivationCandidate(name, functions)

    # -- fitting ----------------------------------------------------------------------------------

    def _fit(self, task: Task, candidates: list[ActivationCandidate], report: FitReport) -> None:
        seed = draw_seed(self.random_state)
        self._model = None  # type: ignore[assignment]
        scales = self._scales(task)
        ordinary = make_splits(task, held_out(self.validation, len(task)), seed % 2**31)
        splits = self._splits(task, ordinary)
        ranking = None
        if splits:

            def ranked(own: Scales, listed: list[ActivationCandidate], search: bool) -> Ranking:
                view = self._under(own, task)
                validation = Validation.of(view, splits)
                found = self._evaluated(view, validation, listed, search, seed, report)
                view.release()
                return Ranking.of(found, self.fallback, validation.weight)

            ranking, chosen = self._search(scales, candidates, ranked)
        else:
            # so few rows cannot tell activations apart
            chosen = scales[0]
        self._keep(ranking)
        view = self._under(chosen, task)
        self.history_, self.n_iter_, self.oof_score_ = {}, 1, float("nan")
        if self.refit:
            alone = next(c for c in candidates if c.name == self.fallback)
            self._train(view, ranking, alone, ordinary, seed, report)
        report.end()

    def _search(
        self,
        scales: list[Scales],
        candidates: list[ActivationCandidate],
        ranked: Callable[[Scales, list[ActivationCandidate], bool], Ranking],
    ) -> tuple[Ranking, Scales]:
        """Choose between scales by few candidates, then search under the one that was chosen."""
        chosen, ranking = scales[0], None
        if len(scales) > 1:
            panel = self._panel(candidates)
            for own in scales:
                new = ranked(own, panel, False)
                if ranking is None or new.beats(ranking):
                    chosen, ranking = own, new
            if len(panel) < len(candidates) or self._searches():
                ranking = None
        if ranking is None:
            ranking = ranked(chosen, candidates, True)
        for line in ranking.lines(self.fallback):
            say(self, line)
        return ranking, chosen

    def _panel(self, candidates: list[ActivationCandidate]) -> list[ActivationCandidate]:
        """Return the fallback and few others: of names the classic ones, of a list the first."""
        if isinstance(self.candidates, str):
            named = [c for c in candidates if c.name in CLASSIC]
        else:
            named = candidates[:_PANEL]
        return [c for c in candidates if c in named or c.name == self.fallback]

    def _searches(self) -> bool:
        """Tell whether more is evaluated than the candidates."""
        return self.candidates == "grammar" or self.strategy != "portfolio"

    def _scales(self, task: Task) -> list[Scales]:
        """Return the usual scales and, for a tail, linear ones that end far outside."""
        scales = [Scales(self.scaler_, True)]
        if self.split == "tail":
            straight = StandardScaler().fit(task.inputs.raw, sample_weight=task.weight)
            reach = {"a_min": -_REACH, "a_max": _REACH}
            clipped = make_pipeline(straight, FunctionTransformer(np.clip, kw_args=reach))
            scales.append(Scales(clipped, False))
        return scales

    def _under(self, scales: Scales, task: Task) -> Task:
        """Set the scales, and return the rows as networks see them then."""
        self.scaler_, self._bounded = scales.scaler, scales.bounded
        return replace(task, inputs=self._inputs(task.inputs.raw), _tables={})

    def _keep(self, ranking: Ranking | None) -> None:
        """Set the attributes that tell what was found."""
        self.best_activation_ = self.fallback
        self.best_index_, self.best_score_, self.results_ = 0, float("nan"), {}
        if ranking is not None:
            name = ranking.chosen.candidate.name
            self.best_activation_ = named_candidates(self.candidates).get(name, name)
            self.best_index_, self.results_ = ranking.place, ranking.results
            self.best_score_ = -float(self.results_["mean_loss"][self.best_index_])

    def _train(
        self,
        task: Task,
        ranking: Ranking | None,
        fallback: ActivationCandidate,
        ordinary: list[Any],
        seed: int,
        report: FitReport,
    ) -> None:
        """Train the networks that predict, on all rows."""
        validation = Validation.of(task, ordinary)
        recipe = self._recipe(task, validation, seed)
        best = [] if ranking is None else ranking.best(self._n_best(ranking))
        if best:
            recipe = replace(recipe, learning_rate=best[0].learning_rate)
        comparison = Comparison(task, validation, recipe, report.epoch)
        predicting = [evaluation.candidate for evaluation in best] or [fallback]
        if len(predicting) > 1:
            rates = np.array([evaluation.learning_rate for evaluation in best])
            choice = comparison.together(predicting, rates)
        else:
            choice = comparison.choose(predicting)
        task.release()
        self.predicting_ = [candidate.name for candidate in predicting]
        self._model = choice.model
        self.history_, self.n_iter_ = choice.history, max(1, choice.n_epochs)
        if choice.outputs is not None:
            self.oof_score_ = self._held_out_score(task, validation, choice.outputs)

    def _n_best(self, ranking: Ranking) -> int:
        if isinstance(self.n_best, str):
            many = self.split == "cv" and len(ranking.evaluations) > len(CLASSIC)
            return _TOGETHER if many else 1
        return int(self.n_best)

    def _splits(self, task: Task, ordinary: list[Any]) -> list[Any]:
        """Return the rows that candidates are trained on and judged on."""
        if isinstance(self.split, str):
            if self.split == "cv":
                return ordinary
            straight = StandardScaler().fit(task.inputs.raw, sample_weight=task.weight)
            inputs = straight.transform(task.inputs.raw)
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
        search: bool,
        seed: int,
        report: FitReport,
    ) -> list[Evaluation]:
        """Train candidates or, where asked, search from them; return what each reached."""
        n_members = max(len(validation.splits), 1)
        if len(validation.splits) == 1:
            n_members = _INITIALISATIONS
        recipe = replace(self._recipe(task, Validation.of(task, []), seed), n_members=n_members)
        n_rows = min(len(train) for train, _ in validation.splits)
        lengths = self._lengths(n_rows)
        recipe = replace(recipe, n_epochs=lengths["n_epochs"], batch_size=lengths["batch_size"])
        comparison = Comparison(task, validation, recipe, report.epoch)
        if not (search and self._searches()):
            return comparison.evaluate(candidates)
        share = validation.weight / validation.weight.sum()
        found: list[Evaluation] = []

        def evaluate(texts: Sequence[str]) -> FloatArray:
            new = comparison.evaluate([self._candidate(text, text) for text in texts])
            found.extend(new)
            return np.array([float(share @ evaluation.rows) for evaluation in new])

        strategy = Strategy(
            self.strategy,
            [candidate.name for candidate in candidates],
            self.candidates == "grammar",
            self.fallback,
            int(self.n_evaluations),
            self.proposer,
            self.checkpoint,
            seed,
        )
        features = Features(
            comparison.table.X.cpu().numpy(),
            comparison.table.y.cpu().numpy(),
            self._layer_sizes(),
            task.n_outputs,
            task.classification,
        )
        strategy.run(evaluate, features)
        return found

    def _raw(self, X: Any) -> FloatArray:
        check_is_fitted(self, "best_activation_")
        if not self.refit:
            raise AttributeError(
                f"{type(self).__name__} was fitted with refit=False: it holds the results of the "
                "search, but no model"
            )
        return super()._raw(X)
