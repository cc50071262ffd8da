"""Every export of a fitted formula evaluates to what `evaluate` returns."""

from __future__ import annotations

import ast
import runpy

import numpy as np
import pytest
import sympy
from hypothesis import HealthCheck, given, settings

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import FittedFormula, NeuronFormula
from sktaskneuron.formula.equation.sympy_form import FORMS, sympy_expressions

from ..executed import listed
from ..strategies import FITTED, draw_fitted, draw_rows


def values_of(expressions, fitted, X):
    """Evaluate sympy expressions on raw rows; names become dummies, as some are no identifiers."""
    symbols = [sympy.Symbol(name) for name in fitted.feature_names]
    # equal parts once: sympy takes long over the bounds of a column, which stand in every monomial
    function = sympy.lambdify(
        symbols, listed(expressions), modules=["scipy", "numpy"], dummify=True, cse=True
    )
    return np.column_stack([np.broadcast_to(column, len(X)) for column in function(*X.T)])


def assert_agrees(values, fitted, X, tolerance=1e-6):
    expected = fitted.evaluate(X)
    spread = np.abs(expected - fitted.intercept).max() + 1e-12
    np.testing.assert_allclose(values, expected, rtol=tolerance, atol=0.1 * tolerance * spread)


@settings(max_examples=15)
@given(FITTED)
def test_sympy_agrees(fitted):
    X = draw_rows(fitted)
    for form in ("auto", "centered", "factored"):
        assert_agrees(values_of(fitted.to_sympy(form=form), fitted, X), fitted, X)


@given(FITTED)
def test_numpy_agrees(fitted):
    X = draw_rows(fitted)
    values = fitted.to_numpy()(X)
    assert values.ndim == (1 if fitted.n_outputs == 1 else 2)
    np.testing.assert_array_equal(values.reshape(len(X), -1), fitted.evaluate(X))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FITTED)
def test_python_source_agrees(tmp_path, fitted):
    X = draw_rows(fitted)
    path = tmp_path / "exported.py"
    path.write_text(fitted.to_python(), encoding="utf-8")
    module = runpy.run_path(str(path))
    assert module["FEATURE_NAMES"] == list(fitted.feature_names)
    values = module["predict"](X)
    assert values.ndim == (1 if fitted.n_outputs == 1 else 2)
    assert_agrees(values.reshape(len(X), -1), fitted, X, tolerance=1e-9)


@given(FITTED)
def test_python_source_imports_and_names_nothing_else(fitted):
    tree = ast.parse(fitted.to_python(name="f_hat"))
    imported = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert len(imported) <= 2
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert functions == ["f_hat"]


@settings(max_examples=25)
@given(FITTED)
def test_shown_numbers_tell_the_equation(fitted):
    """Four digits are enough to compute with, in the form that text and LaTeX choose."""
    X = draw_rows(fitted)
    rounded = sympy_expressions(fitted, "auto", 5000, 4)
    expected = fitted.evaluate(X)
    # A function of a column moves by its slope times the rounding of its inner numbers.
    size = np.abs(expected).max() + np.abs(fitted.transform(X)).max(initial=1.0) * (
        np.abs(fitted.term_weights).max(initial=1.0)
    )
    np.testing.assert_allclose(values_of(rounded, fitted, X), expected, atol=0.1 * size)


def test_forms():
    fitted = draw_fitted(NeuronFormula.parse("x**2 + <x,x>:1"), 1, n_features=2, far=3.0)
    expanded = fitted.to_sympy(form="expanded")
    assert fitted.to_sympy() == expanded
    a, b = (sympy.Symbol(name) for name in fitted.feature_names)
    monomials = {a**2, b**2, a * b, a, b, sympy.S.One}
    assert {term.as_coeff_Mul()[1] for term in expanded.args} == monomials
    centered = fitted.to_sympy(form="centered")
    assert len(centered.args) == 4
    assert a not in centered.args
    with pytest.raises(FormulaError, match="unknown form 'other'"):
        fitted.to_sympy(form="other")


def test_far_centers_are_not_multiplied_out():
    fitted = draw_fitted(NeuronFormula.parse("x**3 + <x,x>:1"), 1, n_features=2, far=1e5)
    X = draw_rows(fitted)
    assert_agrees(values_of(fitted.to_sympy(), fitted, X), fitted, X)
    with pytest.raises(FormulaError, match="lose its digits"):
        fitted.to_sympy(form="expanded")
    years = FittedFormula(
        NeuronFormula.parse("x**2"), [1.0], [[[0.5]]], center=[2010.4], scale=[5.0]
    )
    assert years.to_text() == "0.02*(x0 - 2010.4)**2 + 1"


def test_inner_functions_keep_far_centers_when_rounded():
    fitted = FittedFormula(
        NeuronFormula.parse("sin(2.7*x)"), [0.0], [[[1.0]]], center=[1.7e9], scale=[1.2345678e6]
    )
    X = draw_rows(fitted)
    rounded = sympy_expressions(fitted, "auto", 100, 4)
    np.testing.assert_allclose(values_of(rounded, fitted, X), fitted(X), atol=1e-2)
    assert "x0 - 1.7" in fitted.to_text()
    assert r"\left(x_{0} - 1.7 \cdot 10^{9}\right)" in fitted.to_latex()


