"""Networks of signals and images: shapes, packs, specs, export."""

import pytest
import torch

from sktaskneuron.nn import ActivationSet, SignalNetwork, TaskNeuron, n_parameters

SHAPES = {"signal": (2, 13), "image": (1, 6, 9), "point": (1, 1)}


def network_of(name, **options):
    options = {"hidden_channels": (3, 4), "kernel_size": 3, "dtype": torch.float64, **options}
    return SignalNetwork(SHAPES[name], 2, "x + <x,x>:2", **options)


def rows_of(network, *lead):
    n = 1
    for length in network.in_shape:
        n *= length
    generator = torch.Generator().manual_seed(0)
    return torch.randn(*lead, n, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_and_spec(name):
    network = network_of(name, dropout=0.1, hidden_formula="x + x**2").eval()
    rows = rows_of(network, 5)
    assert network(rows).shape == (5, 2)
    twin = SignalNetwork.from_spec(network.spec(), dtype=torch.float64).eval()
    assert twin.spec() == network.spec()
    torch.testing.assert_close(twin(rows), network(rows), rtol=0, atol=0)


@pytest.mark.parametrize("name", ["signal", "image"])
@pytest.mark.parametrize("training", [False, True])
def test_a_pack_is_its_members(name, training):
    pack = network_of(name, n_members=3, generator=1).train(training)
    rows = rows_of(pack, 3, 7)
    outputs = pack(rows)
    for member in range(3):
        single = network_of(name).train(training)
        state = {}
        for key, value in pack.state_dict().items():
            own = value
            if value.ndim:
                size = len(value) // 3
                own = value[member * size : (member + 1) * size]
            state[key] = own
        single.load_state_dict(state)
        torch.testing.assert_close(single(rows[member]), outputs[member])


def test_the_formula_is_that_of_the_first_layer():
    formulas = [
        [str(layer.formula) for layer in network_of("signal", hidden_formula=h).convolutions]
        for h in (None, "x + x**2")
    ]
    assert formulas[0] == ["x + <x,x>:2", "x", "x", "x"]
    assert formulas[1] == ["x + <x,x>:2", *["x + x**2"] * 3]


def test_options_have_an_effect():
    base = n_parameters(network_of("signal"))
    for options in (
        {"depth": 1},
        {"hidden_channels": (3,)},
        {"kernel_size": 5},
        {"hidden_formula": "x + <x,x>:2"},
    ):
        assert n_parameters(network_of("signal", **options)) != base
    network, other = network_of("signal").eval(), network_of("signal", activation="relu").eval()
    rows = rows_of(network, 4)
    assert not torch.equal(network(rows), other(rows))
    dropped = network_of("signal", dropout=0.5)
    assert not torch.equal(dropped(rows), dropped(rows))


@pytest.mark.parametrize("name", ["signal", "image"])
def test_export(name):
    network = network_of(name, n_members=2).eval()
    rows = rows_of(network, 2, 4)
    batch = torch.export.Dim("batch", min=2)
    program = torch.export.export(network, (rows,), dynamic_shapes=({1: batch},))
    more = rows_of(network, 2, 9)
    torch.testing.assert_close(program.module()(more), network(more))


SET = ActivationSet.from_names(["sin", "x**2"])


@pytest.mark.parametrize("name", ["signal", "image"])
def test_types_are_types_of_channels(name):
    options = {"hidden_channels": (4,), "depth": 1, "kernel_size": 3}
    network = network_of(name, activation=SET, **options).eval()
    plain = network_of(name, activation="identity", **options).eval()
    seen = {}
    for key, value in (("typed", network), ("plain", plain)):
        value.pool.register_forward_pre_hook(lambda _, inputs, key=key: seen.update({key: inputs}))
        value(rows_of(value, 5))
    before, after = seen["plain"][0], seen["typed"][0]
    torch.testing.assert_close(after[:, :2], torch.sin(before[:, :2]), rtol=0, atol=1e-4)
    torch.testing.assert_close(after[:, 2:], before[:, 2:] ** 2, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "activation",
    [SET, ["relu", SET], ["sin", "prelu(trainable=True)"], [["relu"], SET, ["sin"], ["tanh"]]],
    ids=["a set", "a text and a set", "a learned parameter", "one for each layer"],
)
def test_activations_are_stored(activation):
    network = network_of("signal", activation=activation, n_members=2)
    twin = SignalNetwork.from_spec(network.spec(), dtype=torch.float64)
    twin.load_state_dict(network.state_dict())
    rows = rows_of(network, 2, 5)
    torch.testing.assert_close(twin.eval()(rows), network.eval()(rows), rtol=0, atol=0)
    assert twin.spec() == network.spec()


def test_activations_for_other_layers():
    with pytest.raises(ValueError, match="is of 3 hidden layers, the network has 4"):
        network_of("signal", activation=[["relu"]] * 3)


def test_output_is_linear():
    assert str(network_of("signal").output.formula) == "x"
    assert isinstance(network_of("signal").output, TaskNeuron)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"in_shape": (40,)}, "in_shape must be"),
        ({"in_shape": (1, 0)}, "in_shape must be"),
        ({"hidden_channels": ()}, "a network needs blocks and layers"),
        ({"depth": 0}, "a network needs blocks and layers"),
        ({"activation": "reluu"}, "reluu"),
        ({"dropout": 1.0}, "dropout rate must be"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_bad_options_are_refused(options, message):
    options = {"in_shape": (1, 40), "out_features": 2, "formula": "x", **options}
    with pytest.raises(ValueError, match=message):
        SignalNetwork(**options)
