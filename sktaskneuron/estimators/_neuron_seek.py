"""NeuronSeek estimators: search the neuron's formula, build the network from it, train it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MultiOutputMixin,
    RegressorMixin,
    _fit_context,
    clone,
)
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import Tags, check_random_state, compute_class_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sktaskneuron.estimators._formula_search import NeuronFormulaSearch
from sktaskneuron.estimators._input import (
    EncodedTable,
    FloatArray,
    check_rows,
    encode_table,
    read_rows,
)
from sktaskneuron.estimators._models import FittedModel, Inputs, softmax
from sktaskneuron.estimators._stage_two import (
    Candidate,
    NetworkRecipe,
    Task,
    choose,
    formula_candidate,
    linear_candidate,
    make_splits,
    network_candidate,
)
from sktaskneuron.formula import FittedFormula, NeuronFormula
from sktaskneuron.preprocessing import SmoothClipScaler, TableEncoder

_LINEAR = NeuronFormula(pure=("x",))
_MIN_STEPS = 400


class _NeuronSeek(CallbackSupportMixin, BaseEstimator):
    """What the regressor and the classifier share."""

    _parameter_constraints: dict[str, list[Any]] = {
        "formula": [str, NeuronFormula],
        "search": [None, NeuronFormulaSearch],
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [str],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
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
    encoder_: TableEncoder
    scaler_: SmoothClipScaler
    _model: FittedModel

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
        max_epochs: int = 80,
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

    # -- fitting ----------------------------------------------------------------------------------------------------

    def _fit(
        self, table: EncodedTable, encoder: TableEncoder, task_of: Callable[[Inputs], Task]
    ) -> None:
        scaler = SmoothClipScaler().fit(table.matrix, sample_weight=table.weight)
        inputs = Inputs(table.matrix, scaler.transform(table.matrix))
        task = task_of(inputs)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        context = self._init_callback_context(max_subtasks=None)
        context.call_on_fit_task_begin(estimator=self)

        given = None if self.formula == "td" else _as_formula(self.formula)
        self.encoder_ = encoder
        self.scaler_ = scaler
        self._search_formula(table, task, given, seed, context)
        candidates = self._candidates(task, seed, context)
        best = choose(candidates)
        self.selected_ = best.name
        self.validation_scores_ = {c.name: self._as_score(task, c.loss) for c in candidates}
        self._model = best.model
        networks = [c for c in candidates if c.n_epochs]
        shown = best if best.n_epochs else (networks[-1] if networks else best)
        self.history_ = shown.history
        self.n_iter_ = max(1, shown.n_epochs)
        context.call_on_fit_task_end(estimator=self)

    def _search_formula(
        self,
        table: EncodedTable,
        task: Task,
        given: NeuronFormula | None,
        seed: int,
        context: Any,
    ) -> None:
        if given is not None:
            self.formula_, self.fitted_formula_, self.search_ = given, None, None
            return
        search = NeuronFormulaSearch(n_resamples=0, random_state=seed)
        if self.search is not None:
            search = clone(self.search)
        search.n_features_in_ = self.n_features_in_
        if hasattr(self, "feature_names_in_"):
            search.feature_names_in_ = self.feature_names_in_
        target = self._search_target(task)
        with context.subcontext("search").propagate_callback_context(search):
            search.fit_encoded(self.encoder_, table, target, classification=task.classification)
        self.search_ = search
        self.formula_ = search.formula_
        self.fitted_formula_ = search.fitted_formula_

    def _candidates(
        self, task: Task, seed: int, context: Any
    ) -> list[Candidate]:
        splits = make_splits(task, self.validation, seed % (2**31))
        recipe = self._recipe(task, seed % (2**31))
        report = self._reporter(context)
        out = []
        if splits and self.compare_simple:
            out.append(linear_candidate(task, splits))
            if self.fitted_formula_ is not None and self.formula_ and self.formula_ != _LINEAR:
                fitted = self.fitted_formula_
                out.append(formula_candidate(task, fitted, splits, self._search_again(task)))
        neuron = self.formula_ | _LINEAR
        if neuron == _LINEAR or (splits and self.compare_simple):
            out.append(network_candidate("mlp", task, _LINEAR, recipe, splits, report))
        if neuron != _LINEAR:
            out.append(network_candidate("task", task, neuron, recipe, splits, report))
        return out

    def _search_again(self, task: Task) -> Callable[[NDArray[np.intp]], FittedFormula]:
        """The same search on some of the rows."""
        search, target = self.search_, self._search_target(task)
        assert search is not None

        def on_rows(rows: NDArray[np.intp]) -> FittedFormula:
            part = EncodedTable(task.inputs.raw[rows], search.fitted_formula_.feature_names, task.weight[rows], rows)
            again = clone(search).set_params(n_resamples=0)
            again.fit_encoded(
                self.encoder_, part, target[rows], classification=task.classification
            )
            return again.fitted_formula_

        return on_rows

    @staticmethod
    def _search_target(task: Task) -> NDArray[Any]:
        return task.target if task.classification else task.target * task.unit + task.shift

    def _recipe(self, task: Task, seed: int) -> NetworkRecipe:
        sizes = self.hidden_layer_sizes
        rate = self.learning_rate
        if isinstance(rate, str):
            rate = 0.04 if task.classification else 0.1
        return NetworkRecipe(
            hidden_layer_sizes=(int(sizes),) if isinstance(sizes, Integral) else tuple(map(int, sizes)),
            activation=self.activation,
            dropout=float(self.dropout),
            learning_rate=float(rate),
            weight_decay=float(self.weight_decay),
            max_epochs=int(self.max_epochs),
            min_steps=_MIN_STEPS,
            batch_size=int(self.batch_size),
            patience=self.n_iter_no_change,
            max_gradient_norm=None,
            device=self.device,
            dtype=self.dtype,
            seed=seed,
            callbacks=tuple(self.skorch_callbacks or ()),
            verbose=int(self.verbose),
        )

    def _reporter(self, context: Any) -> Any:
        """Turn epochs into scikit-learn callback tasks: fit > network > epoch."""
        open_networks: dict[str, Any] = {}

        def report(
            network: str,
            epoch: int,
            n_epochs: int,
            logs: Mapping[str, float],
            get_model: Callable[[], FittedModel],
        ) -> bool:
            if network not in open_networks:
                for other in open_networks.values():
                    with suppress(KeyError):
                        other.call_on_fit_task_end(estimator=self)
                open_networks.clear()
                open_networks[network] = context.subcontext(task_name=network, max_subtasks=n_epochs)
                open_networks[network].call_on_fit_task_begin(estimator=self)
            step = open_networks[network].subcontext(task_name="epoch")
            step.call_on_fit_task_begin(estimator=self)
            stop = step.call_on_fit_task_end(
                estimator=self,
                reconstruction_attributes=lambda: {**self._fitted_so_far(), "_model": get_model()},
            )
            if self.verbose:
                shown = ", ".join(f"{key} {value:.4g}" for key, value in logs.items() if "loss" in key)
                print(f"[{type(self).__name__}] {network}, epoch {epoch}/{n_epochs}: {shown}")
            return bool(stop)

        return report

    def _fitted_so_far(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in vars(self).items()
            if name.endswith("_") and not name.startswith("__")
        }

    def _as_score(self, task: Task, loss: float) -> float:
        raise NotImplementedError

    # -- prediction -------------------------------------------------------------------------------------------------

    def _raw(self, X: Any) -> FloatArray:
        check_is_fitted(self, "_model")
        matrix = read_rows(self, self.encoder_, X)
        return self._model.predict_raw(Inputs(matrix, self.scaler_.transform(matrix)))

    @property
    def expression_(self) -> Any:
        """The searched equation as sympy, on the raw column names; a list for several outputs.

        For classes it is the log odds. Raises AttributeError where no search was made, FormulaError if the equation is too long to be read.
        """
        check_is_fitted(self, "_model")
        if self.fitted_formula_ is None:
            raise AttributeError(
                f"expression_ needs a search, but formula={str(self.formula)!r} was given; "
                "use formula='td'"
            )
        return self.fitted_formula_.to_sympy()

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = self.categorical_features is not None
        return tags


def _as_formula(formula: str | NeuronFormula) -> NeuronFormula:
    return formula if isinstance(formula, NeuronFormula) else NeuronFormula.parse(formula)


class NeuronSeekRegressor(RegressorMixin, MultiOutputMixin, _NeuronSeek):
    """Regression by a network of task-driven neurons, whose formula the data decide."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Search the formula, train the networks, keep the best model."""
        target = check_rows(self, X, y, numeric_target=True)
        encoder = TableEncoder(self.categorical_features)
        table = encode_table(self, encoder, X, sample_weight)
        self._single_output = target.ndim == 1
        values = target[table.rows].reshape(len(table.rows), -1)
        shift = table.weight @ values / table.weight.sum()
        sd = np.sqrt(table.weight @ (values - shift) ** 2 / table.weight.sum())
        unit = np.where(sd > 1e-12 * np.maximum(np.abs(shift), 1e-300), sd, 1.0)
        self.n_outputs_ = values.shape[1]
        self._shift, self._unit = shift, unit

        def task_of(inputs: Inputs) -> Task:
            standard = (values - shift) / unit
            return Task(inputs, standard, table.weight, len(unit), False, shift, unit)

        self._fit(table, encoder, task_of)
        return self

    def _as_score(self, task: Task, loss: float) -> float:
        return 1.0 - loss

    def predict(self, X: Any) -> FloatArray:
        """Predict the target."""
        value = self._raw(X) * self._unit + self._shift
        return value[:, 0] if self._single_output else value


