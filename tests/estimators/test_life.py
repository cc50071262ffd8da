"""The life of an estimator: fitted, refitted, stopped, set anew, cloned and saved in any order."""

import pickle
import warnings

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sktaskneuron import (
    ActivationSearchRegressor,
    HamiltonianMLPRegressor,
    LearnedDiversityMLPClassifier,
    NeuronFormulaSearch,
    NeuronSeekClassifier,
    NeuronSeekRegressor,
)

QUICK = {"hidden_layer_sizes": (3,), "max_epochs": 1, "n_members": 2, "random_state": 0}

#: An estimator, and two values of a parameter that changes what it answers.
ESTIMATORS = {
    "regressor": (
        NeuronSeekRegressor("x", compare_simple=False, validation=2, **QUICK),
        ("learning_rate", [0.1, 0.5]),
    ),
    "classifier": (
        NeuronSeekClassifier("td", validation=2, **QUICK),
        ("learning_rate", [0.1, 0.5]),
    ),
    "search": (NeuronFormulaSearch(n_resamples=0), ("max_order", [1, 3])),
    "diversity": (
        LearnedDiversityMLPClassifier(activations="sin", validation=None, **QUICK),
        ("learning_rate", [0.01, 0.1]),
    ),
    "activations": (
        ActivationSearchRegressor(candidates=["silu"], learning_rate=0.01, validation=2, **QUICK),
        ("weight_decay", [0.0, 0.5]),
    ),
    "hamiltonian": (
        HamiltonianMLPRegressor(activations="tanh", validation=None, **QUICK),
        ("learning_rate", [0.01, 0.1]),
    ),
}
TABLES = (0, 1)


def draw(name, number):
    """Tables of two and of four columns, in other units."""
    rng = np.random.default_rng(number)
    X = rng.normal(size=(40, 2 + 2 * number)) * (1 + 9 * number)
    y = X[:, 0] ** 2 - X[:, 1]
    if name == "hamiltonian":
        return X, np.roll(X, 1, axis=1)
    return (X, y > np.median(y)) if name in ("classifier", "diversity") else (X, y)


def answers(model, X):
    return model.transform(X) if hasattr(model, "transform") else model.predict(X)


def fit(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y)


class Stop:
    """A callback that stops the fit by an exception, when its first task ends."""

    def __init__(self, error):
        self.error = error

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        raise self.error


class Life(RuleBasedStateMachine):
    """What an estimator answers follows from its last whole fit alone."""

    name: str
    #: Answers of fresh estimators, by parameter and table: (value, table) to array.
    known: dict

    @initialize()
    def begin(self):
        self.model = clone(ESTIMATORS[self.name][0])
        self.parameter, self.values = ESTIMATORS[self.name][1]
        self.model.set_params(**{self.parameter: self.values[0]})
        #: parameter and table of the last whole fit
        self.last = None

    @rule(table=st.sampled_from(TABLES))
    def fit(self, table):
        assert fit(self.model, *draw(self.name, table)) is self.model
        self.last = self.model.get_params()[self.parameter], table

    @rule(table=st.sampled_from(TABLES), error=st.sampled_from([KeyboardInterrupt(), OSError()]))
    def stopped_fit(self, table, error):
        self.model.set_callbacks(Stop(error))
        with pytest.raises(type(error)):
            fit(self.model, *draw(self.name, table))
        self.model.set_callbacks()

    @rule(table=st.sampled_from(TABLES))
    def refused_fit(self, table):
        X, y = draw(self.name, table)
        with pytest.raises(ValueError, match=r"[Ii]nconsistent"):
            fit(self.model, X, y[:-1])

    @rule(place=st.sampled_from([0, 1]))
    def set_parameter(self, place):
        self.model.set_params(**{self.parameter: self.values[place]})

    @rule()
    def save(self):
        self.model = pickle.loads(pickle.dumps(self.model))

    @rule()
    def clone(self):
        twin = clone(self.model)
        with pytest.raises(NotFittedError):
            answers(twin, draw(self.name, 0)[0])

    @invariant()
    def answers_as_after_the_last_whole_fit(self):
        if self.last is None:
            assert not [name for name in vars(self.model) if name.endswith("_")]
            with pytest.raises(NotFittedError):
                answers(self.model, draw(self.name, 0)[0])
            return
        value, table = self.last
        X, y = draw(self.name, table)
        if self.last not in self.known:
            twin = clone(ESTIMATORS[self.name][0]).set_params(**{self.parameter: value})
            self.known[self.last] = answers(fit(twin, X, y), X)
        np.testing.assert_array_equal(answers(self.model, X), self.known[self.last])
        assert self.model.n_features_in_ == X.shape[1]


def life_of(estimator):
    machine = type(f"Life of {estimator}", (Life,), {"name": estimator, "known": {}})
    case = machine.TestCase
    case.settings = settings(max_examples=6, stateful_step_count=10, deadline=None)
    return case


for name in ESTIMATORS:
    globals()[f"Test{name.title()}"] = life_of(name)
del name
