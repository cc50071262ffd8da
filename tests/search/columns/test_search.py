"""Equations of columns: planted ones are found, noise gives a constant, limits are kept."""

import time

import numpy as np
import pytest
from scipy.special import expit

from sktaskneuron.formula import FittedExpression
from sktaskneuron.formula.text.nodes import Number, complexity
from sktaskneuron.formula.text.parser import parse_node
from sktaskneuron.search.columns.choice import _unbeaten, bounded
from sktaskneuron.search.columns.constants import NamedRows
from sktaskneuron.search.columns.search import ColumnsOptions, search_columns
from sktaskneuron.search.frame.observations import Observations

NAMES = ("a", "b", "c", "d")
#: Our own, not from published lists.
PLANTED = [
    "3*a*b/c",
    "a**2 - 2*b*c + 5",
    "sqrt(a**2 + 3*b)",
    "d/(a + 2*b)",
    "2*exp(-0.5*a)*b",
    "a*sin(b) + 2*c",
    "log(a + b**2)",
    "a**1.5*c**-2",
    "4*b*cos(a - c)",
]


def draw(text, noise=0.0, n=400, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(0.5, 3.0, size=(n, 4))
    y = FittedExpression.parse(text, NAMES).evaluate(X)[:, 0]
    return X, y + noise * y.std() * rng.standard_normal(n)


def search(X, y, *, classification=False, weight=None, names=None, seed=0, **options):
    target = y if y.ndim == 2 else y[:, None]
    observations = Observations(
        X,
        target.astype(float),
        np.ones(len(X)) if weight is None else weight,
        names or [f"x{i}" for i in range(X.shape[1])],
        classification,
    )
    return search_columns(observations, ColumnsOptions(**options), np.random.default_rng(seed))


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize("text", PLANTED)
def test_planted_equations_are_found(text, noise):
    X, y = draw(text, noise, n=100)
    found = search(X, y, names=NAMES, max_complexity=20).fitted
    wide = np.random.default_rng(1).uniform(0.4, 4.0, size=(500, 4))
    truth = FittedExpression.parse(text, NAMES).evaluate(wide)
    error = np.mean((found.evaluate(wide) - truth) ** 2) / truth.var()
    assert error < (1e-12 if noise == 0 else 1e-3), str(found)


def lines_of_classes(seed, n=160):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    share = expit(3.5 * X[:, 0] + 2.0 * X[:, 1] - 3.0 * X[:, 2])
    labels = (rng.random(n) < share).astype(int)
    labels[[5, 90]] = 2
    return X, labels


@pytest.mark.parametrize("seed", range(3))
def test_of_classes_a_line_takes_the_place_of_a_curve(seed):
    """Indicators bend where log odds are straight: lines of all columns are candidates too."""
    X, labels = lines_of_classes(seed)
    target = np.eye(3)[labels]
    fitted = search(X, target, classification=True, max_steps=3).fitted
    assert sorted(map(str, fitted.term_names())) == ["x0", "x1", "x2"]
    second = labels[:, None] == 1
    short = search(X, second, classification=True, max_steps=3, max_complexity=9).fitted
    assert complexity(short.nodes[0]) <= 9


@pytest.mark.parametrize("seed", range(4))
def test_noise_gives_a_constant(seed):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(300, 5)), rng.normal(size=300)
    result = search(X, y, max_steps=4)
    assert result.fitted.terms == ()
    assert result.fitted.intercept[0] == pytest.approx(y.mean())
    assert result.criterion == result.null_criterion


def test_weights_are_copies():
    """A table too small to hold rows out: what is drawn does not differ."""
    rng = np.random.default_rng(0)
    X = rng.uniform(0.5, 3, size=(25, 3))
    y = X[:, 0] * X[:, 1] + 0.1 * rng.normal(size=25)
    copies = rng.integers(1, 3, size=25)
    first = search(X, y, weight=copies.astype(float), max_steps=1).fitted
    second = search(np.repeat(X, copies, axis=0), np.repeat(y, copies), max_steps=1).fitted
    np.testing.assert_allclose(first.evaluate(X), second.evaluate(X), rtol=1e-6)


