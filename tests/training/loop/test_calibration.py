"""The inverse temperature is the minimum of the log loss over one factor."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from sktaskneuron.training.loop.calibration import inverse_temperature


def draw(n_rows=200, n_classes=3, true=1.0, seed=0):
    """Logits and targets drawn from them times ``true``."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=(n_rows, n_classes))
    noise = rng.gumbel(size=logits.shape)
    return logits, (true * logits + noise).argmax(axis=1)


def by_scipy(logits, target, weight=None):
    weight = np.ones(len(target)) if weight is None else weight
    chosen = logits[np.arange(len(target)), target]

    def loss(log_s):
        s = np.exp(log_s)
        return weight @ (logsumexp(s * logits, axis=1) - s * chosen)

    bounds = (np.log(0.02), np.log(50))
    return np.exp(minimize_scalar(loss, bounds=bounds, options={"xatol": 1e-9}).x)


def found(logits, target, weight=None, start=1.0):
    tensors = torch.from_numpy(logits), torch.from_numpy(target)
    return inverse_temperature(
        *tensors, None if weight is None else torch.from_numpy(weight), start
    )


@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("true", [0.1, 0.5, 1.0, 3.0, 10.0])
def test_is_the_minimum(true, n_classes):
    logits, target = draw(n_classes=n_classes, true=true)
    # eight steps: closer than the loss can tell
    assert found(logits, target) == pytest.approx(by_scipy(logits, target), rel=1e-2)


@pytest.mark.parametrize("seed", range(5))
def test_weights_are_counts(seed):
    logits, target = draw(seed=seed)
    weight = np.random.default_rng(seed).integers(0, 4, size=len(target)).astype(float)
    expected = by_scipy(logits, target, weight)
    assert found(logits, target, weight) == pytest.approx(expected, rel=1e-3)
    copies = np.repeat(np.arange(len(target)), weight.astype(int))
    assert found(logits[copies], target[copies]) == pytest.approx(expected, rel=1e-3)
    assert found(logits, target) != pytest.approx(expected, rel=1e-3)
    assert found(logits, target, weight * 1e-9) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("start", [0.02, 0.3, 4.0, 50.0])
def test_start_does_not_matter(start):
    logits, target = draw(true=0.7)
    assert found(logits, target, start=start) == pytest.approx(by_scipy(logits, target), rel=1e-2)


def test_all_right_is_sure_and_all_wrong_is_not():
    logits = np.eye(3)[np.arange(30) % 3]
    assert found(logits, np.arange(30) % 3) > 10
    assert found(logits, (np.arange(30) + 1) % 3) == 0.02


@pytest.mark.parametrize("size", [1e-3, 1e3, 1e6, 1e30])
def test_extreme_logits_give_a_number_within_the_bounds(size):
    logits, target = draw()
    value = found(size * logits, target)
    assert 0.02 <= value <= 50
    if size == 1e-3:
        assert value == 50
    else:
        assert value == 0.02


def test_equal_logits():
    assert 0.02 <= found(np.zeros((5, 2)), np.array([0, 1, 0, 1, 0])) <= 50


def test_float32_is_enough():
    logits, target = draw(true=2.0)
    single = inverse_temperature(torch.from_numpy(logits).float(), torch.from_numpy(target))
    assert single == pytest.approx(found(logits, target), rel=1e-4)
