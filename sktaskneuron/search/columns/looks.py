"""What an engine is asked for: equations of the columns in one form of them or another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sktaskneuron._clock import seconds_left, within
from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.text.canonical import make_power, make_product, make_sum
from sktaskneuron.formula.text.nodes import Node, Number, Power, Product, Sum, Variable, render
from sktaskneuron.search.columns.constants import NamedRows
from sktaskneuron.search.columns.differences import find_differences
from sktaskneuron.search.columns.dimensions import Groups, power_node, power_product, ways_of
from sktaskneuron.search.columns.engines.protocol import ColumnsEngine, ColumnsProblem
from sktaskneuron.search.columns.origins import (
    Form,
    Forms,
    in_given_columns,
    misses_a_polynomial,
)
from sktaskneuron.search.columns.rules import running_rules
from sktaskneuron.search.columns.simplify import simplified
from sktaskneuron.search.columns.units import Unit

_LOOKING = "the search of an equation"
# Candidates of a search in groups, the best ones, that are written with their scale inside too.
_MOST_MULTIPLIED = 40


@dataclass(frozen=True, eq=False)
class Ask:
    """An engine with its settings; see `ColumnsProblem`."""

    find: ColumnsEngine
    max_complexity: int
    max_steps: int | None
    seed: int

    def __call__(
        self,
        X: Matrix,
        names: tuple[str, ...],
        y: Vector,
        weight: Vector,
        on_step: Callable[[str], None],
    ) -> list[Node]:
        """Return candidates for a target."""
        return self.find(
            ColumnsProblem(
                X, names, y, weight, self.max_complexity, self.max_steps, self.seed, on_step
            )
        )


@dataclass(frozen=True, eq=False)
class LookInForms:
    """A search in one form of the columns, or in both.

    Parameters
    ----------
    ask : Ask
    forms : Forms
    X : ndarray of shape (n_samples, n_features)
        The columns of the forms, as given.
    """

    ask: Ask
    forms: Forms
    X: Matrix

    def __call__(self, rows: NamedRows, on_step: Callable[[str], None]) -> list[Node]:
        """Return candidates for the target of the rows; without time for all those found so far."""
        forms, found = self.forms, list[Node]()
        with within(seconds_left() / (1 + forms.both), _LOOKING):
            found = self._in_form(forms.first, rows, on_step)
        if forms.second is None:
            return found
        with within(otherwise=_LOOKING):
            if not forms.both:
                size = running_rules().size
                short = [node for node in found if size(node) <= self.ask.max_complexity]
                best = min(short, key=rows.criterion, default=Number(rows.mean))
                if not misses_a_polynomial(best, forms.second, self.X, rows):
                    return found
            return found + self._in_form(forms.second, rows, on_step)
        return found

    def _in_form(self, form: Form, rows: NamedRows, on_step: Callable[[str], None]) -> list[Node]:
        return self.ask(form(self.X), form.names, rows.y, rows.weight, on_step)


@dataclass(frozen=True, eq=False)
class Quantities:
    """Columns, or differences of them, with their units.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_quantities)
    names : tuple of str
    units : tuple of Unit
    meaning : mapping of str to Node
        What the names of differences stand for.
    """

    X: Matrix
    names: tuple[str, ...]
    units: tuple[Unit, ...]
    meaning: Mapping[str, Node] = field(default_factory=dict)

    def with_differences(self, pairs: Sequence[tuple[int, int]]) -> Quantities:
        """Put differences in place of pairs of columns, mostly positive ones."""
        gone = {i for pair in pairs for i in pair}
        kept = [i for i in range(len(self.names)) if i not in gone]
        columns, names = [self.X[:, i] for i in kept], [self.names[i] for i in kept]
        units = [self.units[i] for i in kept]
        meaning = dict(self.meaning)
        for pair in pairs:
            less, more = sorted(pair, key=lambda i: float(self.X[:, i].mean()))
            less_node = make_product([Number(-1.0), Variable(self.names[less])])
            node = make_sum([Variable(self.names[more]), less_node])
            label = render(node)
            while label in self.names:
                label += "'"
            columns.append(self.X[:, more] - self.X[:, less])
            names.append(label)
            units.append(self.units[more])
            meaning[label] = node
        return Quantities(np.stack(columns, axis=1), tuple(names), tuple(units), meaning)

    def product(self, powers: Mapping[int, float]) -> Node:
        """Return a product of powers, in the given columns."""
        return in_given_columns(power_node(self.names, powers), self.meaning)


@dataclass(frozen=True, eq=False)
class LookInGroups:
    """A search in groups of columns that have no unit.

    Parameters
    ----------
    ask : Ask
    ways : sequence of Groups
        Of the columns as given.
    given : Quantities
        The columns.
    target : Unit
    """

    ask: Ask
    ways: Sequence[Groups]
    given: Quantities
    target: Unit

    def __call__(self, rows: NamedRows, on_step: Callable[[str], None]) -> list[Node]:
        """Return candidates for the target of the rows; without time for all those found so far."""
        found: list[Node] = []
        ways = self._all_ways(rows)
        for number, (quantities, way) in enumerate(ways):
            with within(seconds_left() / (len(ways) - number), _LOOKING):
                found += self._in_groups(quantities, way, rows, on_step)
            if any(rows.is_exact(rows.loss(node)) for node in found):
                break
        return found

    def _all_ways(self, rows: NamedRows) -> list[tuple[Quantities, Groups]]:
        """Return the ways to search: with differences, where the rows tell of some, and as given.

        Of the latter the first one is enough beside the others.
        """
        given = self.given
        ways = [(given, way) for way in self.ways]
        pairs = find_differences(given.X, rows.y, rows.weight, self.ways[0], given.units)
        if not pairs:
            return ways
        apart = given.with_differences(pairs)
        found = [(apart, way) for way in ways_of(apart.X, apart.units, self.target)]
        return [*found, ways[0]] if found else ways

    def _in_groups(
        self,
        quantities: Quantities,
        way: Groups,
        rows: NamedRows,
        on_step: Callable[[str], None],
    ) -> list[Node]:
        scale, node = power_product(quantities.X, way.scale), quantities.product(way.scale)
        # errors of y / scale are as many times smaller; the rows stay as many
        weight = rows.weight * scale**2
        weight = weight * (rows.n_effective / weight.sum())
        y = rows.y / scale
        if not np.isfinite(y).all() or not np.isfinite(weight).all() or (weight <= 0).any():
            return []
        constant = [make_product([Number(float(weight @ y / weight.sum())), node])]
        if not way.groups or y.min() == y.max():
            return constant
        groups = [quantities.product(powers) for powers in way.groups]
        labels = tuple(render(group) for group in groups)
        values = np.stack([power_product(quantities.X, powers) for powers in way.groups], axis=1)
        meaning = dict(zip(labels, groups, strict=True))
        found = constant
        for place, candidate in enumerate(self.ask(values, labels, y, weight, on_step)):
            try:
                law = in_given_columns(candidate, meaning)
                found.append(make_product([node, law]))
                if place < _MOST_MULTIPLIED:
                    found.append(simplified(_multiplied_out(node, law), rows))
            except FormulaError:  # a number that overflows in the columns as given
                continue
        return found


def _multiplied_out(scale: Node, law: Node) -> Node:
    """Multiply a law by its scale, term by term and under roots.

    ``s*sqrt(a + b)`` is ``sqrt(s**2*a + s**2*b)``, which may be a sum of squares.
    """
    match law:
        case Sum(terms, constant):
            parts = [_multiplied_out(scale, term) for term in terms]
            return make_sum([*parts, make_product([Number(constant), scale])])
        case Product(coefficient, factors):
            roots = [
                part for part in factors if isinstance(part, Power) and isinstance(part.base, Sum)
            ]
            if len(roots) != 1:
                return make_product([scale, law])
            rest = [part for part in factors if part is not roots[0]]
            outside = _multiplied_out(make_product([scale, *rest]), roots[0])
            return make_product([Number(coefficient), outside])
        case Power(Sum() as inside, exponent):
            return make_power(_multiplied_out(make_power(scale, 1.0 / exponent), inside), exponent)
        case _:
            return make_product([scale, law])
