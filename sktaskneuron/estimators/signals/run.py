"""One fit of an estimator of signals: train, choose; from settings and data to a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sktaskneuron._clock import Clock, seconds_left, within
from sktaskneuron._seeds import next_seed
from sktaskneuron._typing import AnyArray, TableLike
from sktaskneuron.estimators._common.checks import (
    EncodedTable,
    count_weight,
    network_range,
    sized,
)
from sktaskneuron.estimators._common.judges import held_out_splits, task_of
from sktaskneuron.estimators._common.report import FitReport
from sktaskneuron.estimators.fitted import FittedPredictor
from sktaskneuron.estimators.signals.settings import SignalSettings
from sktaskneuron.formula import NeuronFormula
from sktaskneuron.models.candidate import Candidate, History
from sktaskneuron.models.choice import choose
from sktaskneuron.models.fitted import FittedModel
from sktaskneuron.models.members import Pack, pack_candidate
from sktaskneuron.models.predictor import Predictor, Reader
from sktaskneuron.models.recipe import Recipe
from sktaskneuron.models.simple import constant_candidate, linear_candidate
from sktaskneuron.models.target import Target
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation
from sktaskneuron.preprocessing import SignalEncoder
from sktaskneuron.preprocessing.naming import in_name_of
from sktaskneuron.preprocessing.weighted import check_weight

if TYPE_CHECKING:
    from sktaskneuron.nn import SignalNetwork

# Shares of the time left that the linear model may take, and that the choice takes at the end.
_LINEAR, _CHOICE = 0.3, 0.05
# Standard errors of held-out loss by which the blend must beat a simple model.
_MARGIN = 1.0
# Steps that are timed where time is short, and that networks are to get at least; the share of the
# time that is for them, and what a step takes beside its gradient.
_TIMED, _FEW_STEPS, _TRAINING, _STEP = 3, 300, 0.6, 1.2
# Signals by which factors of products are scaled before training.
_SCALED_ON = 256


@dataclass(frozen=True, eq=False)
class FittedSignals(FittedPredictor):
    """What a fit leaves behind.

    Parameters
    ----------
    predictor : Predictor
    formula : NeuronFormula
    selected : str
    weights, scores : dict of str to float
        Of the models that were compared.
    oof_score : float
    history : dict of str to list
    n_iter : int
    """

    formula: NeuronFormula
    selected: str
    weights: dict[str, float]
    scores: dict[str, float]
    oof_score: float
    history: History
    n_iter: int

    def attributes(self) -> dict[str, object]:
        """Return the public attributes."""
        return super().attributes() | {
            "formula_": self.formula,
            "selected_": self.selected,
            "weights_": self.weights,
            "validation_scores_": self.scores,
            "oof_score_": self.oof_score,
            "history_": self.history,
            "n_iter_": self.n_iter,
        }


def encode_signals(
    owner: BaseEstimator, X: TableLike, sample_weight: ArrayLike | None
) -> EncodedTable:
    """Read the training signals, check the weights; messages name ``owner``."""
    encoder = SignalEncoder()
    matrix = encoder.fit_transform_of(X, owner)
    names = tuple(str(name) for name in encoder.get_feature_names_out())
    with in_name_of(owner):
        weight = np.ones(len(matrix))
        if sample_weight is not None:
            weight = count_weight(check_weight(sample_weight, matrix))
        rows = np.flatnonzero(weight > 0)
        matrix = sized(matrix[rows], "X", names)
        if len(rows) < 2:
            raise ValueError(
                "networks of signals are normalised by other signals: two of positive weight are "
                f"needed, got n_samples = {len(rows)}"
            )
    limits = np.full((2, len(names)), np.inf) * np.array([[-1.0], [1.0]])
    return EncodedTable(encoder, matrix, names, weight[rows], rows, matrix[:, :0], limits)


def fit_signals(
    settings: SignalSettings,
    table: EncodedTable,
    encoded: AnyArray,
    target: Target,
    report: FitReport,
) -> FittedSignals:
    """Train the networks, and blend them with simple models as the held-out rows favour.

    Parameters
    ----------
    settings : SignalSettings
    table : EncodedTable
    encoded : ndarray
        The target as ``target.encoded`` returns it.
    target : ValueTarget or ClassTarget
    report : FitReport

    Raises
    ------
    ValueError
        If too few rows are left to train on.
    DivergedError
        If the loss is not finite in the first epoch.
    """
    encoder = table.encoder
    assert isinstance(encoder, SignalEncoder)
    scaler = encoder.scaler(table.matrix, table.weight)
    reader = Reader(encoder, network_range(table), {"robust": scaler}, reads_levels=False)
    task = task_of(reader, table, encoded, target)
    seed = next_seed(settings.random_state) % 2**31
    splits = held_out_splits(settings, task, seed)
    n_members = settings.members(len(splits), len(task.own_rows))
    if isinstance(settings.n_members, str) and seconds_left() < np.inf:
        n_members = members_in_time(settings, encoder.shape_, task, n_members, seed)
    validation = Validation.of(task, splits[:n_members])
    report.say_held_out(validation)

    def fitted_so_far(model: FittedModel) -> FittedPredictor:
        return FittedPredictor(Predictor(reader, target, model))

    candidates: list[Candidate] = []
    if validation and settings.compare_simple:
        candidates.append(constant_candidate(task, validation))
        with within(_LINEAR * seconds_left(), "the linear model"):
            candidates.append(linear_candidate(task, validation))
    n_rows = min((len(train) for train, _ in validation.splits), default=len(task.own_rows))
    recipe = settings.recipe(n_rows, n_members, seed)
    with within(seconds_left() * (1 - _CHOICE)):
        network = build_network(settings, encoder.shape_, task, recipe)
        networks = pack_candidate(
            Pack("networks", "signal", "robust"),
            network,
            task,
            recipe,
            validation,
            report.epochs(fitted_so_far),
        )
    choice = choose(task, validation, [*candidates, networks], _MARGIN)
    oof_score = float("nan")
    if choice.outputs is not None:
        oof_score = target.score(choice.outputs, validation.target, validation.weight)
    return FittedSignals(
        Predictor(reader, target, choice.model),
        formula=settings.formula,
        selected=choice.name,
        weights=choice.weights,
        scores={name: target.as_score(loss) for name, loss in choice.losses.items()},
        oof_score=oof_score,
        history=networks.history,
        n_iter=max(1, networks.n_epochs),
    )


def members_in_time(
    settings: SignalSettings, shape: tuple[int, ...], task: Task, n_members: int, seed: int
) -> int:
    """Return how many networks to train in the time left: fewer where all would get few steps.

    One network of some passes over the rows is better than four of one pass.
    """
    import torch

    from sktaskneuron.training import resolve_device

    recipe = settings.recipe(len(task.own_rows), n_members, seed)
    device = resolve_device(recipe.device)
    network = build_network(settings, shape, task, recipe).to(device)
    weight = network.output.weight
    block = task.inputs.block("robust", slice(0, min(recipe.batch_size, len(task.own_rows))))
    rows = torch.from_numpy(block).to(weight).expand(n_members, *block.shape)
    seconds = np.inf
    with torch.inference_mode(False), torch.enable_grad():
        for _ in range(_TIMED):
            clock = Clock()
            total = network(rows).sum()
            gradients = torch.autograd.grad(total, list(network.parameters()), allow_unused=True)
            float(sum(g.sum() for g in gradients if g is not None))  # waits for the device
            seconds = min(seconds, clock.used())
    steps = recipe.n_epochs * recipe.passes_per_epoch * -(-len(task.own_rows) // recipe.batch_size)
    affordable = _TRAINING * seconds_left() / (_STEP * seconds)
    return max(1, min(n_members, int(n_members * affordable / min(steps, _FEW_STEPS))))


def build_network(
    settings: SignalSettings, shape: tuple[int, ...], task: Task, recipe: Recipe
) -> SignalNetwork:
    """Build the members as one module, their products scaled to the first signals."""
    import torch

    from sktaskneuron.nn import SignalNetwork, scale_factors
    from sktaskneuron.training import resolve_device, resolve_dtype

    dtype = resolve_dtype(recipe.dtype, resolve_device(recipe.device))
    network = SignalNetwork(
        shape,
        task.n_outputs,
        settings.formula,
        hidden_formula=settings.hidden_formula,
        hidden_channels=settings.channels(shape[1:]),
        depth=settings.depth,
        kernel_size=settings.kernel(shape[1:]),
        activation=settings.activation,
        dropout=settings.dropout,
        n_members=recipe.n_members,
        dtype=dtype,
        generator=recipe.seed,
    )
    first = task.inputs.block("robust", slice(0, min(_SCALED_ON, len(task.own_rows))))
    rows = torch.from_numpy(first).to(dtype)
    scale_factors(network, rows.expand(recipe.n_members, *rows.shape))
    return network
