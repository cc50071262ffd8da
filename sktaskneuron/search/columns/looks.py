"""What an engine is asked for: equations of the columns in one form of them or another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sktaskneuron._clock import seconds_left, within
from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.text.canonical import make_power, make_product, make_sum
from sktaskneuron.formula.text.nodes import Node, Number, Power, Product, Sum, render
from sktaskneuron.search.columns.constants import NamedRows
from sktaskneuron.search.columns.dimensions import Groups, power_node, power_product
from sktaskneuron.search.columns.engines.protocol import ColumnsEngine, ColumnsProblem
from sktaskneuron.search.columns.origins import (
    Form,
    Forms,
    in_given_columns,
    misses_a_polynomial,
)
from sktaskneuron.search.columns.rules import running_rules

_LOOKING = "the search of an equation"


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
class LookInGroups:
    """A search in groups of columns that have no unit.

    Parameters
    ----------
    ask : Ask
    ways : sequence of Groups
    names : tuple of str
    X : ndarray of shape (n_samples, n_features)
        The columns, as given.
    """

    ask: Ask
    ways: Sequence[Groups]
    names: tuple[str, ...]
    X: Matrix

    def __call__(self, rows: NamedRows, on_step: Callable[[str], None]) -> list[Node]:
        """Return candidates for the target of the rows; without time for all those found so far."""
        found: list[Node] = []
        for number, way in enumerate(self.ways):
            with within(seconds_left() / (len(self.ways) - number), _LOOKING):
                found += self._in_groups(way, rows, on_step)
            if any(rows.is_exact(rows.loss(node)) for node in found):
                break
        return found

    def _in_groups(
        self, way: Groups, rows: NamedRows, on_step: Callable[[str], None]
    ) -> list[Node]:
        scale, node = power_product(self.X, way.scale), power_node(self.names, way.scale)
        # errors of y / scale are as many times smaller; the rows stay as many
        weight = rows.weight * scale**2
        weight = weight * (rows.n_effective / weight.sum())
        y = rows.y / scale
        if not np.isfinite(y).all() or not np.isfinite(weight).all() or (weight <= 0).any():
            return []
        constant = [make_product([Number(float(weight @ y / weight.sum())), node])]
        if not way.groups or y.min() == y.max():
            return constant
        groups = [power_node(self.names, powers) for powers in way.groups]
        labels = tuple(render(group) for group in groups)
        values = np.stack([power_product(self.X, powers) for powers in way.groups], axis=1)
        meaning = dict(zip(labels, groups, strict=True))
        found = constant
        for candidate in self.ask(values, labels, y, weight, on_step):
            try:
                law = in_given_columns(candidate, meaning)
                found += [make_product([node, law]), *_under_root(node, law)]
            except FormulaError:  # a number that overflows in the columns as given
                continue
        return found


def _under_root(scale: Node, law: Node) -> list[Node]:
    """Return ``s*sqrt(a + b)`` as ``sqrt(s**2*a + s**2*b)``, which may be a sum of squares."""
    match law:
        case Product(coefficient, (Power(Sum(terms, constant), exponent),)):
            outside = make_power(scale, 1.0 / exponent)
            parts = [make_product([outside, term]) for term in (*terms, Number(constant))]
            return [make_product([Number(coefficient), make_power(make_sum(parts), exponent)])]
        case Power(Sum()):
            return _under_root(scale, Product(1.0, (law,)))
        case _:
            return []
