"""The network: path by path, option by option."""

import copy
import json
import pickle

import numpy as np
import pytest
import torch

from sktaskneuron.formula import PRIMITIVES, NeuronFormula
from sktaskneuron.nn import (
    ACTIVATIONS,
    TORCH_NAMESPACE,
    ActivationSet,
    TaskNetwork,
    TypedActivation,
    n_parameters,
)
from sktaskneuron.nn.functional import evaluate_terms
from sktaskneuron.training import (
    MeanOfMembers,
    TensorTable,
    arrays_to_module,
    fit_members,
    module_to_arrays,
    predict_in_chunks,
)

X = torch.from_numpy(np.random.default_rng(0).normal(size=(40, 6))).float()
OPTIONS = {"hidden_layer_sizes": (16, 16), "generator": 0}


def test_linear_formula_without_skip_is_a_plain_mlp():
    network = TaskNetwork(6, 2, "x", skip="none", input_scale=False, activation="relu", **OPTIONS)
    layers = []
    for layer in (*network.hidden, network.output):
        linear = torch.nn.Linear(layer.in_features, layer.out_features)
        with torch.no_grad():
            linear.weight.copy_(layer.weight.T)
            linear.bias.copy_(layer.bias)
        layers += [linear, torch.nn.ReLU()]
    torch.testing.assert_close(network(X), torch.nn.Sequential(*layers[:-1])(X))


@pytest.mark.parametrize("skip", ["linear", "formula"])
def test_skip_starts_silent_and_reaches_the_output(skip):
    formula = "x + x**2 + <x,x>:3"
    network = TaskNetwork(6, 2, formula, skip=skip, **OPTIONS)
    without = TaskNetwork(6, 2, formula, skip="none", **OPTIONS)
    assert torch.equal(network(X), without(X))
    torch.nn.init.ones_(network.skip_weight)
    signals = X
    if skip == "formula":
        first = network.first
        signals = torch.cat((first.pure_signals(X), first.product_signals(X)), dim=1)
    torch.testing.assert_close(network(X) - without(X), signals.sum(1, keepdim=True).expand(-1, 2))


@pytest.mark.parametrize("skip", ["linear", "formula"])
def test_network_starts_as_a_given_linear_model(skip):
    network = TaskNetwork(6, 2, "x + x**2 + <x,x>:3", skip=skip, dtype=torch.float64, **OPTIONS)
    rng = np.random.default_rng(1)
    coefficients, intercept = rng.normal(size=(6, 2)), rng.normal(size=2)
    network.load_linear(coefficients, intercept)
    output = network(X.double()).detach().numpy()
    np.testing.assert_allclose(output, X.numpy() @ coefficients + intercept, rtol=1e-12, atol=1e-12)


def test_linear_start_is_refused_where_it_does_not_fit():
    with pytest.raises(ValueError, match="needs hidden layers and skip"):
        TaskNetwork(6, 2, "x", skip="none", **OPTIONS).load_linear(np.ones((6, 2)), np.ones(2))
    with pytest.raises(ValueError, match="need the shapes"):
        TaskNetwork(6, 2, "x", **OPTIONS).load_linear(np.ones((5, 2)), np.ones(2))


def test_input_scale_multiplies_the_inputs():
    network = TaskNetwork(6, 1, "x + x**2 + <x,x>:2", **OPTIONS)
    torch.nn.init.ones_(network.skip_weight)
    with torch.no_grad():
        expected = network(X * 3)
        network.input.scale.fill_(3)
        torch.testing.assert_close(network(X), expected)


@pytest.mark.parametrize(
    "change",
    [
        {"formula": "x + x**2"},
        {"hidden_layer_sizes": (16, 8)},
        {"hidden_layer_sizes": ()},
        {"activation": "tanh"},
        {"dropout": 0.5},
        {"bound": 1.0},
        {"generator": 1},
        {"hidden_formula": "x + x**2"},
    ],
    ids=str,
)
def test_options_have_an_effect(change):
    plain = {"formula": "x + x**3", **OPTIONS}
    outputs = [TaskNetwork(6, 1, **options)(X) for options in (plain, {**plain, **change})]
    assert not torch.allclose(*outputs)


def test_hidden_formula_adds_products_to_the_hidden_layers():
    network = TaskNetwork(6, 1, "x", hidden_formula="x + <x,x>:5", **OPTIONS)
    assert network.hidden[0].factors is None
    assert network.hidden[1].factors_of(2).shape == (2, 16, 5)
    assert network.output.factors is None


def test_spec_rebuilds_the_network():
    network = TaskNetwork(
        6, 2, "x + sin(x) + <x,x>:2", hidden_layer_sizes=(8, 4), hidden_formula="x + <x,x>:3",
        activation="mish", dropout=0.3, skip="formula", input_scale=False, bound=2.0, generator=5,
    )  # fmt: skip
    spec = json.loads(json.dumps(network.spec()))
    twin = TaskNetwork.from_spec(spec, generator=9)
    assert twin.spec() == network.spec()
    assert not torch.equal(twin.eval()(X), network.eval()(X))
    twin.load_state_dict(network.state_dict())
    assert torch.equal(twin(X), network(X))


