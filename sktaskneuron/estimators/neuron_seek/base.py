"""What the NeuronSeek estimators share: search a formula, train networks built from it, choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

from sklearn.base import is_classifier
from sklearn.utils._param_validation import Interval

from sktaskneuron._typing import (
    AnyArray,
    CategoricalFeatures,
    Constraints,
    RandomState,
    ValidationLike,
)
from sktaskneuron.estimators._common.checks import EncodedTable
from sktaskneuron.estimators._common.constraints import N_JOBS, NETWORKS
from sktaskneuron.estimators._common.expression import readable_expression
from sktaskneuron.estimators._common.further import LearnsFurther
from sktaskneuron.estimators._common.report import FitReport
from sktaskneuron.estimators._common.settings import layer_sizes
from sktaskneuron.estimators.exports import EquationExports
from sktaskneuron.estimators.fitted import FittedPredictor, fitted_value
from sktaskneuron.estimators.formula_search.search import NeuronFormulaSearch
from sktaskneuron.estimators.neuron_seek.companions import named_companions
from sktaskneuron.estimators.neuron_seek.defaults import LINEAR, Defaults
from sktaskneuron.estimators.neuron_seek.further import learn_further
from sktaskneuron.estimators.neuron_seek.run import (
    FittedNeuronSeek,
    fit_neuron_seek,
)
from sktaskneuron.estimators.neuron_seek.settings import NeuronSeekSettings, Start
from sktaskneuron.formula import NeuronFormula
from sktaskneuron.models.companions import Companion
from sktaskneuron.models.predictor import Predictor
from sktaskneuron.search.engines import SEARCHED, resolve_engine

if TYPE_CHECKING:
    import sympy
    from skorch.callbacks import Callback


class NeuronSeek(EquationExports, LearnsFurther):
    """What the regressor and the classifier share; their docstrings describe it."""

    _parameter_constraints: ClassVar[Constraints] = {
        **NETWORKS,
        **N_JOBS,
        "formula": [str, NeuronFormula],
        "search": [None, NeuronFormulaSearch],
        "activation": "no_validation",
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "compare_simple": ["boolean"],
        "companions": [None, list, tuple],
        "term_evidence": ["boolean"],
        "readable": ["boolean", Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "skorch_callbacks": [None, list, tuple],
    }

    # another recipe is a subclass with other defaults
    _defaults: ClassVar[Defaults] = Defaults()

    _fitted: FittedNeuronSeek

    def __init__(
        self,
        formula: str | NeuronFormula = "td",
        *,
        search: NeuronFormulaSearch | None = None,
        hidden_layer_sizes: int | Sequence[int] = (128, 128),
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
        companions: Sequence[Any] | None = None,
        term_evidence: bool = False,
        readable: bool | int = False,
        warm_start: bool = False,
        time_limit: float | None = None,
        categorical_features: CategoricalFeatures = "from_dtype",
        device: str = "auto",
        dtype: str = "float32",
        skorch_callbacks: Sequence[Callback | tuple[str, Callback]] | None = None,
        n_jobs: int | None = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.formula = formula
        self.search = search
        self.hidden_layer_sizes = hidden_layer_sizes
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
        self.companions = companions
        self.term_evidence = term_evidence
        self.readable = readable
        self.warm_start = warm_start
        self.time_limit = time_limit
        self.categorical_features = categorical_features
        self.device = device
        self.dtype = dtype
        self.skorch_callbacks = skorch_callbacks
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    # -- fitting ----------------------------------------------------------------------------------

    def _settings(self) -> NeuronSeekSettings:
        """Refuse early what would fail after a long search; return the parameters."""
        given = None
        if isinstance(self.formula, NeuronFormula):
            given = self.formula
        elif self.formula not in SEARCHED:
            given = NeuronFormula.parse(self.formula)
        if self.search is not None:
            self._check_search(self.search, given)
        _check_skorch_callbacks(self.skorch_callbacks)

        from sktaskneuron.nn import TaskNetwork
        from sktaskneuron.nn.typed.reading import layer_functions
        from sktaskneuron.training import resolve_device, resolve_dtype

        resolve_dtype(self.dtype, resolve_device(self.device))
        sizes = layer_sizes(self.hidden_layer_sizes, least=0)
        layer_functions(self.activation, len(sizes), "cubic", name="activation")
        # a network of one input knows whether formula, activation and sizes make a network
        TaskNetwork(
            1,
            1,
            given or LINEAR,
            hidden_layer_sizes=sizes,
            activation=self.activation,
            dropout=float(self.dropout),
        )
        return NeuronSeekSettings.of(
            self,
            companions=self._companions(),
            given=given,
            hidden_layer_sizes=sizes,
            skorch_callbacks=tuple(self.skorch_callbacks or ()),
            defaults=self._defaults,
            start=self._start(),
            networks_alone=False,
        )

    def _companions(self) -> tuple[tuple[str, Companion], ...]:
        """Return the companions with their names."""
        if self.companions and not self.compare_simple:
            raise ValueError(
                "compare_simple=False trains the task-driven networks alone, and companions take "
                "part in a comparison; use compare_simple=True, or companions=None"
            )
        return named_companions(self.companions, classification=is_classifier(self))

    def _start(self) -> Start | None:
        """Return what an earlier fit hands on, if this one is to go on from it."""
        if not (self.warm_start and self.__sklearn_is_fitted__()):
            return None
        if self.search is not None and self.search.scope == "columns":
            raise ValueError(
                "warm_start=True keeps the formula of the neurons, and with "
                f"search.scope={self.search.scope!r} an equation of columns was searched too; use "
                "warm_start=False, or a search of scope='neuron'"
            )
        former: FittedNeuronSeek = fitted_value(self)
        return Start(former.predictor, former.formula, former.search, former.packs, former.n_seen)

    def _earlier(self) -> Predictor | None:
        start = self._start()
        return None if start is None else start.predictor

    def _first_settings(self) -> NeuronSeekSettings:
        if self.readable:
            raise ValueError(
                f"readable={self.readable!r} lets an equation predict, and partial_fit trains "
                "networks; use readable=False, or NeuronFormulaSearch.partial_fit for an equation"
            )
        if self.companions:
            raise ValueError(
                "companions are fitted to all rows at once, and partial_fit goes on learning; use "
                "companions=None, or fit"
            )
        return replace(self._settings(), networks_alone=True)

    def _further(
        self, former: FittedPredictor, table: EncodedTable, encoded: AnyArray, report: FitReport
    ) -> FittedNeuronSeek:
        assert isinstance(former, FittedNeuronSeek)  # its own
        return learn_further(replace(self._settings(), start=None), former, table, encoded, report)

    def _check_search(self, search: NeuronFormulaSearch, given: NeuronFormula | None) -> None:
        # fit switched the validation of nested estimators off
        search._validate_params()
        resolve_engine(search.method, search.scope, search.engine)
        of_neuron = search.scope == "neuron"
        if of_neuron and given is None and search.method != self.formula:
            raise ValueError(
                f"formula={self.formula!r} and search.method={search.method!r} disagree; "
                f"use formula={search.method!r}"
            )

    _run = staticmethod(fit_neuron_seek)

    @property
    def expression_(self) -> sympy.Expr | list[sympy.Expr]:
        """The searched equation as sympy, on the raw column names; a list for several outputs.

        For classes it is the log odds. There is none where no search was made, or where it would be
        too long to read.
        """
        fitted: FittedNeuronSeek = fitted_value(self)
        if fitted.searched is None:
            raise AttributeError(
                f"expression_ needs a search, but formula={str(self.formula)!r} was given; "
                "use formula='td' or formula='sr'"
            )
        return readable_expression(fitted.searched)


def _check_skorch_callbacks(callbacks: Sequence[Any] | None) -> None:
    if not callbacks:
        return
    from skorch.callbacks import Callback

    for item in callbacks:
        named = isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)
        callback = item[1] if named else item
        if not isinstance(callback, Callback):
            raise TypeError(
                "skorch_callbacks must hold instances of skorch.callbacks.Callback, or pairs "
                f"(name, callback), got {item!r}. Callbacks of scikit-learn go to set_callbacks"
            )
