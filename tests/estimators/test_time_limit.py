"""Every estimator with a long fit ends in time, and says what it left out."""

import gc
import re
import time
import warnings

import numpy as np
import pytest

from sktaskneuron import (
    ActivationSearchClassifier,
    ActivationSearchRegressor,
    HamiltonianMLPRegressor,
    LearnedDiversityMLPClassifier,
    LearnedDiversityMLPRegressor,
    NeuronFormulaSearch,
    NeuronSeekClassifier,
    NeuronSeekRegressor,
)
from sktaskneuron.exceptions import TimeLimitWarning
from sktaskneuron.formula.text.canonical import make_power
from sktaskneuron.formula.text.nodes import Number, Variable
from sktaskneuron.search.columns.classes import Budget

# Other processes may run beside the tests: CPU seconds tell what a fit does. What it may take
# longer is half a second by the promise; twice that here, for imports and the first of everything.
SLACK = 1.0


def draw(n_rows=600, n_columns=6):
    X = np.random.default_rng(0).normal(size=(n_rows, n_columns))
    x = X[:, np.arange(4) % n_columns]
    return X, np.sin(2 * x[:, 0] * x[:, 1]) + x[:, 2] ** 2 + x[:, 3]


@pytest.fixture(scope="module", autouse=True)
def imported():
    """What the first fit of a process imports is no part of the others' time.

    Nor is what earlier tests of the process left behind: to walk six million objects takes the
    garbage collector half a second.
    """
    X, y = draw(60, 2)
    for kind in (NeuronSeekRegressor, ActivationSearchRegressor):
        kind(max_epochs=1, validation=2, random_state=0).fit(X, y)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def draw_states():
    X = np.random.default_rng(0).uniform(-1, 1, size=(400, 2))
    return X, np.stack([X[:, 1], -X[:, 0]], axis=1)


LONG = {
    "td": NeuronSeekRegressor(term_evidence=True, random_state=0),
    "sr, readable": NeuronSeekRegressor("sr", readable=True, random_state=0),
    "given, readable": NeuronSeekRegressor("x + <x,x>:2", readable=True, random_state=0),
    "no validation": NeuronSeekRegressor("x", validation=None, max_epochs=10_000, random_state=0),
    "classes": NeuronSeekClassifier(readable=True, random_state=0),
    "search td": NeuronFormulaSearch(target_type="continuous", n_resamples=100),
    "search sr": NeuronFormulaSearch("sr", target_type="continuous"),
    "search sr, products": NeuronFormulaSearch("sr", interactions=True, target_type="continuous"),
    "search cv": NeuronFormulaSearch(criterion="cv", target_type="continuous"),
    "gates": NeuronFormulaSearch(engine="gates", max_steps=10**6, target_type="continuous"),
    "columns": NeuronFormulaSearch("sr", scope="columns", target_type="continuous"),
    "columns, classes": NeuronFormulaSearch("sr", scope="columns", target_type="classes"),
    "diversity": LearnedDiversityMLPRegressor(random_state=0),
    "diversity, joint": LearnedDiversityMLPRegressor(meta="joint", random_state=0),
    "diversity, classes": LearnedDiversityMLPClassifier(random_state=0),
    "activations": ActivationSearchRegressor(candidates="catalogue", random_state=0),
    "activations, tail": ActivationSearchRegressor(split="tail", random_state=0),
    "activations, grammar": ActivationSearchRegressor(candidates="grammar", random_state=0),
    "activations, surrogate": ActivationSearchRegressor(strategy="surrogate", random_state=0),
    "activations, evolve": ActivationSearchClassifier(strategy="evolve", random_state=0),
    "Hamiltonian": HamiltonianMLPRegressor(max_epochs=10_000, random_state=0),
    "Hamiltonian, learned": HamiltonianMLPRegressor(activations=None, random_state=0),
}


@pytest.mark.parametrize("limit", [1e-6, 0.3])
@pytest.mark.parametrize("name", LONG)
def test_ends_in_time_and_says_what_it_left_out(name, limit):
    model = LONG[name].set_params(time_limit=limit)
    X, y = draw_states() if "Hamiltonian" in name else draw()
    if "classes" in name or "evolve" in name:
        y = np.digitize(y, [0.0, 1.0])
    start = time.process_time()
    with pytest.warns(TimeLimitWarning, match="ran out of its time_limit and left out: ") as caught:
        model.fit(X, y)
    assert time.process_time() - start < limit + SLACK
    (told,) = [str(w.message) for w in caught if w.category is TimeLimitWarning]
    assert told.startswith(type(model).__name__)
    assert model.left_out_
    assert all(text in told for text in model.left_out_)
    answer = model.transform(X) if hasattr(model, "transform") else model.predict(X)
    assert len(answer) == len(X)
    if answer.dtype.kind == "f":
        assert np.isfinite(answer).all()


def test_operon_gets_a_limit_of_its_own():
    pytest.importorskip("pyoperon")
    X, y = draw(200)
    search = NeuronFormulaSearch("sr", scope="columns", engine="operon", time_limit=0.5)
    start = time.perf_counter()
    with pytest.warns(TimeLimitWarning, match="the search of an equation"):
        search.fit(X, y)
    assert time.perf_counter() - start < 0.5 + 5.0  # wall: the search is in another process


