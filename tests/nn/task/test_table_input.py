"""What a network sees of a table: learned terms, vectors of levels, scales."""

import json

import numpy as np
import pytest
import torch

from sktaskneuron.nn import (
    LevelEmbedding,
    PeriodicTerms,
    TableInput,
    TaskNetwork,
)

N_MEMBERS = 3


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).to(dtype)


class TestPeriodicTerms:
    def test_equation(self):
        terms = PeriodicTerms(2, 3, 5, frequency_std=0.7, dtype=torch.float64, generator=1)
        x = normal(9, 2)
        p = {name: value.detach().numpy() for name, value in terms.named_parameters()}
        expected = np.empty((9, 2, 3))
        for i in range(2):
            angle = np.outer(x[:, i].numpy(), p["frequency"][i]) + p["phase"][i]
            expected[:, i] = np.cos(angle) @ p["mixing"][i] + p["constant"][i]
        found = terms(x).detach().numpy()
        np.testing.assert_allclose(found, expected.reshape(9, 6), rtol=1e-12)

    def test_packed_members_are_the_single_ones(self):
        packed = PeriodicTerms(2, 3, 5, n_members=N_MEMBERS, dtype=torch.float64, generator=1)
        single = PeriodicTerms(2, 3, 5, dtype=torch.float64)
        x = normal(N_MEMBERS, 9, 2)
        output = packed(x)
        assert output.shape == (N_MEMBERS, 9, 6)
        for member in range(N_MEMBERS):
            single.load_state_dict({k: v[member] for k, v in packed.state_dict().items()})
            torch.testing.assert_close(output[member], single(x[member]))

    def test_small_frequencies_start_smooth(self):
        x = torch.linspace(-2, 2, 200, dtype=torch.float64)[:, None]
        bends = []
        for frequency_std in (0.01, 0.1, 1.0):
            terms = PeriodicTerms(1, frequency_std=frequency_std, dtype=torch.float64, generator=0)
            bends.append(terms(x).diff(dim=0).diff(dim=0).abs().max().item())
        assert bends[0] < bends[1] / 10 < bends[2] / 100

    def test_start_comes_from_the_generator_alone(self):
        before = torch.random.get_rng_state()
        first, same, other = (PeriodicTerms(2, generator=seed) for seed in (0, 0, 1))
        assert torch.equal(torch.random.get_rng_state(), before)
        assert torch.equal(first.phase, same.phase)
        assert not torch.equal(first.phase, other.phase)
        first.reset_parameters(1)
        assert all(map(torch.equal, first.parameters(), other.parameters()))

    @pytest.mark.parametrize("sizes", [(0, 3, 4), (2, 0, 4), (2, 3, 0)])
    def test_empty_sizes_are_refused(self, sizes):
        with pytest.raises(ValueError, match="need columns, terms and frequencies"):
            PeriodicTerms(*sizes)


class TestLevelEmbedding:
    def test_vectors_of_levels(self):
        levels = LevelEmbedding([3, 5], 2, dtype=torch.float64, generator=0)
        table = levels.vectors.detach()
        codes = torch.tensor([[0.0, 0.0], [2.0, 4.0]])
        expected = torch.stack([torch.cat([table[0], table[3]]), torch.cat([table[2], table[7]])])
        torch.testing.assert_close(levels(codes), expected)

    def test_unknown_levels_are_zero_and_stay_so(self):
        levels = LevelEmbedding([3, 5], 2, dtype=torch.float64, generator=0)
        with torch.no_grad():
            levels.vectors.add_(1.0)  # as training might
        codes = torch.tensor([[3.0, 5.0], [-1.0, 99.0], [1.0, -7.0]])
        output = levels(codes)
        assert not output[:2].any()
        assert output[2, :2].all()
        assert not output[2, 2:].any()
        output.sum().backward()
        assert not levels.vectors.grad[-1].any()

    def test_packed_members_are_the_single_ones(self):
        packed = LevelEmbedding([3, 5], 4, n_members=N_MEMBERS, generator=0)
        single = LevelEmbedding([3, 5], 4)
        rng = np.random.default_rng(0)
        codes = torch.from_numpy(rng.integers(-1, 6, size=(N_MEMBERS, 20, 2))).float()
        output = packed(codes)
        assert output.shape == (N_MEMBERS, 20, 8)
        assert not torch.equal(packed.vectors[0], packed.vectors[1])
        for member in range(N_MEMBERS):
            with torch.no_grad():
                single.vectors.copy_(packed.vectors[member])
            torch.testing.assert_close(output[member], single(codes[member]))


