"""Parameters of one fit of an activation search, as a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

from sktaskneuron.estimators._common.settings import NetworkSettings
from sktaskneuron.estimators.activation_search.candidates import CLASSIC
from sktaskneuron.models.comparison import Activations

if TYPE_CHECKING:
    from sklearn.model_selection import BaseCrossValidator

# Candidates of a list that decide between scales.
_PANEL = len(CLASSIC)


@dataclass(frozen=True, kw_only=True)
class ActivationSearchSettings(NetworkSettings):
    """Parameters of one fit; see the estimators' docstrings.

    Parameters
    ----------
    listed : list of Activations
        The candidates, the fallback among them.
    """

    candidates: Any
    listed: list[Activations]
    strategy: str
    fallback: str
    split: str | BaseCrossValidator
    tail_by: str | int
    tail_size: float
    n_evaluations: int
    proposer: Callable[..., list[str]] | None
    checkpoint: str | PathLike[str] | None
    n_best: str | int
    refit: bool

    @property
    def searches(self) -> bool:
        """Whether more is evaluated than the candidates."""
        return bool(self.candidates == "grammar") or self.strategy != "portfolio"

    @property
    def panel(self) -> list[Activations]:
        """The fallback and few others: of names the classic ones, of a list the first."""
        if isinstance(self.candidates, str):
            named = [a for a in self.listed if a.name in CLASSIC]
        else:
            named = self.listed[:_PANEL]
        return [a for a in self.listed if a in named or a.name == self.fallback]


def activations_of(name: str, item: Any, n_layers: int) -> Activations:
    """Return a candidate as it is trained.

    item : text, ActivationSet or list, as the parameter ``candidates`` lists them.
    """
    from sktaskneuron.nn.typed.reading import layer_functions

    return Activations(name, layer_functions(item, n_layers, "cubic", name="each of candidates"))
