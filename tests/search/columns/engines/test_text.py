"""Foreign equations become canonical trees; hostile ones are left out, fast."""

import math
import time

import numpy as np
import pytest

from sktaskneuron.exceptions import EngineError, FormulaError
from sktaskneuron.formula.text.nodes import Variable, text_of
from sktaskneuron.formula.text.parser import parse_node
from sktaskneuron.search.columns.engines.rows import MAX_ROWS, drawn_rows
from sktaskneuron.search.columns.engines.text import parse_engine_text, read_front

VARIABLES = {"x0": Variable("a"), "x1": Variable("b c")}

HOSTILE = [
    "",
    "()",
    "x0 x1",
    "2x0",
    "x0 +",
    "sin",
    "sin()",
    "sin(x0, x1)",
    "pow(x0)",
    "x9",
    "__import__('os')",
    "__import__(x0)",
    "x0.__class__",
    "().__class__.__bases__[0]",
    "lambda: x0",
    "eval(x0)",
    "x0; x1",
    "x0[0]",
    "NaN",
    "Inf * x0",
    "1e999",
    "log(-1.0)",
    "x0 / 0.0",
    "x0 ^ 1e9",
    "x0 ^ 10 ^ 10 ^ 10",
    "9 ^ 9 ^ 9 ^ 9",
    "exp(exp(exp(9.0)))",
    "x0\x00",
    "x₀",
    "“x0”",
    "(" * 2_000 + "x0" + ")" * 2_000,
    "sin(" * 500 + "x0" + ")" * 500,
    "x0" + " ^ x0" * 500,
    "x0 + " * 1_000_000 + "x0",
    " " * 5_000_000,
    "`a`",
]


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("square(x0) * 2.5 - neg(x1)", "2.5*a**2 + `b c`"),
        ("-x0 ^ 2", "-a**2"),
        ("x0 ^ -1 ** 2.0", "1/a"),
        ("2 ^ 3 ^ 2 * x0", "512*a"),
        ("x0 ^ x1", "exp(`b c`*log(a))"),
        ("2.0 ^ x0", "exp(0.693147180559945*a)"),
        ("pow_abs(x0, 1.5)", "abs(a)**1.5"),
        ("inv(cube(x0)) / x1", "1/a**3/`b c`"),
        ("1.5f-3 * x0 + 2.5F0", "0.0015*a + 2.5"),
        ("plus(sub(x0, 1), mult(div(x0, x1), 3))", "a + 3*a/`b c` - 1"),
        ("sqrt_abs(x0) + log_abs(x1) + log1p(x0)", "sqrt(abs(a)) + log(abs(`b c`)) + log(a + 1)"),
        ("log2(x0 ^ 8.0)", f"{1 / math.log(2)!r}*log(a**8)"),
        ("cbrt(x0)", f"sign(a)*abs(a)**{1 / 3!r}"),
        ("- - (x0) -- 1", "a + 1"),
    ],
)
def test_equation(text, ours):
    assert parse_engine_text(text, VARIABLES) == parse_node(ours, ["a", "b c"])


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_an_error_fast(text):
    start = time.process_time()
    with pytest.raises(FormulaError):
        parse_engine_text(text, VARIABLES)
    assert time.process_time() - start < 0.5


def test_what_is_read_can_be_printed_and_read_again():
    node = parse_engine_text("sin(x0 * x1) / (1.0 - 0.25 * square(x1))", VARIABLES)
    assert parse_node(text_of(node), ["a", "b c"]) == node


def test_front_leaves_out_what_cannot_be_read():
    def read(text):
        return [parse_engine_text(text, VARIABLES)]

    found = read_front([*HOSTILE[:20], "x0", "x0 + 1.0", "x0 * 1.0"], read, "test")
    assert [text_of(node) for node in found] == ["a", "a + 1"]
    with pytest.raises(EngineError, match=r"engine='test' can be read; the first: expected a num"):
        read_front(HOSTILE, read, "test")
    with pytest.raises(EngineError, match="it is empty"):
        read_front([], read, "test")


def test_endless_fronts_are_cut():
    seen = []

    def read(text):
        seen.append(text)
        return [Variable("a")]

    read_front(("x0" for _ in range(10**9)), read, "test")
    assert len(seen) == 500
    seen.clear()
    read_front(("x" * 3_000 for _ in range(10**9)), read, "test")
    assert len(seen) == 66


# -- rows ------------------------------------------------------------------------------------------


def test_rows_are_drawn_as_often_as_their_weights_say():
    weight = np.random.default_rng(0).uniform(0.1, 3.0, 700)
    rows = drawn_rows(weight, seed=1)
    shares = weight / weight.sum() * len(rows)
    assert np.abs(np.bincount(rows, minlength=700) - shares).max() < 1
    np.testing.assert_array_equal(rows, drawn_rows(weight, seed=1))


def test_rows_are_few_and_unrepeated():
    np.testing.assert_array_equal(drawn_rows(np.full(99, 0.3), seed=0), np.arange(99))
    rows = drawn_rows(np.ones(3 * MAX_ROWS), seed=0)
    assert len(np.unique(rows)) == len(rows) == MAX_ROWS
    assert (rows != drawn_rows(np.ones(3 * MAX_ROWS), seed=1)).any()
