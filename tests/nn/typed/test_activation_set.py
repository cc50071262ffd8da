"""Sets of activation functions as values, and the tables that they are read from."""

import pickle

import numpy as np
import pytest
import torch

from sktaskneuron.nn import ACTIVATIONS, ActivationSet, Grid, SubNetworks, TableFunction
from sktaskneuron.nn.typed.dictionary import approximate
from sktaskneuron.nn.typed.sub_networks import draw_sub_networks, sub_network_values
from sktaskneuron.nn.typed.tables import cubic_coefficients, linear_coefficients


def draw_networks(n_types=2, base="sin", seed=0):
    weights = draw_sub_networks(n_types, 20, torch.Generator().manual_seed(seed), torch.float64)
    return SubNetworks(*(w.numpy() for w in weights), base), weights


class TestTables:
    def test_knots_are_met(self):
        networks, _ = draw_networks()
        found = ActivationSet.from_sub_networks(networks)
        knots = found.grid.knots()
        for interpolation in ("linear", "cubic"):
            np.testing.assert_allclose(found(knots, interpolation), networks(knots), atol=1e-13)

    def test_cubic_tables_come_nearer_than_linear_ones(self):
        networks, _ = draw_networks()
        found = ActivationSet.from_sub_networks(networks)
        x = np.linspace(-9.9, 9.9, 777)
        linear = np.abs(found(x, "linear") - networks(x)).max()
        cubic = np.abs(found(x, "cubic") - networks(x)).max()
        assert linear < 1e-2
        assert cubic < 1e-4

    @pytest.mark.parametrize("interpolation", ["linear", "cubic"])
    def test_outside_they_go_on_straight(self, interpolation):
        found = ActivationSet.from_names(["tanh", "identity"])
        far = found([-30.0, -20.0, 20.0, 30.0], interpolation)
        np.testing.assert_allclose(far[1], [-30, -20, 20, 30], atol=1e-12)
        np.testing.assert_allclose(far[0], [-1, -1, 1, 1], atol=1e-6)

    @pytest.mark.parametrize("interpolation", ["linear", "cubic"])
    def test_torch_and_numpy_agree(self, interpolation):
        found = ActivationSet.from_sub_networks(draw_networks(3)[0])
        x = np.random.default_rng(0).uniform(-12, 12, size=(50, 7))
        module = found.to_torch(7, interpolation).double()
        value = module(torch.from_numpy(x)).numpy()
        parts = found(x, interpolation)
        for column, kind in enumerate([0, 0, 0, 1, 1, 2, 2]):
            np.testing.assert_allclose(value[:, column], parts[kind][:, column], rtol=1e-5)

    def test_gradient_is_the_slope(self):
        table = cubic_coefficients(np.sin(Grid().knots()), np.cos(Grid().knots()), Grid().step)
        function = TableFunction(Grid(), table).double()
        z = torch.linspace(-11, 11, 101, dtype=torch.float64).requires_grad_()
        value, slope = function.value_and_slope(z)
        (gradient,) = torch.autograd.grad(value.sum(), z)
        torch.testing.assert_close(slope, gradient)
        torch.testing.assert_close(value, function(z))
        inside = z.detach().abs() < 10
        torch.testing.assert_close(gradient[inside], torch.cos(z[inside]), atol=1e-4, rtol=0)

    def test_cubic_slope_has_no_jumps(self):
        grid = Grid(-2, 2, 9)
        values = np.random.default_rng(0).normal(size=9)
        function = TableFunction(grid, cubic_coefficients(values, None, grid.step)).double()
        knots = torch.from_numpy(grid.knots())
        left = function.value_and_slope(knots - 1e-9)[1]
        right = function.value_and_slope(knots + 1e-9)[1]
        torch.testing.assert_close(left, right, atol=1e-6, rtol=0)

    def test_a_nan_stays_one_and_harms_no_other(self):
        function = TableFunction(Grid(), linear_coefficients(np.sin(Grid().knots())))
        value = function(torch.tensor([float("nan"), 0.5, float("inf")]))
        assert torch.isnan(value[0])
        assert float(value[1]) == pytest.approx(np.sin(0.5), abs=5e-3)

    def test_sub_networks_in_numpy_and_torch_agree(self):
        networks, weights = draw_networks()
        x = np.linspace(-3, 3, 11)
        value = sub_network_values(weights, torch.from_numpy(x), "sin").numpy()
        np.testing.assert_allclose(networks(x), value, atol=1e-14)
        step = 1e-6
        slope = (networks(x + step) - networks(x - step)) / (2 * step)
        np.testing.assert_allclose(networks.slope(x), slope, atol=1e-8)

    @pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
    def test_slopes_do_not_depend_on_the_mode(self, mode):
        networks, _ = draw_networks()
        expected = networks.slope([0.0, 1.0])
        with mode():
            np.testing.assert_array_equal(networks.slope([0.0, 1.0]), expected)
            assert ActivationSet.from_names(["sin"]).slopes[0, 50] == pytest.approx(1.0)

    @pytest.mark.parametrize("base", ["zero", "relu", "tanh"])
    def test_bases(self, base):
        networks, _ = draw_networks(base=base)
        assert np.isfinite(networks.slope([-1.0, 0.5])).all()
        with pytest.raises(ValueError, match="unknown activation 'cosine'"):
            draw_networks(base="cosine")


