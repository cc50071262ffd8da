"""How an equation is judged: by a bound first, and by repeated searches where that leaves doubt."""

import warnings

import numpy as np
import pytest

from sktaskneuron.formula import FittedExpression
from sktaskneuron.models.candidate import Candidate
from sktaskneuron.models.equations import Judge, refitted_outputs
from sktaskneuron.models.fitted import FormulaModel
from sktaskneuron.models.inputs import Inputs
from sktaskneuron.models.residual import leaves_structure
from sktaskneuron.models.target import ClassTarget, ValueTarget
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation
from sktaskneuron.preprocessing import SmoothClipScaler

N_ROWS, N_FOLDS = 400, 4


def equation(text, link="identity"):
    return FittedExpression.parse(text, ["a", "b", "c"], link=link)


def problem(values, classes=False, unit=1.0):
    """A task of three columns, and its folds."""
    raw = np.random.default_rng(0).normal(size=(N_ROWS, 3))
    target = values(raw)
    raw = raw * unit
    kind = ValueTarget(np.zeros(1), np.ones(1), single=True)
    if classes:
        kind, target = ClassTarget(np.array([0, 1])), (target > 0).astype(np.int64)
    target = target if classes else target[:, None]
    scalers = {"robust": SmoothClipScaler().fit(raw)}
    task = Task(Inputs(raw, raw[:, :0], scalers, 3), target, np.ones(N_ROWS), kind)
    parts = np.array_split(np.arange(N_ROWS), N_FOLDS)
    splits = [(np.setdiff1d(np.arange(N_ROWS), part), part) for part in parts]
    return task, Validation.of(task, splits)


class Searched:
    """A search that counts, and finds what it is told to."""

    def __init__(self, text):
        self.found, self.n_calls = equation(text), 0

    def __call__(self, rows):
        self.n_calls += 1
        return self.found


def judged(values, fitted, search, noise=0.5):
    """Judge an equation beside a linear model that errs by noise of a size."""
    task, validation = problem(values)
    errors = noise * np.random.default_rng(1).normal(size=(N_ROWS, 1))
    linear = Candidate("linear", FormulaModel(equation("a"), task.kind), task.target + errors)
    judge = Judge(task, validation, [linear], margin=1.0)
    return judge("formula", equation(fitted), search, simple=True)


class TestJudge:
    def test_a_law_far_ahead_is_not_searched_again(self):
        search = Searched("0")
        found = judged(lambda X: 2 * X[:, 0] * X[:, 1], "2*a*b", search)
        assert search.n_calls == 0
        assert found.candidate.simple
        np.testing.assert_allclose(found.candidate.outputs.std(), 2.0, rtol=0.2)

    def test_what_cannot_help_is_not_searched_again(self):
        search = Searched("a")
        found = judged(lambda X: X[:, 0] * X[:, 1], "c", search, noise=0.1)
        assert search.n_calls == 0
        assert found.candidate is None
        assert "less than 3%" in found.reason

    def test_between_the_search_is_repeated_on_each_fold(self):
        search = Searched("a*b + 0.2*c")
        found = judged(lambda X: X[:, 0] * X[:, 1] + 0.3 * np.sin(9 * X[:, 2]), "a*b", search, 0.3)
        assert search.n_calls == N_FOLDS
        task, validation = problem(lambda X: X[:, 0] * X[:, 1])
        held = task.inputs.take(validation.rows)
        expected = FormulaModel(search.found, task.kind).predict_raw(held)
        np.testing.assert_array_equal(found.candidate.outputs, expected)

    def test_ends_where_it_cannot_help_any_more(self):
        search = Searched("50*c")
        found = judged(lambda X: X[:, 0] * X[:, 1] + 0.3 * np.sin(9 * X[:, 2]), "a*b", search, 0.3)
        assert 0 < search.n_calls < N_FOLDS
        assert found.candidate is None

    def test_ends_where_it_does_not_help_on_the_folds_that_are_done(self):
        # the bound on the others still says that it would
        search = Searched("3*c")
        found = judged(lambda X: X[:, 0] * X[:, 1] + 0.3 * np.sin(9 * X[:, 2]), "a*b", search, 0.5)
        assert search.n_calls == 1
        assert found.candidate is None
        assert "found again" in found.reason

    def test_a_term_that_is_not_defined_somewhere(self):
        search = Searched("a*b")
        found = judged(lambda X: X[:, 0] * X[:, 1], "log(a)", search)
        assert search.n_calls == N_FOLDS
        assert found.candidate is not None


class TestRefitted:
    def test_weights_are_those_of_the_training_rows(self):
        task, validation = problem(lambda X: 3 * X[:, 0] * X[:, 1] + 1)
        outputs = refitted_outputs(task, equation("a*b"), validation)
        for output, (_, held) in zip(outputs, validation.splits, strict=True):
            np.testing.assert_allclose(output, task.target[held], atol=1e-10)

    def test_of_two_classes(self):
        task, validation = problem(lambda X: X[:, 0] * X[:, 1], classes=True)
        outputs = refitted_outputs(task, equation("a*b", "logit"), validation)
        wrong = [
            np.mean(output.argmax(axis=1) != task.target[held])
            for output, (_, held) in zip(outputs, validation.splits, strict=True)
        ]
        assert max(wrong) < 0.05


class TestLeavesStructure:
    @pytest.mark.parametrize(
        ("rest", "expected"),
        [
            (lambda X: np.sign(X[:, 2]), True),
            (lambda X: np.sin(3 * X[:, 2]), True),
            (lambda X: np.random.default_rng(2).normal(size=len(X)), False),
            (lambda X: 0 * X[:, 2], False),
        ],
        ids=["step", "wave", "noise", "nothing"],
    )
    def test_of_a_law_and_the_rest(self, rest, expected):
        task, validation = problem(lambda X: 3 * X[:, 0] * X[:, 1] + 0.5 * rest(X))
        held = task.inputs.take(validation.rows)
        outputs = FormulaModel(equation("3*a*b"), task.kind).predict_raw(held)
        linear = Candidate("linear", FormulaModel(equation("a"), task.kind), 0 * outputs)
        assert leaves_structure(task, validation, outputs, [linear]) is expected

    def test_not_of_an_equation_that_is_hardly_better_than_the_linear_model(self):
        task, validation = problem(lambda X: X[:, 0] + np.sign(X[:, 2]))
        held = task.inputs.take(validation.rows)
        outputs = FormulaModel(equation("a"), task.kind).predict_raw(held)
        linear = Candidate("linear", FormulaModel(equation("a"), task.kind), outputs)
        assert not leaves_structure(task, validation, outputs, [linear])

    def test_columns_of_any_size(self):
        law = lambda X: 3 * X[:, 0] * X[:, 1] + 0.5 * np.sign(X[:, 2])  # noqa: E731
        task, validation = problem(law, unit=np.array([1.0, 1.0, 1e80]))
        held = task.inputs.take(validation.rows)
        outputs = FormulaModel(equation("3*a*b"), task.kind).predict_raw(held)
        linear = Candidate("linear", FormulaModel(equation("a"), task.kind), 0 * outputs)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert leaves_structure(task, validation, outputs, [linear])
