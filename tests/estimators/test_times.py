"""Tables with dates, durations and times of day, through estimators and out of them."""

import copy
import datetime
import json
import math
import pickle
import sqlite3

import numpy as np
import pytest

from sktaskneuron import NeuronFormulaSearch, NeuronSeekRegressor
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.inspection import shapley_values
from sktaskneuron.preprocessing import TableEncoder
from sktaskneuron.preprocessing.excel import excel_columns
from sktaskneuron.preprocessing.sql import sql_columns

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

TYPES = {
    "when": "TIMESTAMP",
    "a'b": "TIMESTAMPTZ",
    "fixed": "TIMESTAMPTZ",
    "day": "DATE",
    "clock": "TIME",
    "wait": "INTERVAL",
    "x": "DOUBLE PRECISION",
}


def draw(n_rows=200):
    rng = np.random.default_rng(0)
    seconds = rng.integers(0, 3 * 365 * 86_400, (3, n_rows))
    first, second, third = (
        pd.Series(pd.Timestamp("2011-01-01") + pd.to_timedelta(part, unit="s")) for part in seconds
    )
    return pd.DataFrame(
        {
            "when": first,
            "a'b": second.dt.tz_localize("UTC").dt.tz_convert("America/New_York"),
            "fixed": second.dt.tz_localize("UTC").dt.tz_convert(
                datetime.timezone(datetime.timedelta(hours=5, minutes=30))
            ),
            "day": third.dt.date,
            "clock": third.dt.time,
            "wait": pd.to_timedelta(rng.integers(-9000, 90_000, n_rows), unit="s"),
            "x": rng.normal(size=n_rows),
        }
    )


def with_gaps(frame):
    new = frame.iloc[:30].copy()
    new.loc[0] = None
    return new


@pytest.fixture(scope="module")
def frame():
    return draw()


@pytest.fixture(scope="module")
def target(frame):
    hours = frame["when"].dt.hour + frame["when"].dt.minute / 60
    waited = frame["wait"].dt.total_seconds() / 3600
    return np.sin(2 * np.pi * hours / 24) + 0.2 * waited + frame["x"]


@pytest.fixture(scope="module")
def search(frame, target):
    return NeuronFormulaSearch(n_resamples=0, random_state=0).fit(frame, target)


@pytest.fixture(scope="module")
def networks(frame, target):
    model = NeuronSeekRegressor("x", hidden_layer_sizes=(4,), max_epochs=2, n_members=1)
    return model.set_params(random_state=0).fit(frame, target)


def test_equation_is_readable(search):
    text = str(search.fitted_formula_)
    assert "+ when [sine of the day]" in text
    assert "0.2*wait [hours]" in text
    assert "since" not in text


def test_libraries_agree(frame, target, search):
    named = frame.assign(fixed=frame["fixed"].dt.tz_convert("Asia/Kolkata"))  # polars has no +05:30
    for table in (
        pl.from_pandas(named),
        pa.Table.from_pandas(frame),
        frame.convert_dtypes(dtype_backend="pyarrow"),
    ):
        other = NeuronFormulaSearch(n_resamples=0, random_state=0).fit(table, target)
        assert str(other.fitted_formula_) == str(search.fitted_formula_)
        np.testing.assert_array_equal(other.transform(table), search.transform(frame))


def python_cell(cell):
    if cell is None or cell is pd.NaT or cell != cell:
        return None
    if isinstance(cell, pd.Timestamp):
        return cell.to_pydatetime()
    return cell.to_pytimedelta() if isinstance(cell, pd.Timedelta) else cell


def in_duckdb(frame, texts):
    connection = pytest.importorskip("duckdb").connect(":memory:")
    types = ", ".join(f'"{name}" {TYPES[name]}' for name in frame.columns)
    connection.execute(f"create table t ({types})")
    rows = [list(map(python_cell, row)) for row in frame.itertuples(index=False)]
    marks = ", ".join("?" * frame.shape[1])
    connection.executemany(f"insert into t values ({marks})", rows)
    found = connection.execute(f"select {', '.join(texts)} from t").fetchall()
    connection.close()
    return np.array(found, dtype=float)