def test_reset_parameters_gives_the_same_network_as_construction():
    options = {"hidden_layer_sizes": (8, 8), "dropout": 0.5}
    network = TaskNetwork(6, 1, "x + <x,x>:2", generator=0, **options)
    torch.nn.init.ones_(network.skip_weight)
    network.reset_parameters(0)
    fresh = TaskNetwork(6, 1, "x + <x,x>:2", generator=0, **options)
    for name, value in fresh.state_dict().items():
        assert torch.equal(value, network.state_dict()[name]), name


def test_copies_and_pickles_compute_the_same():
    network = TaskNetwork(6, 1, "x + gaussian(x) + <x,x>:2", dropout=0.1, **OPTIONS)
    network(X)
    network.eval()
    for twin in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert torch.equal(twin(X), network(X))


def test_parameter_groups_hold_every_parameter_once_at_its_rate():
    network = TaskNetwork(6, 1, "x + x**2 + <x,x>:4", hidden_formula="x + <x,x>:9", **OPTIONS)
    groups = network.parameter_groups(0.1, 0.01)
    rates = {id(p): (g["lr"], g["weight_decay"]) for g in groups for p in g["params"]}
    parameters = list(network.parameters())
    assert sum(len(g["params"]) for g in groups) == len(parameters)
    assert rates.keys() == {id(p) for p in parameters}
    first, second = network.hidden

    def ntp(fan_in):
        return pytest.approx((0.1 / fan_in**0.5, 0.01 * fan_in**0.5))

    assert rates[id(first.weight)] == ntp(12)
    assert rates[id(first.factors)] == ntp(6)
    assert rates[id(first.loadings)] == ntp(4)
    assert rates[id(second.factors)] == ntp(16)
    assert rates[id(network.skip_weight)] == ntp(6)
    assert rates[id(first.bias)] == pytest.approx((0.01, 0.0))
    assert rates[id(network.input.scale)] == pytest.approx((0.6, 0.0))
    assert n_parameters(network) == sum(p.numel() for p in parameters)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations_keep_shape_and_are_finite(name):
    output = TaskNetwork(6, 1, "x", activation=name, **OPTIONS)(X * 1e3)
    assert output.shape == (40, 1)
    assert torch.isfinite(output).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"activation": "swish9"}, "known are"), ({"skip": "both"}, "linear, formula, none")],
)
def test_unknown_names_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TaskNetwork(2, 1, "x", **options)


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_torch_primitives_agree_with_numpy(name):
    primitive = PRIMITIVES[name]
    x = np.linspace(-1.5, 1.5, 61)
    x = x[primitive.domain.contains(x)]
    value = TORCH_NAMESPACE[name](torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(value, primitive.numpy(x), rtol=1e-10, atol=1e-12)


def test_powers_by_multiplication_agree_with_the_expression():
    formula = NeuronFormula(pure=("x**2", "x**5", "x**7", "sin(x)/(1 + x**2)"))
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)
    for expression, value in zip(
        formula.expressions, evaluate_terms(formula.expressions, x), strict=True
    ):
        np.testing.assert_allclose(value.numpy(), expression.evaluate(x.numpy()), rtol=1e-12)


SET = ActivationSet.from_names(["sin", "tanh"])
LEARNED = ["snake(a=2, trainable=True)", "relu", "golu(trainable=True)"]
FORMS = {
    "expression": "x*tanh(x)",
    "mix": ["sin", "relu", "x**2"],
    "set": SET,
    "sets": [SET, SET[1]],
    "learned": "prelu(trainable=True)",
    "learned mix": LEARNED,
    "functions": [["sin", "relu"], ["tanh"]],
}
forms = pytest.mark.parametrize("activation", FORMS.values(), ids=FORMS)