def test_several_outputs_have_an_equation_each():
    X, y = draw("3*a*b/c")
    _, z = draw("2*d + 1")
    fitted = search(X, np.column_stack([y, z]), names=NAMES, max_steps=1).fitted
    assert fitted.n_outputs == 2
    np.testing.assert_allclose(fitted.evaluate(X), np.column_stack([y, z]), rtol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_classes(n_classes):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    scores = np.stack([np.zeros(600), 3 * X[:, 0] * X[:, 1], 2 * X[:, 2]][:n_classes], axis=1)
    labels = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
    indicator = np.eye(n_classes)[labels]
    target = indicator[:, 1:] if n_classes == 2 else indicator
    result = search(X, target, classification=True, max_steps=1)
    assert result.fitted.link == ("logit" if n_classes == 2 else "softmax")
    value = result.fitted.evaluate(X)
    if n_classes == 2:
        p = expit(value[:, 0])
        loss = -np.mean(np.log(np.where(labels == 1, p, 1 - p)))
    else:
        share = np.exp(value) / np.exp(value).sum(axis=1, keepdims=True)
        loss = -np.mean(np.log(share[np.arange(600), labels]))
    prior = indicator.mean(axis=0)
    assert loss < 0.8 * -np.sum(prior * np.log(prior))


def test_wide_and_long_tables_end_soon():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 200))
    y = 3 * X[:, 7] + X[:, 50] ** 2 + 0.1 * rng.normal(size=400)
    start = time.process_time()
    result = search(X, y, max_steps=1)
    assert [int(i) for i in result.fitted.used_features] == [7, 50]
    X = rng.uniform(0.5, 2, size=(50_000, 4))
    y = X[:, 0] * X[:, 1] / X[:, 2] + 0.01 * rng.normal(size=50_000)
    result = search(X, y, max_steps=1)
    assert str(result.fitted) == "x0*x1/x2"
    assert "searched on 2000 of 50000 rows" in result.caps[0]
    assert time.process_time() - start < 60


def test_columns_without_use():
    X, y = draw("2*a*b")
    X = np.column_stack([X, X[:, 0], np.full(len(X), 7.0)])
    assert str(search(X, y, max_steps=1).fitted) == "2*x0*x1"
    assert search(X[:, -1:], y).fitted.terms == ()
    assert search(X, np.full(len(X), 3.0), max_steps=1).fitted.evaluate(X)[0, 0] == 3.0
    assert str(search(X[:, :1], np.sqrt(X[:, 0]), max_steps=1).fitted) == "sqrt(x0)"


def test_columns_that_may_not_enter_cost_nothing():
    """Marks of single rows, as levels of a nearly unique text have, are no choice to pay for."""
    X, y = draw("2*a - b", noise=0.5, n=90)
    alone = search(X, y, max_complexity=8, max_steps=2)
    marks = np.eye(90)[:, :40]
    beside = search(np.hstack([X, marks]), y, max_complexity=8, max_steps=2)
    assert beside.criterion == alone.criterion
    assert beside.fitted.evaluate(np.hstack([X, marks])) == pytest.approx(alone.fitted.evaluate(X))


def test_options_have_an_effect():
    X, y = draw("a*sin(b) + exp(a)/b", noise=0.1, n=80)
    X = X[:, :2] - X[:, :2].mean(axis=0)  # about the means, where no other origin is tried
    quick, long = (search(X, y, max_complexity=9, max_steps=k) for k in (1, 2))
    assert quick.n_steps < long.n_steps
    assert search(X, y, max_complexity=9, max_steps=1).fitted == quick.fitted
    for most in (3, 6):
        fitted = search(X, y, max_complexity=most, max_steps=1).fitted
        assert fitted.complexity <= most < quick.fitted.complexity
    few = search(X, y, max_complexity=9, max_steps=1, max_samples=50)
    assert few.caps
    assert not quick.caps


def test_the_front_holds_the_answer_and_simpler_ones():
    X, y = draw("a*b + 0.3*c", noise=0.05, n=150)
    result = search(X, y, names=NAMES, max_complexity=20, max_steps=1)
    sizes = [point.complexity for point in result.front]
    assert min(sizes) == 1
    best = max(result.front, key=lambda point: point.score)
    assert best.score > 0.99
    texts = {point.formula.terms for point in result.front}
    assert result.fitted.terms in texts


