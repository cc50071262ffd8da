"""Training of networks with different activations side by side, and the choice between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sktaskneuron._clock import leave_out, running_clock, seconds_left, within
from sktaskneuron._evidence import paired_gain
from sktaskneuron._typing import Matrix, RowNumbers, State, Vector
from sktaskneuron.models.candidate import Candidate
from sktaskneuron.models.networks import PackedModel
from sktaskneuron.models.recipe import EpochReport, Recipe, leave_out_epochs
from sktaskneuron.models.sureness import borne_out
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation

if TYPE_CHECKING:
    import torch
    from torch import nn

    from sktaskneuron.nn import DiverseNetwork
    from sktaskneuron.training import ReplicateResult
    from sktaskneuron.training.data import TensorTable

# Networks trained as one batch at most: a batch that outgrows the cache is no faster.
_MOST_NETWORKS = 320
# Learning rates tried, and the epochs of the trial as a share of all.
RATES = (1e-3, 3e-3, 1e-2, 3e-2)
_TRIAL = 0.5
# Standard errors by which learned functions must be better than free ones.
_MARGIN = 1.0

#: Per candidate the held-out "loss", its difference "gain" to the best free one with the
#: "standard_error" of that, and the "learning_rate".
Judgement = dict[str, dict[str, float]]


@dataclass(frozen=True, eq=False)
class Activations:
    """Activations that networks are trained with.

    Parameters
    ----------
    name : str
    functions : sequence of sequence of str or nn.Module
        Per hidden layer, per type: a name or a table.
    learned : bool
    """

    name: str
    functions: Sequence[Sequence[str | nn.Module]]
    learned: bool = False


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What networks with some activations reached.

    Parameters
    ----------
    activations : Activations
    learning_rate : float
    rows : ndarray of shape (n_held_out,)
        Loss of the mean output per held-out row.
    member_losses : ndarray of shape (n_members,)
        Held-out loss of each network.
    """

    activations: Activations
    learning_rate: float
    rows: Vector
    member_losses: Vector

    @classmethod
    def of(cls, activations: Activations, numbers: Vector, n_members: int) -> Evaluation:
        """Return the evaluation that has these numbers."""
        return cls(
            activations, float(numbers[0]), numbers[1 + n_members :], numbers[1 : 1 + n_members]
        )

    @property
    def numbers(self) -> Vector:
        """All numbers in one array, as a file can hold them."""
        return np.concatenate([[self.learning_rate], self.member_losses, self.rows])


