"""Primitives, activations, scalers and networks as ONNX nodes: the numbers of numpy or torch."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from sktaskneuron.formula import PRIMITIVES as FORMULA_PRIMITIVES
from sktaskneuron.nn import (
    ACTIVATIONS,
    DiverseNetwork,
    Grid,
    TableFunction,
    TaskNetwork,
    TypedActivation,
    find_activation,
)
from sktaskneuron.nn.typed.tables import cubic_coefficients
from sktaskneuron.preprocessing import NormalScoreScaler, SmoothClipScaler

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from sktaskneuron.deploy.onnx import networks
from sktaskneuron.deploy.onnx.functions import DUAL_PRIMITIVES, PRIMITIVES, Dual
from sktaskneuron.deploy.onnx.table import scale
from tests.deploy.graphs import relative, run_on

NAMES = sorted(FORMULA_PRIMITIVES)
POINTS = np.concatenate([np.linspace(-6, 6, 241), [-1.0, 1.0, 1e-9, -40.0, 40.0, np.nan]])


def domain_of(name):
    domain = FORMULA_PRIMITIVES[name].domain
    return POINTS[domain.contains(POINTS) | np.isnan(POINTS)]


@pytest.mark.parametrize("name", NAMES)
def test_primitives_in_double_precision(name):
    x = domain_of(name)[:, None]
    with np.errstate(all="ignore"):
        wanted = FORMULA_PRIMITIVES[name].numpy(x)
    assert_allclose(run_on(PRIMITIVES[name], x), wanted, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_primitives_in_single_precision(name):
    x = domain_of(name)[:, None]
    x = x[np.abs(x) < 10][:, None]
    wanted = FORMULA_PRIMITIVES[name].numpy(x)
    found = run_on(PRIMITIVES[name], x.astype(np.float32))
    assert found.dtype == np.float32
    assert relative(found, wanted) < 1e-5


def test_a_value_outside_of_the_domain_is_nan():
    for name in ("log", "sqrt", "asin", "acos"):
        assert np.isnan(run_on(PRIMITIVES[name], np.array([[-2.0]]))).all()


@pytest.mark.parametrize("name", NAMES)
def test_slopes_of_primitives_are_those_of_back_propagation(name):
    x = domain_of(name)[:, None]
    x = x[(np.abs(x) < 10) & (np.abs(np.abs(x) - 1) > 1e-9)][:, None]
    expression = find_activation(f"{name}(x)")
    points = torch.from_numpy(x.copy()).requires_grad_()
    (slope,) = torch.autograd.grad(expression.torch(points).sum(), points)

    def derivative(value):
        return DUAL_PRIMITIVES[name](Dual(value, value * 0.0 + 1.0)).slope

    assert_allclose(run_on(derivative, x), slope.numpy(), rtol=1e-8, atol=1e-8)


EXPRESSIONS = ["x**3/(1 + x**2)", "1/(2 + sin(x))", "x*abs(x)**0.5", "softsign(x)**2 - 1"]
LEARNED = [
    f"{name}(trainable=True)" for name in sorted(ACTIVATIONS) if find_activation(name).trainable
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", [*sorted(ACTIVATIONS), *EXPRESSIONS, *LEARNED, "snake(a=2.5)"])
def test_activations(name, dtype):
    activation = TypedActivation([name, "relu"], 6, n_members=2, dtype=dtype).eval()
    with torch.no_grad():
        for parameter in activation.parameters():
            parameter += torch.rand(parameter.shape) * 0.2
    x = torch.linspace(-8, 8, 2 * 50 * 6, dtype=dtype).reshape(2, 50, 6)
    with torch.inference_mode():
        wanted = activation(x).numpy()
    found = run_on(lambda value: networks.typed_value(activation, value), x.numpy())
    assert relative(found.ravel(), wanted.ravel()) < (1e-5 if dtype == torch.float32 else 1e-9)


@pytest.mark.parametrize("name", [*sorted(ACTIVATIONS), *EXPRESSIONS, "gmtu(trainable=True)"])
def test_slopes_of_activations(name):
    if find_activation(name).train_eval:
        pytest.skip("its slope in training is another function's")
    activation = TypedActivation([name, "tanh"], 6, n_members=2, dtype=torch.float64)
    x = torch.linspace(-7.9, 7.7, 2 * 50 * 6, dtype=torch.float64).reshape(2, 50, 6)
    wanted = activation.value_and_slope(x)[1].detach().numpy()
    found = run_on(lambda value: networks._typed_slope(activation, value), x.numpy())
    assert_allclose(found, wanted, rtol=1e-7, atol=1e-7)


def table_function(degree=3):
    grid = Grid(-3.0, 3.0, 21)
    knots = grid.knots()
    return TableFunction(grid, cubic_coefficients(np.sin(knots), np.cos(knots), grid.step))


def randomised(network, seed=0):
    """Fill all weights, those too that start at zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.3 * torch.randn(
                parameter.shape, generator=generator, dtype=parameter.dtype
            )
    return network.eval()


