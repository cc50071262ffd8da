"""From a selected structure on scaled columns to a fitted formula on raw ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sktaskneuron._typing import FloatArray, RowNumbers, Vector
from sktaskneuron.formula import FittedFormula, NeuronFormula
from sktaskneuron.search.frame.fit import Fit
from sktaskneuron.search.frame.linalg import weighted_lstsq
from sktaskneuron.search.frame.model import Structure, Table
from sktaskneuron.search.frame.observations import Observations
from sktaskneuron.search.frame.result import SearchResult
from sktaskneuron.search.frame.standardise import Standardisation
from sktaskneuron.search.frame.terms import POWERS, TermLibrary

# Rows whose terms are held at once.
_CHUNK = 20_000


def as_formula(structure: Structure, library: TermLibrary = POWERS) -> NeuronFormula:
    """Return the shape of a structure: its pure terms, orders and ranks."""
    pure, _ = structure.orders
    return NeuronFormula(map(library.expression, sorted(pure)), structure.ranks())


def null_answer(observations: Observations) -> SearchResult:
    """Return the formula of no terms: one constant per output, for data without a usable column."""
    target, family = observations.target, observations.family
    coef = family.fit_linear(np.ones((len(target), 1))).coef
    fitted = FittedFormula(
        NeuronFormula(), coef[0], feature_names=observations.names, link=family.link
    )
    deviance = family.deviance(np.broadcast_to(coef, target.shape))
    return SearchResult(fitted, deviance, deviance)


def refit_on_all(
    observations: Observations,
    usable: RowNumbers,
    scale: Standardisation,
    fit: Fit,
    library: TermLibrary = POWERS,
) -> Fit:
    """Fit the linear weights on every row, chunk by chunk; factors keep their values.

    For least squares only: a logistic fit has no closed form to add up over chunks.

    Parameters
    ----------
    observations : Observations
        The target standardised as for the search.
    usable : ndarray of int of shape (n_usable,)
        Columns that were searched.
    scale : Standardisation
    fit : Fit
        Result of the search on some of the rows.
    library : TermLibrary
        Functions behind the keys of the structure.

    Returns
    -------
    Fit
        With new ``coef``; ``eta`` and ``deviance`` stay those of the searched rows.
    """
    X, target, weight = observations.X, observations.target, observations.weight
    n_columns = fit.structure.n_linear
    triangle = np.zeros((0, n_columns + target.shape[1]))
    used = library.only(fit.structure.pure)
    powers = fit.structure.pure.keys() - used.functions.keys()
    max_order = max([*powers, *fit.structure.ranks(), 1])
    for start in range(0, len(X), _CHUNK):
        part = slice(start, start + _CHUNK)
        table = Table.from_array(scale(X[part][:, usable]), max_order, used)
        design = fit.structure.design(table)
        block = np.concatenate([design, target[part]], axis=1) * np.sqrt(weight[part])[:, None]
        triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, block]), mode="r"))
    coef = weighted_lstsq(triangle[:, :n_columns], triangle[:, n_columns:], np.ones(len(triangle)))
    return Fit(fit.structure, coef, fit.eta, fit.deviance)


def export(
    fit: Fit,
    scale: Standardisation,
    usable: RowNumbers,
    feature_names: Sequence[str],
    shift: Vector,
    unit: Vector,
    link: str,
    library: TermLibrary = POWERS,
) -> FittedFormula:
    """Return the fit on the usable, scaled columns as a formula on all raw columns.

    Parameters
    ----------
    fit : Fit
    scale : Standardisation
        Of the usable columns.
    usable : ndarray of shape (n_usable,)
        Places of the usable columns among the raw ones.
    feature_names : sequence of str
        Of all raw columns.
    shift, unit : ndarray of shape (n_outputs,)
        The target was searched as (target - shift) / unit.
    link : str
        Of the family.
    library : TermLibrary
        Functions behind the keys of the structure.

    Returns
    -------
    FittedFormula
    """
    structure, n_features = fit.structure, len(feature_names)
    formula = as_formula(structure, library)
    coef = fit.coef * unit
    n_outputs = coef.shape[1]
    # the formula has its own order of terms
    place = {expression: t for t, expression in enumerate(formula.expressions)}
    pure_weights = [np.zeros((n_features, n_outputs)) for _ in formula.expressions]
    columns = structure.pure_columns()
    for position, (key, i) in enumerate(columns):
        pure_weights[place[library.expression(key)]][usable[i]] += coef[1 + position]
    factors: dict[int, FloatArray] = {}
    loadings: dict[int, FloatArray] = {}
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
        formula,
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