def test_the_front_holds_short_laws_that_explain_less():
    """The best of a size stays, however much longer ones say beside it."""
    rng = np.random.default_rng(0)
    X = rng.uniform(0.2, 1.0, size=(200, 2))
    small = 0.1 * X[:, 1] * X[:, 0] + 0.05 * X[:, 1] ** 2 + 0.08 * X[:, 1]
    y = np.exp(6 * X[:, 0] + small) * (1 + 1e-4 * rng.normal(size=200))
    result = search(X, y, names=("a", "b"), max_complexity=25, max_steps=1)
    assert max(point.score for point in result.front) > 0.99999
    short = [point for point in result.front if point.complexity <= 6][-1]
    assert short.score > 0.98
    assert "exp(6" in str(short.fitted)


def test_the_law_is_not_beaten_by_the_luckiest_of_many():
    """Each rival errs by a little, and one of thirty does so to its luck on the held-out rows."""
    rng = np.random.default_rng(0)
    names = [f"x{i}" for i in range(31)]
    nodes = [*(parse_node(name, names) for name in names), Number(0.0)]
    kept = 0
    for _ in range(40):
        error = rng.normal(size=200)
        errors = [error**2, *((error + 0.05 * rng.normal(size=(30, 200))) ** 2), 9 + error**2]
        found = _unbeaten(nodes, errors, np.ones(200), 0.0)
        assert nodes[-1] in found
        kept += nodes[0] in found
    assert kept >= 38
    # one that is clearly worse goes
    errors[0] = (error + 0.5) ** 2
    assert nodes[0] not in _unbeaten(nodes, errors, np.ones(200), 0.0)


def test_a_constant_target_is_a_number():
    """Weights whose mean is off by rounding leave nothing to be explained."""
    rng = np.random.default_rng(1)
    X, weight = rng.normal(size=(300, 4)), rng.uniform(0.1, 2, size=300)
    y = np.column_stack([np.full(300, 2.0), np.full(300, 0.1)])
    result = search(X, y, weight=weight, max_steps=1)
    assert result.fitted.terms == ()
    np.testing.assert_array_equal(result.fitted.evaluate(X), y)
    assert result.criterion == result.null_criterion


def test_no_pole_between_the_rows():
    """An equation with a pole that no row is near gives way to a longer one without."""
    rng = np.random.default_rng(0)
    a = np.concatenate([rng.uniform(1, 2, 200), rng.uniform(3, 4, 200)])
    rows = NamedRows({"a": a}, 1 / (a - 2.5), np.ones(400))
    wild, tame = (parse_node(text, ("a",)) for text in ("1.01/(a - 2.5)", "3*a - 7.5"))
    assert bounded([wild, tame], rows) == [False, True]
    exact = parse_node("1/(a - 2.5)", ("a",))
    assert bounded([exact, tame], rows) == [True, True]


def test_correlated_columns_are_no_poles():
    """Two columns that rise together, with weights of other signs: nothing wild about that."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=400)
    b = a + 0.05 * rng.normal(size=400)
    y = 20 * (a - b) + 0.1 * rng.normal(size=400)
    fitted = search(np.column_stack([a, b]), y, max_steps=1).fitted
    assert len(fitted.terms) == 2


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_a_class_of_three_rows_hides_no_law(seed):
    rng = np.random.default_rng(seed)

    def draw(n):
        X = rng.normal(size=(n, 5))
        X[:, 4] = X[:, 0] + X[:, 4] > 0
        return X, X[:, 0] ** 2 + X[:, 1] - 2.0 * X[:, 4]

    X, law = draw(160)
    labels = (rng.random(160) < expit(2.5 * law)).astype(int)
    labels[[3, 70, 121]] = 2
    result = search(X, np.eye(3)[labels], classification=True, max_steps=3)
    X, law = draw(1000)
    scores = result.fitted.evaluate(X)
    assert np.mean((scores[:, 1] > scores[:, 0]) == (law > 0)) > 0.88
