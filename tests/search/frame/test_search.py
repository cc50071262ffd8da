"""The whole search: planted laws, noise, weights, units, limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, softmax

from sktaskneuron.datasets import make_neuron_formula
from sktaskneuron.models.target import indicators

from ..helpers import Told, columns, find, formula_of, noise

# -- what is planted is found -----------------------------------------------------------------


@pytest.mark.parametrize(
    "law",
    [
        "x",
        "x**2",
        "x + x**3",
        "<x,x>:1",
        "<x,x>:2",
        "x + <x,x>:1",
        "x**2 + <x,x,x>:1",
        "x + x**2 + <x,x>:2",
        "x**5",
    ],
)
@pytest.mark.parametrize("seed", range(2))
def test_sparse_laws_are_found(law, seed):
    X, y, truth = make_neuron_formula(
        law, n_samples=400, n_features=8, noise=0.1, return_truth=True, random_state=seed
    )
    fitted = find(X, y).fitted
    assert str(fitted.formula) == law
    fresh = columns(seed, 200, 8)
    signal = truth.evaluate(fresh)
    assert np.mean((fitted.evaluate(fresh) - signal) ** 2) < 0.01 * signal.var()


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("law", "orders"),
    [
        (lambda X, u: (X**2).sum(axis=1), ({2}, set())),
        (lambda X, u: (X @ u[0]) * (X @ u[1]), ({2}, {2})),
        (lambda X, u: (X @ u[0]) * (X @ u[1]) * (X @ u[2]), ({3}, {3})),
        (lambda X, u: X.sum(axis=1) + (X @ u[0]) * (X @ u[1]), ({1, 2}, {2})),
    ],
)
def test_dense_laws_are_found(law, orders, seed):
    """A product of dense projections holds the powers too: both streams are named."""
    X = columns(seed, 800, 6)
    u = np.random.default_rng(seed).standard_normal((3, 6))
    signal = law(X, u)
    formula = find(X, signal + noise(seed, 800, 0.02 * signal.std())).fitted.formula
    assert {e.power for e in formula.expressions} == orders[0]
    assert set(formula.interactions) == orders[1]


def test_outputs_share_a_formula_and_have_their_own_weights():
    X = columns(0, 400, 6)
    signal = np.stack([X[:, 0] + X[:, 1] * X[:, 2], 2 * X[:, 0] - X[:, 1] * X[:, 2]], axis=1)
    fitted = find(X, signal + noise(0, signal.shape)).fitted
    assert str(fitted.formula) == "x + <x,x>:1"
    weights = dict(zip(fitted.term_names(), fitted.term_weights, strict=True))
    rms = np.sqrt((X**2).mean(axis=0))
    np.testing.assert_allclose(weights["x0"] / rms[0], [1, 2], atol=0.03)
    np.testing.assert_allclose(weights["x1*x2"] / (rms[1] * rms[2]), [1, -1], atol=0.03)


def test_one_output_may_hold_a_term_alone():
    X = columns(1, 400, 5)
    signal = np.stack([X[:, 0], X[:, 1] ** 2], axis=1)
    assert formula_of(X, signal + noise(0, signal.shape)) == "x + x**2"


@pytest.mark.parametrize(
    ("law", "formula"),
    [
        (lambda x: 2 * x[0] * x[1], "<x,x>:1"),
        (lambda x: 1.5 * x[0] - x[1] + x[2] ** 2, "x + x**2"),
    ],
)
def test_two_classes(law, formula):
    X = columns(0, 1500, 6)
    labels = np.random.default_rng(1).uniform(size=1500) < expit(2 * law(X.T))
    result = find(X, labels, classification=True)
    assert str(result.fitted.formula) == formula
    assert result.fitted.link == "logit"
    chosen = result.fitted.evaluate(X)[:, 0] > 0
    assert (chosen == (law(X.T) > 0)).mean() > 0.95


def test_three_classes():
    """A multinomial law: linear scores per class, one of them redundant."""
    X = columns(0, 1500, 6)
    weights = np.array([[2.0, 0.0, -2.0], [0.0, 2.0, -2.0]])
    share = softmax(X[:, :2] @ weights, axis=1).cumsum(axis=1)
    codes = (np.random.default_rng(1).uniform(size=(1500, 1)) > share[:, :2]).sum(axis=1)
    fitted = find(X, indicators(codes, 3), classification=True).fitted
    assert str(fitted.formula) == "x"
    assert fitted.link == "softmax"
    assert set(fitted.used_features) == {0, 1}
    best = (X[:, :2] @ weights).argmax(axis=1)
    assert (fitted.evaluate(X).argmax(axis=1) == best).mean() > 0.93


# -- nothing is found in nothing --------------------------------------------------------------


@pytest.mark.parametrize("classification", [False, True])
def test_noise_gives_an_empty_formula(classification):
    found = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        X, y = rng.standard_normal((300, 10)), rng.standard_normal(300)
        result = find(X, y > 0 if classification else y, classification=classification)
        found.append(str(result.fitted.formula))
        if found[-1] == "0":
            assert result.criterion == result.null_criterion
            prediction = np.unique(result.fitted.evaluate(X))
            expected = np.log((y > 0).mean() / (y <= 0).mean()) if classification else y.mean()
            assert prediction == pytest.approx(expected, abs=1e-6)
    assert found.count("0") >= 7, found


def test_constant_columns_and_targets():
    X = np.ones((50, 3))
    y = noise(0, 50)
    assert find(X, y).fitted.evaluate(X) == pytest.approx(np.full((50, 1), y.mean()))
    result = find(columns(0, 50, 3), np.full(50, 7.0))
    assert not result.fitted.formula
    assert result.fitted.evaluate(X) == pytest.approx(np.full((50, 1), 7.0))


def test_copied_columns_are_left_out():
    X = columns(0, 300, 4)
    y = X[:, 0] ** 2 + X[:, 1] + noise(0, 300)
    copies = np.column_stack([X, X[:, 0], 3 - 2 * X[:, 1], np.ones(300)])
    fitted = find(copies, y).fitted
    assert str(fitted.formula) == "x + x**2"
    assert set(fitted.used_features) == {0, 1}


@pytest.mark.parametrize("off", [0.0, 1e-12, 1e-9, 1e-7])
def test_columns_that_others_tell_are_left_out(off):
    """A sum of two columns, but for rounding: weights of it that cancel would be large."""
    X = columns(0, 300, 3)
    told = X[:, :1] + X[:, 1:2] + off * noise(1, 300, 1.0)[:, None]
    fitted = find(np.hstack([X, told]), 2 * X[:, 0] + X[:, 1] - X[:, 2] + noise(0, 300)).fitted
    (weights,) = fitted.pure_weights
    assert np.count_nonzero(weights) == 3
    assert np.abs(weights).max() < 3


def test_a_0_1_column_has_no_powers():
    rng = np.random.default_rng(0)
    X = columns(0, 400, 3)
    X[:, 0] = rng.uniform(size=400) < 0.5
    y = 2 * X[:, 0] + X[:, 0] * X[:, 1] + noise(0, 400)
    fitted = find(X, y).fitted
    assert set(fitted.formula.pure) <= {"x"}
    assert set(fitted.used_features) == {0, 1}


def test_powers_of_0_1_columns_do_not_pose_as_higher_products():
    """x1**2 x2 is x1 x2 where x1 is 0 or 1: the lower order is the answer."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, (500, 6)).astype(float)
    y = X[:, 0] + X[:, 1] * X[:, 2] + noise(0, 500)
    assert formula_of(X, y) == "x + <x,x>:1"


