"""Draws follow the asked formula, noise, distribution and correlation."""

import numpy as np
import pytest
from scipy import stats

from sktaskneuron.datasets import make_neuron_formula
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import FittedFormula, NeuronFormula

LAW = "x + x**3 + sin(x) + <x,x>:2 + <x,x,x>:1"


def draw(formula=LAW, **options):
    options = {"return_truth": True, "random_state": 0, "noise": 0.0} | options
    return make_neuron_formula(formula, **options)


def contributions(truth, X):
    return (truth.transform(X) * truth.term_weights[:, 0]).std(axis=0)


def test_truth_is_the_law():
    X, y, truth = draw()
    assert isinstance(truth, FittedFormula)
    assert truth.formula == NeuronFormula.parse(LAW)
    np.testing.assert_array_equal(truth.evaluate(X)[:, 0], y)


def test_formula_value_and_text_agree():
    X, y, truth = draw()
    X_value, y_value, truth_value = draw(NeuronFormula.parse(LAW))
    np.testing.assert_array_equal(X, X_value)
    np.testing.assert_array_equal(y, y_value)
    assert truth == truth_value


def test_shapes():
    X, y = make_neuron_formula("x", 30, 4, random_state=0)
    assert X.shape == (30, 4)
    assert y.shape == (30,)


def test_terms_are_of_like_size():
    X, _, truth = draw("x + x**5 + <x,x>:2 + <x,x,x>:1")
    sizes = contributions(truth, X)
    assert len(sizes) == 5
    assert np.all((sizes > 0.79) & (sizes < 1.61))


def test_terms_use_different_features():
    _, _, truth = draw("x + x**2 + <x,x>:2 + <x,x,x>:1")  # 1 + 1 + 4 + 3 features of 10
    used = [np.flatnonzero(w[:, 0]).tolist() for w in truth.pure_weights]
    used += [
        np.flatnonzero(u.any(axis=0)[:, r]).tolist()
        for u in truth.factors.values()
        for r in range(u.shape[2])
    ]
    flat = [feature for features in used for feature in features]
    assert len(flat) == len(set(flat)) == 9


def test_more_terms_than_features():
    _, _, truth = draw("x + x**2 + <x,x>:6", n_features=3)
    u = truth.factors[2]
    assert np.all(u.any(axis=0).sum(axis=0) == 2)  # each atom still joins two features


def test_n_informative():
    _, _, truth = draw("x**2 + <x,x>", n_informative=3)
    assert np.count_nonzero(truth.pure_weights[0]) == 3
    assert np.all(np.count_nonzero(truth.factors[2], axis=1) == 3)
    assert np.all(np.count_nonzero(truth.factors[2], axis=0) <= 1)  # disjoint


def test_dense():
    _, _, truth = draw("x**2 + <x,x>", sparse=False)
    assert np.all(truth.pure_weights[0] != 0)
    assert np.all(truth.factors[2] != 0)


def test_noise_is_relative_to_the_signal():
    X, y, truth = draw(noise=0.5, n_samples=20_000)
    signal = truth.evaluate(X)[:, 0]
    assert (y - signal).std() / signal.std() == pytest.approx(0.5, rel=0.03)


def test_empty_formula_is_noise():
    X, y, truth = draw("0", noise=1.0, n_samples=5000)
    assert not truth.formula
    np.testing.assert_array_equal(truth.evaluate(X), 0.0)
    assert y.std() == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("normal", stats.norm()),
        ("uniform", stats.uniform(-np.sqrt(3), 2 * np.sqrt(3))),
        ("student", stats.t(5, scale=np.sqrt(3 / 5))),
        ("positive", stats.uniform(0.1, 2.9)),
    ],
)
def test_distribution(name, law):
    X, _, _ = draw("x", n_samples=4000, distribution=name)
    assert stats.kstest(X[:, 0], law.cdf).pvalue > 0.01
    if name != "positive":
        assert law.var() == pytest.approx(1.0)


def test_correlation():
    X, _, _ = draw("x", n_samples=20_000, correlation=0.7)
    R = np.corrcoef(X.T)
    assert np.allclose(R[~np.eye(10, dtype=bool)], 0.7, atol=0.03)
    free, _, _ = draw("x", n_samples=20_000)
    assert np.allclose(np.corrcoef(free.T), np.eye(10), atol=0.03)


def test_seed():
    X, y, _ = draw(noise=0.1)
    again, y_again, _ = draw(noise=0.1)
    other, _, _ = draw(noise=0.1, random_state=1)
    np.testing.assert_array_equal(X, again)
    np.testing.assert_array_equal(y, y_again)
    assert not np.array_equal(X, other)


def test_global_stream_is_left_alone():
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    draw()
    assert np.random.random() == expected  # noqa: NPY002


@pytest.mark.parametrize(
    ("formula", "options", "error", "message"),
    [
        ("x + sine(x)", {}, FormulaError, "sine"),
        (3, {}, TypeError, "formula must be a NeuronFormula"),
        ("log(x)", {}, ValueError, "not finite on these features"),
        ("<x,x,x>", {"n_features": 2}, ValueError, "needs 3 different features"),
        ("<x,x>", {"n_features": 1, "sparse": False}, ValueError, "needs 2 different features"),
        ("x", {"n_samples": 0}, ValueError, "n_samples"),
        ("x", {"n_features": 2.5}, TypeError, "n_features"),
        ("x", {"noise": -1.0}, ValueError, "noise"),
        ("x", {"noise": float("inf")}, ValueError, "noise"),
        ("x", {"correlation": 1.0}, ValueError, "correlation"),
        ("x", {"n_informative": 0}, ValueError, "n_informative"),
        ("x", {"n_informative": 2, "sparse": False}, ValueError, "sparse=True only"),
        ("x", {"distribution": "cauchy"}, ValueError, "distribution must be"),
    ],
)
def test_bad_parameters(formula, options, error, message):
    with pytest.raises(error, match=message):
        draw(formula, **options)


def test_log_of_positive_features():
    X, y, _ = draw("log(x) + sqrt(x)", distribution="positive")
    assert X.min() > 0
    assert np.isfinite(y).all()
