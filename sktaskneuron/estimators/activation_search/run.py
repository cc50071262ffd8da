"""One fit of an activation search: candidates, their evaluation, the choice, the final networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sktaskneuron._clock import checkpoint, seconds_left, within
from sktaskneuron._seeds import next_seed
from sktaskneuron._typing import AnyArray, Matrix, Splits
from sktaskneuron.estimators._common.checks import EncodedTable
from sktaskneuron.estimators._common.judges import held_out_splits, task_of
from sktaskneuron.estimators._common.report import FitReport
from sktaskneuron.estimators._common.typed_networks import (
    FittedNetworks,
    lengths,
    reader_of,
    recipe_of,
)
from sktaskneuron.estimators.activation_search.candidates import CLASSIC, named_candidates
from sktaskneuron.estimators.activation_search.dependence import what_losses_depend_on
from sktaskneuron.estimators.activation_search.ranking import Column, Ranking
from sktaskneuron.estimators.activation_search.settings import (
    ActivationSearchSettings,
    activations_of,
)
from sktaskneuron.estimators.activation_search.strategies import Features, Strategy
from sktaskneuron.estimators.activation_search.tails import tail_split
from sktaskneuron.estimators.fitted import FittedPredictor
from sktaskneuron.models.candidate import Candidate
from sktaskneuron.models.comparison import Activations, Comparison, Evaluation
from sktaskneuron.models.fitted import FittedModel, NoModel
from sktaskneuron.models.predictor import Predictor, Reader
from sktaskneuron.models.target import Target
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation

# Networks per candidate where one part of the rows is held out.
_INITIALISATIONS = 3
# Candidates of many whose networks predict together.
_TOGETHER = 4
# Share of the time that the search may take, and of that the strategy, which may end before the
# fallback was trained. Of what is left for the final networks, a last look at held-out rows comes
# after their training.
_SEARCHING, _STRATEGY, _TRAINING = 2 / 3, 0.9, 0.9
# Standard deviations from the mean up to which linear scales go on.
_REACH = 6.0


@dataclass(frozen=True, eq=False)
class FittedActivationSearch(FittedNetworks):
    """What a fit leaves behind.

    Parameters
    ----------
    results : dict
        Of all candidates; empty where no rows were held out.
    place : int
        Of the one that was taken.
    best_activation : str, ActivationSet or list
    final : Candidate or None
        The networks that predict, without outputs; None without networks.
    predicting : list of str
        Names of their activations.
    oof_score : float
    """

    results: dict[str, Column]
    place: int
    best_activation: Any
    final: Candidate | None
    predicting: list[str]
    oof_score: float

    def attributes(self) -> dict[str, object]:
        """Return the public attributes."""
        results, final = self.results, self.final
        best_score = -float(results["mean_loss"][self.place]) if results else float("nan")
        shown = super().attributes() | {
            "best_activation_": self.best_activation,
            "best_index_": self.place,
            "best_score_": best_score,
            "results_": results,
            "oof_score_": self.oof_score,
            "history_": {} if final is None else final.history,
            "n_iter_": 1 if final is None else max(1, final.n_epochs),
        }
        if final is not None:
            shown["predicting_"] = self.predicting
        return shown


@dataclass(frozen=True, eq=False)
class _Scales:
    """How the columns are read, and whether networks may leave the range of the target."""

    reader: Reader
    bounded: bool

    def task(self, table: EncodedTable, encoded: AnyArray, target: Target) -> Task:
        return task_of(self.reader, table, encoded, target)


def fit_activation_search(
    settings: ActivationSearchSettings,
    table: EncodedTable,
    encoded: AnyArray,
    target: Target,
    report: FitReport,
) -> FittedActivationSearch:
    """Choose activations on held-out rows, then train the networks that predict.

    Parameters
    ----------
    settings : ActivationSearchSettings
    table : EncodedTable
    encoded : ndarray
        The target as ``target.encoded`` returns it.
    target : ValueTarget or ClassTarget
    report : FitReport
    """
    seed = next_seed(settings.random_state)
    scales = _scales(settings, table)
    task = scales[0].task(table, encoded, target)
    ordinary = held_out_splits(settings, task, seed % 2**31)
    splits = _splits(settings, table, task, ordinary)
    ranking, chosen = None, scales[0]
    if splits:

        def ranked(own: _Scales, listed: list[Activations], search: bool) -> Ranking:
            view = own.task(table, encoded, target)
            validation = Validation.of(view, splits)
            found = _evaluated(settings, view, validation, listed, search, own, seed, report)
            return Ranking.of(found, settings.fallback, validation.weight)

        with within(_SEARCHING * seconds_left()):
            ranking, chosen = _search(settings, scales, ranked)
        for line in ranking.lines(settings.fallback):
            report.say(line)
    # otherwise so few rows cannot tell activations apart
    results, place, best = {}, 0, settings.fallback
    if ranking is not None:
        results, place, name = ranking.results, ranking.place, ranking.chosen.activations.name
        best = named_candidates(settings.candidates).get(name, name)
    if not settings.refit:
        reason = (
            f"{settings.estimator_name} was fitted with refit=False: it holds the results of the "
            "search, but no model"
        )
        predictor = Predictor(chosen.reader, target, NoModel(reason))
        return FittedActivationSearch(predictor, results, place, best, None, [], float("nan"))
    view = chosen.task(table, encoded, target)
    validation = Validation.of(view, ordinary)
    with within(_TRAINING * seconds_left()):
        final, predicting = _trained(settings, view, validation, ranking, chosen, seed, report)
    oof_score = float("nan")
    if final.outputs is not None:
        oof_score = target.score(final.outputs, validation.target, validation.weight)
        final = replace(final, outputs=None)  # what is fitted holds nothing of single rows
    predictor = Predictor(chosen.reader, target, final.model)
    return FittedActivationSearch(predictor, results, place, best, final, predicting, oof_score)


def _scales(settings: ActivationSearchSettings, table: EncodedTable) -> list[_Scales]:
    """Return the usual scales and, for a tail, linear ones that end far outside."""
    usual = reader_of(table)
    found = [_Scales(usual, True)]
    if settings.split == "tail":
        straight = StandardScaler().fit(table.matrix, sample_weight=table.weight)
        reach = {"a_min": -_REACH, "a_max": _REACH}
        clipped = make_pipeline(straight, FunctionTransformer(np.clip, kw_args=reach))
        found.append(_Scales(replace(usual, scalers={"robust": clipped}), False))
    return found


def _splits(
    settings: ActivationSearchSettings, table: EncodedTable, task: Task, ordinary: Splits
) -> Splits:
    """Return the rows that candidates are trained on and judged on."""
    split = settings.split
    if split == "cv":
        return ordinary
    if isinstance(split, str):
        straight = StandardScaler().fit(table.matrix, sample_weight=table.weight)
        inputs = straight.transform(table.matrix)
        return [tail_split(inputs, table.names, settings.tail_by, float(settings.tail_size))]
    splits = [
        (np.asarray(train), np.asarray(held))
        for train, held in split.split(table.matrix, task.target[task.own_rows])
    ]
    if not splits or min(min(len(train), len(held)) for train, held in splits) == 0:
        raise ValueError(
            f"{settings.estimator_name}: split={split!r} leaves no rows to train on or to hold out"
        )
    return splits


def _search(
    settings: ActivationSearchSettings,
    scales: list[_Scales],
    ranked: Callable[[_Scales, list[Activations], bool], Ranking],
) -> tuple[Ranking, _Scales]:
    """Choose between scales by few candidates, then search under the one that was chosen."""
    chosen, ranking = scales[0], None
    if len(scales) > 1:
        panel = settings.panel
        more = len(panel) < len(settings.listed) or settings.searches
        for place, own in enumerate(scales):
            with within(seconds_left() / (len(scales) - place + more)):
                new = ranked(own, panel, False)
            if ranking is None or new.beats(ranking):
                chosen, ranking = own, new
        if more:
            ranking = None
    return ranking or ranked(chosen, settings.listed, True), chosen


def _evaluated(
    settings: ActivationSearchSettings,
    task: Task,
    validation: Validation,
    listed: list[Activations],
    search: bool,
    scales: _Scales,
    seed: int,
    report: FitReport,
) -> list[Evaluation]:
    """Train candidates or, where asked, search from them; return what each reached."""
    n_splits = len(validation.splits)
    n_epochs, batch_size = lengths(settings, min(len(train) for train, _ in validation.splits))
    recipe = replace(
        recipe_of(settings, task, Validation.of(task, []), seed, scales.bounded),
        n_members=n_splits if n_splits > 1 else _INITIALISATIONS,
        n_epochs=n_epochs,
        batch_size=batch_size,
    )
    tell = report.epochs(_predicting(scales, task))
    comparison = Comparison(task, validation, recipe, tell)
    share_of_rows = validation.share
    found: list[Evaluation] = []
    n_layers = len(settings.hidden_layer_sizes)

    def tell_best() -> None:
        best = min(found, key=lambda evaluation: float(share_of_rows @ evaluation.rows))
        report.say(
            f"{len(found)} activations trained, the best so far {best.activations.name}: "
            f"held-out loss {float(share_of_rows @ best.rows):.4g}"
        )

    def evaluate(texts: Sequence[str]) -> Matrix:
        checkpoint()
        left = max(int(settings.n_evaluations) - len(found), len(texts))
        # what a file keeps is trained to its end as if time did not run, or lost
        kept = settings.checkpoint is not None
        share = 1.0 if kept else len(texts) / left
        with within(seconds_left() * share, paces=not kept):
            new = comparison.evaluate([activations_of(text, text, n_layers) for text in texts])
        found.extend(new)
        tell_best()
        checkpoint()
        rows = [[float(share_of_rows @ each.rows), *each.numbers] for each in new]
        numbers = np.full((len(texts), len(rows[0])), np.inf)  # of those that had no time
        numbers[: len(rows)] = rows
        return numbers

    def remember(texts: Sequence[str], numbers: Matrix) -> None:
        """Take what a checkpoint holds for trained."""
        for text, row in zip(texts, numbers, strict=True):
            activations = activations_of(text, text, n_layers)
            found.append(Evaluation.of(activations, row[1:], recipe.n_members))

    if not (search and settings.searches):
        found += comparison.evaluate(listed)
        tell_best()
        return _with_fallback(found, settings, comparison)
    strategy = Strategy(
        settings.strategy,
        [activations.name for activations in listed],
        settings.candidates == "grammar",
        settings.fallback,
        int(settings.n_evaluations),
        settings.proposer,
        settings.checkpoint,
        what_losses_depend_on(task, validation, comparison),
        seed,
    )
    features = Features(
        comparison.table.X.cpu().numpy(),
        comparison.table.y.cpu().numpy(),
        settings.hidden_layer_sizes,
        task.n_outputs,
        task.classification,
    )
    with within(_STRATEGY * seconds_left(), "candidates of the search"):
        strategy.run(evaluate, features, remember)
    return _with_fallback(found, settings, comparison)


def _with_fallback(
    found: list[Evaluation], settings: ActivationSearchSettings, comparison: Comparison
) -> list[Evaluation]:
    """Train the fallback too where time ended the search before: all are compared with it."""
    if any(evaluation.activations.name == settings.fallback for evaluation in found):
        return found
    fallback = [a for a in settings.listed if a.name == settings.fallback]
    return found + comparison.evaluate(fallback)


def _predicting(scales: _Scales, task: Task) -> Callable[[FittedModel], FittedPredictor]:
    return lambda model: FittedPredictor(Predictor(scales.reader, task.kind, model))


def _trained(
    settings: ActivationSearchSettings,
    task: Task,
    validation: Validation,
    ranking: Ranking | None,
    scales: _Scales,
    seed: int,
    report: FitReport,
) -> tuple[Candidate, list[str]]:
    """Train the networks that predict, on all rows; return them and the names of activations."""
    recipe = recipe_of(settings, task, validation, seed, scales.bounded)
    best = [] if ranking is None else ranking.best(_n_best(settings, ranking))
    if best:
        recipe = replace(recipe, learning_rate=best[0].learning_rate)
    comparison = Comparison(task, validation, recipe, report.epochs(_predicting(scales, task)))
    fallback = next(a for a in settings.listed if a.name == settings.fallback)
    predicting = [evaluation.activations for evaluation in best] or [fallback]
    if len(predicting) > 1:
        rates = np.array([evaluation.learning_rate for evaluation in best])
        final = comparison.together(predicting, rates)
    else:
        final, _ = comparison.choose(predicting)
    return final, [activations.name for activations in predicting]


def _n_best(settings: ActivationSearchSettings, ranking: Ranking) -> int:
    if isinstance(settings.n_best, str):
        many = settings.split == "cv" and len(ranking.evaluations) > len(CLASSIC)
        return _TOGETHER if many else 1
    return int(settings.n_best)
