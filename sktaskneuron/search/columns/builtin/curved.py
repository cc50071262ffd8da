"""Stage of the package's own engine: sums of curves with constants inside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import FloatArray, Matrix, Vector
from sktaskneuron.formula.text.canonical import make_power, make_product, make_sum
from sktaskneuron.formula.text.nodes import Node, Number, Variable
from sktaskneuron.search.columns.builtin.curves import CURVES, Range
from sktaskneuron.search.columns.builtin.pool import Search, View
from sktaskneuron.search.columns.builtin.projection import (
    CurveTerm,
    Target,
    fit_constants,
    residual_of,
    weights_at,
)
from sktaskneuron.search.columns.builtin.wide import promising
from sktaskneuron.search.columns.constants import EXACT
from sktaskneuron.search.columns.dimensions import invertible

# Rows on which curves are compared; all are used to fit their numbers in the end.
_ROWS = 400
# Curves of a sum.
_MOST_TERMS = 3
# Columns of a wide table whose curves and factors are looked at.
_MOST_COLUMNS = 6
# Starts per kind of sum that are fitted, kinds of sums that are, and of them those that go on.
_STARTS, _KINDS, _GOING_ON = 3, 12, 3
# Sums of each length that are fitted to the end.
_FINISHED = 8
# Kinds of single curves that are fitted beside an equation that leaves noise, and those of them
# that are fitted to the end.
_SINGLE_KINDS, _SINGLES_FINISHED = 4, 2
# Curves whose pairs are all compared.
_PAIRED = 500
# Pairs that are looked at, the best first.
_LOOKED_AT = 20_000
# Share of a curve's square that must be left beside others.
_ALONE = 1e-6
# Squared cosine of two curves above which they are one.
_ALIKE = 1 - 1e-6


@dataclass(frozen=True)
class _Kind:
    """A curve of a column times a factor, by their numbers."""

    curve: int
    column: int
    factor: int


@dataclass(frozen=True, eq=False)
class _Starts:
    """Curves at the starts of their constants.

    Parameters
    ----------
    kinds : list of _Kind
        Of each start.
    q : list of ndarray of shape (n_constants,)
    values : ndarray of shape (n_starts, 2, n_samples)
        As lengths are measured; the second is zero where a curve has one weight.
    """

    kinds: list[_Kind]
    q: list[Vector]
    values: FloatArray


@dataclass(frozen=True, eq=False)
class _Sum:
    """A sum of curves with its constants; ``value`` is its description length but for symbols."""

    kinds: tuple[_Kind, ...]
    q: Vector
    value: float


#: Kinds of curves of sums, each with the constants (n_starts, n_constants) to start from.
Attempts: TypeAlias = list[tuple[tuple[_Kind, ...], Matrix]]


def _by_kind(ordered: Iterable[tuple[tuple[_Kind, ...], Vector]], most: int) -> Attempts:
    """Gather the first starts of each of the first kinds."""
    found: dict[tuple[_Kind, ...], list[Vector]] = {}
    for kinds, q in ordered:
        if kinds in found:
            if len(found[kinds]) < _STARTS:
                found[kinds].append(q)
        elif len(found) < most:
            found[kinds] = [q]
        elif all(len(starts) >= min(_STARTS, 1 + len(q)) for starts in found.values()):
            break
    return [(kinds, np.stack(starts)) for kinds, starts in found.items()]


def _gain(gram: FloatArray, size: Vector, along: Matrix) -> Vector:
    """Return by how much curves of two weights, (n_starts, 2, 2) in all products, lower a residual.

    ``size`` is what their first function was before others were taken out of it.
    """
    first, second, both = gram[:, 0, 0], gram[:, 1, 1], gram[:, 0, 1]
    own = np.where(first > _ALONE * size, along[:, 0] ** 2 / np.maximum(first, 1e-300), 0.0)
    rest = second - both**2 / np.maximum(first, 1e-300)
    more = along[:, 1] - along[:, 0] * both / np.maximum(first, 1e-300)
    return np.asarray(own + np.where(rest > _ALONE * size, more**2 / np.maximum(rest, 1e-300), 0.0))


class _Curves:
    """The curves of the columns of a view; ``alone``: those of one weight, times nothing."""

    def __init__(self, view: View, alone: bool = False) -> None:
        rows = view.rows(_ROWS)
        self.n = view.n_observations * len(rows) / len(view.y)
        self.target = Target.of(view.y[rows], view.weight[rows])
        columns = promising(view.X, view.y, view.weight, view.names, _MOST_COLUMNS)
        X = view.X[rows][:, columns]
        self.ranges = [Range(column) for column in X.T]
        factors: list[tuple[Vector, Node]] = [(np.ones(len(rows)), Number(1.0))]
        names: list[Node] = [Variable(view.names[place]) for place in columns]
        for column, name in zip(X.T, names, strict=True) if not alone else ():
            factors.append((column, name))
            if invertible(column):
                factors.append((1.0 / column, make_power(name, -1)))
        self.curves = [n for n, curve in enumerate(CURVES) if curve.n_weights == 1 or not alone]
        self.names = names
        self.factors = [values for values, _ in factors]
        self.factor_nodes = [node for _, node in factors]
        self.starts = self._all_starts()

    def term(self, kind: _Kind) -> CurveTerm:
        """Return what is fitted."""
        return CurveTerm(CURVES[kind.curve], self.ranges[kind.column], self.factors[kind.factor])

    def terms(self, kinds: Sequence[_Kind]) -> list[CurveTerm]:
        """Return what is fitted, of a sum."""
        return [self.term(kind) for kind in kinds]

    def _all_starts(self) -> _Starts:
        kinds: list[_Kind] = []
        constants: list[Vector] = []
        values: list[FloatArray] = []
        for column, where in enumerate(self.ranges):
            if len(np.unique(where.x)) < 4:
                continue
            for number in self.curves:
                checkpoint()
                curve = CURVES[number]
                q = curve.starts(where)
                if not len(q):
                    continue
                h = curve.values(q, where)
                for factor, times in enumerate(self.factors):
                    kinds += [_Kind(number, column, factor)] * len(q)
                    constants += list(q)
                    own = self.target.columns(h * times)
                    if own.shape[1] == 1:
                        own = np.concatenate([own, np.zeros_like(own)], axis=1)
                    values.append(own)
        n = len(self.target.y)
        return _Starts(kinds, constants, np.concatenate(values) if values else np.zeros((0, 2, n)))

    # -- what to fit -------------------------------------------------------------------------------

    def singles(self, beside: Matrix, left: Vector) -> Attempts:
        """Return the kinds of curves that lower a residual most, with constants to start from.

        ``beside`` (n_beside, n_samples) are orthonormal, and what is fitted along.
        """
        values = self.starts.values
        along = values @ left
        gram = np.einsum("smn,skn->smk", values, values)
        inside = np.einsum("smn,bn->smb", values, beside)
        rest = gram - np.einsum("smb,skb->smk", inside, inside)
        order = np.argsort(-_gain(rest, gram[:, 0, 0], along), kind="stable")
        kinds, q = self.starts.kinds, self.starts.q
        return _by_kind((((kinds[i],), q[i]) for i in order.tolist()), _KINDS)

    def pairs(self) -> Attempts:
        """Return pairs of curves of one weight that fit best together, as `singles` does."""
        values = self.starts.values
        size = np.linalg.norm(values[:, 0], axis=1)
        simple = np.flatnonzero((size > 0) & ~values[:, 1].any(axis=1))
        unit = values[simple, 0] / size[simple, None]
        along = unit @ self.target.y
        first = np.argsort(-(along**2), kind="stable")[:_PAIRED]
        unit, along, simple = unit[first], along[first], simple[first]
        cosine = unit @ unit.T
        both = along**2 + along[:, None] ** 2 - 2 * cosine * np.outer(along, along)
        gain = np.where(cosine**2 < _ALIKE, both / np.maximum(1 - cosine**2, 1e-9), 0.0)
        gain[np.tril_indices(len(gain))] = 0.0
        order = np.argsort(-gain, axis=None, kind="stable")[:_LOOKED_AT]
        kinds, q = self.starts.kinds, self.starts.q

        def made() -> Iterator[tuple[tuple[_Kind, ...], Vector]]:
            for place in order.tolist():
                i, j = (int(simple[k]) for k in divmod(place, len(gain)))
                yield (kinds[i], kinds[j]), np.concatenate([q[i], q[j]])

        return _by_kind(made(), 2 * _KINDS)

    def further(self, found: _Sum) -> Attempts:
        """Return sums with one curve more, which lowers most what a sum leaves."""
        beside, left = residual_of(self.terms(found.kinds), found.q, self.target)
        return [
            (found.kinds + kinds, np.column_stack([np.tile(found.q, (len(q), 1)), q]))
            for kinds, q in self.singles(beside, left)[: _KINDS // 2]
        ]

    # -- fits --------------------------------------------------------------------------------------

    def fitted(self, kinds: tuple[_Kind, ...], starts: Matrix) -> _Sum:
        """Fit the constants of a sum from several starts."""
        found = fit_constants(self.terms(kinds), starts, self.target)
        n_numbers = sum(CURVES[k.curve].n_weights for k in kinds) + found.q.shape[1]
        deviance = self.n * np.log(max(float(found.left[0]), EXACT))
        return _Sum(kinds, found.q[0], float(deviance + n_numbers * np.log(max(self.n, 3.0))))

    def node(self, view: View, found: _Sum) -> Node:
        """Write a sum as an equation."""
        terms = self.terms(found.kinds)
        constants, weights, beside = weights_at(terms, found.q, self.target)
        parts: list[Node] = [Number(beside)]
        for kind, term, q, w in zip(found.kinds, terms, constants, weights, strict=True):
            x = self.names[kind.column]
            curve = term.curve.write(q.tolist(), w.tolist(), x, term.column)
            parts.append(make_product([self.factor_nodes[kind.factor], curve]))
        return view.equation(make_sum(parts))


def curved_sums(search: Search, view: View) -> None:
    """Fit sums of up to three curves with constants inside, each times a column or its inverse.

    Curves alone and pairs of them are fitted, since of two rates neither is found without the
    other; the best sums take a further curve. Where the best equation leaves nothing but noise, a
    single curve of the only column may be shorter; of a group, as a ratio of two columns, curves
    are rarely the law.
    """
    if view.y.min() == view.y.max():
        return
    if search.pool.is_noise:
        if len(view.names) == 1 and not view.meaning:
            _single_curves(search, view)
        return
    search.say("curves with constants inside")
    curves = _Curves(view)
    if not curves.starts.kinds:
        return
    nothing = np.zeros((0, len(curves.target.y)))
    attempts = curves.singles(nothing, curves.target.y) + curves.pairs()
    for _ in range(_MOST_TERMS):
        found = [curves.fitted(kinds, starts) for kinds, starts in attempts]
        found.sort(key=lambda item: item.value)
        for item in found[:_FINISHED]:
            search.pool.add(partial(curves.node, view, item))
            if search.pool.is_exact:
                return
        short = [item for item in found if len(item.kinds) < _MOST_TERMS]
        attempts = [attempt for item in short[:_GOING_ON] for attempt in curves.further(item)]


def _single_curves(search: Search, view: View) -> None:
    """Fit single curves of the only column, of one weight."""
    search.say("single curves with constants inside")
    curves = _Curves(view, alone=True)
    attempts = curves.singles(np.zeros((0, len(curves.target.y))), curves.target.y)
    found = [curves.fitted(kinds, starts) for kinds, starts in attempts[:_SINGLE_KINDS]]
    for item in sorted(found, key=lambda item: item.value)[:_SINGLES_FINISHED]:
        search.pool.add(partial(curves.node, view, item))