class TestActivationSet:
    def test_parity(self):
        functions = {"odd": np.sin, "even": np.cos, "both": lambda x: np.sin(x) + np.cos(x)}
        found = ActivationSet.from_functions(functions).parity()
        np.testing.assert_allclose(found[:2], [0, 1], atol=1e-6)
        assert 0.3 < found[2] < 0.7

    def test_distances(self):
        found = ActivationSet.from_functions({"a": np.sin, "b": lambda x: np.sin(x) + 2.0})
        np.testing.assert_allclose(found.distances(), [[0, 2], [2, 0]], atol=1e-9)

    def test_one_type_of_a_set(self):
        found = ActivationSet.from_sub_networks(draw_networks(3)[0])
        alone = found[2]
        assert alone.names == ("type 3",)
        assert len(alone) == 1
        np.testing.assert_array_equal(alone([0.3]), found([0.3])[2:])
        np.testing.assert_allclose(alone.exact([0.3]), found.exact([0.3])[2:])
        assert [len(part) for part in found] == [1, 1, 1]

    def test_closed_form(self):
        networks, _ = draw_networks(1)
        found = ActivationSet.from_sub_networks(networks)
        value = eval(  # noqa: S307
            found.text(0, digits=12), {"sin": np.sin, "tanh": np.tanh, "x": 0.7}
        )
        assert value == pytest.approx(float(networks(0.7)[0]), abs=1e-10)
        with pytest.raises(AttributeError, match="only learned functions"):
            ActivationSet.from_names(["sin"]).text(0)

    @pytest.mark.parametrize("suffix", ["json", "npz"])
    @pytest.mark.parametrize("learned", [True, False])
    def test_round_trip(self, tmp_path, suffix, learned):
        found = ActivationSet.from_names(["sin", "relu"])
        if learned:
            found = ActivationSet.from_sub_networks(draw_networks()[0])
        path = tmp_path / f"set.{suffix}"
        found.save(path)
        for twin in (ActivationSet.load(path), pickle.loads(pickle.dumps(found))):
            assert twin.names == found.names
            assert twin.grid == found.grid
            np.testing.assert_array_equal(twin([0.3, -40.0]), found([0.3, -40.0]))
            if learned:
                np.testing.assert_array_equal(twin.exact(0.3), found.exact(0.3))

    @pytest.mark.parametrize(
        "text",
        ["", "[]", "{}", '{"kind": "ActivationSet", "format": 99}', '{"kind": "other"}', "nan"],
    )
    def test_other_texts_are_refused(self, text, tmp_path):
        with pytest.raises(ValueError, match="no JSON text of an ActivationSet"):
            ActivationSet.from_json(text)
        path = tmp_path / "other.npz"
        np.savez(path, other=np.zeros(2))
        with pytest.raises(ValueError, match="holds no ActivationSet"):
            ActivationSet.load(path)

    def test_what_has_no_end_is_not_read(self, tmp_path):
        packed = tmp_path / "bomb.npz"
        np.savez_compressed(packed, activation_set=np.zeros(2**24))
        assert packed.stat().st_size < 2**20
        sparse = tmp_path / "long.json"
        with open(sparse, "wb") as file:
            file.truncate(2**33)
        for path, reason in ((packed, "at most"), (sparse, "at most"), ("/dev/zero", "no file")):
            with pytest.raises(ValueError, match=reason):
                ActivationSet.load(path)

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            (np.zeros((2, 7)), "need the shape"),
            (np.full((1, 101), np.nan), "must be finite"),
            (np.zeros((0, 101)), "need the shape"),
        ],
    )
    def test_wrong_values(self, values, message):
        with pytest.raises(ValueError, match=message):
            ActivationSet(values)
        with pytest.raises(ValueError, match="a grid needs"):
            Grid(1.0, 1.0)
        with pytest.raises(ValueError, match="'cubic' or 'linear'"):
            ActivationSet.from_names(["sin"]).coefficients("quintic")

    def test_every_activation_has_a_table(self):
        found = ActivationSet.from_names(list(ACTIVATIONS))
        assert np.isfinite(found([-3.0, 0.1, 3.0])).all()

    def test_picture(self):
        pytest.importorskip("matplotlib").use("Agg")
        ax = ActivationSet.from_names(["sin", "relu"]).plot()
        assert [line.get_label() for line in ax.get_lines()[:2]] == ["sin", "relu"]


class TestFormulas:
    @pytest.mark.parametrize(
        ("function", "text"),
        [
            (lambda x: 2 * np.sin(3 * x), "2*sin(3*x)"),
            (np.tanh, "tanh(x)"),
            (lambda x: 1 - x**2, "-x**2 + 1"),
            (lambda x: np.exp(-(x**2)), "exp(-x**2)"),
            (lambda x: 0 * x + 3, "3"),
        ],
    )
    def test_known_functions(self, function, text):
        x = np.linspace(-6, 6, 241)
        found = approximate(x, function(x))
        assert found.text == text
        assert found.r2 > 0.9999
        table = ActivationSet.from_functions({"f": function}).symbolic()[0]
        assert table.r2 > 0.999

    def test_none_where_nothing_is_near(self):
        value = np.random.default_rng(0).normal(size=241)
        assert approximate(np.linspace(-6, 6, 241), value) is None
