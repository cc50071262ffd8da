"""The numbers of a formula that was found, fitted anew to other rows."""

from __future__ import annotations

import numpy as np

from sktaskneuron._typing import Mask
from sktaskneuron.formula import AtomTerm, FittedFormula, PureTerm
from sktaskneuron.search.frame.answer import export, null_answer
from sktaskneuron.search.frame.family import make_family
from sktaskneuron.search.frame.fit import fit_structure, of_answers
from sktaskneuron.search.frame.model import Atom, Structure, Table
from sktaskneuron.search.frame.observations import Observations
from sktaskneuron.search.frame.standardise import Standardisation
from sktaskneuron.search.frame.terms import FIRST_FUNCTION, TermLibrary


def refit_formula(fitted: FittedFormula, observations: Observations) -> FittedFormula:
    """Fit the weights of a formula's terms, and the directions of its products, to other rows.

    Parameters
    ----------
    fitted : FittedFormula
    observations : Observations
        Of all columns of the formula.

    Returns
    -------
    FittedFormula
        Of the same terms; functions with their inner constants, centers, scales and bounds stay.
    """
    used = fitted.used_features
    if not used.size:
        return null_answer(observations).fitted
    scale = Standardisation(
        *(getattr(fitted, name)[used] for name in ("center", "scale", "lower", "upper"))
    )
    structure, library = _structure(fitted)
    orders = [key for key in structure.pure if key < FIRST_FUNCTION]
    z = scale(observations.X[:, used])
    table = Table.from_array(z, max([*orders, *structure.ranks(), 1]), library)
    shift, unit = observations.target_scale()
    family = make_family(
        (observations.target - shift) / unit, observations.weight, observations.classification
    )
    fit = of_answers(table, family, fit_structure(table, family, structure))
    return export(fit, scale, used, fitted.feature_names, shift, unit, fitted.link, library)


def _structure(fitted: FittedFormula) -> tuple[Structure, TermLibrary]:
    """Return the terms of a formula on its used columns, and the functions among them."""
    used = fitted.used_features
    place = {int(column): j for j, column in enumerate(used)}
    keys, functions = {}, {}
    for t, expression in enumerate(fitted.formula.expressions):
        power = expression.power
        keys[t] = FIRST_FUNCTION + t if power is None else power
        if power is None:
            functions[keys[t]] = expression
    pure: dict[int, Mask] = {}
    atoms = []
    for term in fitted.terms:
        match term:
            case PureTerm(t, feature):
                mask = pure.setdefault(keys[t], np.zeros(used.size, dtype=bool))
                mask[place[feature]] = True
            case AtomTerm(order, r):
                factors = fitted.factors[order][:, used, r]
                atoms.append(Atom.from_factors(factors, factors != 0))
    return Structure(used.size, pure, tuple(atoms)), TermLibrary(functions)
