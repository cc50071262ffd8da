"""Features of activation functions: outputs, and the Fisher information at initialisation."""

import numpy as np
import pytest
import torch

from sktaskneuron.nn import DiverseNetwork
from sktaskneuron.search.activation.features import FISHER_BINS, fisher_features, output_features
from sktaskneuron.search.activation.grammar import sample

from .helpers import CLASSICS

RNG = np.random.default_rng(0)
X = RNG.standard_normal((90, 4))
Y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]
CLASSES = (Y > 0).astype(int) + (Y > 1)


def fisher(texts, X=X, y=Y, hidden=(6, 5), n_outputs=1, classification=False, seed=0):
    return fisher_features(texts, X, y, hidden, n_outputs, classification=classification, seed=seed)


class TestOutputs:
    def test_standardised(self):
        found = output_features(list(CLASSICS.values()))
        assert found.shape == (len(CLASSICS), 256)
        np.testing.assert_allclose(found.mean(axis=1), 0, atol=1e-12)
        np.testing.assert_allclose(found.std(axis=1), 1, rtol=1e-12)

    def test_names_are_their_functions(self):
        np.testing.assert_allclose(
            output_features(["tanh", "relu"]), output_features(["tanh(x)", "relu(x)"])
        )

    def test_alike_for_networks(self):
        one, two, three = output_features(["x*sigmoid(x)", "3 - 2*x*sigmoid(-x)", "-x*sigmoid(x)"])
        np.testing.assert_allclose(one, two, atol=1e-12)
        np.testing.assert_allclose(one, three, atol=1e-12)

    def test_not_finite(self):
        found = output_features(["tanh(x)", "log(x)", "sigmoid(x + 1000)"])
        assert np.isfinite(found).all(axis=1).tolist() == [True, False, False]


class TestFisher:
    @pytest.mark.parametrize("hidden", [(6,), (6, 5), (4, 4, 4)])
    @pytest.mark.parametrize("classification", [False, True])
    def test_distributions(self, hidden, classification):
        y, n_outputs = (CLASSES, 3) if classification else (Y, 1)
        texts = list(CLASSICS.values())
        found = fisher(
            texts, y=y, hidden=hidden, n_outputs=n_outputs, classification=classification
        )
        assert found.shape == (len(texts), FISHER_BINS * (len(hidden) + 1))
        layers = found.reshape(len(texts), -1, FISHER_BINS)
        assert (np.diff(layers, axis=2) >= 0).all()
        np.testing.assert_allclose(layers[..., -1], 1)
        assert len(np.unique(found.round(6), axis=0)) == len(texts)

    def test_equals_the_kronecker_product(self):
        """Eigenvalues of the matrix itself, of a network written out."""
        found = fisher(["tanh(x)"], hidden=(5,)).reshape(2, FISHER_BINS)
        network = DiverseNetwork(4, 1, (5,), [(1, [["tanh"]])], generator=0, dtype=torch.float64)
        (w1, w2), (b1, b2) = (
            [p[0].detach().numpy() for p in group] for group in (network.weights, network.biases)
        )
        target = (Y - Y.mean()) / Y.std()
        h = np.tanh(X @ w1 + b1)
        g2 = 2 * (h @ w2 + b2 - target[:, None])
        g1 = g2 @ w2.T * (1 - h**2)
        edges = np.linspace(-40, 15, FISHER_BINS + 1)
        for layer, inputs, g in ((0, X, g1), (1, h, g2)):
            inputs = np.column_stack([np.ones(len(X)), inputs])
            block = np.kron(inputs.T @ inputs / len(X), g.T @ g / len(X))
            logs = np.log(np.linalg.eigvalsh(block))
            counts = np.histogram(logs, edges)[0].cumsum() / len(logs)
            np.testing.assert_allclose(found[layer], counts)

    def test_batch_of_functions_is_each_alone(self):
        texts = sample(np.random.default_rng(1), 12)
        together = fisher(texts)
        alone = np.concatenate([fisher([text]) for text in texts])
        np.testing.assert_allclose(together, alone, atol=0.05)  # rounding may change a bin
        assert np.abs(together - alone).mean() < 1e-3

    def test_units_of_numeric_targets_do_not_matter(self):
        np.testing.assert_allclose(fisher(["tanh(x)"]), fisher(["tanh(x)"], y=1e4 * Y + 7))

    def test_not_finite_functions_harm_no_other(self):
        texts = ["tanh(x)", "exp(exp(x))", "x*sigmoid(x)"]
        big = 300 * X
        found = fisher(texts, X=big)
        assert np.isnan(found).any(axis=1).tolist() == [False, True, False]
        np.testing.assert_allclose(found[[0, 2]], fisher(texts[::2], X=big))

    def test_seed_rows_and_several_targets(self):
        many = np.tile(X, (8, 1)) + 0.1 * np.random.default_rng(2).standard_normal((720, 4))
        y = np.column_stack([many[:, 0], many[:, 1] ** 2])
        first = fisher(["tanh(x)"], X=many, y=y, n_outputs=2)
        np.testing.assert_array_equal(first, fisher(["tanh(x)"], X=many, y=y, n_outputs=2))
        assert (first != fisher(["tanh(x)"], X=many, y=y, n_outputs=2, seed=1)).any()

    def test_wrong_columns(self):
        with pytest.raises(ValueError, match="y has 1 columns, but n_outputs=2"):
            fisher(["tanh(x)"], n_outputs=2)

    def test_no_functions(self):
        assert fisher([]).shape == (0, 3 * FISHER_BINS)

    def test_global_streams_and_inputs_stay(self):
        rows = X.copy()
        rows.flags.writeable = False
        before = torch.random.get_rng_state()
        fisher(["tanh(x)"], X=rows)
        assert torch.equal(before, torch.random.get_rng_state())
