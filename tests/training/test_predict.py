"""Prediction in chunks: a row's value depends on that row alone."""

import itertools

import numpy as np
import pytest
import torch

from sktaskneuron.nn import TaskNetwork
from sktaskneuron.training import predict_in_chunks


@pytest.fixture
def n_threads():
    """Set torch's number of threads; put it back afterwards."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def network(width, dtype, formula="x + x**3 + sin(x) + <x,x>:5"):
    sizes = (width, width)
    return TaskNetwork(7, 3, formula, hidden_layer_sizes=sizes, dtype=dtype, generator=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("width", [64, 512])
def test_bit_equal_for_any_split_and_order_of_rows(width, dtype):
    module = network(width, dtype)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(700, 7))
    whole = predict_in_chunks(module, X, chunk=256)
    assert whole.dtype == np.float64
    edges = [0, 1, 2, 5, 130, 131, 388, 699, 700]
    parts = [predict_in_chunks(module, X[a:b], chunk=256) for a, b in itertools.pairwise(edges)]
    assert (np.concatenate(parts) == whole).all()
    order = rng.permutation(700)
    assert (predict_in_chunks(module, X[order], chunk=256) == whole[order]).all()


@pytest.mark.parametrize("width", [33, 100])
def test_bit_equal_for_any_number_of_threads(width, n_threads):
    module = network(width, torch.float32)
    X = np.random.default_rng(0).normal(size=(5000, 7))
    results = []
    for count in (1, 2, 3):
        n_threads(count)
        results.append(predict_in_chunks(module, X))
        assert torch.get_num_threads() == count
        order = np.random.default_rng(count).permutation(5000)
        assert (predict_in_chunks(module, X[order]) == results[0][order]).all()
    assert (results[0] == results[1]).all()
    assert (results[0] == results[2]).all()


def test_chunks_are_the_forward_pass():
    module = network(16, torch.float64)
    X = np.random.default_rng(0).normal(size=(50, 7))
    expected = module(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(predict_in_chunks(module, X, chunk=16), expected, rtol=1e-12)


def test_mode_is_evaluation_inside_and_restored_outside():
    module = TaskNetwork(7, 1, "x", hidden_layer_sizes=(8,), dropout=0.5)
    module.hidden.eval()
    X = np.ones((3, 7))
    assert (predict_in_chunks(module, X) == predict_in_chunks(module, X)).all()
    assert module.training
    assert not module.hidden.training


def test_odd_inputs():
    module = network(8, torch.float32)
    assert predict_in_chunks(module, np.ones((0, 7))).shape == (0, 3)
    X = np.asfortranarray(np.ones((4, 7), dtype=np.float32))
    X.flags.writeable = False
    assert predict_in_chunks(module, X).shape == (4, 3)
    assert predict_in_chunks(module, np.ones((4, 7), dtype=int).tolist()).shape == (4, 3)
    with pytest.raises(ValueError, match="chunk"):
        predict_in_chunks(module, X, chunk=0)
