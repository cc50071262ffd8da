"""Likelihoods against scikit-learn and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, softmax
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from sktaskneuron import NeuronFormulaSearch
from sktaskneuron.search.frame.family import Gaussian, Logistic, Multinomial, make_family


def draw(seed: int = 0, n: int = 120, p: int = 4, q: int = 2):
    """Columns with a leading one, weights that are whole numbers, a predictor."""
    rng = np.random.default_rng(seed)
    columns = np.concatenate([np.ones((n, 1)), rng.standard_normal((n, p))], axis=1)
    weight = rng.integers(1, 4, size=n).astype(float)
    eta = columns @ rng.standard_normal((p + 1, q))
    return rng, columns, weight, eta


def gaussian_case(seed=0):
    rng, columns, weight, eta = draw(seed)
    return Gaussian(eta + rng.standard_normal(eta.shape), weight), columns, eta


def logistic_case(seed=0):
    rng, columns, weight, eta = draw(seed)
    target = (rng.uniform(size=eta.shape) < expit(eta)).astype(float)
    return Logistic(target, weight), columns, eta


def multinomial_case(seed=0):
    rng, columns, weight, eta = draw(seed, n=200, q=3)
    edges = softmax(eta, axis=1).cumsum(axis=1)[:, :2]
    codes = (rng.uniform(size=(len(eta), 1)) > edges).sum(axis=1)
    return Multinomial((codes[:, None] == np.arange(3)).astype(float), weight), columns, eta


CASES = pytest.mark.parametrize("case", [gaussian_case, logistic_case, multinomial_case])


def repeated(family):
    rows = np.repeat(np.arange(len(family.weight)), family.weight.astype(int))
    return type(family)(family.target[rows], np.ones(len(rows))), rows


def test_gaussian_deviance_is_the_profiled_likelihood():
    family, _, eta = gaussian_case()
    plain, rows = repeated(family)
    residual = plain.target - eta[rows]
    spread = np.sqrt((residual**2).mean(axis=0))
    likelihood = stats.norm.logpdf(residual, scale=spread).sum()
    constant = residual.size * (1 + np.log(2 * np.pi))
    assert family.deviance(eta) == pytest.approx(-2 * likelihood - constant)


def test_gaussian_deviance_has_a_floor():
    """An exact fit is very good, not infinitely good, whatever the unit of the target."""
    family, _, _ = gaussian_case()
    exact = family.deviance(family.target)
    assert np.isfinite(exact)
    large = Gaussian(1e6 * family.target, family.weight)
    shift = family.n_effective * family.n_outputs * np.log(1e12)
    assert large.deviance(large.target) == pytest.approx(exact + shift)


def test_gaussian_fit_is_linear_regression():
    family, columns, _ = gaussian_case()
    fit = family.fit_linear(columns)
    reference = LinearRegression().fit(columns[:, 1:], family.target, family.weight)
    np.testing.assert_allclose(fit.coef[0], reference.intercept_, atol=1e-10)
    np.testing.assert_allclose(fit.coef[1:].T, reference.coef_, atol=1e-10)
    np.testing.assert_allclose(fit.eta, columns @ fit.coef)
    assert fit.deviance == family.deviance(fit.eta)


def test_gaussian_fit_survives_repeated_columns():
    family, columns, _ = gaussian_case()
    twice = np.concatenate([columns, columns[:, 1:] * 3.0], axis=1)
    fit = family.fit_linear(twice)
    assert np.isfinite(fit.coef).all()
    np.testing.assert_allclose(fit.eta, family.fit_linear(columns).eta, atol=1e-6)


def test_logistic_deviance_is_the_log_loss():
    family, _, eta = logistic_case()
    expected = 2 * sum(
        log_loss(
            family.target[:, q], expit(eta[:, q]), normalize=False, sample_weight=family.weight
        )
        for q in range(2)
    )
    assert family.deviance(eta) == pytest.approx(expected)


def test_logistic_deviance_does_not_overflow():
    family = Logistic(np.array([[1.0], [0.0]]), np.ones(2))
    assert family.deviance(np.array([[1e4], [-1e4]])) == 0.0
    assert family.deviance(np.array([[-1e4], [1e4]])) == pytest.approx(4e4)


def test_logistic_fit_is_logistic_regression():
    """One fit per output, of standardised columns."""
    family, columns, _ = logistic_case()
    fit = family.fit_linear(columns)
    scaler = StandardScaler().fit(columns[:, 1:], sample_weight=family.weight)
    for q in range(2):
        reference = LogisticRegression(C=1 / family.ridge, tol=1e-10, max_iter=1000)
        reference.fit(scaler.transform(columns[:, 1:]), family.target[:, q], family.weight)
        np.testing.assert_allclose(fit.coef[1:, q] * scaler.scale_, reference.coef_[0], atol=1e-4)
        at_mean = fit.coef[0, q] + scaler.mean_ @ fit.coef[1:, q]
        assert at_mean == pytest.approx(reference.intercept_[0], abs=1e-4)


def test_weights_that_are_told_are_smaller():
    """Few rows that a column separates: the likelihood alone is sure of nearly all."""
    x = np.linspace(-1, 1, 12)
    family = Logistic((x[:, None] > 0).astype(float), np.ones(12))
    columns = np.stack([np.ones(12), x], axis=1)
    searched, told = (f.fit_linear(columns) for f in (family, family.of_answers))
    assert expit(told.eta).max() < 0.99 < expit(searched.eta).max()
    np.testing.assert_array_equal(told.eta > 0, searched.eta > 0)


def test_an_offset_changes_the_constant_alone():
    """Years, not years since 2000: the penalty does not see where a column begins."""
    family, columns, _ = logistic_case()
    offset = np.where(np.arange(columns.shape[1]) > 0, 2000.0, 0.0)
    fit, moved = family.fit_linear(columns), family.fit_linear(columns + offset)
    np.testing.assert_allclose(moved.coef[1:], fit.coef[1:], rtol=1e-6)
    np.testing.assert_allclose(moved.eta, fit.eta, atol=1e-6)


def test_multinomial_deviance_is_the_log_loss():
    family, _, eta = multinomial_case()
    codes = family.target.argmax(axis=1)
    loss = log_loss(codes, softmax(eta, axis=1), normalize=False, sample_weight=family.weight)
    assert family.deviance(eta) == pytest.approx(2 * loss)
    np.testing.assert_allclose(family.probabilities(eta), softmax(eta, axis=1))
    assert family.n_free_outputs == 2


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([80, 76, 2], 1), ([80, 76, 2, 2], 1), ([80, 76, 2, 2, 2], 4), ([8, 8, *[3] * 48], 49)],
)
def test_classes_of_few_rows_count_where_they_are_many(counts, expected):
    codes = np.repeat(np.arange(len(counts)), counts)
    family = Multinomial(np.eye(len(counts))[codes], np.ones(len(codes)))
    assert family.n_free_outputs == expected


@pytest.mark.parametrize("seed", range(3))
def test_noise_of_many_classes_of_few_rows_is_no_law(seed):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(160, 4)), [f"class {code}" for code in rng.integers(0, 50, 160)]
    assert str(NeuronFormulaSearch(n_resamples=0, random_state=0).fit(X, y).formula_) == "0"


def test_multinomial_fit_is_logistic_regression():
    family, columns, _ = multinomial_case()
    fit = family.fit_linear(columns)
    scaler = StandardScaler().fit(columns[:, 1:], sample_weight=family.weight)
    z = scaler.transform(columns[:, 1:])
    reference = LogisticRegression(C=1 / family.ridge, tol=1e-10, max_iter=1000)
    reference.fit(z, family.target.argmax(axis=1), family.weight)
    centred = fit.coef - fit.coef.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(centred[1:].T * scaler.scale_, reference.coef_, atol=2e-3)
    expected = reference.predict_proba(z)
    np.testing.assert_allclose(softmax(fit.eta, axis=1), expected, atol=1e-4)


def test_multinomial_weights_sum_to_zero():
    """A shift common to all classes changes nothing: the symmetric choice is the answer."""
    family, columns, eta = multinomial_case()
    for start in (None, eta + 5):
        coef = family.fit_linear(columns, start).coef
        np.testing.assert_allclose(coef.sum(axis=1), 0.0, atol=1e-6)


def test_make_family():
    weight = np.ones(4)
    assert isinstance(make_family(np.zeros((4, 3)), weight, False), Gaussian)
    assert isinstance(make_family(np.zeros((4, 1)), weight, True), Logistic)
    assert isinstance(make_family(np.eye(4)[:, :3], weight, True), Multinomial)


def test_logistic_fit_of_separable_classes_is_finite():
    x = np.linspace(-1, 1, 40)
    columns = np.stack([np.ones(40), x], axis=1)
    family = Logistic((x > 0).astype(float)[:, None], np.ones(40))
    fit = family.fit_linear(columns)
    assert np.isfinite(fit.coef).all()
    assert ((fit.eta[:, 0] > 0) == (x > 0)).all()


@CASES
def test_a_start_does_not_change_the_fit(case):
    family, columns, _ = case()
    fit = family.fit_linear(columns)
    again = family.fit_linear(columns, fit.eta + 0.3)
    assert again.deviance == pytest.approx(fit.deviance, rel=1e-6)
    change = again.coef - fit.coef
    if case is multinomial_case:
        change -= change.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(change, 0.0, atol=2e-3)


@CASES
def test_weights_are_repeated_rows(case):
    family, columns, eta = case()
    plain, rows = repeated(family)
    assert family.n_effective == plain.n_effective == len(rows)
    assert family.deviance(eta) == pytest.approx(plain.deviance(eta[rows]))
    weighted, unweighted = family.fit_linear(columns), plain.fit_linear(columns[rows])
    np.testing.assert_allclose(weighted.coef, unweighted.coef, atol=1e-6)


@CASES
def test_working_residuals_are_the_slope_of_the_deviance(case):
    family, _, eta = case()
    working = family.working(eta)
    rng = np.random.default_rng(1)
    for _ in range(3):
        change = rng.standard_normal(eta.shape)
        step = 1e-5
        slope = (family.deviance(eta + step * change) - family.deviance(eta - step * change)) / (
            2 * step
        )
        expected = -2 * (working.precision * working.weight * working.residual * change).sum()
        assert slope == pytest.approx(expected, rel=1e-5)


@CASES
def test_working_outputs_cover_every_output_once(case):
    family, _, eta = case()
    working = family.working(eta)
    seen = []
    for root, outputs in working.outputs():
        seen += outputs
        for q in outputs:
            column = working.weight[:, 0 if working.shared else q]
            np.testing.assert_allclose(root[:, 0] ** 2, column)
    assert sorted(seen) == list(range(eta.shape[1]))


def test_gaussian_predictions_of_drop_and_rise_are_exact():
    family, columns, _ = gaussian_case()
    short, full = family.fit_linear(columns[:, :-1]), family.fit_linear(columns)
    gain = family.weight @ ((family.target - short.eta) ** 2 - (family.target - full.eta) ** 2)
    before = family.weight @ (family.target - short.eta) ** 2 / family.n_effective
    drop = family.predicted_drop(gain / before)
    assert drop == pytest.approx(short.deviance - full.deviance)

    one = Gaussian(family.target[:, :1], family.weight)
    short, full = one.fit_linear(columns[:, :-1]), one.fit_linear(columns)
    variance = one.weight @ (one.target - full.eta) ** 2 / one.n_effective
    cost = gain[0] / variance[0]
    assert one.predicted_rise(np.asarray(cost)) == pytest.approx(short.deviance - full.deviance)


def test_row_losses():
    family, _, eta = gaussian_case()
    loss = family.row_loss(eta, family.loss_scale)
    mean = family.weight @ family.target / family.n_effective
    null = family.weight @ family.row_loss(np.broadcast_to(mean, eta.shape), family.loss_scale)
    assert null == pytest.approx(family.n_effective)  # so that 1 - loss / null is R2
    assert loss.shape == (len(eta),)
    classes, _, eta = logistic_case()
    assert classes.weight @ classes.row_loss(eta, classes.loss_scale) == pytest.approx(
        classes.deviance(eta)
    )


@CASES
def test_subset_takes_rows(case):
    family, _, eta = case()
    rows = np.array([3, 1, 4])
    part = family.subset(rows)
    assert part.deviance(eta[rows]) == pytest.approx(
        type(family)(family.target[rows], family.weight[rows]).deviance(eta[rows])
    )
