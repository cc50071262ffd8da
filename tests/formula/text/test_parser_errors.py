"""Bad text: a clear message, and a caret under the place."""

from __future__ import annotations

import pickle
import random

import pytest

from sktaskneuron.exceptions import FormulaError, SkTaskNeuronError
from sktaskneuron.formula import ElementwiseExpression, NeuronFormula

# text, column of the caret, part of the message
BAD_FUNCTIONS = [
    ("x + sine(x)", 4, "did you mean 'sin'"),
    ("Tanh(x)", 0, "did you mean 'tanh'"),
    ("qqq(x)", 0, "known are abs"),
    ("x + yy", 4, "the variable is x"),
    ("x ^ 2", 2, "a power is written x**2"),
    ("x +", 3, "found the end of the text"),
    ("x * / x", 4, "found '/'"),
    ("x x", 2, "expected an operator before 'x'"),
    ("2x", 1, "expected an operator before 'x'"),
    ("x(2)", 1, "not a function"),
    ("sin x", 4, "expected '(' after the function sin"),
    ("sin", 3, "expected '(' after the function sin"),
    ("sin()", 4, "found ')'"),
    ("sin(x, x)", 5, "takes one argument"),
    ("(x + 1", 6, "to close the bracket"),
    ("x + 1)", 5, "unexpected ')'"),
    ("sin(x", 5, "to close sin"),
    ("2**x", 3, "an exponent must be a constant"),
    ("x**(1/0)", 6, "not a finite real number"),
    ("x**101", 3, "too large"),
    ("x + 1/0", 6, "not a finite real number"),
    ("log(0)", 0, "not a finite real number"),
    ("x*(-1)**0.5", 2, "not a finite real number"),
    ("x + 1e999", 4, "too large"),
    ("x @ x", 2, "unexpected '@'"),
    ("x.real", 1, "unexpected character '.'"),
    ("x; x", 1, "unexpected character ';'"),
    ("é", 0, "unexpected character"),
    ("x = 2", 2, "unexpected character '='"),
    ("__import__(x)", 0, "unknown function"),
    ("x[0]", 1, "unexpected character '['"),
    ("1_000*x", 1, "expected an operator"),
    ("x**x", 3, "an exponent must be a constant"),
    ("\u0663*x", 0, "unexpected character"),
]

BAD_FORMULAS = [
    *((text, column, part) for text, column, part in BAD_FUNCTIONS),
    ("x @ x", 2, "it stands between a number and its function, as in 2@x**3"),
    ("2@x + sin(2@x)", 11, "expected ')' to close sin, found '@'"),
    ("<x,y>", 3, "expected x between the brackets"),
    ("<x,>", 3, "expected x between the brackets"),
    ("<>", 1, "expected x between the brackets"),
    ("<x", 2, "to close the interaction"),
    ("<x,x>:0", 6, "whole positive rank"),
    ("<x,x>:1.5", 6, "whole positive rank"),
    ("<x,x>:", 6, "whole positive rank"),
    ("<x,x>:-1", 6, "whole positive rank"),
    ("x + <x,x>:99999", 10, "at most 10000"),
    ("<x,x>*2", 5, "must stand alone"),
    ("x*<x,x>", 2, "must stand alone"),
    ("sin(<x,x>)", 4, "must stand alone"),
    ("<x,x> <x,x>", 6, "expected an operator before '<'"),
    ("x:2", 1, "unexpected ':'"),
    ("<" + ",".join("x" * 21) + ">", 0, "at most 20"),
]


@pytest.mark.parametrize(("text", "column", "part"), BAD_FUNCTIONS)
def test_bad_function_text_shows_the_place(text, column, part):
    with pytest.raises(FormulaError) as caught:
        ElementwiseExpression.parse(text)
    check(caught.value, text, column, part)


@pytest.mark.parametrize(("text", "column", "part"), BAD_FORMULAS)
def test_bad_formula_text_shows_the_place(text, column, part):
    with pytest.raises(FormulaError) as caught:
        NeuronFormula.parse(text)
    check(caught.value, text, column, part)


def check(error, text, column, part):
    assert error.position == column
    assert error.text == text
    lines = str(error).split("\n")
    assert part in lines[0]
    assert lines[-1] == " " * (4 + column) + "^"
    if text.isprintable() and len(text) - column <= 30:
        assert lines[-2] == "    " + text


def test_error_is_ours_and_a_value_error_and_pickles():
    with pytest.raises(ValueError, match="unknown") as caught:
        NeuronFormula.parse("x + yyy")
    error = caught.value
    assert isinstance(error, SkTaskNeuronError)
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert again.position == error.position


def test_long_text_is_cut_around_the_place():
    text = "x + " * 100 + "? + " + "x + " * 100 + "x"
    with pytest.raises(FormulaError) as caught:
        NeuronFormula.parse(text)
    _, shown, caret = str(caught.value).split("\n")
    assert len(shown) < 80
    assert shown[caret.index("^")] == "?"


def test_line_breaks_do_not_move_the_caret():
    with pytest.raises(FormulaError) as caught:
        NeuronFormula.parse("x +\n?")
    _, shown, caret = str(caught.value).split("\n")
    assert shown[caret.index("^")] == "?"


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_empty_text(text):
    with pytest.raises(FormulaError, match="empty"):
        NeuronFormula.parse(text)


@pytest.mark.parametrize("value", [None, 3, b"x", ["x"]])
def test_not_a_text(value):
    with pytest.raises(FormulaError, match="must be a str"):
        NeuronFormula.parse(value)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("(" * 1500 + "x" + ")" * 1500, "nested too deeply"),
        ("sin(" * 700 + "x" + ")" * 700, "nested too deeply"),
        ("2**" * 1000 + "2", "nested too deeply"),
        ("x + " * 5000 + "x", "at most 4000"),
    ],
)
def test_oversized_text_is_refused_without_recursion_error(text, part):
    with pytest.raises(FormulaError, match=part):
        NeuronFormula.parse(text)


def test_many_signs_and_terms_are_fine():
    assert str(NeuronFormula.parse("-" * 3000 + "x")) == "x"
    assert str(NeuronFormula.parse("+".join(["x"] * 2000))) == "x"
    assert ElementwiseExpression.parse("*".join(["x"] * 100)).text == "x**100"
    nested = "(" * 50 + "x" + ")" * 50
    assert ElementwiseExpression.parse(nested).text == "x"


def test_no_text_raises_anything_else():
    draw = random.Random(0)
    pieces = [
        "x",
        "2",
        ".",
        "(",
        ")",
        "+",
        "-",
        "*",
        "**",
        "/",
        "<",
        ">",
        ",",
        ":",
        " ",
        "sin",
        "e",
    ]
    accepted = 0
    for _ in range(3000):
        text = "".join(draw.choices(pieces, k=draw.randint(1, 12)))
        try:
            formula = NeuronFormula.parse(text)
        except FormulaError:
            continue
        accepted += 1
        assert NeuronFormula.parse(str(formula)) == formula
    assert accepted > 20
