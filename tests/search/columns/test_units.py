"""Units are read by a grammar, and a law with units becomes one of groups without."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from sktaskneuron import NeuronFormulaSearch
from sktaskneuron.formula import FittedExpression
from sktaskneuron.search.columns.differences import find_differences
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


def fitted(text, units, target_unit, ranges, n=300):
    rng = np.random.default_rng(0)
    low, high = np.array(ranges, dtype=float).T
    X = rng.uniform(low, high, size=(n, len(units)))
    truth = FittedExpression.parse(text, list(units)).evaluate(X)[:, 0]
    y = truth + 0.01 * truth.std() * rng.normal(size=n)
    search = NeuronFormulaSearch(
        "sr",
        scope="columns",
        units=units,
        target_unit=target_unit,
        max_steps=1,
    )
    return search.fit(pd.DataFrame(X, columns=list(units)), y)


def test_laws_are_written_in_the_columns():
    units = {"x": "m", "x0": "m", "s": "cm"}
    search = fitted("exp(-(x - x0)**2/(2*s**2))/s", units, "1/m", [(1, 3), (1, 3), (1, 2)])
    law = FittedExpression.parse("exp(-(x - x0)**2/(2*s**2))/s", list(units))
    X = np.random.default_rng(1).uniform(1, 3, size=(100, 3))
    np.testing.assert_allclose(search.fitted_formula_(X), law(X), atol=0.01)
    units = {"l": "m", "g": "m/s**2", "q": "K"}
    search = fitted("6.28*sqrt(l/g)", units, "s", [(1, 4), (5, 12), (1, 2)])
    assert str(search.fitted_formula_) == "6.28*sqrt(l)/sqrt(g)"
    assert search.caps_ == ("column 'q' left out: no other cancels its unit",)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"units": {"b": "m"}}, "units names 'b'"),
        ({"units": {"a": "furlong"}}, "NeuronFormulaSearch: the unit 'furlong' cannot be read"),
        ({"target_unit": "m"}, "target_unit needs units"),
        ({"units": {"a": "m"}, "target_unit": "kg"}, "target_unit has kg"),
        ({"units": {"a": "m"}, "scope": "neuron"}, "units=.* is not read with"),
        ({"units": {"a": "m"}, "target_type": "classes"}, "y holds classes"),
    ],
)
def test_refusals(parameters, message):
    frame = pd.DataFrame({"a": np.linspace(1, 2, 60)})
    search = NeuronFormulaSearch(**{"method": "sr", "scope": "columns", **parameters})
    with pytest.raises(ValueError, match=message):
        search.fit(frame, np.arange(60.0) % 7)


def test_impossible_targets():
    with pytest.raises(ValueError, match="target_unit has kg, which no column has"):
        ways(["m", "s"], "kg")
    with pytest.raises(ValueError, match="no product of powers"):
        ways(["m/s", "m/s"], "m")


def test_a_distance_stands_under_its_root():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.uniform(1, 5, (400, 4)), columns=["x1", "x2", "y1", "y2"])
    y = np.hypot(X.x2 - X.x1, X.y2 - X.y1)
    search = NeuronFormulaSearch(
        "sr", scope="columns", units=dict.fromkeys(X, "m"), target_unit="m", random_state=0
    ).fit(X, y + 0.01 * y.std() * rng.normal(size=400))
    assert search.score(2 * X, 2 * y) > 0.99999


def differences(text, units, target, ranges, noise=0.02, n=400):
    rng = np.random.default_rng(0)
    low, high = np.array(ranges, dtype=float).T
    X = rng.uniform(low, high, size=(n, len(units)))
    y = FittedExpression.parse(text, list(units)).evaluate(X)[:, 0]
    y = y + noise * y.std() * rng.normal(size=n)
    read = [read_unit(unit) for unit in units.values()]
    way = find_groups(X, list(units), read, read_unit(target))[0]
    return find_differences(X, y, np.ones(n), way, read)


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.1])
def test_columns_that_a_law_holds_by_their_difference(noise):
    units = {"l": "m", "p": "rad", "q": "rad"}
    ranges = [(1, 3), (0, 6), (0, 6)]
    assert differences("l*cos(p - q)", units, "m", ranges, noise) == [(1, 2)]
    assert differences("l*cos(p + q)", units, "m", ranges, noise) == []
    assert differences("l*cos(p)*cos(q)", units, "m", ranges, noise) == []
    units = {"m": "kg", "x0": "m", "x1": "m", "y0": "m", "y1": "m"}
    ranges = [(1, 2), (1, 2), (3, 4), (1, 2), (3, 4)]
    found = differences("m/((x1 - x0)**2 + (y1 - y0)**2)", units, "kg/m**2", ranges, noise)
    assert sorted(found) == [(1, 2), (3, 4)]


def test_what_has_no_difference():
    units = {"u": "m/s", "c": "m/s"}
    assert differences("u/sqrt(1 - u**2/c**2)", units, "m/s", [(1, 2), (3, 6)]) == []
    # other units, and a target that nothing explains
    assert differences("exp(u - c)", {"u": "1", "c": "1"}, "1", [(0, 1)] * 2, noise=9.0) == []
    assert differences("t*u", {"t": "s", "u": "1/s"}, "1", [(1, 2), (1, 2)]) == []


def test_a_law_of_distances_is_written_in_the_columns():
    units = {"m": "kg", "x0": "m", "x1": "m", "y0": "m", "y1": "m"}
    ranges = [(1, 2), (1, 2), (3, 4), (1, 2), (3, 4)]
    search = fitted("m/((x1 - x0)**2 + (y1 - y0)**2)", units, "kg/m**2", ranges)
    assert str(search.fitted_formula_) == "m/((x0 - x1)**2 + (y0 - y1)**2)"


def test_an_angle_between_two():
    units = {"l": "m", "p": "rad", "q": "rad"}
    search = fitted("l*cos(p - q)", units, "m", [(1, 3), (0, 6), (0, 6)])
    assert str(search.fitted_formula_) == "l*cos(p - q)"
