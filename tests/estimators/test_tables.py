"""Tables of pandas and polars, with categories and missing values, as they come."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from sktaskneuron import NeuronFormulaSearch, NeuronSeekClassifier, NeuronSeekRegressor

from .data import ALONE, QUICK, draw_people

SEARCH = NeuronFormulaSearch(max_order=2, max_interaction_order=2, n_resamples=0)


@pytest.fixture(scope="module")
def people():
    return draw_people(240)


def rows(table, start, stop):
    return table[start:stop]


class TestFitAndPredict:
    def test_regression(self, dataframe, people):
        columns, y = people
        table = dataframe(columns)
        model = NeuronSeekRegressor(search=SEARCH, **QUICK)
        model.fit(rows(table, 0, 180), y[:180])
        assert r2_score(y[180:], model.predict(rows(table, 180, 240))) > 0.9
        assert model.feature_names_in_.tolist() == ["age", "income", "city", "member"]
        assert {"city=Bergen", "income is missing"} <= set(model.encoder_.get_feature_names_out())
        names = {str(symbol) for symbol in model.expression_.free_symbols}
        assert {"age", "member"} <= names
        assert any(name.startswith("city=") for name in names)

    def test_libraries_agree(self, people):
        pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
        columns, y = people
        model = NeuronSeekRegressor("x + x**2", **ALONE)
        first = model.fit(pd.DataFrame(columns), y).predict(pd.DataFrame(columns))
        second = model.fit(pl.DataFrame(columns), y).predict(pl.DataFrame(columns))
        np.testing.assert_array_equal(first, second)

    def test_classes(self, dataframe, people):
        columns, _ = people
        table = dataframe({name: columns[name] for name in ("age", "income", "member")})
        labels = [city or "unknown" for city in columns["city"]]
        model = NeuronSeekClassifier("x + x**2", **ALONE).fit(table, labels)
        assert model.classes_.tolist() == ["Aarhus", "Bergen", "Calais", "unknown"]
        assert set(model.predict(table)) <= set(labels)

    def test_target_from_the_same_library(self, dataframe, people):
        columns, y = people
        table = dataframe({**columns, "y": y})
        features = table[["age", "member"]]
        model = NeuronSeekRegressor("x + x**2", **ALONE)
        by_series = model.fit(features, table["y"]).predict(features)
        np.testing.assert_array_equal(by_series, model.fit(features, y).predict(features))

    def test_search(self, dataframe, people):
        columns, y = people
        table = dataframe(columns)
        search = NeuronFormulaSearch(max_order=2, max_interaction_order=2, n_resamples=0)
        assert {"age", "city=Bergen", "member"} <= set(search.fit(table, y).get_feature_names_out())
        assert np.isfinite(search.transform(table)).all()


class TestNewRows:
    def test_unseen_levels_and_new_gaps(self, dataframe, people):
        """A level never seen counts as none of the known, a gap as the column's middle."""
        columns, y = people
        table = dataframe(columns)
        model = NeuronSeekRegressor(search=SEARCH, **QUICK).fit(table, y)
        new = {name: list(values[:2]) for name, values in columns.items()}
        new["city"], new["age"] = ["Dublin", None], [float("nan"), 30.0]
        assert np.isfinite(model.predict(dataframe(new))).all()

    def test_order_of_columns_must_match(self, dataframe, people):
        columns, y = people
        model = NeuronSeekRegressor("x", **ALONE).fit(dataframe(columns), y)
        swapped = {name: columns[name] for name in ("member", "age", "income", "city")}
        with pytest.raises(ValueError, match="same order"):
            model.predict(dataframe(swapped))

    def test_array_after_a_table_warns(self, dataframe, people):
        columns, y = people
        table = dataframe({name: columns[name] for name in ("age", "income")})
        model = NeuronSeekRegressor("x", **ALONE).fit(table, y)
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            model.predict(np.array(table, dtype=float))


class TestColumns:
    def test_category_dtype(self, people):
        pd = pytest.importorskip("pandas")
        columns, y = people
        as_text = pd.DataFrame(columns)
        as_category = as_text.astype({"city": "category"})
        model = NeuronSeekRegressor("x + x**2", **ALONE)
        np.testing.assert_array_equal(
            model.fit(as_category, y).predict(as_category), model.fit(as_text, y).predict(as_text)
        )

    def test_numbers_as_categories(self):
        rng = np.random.default_rng(0)
        X = np.column_stack([rng.integers(0, 4, size=200), rng.normal(size=200)])
        y = np.array([0.0, 3.0, -1.0, 5.0])[X[:, 0].astype(int)] + X[:, 1]
        model = NeuronSeekRegressor(search=SEARCH, categorical_features=[0], **QUICK)
        assert model.fit(X, y).score(X, y) > 0.99
        assert "x0=3" in model.encoder_.get_feature_names_out()

    def test_array_of_mixed_objects(self):
        X = np.array([[1.0, "red"], [None, "blue"], [3.0, "red"]] * 10, dtype=object)
        y = np.arange(30.0)
        model = NeuronSeekRegressor("x", **ALONE).fit(X, y)
        assert model.encoder_.get_feature_names_out().tolist() == ["x0", "x0 is missing", "x1=red"]

    def test_names_that_are_no_identifiers(self, dataframe):
        rng = np.random.default_rng(0)
        table = dataframe({"body mass (kg)": rng.normal(size=150), "2nd": rng.normal(size=150)})
        y = np.asarray(table["body mass (kg)"]) * np.asarray(table["2nd"])
        model = NeuronSeekRegressor(search=SEARCH, **QUICK).fit(table, y)
        assert {str(s) for s in model.expression_.free_symbols} == {"body mass (kg)", "2nd"}
        assert model.search_.get_feature_names_out().tolist() == ["(body mass (kg))*2nd"]
