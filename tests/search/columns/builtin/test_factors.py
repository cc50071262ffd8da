"""Power products that are factors of a target, and columns that it depends on together only."""

import numpy as np
import pytest

from sktaskneuron.formula import FittedExpression
from sktaskneuron.formula.text.nodes import render
from sktaskneuron.search.columns.builtin.factors import find_factors, no_factor
from sktaskneuron.search.columns.dimensions import power_node

NAMES = tuple("abc")


def ways(X, y):
    return [way for way, _ in find_factors(X, y, np.ones(len(y)), NAMES)]


def texts(way):
    """Text of the factor, and of each group."""
    return render(power_node(NAMES, way.scale)), {
        render(power_node(NAMES, powers)) for powers in way.groups
    }


class TestFactors:
    def draw(self, n=300):
        rng = np.random.default_rng(0)
        return rng, rng.uniform(0.5, 3, (n, 3))

    @pytest.mark.parametrize("noise", [0, 0.01])
    def test_power_law_times_something(self, noise):
        rng, X = self.draw()
        y = X[:, 0] ** 2 * X[:, 1] ** -0.5 * (1 + np.cos(2 * X[:, 2]) ** 2)
        y *= 1 + noise * rng.normal(size=len(y))
        assert ("a**2/sqrt(b)", {"c"}) in [texts(way) for way in ways(X, y)]

    def test_thirds(self):
        _, X = self.draw()
        y = X[:, 0] ** (1 / 3) * (X[:, 1] + X[:, 2] ** 2)
        assert ways(X, y)[-1].scale == {0: 1 / 3}

    def test_all_of_a_power_law(self):
        _, X = self.draw()
        (way, *_) = ways(X, -4 * X[:, 0] / X[:, 1] ** 2)
        assert texts(way) == ("a/b**2", set())

    def test_the_loose_test_is_another_view(self):
        """Where the polynomial does not fit the rest, the strict test calls too much non-linear."""
        _, X = self.draw(400)
        y = X[:, 0] * np.abs(np.sin(6 * X[:, 1]) + 1.05) ** 2
        assert any(texts(way)[0].startswith("a") for way in ways(X, y))

    def test_none(self):
        _, X = self.draw()
        y = X[:, 0] + np.exp(X[:, 1]) * np.cos(X[:, 2]) + 4 * X[:, 2] * X[:, 0] ** 2 + 5 * X[:, 1]
        assert ways(X, y) == []
        assert ways(X - 2, X[:, 0]) == []  # no column is positive
        zero = X[:, 0].copy()
        zero[:60] = 0
        assert ways(X, zero) == []  # a fifth of the target has no logarithm
        assert ways(X[:12], y[:12]) == []  # rows are too few

    def test_no_factor(self):
        assert texts(no_factor(3)) == ("1", set(NAMES))


class TestGroups:
    """Groups of columns that leave a target as it is when they are scaled together."""

    @pytest.mark.parametrize(
        ("law", "groups"),
        [
            ("sqrt(1 + 2*a**2/(b*c))", 1),
            ("(a + b)/(1 + a*b/c**2)", 2),
            ("a*sin(b*c)", 1),
            ("b*c/(exp(b*c/a) - 1)", 1),
        ],
    )
    def test_fewer_columns_with_noise(self, law, groups):
        rng = np.random.default_rng(1)
        X = rng.uniform(1, 3, (600, 3)) / (2 if "sin" in law else 1)
        y = FittedExpression.parse(law, NAMES).evaluate(X)[:, 0]
        (way, *_) = ways(X, y + 0.01 * y.std() * rng.normal(size=len(y)))
        assert len(way.groups) == groups
        # what is left of y is a function of the groups: a power of the scale along none
        moved = X * np.exp(0.1 * rng.normal(size=3))
        held = [np.prod([moved[:, i] ** e for i, e in g.items()], axis=0) for g in way.groups]
        assert all(np.isfinite(values).all() for values in held)

    def test_sums_have_one_scale(self):
        rng = np.random.default_rng(2)
        X = rng.uniform(1, 3, (600, 3))
        y = X[:, 0] ** 2 + X[:, 1] * X[:, 2] + 0.01 * rng.normal(size=600)
        (way, *_) = ways(X, y)
        assert len(way.groups) == 1  # (b*c)/a**2
        assert sorted(abs(e) for e in way.groups[0].values()) in ([1, 1, 2], [0.5, 0.5, 1])

    def test_a_target_near_zero_with_noise(self):
        """The logarithm of noise says nothing: the fit is of y itself."""
        rng = np.random.default_rng(3)
        X = rng.uniform(0.6, 3, (600, 3))
        y = X[:, 0] ** 3 * X[:, 1] ** -2 * (1 + X[:, 2])
        noisy = y + 0.02 * y.std() * rng.normal(size=600)
        assert "a**3/b**2" in [texts(way)[0] for way in ways(X, noisy)]
