"""pyoperon finds equations in a child process, the same ones for a seed, or says why not."""

import sys

import numpy as np
import pytest

from sktaskneuron.exceptions import EngineError, MissingDependencyError
from sktaskneuron.formula.text.evaluation import evaluate, variables
from sktaskneuron.formula.text.nodes import Number, complexity
from sktaskneuron.search.columns.engines.operon import search_operon
from sktaskneuron.search.columns.engines.registry import ENGINES, get_columns_engine

from ...engine_helpers import make_problem, write_package

STEPS = 60_000
NAMES = ("mass", "a b", "sin")


def draw(n=150):
    X = np.random.default_rng(0).uniform(-3, 3, (n, 3))
    return X, X[:, 0] * X[:, 1] + 2 * np.sin(X[:, 2])


def values(node, X, names=NAMES):
    columns = dict(zip(names, X.T, strict=True))
    with np.errstate(all="ignore"):
        return np.broadcast_to(evaluate(node, columns), len(X))


def least_error(nodes, X, y, names=NAMES):
    """Least share of the variance that an equation leaves, up to a factor and a constant."""

    def error(node):
        value = values(node, X, names)
        if not np.isfinite(value).all() or np.ptp(value) == 0:
            return 1.0
        return 1 - np.corrcoef(value, y)[0, 1] ** 2

    return min(map(error, nodes))


@pytest.fixture(scope="module")
def front():
    pytest.importorskip("pyoperon")
    said = []
    nodes = search_operon(make_problem(*draw(), names=NAMES, max_steps=STEPS, on_step=said.append))
    assert said[0] == "operon: started"
    return nodes


def test_truth_is_found(front):
    X, y = draw()
    wide = 1.5 * X  # not only where it was seen
    truth = wide[:, 0] * wide[:, 1] + 2 * np.sin(wide[:, 2])
    found = least_error(front, wide, truth) < 1e-5
    for seed in (1, 2):  # the way of a search may depend on the processor's instructions
        if not found:
            nodes = search_operon(make_problem(X, y, names=NAMES, max_steps=STEPS, seed=seed))
            found = least_error(nodes, wide, truth) < 1e-5
    assert found


def test_front_has_several_complexities(front):
    assert len({complexity(node) for node in front}) >= 5
    assert all(variables(node) <= set(NAMES) for node in front)
    assert len(set(front)) == len(front)


def test_same_seed_same_equations_and_the_seed_matters(front):
    X, y = draw()
    again, other = (
        search_operon(make_problem(X, y, names=NAMES, max_steps=STEPS, seed=seed))
        for seed in (0, 1)
    )
    assert again == front
    assert other != front


def test_units_and_weights():
    pytest.importorskip("pyoperon")
    # columns and a target on which float32 would lose its digits; rows of weight nearly 0 are wrong
    rng = np.random.default_rng(0)
    X = np.column_stack([1e9 * rng.uniform(1, 2, 400), 1e-9 * rng.uniform(1, 2, 400)])
    X = np.column_stack([X, 2e9 + rng.uniform(-1, 1, 400)])
    truth = 1e6 + X[:, 0] * X[:, 1] + (X[:, 2] - 2e9)
    wrong = np.arange(400) % 2 == 0
    y, weight = np.where(wrong, rng.normal(1e6, 9, 400), truth), np.where(wrong, 1e-9, 1.0)
    names = ("u", "v", "w")
    nodes = search_operon(make_problem(X, y, weight=weight, names=names, max_steps=20_000))
    assert least_error(nodes, X, truth, names) < 1e-3
    assert min(np.abs(values(node, X, names) - truth).max() for node in nodes) < 0.1


def test_squares_may_overflow():
    pytest.importorskip("pyoperon")
    X = 1e200 * draw()[0]
    nodes = search_operon(make_problem(X, 2 * X[:, 0], names=NAMES, max_steps=2_000))
    assert min(np.abs(values(node, X) / X[:, 0] - 2).max() for node in nodes) < 1e-3


def test_constant_target_needs_no_search():
    assert search_operon(make_problem(draw()[0], np.full(150, 2.5), names=NAMES)) == [Number(2.5)]


# -- what can go wrong -----------------------------------------------------------------------------

FAKE = """
class SymbolicRegressor:
    def __init__(self, **arguments):
        pass

    def fit(self, X, y):
        {fit}
"""


def with_fake(tmp_path, monkeypatch, text, fit=None):
    write_package(tmp_path, "pyoperon", text)
    if fit is not None:
        (tmp_path / "pyoperon" / "sklearn.py").write_text(FAKE.format(fit=fit))
    monkeypatch.syspath_prepend(tmp_path)  # the child looks where the parent does
    return make_problem(*draw(), names=NAMES)


def test_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyoperon", None)
    message = r"^engine='operon' needs pyoperon; install sktaskneuron\[sr\]$"
    with pytest.raises(MissingDependencyError, match=message):
        get_columns_engine("operon")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise ModuleNotFoundError('No module named pyoperon')", "$"),
        ("raise ImportError('libstdc++ is too old')", r" \(its import fails: libstdc\+\+ is too"),
    ],
)
def test_package_that_cannot_be_imported(tmp_path, monkeypatch, text, reason):
    problem = with_fake(tmp_path, monkeypatch, text)
    message = r"^engine='operon' needs pyoperon; install sktaskneuron\[sr\]"
    with pytest.raises(MissingDependencyError, match=message + reason):
        search_operon(problem)


@pytest.mark.parametrize(
    ("fit", "match"),
    [
        ("import os; print('double free'); os.abort()", r"died \(signal SIGABRT\).*double free"),
        ("raise ValueError('no symbols')", "failed: ValueError: no symbols"),
        ("self.pareto_front_ = []", "no equation of the front of engine='operon' can be read"),
    ],
)
def test_child_that_fails(tmp_path, monkeypatch, fit, match):
    with pytest.raises(EngineError, match=match):
        search_operon(with_fake(tmp_path, monkeypatch, "", fit))


@pytest.mark.parametrize("answer", [None, "X1", [1.0], {"X1": 1}, [["X1"]]])
def test_answers_of_another_kind(monkeypatch, answer):
    monkeypatch.setattr(
        "sktaskneuron.search.columns.engines.operon.call_in_child", lambda *args, **keywords: answer
    )
    with pytest.raises(EngineError, match="answered no list of equations"):
        search_operon(make_problem(*draw(), names=NAMES))


# -- by name ---------------------------------------------------------------------------------------


def test_engines_by_name():
    assert ENGINES == ("builtin", "operon", "pysr")
    for name in ("gplearn", "", None, ["operon"]):
        with pytest.raises(ValueError, match=r"unknown engine .*; known are 'builtin', 'operon'"):
            get_columns_engine(name)
    pytest.importorskip("pyoperon")
    assert get_columns_engine("operon") is search_operon
