"""Training of networks with different activations side by side, and the choice between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sktaskneuron.models.fitted import FloatArray, State
from sktaskneuron.models.networks import DiverseModel
from sktaskneuron.models.validation import Task, Validation, paired_gain

# Networks trained as one batch at most.
_MOST_NETWORKS = 320
# Learning rates tried, and the epochs of the trial as a share of all.
RATES = (1e-3, 3e-3, 1e-2, 3e-2)
_TRIAL = 0.5
# Standard errors by which learned functions must be better than free ones.
_MARGIN = 2.0

#: ``report(name, epoch, n_epochs, logs, get_model) -> stop``
Report = Callable[[str, int, int, Mapping[str, float], Callable[[], Any] | None], bool]


@dataclass(frozen=True)
class DiverseRecipe:
    """How networks are built and trained."""

    hidden_layer_sizes: tuple[int, ...]
    n_members: int
    n_epochs: int
    batch_size: int
    learning_rate: float | None
    weight_decay: float
    patience: int | None
    hamiltonian: bool
    bounded: bool
    device: str
    dtype: str
    seed: int


@dataclass(frozen=True, eq=False)
class ActivationCandidate:
    """Activations that networks are trained with.

    name : str
    functions : per hidden layer, per type: a name or a table module.
    learned : bool
    """

    name: str
    functions: Sequence[Sequence[Any]]
    learned: bool = False


@dataclass(frozen=True, eq=False)
class DiverseChoice:
    """What was chosen, and what is known of the others.

    Parameters
    ----------
    name : str
    model : DiverseModel
    outputs : ndarray of shape (n_held_out, n_outputs) or None
        Mean output of the members that have not seen the row.
    table : dict of str to dict
        Per candidate the held-out ``loss``, its difference ``gain`` to the best free one with the
        ``standard_error`` of that, and the ``learning_rate``.
    history : dict of str to list
        Mean losses per epoch of the chosen candidate's networks.
    n_epochs : int
    """

    name: str
    model: DiverseModel
    outputs: FloatArray | None
    table: dict[str, dict[str, float]]
    history: dict[str, list[float]]
    n_epochs: int


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a candidate's networks reached.

    Parameters
    ----------
    candidate : ActivationCandidate
    learning_rate : float
    rows : ndarray of shape (n_held_out,)
        Loss of the mean output per held-out row.
    member_losses : ndarray of shape (n_members,)
        Held-out loss of each network.
    outputs : ndarray of shape (n_held_out, n_outputs)
    """

    candidate: ActivationCandidate
    learning_rate: float
    rows: FloatArray
    member_losses: FloatArray
    outputs: FloatArray


