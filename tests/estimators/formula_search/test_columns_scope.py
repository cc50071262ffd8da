"""`NeuronFormulaSearch(method="sr", scope="columns")` as a scikit-learn transformer."""

import pickle
import sqlite3

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import StackingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from sktaskneuron import NeuronFormulaSearch, NeuronSeekRegressor
from sktaskneuron.exceptions import MissingDependencyError
from sktaskneuron.formula import ElementwiseExpression, FittedExpression

QUICK = {"scope": "columns", "max_steps": 1}


def draw(n=200, noise=0.05, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(0.5, 3.0, size=(n, 3))
    y = 2 * X[:, 0] * X[:, 1] + np.log(X[:, 2])
    return X, y + noise * rng.standard_normal(n)


@pytest.fixture(scope="module")
def fitted():
    return NeuronFormulaSearch("sr", **QUICK).fit(*draw())


def test_transform_holds_the_additive_terms(fitted):
    X, y = draw(seed=1)
    values = fitted.transform(X)
    equation = fitted.fitted_formula_
    assert isinstance(equation, FittedExpression)
    assert list(fitted.get_feature_names_out()) == equation.term_names() == ["log(x2)", "x0*x1"]
    total = equation.intercept + values @ equation.term_weights
    np.testing.assert_allclose(total, equation.evaluate(X))
    assert np.corrcoef(total[:, 0], y)[0, 1] > 0.99


def test_pipeline_and_stacking():
    X, y = draw()
    piped = make_pipeline(NeuronFormulaSearch("sr", **QUICK), Ridge(1e-3)).fit(X, y)
    assert piped.score(*draw(seed=2)) > 0.99
    network = NeuronSeekRegressor(
        "x", hidden_layer_sizes=(8,), max_epochs=3, n_members=2, validation=2, random_state=0
    )
    stack = StackingRegressor([("equation", piped), ("network", network)], Ridge(), cv=2)
    assert stack.fit(X, y).score(*draw(seed=2)) > 0.98


def test_rows_where_the_equation_is_not_defined(fitted):
    X, _ = draw()
    X[0, 2] = -5.0
    values = fitted.transform(X)
    assert np.isfinite(values).all()
    assert values[0, 0] == pytest.approx(values[1:, 0].mean(), rel=0.05)


def test_attributes(fitted):
    assert not hasattr(fitted, "formula_")
    assert not hasattr(fitted, "term_gain_")
    front = fitted.pareto_front_
    assert len(front) > 1
    assert front[0].complexity == 1
    assert fitted.criterion_ < fitted.null_criterion_
    assert str(fitted.expression_) == str(fitted.to_sympy())


def test_one_object_searches_both():
    X, y = draw()
    search = NeuronFormulaSearch().fit(X, y)
    search.set_params(method="sr", **QUICK).fit(X, y)
    assert {name for name in vars(search) if name.endswith("_")} == {
        name for name in vars(clone(search).fit(X, y)) if name.endswith("_")
    }
    assert search.set_params(scope="neuron", method="td", max_steps=None).fit(X, y).formula_


def test_output_container_and_pickle(fitted):
    X, _ = draw()
    table = clone(fitted).set_output(transform="pandas").fit(*draw()).transform(X)
    assert list(table.columns) == ["log(x2)", "x0*x1"]
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(X), fitted.transform(X))
    assert again.fitted_formula_ == fitted.fitted_formula_


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"method": "td", "scope": "columns"}, "scope='columns' does not go with method='td'"),
        ({"method": "sr", "engine": "operon"}, "engine='operon' does not go with"),
        ({"method": "sr", "scope": "columns", "engine": "als"}, "engine='als' does not go with"),
        ({"method": "sr", "scope": "rows"}, "'scope' parameter"),
        ({"method": "sr", "scope": "columns", "max_complexity": 0}, "'max_complexity' parameter"),
    ],
)
def test_bad_combinations(parameters, message):
    with pytest.raises(ValueError, match=message):
        NeuronFormulaSearch(**parameters).fit(*draw(30))


def test_a_missing_engine(monkeypatch):
    monkeypatch.setattr("sktaskneuron.search.columns.engines.registry.find_spec", lambda name: None)
    search = NeuronFormulaSearch("sr", scope="columns", engine="operon")
    with pytest.raises(MissingDependencyError, match=r"needs pyoperon; install sktaskneuron\[sr\]"):
        search.fit(*draw(30))


def test_pysr_of_a_neuron(monkeypatch):
    """Functions that PySR's templates propose enter the same search; without it one sentence."""
    monkeypatch.setattr("sktaskneuron.search.columns.engines.registry.find_spec", lambda name: None)
    search = NeuronFormulaSearch("sr", engine="pysr", n_resamples=0)
    with pytest.raises(MissingDependencyError, match="needs pysr"):
        search.fit(*draw(60))
    monkeypatch.setattr("sktaskneuron.search.columns.engines.registry.find_spec", lambda name: True)
    proposed = [ElementwiseExpression.parse("x*sin(x**2)")]
    monkeypatch.setattr(
        "sktaskneuron.search.columns.engines.pysr.search_elementwise", lambda problem: proposed
    )
    X = np.random.default_rng(0).normal(size=(300, 3))
    y = (X * np.sin(X**2)).sum(axis=1)
    assert str(search.fit(X, y).formula_) == "x*sin(x**2)"


def test_operon():
    pytest.importorskip("pyoperon")
    X, y = draw()
    search = NeuronFormulaSearch("sr", scope="columns", engine="operon", max_steps=30_000)
    assert make_pipeline(search, Ridge(1e-3)).fit(X, y).score(*draw(seed=3)) > 0.98


def test_sql_of_a_table():
    pd = pytest.importorskip("pandas")
    X, y = draw()
    table = pd.DataFrame(X, columns=["height", "width of it", 'the "log"'])
    search = NeuronFormulaSearch("sr", **QUICK).fit(table, y)
    with sqlite3.connect(":memory:") as connection:
        connection.create_function("LN", 1, np.log)
        table.to_sql("t", connection, index=False)
        values = connection.execute(f"SELECT {search.to_sql()} FROM t").fetchall()
    expected = search.fitted_formula_.evaluate(table)
    np.testing.assert_allclose(np.asarray(values, dtype=float), expected, rtol=1e-6)


def test_missing_values_and_categories():
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.uniform(1, 2, 300), "kind": rng.choice(["low", "high"], 300)})
    y = table["a"] ** 2 + 3.0 * (table["kind"] == "low") + 0.01 * rng.normal(size=300)
    table.loc[:9, "a"] = np.nan
    search = NeuronFormulaSearch("sr", **QUICK).fit(table, y)
    assert any("kind=low" in name for name in search.get_feature_names_out())
    assert np.isfinite(search.transform(table)).all()


def test_progress_is_told(capsys):
    NeuronFormulaSearch("sr", verbose=1, **QUICK).fit(*draw(60))
    assert "sums of" in capsys.readouterr().out