def test_one_wild_value_does_not_hide_a_law():
    X = columns(0, 500, 6)
    y = X[:, 0] ** 2 + X[:, 1] * X[:, 2] + noise(0, 500)
    X[7, 0] = 1e4  # the target knows nothing of it
    fitted = find(X, y).fitted
    rest = np.arange(500) != 7
    error = y - fitted.evaluate(X)[:, 0]
    assert np.mean(error[rest] ** 2) < 0.05 * y.var()


@pytest.mark.parametrize("criterion", ["ebic", "bic"])
@pytest.mark.parametrize("n", [8, 20, 60])
def test_numbers_stay_well_below_rows(criterion, n):
    """With as many numbers as rows everything fits: no criterion may go there."""
    X, y = columns(n, n, 12), noise(n, n)
    fitted = find(X, y, criterion=criterion).fitted
    n_numbers = sum(np.count_nonzero(w) for w in fitted.pure_weights)
    for order, factors in fitted.factors.items():
        n_numbers += np.count_nonzero(factors) - factors.shape[2] * (order - 1)
    assert n_numbers <= n / 2


# -- numbers ----------------------------------------------------------------------------------


def test_criterion_is_that_of_the_exported_equation():
    """Deviance of the equation on raw columns plus the price of its numbers, by hand (BIC).

    Skewed columns far from zero, in odd units: standardising, clipping and the way back all count.
    """
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [5 + rng.standard_normal(500), 1e3 * rng.standard_t(3, 500), rng.exponential(1e-3, 500)]
    )
    z = np.clip((X - X.mean(axis=0)) / X.std(axis=0), -2, 2)
    y = 1e4 + 300 * (z[:, 0] * z[:, 1] + z[:, 2] ** 2 + noise(0, 500))
    result = find(X, y, criterion="bic")
    fitted = result.fitted
    residual = (y - fitted.evaluate(X)[:, 0]) / y.std()
    n_numbers = sum(np.count_nonzero(w) for w in fitted.pure_weights)
    for order, factors in fitted.factors.items():
        n_numbers += np.count_nonzero(factors) - factors.shape[2] * (order - 1)
    expected = 500 * np.log((residual**2).mean()) + n_numbers * np.log(500)
    assert result.criterion == pytest.approx(expected, rel=1e-9)
    assert result.criterion < result.null_criterion == pytest.approx(0.0, abs=1e-9)


