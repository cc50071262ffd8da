"""The optimisers take torch's steps, to the last bit."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

from sktaskneuron.nn import TaskNetwork
from sktaskneuron.training.optimizers import Adam, AdamW


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


@pytest.mark.parametrize("change", [rates_fall, part_is_frozen])
def test_the_same_steps_of_adam(change):
    ours, theirs = (trained(make, change) for make in (Adam, torch.optim.Adam))
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


FITS = """
import sys

import numpy as np

import sktaskneuron as sk

X = np.random.default_rng(0).normal(size=(40, 3))
short = {"max_epochs": 2, "validation": 2, "random_state": 0}
sk.NeuronSeekRegressor("x", **short).fit(X, X[:, 0])
sk.NeuronFormulaSearch(engine="gates", max_steps=20).fit(X, X[:, 0])
sk.ActivationSearchRegressor((4,), **short).fit(X, X[:, 0])
sk.LearnedDiversityMLPRegressor((4,), outer_steps=1, inner_steps=2, **short).fit(X, X[:, 0])
sk.HamiltonianMLPRegressor(**short).fit(X[:, :2], X[:, :2])
print([name for name in sys.modules if name.startswith("torch._dynamo")])
"""


def test_no_fit_imports_the_compiler():
    command = [sys.executable, "-W", "ignore", "-c", FITS]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n", told.stderr
