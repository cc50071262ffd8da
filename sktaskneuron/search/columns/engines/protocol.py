"""What an engine for equations of columns is given, and what it must return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.formula.text.nodes import Node


@dataclass(frozen=True, eq=False)
class ColumnsProblem:
    """One target, whose equation in named columns is looked for.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite, in raw units.
    names : tuple of str
        Of the columns.
    y : ndarray of shape (n_samples,)
    weight : ndarray of shape (n_samples,)
        Positive.
    max_complexity : int
        Most nodes of an equation.
    max_steps : int or None
        How much work to do, in units of the engine's own; None is its default.
    seed : int
    on_step : callable
        Called with a text now and then.
    """

    X: Matrix
    names: tuple[str, ...]
    y: Vector
    weight: Vector
    max_complexity: int
    max_steps: int | None
    seed: int
    on_step: Callable[[str], None]


class ColumnsEngine(Protocol):
    """Finds candidate equations; numbers are refitted and one is chosen afterwards."""

    def __call__(self, problem: ColumnsProblem) -> list[Node]:
        """Return canonical trees of the columns' names, in any order."""
