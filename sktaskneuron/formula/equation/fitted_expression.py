"""`FittedExpression`: a readable equation of named columns, with its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from sktaskneuron._typing import ColumnNumbers, ColumnsLike, Mask, Matrix, PlainData, Vector
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.equation.json_text import (
    check_format,
    load_json,
    plain_bounds,
    read_bounds,
)
from sktaskneuron.formula.equation.trees import additive_terms, clipped, substituted
from sktaskneuron.formula.export.exports import Exports
from sktaskneuron.formula.export.validation import (
    check_shape,
    column_matrix,
    frozen,
    numbers,
    row_blocks,
)
from sktaskneuron.formula.text.canonical import make_number, make_product, make_sum
from sktaskneuron.formula.text.evaluation import evaluate, in_domain, variables
from sktaskneuron.formula.text.nodes import Node, complexity, render
from sktaskneuron.formula.text.parser import check_readable, parse_node

__all__ = ["MAX_OUTPUTS", "FittedExpression"]

# Format name and number of the plain data; without bounds they are those of number 1.
_FORMAT, _VERSION = "sktaskneuron.FittedExpression", 2
#: Most outputs of one expression, so that data of strangers are refused before they are read.
MAX_OUTPUTS = 1000


@dataclass(frozen=True, repr=False)
class FittedExpression(Exports):
    r"""Equations of named columns: one tree per output, numbers and all.

    Every output is a sum of terms, :math:`f_j(x) = b_j + \sum_t w_{t,j}\, h_t(x)`; outputs may
    share terms. Expressions are values: frozen, hashable, picklable, equal when their canonical
    trees are.

    Parameters
    ----------
    nodes : tuple of Node
        One canonical tree per output, whose variables are columns.
    feature_names : tuple of str
        Distinct names of the columns, in the order of X.
    link : str, default="identity"
        How a model uses the value, e.g. "logit". Kept as a note: what is evaluated and exported is
        always the linear predictor f.
    lower, upper : tuple of float, default=()
        Bounds of the columns, in their order: values beyond count as the bound, in every form of
        the equation. Infinite where there is none, as in all columns by default.

    Raises
    ------
    FormulaError
        If a tree reads other columns, names repeat, there is no output, a tree is longer than a
        text may be, or a lower bound exceeds the upper one.

    See Also
    --------
    FittedFormula : A neuron formula with fitted numbers: an equation from raw columns to outputs.

    Examples
    --------
    >>> from sktaskneuron.formula import FittedExpression
    >>> energy = FittedExpression.parse("m*v**2/2 + 9.81*m*h", ["m", "v", "h"])
    >>> energy.evaluate([[2.0, 3.0, 1.0]])
    array([[28.62]])
    >>> energy.term_names()
    ['h*m', 'm*v**2']
    >>> print(energy)
    9.81*h*m + 0.5*m*v**2
    """

    nodes: tuple[Node, ...]
    feature_names: tuple[str, ...]
    link: str = "identity"
    lower: tuple[float, ...] = ()
    upper: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", tuple(self.nodes))
        object.__setattr__(self, "feature_names", _names(self.feature_names))
        if not 1 <= len(self.nodes) <= MAX_OUTPUTS:
            raise FormulaError(
                f"an expression has 1 to {MAX_OUTPUTS} outputs, got {len(self.nodes)}"
            )
        if len(set(self.feature_names)) != len(self.feature_names) or "" in self.feature_names:
            raise FormulaError("feature_names must be distinct and not empty")
        unknown = frozenset().union(*map(variables, self.nodes)) - set(self.feature_names)
        if unknown:
            raise FormulaError(f"the expression reads {min(unknown)!r}, which is no column")
        if not isinstance(self.link, str) or not self.link.isprintable():
            raise FormulaError(f"link must be a printable str, got {self.link!r}")
        for name, none in (("lower", -math.inf), ("upper", math.inf)):
            object.__setattr__(
                self, name, _bounds(getattr(self, name), name, self.n_features, none)
            )
        if not all(low <= high for low, high in zip(self.lower, self.upper, strict=True)):
            raise FormulaError("every lower bound must be at most its upper bound")
        for node in self.nodes:
            # What is printed must be readable again, whoever built the tree.
            check_readable(render(node, lambda _: "x"))

    @classmethod
    def parse(
        cls, text: str | Sequence[str], feature_names: Sequence[str], link: str = "identity"
    ) -> FittedExpression:
        """Read expressions from text.

        Parameters
        ----------
        text : str or sequence of str
            One per output: numbers, ``pi``, columns' names (in backticks unless they are free
            identifiers), ``+ - * / **``, brackets and the names in `PRIMITIVES`.
        feature_names : sequence of str
            Names of the columns, in their order.
        link : str
            How a model uses the value; see the class.

        Returns
        -------
        expression : FittedExpression

        Raises
        ------
        FormulaError
            If a text does not follow the grammar; the message shows the place.
        """
        texts = [text] if isinstance(text, str) else text
        if not isinstance(texts, Sequence):
            raise FormulaError(
                f"an expression's text must be a str or a sequence of them, got {text!r}"
            )
        names = _names(feature_names)
        return cls(_parsed(texts, names), names, link)

    def texts(self) -> tuple[str, ...]:
        """Return one exact text per output, which `parse` reads back."""
        return tuple(render(node) for node in self.nodes)

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return len(self.feature_names)

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return len(self.nodes)

    @property
    def complexity(self) -> int:
        """Number of nodes: columns, numbers, functions and operations, one each."""
        return sum(map(complexity, self.nodes))

    @cached_property
    def used_features(self) -> ColumnNumbers:
        """Indices of the columns that the expressions read, upwards."""
        used = frozenset().union(*map(variables, self.nodes))
        return frozen(np.flatnonzero([name in used for name in self.feature_names]))

    @cached_property
    def terms(self) -> tuple[Node, ...]:
        """The additive terms of all outputs, without their weights and the constants."""
        return tuple(dict.fromkeys(term for node in self.nodes for term in additive_terms(node)[0]))

    @property
    def intercept(self) -> Vector:
        """Constant of every output, shape (n_outputs,)."""
        return np.asarray([additive_terms(node)[1] for node in self.nodes])

    @property
    def term_weights(self) -> Matrix:
        """Weights of the columns of `transform`, shape (n_terms, n_outputs)."""
        weights = np.zeros((len(self.terms), self.n_outputs))
        for j, node in enumerate(self.nodes):
            for term, weight in additive_terms(node)[0].items():
                weights[self.terms.index(term), j] = weight
        return weights

    def reweighted(self, intercept: ArrayLike, weights: ArrayLike) -> Self:
        """Return the same terms with other weights; one of weight zero is left out.

        Parameters
        ----------
        intercept : array-like of shape (n_outputs,)
            New constants.
        weights : array-like of shape (n_terms, n_outputs)
            In the order of `terms`.

        Returns
        -------
        fitted : FittedExpression
            Numbers inside of terms stay, and so do the bounds.

        Raises
        ------
        FormulaError
            If the weights are not finite or of another shape.
        """
        given = numbers(weights, "weights")
        check_shape("weights", given, (len(self.terms), self.n_outputs))
        constants = numbers(intercept, "intercept")
        check_shape("intercept", constants, (self.n_outputs,))
        terms = (make_number(1.0), *self.terms)
        nodes = [
            make_sum(
                [make_product([make_number(w), term]) for w, term in zip(own, terms, strict=True)]
            )
            for own in np.vstack([constants, given]).T.tolist()
        ]
        return replace(self, nodes=tuple(nodes))

    def term_names(self) -> list[str]:
        """Return the texts of the additive terms, one per column of `transform`."""
        return [render(term) for term in self.terms]

    def within(self, lower: Sequence[float] | Vector, upper: Sequence[float] | Vector) -> Self:
        """Return the same equation with bounds at least as tight as these."""
        return replace(
            self,
            lower=tuple(np.maximum(self.lower, lower).tolist()),
            upper=tuple(np.minimum(self.upper, upper).tolist()),
        )

    def _evaluated(self, X: ColumnsLike, nodes: Sequence[Node]) -> Matrix:
        values = self._bounded(X)
        result = np.empty((len(values), len(nodes)))
        for rows in row_blocks(len(values)):
            columns = dict(zip(self.feature_names, values[rows].T, strict=True))
            with np.errstate(all="ignore"):  # NaN and infinity come out as the value says
                for j, node in enumerate(nodes):
                    result[rows, j] = evaluate(node, columns)
        return result

    def evaluate(self, X: ColumnsLike) -> Matrix:
        """Compute f(x) for every row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or a table or mapping of columns
            Raw columns. Columns of a dataframe or mapping are taken by name, in any order.

        Returns
        -------
        values : ndarray of float64 of shape (n_samples, n_outputs)
            The linear predictor, whatever the link. NaN or infinite where an expression is not
            defined: `in_domain` tells where.

        Raises
        ------
        FormulaError
            If X has another number of columns, or the table lacks one.
        """
        return self._evaluated(X, self.nodes)

    __call__ = evaluate

    def transform(self, X: ColumnsLike) -> Matrix:
        """Compute the value of every additive term for every row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or a table or mapping of columns
            Columns in raw units.

        Returns
        -------
        values : ndarray of float64 of shape (n_samples, n_terms)
            ``intercept + values @ term_weights`` is what `evaluate` returns.
        """
        return self._evaluated(X, self.terms)

    def _bounded(self, X: ColumnsLike) -> Matrix:
        values = column_matrix(X, self.feature_names)
        return values if self._unbounded else np.clip(values, self.lower, self.upper)

    @cached_property
    def _unbounded(self) -> bool:
        return not np.isfinite([*self.lower, *self.upper]).any()

    def in_domain(self, X: ColumnsLike) -> Mask:
        """Tell for every row whether all outputs are defined and finite there.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or a table or mapping of columns
            Columns in raw units.

        Returns
        -------
        defined : ndarray of bool of shape (n_samples,)
            False where the equation has no finite value.
        """
        values = self._bounded(X)
        columns = dict(zip(self.feature_names, values.T, strict=True))
        inside = np.isfinite(self.evaluate(values)).all(axis=1)
        with np.errstate(all="ignore"):
            for node in self.nodes:
                inside = inside & in_domain(node, columns)
        return np.asarray(inside)

    def trees(self) -> tuple[Node, ...]:
        """Return one tree per output: what every export prints, bounds and all."""
        if self._unbounded:
            return self.nodes
        bounded = {
            name: clipped(name, lower, upper)
            for name, lower, upper in zip(self.feature_names, self.lower, self.upper, strict=True)
        }
        return tuple(substituted(node, bounded) for node in self.nodes)

    def __repr__(self) -> str:
        text = f"FittedExpression.parse({list(self.texts())!r}, {list(self.feature_names)!r})"
        return text if self._unbounded else f"{text}.within({self.lower!r}, {self.upper!r})"

    def __str__(self) -> str:
        return self.to_text()

    def to_dict(self) -> PlainData:
        """Return plain data (str, list, dict) that `from_dict` reads."""
        # By their own names: under others the terms sort otherwise, and sums inside of products
        # would be divided by another of their numbers, which rounds.
        plain: PlainData = {
            "format": _FORMAT,
            "version": 1 if self._unbounded else _VERSION,
            "expressions": list(self.texts()),
            "feature_names": list(self.feature_names),
            "link": self.link,
        }
        if not self._unbounded:
            plain |= {"lower": plain_bounds(self.lower), "upper": plain_bounds(self.upper)}
        return plain

    @classmethod
    def from_dict(cls, data: object) -> FittedExpression:
        """Read what `to_dict` returned.

        Parameters
        ----------
        data : dict
            As `to_dict` wrote it.

        Returns
        -------
        expression : FittedExpression

        Raises
        ------
        FormulaError
            If the data are not those of an expression, or of a newer format.
        """
        plain = check_format(data, _FORMAT, _VERSION)
        texts, names = plain.get("expressions", []), plain.get("feature_names", [])
        if not all(
            isinstance(items, list) and items and all(isinstance(item, str) for item in items)
            for items in (texts, names)
        ):
            raise FormulaError(
                "an expression's data need lists of texts for 'expressions' and 'feature_names'"
            )
        return cls(
            _parsed(texts, names),
            tuple(names),
            plain.get("link", "identity"),
            read_bounds(plain.get("lower", []), -math.inf),
            read_bounds(plain.get("upper", []), math.inf),
        )

    @classmethod
    def from_json(cls, text: str) -> FittedExpression:
        """Read what `to_json` wrote; raises FormulaError."""
        return cls.from_dict(load_json(text))


def _names(feature_names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(feature_names, str) or not isinstance(feature_names, Iterable):
        raise FormulaError(f"feature_names must be a sequence of names, got {feature_names!r}")
    return tuple(map(str, feature_names))


def _bounds(values: Iterable[float], what: str, n: int, none: float) -> tuple[float, ...]:
    """Check one bound per column, or none at all; raises FormulaError."""
    bounds = tuple(map(float, values)) or (none,) * n
    if len(bounds) != n or any(map(math.isnan, bounds)):
        raise FormulaError(f"{what} must hold a number for each of {n} columns, got {bounds}")
    return bounds


def _parsed(texts: Sequence[str], names: Iterable[str]) -> tuple[Node, ...]:
    if len(texts) > MAX_OUTPUTS:  # before reading so many
        raise FormulaError(f"an expression has 1 to {MAX_OUTPUTS} outputs, got {len(texts)}")
    known = frozenset(names)
    return tuple(parse_node(text, known) for text in texts)