class Comparison:
    """Networks trained on the same rows, from the same starts, in one batch.

    Parameters
    ----------
    task : Task
    validation : Validation
        Without rows the first activations are taken.
    recipe : Recipe
    report : callable
    hamiltonian : bool, default=False
        Whether the networks give a Hamiltonian, whose field is compared with the target.
    """

    task: Task
    validation: Validation
    recipe: Recipe
    report: EpochReport

    def __init__(
        self,
        task: Task,
        validation: Validation,
        recipe: Recipe,
        report: EpochReport,
        *,
        hamiltonian: bool = False,
    ) -> None:
        from sktaskneuron.training import resolve_device, resolve_dtype

        self.task, self.validation, self.recipe, self.report = task, validation, recipe, report
        self.hamiltonian = hamiltonian
        self.device: torch.device = resolve_device(recipe.device)
        self.dtype: torch.dtype = resolve_dtype(recipe.dtype, self.device)
        self.table: TensorTable = task.table("robust", self.device, self.dtype)
        self.bounds: tuple[Vector, Vector] | None = None
        if recipe.bounded and not (task.classification or hamiltonian):
            target = task.target
            if len(validation.splits) == 1:
                # rows outside the bulk may lie outside its range too
                target = target[validation.splits[0][0]]
            self.bounds = target.min(axis=0), target.max(axis=0)

    def choose(self, listed: Sequence[Activations]) -> tuple[Candidate, Judgement]:
        """Train networks with all activations; return those that predict, and the evidence."""
        rates = self._rates(listed)
        network, result = self._trained(listed, rates, report_model=True)
        place, outputs = 0, None
        judgement: Judgement = {}
        if self.validation:
            merged = self._outputs(listed, result)
            place, judgement = self._judged(listed, merged, rates)
            outputs = merged[place]
        n = self.recipe.n_members
        part = slice(place * n, (place + 1) * n)
        name = listed[place].name
        return self._candidate(name, network.part(place), outputs, result, part), judgement

    def together(self, listed: Sequence[Activations], rates: Vector) -> Candidate:
        """Train networks that are to predict together, by their mean."""
        network, result = self._trained(listed, rates, report_model=True)
        outputs = np.mean(self._outputs(listed, result), axis=0) if self.validation else None
        name = " & ".join(activations.name for activations in listed)
        return self._candidate(name, network, outputs, result, slice(None))

    def _candidate(
        self,
        name: str,
        network: DiverseNetwork,
        outputs: Matrix | None,
        result: ReplicateResult,
        part: slice,
    ) -> Candidate:
        model = self._model(network)
        factor = borne_out(self.task, self.validation, model, outputs)
        if factor < 1.0:
            _scale_outputs(network, factor)
            model = self._model(network)
            outputs = None if outputs is None else factor * outputs
        history: dict[str, list[object]] = {
            key: [float(np.mean(values[part])) for values in series]
            for key, series in result.history.items()
        }
        return Candidate(name, model, outputs, history, result.n_epochs)

    def evaluate(self, listed: Sequence[Activations]) -> list[Evaluation]:
        """Train networks and return what each reached on the held-out rows; very many in parts."""
        n = self.recipe.n_members
        found: list[Evaluation] = []
        most = max(1, _MOST_NETWORKS // max(n, len(RATES)))
        for start in range(0, len(listed), most):
            part = listed[start : start + most]
            if found and seconds_left() <= 0:
                leave_out(f"{len(listed) - start} of {len(listed)} activations")
                break
            with within(seconds_left() * len(part) / (len(listed) - start)):
                rates = self._rates(part)
                _, result = self._trained(part, rates)
            merged = self._outputs(part, result)
            found += [
                Evaluation(
                    activations,
                    float(rates[place]),
                    self._losses(merged[place]),
                    result.loss[place * n : (place + 1) * n],
                )
                for place, activations in enumerate(part)
            ]
        return found

    def _losses(self, outputs: Matrix) -> Vector:
        """Return the loss of every held-out row; infinite where a network diverged."""
        return np.nan_to_num(self.task.losses(outputs, self.validation.rows), nan=np.inf)

    def _trained(
        self, listed: Sequence[Activations], rates: Vector, *, report_model: bool = False
    ) -> tuple[DiverseNetwork, ReplicateResult]:
        """Train the members of all activations, each of which holds out the next split."""
        n = self.recipe.n_members
        train: list[RowNumbers] = [self.task.own_rows] * n
        held = None
        if self.validation:
            splits = self._member_splits()
            train = [rows for rows, _ in splits]
            held = [rows for _, rows in splits] * len(listed)
        network = self._network(listed, n)
        result = self._fit(
            network,
            train * len(listed),
            held,
            np.repeat(rates, n),
            self.recipe.n_epochs,
            "networks",
            report_model=report_model,
        )
        return network, result

    def _member_splits(self) -> list[tuple[RowNumbers, RowNumbers]]:
        splits = self.validation.splits
        return [splits[j % len(splits)] for j in range(self.recipe.n_members)]

    def _outputs(self, listed: Sequence[Activations], result: ReplicateResult) -> list[Matrix]:
        """Return the mean output on the held-out rows with each of the activations."""
        n, splits = self.recipe.n_members, self._member_splits()
        return [
            self._merged(result.held_outputs[g * n : (g + 1) * n], splits)
            for g in range(len(listed))
        ]

    def _rates(self, listed: Sequence[Activations]) -> Vector:
        """Return a learning rate for each, tried on the first split."""
        given = self.recipe.learning_rate
        if given is not None:
            return np.full(len(listed), given)
        if not self.validation:
            return np.full(len(listed), RATES[1])
        network = self._network(listed, len(RATES))
        train, held = self.validation.splits[0]
        n = len(listed) * len(RATES)
        trial = _TRIAL * len(RATES)
        with within(seconds_left() * trial / (trial + self.recipe.n_members)):
            result = self._fit(
                network,
                [train] * n,
                [held] * n,
                np.tile(RATES, len(listed)),
                max(1, round(_TRIAL * self.recipe.n_epochs)),
                "learning rates",
            )
        best = result.loss.reshape(len(listed), -1).argmin(axis=1)
        return np.asarray(RATES)[best]

    def _network(self, listed: Sequence[Activations], count: int) -> DiverseNetwork:
        from sktaskneuron.nn import DiverseNetwork

        return DiverseNetwork(
            self.task.inputs.raw.shape[1],
            self.task.n_outputs,
            self.recipe.hidden_layer_sizes,
            [(count, activations.functions) for activations in listed],
            hamiltonian=self.hamiltonian,
            generator=self.recipe.seed,
            dtype=self.dtype,
        )

    def _fit(
        self,
        network: DiverseNetwork,
        train: Sequence[RowNumbers],
        held: Sequence[RowNumbers] | None,
        rates: Vector,
        n_epochs: int,
        name: str,
        *,
        report_model: bool = False,
    ) -> ReplicateResult:
        from sktaskneuron.training import fit_replicates

        recipe = self.recipe

        def on_epoch_end(
            epoch: int, logs: Mapping[str, Vector], get_state: Callable[[], State]
        ) -> bool:
            means = {key: float(np.mean(value)) for key, value in logs.items()}
            get_model = (lambda: self._model(network.part(0))) if report_model else None
            return self.report(name, epoch, n_epochs, means, get_model)

        result = fit_replicates(
            network,
            self.table,
            train,
            held,
            device=self.device,
            loss="cross_entropy" if self.task.classification else "squared_error",
            n_epochs=n_epochs,
            batch_size=recipe.batch_size,
            learning_rate=rates,
            weight_decay=recipe.weight_decay,
            schedule="flat_cos",
            patience=recipe.patience,
            stop_overfit=True,
            clock=running_clock(),
            seed=recipe.seed,
            on_epoch_end=on_epoch_end,
        )
        leave_out_epochs(name, result, n_epochs)
        return result

    def _model(self, network: DiverseNetwork) -> PackedModel:
        from sktaskneuron.training import module_to_arrays

        return PackedModel(
            "typed",
            network.spec(),
            module_to_arrays(network),
            network.n_members,
            self.recipe.device,
            self.recipe.dtype,
            bounds=self.bounds,
        )

    def _merged(
        self, outputs: Sequence[Matrix], splits: Sequence[tuple[RowNumbers, RowNumbers]]
    ) -> Matrix:
        """Return the mean output per held-out row, in the order of the validation."""
        if self.bounds is not None:
            outputs = [np.clip(output, *self.bounds) for output in outputs]
        return self.validation.merged(outputs, [held for _, held in splits])

    def _judged(
        self, listed: Sequence[Activations], outputs: Sequence[Matrix], rates: Vector
    ) -> tuple[int, Judgement]:
        """Choose: learned functions need a gain above its error, free ones need none."""
        share = self.validation.share
        rows = np.array([self._losses(value) for value in outputs])
        means = rows @ share
        free = [i for i, activations in enumerate(listed) if not activations.learned]
        learned = [i for i, activations in enumerate(listed) if activations.learned]
        reference = min(free or learned, key=lambda i: means[i])
        judgement: Judgement = {}
        for i, activations in enumerate(listed):
            gain, error = paired_gain(rows[reference], rows[i], share)
            judgement[activations.name] = {
                "loss": float(means[i]),
                "gain": gain,
                "standard_error": error,
                "learning_rate": float(rates[i]),
            }
        if not learned:
            return reference, judgement
        best = min(learned, key=lambda i: means[i])
        entry = judgement[listed[best].name]
        better = entry["gain"] > _MARGIN * entry["standard_error"]
        return best if better or not free else reference, judgement


def _scale_outputs(network: DiverseNetwork, factor: float) -> None:
    """Multiply the outputs of packed networks in place."""
    import torch

    with torch.no_grad():
        network.weights[-1].mul_(factor)
        network.biases[-1].mul_(factor)
