"""Networks whose neurons are of several types."""

import numpy as np
import pytest
import torch

from sktaskneuron.nn import ActivationSet, DiverseNetwork, TypedActivation
from sktaskneuron.nn.activations import REGISTRY
from sktaskneuron.nn.typed.layers import type_sizes
from sktaskneuron.nn.typed.reading import layer_functions
from sktaskneuron.training import TensorTable, arrays_to_module, module_to_arrays
from sktaskneuron.training.loop.replicates import fit_replicates

SET = ActivationSet.from_names(["sin", "tanh"])


class TestTypes:
    @pytest.mark.parametrize("n", [3, 7, 10, 100])
    @pytest.mark.parametrize("t", [1, 2, 3])
    def test_neuron_j_has_type_jt_over_n(self, n, t):
        kinds = [j * t // n for j in range(n)]
        assert type_sizes(n, t) == [kinds.count(k) for k in range(t)]

    def test_too_many_types(self):
        with pytest.raises(ValueError, match="a layer of 2 neurons cannot have 3 types"):
            type_sizes(2, 3)

    def test_every_neuron_has_its_function(self):
        z = torch.randn(5, 7)
        value = TypedActivation(["sin", "relu", "tanh"], 7)(z)
        expected = torch.cat([torch.sin(z[:, :3]), torch.relu(z[:, 3:5]), torch.tanh(z[:, 5:])], 1)
        torch.testing.assert_close(value, expected)

    @pytest.mark.parametrize("name", ["sin", "silu", "relu", "gelu", "identity"])
    def test_slopes_of_names(self, name):
        activation = TypedActivation([name, *SET.functions()], 6).double()
        z = torch.randn(4, 6, dtype=torch.float64).requires_grad_()
        value, slope = activation.value_and_slope(z)
        (gradient,) = torch.autograd.grad(activation(z).sum(), z)
        torch.testing.assert_close(slope, gradient)
        torch.testing.assert_close(value, activation(z))
        with torch.inference_mode():
            torch.testing.assert_close(activation.value_and_slope(z.detach())[1], slope)


class TestPack:
    def test_one_type_is_an_ordinary_network(self):
        network = DiverseNetwork(3, 2, (6, 5), [(4, [["tanh"], ["tanh"]])], dtype=torch.float64)
        x = torch.randn(8, 3, dtype=torch.float64)
        for member in range(4):
            value = x
            for layer in range(3):
                value = value @ network.weights[layer][member] + network.biases[layer][member]
                value = torch.tanh(value) if layer < 2 else value
            torch.testing.assert_close(network(x)[member], value)

    def test_groups_start_alike_and_differ_by_their_functions(self):
        network = DiverseNetwork(3, 1, (6,), [(2, [["sin"]]), (3, [SET.functions()])])
        torch.testing.assert_close(network.weights[0][:2], network.weights[0][2:4])
        x = torch.randn(5, 3)
        assert not torch.allclose(network(x)[0], network(x)[2])

    def test_parts(self):
        groups = [(2, [["sin"], ["relu"]]), (3, [SET.functions(), SET[1].functions("linear")])]
        network = DiverseNetwork(3, 2, (6, 4), groups)
        x = torch.randn(5, 3)
        torch.testing.assert_close(network.part(1)(x), network(x)[2:])
        torch.testing.assert_close(network.part(1, [2, 0])(x), network(x)[[4, 2]])
        part = network.part(0)
        with torch.no_grad():
            part.weights[0].zero_()
        assert network.weights[0].abs().min() > 0

    @pytest.mark.parametrize("hamiltonian", [False, True])
    def test_spec_builds_the_same(self, hamiltonian):
        groups = [(2, [["sin", "relu"]]), (1, [SET.functions()])]
        network = DiverseNetwork(4, 4, (6,), groups, hamiltonian=hamiltonian)
        twin = DiverseNetwork.from_spec(network.spec())
        twin.load_state_dict(network.state_dict())
        x = torch.randn(5, 4)
        torch.testing.assert_close(twin(x), network(x))

    def test_wrong_numbers(self):
        with pytest.raises(ValueError, match="2 hidden layers need functions each, got 1"):
            DiverseNetwork(3, 1, (4, 4), [(1, [["sin"]])])
        with pytest.raises(ValueError, match="even number of inputs"):
            DiverseNetwork(3, 3, (4,), [(1, [["sin"]])], hamiltonian=True)
        with pytest.raises(ValueError, match="unknown activation 'sine'"):
            DiverseNetwork(3, 3, (4,), [(1, [["sine"]])])
        with pytest.raises(TypeError, match="neither a name nor a TableFunction"):
            DiverseNetwork(3, 3, (4,), [(1, [[torch.nn.ReLU()]])])


class TestHamiltonian:
    @pytest.mark.parametrize("functions", [["sin", "tanh"], SET.functions()])
    @pytest.mark.parametrize("sizes", [(7,), (6, 5)])
    def test_output_is_the_symplectic_gradient(self, functions, sizes):
        network = DiverseNetwork(
            4, 4, sizes, [(3, [functions] * len(sizes))], hamiltonian=True, dtype=torch.float64
        )
        x = torch.randn(3, 9, 4, dtype=torch.float64).requires_grad_()
        (gradient,) = torch.autograd.grad(network.energy(x).sum(), x)
        expected = torch.cat([gradient[..., 2:], -gradient[..., :2]], dim=-1)
        torch.testing.assert_close(network(x), expected)

    def test_its_training_gradient_agrees_with_differences(self):
        network = DiverseNetwork(
            2, 2, (5,), [(1, [SET.functions()])], hamiltonian=True, dtype=torch.float64
        )
        x = torch.randn(6, 2, dtype=torch.float64)
        loss = network(x).square().sum()
        (gradient,) = torch.autograd.grad(loss, network.weights[0])
        step = 1e-6
        with torch.no_grad():
            for place in np.ndindex(2, 5):
                where = (0, *place)
                network.weights[0][where] += step
                up = network(x).square().sum()
                network.weights[0][where] -= 2 * step
                down = network(x).square().sum()
                network.weights[0][where] += step
                assert float((up - down) / (2 * step)) == pytest.approx(
                    float(gradient[where]), rel=1e-5, abs=1e-8
                )


class TestLayerFunctions:
    def test_forms(self):
        assert layer_functions("sin", 2) == [["sin"], ["sin"]]
        assert layer_functions(("sin", "x**2"), 1) == [["sin", "x**2"]]
        for given in (SET, [SET, SET[0]]):
            layers = layer_functions(given, 2)
            assert [len(kinds) for kinds in layers] == [2, 2 if given is SET else 1]
            z = torch.linspace(-3, 3, 9)
            np.testing.assert_allclose(layers[1][0](z), torch.sin(z), atol=1e-4)
        assert layers[0][0].coefficients.shape[1] == 4
        for given in (["relu", SET], [["relu", SET], ["sin"]]):
            layers = layer_functions(given, 2)
            assert [len(kinds) for kinds in layers] == [3, 3 if given[0] == "relu" else 1]
            np.testing.assert_allclose(layers[0][1](z), torch.sin(z), atol=1e-4)
        assert layer_functions([["sin"], ["relu", "tanh"]], 2) == [["sin"], ["relu", "tanh"]]
        assert layer_functions(SET, 1, "linear")[0][0].coefficients.shape[1] == 2

    @pytest.mark.parametrize(
        ("given", "error", "message"),
        [
            (3, TypeError, "kind must be a name .* got 3"),
            ([], TypeError, "kind must be a name"),
            ([["sin"], 3], TypeError, "kind must be a name"),
            ([["sin"], []], TypeError, "kind must be a name"),
            ([["sin", ["relu"]]] * 2, TypeError, "kind must be a name"),
            ([["sin"]] * 3, ValueError, "kind is of 3 hidden layers, the network has 2"),
            (torch.relu, TypeError, "kind must be a name"),
            ([SET] * 3, ValueError, "kind is of 3 hidden layers, the network has 2"),
            ("sine", ValueError, "unknown activation 'sine'"),
            (["sin", "relu(trainable=True)"], ValueError, "no parameter that may be learned"),
        ],
    )
    def test_bad_forms(self, given, error, message):
        with pytest.raises(error, match=message):
            layer_functions(given, 2, name="kind")


LEARNED = ["snake(a=2, trainable=True)", "sin", "golu(trainable=True)"]
GROUPS = [
    (2, [["relu"], ["silu(trainable=True)", "relu"]]),
    (3, [LEARNED, ["prelu(trainable=True)"]]),
]


def learned_network(groups=GROUPS, sizes=(6, 5), **options):
    """Parameters of activations moved away from their starts, other ones for every network."""
    network = DiverseNetwork(4, 4, sizes, groups, dtype=torch.float64, **options)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.activations.parameters():
            shift = torch.rand(parameter.shape, generator=generator, dtype=torch.float64)
            parameter += 0.1 + 0.5 * shift
    return network


def draw_states(n=60, width=4):
    X = np.random.default_rng(0).normal(size=(n, width))
    return X, TensorTable.from_arrays(X, np.sin(2 * X), dtype=torch.float64)


class TestLearnedParameters:
    def test_one_number_per_network_and_type(self):
        network = DiverseNetwork(4, 4, (6, 5), GROUPS)
        shapes = {name: tuple(p.shape) for name, p in network.activations.named_parameters()}
        assert shapes == {
            "1.activations.0.own.0.raw.beta": (2, 1, 1),
            "0.activations.1.own.0.raw.a": (3, 1, 1),
            "0.activations.1.own.1.raw.alpha": (3, 1, 1),
            "0.activations.1.own.1.raw.beta": (3, 1, 1),
            "0.activations.1.own.1.raw.gamma": (3, 1, 1),
            "1.activations.1.own.0.raw.a": (3, 1, 1),
        }

    def test_starts_as_the_fixed_form(self):
        fixed = [
            (n, [[text.replace("trainable=True", "") for text in kinds] for kinds in layers])
            for n, layers in GROUPS
        ]
        fixed[1][1][0][0] = "snake(a=2)"
        x = torch.randn(8, 4, dtype=torch.float64)
        networks = [DiverseNetwork(4, 4, (6, 5), g, dtype=torch.float64) for g in (GROUPS, fixed)]
        torch.testing.assert_close(networks[0](x), networks[1](x))

    @pytest.mark.parametrize("hamiltonian", [False, True])
    def test_gradients_agree_with_differences(self, hamiltonian):
        learn = [name for name, entry in REGISTRY.items() if entry.trainable]
        kinds = [f"{name}(trainable=True)" for name in learn]
        network = learned_network([(2, [kinds])], (2 * len(kinds),), hamiltonian=hamiltonian)
        x = torch.randn(40, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        parameters = list(network.activations.parameters())
        gradients = torch.autograd.grad(network(x).square().sum(), parameters)
        step = 1e-6
        for parameter, gradient in zip(parameters, gradients, strict=True):
            for member in range(2):
                with torch.no_grad():
                    values = []
                    for move in (step, -2 * step):
                        parameter[member] += move
                        values.append(float(network(x).square().sum()))
                    parameter[member] += step
                expected = (values[0] - values[1]) / (2 * step)
                assert float(gradient[member]) == pytest.approx(expected, rel=1e-5, abs=1e-6)
                assert expected != 0

    def test_slope_is_that_of_the_values(self):
        activation = TypedActivation([*LEARNED, "prelu(trainable=True)"], 8, n_members=2).double()
        z = torch.randn(2, 5, 8, dtype=torch.float64)
        value, slope = activation.value_and_slope(z)
        torch.testing.assert_close(value, activation(z))
        point = z.clone().requires_grad_()
        torch.testing.assert_close(slope, torch.autograd.grad(activation(point).sum(), point)[0])
        # learned by both, though the input asks for no gradient
        assert value.requires_grad
        assert slope.requires_grad
        with torch.inference_mode():
            assert torch.equal(activation.value_and_slope(z)[1], slope.detach())

    def test_parts(self):
        network = learned_network()
        x = torch.randn(5, 4, dtype=torch.float64)
        torch.testing.assert_close(network.part(0)(x), network(x)[:2])
        torch.testing.assert_close(network.part(1)(x), network(x)[2:])
        part = network.part(1, [2, 0])
        torch.testing.assert_close(part(x), network(x)[[4, 2]])
        with torch.no_grad():
            for parameter in part.parameters():
                parameter.zero_()
        assert all(p.abs().min() > 0 for p in network.activations.parameters())

    @pytest.mark.parametrize("hamiltonian", [False, True])
    def test_state_computes_the_same(self, hamiltonian):
        network = learned_network(hamiltonian=hamiltonian)
        twin = DiverseNetwork.from_spec(network.spec(), dtype=torch.float64)
        arrays_to_module(twin, module_to_arrays(network))
        x = torch.randn(5, 4, dtype=torch.float64)
        assert torch.equal(twin(x), network(x))
        texts = [
            kind for _, layers in network.spec()["groups"] for kinds in layers for kind in kinds
        ]
        assert all(type(text) is str for text in texts)

    @pytest.mark.parametrize("hamiltonian", [False, True])
    def test_training_moves_them(self, hamiltonian):
        network = DiverseNetwork(4, 4, (6, 5), GROUPS, hamiltonian=hamiltonian, dtype=torch.float64)
        start = module_to_arrays(network)
        _, table = draw_states()
        rows = [np.arange(40 + member) for member in range(5)]
        fit_replicates(
            network, table, rows, n_epochs=3, batch_size=20, learning_rate=[0.01] * 4 + [0.02]
        )
        for name, parameter in network.activations.named_parameters():
            moved = np.abs(parameter.detach().numpy() - start[f"activations.{name}"]).ravel()
            assert (moved > 1e-4).all(), name
            assert len(np.unique(moved)) == len(moved)

    def test_each_network_is_trained_as_if_alone(self):
        """With its own learning rate, though one beside it diverges; decay leaves them alone."""
        _, table = draw_states()
        options = {"n_epochs": 4, "batch_size": 100, "weight_decay": 0.5}
        rows, held = np.arange(40), np.arange(40, 60)
        rates = [0.0, 1e-3, 1e-2, 3e-2, 5e-2]
        network = DiverseNetwork(4, 4, (6, 5), GROUPS, dtype=torch.float64)
        start = module_to_arrays(network)
        with torch.no_grad():
            network.weights[0][3] = torch.inf
        parts = [(place, network.part(*place)) for place in ((0, [1]), (1, [0]), (1, [2]))]
        together = fit_replicates(
            network, table, [rows] * 5, [held] * 5, learning_rate=rates, **options
        )
        assert np.isinf(together.loss[3])
        for (group, (member,)), part in parts:
            place = 2 * group + member
            alone = fit_replicates(
                part, table, [rows], [held], learning_rate=rates[place], **options
            )
            assert alone.loss[0] == pytest.approx(together.loss[place], rel=1e-10)
            mine = network.part(group, [member])
            for one, other in zip(part.parameters(), mine.parameters(), strict=True):
                torch.testing.assert_close(one, other)
        for name, parameter in network.activations.named_parameters():
            group = int(name.split(".")[2])
            untouched = start[f"activations.{name}"]
            still = 0 if group == 0 else 1
            np.testing.assert_array_equal(parameter[still].detach(), untouched[still])

    def test_replicates_of_other_numbers(self):
        _, table = draw_states()
        network = DiverseNetwork(4, 4, (6, 5), GROUPS, dtype=torch.float64)
        with pytest.raises(ValueError, match="needs a first axis of 4 replicates"):
            fit_replicates(network, table, [np.arange(40)] * 4)