def test_weights_are_repeated_rows():
    X = columns(0, 300, 5) + np.array([0.0, 0.0, 3.0, 0.0, 0.0])
    y = X[:, 0] + X[:, 1] * X[:, 2] + noise(0, 300, 0.5)
    weight = np.random.default_rng(0).integers(1, 4, 300).astype(float)
    rows = np.repeat(np.arange(300), weight.astype(int))
    weighted, repeated = find(X, y, weight), find(X[rows], y[rows])
    assert weighted.fitted.formula == repeated.fitted.formula
    assert weighted.criterion == pytest.approx(repeated.criterion, rel=1e-6)
    np.testing.assert_allclose(
        weighted.fitted.evaluate(X), repeated.fitted.evaluate(X), atol=1e-4 * y.std()
    )


def test_weights_have_an_effect():
    X = columns(0, 400, 3)
    first = np.arange(400) < 200
    y = np.where(first, X[:, 0], X[:, 1] ** 2) + noise(0, 400)
    assert formula_of(X, y, np.where(first, 1.0, 1e-9)) == "x"
    assert formula_of(X, y, np.where(first, 1e-9, 1.0)) == "x**2"


def test_class_weights_are_repeated_rows():
    X = columns(0, 500, 4)
    labels = np.random.default_rng(1).uniform(size=500) < expit(3 * X[:, 0] * X[:, 1])
    weight = np.where(labels, 2.0, 1.0)
    rows = np.repeat(np.arange(500), weight.astype(int))
    weighted = find(X, labels, weight, classification=True)
    repeated = find(X[rows], labels[rows], classification=True)
    assert weighted.fitted.formula == repeated.fitted.formula
    np.testing.assert_allclose(weighted.fitted.evaluate(X), repeated.fitted.evaluate(X), atol=1e-3)


def test_the_answer_does_not_depend_on_units():
    X = columns(0, 400, 5)
    y = X[:, 0] ** 3 + X[:, 1] * X[:, 2] + noise(0, 400)
    unit = np.array([1e6, 1e-6, 3.0, 1.0, 1e3])
    plain, scaled = find(X, y), find(X * unit, 1e5 * y + 7)
    assert plain.fitted.formula == scaled.fitted.formula
    expected = 1e5 * plain.fitted.evaluate(X) + 7
    np.testing.assert_allclose(scaled.fitted.evaluate(X * unit), expected, atol=1e-2)


def test_the_answer_does_not_depend_on_the_order_of_columns():
    X = columns(0, 400, 6)
    y = X[:, 0] - X[:, 1] ** 2 + X[:, 2] * (X[:, 3] + X[:, 4]) + noise(0, 400)
    order = np.random.default_rng(2).permutation(6)
    plain, turned = find(X, y), find(X[:, order], y)
    assert plain.fitted.formula == turned.fitted.formula
    assert plain.criterion == pytest.approx(turned.criterion, rel=1e-4)
    expected = plain.fitted.evaluate(X)
    np.testing.assert_allclose(turned.fitted.evaluate(X[:, order]), expected, atol=0.02 * y.std())


