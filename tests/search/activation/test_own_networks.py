"""The activation of a network that somebody else has written."""

import numpy as np
import pytest
import torch
from torch import nn

from sktaskneuron.datasets import make_mnist1d
from sktaskneuron.nn import DiverseNetwork, activation_layer
from sktaskneuron.search.activation import search_activation
from sktaskneuron.search.activation.features import fisher_features
from sktaskneuron.search.activation.module_features import module_fisher_features
from sktaskneuron.training.loop.losses import cross_entropy, squared_error


def conv(act):
    return nn.Sequential(
        nn.Conv1d(1, 6, 5), act(), nn.MaxPool1d(4), nn.Flatten(), nn.Linear(54, 10)
    )


def mlp(act):
    return nn.Sequential(nn.Linear(2, 16), act(), nn.Linear(16, 1))


def draw(n=240):
    X, y = make_mnist1d(n, random_state=0)
    return X[:, None], y


FEW = {"n_epochs": 2, "n_starts": 1, "batch_size": 32}


class TestFeatures:
    def test_of_a_multilayer_network_they_are_those_of_tables(self):
        rng = np.random.default_rng(0)
        X, y = rng.normal(size=(80, 3)), rng.normal(size=(80, 1))
        y = (y - y.mean()) / y.std()
        expected = fisher_features(["tanh", "relu"], X, y, (7,), 1, classification=False, seed=3)
        for row, text in zip(expected, ["tanh", "relu"], strict=True):
            packed = DiverseNetwork(3, 1, (7,), [(1, [[text]])], generator=3, dtype=torch.float64)
            module = nn.Sequential(nn.Linear(3, 7), activation_layer(text), nn.Linear(7, 1))
            with torch.no_grad():
                for layer, weight, bias in zip(
                    (module[0], module[2]), packed.weights, packed.biases, strict=True
                ):
                    layer.double()
                    layer.weight.copy_(weight[0].T)
                    layer.bias.copy_(bias[0, 0])
            found = module_fisher_features(
                module, torch.from_numpy(X), torch.from_numpy(y), squared_error
            )
            np.testing.assert_allclose(found, row, atol=0.02)

    @pytest.mark.parametrize(
        "layer",
        [
            nn.Conv1d(4, 6, 3, padding="same"),
            nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2),
            nn.Conv1d(4, 6, 3, groups=2),
        ],
    )
    def test_a_convolution_is_a_linear_layer_of_its_patches(self, layer):
        torch.manual_seed(0)
        x = torch.randn(10, 4, 12, dtype=torch.float64)
        layer = layer.double()
        seen = []

        class Patches(nn.Module):
            def forward(self, x):
                seen.append(layer(x))
                return seen[-1].mean(dim=-1)

        module = Patches()
        module.layer = layer
        y = torch.randn(10, 6, dtype=torch.float64)
        found = module_fisher_features(module, x, y, squared_error)
        assert found.shape == (48,)
        assert np.isfinite(found).all()
        assert found[-1] == pytest.approx(1.0)
        # as many eigenvalues as the products of both factors' sizes
        inputs = 1 + 4 * 3 // layer.groups
        steps = np.diff(np.concatenate([[0], found])) * inputs * (6 // layer.groups)
        np.testing.assert_allclose(steps, steps.round(), atol=1e-6)

    def test_layers_count_as_often_as_there_are(self):
        class Shared(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner, self.top, self.unused = (
                    nn.Linear(4, 4),
                    nn.Linear(4, 3),
                    nn.Linear(9, 9),
                )

            def forward(self, x):
                return self.top(self.inner(self.inner(x)))

        x, y = torch.randn(20, 4, dtype=torch.float64), torch.randint(3, (20,))
        assert module_fisher_features(Shared().double(), x, y, cross_entropy).shape == (96,)

    def test_what_is_not_finite_is_nan(self):
        module = nn.Sequential(nn.Linear(2, 3), activation_layer("exp(x**2)"), nn.Linear(3, 1))
        x = 1e3 * torch.ones(5, 2, dtype=torch.float64)
        found = module_fisher_features(module.double(), x, x[:, :1], squared_error)
        assert np.isnan(found).all()

    def test_a_module_without_layers(self):
        with pytest.raises(ValueError, match="no Linear, Conv1d or Conv2d"):
            module_fisher_features(nn.ReLU(), torch.ones(2, 3), torch.ones(2, 3), squared_error)


class TestSearch:
    def test_the_surrogate_chooses_what_is_trained(self):
        X, y = draw()
        pool = ["relu", "tanh", "gelu", "sin", "square", "abs", "atan", "softsign", "x**2 - x"]
        found = search_activation(conv, X, y, candidates=pool, n_evaluations=7, **FEW)
        assert len(found.texts) == 7
        assert set(found.texts) | set(found.remaining) == set(pool)
        assert np.isfinite(found.predicted).all()
        again = search_activation(conv, X, y, candidates=pool, n_evaluations=7, **FEW)
        assert again.texts == found.texts
        np.testing.assert_array_equal(again.losses, found.losses)

    def test_numbers_and_a_law(self):
        rng = np.random.default_rng(0)
        X = rng.uniform(-2, 2, size=(400, 2))
        y = X[:, 0] ** 2 - X[:, 1] ** 2
        found = search_activation(
            mlp,
            X,
            y,
            candidates=["identity", "square"],
            n_epochs=20,
            learning_rate=0.02,
            n_starts=1,
        )
        assert found.ranked[0][0] == "square"
        assert found.ranked[0][1] < 0.5 * found.ranked[1][1]

    def test_a_training_of_ones_own(self):
        X, y = draw(60)
        seen = []

        def train(module):
            seen.append(module)
            return float(len(seen))

        found = search_activation(
            conv, X, y, candidates=["relu", "prelu(trainable=True)"], train=train, n_starts=1
        )
        assert found.losses.tolist() == [1.0, 2.0]
        assert sum(p.numel() for p in seen[1].parameters()) == 1 + sum(
            p.numel() for p in seen[0].parameters()
        )

    def test_the_streams_of_torch_stay(self):
        X, y = draw(60)
        torch.manual_seed(5)
        before = torch.random.get_rng_state()
        search_activation(conv, X, y, candidates=["relu", "tanh"], **FEW)
        assert torch.equal(before, torch.random.get_rng_state())

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"candidates": []}, "candidates are empty"),
            ({"candidates": ["relux"]}, "unknown activation 'relux'"),
            ({"held_out": 1.0}, "held_out=1.0 leaves no rows"),
            ({"n_epochs": 0}, "must be positive"),
            ({"loss": "hinge"}, "hinge"),
            ({"y": np.zeros(3)}, "as many rows"),
        ],
    )
    def test_wrong_arguments(self, options, message):
        X, y = draw(40)
        options = {"candidates": ["relu"], **FEW, **options}
        with pytest.raises(ValueError, match=message):
            search_activation(conv, X, options.pop("y", y), **options)

    def test_a_loss_that_is_not_finite_comes_last(self):
        X, y = draw(60)
        found = search_activation(conv, X, y, candidates=["exp(exp(x**2))", "relu"], **FEW)
        assert found.ranked[0][0] == "relu"
        assert np.isinf(found.losses).sum() == 1
