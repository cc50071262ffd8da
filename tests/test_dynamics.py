"""Trajectories: integrated from a field, and read back as states with their derivatives."""

import numpy as np
import pytest

from sktaskneuron.dynamics import check_integration, integrate, states_and_rates


def oscillator(x):
    return np.stack([x[:, 1], -x[:, 0]], axis=1)


@pytest.mark.parametrize("method", ["leapfrog", "rk4"])
def test_rates_of_an_integrated_orbit_are_the_field(method):
    t = np.linspace(0, 3, 301)
    starts = np.array([[1.0, 0.0], [0.0, 0.5]])
    orbits = integrate(oscillator, starts, t, method)
    np.testing.assert_allclose(orbits[0, :, 0], np.cos(t), atol=1e-6)
    states, rates, weight = states_and_rates(orbits, t, [1.0, 3.0])
    np.testing.assert_allclose(rates, oscillator(states), atol=1e-3)
    assert weight.tolist() == [1.0] * 301 + [3.0] * 301


def test_longest_step():
    calls = []

    def field(x):
        calls.append(len(x))
        return oscillator(x)

    integrate(field, np.array([[1.0, 0.0]]), np.array([0.0, 1.0]), "rk4", max_step=0.25)
    assert len(calls) == 4 * 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.0, 1.0], "euler", None), "method must be 'leapfrog' or 'rk4', got 'euler'"),
        (([], "rk4", None), "finite, increasing times"),
        ((1.0, "rk4", None), "finite, increasing times"),
        (([0.0, np.inf], "rk4", None), "finite, increasing times"),
        (([0.0, 1.0], "rk4", 0.0), "max_step must be positive, got 0.0"),
        (([0.0, 1.0], "rk4", np.nan), "max_step must be positive"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        check_integration(*arguments)


def test_weights_are_those_of_orbits():
    with pytest.raises(ValueError, match=r"2 orbits need as many weights, got \(3,\)"):
        states_and_rates(np.zeros((2, 3, 2)), [0.0, 1.0, 2.0], [1.0, 1.0, 1.0])