class TestActivations:
    @forms
    @pytest.mark.parametrize("n_members", [None, 3])
    def test_spec_and_state_build_the_same(self, activation, n_members):
        options = {"activation": activation, "dropout": 0.2, "n_members": n_members, **OPTIONS}
        network = TaskNetwork(6, 2, "x + <x,x>:2", **options).eval()
        spec = json.loads(json.dumps(network.spec()))
        twin = TaskNetwork.from_spec(spec, generator=9).eval()
        assert twin.spec() == network.spec()
        arrays_to_module(twin, module_to_arrays(network))
        x = X if n_members is None else X.expand(n_members, *X.shape)
        expected = network(x)
        for same in (twin, copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
            assert torch.equal(same(x), expected)
        for dtype in (torch.float32, torch.float64):
            assert TaskNetwork.from_spec(spec, dtype=dtype)(x.to(dtype)).dtype == dtype

    def test_layers_are_of_the_types(self):
        network = TaskNetwork(6, 2, "x", activation=FORMS["functions"], skip="none", **OPTIONS)
        value = X * network.input.scale
        for layer, types in zip(network.hidden, (["sin", "relu"], ["tanh"]), strict=True):
            value = TypedActivation(types, 16)(layer(value))
        torch.testing.assert_close(network(X), network.output(value))

    def test_same_function_in_other_words(self):
        outputs = {
            name: TaskNetwork(6, 1, "x + x**2", activation=activation, **OPTIONS)(X)
            for name, activation in {
                "name": "sin",
                "list": ["sin"],
                "types": ["sin", "sin"],
                "learned": "sin(trainable=True)",
                "set": SET[0],
            }.items()
        }
        for name, output in outputs.items():
            torch.testing.assert_close(
                output, outputs["name"], atol=1e-3 if name == "set" else 1e-6, rtol=0
            )

    def test_sets_are_frozen(self):
        network = TaskNetwork(6, 1, "x", activation=SET, **OPTIONS)
        plain = TaskNetwork(6, 1, "x", activation="sin", **OPTIONS)
        assert n_parameters(network) == n_parameters(plain)

    def test_without_hidden_layers(self):
        for activation in ("silu", ["sin", "relu"]):
            network = TaskNetwork(6, 1, "x", hidden_layer_sizes=(), activation=activation)
            assert TaskNetwork.from_spec(network.spec())(X).shape == (40, 1)
        with pytest.raises(ValueError, match="known are"):
            TaskNetwork(6, 1, "x", hidden_layer_sizes=(), activation="swish9")

    @pytest.mark.parametrize(
        ("activation", "error", "message"),
        [
            (None, TypeError, "activation must be a name"),
            (["sin", 3], TypeError, "activation must be a name"),
            ([SET], ValueError, "activation is of 1 hidden layers, the network has 2"),
            ([["sin"]], ValueError, "activation is of 1 hidden layers, the network has 2"),
            ([], ValueError, "activation is of 0 hidden layers, the network has 2"),
            (["sin"] * 17, ValueError, "16 neurons cannot have 17 types"),
            ([[torch.nn.ReLU()]] * 2, TypeError, "neither a name nor a TableFunction"),
            ("relu(trainable=True)", ValueError, "no parameter that may be learned"),
        ],
        ids=str,
    )
    def test_bad_forms(self, activation, error, message):
        with pytest.raises(error, match=message):
            TaskNetwork(6, 1, "x", activation=activation, **OPTIONS)

    @pytest.mark.parametrize("n_members", [None, 2])
    def test_learned_gradients_agree_with_differences(self, n_members):
        network = TaskNetwork(
            6, 1, "x", activation=LEARNED, n_members=n_members, dtype=torch.float64, **OPTIONS
        )
        x = X.double() if n_members is None else X.double().expand(n_members, *X.shape)
        parameters = list(network.activations.parameters())
        assert [tuple(p.shape) for p in parameters] == [(2, 1, 1) if n_members else ()] * 8
        gradients = torch.autograd.grad(network(x).square().sum(), parameters)
        step = 1e-6
        for parameter, gradient in zip(parameters, gradients, strict=True):
            for place in np.ndindex(*parameter.shape):
                with torch.no_grad():
                    values = []
                    for move in (step, -2 * step):
                        parameter[place] += move
                        values.append(float(network(x).square().sum()))
                    parameter[place] += step
                expected = (values[0] - values[1]) / (2 * step)
                assert float(gradient[place]) == pytest.approx(expected, rel=1e-5, abs=1e-8)

    def test_learned_parameters_learn_slowly_and_do_not_decay(self):
        network = TaskNetwork(6, 1, "x", activation=LEARNED, n_members=2, **OPTIONS)
        groups = network.parameter_groups(0.1, 0.5)
        rates = {id(p): (g["lr"], g["weight_decay"]) for g in groups for p in g["params"]}
        assert len(rates) == len(list(network.parameters()))
        for parameter in network.activations.parameters():
            assert rates[id(parameter)] == pytest.approx((0.01, 0.0))

    def test_training_moves_them_by_member(self):
        network = TaskNetwork(6, 1, "x", activation=LEARNED, n_members=3, **OPTIONS)
        start = module_to_arrays(network)
        table = TensorTable.from_arrays(X.numpy(), np.sin(2 * X.numpy()[:, 0]))
        result = fit_members(network, table, [np.arange(30 + j) for j in range(3)], n_epochs=5)
        for name, _ in network.activations.named_parameters():
            moved = (result.state[f"activations.{name}"] - start[f"activations.{name}"]).ravel()
            assert (np.abs(moved) > 1e-4).all(), name
            assert len(np.unique(moved)) == 3
        network.reset_parameters(0)
        for name, value in module_to_arrays(network).items():
            np.testing.assert_array_equal(value, start[name])

    @forms
    def test_rows_do_not_depend_on_their_neighbours(self, activation):
        network = TaskNetwork(
            6, 2, "x + <x,x>:2", activation=activation, n_members=3,
            hidden_layer_sizes=(13, 7), generator=0,
        )  # fmt: skip
        mean = MeanOfMembers(network, 3)
        rows = np.random.default_rng(1).normal(size=(300, 6))
        whole = predict_in_chunks(mean, rows, chunk=64)
        parts = [predict_in_chunks(mean, rows[i : i + 37], chunk=64) for i in range(0, 300, 37)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
