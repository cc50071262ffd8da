"""Stage two: train the network, compare it with simpler models on rows none of them has seen, keep the best.

Validation is out of fold on small tables: every fold holds out its rows once, each kind of network is trained once per fold, all its
folds stop at the same epoch (that of the lowest joint held-out loss) and are averaged for prediction. So no row is lost to
validation and one training serves the choice of the epoch, the choice of the model and the prediction. Large tables hold out one part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from sktaskneuron.estimators._models import (
    FittedModel,
    FormulaModel,
    Inputs,
    LinearModel,
    NetworkModel,
    State,
    softmax,
)
from sktaskneuron.formula import FittedFormula, NeuronFormula

FloatArray = NDArray[np.float64]
Rows = NDArray[np.intp]

#: ``on_epoch(network, epoch, n_epochs, logs, get_model) -> stop``.
EpochReport = Callable[[str, int, int, Mapping[str, float], Callable[[], FittedModel]], bool]

_FOLD_ROWS = 5_000
_N_FOLDS = 5
_HOLDOUT = 0.15
_SMALLEST = 20
_ALPHAS = tuple(10.0 ** np.arange(-3, 5))
_INVERSE_PENALTIES = (0.01, 0.1, 1.0, 10.0)
# States kept per fold for the joint choice of the epoch.
_SNAPSHOTS = 50
# A simpler model is kept unless a richer one beats it by this share of its loss.
_MARGIN = 0.005


@dataclass(frozen=True, eq=False)
class Task:
    """Training rows of one fit.

    target : (n_rows, n_outputs) standardised values, or (n_rows,) class codes; shift, unit : of the values.
    """

    inputs: Inputs
    target: NDArray[Any]
    weight: FloatArray
    n_outputs: int
    classification: bool
    shift: FloatArray
    unit: FloatArray

    def __len__(self) -> int:
        return len(self.inputs)

    def loss(self, raw: FloatArray, rows: Rows) -> float:
        """Weighted mean loss of raw outputs for ``rows``: squared error, or log loss."""
        weight = self.weight[rows]
        if self.classification:
            chosen = softmax(raw)[np.arange(len(rows)), self.target[rows]]
            values = -np.log(np.maximum(chosen, 1e-15))
        else:
            values = ((raw - self.target[rows]) ** 2).mean(axis=1)
        return float(weight @ values / weight.sum())


@dataclass(frozen=True)
class NetworkRecipe:
    """How a network is built and trained."""

    hidden_layer_sizes: tuple[int, ...]
    activation: str
    dropout: float
    learning_rate: float
    weight_decay: float
    max_epochs: int
    min_steps: int
    batch_size: int
    patience: int | None
    max_gradient_norm: float | None
    device: str
    dtype: str
    seed: int
    callbacks: tuple[Any, ...] = ()
    verbose: int = 0


@dataclass(eq=False)
class Candidate:
    """A fitted model with its held-out loss (infinite if no rows were held out)."""

    name: str
    model: FittedModel
    loss: float
    history: dict[str, list[Any]] = field(default_factory=dict)
    n_epochs: int = 0


def make_splits(task: Task, validation: Any, seed: int) -> list[tuple[Rows, Rows]]:
    """(train, held-out) rows; empty without validation."""
    n = len(task)
    stratify = task.target if task.classification else None
    if validation is None:
        return []
    if validation == "auto":
        if n < _SMALLEST:
            return []
        validation = _N_FOLDS if n < _FOLD_ROWS else _HOLDOUT
    smallest_class = int(np.bincount(task.target).min()) if task.classification else n
    if isinstance(validation, float):
        n_held = max(1, round(validation * n))
        n_classes = task.n_outputs if task.classification else 1
        if smallest_class < 2 or min(n_held, n - n_held) < n_classes:
            stratify = None
        train, held = train_test_split(
            np.arange(n), test_size=n_held, random_state=seed, stratify=stratify
        )
        return [(np.sort(train), np.sort(held))]
    folds: KFold | StratifiedKFold = KFold(validation, shuffle=True, random_state=seed)
    if stratify is not None and smallest_class >= validation:
        folds = StratifiedKFold(validation, shuffle=True, random_state=seed)
    return list(folds.split(np.arange(n), stratify))


# -- simple models ----------------------------------------------------------------------------------------------------


def linear_candidate(task: Task, splits: Sequence[tuple[Rows, Rows]]) -> Candidate:
    """Ridge regression or penalised logistic regression, the penalty chosen on the held-out rows."""
    penalties: Sequence[float | None] = _INVERSE_PENALTIES if task.classification else (None,)
    best: tuple[float, float | None] = (np.inf, penalties[len(penalties) // 2])
    for penalty in penalties:
        loss = _held_out(task, splits, lambda rows, p=penalty: _fit_linear(task, rows, p))
        if loss < best[0]:
            best = (loss, penalty)
    return Candidate("linear", _fit_linear(task, np.arange(len(task)), best[1]), best[0])


def _fit_linear(task: Task, rows: Rows, penalty: float | None) -> LinearModel:
    raw, weight = task.inputs.raw[rows], task.weight[rows]
    center = weight @ raw / weight.sum()
    spread = np.sqrt(weight @ (raw - center) ** 2 / weight.sum())
    scale = np.where(spread > 1e-12 * np.maximum(np.abs(center), 1e-300), spread, 1.0)
    z = (raw - center) / scale
    if not task.classification:
        ridge = RidgeCV(_ALPHAS).fit(z, task.target[rows], sample_weight=weight)
        coef = ridge.coef_.reshape(task.n_outputs, -1).T
        return LinearModel(center, scale, coef, np.broadcast_to(ridge.intercept_, (task.n_outputs,)))
    coef, intercept = _logistic(z, task.target[rows], weight, penalty or 1.0, task.n_outputs)
    return LinearModel(center, scale, coef, intercept)


def _logistic(
    z: FloatArray, codes: NDArray[Any], weight: FloatArray, C: float, n_classes: int
) -> tuple[FloatArray, FloatArray]:
    """Coefficients (n_columns, n_classes) and intercepts; classes missing among the rows get a low constant."""
    coef = np.zeros((z.shape[1], n_classes))
    intercept = np.full(n_classes, -20.0)
    present = np.unique(codes)
    if len(present) == 1:
        intercept[present] = 0.0
        return coef, intercept
    model = LogisticRegression(C=C, max_iter=200, tol=1e-3).fit(z, codes, sample_weight=weight)
    if len(present) == 2:
        coef[:, present[1]] = model.coef_[0]
        intercept[present] = 0.0, model.intercept_[0]
    else:
        coef[:, present] = model.coef_.T
        intercept[present] = model.intercept_
    return coef, intercept


def formula_candidate(
    task: Task,
    fitted: FittedFormula,
    splits: Sequence[tuple[Rows, Rows]],
    search: Callable[[Rows], FittedFormula],
) -> Candidate:
    """The searched equation. For its held-out loss the whole search is repeated on each split's training rows.

    Refitting only the weights of the structure found on all rows would let the choice of the structure see the held-out rows.
    """

    def model(equation: FittedFormula) -> FormulaModel:
        return FormulaModel(equation, task.shift, task.unit, task.classification)

    loss = _held_out(task, splits, lambda rows: model(search(rows)))
    return Candidate("formula", model(fitted), loss)


def _held_out(
    task: Task, splits: Sequence[tuple[Rows, Rows]], fit: Callable[[Rows], FittedModel]
) -> float:
    if not splits:
        return np.inf
    losses = [
        task.loss(fit(train).predict_raw(task.inputs.take(held)), held) for train, held in splits
    ]
    return float(np.average(losses, weights=[task.weight[held].sum() for _, held in splits]))


# -- networks ---------------------------------------------------------------------------------------------------------


def network_candidate(
    name: str,
    task: Task,
    formula: NeuronFormula,
    recipe: NetworkRecipe,
    splits: Sequence[tuple[Rows, Rows]],
    report: EpochReport,
    factors: Mapping[int, FloatArray] | None = None,
) -> Candidate:
    """Train one network per split, or a single one on all rows without validation."""
    if len(splits) > 1:
        return _out_of_fold(name, task, formula, recipe, splits, report, factors)
    rows = splits[0] if splits else (np.arange(len(task)), None)
    result, spec = _train(name, task, formula, recipe, rows, recipe.seed, report, factors)
    model = _network_model(task, recipe, spec, [result.state])
    loss = result.history["valid_loss"][result.best_epoch - 1] if splits else np.inf
    return Candidate(name, model, float(loss), result.history, result.n_epochs)


def _out_of_fold(
    name: str,
    task: Task,
    formula: NeuronFormula,
    recipe: NetworkRecipe,
    splits: Sequence[tuple[Rows, Rows]],
    report: EpochReport,
    factors: Mapping[int, FloatArray] | None,
) -> Candidate:
    snapshots: list[dict[int, State]] = []
    curves: list[list[float]] = []
    train_curves: list[list[float]] = []
    spec: dict[str, Any] = {}
    for fold, rows in enumerate(splits):
        kept: dict[int, State] = {}
        result, spec = _train(
            f"{name}, fold {fold + 1}", task, formula, recipe, rows, recipe.seed + fold, report, factors, kept
        )
        snapshots.append(kept)
        curves.append(result.history["valid_loss"])
        train_curves.append(result.history["train_loss"])
    epochs = sorted(set.intersection(*(set(kept) for kept in snapshots)))
    weights = [task.weight[held].sum() for _, held in splits]
    joint = {e: float(np.average([c[e - 1] for c in curves], weights=weights)) for e in epochs}
    best = min(joint, key=lambda e: joint[e])
    n_epochs = min(len(c) for c in curves)
    history = {
        "train_loss": [float(np.average([c[e] for c in train_curves], weights=weights)) for e in range(n_epochs)],
        "valid_loss": [float(np.average([c[e] for c in curves], weights=weights)) for e in range(n_epochs)],
    }
    model = _network_model(task, recipe, spec, [kept[best] for kept in snapshots])
    return Candidate(name, model, joint[best], history, n_epochs)


def _network_model(task: Task, recipe: NetworkRecipe, spec: dict[str, Any], states: list[State]) -> NetworkModel:
    low = high = None
    if not task.classification:
        low, high = task.target.min(axis=0), task.target.max(axis=0)
    return NetworkModel(spec, states, recipe.device, recipe.dtype, low, high)


def _train(
    name: str,
    task: Task,
    formula: NeuronFormula,
    recipe: NetworkRecipe,
    rows: tuple[Rows, Rows | None],
    seed: int,
    report: EpochReport,
    factors: Mapping[int, FloatArray] | None,
    snapshots: dict[int, State] | None = None,
) -> tuple[Any, dict[str, Any]]:
    from sktaskneuron.nn import TaskNetwork
    from sktaskneuron.training import TensorTable, fit_network, resolve_device, resolve_dtype

    device = resolve_device(recipe.device)
    dtype = resolve_dtype(recipe.dtype, device)
    network = TaskNetwork(
        task.inputs.scaled.shape[1],
        task.n_outputs,
        formula,
        hidden_layer_sizes=recipe.hidden_layer_sizes,
        activation=recipe.activation,
        dropout=recipe.dropout,
        dtype=dtype,
        generator=seed,
    )
    if factors:
        network.load_atoms(factors)
    spec = network.spec()
    train, valid = (
        None
        if part is None
        else TensorTable.from_arrays(
            task.inputs.scaled[part], task.target[part], task.weight[part], device=device, dtype=dtype
        )
        for part in rows
    )
    assert train is not None
    steps = -(-len(train) // recipe.batch_size)
    n_epochs = max(recipe.max_epochs, -(-recipe.min_steps // steps))
    every = max(1, n_epochs // _SNAPSHOTS)

    def on_epoch_end(epoch: int, logs: Mapping[str, float], get_state: Callable[[], State]) -> bool:
        if snapshots is not None and (epoch % every == 0 or epoch == n_epochs):
            snapshots[epoch] = get_state()
        return report(
            name, epoch, n_epochs, logs, lambda: _network_model(task, recipe, spec, [get_state()])
        )

    result = fit_network(
        network,
        train,
        valid,
        loss="cross_entropy" if task.classification else "squared_error",
        max_epochs=recipe.max_epochs,
        min_steps=recipe.min_steps,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        max_gradient_norm=recipe.max_gradient_norm,
        patience=None if snapshots is not None else recipe.patience,
        restore_best=snapshots is None,
        seed=seed,
        on_epoch_end=on_epoch_end,
        callbacks=recipe.callbacks,
        verbose=recipe.verbose,
    )
    return result, spec


def choose(candidates: Sequence[Candidate]) -> Candidate:
    """The candidate of the lowest held-out loss; candidates come simplest first and win near ties."""
    best = candidates[0]
    for candidate in candidates[1:]:
        if candidate.loss < best.loss - _MARGIN * abs(best.loss) or not np.isfinite(best.loss):
            best = candidate
    return best


__all__ = [
    "Candidate",
    "NetworkRecipe",
    "Task",
    "choose",
    "formula_candidate",
    "linear_candidate",
    "make_splits",
    "network_candidate",
]