@pytest.mark.parametrize(
    ("law", "formula"),
    [
        (lambda x: (x[0] - 5) ** 2, "x**2"),  # the origin at the mean
        (lambda x: x[0] * x[1], "<x,x>:1"),  # the origin at zero
    ],
)
def test_the_origin_is_part_of_the_answer(law, formula):
    X = columns(0, 500, 4) + 5
    X[:, 0] += 5 - X[:, 0].mean()
    signal = law(X.T)
    assert formula_of(X, signal + noise(0, 500, 0.02 * signal.std())) == formula


def test_same_seed_same_answer():
    X = columns(0, 200, 6)
    y = X[:, 0] + (X[:, :3].sum(axis=1)) * X[:, 4] + noise(0, 200, 0.5)
    first, second = find(X, y, n_resamples=3), find(X, y, n_resamples=3)
    assert first.fitted.to_json() == second.fitted.to_json()
    assert first.selection_frequency == second.selection_frequency
    assert first.term_gain == second.term_gain


def test_arrays_are_left_as_they_were():
    X, y = columns(0, 100, 3), noise(0, 100)
    before = X.copy(), y.copy()
    for array in (X, y):
        array.flags.writeable = False
    find(X, y)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])


# -- options ----------------------------------------------------------------------------------


def test_max_order():
    X = columns(0, 300, 3)
    y = X[:, 0] ** 4 + noise(0, 300)
    assert formula_of(X, y) == "x**4"
    assert "x**4" not in formula_of(X, y, max_order=3)


def test_interactions_may_go_beyond_the_pure_orders():
    X = columns(0, 300, 4)
    y = X[:, 0] + X[:, 1] * X[:, 2] * X[:, 3] + noise(0, 300)
    assert formula_of(X, y, max_order=1) == "x + <x,x,x>:1"


def test_max_interaction_order():
    X = columns(0, 300, 4)
    y = X[:, 0] * X[:, 1] * X[:, 2] + noise(0, 300)
    assert formula_of(X, y) == "<x,x,x>:1"
    assert 3 not in find(X, y, max_interaction_order=2).fitted.formula.interactions
    assert not find(X, y, max_interaction_order=1).fitted.formula.interactions
    y = X.prod(axis=1) + noise(0, 300)
    assert formula_of(X, y, max_interaction_order=4) == "<x,x,x,x>:1"


def test_max_rank():
    X = columns(0, 300, 6)
    y = X[:, 0] * X[:, 1] + X[:, 2] * X[:, 3] + X[:, 4] * X[:, 5] + noise(0, 300)
    # one atom of all columns says nearly the same, but costs more numbers
    assert formula_of(X, y) == "<x,x>:3"
    assert find(X, y, max_rank=2).fitted.formula.interactions == {2: 2}


def test_max_steps():
    X = columns(0, 300, 4)
    y = X[:, 0] + X[:, 1] ** 2 + X[:, 2] * X[:, 3] + noise(0, 300)
    result = find(X, y, max_steps=1)
    assert result.n_steps == 1
    assert len(result.fitted.terms) == 1


def test_bic_is_bolder_than_ebic():
    """On noise the plain criterion finds something more often."""
    n_terms = {"bic": 0, "ebic": 0}
    for seed in range(3):
        X, y = columns(seed, 400, 8), noise(seed, 400)
        for criterion in n_terms:
            n_terms[criterion] += len(find(X, y, criterion=criterion).fitted.terms)
    assert n_terms["bic"] > n_terms["ebic"]


def test_cv_finds_laws_and_scores_by_held_out_loss():
    X = columns(0, 300, 5)
    y = X[:, 0] + X[:, 1] * X[:, 2] + noise(0, 300)
    result = find(X, y, criterion="cv")
    assert str(result.fitted.formula) == "x + <x,x>:1"
    # summed squared error over the target's variance, by models that have not seen the row
    residual = (y - result.fitted.evaluate(X)[:, 0]) ** 2
    assert residual.sum() / y.var() < result.criterion < 1.2 * residual.sum() / y.var()


# -- limits -----------------------------------------------------------------------------------


def test_large_tables_are_searched_on_some_rows_and_fitted_on_all():
    X = columns(0, 900, 4)
    y = X[:, 0] + X[:, 1] * X[:, 2] + noise(0, 900, 0.5)
    assert find(X, y).caps == ()
    result = find(X, y, max_samples=300)
    assert any("300 of 900 rows" in cap for cap in result.caps)
    fitted = result.fitted
    assert str(fitted.formula) == "x + <x,x>:1"
    # the weights are those of least squares on every row
    terms = np.column_stack([np.ones(900), fitted.transform(X)])
    expected = np.linalg.lstsq(terms, y, rcond=None)[0]
    np.testing.assert_allclose(fitted.term_weights[:, 0], expected[1:], rtol=1e-6)
    assert fitted.intercept[0] == pytest.approx(expected[0], abs=1e-8)


