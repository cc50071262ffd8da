"""A fit is whole or not at all: whatever stops it, wherever, the estimator stays as it was."""

import pickle
import sys
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

import sktaskneuron
from sktaskneuron import (
    ActivationSearchClassifier,
    ActivationSearchRegressor,
    HamiltonianMLPRegressor,
    LearnedDiversityMLPClassifier,
    LearnedDiversityMLPRegressor,
    NeuronFormulaSearch,
    NeuronSeekClassifier,
    NeuronSeekRegressor,
    NeuronSeekSignalClassifier,
    NeuronSeekSignalRegressor,
)
from sktaskneuron.estimators.fitted import FORMAT

from ..interrupts import interrupted

PACKAGE = str(Path(sktaskneuron.__file__).parent)
SMALL = {"hidden_layer_sizes": (4,), "max_epochs": 2, "validation": 2, "random_state": 0}
LEARNED = {**SMALL, "outer_steps": 1, "inner_steps": 2}

#: Every public estimator, with settings that lead through all parts of its fit.
SIGNALS = {"hidden_channels": (4,), "max_epochs": 3, "validation": 2, "random_state": 0}
ESTIMATORS = {
    "regressor": NeuronSeekRegressor(
        "td", **SMALL, readable=6, term_evidence=True, search=NeuronFormulaSearch(n_resamples=0)
    ),
    "classifier": NeuronSeekClassifier("sr", **SMALL, class_weight="balanced"),
    "search": NeuronFormulaSearch(n_resamples=2),
    "search of columns": NeuronFormulaSearch("sr", scope="columns", max_steps=1),
    "diversity regressor": LearnedDiversityMLPRegressor(**LEARNED),
    "diversity classifier": LearnedDiversityMLPClassifier(**LEARNED),
    "activation regressor": ActivationSearchRegressor(
        **SMALL, split="tail", candidates=["silu", "relu"]
    ),
    "activation classifier": ActivationSearchClassifier(
        **SMALL, strategy="surrogate", candidates=["silu", "relu", "sin"], n_evaluations=3
    ),
    "hamiltonian": HamiltonianMLPRegressor(**SMALL),
    "signal regressor": NeuronSeekSignalRegressor(**SIGNALS),
    "signal classifier": NeuronSeekSignalClassifier(**SIGNALS),
}
#: Exceptions of all kinds; an interrupt alone may never be caught on the way.
KINDS = [KeyboardInterrupt, MemoryError, ValueError, SystemExit, RecursionError]
#: Interrupted steps per estimator, spread over the first calls of all functions of the package.
N_SEAMS = 8
#: Methods that a user may call before fit.
METHODS = [
    *("predict", "predict_proba", "transform", "energy", "score"),
    *("to_sympy", "to_latex", "to_numpy", "to_python", "to_c", "to_sql", "to_excel", "to_json"),
    *("get_feature_names_out", "simulate", "energy_drift"),
]


def draw(name, seed):
    """A table and its target; another seed draws in other units, of other labels."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 2)) * (1 + 50 * seed) + 300 * seed
    y = (X[:, 0] ** 2 - X[:, 1]) * (-1) ** seed
    if name == "hamiltonian":
        return X, np.stack([X[:, 1], -X[:, 0]], axis=1) * (1 + seed)
    if "classifier" in name:
        return X, np.where(y > np.median(y), f"high {seed}", f"low {seed}")
    return X, y


def outputs(model, X):
    methods = ("predict", "predict_proba", "transform", "energy")
    return [getattr(model, method)(X) for method in methods if hasattr(model, method)]


class Interrupter:
    """Profiles calls of the package's functions, and raises at the first call of one of them."""

    def __init__(self, at=None, error=None):
        self.at, self.error, self.seen = at, error, {}

    def __call__(self, frame, event, argument):
        code = frame.f_code
        if event != "call" or code in self.seen or not code.co_filename.startswith(PACKAGE):
            return
        self.seen[code] = len(self.seen)
        if self.seen[code] == self.at:
            raise self.error

    @contextmanager
    def watching(self):
        sys.setprofile(self)
        try:
            yield self
        finally:
            sys.setprofile(None)


def fit(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y)


@pytest.fixture(scope="module", params=list(ESTIMATORS))
def fitted(request):
    """Name, a model that was fitted to table 0, and the number of functions that a fit calls."""
    name = request.param
    model = clone(ESTIMATORS[name])
    fit(model, *draw(name, 0))
    # a first refit loads modules and fills caches, whose functions are not called again
    fit(clone(model), *draw(name, 1))
    twin = clone(model)
    with Interrupter().watching() as watch:
        fit(twin, *draw(name, 1))
    assert len(watch.seen) > 100
    return name, model, len(watch.seen)


