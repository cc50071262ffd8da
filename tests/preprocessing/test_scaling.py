"""SmoothClipScaler: the equation, the special columns, weights, extreme numbers."""

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.utils.estimator_checks import parametrize_with_checks

from sktaskneuron.preprocessing import SmoothClipScaler
from sktaskneuron.preprocessing.weighted import weighted_quantiles


@parametrize_with_checks([SmoothClipScaler()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return np.column_stack(
        [
            rng.standard_t(2, 200),
            1e6 + 1e3 * rng.standard_normal(200),
            rng.integers(0, 2, 200),  # two values
            np.full(200, 7.0),  # constant
            np.where(rng.random(200) < 0.9, 0.0, rng.exponential(size=200)),  # IQR 0
        ]
    )


def test_equation(X):
    Z = SmoothClipScaler(bound=2.0).fit_transform(X)
    q1, median, q3 = np.quantile(X[:, 0], [0.25, 0.5, 0.75], method="inverted_cdf")
    z = (X[:, 0] - median) / (q3 - q1)
    np.testing.assert_allclose(Z[:, 0], z / np.sqrt(1 + (z / 2) ** 2), rtol=1e-12)


def test_bounded_and_order_kept(X):
    scaler = SmoothClipScaler().fit(X)
    far = np.sort(np.concatenate([X[:, 0], [-1e4, 1e4]]))
    grid = np.tile(X[0], (len(far), 1))
    grid[:, 0] = far
    z = scaler.transform(grid)[:, 0]
    assert np.all(np.abs(z) <= 3.0)
    assert np.all(np.diff(z)[np.diff(far) > 0] > 0)


def test_two_valued_column_is_not_bent(X):
    scaler = SmoothClipScaler().fit(X)
    z = scaler.transform(X)[:, 2]
    assert scaler.two_valued_.tolist() == [False, False, True, False, False]
    assert z.mean() == pytest.approx(0.0, abs=1e-12)
    assert np.ptp(z) == pytest.approx(2.0)


def test_rare_level_stays_near():
    x = np.zeros((10_000, 1))
    x[0] = 1.0
    assert SmoothClipScaler().fit_transform(x).max() <= 2.0


def test_constant_column_is_zero_for_ever(X):
    scaler = SmoothClipScaler().fit(X)
    assert scaler.constant_.tolist() == [False, False, False, True, False]
    later = X.copy()
    later[:, 3] = 1e9
    np.testing.assert_array_equal(scaler.transform(later)[:, 3], 0.0)


def test_rounding_noise_is_constant():
    x = np.full((50, 1), 0.1) * 3
    x[::2] = 0.3
    assert SmoothClipScaler().fit(x).constant_.all()


def test_mostly_one_value_uses_half_the_range(X):
    scaler = SmoothClipScaler().fit(X)
    assert scaler.scale_[4] == pytest.approx(np.ptp(X[:, 4]) / 2)


def test_one_outlier_does_not_flatten_the_rest():
    x = np.append(np.random.default_rng(0).standard_normal(100), 1e20)[:, None]
    assert SmoothClipScaler().fit_transform(x)[:100].std() > 0.5


@pytest.mark.parametrize(
    "x", [[-1.7e308, 0.0, 1.7e308], [-1.7e308, 1.7e308, 1.7e308], [0.0, 5e-324, 1e-300, 1.0]]
)
def test_extreme_numbers_stay_finite(x):
    Z = SmoothClipScaler().fit_transform(np.asarray(x)[:, None])
    assert np.isfinite(Z).all()
    assert np.ptp(Z) > 0


@pytest.mark.parametrize("factor", [1.0, 0.1, 1 / 3])
def test_weights_equal_repetition(X, factor):
    weight = np.random.default_rng(1).integers(0, 4, len(X))
    weighted = SmoothClipScaler().fit(X, sample_weight=weight * factor)
    repeated = SmoothClipScaler().fit(np.repeat(X, weight, axis=0))
    if factor == 1.0:
        np.testing.assert_array_equal(weighted.transform(X), repeated.transform(X))
    np.testing.assert_allclose(weighted.transform(X), repeated.transform(X), rtol=1e-12)


def test_equal_weights_equal_none(X):
    plain = SmoothClipScaler().fit_transform(X)
    weighted = SmoothClipScaler().fit(X, sample_weight=np.full(len(X), 0.1)).transform(X)
    np.testing.assert_array_equal(plain, weighted)


@pytest.mark.parametrize("unit", [None, 1.0, 0.1, 1 / 3])
@pytest.mark.parametrize("q", [0.1, 0.25, 0.5, 0.75, 1.0])
def test_weighted_quantiles_are_inverted_cdf(q, unit):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 20, (101, 7)).astype(float)
    X[rng.random(X.shape) < 0.3] = np.nan
    X[:, 3] = np.nan
    copies = np.ones(101, dtype=int) if unit is None else rng.integers(1, 5, 101)
    found = weighted_quantiles(X, (q,), None if unit is None else copies * unit)[0]
    repeated = np.repeat(X, copies, axis=0)
    for j in range(7):
        column = repeated[~np.isnan(repeated[:, j]), j]
        if j == 3:
            assert np.isnan(found[j])
        else:
            assert found[j] == np.quantile(column, q, method="inverted_cdf")


def test_wide_table_is_cut_into_chunks(monkeypatch):
    X = np.random.default_rng(0).standard_normal((50, 23))
    whole = SmoothClipScaler().fit_transform(X)
    monkeypatch.setattr("sktaskneuron.preprocessing.weighted._CHUNK", 200)
    np.testing.assert_array_equal(SmoothClipScaler().fit_transform(X), whole)


def test_rows_do_not_depend_on_one_another(X):
    scaler = SmoothClipScaler().fit(X)
    np.testing.assert_array_equal(scaler.transform(X)[10:11], scaler.transform(X[10:11]))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("write", [True, False])
def test_input_untouched(X, order, write):
    X = np.array(X, order=order)
    X.setflags(write=write)
    before = X.copy()
    Z = SmoothClipScaler().fit_transform(X)
    np.testing.assert_array_equal(X, before)
    assert not np.shares_memory(Z, X)


def test_pickle(X):
    scaler = SmoothClipScaler().fit(X)
    state = pickle.dumps(scaler)
    assert len(state) < 5_000  # no rows inside
    np.testing.assert_array_equal(pickle.loads(state).transform(X), scaler.transform(X))


def test_plain_output_whatever_the_config(X, dataframe):
    kind = dataframe.__module__.split(".")[0]
    with sklearn.config_context(transform_output=kind):
        assert isinstance(SmoothClipScaler().fit_transform(X), np.ndarray)


@pytest.mark.parametrize("bound", [0.0, -1.0, float("nan")])
def test_bad_bound(X, bound):
    with pytest.raises(ValueError, match="bound must be a positive number"):
        SmoothClipScaler(bound=bound).fit(X)


@pytest.mark.parametrize(
    ("weight", "message"),
    [(0.0, "non-zero"), (-1.0, "Negative"), (np.nan, "NaN")],
)
def test_bad_weights(X, weight, message):
    with pytest.raises(ValueError, match=message):
        SmoothClipScaler().fit(X, sample_weight=np.full(len(X), weight))
