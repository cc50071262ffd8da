"""A convolution of task neurons is the layer of task neurons on every patch."""

import pytest
import torch
from torch.nn import functional

from sktaskneuron.nn import TaskNeuron, TaskNeuronConv1d, TaskNeuronConv2d, parameter_groups

FORMULAS = {
    "linear": "x",
    "products": "x + <x,x>:3 + <x,x,x>:2",
    "functions of zero that are not zero": "x + x**2 + cos(x) + <x,x>:2",
}
PLACES = {
    "plain": {},
    "same": {"padding": "same"},
    "stride": {"stride": 2, "padding": 1},
    "dilation": {"dilation": 2, "padding": 2},
    "groups": {"groups": 2, "padding": 1},
}


def awake(layer, seed=0):
    """Give products and constants values, which start at zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return layer


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def on_patches(layer, images):
    """Apply a group's layer of neurons to the patches that torch unfolds, group by group."""
    padding = layer.padding[0][0]
    outputs = []
    for place, channels in enumerate(images.chunk(layer.groups, dim=1)):
        patches = functional.unfold(
            channels, layer.kernel_size, layer.dilation, padding, layer.stride
        )
        own = layer.neuron
        single = TaskNeuron(own.in_features, own.out_features, own.formula, dtype=torch.float64)
        state = own.state_dict()
        shared = ("mixing", "shift")
        single.load_state_dict({k: v if k in shared else v[place] for k, v in state.items()})
        outputs.append(single(patches.transpose(1, 2)))
    return torch.cat(outputs, dim=-1).transpose(1, 2)


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("place", PLACES)
def test_images_are_their_patches(formula, place):
    layer = awake(
        TaskNeuronConv2d(4, 6, 3, FORMULAS[formula], dtype=torch.float64, **PLACES[place])
    )
    images = normal(2, 4, 8, 7)
    outputs = layer(images)
    torch.testing.assert_close(outputs.flatten(2), on_patches(layer, images))
    plain = functional.conv2d(
        images,
        torch.zeros(6, 4 // layer.groups, 3, 3, dtype=torch.float64),
        None,
        layer.stride,
        layer.padding[0][0],
        layer.dilation,
        layer.groups,
    )
    assert outputs.shape == plain.shape


@pytest.mark.parametrize("place", PLACES)
def test_signals_are_images_of_one_row(place):
    formula, options = FORMULAS["functions of zero that are not zero"], PLACES[place]
    layer = awake(TaskNeuronConv1d(4, 6, 5, formula, dtype=torch.float64, **options))
    wide = {k: (0 if k == "padding" else 1, v) for k, v in options.items() if isinstance(v, int)}
    wide["groups"] = options.get("groups", 1)
    if options.get("padding") == "same":
        wide["padding"] = (0, 2)
    image = TaskNeuronConv2d(4, 6, (1, 5), formula, dtype=torch.float64, **wide)
    image.load_state_dict(layer.state_dict())
    signals = normal(3, 4, 20)
    torch.testing.assert_close(layer(signals), image(signals.unsqueeze(2)).squeeze(2))
    torch.testing.assert_close(layer(signals[0]), layer(signals)[0])


def test_even_kernels_keep_the_length_where_asked_to():
    layer = TaskNeuronConv1d(1, 2, 4, "x + <x,x>:2", padding="same", dilation=3)
    assert layer(torch.zeros(1, 1, 11)).shape == (1, 2, 11)


@pytest.mark.parametrize("groups", [1, 2])
def test_a_pack_is_its_members(groups):
    options = {"padding": "same", "groups": groups, "dtype": torch.float64}
    formula = FORMULAS["products"]
    pack = awake(TaskNeuronConv1d(2, 4, 3, formula, n_members=3, **options))
    signals = normal(3, 5, 2, 9)
    outputs = pack(signals)
    assert outputs.shape == (3, 5, 4, 9)
    for member in range(3):
        own = slice(member * groups, (member + 1) * groups)
        single = TaskNeuronConv1d(2, 4, 3, formula, **options)
        single.load_state_dict({name: v[own] for name, v in pack.state_dict().items()})
        torch.testing.assert_close(single(signals[member]), outputs[member])


def test_products_start_at_zero_and_wake():
    layer = TaskNeuronConv2d(2, 3, 3, "x + <x,x>:4", generator=0)
    plain = TaskNeuronConv2d(2, 3, 3, "x", generator=0)
    images = normal(8, 2, 6, 6).float()
    torch.testing.assert_close(layer(images), plain(images))
    optimizer = torch.optim.AdamW(parameter_groups(layer, 0.05, 0.0))
    target = (images[:, :1] * images[:, 1:])[:, :, 1:-1, 1:-1]
    moved = layer.neuron.factors.detach().clone()
    for _ in range(2):
        optimizer.zero_grad()
        (layer(images) - target).square().mean().backward()
        optimizer.step()
    assert bool(layer.neuron.loadings.any())
    assert bool((layer.neuron.factors != moved).any())


def test_rates_go_by_the_patch():
    layer = TaskNeuronConv1d(4, 8, 5, "x + <x,x>:2", groups=2)
    groups = parameter_groups(layer, 1.0, 1.0)
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    assert rates[id(layer.neuron.weight)] == pytest.approx((2 * 5) ** -0.5)
    assert rates[id(layer.neuron.loadings)] == pytest.approx(2**-0.5)


@pytest.mark.parametrize("formula", FORMULAS)
def test_export(formula):
    layer = awake(TaskNeuronConv2d(3, 4, 3, FORMULAS[formula], padding=1)).eval()
    rows = torch.export.Dim("rows", min=1)
    images = normal(2, 3, 6, 6).float()
    program = torch.export.export(layer, (images,), dynamic_shapes=({0: rows},))
    more = normal(5, 3, 6, 6, seed=1).float()
    torch.testing.assert_close(program.module()(more), layer(more))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": 3}, "groups must divide the channels"),
        ({"kernel_size": 0}, "kernel_size must be one or 1 whole numbers of at least 1"),
        ({"stride": (1, 2)}, "stride must be one or 1 whole numbers"),
        ({"padding": "same", "stride": 2}, "padding='same' needs stride=1"),
        ({"padding": "valid"}, "padding must be a number"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_bad_sizes_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TaskNeuronConv1d(4, 4, **{"kernel_size": 3, "formula": "x", **options})