class Comparison:
    """Candidates trained on the same rows, from the same starts, in one batch.

    Parameters
    ----------
    task : Task
    validation : Validation
        Without rows the first candidate is taken.
    recipe : DiverseRecipe
    report : callable
    """

    def __init__(
        self, task: Task, validation: Validation, recipe: DiverseRecipe, report: Report
    ) -> None:
        from sktaskneuron.training import TensorTable, resolve_device, resolve_dtype

        self.task, self.validation, self.recipe, self.report = task, validation, recipe, report
        self.device = resolve_device(recipe.device)
        self.dtype = resolve_dtype(recipe.dtype, self.device)
        self.table: TensorTable = task.table("robust", self.device, self.dtype)
        self.low = self.high = None
        if recipe.bounded and not (task.classification or recipe.hamiltonian):
            target = task.target
            if len(validation.splits) == 1:
                # rows outside the bulk may lie outside its range too
                target = target[validation.splits[0][0]]
            self.low, self.high = target.min(axis=0), target.max(axis=0)

    def choose(self, candidates: Sequence[ActivationCandidate]) -> DiverseChoice:
        """Train all candidates and return the one that predicts."""
        n = self.recipe.n_members
        rates = self._rates(candidates)
        network, result = self._trained(candidates, rates, report_model=True)
        place, outputs = 0, None
        table: dict[str, dict[str, float]] = {}
        if self.validation:
            merged = self._outputs(candidates, result)
            place, table = self._judged(candidates, merged, rates)
            outputs = merged[place]
        part = slice(place * n, (place + 1) * n)
        return DiverseChoice(
            candidates[place].name,
            self._model(network.part(place)),
            outputs,
            table,
            {
                key: [float(np.mean(values[part])) for values in series]
                for key, series in result.history.items()
            },
            result.n_epochs,
        )

    def together(
        self, candidates: Sequence[ActivationCandidate], rates: FloatArray
    ) -> DiverseChoice:
        """Train candidates whose networks are to predict together, by their mean."""
        n = self.recipe.n_members
        network, result = self._trained(candidates, rates, report_model=True)
        outputs = None
        if self.validation:
            outputs = np.mean(self._outputs(candidates, result), axis=0)
        model = self._model(network)
        return DiverseChoice(
            " & ".join(candidate.name for candidate in candidates),
            model,
            outputs,
            {},
            {
                key: [float(np.mean(values[: n * len(candidates)])) for values in series]
                for key, series in result.history.items()
            },
            result.n_epochs,
        )

    def evaluate(self, candidates: Sequence[ActivationCandidate]) -> list[Evaluation]:
        """Train candidates and return what each reached on the held-out rows.

        Very many are trained in several batches: a batch that outgrows the cache is no faster.
        """
        n = self.recipe.n_members
        found: list[Evaluation] = []
        most = max(1, _MOST_NETWORKS // max(n, len(RATES)))
        for start in range(0, len(candidates), most):
            part = candidates[start : start + most]
            rates = self._rates(part)
            _, result = self._trained(part, rates)
            merged = self._outputs(part, result)
            for place, candidate in enumerate(part):
                rows = self.task.losses(merged[place], self.validation.rows)
                found.append(
                    Evaluation(
                        candidate,
                        float(rates[place]),
                        np.nan_to_num(rows, nan=np.inf),
                        result.loss[place * n : (place + 1) * n],
                        merged[place],
                    )
                )
        return found

    def _trained(
        self,
        candidates: Sequence[ActivationCandidate],
        rates: FloatArray,
        *,
        report_model: bool = False,
    ) -> tuple[Any, Any]:
        """Train every candidate's members, each of which holds out the next split."""
        n = self.recipe.n_members
        train: list[Any] = [np.arange(len(self.task))] * n
        held = None
        if self.validation:
            splits = self._member_splits()
            train = [rows for rows, _ in splits]
            held = [rows for _, rows in splits] * len(candidates)
        network = self._network(candidates, n)
        result = self._fit(
            network,
            train * len(candidates),
            held,
            np.repeat(rates, n),
            self.recipe.n_epochs,
            "networks",
            report_model=report_model,
        )
        return network, result

    def _member_splits(self) -> list[Any]:
        splits = self.validation.splits
        return [splits[j % len(splits)] for j in range(self.recipe.n_members)]

    def _outputs(self, candidates: Sequence[ActivationCandidate], result: Any) -> list[FloatArray]:
        """Return every candidate's mean output on the held-out rows."""
        n, splits = self.recipe.n_members, self._member_splits()
        return [
            self._merged(result.held_outputs[g * n : (g + 1) * n], splits)
            for g in range(len(candidates))
        ]

    def _rates(self, candidates: Sequence[ActivationCandidate]) -> FloatArray:
        """Return a learning rate per candidate, tried on the first split."""
        given = self.recipe.learning_rate
        if given is not None:
            return np.full(len(candidates), given)
        if not self.validation:
            return np.full(len(candidates), RATES[1])
        network = self._network(candidates, len(RATES))
        train, held = self.validation.splits[0]
        n = len(candidates) * len(RATES)
        result = self._fit(
            network,
            [train] * n,
            [held] * n,
            np.tile(RATES, len(candidates)),
            max(1, round(_TRIAL * self.recipe.n_epochs)),
            "learning rates",
        )
        best = result.loss.reshape(len(candidates), -1).argmin(axis=1)
        return np.asarray(RATES)[best]

    def _network(self, candidates: Sequence[ActivationCandidate], count: int) -> Any:
        from sktaskneuron.nn.typed.diverse import DiverseNetwork

        return DiverseNetwork(
            self.task.inputs.raw.shape[1],
            self.task.n_outputs,
            self.recipe.hidden_layer_sizes,
            [(count, candidate.functions) for candidate in candidates],
            hamiltonian=self.recipe.hamiltonian,
            generator=self.recipe.seed,
            dtype=self.dtype,
        )

    def _fit(
        self,
        network: Any,
        train: Sequence[Any],
        held: Sequence[Any] | None,
        rates: FloatArray,
        n_epochs: int,
        name: str,
        *,
        report_model: bool = False,
    ) -> Any:
        from sktaskneuron.training.loop.replicates import fit_replicates

        recipe = self.recipe

        def on_epoch_end(epoch: int, logs: Mapping[str, Any], get_state: Any) -> bool:
            means = {key: float(np.mean(value)) for key, value in logs.items()}
            get_model = (lambda: self._model(network.part(0))) if report_model else None
            return self.report(name, epoch, n_epochs, means, get_model)

        return fit_replicates(
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
            seed=recipe.seed,
            on_epoch_end=on_epoch_end,
        )

    def _model(self, network: Any) -> DiverseModel:
        from sktaskneuron.training import module_to_arrays

        state: State = module_to_arrays(network)
        recipe = self.recipe
        return DiverseModel(
            network.spec(),
            state,
            network.n_members,
            recipe.device,
            recipe.dtype,
            self.low,
            self.high,
        )

    def _merged(self, outputs: Sequence[FloatArray], splits: Sequence[Any]) -> FloatArray:
        """Return the mean output per held-out row, in the order of the validation."""
        if self.low is not None:
            outputs = [np.clip(output, self.low, self.high) for output in outputs]
        return self.validation.merged(outputs, [held for _, held in splits])

    def _judged(
        self,
        candidates: Sequence[ActivationCandidate],
        outputs: Sequence[FloatArray],
        rates: FloatArray,
    ) -> tuple[int, dict[str, dict[str, float]]]:
        """Choose: learned functions need a gain above its error, free ones need none."""
        share = self.validation.weight / self.validation.weight.sum()
        rows = np.array(
            [
                np.nan_to_num(self.task.losses(value, self.validation.rows), nan=np.inf)
                for value in outputs
            ]
        )
        means = rows @ share
        free = [i for i, c in enumerate(candidates) if not c.learned]
        learned = [i for i, c in enumerate(candidates) if c.learned]
        reference = min(free or learned, key=lambda i: means[i])
        table: dict[str, dict[str, float]] = {}
        for i, candidate in enumerate(candidates):
            gain, error = paired_gain(rows[reference], rows[i], share)
            table[candidate.name] = {
                "loss": float(means[i]),
                "gain": gain,
                "standard_error": error,
                "learning_rate": float(rates[i]),
            }
        place = reference
        if learned:
            best = min(learned, key=lambda i: means[i])
            entry = table[candidates[best].name]
            if not free or entry["gain"] > _MARGIN * entry["standard_error"]:
                place = best
        return place, table
