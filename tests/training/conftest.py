"""Small tables that train in a moment."""

import numpy as np
import pytest
import torch

from sktaskneuron.nn import TaskNetwork
from sktaskneuron.training import TensorTable


def make_arrays(n_rows=96, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 4))
    y = X[:, 0] + X[:, 1] * X[:, 2] + 0.1 * rng.normal(size=n_rows)
    return X, y


def make_network(seed=0, **options):
    options = {"hidden_layer_sizes": (16,), "generator": seed, **options}
    return TaskNetwork(4, 1, "x + x**2 + <x,x>:3", **options)


@pytest.fixture
def table():
    return TensorTable.from_arrays(*make_arrays())


@pytest.fixture
def valid_table():
    return TensorTable.from_arrays(*make_arrays(seed=1))


@pytest.fixture(autouse=True)
def global_streams_stay_as_they_were():
    """No test of this room may move the caller's random streams."""
    torch_state = torch.random.get_rng_state()
    numpy_state = np.random.get_state()  # noqa: NPY002
    yield
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    after = np.random.get_state()  # noqa: NPY002
    assert (after[1] == numpy_state[1]).all()
    assert after[2:] == numpy_state[2:]
