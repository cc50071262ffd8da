"""Codes of bins, and broken lines mixed from them."""

import numpy as np
import pytest
import torch

from sktaskneuron.nn import PiecewiseLinearEmbedding, PiecewiseLinearTerms, TaskNetwork

N_MEMBERS = 3


def normal(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


class TestPiecewiseLinearTerms:
    def test_equation(self):
        """-1 below a bin, 1 above it, in it the place between."""
        edges = np.array([[-1.0, 0.0, 2.0, 3.0], [0.0, 1.0, 1.0, 1.0]])
        terms = PiecewiseLinearTerms(2, 3, edges, dtype=torch.float64)
        x = np.array([[-5.0, -5.0], [-0.25, 0.25], [0.5, 0.5], [3.0, 9.0]])
        expected = np.zeros((4, 2, 3))
        for i in range(2):
            for b in range(3):
                low, high = edges[i, b : b + 2]
                if high > low:
                    expected[:, i, b] = np.interp(x[:, i], [low, high], [-1.0, 1.0])
        found = terms(torch.from_numpy(x))
        np.testing.assert_allclose(found.numpy(), expected.reshape(4, 6), atol=1e-12)
        assert not found.view(4, 2, 3)[:, 1, 1:].any()  # empty bins

    def test_packed_input(self):
        terms = PiecewiseLinearTerms(2, 4, np.sort(normal(2, 5).numpy()), dtype=torch.float64)
        x = normal(N_MEMBERS, 7, 2)
        assert terms(x).shape == (N_MEMBERS, 7, 8)
        for member in range(N_MEMBERS):
            torch.testing.assert_close(terms(x)[member], terms(x[member]))

    def test_has_nothing_to_learn_but_a_state(self):
        terms = PiecewiseLinearTerms(2, 4)
        assert not list(terms.parameters())
        assert list(terms.state_dict()) == ["edges"]

    def test_edges_that_do_not_fit_are_refused(self):
        with pytest.raises(ValueError, match=r"shape \(2, 5\), got \(2, 4\)"):
            PiecewiseLinearTerms(2, 4, np.zeros((2, 4)))

    def test_edges_of_a_network(self):
        network = TaskNetwork(3, 1, "x", terms="piecewise", n_bins=4, n_term_columns=2)
        edges = np.sort(normal(2, 5).numpy())
        network.load_edges(edges)
        np.testing.assert_allclose(network.input.terms.edges, edges, rtol=1e-6)
        with pytest.raises(ValueError, match=r"shape \(2, 5\), got \(3, 5\)"):
            network.load_edges(np.zeros((3, 5)))
        with pytest.raises(ValueError, match="needs terms='piecewise' or"):
            TaskNetwork(3, 1, "x").load_edges(edges)


class TestPiecewiseLinearEmbedding:
    EDGES = np.array([[-1.0, 0.0, 2.0, 3.0], [0.0, 1.0, 1.0, 2.0], [5.0, 5.0, 5.0, 5.0]])

    def mixed(self, terms, x):
        """Mix the codes as the equation says."""
        codes = PiecewiseLinearTerms(3, 3, self.EDGES, dtype=torch.float64)(x)
        codes = codes.unflatten(-1, (3, 3)).unsqueeze(-1)
        return (codes * terms.mixing.unsqueeze(-4)).sum(dim=-2).flatten(-2)

    @pytest.mark.parametrize("n_members", [None, N_MEMBERS])
    def test_equation(self, n_members):
        """Bins without width too, and values on the edges and beyond."""
        terms = PiecewiseLinearEmbedding(
            3, 2, 3, self.EDGES, n_members=n_members, dtype=torch.float64
        )
        x = normal(*[N_MEMBERS] * (n_members is not None), 50, 3) * 3
        x[..., :4, :] = torch.from_numpy(self.EDGES.T)
        found = terms(x)
        assert found.shape == (*x.shape[:-1], 6)
        torch.testing.assert_close(found, self.mixed(terms, x))

    def test_gradients(self):
        terms = PiecewiseLinearEmbedding(
            3, 2, 3, self.EDGES, n_members=N_MEMBERS, dtype=torch.float64
        )
        x = (normal(N_MEMBERS, 50, 3) * 3).requires_grad_()
        wanted = (x, terms.mixing)
        pairs = [
            torch.autograd.grad(output.square().sum(), wanted)
            for output in (terms(x), self.mixed(terms, x))
        ]
        for found, expected in zip(*pairs, strict=True):
            torch.testing.assert_close(found, expected)

    def test_start_comes_from_the_generator_alone(self):
        before = torch.random.get_rng_state()
        first, same, other = (PiecewiseLinearEmbedding(2, generator=seed) for seed in (0, 0, 1))
        assert torch.equal(torch.random.get_rng_state(), before)
        assert torch.equal(first.mixing, same.mixing)
        first.reset_parameters(1)
        assert torch.equal(first.mixing, other.mixing)

    @pytest.mark.parametrize("sizes", [(0, 3, 4), (2, 0, 4), (2, 3, 0)])
    def test_empty_sizes_are_refused(self, sizes):
        with pytest.raises(ValueError, match="need columns, terms and bins"):
            PiecewiseLinearEmbedding(*sizes)

    def test_in_a_network(self):
        network = TaskNetwork(
            3, 1, "x", terms="piecewise_embedding", n_terms=2, n_bins=4, n_term_columns=2
        )
        edges = np.sort(normal(2, 5).numpy())
        network.load_edges(edges)
        np.testing.assert_allclose(network.input.terms.edges, edges, rtol=1e-6)
        assert network.input.n_signals == 3 + 2 * 2
        twin = TaskNetwork.from_spec(network.spec())
        twin.load_state_dict(network.state_dict())
        x = normal(9, 3).float()
        assert torch.equal(twin(x), network(x))
