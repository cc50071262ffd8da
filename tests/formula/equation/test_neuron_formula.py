from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import ElementwiseExpression, NeuronFormula

from ..strategies import TAME, TAME_FORMULAS


@given(TAME_FORMULAS)
def test_parsing_the_text_gives_the_same_formula(formula):
    again = NeuronFormula.parse(str(formula))
    assert again == formula
    assert hash(again) == hash(formula)


@given(TAME_FORMULAS)
def test_json_pickle_and_copies_round_trip(formula):
    assert NeuronFormula.from_json(formula.to_json()) == formula
    assert pickle.loads(pickle.dumps(formula)) == formula
    assert copy.deepcopy(formula) == formula
    assert NeuronFormula(formula.pure, formula.interactions) == formula


@given(st.lists(st.sampled_from(TAME), max_size=6), st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(terms, random):
    shuffled = terms + terms[:2]
    random.shuffle(shuffled)
    assert NeuronFormula(shuffled) == NeuronFormula(terms)
    assert NeuronFormula(shuffled).pure == NeuronFormula(terms).pure


@given(TAME_FORMULAS, TAME_FORMULAS)
def test_union(one, other):
    union = one | other
    assert set(union.pure) == set(one.pure) | set(other.pure)
    for order in union.interactions:
        ranks = one.interactions.get(order, 0), other.interactions.get(order, 0)
        assert union.interactions[order] == max(ranks)
    assert union == other | one
    assert union | one == union


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("x + x**2 + sin(x) + <x,x>:3 + <x,x,x>:1", "x + x**2 + sin(x) + <x,x>:3 + <x,x,x>:1"),
        ("<x,x,x> + sin(x) + 3*x*x - x", "x + x**2 + sin(x) + <x,x,x>:1"),
        ("0", "0"),
        ("5", "0"),
        ("x + 1", "x"),
        ("x + x", "x"),
        ("<x>", "x"),
        ("<x>:4 + x**2", "x + x**2"),
        ("<x,x>:2 + <x, x> + 2*<x,x>:3", "<x,x>:6"),
        ("x - <x,x>", "x + <x,x>:1"),
        ("2@x**3 - 1@x + 0.5@sin(x) + 7", "x + x**3 + sin(x)"),
        ("(x + x**2)", "(x + x**2)"),
        ("2*(x + x**2) + x", "x + (x + x**2)"),
        ("(3*x + 6*x**2 - 1) + sin(x)", "sin(x) + (x + 2*x**2)"),
        ("x**-1 + x", "x + 1/x"),
        ("- x", "x"),
    ],
)
def test_canonical_text(text, canonical):
    formula = NeuronFormula.parse(text)
    assert str(formula) == canonical
    assert NeuronFormula.parse(canonical) == formula


def test_fields():
    formula = NeuronFormula(pure=("x*x", "x"), interactions={3: 1, 2: np.int64(2)})
    assert formula.pure == ("x", "x**2")
    assert dict(formula.interactions) == {2: 2, 3: 1}
    assert list(formula.interactions) == [2, 3]
    assert type(formula.interactions[2]) is int
    assert formula.expressions[1] == ElementwiseExpression.parse("x**2")
    assert formula.complexity == 1 + 3 + 2 * 2 + 3 * 1
    assert formula.n_parameters(10, 4) == 2 * 40 + 2 * 10 * 2 + 2 * 4 + 3 * 10 + 4 + 4
    assert repr(formula) == "NeuronFormula(pure=('x', 'x**2'), interactions={2: 2, 3: 1})"


def test_empty_formula():
    empty = NeuronFormula()
    assert not empty
    assert str(empty) == "0"
    assert empty.complexity == 0
    assert empty.n_parameters(7, 3) == 3
    assert NeuronFormula.parse("x")
    assert NeuronFormula(interactions={2: 1})
    assert empty | NeuronFormula.parse("x") == NeuronFormula.parse("x")


def test_formula_is_frozen():
    formula = NeuronFormula.parse("x + <x,x>:2")
    with pytest.raises(AttributeError):
        formula.pure = ()
    with pytest.raises(AttributeError):
        formula.expressions = ()
    with pytest.raises(TypeError):
        formula.interactions[2] = 5


def test_different_formulas_differ():
    texts = ["0", "x", "x**2", "x + x**2", "(x + x**2)", "<x,x>:1", "<x,x>:2", "<x,x,x>:1"]
    assert len({NeuronFormula.parse(text) for text in texts}) == len(texts)
    assert NeuronFormula.parse("x") != "x"


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"pure": "x"}, "sequence of texts"),
        ({"pure": [3]}, "must be a str"),
        ({"pure": ["2"]}, "is a constant"),
        ({"pure": ["x +"]}, "end of the text"),
        ({"interactions": {1: 2}}, "orders start at 2"),
        ({"interactions": {21: 1}}, "at most 20"),
        ({"interactions": {2: 0}}, "ranks go from 1"),
        ({"interactions": {2: 1.5}}, "whole number"),
        ({"interactions": {2: True}}, "whole number"),
        ({"interactions": {"2": 1}}, "whole number"),
        ({"pure": [f"sin({i}.5*x)" for i in range(500)]}, "at most 4000"),
    ],
)
def test_bad_values(arguments, part):
    with pytest.raises(FormulaError, match=part):
        NeuronFormula(**arguments)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"},
        {"version": 2},
        {"version": "1"},
        {"version": True},
        {"pure": "x"},
        {"pure": [1]},
        {"pure": ["x("]},
        {"interactions": []},
        {"interactions": {"two": 1}},
        {"interactions": {"2": "1"}},
    ],
)
def test_bad_json(change):
    data = {**json.loads(NeuronFormula.parse("x + <x,x>:2").to_json()), **change}
    with pytest.raises(FormulaError):
        NeuronFormula.from_json(json.dumps(data))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, None])
def test_not_json(text):
    with pytest.raises(FormulaError):
        NeuronFormula.from_json(text)


def test_latex_of_the_neuron():
    latex = NeuronFormula.parse("x + sin(x) + <x,x>:3")._repr_latex_()
    assert latex.startswith("$")
    assert r"\sin{\left(x_{i} \right)}" in latex
    assert r"\sum_{r=1}^{3} v_{2,r} \prod_{m=1}^{2}" in latex
