"""Transforms of the target and their inverses."""

import numpy as np
import pytest

from sktaskneuron.formula.text.evaluation import evaluate
from sktaskneuron.formula.text.nodes import Variable
from sktaskneuron.search.columns.builtin.links import LINKS, capped

BY_NAME = {link.name: link for link in LINKS}
#: Where each transform is defined and one to one.
DOMAINS = {
    "y": (-3, 3),
    "exp(y)": (-3, 3),
    "sin(y)": (-1.5, 1.5),
    "atanh(y)": (-0.95, 0.95),
}


def domain(name, n=60):
    return np.linspace(*DOMAINS.get(name, (0.1, 3)), n)


@pytest.mark.parametrize("name", BY_NAME)
class TestLinks:
    def test_inverse(self, name):
        link, y = BY_NAME[name], domain(name)
        value = link.forward(y)
        assert np.isfinite(value).all()
        back = evaluate(link.inverse(Variable("s")), {"s": value})
        np.testing.assert_allclose(back, y, rtol=1e-12, atol=1e-13)

    def test_slope_is_the_derivative(self, name):
        link, y = BY_NAME[name], domain(name)
        step = 1e-6 * (np.abs(y) + 0.01)
        # the largest value decides whether some transforms apply, so all rows move together
        numeric = (link.forward(y + step) - link.forward(y - step)) / (2 * step)
        np.testing.assert_allclose(np.abs(link.slope(y)), np.abs(numeric), rtol=1e-5)

    def test_weights_are_those_of_an_error_of_y(self, name):
        link, y = BY_NAME[name], domain(name)
        weight = np.random.default_rng(0).uniform(0.5, 2, size=len(y))
        given = link.given(y, weight)
        rows, moved = given.rows, given.weight
        np.testing.assert_array_equal(given.target, link.forward(y)[rows])
        first_order = weight[rows] / link.slope(y[rows]) ** 2
        free = moved < first_order * (1 - 1e-12)  # capped
        np.testing.assert_allclose(moved[~free], first_order[~free])
        assert (moved > 0).all()


@pytest.mark.parametrize("name", ["y**2", "1/y**2", "log(y)", "sqrt(y)", "log(1+1/y)"])
def test_rows_where_a_transform_is_not_defined(name):
    y = np.linspace(0.5, 2, 100)
    y[[3, 50]] = -1.0
    given = BY_NAME[name].given(y, np.ones(100))
    assert given.rows.tolist() == [i for i in range(100) if i not in (3, 50)]
    y[:10] = -1.0
    assert BY_NAME[name].given(y, np.ones(100)) is None


def test_transforms_of_a_range_refuse_wider_ones():
    wide = np.linspace(-20, 20, 50)
    for name in ("exp(y)", "sin(y)", "atanh(y)"):
        assert BY_NAME[name].given(wide, np.ones(50)) is None
    assert BY_NAME["1/y"].given(np.append(wide, 0.0), np.ones(51)).rows.size == 50


def test_no_weight_beyond_fifty_times_the_usual():
    weight = np.full(101, 2.0)
    moved = weight.copy()
    moved[7] = 1e9
    moved[8] = 60.0
    limited = capped(moved, weight)
    assert limited[7] == 50 * 2.0
    np.testing.assert_array_equal(np.delete(limited, 7), np.delete(moved, 7))


def test_the_usual_weight_is_that_of_copies():
    rng = np.random.default_rng(0)
    ratio = np.exp(5 * rng.normal(size=40))
    copies = rng.integers(1, 4, size=40)
    rows = np.repeat(np.arange(40), copies)
    weighted = capped(ratio * copies, copies.astype(float))
    repeated = capped(ratio[rows], np.ones(len(rows)))
    np.testing.assert_allclose(np.bincount(rows, repeated), weighted)
