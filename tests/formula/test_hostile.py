"""Texts, JSON and names made to do harm: refused at once, or printed as harmless text."""

from __future__ import annotations

import ctypes
import json
import time
import tracemalloc

import numpy as np
import pytest

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import (
    ElementwiseExpression,
    FittedExpression,
    FittedFormula,
    NeuronFormula,
)
from sktaskneuron.formula.equation.fitted_expression import MAX_OUTPUTS

from .executed import compile_c, run_c, run_excel, run_python, run_sql

TEXTS = {
    "import": "__import__('os').system('true')",
    "import of x": "__import__(x)",
    "dunder": "x.__class__.__bases__",
    "dunder name": "__builtins__",
    "subclasses": "().__class__.__mro__[1].__subclasses__()",
    "lambda": "(lambda: x)()",
    "comprehension": "[x for x in (1,)]",
    "generator": "sum(x for x in x)",
    "f-string": "f'{x}'",
    "string": "'x'",
    "walrus": "(y := x)",
    "attribute": "sin.__globals__",
    "star": "sin(*x)",
    "keyword": "sin(x=x)",
    "eval": "eval(x)",
    "statement": "x; import os",
    "new line": "x\nimport os",
    "comment": "x # harmless",
    "index": "x[0]",
    "complex": "1j*x",
    "hexadecimal": "0x10*x",
    "tower": "9**9**9**9",
    "tower of x": "x**9**9**9",
    "huge power": "x**1e308",
    "huge number": "1e999*x",
    "long number": "9" * 3000 + "*x",
    "powers of powers": "(" * 40 + "x" + "**9)" * 40,
    "huge product": "1e200*1e200*x",
    "deep brackets": "(" * 100_000 + "x" + ")" * 100_000,
    "deep in size": "(" * 1900 + "x" + ")" * 1900,
    "deep calls": "sin(" * 900 + "x" + ")" * 900,
    "deep exponents": "2**" * 1300 + "2",
    "open brackets": "(" * 3000,
    "long text": "x+" * 500_000 + "x",
    "long blank": " " * 1_000_000,
    "long name": "y" * 1_000_000,
    "long backtick": "`" * 999_999,
    "open backtick": "`" + "y" * 3000,
    "NUL": "x\0",
    "NUL inside": "si\0n(x)",
    "look-alike": "ѕin(x)",  # a Cyrillic letter
    "full width": "ｘ + 1",
    "mathematical": "𝑥 + 1",
    "digits": "٣*x",
    "minus": "x − 1",
    "right to left": "x\u202e + 1",
    "surrogate": "\ud800",
    "SQL": "x; DROP TABLE t; --",
    "many unknown": "+".join(f"q{i}" for i in range(900)),
}


@pytest.fixture
def quickly():
    """Call a reader; it must raise FormulaError within a CPU second and 50 MB."""

    def call(reader, *arguments):
        start = time.process_time()
        with pytest.raises(FormulaError):
            reader(*arguments)
        seconds = time.process_time() - start
        tracemalloc.start()  # once more: traced memory takes time of its own
        try:
            with pytest.raises(FormulaError) as caught:
                reader(*arguments)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert seconds < 1
        assert peak < 50e6
        assert len(str(caught.value)) < 20_000
        return caught.value

    return call


@pytest.mark.parametrize("label", TEXTS)
def test_texts(label, quickly):
    text = TEXTS[label]
    quickly(ElementwiseExpression.parse, text)
    quickly(NeuronFormula.parse, text)
    quickly(FittedExpression.parse, text, ["x"])
    quickly(FittedExpression.parse, ["x", text], ["x", "os"])
    data = FittedExpression.parse("x", ["x"]).to_dict()
    quickly(FittedExpression.from_dict, data | {"expressions": [text]})
    quickly(FittedExpression.from_json, text)
    quickly(NeuronFormula.from_json, text)
    quickly(FittedFormula.from_json, text)


def test_pure_terms_in_data(quickly):
    data = NeuronFormula.parse("x").to_dict()
    for text in TEXTS.values():
        quickly(NeuronFormula.from_dict, data | {"pure": [text]})


WRONG = [None, 3, 1.5, True, "x", b"x", {"a": 1}, [[1]], [None], Ellipsis, float("nan")]


