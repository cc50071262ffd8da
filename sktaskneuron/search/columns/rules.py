"""What a user allows in equations of columns: functions, nesting, powers, sizes, shapes.

The rules of a running search stand in a context variable rather than be handed down: libraries are
made in many places, and each goes by them (as the clock does, `sktaskneuron._clock`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.formula.equation.fitted_expression import FittedExpression
from sktaskneuron.formula.text.evaluation import evaluate, primitives_of, variables
from sktaskneuron.formula.text.nodes import Call, Node, Power, Variable, children, complexity

# Points at which an equation is looked at, and by which share of a column's range it is followed.
_POINTS, _STEP = 2_000, 1e-3
# Share of the equation's own range that a step against the wanted direction may have.
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Rules:
    """What an equation may be made of, and how it must run.

    Parameters
    ----------
    functions : frozenset of str or None
        Names of functions that may stand in it; None: all.
    max_power : int or None
        Largest exponent, in size.
    sizes : mapping of str to int
        Nodes that a function or column counts; others count one.
    nesting : mapping of str to frozenset of str
        Functions that may not stand inside of a function.
    forced : tuple of frozenset of str
        Groups of columns, as the levels of a category, of each of which one at least must stand in
        it.
    monotone : mapping of str to int
        Columns along which it must rise (1) or fall (-1).
    domain : mapping of str to (low, high)
        Ranges of columns in which it must be finite.
    """

    functions: frozenset[str] | None = None
    max_power: int | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    nesting: Mapping[str, frozenset[str]] = field(default_factory=dict)
    forced: tuple[frozenset[str], ...] = ()
    monotone: Mapping[str, int] = field(default_factory=dict)
    domain: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def restrict_parts(self) -> bool:
        """Whether there is anything that a part of an equation may not be made of."""
        return self.functions is not None or self.max_power is not None or bool(self.nesting)

    @property
    def restrict_shape(self) -> bool:
        """Whether there is anything that whole equations must do."""
        return bool(self.forced or self.monotone or self.domain)

    def admit_part(self, node: Node) -> bool:
        """Tell whether a tree may stand in an equation."""
        if not self.restrict_parts:
            return True
        if self.functions is not None and not primitives_of(node) <= self.functions:
            return False
        return self._admits_nesting(node) and self._admits_powers(node)

    def _admits_powers(self, node: Node) -> bool:
        if self.max_power is None:
            return True
        if isinstance(node, Power) and abs(node.exponent) > self.max_power:
            return False
        return all(map(self._admits_powers, children(node)))

    def _admits_nesting(self, node: Node) -> bool:
        if not self.nesting:
            return True
        name = _function_of(node)
        refused = self.nesting.get(name, frozenset()) if name else frozenset()
        inside = children(node)
        if refused and any(primitives_of(part) & refused for part in inside):
            return False
        return all(map(self._admits_nesting, inside))

    def size(self, node: Node) -> int:
        """Return the number of nodes, functions and columns as they count."""
        return complexity(node) + (self._extra(node) if self.sizes else 0)

    def _extra(self, node: Node) -> int:
        name = node.name if isinstance(node, Variable) else _function_of(node)
        own = self.sizes.get(name, 1) - 1 if name else 0
        return own + sum(map(self._extra, children(node)))

    def admit(self, node: Node, columns: Mapping[str, Vector]) -> bool:
        """Tell whether a tree may be an equation.

        Parameters
        ----------
        node : Node
        columns : mapping of str to ndarray of shape (n_samples,)
            Columns of the rows.
        """
        if not self.admit_part(node):
            return False
        read = variables(node)
        if not all(group & read for group in self.forced):
            return False
        if not (read & (self.monotone.keys() | self.domain.keys())):
            return True
        names = tuple(name for name in columns if name in read)
        points, span = self._points(names, columns)
        equation = FittedExpression((node,), names)
        with np.errstate(all="ignore"):
            return self._is_finite(equation, points) and self._is_monotone(equation, points, span)

    def _is_finite(self, equation: FittedExpression, points: Matrix) -> bool:
        if not self.domain:
            return True
        columns = dict(zip(equation.feature_names, points.T, strict=True))
        return bool(equation.in_domain(points).all()) and not _has_pole(equation.nodes[0], columns)

    def _is_monotone(self, equation: FittedExpression, points: Matrix, span: Vector) -> bool:
        values = equation.evaluate(points)[:, 0]
        for place, name in enumerate(equation.feature_names):
            if name in self.monotone:
                moved = points.copy()
                moved[:, place] += _STEP * span[place]
                rise = self.monotone[name] * (equation.evaluate(moved)[:, 0] - values)
                if not (rise >= -_TOLERANCE * float(np.ptp(values))).all():
                    return False
        return True

    def _points(
        self, names: tuple[str, ...], columns: Mapping[str, Vector]
    ) -> tuple[Matrix, Vector]:
        """Draw points in the box of the columns, some at its corners; return its widths too."""
        low = np.asarray([self.domain.get(name, (columns[name].min(), 0))[0] for name in names])
        high = np.asarray([self.domain.get(name, (0, columns[name].max()))[1] for name in names])
        share = np.random.default_rng(0).random((_POINTS, len(names)))
        share[: _POINTS // 4] = np.round(share[: _POINTS // 4])  # the corners
        return low + share * (high - low), high - low


def _has_pole(node: Node, columns: Mapping[str, Vector]) -> bool:
    """Tell whether what is divided by takes both signs: between the points it is zero."""
    if isinstance(node, Power) and node.exponent < 0:
        below = np.asarray(evaluate(node.base, columns))
        if below.min() <= 0 <= below.max():
            return True
    return any(_has_pole(part, columns) for part in children(node))


def _function_of(node: Node) -> str | None:
    """Return the name of a node's function; a power of one half is written sqrt."""
    if isinstance(node, Call):
        return node.name
    return "sqrt" if isinstance(node, Power) and abs(node.exponent) == 0.5 else None


#: Nothing is refused.
NO_RULES = Rules()
_running: ContextVar[Rules] = ContextVar("rules", default=NO_RULES)


def running_rules() -> Rules:
    """Return the rules of the search that runs; without one nothing is refused."""
    return _running.get()


@contextmanager
def obeying(rules: Rules) -> Iterator[None]:
    """Run a search under rules."""
    outer = _running.set(rules)
    try:
        yield
    finally:
        _running.reset(outer)
