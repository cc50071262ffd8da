"""The additive terms of a fitted formula: which there are, their values and their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sktaskneuron._typing import ColumnNumbers, FloatArray, Matrix
from sktaskneuron.formula.equation.neuron_formula import NeuronFormula

__all__ = ["FAR", "AtomTerm", "PureTerm", "atom_values", "term_names"]

# Names that read as one operand in front of "**" or "*"; others get brackets around them.
_PLAIN_NAME = re.compile(r"[\w .=:]+")


#: Standard units beyond which rounding of z**order would be seen in what is left of it.
FAR = 1e5


@dataclass(frozen=True)
class PureTerm:
    """The additive term ``g_t(z_i)`` of an equation.

    Parameters
    ----------
    index : int
        Number t in the formula's pure terms.
    feature : int
        Number i of the column.

    See Also
    --------
    AtomTerm : The additive term ``A_{k,r}(z)`` of an equation.
    FittedFormula : A neuron formula with fitted numbers: an equation from raw columns to outputs.

    Examples
    --------
    >>> from sktaskneuron.formula import FittedFormula, NeuronFormula
    >>> fitted = FittedFormula(NeuronFormula.parse("x + x**2"), [0.0], [[[1.0]], [[2.0]]])
    >>> fitted.terms[1]
    PureTerm(index=1, feature=0)
    """

    index: int
    feature: int


@dataclass(frozen=True)
class AtomTerm:
    """The additive term ``A_{k,r}(z)`` of an equation.

    Parameters
    ----------
    order : int
        Order k of the interaction.
    index : int
        Number r within its rank.

    See Also
    --------
    PureTerm : The additive term ``g_t(z_i)`` of an equation.
    FittedFormula : A neuron formula with fitted numbers: an equation from raw columns to outputs.

    Examples
    --------
    >>> from sktaskneuron.formula import FittedFormula, NeuronFormula
    >>> factors = {2: [[[1.0], [0.0]], [[0.0], [1.0]]]}
    >>> fitted = FittedFormula(
    ...     NeuronFormula.parse("<x,x>:1"), [0.0], factors=factors, loadings={2: [[3.0]]}
    ... )
    >>> fitted.terms
    (AtomTerm(order=2, index=0),)
    """

    order: int
    index: int


def atom_values(z: Matrix, factors: FloatArray) -> Matrix:
    """Compute interaction atoms, disjoint from pure terms.

    Parameters
    ----------
    z : ndarray of shape (n_samples, n_features)
    factors : ndarray of shape (order, n_features, rank)

    Returns
    -------
    values : ndarray of shape (n_samples, rank)
        ``prod_m <u_m, z> - sum_i (prod_m u_{m,i}) z_i**order``.
    """
    order = factors.shape[0]
    values: Matrix = z @ factors[0]
    for u in factors[1:]:
        values *= z @ u
    diagonal = factors.prod(axis=0)
    if diagonal.any():
        powers = z.copy()
        for _ in range(order - 1):
            powers *= z
        values -= powers @ diagonal
        far = np.flatnonzero((np.abs(z) > FAR).any(axis=1))
        if far.size:
            values[far] = _without_cancelling(z[far], factors)
    return values


def _without_cancelling(z: Matrix, factors: FloatArray) -> Matrix:
    r"""Compute interaction atoms of rows with a cell so far out that its powers drown the rest.

    With :math:`t_{m,i} = u_{m,i} z_i`, the atom :math:`A_m` of the first m factors and the powers
    :math:`d_{m,i} = t_{1,i} \cdots t_{m,i}` nothing large is taken from something as large in

    .. math:: A_m = A_{m-1} \sum_i t_{m,i} + \sum_i d_{m-1,i} \sum_{j \neq i} t_{m,j},
              \qquad A_1 = 0.
    """
    parts = factors[:, None] * z[:, :, None]  # (order, n_samples, n_features, rank)
    values, powers = np.zeros_like(parts[0, :, 0]), parts[0]
    for part in parts[1:]:
        before, behind = np.zeros_like(part), np.zeros_like(part)
        np.cumsum(part[:, :-1], axis=1, out=before[:, 1:])
        np.cumsum(part[:, :0:-1], axis=1, out=behind[:, -2::-1])
        values = values * part.sum(axis=1) + (powers * (before + behind)).sum(axis=1)
        powers = powers * part
    return values


def term_names(
    formula: NeuronFormula,
    terms: Iterable[PureTerm | AtomTerm],
    factors: Mapping[int, FloatArray],
    feature_names: Sequence[str],
) -> list[str]:
    """Name additive terms, distinctly and readably.

    Parameters
    ----------
    formula : NeuronFormula
    terms : iterable of PureTerm or AtomTerm
    factors : mapping of int to ndarray of shape (order, n_features, rank)
    feature_names : sequence of str

    Returns
    -------
    names : list of str
        As `FittedFormula.term_names` says.
    """
    names: dict[str, None] = {}
    operands = [name if _PLAIN_NAME.fullmatch(name) else f"({name})" for name in feature_names]
    for term in terms:
        if isinstance(term, PureTerm):
            expression = formula.expressions[term.index]
            names_of = feature_names if expression.power == 1 else operands
            name = expression.format(names_of[term.feature])
        else:
            u = factors[term.order][:, :, term.index]
            name = f"<{','.join('x' * term.order)}>"
            single = bool(np.all(np.count_nonzero(u, axis=1) == 1))
            if single:
                name = _monomial(np.nonzero(u)[1], operands)
            # Two atoms may hold the same monomial, with other numbers.
            if not single or name in names:
                name += f"[{term.index}]"
        while name in names:  # columns may be called "age" and "age**2"
            name += "'"
        names[name] = None
    return list(names)


def _monomial(chosen: ColumnNumbers, operands: Sequence[str]) -> str:
    counts = zip(*np.unique(chosen, return_counts=True), strict=True)
    return "*".join(operands[i] if power == 1 else f"{operands[i]}**{power}" for i, power in counts)
