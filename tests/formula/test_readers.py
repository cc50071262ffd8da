"""Readers of texts and JSON: whatever they are given, a value or a FormulaError."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import (
    ElementwiseExpression,
    FittedExpression,
    FittedFormula,
    NeuronFormula,
)

from .strategies import texts

PIECES = ["x", "y", "2", "0.5", "1e9", ".", "(", ")", "+", "-", "*", "**", "/", "<", ">", ",", ":"]
PIECES += [
    " ",
    "\n",
    "sin",
    "log",
    "relu",
    "max(",
    "`",
    "x,x>",
    "<x,x>:1",
    "e",
    "=",
    "'",
    '"',
    "\0",
]
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=20).map("".join),
    st.text(max_size=30),
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=2)), max_size=12).map("".join),
)
KEYS = ["format", "version", "pure", "interactions", "expressions", "feature_names", "link"]
KEYS += ["formula", "intercept", "pure_weights", "factors", "loadings", "center", "scale", "lower"]
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
PLAIN = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=12,
)
VALUES = [
    NeuronFormula.parse("x + sin(x) + <x,x>:1"),
    FittedExpression.parse("2*a + sin(b)", ["a", "b"]),
    FittedFormula(NeuronFormula.parse("x"), [0.5], [[[1.0], [2.0]]]),
]


@texts(150)
@given(TEXTS)
@pytest.mark.parametrize("reader", [ElementwiseExpression.parse, NeuronFormula.parse])
def test_formulas(reader, text):
    try:
        formula = reader(text)
    except FormulaError:
        return
    assert reader(str(formula)) == formula


@texts(150)
@given(TEXTS, TEXTS)
def test_equations_of_columns(text, name):
    try:
        equation = FittedExpression.parse(text, ["x", name])
    except FormulaError:
        return
    assert FittedExpression.from_json(equation.to_json()) == equation


@texts(60)
@given(data=st.data())
@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_json_with_other_values(value, data):
    plain = json.loads(value.to_json())
    for key in data.draw(st.lists(st.sampled_from(sorted(plain)), max_size=3)):
        plain[key] = data.draw(PLAIN)
    read(type(value), json.dumps(plain))


@texts(60)
@given(st.one_of(TEXTS, PLAIN.map(json.dumps)))
@pytest.mark.parametrize("kind", [type(value) for value in VALUES])
def test_json_of_anything(kind, text):
    read(kind, text)


def read(kind, text):
    try:
        value = kind.from_json(text)
    except FormulaError:
        return
    assert kind.from_json(value.to_json()).to_json() == value.to_json()
