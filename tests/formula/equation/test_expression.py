from __future__ import annotations

import pickle

import numpy as np
import pytest
import sympy
from hypothesis import assume, example, given, settings

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import PRIMITIVES, ElementwiseExpression
from sktaskneuron.formula.text.canonical import make_call, make_power, make_product, make_sum
from sktaskneuron.formula.text.nodes import Number, Variable

from ..strategies import FUNCTION_TEXTS

parse = ElementwiseExpression.parse
POINTS = np.array([-2.3, -1.1, -0.4, 0.3, 0.9, 1.7, 2.6])


def parsed(text):
    """Parse a drawn text; drop those that are no finite function, such as log(0)."""
    try:
        return parse(text)
    except FormulaError as error:
        assume("finite" not in str(error) and "too large" not in str(error))
        raise


def plain_python(text):
    """Evaluate a text at POINTS as Python itself reads it: an oracle beside our parser."""
    names = {name: entry.numpy for name, entry in PRIMITIVES.items()}
    with np.errstate(all="ignore"):
        return eval(text, {"__builtins__": {}}, {**names, "x": POINTS})  # noqa: S307


@settings(max_examples=200)
@given(FUNCTION_TEXTS)
def test_parsing_the_text_gives_the_same_expression(text):
    expression = parsed(text)
    again = parse(expression.text)
    assert again == expression
    assert hash(again) == hash(expression)
    assert again.text == expression.text


@settings(max_examples=200)
@example("-(log(-(relu(x))))")  # infinite at some points, nowhere finite
@given(FUNCTION_TEXTS)
def test_canonical_form_keeps_the_value(text):
    expression = parsed(text)
    try:
        expected = plain_python(text)
    except (ZeroDivisionError, OverflowError, TypeError):
        assume(False)
    values = expression.evaluate(POINTS)
    expected = np.broadcast_to(np.asarray(expected), values.shape)
    assume(not np.iscomplexobj(expected))
    # Where Python's order of operations has a value at all, ours has the same one. Differences
    # of large numbers lose digits in both; points of size above 1e6 are left out.
    usable = np.isfinite(expected) & np.isfinite(values) & (np.abs(expected) < 1e6)
    condition = _condition(expression, usable)
    values, expected = values[usable], expected[usable]
    np.testing.assert_array_less(
        np.abs(values - expected), 1e-8 * condition * (1 + np.abs(expected))
    )


def _condition(expression, usable):
    """Return how much a relative change of x by 1e-12 is enlarged, per usable point."""
    with np.errstate(all="ignore"):
        moved = expression.evaluate(POINTS * (1 + 1e-12))[usable]
        here = expression.evaluate(POINTS)[usable]
        change = np.abs(moved - here) / 1e-12
    return 1 + np.nan_to_num(change, nan=1e12, posinf=1e12)


@given(FUNCTION_TEXTS)
def test_sympy_agrees_with_numpy(text):
    expression = parsed(text)
    symbol = sympy.Symbol("x")
    exported = expression.to_sympy(symbol)
    function = sympy.lambdify([symbol], exported, modules=["scipy", "numpy"])
    inside = expression.in_domain(POINTS)
    points = POINTS[inside]
    with np.errstate(all="ignore"):
        values = np.broadcast_to(np.asarray(function(points), dtype=complex), points.shape)
        expected = expression.evaluate(points)
    usable = np.isfinite(values) & (np.abs(expected) < 1e6)
    condition = _condition(expression, inside)[usable]
    values, expected = values[usable], expected[usable]
    assert np.all(np.abs(values - expected) <= 1e-8 * condition * (1 + np.abs(expected)))


@given(FUNCTION_TEXTS)
def test_pickle_round_trip(text):
    expression = parsed(text)
    assert pickle.loads(pickle.dumps(expression)) == expression


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("x*x", "x**2"),
        ("x*x*x/x", "x**2"),
        ("x + x", "2*x"),
        ("x - x", "0"),
        ("x/x", "1"),
        ("1 + 2*3", "7"),
        ("0.1 + 0.2", "0.3"),
        ("x*2*3", "6*x"),
        ("2*(x + 1)", "2*x + 2"),
        ("-(x - 1)", "-x + 1"),
        ("sin(x)*x", "x*sin(x)"),
        ("sin(x) + x**2 + x", "x + x**2 + sin(x)"),
        ("1 + x", "x + 1"),
        ("sin(-x)", "-sin(x)"),
        ("cos(1 - x)", "cos(x - 1)"),
        ("x**0.5", "sqrt(x)"),
        ("x*sqrt(x)", "x**1.5"),
        ("sqrt(x)*sqrt(x)", "x"),
        ("sqrt(x**2)", "sqrt(x**2)"),
        ("sqrt(x**2)**2*x", "x**3"),
        ("1/x", "1/x"),
        ("x**-2", "1/x**2"),
        ("3/(x*x)", "3/x**2"),
        ("(2*x)**3", "8*x**3"),
        ("(x**2)**3", "x**6"),
        ("(x + 1)*(2*x + 2)", "2*(x + 1)**2"),
        ("-x**2", "-x**2"),
        ("(-x)**2", "x**2"),
        ("2*-x", "-2*x"),
        ("--x", "x"),
        ("2**3**2*x", "512*x"),
        ("exp(0)*x", "x"),
        ("x*(3*x + 1)/x", "3*x + 1"),
        ("x\n*\ttanh( softplus(x) )", "x*tanh(softplus(x))"),
        ("sin(2.7*x)", "sin(2.7*x)"),
        ("x/(1 + abs(x))", "x/(abs(x) + 1)"),
        ("(-(x + 1))**0.5*(-(x + 1))**0.5*(x + 1)", "-(x + 1)**2"),
        ("1e16*x", "1e+16*x"),
    ],
)
def test_canonical_text(text, canonical):
    assert parse(text).text == canonical


