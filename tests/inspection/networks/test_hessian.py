"""Trace and spectrum of the Hessian, against the Hessian itself."""

from copy import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import make_moons
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier

from sktaskneuron import (
    HamiltonianMLPRegressor,
    LearnedDiversityMLPClassifier,
    LearnedDiversityMLPRegressor,
)
from sktaskneuron.inspection import (
    HessianSpectrum,
    hessian_spectrum,
    hessian_trace,
)
from sktaskneuron.inspection.networks import curvature, hessian, networks
from sktaskneuron.inspection.networks.curvature import Curvature, lanczos, quadrature
from sktaskneuron.nn import ActivationSet, DiverseNetwork
from sktaskneuron.training import module_to_arrays

SETTINGS = {
    "activations": ["sin", "tanh"],
    "n_members": 2,
    "validation": None,
    "max_epochs": 5,
    "batch_size": 32,
    "random_state": 0,
}
KINDS = ["classes", "values", "hamiltonian"]


@pytest.fixture(scope="module")
def cases():
    """A fitted estimator of each kind with two small networks, X and y."""
    rng = np.random.default_rng(0)
    X, y = make_moons(60, noise=0.2, random_state=0)
    states = rng.normal(size=(50, 2))
    rates = np.stack([states[:, 1], -np.sin(states[:, 0])], axis=1)
    two = np.stack([np.sin(X[:, 0]), 100 * X[:, 1] ** 2], axis=1)
    return {
        "classes": (LearnedDiversityMLPClassifier((4,), **SETTINGS).fit(X, y), X, y),
        "values": (LearnedDiversityMLPRegressor((4, 3), **SETTINGS).fit(X, two), X, two),
        "hamiltonian": (
            HamiltonianMLPRegressor((5,), **SETTINGS).fit(states, rates),
            states,
            rates,
        ),
    }


def exact_hessians(estimator, X, y, weight=None):
    """Hessians of the loss as written by hand: (n_members, n_parameters, n_parameters)."""
    network = estimator._fitted.packed.typed_network()
    hamiltonian = network.hamiltonian
    x = torch.from_numpy(estimator._fitted.network_inputs(X, estimator))
    target = torch.from_numpy(np.asarray(estimator._fitted.network_targets("model", y)))
    share = torch.ones(len(x), dtype=torch.float64)
    share = share if weight is None else torch.as_tensor(weight, dtype=torch.float64)
    share = share / share.sum()
    shapes = [p.shape[1:] for p in [*network.weights, *network.biases]]

    def loss(flat):
        parts = [
            part.reshape(shape)
            for part, shape in zip(flat.split([s.numel() for s in shapes]), shapes, strict=True)
        ]
        n_layers = len(shapes) // 2

        def output(z):
            for layer, (w, b) in enumerate(zip(parts[:n_layers], parts[n_layers:], strict=True)):
                z = z @ w + b
                if layer < n_layers - 1:
                    half = (z.shape[1] + 1) // 2
                    z = torch.cat([torch.sin(z[:, :half]), torch.tanh(z[:, half:])], dim=1)
            return z

        if hamiltonian:
            states = x.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(output(states).sum(), states, create_graph=True)
            half = gradient.shape[1] // 2
            out = torch.cat([gradient[:, half:], -gradient[:, :half]], dim=1)
        else:
            out = output(x)
        if target.ndim == 1:
            rows = -torch.log_softmax(out, dim=1).gather(1, target[:, None])[:, 0]
        else:
            rows = ((out - target) ** 2).mean(dim=1)
        return share @ rows

    found = []
    for member in range(network.n_members):
        flat = torch.cat([p[member].reshape(-1) for p in [*network.weights, *network.biases]])
        found.append(torch.autograd.functional.hessian(loss, flat.detach().double()).numpy())
    hessians = np.array(found)
    # no field depends on the constant of the energy
    return hessians[:, :-1, :-1] if hamiltonian else hessians


