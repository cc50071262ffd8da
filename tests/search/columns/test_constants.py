"""The numbers of a tree: found and put back in order, fitted, made simple; trees made shorter."""

import math

import numpy as np
import pytest

from sktaskneuron.formula import PRIMITIVES
from sktaskneuron.formula.text.nodes import complexity, render
from sktaskneuron.formula.text.parser import parse_node
from sktaskneuron.search.columns.constants import (
    NamedRows,
    free_constants,
    refit,
    with_constants,
    with_slopes,
)
from sktaskneuron.search.columns.polish import pruned, simple_values, snapped
from sktaskneuron.search.columns.simplify import simplified, with_common_factor

NAMES = ("a", "b", "c")


def tree(text):
    return parse_node(text, NAMES)


def draw(text, noise=0.0, n=300, seed=0, low=0.5, high=3.0, weight=None):
    """Rows of three columns and the values of an expression of them."""
    rng = np.random.default_rng(seed)
    columns = {name: rng.uniform(low, high, n) for name in NAMES}
    rows = NamedRows(columns, np.zeros(n), np.ones(n) if weight is None else weight)
    y = rows.values(tree(text))
    return NamedRows(columns, y + noise * y.std() * rng.standard_normal(n), rows.weight)


@pytest.mark.parametrize(
    "text", ["2*a + 3*sin(4*b + 5) - 6", "a*(b + 7)**2/(c - 8)", "exp(-0.5*a**2)*3", "a", "1.5"]
)
def test_numbers_go_back_where_they_were(text):
    node = tree(text)
    values = free_constants(node)
    assert render(with_constants(node, values)) == render(node)
    tripled = with_constants(node, [3 * v for v in values])
    assert free_constants(tripled) == [3 * v for v in values]


@pytest.mark.parametrize("name", sorted(set(PRIMITIVES) - {"sign", "sqrt"}))
def test_slopes_are_derivatives(name):
    x = np.linspace(0.15, 0.85, 7)
    node = parse_node(f"2.5*{name}(0.7*a + 0.1)*a + 0.3/(a + 1.1)**2", ("a",))
    theta = np.asarray(free_constants(node))
    _, slopes = with_slopes(node, theta, {"a": x})
    assert len(slopes) == len(theta)
    for place, slope in enumerate(slopes):
        step = 1e-6 * abs(theta[place])
        up, down = theta.copy(), theta.copy()
        up[place] += step
        down[place] -= step
        values = [with_slopes(node, t, {"a": x})[0] for t in (up, down)]
        np.testing.assert_allclose(
            slope, (values[0] - values[1]) / (2 * step), rtol=1e-5, atol=1e-8
        )


def test_inner_numbers_are_found():
    rows = draw("3*sin(2.7*a + 0.4) + 1.3", noise=0.01)
    found = refit(tree("2*sin(2.5*a + 0.1) + 1"), rows)
    np.testing.assert_allclose(sorted(free_constants(found)), [0.4, 1.3, 2.7, 3.0], rtol=0.03)


def test_a_fit_respects_weights():
    rng = np.random.default_rng(1)
    copies = rng.integers(1, 4, size=80)
    rows = draw("exp(0.3*a)", noise=0.2, n=80, weight=copies.astype(float))
    repeated = NamedRows(
        {name: np.repeat(v, copies) for name, v in rows.columns.items()},
        np.repeat(rows.y, copies),
        np.ones(copies.sum()),
    )
    start = tree("1.1*exp(0.2*a)")
    values = [free_constants(refit(start, r)) for r in (rows, repeated)]
    np.testing.assert_allclose(*values, rtol=1e-8)
    assert rows.criterion(start) == pytest.approx(repeated.criterion(start))


def test_simple_numbers():
    assert simple_values(1.98)[0] == 2.0
    assert simple_values(0.51)[0] == 0.5
    assert math.pi / 4 in simple_values(0.786)
    assert all(abs(v - 0.123) < 0.05 * 0.123 for v in simple_values(0.123))


@pytest.mark.parametrize("true", [2.0, 0.5, 0.3])
def test_numbers_within_the_noise_become_simple(true):
    rows = draw(f"{true}*a*b + c", noise=0.02)
    found = snapped(refit(tree("1.7*a*b + 0.9*c"), rows), rows)
    assert found == tree(f"{true}*a*b + c")


def test_a_number_that_the_rows_tell_stays():
    rows = draw("0.123456*a + b")
    found = snapped(refit(tree("0.2*a + 0.8*b"), rows), rows)
    assert free_constants(found) == [pytest.approx(0.123456, rel=1e-9)]


def test_pruning_takes_out_what_does_not_pay():
    rows = draw("2*a + sin(b)", noise=0.05)
    kept = pruned(tree("2*a + 1.01*sin(b) + 0.001*c + 0.0001"), rows)
    assert render(with_constants(kept, [2.0, 1.0][: len(free_constants(kept))])) in (
        "2*a + sin(b)",
        "2*a + 1*sin(b)",
    )
    inside = pruned(tree("sqrt(a**2 + b**2 + 0.0001*c)"), draw("sqrt(a**2 + b**2)", noise=0.02))
    assert "c" not in render(inside)


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("sqrt(a**2)", "a"),
        ("abs(a)", "a"),
        ("exp(1.5*log(a))", "a**1.5"),
        ("exp(2*log(a) + b)", "a**2*exp(b)"),
        ("c/(a*b + a*b**2)", "c/(a*b*(b + 1))"),
        ("1/(1/a/b + c**2/a/b)", "a*b/(c**2 + 1)"),
    ],
)
def test_shorter_forms_of_positive_columns(long, short):
    rows = draw(long)
    found = simplified(tree(long), rows)
    assert complexity(found) <= complexity(tree(short))
    np.testing.assert_allclose(rows.values(found), rows.y, rtol=1e-12)


def test_no_shorter_form_where_a_column_has_both_signs():
    rows = draw("sqrt(a**2)", low=-2.0, high=2.0)
    assert simplified(tree("sqrt(a**2)"), rows) == tree("sqrt(a**2)")


def test_common_factors():
    node = tree("a*b + a*c")
    assert with_common_factor(node) == tree("a*(b + c)")
    assert with_common_factor(tree("a*b + c")) == tree("a*b + c")
    assert with_common_factor(tree("a + a*b + 1")) == tree("a + a*b + 1")


@pytest.mark.parametrize("exponent", ["12", "-2.5", "(4/3)", "1.75"])
def test_exponents_of_a_shape(exponent):
    assert free_constants(tree(f"a**{exponent}")) == []


@pytest.mark.parametrize("exponent", [12.5, -12.75, 21.0, 1.3])
def test_exponents_that_are_fitted(exponent):
    """Among large halves and quarters one is always near."""
    assert free_constants(tree(f"a**{exponent}")) == [exponent]
    assert 12.5 not in simple_values(12.48, is_exponent=True)[:1]


def test_numbers_that_leave_nothing_at_all():
    x = np.linspace(0.1, 1.0, 40)
    rows = NamedRows({"a": x}, x**0.2, np.ones(40))
    found = refit(tree("a**0.198"), rows)
    assert rows.is_exact(rows.loss(found))
