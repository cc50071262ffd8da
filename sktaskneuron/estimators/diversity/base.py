"""What the estimators of learned diversity share: learn activations, compare, train."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from sktaskneuron.estimators._common.activations import given_functions, with_learned_parameters
from sktaskneuron.estimators._common.checks import (
    draw_seed,
)
from sktaskneuron.estimators._common.report import FitReport, say
from sktaskneuron.estimators._common.typed_networks import TypedNetworks
from sktaskneuron.models.comparison import (
    ActivationCandidate,
    Comparison,
)
from sktaskneuron.models.validation import Task, Validation, held_out, make_splits

if TYPE_CHECKING:
    from sktaskneuron.nn import ActivationSet
    from sktaskneuron.training.meta.learning import MetaResult

# Rows that activation functions are learned on at most.
_META_ROWS = 20_000


class LearnedDiversity(TypedNetworks):
    """What the estimators share; their docstrings describe it."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **TypedNetworks._parameter_constraints,
        "n_types": [Interval(Integral, 1, None, closed="left")],
        "base": [str],
        "activations": "no_validation",
        "meta": [StrOptions({"unrolled", "first_order", "joint"})],
        "meta_loss": [StrOptions({"holdout", "train"})],
        "outer_steps": [Interval(Integral, 1, None, closed="left")],
        "inner_steps": [Interval(Integral, 1, None, closed="left")],
        "share_across_layers": ["boolean"],
        "compare": ["boolean"],
    }

    # fields of Hamiltonian networks need functions with a continuous slope
    _interpolation: ClassVar[str] = "linear"

    activations_: Any
    learned_: list[Any]
    selected_: str
    activation_report_: dict[str, Any]
    activation_history_: dict[str, Any]
    oof_score_: float
    history_: dict[str, list[float]]
    n_iter_: int

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        *,
        n_types: int = 2,
        base: str = "sin",
        activations: Any = None,
        meta: str = "unrolled",
        meta_loss: str = "holdout",
        outer_steps: int = 120,
        inner_steps: int = 100,
        share_across_layers: bool = True,
        compare: bool = True,
        learning_rate: str | float = "auto",
        weight_decay: float = 0.0,
        max_epochs: str | int = "auto",
        batch_size: str | int = "auto",
        n_members: str | int = "auto",
        validation: str | int | float | None = "auto",
        n_iter_no_change: int | None = None,
        categorical_features: Any = "from_dtype",
        device: str = "auto",
        dtype: str = "float32",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.n_types = n_types
        self.base = base
        self.activations = activations
        self.meta = meta
        self.meta_loss = meta_loss
        self.outer_steps = outer_steps
        self.inner_steps = inner_steps
        self.share_across_layers = share_across_layers
        self.compare = compare
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.n_members = n_members
        self.validation = validation
        self.n_iter_no_change = n_iter_no_change
        self.categorical_features = categorical_features
        self.device = device
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

    # -- fitting ----------------------------------------------------------------------------------

    def _check_settings(self) -> list[list[Any]] | None:
        """Refuse early what would fail after a long search; return given activations per layer."""
        from sktaskneuron.nn.typed.diverse import DiverseNetwork
        from sktaskneuron.nn.typed.layers import type_sizes
        from sktaskneuron.nn.typed.sub_networks import get_base
        from sktaskneuron.training import resolve_device, resolve_dtype

        resolve_dtype(self.dtype, resolve_device(self.device))
        sizes = self._layer_sizes()
        if self.activations is None:
            get_base(self.base)
            for size in sizes:
                type_sizes(size, int(self.n_types))
            return None
        given = given_functions(self.activations, len(sizes), self._interpolation)
        DiverseNetwork(2, 2, sizes, [(1, given)], hamiltonian=self._hamiltonian)
        return given

    def _fit(
        self,
        task: Task,
        given: list[list[Any]] | None,
        report: FitReport,
    ) -> None:
        seed = draw_seed(self.random_state)
        splits = make_splits(task, held_out(self.validation, len(task)), seed % 2**31)
        validation = Validation.of(task, splits)
        self._model = None  # type: ignore[assignment]
        recipe = self._recipe(task, validation, seed)
        comparison = Comparison(task, validation, recipe, report.epoch)
        self.learned_, self.activation_history_ = [], {}
        outside = 0.0
        if given is not None:
            candidates = [ActivationCandidate("given", given)]
        elif self.compare and self.validation == "auto" and not validation:
            # so few rows cannot tell what learned functions are worth
            candidates = self._free_candidates()
        else:
            result = self._learn(comparison, seed, report)
            self.learned_ = result.sets
            self.activation_history_ = {
                "outer_loss": result.outer_loss,
                "evolution": result.evolution,
            }
            outside = result.outside
            candidates = self._candidates(result.sets)
        if not (self.compare and validation):
            candidates = candidates[:1]
        choice = comparison.choose(candidates)
        self.selected_ = choice.name
        self._model = choice.model
        self.activations_ = self._named(choice.name)
        self.history_, self.n_iter_ = choice.history, max(1, choice.n_epochs)
        self.activation_report_ = {
            "selected": choice.name,
            "outside": outside,
            "candidates": choice.table,
        }
        self.oof_score_ = float("nan")
        if choice.outputs is not None:
            self.oof_score_ = self._held_out_score(task, validation, choice.outputs)
        for name, entry in choice.table.items():
            say(
                self,
                f"{name}: held-out loss {entry['loss']:.4g}, gain {entry['gain']:.2g} +- "
                f"{entry['standard_error']:.2g}",
            )
        task.release()
        report.end()

    def _learn(self, comparison: Comparison, seed: int, report: FitReport) -> MetaResult:
        """Learn the activation functions on the training rows, or on a part of very many."""
        from sktaskneuron.training import MetaOptions, TensorTable, learn_activations

        table = comparison.table
        options = MetaOptions(
            n_types=int(self.n_types),
            base=self.base,
            meta=self.meta,
            meta_loss=self.meta_loss,
            outer_steps=int(self.outer_steps),
            inner_steps=int(self.inner_steps),
            share_across_layers=bool(self.share_across_layers),
        )
        rows = np.arange(len(table))
        if len(table) > _META_ROWS:
            rows = np.random.default_rng(seed).choice(len(table), _META_ROWS, replace=False)
            rows.sort()
        device, weight = comparison.device, table.weight
        part = TensorTable(
            table.X[rows].to(device),
            table.y[rows].to(device),
            None if weight is None else weight[rows].to(device),
        )

        def on_step(step: int, n_steps: int, loss: float) -> bool:
            return report.epoch("activations", step, n_steps, {"outer_loss": loss}, None)

        return learn_activations(
            part,
            self._layer_sizes(),
            comparison.task.n_outputs,
            options,
            hamiltonian=self._hamiltonian,
            seed=seed,
            on_step=on_step,
        )

    def _candidates(self, sets: Sequence[ActivationSet]) -> list[ActivationCandidate]:
        """Return the learned mix first, then its types alone, its base, and sine with ReLU."""
        n_layers = len(self._layer_sizes())
        layers = list(sets) if len(sets) > 1 else list(sets) * n_layers
        tables = [layer.functions(self._interpolation) for layer in layers]
        found = [ActivationCandidate("learned", tables, True)]
        if self.n_types > 1:
            found += [
                ActivationCandidate(f"learned {t + 1}", [[table[t]] for table in tables], True)
                for t in range(int(self.n_types))
            ]
        return found + self._free_candidates()

    def _free_candidates(self) -> list[ActivationCandidate]:
        """Return what needs no learning: the base, and sine with ReLU."""
        sizes = self._layer_sizes()
        found = []
        if self.base not in ("zero", "identity"):
            found.append(ActivationCandidate(self.base, [[self.base]] * len(sizes)))
        if min(sizes) > 1:
            found.append(ActivationCandidate("sin + relu", [["sin", "relu"]] * len(sizes)))
        return found or [ActivationCandidate("sin", [["sin"]] * len(sizes))]

    def _named(self, name: str) -> Any:
        """Return the activations of a candidate, as ``activations`` takes them."""
        if name == "given":
            return with_learned_parameters(self.activations, self._model.network())
        if not name.startswith("learned"):
            return name.split(" + ")
        if name != "learned":
            place = int(name.removeprefix("learned ")) - 1
            sets = [activation_set[place] for activation_set in self.learned_]
        else:
            sets = list(self.learned_)
        return sets[0] if len(sets) == 1 else sets
