"""The whole search for functions: planted laws, noise, weights, scales, options, limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, softmax

from sktaskneuron.formula import ElementwiseExpression
from sktaskneuron.models.target import indicators
from sktaskneuron.search.frame.result import SearchResult
from sktaskneuron.search.frame.terms import TermLibrary
from sktaskneuron.search.sr.scales import common_scales

from .. import helpers
from ..helpers import Told, columns, noise


def find(X: np.ndarray, y: np.ndarray, *args: object, **kwargs: object) -> SearchResult:
    settings = {"method": "sr", "max_interaction_order": 0, **kwargs}
    return helpers.find(X, y, *args, **settings)


def formula_of(*args: object, **kwargs: object) -> str:
    return str(find(*args, **kwargs).fitted.formula)


W = np.random.default_rng(7).standard_normal((4, 5)) + 0.3


# -- what is planted is found ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("law", "formula"),
    [
        (lambda X: X @ W[0], "x"),
        (lambda X: X @ W[0] + X**2 @ W[1], "x + x**2"),
        (lambda X: np.sin(2.5 * X) @ W[0], "sin(2.5*x)"),
        (lambda X: X**2 @ W[0] + np.tanh(1.5 * X) @ W[1], "x**2 + tanh(1.5*x)"),
        (lambda X: np.abs(X) @ W[0] + np.cos(3 * X) @ W[1], "abs(x) + cos(3*x)"),
        (lambda X: X @ W[0] + np.exp(-(X**2)) @ W[1], "x + gaussian(x)"),
    ],
)
def test_dense_laws_are_found(law, formula):
    X = columns(0)
    signal = law(X)
    fitted = find(X, signal + noise(0, 400, 0.03 * signal.std())).fitted
    assert str(fitted.formula) == formula
    fresh = columns(9)
    assert np.mean((fitted.evaluate(fresh)[:, 0] - law(fresh)) ** 2) < 0.01 * signal.var()


def test_columns_without_a_part_are_left_out():
    X = columns(0)
    fitted = find(X, np.sin(2 * X[:, 0]) + X[:, 1] ** 2 + noise(0, 400)).fitted
    assert str(fitted.formula) == "x**2 + sin(2*x)"
    assert sorted(fitted.term_names()) == ["sin(2*x0)", "x1**2"]


def test_powers_alone_are_what_the_tensor_search_finds():
    X = columns(0)
    y = X[:, 0] + X[:, 1] ** 2 + X[:, 2] ** 3 + noise(0, 400)
    ours, tensor = find(X, y).fitted, find(X, y, method="td").fitted
    assert str(ours.formula) == str(tensor.formula) == "x + x**2 + x**3"
    np.testing.assert_allclose(ours.evaluate(X), tensor.evaluate(X), atol=0.05 * y.std())


def test_interactions_stand_beside_functions():
    X = columns(0)
    y = np.sin(2 * X) @ W[0] + 2 * X[:, 0] * X[:, 1] + noise(0, 400)
    assert formula_of(X, y, max_interaction_order=2) == "sin(2*x) + <x,x>:1"
    assert "<" not in formula_of(X, y)


def test_outputs_share_functions_and_have_their_own_weights():
    X = columns(0)
    signal = np.stack([np.tanh(2 * X) @ W[0], np.tanh(2 * X) @ W[1] + X**2 @ W[2]], axis=1)
    fitted = find(X, signal + noise(0, signal.shape, 0.02)).fitted
    assert str(fitted.formula) == "x**2 + tanh(2*x)"
    np.testing.assert_allclose(fitted.evaluate(X), signal, atol=0.05)


def test_two_classes():
    X = columns(0, 1500)
    law = 3 * np.cos(2 * X) @ W[0]
    labels = np.random.default_rng(1).uniform(size=1500) < expit(law)
    result = find(X, labels, classification=True)
    assert [e.primitives for e in result.fitted.formula.expressions] == [{"cos"}]
    assert result.fitted.link == "logit"
    assert ((result.fitted.evaluate(X)[:, 0] > 0) == (law > 0)).mean() > 0.95


def test_three_classes():
    X = columns(0, 1500)
    scores = 3 * np.abs(X) @ W[:3].T
    share = softmax(scores, axis=1).cumsum(axis=1)
    codes = (np.random.default_rng(1).uniform(size=(1500, 1)) > share[:, :2]).sum(axis=1)
    fitted = find(X, indicators(codes, 3), classification=True).fitted
    assert str(fitted.formula) == "abs(x)"
    assert (fitted.evaluate(X).argmax(axis=1) == scores.argmax(axis=1)).mean() > 0.9


# -- nothing is found in nothing -------------------------------------------------------------------


@pytest.mark.parametrize("classification", [False, True])
def test_noise_gives_an_empty_formula(classification):
    found = []
    for seed in range(6):
        X, y = columns(seed, 300, 8), noise(seed, 300)
        found.append(formula_of(X, y > 0 if classification else y, classification=classification))
    assert found.count("0") >= 5, found


def test_constant_columns_and_targets():
    y = noise(0, 50)
    assert find(np.ones((50, 3)), y).fitted.evaluate(np.ones((2, 3))) == pytest.approx(y.mean())
    assert not find(columns(0, 50), np.full(50, 7.0)).fitted.formula


@pytest.mark.parametrize("n", [1, 2, 3, 5, 10])
def test_tiny_tables_give_a_finite_answer(n):
    fitted = find(columns(0, n, 3), noise(0, n), n_resamples=5).fitted
    assert np.isfinite(fitted.evaluate(columns(1, 20, 3))).all()


def test_a_0_1_column_is_linear():
    X = columns(0)
    X[:, 0] = X[:, 0] > 0
    y = 2 * X[:, 0] + np.sin(2 * X[:, 1:]) @ W[0, 1:] + noise(0, 400)
    fitted = find(X, y).fitted
    assert "x0" in fitted.term_names()
    assert not [name for name in fitted.term_names() if "x0" in name and name != "x0"]


# -- numbers ---------------------------------------------------------------------------------------


def test_weights_are_repeated_rows():
    X = columns(0, 200)
    y = np.sin(2 * X) @ W[0] + noise(0, 200, 0.3)
    weight = np.random.default_rng(0).integers(1, 4, 200).astype(float)
    rows = np.repeat(np.arange(200), weight.astype(int))
    weighted, repeated = find(X, y, weight), find(X[rows], y[rows])
    assert weighted.fitted.formula == repeated.fitted.formula
    assert weighted.criterion == pytest.approx(repeated.criterion, rel=1e-6)
    np.testing.assert_allclose(weighted.fitted.evaluate(X), repeated.fitted.evaluate(X), atol=1e-6)


def test_weights_have_an_effect():
    X = columns(0, 200)
    first = np.arange(200) < 100
    y = np.where(first, np.sin(2 * X) @ W[0], np.abs(X) @ W[1]) + noise(0, 200)
    assert formula_of(X, y, np.where(first, 1.0, 1e-9)).startswith("sin(2")
    assert formula_of(X, y, np.where(first, 1e-9, 1.0)) == "abs(x)"


def test_criterion_is_that_of_the_exported_equation():
    """Deviance on raw columns plus the price of its numbers, by hand (BIC): weights, constants."""
    X = 50 * columns(0) + 20
    y = np.sin(X / 20) @ W[0] + noise(0, 400)
    result = find(X, y, criterion="bic")
    fitted = result.fitted
    residual = (y - fitted.evaluate(X)[:, 0]) / y.std()
    n_numbers = sum(np.count_nonzero(w) for w in fitted.pure_weights)
    n_constants = sum(not e.is_power for e in fitted.formula.expressions)
    expected = 400 * np.log((residual**2).mean()) + (n_numbers + n_constants) * np.log(400)
    assert result.criterion == pytest.approx(expected, rel=1e-9)


def test_same_seed_same_answer():
    X = columns(0, 200)
    y = np.sin(2 * X) @ W[0] + noise(0, 200, 0.3)
    first, second = find(X, y, n_resamples=2), find(X, y, n_resamples=2)
    assert first.fitted.to_json() == second.fitted.to_json()
    assert first.selection_frequency == second.selection_frequency
    assert first.term_gain == second.term_gain


def test_evidence_names_a_function_found_again_alike():
    """On other rows the constant comes out a little different: the same function all the same."""
    X = columns(0)
    result = find(X, np.sin(1.93 * X) @ W[0] + X**2 @ W[1] + noise(0, 400, 0.4), n_resamples=3)
    terms = list(result.fitted.formula.pure)
    assert len(terms) == 2
    assert result.selection_frequency == dict.fromkeys(sorted(terms), 1.0)
    assert set(result.term_gain) == set(terms)
    assert min(result.term_gain.values()) > 0.05


def test_arrays_are_left_as_they_were():
    X, y = columns(0, 100), noise(0, 100)
    before = X.copy(), y.copy()
    for array in (X, y):
        array.flags.writeable = False
    find(X, y)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])


# -- scales ----------------------------------------------------------------------------------------


def test_columns_of_one_unit_keep_it():
    X = columns(0) * np.array([1.0, 0.7, 1.4, 1.1, 0.9])
    fitted = find(X, np.sin(2.7 * X) @ W[0] + noise(0, 400, 0.02)).fitted
    assert str(fitted.formula) == "sin(2.7*x)"
    np.testing.assert_array_equal(fitted.scale, 1.0)
    np.testing.assert_array_equal(fitted.center, 0.0)


def test_columns_of_many_units_get_each_its_own():
    z = columns(0)
    z /= np.sqrt((z**2).mean(axis=0))
    X = z * np.array([1.0, 1e3, 1e-3, 20.0, 0.1])
    fitted = find(X, np.sin(2.7 * z) @ W[0] + noise(0, 400, 0.02)).fitted
    assert str(fitted.formula) == "sin(2.7*x)"
    np.testing.assert_allclose(fitted.scale, X.std(axis=0), rtol=0.05)


def test_large_units_are_divided_by_a_short_number():
    (scale,) = common_scales(300 * columns(0), np.ones(400))
    assert set(scale.scale) == {300.0}


def test_common_origins():
    found = [scale.center[0] for scale in common_scales(columns(0) + 2, np.ones(400))]
    assert found[0] == 0.0
    assert found[1] == pytest.approx(2.0, abs=0.1)
    assert [s.center[0] for s in common_scales(columns(0) + 1e4, np.ones(400))] == [1e4]
    assert common_scales(columns(0) * np.array([1, 1, 1, 1, 5]), np.ones(400)) == []


# -- options and limits ----------------------------------------------------------------------------


def test_max_order():
    X = columns(0)
    y = X**4 @ W[0] + noise(0, 400)
    assert formula_of(X, y) == "x**4"
    assert "x**4" not in formula_of(X, y, max_order=3)


def test_max_steps():
    X = columns(0)
    y = X @ W[0] + np.sin(3 * X) @ W[1] + np.abs(X) @ W[2] + noise(0, 400)
    assert len(find(X, y).fitted.formula.expressions) == 3
    assert len(find(X, y, max_steps=1).fitted.formula.expressions) == 1


def test_bic_is_bolder_than_ebic():
    n_terms = {"bic": 0, "ebic": 0}
    for seed in range(5):
        X, y = columns(seed, 100, 8), noise(seed, 100)
        for criterion in n_terms:
            n_terms[criterion] += len(find(X, y, criterion=criterion).fitted.terms)
    assert n_terms["bic"] > n_terms["ebic"]


def test_cv_scores_by_held_out_loss():
    X = columns(0)
    y = np.sin(2 * X) @ W[0] + noise(0, 400)
    result = find(X, y, criterion="cv")
    assert str(result.fitted.formula) == "sin(2*x)"
    residual = (y - result.fitted.evaluate(X)[:, 0]) ** 2
    assert residual.sum() / y.var() < result.criterion < 1.3 * residual.sum() / y.var()


def test_many_rows_and_columns_are_capped(monkeypatch):
    monkeypatch.setattr("sktaskneuron.search.sr.regression.SET_ROWS", 500)
    monkeypatch.setattr("sktaskneuron.search.sr.regression.SET_COLUMNS", 6)
    X = columns(0, 1500, 12)
    weights = np.random.default_rng(3).standard_normal(12)
    y = np.sin(2 * X) @ weights + noise(0, 1500)
    result = find(X, y, max_samples=1000)
    assert str(result.fitted.formula) == "sin(2*x)"
    assert len(result.caps) == 3
    assert "6 most promising of 12 columns" in " ".join(result.caps)
    # the weights are those of least squares on every row
    terms = np.column_stack([np.ones(1500), result.fitted.transform(X)])
    expected = np.linalg.lstsq(terms, y, rcond=None)[0]
    np.testing.assert_allclose(result.fitted.term_weights[:, 0], expected[1:], rtol=1e-6)


def test_steps_are_reported():
    told = Told()
    X = columns(0)
    y = np.abs(X) @ W[0] + noise(0, 400)
    find(X, y, progress=told)
    assert told.texts[0] == "scale 1 of the columns"
    assert told.texts[1].startswith("scale 1, step 0: abs(x), criterion ")


def test_library_keys_are_powers_or_functions():
    library = TermLibrary()
    assert [library.text(k) for k in (1, 3)] == ["x", "x**3"]
    assert library.expression(2).power == 2


def test_functions_of_another_engine_compete():
    """A proposer's function that the library lacks is taken where it is the law."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4))
    strange = ElementwiseExpression.parse("sin(x**2)*x")
    y = strange.evaluate(X) @ [1.0, -2.0, 1.5, 0.5] + 0.01 * rng.normal(size=400)
    seen = []

    def proposer(z, target, weight, seed):
        seen.append((z.shape, target.shape, weight.shape))
        return [strange, ElementwiseExpression.parse("x"), ElementwiseExpression.parse("cos(x**3)")]

    result = find(X, y, proposer=proposer)
    assert seen[0] == ((400, 4), (400,), (400,))
    assert result.fitted.formula.pure == ("x*sin(x**2)",)
