"""What the estimators of activation search share: candidates, validation, choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar

from sklearn.utils._param_validation import Interval, StrOptions

from sktaskneuron._typing import CategoricalFeatures, Constraints, RandomState, ValidationLike
from sktaskneuron.estimators._common.constraints import NETWORKS
from sktaskneuron.estimators._common.settings import layer_sizes
from sktaskneuron.estimators._common.targets import Predictive
from sktaskneuron.estimators.activation_search.candidates import named_candidates
from sktaskneuron.estimators.activation_search.run import (
    FittedActivationSearch,
    fit_activation_search,
)
from sktaskneuron.estimators.activation_search.settings import (
    ActivationSearchSettings,
    activations_of,
)

if TYPE_CHECKING:
    from sklearn.model_selection import BaseCrossValidator


class ActivationSearch(Predictive):
    """What the estimators share; their docstrings describe it."""

    _parameter_constraints: ClassVar[Constraints] = {
        **NETWORKS,
        "candidates": "no_validation",
        "strategy": [StrOptions({"portfolio", "surrogate", "evolve"})],
        "fallback": [str],
        "split": "no_validation",
        "tail_by": [str, Interval(Integral, 0, None, closed="left")],
        "tail_size": [Interval(Real, 0, 1, closed="neither")],
        "n_evaluations": [Interval(Integral, 1, None, closed="left")],
        "proposer": [None, callable],
        "checkpoint": [None, str, PathLike],
        "n_best": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "refit": ["boolean"],
    }

    _fitted: FittedActivationSearch

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (64, 64),
        *,
        candidates: Any = "classic",
        strategy: str = "portfolio",
        fallback: str = "silu",
        split: str | BaseCrossValidator = "cv",
        tail_by: str | int = "radius",
        tail_size: float = 0.2,
        n_evaluations: int = 48,
        proposer: Callable[..., list[str]] | None = None,
        checkpoint: str | PathLike[str] | None = None,
        n_best: str | int = "auto",
        refit: bool = True,
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
        self.candidates = candidates
        self.strategy = strategy
        self.fallback = fallback
        self.split = split
        self.tail_by = tail_by
        self.tail_size = tail_size
        self.n_evaluations = n_evaluations
        self.proposer = proposer
        self.checkpoint = checkpoint
        self.n_best = n_best
        self.refit = refit
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

    def _settings(self) -> ActivationSearchSettings:
        """Refuse early what would fail after a long search; return the parameters."""
        from sktaskneuron.training import resolve_device, resolve_dtype

        resolve_dtype(self.dtype, resolve_device(self.device))
        sizes = layer_sizes(self.hidden_layer_sizes)
        is_text = isinstance(self.split, str)
        if not (self.split in ("cv", "tail") if is_text else hasattr(self.split, "split")):
            raise (ValueError if is_text else TypeError)(
                f"split must be 'cv', 'tail' or a splitter of scikit-learn, got {self.split!r}"
            )
        if self.strategy != "evolve" and self.proposer is not None:
            raise ValueError("proposer needs strategy='evolve'")
        if self.strategy != "evolve" and self.checkpoint is not None:
            raise ValueError("checkpoint needs strategy='evolve'")
        if self.checkpoint is not None:
            from sktaskneuron.search.activation.checkpoint import check_place

            check_place(self.checkpoint)
        named = named_candidates(self.candidates)
        if self.strategy != "portfolio" and not all(isinstance(i, str) for i in named.values()):
            raise TypeError(
                f"strategy={self.strategy!r} needs names and expressions as candidates; sets and "
                "mixed layers need strategy='portfolio'"
            )
        if self.fallback not in named:
            named = {self.fallback: self.fallback, **named}
        listed = [activations_of(name, item, len(sizes)) for name, item in named.items()]
        return ActivationSearchSettings.of(self, hidden_layer_sizes=sizes, listed=listed)

    _run = staticmethod(fit_activation_search)
