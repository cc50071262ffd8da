"""A packed network is its members one by one."""

import numpy as np
import pytest
import torch

from sktaskneuron.nn import TaskNetwork

N_MEMBERS, N_ROWS, N_COLUMNS = 4, 11, 5

NETWORKS = {
    "linear": ("x", {}),
    "pure terms": ("x + x**2 + sin(x)", {}),
    "products": ("x + <x,x>:3", {}),
    "products of two orders": ("x + x**3 + <x,x>:3 + <x,x,x>:2", {}),
    "hidden products": ("x + <x,x>:3", {"hidden_formula": "x + <x,x>:4 + <x,x,x>:2"}),
    "hidden pure terms": ("x", {"hidden_formula": "x + x**2"}),
    "skip of the formula": ("x + x**2 + <x,x>:3", {"skip": "formula"}),
    "no skip, no scale": ("x + <x,x>:3", {"skip": "none", "input_scale": False}),
    "no hidden layer": ("x + x**2 + <x,x>:3", {"hidden_layer_sizes": ()}),
    "learned terms": ("x + <x,x>:3", {"terms": "periodic", "n_frequencies": 4}),
    "bins": ("x + <x,x>:3", {"terms": "piecewise", "n_bins": 4}),
    "levels": ("x + <x,x>:3", {"terms": "periodic", "n_levels": (3, 4)}),
}


def packed_network(case, seed=0, **options):
    formula, more = NETWORKS[case]
    options = {"hidden_layer_sizes": (6, 6), "n_members": N_MEMBERS, **more, **options}
    network = TaskNetwork(N_COLUMNS, 2, formula, dtype=torch.float64, generator=seed, **options)
    if more.get("terms") == "piecewise":
        edges = np.sort(np.random.default_rng(0).normal(size=(N_COLUMNS, 5)))
        network.load_edges(edges)
    # no part at the zero where products and skip path start
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return network


def single_networks(packed):
    """One network per member, with its slice of the state."""
    spec = packed.spec() | {"n_members": None}
    singles = []
    for member in range(packed.n_members):
        single = TaskNetwork.from_spec(spec, dtype=torch.float64)
        state = {}
        for name, target in single.state_dict().items():
            value = packed.state_dict()[name]
            state[name] = value if value.shape == target.shape else value[member]
        single.load_state_dict(state)
        singles.append(single)
    return singles


def inputs(case, seed=1):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N_MEMBERS, N_ROWS, N_COLUMNS))
    if case == "levels":
        X[..., -2:] = rng.integers(-1, 5, size=(N_MEMBERS, N_ROWS, 2))
    return torch.from_numpy(X)


@pytest.mark.parametrize("case", NETWORKS)
def test_output_is_that_of_the_members(case):
    packed, X = packed_network(case), inputs(case)
    output = packed(X)
    assert output.shape == (N_MEMBERS, N_ROWS, 2)
    for single, x, expected in zip(single_networks(packed), X, output, strict=True):
        torch.testing.assert_close(single(x), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("case", NETWORKS)
def test_gradient_of_a_member_is_its_own(case):
    packed, X = packed_network(case), inputs(case).requires_grad_()
    packed(X)[2].square().sum().backward()
    others = [0, 1, 3]
    assert not X.grad[others].any()
    assert X.grad[2].any()
    single = single_networks(packed)[2]
    single(X.detach()[2]).square().sum().backward()
    for name, parameter in packed.named_parameters():
        assert not parameter.grad[others].any(), name
        expected = single.get_parameter(name).grad
        torch.testing.assert_close(parameter.grad[2], expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("case", ["products of two orders", "learned terms", "levels"])
def test_members_start_apart(case):
    formula, options = NETWORKS[case]
    network = TaskNetwork(N_COLUMNS, 2, formula, n_members=N_MEMBERS, **options)
    X = inputs(case)[:1].expand(N_MEMBERS, -1, -1).float()
    output = network.eval()(X)
    for first in range(N_MEMBERS):
        for second in range(first):
            assert not torch.allclose(output[first], output[second])


def test_products_of_every_member_start_with_unit_variance():
    network = TaskNetwork(6, 1, "x + <x,x,x>:20", n_members=3, dtype=torch.float64)
    X = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 20_000, 6)))
    with torch.no_grad():
        psi = network.first.product_signals(X)
    np.testing.assert_allclose(psi.mean(dim=(1, 2)), 0.0, atol=0.02)
    np.testing.assert_allclose(psi.var(dim=1).mean(dim=1), 1.0, atol=0.08)


def test_one_member_is_a_single_network_with_an_axis():
    X = inputs("products")[0].float()
    single = TaskNetwork(N_COLUMNS, 1, "x + x**2 + <x,x>:3", generator=0)
    packed = TaskNetwork(N_COLUMNS, 1, "x + x**2 + <x,x>:3", generator=0, n_members=1)
    torch.testing.assert_close(packed(X[None])[0], single(X))


def test_atoms_are_loaded_into_every_member():
    factors = np.random.default_rng(0).normal(size=(2, N_COLUMNS, 2))
    network = TaskNetwork(N_COLUMNS, 1, "x + <x,x>:3", n_members=N_MEMBERS, generator=0)
    before = network.first.factors_of(2).detach().clone()
    network.load_atoms({2: factors})
    loaded = network.first.factors_of(2).detach()
    unit = factors / np.linalg.norm(factors, axis=1, keepdims=True)
    for member in range(N_MEMBERS):
        np.testing.assert_allclose(loaded[member, ..., :2], unit, rtol=1e-5)
        assert torch.equal(loaded[member, ..., 2], before[member, ..., 2])


def test_atoms_of_the_first_columns():
    factors = np.random.default_rng(0).normal(size=(2, N_COLUMNS - 1, 1))
    network = TaskNetwork(N_COLUMNS, 1, "x + <x,x>:1", terms="periodic", generator=0)
    network.load_atoms({2: factors})
    loaded = network.first.factors_of(2).detach().numpy()[..., 0]
    assert (loaded[:, N_COLUMNS - 1 :] == 0).all()
    assert np.allclose(np.linalg.norm(loaded, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("n_members", [0, -1])
def test_no_members_are_refused(n_members):
    with pytest.raises(ValueError, match="n_members must be None or positive"):
        TaskNetwork(2, 1, "x", n_members=n_members)
