"""The numbers of a fitted formula: checked, and what they compute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from types import MappingProxyType
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sktaskneuron._typing import ColumnNumbers, ColumnsLike, FloatArray, Matrix, Vector
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.equation.neuron_formula import NeuronFormula
from sktaskneuron.formula.equation.terms import AtomTerm, PureTerm, atom_values, term_names
from sktaskneuron.formula.export.validation import (
    check_shape,
    column_matrix,
    count_features,
    frozen,
    numbers,
    row_blocks,
)

__all__ = ["FittedValue"]


@dataclass(frozen=True, init=False, eq=False, repr=False)
class FittedValue:
    """A neuron formula with numbers, which evaluates and names its terms.

    `FittedFormula` says what the numbers are, and adds the forms it can be written in.
    """

    formula: NeuronFormula
    intercept: Vector
    pure_weights: tuple[Matrix, ...]
    factors: Mapping[int, FloatArray]
    loadings: Mapping[int, Matrix]
    center: Vector
    scale: Vector
    lower: Vector
    upper: Vector
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
        pure = tuple(numbers(weights, "pure_weights") for weights in pure_weights)
        by_order = {order: numbers(u, "factors") for order, u in sorted((factors or {}).items())}
        out = {order: numbers(v, "loadings") for order, v in sorted((loadings or {}).items())}
        bias = numbers(intercept, "intercept")
        if bias.ndim != 1 or bias.size == 0:
            raise FormulaError(f"intercept must have shape (n_outputs,), got {bias.shape}")
        given = {"center": center, "scale": scale, "lower": lower, "upper": upper}
        columns = {
            name: numbers(values, name, finite=name in ("center", "scale"))
            for name, values in given.items()
            if values is not None
        }
        names = None if feature_names is None else tuple(str(name) for name in feature_names)
        n_features = count_features(names, columns.values(), pure, by_order)
        _check_terms(formula, pure, by_order, out, (n_features, bias.size))
        if names is None:
            names = tuple(f"x{i}" for i in range(n_features))
        attributes = {
            "formula": formula,
            "intercept": bias,
            "pure_weights": pure,
            "factors": MappingProxyType(by_order),
            "loadings": MappingProxyType(out),
            **_every_column(columns, n_features),
            "feature_names": names,
            "link": link,
        }
        if len(set(names)) != len(names) or "" in names:
            raise FormulaError("feature_names must be distinct and not empty")
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

    def _active_pure(self) -> Iterator[tuple[int, ColumnNumbers]]:
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
    def used_features(self) -> ColumnNumbers:
        """Indices of the columns that the equation reads, upwards."""
        used = np.zeros(self.n_features, dtype=bool)
        for _, active in self._active_pure():
            used[active] = True
        for order, kept in self._active_atoms():
            used |= self.factors[order][:, :, kept].any(axis=(0, 2))
        return frozen(np.flatnonzero(used))

    def within(self, lower: ArrayLike, upper: ArrayLike) -> Self:
        """Return the same equation with bounds at least as tight as these, of every column."""
        return replace(
            self, lower=np.maximum(self.lower, lower), upper=np.minimum(self.upper, upper)
        )

    def _standardized(self, values: Matrix) -> Matrix:
        """Return z of the used columns, shape (n_rows, n_used)."""
        used = self.used_features
        clipped = np.clip(values[:, used], self.lower[used], self.upper[used])
        return np.asarray((clipped - self.center[used]) / self.scale[used])

    def _blocks(self, z: Matrix) -> Iterator[tuple[Matrix, Matrix]]:
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

    def evaluate(self, X: ColumnsLike) -> Matrix:
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
        result = np.tile(self.intercept, (len(values), 1))
        for rows in row_blocks(len(values)):
            with np.errstate(all="ignore"):  # NaN and infinity come out as the value says
                for terms, weights in self._blocks(self._standardized(values[rows])):
                    result[rows] += terms @ weights
        return result

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
            Per pure term and feature with a non-zero weight one column ``g_t(z_i)``, per atom
            with a non-zero loading one column ``A_{k,r}(z)``; ``intercept + values @
            term_weights`` is what `evaluate` returns.
        """
        values = column_matrix(X, self.feature_names)
        result = np.empty((len(values), len(self.terms)))
        for rows in row_blocks(len(values)):
            column = 0
            with np.errstate(all="ignore"):
                for terms, weights in self._blocks(self._standardized(values[rows])):
                    result[rows, column : column + len(weights)] = terms
                    column += len(weights)
        return result

    @property
    def term_weights(self) -> Matrix:
        """Weights of the columns of `transform`, shape (n_terms, n_outputs)."""
        blocks = [self.pure_weights[t][active] for t, active in self._active_pure()]
        blocks += [self.loadings[order][kept] for order, kept in self._active_atoms()]
        return np.vstack(blocks) if blocks else np.zeros((0, self.n_outputs))

    def reweighted(self, intercept: ArrayLike, weights: ArrayLike) -> Self:
        """Return the same terms with other weights.

        Parameters
        ----------
        intercept : array-like of shape (n_outputs,)
            New constants.
        weights : array-like of shape (n_terms, n_outputs)
            In the order of `terms`.

        Returns
        -------
        fitted : FittedFormula
            What is inside of terms stays: functions, factors, center, scale and bounds.

        Raises
        ------
        FormulaError
            If the weights are not finite or of another shape.
        """
        given = numbers(weights, "weights")
        check_shape("weights", given, (len(self.terms), self.n_outputs))
        pure = [own.copy() for own in self.pure_weights]
        loadings = {order: own.copy() for order, own in self.loadings.items()}
        start = 0
        for t, active in self._active_pure():
            pure[t][active] = given[start : start + len(active)]
            start += len(active)
        for order, kept in self._active_atoms():
            loadings[order][kept] = given[start : start + len(kept)]
            start += len(kept)
        bias = numbers(intercept, "intercept")
        return replace(self, intercept=bias, pure_weights=tuple(pure), loadings=loadings)

    def term_names(self) -> list[str]:
        """Return one distinct name per column of `transform`.

        Returns
        -------
        names : list of str
            Pure terms as ``age**2``; atoms as ``age*bmi`` if they hold a single monomial, else
            as ``<x,x>[r]`` with the atom's index r. The names leave out centring and scaling.
        """
        return term_names(self.formula, self.terms, self.factors, self.feature_names)

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        # Through the constructor: read-only flags and mapping proxies do not pickle.
        values = [getattr(self, item.name) for item in fields(self)]
        return type(self), tuple(
            dict(value) if isinstance(value, MappingProxyType) else value for value in values
        )