@pytest.mark.parametrize(
    "model",
    [
        NeuronFormulaSearch("sr", n_resamples=2),
        NeuronFormulaSearch("sr", scope="columns", max_steps=1),
        ActivationSearchRegressor((8,), max_epochs=3, validation=2, random_state=0),
        LearnedDiversityMLPRegressor(
            (8,), max_epochs=3, outer_steps=2, inner_steps=3, validation=2, random_state=0
        ),
    ],
    ids=lambda model: type(model).__name__,
)
def test_enough_time_changes_nothing_and_leaves_nothing_out(model):
    X, y = draw(100, 2 if isinstance(model, NeuronFormulaSearch) else 5)
    y = X[:, 0] ** 2 + X[:, 1]
    ask = "transform" if isinstance(model, NeuronFormulaSearch) else "predict"
    with warnings.catch_warnings():
        warnings.simplefilter("error", TimeLimitWarning)
        free = getattr(model.set_params(time_limit=None).fit(X, y), ask)(X)
        limited = getattr(model.set_params(time_limit=1000.0).fit(X, y), ask)(X)
    np.testing.assert_array_equal(free, limited)
    assert model.left_out_ == ()


def test_what_was_left_out_goes_with_the_next_fit():
    X, y = draw(60, 2)
    search = NeuronFormulaSearch(n_resamples=0, time_limit=1e-6)
    with pytest.warns(TimeLimitWarning):
        search.fit(X, y)
    assert search.left_out_
    assert search.set_params(time_limit=None).fit(X, y).left_out_ == ()


def test_warnings_as_errors_leave_the_estimator_as_it_was():
    X, y = draw(60, 2)
    search = NeuronFormulaSearch(n_resamples=0, max_steps=1).fit(X, y)
    search.set_params(time_limit=1e-6)
    before = vars(search).copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error", TimeLimitWarning)
        with pytest.raises(TimeLimitWarning):
            search.fit(X, y)
    assert vars(search) == before


def test_warning_points_at_the_caller():
    X, y = draw(60, 2)
    for model in (
        NeuronFormulaSearch(time_limit=1e-6, n_resamples=0),
        NeuronSeekRegressor("x", time_limit=1e-6),
    ):
        with pytest.warns(TimeLimitWarning) as caught:
            model.fit(X, y)
        assert caught[0].filename == __file__


class TestProgress:
    def told(self, capsys, model, X, y):
        model.set_params(verbose=1).fit(X, y)
        return capsys.readouterr().out.splitlines()

    def test_step_formula_score_and_seconds(self, capsys):
        X, y = draw(100, 4)
        for method in ("td", "sr"):
            lines = self.told(capsys, NeuronFormulaSearch(method, n_resamples=0), X, y)
            assert len(lines) > 1
            pattern = r"\[NeuronFormulaSearch\] \d+\.\d s: scale \d, step \d+: .+, criterion -?\d"
            assert any(re.match(pattern, line) for line in lines)

    def test_equations_of_columns(self, capsys):
        X, y = draw(30, 2)
        search = NeuronFormulaSearch("sr", scope="columns", max_steps=1)
        lines = self.told(capsys, search, X, np.stack([y, X[:, 0]], axis=1))
        assert any("output 2 of 2: sums of" in line for line in lines)
        assert any("; so far " in line and ", criterion " in line for line in lines)

    def test_activations(self, capsys):
        X, y = draw(60, 2)
        model = ActivationSearchRegressor(
            (4,), candidates=["relu", "sin"], max_epochs=1, validation=2, random_state=0
        )
        lines = self.told(capsys, model, X, y)
        assert any("3 activations trained, the best so far " in line for line in lines)


class TestManyClasses:
    @pytest.mark.filterwarnings("ignore:The number of unique classes")
    def test_as_texts_in_as_many_rows(self):
        X = np.random.default_rng(0).normal(size=(60, 3))
        start = time.process_time()
        search = NeuronFormulaSearch("sr", scope="columns").fit(X, [f"town {i}" for i in range(60)])
        assert time.process_time() - start < 2.0
        assert search.get_feature_names_out().tolist() == ["nothing found"]
        assert search.caps_ == ("equations searched for 0 of 60 classes",)

    def test_only_frequent_ones_while_terms_can_pay(self):
        target = np.repeat(np.eye(4), [100, 3, 200, 97], axis=0)
        budget = Budget.of(target, np.ones(400))
        assert budget.order == [2, 0, 3, 1]
        assert [budget.admits(k) for k in range(4)] == [True, False, True, True]
        assert 45 < budget.n_terms < 60  # 866 of deviance at 18 for a term
        x = Variable("x")
        for power in range(1, 61):
            budget.spend(make_power(x, power))
        assert not budget.admits(2)

    def test_rarer_ones_are_not_searched_where_nothing_is_found(self):
        budget = Budget.of(np.repeat(np.eye(20), 10, axis=0), np.ones(200))
        for _ in range(5):
            assert budget.admits(0)
            budget.spend(Number(0.1))
        assert not budget.admits(0)
        assert budget.n_searched == 5


def test_a_tail_needs_two_rows():
    with pytest.raises(ValueError, match="split='tail' needs a row to train on and one"):
        ActivationSearchRegressor(split="tail").fit(np.zeros((1, 2)), np.zeros(1))


class TestProposer:
    def asked(self, n_evaluations):
        calls = []

        def proposer(parents, rng, n):
            calls.append(n)
            return ["x*sigmoid(x)"] * n

        X, y = draw(60, 2)
        ActivationSearchRegressor(
            (4,),
            strategy="evolve",
            proposer=proposer,
            n_evaluations=n_evaluations,
            max_epochs=1,
            validation=2,
            random_state=0,
        ).fit(X, y)
        return len(calls)

    @pytest.mark.parametrize("n_evaluations", [2, 6, 13])
    def test_is_asked_however_few_evaluations(self, n_evaluations):
        assert self.asked(n_evaluations)

    def test_one_evaluation_is_too_few(self):
        with pytest.warns(UserWarning, match="n_evaluations=1 ends the search before"):
            assert not self.asked(1)
