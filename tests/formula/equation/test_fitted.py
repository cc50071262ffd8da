from __future__ import annotations

import copy
import itertools
import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import FittedFormula, NeuronFormula

from ..strategies import FITTED, draw_fitted, draw_rows

PAIR = {
    "formula": NeuronFormula.parse("x**2 + <x,x>:1"),
    "intercept": [1.0],
    "pure_weights": [[[2.0], [0.0]]],
    "factors": {2: [[[1.0], [0.0]], [[0.0], [1.0]]]},
    "loadings": {2: [[3.0]]},
    "feature_names": ("age", "bmi"),
}


def by_definition(fitted, X):
    """The equation of the class, term by term and row by row."""
    result = np.empty((len(X), fitted.n_outputs))
    d = fitted.n_features
    for n, row in enumerate(X):
        z = (np.minimum(np.maximum(row, fitted.lower), fitted.upper) - fitted.center) / fitted.scale
        f = fitted.intercept.copy()
        for g, weights in zip(fitted.formula.expressions, fitted.pure_weights, strict=True):
            for i in range(d):
                f += weights[i] * float(g.evaluate(z[i]))
        for k, u in fitted.factors.items():
            for r in range(u.shape[2]):
                atom = 0.0
                for chosen in itertools.product(range(d), repeat=k):
                    if len(set(chosen)) > 1:  # x_i**k is no part of an interaction
                        atom += np.prod([u[m, i, r] * z[i] for m, i in enumerate(chosen)])
                f += atom * fitted.loadings[k][r]
        result[n] = f
    return result


@given(FITTED)
def test_evaluate_is_the_definition(fitted):
    X = draw_rows(fitted, 4)
    expected = by_definition(fitted, X)
    scale = 1 + np.abs(expected).max()
    np.testing.assert_allclose(fitted.evaluate(X), expected, rtol=1e-8, atol=1e-9 * scale)


@pytest.mark.parametrize("order", [2, 3, 5])
def test_far_cells_leave_what_the_atoms_are(order):
    """Far out x_i**order is as large as the product of sums, and what is left of it is exact."""
    rng = np.random.default_rng(order)
    factors = rng.integers(-3, 4, size=(order, 4, 2)).astype(float)
    formula = NeuronFormula.parse(f"<{','.join('x' * order)}>:2")
    fitted = FittedFormula(
        formula, [0.0], factors={order: factors}, loadings={order: [[1.0], [3.0]]}
    )
    X = rng.integers(-4, 5, size=(20, 4)).astype(float)
    X[:, 1] *= 10.0 ** rng.integers(0, 13, size=20)
    whole = [
        sum(
            weight * math.prod(int(u[m, i, r]) * int(row[i]) for m, i in enumerate(chosen))
            for r, weight in enumerate((1, 3))
            for chosen in itertools.product(range(4), repeat=order)
            if len(set(chosen)) > 1
        )
        for u, row in ((factors, row) for row in X)
    ]
    np.testing.assert_allclose(fitted.evaluate(X)[:, 0], np.array(whole, dtype=float), rtol=1e-10)


@given(FITTED)
def test_transform_holds_the_additive_terms(fitted):
    X = draw_rows(fitted)
    values = fitted.transform(X)
    names = fitted.term_names()
    assert values.shape == (len(X), len(names)) == (len(X), len(fitted.terms))
    assert len(set(names)) == len(names)
    assert fitted.term_weights.shape == (len(names), fitted.n_outputs)
    assert fitted.term_weights.any(axis=1).all()
    total = fitted.intercept + values @ fitted.term_weights
    np.testing.assert_allclose(total, fitted.evaluate(X), rtol=1e-9, atol=1e-9)


@given(FITTED)
def test_json_and_pickle_are_exact(fitted):
    X = draw_rows(fitted)
    for again in (
        FittedFormula.from_json(fitted.to_json()),
        pickle.loads(pickle.dumps(fitted)),
        copy.deepcopy(fitted),
    ):
        assert again == fitted
        assert hash(again) == hash(fitted)
        np.testing.assert_array_equal(again.evaluate(X), fitted.evaluate(X))