class TestSQL:
    def test_columns(self, frame):
        encoder, new = TableEncoder().fit(with_gaps(frame)), with_gaps(frame)
        texts = sql_columns(encoder)
        assert list(texts) == encoder.get_feature_names_out().tolist()
        found = in_duckdb(new, texts.values())
        np.testing.assert_allclose(found, encoder.transform(new), rtol=1e-9, atol=1e-9)

    def test_equation(self, frame, search):
        new = frame.iloc[:30]
        found = in_duckdb(new, [search.to_sql()])[:, 0]
        equation = search.fitted_formula_
        expected = equation.evaluate(search.encoder_.transform(new))
        np.testing.assert_allclose(found, np.ravel(expected), rtol=1e-9, atol=1e-9)

    def test_strict_dialect(self, frame):
        sqlglot = pytest.importorskip("sqlglot")
        for text in sql_columns(TableEncoder().fit(frame)).values():
            tree = sqlglot.parse_one(f"select {text}", read="postgres")
            assert not list(tree.find_all(sqlglot.exp.Anonymous))


class TestSQLite:
    @staticmethod
    def cell(cell):
        cell = python_cell(cell)
        if isinstance(cell, datetime.timedelta):
            return cell.total_seconds()
        return cell.isoformat() if hasattr(cell, "isoformat") else cell

    def found(self, frame, texts):
        connection = sqlite3.connect(":memory:")
        for function in (math.sin, math.cos, math.floor):  # which SQLite has if it was built so
            connection.create_function(
                function.__name__, 1, lambda x, f=function: None if x is None else f(x)
            )
        names = ", ".join(f'"{name}"' for name in frame.columns)
        connection.execute(f"create table t ({names})")
        rows = [list(map(self.cell, row)) for row in frame.itertuples(index=False)]
        connection.executemany(f"insert into t values ({', '.join('?' * frame.shape[1])})", rows)
        found = connection.execute(f"select {', '.join(texts)} from t").fetchall()
        connection.close()
        return np.array(found, dtype=float)

    def test_columns(self, frame):
        new = with_gaps(frame).drop(columns="a'b")
        encoder = TableEncoder().fit(new)
        found = self.found(new, sql_columns(encoder, dialect="sqlite").values())
        np.testing.assert_allclose(found, encoder.transform(new), rtol=1e-9, atol=1e-9)

    def test_equation(self, frame, search):
        new = frame.iloc[:30]
        found = self.found(new, [search.to_sql(dialect="sqlite")])[:, 0]
        expected = search.fitted_formula_.evaluate(search.encoder_.transform(new))
        np.testing.assert_allclose(found, np.ravel(expected), rtol=1e-9, atol=1e-9)

    def test_refusals(self, frame):
        encoder = TableEncoder().fit(frame)
        with pytest.raises(ValueError, match="does not know when the clocks of 'America/New_York'"):
            sql_columns(encoder, dialect="sqlite")
        elapsed = [name for name in encoder.get_feature_names_out() if "days since" in name]
        assert len(sql_columns(encoder, elapsed, dialect="sqlite")) == len(elapsed) > 1
        with pytest.raises(ValueError, match=r"\['sqlite', 'standard'\], got 'mysql'"):
            sql_columns(encoder, dialect="mysql")


class TestExcel:
    def test_columns(self, frame):
        formulas = pytest.importorskip("formulas")
        plain = with_gaps(frame)[["when", "wait", "clock"]]
        encoder = TableEncoder().fit(plain)
        cells = [[cell_of_excel(cell) for cell in row] for row in plain.iloc[1:9].to_numpy()]
        expected = encoder.transform(plain.iloc[1:9])
        for text, column in zip(excel_columns(encoder).values(), expected.T, strict=True):
            function = formulas.Parser().ast(f"={text}")[1].compile()
            (place,) = (ord(cell[0]) - ord("A") for cell in function.inputs)
            found = [float(function(np.array([[row[place]]])).item()) for row in cells]
            np.testing.assert_allclose(found, column, rtol=1e-7, atol=1e-7)

    def test_zones_are_refused(self, frame):
        with pytest.raises(FormulaError, match="dates with a time zone"):
            excel_columns(TableEncoder().fit(frame))


def cell_of_excel(cell):
    """A time as Excel holds it: in days."""
    if isinstance(cell, pd.Timestamp):
        return (cell - pd.Timestamp("1899-12-30")) / pd.Timedelta("1D")
    if isinstance(cell, datetime.time):
        return (cell.hour * 3600 + cell.minute * 60 + cell.second) / 86_400
    return cell / pd.Timedelta("1D")


