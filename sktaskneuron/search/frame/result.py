"""What a search of a neuron's formula returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from sktaskneuron.formula import FittedFormula, ParetoPoint


@dataclass(eq=False)
class SearchResult:
    """What the search found and how far to believe it.

    selection_frequency and term_gain are keyed by the text of a term: ``"x**2"`` or ``"<x,x>"``.
    The front holds the formulas met on the way that no simpler one beats, with their numbers.
    """

    fitted: FittedFormula
    criterion: float
    null_criterion: float
    selection_frequency: dict[str, float] = field(default_factory=dict)
    term_gain: dict[str, float] = field(default_factory=dict)
    front: list[ParetoPoint] = field(default_factory=list)
    caps: tuple[str, ...] = ()
    n_steps: int = 0
    scale_number: int = 0
