"""The optimisers take torch's steps, to the last bit."""

import copy

import pytest
import torch
from torch import nn

from sktaskneuron.nn import TaskNetwork
from sktaskneuron.training.optimizers import AdamW


def trained(make, change, **options):
    """Numbers of a small network after some steps."""
    network = TaskNetwork(3, 1, "x + <x,x>:2", hidden_layer_sizes=(5,))
    groups = network.parameter_groups(0.1, 0.2)
    optimizer = make(groups, betas=(0.9, 0.95), fused=True, **options)
    X = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    for step in range(6):
        optimizer.zero_grad()
        network(X).square().mean().backward()
        optimizer = change(step, network, optimizer)
        optimizer.step()
    return [parameter.detach() for parameter in network.parameters()]


def rates_fall(step, network, optimizer):
    for group in optimizer.param_groups:
        group["lr"] *= 0.9
    return optimizer


def part_is_frozen(step, network, optimizer):
    if step in (3, 4):
        network.output.weight.grad = None
    return optimizer


def is_stored_and_read(step, network, optimizer):
    if step == 3:
        optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    return optimizer


@pytest.mark.parametrize("change", [rates_fall, part_is_frozen, is_stored_and_read])
@pytest.mark.parametrize("options", [{}, {"amsgrad": True}, {"maximize": True}])
def test_the_same_steps(change, options):
    ours, theirs = (trained(make, change, **options) for make in (AdamW, torch.optim.AdamW))
    for a, b in zip(ours, theirs, strict=True):
        assert torch.equal(a, b)


def test_a_closure_is_called_once_a_step():
    weight, calls = nn.Parameter(torch.ones(2)), []
    optimizer = AdamW([weight], fused=True)

    def closure():
        calls.append(1)
        optimizer.zero_grad()
        loss = weight.square().sum()
        loss.backward()
        return loss

    assert optimizer.step(closure) == 2.0
    assert optimizer.step(closure) < 2.0
    assert len(calls) == 2
