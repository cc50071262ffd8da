"""Losses as values: what they say of a target, a constant and a linear model is optimal."""

import numpy as np
import pytest
from scipy import special
from scipy.optimize import approx_fprime, minimize_scalar
from sklearn.linear_model import QuantileRegressor
from sklearn.metrics import mean_pinball_loss, mean_tweedie_deviance

from sktaskneuron.models.losses import Deviance, Huber, Quantiles, SquaredError
from sktaskneuron.models.target import ValueTarget

LOSSES = [
    SquaredError(),
    Quantiles(name="absolute_error"),
    Quantiles((0.8,)),
    Huber((0.7,)),
    Deviance("poisson", 1.0),
    Deviance("gamma", 2.0),
    Deviance("tweedie", 1.5),
]
NAMES = [type(loss).__name__ + getattr(loss, "name", "") for loss in LOSSES]
each = pytest.mark.parametrize("loss", LOSSES, ids=NAMES)


def draw(n_rows=201, seed=0):
    """Positive targets of mean one, raw outputs, weights."""
    rng = np.random.default_rng(seed)
    target = rng.gamma(2.0, size=(n_rows, 1))
    return target / target.mean(), rng.normal(size=(n_rows, 1)), rng.uniform(0.5, 2.0, n_rows)


@each
def test_constant_has_the_least_loss(loss):
    target, _, weight = draw()

    def mean_loss(value):
        return np.average(loss.rows(np.full_like(target, value), target), weights=weight)

    best = minimize_scalar(mean_loss, bounds=(-5, 5), method="bounded")
    tolerance = 1e-3 if isinstance(loss, Huber) else 1e-5  # one step from the median
    assert mean_loss(loss.constant(target, weight).item()) <= best.fun * (1 + tolerance)


@each
def test_slope_is_that_of_the_mean_loss(loss):
    target, raw, weight = draw(n_rows=11)
    share = weight / weight.sum()

    def mean_loss(flat):
        return share @ loss.rows(flat.reshape(raw.shape), target)

    value, gradient = loss.slope(raw, target, share)
    assert value == pytest.approx(mean_loss(raw.ravel()))
    np.testing.assert_allclose(
        gradient.ravel(), approx_fprime(raw.ravel(), mean_loss, 1e-7), atol=1e-5
    )


@pytest.mark.parametrize("power", [1.0, 1.3, 2.0])
def test_deviance_is_that_of_scikit_learn(power):
    target, raw, weight = draw()
    if power < 2:
        target[:20] = 0.0
    rows = Deviance("tweedie", power).rows(raw, target)
    expected = mean_tweedie_deviance(target, np.exp(raw), sample_weight=weight, power=power)
    assert 2 * np.average(rows, weights=weight) == pytest.approx(expected)


def test_pinball_is_that_of_scikit_learn():
    target, raw, weight = draw()
    rows = Quantiles((0.8,)).rows(raw, target)
    expected = mean_pinball_loss(target, raw, sample_weight=weight, alpha=0.8)
    assert np.average(rows, weights=weight) == pytest.approx(expected)


def test_huber_is_that_of_scipy():
    target, raw, _ = draw()
    np.testing.assert_allclose(
        Huber((0.7,)).rows(raw, target), special.huber(0.7, target - raw)[:, 0]
    )


@pytest.mark.parametrize("raw", [-1e4, -100.0, 100.0, 1e4])
@pytest.mark.parametrize("power", [1.0, 1.5, 2.0])
def test_deviances_of_large_outputs_stay_finite_in_float32(raw, power):
    import torch

    from sktaskneuron.training.loop.losses import half_deviance

    output = torch.full((3, 1), raw, requires_grad=True)
    rows = half_deviance(output, torch.tensor([[1e-6], [1.0], [50.0]]), power)
    rows.sum().backward()
    assert torch.isfinite(rows).all()
    assert torch.isfinite(output.grad).all()
    assert (torch.sign(output.grad) == np.sign(raw)).all()  # it leads back


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_linear_quantile_is_that_of_linear_programming(level):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(300, 4))
    y = z[:, :1] * (1 + rng.standard_t(3, size=(300, 1))) + z[:, 1:2]
    weight = rng.integers(1, 4, size=300).astype(float)
    coef, intercept = Quantiles((level,)).linear(z, y, weight, 0.0)
    exact = QuantileRegressor(quantile=level, alpha=0.0).fit(z, y[:, 0], sample_weight=weight)

    def loss(prediction):
        return mean_pinball_loss(y[:, 0], prediction, sample_weight=weight, alpha=level)

    assert loss((z @ coef + intercept)[:, 0]) <= loss(exact.predict(z)) * 1.001


