"""Encoded columns are brought back to one column for each of the table's, with its gaps."""

import numpy as np

from sktaskneuron.preprocessing import TableEncoder
from sktaskneuron.preprocessing.ordinal import OrdinalColumns


def read(table, seen=None, **options):
    encoder = TableEncoder(**options).fit(table)
    layout = OrdinalColumns.of(encoder)
    return layout, layout(*encoder.transform_with_codes(table if seen is None else seen))


def test_gaps_are_gaps_again():
    X = np.array([[1.0, 5.0], [np.nan, 6.0], [3.0, 7.0]])
    layout, found = read(X)
    np.testing.assert_array_equal(found, X)
    assert not layout.categorical.any()


def test_a_gap_that_fit_has_not_seen_is_the_median():
    _, found = read(np.array([[1.0], [2.0], [4.0]]), np.array([[np.nan]]))
    assert found.tolist() == [[2.0]]


def test_categories_are_codes(dataframe):
    names = ["red", "blue", "red", None]
    table = dataframe({"colour": names, "size": [1.0, 2.0, None, 4.0], "two": ["a", "b", "a", "b"]})
    layout, found = read(table)
    assert layout.categorical.tolist() == [False, True, True]
    np.testing.assert_array_equal(found[:, 0], [1.0, 2.0, np.nan, 4.0])
    assert found[:, 1].tolist() == [1.0, 0.0, 1.0, 2.0]
    assert found[:, 2].tolist() == [0.0, 1.0, 0.0, 1.0]


def test_unknown_levels_are_gaps():
    table = np.array([["a"], ["b"], ["c"]])
    _, found = read(table, np.array([["b"], ["z"]]))
    np.testing.assert_array_equal(found, [[1.0], [np.nan]])


def test_rare_levels_are_told_apart_as_far_as_trees_can():
    few = np.array([[f"{k:03}"] for k in range(50)] * 10)
    _, found = read(few, max_categories=4)
    assert found[:, 0].tolist() == [*range(50)] * 10
    many = np.array([[f"{k:03}"] for k in range(300)] * 10)
    _, found = read(many, max_categories=4)
    assert np.unique(found).tolist() == [0.0, 1.0, 2.0, 3.0]


def test_dates_share_a_mark(dataframe):
    days = np.array(["2020-01-01", "NaT", "2021-06-01", "2022-03-01"], dtype="datetime64[ns]")
    layout, found = read(dataframe({"day": days}))
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[[0, 2, 3]]).all()
    assert layout.n_numbers == found.shape[1]