@pytest.mark.parametrize("form", ["auto", "expanded", "centered"])
def test_wide_dense_interactions_are_refused_quickly(form):
    fitted = draw_fitted(NeuronFormula.parse("<x,x,x>:2"), 0, n_features=200)
    with pytest.raises(FormulaError, match="more than max_terms=5000"):
        fitted.to_sympy(form=form)
    with pytest.raises(FormulaError, match="max_terms=200"):
        fitted.to_latex()
    assert str(fitted) == repr(fitted)
    assert fitted.to_python().count("\n") < 1000


@pytest.mark.parametrize("form", FORMS)
def test_max_terms_is_a_limit(form):
    fitted = draw_fitted(NeuronFormula.parse("x + sin(x) + <x,x>:1"), 0, n_features=4)
    with pytest.raises(FormulaError, match="max_terms=5 "):
        fitted.to_sympy(form=form, max_terms=5)
    fitted.to_sympy(form=form, max_terms=50)


def test_sparse_wide_table_is_exported():
    weights = np.zeros((500, 1))
    weights[7] = 2.0
    fitted = FittedFormula(NeuronFormula.parse("x"), [0.0], [weights])
    assert fitted.to_sympy() == 2 * sympy.Symbol("x7")


def test_zero_weights_never_print():
    fitted = draw_fitted(NeuronFormula.parse("x + x**2 + <x,x>:2"), 5, n_features=3, sparse=True)
    assert 0 not in sympy.Tuple(*fitted.to_sympy().args)
    zero = FittedFormula(NeuronFormula.parse("x"), [0.0], [[[0.0]]])
    assert zero.to_sympy() == 0
    assert str(zero) == "0"
    assert "z0" not in zero.to_python()


def test_sympy_numbers_are_exact():
    fitted = FittedFormula(NeuronFormula.parse("x"), [1 / 3], [[[2 / 7]]])
    x0 = sympy.Symbol("x0")
    expression = fitted.to_sympy()
    assert float(expression.coeff(x0)) == 2 / 7
    assert float(expression.subs(x0, 0)) == 1 / 3
    assert fitted.to_text() == "0.2857*x0 + 0.3333"
    assert fitted.to_text(digits=2) == "0.29*x0 + 0.33"
    with pytest.raises(FormulaError, match="digits"):
        fitted.to_text(digits=0)


def test_clipping_is_part_of_the_equation():
    fitted = FittedFormula(NeuronFormula.parse("x"), [0.0], [[[1.0]]], lower=[-1.0], upper=[2.0])
    x0 = sympy.Symbol("x0")
    assert fitted.to_sympy() == sympy.Min(2, sympy.Max(-1, x0))
    assert fitted([[5.0]])[0, 0] == 2.0
    one_side = FittedFormula(NeuronFormula.parse("x"), [0.0], [[[1.0]]], lower=[0.5])
    assert one_side.to_sympy() == sympy.Max(sympy.Rational(1, 2), x0)


def test_latex():
    fitted = FittedFormula(
        NeuronFormula.parse("x**2 + sin(x)"),
        [0.0],
        [np.array([[1.5], [0], [0], [0.0]]), np.array([[0], [1.0], [2.0], [1.23456]])],
        feature_names=["body_mass", "x1", "50% & more", "z"],
    )
    latex = fitted.to_latex()
    assert r"\mathrm{body\_mass}^{2}" in latex
    assert r"\sin{\left(x_{1} \right)}" in latex
    assert r"\mathrm{50\%\ \&\ more}" in latex
    assert r"1.235 \sin{\left(z \right)}" in latex


def test_several_outputs():
    fitted = draw_fitted(NeuronFormula.parse("x"), 0, n_features=2, n_outputs=3)
    assert len(fitted.to_sympy()) == 3
    assert fitted.to_latex().startswith("\\begin{aligned}\nf_{0} &= ")
    assert str(fitted).splitlines()[2].startswith("f[2] = ")


@pytest.mark.parametrize("name", ["1f", "for", "a b", "f()", ""])
def test_python_name_must_be_an_identifier(name):
    fitted = FittedFormula(NeuronFormula.parse("x"), [0.0], [[[1.0]]])
    with pytest.raises(FormulaError, match="identifier"):
        fitted.to_python(name=name)


def test_exports_leave_the_global_random_stream():
    fitted = draw_fitted(NeuronFormula.parse("x**2 + <x,x>:1"), 0)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    fitted.to_sympy()
    fitted.to_latex()
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_exported_expression_prints_as_c():
    fitted = FittedFormula(NeuronFormula.parse("x**2"), [0.5], [[[2.0]]], feature_names=["age"])
    assert sympy.ccode(fitted.to_sympy()) == "2*pow(age, 2) + 1.0/2.0"
