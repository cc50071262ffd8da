"""One fit of a NeuronSeek estimator: search, train, choose; from settings and data to a value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sktaskneuron._clock import seconds_left, within
from sktaskneuron._seeds import next_seed
from sktaskneuron._typing import AnyArray, Splits
from sktaskneuron.estimators._common.checks import EncodedTable, near_range, network_range
from sktaskneuron.estimators._common.judges import held_out_splits, task_of
from sktaskneuron.estimators._common.report import FitReport
from sktaskneuron.estimators.fitted import FittedPredictor, put_on
from sktaskneuron.estimators.formula_search.search import NeuronFormulaSearch
from sktaskneuron.estimators.neuron_seek.companions import check_held_out
from sktaskneuron.estimators.neuron_seek.equation import Equation
from sktaskneuron.estimators.neuron_seek.groups import Rivals, jobs_of
from sktaskneuron.estimators.neuron_seek.readable import (
    DEFAULT_COMPLEXITY,
    Distillation,
    Distilled,
)
from sktaskneuron.estimators.neuron_seek.settings import NeuronSeekSettings
from sktaskneuron.formula import FittedExpression, FittedFormula, NeuronFormula
from sktaskneuron.models.candidate import Candidate, History
from sktaskneuron.models.choice import Choice, choose
from sktaskneuron.models.fitted import Blend, FittedModel, FormulaModel, LinearModel
from sktaskneuron.models.inputs import Inputs, Scaler
from sktaskneuron.models.networks import PackedModel
from sktaskneuron.models.predictor import Predictor, Reader
from sktaskneuron.models.spread import LabelSpread, Spread, learn_spread
from sktaskneuron.models.target import Target
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation, held_out
from sktaskneuron.preprocessing import NormalScoreScaler, SmoothClipScaler
from sktaskneuron.preprocessing.naming import in_name_of
from sktaskneuron.preprocessing.ordinal import OrdinalColumns

# Most of the time left that the search may take, and of that after it what the equation that stands
# for the model may take. A third each for the search, the networks and that equation.
_SEARCH, _READABLE = 1 / 3, 1 / 2
# Without that equation, what the choice among the models and the importances take at the end.
_CHOICE = 0.15
# Most of the time left that the scores of ranks may take.
_RANKS = 0.2


@dataclass(frozen=True, eq=False)
class FittedNeuronSeek(FittedPredictor):
    """What a fit leaves behind.

    Parameters
    ----------
    predictor : Predictor
    formula : NeuronFormula
        Found, or given.
    searched : FittedFormula or None
        The formula of the neurons with its numbers; None where it was given.
    search : NeuronFormulaSearch or None
        Fitted: that of the equation of columns, or of the formula; None where none was made.
    selected : str
    weights, scores, gains : dict of str to float
        Of the models that were compared.
    not_compared : dict of str to str
        Which searched equations were not, and why.
    oof_score : float
    readable : FittedExpression, FittedFormula or None
        The equation that predicts in the place of the model.
    readable_report : dict
    history : dict of str to list
    n_iter : int
    spread : Spread, LabelSpread or None
        How sure predictions are; None without validation, and of networks that went on learning.
    n_seen : float
        Sum of the weights of all rows that it has learned from.
    """

    formula: NeuronFormula
    searched: FittedFormula | None
    search: NeuronFormulaSearch | None
    selected: str
    weights: dict[str, float]
    scores: dict[str, float]
    gains: dict[str, float]
    not_compared: dict[str, str]
    oof_score: float
    readable: FittedExpression | FittedFormula | None
    readable_report: dict[str, float | str]
    history: History
    n_iter: int
    spread: Spread | LabelSpread | None
    n_seen: float

    @property
    def packs(self) -> dict[str, PackedModel]:
        """The networks that predict the target, by the names of their groups."""
        model = self.predictor.model
        names: tuple[str, ...] = (self.selected,)
        parts: tuple[FittedModel, ...] = (model,)
        if isinstance(model, Blend):
            names, parts = model.names, model.models
        # an equation and networks of what it leaves are parts without names
        named = zip(names, parts, strict=False)
        return {name: part for name, part in named if isinstance(part, PackedModel)}

    @property
    def equation(self) -> FittedExpression | FittedFormula:
        """The equation that predicts.

        Raises
        ------
        AttributeError
            If no equation predicts.
        """
        model = self.predictor.model
        if isinstance(model, FormulaModel):
            return model.fitted
        if isinstance(model, LinearModel) and self.predictor.target.linear:
            reader = self.predictor.reader
            return model.as_formula(reader.names, self.predictor.target).within(*reader.bounds)
        squares = "" if self.predictor.target.squares else "loss='squared_error' and "
        raise AttributeError(
            f"what predicts is {self.selected!r}, which is no equation; fit with {squares}"
            "readable=True for the best one of few nodes, or see fitted_formula_ for the searched "
            "one"
        )

    def attributes(self) -> dict[str, object]:
        """Return the public attributes."""
        return super().attributes() | {
            "formula_": self.formula,
            "fitted_formula_": self.searched,
            "search_": self.search,
            "selected_": self.selected,
            "weights_": self.weights,
            "validation_scores_": self.scores,
            "formula_gain_": self.gains,
            "not_compared_": self.not_compared,
            "oof_score_": self.oof_score,
            "readable_formula_": self.readable,
            "readable_report_": self.readable_report,
            "history_": self.history,
            "n_iter_": self.n_iter,
        }


@dataclass(frozen=True, eq=False)
class Prepared:
    """A fit between the search and the training.

    Parameters
    ----------
    reader : Reader
    formula : NeuronFormula
    rivals : Rivals
    """

    reader: Reader
    formula: NeuronFormula
    rivals: Rivals


def prepare(
    settings: NeuronSeekSettings,
    table: EncodedTable,
    encoded: AnyArray,
    target: Target,
    report: FitReport,
) -> Prepared:
    """Scale the columns, search the formula, hold rows out; parameters as in fit_neuron_seek."""
    with in_name_of(settings.estimator_name):
        held_out(settings.validation, len(table.matrix))
    jobs, start = jobs_of(settings, report), settings.start
    robust: Any
    if start is None:
        robust = SmoothClipScaler().fit(table.matrix, sample_weight=table.weight)
        reader = _reader(settings, table, robust, target.classification)
    else:
        reader = start.predictor.reader
        robust = reader.scalers["robust"]
    task = task_of(reader, table, encoded, target)
    seed = next_seed(settings.random_state)
    splits = _splits(settings, task, seed % 2**31)
    if settings.companions:
        check_held_out(settings.estimator_name, settings.validation, len(task), splits)
    equation, columns, formula = None, None, settings.given
    search, of_columns = settings.search, None
    if search is not None and search.scope == "columns":
        search, of_columns = None, search
    if start is not None:
        formula, of_columns = start.formula, None
        settings = replace(settings, given=formula)
        if start.search is not None:
            equation = Equation.of(table, task, start.search)
    elif formula is None:
        with within(_SEARCH * seconds_left()):
            equation = Equation.find(table, task, str(settings.formula), search, seed, report)
        assert equation is not None  # a search without time finds a constant
        formula = equation.formula
        reader = replace(reader, bounds=equation.search.reader.bounds)
    if of_columns is not None:
        with within(_SEARCH * seconds_left()):
            columns = Equation.find(table, task, of_columns.method, of_columns, seed, report)
    seed %= 2**31
    if start is not None and start.packs:
        splits = splits[: min(pack.n_members for pack in start.packs.values())]
    elif not isinstance(settings.n_members, str):
        splits = splits[: int(settings.n_members)]

    def fitted_so_far(model: FittedModel) -> FittedPredictor:
        return FittedPredictor(Predictor(reader, target, model))

    tell, validation = report.epochs(fitted_so_far), Validation.of(task, splits)
    report.say_held_out(validation)
    assert formula is not None
    models = (equation, columns, robust.scale_, OrdinalColumns.of(reader.encoder))
    rivals = Rivals(settings, task, validation, *models, seed, tell, jobs, report.apart())
    return Prepared(reader, formula, rivals)


def fit_neuron_seek(
    settings: NeuronSeekSettings,
    table: EncodedTable,
    encoded: AnyArray,
    target: Target,
    report: FitReport,
) -> FittedNeuronSeek:
    """Search the formula, train the networks, choose what the held-out rows favour.

    Parameters
    ----------
    settings : NeuronSeekSettings
    table : EncodedTable
    encoded : ndarray
        The target as ``target.encoded`` returns it.
    target : ValueTarget or ClassTarget
    report : FitReport

    Raises
    ------
    ValueError
        If too few rows are left to train on.
    DivergedError
        If networks without held-out rows gave no finite predictions.
    """
    prepared = prepare(settings, table, encoded, target, report)
    task, validation = prepared.rivals.task, prepared.rivals.validation
    # the equation that is to stand for the model needs time after it, and so does the choice
    with within(seconds_left() * (1 - (_READABLE if settings.readable else _CHOICE))):
        rivals = prepared.rivals.made_ahead()
        compared = rivals.candidates()
        choice = choose(task, validation, compared.candidates, settings.defaults.simple_margin)
        gains = dict(choice.gains)
        if settings.term_evidence and "task" in choice.losses:
            gains |= rivals.term_gains(choice.losses["task"])
    if choice.outputs is None:
        _refuse_diverged(choice.model, task.inputs, settings.learning_rate)
    model, outputs, rows, distilled = choice.model, choice.outputs, validation.rows, None
    if settings.readable:
        distilled = _distilled(rivals, table, choice, report)
        model, outputs, rows = distilled.model, distilled.outputs, distilled.held
    oof_score, spread = float("nan"), None
    if outputs is not None:
        oof_score = target.score(outputs, task.target[rows], task.weight[rows])
        spread = learn_spread(task, validation, outputs, rows, rivals.seed)
    shown = _largest_network(compared.candidates, choice)
    reader, start = prepared.reader, settings.start
    if not isinstance(model, FormulaModel | LinearModel):
        reader = reader.near(near_range(table))
    elif target.linear:
        # an equation is read as it is printed: the limits of the columns are a part of it
        reader = replace(reader, bounds=table.limits, learning_bounds=None)
    return FittedNeuronSeek(
        Predictor(reader, target, model),
        formula=prepared.formula,
        searched=_formula_of(rivals.equation),
        search=_fitted_search(rivals),
        selected=choice.name,
        weights=choice.weights,
        scores={name: target.as_score(loss) for name, loss in choice.losses.items()},
        gains={name: target.as_score(0.0) - target.as_score(gain) for name, gain in gains.items()},
        not_compared=compared.not_compared,
        oof_score=oof_score,
        readable=None if distilled is None else distilled.fitted,
        readable_report=_readable_report(distilled, target),
        history=shown.history,
        n_iter=max(1, shown.n_epochs),
        spread=spread,
        n_seen=float(table.weight.sum()) + (0.0 if start is None else start.n_seen),
    )


def _reader(
    settings: NeuronSeekSettings, table: EncodedTable, robust: Scaler, classification: bool
) -> Reader:
    """Return how rows are read, within bounds far outside of the training values."""
    defaults, n_rows = settings.defaults, len(table.matrix)
    reader = Reader(table.encoder, network_range(table), {"robust": robust})
    bins = defaults.uses_bins(classification, n_rows, reader.n_numeric)
    rivals = defaults.rivals_of(classification, bins=bins)
    if not any(group.view == "ranks" for group in rivals):
        return reader
    if settings.compare_simple and n_rows < defaults.rivals_below:
        with within(_RANKS * seconds_left(), "the networks 'ranks'"):
            ranks = NormalScoreScaler().fit(table.matrix, sample_weight=table.weight)
            return replace(reader, scalers={"robust": robust, "ranks": ranks})
    return reader


def _splits(settings: NeuronSeekSettings, task: Task, seed: int) -> Splits:
    """Return the splits that ``validation`` asks for; "auto" of classes: small held-out parts.

    Not all parts are held out, as there are fewer members: every one learns from more rows.
    """
    defaults = settings.defaults
    by_default = settings.validation == "auto" and task.splits is None and task.classification
    if by_default and defaults.uses_parts(np.unique(task.target, return_counts=True)[1]):
        settings = replace(settings, validation=defaults.class_parts)
        parts = held_out_splits(settings, task, seed)
        return parts[: defaults.members_per_group(len(task))]
    return held_out_splits(settings, task, seed)


def _formula_of(equation: Equation | None) -> FittedFormula | None:
    """Return the searched formula of the neurons with its numbers, if there was a search."""
    if equation is None:
        return None
    assert isinstance(equation.fitted, FittedFormula)
    return equation.fitted


def _fitted_search(rivals: Rivals) -> NeuronFormulaSearch | None:
    """Return the search that the user asked for, fitted."""
    shown = rivals.columns or rivals.equation
    return None if shown is None else put_on(shown.estimator, shown.search)


def _largest_network(candidates: list[Candidate], choice: Choice) -> Candidate:
    """Return the networks of the largest weight; where time sufficed for none, what there is."""
    networks = [candidate for candidate in candidates if candidate.n_epochs] or candidates
    return max(networks, key=lambda candidate: choice.weights[candidate.name])


def _distilled(rivals: Rivals, table: EncodedTable, choice: Choice, report: FitReport) -> Distilled:
    """Return the best equation of few nodes to stand in the place of the model."""
    wanted = rivals.settings.readable
    budget = DEFAULT_COMPLEXITY if wanted is True else int(wanted)
    searched = _formula_of(rivals.equation)
    distillation = Distillation(
        rivals.task,
        table.names,
        table.references,
        table.limits,
        budget,
        rivals.seed,
        report.progress,
    )
    return distillation.run(choice.model, choice.outputs, rivals.validation, searched)


def _readable_report(distilled: Distilled | None, target: Target) -> dict[str, float | str]:
    if distilled is None:
        return {}
    return {
        "equation": target.as_score(distilled.loss),
        "model": target.as_score(distilled.model_loss),
        "found on": distilled.source,
    }


def _refuse_diverged(model: FittedModel, inputs: Inputs, learning_rate: str | float) -> None:
    """Look at the training rows' predictions, where no held-out row has been looked at."""
    from sktaskneuron.training import DivergedError

    if not np.isfinite(model.predict_raw(inputs)).all():
        raise DivergedError(
            "training left a network whose predictions are not finite; lower learning_rate "
            f"(now {learning_rate!r}) or hold rows out by validation"
        )
