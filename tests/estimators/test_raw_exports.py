"""Exports that start at the raw table, run where such tables are: in databases and in Excel.

Every column has a kind of its own. The value of each encoded column is compared, then that of the
equations of fitted estimators with what they predict.
"""

import sqlite3

import numpy as np
import pytest
from scipy.special import logit
from sklearn.base import clone

from sktaskneuron import NeuronFormulaSearch, NeuronSeekClassifier, NeuronSeekRegressor
from sktaskneuron.preprocessing import TableEncoder
from sktaskneuron.preprocessing.excel import excel_columns
from sktaskneuron.preprocessing.sql import sql_columns

pd = pytest.importorskip("pandas")

GREEK = ["α", "it's", 'say "x"', "C:\\new", "", "a;--", "naïve 😀", "A", "a", "%_", None, "5"]
#: Column of the table, and its type in a database.
COLUMNS = {
    "plain": ([1.5, -2.0, 3.25, 7.0], "DOUBLE PRECISION"),
    "whole": ([1, 2, 3, 40], "BIGINT"),
    "flag": ([True, False, True, True], "BOOLEAN"),
    "flag, gap": ([True, None, False, False], "BOOLEAN"),
    'number "gap"': ([0.5, None, 2.5, 3.0], "DOUBLE PRECISION"),
    "0": ([0.0, 1.0, 0.0, 5.0], "DOUBLE PRECISION"),
    "it's": (["b", "a", "b", "c"], "VARCHAR"),
    "two": (["b", "a", "b", "a"], "VARCHAR"),
    "texts": (GREEK, "VARCHAR"),
    "numbered": ([1, 2.5, 0, 30], "DOUBLE PRECISION"),
    "mixed": ([5, "five", 2.5, "", None, 0], "VARCHAR"),
    "many": ([f"level {i}" for i in range(300)] + ["often", "often"], "VARCHAR"),
}
CATEGORIES = ["it's", "two", "texts", "numbered", "mixed", "many"]
NEW = {"plain": None, "flag": None, "texts": "β", "numbered": 4, "two": None, "0": None}


def draw(n_rows=600):
    """A table of all kinds."""
    rng = np.random.default_rng(0)
    columns = {}
    for name, (cells, _) in COLUMNS.items():
        places = np.r_[np.arange(len(cells)), rng.integers(len(cells), size=n_rows - len(cells))]
        columns[name] = [cells[place] for place in rng.permutation(places)]
    frame = pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})
    numbers = ["plain", "whole", 'number "gap"', "0"]
    return frame.astype(dict.fromkeys(numbers, float))


def later(frame):
    """Rows of the table, one with gaps and levels that fit has not seen, and one of gaps alone."""
    new = frame.iloc[:40].copy()
    for name, cell in NEW.items():
        new.loc[0, name] = cell
    new.loc[1] = None
    return new


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def rows_of(frame):
    gaps = frame.isna()
    for place in range(len(frame)):
        yield [
            None
            if gaps.iat[place, j]
            else frame.iat[place, j].item()
            if isinstance(frame.iat[place, j], np.generic)
            else frame.iat[place, j]
            for j in range(frame.shape[1])
        ]


def run(connection, frame, texts):
    """Create the table with its types, and select the expressions; one row each."""
    types = ", ".join(f"{quoted(name)} {COLUMNS[name][1]}" for name in frame.columns)
    connection.execute(f"create table t (place INTEGER, {types})")
    marks = ", ".join("?" * (frame.shape[1] + 1))
    rows = [[place, *row] for place, row in enumerate(rows_of(frame))]
    for row in rows:
        # a column of text holds what Python writes
        place = 1 + frame.columns.get_loc("mixed")
        row[place] = None if row[place] is None else str(row[place])
    connection.executemany(f"insert into t values ({marks})", rows)
    found = connection.execute(f"select {', '.join(texts)} from t order by place").fetchall()
    connection.close()
    return np.array(found, dtype=float)


def in_excel(text, frame):
    """Evaluate a formula by the package `formulas` on every row of a table that begins at A1."""
    formulas = pytest.importorskip("formulas")
    empty = pytest.importorskip("schedula").EMPTY
    function = formulas.Parser().ast(text)[1].compile()
    places = [ord(cell[0]) - ord("A") for cell in function.inputs]
    found = []
    for row in rows_of(frame):
        cells = [empty if row[place] is None else row[place] for place in places]
        found.append(function(*(np.array([[cell]], dtype=object) for cell in cells)).item())
    return np.array(found, dtype=float)


@pytest.fixture(scope="module")
def frame():
    return draw()


@pytest.fixture(scope="module")
def encoder(frame):
    return TableEncoder(categorical_features=CATEGORIES).fit(frame)


@pytest.fixture(params=["sqlite", "duckdb"])
def database(request):
    if request.param == "sqlite":
        connection = sqlite3.connect(":memory:")
        connection.create_function("power", 2, lambda a, b: None if a is None else a**b)
        return connection
    return pytest.importorskip("duckdb").connect(":memory:")


