"""One call of fit, partial_fit or refit of a search, from a table to what it leaves behind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import _num_samples

from sktaskneuron._typing import AnyArray, TableLike, TargetLike, Vector
from sktaskneuron.estimators._common.checks import (
    EncodedTable,
    check_target,
    codes_among,
    encode_more,
    encode_table,
)
from sktaskneuron.estimators._common.report import FitReport
from sktaskneuron.estimators._common.usual_state import usual_state
from sktaskneuron.estimators.fitted import TableEstimator, fitted_value
from sktaskneuron.estimators.formula_search.fitted import FittedSearch, SearchSums
from sktaskneuron.estimators.formula_search.run import fit_search, refit_search
from sktaskneuron.estimators.formula_search.settings import SearchSettings
from sktaskneuron.models.target import ClassTarget, ValueTarget
from sktaskneuron.preprocessing import TableEncoder
from sktaskneuron.preprocessing.copies import copy_groups
from sktaskneuron.preprocessing.doubtful import warn_of_copies
from sktaskneuron.preprocessing.weighted import check_weight


def searched(
    estimator: TableEstimator,
    X: TableLike,
    y: TargetLike,
    sample_weight: ArrayLike | None,
    *,
    classification: bool,
) -> FittedSearch:
    """Search the formula of y in the columns of X; parameters as in fit."""
    settings = SearchSettings.read(estimator)
    encoder = TableEncoder(estimator.categorical_features)
    table = encode_table(estimator, encoder, X, sample_weight)
    target = check_target(settings.estimator_name, X, y, numeric=not classification)[table.rows]
    warn_of_copies(copy_groups(table.matrix, target, table.codes), estimator)
    report = FitReport(estimator, X, y, sample_weight)
    found = fit_search(
        settings, table, target, classification=classification, progress=report.progress
    )
    weight = check_weight(sample_weight, np.zeros(_num_samples(X)))[table.rows]
    found = found.with_sums(table, target, weight).with_errors(table, target)
    fitted = found.with_importances(table)
    report.end()
    return fitted


def with_more_rows(
    estimator: TableEstimator, X: TableLike, y: TargetLike, sample_weight: ArrayLike | None
) -> FittedSearch:
    """Fit the weights of what was found to more rows and all before; parameters as in fit.

    Raises
    ------
    ValueError
        If the rows cannot be used, or no sums were kept.
    """
    former: FittedSearch = fitted_value(estimator)
    table, values, weight = _more_rows(estimator, former, X, y, sample_weight)
    report = FitReport(estimator, X, y, sample_weight)
    fitted = former.with_rows(table, values, weight).with_importances(table)
    report.end()
    return fitted


def sums_of_rows(
    estimator: TableEstimator, X: TableLike, y: TargetLike, sample_weight: ArrayLike | None
) -> SearchSums:
    """Return what rows say about the weights of what was found; parameters as in fit.

    Raises
    ------
    ValueError
        If the rows cannot be used, or the weights do not follow from sums.
    """
    former: FittedSearch = fitted_value(estimator)
    with usual_state():
        return former.sums_of(*_more_rows(estimator, former, X, y, sample_weight))


def fitted_by_sums(
    estimator: TableEstimator,
    sums: SearchSums,
    n_rows: int,
    X: TableLike,
    y: TargetLike,
    sample_weight: ArrayLike | None,
) -> FittedSearch:
    """Fit the weights of what was found to rows that sums stand for.

    Parameters
    ----------
    estimator : TableEstimator
    sums : SearchSums
    n_rows : int
        That the sums stand for.
    X, y, sample_weight
        A sample of these rows, on which slopes and residuals are taken for the errors of numbers.
    """
    former: FittedSearch = fitted_value(estimator)
    with usual_state():
        table, values, _ = _more_rows(estimator, former, X, y, sample_weight)
        counts = replace(table, weight=table.weight * (n_rows / len(table.weight)))
        return former.fitted_by(sums).with_errors(counts, values).with_importances(table)


def _more_rows(
    estimator: TableEstimator,
    former: FittedSearch,
    X: TableLike,
    y: TargetLike,
    sample_weight: ArrayLike | None,
) -> tuple[EncodedTable, AnyArray, Vector]:
    """Read more rows for weights that follow from sums: table, values and weights as given."""
    reader, target = former.reader, former.target
    table = encode_more(estimator, reader.encoder, reader.bounds, X, sample_weight)
    if former.answer.sums is None:
        raise no_sums("classes" if target.classification else "a search on the way to networks")
    assert isinstance(target, ValueTarget)  # others have no sums
    values = _more_values(estimator, X, y, target)
    weight = check_weight(sample_weight, values)[table.rows]
    return table, values[table.rows], weight


def refitted(
    estimator: TableEstimator,
    X: TableLike,
    y: TargetLike,
    sample_weight: ArrayLike | None,
    *,
    exponents: bool,
) -> FittedSearch:
    """Fit the numbers of what was found to other rows; parameters as in refit.

    Raises
    ------
    ValueError
        If the rows cannot be used.
    """
    former: FittedSearch = fitted_value(estimator)
    target = former.target
    everything = np.full((2, len(former.encoder.get_feature_names_out())), np.inf)
    everything[0] *= -1
    table = encode_more(estimator, former.encoder, everything, X, sample_weight)
    values: AnyArray
    if isinstance(target, ClassTarget):
        values = check_target(type(estimator).__name__, X, y, numeric=False)[table.rows]
        codes_among(target.classes, values, "y", "the search")
    else:
        values = _more_values(estimator, X, y, target)[table.rows]
    weight = check_weight(sample_weight, np.zeros(_num_samples(X)))[table.rows]
    found = refit_search(former, table, values, exponents=exponents)
    found = found.with_sums(table, values, weight).with_errors(table, values)
    return found.with_importances(table)


def _more_values(
    estimator: TableEstimator, X: TableLike, y: TargetLike, target: ValueTarget
) -> AnyArray:
    """Return numbers of the shape that the target had; raises ValueError for another."""
    values = check_target(type(estimator).__name__, X, y, numeric=True)
    expected = () if target.single else (target.n_targets,)
    if values.shape[1:] != expected:
        raise ValueError(
            f"y has the shape {values.shape}, but the rows before had "
            f"{target.n_targets} target(s) in the shape {('n_samples', *expected)}"
        )
    return values


def no_sums(what: str) -> ValueError:
    """Return the error of a model whose weights do not follow from sums."""
    return ValueError(
        "NeuronFormulaSearch.partial_fit updates weights by sums of squares, which are not kept of "
        f"{what}: use fit on all rows"
    )
