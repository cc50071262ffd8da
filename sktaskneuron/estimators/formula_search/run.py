"""One run of a formula's search: settings and a table in, a fitted search as a value out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from sklearn.base import BaseEstimator

from sktaskneuron._seeds import next_seed
from sktaskneuron._typing import AnyArray, Matrix, TableLike, Vector
from sktaskneuron.estimators._common.checks import (
    EncodedTable,
    class_codes,
    column_range,
)
from sktaskneuron.estimators._common.expression import with_constant_outputs
from sktaskneuron.estimators._common.settings import Settings
from sktaskneuron.estimators.fitted import shown_importances
from sktaskneuron.formula import FittedExpression, FittedFormula, NeuronFormula, ParetoFront
from sktaskneuron.models.fitted import FormulaModel
from sktaskneuron.models.losses import SquaredError
from sktaskneuron.models.predictor import Predictor, Reader
from sktaskneuron.models.target import ClassTarget, Target, ValueTarget, indicators
from sktaskneuron.search.columns.choice import ColumnsResult
from sktaskneuron.search.columns.search import ColumnsOptions, search_columns
from sktaskneuron.search.columns.units import Unit, UnitLike, read_unit
from sktaskneuron.search.engines import (
    function_proposer,
    resolve_engine,
    search_method,
)
from sktaskneuron.search.frame import Observations, SearchOptions, SearchResult, search_formula

if TYPE_CHECKING:
    from torch import nn

    from sktaskneuron.deploy.onnx import Program

# Ranges of a training column, beyond its ends, within which new values are read: the widest at
# which the equation, which may hold an exponential, stays finite.
_READ_RANGES = (1e6, 1e4, 1e2, 10.0, 1.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class SearchSettings(Settings):
    """Parameters of a search; see NeuronFormulaSearch.

    Parameters
    ----------
    engine : str
        Resolved.
    seed : int
        Drawn from ``random_state``.
    scale_number : int or None
        Of the one scale to search on; None compares all.
    swap : bool
        Whether other atoms are tried in the end.
    """

    method: str
    scope: str
    engine: str
    interactions: bool
    max_order: int
    max_interaction_order: int
    max_rank: int
    max_complexity: int
    criterion: Literal["ebic", "bic", "cv"]
    max_samples: int
    max_steps: int | None
    n_resamples: int
    seed: int
    units: Mapping[str, UnitLike] | None = None
    target_unit: UnitLike | None = None
    scale_number: int | None = None
    swap: bool = True

    @classmethod
    def read(
        cls, search: BaseEstimator, *, scale_number: int | None = None, swap: bool = True
    ) -> SearchSettings:
        """Take the parameters of a NeuronFormulaSearch.

        Raises
        ------
        ValueError
            If method, scope and engine do not go together, or units and scope.
        """
        if search.scope != "columns" and (search.units, search.target_unit) != (None, None):
            raise ValueError(
                "units and target_unit are for equations of columns; use method='sr' and "
                "scope='columns'"
            )
        return cls.of(
            search,
            engine=resolve_engine(search.method, search.scope, search.engine),
            interactions=search.interactions == "auto" or bool(search.interactions),
            seed=next_seed(search.random_state),
            scale_number=scale_number,
            swap=swap,
        )


@dataclass(frozen=True, eq=False)
class FittedSearch:
    """What a search leaves behind.

    Parameters
    ----------
    settings : SearchSettings
    reader : Reader
        Without scalers.
    result : SearchResult or ColumnsResult
    term_means : ndarray of shape (n_terms,)
        Over the training rows, where terms fail.
    target : ValueTarget or ClassTarget
        As what it was read.
    left_out : tuple of str
        For want of time.
    importances : ndarray of shape (n_features_in,) or None
        Of the columns, on the training rows.
    """

    settings: SearchSettings
    reader: Reader
    result: SearchResult | ColumnsResult
    term_means: Vector
    target: Target
    left_out: tuple[str, ...] = ()
    importances: Vector | None = None

    @property
    def equation(self) -> FittedFormula | FittedExpression:
        """The formula with its numbers."""
        return self.result.fitted

    @property
    def predictor(self) -> Predictor:
        """The equation as what predicts the target."""
        return Predictor(self.reader, self.target, FormulaModel(self.equation, self.target))

    def transform(self, X: TableLike, owner: BaseEstimator) -> Matrix:
        """Return the values of the terms, (n_rows, n_terms); a column of zeros without terms."""
        matrix = self.reader.read(X, owner).raw
        if not self.equation.terms:
            return np.zeros((len(matrix), 1))
        values = self.equation.transform(matrix)
        return np.where(np.isfinite(values), values, self.term_means)

    def program(self, one_tensor: bool) -> Program:
        """Return the way of a table to the terms as an ONNX graph."""
        from sktaskneuron.deploy.onnx import terms_program

        return terms_program(self.reader, self.equation, self.term_means, one_tensor=one_tensor)

    def module(self) -> nn.Module:
        """Return the way of encoded columns to the terms as a torch module."""
        from sktaskneuron.deploy.torch_module import terms_module

        return terms_module(self.reader, self.equation, self.term_means)

    def attributes(self) -> dict[str, object]:
        """Return the public attributes."""
        result = self.result
        shown = self.reader.attributes() | {
            "fitted_formula_": result.fitted,
            "criterion_": result.criterion,
            "null_criterion_": result.null_criterion,
            "caps_": result.caps,
            "n_iter_": max(result.n_steps, 1),
            "left_out_": self.left_out,
            **shown_importances(self.importances),
        }
        if isinstance(self.target, ClassTarget):
            shown["classes_"] = self.target.classes
        if isinstance(result, ColumnsResult):
            return shown | {"pareto_front_": ParetoFront(result.front)}
        shown["formula_"] = result.fitted.formula
        if self.settings.n_resamples:
            shown |= {
                "selection_frequency_": result.selection_frequency,
                "term_gain_": result.term_gain,
                "pareto_front_": ParetoFront(result.path),
            }
        return shown


def fit_search(
    settings: SearchSettings,
    table: EncodedTable,
    target: AnyArray,
    *,
    classification: bool,
    on_step: Callable[[str], None],
) -> FittedSearch:
    """Search in a table that was encoded and checked.

    Parameters
    ----------
    settings : SearchSettings
    table : EncodedTable
    target : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Values, or labels.
    classification : bool
    on_step : callable
        Told of every step, in words.
    """
    kind: Target
    if classification:
        classes, codes = class_codes(settings.estimator_name, target)
        kind, target = ClassTarget(classes), indicators(codes, len(classes))
    else:
        single, target = target.ndim == 1, target.reshape(len(target), -1)
        kind = ValueTarget.of(target, table.weight, SquaredError(), single)
    wide = settings.scope == "columns"
    find = _column_equations if wide else _neuron_formula
    result = find(settings, table, target, classification, on_step)
    result = _within(result, table.limits)
    equation = result.fitted
    for far_out in _READ_RANGES:
        bounds = column_range(table, far_out)
        # where an equation of columns is not defined the means stand in
        if wide or np.isfinite(equation.evaluate(bounds)).all():
            break
    values = equation.transform(table.matrix)
    with np.errstate(all="ignore"):
        means = np.nan_to_num(table.weight @ values / table.weight.sum())
    return FittedSearch(settings, Reader(table.encoder, bounds, {}), result, means, kind)


def _within(result: SearchResult | ColumnsResult, limits: Matrix) -> SearchResult | ColumnsResult:
    """Return what was found with the limits of the columns in its equations."""
    if isinstance(result, SearchResult):  # its path holds shapes, no numbers
        return replace(result, fitted=result.fitted.within(*limits))
    front = [
        replace(point, formula=point.formula.within(*limits))
        if isinstance(point.formula, FittedExpression)
        else point
        for point in result.front
    ]
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
    on_step: Callable[[str], None],
) -> SearchResult:
    """Search the formula of a neuron; target : (n_rows, n_outputs), of classes 0/1 indicators."""
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
        lambda scale, step, formula, score: on_step(
            f"{scale}, step {step}: {formula}, criterion {score:.6g}"
        ),
    )
    if varying.size < target.shape[1]:
        whole = with_constant_outputs(result.fitted, varying, target[0])
        result = replace(result, fitted=whole)
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
    on_step: Callable[[str], None],
) -> ColumnsResult:
    """Search an equation of the named columns for each output, as `_neuron_formula` does."""
    observations = _observations(table, target, classification)
    options = ColumnsOptions(
        settings.engine,
        settings.max_complexity,
        settings.max_samples,
        settings.max_steps,
        *_units(settings, table.names, classification),
    )
    return search_columns(observations, options, np.random.default_rng(settings.seed), on_step)