def _check_terms(
    formula: NeuronFormula,
    pure: Sequence[FloatArray],
    factors: Mapping[int, FloatArray],
    loadings: Mapping[int, FloatArray],
    shape: tuple[int, int],
) -> None:
    """Raise FormulaError unless the arrays are those of the formula's terms.

    The shape is (n_features, n_outputs).
    """
    if len(pure) != len(formula.expressions):
        raise FormulaError(
            f"the formula {formula} has {len(formula.expressions)} pure terms, but "
            f"{len(pure)} arrays of pure_weights were given"
        )
    for weights in pure:
        check_shape("pure_weights", weights, shape)
    orders = [order for order, _ in formula.ranks]
    if list(factors) != orders or list(loadings) != orders:
        raise FormulaError(
            f"the formula {formula} has interactions of the orders {orders}, but factors were "
            f"given for {list(factors)} and loadings for {list(loadings)}"
        )
    n_features, n_outputs = shape
    for order, rank in formula.ranks:
        check_shape(f"factors[{order}]", factors[order], (order, n_features, rank))
        check_shape(f"loadings[{order}]", loadings[order], (rank, n_outputs))


def _every_column(given: Mapping[str, FloatArray], n_features: int) -> dict[str, FloatArray]:
    """Return centers, scales and bounds of all columns; raises FormulaError."""
    defaults = {"center": 0.0, "scale": 1.0, "lower": -np.inf, "upper": np.inf}
    filled = {
        name: given[name] if name in given else frozen(np.full(n_features, default))
        for name, default in defaults.items()
    }
    for name, values in filled.items():
        check_shape(name, values, (n_features,))
    if not np.all(filled["scale"] > 0):
        raise FormulaError("every scale must be positive")
    if not np.all(filled["lower"] <= filled["upper"]):
        raise FormulaError("every lower bound must be at most its upper bound")
    return filled
