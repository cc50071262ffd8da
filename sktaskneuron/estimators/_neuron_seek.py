"""What the NeuronSeek estimators share: search a formula, train networks built from it, choose."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sktaskneuron.estimators._expression import readable_expression
from sktaskneuron.estimators._formula_search import NeuronFormulaSearch
from sktaskneuron.estimators._input import (
    EncodedTable,
    FloatArray,
    column_range,
    draw_seed,
    read_rows,
)
from sktaskneuron.estimators._models import FittedModel, Inputs, NetworkModel
from sktaskneuron.estimators._network_training import NetworkRecipe, network_candidate
from sktaskneuron.estimators._reporting import FitReport
from sktaskneuron.estimators._simple_models import (
    constant_candidate,
    formula_candidate,
    linear_candidate,
)
from sktaskneuron.estimators._validation import Candidate, Task, choose, make_splits
from sktaskneuron.formula import FittedFormula, NeuronFormula
from sktaskneuron.preprocessing import SmoothClipScaler, TableEncoder

_EMPTY = NeuronFormula()
_LINEAR = NeuronFormula(pure=("x",))
# max_epochs="auto": 80 epochs, more on a table so small that they would be too few steps, and fewer
# on one so large that it shows all there is in fewer passes.
_AUTO_EPOCHS, _FEWEST_EPOCHS = 80, 10
_AUTO_STEPS, _MANY_STEPS = 400, 30_000
# Terms up to which an equation counts as a simple model, and forward steps of the default search:
# what comes later no reader and no network needs.
_READABLE_TERMS, _SEARCH_STEPS = 25, 30
# Log odds of a class that was never seen.
_SURE = 20.0


class NeuronSeek(CallbackSupportMixin, BaseEstimator, ABC):
    """What the regressor and the classifier share; their docstrings describe it."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "formula": [str, NeuronFormula],
        "search": [None, NeuronFormulaSearch],
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [str],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "max_epochs": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "validation": [
            None,
            StrOptions({"auto"}),
            Interval(Integral, 2, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
        ],
        "n_iter_no_change": [None, Interval(Integral, 1, None, closed="left")],
        "compare_simple": ["boolean"],
        "device": [str],
        "dtype": [StrOptions({"float32", "float64"})],
        "skorch_callbacks": [None, list, tuple],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    formula_: NeuronFormula
    fitted_formula_: FittedFormula | None
    search_: NeuronFormulaSearch | None
    selected_: str
    validation_scores_: dict[str, float]
    history_: dict[str, list[Any]]
    n_iter_: int
    encoder_: TableEncoder
    scaler_: SmoothClipScaler
    _model: FittedModel
    _bounds: FloatArray

    def __init__(
        self,
        formula: str | NeuronFormula = "td",
        *,
        search: NeuronFormulaSearch | None = None,
        hidden_layer_sizes: int | Sequence[int] = (128, 128),
        activation: str = "silu",
        dropout: float = 0.1,
        learning_rate: str | float = "auto",
        weight_decay: float = 0.02,
        max_epochs: str | int = "auto",
        batch_size: int = 256,
        validation: str | int | float | None = "auto",
        n_iter_no_change: int | None = None,
        compare_simple: bool = True,
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
        self.validation = validation
        self.n_iter_no_change = n_iter_no_change
        self.compare_simple = compare_simple
        self.categorical_features = categorical_features
        self.device = device
        self.dtype = dtype
        self.skorch_callbacks = skorch_callbacks
        self.random_state = random_state
        self.verbose = verbose

    # -- fitting ----------------------------------------------------------------------------------

    def _check_settings(self) -> NeuronFormula | None:
        """Refuse early what would fail after a long search; return the formula if one is given."""
        given = None
        if isinstance(self.formula, NeuronFormula):
            given = self.formula
        elif self.formula != "td":
            given = NeuronFormula.parse(self.formula)
        if self.search is not None:
            # fit switched the validation of nested estimators off
            self.search._validate_params()
        _check_skorch_callbacks(self.skorch_callbacks)

        from sktaskneuron.nn import TaskNetwork
        from sktaskneuron.training import resolve_device, resolve_dtype

        resolve_dtype(self.dtype, resolve_device(self.device))
        # a network of one input knows whether formula, activation and sizes make a network
        TaskNetwork(
            1,
            1,
            given or _LINEAR,
            hidden_layer_sizes=self._layer_sizes(),
            activation=self.activation,
            dropout=float(self.dropout),
        )
        return given

    def _held_out(self, n_rows: int) -> str | int | float | None:
        """Return ``validation`` as plain text or number, after asking whether the rows suffice."""
        validation = self.validation
        if validation is None or isinstance(validation, str):
            return validation
        folds = int(validation) if isinstance(validation, Integral) else None
        share = float(validation)
        if n_rows < (folds or 2) or (folds is None and round(share * n_rows) >= n_rows):
            raise ValueError(
                f"validation={validation!r} leaves no rows to train on or to hold out: got "
                f"n_samples = {n_rows} of positive weight; use validation=None"
            )
        return share if folds is None else folds

    def _fit(
        self,
        table: EncodedTable,
        encoder: TableEncoder,
        task_of: Callable[[Inputs], Task],
        given: NeuronFormula | None,
        report: FitReport,
    ) -> None:
        self._held_out(len(table.matrix))
        scaler = SmoothClipScaler().fit(table.matrix, sample_weight=table.weight)
        inputs = Inputs(table.matrix, scaler.transform(table.matrix))
        task = task_of(inputs)
        seed = draw_seed(self.random_state)
        self.encoder_ = encoder
        self._bounds = column_range(table)
        self.scaler_ = scaler
        self._search_formula(table, task, given, seed, report)
        candidates = self._candidates(task, seed, report)
        best = choose(candidates)
        if not np.isfinite(best.loss):
            self._refuse_diverged(best.model, inputs)
        self.selected_ = best.name
        self.validation_scores_ = {
            c.name: self._as_score(task, c.loss) for c in candidates if np.isfinite(c.loss)
        }
        self._model = best.model
        networks = [c for c in candidates if c.n_epochs]
        shown = best if best.n_epochs else (networks[-1] if networks else best)
        self.history_ = shown.history
        self.n_iter_ = max(1, shown.n_epochs)
        report.end()

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
    ) -> None:
        if given is not None:
            self.formula_, self.fitted_formula_, self.search_ = given, None, None
            return
        search = NeuronFormulaSearch(n_resamples=0, max_steps=_SEARCH_STEPS, random_state=seed)
        if self.search is not None:
            search = clone(self.search)
        search.n_features_in_ = self.n_features_in_
        if hasattr(self, "feature_names_in_"):
            search.feature_names_in_ = self.feature_names_in_
        target = self._search_target(task)
        with report.searching(search):
            search._fit_encoded(self.encoder_, table, target, classification=task.classification)
        self.search_ = search
        self.formula_ = search.formula_
        self.fitted_formula_ = search.fitted_formula_

    def _candidates(self, task: Task, seed: int, report: FitReport) -> list[Candidate]:
        splits = make_splits(task, self._held_out(len(task)), seed % (2**31))
        recipe = self._recipe(task, seed % (2**31))
        compare = bool(splits) and self.compare_simple
        simple = []
        if compare:
            simple = [constant_candidate(task, splits), linear_candidate(task, splits)]
        neuron = self.formula_ | _LINEAR
        networks = []
        if neuron == _LINEAR or compare:
            networks.append(network_candidate("mlp", task, _LINEAR, recipe, splits, report.epoch))
        if neuron != _LINEAR:
            networks.append(network_candidate("task", task, neuron, recipe, splits, report.epoch))
        if compare and self._is_simple(task):
            rival = min(candidate.loss for candidate in [*simple, *networks])
            fitted, again = self.fitted_formula_, self._search_again(task)
            simple += formula_candidate(task, fitted, splits, again, rival)
        return [*simple, *networks]

    def _is_simple(self, task: Task) -> bool:
        """Whether the searched equation is a simple model of its own.

        One equation per class is not, nor one of many terms; to validate them takes many searches.
        """
        if self.fitted_formula_ is None or self.formula_ in (_EMPTY, _LINEAR):
            return False
        few_outputs = not task.classification or task.n_outputs == 2
        return few_outputs and len(self.fitted_formula_.term_names()) <= _READABLE_TERMS

    def _search_again(self, task: Task) -> Callable[[NDArray[np.intp]], FittedFormula]:
        """Return the same search, for some of the rows."""
        search, target = self.search_, self._search_target(task)
        assert search is not None
        names = search.fitted_formula_.feature_names

        def on_rows(rows: NDArray[np.intp]) -> FittedFormula:
            if task.classification and len(np.unique(target[rows])) < 2:
                # a class so rare that none of it is left: its odds are as good as nothing
                odds = [_SURE if target[rows[0]] else -_SURE]
                return FittedFormula(NeuronFormula(), odds, feature_names=names, link="logit")
            part = EncodedTable(task.inputs.raw[rows], names, task.weight[rows], rows)
            # silent: callbacks and the user have seen this search on all rows
            again = clone(search).set_params(n_resamples=0, verbose=0).set_callbacks()
            again._fit_encoded(
                self.encoder_,
                part,
                target[rows],
                classification=task.classification,
                scale_number=search._scale_number,
            )
            return again.fitted_formula_

        return on_rows

    @staticmethod
    def _search_target(task: Task) -> NDArray[Any]:
        return task.target if task.classification else task.target * task.unit + task.shift

    def _layer_sizes(self) -> tuple[int, ...]:
        sizes = self.hidden_layer_sizes
        listed: list[Any] = list(np.atleast_1d(np.asarray(sizes, dtype=object)))
        if not all(isinstance(size, Integral) and int(size) >= 1 for size in listed):
            raise ValueError(f"hidden_layer_sizes must be positive whole numbers, got {sizes!r}")
        return tuple(int(size) for size in listed)

    def _auto_epochs(self, n_rows: int) -> int:
        steps = -(-n_rows // int(self.batch_size))
        return min(_AUTO_EPOCHS, max(_FEWEST_EPOCHS, _MANY_STEPS // steps))

    def _recipe(self, task: Task, seed: int) -> NetworkRecipe:
        rate = self.learning_rate
        if isinstance(rate, str):
            rate = 0.04 if task.classification else 0.1
        auto = isinstance(self.max_epochs, str)
        return NetworkRecipe(
            hidden_layer_sizes=self._layer_sizes(),
            activation=self.activation,
            dropout=float(self.dropout),
            learning_rate=float(rate),
            weight_decay=float(self.weight_decay),
            max_epochs=self._auto_epochs(len(task)) if auto else int(self.max_epochs),
            min_steps=_AUTO_STEPS if auto else 0,
            batch_size=int(self.batch_size),
            patience=self.n_iter_no_change,
            device=self.device,
            dtype=self.dtype,
            seed=seed,
            callbacks=tuple(self.skorch_callbacks or ()),
            verbose=int(self.verbose),
        )

    @abstractmethod
    def _as_score(self, task: Task, loss: float) -> float:
        """Return a held-out loss as a score, greater being better."""

    # -- prediction -------------------------------------------------------------------------------

    def _raw(self, X: Any) -> FloatArray:
        check_is_fitted(self, "_model")
        matrix = read_rows(self, self.encoder_, self._bounds, X)
        model = self._model
        if isinstance(model, NetworkModel):
            # not the device of fit: a model that was trained on a GPU may be used without one
            model = replace(model, device=self.device)
        return model.predict_raw(Inputs(matrix, self.scaler_.transform(matrix)))

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
                "use formula='td'"
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
