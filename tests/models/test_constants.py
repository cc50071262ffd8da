"""Errors of an equation's numbers, beside closed forms and scipy's."""

import numpy as np
import pytest
from scipy.optimize import curve_fit
from scipy.special import expit

from sktaskneuron.formula import FittedExpression, FittedFormula, NeuronFormula
from sktaskneuron.formula.equation.constants import constants_text
from sktaskneuron.models.constants import constants_of, number_errors
from sktaskneuron.search.frame.observations import Observations
from sktaskneuron.search.frame.refit import refit_formula

ONES = np.ones(120)


def errors_of(equation, X, y, weight=ONES, *, classification=False, level=0.95):
    found = number_errors(equation, X, y[:, None], weight, classification=classification)
    return constants_of(equation, found, level)


def table(seed=0, n=120):
    return np.random.default_rng(seed).uniform(0.5, 3, size=(n, 2))


def by_least_squares(design, y, weight):
    gram = np.linalg.inv(design.T @ (design * weight[:, None]))
    coef = gram @ design.T @ (weight * y)
    free = weight.sum() - design.shape[1]
    return coef, np.sqrt(np.diag(gram) * (weight @ (y - design @ coef) ** 2) / free)


@pytest.mark.parametrize("weight", [ONES, np.random.default_rng(1).integers(1, 4, 120)])
def test_a_linear_equation_has_the_errors_of_least_squares(weight):
    X = table()
    y = 2 * X[:, 0] ** 2 - X[:, 1] + 5 + 0.1 * np.random.default_rng(1).normal(size=120)
    design = np.column_stack([ONES, X[:, 0] ** 2, X[:, 1]])
    coef, error = by_least_squares(design, y, weight)
    terms = dict(zip(["_", "_*a**2", "_*b"], zip(coef, error, strict=True), strict=True))
    text = f"{coef[1]!r}*a**2 + {coef[2]!r}*b + {coef[0]!r}".replace("np.float64", "")
    found = errors_of(FittedExpression.parse(text, ["a", "b"]), X, y, weight)
    assert {c.where for c in found} == set(terms)
    for constant in found:
        assert (constant.value, constant.standard_error) == pytest.approx(terms[constant.where])
        assert constant.lower < constant.value < constant.upper


def test_inner_numbers_and_exponents_have_those_of_curve_fit():
    X = table()
    y = 3 * X[:, 0] ** 1.7 * np.exp(-0.4 * X[:, 1]) + 0.05 * np.random.default_rng(0).normal(
        size=120
    )

    def law(x, c, p, r):
        return c * x[0] ** p * np.exp(r * x[1])

    best, covariance = curve_fit(law, X.T, y, p0=[3, 1.7, -0.4], xtol=1e-12)
    c, p, r = map(float, best)
    equation = FittedExpression.parse(f"{c}*a**{p}*exp({r}*b)", ["a", "b"])
    found = {constant.where: constant for constant in errors_of(equation, X, y)}
    expected = dict(zip([c, p, r], np.sqrt(np.diag(covariance)), strict=True))
    assert len(found) == 3
    assert any("a**_" in where for where in found)
    for constant in found.values():
        assert constant.standard_error == pytest.approx(expected[constant.value], rel=1e-4)


def test_log_odds():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 1))
    y = (rng.random(2000) < expit(1.5 * X[:, 0] - 0.5)).astype(float)
    equation = FittedExpression.parse("1.5*a - 0.5", ["a"], "logit")
    p = expit(1.5 * X[:, 0] - 0.5)
    design = np.column_stack([np.ones(2000), X[:, 0]])
    information = design.T @ (design * (p * (1 - p))[:, None])
    found = errors_of(equation, X, y, np.ones(2000), classification=True)
    error = np.sqrt(np.diag(np.linalg.inv(information)))
    assert [c.standard_error for c in found] == pytest.approx(error)
    assert found[1].upper - found[1].value == pytest.approx(1.959964 * error[1])