def test_small_example_by_hand():
    fitted = FittedFormula(**PAIR)
    np.testing.assert_array_equal(fitted([[2.0, 5.0]]), [[1 + 2 * 4 + 3 * 10]])
    assert fitted.term_names() == ["age**2", "age*bmi"]
    np.testing.assert_array_equal(fitted.transform([[2.0, 5.0]]), [[4.0, 10.0]])
    np.testing.assert_array_equal(fitted.term_weights, [[2.0], [3.0]])


def test_interaction_holds_no_pure_power():
    u = np.random.default_rng(0).normal(size=(3, 4, 2))
    fitted = FittedFormula(
        NeuronFormula(interactions={3: 2}), [0.0], factors={3: u}, loadings={3: [[1.0], [1.0]]}
    )
    for i in range(4):
        only = np.zeros((1, 4))
        only[0, i] = 1.7
        assert abs(fitted.evaluate(only)[0, 0]) < 1e-12


def test_names_of_atoms():
    u = np.zeros((3, 3, 4))
    u[0, 1, 0] = u[1, 0, 0] = u[2, 1, 0] = 2.0  # b, a, b
    u[:, :, 1] = 1.0
    u[0, 1, 2] = u[1, 1, 2] = u[2, 0, 2] = -1.0  # b, b, a: the same monomial again
    u[:, 2, 3] = 1.0  # sees one feature only: nothing of it is left
    fitted = FittedFormula(
        NeuronFormula(interactions={3: 4}),
        [0.0],
        factors={3: u},
        loadings={3: np.ones((4, 1))},
        feature_names=["a", "b", "c-d"],
    )
    assert fitted.term_names() == ["a*b**2", "<x,x,x>[1]", "a*b**2[2]"]


def test_names_stay_distinct_and_readable():
    formula = NeuronFormula.parse("x + x**2 + sin(x)")
    fitted = FittedFormula(
        formula, [0.0], [np.ones((3, 1))] * 3, feature_names=["a", "a**2", "b-c"]
    )
    names = fitted.term_names()
    assert names[:3] == ["a", "a**2", "b-c"]
    assert names[3] == "a**2'"
    assert names[5] == "(b-c)**2"
    assert names[6] == "sin(a)"


def test_unused_columns_are_not_read():
    formula = NeuronFormula.parse("log(x)")
    fitted = FittedFormula(formula, [0.0], [[[1.0], [0.0]]])
    np.testing.assert_array_equal(fitted([[1.0, np.nan], [1.0, -5.0]]), [[0.0], [0.0]])
    assert fitted.used_features.tolist() == [0]
    assert np.isnan(fitted([[-1.0, 0.0], [np.nan, 0.0]])).all()


def test_tables_go_by_column_name():
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    fitted = FittedFormula(**PAIR)
    columns = {"other": ["a", "b"], "bmi": [5.0, 1.0], "age": [2.0, 3.0]}
    expected = fitted([[2.0, 5.0], [3.0, 1.0]])
    for table in (columns, pd.DataFrame(columns), pl.DataFrame(columns)):
        np.testing.assert_array_equal(fitted(table), expected)
    with pytest.raises(FormulaError, match=r"lacks the columns \['age'\]"):
        fitted({"bmi": [1.0]})


def test_empty_formula_is_the_intercept():
    fitted = FittedFormula(NeuronFormula(), [1.5, 2.0], feature_names=["a"])
    np.testing.assert_array_equal(fitted(np.zeros((3, 1))), [[1.5, 2.0]] * 3)
    assert fitted.transform(np.zeros((3, 1))).shape == (3, 0)
    assert fitted.term_names() == []
    assert fitted.term_weights.shape == (0, 2)