def product_with_all(estimator, X, y, weight=None):
    """The Hessians out of products with the unit vectors."""
    curvature = Curvature(estimator, X, y, weight)
    unit = torch.eye(curvature.n_parameters, dtype=torch.float64)
    columns = curvature.product(unit[:, None].expand(-1, curvature.n_members, -1))
    return columns.numpy().transpose(1, 2, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_products(cases, kind):
    found, expected = product_with_all(*cases[kind]), exact_hessians(*cases[kind])
    assert np.abs(expected).max() > 1e-2
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_trace(cases, kind):
    exact = np.trace(exact_hessians(*cases[kind]), axis1=1, axis2=2)
    mean, error = hessian_trace(*cases[kind], n_probes=400, random_state=1)
    assert mean.shape == error.shape == (2,)
    assert (np.abs(mean - exact) < 4 * error).all()
    assert (error < 0.2 * np.abs(exact)).all()
    _, larger = hessian_trace(*cases[kind], n_probes=25, random_state=1)
    assert larger.mean() / error.mean() == pytest.approx(4, rel=0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_spectrum_of_all_steps(cases, kind):
    """As many steps as parameters give all eigenvalues."""
    eigenvalues = np.linalg.eigvalsh(exact_hessians(*cases[kind]))
    size = eigenvalues.shape[1]
    spectrum = hessian_spectrum(*cases[kind], n_probes=200, n_steps=10_000, random_state=0)
    assert spectrum.nodes.shape == (2, 200, size)
    assert spectrum.n_parameters == size
    np.testing.assert_allclose(spectrum.weights.sum(axis=-1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(spectrum.extremes(), eigenvalues[:, [0, -1]], rtol=1e-6, atol=1e-8)
    for order in (1, 2, 3):
        exact = (eigenvalues**order).mean(axis=1)
        each = (spectrum.weights * spectrum.nodes**order).sum(axis=-1)
        error = each.std(axis=1) / np.sqrt(200)
        assert (np.abs(spectrum.moment(order) - exact) < 4 * error + 1e-12).all()
    eps = 0.01
    fraction, error = spectrum.near_zero_fraction(eps)
    exact = (np.abs(eigenvalues) < eps).mean(axis=1)
    assert (np.abs(fraction - exact) < 4 * error + 1e-12).all()


def test_few_steps(cases):
    """The ends of the spectrum come first, and the first moments are those of the probes."""
    eigenvalues = np.linalg.eigvalsh(exact_hessians(*cases["values"]))
    spectrum = hessian_spectrum(*cases["values"], n_probes=6, n_steps=12, random_state=3)
    np.testing.assert_allclose(spectrum.extremes()[:, 1], eigenvalues[:, -1], rtol=1e-3)
    mean, _ = hessian_trace(*cases["values"], n_probes=6, random_state=3)
    np.testing.assert_allclose(spectrum.moment(1) * spectrum.n_parameters, mean, rtol=1e-10)


def test_more_steps_resolve_more(cases):
    few, many = (
        hessian_spectrum(*cases["values"], n_probes=4, n_steps=n, random_state=0).resolution()
        for n in (6, 20)
    )
    assert (many < few).all()
    one = hessian_spectrum(*cases["values"], n_probes=1, n_steps=1, random_state=0)
    assert np.isnan(one.resolution()).all()


def test_density():
    nodes = np.array([[[-1.0, 0.0, 2.0]], [[0.0, 0.0, 4.0]]])
    weights = np.array([[[0.25, 0.5, 0.25]], [[0.5, 0.25, 0.25]]])
    spectrum = HessianSpectrum(nodes, weights, 3)
    grid = np.linspace(-3, 6, 4_001)
    density = spectrum.density(grid, 0.1)
    np.testing.assert_allclose(np.trapezoid(density, grid, axis=1), 1.0, rtol=1e-6)
    peak = 1 / (0.1 * np.sqrt(2 * np.pi))
    assert density[0, np.searchsorted(grid, 2.0)] == pytest.approx(0.25 * peak, rel=1e-3)
    fraction, error = spectrum.near_zero_fraction(0.5)
    assert fraction.tolist() == [0.5, 0.75]
    assert np.isnan(error).all()
    assert spectrum.moment(1).tolist() == [0.25, 1.0]
    with pytest.raises(ValueError, match="sigma must be positive"):
        spectrum.density(grid, 0.0)
    with pytest.raises(ValueError, match="eps must be positive"):
        spectrum.near_zero_fraction(-1.0)


@pytest.mark.parametrize("lowest", [0.0, 0.5])
def test_exhausted_krylov_space(lowest):
    """A Hessian of three different eigenvalues has three nodes, however many steps are taken."""

    class Diagonal:
        values = torch.tensor([lowest] * 15 + [2.0] * 4 + [1.0], dtype=torch.float64)

        def product(self, v):
            return v * self.values

    start = torch.ones((2, 1, 20), dtype=torch.float64)
    nodes, weights = quadrature(*lanczos(Diagonal(), start, 10))
    np.testing.assert_allclose(weights.sum(axis=-1), 1.0)
    ends = HessianSpectrum(nodes.swapaxes(0, 1), weights.swapaxes(0, 1), 20).extremes()
    np.testing.assert_allclose(ends, [[lowest, 2.0]], atol=1e-10)
    for value, share in ((lowest, 0.75), (2.0, 0.2), (1.0, 0.05)):
        np.testing.assert_allclose(
            np.where(np.abs(nodes - value) < 1e-8, weights, 0).sum(axis=-1), share, atol=1e-10
        )


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_copies(cases, kind):
    estimator, X, y = cases[kind]
    weight = np.arange(len(X)) % 3
    copied = hessian_trace(
        estimator, np.repeat(X, weight, axis=0), np.repeat(y, weight, axis=0), random_state=0
    )
    weighted = hessian_trace(estimator, X, y, sample_weight=weight, random_state=0)
    np.testing.assert_allclose(weighted, copied, rtol=1e-10)
    plain = hessian_trace(estimator, X, y, random_state=0)
    assert (np.abs(weighted[0] - plain[0]) > 1e-6).all()
    doubled = hessian_spectrum(
        estimator, X, y, sample_weight=2 * weight, n_probes=2, n_steps=4, random_state=0
    )
    single = hessian_spectrum(
        estimator, X, y, sample_weight=weight, n_probes=2, n_steps=4, random_state=0
    )
    np.testing.assert_allclose(doubled.nodes, single.nodes, rtol=1e-10)


def test_blocks(cases, monkeypatch):
    """Blocks of rows and batches of probes change nothing."""
    trace = hessian_trace(*cases["values"], random_state=0)
    spectrum = hessian_spectrum(*cases["values"], n_probes=3, n_steps=5, random_state=0)
    monkeypatch.setattr(networks, "_MOST_NUMBERS", 500)
    monkeypatch.setattr(hessian, "_MOST_NUMBERS", 500)
    monkeypatch.setattr(hessian, "_MOST_PROBES", 2)
    np.testing.assert_allclose(hessian_trace(*cases["values"], random_state=0), trace, rtol=1e-10)
    again = hessian_spectrum(*cases["values"], n_probes=3, n_steps=5, random_state=0)
    np.testing.assert_allclose(again.nodes, spectrum.nodes, rtol=1e-8)


def with_tables(estimator, interpolation):
    """The same networks, their functions read from tables."""
    tables = ActivationSet.from_names(["sin", "tanh"])
    network = estimator._fitted.packed.typed_network()
    spec = network.spec()
    layers = [tables.functions(interpolation) for _ in spec["hidden_layer_sizes"]]
    tabulated = DiverseNetwork(**{**spec, "groups": [(network.n_members, layers)]})
    with torch.no_grad():
        for new, old in zip(tabulated.parameters(), network.parameters(), strict=True):
            new.copy_(old)
    changed = copy(estimator)
    changed.activations_ = tables
    predictor = estimator._fitted.predictor
    model = replace(predictor.model, spec=tabulated.spec(), state=module_to_arrays(tabulated))
    changed._fitted = replace(estimator._fitted, predictor=replace(predictor, model=model))
    return changed


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
@pytest.mark.parametrize("kind", KINDS[:2])
def test_tables_have_the_curvature_of_their_functions(cases, kind, interpolation, monkeypatch):
    estimator, X, y = cases[kind]
    exact = exact_hessians(estimator, X, y)
    tabulated = with_tables(estimator, interpolation)
    size = np.abs(exact).max()
    np.testing.assert_allclose(product_with_all(tabulated, X, y), exact, atol=0.02 * size)
    # read as they are, linear tables lack a part
    monkeypatch.setattr(curvature, "smooth_network_of", networks.network_of)
    difference = np.abs(product_with_all(tabulated, X, y) - exact).max() / size
    assert (difference > 0.05) == (interpolation == "linear")


def test_random_state(cases):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again = (hessian_trace(*cases["classes"], random_state=5) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = hessian_trace(*cases["classes"], random_state=6)
    hessian_trace(*cases["classes"])
    assert (first[0] != other[0]).all()
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_refusals(cases):
    estimator, X, y = cases["classes"]
    with pytest.raises(NotFittedError):
        hessian_trace(LearnedDiversityMLPClassifier(), X, y)
    network = MLPClassifier((3,), solver="lbfgs", random_state=0, max_iter=2000).fit(X, y)
    with pytest.raises(TypeError, match="MLPClassifier holds no networks of neurons of several"):
        hessian_trace(network, X, y)
    with pytest.raises(ValueError, match=r"has not seen: \[2\]"):
        hessian_trace(estimator, X, y + 1)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        hessian_trace(estimator, X, y[:-1])
    with pytest.raises(ValueError, match="n_probes must be 1 or more"):
        hessian_trace(estimator, X, y, n_probes=0)
    with pytest.raises(ValueError, match="n_steps must be 1 or more"):
        hessian_spectrum(estimator, X, y, n_steps=0)
    with pytest.raises(ValueError, match="at least one non-zero"):
        hessian_trace(estimator, X, y, sample_weight=np.zeros(len(X)))
    mean, error = hessian_trace(estimator, X, y, n_probes=1)
    assert np.isfinite(mean).all()
    assert np.isnan(error).all()