def test_the_rows_of_a_large_table_depend_on_the_seed():
    X = columns(0, 900, 4)
    y = X[:, 0] ** 2 + noise(0, 900, 2.0)
    scores = {find(X, y, max_samples=300, seed=seed).criterion for seed in range(2)}
    assert len(scores) == 2


def test_every_class_keeps_rows():
    X = columns(0, 3000, 3)
    rare = np.arange(3000) < 15
    X[rare] += 3
    result = find(X, rare, classification=True, max_samples=1000)
    assert any("of 3000 rows" in cap for cap in result.caps)
    assert result.fitted.formula
    assert result.fitted.evaluate(X[rare]).mean() > result.fitted.evaluate(X[~rare]).mean()


def test_wide_tables_are_screened():
    X = columns(0, 120, 560)
    y = 3 * X[:, 7] + X[:, 300] * X[:, 7] + noise(0, 120)
    result = find(X, y, max_interaction_order=2, max_order=2)
    assert any("of 560 columns" in cap for cap in result.caps)
    assert str(result.fitted.formula) == "x + <x,x>:1"
    assert set(result.fitted.used_features) == {7, 300}


def test_more_columns_than_rows():
    X = columns(0, 60, 100)
    y = 2 * X[:, 3] - X[:, 50] + noise(0, 60)
    assert formula_of(X, y) == "x"
    assert formula_of(X, noise(3, 60)) == "0"


@pytest.mark.parametrize("n", [1, 2, 3, 5, 10])
def test_tiny_tables_give_a_finite_answer(n):
    X, y = columns(0, n, 3), noise(0, n)
    fitted = find(X, y, n_resamples=5).fitted
    assert np.isfinite(fitted.evaluate(columns(1, 20, 3))).all()


@pytest.mark.parametrize("n", [4, 5, 8])
def test_few_rows_make_no_wild_powers(n):
    """Powers go through the outermost rows: 9 of these 24 erred by 2 to 240 variances."""
    for seed in range(8):
        X, fresh = columns(seed, n, 3), columns(100 + seed, 500, 3)
        y, truth = X[:, 0] + X[:, 1] ** 2, fresh[:, 0] + fresh[:, 1] ** 2
        found = find(X, y + noise(seed, n, 0.1)).fitted.evaluate(fresh).ravel()
        mean = np.mean((y.mean() - truth) ** 2)
        assert np.mean((found - truth) ** 2) < 1.5 * mean + 0.5 * truth.var()


def test_laws_of_few_rows_are_found():
    found = []
    for seed in range(4):
        X = columns(seed, 20, 3)
        found.append(formula_of(X, X[:, 0] + X[:, 1] ** 2 + noise(seed, 20, 0.05)))
    assert found.count("x + x**2") >= 3
    assert set(found) <= {"x + x**2", "0"}


def test_one_column():
    X = columns(0, 200, 1)
    assert formula_of(X, X[:, 0] ** 2 + noise(0, 200)) == "x**2"


def test_steps_are_reported():
    told = Told()
    X = columns(0, 200, 3)
    find(X, X[:, 0] + noise(0, 200), scale_number=0, n_resamples=2, progress=told)
    assert [text.split(", criterion")[0] for text in told.texts] == [
        "scale 1 of the columns",
        "scale 1, step 0: 0",
        "scale 1, step 1: x",
        "/scale 1 of the columns",
        "evidence",
        "evidence, fold 1 of 2",
        "evidence, fold 2 of 2",
        "/evidence",
    ]


@pytest.mark.parametrize("classification", [False, True])
def test_copies_of_a_row_are_one_row_of_their_weight(classification):
    """What is held out has no copy among the other rows."""
    X = columns(0, 80, 3)
    y = X[:, 0] ** 2 + X[:, 1] + noise(0, 80, 0.5)
    y = (y > 1).astype(float) if classification else y
    options = {"classification": classification, "n_resamples": 4}
    weighted = find(X, y, np.full(80, 3.0), **options)
    copied = find(np.repeat(X, 3, axis=0), np.repeat(y, 3), **options)
    assert str(copied.fitted) == str(weighted.fitted)
    assert copied.selection_frequency == weighted.selection_frequency
    assert copied.term_gain == pytest.approx(weighted.term_gain)
