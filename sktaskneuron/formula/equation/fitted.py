"""`FittedFormula`: a neuron formula with numbers, on raw columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.equation.neuron_formula import NeuronFormula, load_json
from sktaskneuron.formula.equation.terms import AtomTerm, PureTerm, atom_values, term_names
from sktaskneuron.formula.export.exports import Exports
from sktaskneuron.formula.export.validation import (
    check_shape,
    column_matrix,
    count_features,
    frozen,
    numbers,
)
from sktaskneuron.formula.text.nodes import Node

__all__ = ["AtomTerm", "FittedFormula", "PureTerm"]

FloatArray = NDArray[np.float64]

# Rows computed at once: the values of the terms stay in the processor's cache.
_ROWS = 4096


@dataclass(frozen=True, init=False, eq=False, repr=False)
class FittedFormula(Exports):
    r"""A neuron formula with fitted numbers: an equation from raw columns to outputs.

    .. math::
        z_i &= (\mathrm{clip}(x_i, \mathrm{lower}_i, \mathrm{upper}_i)
              - \mathrm{center}_i) / \mathrm{scale}_i \\
        f(x) &= b + \sum_t \sum_i W_{t,i}\, g_t(z_i) + \sum_k \sum_r V_{k,r}\, A_{k,r}(z) \\
        A_{k,r}(z) &= \prod_{m=1}^{k} \langle u_{k,m,r}, z \rangle
                    - \sum_i \Big(\prod_{m=1}^{k} u_{k,m,r,i}\Big) z_i^k

    The subtraction keeps interactions disjoint from pure terms: no :math:`z_i^k` hides in an
    interaction of order k, so every function has one set of numbers only.

    Only columns with a non-zero weight are read: NaN elsewhere does no harm. Arrays are copied
    and made read-only.

    Parameters
    ----------
    formula : NeuronFormula
    intercept : array-like of shape (n_outputs,)
    pure_weights : sequence of array-like of shape (n_features, n_outputs)
        :math:`W_t`, one per pure term, in the formula's canonical order.
    factors : mapping of int to array-like of shape (order, n_features, rank)
        :math:`u_{k,m,r}`, by order, for every order of the formula.
    loadings : mapping of int to array-like of shape (rank, n_outputs)
        :math:`V_{k,r}`, by order.
    center, scale : array-like of shape (n_features,), optional
        In raw units; 0 and 1 by default. Scales are positive.
    lower, upper : array-like of shape (n_features,), optional
        Bounds in raw units; without bounds by default.
    feature_names : sequence of str, optional
        Distinct names of the columns; ``x0``, ``x1``, ... by default.
    link : str, optional
        How a model uses the value, e.g. "logit". Kept as a note: what is evaluated and
        exported is always the linear predictor f.

    Raises
    ------
    FormulaError
        If shapes disagree, numbers are not finite, or names repeat.

    Examples
    --------
    >>> from sktaskneuron.formula import FittedFormula, NeuronFormula
    >>> fitted = FittedFormula(
    ...     NeuronFormula.parse("x**2 + <x,x>:1"),
    ...     intercept=[1.0],
    ...     pure_weights=[[[2.0], [0.0]]],
    ...     factors={2: [[[1.0], [0.0]], [[0.0], [1.0]]]},
    ...     loadings={2: [[3.0]]},
    ...     feature_names=("age", "bmi"),
    ... )
    >>> fitted.evaluate([[2.0, 5.0]])
    array([[39.]])
    >>> fitted.term_names()
    ['age**2', 'age*bmi']
    >>> print(fitted)
    2*age**2 + 3*age*bmi + 1
    """

    formula: NeuronFormula
    intercept: FloatArray
    pure_weights: tuple[FloatArray, ...]
    factors: Mapping[int, FloatArray]
    loadings: Mapping[int, FloatArray]
    center: FloatArray
    scale: FloatArray
    lower: FloatArray
    upper: FloatArray
    feature_names: tuple[str, ...]
    link: str

    def __init__(
        self,
        formula: NeuronFormula,
        intercept: ArrayLike,
        pure_weights: Sequence[ArrayLike] = (),
        factors: Mapping[int, ArrayLike] | None = None,
        loadings: Mapping[int, ArrayLike] | None = None,
        center: ArrayLike | None = None,
        scale: ArrayLike | None = None,
        lower: ArrayLike | None = None,
        upper: ArrayLike | None = None,
        feature_names: Sequence[str] | None = None,
        link: str = "identity",
    ) -> None:
        if not isinstance(formula, NeuronFormula):
            raise FormulaError(f"formula must be a NeuronFormula, got {formula!r}")
        if not isinstance(link, str) or not link.isprintable():
            raise FormulaError(f"link must be a printable str, got {link!r}")
        pure = [numbers(weights, "pure_weights") for weights in pure_weights]
        by_order = {order: numbers(u, "factors") for order, u in sorted((factors or {}).items())}
        out = {order: numbers(v, "loadings") for order, v in sorted((loadings or {}).items())}
        bias = numbers(intercept, "intercept")
        if bias.ndim != 1 or bias.size == 0:
            raise FormulaError(f"intercept must have shape (n_outputs,), got {bias.shape}")
        columns = {
            "center": None if center is None else numbers(center, "center"),
            "scale": None if scale is None else numbers(scale, "scale"),
            "lower": None if lower is None else numbers(lower, "lower", finite=False),
            "upper": None if upper is None else numbers(upper, "upper", finite=False),
        }
        names = None if feature_names is None else tuple(str(name) for name in feature_names)
        n_features = count_features(names, list(columns.values()), pure, by_order)
        n_outputs = bias.size
        if len(pure) != len(formula.expressions):
            raise FormulaError(
                f"the formula {formula} has {len(formula.expressions)} pure terms, but "
                f"{len(pure)} arrays of pure_weights were given"
            )
        for weights in pure:
            check_shape("pure_weights", weights, (n_features, n_outputs))
        orders = [order for order, _ in formula.ranks]
        if list(by_order) != orders or list(out) != orders:
            raise FormulaError(
                f"the formula {formula} has interactions of the orders {orders}, but factors were "
                f"given for {list(by_order)} and loadings for {list(out)}"
            )
        for order, rank in formula.ranks:
            check_shape(f"factors[{order}]", by_order[order], (order, n_features, rank))
            check_shape(f"loadings[{order}]", out[order], (rank, n_outputs))
        defaults = {"center": 0.0, "scale": 1.0, "lower": -np.inf, "upper": np.inf}
        filled = {
            name: frozen(np.full(n_features, defaults[name])) if values is None else values
            for name, values in columns.items()
        }
        for name, values in filled.items():
            check_shape(name, values, (n_features,))
        if not np.all(filled["scale"] > 0):
            raise FormulaError("every scale must be positive")
        if not np.all(filled["lower"] <= filled["upper"]):
            raise FormulaError("every lower bound must be at most its upper bound")
        if names is None:
            names = tuple(f"x{i}" for i in range(n_features))
        if len(set(names)) != len(names) or "" in names:
            raise FormulaError("feature_names must be distinct and not empty")
        attributes: dict[str, Any] = {
            "formula": formula,
            "intercept": bias,
            "pure_weights": tuple(pure),
            "factors": MappingProxyType(by_order),
            "loadings": MappingProxyType(out),
            **filled,
            "feature_names": names,
            "link": link,
        }
        for name, value in attributes.items():
            object.__setattr__(self, name, value)

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return len(self.feature_names)

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return len(self.intercept)

    @cached_property
    def terms(self) -> tuple[PureTerm | AtomTerm, ...]:
        """The additive terms with a non-zero weight: pure ones by feature, then atoms."""
        pure = (PureTerm(t, int(i)) for t, active in self._active_pure() for i in active)
        atoms = (AtomTerm(order, int(r)) for order, kept in self._active_atoms() for r in kept)
        return (*pure, *atoms)

    def _active_pure(self) -> Iterator[tuple[int, NDArray[np.intp]]]:
        """Yield every pure term with the features that have a non-zero weight in it."""
        for t, weights in enumerate(self.pure_weights):
            active = np.flatnonzero(weights.any(axis=1))
            if active.size:
                yield t, active

    def _active_atoms(self) -> Iterator[tuple[int, NDArray[np.intp]]]:
        """Yield every order with its atoms that are loaded and not zero everywhere.

        An atom is zero if a factor is, or if all its factors see the same one feature only:
        the whole product is then the z_i**k that the term leaves out.
        """
        for order, u in self.factors.items():
            support = u != 0
            mixed = support.any(axis=1).all(axis=0) & (support.any(axis=0).sum(axis=0) > 1)
            kept = np.flatnonzero(mixed & self.loadings[order].any(axis=1))
            if kept.size:
                yield order, kept

    @cached_property
    def used_features(self) -> NDArray[np.intp]:
        """Indices of the columns that the equation reads, upwards."""
        used = np.zeros(self.n_features, dtype=bool)
        for _, active in self._active_pure():
            used[active] = True
        for order, kept in self._active_atoms():
            used |= self.factors[order][:, :, kept].any(axis=(0, 2))
        return frozen(np.flatnonzero(used))

    def _standardized(self, values: FloatArray) -> FloatArray:
        """Return z of the used columns, shape (n_rows, n_used)."""
        used = self.used_features
        clipped = np.clip(values[:, used], self.lower[used], self.upper[used])
        return np.asarray((clipped - self.center[used]) / self.scale[used])

    def _blocks(self, z: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield the values of the terms and their weights, block by block in term order.

        Values have shape (n_samples, n_block), weights (n_block, n_outputs).
        """
        place = np.full(self.n_features, -1)
        place[self.used_features] = np.arange(self.used_features.size)
        for t, active in self._active_pure():
            values = self.formula.expressions[t].evaluate(z[:, place[active]])
            yield values, self.pure_weights[t][active]
        for order, kept in self._active_atoms():
            u = self.factors[order][:, :, kept]
            read = np.flatnonzero(u.any(axis=(0, 2)))
            yield atom_values(z[:, place[read]], u[:, read]), self.loadings[order][kept]

    def evaluate(self, X: Any) -> FloatArray:
        """Compute f(x) for every row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or a table or mapping of columns
            Raw columns. Columns of a dataframe or mapping are taken by name, in any order.

        Returns
        -------
        values : ndarray of float64 of shape (n_samples, n_outputs)
            The linear predictor, whatever the link. NaN where a used column is NaN or a pure
            term is not defined.

        Raises
        ------
        FormulaError
            If X has another number of columns, or the table lacks one.
        """
        values = column_matrix(X, self.feature_names)
        result = np.tile(self.intercept, (values.shape[0], 1))
        for start in range(0, values.shape[0], _ROWS):
            rows = slice(start, start + _ROWS)
            with np.errstate(all="ignore"):  # NaN and infinity come out as the value says
                for terms, weights in self._blocks(self._standardized(values[rows])):
                    result[rows] += terms @ weights
        return result

    __call__ = evaluate

    def transform(self, X: Any) -> FloatArray:
        """Compute the value of every additive term for every row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or a table or mapping of columns

        Returns
        -------
        values : ndarray of float64 of shape (n_samples, n_terms)
            Per pure term and feature with a non-zero weight one column ``g_t(z_i)``, per atom
            with a non-zero loading one column ``A_{k,r}(z)``; ``intercept + values @
            term_weights`` is what `evaluate` returns.
        """
        values = column_matrix(X, self.feature_names)
        result = np.empty((values.shape[0], len(self.terms)))
        for start in range(0, values.shape[0], _ROWS):
            rows = slice(start, start + _ROWS)
            column = 0
            with np.errstate(all="ignore"):
                for terms, weights in self._blocks(self._standardized(values[rows])):
                    result[rows, column : column + len(weights)] = terms
                    column += len(weights)
        return result

    @property
    def term_weights(self) -> FloatArray:
        """Weights of the columns of `transform`, shape (n_terms, n_outputs)."""
        blocks = [self.pure_weights[t][active] for t, active in self._active_pure()]
        blocks += [self.loadings[order][kept] for order, kept in self._active_atoms()]
        return np.vstack(blocks) if blocks else np.zeros((0, self.n_outputs))

    def term_names(self) -> list[str]:
        """Return one distinct name per column of `transform`.

        Returns
        -------
        names : list of str
            Pure terms as ``age**2``; atoms as ``age*bmi`` if they hold a single monomial, else
            as ``<x,x>[r]`` with the atom's index r. The names leave out centring and scaling.
        """
        return term_names(self.formula, self.terms, self.factors, self.feature_names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FittedFormula):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.formula, self.feature_names, self.intercept.tobytes()))

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        # Through the constructor: read-only flags and mapping proxies do not pickle.
        values = [getattr(self, item.name) for item in fields(self)]
        return type(self), tuple(
            dict(value) if isinstance(value, MappingProxyType) else value for value in values
        )

    def __repr__(self) -> str:
        return (
            f"<FittedFormula {self.formula}: {len(self.terms)} terms, "
            f"{self.n_features} columns, {self.n_outputs} outputs>"
        )

    def __str__(self) -> str:
        try:
            return self.to_text()
        except FormulaError:  # too long to read
            return repr(self)

    def trees(self) -> tuple[Node, ...]:
        """Return one tree per output on the raw columns, clipped where there are bounds.

        See `sktaskneuron.formula.equation.trees.trees`.
        """
        from sktaskneuron.formula.equation.trees import trees

        return trees(self)

    def to_sympy(self, *, form: str = "auto", max_terms: int = 5000) -> Any:
        """Return the equation as sympy expressions of the raw columns.

        See `sktaskneuron.formula.equation.sympy_form.to_sympy`.
        """
        from sktaskneuron.formula.equation.sympy_form import to_sympy

        return to_sympy(self, form=form, max_terms=max_terms)

    def to_text(self, digits: int = 4, *, form: str = "auto", max_terms: int = 200) -> str:
        """Return the equation as readable text, with rounded numbers.

        See `sktaskneuron.formula.equation.sympy_form.to_text`.
        """
        from sktaskneuron.formula.equation.sympy_form import to_text

        return to_text(self, digits=digits, form=form, max_terms=max_terms)

    def to_latex(self, digits: int = 4, *, form: str = "auto", max_terms: int = 200) -> str:
        """Return the equation as LaTeX, with rounded numbers.

        See `sktaskneuron.formula.equation.sympy_form.to_latex`.
        """
        from sktaskneuron.formula.equation.sympy_form import to_latex

        return to_latex(self, digits=digits, form=form, max_terms=max_terms)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data (str, float, list, dict, None) that `from_dict` reads."""
        from sktaskneuron.formula.equation.json_form import to_dict

        return to_dict(self)

    @classmethod
    def from_dict(cls, data: Any) -> FittedFormula:
        """Read what `to_dict` returned; raises FormulaError."""
        from sktaskneuron.formula.equation.json_form import from_dict

        return from_dict(data)

    @classmethod
    def from_json(cls, text: str) -> FittedFormula:
        """Read what `to_json` wrote; raises FormulaError."""
        return cls.from_dict(load_json(text))