class TestColumns:
    def test_in_databases(self, frame, encoder, database):
        new = later(frame)
        texts = sql_columns(encoder)
        assert list(texts) == encoder.get_feature_names_out().tolist()
        found = run(database, new, list(texts.values()))
        np.testing.assert_array_equal(found, encoder.transform(new))

    def test_in_a_strict_dialect(self, encoder):
        sqlglot = pytest.importorskip("sqlglot")
        for text in sql_columns(encoder).values():
            tree = sqlglot.parse_one(f"select {text}", read="postgres")
            # no type is left to the server, and a number is told as what it is
            assert not list(tree.find_all(sqlglot.exp.Anonymous))
            assert tree.sql(dialect="postgres")

    def test_numbers_beside_their_own_text(self):
        X = np.array([[5], ["5"], [2.5]], dtype=object)
        with pytest.raises(ValueError, match="cannot tell the levels 5 and '5' of column 'x0'"):
            sql_columns(TableEncoder().fit(X))

    def test_in_excel(self, frame, encoder):
        new = later(frame)
        expected = encoder.transform(new)
        for place, text in enumerate(excel_columns(encoder).values()):
            if place % 7 and len(text) < 200:  # the many levels of a column are all alike
                continue
            np.testing.assert_array_equal(in_excel(f"={text}", new), expected[:, place])

    def test_excel_splits_long_texts_and_lists(self):
        X = np.array([["a" * 300], ["b"], ["c"], ["c"]], dtype=object)
        texts = excel_columns(TableEncoder().fit(X))
        parts = texts["x0=" + "a" * 300].split('"')
        assert [len(part) for part in parts[1::2]] == [255, 45]
        X = np.array([*(f"{i}a" for i in range(600)), "b"] * 2, dtype=object)[:, None]
        text = excel_columns(TableEncoder(max_categories=2).fit(X))["x0=other"]
        assert text.count("OR(") == 4

    def test_no_level_has_a_column(self):
        """Texts of single rows share a column of zeros."""
        encoder = TableEncoder(max_categories=2)
        encoder.fit(np.array([f"{i}a" for i in range(9)], dtype=object)[:, None])
        assert sql_columns(encoder) == excel_columns(encoder) == {"x0=other": "0"}

    def test_cells(self, encoder):
        text = excel_columns(encoder, ["flag"], {"flag": "[@flag]"})
        assert text == {"flag": "IF(ISBLANK([@flag]),1,IF([@flag],1,0))"}
        with pytest.raises(ValueError, match="the table has no column 'two=b'"):
            excel_columns(encoder, cells={"two=b": "A1"})


def target(frame):
    flag = frame["flag"].astype(float)
    kept = (frame["two"] == "b") + (frame["mixed"] == 5) * 1.5
    return (2.0 * flag + frame["plain"] ** 2 + 3.0 * kept).to_numpy(dtype=float)


USED = ["plain", "flag", "flag, gap", "two", "mixed"]
QUICK = {"max_epochs": 2, "n_members": 1, "hidden_layer_sizes": (4,), "random_state": 0}
MODELS = {
    "search": NeuronFormulaSearch(n_resamples=0, max_order=2),
    "search of columns": NeuronFormulaSearch("sr", scope="columns", max_steps=2),
    "regressor": NeuronSeekRegressor(**QUICK),
    "classes": NeuronFormulaSearch(n_resamples=0, max_order=2),
    "classes by columns": NeuronFormulaSearch("sr", scope="columns", max_steps=2),
    "classifier": NeuronSeekClassifier("x", **QUICK),
}


@pytest.fixture(scope="module", params=MODELS)
def fitted(request, frame):
    table, y = frame[USED][:200], target(frame[:200])
    if request.param == "classifier":  # a linear model of odds is the best one
        odds = 2.0 * (table["two"] == "b") - 1.0 + 2.0 * table["flag"].astype(float)
        y = np.random.default_rng(1).logistic(size=len(table)) < odds
    elif "class" in request.param:
        y = np.where(y > np.median(y), "high", "low")
    model = clone(MODELS[request.param]).set_params(categorical_features=["two", "mixed"])
    model.fit(table, y)
    assert "network" not in str(getattr(model, "selected_", ""))
    return model


def raw_values(model, table):
    """What the model says of a table, before the link."""
    if hasattr(model, "predict_proba"):
        return logit(model.predict_proba(table)[:, 1])
    if hasattr(model, "predict"):
        return model.predict(table)
    return model.fitted_formula_.evaluate(model.encoder_.transform(table))[:, 0]


class TestEquations:
    def test_are_what_the_model_says(self, fitted, frame, database):
        new = later(frame)[USED]
        text = fitted.to_sql()
        expected = raw_values(fitted, new)
        found = run(database, new, [text])[:, 0]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)

    def test_in_excel(self, fitted, frame):
        new = later(frame)[USED][:12]
        found = in_excel(fitted.to_excel(), new)
        np.testing.assert_allclose(found, raw_values(fitted, new), rtol=1e-5, atol=1e-6)

    def test_a_strict_dialect_reads_them(self, fitted):
        sqlglot = pytest.importorskip("sqlglot")
        sqlglot.parse_one(f"select {fitted.to_sql()}", read="postgres")
