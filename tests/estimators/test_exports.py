"""An estimator's equation in other languages; SQL starts at the raw table."""

import inspect
import json
import runpy
import sqlite3
from types import SimpleNamespace

import numpy as np
import numpydoc.validate
import pytest
import sympy
from sklearn.exceptions import NotFittedError

from sktaskneuron import NeuronFormulaSearch
from sktaskneuron.estimators.exports import EquationExports
from sktaskneuron.formula import FittedExpression
from sktaskneuron.preprocessing import TableEncoder
from sktaskneuron.preprocessing.sql import sql_columns

FORMS = [name for name in vars(EquationExports) if name.startswith("to_")]
SEARCH = {"max_order": 2, "max_interaction_order": 2, "n_resamples": 0}


class Stated(EquationExports):
    """Any expression of the encoded columns of a table."""

    def __init__(self, columns, table, texts=None, **options):
        self.categorical_features = "from_dtype"
        self.encoder_ = TableEncoder(**options).fit(table)
        self.names = self.encoder_.get_feature_names_out().tolist()
        texts = texts or ["`" + name.replace("`", "``") + "`" for name in self.names]
        self.equation = FittedExpression.parse(texts, self.names)
        self._fitted = SimpleNamespace(equation=self.equation)

    def fit(self):
        return self


def draw_table(n_rows=200, seed=0):
    """Numbers, gaps, categories of all kinds, names that SQL must quote."""
    rng = np.random.default_rng(seed)
    blood = rng.normal(120, 15, size=n_rows)
    age = rng.integers(20, 80, size=n_rows).astype(float)
    sex = rng.choice(["male", "female"], size=n_rows)
    town = rng.choice(["O'Fallon", "Rome", 'the "Hague"'], size=n_rows)
    visit = rng.choice([1, 2.5, 30], size=n_rows)
    y = 0.05 * blood + 1.5 * (sex == "male") + 2.0 * (town == "O'Fallon") - 1.0 * (visit == 2.5)
    y = y + 0.002 * (age - 50) ** 2
    blood[::9] = np.nan
    y[::9] += 1.0
    return {
        'blood "p"': blood,
        "select": age,
        "sex": sex.tolist(),
        "home town": [None if i % 11 == 4 else str(name) for i, name in enumerate(town)],
        "visit": visit.tolist(),
    }, y


def none_for_gaps(values):
    return [None if value is None or value != value else value for value in values]


def query(columns, expressions):
    """Evaluate SQL on a table in memory; shape (n_rows, n_expressions)."""
    expressions = expressions if isinstance(expressions, list) else [expressions]
    names = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
    with sqlite3.connect(":memory:") as connection:
        connection.create_function("power", 2, lambda a, b: None if a is None else a**b)
        connection.execute(f"create table t ({names})")
        rows = list(zip(*map(none_for_gaps, columns.values()), strict=True))
        marks = ", ".join("?" * len(columns))
        connection.executemany(f"insert into t values ({marks})", rows)
        found = connection.execute(f"select {', '.join(expressions)} from t order by rowid")
        result = np.array(found.fetchall(), dtype=float)
    connection.close()
    return result


@pytest.fixture(scope="module")
def people():
    pd = pytest.importorskip("pandas")
    columns, y = draw_table()
    model = NeuronFormulaSearch(**SEARCH, categorical_features=["sex", "home town", "visit"])
    return columns, pd.DataFrame(columns), model.fit(pd.DataFrame(columns), y)


