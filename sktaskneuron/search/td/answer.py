"""From a selected structure on scaled columns to a fitted formula on raw ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...formula import FittedFormula, NeuronFormula
from ._linalg import Array, weighted_lstsq
from .family import make_family
from .fit import Fit
from .model import Table
from .options import TDResult, as_formula
from .standardise import Standardisation

_CHUNK = 20_000


def null_answer(
    X: Array, target: Array, weight: Array, classification: bool, feature_names: Sequence[str]
) -> TDResult:
    """Return the formula of no terms: one constant per output, for data without a usable column.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    target : ndarray of shape (n_samples, n_outputs)
    weight : ndarray of shape (n_samples,)
    classification : bool
    feature_names : sequence of str

    Returns
    -------
    TDResult
    """
    family = make_family(target, weight, classification)
    coef = family.fit_linear(np.ones((len(X), 1))).coef
    fitted = FittedFormula(NeuronFormula(), coef[0], feature_names=feature_names, link=family.link)
    deviance = family.deviance(np.broadcast_to(coef, target.shape))
    return TDResult(fitted, deviance, deviance)


def refit_on_all(
    X: Array,
    usable: NDArray[np.intp],
    target: Array,
    weight: Array,
    scale: Standardisation,
    fit: Fit,
    classification: bool,
    caps: list[str],
) -> Fit:
    """Fit the linear weights on every row, chunk by chunk; factors keep their values.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Raw units.
    usable : ndarray of int of shape (n_usable,)
        Columns that were searched.
    target : ndarray of shape (n_samples, n_outputs)
        Standardised as for the search.
    weight : ndarray of shape (n_samples,)
    scale : Standardisation
    fit : Fit
        Result of the search on some of the rows.
    classification : bool
        A logistic fit has no closed form to add up over chunks, so it stays as it is.
    caps : list of str
        Gets a line where the weights stay those of the searched rows.

    Returns
    -------
    Fit
        With new ``coef``; ``eta`` and ``deviance`` stay those of the searched rows.
    """
    if classification:
        caps.append("weights fitted on the searched rows")
        return fit
    n_columns = fit.structure.n_linear
    triangle = np.zeros((0, n_columns + target.shape[1]))
    for start in range(0, len(X), _CHUNK):
        part = slice(start, start + _CHUNK)
        max_order = max([*fit.structure.pure, *fit.structure.ranks(), 1])
        design = fit.structure.design(Table.from_array(scale(X[part][:, usable]), max_order))
        block = np.concatenate([design, target[part]], axis=1) * np.sqrt(weight[part])[:, None]
        triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, block]), mode="r"))
    coef = weighted_lstsq(triangle[:, :n_columns], triangle[:, n_columns:], np.ones(len(triangle)))
    return Fit(fit.structure, coef, fit.eta, fit.deviance)


def export(
    fit: Fit,
    scale: Standardisation,
    usable: NDArray[np.intp],
    n_features: int,
    feature_names: Sequence[str],
    shift: Array,
    unit: Array,
    link: str,
) -> FittedFormula:
    """Return the fit on the usable, scaled columns as a formula on all raw columns.

    Parameters
    ----------
    fit : Fit
    scale : Standardisation
        Of the usable columns.
    usable : ndarray of shape (n_usable,)
        Places of the usable columns among the raw ones.
    n_features : int
        Number of raw columns.
    feature_names : sequence of str
    shift, unit : ndarray of shape (n_outputs,)
        The target was searched as (target - shift) / unit.
    classification : bool

    Returns
    -------
    FittedFormula
    """
    structure = fit.structure
    coef = fit.coef * unit
    n_outputs = coef.shape[1]
    pure_weights = []
    columns = structure.pure_columns()
    for order in sorted(structure.pure):
        weights = np.zeros((n_features, n_outputs))
        for position, (k, i) in enumerate(columns):
            if k == order:
                weights[usable[i]] = coef[1 + position]
        pure_weights.append(weights)
    factors: dict[int, Array] = {}
    loadings: dict[int, Array] = {}
    first_atom = 1 + len(columns)
    for order in sorted(structure.ranks()):
        chosen = [j for j, atom in enumerate(structure.atoms) if atom.order == order]
        full = np.zeros((order, n_features, len(chosen)))
        for r, j in enumerate(chosen):
            full[:, usable, r] = structure.atoms[j].factors
        factors[order] = full
        loadings[order] = coef[[first_atom + j for j in chosen]]
    center, spread = np.zeros(n_features), np.ones(n_features)
    lower, upper = np.full(n_features, -np.inf), np.full(n_features, np.inf)
    center[usable], spread[usable] = scale.center, scale.scale
    lower[usable], upper[usable] = scale.lower, scale.upper
    return FittedFormula(
        as_formula(structure),
        coef[0] + shift,
        pure_weights,
        factors,
        loadings,
        center=center,
        scale=spread,
        lower=lower,
        upper=upper,
        feature_names=feature_names,
        link=link,
    )