class TestONNX:
    def test_columns_apart(self, frame, networks):
        ort = pytest.importorskip("onnxruntime")
        from sktaskneuron.deploy import onnx_inputs

        graph = networks.to_onnx()
        inputs = onnx_inputs(networks, with_gaps(frame))
        found = ort.InferenceSession(graph.SerializeToString()).run(["predict"], inputs)[0]
        np.testing.assert_allclose(found, networks.predict(with_gaps(frame)), rtol=1e-5, atol=1e-6)
        assert inputs["fixed"][1, 0] == frame["fixed"][1].timestamp()
        about = {entry.key: entry.value for entry in graph.metadata_props}
        assert json.loads(about["times"]) == {
            "when": "seconds since 1970-01-01",
            "a'b": "seconds since 1970-01-01 UTC",
            "fixed": "seconds since 1970-01-01 UTC",
            "day": "seconds since 1970-01-01",
            "clock": "seconds since midnight",
            "wait": "seconds",
        }

    def test_one_tensor(self, frame, search):
        ort = pytest.importorskip("onnxruntime")
        from sktaskneuron.deploy import onnx_inputs

        graph, new = search.to_onnx(one_tensor=True), with_gaps(frame)
        inputs = onnx_inputs(search, new, one_tensor=True)
        found = ort.InferenceSession(graph.SerializeToString()).run(None, inputs)[0]
        np.testing.assert_allclose(found, search.transform(new), rtol=1e-9, atol=1e-9)


def test_files(frame, networks):
    sio = pytest.importorskip("skops.io")
    new, data = with_gaps(frame), sio.dumps(networks)
    names = sio.get_untrusted_types(data=data)
    assert all(name.startswith("sktaskneuron.") for name in names)
    for other in (
        pickle.loads(pickle.dumps(networks)),
        copy.deepcopy(networks),
        sio.loads(data, trusted=names),
    ):
        np.testing.assert_array_equal(other.predict(new), networks.predict(new))


def test_importances(networks, search):
    for model in (networks, search):
        assert model.feature_importances_.shape == (7,)
        assert np.isfinite(model.feature_importances_).all()
    usual = search.feature_importances_ / search.feature_importances_.max()
    assert usual[[0, 5, 6]].min() > 0.3
    assert usual[[1, 2, 3, 4]].max() < 0.05


def test_importance_of_dates_with_gaps(frame, target):
    gaps = frame[["when", "x"]].copy()
    gaps.loc[::3, "when"] = pd.NaT
    model = NeuronFormulaSearch(n_resamples=0, random_state=0).fit(gaps, target)
    assert np.isfinite(model.feature_importances_).all()
    assert model.feature_importances_[0] > 0.1


def test_shapley_values_belong_to_the_date(frame, search):
    values = shapley_values(search, frame.iloc[:5], frame.iloc[:20])
    assert values.feature_names == tuple(frame.columns)
    found = search.fitted_formula_.evaluate(search.encoder_.transform(frame.iloc[:5]))
    np.testing.assert_allclose(values.base + values.values.sum(axis=1), np.ravel(found))


def test_partial_dependence(frame, networks):
    from sklearn.inspection import partial_dependence

    grid = pd.date_range("2011-01-01", "2013-01-01", periods=5).to_numpy()
    found = partial_dependence(networks, frame, ["when"], custom_values={"when": grid})
    expected = [networks.predict(frame.assign(when=moment)).mean() for moment in grid]
    np.testing.assert_allclose(found["average"][0], expected)


def test_judges_may_have_another_resolution(frame, target):
    model = NeuronSeekRegressor("x", hidden_layer_sizes=(4,), max_epochs=2, n_members=1)
    later = frame.assign(when=frame["when"].dt.as_unit("ms"))
    model.fit(frame, target, X_val=later[:50], y_val=target[:50])
    assert np.isfinite(model.predict(later)).all()


def test_free_text_by_skrub():
    skrub = pytest.importorskip("skrub")
    from sklearn.pipeline import make_pipeline

    rng = np.random.default_rng(0)
    words = np.array(["good", "bad", "room", "staff", "food", "clean", "noisy", "quiet"])
    texts = [f"stay {i}: {' '.join(rng.choice(words, 6))}" for i in range(150)]
    X = pd.DataFrame({"review": texts, "day": pd.date_range("2020-01-01", periods=150)})
    y = np.array([("good" in text) - ("bad" in text) for text in texts], dtype=float)
    model = make_pipeline(skrub.TableVectorizer(), NeuronFormulaSearch(n_resamples=0)).fit(X, y)
    assert np.isfinite(model.transform(X)).all()
    assert any(name.startswith("review") for name in model[-1].feature_names_in_)
