"""What the NeuronSeek estimators share: search a formula, train networks built from it, choose."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sktaskneuron.estimators._common.activations import given_functions
from sktaskneuron.estimators._common.checks import (
    EncodedTable,
    FloatArray,
    column_range,
    draw_seed,
    read_table,
)
from sktaskneuron.estimators._common.exports import EquationExports
from sktaskneuron.estimators._common.expression import readable_expression
from sktaskneuron.estimators._common.report import FitReport
from sktaskneuron.estimators.formula_search.search import NeuronFormulaSearch
from sktaskneuron.estimators.neuron_seek.defaults import LINEAR, Defaults
from sktaskneuron.estimators.neuron_seek.equation import Equation
from sktaskneuron.estimators.neuron_seek.groups import StageTwo
from sktaskneuron.estimators.neuron_seek.readable import DEFAULT_COMPLEXITY, Distillation
from sktaskneuron.formula import Exports, FittedExpression, FittedFormula, NeuronFormula
from sktaskneuron.models.choice import Choice, choose
from sktaskneuron.models.fitted import (
    FittedModel,
    FormulaModel,
    Inputs,
    LinearModel,
    View,
    on_device,
)
from sktaskneuron.models.validation import Task, Validation, held_out, make_splits
from sktaskneuron.preprocessing import NormalScoreScaler, SmoothClipScaler, TableEncoder
from sktaskneuron.search.engines import SEARCHED, resolve_engine

if TYPE_CHECKING:
    from sktaskneuron.training import Clock


class NeuronSeek(EquationExports, CallbackSupportMixin, BaseEstimator, ABC):
    """What the regressor and the classifier share; their docstrings describe it."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "formula": [str, NeuronFormula],
        "search": [None, NeuronFormulaSearch],
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": "no_validation",
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "max_epochs": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "n_members": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "time_limit": [None, Interval(Real, 0, None, closed="neither")],
        "validation": [
            None,
            StrOptions({"auto"}),
            Interval(Integral, 2, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
        ],
        "n_iter_no_change": [None, Interval(Integral, 1, None, closed="left")],
        "compare_simple": ["boolean"],
        "term_evidence": ["boolean"],
        "readable": ["boolean", Interval(Integral, 1, None, closed="left")],
        "device": [str],
        "dtype": [StrOptions({"float32", "float64"})],
        "skorch_callbacks": [None, list, tuple],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    # another recipe is a subclass with other defaults
    _defaults: ClassVar[Defaults] = Defaults()

    formula_: NeuronFormula
    fitted_formula_: FittedFormula | None
    search_: NeuronFormulaSearch | None
    readable_formula_: FittedExpression | FittedFormula | None
    readable_report_: dict[str, Any]
    selected_: str
    validation_scores_: dict[str, float]
    weights_: dict[str, float]
    formula_gain_: dict[str, float]
    history_: dict[str, list[Any]]
    n_iter_: int
    encoder_: TableEncoder
    scaler_: SmoothClipScaler
    rank_scaler_: NormalScoreScaler
    _model: FittedModel
    _bounds: FloatArray

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
        validation: str | int | float | None = "auto",
        n_iter_no_change: int | None = None,
        compare_simple: bool = True,
        term_evidence: bool = False,
        readable: bool | int = False,
        time_limit: float | None = None,
        categorical_features: Any = "from_dtype",
        device: str = "auto",
        dtype: str = "float32",
        skorch_callbacks: Sequence[Any] | None = None,
        random_state: Any = None,
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
        self.term_evidence = term_evidence
        self.readable = readable
        self.time_limit = time_limit
        self.categorical_features = categorical_features
        self.device = device
        self.dtype = dtype
        self.skorch_callbacks = skorch_callbacks
        self.random_state = random_state
        self.verbose = verbose

    # -- fitting ----------------------------------------------------------------------------------

    def _check_settings(self) -> tuple[NeuronFormula | None, Clock]:
        """Refuse early what would fail after a long search.

        Return the formula if one is given, and a clock that starts now.
        """
        from sktaskneuron.training import Clock

        clock = Clock(self.time_limit)
        given = None
        if isinstance(self.formula, NeuronFormula):
            given = self.formula
        elif self.formula not in SEARCHED:
            given = NeuronFormula.parse(self.formula)
        if self.search is not None:
            # fit switched the validation of nested estimators off
            self.search._validate_params()
            if self.search.scope != "neuron":
                raise ValueError(
                    f"search has scope={self.search.scope!r}, which finds an equation but no "
                    "formula of a neuron to build a network of; use scope='neuron'"
                )
            resolve_engine(self.search.method, self.search.scope, self.search.engine)
            if given is None and self.search.method != self.formula:
                raise ValueError(
                    f"formula={self.formula!r} and search.method={self.search.method!r} disagree; "
                    f"use formula={self.search.method!r}"
                )
        _check_skorch_callbacks(self.skorch_callbacks)

        from sktaskneuron.nn import TaskNetwork
        from sktaskneuron.training import resolve_device, resolve_dtype

        resolve_dtype(self.dtype, resolve_device(self.device))
        sizes = self._layer_sizes()
        given_functions(self.activation, len(sizes), "cubic", name="activation")
        # a network of one input knows whether formula, activation and sizes make a network
        TaskNetwork(
            1,
            1,
            given or LINEAR,
            hidden_layer_sizes=sizes,
            activation=self.activation,
            dropout=float(self.dropout),
        )
        return given, clock

    def _fit(
        self,
        table: EncodedTable,
        encoder: TableEncoder,
        task_of: Callable[[Inputs], Task],
        given: NeuronFormula | None,
        clock: Clock,
        report: FitReport,
    ) -> None:
        held_out(self.validation, len(table.matrix))
        self.encoder_ = encoder
        self._bounds = column_range(table)
        self.scaler_ = SmoothClipScaler().fit(table.matrix, sample_weight=table.weight)
        self._scalers: dict[View, Any] = {"robust": self.scaler_}
        self.__dict__.pop("rank_scaler_", None)
        if self.compare_simple and len(table.matrix) < self._defaults.rivals_below:
            self.rank_scaler_ = NormalScoreScaler().fit(table.matrix, sample_weight=table.weight)
            self._scalers["ranks"] = self.rank_scaler_
        task = task_of(self._inputs(table.matrix, table.codes))
        seed = draw_seed(self.random_state)
        equation = self._search_formula(table, task, given, seed, report)
        seed %= 2**31
        splits = make_splits(task, held_out(self.validation, len(task)), seed)
        if not isinstance(self.n_members, str):
            splits = splits[: int(self.n_members)]
        validation = Validation.of(task, splits)
        stage_two = StageTwo(
            self, self._defaults, task, validation, given, equation, seed, clock, report
        )
        candidates = stage_two.candidates()
        choice = choose(task, validation, candidates, self._defaults.simple_margin)
        gains = dict(choice.gains)
        if self.term_evidence and validation:
            gains |= stage_two.term_gains(choice.losses["task"])
        if choice.outputs is None:
            self._refuse_diverged(choice.model, task.inputs)
        self.selected_, self.weights_ = choice.name, choice.weights
        self.readable_formula_, self.readable_report_ = None, {}
        self.validation_scores_ = {
            name: self._as_score(task, loss) for name, loss in choice.losses.items()
        }
        self.formula_gain_ = {
            name: self._as_score(task, 0.0) - self._as_score(task, gain)
            for name, gain in gains.items()
        }
        self._model = choice.model
        self.oof_score_ = float("nan")
        if choice.outputs is not None:
            self.oof_score_ = self._held_out_score(task, validation, choice.outputs)
        if self.readable:
            self._distil(table, task, validation, choice, seed, report)
        networks = [c for c in candidates if c.n_epochs]
        shown = max(networks, key=lambda c: choice.weights[c.name])
        self.history_ = shown.history
        self.n_iter_ = max(1, shown.n_epochs)
        report.end()

    def _distil(
        self,
        table: EncodedTable,
        task: Task,
        validation: Validation,
        choice: Choice,
        seed: int,
        report: FitReport,
    ) -> None:
        """Put the best equation of few nodes in the place of the model, and say what that costs."""
        budget = DEFAULT_COMPLEXITY if self.readable is True else int(self.readable)
        distillation = Distillation(task, table.names, budget, seed, report, self)
        found = distillation.run(choice.model, choice.outputs, validation, self.fitted_formula_)
        self.readable_formula_ = found.fitted
        self.readable_report_ = {
            "equation": self._as_score(task, found.loss),
            "model": self._as_score(task, found.model_loss),
            "found on": found.source,
        }
        held = Validation.of(task, [(found.held, found.held)])
        self.oof_score_ = self._held_out_score(task, held, found.outputs)
        self._model = found.model

    def _equation(self) -> Exports:
        if self.readable_formula_ is not None:
            return self.readable_formula_
        if isinstance(self._model, FormulaModel):
            return self._model.fitted
        if isinstance(self._model, LinearModel):
            names = tuple(str(name) for name in self.encoder_.get_feature_names_out())
            return self._model.as_formula(names, *self._target_scale())
        raise AttributeError(
            f"what predicts is {self.selected_!r}, which is no equation; fit with readable=True "
            "for the best one of few nodes, or see fitted_formula_ for the searched one"
        )

    @abstractmethod
    def _target_scale(self) -> tuple[FloatArray | None, FloatArray | None]:
        """Return shift and unit of the target; None for classes."""

    def _inputs(self, matrix: FloatArray, codes: FloatArray) -> Inputs:
        return Inputs(
            matrix,
            codes,
            self._scalers,
            int((~self.encoder_.indicator_).sum()),
            tuple(self.encoder_.n_levels_),
        )

    def _refuse_diverged(self, model: FittedModel, inputs: Inputs) -> None:
        """Look at the training rows' predictions, where no held-out row has been looked at."""
        from sktaskneuron.training import DivergedError

        if not np.isfinite(model.predict_raw(inputs)).all():
            raise DivergedError(
                "training left a network whose predictions are not finite; lower learning_rate "
                f"(now {self.learning_rate!r}) or hold rows out by validation"
            )

    def _search_formula(
        self,
        table: EncodedTable,
        task: Task,
        given: NeuronFormula | None,
        seed: int,
        report: FitReport,
    ) -> Equation | None:
        if given is not None:
            self.formula_, self.fitted_formula_, self.search_ = given, None, None
            return None
        naming = {"n_features_in_": self.n_features_in_}
        if hasattr(self, "feature_names_in_"):
            naming["feature_names_in_"] = self.feature_names_in_
        method = str(self.formula)
        equation = Equation(self.encoder_, table, task, method, self.search, seed, naming, report)
        self.search_ = equation.search
        self._bounds = equation.search._bounds
        self.formula_, self.fitted_formula_ = equation.formula, equation.fitted
        return equation

    def _layer_sizes(self) -> tuple[int, ...]:
        sizes = self.hidden_layer_sizes
        listed: list[Any] = list(np.atleast_1d(np.asarray(sizes, dtype=object)))
        if not all(isinstance(size, Integral) and int(size) >= 1 for size in listed):
            raise ValueError(f"hidden_layer_sizes must be positive whole numbers, got {sizes!r}")
        return tuple(int(size) for size in listed)

    @abstractmethod
    def _as_score(self, task: Task, loss: float) -> float:
        """Return a held-out loss as a score, greater being better."""

    @abstractmethod
    def _held_out_score(self, task: Task, validation: Validation, outputs: FloatArray) -> float:
        """Return R2 or accuracy of raw outputs on the held-out rows."""

    # -- prediction -------------------------------------------------------------------------------

    def _raw(self, X: Any) -> FloatArray:
        check_is_fitted(self, "_model")
        matrix, codes = read_table(self, self.encoder_, self._bounds, X)
        # not the device of fit: a model that was trained on a GPU may be used without one
        model = on_device(self._model, self.device)
        return model.predict_raw(self._inputs(matrix, codes))

    @property
    def expression_(self) -> Any:
        """The searched equation as sympy, on the raw column names; a list for several outputs.

        For classes it is the log odds. There is none where no search was made, or where it would be
        too long to read.
        """
        check_is_fitted(self, "_model")
        if self.fitted_formula_ is None:
            raise AttributeError(
                f"expression_ needs a search, but formula={str(self.formula)!r} was given; "
                "use formula='td' or formula='sr'"
            )
        return readable_expression(self.fitted_formula_)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = self.categorical_features is not None
        return tags


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
