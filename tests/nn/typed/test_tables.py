"""Precision of functions that are read from tables."""

import numpy as np
import pytest
import torch

from sktaskneuron.nn import ActivationSet, DiverseNetwork, Grid, TableFunction, TaskNetwork
from sktaskneuron.training import arrays_to_module, module_to_arrays

SET = ActivationSet.from_names(["sin", "tanh"])
X = torch.linspace(-11, 11, 501, dtype=torch.float64)


def tables_of(network):
    return [m.coefficients for m in network.modules() if isinstance(m, TableFunction)]


def networks(functions, dtype):
    """Networks of both kinds that are given the functions of the types of their one layer."""
    return (
        DiverseNetwork(2, 1, (4,), [(2, [functions]), (1, [functions])], dtype=dtype),
        TaskNetwork(2, 1, "x", hidden_layer_sizes=(4,), activation=[functions], dtype=dtype),
    )


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_values_are_those_of_the_set(interpolation):
    for function, expected in zip(
        SET.functions(interpolation), SET(X.numpy(), interpolation), strict=True
    ):
        np.testing.assert_allclose(function(X).numpy(), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_have_the_dtype_of_the_input(dtype):
    function = SET.functions()[0]
    value, slope = function.value_and_slope(X.to(dtype))
    assert function(X.to(dtype)).dtype == value.dtype == slope.dtype == dtype
    rounded = function.to(torch.float32)
    np.testing.assert_allclose(rounded(X.to(dtype)), value, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_network_casts_copies(dtype):
    """What it was given stays as it is, for a network of another precision."""
    functions = SET.functions()
    for network in networks(functions, dtype):
        tables = tables_of(network)
        assert {table.dtype for table in tables} == {dtype}
        for table, expected in zip(tables, [*SET.coefficients()] * 2, strict=False):
            np.testing.assert_array_equal(table, torch.from_numpy(expected).to(dtype))
    for function, expected in zip(functions, SET.coefficients(), strict=True):
        np.testing.assert_array_equal(function.coefficients, expected)


def test_a_set_in_a_network_of_float64():
    network = TaskNetwork(2, 1, "x", hidden_layer_sizes=(4, 4), activation=SET, dtype=torch.float64)
    for table, expected in zip(tables_of(network), [*SET.coefficients()] * 2, strict=True):
        np.testing.assert_array_equal(table, expected)


@pytest.mark.parametrize("saved", [torch.float32, torch.float64])
@pytest.mark.parametrize("loaded", [torch.float32, torch.float64])
def test_states_load(saved, loaded):
    x = X[:10].reshape(5, 2) / 11
    for network in networks(SET.functions(), saved):
        twin = type(network).from_spec(network.spec(), dtype=loaded)
        arrays_to_module(twin, module_to_arrays(network))
        assert {table.dtype for table in tables_of(twin)} == {loaded}
        expected = network(x.to(saved)).double()
        exact = saved == loaded
        torch.testing.assert_close(
            twin(x.to(loaded)).double(), expected, rtol=0, atol=0 if exact else 1e-5
        )


def test_the_numbers_are_a_copy():
    table = np.zeros((4, 2))
    function = TableFunction(Grid(0, 1, 3), table)
    table[:] = 1
    assert not function.coefficients.any()
