"""One fit of networks with learned activations: learn, compare, train."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sktaskneuron._clock import seconds_left, within
from sktaskneuron._seeds import next_seed
from sktaskneuron._typing import AnyArray
from sktaskneuron.estimators._common.activations import with_learned_parameters
from sktaskneuron.estimators._common.checks import EncodedTable
from sktaskneuron.estimators._common.judges import held_out_splits, task_of
from sktaskneuron.estimators._common.report import FitReport
from sktaskneuron.estimators._common.settings import NetworkSettings
from sktaskneuron.estimators._common.typed_networks import FittedNetworks, reader_of, recipe_of
from sktaskneuron.estimators.fitted import FittedPredictor
from sktaskneuron.models.candidate import Candidate
from sktaskneuron.models.comparison import Activations, Comparison, Judgement
from sktaskneuron.models.fitted import FittedModel
from sktaskneuron.models.networks import PackedModel
from sktaskneuron.models.predictor import Predictor
from sktaskneuron.models.recipe import EpochReport
from sktaskneuron.models.target import Target
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation

if TYPE_CHECKING:
    from torch import nn

    from sktaskneuron.nn import ActivationSet
    from sktaskneuron.training import MetaResult

# Share of the time that the learning of functions may take; the rest is for the networks.
_LEARNING = 0.5
# Rows that activation functions are learned on at most.
_META_ROWS = 20_000


@dataclass(frozen=True, kw_only=True)
class DiversitySettings(NetworkSettings):
    """Parameters of one fit; see the estimators' docstrings.

    Parameters
    ----------
    given : list of list of str or nn.Module, or None
        ``activations`` as functions, per hidden layer, per type; None learns them.
    interpolation : {"linear", "cubic"}
        Of tables.
    hamiltonian : bool
    """

    n_types: int
    base: str | Sequence[str]
    activations: Any
    given: list[list[str | nn.Module]] | None
    meta: str
    meta_loss: str
    outer_steps: int
    inner_steps: int
    share_across_layers: bool
    compare: bool
    interpolation: str
    hamiltonian: bool


@dataclass(frozen=True, eq=False)
class DiversityOutcome:
    """What learning and comparing came to.

    Parameters
    ----------
    chosen : Candidate
        With a PackedModel.
    activations : str, ActivationSet or list
        Of the chosen, as the parameter takes them.
    judgement : dict
        Of all candidates.
    learned : MetaResult or None
    oof_score : float
    """

    chosen: Candidate
    activations: Any
    judgement: Judgement
    learned: MetaResult | None
    oof_score: float

    def attributes(self) -> dict[str, object]:
        """Return the public attributes."""
        learned, history = self.learned, {}
        if learned is not None:
            history = {"outer_loss": learned.outer_loss, "evolution": learned.evolution}
        return {
            "learned_": [] if learned is None else learned.sets,
            "selected_": self.chosen.name,
            "activations_": self.activations,
            "activation_report_": {
                "selected": self.chosen.name,
                "outside": 0.0 if learned is None else learned.outside,
                "candidates": self.judgement,
            },
            "activation_history_": history,
            "oof_score_": self.oof_score,
            "history_": self.chosen.history,
            "n_iter_": max(1, self.chosen.n_epochs),
        }


@dataclass(frozen=True, eq=False)
class FittedDiversity(FittedNetworks):
    """What a fit leaves behind."""

    outcome: DiversityOutcome

    def attributes(self) -> dict[str, object]:
        """Return the public attributes."""
        return super().attributes() | self.outcome.attributes()


def fit_diversity(
    settings: DiversitySettings,
    table: EncodedTable,
    encoded: AnyArray,
    target: Target,
    report: FitReport,
) -> FittedDiversity:
    """Learn activations, compare and train.

    Parameters
    ----------
    settings : DiversitySettings
    table : EncodedTable
    encoded : ndarray
        The target as ``target.encoded`` returns it.
    target : ValueTarget or ClassTarget
    report : FitReport
    """
    reader = reader_of(table)
    task = task_of(reader, table, encoded, target)

    def fitted_so_far(model: FittedModel) -> FittedPredictor:
        return FittedPredictor(Predictor(reader, target, model))

    outcome = find_activations(settings, task, report, report.epochs(fitted_so_far))
    return FittedDiversity(Predictor(reader, target, outcome.chosen.model), outcome)


def find_activations(
    settings: DiversitySettings, task: Task, report: FitReport, tell: EpochReport
) -> DiversityOutcome:
    """Learn activations, train networks with them and with others, choose.

    Parameters
    ----------
    settings : DiversitySettings
    task : Task
    report : FitReport
    tell : callable
        Told of every epoch.
    """
    seed = next_seed(settings.random_state)
    splits = held_out_splits(settings, task, seed % 2**31)
    validation = Validation.of(task, splits)
    report.say_held_out(validation)
    recipe = recipe_of(settings, task, validation, seed)
    comparison = Comparison(task, validation, recipe, tell, hamiltonian=settings.hamiltonian)
    learned = None
    if settings.given is not None:
        listed = [Activations("given", settings.given)]
    elif settings.compare and settings.validation == "auto" and not validation:
        # so few rows cannot tell what learned functions are worth
        listed = _free(settings)
    else:
        with within(_LEARNING * seconds_left()):
            learned = _learn(settings, comparison, seed, tell)
        assert learned is not None  # without time it is what learning starts from
        listed = _learned(settings, learned.sets) + _free(settings)
    if not (settings.compare and validation):
        listed = listed[:1]
    chosen, judgement = comparison.choose(listed)
    oof_score = float("nan")
    if chosen.outputs is not None:
        oof_score = task.kind.score(chosen.outputs, validation.target, validation.weight)
    for name, entry in judgement.items():
        report.say(
            f"{name}: held-out loss {entry['loss']:.4g}, gain {entry['gain']:.2g} +- "
            f"{entry['standard_error']:.2g}",
        )
    sets = [] if learned is None else learned.sets
    chosen = replace(chosen, outputs=None)  # what is fitted holds nothing of single rows
    taken = next(activations for activations in listed if activations.name == chosen.name)
    named = _named(settings, chosen, taken, sets)
    return DiversityOutcome(chosen, named, judgement, learned, oof_score)


def _learn(
    settings: DiversitySettings, comparison: Comparison, seed: int, tell: EpochReport
) -> MetaResult:
    """Learn the activation functions on the training rows, or on a part of very many."""
    from sktaskneuron.training import MetaOptions, TensorTable, learn_activations

    table = comparison.table
    options = MetaOptions(
        n_types=int(settings.n_types),
        base=settings.base,
        meta=settings.meta,
        meta_loss=settings.meta_loss,
        outer_steps=int(settings.outer_steps),
        inner_steps=int(settings.inner_steps),
        share_across_layers=bool(settings.share_across_layers),
    )
    rows = comparison.task.own_rows
    if len(rows) > _META_ROWS:
        rows = np.random.default_rng(seed).choice(len(rows), _META_ROWS, replace=False)
        rows.sort()
    device, weight = comparison.device, table.weight
    part = TensorTable(
        table.X[rows].to(device),
        table.y[rows].to(device),
        None if weight is None else weight[rows].to(device),
    )

    def on_step(step: int, n_steps: int, loss: float) -> bool:
        return tell("activations", step, n_steps, {"outer_loss": loss}, None)

    return learn_activations(
        part,
        settings.hidden_layer_sizes,
        comparison.task.n_outputs,
        options,
        hamiltonian=settings.hamiltonian,
        seed=seed,
        on_step=on_step,
    )


def _learned(settings: DiversitySettings, sets: Sequence[ActivationSet]) -> list[Activations]:
    """Return the learned mix, then its types alone."""
    n_layers = len(settings.hidden_layer_sizes)
    layers = list(sets) if len(sets) > 1 else list(sets) * n_layers
    tables = [layer.functions(settings.interpolation) for layer in layers]
    found = [Activations("learned", tables, True)]
    if settings.n_types > 1:
        found += [
            Activations(f"learned {t + 1}", [[table[t]] for table in tables], True)
            for t in range(int(settings.n_types))
        ]
    return found


def _free(settings: DiversitySettings) -> list[Activations]:
    """Return what needs no learning: the base, or a mix of the bases, and sine with ReLU.

    For the field of a Hamiltonian sine with tanh: that of ReLU would be a staircase.
    """
    from sktaskneuron.nn.typed.sub_networks import base_texts

    sizes = settings.hidden_layer_sizes
    other, alone = ("tanh", "tanh") if settings.hamiltonian else ("relu", "sin")
    bases = list(dict.fromkeys(base_texts(settings.base, int(settings.n_types))))
    found = []
    if "zero" not in bases and bases != ["identity"]:
        found.append(bases)
    if min(sizes) > 1 and ["sin", other] not in found:
        found.append(["sin", other])
    return [Activations(" + ".join(texts), [texts] * len(sizes)) for texts in found or [[alone]]]


def _named(
    settings: DiversitySettings,
    chosen: Candidate,
    taken: Activations,
    sets: Sequence[ActivationSet],
) -> Any:
    """Return the activations of a candidate, as ``activations`` takes them."""
    name = chosen.name
    if name == "given":
        assert isinstance(chosen.model, PackedModel)
        return with_learned_parameters(settings.activations, chosen.model.typed_network())
    if not taken.learned:
        return list(taken.functions[0])
    if name != "learned":
        place = int(name.removeprefix("learned ")) - 1
        sets = [activation_set[place] for activation_set in sets]
    return sets[0] if len(sets) == 1 else list(sets)