@pytest.mark.parametrize("value", [v for v in WRONG if v != "x"], ids=repr)
def test_wrong_types_in_place_of_a_text(value, quickly):
    quickly(ElementwiseExpression.parse, value)
    quickly(NeuronFormula.parse, value)
    quickly(FittedExpression.parse, value, ["x"])
    quickly(FittedExpression.from_json, value)


@pytest.mark.parametrize("value", [None, 3, "x", "abc", [], ["", "x"], ["x", "x"]], ids=repr)
def test_wrong_feature_names(value, quickly):
    quickly(FittedExpression.parse, "x", value)


@pytest.mark.parametrize("key", ["expressions", "feature_names", "format", "version"])
@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_wrong_types_in_an_expressions_data(key, value, quickly):
    data = FittedExpression.parse(["x + y", "y"], ["x", "y"]).to_dict()
    if not (key == "version" and value is True):
        data[key] = value
        quickly(FittedExpression.from_dict, data)
    del data[key]
    quickly(FittedExpression.from_dict, data)


@pytest.mark.parametrize("value", [v for v in WRONG if v != "x"], ids=repr)
def test_wrong_link(value, quickly):
    data = FittedExpression.parse("x", ["x"]).to_dict()
    quickly(FittedExpression.from_dict, data | {"link": value})
    quickly(FittedExpression.from_dict, data | {"link": "logit\n"})


@pytest.mark.parametrize(
    "key",
    ["formula", "intercept", "pure_weights", "factors", "loadings", "center", "scale", "lower"],
)
@pytest.mark.parametrize("value", [v for v in WRONG if v != [None]], ids=repr)
def test_wrong_types_in_a_formulas_data(key, value, quickly):
    fitted = FittedFormula(
        NeuronFormula.parse("x + <x,x>:1"),
        intercept=[0.0],
        pure_weights=[np.ones((2, 1))],
        factors={2: np.ones((2, 2, 1))},
        loadings={2: [[1.0]]},
    )
    if value is not None or key not in ("center", "scale"):  # these have defaults
        quickly(FittedFormula.from_dict, fitted.to_dict() | {key: value})


def test_json(quickly):
    good = FittedExpression.parse("x", ["x"]).to_json()
    for text in [
        "",
        "null",
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 100_000,
        good.replace('"version": 1', '"version": NaN'),
        good.replace('"version": 1', '"version": 1, "more": NaN'),
        good.replace('"version": 1', '"version": 1, "more": -Infinity'),
        good.replace('"version": 1', '"version": ' + "9" * 100_000),
        good.replace('"version": 1', '"version": 1e999'),
        good + good,
        good[:-1],
        good.replace('"x"', '"\\ud800"', 1),
    ]:
        quickly(FittedExpression.from_json, text)
        quickly(NeuronFormula.from_json, text)
        quickly(FittedFormula.from_json, text)


def test_not_a_number_in_a_formulas_json(quickly):
    good = FittedFormula(NeuronFormula.parse("x"), [0.25], [[[1.0]]]).to_json()
    for constant in ("NaN", "Infinity", "1e999"):
        quickly(FittedFormula.from_json, good.replace("0.25", constant))


def test_enormous_lists(quickly):
    many = ["x"] * 1_000_000
    quickly(FittedExpression.parse, many, ["x"])
    data = FittedExpression.parse("x", ["x"]).to_dict()
    quickly(FittedExpression.from_dict, data | {"expressions": many})
    quickly(NeuronFormula.from_dict, NeuronFormula.parse("x").to_dict() | {"pure": many})
    assert FittedExpression.parse(["x"] * MAX_OUTPUTS, ["x"]).n_outputs == MAX_OUTPUTS


def test_what_is_printed_can_be_read(quickly):
    terms = "+".join(f"{i}.5*x{i}" for i in range(1, 1900))
    names = [f"x{i}" for i in range(1900)]
    wide = FittedExpression.parse(terms, names)
    assert FittedExpression.from_json(wide.to_json()) == wide
    quickly(FittedExpression.parse, "+".join(f"{i}.5*x{i}" for i in range(1, 2500)), names)
    deep = ElementwiseExpression.parse("sin(" * 49 + "x" + ")" * 49).node
    for _ in range(3):
        deep = type(deep)("sin", deep)
    quickly(FittedExpression, (deep,), ("x",))


