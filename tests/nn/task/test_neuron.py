"""The task neuron: its equation, its start, its safety."""

import numpy as np
import pytest
import torch

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import NeuronFormula
from sktaskneuron.nn import TaskNeuron

FULL = "x + x**2 + x**3 + sin(x) + <x,x>:3 + <x,x,x>:2"


def bounded(x, bound):
    return x / np.sqrt(1 + (x / bound) ** 2)


def normal(n_rows, n_features, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n_rows, n_features)))


def test_forward_is_the_equation():
    layer = TaskNeuron(4, 3, FULL, bound=2.5, bias_std=1.0, dtype=torch.float64, generator=1)
    torch.nn.init.normal_(layer.loadings, generator=torch.Generator().manual_seed(2))
    X = normal(6, 4)
    x = X.numpy()
    b = bounded(x, 2.5)
    terms = np.stack([x, b**2, b**3, np.sin(b)], axis=-1)
    phi = layer.shift.numpy() + terms @ layer.mixing.numpy()
    expected = layer.bias.detach().numpy() + np.zeros((6, 3))
    W = layer.weight.detach().numpy().reshape(4, 4, 3)
    for i in range(4):
        for t in range(4):
            expected += phi[:, i, t, None] * W[i, t]
    row = 0
    for order, rank in ((2, 3), (3, 2)):
        U = layer.factors_of(order).detach().numpy()
        for r in range(rank):
            psi = np.prod([bounded(x @ U[m, :, r], 2.5) for m in range(order)], axis=0)
            psi = layer.product_shift[row].item() + layer.product_scale[row].item() * psi
            expected += psi[:, None] * layer.loadings[row].detach().numpy()
            row += 1
    np.testing.assert_allclose(layer(X).detach().numpy(), expected, rtol=1e-12, atol=1e-12)


def test_linear_formula_is_a_linear_layer():
    layer = TaskNeuron(5, 3, "x", bias_std=1.0, generator=0)
    X = normal(7, 5).float()
    expected = torch.nn.functional.linear(X, layer.weight.T, layer.bias)
    torch.testing.assert_close(layer(X), expected)


@pytest.mark.parametrize("n_features", [5, 200])
@pytest.mark.parametrize("order", [2, 3, 4, 5])
def test_products_start_with_unit_variance(order, n_features):
    formula = NeuronFormula(interactions={order: 30})
    layer = TaskNeuron(n_features, 1, formula, dtype=torch.float64, generator=0)
    with torch.no_grad():
        psi = layer.product_signals(normal(20_000, n_features))
    assert abs(psi.mean()) < 0.02
    assert psi.var(dim=0).mean().item() == pytest.approx(1.0, abs=0.06)
    assert psi.var(dim=0).min() > 0.6


def test_products_of_more_factors_than_features_start_with_unit_variance():
    layer = TaskNeuron(2, 1, "<x,x,x>:50", dtype=torch.float64, generator=0)
    with torch.no_grad():
        psi = layer.product_signals(normal(50_000, 2))
    assert psi.mean(dim=0).abs().max() < 0.05
    assert ((psi.var(dim=0) - 1).abs() < 0.15).all()


