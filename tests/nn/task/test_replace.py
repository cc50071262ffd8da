"""Task neurons in other people's modules: same outputs before training, products after it."""

import pytest
import torch
from torch import nn

from sktaskneuron.nn import (
    TaskNeuron,
    TaskNeuronConv1d,
    TaskNeuronConv2d,
    parameter_groups,
    replace_linear,
    scale_factors,
)

FORMULA = "x + x**2 + <x,x>:4"


class Residual(nn.Module):
    """A small residual network of images."""

    def __init__(self, width=8, n_classes=3):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(4))
        self.convolutions = nn.ModuleList(
            nn.Conv2d(width, width, 3, padding="same", groups=g) for g in (1, 2, 1, 4)
        )
        self.head = nn.Linear(width, n_classes)

    def forward(self, images):
        value = self.stem(images)
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            value = value + convolution(torch.relu(norm(value)))
        return self.head(value.mean(dim=(2, 3)))


class Transformer(nn.Module):
    """A small transformer of sequences."""

    def __init__(self, width=16, n_classes=3):
        super().__init__()
        self.embedding = nn.Linear(5, width)
        layer = nn.TransformerEncoderLayer(width, 2, 32, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(width, n_classes)

    def forward(self, sequences):
        mask = torch.zeros(sequences.shape[:2], dtype=torch.bool)
        return self.head(self.encoder(self.embedding(sequences), src_key_padding_mask=mask)[:, 0])


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def module_of(name):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        if name == "residual":
            return Residual(), normal(6, 3, 8, 8)
        if name == "transformer":
            return Transformer(), normal(6, 7, 5)
        return nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.Conv1d(4, 1, 2)), normal(6, 2, 9)


MODULES = ("residual", "transformer", "signals")


# the plain transformer's own fast path
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors is in prototype")
@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("scaled", [False, True])
def test_outputs_stay(name, scaled):
    module, inputs = module_of(name)
    task = replace_linear(module, FORMULA)
    if scaled:
        scale_factors(task.eval(), inputs)
    assert sum(isinstance(part, TaskNeuron) for part in task.modules()) > 1
    assert not any(isinstance(part, TaskNeuron) for part in module.modules())
    for mode in (True, False):
        module.train(mode), task.train(mode)
        torch.testing.assert_close(task(inputs), module(inputs), rtol=0, atol=1e-5)
    with torch.no_grad():  # torch's fast paths
        torch.testing.assert_close(task(inputs), module(inputs), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", MODULES)
def test_all_parameters_learn(name):
    module, inputs = module_of(name)
    task = replace_linear(module, FORMULA)
    target = normal(*task(inputs).shape, seed=1)
    optimizer = torch.optim.AdamW(parameter_groups(task, 0.01, 0.0))
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = (task(inputs) - target).square().mean()
        loss.backward()
        losses.append(float(loss.detach()))
        optimizer.step()
    assert losses[-1] < losses[0]
    for part in task.modules():
        if isinstance(part, TaskNeuron):
            assert bool(part.factors.grad.any())
            assert bool(part.loadings.grad.any())


def test_gradients_are_those_of_differences():
    module, inputs = module_of("residual")
    task = replace_linear(module, "x + <x,x>:2").double().eval()
    with torch.no_grad():
        for parameter in task.parameters():
            parameter.add_(0.1 * normal(*parameter.shape))
    few = inputs[:2, :, :4, :4].double().requires_grad_()
    assert torch.autograd.gradcheck(task, (few,))


@pytest.mark.parametrize("name", MODULES)
def test_export(name):
    module, inputs = module_of(name)
    task = replace_linear(module, FORMULA).eval()
    program = torch.export.export(task, (inputs,))
    torch.testing.assert_close(program.module()(inputs), task(inputs), rtol=0, atol=1e-5)


def test_what_other_code_reads_by_its_weight_stays():
    module, _ = module_of("transformer")
    task = replace_linear(module, FORMULA)
    assert type(task.encoder.layers[0].linear1) is TaskNeuron
    attention = task.encoder.layers[0].self_attn
    assert type(attention.out_proj) is type(module.encoder.layers[0].self_attn.out_proj)

    tied = nn.ModuleDict({"embedding": nn.Embedding(9, 4), "head": nn.Linear(4, 9, bias=False)})
    tied["head"].weight = tied["embedding"].weight
    tied["other"] = nn.Linear(4, 4)
    task = replace_linear(tied, FORMULA)
    assert type(task["head"]) is nn.Linear
    assert type(task["other"]) is TaskNeuron


def test_a_layer_of_two_names_stays_one():
    layer = nn.Linear(3, 3)
    task = replace_linear(nn.Sequential(layer, nn.ReLU(), layer), FORMULA)
    assert task[0] is task[2]


def test_a_layer_alone():
    assert type(replace_linear(nn.Linear(3, 2), FORMULA)) is TaskNeuron
    assert type(replace_linear(nn.Conv1d(3, 2, 3), FORMULA)) is TaskNeuronConv1d
    frozen = nn.Conv2d(3, 2, 3).double().requires_grad_(False)
    task = replace_linear(frozen, FORMULA)
    assert type(task) is TaskNeuronConv2d
    assert task.neuron.weight.dtype == torch.float64
    assert not task.neuron.weight.requires_grad


def test_skipped_layers_stay():
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    task = replace_linear(module, FORMULA, skip=["2"])
    assert (type(task[0]), type(task[2])) == (TaskNeuron, nn.Linear)
    with pytest.raises(ValueError, match="skip names '3', which is no layer to replace"):
        replace_linear(module, FORMULA, skip=["3"])
    for nothing in (nn.ReLU(), nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular")):
        with pytest.raises(ValueError, match="no Linear, Conv1d or Conv2d"):
            replace_linear(nothing, FORMULA)


@pytest.mark.parametrize("packed", [False, True])
def test_scaled_factors_fit_the_batch(packed):
    walk = normal(40, 3, 30).cumsum(dim=-1) + 5  # smooth, far from standard normal
    members = {"n_members": 2} if packed else {}
    layer = TaskNeuronConv1d(3, 4, 5, "x + <x,x>:3", **members)
    scale_factors(layer, walk.expand(2, -1, -1, -1) if packed else walk)
    patches = walk.unfold(2, 5, 1).permute(0, 2, 1, 3).flatten(0, 1).flatten(1)
    products = layer.neuron.product_signals(patches.expand(layer.n_layers, -1, -1))
    inner = patches @ layer.neuron.factors
    torch.testing.assert_close(inner.square().mean(dim=1), torch.ones(layer.n_layers, 6))
    spread, mean = torch.std_mean(products, dim=1, unbiased=False)
    torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-4)
    torch.testing.assert_close(spread, torch.ones_like(spread))


def test_trained_products_are_not_scaled():
    layer = TaskNeuron(3, 2, FORMULA)
    with torch.no_grad():
        layer.loadings.add_(1.0)
    with pytest.raises(ValueError, match="factors are scaled before training"):
        scale_factors(layer, normal(5, 3))
    scale_factors(nn.Sequential(nn.Linear(3, 1), TaskNeuron(1, 1, "x")), normal(5, 3))
