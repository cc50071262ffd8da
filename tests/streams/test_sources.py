"""Files, datasets, functions, lists and dask DataFrames give the same parts."""

from collections.abc import Iterator
from itertools import pairwise
from operator import add

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
import pytest

from sktaskneuron.streams.sources import open_source

N_ROWS = 1000


@pytest.fixture
def table():
    return pd.DataFrame({"a": np.arange(N_ROWS), "b": np.random.default_rng(0).normal(size=N_ROWS)})


def parts_of(table, n_parts=4):
    bounds = np.linspace(0, len(table), n_parts + 1).astype(int)
    return [table.iloc[i:j] for i, j in pairwise(bounds)]


def rows_of(source):
    """The values of column a in the order of the parts, read twice."""
    rows = open_source(source, batch_size=300)
    found = [rows.reduce(lambda _, part: part["a"].to_list(), add) for _ in range(2)]
    assert found[0] == found[1]
    return found[0]


class TestWhatIsRead:
    def test_a_folder_of_parquet_files(self, table, tmp_path):
        for number, part in enumerate(parts_of(table)):
            part.to_parquet(tmp_path / f"part{number}.parquet")
        (tmp_path / "_SUCCESS").touch()  # what Spark leaves there
        assert rows_of(tmp_path) == table["a"].tolist()
        assert rows_of(str(tmp_path)) == table["a"].tolist()

    def test_one_file_of_text(self, table, tmp_path):
        table.to_csv(tmp_path / "rows.csv", index=False)
        assert rows_of(tmp_path / "rows.csv") == table["a"].tolist()

    def test_folders_that_name_a_column(self, table, tmp_path):
        for year, part in zip((2020, 2021), parts_of(table, 2), strict=True):
            folder = tmp_path / f"year={year}"
            folder.mkdir()
            part.to_parquet(folder / "rows.parquet")
        rows = open_source(tmp_path, batch_size=300)
        years = rows.reduce(lambda _, part: part["year"].to_list(), add)
        assert sorted(set(years)) == [2020, 2021]

    def test_a_dataset_of_pyarrow(self, table):
        assert rows_of(pa.dataset.dataset(pa.Table.from_pandas(table))) == table["a"].tolist()

    def test_a_function(self, table):
        assert rows_of(lambda: iter(parts_of(table))) == table["a"].tolist()

    def test_a_list(self, table):
        assert rows_of([pl.from_pandas(part) for part in parts_of(table)]) == table["a"].tolist()

    def test_parts_without_rows_are_passed_over(self, table):
        assert rows_of([table.iloc[:0], table, table.iloc[:0]]) == table["a"].tolist()

    @pytest.mark.parametrize("n_parts", [1, 2, 5])
    def test_a_frame_of_dask(self, table, n_parts):
        frames = pytest.importorskip("dask.dataframe")
        assert rows_of(frames.from_pandas(table, npartitions=n_parts)) == table["a"].tolist()


class TestWhatIsRefused:
    def test_what_can_be_read_only_once(self, table):
        with pytest.raises(TypeError, match="can be read only once: give a function"):
            open_source(iter(parts_of(table)), 10)

    def test_a_table_in_memory(self, table):
        for X in (table, pl.from_pandas(table), table.to_numpy()):
            with pytest.raises(TypeError, match="a table in memory goes into fit"):
                open_source(X, 10)

    def test_no_file(self, tmp_path):
        with pytest.raises(ValueError, match="there is no file or folder"):
            open_source(tmp_path / "nothing.parquet", 10)

    def test_files_of_several_kinds(self, table, tmp_path):
        table.to_csv(tmp_path / "a.csv")
        table.to_parquet(tmp_path / "b.parquet")
        with pytest.raises(ValueError, match=r"of one of the kinds .*found \.csv, \.parquet"):
            open_source(tmp_path, 10)

    def test_an_empty_folder(self, tmp_path):
        with pytest.raises(ValueError, match="found none"):
            open_source(tmp_path, 10)

    def test_no_rows(self, table):
        def nothing() -> Iterator[pd.DataFrame]:
            yield table.iloc[:0]

        with pytest.raises(ValueError, match="source has no rows"):
            open_source(nothing, 10).reduce(lambda _, part: len(part), add)

    def test_batches_that_are_no_tables(self):
        with pytest.raises(TypeError, match="got a batch of type ndarray"):
            open_source([np.ones((3, 2))], 10).reduce(lambda _, part: len(part), add)
