"""Settings of the search, and what it returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from sktaskneuron.formula import ElementwiseExpression, FittedFormula, NeuronFormula
from sktaskneuron.search.frame.model import Structure
from sktaskneuron.search.frame.terms import POWERS, TermLibrary

Criterion = Literal["bic", "ebic", "cv"]
Engine = Literal["als", "gates"]
#: ``on_step(scale, step, formula)``: called before every forward step.
StepHook = Callable[[str, int, str], None]


@dataclass(frozen=True)
class TDOptions:
    """Settings, as documented for :class:`sktaskneuron.NeuronFormulaSearch`.

    ``scale_number`` searches on one of the scales of the columns only; None tries all. Without
    ``swap`` atoms found one after another are not tried afresh together. ``proposer`` is asked for
    functions beside those of the library of symbolic regression: ``(z, target, weight, seed)``,
    arrays of shapes (n_samples, n_features), (n_samples,) and (n_samples,), to a list of them.
    """

    engine: Engine = "als"
    max_order: int = 5
    max_interaction_order: int = 3
    max_rank: int = 8
    criterion: Criterion = "ebic"
    max_samples: int = 10_000
    max_steps: int | None = None
    n_resamples: int = 5
    scale_number: int | None = None
    swap: bool = True
    proposer: Callable[..., list[ElementwiseExpression]] | None = None


@dataclass(frozen=True)
class PathPoint:
    """One model met on the way, by its number of free weights, with its validated score."""

    complexity: int
    score: float
    formula: NeuronFormula


@dataclass(eq=False)
class TDResult:
    """What the search found and how far to believe it.

    selection_frequency and term_gain are keyed by the text of a term: ``"x**2"`` or ``"<x,x>"``.
    """

    fitted: FittedFormula
    criterion: float
    null_criterion: float
    selection_frequency: dict[str, float] = field(default_factory=dict)
    term_gain: dict[str, float] = field(default_factory=dict)
    path: list[PathPoint] = field(default_factory=list)
    caps: tuple[str, ...] = ()
    n_steps: int = 0
    scale_number: int = 0


def interaction_text(order: int) -> str:
    """Return the text of an interaction, without its rank."""
    return "<" + ",".join("x" * order) + ">"


def as_formula(structure: Structure, library: TermLibrary = POWERS) -> NeuronFormula:
    """Return the shape of a structure: its pure terms, orders and ranks."""
    pure, _ = structure.orders
    return NeuronFormula(map(library.expression, sorted(pure)), structure.ranks())
