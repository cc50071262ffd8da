"""How many rows stand behind a column, and behind a product."""

import numpy as np
import pytest

from sktaskneuron import NeuronFormulaSearch
from sktaskneuron.search.frame.support import carried_by_few, far_rows, shared_support


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


class TestHeavyTails:
    @pytest.mark.parametrize(
        ("draw", "expected"),
        [
            (lambda rng: rng.normal(size=90), False),
            (lambda rng: rng.exponential(size=300), False),
            (lambda rng: rng.integers(0, 4, 90).astype(float), False),
            (lambda rng: np.r_[np.ones(2), np.zeros(88)], False),
            (lambda rng: np.full(90, 3.0), False),
            (lambda rng: np.exp(2 * rng.normal(size=90)), True),
            (lambda rng: rng.standard_cauchy(300), True),
            (lambda rng: 1e30 * np.exp(5 * rng.normal(size=160)), True),
        ],
    )
    def test_rows_that_carry_a_column(self, draw, expected):
        X = draw(np.random.default_rng(0))[:, None]
        assert carried_by_few(X, np.ones(len(X))).tolist() == [expected]

    def test_weights_are_copies(self):
        rng = np.random.default_rng(0)
        X, weight = np.exp(rng.normal(size=(60, 40))), rng.integers(1, 4, 60).astype(float)
        copies = np.repeat(np.arange(60), weight.astype(int))
        ones = np.ones(len(copies))
        found = carried_by_few(X, weight)
        assert found.any()
        assert not found.all()
        assert found.tolist() == carried_by_few(X[copies], ones).tolist()
        assert far_rows(X, weight)[copies].tolist() == far_rows(X[copies], ones).tolist()

    @pytest.mark.parametrize("method", ["td", "sr"])
    def test_a_polynomial_through_the_far_rows_is_no_law(self, method):
        rng = np.random.default_rng(3)
        a, b, new = rng.normal(size=90), rng.normal(size=90), rng.normal(size=(300, 2))
        X, N = np.c_[a, np.exp(5 * b)], np.c_[new[:, 0], np.exp(5 * new[:, 1])]
        y, truth = a**2 + b + 0.1 * rng.normal(size=90), new[:, 0] ** 2 + new[:, 1]
        found = NeuronFormulaSearch(method, n_resamples=0, random_state=0).fit(X, y)
        error = found.to_numpy()(N).ravel() - truth
        assert np.mean(error**2) < 1.5 * truth.var()

    def test_a_law_that_holds_in_the_far_rows_stays(self):
        rng = np.random.default_rng(0)
        X = np.c_[rng.normal(size=200), rng.lognormal(0, 1.5, 200)]
        assert carried_by_few(X, np.ones(200)).tolist() == [False, True]
        y = X[:, 1] ** 2 + X[:, 0] + 1e-3 * rng.normal(size=200)
        found = NeuronFormulaSearch(n_resamples=0, random_state=0).fit(X, y)
        assert str(found.fitted_formula_.formula) == "x + x**2"


@pytest.mark.filterwarnings("ignore:engine='gates' had")
def test_gates_leave_out_what_a_row_or_two_say():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 2))
    X = np.c_[X, np.eye(60)[rng.integers(0, 60, 90)]]
    y = X[:, 0] + X[:, 1] ** 2
    search = NeuronFormulaSearch(engine="gates", max_steps=10, n_resamples=0, random_state=0)
    used = search.fit(X, y).fitted_formula_.used_features
    assert used.tolist() == [0, 1]


@pytest.mark.filterwarnings("ignore:engine='gates' had")
def test_gates_take_no_power_through_few_rows_of_a_small_table():
    rng = np.random.default_rng(0)
    a, far = rng.normal(size=34), np.exp(1.5 * rng.normal(size=34))
    X, y = np.c_[a, far], a**2 + 0.1 * rng.normal(size=34)
    assert not carried_by_few(X, np.ones(34)).any()
    search = NeuronFormulaSearch(engine="gates", max_steps=10, n_resamples=0, random_state=0)
    values = search.fit(X, y).to_numpy()(np.c_[np.zeros(3), far.max() * np.array([1, 3, 10])])
    assert np.abs(values).max() < 10 * np.abs(y).max()