def test_typed_numbers_are_never_rounded():
    number = 0.1 + 0.2
    assert parse(f"{number!r}*x").evaluate(1.0) == number
    assert parse(f"sin({number!r}*x) + {number!r}").text == (f"sin({number!r}*x) + {number!r}")


@pytest.mark.parametrize(
    ("text", "power"),
    [
        ("x", 1),
        ("x*x", 2),
        ("x**7", 7),
        ("2*x", None),
        ("1/x", None),
        ("x**0.5", None),
        ("3", None),
    ],
)
def test_power(text, power):
    assert parse(text).power == power
    assert parse(text).is_power == (power is not None)


@pytest.mark.parametrize(
    ("text", "complexity"),
    [("x", 1), ("sin(x)", 2), ("x**2", 3), ("1/x", 3), ("sqrt(x)", 2), ("2*x", 3), ("-x", 2)],
)
def test_complexity_counts_nodes(text, complexity):
    assert parse(text).complexity == complexity


@pytest.mark.parametrize(
    ("text", "left"),
    [("2*x", "x"), ("-sin(x)", "sin(x)"), ("3*x + 6*x**2 + 1", "x + 2*x**2"), ("2*x + 1", "x")],
)
def test_without_scale_drops_what_weight_and_bias_carry(text, left):
    assert parse(text).without_scale().text == left
    assert parse(left).without_scale().text == left


def test_without_scale_of_a_constant_is_nothing():
    assert parse("3").without_scale() is None
    assert parse("3").is_constant


@pytest.mark.parametrize(
    ("text", "outside"),
    [
        ("log(x)", [-1.0, 0.0]),
        ("sqrt(x)", [-1.0]),
        ("1/x", [0.0]),
        ("x**1.5", [-1.0]),
        ("1/(x - 2)", [2.0]),
        ("exp(x)", [800.0]),
        ("tan(x)", [2.0]),
        ("x", [np.nan, np.inf]),
    ],
)
def test_in_domain(text, outside):
    expression = parse(text)
    assert not expression.in_domain(outside).any()
    assert expression.in_domain([0.5, 1.0]).all()


def test_evaluate_does_not_write_or_hand_out_the_callers_array():
    x = np.linspace(0.1, 1, 5)
    x.flags.writeable = False
    for text in ("x", "x**5", "x*sin(x)", "relu(x) + x", "1/x"):
        result = parse(text).evaluate(x)
        assert not np.shares_memory(result, x)
        assert result.dtype == np.float64


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 2)])
def test_evaluate_keeps_the_shape(shape):
    for text in ("x", "2", "sin(x) + x**3"):
        assert parse(text).evaluate(np.ones(shape)).shape == shape


def test_own_namespace():
    assert parse("x*sin(x)").evaluate(2.0, {"sin": lambda v: v + 10}) == 24.0
    with pytest.raises(FormulaError, match="lacks the functions sqrt"):
        parse("sqrt(x)").evaluate(2.0, {})
    assert parse("7").evaluate(2.0, {}) == 7.0


def test_source_and_format():
    assert parse("x + sqrt(x)").to_source("z") == "z + np.sqrt(z)"
    assert parse("erf(x)**2").to_source("z") == "special.erf(z)**2"
    assert parse("x**2 + sin(x)").format("age") == "age**2 + sin(age)"


def test_trees_too_deep_to_read_back_are_refused():
    node = Variable()
    for _ in range(60):
        node = make_call("sin", node)
    with pytest.raises(FormulaError, match="too long"):
        ElementwiseExpression(node)


def test_builders_agree_with_the_parser():
    x = Variable()
    node = make_sum([make_product([Number(2.0), x, x]), make_power(make_call("sin", x), 2)])
    assert ElementwiseExpression(node) == parse("2*x*x + sin(x)**2")


def test_repr_reads_back():
    assert repr(parse("sin(x)")) == "ElementwiseExpression.parse('sin(x)')"