@each
def test_linear_model_beats_the_constant_and_counts_weights_as_copies(loss):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(150, 3))
    target = np.exp(0.5 * z[:, :1] + 0.2 * rng.normal(size=(150, 1)))
    copies = rng.integers(1, 3, size=150)
    weighted = loss.linear(z, target, copies.astype(float), 1e-2)
    rows = np.repeat(np.arange(150), copies)
    repeated = loss.linear(z[rows], target[rows], np.ones(len(rows)), 1e-2)
    if not isinstance(loss, SquaredError):  # ridge chooses its penalty by leaving rows out
        np.testing.assert_allclose(weighted[0], repeated[0], atol=1e-3)
    coef, intercept = weighted
    constant = np.broadcast_to(loss.constant(target, copies), target.shape)
    fitted = np.average(loss.rows(z @ coef + intercept, target), weights=copies)
    assert fitted < 0.8 * np.average(loss.rows(constant, target), weights=copies)


@pytest.mark.parametrize("loss", [Quantiles((0.2,)), Huber((1.0,))])
def test_linear_model_of_rows_on_a_plane_is_that_plane(loss):
    z = np.random.default_rng(0).normal(size=(50, 2))
    coef, intercept = loss.linear(z, z @ [[1.0], [2.0]] + 3.0, np.ones(50), 0.0)
    np.testing.assert_allclose([*coef.ravel(), *intercept], [1.0, 2.0, 3.0], atol=1e-3)
    assert Huber.of(z, z @ [[1.0], [2.0]], np.ones(50)).deltas[0] > 0


@pytest.mark.parametrize("loss", [Quantiles((0.8,)), Huber((1.0,))])
def test_scale_is_not_moved_by_gross_errors(loss):
    values = np.random.default_rng(0).normal(5.0, 2.0, size=(2_000, 1))
    values[:100] = 1e6
    shift, unit = loss.location_and_scale(values, np.ones(2_000))
    assert shift == pytest.approx(5.0, abs=0.3)
    assert unit == pytest.approx(2.0, rel=0.2)


@pytest.mark.parametrize("values", [np.full((9, 1), 3.0), np.array([[0.0]] * 30 + [[5.0]])])
@each
def test_target_of_few_values_has_a_scale(loss, values):
    target = ValueTarget.of(values, np.ones(len(values)), loss, single=True)
    raw = np.broadcast_to(loss.constant(target.encoded(values), np.ones(len(values))), (2, 1))
    assert target.unit > 0
    assert np.isfinite(target.decoded(raw)).all()


def test_delta_follows_the_spread_of_the_errors_not_that_of_the_target():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1_000, 2))
    signal = 10 * X[:, :1]
    wrong = np.where(rng.random((1_000, 1)) < 0.05, 500.0, 0.0)
    deltas = []
    for noise in (0.5, 2.0):
        y = signal + noise * rng.normal(size=(1_000, 1)) + wrong
        loss = Huber.of(X, y, np.ones(1_000))
        _, unit = loss.location_and_scale(y, np.ones(1_000))
        deltas.append(loss.deltas[0] * unit.item())
    np.testing.assert_allclose(deltas, [1.345 * 0.5, 1.345 * 2.0], rtol=0.2)


def test_sorting_never_raises_the_loss():
    rng = np.random.default_rng(0)
    loss = Quantiles((0.9, 0.1, 0.5), listed=True)
    target = np.repeat(rng.normal(size=(500, 1)), 3, axis=1)
    raw = rng.normal(size=(500, 3))
    ordered = loss.ordered(raw)
    assert (ordered[:, 1] <= ordered[:, 2]).all()
    assert (ordered[:, 2] <= ordered[:, 0]).all()
    assert (loss.rows(ordered, target) <= loss.rows(raw, target) + 1e-12).all()
