"""A neuron's formula by its numbers: its derivatives, and the coefficients that readers see."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sktaskneuron._typing import FloatArray, Matrix
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.equation.fitted import FittedFormula
from sktaskneuron.formula.equation.neuron_formula import NeuronFormula
from sktaskneuron.formula.equation.polynomial import (
    Polynomial,
    raw_polynomial,
    shown_polynomial,
    standardized_polynomial,
)
from sktaskneuron.formula.equation.terms import PureTerm
from sktaskneuron.formula.equation.trees import substituted
from sktaskneuron.formula.export.notation import rounded
from sktaskneuron.formula.text.canonical import make_product, make_sum, rebuilt
from sktaskneuron.formula.text.nodes import Node, Number, Power, Product, Variable, render

__all__ = ["formula_coefficients", "formula_numbers", "tangent"]

# Significant digits of the numbers in a term's text.
_DIGITS = 4


def formula_numbers(fitted: FittedFormula, output: int) -> np.ndarray:
    """Return the numbers that a fit of one output moves: constant, weights, entries of factors.

    Parameters
    ----------
    fitted : FittedFormula
    output : int

    Returns
    -------
    numbers : ndarray of shape (n_numbers,)
        The constant, the weights of the terms that are not zero in their order, and of products
        with sums in them the entries of the factors.
    """
    weights = fitted.term_weights[:, output]
    entries = [fitted.factors[k][m, i, r] for k, r, m, i in _entries(fitted, output)]
    return np.concatenate([[fitted.intercept[output]], weights[weights != 0], entries])


def _entries(fitted: FittedFormula, output: int) -> list[tuple[int, int, int, int]]:
    """Return (order, atom, factor, column) of the entries that a fit moves."""
    found = []
    for term, weight in zip(fitted.terms, fitted.term_weights[:, output], strict=True):
        if isinstance(term, PureTerm) or weight == 0:
            continue
        support = fitted.factors[term.order][:, :, term.index] != 0
        if (support.sum(axis=1) > 1).any():
            found += [(term.order, term.index, int(m), int(i)) for m, i in np.argwhere(support)]
    return found


def tangent(fitted: FittedFormula, output: int) -> FittedFormula:
    """Return the derivatives of one output by its numbers, as the outputs of another formula.

    A formula is linear in each of its numbers, so the derivatives are formulas of the same kind.

    Parameters
    ----------
    fitted : FittedFormula
    output : int

    Returns
    -------
    FittedFormula
        Of as many outputs as `formula_numbers` has numbers, in that order.
    """
    entries = _entries(fitted, output)
    shown = np.flatnonzero(fitted.term_weights[:, output])
    n_numbers = 1 + len(shown) + len(entries)
    unit = np.eye(n_numbers)
    pure = [np.zeros((fitted.n_features, n_numbers)) for _ in fitted.pure_weights]
    factors = {
        order: [u[:, :, r] for r in range(u.shape[2])] for order, u in fitted.factors.items()
    }
    loadings = {order: [np.zeros(n_numbers) for _ in atoms] for order, atoms in factors.items()}
    for place, t in enumerate(shown, start=1):
        term = fitted.terms[t]
        if isinstance(term, PureTerm):
            pure[term.index][term.feature] = unit[place]
        else:
            loadings[term.order][term.index] = unit[place]
    for place, (order, r, m, i) in enumerate(entries, start=1 + len(shown)):
        moved = fitted.factors[order][:, :, r].copy()
        moved[m] = 0.0
        moved[m, i] = 1.0
        factors[order].append(moved)
        loadings[order].append(fitted.loadings[order][r, output] * unit[place])
    ranks = {order: len(atoms) for order, atoms in factors.items()}
    return FittedFormula(
        NeuronFormula(fitted.formula.expressions, ranks),
        unit[0],
        pure,
        {order: np.stack(atoms, axis=2) for order, atoms in factors.items()},
        {order: np.stack(rows) for order, rows in loadings.items()},
        fitted.center,
        fitted.scale,
        fitted.lower,
        fitted.upper,
        fitted.feature_names,
    )


def formula_coefficients(
    fitted: FittedFormula, output: int, max_terms: int
) -> tuple[list[str], Matrix]:
    """Return the coefficients that readers see, as linear functions of the numbers near a fit.

    They are those of `FittedFormula.to_text`: monomials of the raw columns where that keeps the
    digits, else of the centred ones; other functions stand as they are.

    Parameters
    ----------
    fitted : FittedFormula
    output : int
    max_terms : int

    Returns
    -------
    names : list of str
        The terms, with ``_`` for the coefficient, the constant first.
    slopes : ndarray of shape (n_coefficients, n_numbers)
        Derivatives by the numbers of `formula_numbers`.

    Raises
    ------
    FormulaError
        If there are more than ``max_terms`` monomials.
    """
    slopes = tangent(fitted, output)
    standard = standardized_polynomial(slopes, max_terms)
    own = standardized_polynomial(fitted, max_terms)
    expanded = shown_polynomial(fitted, own, max_terms, _DIGITS) is not None
    raw = raw_polynomial(slopes, standard, max_terms) if expanded else None
    if raw is not None:
        names, rows = _monomials(raw, lambda i: Variable(fitted.feature_names[i]))
    else:
        scaled: Polynomial = {}
        for monomial, slope in standard.items():
            scaled[monomial] = slope / np.prod([fitted.scale[i] ** power for i, power in monomial])
        names, rows = _monomials(scaled, lambda i: _column(fitted, i))
    for t, term in enumerate(slopes.terms):
        if isinstance(term, PureTerm) and fitted.formula.expressions[term.index].power is None:
            names.append(_function_text(fitted, term))
            rows.append(slopes.term_weights[t])
    return names, np.asarray(rows).reshape(len(names), slopes.n_outputs)


def _monomials(
    polynomial: Polynomial, column: Callable[[int], Node]
) -> tuple[list[str], list[FloatArray]]:
    """Name monomials and their coefficients, the constant first, then upwards by degree."""
    ordered = sorted(polynomial, key=lambda key: (sum(power for _, power in key), key))
    names = []
    for monomial in ordered:
        parts = [column(i) if k == 1 else Power(column(i), k) for i, k in monomial]
        names.append(_with_blank(parts))
    return names, [polynomial[monomial] for monomial in ordered]


def _with_blank(parts: Sequence[Node]) -> str:
    return render(rounded(Product(1.0, (Variable("_"), *parts)), _DIGITS))


def _function_text(fitted: FittedFormula, term: PureTerm) -> str:
    """Write a function of one column, as ``_*sin(2.5*x0)``."""
    column, g = _column(fitted, term.feature), fitted.formula.expressions[term.index].node
    inside = make_product([Number(1.0 / fitted.scale[term.feature]), column])
    try:
        return _with_blank([rebuilt(g, lambda _: inside)])
    except FormulaError:  # numbers that overflow when they are multiplied out
        return _with_blank([substituted(g, {"x": inside})])


def _column(fitted: FittedFormula, i: int) -> Node:
    """Return a column about its center."""
    return make_sum([Variable(fitted.feature_names[i]), Number(-float(fitted.center[i]))])
