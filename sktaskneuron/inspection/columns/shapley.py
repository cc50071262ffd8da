"""Exact Shapley values of equations that are sums of terms of few columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import comb, prod

import numpy as np
from sklearn.utils.validation import _check_feature_names_in

from sktaskneuron._typing import FloatArray, Matrix, TableLike, Vector
from sktaskneuron.formula.export.validation import column_matrix
from sktaskneuron.formula.text.evaluation import evaluate, variables
from sktaskneuron.formula.text.nodes import Node, Number, Power, Product, Sum
from sktaskneuron.inspection.columns.predicting import read_table
from sktaskneuron.inspection.equations.equation import Equation, equation_of

# A term of so many features is looked at whole: to multiply it out would not save subsets.
_FEW = 3
# Features of one term at most: each one more doubles the subsets.
_MOST = 10
# Products that a term is multiplied out to at most, and the highest power of a sum.
_PRODUCTS, _POWER = 10_000, 4
# Pairs of a row and a background row evaluated at a time.
_PAIRS = 2**19


@dataclass(frozen=True, eq=False)
class ShapleyValues:
    """What each feature adds to the value of an equation, row by row.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_features), or (n_samples, n_features, n_outputs)
        Over the features they sum to the equation's value less `base`.
    base : float, or ndarray of shape (n_outputs,)
        Mean of the equation over the background.
    feature_names : tuple of str
        Names of the columns, in their order.

    See Also
    --------
    shapley_values : Compute the exact interventional Shapley values of an equation.

    Examples
    --------
    >>> from sktaskneuron.formula import FittedExpression
    >>> from sktaskneuron.inspection import shapley_values
    >>> equation = FittedExpression.parse("2*a + b", ["a", "b"])
    >>> shapley = shapley_values(equation, [[1.0, 3.0]], background=[[0.0, 1.0]])
    >>> shapley.base, shapley.values.tolist(), shapley.feature_names
    (1.0, [[2.0, 2.0]], ('a', 'b'))
    """

    values: FloatArray
    base: float | Vector
    feature_names: tuple[str, ...]


def shapley_values(model: object, X: TableLike, background: TableLike) -> ShapleyValues:
    r"""Compute the exact interventional Shapley values of an equation.

    .. math::
        \phi_i(x) = \sum_{T \not\ni i} \frac{|T|!\,(d - |T| - 1)!}{d!}
        \left(v(T \cup i) - v(T)\right), \qquad
        v(T) = E_b\left[f(x_T, b_{\bar T})\right]

    with the mean over the rows b of the background [1]_. They are additive in f. So each term of
    the equation is done for itself, by all :math:`2^k` subsets of the k features that it reads, and
    products of sums are multiplied out first. Nothing is sampled.

    Parameters
    ----------
    model : estimator, FittedFormula or FittedExpression
        A fitted estimator that an equation predicts in, or an equation.
    X : table or array-like of shape (n_samples, n_features)
        Rows to explain: the raw table of the estimator; the columns of an equation.
    background : table or array-like of shape (n_background, n_features)
        Rows that stand for the others; time goes with their number. A few hundred training rows
        will do.

    Returns
    -------
    shapley : ShapleyValues
        Of the columns of the user's table: the levels and gaps of a column belong to it. For
        classes of the log odds.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    AttributeError, TypeError
        If no equation predicts.
    ValueError
        If a term reads more than 10 features and cannot be multiplied out, there are no rows, or
        the equation has no finite value for a mixture of a row and one of the background.

    See Also
    --------
    ShapleyValues : What each feature adds to the value of an equation, row by row.
    term_importance : Compute the share of the equation's variance that each additive term brings.

    References
    ----------
    .. [1] S. M. Lundberg and S.-I. Lee, "A unified approach to interpreting model predictions",
       NeurIPS 2017; D. Janzing, L. Minorics and P. Blöbaum, "Feature relevance quantification in
       explainable AI: a causal problem", AISTATS 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.formula import FittedExpression
    >>> from sktaskneuron.inspection import shapley_values
    >>> equation = FittedExpression.parse("3*a + a*b", ["a", "b"])
    >>> shapley = shapley_values(equation, [[1.0, 2.0]], background=[[0.0, 0.0]])
    >>> shapley.values.tolist(), shapley.base
    ([[4.0, 1.0]], 0.0)
    """
    equation = equation_of(model)
    names, source, rows, others = _read(model, equation, X, background)
    feature = {name: int(source[j]) for j, name in enumerate(equation.feature_names)}
    values = np.zeros((len(rows), len(names), equation.n_outputs))
    base = equation.evaluate(others).mean(axis=0)
    for output, tree in enumerate(equation.trees()):
        for features, terms in _by_features(tree, feature).items():
            read = sorted(frozenset().union(*map(variables, terms)))
            places = [equation.feature_names.index(name) for name in read]
            term = _Term(terms, read, [features.index(feature[name]) for name in read])
            values[:, list(features), output] += term.shapley(rows[:, places], others[:, places])
    if not (np.isfinite(values).all() and np.isfinite(base).all()):
        raise ValueError(
            "the equation has no finite value for some row of X or of the background, or for a "
            "mixture of both: leave out rows outside of the domain of its functions"
        )
    if equation.n_outputs == 1:
        return ShapleyValues(values[:, :, 0], float(base[0]), names)
    return ShapleyValues(values, base, names)


def _read(
    model: object, equation: Equation, X: TableLike, background: TableLike
) -> tuple[tuple[str, ...], Sequence[int], Matrix, Matrix]:
    """Return the names of features, the feature of each column, and the columns of both tables."""
    if model is equation:
        columns = equation.feature_names
        tables = [column_matrix(table, columns) for table in (X, background)]
        if not all(map(len, tables)):
            raise ValueError("X and background need at least one row each")
        return columns, range(len(columns)), tables[0], tables[1]
    predictor, inputs, _ = read_table(model, X)
    others = read_table(model, background)[1]
    names = tuple(map(str, _check_feature_names_in(model, None)))
    return names, predictor.reader.encoder.source_.tolist(), inputs.raw, others.raw


def _by_features(tree: Node, feature: Mapping[str, int]) -> dict[tuple[int, ...], list[Node]]:
    """Return the terms of an equation by the features that they read, without constants.

    Raises
    ------
    ValueError
        If one reads too many.
    """

    def read(node: Node) -> tuple[int, ...]:
        return tuple(sorted({feature[name] for name in variables(node)}))

    def opened(node: Node) -> list[Node]:
        if len(read(node)) <= 1:
            return [node]
        match node:
            case Sum(terms, constant):
                return [Number(constant), *(part for term in terms for part in opened(term))]
            case Product(coefficient, (Sum(terms, constant),)):
                scaled = [Product(coefficient, (term,)) for term in terms]
                return opened(Sum(tuple(scaled), coefficient * constant))
        if len(read(node)) <= _FEW:
            return [node]
        match node:
            case Product(coefficient, factors):
                choices = [opened(factor) for factor in factors]
                if 1 < prod(map(len, choices)) <= _PRODUCTS:
                    return [Product(coefficient, chosen) for chosen in product(*choices)]
            case Power(base, int(exponent)) if 1 < exponent <= _POWER:
                return opened(Product(1.0, (base,) * exponent))
        return [node]

    found: dict[tuple[int, ...], list[Node]] = {}
    for term in opened(tree):
        if features := read(term):
            found.setdefault(features, []).append(term)
    most = max(map(len, found), default=0)
    if most > _MOST:
        raise ValueError(
            f"a term of the equation reads {most} features at once, and exact Shapley values go "
            f"over all their subsets: at most {_MOST}. Use the shap package, which samples subsets"
        )
    return found


@dataclass(frozen=True)
class _Term:
    """A sum of terms that read the same features.

    nodes : the terms; names : columns that they read; owner : the place of each column's feature
    among the term's.
    """

    nodes: Sequence[Node]
    names: Sequence[str]
    owner: Sequence[int]

    def shapley(self, rows: Matrix, others: Matrix) -> Matrix:
        """Return what each of the term's features adds, (n_rows, n_features of the term)."""
        n_features = max(self.owner) + 1
        everybody = frozenset(range(n_features))
        subsets = [
            frozenset(chosen)
            for size in range(n_features + 1)
            for chosen in combinations(range(n_features), size)
        ]
        worth = {subset: self._worth(subset, rows, others) for subset in subsets}
        added = np.zeros((len(rows), n_features))
        for subset in subsets:
            for own in everybody - subset:
                share = 1.0 / (n_features * comb(n_features - 1, len(subset)))
                added[:, own] += share * (worth[subset | {own}] - worth[subset])
        return added

    def _worth(self, subset: frozenset[int], rows: Matrix, others: Matrix) -> Vector:
        """Return the mean over the other rows where the subset has the row's values, (n_rows,)."""
        mine = [own in subset for own in self.owner]
        if all(mine):
            return self._values(dict(zip(self.names, rows.T, strict=True)), (len(rows),))
        if not any(mine):
            values = self._values(dict(zip(self.names, others.T, strict=True)), (len(others),))
            return np.full(len(rows), values.mean())
        found = np.empty(len(rows))
        size = max(1, _PAIRS // len(others))
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            columns = {
                name: part[:, [j]] if mine[j] else others[None, :, j]
                for j, name in enumerate(self.names)
            }
            shape = (len(part), len(others))
            found[start : start + size] = self._values(columns, shape).mean(axis=1)
        return found

    def _values(self, columns: Mapping[str, FloatArray], shape: tuple[int, ...]) -> FloatArray:
        total = np.zeros(shape)
        with np.errstate(all="ignore"):  # what is not finite is told of at the end
            for node in self.nodes:
                total += evaluate(node, columns)
        return total