@pytest.mark.parametrize("n_features", [5, 200])
@pytest.mark.parametrize(
    "formula", ["x + x**2 + x**3 + x**4 + x**5", "sin(x) + exp(x) + tanh(x)", "abs(x) + sin(9*x)"]
)
def test_pure_signals_start_orthonormal(formula, n_features):
    layer = TaskNeuron(n_features, 1, formula, dtype=torch.float64)
    with torch.no_grad():
        phi = layer.pure_signals(normal(400_000 // n_features, n_features))
    phi = phi.view(-1, layer.n_terms)
    assert (phi.mean(dim=0).abs() < 0.01).all()
    gram = phi.T @ phi / len(phi)
    assert torch.allclose(gram, torch.eye(layer.n_terms, dtype=gram.dtype), atol=0.04)


def test_output_starts_with_unit_variance_and_without_interactions():
    X = normal(4000, 20).float()
    plain = TaskNeuron(20, 64, "x + x**2 + sin(x)", generator=3)
    full = TaskNeuron(20, 64, "x + x**2 + sin(x) + <x,x>:4 + <x,x,x>:4", generator=3)
    assert torch.equal(plain(X), full(X))
    assert plain(X).var(dim=0).mean().item() == pytest.approx(1.0, abs=0.15)


def test_interactions_wake_from_their_zero_start():
    layer = TaskNeuron(4, 2, "x + <x,x>:3", generator=0)
    layer(normal(50, 4).float()).square().mean().backward()
    assert layer.loadings.grad.abs().min() > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [1e6, 1e30])
def test_large_inputs_give_finite_values_and_gradients(dtype, size):
    formula = "x**5 + x**2 + exp(x) + <x,x,x,x,x>:3"
    layer = TaskNeuron(6, 4, formula, dtype=dtype, generator=0)
    torch.nn.init.ones_(layer.loadings)
    X = (normal(8, 6).to(dtype) * size).requires_grad_()
    output = layer(X)
    output.mean().backward()
    assert torch.isfinite(output).all()
    for tensor in (X, *layer.parameters()):
        assert torch.isfinite(tensor.grad).all()
    pure, products = layer.pure_signals(X), layer.product_signals(X)
    assert products.abs().max() < 1e4
    assert pure.view(8, 6, -1)[:, :, 1:].abs().max() < 100 * X.abs().max()


def test_gradients_are_right():
    layer = TaskNeuron(3, 2, FULL, dtype=torch.float64, generator=0)
    torch.nn.init.normal_(layer.loadings, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(layer, (normal(4, 3).requires_grad_(),))


def test_linear_part_is_always_there():
    layer = TaskNeuron(3, 2, "x**2", generator=0)
    assert layer.n_terms == 2
    x = normal(5, 3).float()
    signals = layer.pure_signals(x).view(5, 3, 2)
    torch.testing.assert_close(signals[:, :, 0], x)
    empty = TaskNeuron(3, 2, NeuronFormula(), generator=0)
    assert empty.n_terms == 1


def test_bound_has_an_effect_on_terms_and_products():
    X = normal(5, 3).float() * 3
    for formula in ("x**2", "<x,x>:2"):
        narrow, wide = (TaskNeuron(3, 2, formula, bound=b, generator=0) for b in (1.0, 9.0))
        signals = [torch.cat((n.pure_signals(X), n.product_signals(X)), 1) for n in (narrow, wide)]
        assert not torch.allclose(*signals)


def test_bias_options_have_an_effect():
    X = torch.zeros(1, 3)
    assert TaskNeuron(3, 2, "x", bias=False, generator=0).bias is None
    assert not TaskNeuron(3, 2, "x", generator=0)(X).any()
    assert TaskNeuron(3, 2, "x", bias_std=1.0, generator=0)(X).all()


def test_start_comes_from_the_generator_alone():
    before = torch.random.get_rng_state()
    layers = [TaskNeuron(4, 3, FULL, generator=seed) for seed in (0, 0, 1)]
    assert torch.equal(torch.random.get_rng_state(), before)
    first, same, other = (layer.weight for layer in layers)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    double = TaskNeuron(4, 3, FULL, generator=0, dtype=torch.float64)
    assert torch.equal(double.weight.float(), first)
    layers[0].reset_parameters(1)
    assert torch.equal(layers[0].weight, other)
    assert torch.equal(layers[0].factors, layers[2].factors)


def test_loaded_atoms_are_computed():
    rng = np.random.default_rng(0)
    U, V = rng.normal(size=(2, 4, 2)) * 3, rng.normal(size=(2, 3))
    layer = TaskNeuron(4, 3, "x + <x,x>:3", bound=1e6, dtype=torch.float64, generator=0)
    torch.nn.init.zeros_(layer.weight)
    layer.load_atoms({2: U}, {2: V})
    X = normal(50, 4)
    expected = ((X.numpy() @ U[0]) * (X.numpy() @ U[1])) @ V
    np.testing.assert_allclose(layer(X).detach().numpy(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("factors", "loadings", "message"),
    [
        ({3: np.ones((3, 4, 1))}, None, "no interaction of order 3"),
        ({2: np.ones((2, 5, 1))}, None, "need the shape"),
        ({2: np.ones((2, 4, 9))}, None, "n_atoms <= 3"),
        ({2: np.ones((2, 4, 1))}, {2: np.ones((2, 2))}, "loadings of order 2"),
    ],
)
def test_atoms_that_do_not_fit_are_refused(factors, loadings, message):
    layer = TaskNeuron(4, 2, "<x,x>:3")
    with pytest.raises(ValueError, match=message):
        layer.load_atoms(factors, loadings)


@pytest.mark.parametrize("term", ["log(x)", "1/x", "tan(x)", "sqrt(x)"])
def test_terms_undefined_on_standardised_columns_are_refused(term):
    with pytest.raises(FormulaError, match="not defined everywhere"):
        TaskNeuron(3, 2, NeuronFormula(pure=("x", term)))


@pytest.mark.parametrize("term", ["sqrt(abs(x))", "exp(x**4)"])
def test_terms_with_infinite_slopes_are_refused(term):
    with pytest.raises(FormulaError, match="infinite value or slope"):
        TaskNeuron(3, 2, NeuronFormula(pure=(term,)), dtype=torch.float32)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_layers_can_be_built_where_gradients_are_off(mode):
    with mode():
        layer = TaskNeuron(3, 2, FULL, generator=0)
        assert torch.equal(layer(torch.ones(1, 3)), TaskNeuron(3, 2, FULL)(torch.ones(1, 3)))


def test_nearly_dependent_terms_are_not_blown_up():
    formula = NeuronFormula(pure=("sin(0.01*x)",))
    layer = TaskNeuron(1, 1, formula, bound=1e3, dtype=torch.float64)
    with torch.no_grad():
        signals = layer.pure_signals(torch.tensor([[-3.0], [3.0]], dtype=torch.float64))
    assert signals.abs().max() < 4


@pytest.mark.parametrize("options", [{"in_features": 0}, {"out_features": 0}, {"bound": 0.0}])
def test_bad_sizes_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options)).split("_")[0]):
        TaskNeuron(**{"in_features": 2, "out_features": 2, "formula": "x", **options})


@pytest.mark.parametrize("lead", [(), (6,), (2, 3), (2, 1, 3)])
def test_any_axes_may_stand_before_the_features(lead):
    layer = TaskNeuron(4, 3, FULL, bias_std=1.0, generator=1)
    torch.nn.init.normal_(layer.loadings, generator=torch.Generator().manual_seed(2))
    X = normal(6, 4).float()
    rows = X if lead else X[0]
    torch.testing.assert_close(layer(rows.view(*lead, 4)), layer(rows).view(*lead, 3))


def test_members_take_any_axes_too():
    layer = TaskNeuron(4, 3, FULL, n_members=2, generator=1)
    X = normal(12, 4).float()
    torch.testing.assert_close(layer(X.view(2, 3, 2, 4)), layer(X.view(2, 6, 4)).view(2, 3, 2, 3))