def test_a_refit_that_fails_changes_nothing(fitted):
    name, model, n_seams = fitted
    X, _ = draw(name, 0)
    before, state = outputs(model, X), pickle.dumps(vars(model))
    stopped = 0
    for number, seam in enumerate(np.linspace(1, n_seams - 1, N_SEAMS).astype(int).tolist()):
        # an interrupt at every second seam, each of the other kinds in turn between
        kind = KINDS[1 + number // 2 % (len(KINDS) - 1)] if number % 2 else KeyboardInterrupt
        try:
            with Interrupter(seam, kind("stopped here")).watching():
                fit(model, *draw(name, 1))
        except kind:
            stopped += 1
            assert pickle.dumps(vars(model)) == state
        else:
            # caught on the way, where the fit knows another: it is whole then
            assert kind is not KeyboardInterrupt, seam
            fit(model, *draw(name, 0))
        for old, new in zip(before, outputs(model, X), strict=True):
            np.testing.assert_array_equal(new, old)
    assert stopped >= N_SEAMS - 2


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_first_fit_that_fails_leaves_none(fitted, share):
    name, model, n_seams = fitted
    new = clone(model)
    state = pickle.dumps(vars(new))
    with (
        pytest.raises(KeyboardInterrupt),
        Interrupter(int(share * n_seams), KeyboardInterrupt()).watching(),
    ):
        fit(new, *draw(name, 1))
    assert pickle.dumps(vars(new)) == state
    with pytest.raises(NotFittedError):
        check_is_fitted(new)
    X, y = draw(name, 1)
    for method in METHODS:
        if hasattr(new, method):
            arguments = {"score": (X, y), "simulate": (X, [0, 1]), "energy_drift": (X, [0, 1])}
            if method.startswith(("to_", "get_")):
                arguments = {method: ()}
            with pytest.raises(NotFittedError):
                getattr(new, method)(*arguments.get(method, (X,)))
    if hasattr(type(new), "expression_"):
        with pytest.raises(NotFittedError):
            new.expression_  # noqa: B018


@pytest.mark.parametrize("share", [0.1, 0.6])
def test_a_real_signal_leaves_fit_within_a_second(fitted, share):
    """Ctrl-C, as the operating system sends it, at a time of its own."""
    name, model, _ = fitted
    X, y = draw(name, 1)
    start = time.perf_counter()
    fit(clone(model), X, y)
    seconds = time.perf_counter() - start
    before = outputs(model, draw(name, 0)[0])
    with interrupted(after=share * seconds):
        while True:  # a fit may be faster than the one that was timed
            fit(model, X, y)
            fit(model, *draw(name, 0))
    after = outputs(model, draw(name, 0)[0])
    same = all(np.array_equal(new, old) for new, old in zip(after, before, strict=True))
    if not same:  # the signal came after a whole refit to the other table
        twin = fit(clone(model), X, y)
        for new, old in zip(after, outputs(twin, draw(name, 0)[0]), strict=True):
            np.testing.assert_array_equal(new, old)
    fit(model, *draw(name, 0))


class Raises:
    """A callback of scikit-learn that fails in a hook."""

    def __init__(self, hook, error):
        self.hook, self.error = hook, error

    def _call(self, hook):
        if hook == self.hook:
            raise self.error

    def setup(self, estimator, context):
        self._call("setup")

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self._call("begin" if context.parent is None else "begin below")

    def on_fit_task_end(self, estimator, context):
        self._call("end" if context.parent is None else "end below")


@pytest.mark.parametrize("hook", ["setup", "begin", "begin below", "end below", "end"])
def test_callbacks_of_scikit_learn(fitted, hook):
    name, model, _ = fitted
    X, _ = draw(name, 0)
    before = outputs(model, X)
    for error in (KeyboardInterrupt(), OSError("the disk is full")):
        model.set_callbacks(Raises(hook, error))
        state = pickle.dumps({k: v for k, v in vars(model).items() if k != "_skl_callbacks"})
        with pytest.raises(type(error)):
            fit(model, *draw(name, 1))
        model.set_callbacks()
        assert pickle.dumps(vars(model)) == state
        for old, new in zip(before, outputs(model, X), strict=True):
            np.testing.assert_array_equal(new, old)


def test_a_refit_forgets_the_former_one():
    X, y = draw("regressor", 0)
    model = clone(ESTIMATORS["regressor"])
    fit(model, X, y)
    assert hasattr(model, "rank_scaler_")
    model.set_params(compare_simple=False, term_evidence=False, readable=False)
    fit(model, X, y)
    assert not hasattr(model, "rank_scaler_")
    search = NeuronFormulaSearch(n_resamples=2)
    fit(search, X, y > 0)
    assert hasattr(search, "classes_")
    assert hasattr(search, "term_gain_")
    fit(search.set_params(n_resamples=0), X, y)
    assert not hasattr(search, "classes_")
    assert not hasattr(search, "term_gain_")


def test_a_stream_goes_on_only_where_a_fit_succeeds():
    X, y = draw("search", 0)
    stream = np.random.RandomState(3)
    model = NeuronFormulaSearch(n_resamples=0, random_state=stream)
    state = stream.get_state()[1].copy()
    with pytest.raises(ValueError, match="NaN"):
        model.fit(X, np.full(len(y), np.nan))
    np.testing.assert_array_equal(stream.get_state()[1], state)
    model.fit(X, y)
    assert stream.get_state()[2] != state[2] or not np.array_equal(stream.get_state()[1], state)


def test_a_file_of_another_format_is_refused():
    X, y = draw("search", 0)
    model = NeuronFormulaSearch(n_resamples=0)
    fit(model, X, y)
    state = model.__getstate__()
    assert state["_format"] == FORMAT
    with pytest.raises(
        ValueError, match=f"in format 2, and this version of sktaskneuron reads format {FORMAT}"
    ):
        NeuronFormulaSearch().__setstate__({**state, "_format": 2})
    with pytest.raises(ValueError, match="saved in format None"):
        NeuronFormulaSearch().__setstate__({"fitted_formula_": None})