TASKS = {
    "linear": {},
    "powers": {"formula": "x + x**2 + x**3 + sin(2*x)"},
    "products": {"formula": "x + <x,x>:2 + <x,x,x>:3", "skip": "formula"},
    "all": {"formula": "x + x**2 + <x,x>:2", "terms": "periodic", "skip": "formula"},
    "hidden": {"hidden_formula": "x + x**2 + <x,x>:2", "activation": ["sin", "tanh"]},
    "piecewise": {"terms": "piecewise", "skip": "none"},
    "mixed bins": {"terms": "piecewise_embedding", "n_terms": 2},
    "periodic": {"terms": "periodic", "n_term_columns": 3},
    "no layer": {"hidden_layer_sizes": ()},
    "unscaled": {"input_scale": False},
    "levels": {"n_levels": (4, 7), "terms": "periodic"},
    "tables": {"activation": [[table_function(), "tanh"], ["relu"]]},
}


@pytest.mark.parametrize("case", TASKS)
def test_networks_of_task_neurons(case):
    options = {"formula": "x", "hidden_layer_sizes": (6, 5), **TASKS[case]}
    n_codes = len(options.get("n_levels", ()))
    network = TaskNetwork(5 + n_codes, 2, n_members=3, dtype=torch.float64, **options)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 5 + n_codes)) * 2
    x[:, 5:] = rng.integers(-1, 9, size=(40, n_codes))
    if "piecewise" in str(options.get("terms")):
        edges = np.sort(rng.normal(size=(5, 17)), axis=1)
        edges[0, 5:] = edges[0, 5]  # empty bins
        edges[1] = 0.0
        network.load_edges(edges)
    randomised(network)
    with torch.inference_mode():
        wanted = network(torch.from_numpy(x).expand(3, *x.shape)).numpy()

    def build(value):
        codes = value.part(1, 5, 5 + n_codes).cast(np.int64) if n_codes else None
        return networks.task_network(network, value.part(1, 0, 5), codes)

    assert_allclose(run_on(build, x, 3), wanted, rtol=1e-9, atol=1e-9)
    assert run_on(build, x[:0], 3).shape == (3, 0, 2)


@pytest.mark.parametrize("hamiltonian", [False, True])
@pytest.mark.parametrize("groups", [1, 2])
def test_networks_of_typed_neurons(hamiltonian, groups):
    kinds = [
        (2, (("sin", "tanh"), (table_function(),))),
        (3, (("gmtu(trainable=True)", "softplus"), ("gelu_sinc", "x**2"))),
    ][:groups]
    n_outputs = 4 if hamiltonian else 2
    network = DiverseNetwork(
        4, n_outputs, (6, 5), kinds, hamiltonian=hamiltonian, dtype=torch.float64
    )
    randomised(network)
    x = np.random.default_rng(0).normal(size=(30, 4))
    with torch.no_grad():
        wanted = network(torch.from_numpy(x)).numpy()
    found = run_on(lambda value: networks.diverse_network(network, value), x, 3)
    assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


def columns_of_all_kinds(n_rows=300):
    rng = np.random.default_rng(0)
    return np.column_stack(
        [
            rng.normal(size=n_rows),
            rng.lognormal(0, 3, size=n_rows),
            rng.integers(0, 2, size=n_rows),
            np.full(n_rows, 3.0),
            rng.integers(0, 5, size=n_rows),
            np.where(rng.random(n_rows) < 0.97, 0.0, rng.normal(size=n_rows)),
            rng.choice([-1.5e308, 1.5e308, 0.0, 1.0], size=n_rows),
            rng.choice([5e-324, 1e-323, 0.0, 1.0], size=n_rows),
        ]
    )


# scikit-learn sums columns to see whether they are finite
@pytest.mark.filterwarnings("ignore:.*encountered in reduce:RuntimeWarning")
@pytest.mark.parametrize(
    "scaler",
    [
        SmoothClipScaler(),
        SmoothClipScaler(bound=1.0),
        NormalScoreScaler(),
        NormalScoreScaler(n_quantiles=10),
    ],
    ids=str,
)
def test_scalers(scaler):
    X = columns_of_all_kinds()
    scaler.fit(X)
    far = np.concatenate(
        [X, X * 1.1, X + 1e-3, np.full((1, 8), 1.7e308), np.full((1, 8), -1.7e308)]
    )
    with np.errstate(all="ignore"):
        far = np.clip(far, -1.7e308, 1.7e308)
    found = run_on(lambda value: scale(value, scaler), far)
    assert_allclose(found, scaler.transform(far), rtol=1e-9, atol=1e-12)


def test_scalers_of_scikit_learn():
    X = columns_of_all_kinds()[:, :3]
    reach = FunctionTransformer(np.clip, kw_args={"a_min": -1.0, "a_max": 2.0})
    scaler = make_pipeline(StandardScaler(), reach).fit(X)
    assert_allclose(run_on(lambda value: scale(value, scaler), X), scaler.transform(X), rtol=1e-12)


def test_an_unknown_scaler_is_refused():
    with pytest.raises(TypeError, match="MinMaxScaler has no form in ONNX"):
        run_on(lambda value: scale(value, MinMaxScaler()), np.zeros((2, 1)))


def test_an_unknown_activation_is_refused():
    activation = TypedActivation([torch.nn.Tanh()], 3)
    with pytest.raises(TypeError, match="type Tanh has no form in ONNX"):
        run_on(lambda value: networks.typed_value(activation, value), np.zeros((2, 2, 3)))
