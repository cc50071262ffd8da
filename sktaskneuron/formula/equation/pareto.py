"""The trade between complexity and score: which formulas no simpler one beats."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.equation.fitted import FittedFormula
from sktaskneuron.formula.equation.fitted_expression import FittedExpression
from sktaskneuron.formula.equation.neuron_formula import NeuronFormula

Shown: TypeAlias = NeuronFormula | FittedExpression
Equation: TypeAlias = FittedFormula | FittedExpression

__all__ = ["ParetoFront", "ParetoPoint"]


@dataclass(frozen=True)
class ParetoPoint:
    """A formula with its complexity and its score; a higher score is better.

    Parameters
    ----------
    complexity, score : float
        How long the formula is, and how good; a higher score is better.
    formula : NeuronFormula or FittedExpression
        As it was scored.
    fitted : FittedFormula or FittedExpression, default=None
        The equation with its numbers, fitted on all rows; of all outputs.
    criterion : float, default=None
        Of the search; smaller is better.
    error : float, default=None
        Standard error of its distance in score from the point of the best score.

    See Also
    --------
    ParetoFront : Formulas that are not dominated: every simpler one scores worse.

    Examples
    --------
    >>> from sktaskneuron.formula import NeuronFormula, ParetoPoint
    >>> point = ParetoPoint(2, 0.9, NeuronFormula.parse("x + x**2"))
    >>> point.complexity, point.score, str(point.formula)
    (2, 0.9, 'x + x**2')
    """

    complexity: float
    score: float
    formula: Shown
    fitted: Equation | None = None
    criterion: float | None = None
    error: float | None = None


@dataclass(frozen=True, init=False)
class ParetoFront:
    """Formulas that are not dominated: every simpler one scores worse.

    Parameters
    ----------
    points : iterable of ParetoPoint or of (complexity, score, formula)
        In any order; dominated ones are dropped. Of formulas with equal complexity and score
        the first in text order stays.

    Attributes
    ----------
    points : tuple of ParetoPoint
        Complexity and score both rising.

    Raises
    ------
    FormulaError
        If a complexity or score is NaN.

    See Also
    --------
    ParetoPoint : A formula with its complexity and its score; a higher score is better.
    sktaskneuron.inspection.ParetoFrontDisplay : Complexity against validated score, with the
        formulas listed beside.

    Examples
    --------
    >>> from sktaskneuron.formula import NeuronFormula, ParetoFront
    >>> line, square = NeuronFormula.parse("x"), NeuronFormula.parse("x + x**2")
    >>> front = ParetoFront([(1, 0.80, line), (4, 0.81, square), (3, 0.5, square)])
    >>> [str(point.formula) for point in front]
    ['x', 'x + x**2']
    >>> str(front.best().formula), str(front.best(tolerance=0.02).formula)
    ('x + x**2', 'x')
    >>> print(front)
    complexity    score  formula
             1   0.8000  x
             4   0.8100  x + x**2
    """

    points: tuple[ParetoPoint, ...]

    def __init__(
        self,
        points: Iterable[ParetoPoint | tuple[float, float, NeuronFormula | FittedExpression]] = (),
    ) -> None:
        candidates = [
            point
            if isinstance(point, ParetoPoint)
            else ParetoPoint(float(point[0]), float(point[1]), point[2])
            for point in points
        ]
        if any(math.isnan(point.complexity) or math.isnan(point.score) for point in candidates):
            raise FormulaError("complexity and score of a Pareto front must not be NaN")
        candidates.sort(key=lambda point: (point.complexity, -point.score, str(point.formula)))
        kept: list[ParetoPoint] = []
        for point in candidates:
            if not kept or point.score > kept[-1].score:
                kept.append(point)
        object.__setattr__(self, "points", tuple(kept))

    def __len__(self) -> int:
        return len(self.points)

    def __iter__(self) -> Iterator[ParetoPoint]:
        return iter(self.points)

    def __getitem__(self, index: int) -> ParetoPoint:
        return self.points[index]

    def __str__(self) -> str:
        """Return one line a point: complexity, score, and the formula with its numbers."""
        lines = ["complexity    score  formula"]
        for point in self.points:
            shown = point.formula if point.fitted is None else point.fitted
            lines.append(f"{point.complexity:10g} {point.score:8.4f}  {shown}")
        return "\n".join(lines)

    def __or__(self, other: object) -> ParetoFront:
        """Merge two fronts."""
        if not isinstance(other, ParetoFront):
            return NotImplemented
        return ParetoFront(self.points + other.points)

    def best(self, *, tolerance: float = 0.0, max_complexity: float = math.inf) -> ParetoPoint:
        """Return the simplest formula whose score is within a tolerance of the best one.

        Parameters
        ----------
        tolerance : float
            How much score a simpler formula may lose, in the score's unit.
        max_complexity : float
            Only formulas up to this complexity count.

        Returns
        -------
        point : ParetoPoint
            The simplest one that loses no more than that.

        Raises
        ------
        FormulaError
            If there is no such formula.
        """
        allowed = [point for point in self.points if point.complexity <= max_complexity]
        if not allowed:
            raise FormulaError(f"the front has no formula of complexity up to {max_complexity:g}")
        limit = allowed[-1].score - tolerance
        return next(point for point in allowed if point.score >= limit)
