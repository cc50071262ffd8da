"""Networks whose neurons are of several types."""

import numpy as np
import pytest
import torch

from sktaskneuron.nn import ActivationSet, DiverseNetwork, TypedActivation
from sktaskneuron.nn.diverse import type_sizes

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
