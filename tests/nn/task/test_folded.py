"""A folded network is the same function."""

import numpy as np
import pytest
import torch

from sktaskneuron.nn import TaskNetwork, folded

OPTIONS = {
    "default": {"terms": "periodic", "hidden_formula": "x + <x,x>:3"},
    "orders": {"formula": "x + <x,x>:3 + <x,x,x>:2", "out_features": 3},
    "linear": {"formula": "x", "skip": "none", "input_scale": False},
    "levels": {"terms": "piecewise", "n_levels": (3, 4)},
    "one_layer": {"hidden_layer_sizes": ()},
    "types": {"activation": ["tanh", "silu", "prelu(trainable=True)"]},
}


def network(n_members, **options):
    options = {"formula": "x + <x,x>:5", "out_features": 1, "hidden_layer_sizes": (9, 8), **options}
    made = TaskNetwork(6, n_members=n_members, dtype=torch.float64, generator=0, **options)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for values in (*made.parameters(), *made.buffers()):
            if values.is_floating_point() and values is not getattr(
                made.input.terms, "edges", None
            ):
                values.add_(0.3 * torch.randn(values.shape, generator=generator))
    if options.get("terms") == "piecewise":
        made.load_edges(np.tile(np.linspace(-2, 2, 17), (4, 1)))
    return made.eval()


@pytest.mark.parametrize("n_members", [None, 3])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_the_same_function(options, n_members):
    made = network(n_members, **options)
    X = np.random.default_rng(0).normal(size=(10, 6))
    if "n_levels" in options:
        X[:, 4:] = np.random.default_rng(1).integers(-1, 5, size=(10, 2))
    rows = torch.from_numpy(X)
    if n_members:
        rows = rows.expand(n_members, *rows.shape)
    small = folded(made)
    assert small is not made
    with torch.inference_mode():
        np.testing.assert_allclose(small(rows), made(rows), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("options", [{"formula": "x + sin(x)"}, {"skip": "formula"}])
def test_what_does_not_fold_stays(options):
    made = network(2, **options)
    assert folded(made) is made