class TestSQL:
    def test_is_the_model(self, people):
        columns, table, model = people
        names = np.asarray(model.fitted_formula_.feature_names)
        used = set(names[model.fitted_formula_.used_features])
        assert {'blood "p"', 'blood "p" is missing', "sex=male", "home town=O'Fallon"} <= used
        assert "visit=2.5" in used
        text = model.to_sql()
        assert 'COALESCE("blood ""p""", ' in text
        assert """CASE WHEN "home town" = 'O''Fallon' THEN""" in text
        expected = model.fitted_formula_.evaluate(model.encoder_.transform(table))
        np.testing.assert_allclose(query(columns, text), expected, rtol=1e-6)

    def test_of_polars_and_numpy(self, people):
        pl = pytest.importorskip("polars")
        columns, table, _ = people
        columns = {name: none_for_gaps(values) for name, values in columns.items()}
        again = Stated(columns, pl.DataFrame(columns), categorical_features=[2, 3, 4])
        assert again.to_sql() == sql_texts(Stated(columns, table, categorical_features=[2, 3, 4]))
        unnamed = Stated(columns, table.to_numpy(dtype=object), categorical_features=[2, 3, 4])
        plain = {f"x{j}": values for j, values in enumerate(columns.values())}
        expected = unnamed.encoder_.transform(table.to_numpy(dtype=object))
        np.testing.assert_allclose(query(plain, unnamed.to_sql()), expected, rtol=1e-12)

    @pytest.mark.parametrize(
        "values",
        [
            ["a", "b", "a", "b"],
            ["a", "a", "a", "a"],
            ["a", None, "a", None],
            [None, None, None, None],
            ["a", "b", None, "it's"],
            [1, 2, 3, -4],
            [1.5, 2.0, None, 1e300],
            [True, False, True, False],
            [True, None, False, True],
            [5, "five", None, "'"],
            ["a", "a", "b", "c"],  # two columns at most: "b" and "c" are pooled
            ["a", "b", "c", None],
        ],
    )
    def test_every_kind_of_level(self, values):
        table = np.empty((4, 1), dtype=object)
        table[:, 0] = values
        model = Stated(None, table, categorical_features=[0], max_categories=2)
        found = query({"x0": values}, sql_texts(model))
        np.testing.assert_array_equal(found, model.encoder_.transform(table))

    def test_new_levels_and_gaps(self, people):
        columns, table, _ = people
        model = Stated(columns, table, categorical_features=["sex", "home town", "visit"])
        later = {'blood "p"': [None], "select": [30.0], "sex": ["x"], "home town": [None]}
        later["visit"] = [4]
        expected = model.encoder_.transform(type(table)(later).astype({'blood "p"': float}))
        np.testing.assert_allclose(query(later, model.to_sql()), expected)

    def test_gap_where_fit_saw_none(self):
        """The median, as predict reads it."""
        X = np.array([[1.0, 5.0], [2.0, np.nan]])
        model = Stated(None, X, ["x0 + x1"])
        assert model.to_sql() == '(COALESCE("x0", 1.0E0)) + (COALESCE("x1", 5.0E0))'
        expected = model.equation.evaluate(model.encoder_.transform([[np.nan, 3.0]]))
        assert expected == 4.0
        np.testing.assert_array_equal(query({"x0": [None], "x1": [3.0]}, model.to_sql()), expected)

    def test_texts_of_columns(self):
        model = Stated(None, np.array([[1.0, True], [2.0, False]], dtype=object), ["x0 + x1"])
        text = model.to_sql({"x0": "t.a"})
        assert text.startswith('(COALESCE(t.a, 1.0E0)) + (CASE WHEN "x1" THEN')
        with pytest.raises(ValueError, match="the table has no column 'b': name the columns"):
            model.to_sql({"b": "t.b"})
        with pytest.raises(ValueError, match="the text of column 'x0' must be a str, got ''"):
            model.to_sql({"x0": ""})

    def test_names_that_repeat(self):
        """A number may be called as another column's level is."""
        pd = pytest.importorskip("pandas")
        table = pd.DataFrame({"c": ["a", "b"], "c=b": [3.0, 4.0]})
        model = Stated(None, table)
        assert model.names == ["c=b", "c=b'"]
        assert model.to_sql() == [
            '(COALESCE("c=b", 3.0E0))',
            "(CASE WHEN \"c\" = 'b' THEN 1.0E0 ELSE 0.0E0 END)",
        ]

    def test_only_what_is_read_must_be_sayable(self):
        table = np.array([[1.0, "a\0"], [2.0, "b"], [3.0, "c"]], dtype=object)
        assert Stated(None, table, ["2*x0"]).to_sql() == '2.0E0*(COALESCE("x0", 2.0E0))'
        with pytest.raises(ValueError, match="NUL character, but column 'x1' has the level"):
            Stated(None, table).to_sql()
        infinite = np.array([[np.inf, 1.0], [0.5, 2.0]])
        encoder = TableEncoder(categorical_features=[0]).fit(infinite)
        with pytest.raises(ValueError, match="cannot write the level inf of column 'x0'"):
            sql_columns(encoder)


def sql_texts(model):
    texts = model.to_sql()
    return texts if isinstance(texts, list) else [texts]


class TestForms:
    def test_numpy_python_and_c(self, people, tmp_path):
        _, table, model = people
        matrix = model.encoder_.transform(table)
        expected = model.fitted_formula_.evaluate(matrix)[:, 0]
        np.testing.assert_array_equal(model.to_numpy()(matrix), expected)
        path = tmp_path / "exported.py"
        path.write_text(model.to_python("risk"), encoding="utf-8")
        module = runpy.run_path(str(path))
        assert module["FEATURE_NAMES"] == model.encoder_.get_feature_names_out().tolist()
        np.testing.assert_allclose(module["risk"](matrix), expected, rtol=1e-6)
        assert "double risk(const double *x)" in model.to_c("risk")

    def test_delegates(self, people):
        _, _, model = people
        fitted = model.fitted_formula_
        assert type(fitted).from_json(model.to_json()) == fitted
        assert json.loads(model.to_json())["feature_names"] == list(fitted.feature_names)
        assert model.to_sympy(form="centered") == fitted.to_sympy(form="centered")
        assert isinstance(model.to_sympy(), sympy.Expr)
        assert model.to_latex(digits=2) == fitted.to_latex(digits=2)
        assert "IF(ISBLANK([@age])," in model.to_excel({"select": "[@age]"})

    def test_classes_give_log_odds(self):
        pd = pytest.importorskip("pandas")
        columns, y = draw_table()
        table = pd.DataFrame(columns)
        model = NeuronFormulaSearch(**SEARCH).fit(table, np.where(y > np.median(y), "ill", "well"))
        expected = model.fitted_formula_.evaluate(model.encoder_.transform(table))
        assert json.loads(model.to_json())["link"] == "logit"
        np.testing.assert_allclose(query(columns, model.to_sql()), expected, rtol=1e-6)

    @pytest.mark.parametrize("form", FORMS)
    def test_asks_for_fit(self, form):
        with pytest.raises(NotFittedError):
            getattr(NeuronFormulaSearch(), form)()

    @pytest.mark.parametrize("form", FORMS)
    def test_asks_the_class(self, form):
        class Unreadable:
            @property
            def equation(self):
                raise AttributeError("a network was chosen")

        model = Stated(["x0"], np.array([[1.0], [2.0]]))
        model._fitted = Unreadable()
        with pytest.raises(AttributeError, match="a network was chosen"):
            getattr(model, form)()


@pytest.mark.parametrize("form", FORMS)
def test_docstrings(form):
    path = f"sktaskneuron.estimators.exports.EquationExports.{form}"
    errors = numpydoc.validate.validate(path)["errors"]
    assert [e for e in errors if e[0] not in {"ES01", "EX01", "SA01", "RT02"}] == []
    assert inspect.getdoc(getattr(EquationExports, form))
