"""Every row has the same chance, whatever the parts."""

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sktaskneuron.streams.sample import Sample


def drawn(parts, size, seed=0):
    samples = [Sample.drawn(part, size, number, seed) for number, part in enumerate(parts)]
    merged = samples[0]
    for sample in samples[1:]:
        merged = merged.merged(sample, size)
    return merged


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.table])
def test_in_all_kinds_of_tables(library):
    rows = np.arange(90)
    parts = [nw.from_native(library({"a": part}), eager_only=True) for part in np.split(rows, 3)]
    sample = drawn(parts, 20)
    assert sample.n_seen == 90
    assert len(sample.rows) == 20
    kept = sample.rows["a"].to_list()
    assert len(set(kept)) == 20
    assert kept != sorted(kept)
    assert kept == drawn(parts, 20).rows["a"].to_list()
    assert kept != drawn(parts, 20, seed=1).rows["a"].to_list()


def test_the_order_of_merging_does_not_matter():
    parts = [nw.from_native(pl.DataFrame({"a": part})) for part in np.split(np.arange(90), 3)]
    a, b, c = (Sample.drawn(part, 20, number, 0) for number, part in enumerate(parts))
    left, right = a.merged(b, 20).merged(c, 20), a.merged(b.merged(c, 20), 20)
    assert left.rows["a"].to_list() == right.rows["a"].to_list()


def test_few_rows_are_all_taken():
    part = nw.from_native(pl.DataFrame({"a": [3, 1, 2]}))
    sample = drawn([part, part], 100)
    assert sorted(sample.rows["a"].to_list()) == [1, 1, 2, 2, 3, 3]


def test_rows_of_large_and_small_parts_have_the_same_chance():
    parts = [
        nw.from_native(pl.DataFrame({"a": part})) for part in np.split(np.arange(400), [10, 100])
    ]
    counts = np.zeros(400)
    for seed in range(200):
        counts[drawn(parts, 40, seed).rows["a"].to_numpy()] += 1
    share = [counts[:10].mean(), counts[10:100].mean(), counts[100:].mean()]
    assert np.allclose(share, 20, atol=3)
