"""What the estimators of learned diversity share: learn activations, compare, train."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval, StrOptions

from sktaskneuron._typing import CategoricalFeatures, Constraints, RandomState, ValidationLike
from sktaskneuron.estimators._common.constraints import NETWORKS
from sktaskneuron.estimators._common.settings import layer_sizes
from sktaskneuron.estimators._common.targets import Predictive
from sktaskneuron.estimators.diversity.run import (
    DiversitySettings,
    FittedDiversity,
    fit_diversity,
)


class LearnedDiversity(Predictive):
    """What the estimators share; their docstrings describe it."""

    _parameter_constraints: ClassVar[Constraints] = {
        **NETWORKS,
        "n_types": [Interval(Integral, 1, None, closed="left")],
        "base": [str, list, tuple],
        "activations": "no_validation",
        "meta": [StrOptions({"unrolled", "first_order", "joint"})],
        "meta_loss": [StrOptions({"holdout", "train"})],
        "outer_steps": [Interval(Integral, 1, None, closed="left")],
        "inner_steps": [Interval(Integral, 1, None, closed="left")],
        "share_across_layers": ["boolean"],
        "compare": ["boolean"],
    }

    # whether the networks give a Hamiltonian
    _hamiltonian: ClassVar[bool] = False
    _fitted: FittedDiversity

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        *,
        n_types: int = 2,
        base: str | Sequence[str] = "sin",
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
        validation: ValidationLike = "auto",
        n_iter_no_change: int | None = None,
        time_limit: float | None = None,
        categorical_features: CategoricalFeatures = "from_dtype",
        device: str = "auto",
        dtype: str = "float32",
        random_state: RandomState = None,
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
        self.time_limit = time_limit
        self.categorical_features = categorical_features
        self.device = device
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

    def _settings(self) -> DiversitySettings:
        """Refuse early what would fail after a long search; return the parameters."""
        from sktaskneuron.nn import DiverseNetwork
        from sktaskneuron.nn.typed.layers import type_sizes
        from sktaskneuron.nn.typed.reading import layer_functions
        from sktaskneuron.nn.typed.sub_networks import base_texts
        from sktaskneuron.training import resolve_device, resolve_dtype

        resolve_dtype(self.dtype, resolve_device(self.device))
        sizes = layer_sizes(self.hidden_layer_sizes)
        given = None
        # fields of Hamiltonian networks need functions with a continuous slope
        interpolation = "cubic" if self._hamiltonian else "linear"
        if self.activations is None:
            base_texts(self.base, int(self.n_types))
            for size in sizes:
                type_sizes(size, int(self.n_types))
        else:
            given = layer_functions(self.activations, len(sizes), interpolation, name="activations")
            DiverseNetwork(2, 2, sizes, [(1, given)], hamiltonian=self._hamiltonian)
        return DiversitySettings.of(
            self,
            hidden_layer_sizes=sizes,
            given=given,
            interpolation=interpolation,
            hamiltonian=self._hamiltonian,
        )

    _run = staticmethod(fit_diversity)
