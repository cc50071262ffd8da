"""The gradient through a training run: against plain unrolling and against differences."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from sktaskneuron.nn import Grid
from sktaskneuron.nn.typed.tables import cubic_coefficients
from sktaskneuron.training.meta.inner_field import TabulatedField, cubic_tables
from sktaskneuron.training.meta.inner_run import (
    Batch,
    InnerOptimizer,
    TabulatedNetwork,
    adjoint_run,
    run_inner,
)

OPTIMIZER = InnerOptimizer(learning_rate=0.02)
GRID = Grid(-3.0, 3.0, 21)


def draw(sizes, n_sets, *, classification, n_types=3, n_networks=2, n_batches=6, field=False):
    """A network, starting parameters, tables, batches and the rows of the outer loss."""
    generator = torch.Generator().manual_seed(len(sizes) + 10 * classification)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    n_in, n_out = (4, 4) if field else (5, 3)
    dims = [n_in, *sizes, 1 if field else n_out]
    start = []
    for a, b in pairwise(dims):
        start += [0.5 * normal(n_networks, a, b), 0.5 * normal(n_networks, 1, b)]

    def batch():
        weight = torch.rand((n_networks, 16), generator=generator, dtype=torch.float64) + 0.1
        weight = weight / weight.sum(dim=1, keepdim=True)
        y = normal(n_networks, 16, n_out)
        if classification:
            y = torch.randint(0, n_out, (n_networks, 16), generator=generator)
        noise = tuple(0.1 * normal(n_networks, 1, n) for n in sizes)
        return Batch(normal(n_networks, 16, n_in), y, weight, noise)

    if field:
        network = TabulatedField(sizes, n_types, n_sets, GRID)
    else:
        network = TabulatedNetwork(sizes, n_types, n_sets, GRID, classification)
    tables = normal(n_sets, n_types, GRID.n)
    if field:
        # smooth ones: where a curvature jumps, differences across the jump are no derivative
        tables = torch.sin(torch.from_numpy(GRID.knots()) + normal(n_sets, n_types, 1))
    return network, start, tables, [batch() for _ in range(n_batches)], batch()


def loss_of(network, parameters, tables, batch):
    """The loss, written for automatic differentiation."""
    if isinstance(network, TabulatedField):
        return network.loss(parameters, tables, batch)
    value = batch.X
    for k in range(len(network.sizes)):
        z = value @ parameters[2 * k] + parameters[2 * k + 1]
        u = (z - GRID.low) / GRID.step
        left = u.detach().floor().clamp(0, GRID.n - 2)
        row, flat = left.long() + network.offsets[k], tables.reshape(-1)
        value = flat[row] * (1 - (u - left)) + flat[row + 1] * (u - left) + batch.noise[k]
    output = value @ parameters[-2] + parameters[-1]
    if network.classification:
        rows = torch.nn.functional.cross_entropy(
            output.flatten(0, 1), batch.y.flatten(), reduction="none"
        ).view(batch.y.shape)
    else:
        rows = (output - batch.y).square().mean(dim=-1)
    return (rows * batch.weight).sum(dim=-1)


def outer_loss(network, start, tables, batches, outer, share):
    """The whole run in one graph."""
    theta = [p.clone().requires_grad_() for p in start]
    moment = [torch.ones_like(p) for p in theta]
    total = 0.0
    for batch in batches:
        loss = loss_of(network, theta, tables, batch).sum()
        total = total + share * loss
        gradients = torch.autograd.grad(
            loss, theta, create_graph=True, allow_unused=True, materialize_grads=True
        )
        d = OPTIMIZER.decay
        moment = [d * v + (1 - d) * g * g for v, g in zip(moment, gradients, strict=True)]
        theta = [
            p - OPTIMIZER.learning_rate * g / (v.sqrt() + OPTIMIZER.epsilon)
            for p, g, v in zip(theta, gradients, moment, strict=True)
        ]
    return total + loss_of(network, theta, tables, outer).sum()


def by_adjoint(network, start, tables, batches, outer, share):
    states, along = run_inner(network, start, tables, batches, OPTIMIZER)
    loss, by_end, direct = network.gradient(states[-1].theta, tables, outer, by_tables=True)
    through = adjoint_run(network, states, tables, batches, OPTIMIZER, by_end, share)
    return loss.sum() + share * along.sum(), direct + through


CASES = [
    pytest.param((10,), 1, True, False, id="classes"),
    pytest.param((10,), 1, False, False, id="values"),
    pytest.param((8, 7), 2, True, False, id="classes, two layers with sets of their own"),
    pytest.param((8, 7), 1, False, False, id="values, two layers with one set"),
    pytest.param((9,), 1, False, True, id="field"),
    pytest.param((6, 5), 2, False, True, id="field, two layers"),
]


@pytest.mark.parametrize(("sizes", "n_sets", "classification", "field"), CASES)
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_adjoint_equals_unrolling(sizes, n_sets, classification, field, share):
    drawn = draw(sizes, n_sets, classification=classification, field=field)
    value, gradient = by_adjoint(*drawn, share)
    network, start, tables, batches, outer = drawn
    tables = tables.clone().requires_grad_()
    expected = outer_loss(network, start, tables, batches, outer, share)
    (by_tables,) = torch.autograd.grad(expected, tables)
    assert abs(float(value - expected.detach())) < 1e-10
    assert float((gradient - by_tables).abs().max()) < 1e-10 * float(by_tables.abs().max())


@pytest.mark.parametrize(("sizes", "n_sets", "classification", "field"), CASES)
def test_adjoint_agrees_with_differences(sizes, n_sets, classification, field):
    network, start, tables, batches, outer = draw(
        sizes, n_sets, classification=classification, field=field
    )
    _, gradient = by_adjoint(network, start, tables, batches, outer, 0.2)
    step = 1e-6
    for place in [(0, 0, 10), (n_sets - 1, 2, 9), (0, 1, 12)]:
        moved = []
        for sign in (1, -1):
            other = tables.clone()
            other[place] += sign * step
            moved.append(float(by_adjoint(network, start, other, batches, outer, 0.2)[0]))
        difference = (moved[0] - moved[1]) / (2 * step)
        assert difference == pytest.approx(float(gradient[place]), rel=1e-6, abs=1e-8)


def test_networks_of_a_batch_do_not_mix():
    network, start, tables, batches, outer = draw((10,), 1, classification=True)
    _, both = by_adjoint(network, start, tables, batches, outer, 0.1)
    total = torch.zeros_like(both)
    for member in range(2):
        part = slice(member, member + 1)

        def only(batch, part=part):
            noise = tuple(n[part] for n in batch.noise)
            return Batch(batch.X[part], batch.y[part], batch.weight[part], noise)

        _, alone = by_adjoint(
            network, [p[part] for p in start], tables, list(map(only, batches)), only(outer), 0.1
        )
        total += alone
    torch.testing.assert_close(both, total)


def test_outside():
    network, start, tables, batches, _ = draw((10,), 1, classification=True)
    assert 0 <= network.outside(start, tables, batches[0]) < 0.5
    assert network.outside([100 * p for p in start], tables, batches[0]) > 0.8


def test_cubic_tables_are_those_of_numpy():
    tables = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 21)))
    expected = cubic_coefficients(tables.numpy(), None, GRID.step)
    torch.testing.assert_close(cubic_tables(tables), torch.from_numpy(expected))
