"""How many rows stand behind a column, and behind a product."""

import numpy as np
import pytest

from sktaskneuron.search.frame.support import shared_support


def marks(*counts, n_rows=500):
    """0/1 columns that are one in the first so many rows."""
    return (np.arange(n_rows)[:, None] < np.asarray(counts)).astype(float)


def test_ten_rows_and_a_tenth_of_a_small_table():
    found = shared_support(marks(1, 9, 10, 250, 495), np.ones(500))
    assert np.diag(found).tolist() == [False, False, True, True, False]
    small = shared_support(marks(1, 2, 3, n_rows=20), np.ones(20))
    assert np.diag(small).tolist() == [False, True, True]


def test_rows_in_common():
    X = marks(40, 40)
    X[:, 1] = np.roll(X[:, 1], 31)
    assert shared_support(X, np.ones(500)).tolist() == [[True, False], [False, True]]
    X[:, 1] = np.roll(X[:, 1], -1)
    assert shared_support(X, np.ones(500)).all()


def test_numbers_are_not_counted():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    X[:, 2] = rng.integers(0, 5, size=60)
    assert shared_support(X, np.ones(60)).all()


@pytest.mark.parametrize("scale", [1.0, -3e9])
def test_scale_and_origin_do_not_matter(scale):
    X = marks(3, 30)
    expected = shared_support(X, np.ones(500))
    np.testing.assert_array_equal(shared_support(7 + scale * X, np.ones(500)), expected)


def test_a_weight_counts_copies():
    X = marks(4, 300)
    assert not shared_support(X, np.ones(500))[0, 0]
    weight = np.where(np.arange(500) < 4, 3.0, 1.0)
    copies = np.repeat(np.arange(500), weight.astype(int))
    np.testing.assert_array_equal(
        shared_support(X, weight), shared_support(X[copies], np.ones(len(copies)))
    )
