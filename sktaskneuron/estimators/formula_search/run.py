"""One run of a formula's search: settings and a table in, a fitted search as a value out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sktaskneuron._clock import seconds_left, within
from sktaskneuron._typing import AnyArray, Matrix
from sktaskneuron.estimators._common.checks import EncodedTable, class_codes
from sktaskneuron.estimators._common.expression import with_constant_outputs
from sktaskneuron.estimators.formula_search.answer import Answer
from sktaskneuron.estimators.formula_search.fitted import FittedSearch
from sktaskneuron.estimators.formula_search.settings import DEFAULT_ORDER, SearchSettings
from sktaskneuron.estimators.formula_search.steering import (
    ColumnNames,
    allowed_columns,
    rules_of,
)
from sktaskneuron.formula import (
    FittedExpression,
    FittedFormula,
    NeuronFormula,
    ParetoFront,
    ParetoPoint,
)
from sktaskneuron.models.losses import SquaredError
from sktaskneuron.models.target import ClassTarget, Target, ValueTarget, indicators
from sktaskneuron.search.columns.choice import ColumnsResult
from sktaskneuron.search.columns.refit import refit_expression
from sktaskneuron.search.columns.search import ColumnsOptions, search_columns
from sktaskneuron.search.columns.units import Unit, read_unit
from sktaskneuron.search.engines import function_proposer, search_method
from sktaskneuron.search.frame import Observations, SearchOptions, SearchResult, search_formula
from sktaskneuron.search.frame.progress import Progress
from sktaskneuron.search.frame.refit import refit_formula

# What the numbers of the answers, their errors and the importances take of the time left.
_REST = 0.1


def fit_search(
    settings: SearchSettings,
    table: EncodedTable,
    target: AnyArray,
    *,
    classification: bool,
    progress: Progress,
) -> FittedSearch:
    """Search in a table that was encoded and checked.

    Parameters
    ----------
    settings : SearchSettings
    table : EncodedTable
    target : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Values, or labels.
    classification : bool
    progress : Progress
        Told of what the search does.
    """
    kind: Target
    if classification:
        classes, codes = class_codes(settings.estimator_name, target)
        kind, target = ClassTarget(classes), indicators(codes, len(classes))
    else:
        single, target = target.ndim == 1, target.reshape(len(target), -1)
        kind = ValueTarget.of(target, table.weight, SquaredError(), single)
    find = _column_equations if settings.scope == "columns" else _neuron_formula
    with within((1 - _REST) * seconds_left()):
        result = find(settings, table, target, classification, progress)
    result = _within(result, table.limits)
    own = Answer.of(result.fitted, result.criterion, table)
    points = tuple(_answer(point, table) for point in result.front)
    place = selected(ParetoFront(result.front), settings.selection)
    return FittedSearch(settings, table.encoder, result, kind, own, points, place)


def refit_search(
    former: FittedSearch, table: EncodedTable, target: AnyArray, *, exponents: bool
) -> FittedSearch:
    """Fit the numbers of what a search found, and of its front, to other rows.

    Parameters
    ----------
    former : FittedSearch
    table : EncodedTable
        The other rows, encoded as those of the search.
    target : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Values, or labels among the classes.
    exponents : bool
        Whether exponents in equations of columns are fitted too.
    """
    kind = former.target
    classification = isinstance(kind, ClassTarget)
    if isinstance(kind, ClassTarget):
        wide = indicators(kind.encoded(target), kind.n_outputs)
    else:
        wide = target.reshape(len(target), -1)
        kind = ValueTarget.of(wide, table.weight, SquaredError(), kind.single)
    observations = _observations(table, wide, classification)

    def again(answer: Answer) -> Answer:
        equation: FittedFormula | FittedExpression
        if isinstance(answer.equation, FittedFormula):
            equation = refit_formula(answer.equation, observations)
        else:
            equation = refit_expression(answer.equation, observations, exponents=exponents)
        return Answer.of(equation, answer.criterion, table)

    own, points = again(former.own), tuple(map(again, former.points))
    return replace(former, target=kind, own=own, points=points, left_out=())


def selected(front: ParetoFront, selection: str | int) -> int | None:
    """Return the place of the point that answers; None for what the criterion says.

    Raises
    ------
    ValueError
        If no point is as simple as it is to be.
    """
    if selection == "criterion" or not len(front):
        return None
    points = list(front)
    if isinstance(selection, str):
        # by "one_se" the simplest within one standard error of the best
        allowance = [(point.error or 0.0) * (selection == "one_se") for point in points]
        near = [p.score + a >= points[-1].score for p, a in zip(points, allowance, strict=True)]
        return near.index(True)
    short = [place for place, point in enumerate(points) if point.complexity <= selection]
    if not short:
        raise ValueError(
            f"selection={selection} allows no equation: the shortest one has a complexity of "
            f"{points[0].complexity:g}"
        )
    return min(short, key=lambda place: points[place].criterion or 0.0)


def _answer(point: ParetoPoint, table: EncodedTable) -> Answer:
    assert point.fitted is not None  # a search refits the points of its front
    assert point.criterion is not None
    return Answer.of(point.fitted, point.criterion, table)


def _within(result: SearchResult | ColumnsResult, limits: Matrix) -> SearchResult | ColumnsResult:
    """Return what was found with the limits of the columns in its equations."""
    front = []
    for point in result.front:
        assert point.fitted is not None
        formula = point.formula
        if isinstance(formula, FittedExpression):
            formula = formula.within(*limits)
        front.append(replace(point, formula=formula, fitted=point.fitted.within(*limits)))
    if isinstance(result, SearchResult):
        return replace(result, fitted=result.fitted.within(*limits), front=front)
    return replace(result, fitted=result.fitted.within(*limits), front=front)


def _observations(table: EncodedTable, target: Matrix, classification: bool) -> Observations:
    return Observations(
        table.matrix, target, table.weight, table.names, classification, table.references
    )


def _neuron_formula(
    settings: SearchSettings,
    table: EncodedTable,
    target: Matrix,
    classification: bool,
    progress: Progress,
) -> SearchResult:
    """Search the formula of a neuron; target : (n_rows, n_outputs), of classes 0/1 indicators."""
    allowed, groups = allowed_columns(settings.columns, ColumnNames(table.encoder))
    usual = {name for name, mark in zip(table.names, table.references, strict=True) if mark}
    forced = frozenset().union(*groups) - usual
    options = SearchOptions(
        engine="gates" if settings.engine == "gates" else "als",
        max_order=settings.max_order,
        max_interaction_order=settings.max_interaction_order if settings.interactions else 0,
        max_rank=settings.max_rank,
        criterion=settings.criterion,
        max_samples=settings.max_samples,
        max_steps=settings.max_steps,
        n_resamples=settings.n_resamples,
        scale_number=settings.scale_number,
        swap=settings.swap,
        proposer=function_proposer(settings.engine),
        functions=None if settings.functions is None else frozenset(settings.functions),
        columns=allowed,
        forced=forced,
    )
    varying = np.flatnonzero(target.min(axis=0) < target.max(axis=0))
    if not varying.size:
        constant = FittedFormula(NeuronFormula(), target[0], feature_names=table.names)
        return SearchResult(constant, 0.0, 0.0)
    result = search_formula(
        _observations(table, target[:, varying], classification),
        search_method(settings.method),
        options,
        np.random.default_rng(settings.seed),
        progress,
    )
    if varying.size < target.shape[1]:

        def whole(fitted: object) -> FittedFormula:
            assert isinstance(fitted, FittedFormula)
            return with_constant_outputs(fitted, varying, target[0])

        front = [replace(point, fitted=whole(point.fitted)) for point in result.front]
        result = replace(result, fitted=whole(result.fitted), front=front)
    return result


def _units(
    settings: SearchSettings, names: Sequence[str], classification: bool
) -> tuple[tuple[Unit, ...] | None, Unit]:
    """Return the units of the columns, None where none are given, and that of the target."""
    name, given = settings.estimator_name, settings.units
    if given is None:
        if settings.target_unit is not None:
            raise ValueError(f"{name}: target_unit needs units, those of the columns")
        return None, {}
    if classification:
        raise ValueError(f"{name}: units are for a target of numbers, y holds classes")
    unknown = [column for column in given if column not in names]
    if unknown:
        raise ValueError(f"{name}: units names {unknown[0]!r}, which is no column of numbers")
    target = "" if settings.target_unit is None else settings.target_unit
    try:
        return tuple(read_unit(given.get(column, "")) for column in names), read_unit(target)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from None


def _column_equations(
    settings: SearchSettings,
    table: EncodedTable,
    target: Matrix,
    classification: bool,
    progress: Progress,
) -> ColumnsResult:
    """Search an equation of the named columns for each output, as `_neuron_formula` does."""
    observations = _observations(table, target, classification)
    names = ColumnNames(table.encoder)
    allowed, forced = allowed_columns(settings.columns, names)
    options = ColumnsOptions(
        settings.engine,
        settings.max_complexity,
        settings.max_samples,
        settings.max_steps,
        allowed,
        rules_of(settings, names, forced, DEFAULT_ORDER),
        settings.proposer,
        *_units(settings, table.names, classification),
    )
    return search_columns(observations, options, np.random.default_rng(settings.seed), progress)
