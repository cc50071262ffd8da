"""Parameters of a NeuronSeek estimator as a frozen value, with what its "auto"s mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sktaskneuron.estimators._common.settings import NetworkSettings
from sktaskneuron.estimators.formula_search.search import NeuronFormulaSearch
from sktaskneuron.estimators.neuron_seek.defaults import Defaults
from sktaskneuron.formula import NeuronFormula
from sktaskneuron.models.recipe import Recipe

if TYPE_CHECKING:
    from skorch.callbacks import Callback


@dataclass(frozen=True, kw_only=True)
class NeuronSeekSettings(NetworkSettings):
    """Parameters of one fit; see the estimators' docstrings.

    Parameters
    ----------
    formula : str or NeuronFormula
        As given.
    given : NeuronFormula or None
        The formula, if one was given; None asks for a search.
    defaults : Defaults
    """

    formula: str | NeuronFormula
    given: NeuronFormula | None
    search: NeuronFormulaSearch | None
    activation: Any
    dropout: float
    compare_simple: bool
    term_evidence: bool
    readable: bool | int
    skorch_callbacks: tuple[Callback | tuple[str, Callback], ...]
    verbose: int
    defaults: Defaults

    def recipe(self, n_rows: int, n_members: int, seed: int, *, classification: bool) -> Recipe:
        """Return how networks are built and trained on so many rows."""
        defaults, rate, batch_size = self.defaults, self.learning_rate, self.batch_size
        n_epochs, passes = self.max_epochs, 1
        if isinstance(rate, str):
            rate = defaults.class_learning_rate if classification else defaults.learning_rate
        if isinstance(batch_size, str):
            batch_size = defaults.batch_size(n_rows)
        if isinstance(n_epochs, str):
            n_epochs, passes = defaults.epochs(n_rows, int(batch_size))
        return Recipe(
            hidden_layer_sizes=self.hidden_layer_sizes,
            n_members=n_members,
            n_epochs=int(n_epochs),
            batch_size=int(batch_size),
            learning_rate=float(rate),
            weight_decay=float(self.weight_decay),
            patience=self.n_iter_no_change,
            device=self.device,
            dtype=self.dtype,
            seed=seed,
            activation=self.activation,
            dropout=float(self.dropout),
            label_smoothing=defaults.label_smoothing,
            passes_per_epoch=passes,
            stop_early=isinstance(self.max_epochs, str),
            callbacks=self.skorch_callbacks,
            verbose=int(self.verbose),
        )