class TestTableInput:
    def test_numbers_terms_and_levels_stand_side_by_side(self):
        terms = PeriodicTerms(2, 3, 4, dtype=torch.float64)
        levels = LevelEmbedding([4], 5, dtype=torch.float64)
        table = TableInput(4, terms=terms, levels=levels, dtype=torch.float64)
        X = torch.cat([normal(6, 3), torch.tensor([[0.0, 1, 2, 3, 4, -1]]).T.double()], dim=1)
        signals = table(X)
        assert table.n_signals == signals.shape[1] == 3 + 2 * 3 + 5
        expected = torch.cat([X[:, :3], terms(X[:, :2]), levels(X[:, 3:])], dim=1)
        torch.testing.assert_close(signals, expected)
        with torch.no_grad():
            table.scale.copy_(torch.arange(14.0))
        torch.testing.assert_close(table(X), expected * torch.arange(14.0, dtype=torch.float64))

    def test_plain_columns_pass_through(self):
        X = normal(6, 3)
        assert TableInput(3, scale=False)(X) is X
        assert torch.equal(TableInput(3, dtype=torch.float64)(X), X)

    def test_packed_scale(self):
        table = TableInput(3, n_members=N_MEMBERS, dtype=torch.float64)
        with torch.no_grad():
            table.scale.copy_(torch.arange(9.0).view(3, 3))
        X = normal(N_MEMBERS, 6, 3)
        for member in range(N_MEMBERS):
            torch.testing.assert_close(table(X)[member], X[member] * table.scale[member])

    def test_more_terms_than_numbers_are_refused(self):
        with pytest.raises(ValueError, match="terms of 3 columns, but only 2 exist"):
            TableInput(3, terms=PeriodicTerms(3), levels=LevelEmbedding([4]))


OPTIONS = {
    "hidden_layer_sizes": (6, 5),
    "terms": "periodic",
    "n_term_columns": 2,
    "n_terms": 2,
    "n_frequencies": 3,
    "frequency_std": 0.2,
    "n_levels": (4, 7),
    "dropout": 0.2,
}


class TestNetwork:
    @pytest.mark.parametrize("n_members", [None, 3])
    @pytest.mark.parametrize("terms", ["periodic", "piecewise", None])
    def test_spec_round_trip(self, terms, n_members):
        options = {**OPTIONS, "terms": terms, "n_members": n_members}
        network = TaskNetwork(5, 2, "x + <x,x>:2", **options, generator=3).eval()
        spec = json.loads(json.dumps(network.spec()))
        twin = TaskNetwork.from_spec(spec, generator=4).eval()
        assert twin.spec() == network.spec()
        twin.load_state_dict(network.state_dict())
        X = normal(*(() if n_members is None else (n_members,)), 9, 5, dtype=torch.float32)
        assert torch.equal(twin(X), network(X))

    def test_terms_are_for_columns_that_are_no_levels(self):
        network = TaskNetwork(5, 1, "x", terms="periodic", n_terms=2, n_levels=(4,))
        assert network.input.terms.n_columns == 4
        assert network.input.n_signals == 4 + 4 * 2 + 8

    def test_no_numeric_columns_means_no_terms(self):
        network = TaskNetwork(1, 1, "x", terms="periodic", n_levels=(4,))
        assert network.input.terms is None
        assert network(torch.tensor([[2.0]])).shape == (1, 1)

    def test_reset_parameters_gives_the_same_network_as_construction(self):
        network = TaskNetwork(5, 1, "x + <x,x>:2", **OPTIONS, generator=1)
        torch.nn.init.zeros_(network.input.scale)
        network.reset_parameters(0)
        fresh = TaskNetwork(5, 1, "x + <x,x>:2", **OPTIONS, generator=0)
        for name, value in fresh.state_dict().items():
            assert torch.equal(value, network.state_dict()[name]), name

    def test_every_parameter_has_a_rate(self):
        network = TaskNetwork(5, 1, "x + <x,x>:2", **OPTIONS)
        groups = network.parameter_groups(0.1, 0.01)
        rates = {id(p): g["lr"] for g in groups for p in g["params"]}
        assert rates.keys() == {id(p) for p in network.parameters()}
        terms = network.input.terms
        assert rates[id(terms.mixing)] == rates[id(network.input.levels.vectors)]
        assert rates[id(terms.frequency)] == pytest.approx(2 * np.pi * rates[id(terms.phase)])

    def test_linear_start_beside_terms(self):
        network = TaskNetwork(3, 2, "x", terms="periodic", dtype=torch.float64, generator=0)
        coefficients, intercept = normal(3, 2).numpy(), normal(2).numpy()
        network.load_linear(coefficients, intercept)
        X = normal(8, 3)
        expected = X.numpy() @ coefficients + intercept
        np.testing.assert_allclose(network(X).detach().numpy(), expected, rtol=1e-12, atol=1e-12)
        with pytest.raises(ValueError, match="columns that hold levels"):
            TaskNetwork(3, 2, "x", n_levels=(4,)).load_linear(coefficients, intercept)

    def test_unknown_terms_are_refused(self):
        with pytest.raises(ValueError, match="periodic, piecewise, piecewise_embedding, got"):
            TaskNetwork(3, 1, "x", terms="splines")
