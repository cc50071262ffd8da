"""Parameters of a NeuronSeek estimator as a frozen value, with what its "auto"s mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sktaskneuron.estimators._common.settings import NetworkSettings
from sktaskneuron.estimators.formula_search.search import NeuronFormulaSearch
from sktaskneuron.estimators.neuron_seek.defaults import Defaults
from sktaskneuron.formula import NeuronFormula
from sktaskneuron.models.companions import Companion
from sktaskneuron.models.networks import PackedModel
from sktaskneuron.models.predictor import Predictor
from sktaskneuron.models.recipe import Recipe

if TYPE_CHECKING:
    from skorch.callbacks import Callback


@dataclass(frozen=True, eq=False)
class Start:
    """What an earlier fit hands on to a warm start.

    Parameters
    ----------
    predictor : Predictor
        How it reads tables and targets.
    formula : NeuronFormula
    search : NeuronFormulaSearch or None
        Fitted; None where the formula was given.
    packs : dict of str to PackedModel
        The networks that predict, by the names of their groups.
    n_seen : float
        Sum of the weights of the rows that it learned from.
    """

    predictor: Predictor
    formula: NeuronFormula
    search: NeuronFormulaSearch | None
    packs: Mapping[str, PackedModel]
    n_seen: float


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
    companions : tuple of (str, estimator or "boosted_trees")
        With names of their own.
    start : Start or None
        Of an earlier fit, where this one is to go on from it.
    networks_alone : bool
        Whether simple models are left out, because they could not go on learning.
    """

    formula: str | NeuronFormula
    given: NeuronFormula | None
    search: NeuronFormulaSearch | None
    activation: Any
    dropout: float
    compare_simple: bool
    companions: tuple[tuple[str, Companion], ...]
    term_evidence: bool
    readable: bool | int
    skorch_callbacks: tuple[Callback | tuple[str, Callback], ...]
    n_jobs: int | None
    verbose: int
    defaults: Defaults
    start: Start | None = None
    networks_alone: bool = False

    def recipe(
        self,
        n_rows: int,
        n_members: int,
        seed: int,
        *,
        classification: bool,
        further: bool = False,
    ) -> Recipe:
        """Return how networks are built and trained on so many rows, anew or further."""
        defaults, rate, batch_size = self.defaults, self.learning_rate, self.batch_size
        n_epochs, passes = self.max_epochs, 1
        if isinstance(rate, str):
            rate = defaults.class_learning_rate if classification else defaults.learning_rate
        if isinstance(batch_size, str):
            batch_size = defaults.batch_size(n_rows)
        if isinstance(n_epochs, str):
            n_epochs, passes = defaults.epochs(n_rows, int(batch_size))
        schedule = "coslog4"
        if further:  # high rates would undo what the networks have learned
            rate, schedule = defaults.further_rate * float(rate), "cosine"
        return Recipe(
            hidden_layer_sizes=self.hidden_layer_sizes,
            n_members=n_members,
            n_epochs=int(n_epochs),
            batch_size=int(batch_size),
            learning_rate=float(rate),
            seed=seed,
            activation=self.activation,
            dropout=float(self.dropout),
            label_smoothing=defaults.label_smoothing,
            passes_per_epoch=passes,
            schedule=schedule,
            stop_early=isinstance(self.max_epochs, str),
            callbacks=self.skorch_callbacks,
            verbose=int(self.verbose),
            **self.plain_options(),
        )