@pytest.mark.parametrize("center", [[0.0, 0.0, 0.0], [0.5, -0.25, 1.0]])
def test_a_product_of_sums_has_the_errors_of_its_monomials(center):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = (1.5 * X[:, 0] + X[:, 1]) * X[:, 2] + 0.1 * rng.normal(size=200)
    shape = NeuronFormula.parse("x + <x,x>:1")
    linear = np.where(np.asarray(center)[:, None] == 0, 0.0, 1.0)
    start = FittedFormula(
        shape,
        [0.0],
        [linear],
        {2: [[[1.0], [1.0], [0.0]], [[0.0], [0.0], [1.0]]]},
        {2: [[1.0]]},
        center=center,
    )
    seen = Observations(X, y[:, None], np.ones(200), start.feature_names, False)
    fitted = refit_formula(start, seen)
    found = errors_of(fitted, X, y, np.ones(200))
    products = [X[:, 0] * X[:, 2], X[:, 1] * X[:, 2]]
    alone = [] if center[0] == 0 else list(X.T)
    coef, error = by_least_squares(
        np.column_stack([np.ones(200), *products, *alone]), y, np.ones(200)
    )
    by_name = {constant.where: constant for constant in found}
    for place, name in enumerate(["_*x0*x2", "_*x1*x2"], start=1):
        assert by_name[name].value == pytest.approx(coef[place], rel=1e-3)
        assert by_name[name].standard_error == pytest.approx(error[place], rel=1e-2)


def test_columns_far_from_zero_are_shown_about_their_centers():
    rng = np.random.default_rng(0)
    year = rng.uniform(1990, 2020, size=(120, 1))
    y = 0.3 * (year[:, 0] - 2005) ** 2 + rng.normal(size=120)
    shape = NeuronFormula.parse("x**2")
    fitted = FittedFormula(
        shape, [0.0], [[[30.0]]], center=[2005.0], scale=[10.0], feature_names=["year"]
    )
    found = errors_of(fitted, year, y)
    assert [constant.where for constant in found] == ["_", "_*(year - 2005)**2"]
    assert found[1].value == pytest.approx(0.3)


def test_intervals_cover_the_truth():
    inside = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        X = rng.uniform(0, 3, size=(12, 1))
        y = np.exp(-0.8 * X[:, 0]) * 2 + 0.1 * rng.normal(size=12)
        (c, r), _ = curve_fit(lambda x, c, r: c * np.exp(r * x), X[:, 0], y, p0=[2, -0.8])
        equation = FittedExpression.parse(f"{c!s}*exp({r!s}*a)", ["a"])
        found = errors_of(equation, X, y, np.ones(12), level=0.8)
        inside += found[1].lower <= -0.8 <= found[1].upper
    assert 0.72 <= inside / 200 <= 0.88


def test_what_cannot_be_told():
    X = table()
    few = errors_of(FittedExpression.parse("2.5*a + 1", ["a", "b"]), X[:2], X[:2, 0], ONES[:2])
    assert np.isnan([constant.standard_error for constant in few]).all()
    softmax = FittedExpression.parse(["a", "2*a", "3*a"], ["a", "b"], "softmax")
    target = np.eye(3)[np.arange(120) % 3]
    assert number_errors(softmax, X, target, ONES, classification=True) is None
    exact = errors_of(FittedExpression.parse("2.5*a", ["a", "b"]), X, 2.5 * X[:, 0])
    assert exact[0].standard_error < 1e-12


def test_text_tells_outputs_apart():
    equation = FittedExpression.parse(["2*a", "3*b + 0.5"], ["a", "b"])
    X = table()
    Y = equation.evaluate(X) + np.random.default_rng(0).normal(size=(120, 2))
    found = number_errors(equation, X, Y, ONES, classification=False)
    lines = constants_text(constants_of(equation, found)).splitlines()
    assert lines[0].split()[:2] == ["where", "value"]
    assert [line.split()[0] for line in lines[1:]] == ["f[0]:", "f[1]:", "f[1]:"]


def test_constants_of_nature_have_errors():
    rng = np.random.default_rng(0)
    frequency = rng.uniform(1e13, 1e15, (200, 1))
    y = 1.4745e-50 * frequency[:, 0] ** 3
    y = y * (1 + 0.01 * rng.normal(size=200))
    equation = FittedExpression.parse("1.4745e-50*nu**3", ["nu"])
    found = number_errors(equation, frequency, y[:, None], np.ones(200), classification=False)
    (number,) = constants_of(equation, found)
    assert 1e-54 < number.standard_error < 1e-52