def test_nested_sources_do_not_explode(quickly):
    nested = ElementwiseExpression.parse("softsign(" * 49 + "x" + ")" * 49)
    quickly(nested.to_source)
    quickly(nested.to_sympy)
    equation = FittedExpression((nested.node,), ("x",))
    quickly(equation.to_latex)
    assert equation._repr_latex_() is None
    assert str(equation) == nested.text
    assert len(equation.to_python()) < 5000


HOSTILE_NAMES = [
    'a" ; DROP TABLE t; --',
    '"',
    '""',
    "'; DELETE FROM t; '",
    "*/ return 0; /*",
    "// \\",
    "end\\",
    "\\\n",
    '"; system("true"); "',
    "??/",
    '??/"',
    "\\x41\\101",
    "'''",
    '"""',
    "\"\"\"\nimport os\n'''",
    "{x}",
    "{0.__class__}",
    "%s%n",
    "`; ``",
    "line\nbreak\r\n\t",
    "\x1b[31m",
    "größe 体重 🎈",
    "\u202e",
    "__import__('os')",
    "FEATURE_NAMES",
    "np",
    "X[:, 0]",
    "=A2",
    "sin",
    "lambda",
    "0",
    " ",
]


@pytest.fixture(scope="module")
def named_badly():
    """Return an expression in which every column counts, and one row per column."""
    names = HOSTILE_NAMES
    quoted = ["`" + name.replace("`", "``") + "`" for name in names]
    sums = " + ".join(f"{i + 1}*{name}" for i, name in enumerate(quoted))
    return FittedExpression.parse([sums, f"sin({quoted[0]})*{quoted[1]}"], names)


ROWS = np.random.default_rng(0).normal(size=(4, len(HOSTILE_NAMES)))


def test_hostile_names_in_code(named_badly, tmp_path):
    expected = named_badly.evaluate(ROWS)
    for values in (
        run_python(named_badly, ROWS, tmp_path),
        run_c([named_badly], [ROWS], tmp_path)[0],
        run_sql(named_badly, ROWS),
        run_excel(named_badly, ROWS),
    ):
        np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_hostile_names_in_a_fitted_formula(tmp_path):
    n = len(HOSTILE_NAMES)
    fitted = FittedFormula(
        NeuronFormula.parse("x"),
        [0.5],
        [np.arange(1.0, n + 1)[:, None]],
        lower=np.full(n, -1.0),
        feature_names=HOSTILE_NAMES,
    )
    expected = fitted.evaluate(ROWS)
    for values in (
        run_python(fitted, ROWS, tmp_path),
        run_c([fitted], [ROWS], tmp_path)[0],
        run_sql(fitted, ROWS),
    ):
        np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_hostile_names_come_back(named_badly, tmp_path):
    assert FittedExpression.from_json(named_badly.to_json()) == named_badly
    assert json.loads(named_badly.to_json())["feature_names"] == HOSTILE_NAMES
    accessor = "const char *name_of(int i) { return f_feature_names[i]; }\n"
    library = compile_c(named_badly.to_c("f") + accessor, tmp_path)
    library.name_of.restype = ctypes.c_char_p
    found = [library.name_of(i).decode("utf-8") for i in range(len(HOSTILE_NAMES))]
    assert found == HOSTILE_NAMES


def test_hostile_names_for_readers(named_badly):
    text = named_badly.to_text()
    assert "\0" not in text
    assert named_badly.to_latex().count("\n") == 3  # the lines of the aligned block


def test_names_that_a_language_lacks(tmp_path):
    equation = FittedExpression.parse("2*`a\0b` + `\ud800`", ["a\0b", "\ud800"])
    X = np.array([[1.0, 2.0]])
    np.testing.assert_allclose(run_python(equation, X, tmp_path), [[4.0]])
    np.testing.assert_allclose(run_c([equation], [X], tmp_path)[0], [[4.0]])
    with pytest.raises(FormulaError, match="SQL has no name 'a"):
        equation.to_sql()
    columns = {"a\0b": "1.0", "\ud800": "2.0"}
    assert equation.to_sql(columns) == "2.0E0*(1.0) + (2.0)"
