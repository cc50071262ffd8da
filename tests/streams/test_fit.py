"""A fit to a stream has the weights of one fit to all rows, and holds few of them."""

import os
import signal
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from sktaskneuron import NeuronFormulaSearch, NeuronSeekRegressor
from sktaskneuron.streams import fit_stream

SEARCH = NeuronFormulaSearch(n_resamples=0)


def draw(n_rows, *, mixed=False):
    """Rows of a law; mixed: with a category, gaps and weights."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(n_rows, 3)), columns=["a", "b", "c"])
    table["y"] = 2 * table["a"] * table["b"] + table["c"] ** 2 + 0.3 * rng.normal(size=n_rows)
    if mixed:
        table["kind"] = rng.choice(["u", "v"], size=n_rows)
        table["w"] = rng.integers(1, 4, size=n_rows)
        table["y"] += table["kind"] == "v"
    return table


def parts_of(table, n_parts=5):
    bounds = np.linspace(0, len(table), n_parts + 1).astype(int)
    return [table.iloc[i:j] for i, j in pairwise(bounds)]


def refit_to_all(fitted, table, weight=None):
    """Weights of the terms by least squares on all rows."""
    terms = fitted.transform(table[["a", "b", "c", "kind"]])
    wide = np.column_stack([np.ones(len(terms)), terms])
    root = np.sqrt(np.ones(len(terms)) if weight is None else weight)[:, None]
    return np.linalg.lstsq(wide * root, table[["y"]].to_numpy() * root, rcond=None)[0].ravel()


class TestEquations:
    @pytest.mark.parametrize("weight", [None, "w"])
    def test_weights_are_those_of_all_rows(self, weight):
        table = draw(4000, mixed=True)
        fitted = fit_stream(
            SEARCH,
            parts_of(table),
            "y",
            features=["a", "b", "c", "kind"],
            sample_weight=weight,
            sample_size=500,
            random_state=0,
        )
        assert str(fitted.formula_) == "x + x**2 + <x,x>:1"
        weights = None if weight is None else table[weight].to_numpy()
        expected = refit_to_all(fitted, table, weights)
        equation = fitted.fitted_formula_
        found = np.append(equation.intercept, equation.term_weights.ravel())
        np.testing.assert_allclose(found, expected, rtol=1e-9)
        assert not hasattr(SEARCH, "formula_")

    def test_errors_are_those_of_all_rows(self):
        table = draw(4000)
        few, many = (
            fit_stream(SEARCH, parts_of(table), "y", sample_size=n, random_state=0)
            for n in (1000, 4000)
        )
        for first, second in zip(few.constants_, many.constants_, strict=True):
            assert first.standard_error == pytest.approx(second.standard_error, rel=0.15)

    def test_an_equation_of_columns_and_its_front(self):
        table = draw(3000)
        search = NeuronFormulaSearch("sr", scope="columns", max_steps=1)
        fitted = fit_stream(search, parts_of(table), "y", sample_size=300, random_state=0)
        X = table[["a", "b", "c"]]
        terms = np.column_stack([np.ones(3000), X["c"] ** 2, X["a"] * X["b"]])
        expected = np.linalg.lstsq(terms, table["y"].to_numpy(), rcond=None)[0]
        found = {constant.where: constant.value for constant in fitted.constants_}
        assert found == pytest.approx(dict(zip(("_", "_*c**2", "_*a*b"), expected, strict=True)))
        errors = [
            np.mean((point.fitted.evaluate(X).ravel() - table["y"].to_numpy()) ** 2)
            for point in fitted.pareto_front_
        ]
        assert errors[-1] < 0.1 < errors[0]
        mean = fitted.pareto_front_[0].fitted.evaluate(X)[0, 0]
        assert mean == pytest.approx(table["y"].mean())

    def test_several_targets(self):
        table = draw(2000)
        table["z"] = table["a"] ** 2
        fitted = fit_stream(SEARCH, parts_of(table), ["y", "z"], sample_size=500, random_state=0)
        assert fitted.predict(table[["a", "b", "c"]]).shape == (2000, 2)

    def test_more_rows_later(self):
        table = draw(3000)
        fitted = fit_stream(SEARCH, parts_of(table[:2000]), "y", sample_size=500, random_state=0)
        fitted.partial_fit(table[2000:].drop(columns="y"), table["y"][2000:])
        terms = np.column_stack([np.ones(3000), fitted.transform(table[["a", "b", "c"]])])
        expected = np.linalg.lstsq(terms, table["y"].to_numpy(), rcond=None)[0]
        found = np.append(fitted.fitted_formula_.intercept, fitted.fitted_formula_.term_weights)
        np.testing.assert_allclose(found, expected, rtol=1e-9)

    def test_few_rows_are_one_fit(self):
        table = draw(300)
        fitted = fit_stream(SEARCH, parts_of(table), "y", random_state=0)
        assert fitted.fitted_formula_.n_outputs == 1

    def test_gaps_and_levels_that_the_sample_lacks(self):
        table = draw(4000, mixed=True)
        table.loc[::50, "a"] = np.nan
        table.loc[3990:, "kind"] = "new"
        fitted = fit_stream(
            SEARCH,
            parts_of(table),
            "y",
            features=["a", "b", "c", "kind"],
            sample_size=400,
            random_state=0,
        )
        assert np.isfinite(fitted.predict(table[["a", "b", "c", "kind"]])).all()


class TestOthers:
    def test_networks_are_those_of_the_sample(self):
        table = draw(600)
        model = NeuronSeekRegressor(hidden_layer_sizes=8, max_epochs=3, random_state=0)
        fitted = fit_stream(model, parts_of(table), "y", sample_size=200, random_state=0)
        assert fitted.score(table.drop(columns="y"), table["y"]) > 0.5

    def test_classes(self):
        table = draw(1500)
        table["y"] = np.where(table["y"] > 1, "high", "low")
        fitted = fit_stream(SEARCH, parts_of(table), "y", sample_size=800, random_state=0)
        assert fitted.classes_.tolist() == ["high", "low"]


class TestWhatIsRefused:
    def test_a_column_that_is_not_there(self):
        with pytest.raises(ValueError, match="source has no column 'price'; its columns are"):
            fit_stream(SEARCH, parts_of(draw(50)), "price")

    def test_no_columns_left(self):
        with pytest.raises(ValueError, match="no column beside"):
            fit_stream(SEARCH, parts_of(draw(50)[["y"]]), "y")

    def test_a_target_among_the_features(self):
        with pytest.raises(ValueError, match="features holds 'y'"):
            fit_stream(SEARCH, parts_of(draw(50)), "y", features=["a", "y"])

    def test_estimators_of_others(self):
        from sklearn.linear_model import LinearRegression

        with pytest.raises(TypeError, match=r"fits estimators of sktaskneuron .* LinearRegression"):
            fit_stream(LinearRegression(), parts_of(draw(50)), "y")

    @pytest.mark.parametrize("name", ["sample_size", "batch_size"])
    def test_sizes(self, name):
        with pytest.raises(ValueError, match=f"{name} must be a whole number"):
            fit_stream(SEARCH, parts_of(draw(50)), "y", **{name: 0})

    def test_a_later_part_with_a_gap_in_the_target(self):
        table = draw(2000)
        table.loc[1999, "y"] = np.nan
        with pytest.raises(ValueError, match="y"):
            fit_stream(SEARCH, parts_of(table), "y", sample_size=100, random_state=0)


class TestCluster:
    def test_the_same_as_here(self):
        frames = pytest.importorskip("dask.dataframe")
        distributed = pytest.importorskip("distributed")
        table = draw(2000)
        rows = frames.from_pandas(table, npartitions=5)
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, processes=False
        )
        with cluster, distributed.Client(cluster):
            there = fit_stream(SEARCH, rows, "y", sample_size=300, random_state=0)
        here = fit_stream(SEARCH, rows, "y", sample_size=300, random_state=0)
        assert there.fitted_formula_ == here.fitted_formula_

    def test_a_worker_that_dies_midway_is_replaced(self, tmp_path):
        frames = pytest.importorskip("dask.dataframe")
        distributed = pytest.importorskip("distributed")
        delayed = pytest.importorskip("dask").delayed
        table = draw(2000)
        death = tmp_path / "death"

        def read(place):
            reads = tmp_path / f"reads of {place}"
            with reads.open("a") as file:
                file.write(".")
            # the first read is for the sample, the second one for the sums
            if place == 2 and reads.stat().st_size == 2 and not death.exists():
                death.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return table.iloc[500 * place : 500 * (place + 1)]

        rows = frames.from_delayed([delayed(read)(k) for k in range(4)], meta=table.iloc[:0])
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, processes=True
        )
        with cluster, distributed.Client(cluster):
            there = fit_stream(SEARCH, rows, "y", sample_size=300, random_state=0)
        assert death.exists()
        here = fit_stream(SEARCH, parts_of(table, 4), "y", sample_size=300, random_state=0)
        assert str(there.fitted_formula_) == str(here.fitted_formula_)