class NeuronSeekClassifier(ClassifierMixin, _NeuronSeek):
    """Classification by a network of task-driven neurons, whose formula the data decide."""

    _parameter_constraints: dict[str, list[Any]] = {
        **_NeuronSeek._parameter_constraints,
        "class_weight": [None, dict, StrOptions({"balanced"})],
    }

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
        max_epochs: int = 80,
        batch_size: int = 256,
        validation: str | int | float | None = "auto",
        n_iter_no_change: int | None = None,
        compare_simple: bool = True,
        categorical_features: Any = "from_dtype",
        class_weight: Any = None,
        device: str = "auto",
        dtype: str = "float32",
        skorch_callbacks: Sequence[Any] | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            formula,
            search=search,
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            dropout=dropout,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            max_epochs=max_epochs,
            batch_size=batch_size,
            validation=validation,
            n_iter_no_change=n_iter_no_change,
            compare_simple=compare_simple,
            categorical_features=categorical_features,
            device=device,
            dtype=dtype,
            skorch_callbacks=skorch_callbacks,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Search the formula, train the networks, keep the best model."""
        labels = check_rows(self, X, y, numeric_target=False)
        encoder = TableEncoder(self.categorical_features)
        table = encode_table(self, encoder, X, sample_weight)
        self.classes_, codes = np.unique(labels[table.rows], return_inverse=True)
        n_classes = len(self.classes_)
        if n_classes < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least two classes in y, got only one class: "
                f"{self.classes_[0]!r}"
            )
        weight = table.weight
        if self.class_weight is not None:
            per_class = compute_class_weight(
                self.class_weight,
                classes=self.classes_,
                y=labels[table.rows],
                sample_weight=weight if self.class_weight == "balanced" else None,
            )
            weight = weight * per_class[codes]
        table = EncodedTable(table.matrix, table.names, weight, table.rows)

        def task_of(inputs: Inputs) -> Task:
            zero, one = np.zeros(n_classes), np.ones(n_classes)
            return Task(inputs, codes.astype(np.int64), weight, n_classes, True, zero, one)

        self._fit(table, encoder, task_of)
        return self

    def _as_score(self, task: Task, loss: float) -> float:
        return -loss

    def predict_proba(self, X: Any) -> FloatArray:
        """Probabilities of the classes."""
        return softmax(self._raw(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the class label."""
        check_is_fitted(self, "_model")
        return np.asarray(self.classes_[np.argmax(self.predict_proba(X), axis=1)])
