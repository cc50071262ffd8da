"""Units are read by a grammar, and a law with units becomes one of groups without."""

from fractions import Fraction

import numpy as np
import pytest

from sktaskneuron.search.columns.dimensions import find_groups, power_product, unused_columns
from sktaskneuron.search.columns.units import read_unit


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("N", "kg*m/s**2"),
        ("J / (mol K)", "kg*m^2*s^-2*mol^-1*K^-1"),
        ("km/h", "m/s"),
        ("V*A", "W"),
        ("ohm·F", "s"),
        ("mm**(1/2)", "m^(2/4)"),
        ("rad", "1"),
        ("", "m/m"),
        ("mmol", "mol"),
        ("min", "s"),
        ("1/s", "Hz"),
        ((1, 0, -2), [1.0, 0.0, -2.0]),
    ],
)
def test_equal_units(one, other):
    assert read_unit(one) == read_unit(other)


def test_exponents():
    assert read_unit("Pa") == {"kg": Fraction(1), "m": Fraction(-1), "s": Fraction(-2)}
    assert read_unit((0, 0.5)) == {"base 2": Fraction(1, 2)}


@pytest.mark.parametrize(
    "text", ["furlong", "m**", "m**s", "(m", "m)", "m//s", "2*m", "m^1.5", "m;s"]
)
def test_texts_that_are_no_units(text):
    with pytest.raises(ValueError, match="cannot be read"):
        read_unit(text)


def test_what_is_no_unit():
    with pytest.raises(TypeError, match="a str or a sequence"):
        read_unit(3.0)


def ways(units, target, n=50):
    X = np.random.default_rng(0).uniform(1, 3, size=(n, len(units)))
    names = [f"x{i}" for i in range(len(units))]
    return X, find_groups(X, names, [read_unit(u) for u in units], read_unit(target))


def test_pendulum():
    X, found = ways(["m", "m/s**2", "rad"], "s")
    assert dict(found[0].scale) == {0: 0.5, 1: -0.5}
    assert [dict(g) for g in found[0].groups] == [{2: 1.0}]
    np.testing.assert_allclose(power_product(X, found[0].scale), np.sqrt(X[:, 0] / X[:, 1]))


def test_groups_repeat_the_same_columns():
    _, found = ways(["m/s", "m/s", "m/s"], "m/s")
    assert {tuple(way.scale) for way in found} == {(0,), (1,), (2,)}
    assert all(len(way.groups) == 2 for way in found)


def test_groups_have_no_unit():
    units = ["N*m**2/kg**2", "kg", "kg", "m", "m/s", "1"]
    read = [read_unit(unit) for unit in units]
    _, found = ways(units, "N")
    for way in found:
        for powers in way.groups:
            for base in ("kg", "m", "s"):
                assert sum(
                    e * float(read[i].get(base, 0)) for i, e in powers.items()
                ) == pytest.approx(0)


def test_a_column_whose_unit_nothing_cancels_is_left_out():
    _, found = ways(["m", "s", "K"], "m/s")
    assert unused_columns(found, 3) == [2]


def test_impossible_targets():
    with pytest.raises(ValueError, match="target_unit has kg, which no column has"):
        ways(["m", "s"], "kg")
    with pytest.raises(ValueError, match="no product of powers"):
        ways(["m/s", "m/s"], "m")
