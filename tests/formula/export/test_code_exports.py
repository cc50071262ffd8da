"""Exported Python, C, SQL and Excel compute what `evaluate` computes."""

from __future__ import annotations

import math
import pickle
import time
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import (
    PRIMITIVES,
    Exports,
    FittedExpression,
    FittedFormula,
    NeuronFormula,
)
from sktaskneuron.formula.export.printer import _CHAIN
from sktaskneuron.formula.text.evaluation import evaluate, primitives_of, variables
from sktaskneuron.formula.text.nodes import Clip, Number, Power, Product, Sum, Variable, children

from ..executed import compile_c, run_c, run_excel, run_python, run_sql
from ..strategies import COLUMN_NAMES, FITTED, draw_fitted, draw_rows, draw_text

FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
# lists of many examples, each list compiled at once
LISTS = settings(
    max_examples=3,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


def assert_agrees(values, equation, X, tolerance=1e-6):
    expected = equation.evaluate(X)
    atol = 0.1 * tolerance * (np.ptp(expected) + 1e-12)
    np.testing.assert_allclose(values, expected, rtol=tolerance, atol=atol)


def calls_erf(equation):
    return any("erf" in primitives_of(tree) for tree in equation.trees())


class TestFittedFormula:
    @given(FITTED)
    def test_trees(self, fitted):
        X = draw_rows(fitted)
        columns = dict(zip(fitted.feature_names, X.T, strict=True))
        values = [np.broadcast_to(evaluate(tree, columns), len(X)) for tree in fitted.trees()]
        assert_agrees(np.column_stack(values), fitted, X, tolerance=1e-9)
        read = frozenset().union(*map(variables, fitted.trees()))
        assert read == {fitted.feature_names[i] for i in fitted.used_features}

    @FEW
    @given(FITTED)
    def test_python(self, tmp_path, fitted):
        X = draw_rows(fitted)
        assert_agrees(run_python(fitted, X, tmp_path), fitted, X, tolerance=1e-9)

    @LISTS
    @given(st.lists(FITTED, min_size=30, max_size=30))
    def test_c(self, tmp_path_factory, equations):
        tables = [draw_rows(fitted) for fitted in equations]
        found = run_c(equations, tables, tmp_path_factory.mktemp("c"))
        for values, fitted, X in zip(found, equations, tables, strict=True):
            assert_agrees(values, fitted, X, tolerance=1e-9)

    @FEW
    @given(FITTED)
    def test_sql(self, fitted):
        assume(not calls_erf(fitted))
        X = draw_rows(fitted)
        assert_agrees(run_sql(fitted, X, max_length=10**6), fitted, X)

    @settings(max_examples=15)
    @given(FITTED)
    def test_excel(self, fitted):
        X = draw_rows(fitted, 4)
        try:
            fitted.to_excel()
        except FormulaError as error:
            assert "8192 characters" in str(error)  # noqa: PT017
            assume(False)
        assert_agrees(run_excel(fitted, X), fitted, X)

    @given(FITTED)
    def test_numpy_pickles(self, fitted):
        X = draw_rows(fitted)
        function = pickle.loads(pickle.dumps(fitted.to_numpy()))
        np.testing.assert_array_equal(function(X).reshape(len(X), -1), fitted.evaluate(X))


TABLE = np.random.default_rng(3).uniform(-3, 3, (60, 3))


def parts(node):
    yield node
    for child in children(node):
        yield from parts(child)


@cache
def usable(expression):
    """Tell on which rows of TABLE an expression is defined and not decided by rounding.

    All its parts are finite there: Excel has no infinity.
    """
    values = expression.evaluate(TABLE)
    columns = dict(zip(COLUMN_NAMES, TABLE.T, strict=True))
    with np.errstate(all="ignore"):
        moved = np.abs(expression.evaluate(TABLE * (1 + 1e-11)) - values)
        well = (moved <= 1e-8 * np.abs(values)) & (np.abs(values) < 1e100)
        for part in parts(expression.nodes[0]):
            well = well & np.isfinite(evaluate(part, columns))[..., None]
    return expression.in_domain(TABLE) & well.all(axis=1)


def drawn():
    for seed in range(400):
        try:
            expression = FittedExpression.parse(draw_text(seed), COLUMN_NAMES)
        except FormulaError:  # such as log(0)
            continue
        if expression.complexity >= 6 and usable(expression).sum() >= 5:
            yield expression


class TestFittedExpression:
    """Many drawn expressions at once, as the outputs of one: they share parts as well."""

    ALL = tuple(drawn())

    def together(self, chosen):
        return FittedExpression(tuple(e.nodes[0] for e in chosen), COLUMN_NAMES)

    def assert_agree(self, values, chosen, tolerance=1e-6):
        for j, expression in enumerate(chosen):
            rows = usable(expression)
            assert_agrees(values[rows, j : j + 1], expression, TABLE[rows], tolerance)

    def test_the_draws_are_many_and_call_everything(self):
        assert len(self.ALL) > 100
        called = frozenset().union(*(primitives_of(e.nodes[0]) for e in self.ALL))
        assert called == set(PRIMITIVES)

    def test_python(self, tmp_path):
        values = run_python(self.together(self.ALL), TABLE, tmp_path)
        self.assert_agree(values, self.ALL, tolerance=1e-9)

    def test_c(self, tmp_path):
        values = run_c([self.together(self.ALL)], [TABLE], tmp_path)[0]
        self.assert_agree(values, self.ALL)

    def test_sql(self):
        chosen = [e for e in self.ALL if not calls_erf(e)]
        values = run_sql(self.together(chosen), TABLE)
        self.assert_agree(values, chosen)

    def test_excel(self):
        for expression in self.ALL[::2]:
            X = TABLE[usable(expression)][:3]
            assert_agrees(run_excel(expression, X), expression, X)

    def test_sympy(self):
        import sympy

        symbols = [sympy.Symbol(name) for name in COLUMN_NAMES]
        # sympy needs half a minute to tell the sign of a few of the longer ones
        short = [expression for expression in self.ALL if expression.complexity <= 20]
        for expression in short[::4]:
            exported = expression.to_sympy()
            for row in TABLE[usable(expression)][:2]:
                values = dict(zip(symbols, map(sympy.Float, row), strict=True))
                value = complex(exported.subs(values).evalf(20))
                assert value.real == pytest.approx(expression.evaluate([row])[0, 0], rel=1e-6)
                assert abs(value.imag) < 1e-9

    def test_json_and_text_are_exact(self):
        for expression in [*self.ALL, self.together(self.ALL)]:
            again = FittedExpression.from_json(expression.to_json())
            assert again == expression
            np.testing.assert_array_equal(again.evaluate(TABLE), expression.evaluate(TABLE))
            assert FittedExpression.parse(expression.texts(), COLUMN_NAMES) == expression

    def test_pickle(self):
        expression = self.together(self.ALL)
        function = pickle.loads(pickle.dumps(expression.to_numpy()))
        np.testing.assert_array_equal(function(TABLE), expression.evaluate(TABLE))


# Inside of every domain, and twice in an equation, so that local variables are needed.
INNER = "0.4*tanh(a - b) + 0.5"
EVERY = [
    FittedExpression.parse(
        [f"2*{name}({INNER})*b - {name}({INNER})**2 + a", f"b/{name}({INNER}) - a"], ["a", "b"]
    )
    for name in PRIMITIVES
]
PAIRS = np.random.default_rng(0).normal(size=(5, 2))


@pytest.mark.parametrize("equation", EVERY, ids=list(PRIMITIVES))
def test_every_primitive(equation, tmp_path):
    assert_agrees(run_python(equation, PAIRS, tmp_path), equation, PAIRS, tolerance=1e-12)
    assert_agrees(run_excel(equation, PAIRS), equation, PAIRS, tolerance=1e-9)
    if calls_erf(equation):
        with pytest.raises(FormulaError, match="erf has no form in standard SQL"):
            equation.to_sql()
    else:
        assert_agrees(run_sql(equation, PAIRS), equation, PAIRS, tolerance=1e-9)


def test_every_primitive_in_c(tmp_path):
    found = run_c(EVERY, [PAIRS] * len(EVERY), tmp_path)
    for values, equation in zip(found, EVERY, strict=True):
        assert_agrees(values, equation, PAIRS, tolerance=1e-12)


@pytest.mark.parametrize("name", ["asinh", "sigmoid", "sign", "softsign", "softplus", "relu"])
def test_far_arguments(name, tmp_path):
    """No overflow, no cancellation."""
    equation = FittedExpression.parse(f"{name}(x)", ["x"])
    X = np.array([[-1e8], [-800.0], [-30.0], [0.0], [30.0], [800.0], [1e8]])
    expected = equation.evaluate(X)
    values = run_python(equation, X, tmp_path, errors="ignore" if name == "softplus" else "raise")
    np.testing.assert_allclose(values, expected, rtol=1e-12)
    np.testing.assert_allclose(run_c([equation], [X], tmp_path)[0], expected, rtol=1e-12)
    np.testing.assert_allclose(run_sql(equation, X), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(run_excel(equation, X), expected, rtol=1e-9, atol=1e-12)


def test_small_arguments_keep_their_digits(tmp_path):
    equation = FittedExpression.parse("expm1(x)", ["x"])
    X = np.array([[-1e-3], [-1e-9], [1e-15], [1e-9], [1e-3], [-800.0]])
    expected = equation.evaluate(X)
    np.testing.assert_allclose(expected[1:4, 0], X[1:4, 0], rtol=1e-8)
    np.testing.assert_allclose(run_python(equation, X, tmp_path), expected, rtol=1e-15)
    np.testing.assert_allclose(run_c([equation], [X], tmp_path)[0], expected, rtol=1e-14)
    np.testing.assert_allclose(run_sql(equation, X), expected, rtol=1e-14)
    np.testing.assert_allclose(run_excel(equation, X), expected, rtol=1e-14)


def direct(function):
    return lambda X: np.array([[function(*row)] for row in X])


TRAPS = {
    "-x**2": lambda x, a, b, c, d: -(x**2),
    "(-x)**3": lambda x, a, b, c, d: -(x**3),
    "2 - x**2": lambda x, a, b, c, d: 2 - x**2,
    "-3*x**2 - x": lambda x, a, b, c, d: -3 * x**2 - x,
    "(a-b)/(c/d)": lambda x, a, b, c, d: (a - b) * d / c,
    "a/(b*c)": lambda x, a, b, c, d: a / (b * c),
    "a/b*c": lambda x, a, b, c, d: a / b * c,
    "a/b/c": lambda x, a, b, c, d: a / b / c,
    "a-(b-c)": lambda x, a, b, c, d: a - (b - c),
    "a-(b-c)*d": lambda x, a, b, c, d: a - (b - c) * d,
    "exp(-x*log(2))": lambda x, a, b, c, d: 2**-x,
    "x**-1": lambda x, a, b, c, d: 1 / x,
    "x**-2": lambda x, a, b, c, d: 1 / x**2,
    "x**0.5": lambda x, a, b, c, d: math.sqrt(x),
    "x**-0.5": lambda x, a, b, c, d: 1 / math.sqrt(x),
    "x**1.5": lambda x, a, b, c, d: x**1.5,
    "x**7": lambda x, a, b, c, d: x**7,
    "(a+b)**3": lambda x, a, b, c, d: (a + b) ** 3,
    "a/(b+c)**2": lambda x, a, b, c, d: a / (b + c) ** 2,
    "(a*b)**0.5/(-c)": lambda x, a, b, c, d: math.sqrt(a * b) / -c,
    "exp(-x**2)": lambda x, a, b, c, d: math.exp(-(x**2)),
    "a*-b": lambda x, a, b, c, d: -a * b,
    "(a**1.5)**2.5": lambda x, a, b, c, d: a**3.75,
    "1e-20*x + 1e20": lambda x, a, b, c, d: 1e-20 * x + 1e20,
    "x - 2*sign(-x)": lambda x, a, b, c, d: x + 2,
}
ROWS = np.random.default_rng(2).uniform(0.5, 3, (6, 5))


def test_precedence(tmp_path):
    equation = FittedExpression.parse(list(TRAPS), ["x", "a", "b", "c", "d"])
    expected = np.hstack([direct(function)(ROWS) for function in TRAPS.values()])
    for values in (
        equation.evaluate(ROWS),
        run_python(equation, ROWS, tmp_path),
        run_c([equation], [ROWS], tmp_path)[0],
        run_sql(equation, ROWS),
        run_excel(equation, ROWS),
    ):
        np.testing.assert_allclose(values, expected, rtol=1e-12)


def x_to(exponent):
    return Power(Variable("x"), exponent)


# Not canonical: what a formula's own trees may hold, a sign or a product where none is expected.
ODD_TREES = [
    Power(Product(-2.0, (Variable("x"),)), 2),
    Power(Number(-3.0), 2),
    Product(-1.0, (Sum((Variable("x"), Product(-2.0, (Variable("y"),))), 1.0),)),
    Product(2.0, (Product(-3.0, (x_to(-1),)), Product(1.0, (Variable("y"), x_to(-2))))),
    Sum((Sum((Variable("x"),), -1.0), Product(-1.0, (Sum((Variable("y"),), -2.0),))), -0.5),
    Power(Sum((Variable("x"),), -5.0), -1),
    Power(x_to(2), 0.5),
    Power(x_to(3), 3),
    Product(1.0, (x_to(-1), Power(Product(3.0, (Variable("y"),)), -1))),
    Clip(Product(-1.0, (Variable("x"),)), -1.5, math.inf),
    Product(-1.0, (Clip(Variable("x"), -math.inf, 1.5),)),
    Product(2.0, (Clip(Sum((Variable("x"),), -1.0), -math.inf, math.inf),)),
    Product(-2.0, (Number(-3.0), Variable("y"))),
    Product(-1.0, (Power(Number(3.0), 2), Variable("x"))),
]


class _Trees(Exports):
    feature_names = ("x", "y")

    def trees(self):
        return tuple(ODD_TREES)

    def to_dict(self):
        return {}

    def evaluate(self, X):
        columns = dict(zip(self.feature_names, X.T, strict=True))
        values = [np.broadcast_to(evaluate(tree, columns), len(X)) for tree in ODD_TREES]
        return np.column_stack(values)


def test_trees_that_are_not_canonical(tmp_path):
    X = np.random.default_rng(0).uniform(0.5, 3, (6, 2))
    equation = _Trees()
    expected = equation.evaluate(X)
    for values in (
        run_python(equation, X, tmp_path),
        run_c([equation], [X], tmp_path)[0],
        run_sql(equation, X),
        run_excel(equation, X),
    ):
        np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_excel_takes_the_minus_before_the_power():
    """The evaluator has Excel's precedence, else the tests would prove nothing."""
    formulas = pytest.importorskip("formulas")
    assert formulas.Parser().ast("=-A2^2")[1].compile()(3.0) == 9
    assert FittedExpression.parse("-x**2", ["x"]).to_excel() == "=-1*A2^2"


def test_whole_columns_do_not_divide_to_whole_numbers():
    equation = FittedExpression.parse(["a/b", "1/b", "(a + b)/(a - b)", "-a/b"], ["a", "b"])
    X = np.array([[7, 2], [1, 3]])
    np.testing.assert_allclose(run_sql(equation, X), equation.evaluate(X))


def test_sql_columns():
    equation = FittedExpression.parse(["a/b", "relu(a)"], ["a", "b"])
    texts = equation.to_sql(columns={"a": 'COALESCE("a", 3.0)'})
    assert texts[0] == '1.0E0*(COALESCE("a", 3.0))/"b"'
    with pytest.raises(FormulaError, match="names 'c', which is no feature"):
        equation.to_sql(columns={"c": "1"})
    with pytest.raises(FormulaError, match="must be a text, got 3"):
        equation.to_sql(columns={"a": 3})


def test_missing_values_stay_missing_in_sql():
    equation = FittedExpression.parse(["relu(a)", "a**2 + b"], ["a", "b"])
    values = run_sql(equation, np.array([[None, 1.0]], dtype=object))
    assert np.isnan(values).all()


def test_excel_cells():
    names = [f"c{i}" for i in range(60)]
    equation = FittedExpression.parse("c0 + c25 + c26 + c59 + sin(c1)", names)
    assert equation.to_excel() == "=A2 + Z2 + AA2 + BH2 + SIN(B2)"
    cells = {"c0": "$B$7", "c1": "Sheet1!A1", "c25": "[@age]"}
    assert equation.to_excel(cells) == "=$B$7 + ([@age]) + AA2 + BH2 + SIN((Sheet1!A1))"
    with pytest.raises(FormulaError, match="cells names 'other'"):
        equation.to_excel({"other": "A1"})


def test_texts_have_limits():
    fitted = draw_fitted(NeuronFormula.parse("x + <x,x>:2"), 0, n_features=100)
    with pytest.raises(FormulaError, match="8192 characters"):
        fitted.to_excel()
    with pytest.raises(FormulaError, match="longer than 1000 characters"):
        fitted.to_sql(max_length=1000)
    assert len(fitted.to_sql()) <= 100_000
    deep = FittedExpression.parse("sigmoid(" * 45 + "x" + ")" * 45, ["x"])
    with pytest.raises(FormulaError, match="more than 64 functions"):
        deep.to_excel()
    # each softsign has its argument twice
    nested = FittedExpression.parse("softsign(" * 40 + "x" + ")" * 40, ["x"])
    for export in (nested.to_excel, nested.to_sql):
        with pytest.raises(FormulaError, match="longer than"):
            export()


def test_repeated_parts_are_computed_once(tmp_path):
    nested = FittedExpression.parse("softsign(" * 40 + "x" + ")" * 40, ["x"])
    X = np.array([[0.5], [-3.0]])
    assert len(nested.to_python()) < 5000
    assert_agrees(run_python(nested, X, tmp_path), nested, X)
    assert_agrees(run_c([nested], [X], tmp_path)[0], nested, X)
    twice = FittedExpression.parse(["exp(x*y) + y", "sin(exp(x*y))"], ["x", "y"])
    for source in (twice.to_python(), twice.to_c()):
        assert source.count("exp(") == 1


def test_wide_dense_interactions_stay_short_and_quick(tmp_path):
    fitted = draw_fitted(NeuronFormula.parse("x**2 + <x,x,x>:2"), 0, n_features=200, n_outputs=3)
    start = time.process_time()
    source = fitted.to_python()
    assert time.process_time() - start < 2
    assert source.count("\n") < 1000
    X = draw_rows(fitted, 3)
    assert_agrees(run_python(fitted, X, tmp_path), fitted, X)
    assert_agrees(run_c([fitted], [X], tmp_path)[0], fitted, X)


def test_long_sums_do_not_exhaust_a_parser(tmp_path):
    n = 30 * _CHAIN
    fitted = FittedFormula(NeuronFormula.parse("x"), [1.0], [np.linspace(-1, 2, n)[:, None]])
    X = np.random.default_rng(0).normal(size=(2, n))
    assert_agrees(run_python(fitted, X, tmp_path), fitted, X)
    assert_agrees(run_c([fitted], [X], tmp_path)[0], fitted, X)
    assert_agrees(run_sql(fitted, X), fitted, X)


def test_constants_and_bare_columns(tmp_path):
    equation = FittedExpression.parse(["1.5", "a", "-2"], ["a", "b"])
    X = np.array([[1.0, 2.0], [3.0, 4.0]])
    expected = [[1.5, 1, -2], [1.5, 3, -2]]
    for values in (
        run_python(equation, X, tmp_path),
        run_c([equation], [X], tmp_path)[0],
        run_sql(equation, X),
        run_excel(equation, X),
    ):
        np.testing.assert_array_equal(values, expected)
    (tmp_path / "constant").mkdir()
    constant = FittedExpression.parse("7", ["a", "b"])
    np.testing.assert_array_equal(run_c([constant], [X], tmp_path / "constant")[0], [[7], [7]])
    np.testing.assert_array_equal(run_python(constant, X, tmp_path), [[7], [7]])
    column = FittedExpression.parse("a", ["a", "b"])
    values = run_python(column, X, tmp_path)
    values[:] = 9
    assert X[0, 0] == 1


@pytest.mark.parametrize(
    "name",
    ["1f", "for", "a b", "f()", "", "sin", "fmaxf", "int", "_f", "größe", "f\n", "main", None],
)
def test_c_name_must_be_free(name):
    with pytest.raises(FormulaError, match="identifier that C leaves free"):
        FittedExpression.parse("x", ["x"]).to_c(name)


@pytest.mark.parametrize("name", ["np", "special", "FEATURE_NAMES", "f\n", None])
def test_python_name_must_be_free(name):
    with pytest.raises(FormulaError, match="name must"):
        FittedExpression.parse("erf(x)", ["x"]).to_python(name)


@pytest.mark.parametrize("name", ["x", "v0", "out", "X", "float"])
def test_names_of_locals_are_free(name, tmp_path):
    equation = FittedExpression.parse("exp(a*x)*a + sin(exp(a*x))", ["a", "x"])
    X = np.array([[0.3, 2.0]])
    assert_agrees(run_python(equation, X, tmp_path, name), equation, X)
    if name != "float":
        compile_c(equation.to_c(name), tmp_path)


class TestReadable:
    """Text and LaTeX of an expression."""

    def test_text(self):
        equation = FittedExpression.parse("2.123456*a + sqrt(`b c`)/3 - a**0.33333", ["a", "b c"])
        assert equation.to_text() == "2.123*a + 0.3333*sqrt(`b c`) - a**0.3333"
        assert equation.to_text(2) == "2.1*a + 0.33*sqrt(`b c`) - a**0.33"
        with pytest.raises(FormulaError, match="digits"):
            equation.to_text(0)

    def test_latex(self):
        equation = FittedExpression.parse(
            "m*v**2/2 + (m/h)**(1/3) + 0.12345*`b c`", ["m", "v", "h", "b c"]
        )
        latex = equation.to_latex()
        assert r"\frac{m v^{2}}{2}" in latex
        assert r"\sqrt[3]{\frac{m}{h}}" in latex
        assert r"0.1235 \mathrm{b\ c}" in latex or r"0.1234 \mathrm{b\ c}" in latex
        assert equation._repr_latex_() == rf"$\displaystyle {latex}$"

    def test_several_outputs(self):
        equation = FittedExpression.parse(["a", "2*a"], ["a"])
        assert equation.to_text() == "f[0] = a\nf[1] = 2*a"
        assert equation.to_latex() == (
            "\\begin{aligned}\nf_{0} &= a \\\\\nf_{1} &= 2 a\n\\end{aligned}"
        )
        assert [str(item) for item in equation.to_sympy()] == ["a", "2*a"]

    def test_too_long_for_a_notebook(self):
        fitted = draw_fitted(NeuronFormula.parse("<x,x,x>:2"), 0, n_features=200)
        assert fitted._repr_latex_() is None
        assert draw_fitted(NeuronFormula.parse("x"), 0)._repr_latex_().startswith("$")