def test_rows_do_not_depend_on_each_other():
    fitted = draw_fitted(NeuronFormula.parse("x + sin(x) + <x,x>:2"), 0, n_features=5)
    X = draw_rows(fitted, 9000)
    part = fitted(X[4000:4200])
    np.testing.assert_allclose(fitted(X)[4000:4200], part, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(
        fitted.intercept + fitted.transform(X) @ fitted.term_weights, fitted(X), atol=1e-10
    )
    assert fitted(X[:0]).shape == (0, 1)


def test_arrays_are_copied_and_read_only():
    weights = np.ones((2, 1))
    fitted = FittedFormula(NeuronFormula.parse("x"), [0.0], [weights])
    weights[:] = 5
    assert fitted.pure_weights[0].max() == 1
    for again in (fitted, pickle.loads(pickle.dumps(fitted))):
        with pytest.raises(ValueError, match="read-only"):
            again.pure_weights[0][0] = 2
        with pytest.raises(AttributeError):
            again.intercept = np.zeros(1)
    X = np.ones((3, 2))
    X.flags.writeable = False
    fitted(X)
    fitted.transform(X)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"formula": "x"}, "must be a NeuronFormula"),
        ({"intercept": 1.0}, "intercept must have shape"),
        ({"intercept": [np.nan]}, "intercept must be finite"),
        ({"pure_weights": []}, "1 pure terms, but 0"),
        ({"pure_weights": [[[1.0]]]}, "pure_weights must have shape"),
        ({"pure_weights": [[["a"], [1.0]]]}, "array of numbers"),
        ({"factors": {}}, "orders"),
        ({"factors": {2: [[[1.0], [0.0]]]}}, r"factors\[2\] must have shape"),
        ({"loadings": {2: [3.0]}}, r"loadings\[2\] must have shape"),
        ({"scale": [1.0, 0.0]}, "scale must be positive"),
        ({"center": [1.0]}, "center must have shape"),
        ({"center": [np.inf, 0.0]}, "center must be finite"),
        ({"lower": [1.0, 1.0], "upper": [0.0, 2.0]}, "at most its upper"),
        ({"upper": [np.nan, 1.0]}, "upper must be finite"),
        ({"feature_names": ["a", "a"]}, "distinct"),
        ({"feature_names": ["a", ""]}, "distinct"),
        ({"feature_names": ["a"]}, "must have shape"),
        ({"link": "a\nb"}, "link must be"),
    ],
)
def test_bad_values(change, part):
    with pytest.raises(FormulaError, match=part):
        FittedFormula(**{**PAIR, **change})


def test_unknown_number_of_columns():
    with pytest.raises(FormulaError, match="give feature_names"):
        FittedFormula(NeuronFormula(), [0.0])


@pytest.mark.parametrize("X", [[1.0, 2.0], [[1.0]], [[1.0, 2.0, 3.0]]])
def test_wrong_width(X):
    with pytest.raises(FormulaError, match="X must have shape"):
        FittedFormula(**PAIR)(X)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "x"},
        {"version": 99},
        {"scale": None},
        {"factors": [1]},
        {"lower": ["a"]},
        {"intercept": "a"},
        {"formula": {}},
    ],
)
def test_bad_json(change):
    data = {**json.loads(FittedFormula(**PAIR).to_json()), **change}
    if change == {"scale": None}:
        del data["scale"]
    with pytest.raises(FormulaError):
        FittedFormula.from_json(json.dumps(data))


def test_json_has_no_infinity():
    text = FittedFormula(**PAIR).to_json()
    assert "Infinity" not in text
    assert json.loads(text)["version"] == 1


def test_wide_table_is_quick():
    formula = NeuronFormula.parse("x + x**3 + <x,x>:3 + <x,x,x>:2")
    fitted = draw_fitted(formula, 0, n_features=200)
    assert fitted(np.zeros((5000, 200))).shape == (5000, 1)
    assert len(fitted.term_names()) == 2 * 200 + 5
