"""Dropout from a private generator."""

import copy

import pytest
import torch

from sktaskneuron.nn import GeneratorDropout


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_drops_at_the_rate_and_keeps_the_mean(rate, dtype):
    output = GeneratorDropout(rate, seed=0)(torch.ones(400, 999, dtype=dtype))
    assert output.dtype == dtype
    assert (output == 0).double().mean().item() == pytest.approx(rate, abs=0.004)
    kept = output[output != 0]
    assert kept.unique().item() == pytest.approx(1 / (1 - rate), rel=1e-4)
    # neighbours in the 64-bit draws are independent
    zero = (output == 0).double() - rate
    for step in range(1, 5):
        correlation = (zero[:, step:] * zero[:, :-step]).mean() / (rate * (1 - rate))
        assert abs(correlation) < 0.01


def test_masks_are_fresh_reproducible_and_private():
    x = torch.ones(7, 5)
    before = torch.random.get_rng_state()
    dropout = GeneratorDropout(0.5, seed=3)
    first, second = dropout(x), dropout(x)
    assert not torch.equal(first, second)
    dropout.reseed(3)
    assert torch.equal(dropout(x), first)
    assert torch.equal(copy.deepcopy(dropout)(x), second)
    assert not torch.equal(GeneratorDropout(0.5, seed=4)(x), first)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_evaluation_and_rate_zero_are_the_identity():
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    dropout = GeneratorDropout(0.5)
    assert dropout.eval()(x) is x
    dropout.train().p = 0.0
    assert dropout(x) is x


def test_gradient_is_the_mask():
    x = torch.ones(10, 10, requires_grad=True)
    output = GeneratorDropout(0.3, seed=0)(x)
    output.sum().backward()
    assert torch.equal(x.grad, output.detach())


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_bad_rates_are_refused(rate):
    with pytest.raises(ValueError, match="rate"):
        GeneratorDropout(rate)
