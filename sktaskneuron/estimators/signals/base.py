"""What the estimators of signals share: parameters, reading of arrays, tags."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

from numpy.typing import ArrayLike
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions

from sktaskneuron._typing import Constraints, RandomState, TableLike, ValidationLike
from sktaskneuron.estimators._common.checks import EncodedTable
from sktaskneuron.estimators._common.constraints import NETWORKS
from sktaskneuron.estimators._common.settings import layer_sizes
from sktaskneuron.estimators._common.targets import Predictive
from sktaskneuron.estimators.signals.run import FittedSignals, encode_signals, fit_signals
from sktaskneuron.estimators.signals.settings import SignalSettings
from sktaskneuron.formula import NeuronFormula

_AUTO_OR_COUNT = [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")]
_TRAINING = {name: rule for name, rule in NETWORKS.items() if name != "hidden_layer_sizes"}


class NeuronSeekSignals(Predictive):
    """What the regressor and the classifier share; their docstrings describe it."""

    _parameter_constraints: ClassVar[Constraints] = {
        **_TRAINING,
        "formula": [str, NeuronFormula],
        "hidden_formula": [None, str, NeuronFormula],
        "hidden_channels": [*_AUTO_OR_COUNT, "array-like"],
        "depth": [Interval(Integral, 1, None, closed="left")],
        "kernel_size": _AUTO_OR_COUNT,
        "activation": "no_validation",
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "compare_simple": ["boolean"],
    }

    # signals are numbers
    categorical_features = None
    _fitted: FittedSignals

    def __init__(
        self,
        formula: str | NeuronFormula = "x + <x,x>:8",
        *,
        hidden_formula: str | NeuronFormula | None = None,
        hidden_channels: str | int | Sequence[int] = "auto",
        depth: int = 2,
        kernel_size: str | int = "auto",
        activation: Any = "silu",
        dropout: float = 0.1,
        learning_rate: str | float = "auto",
        weight_decay: float = 0.02,
        max_epochs: str | int = "auto",
        batch_size: str | int = "auto",
        n_members: str | int = "auto",
        validation: ValidationLike = "auto",
        n_iter_no_change: int | None = None,
        compare_simple: bool = True,
        time_limit: float | None = None,
        device: str = "auto",
        dtype: str = "float32",
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.formula = formula
        self.hidden_formula = hidden_formula
        self.hidden_channels = hidden_channels
        self.depth = depth
        self.kernel_size = kernel_size
        self.activation = activation
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.n_members = n_members
        self.validation = validation
        self.n_iter_no_change = n_iter_no_change
        self.compare_simple = compare_simple
        self.time_limit = time_limit
        self.device = device
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

    def _settings(self) -> SignalSettings:
        """Refuse early what would fail later; return the parameters."""
        from sktaskneuron.nn import SignalNetwork
        from sktaskneuron.nn.typed.reading import given_layers, layer_functions
        from sktaskneuron.training import resolve_device, resolve_dtype

        formula, hidden_formula = _read(self.formula), None
        if self.hidden_formula is not None:
            hidden_formula = _read(self.hidden_formula)
        resolve_dtype(self.dtype, resolve_device(self.device))
        channels: str | tuple[int, ...] = "auto"
        if not isinstance(self.hidden_channels, str):
            channels = layer_sizes(self.hidden_channels, least=1, name="hidden_channels")
        # a network of one point knows whether formulas and activation make a network
        layers = given_layers(self.activation, 1)
        depth = 1 if layers is None else len(layers)
        functions = layer_functions(self.activation, depth)
        SignalNetwork(
            (1, 1),
            1,
            formula,
            hidden_formula=hidden_formula,
            hidden_channels=(max(map(len, functions)),),
            depth=depth,
            activation=functions,
        )
        return SignalSettings.of(
            self, formula=formula, hidden_formula=hidden_formula, hidden_channels=channels
        )

    def _encoded(self, X: TableLike, sample_weight: ArrayLike | None) -> EncodedTable:
        return encode_signals(self, X, sample_weight)

    def _with_importances(self, fitted: Any, table: EncodedTable) -> Any:
        return fitted  # a point of a signal that shifts has no importance of its own

    _run = staticmethod(fit_signals)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = False
        tags.input_tags.categorical = False
        tags.input_tags.three_d_array = True
        return tags


def _read(formula: str | NeuronFormula) -> NeuronFormula:
    return formula if isinstance(formula, NeuronFormula) else NeuronFormula.parse(formula)
