"""NormalScoreScaler: the definition, ties, special columns, weights, splits."""

import pickle

import numpy as np
import pytest
import sklearn
from scipy.special import ndtri
from scipy.stats import rankdata
from sklearn.utils.estimator_checks import parametrize_with_checks

from sktaskneuron.preprocessing import NormalScoreScaler, SmoothClipScaler


@parametrize_with_checks([NormalScoreScaler(), NormalScoreScaler(n_quantiles=5)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return np.column_stack(
        [
            rng.standard_t(1, 200),
            rng.integers(0, 5, 200),  # ties
            rng.integers(0, 2, 200),  # two values
            np.full(200, 7.0),  # constant
            np.where(rng.random(200) < 0.9, 0.0, rng.exponential(size=200)),  # mostly one value
        ]
    )


def normal_scores(x):
    return ndtri((rankdata(x) - 0.5) / len(x))


def test_equation(X):
    Z = NormalScoreScaler().fit_transform(X)
    np.testing.assert_allclose(Z[:, 1], normal_scores(X[:, 1]), rtol=1e-12)
    heap = X[:, 4] == 0
    np.testing.assert_allclose(Z[heap, 4], normal_scores(X[:, 4])[heap], rtol=1e-12)
    for j in (0, 4):
        error = Z[:, j] - normal_scores(X[:, j])
        assert np.sqrt(np.mean(error**2)) < 0.1
        ends = np.argsort(X[:, j])[[0, -1]]
        np.testing.assert_allclose(error[ends], 0.0, atol=1e-12)


@pytest.mark.parametrize("n", [500, 5000])
@pytest.mark.parametrize(
    "shape", ["standard_exponential", "standard_normal", "random", "standard_t"]
)
def test_few_points_stay_near_the_whole_distribution(shape, n):
    rng = np.random.default_rng(0)
    x = getattr(rng, shape)(**({"df": 3} if shape == "standard_t" else {}), size=n)
    scaler = NormalScoreScaler().fit(x[:, None])
    error = abs(scaler.transform(x[:, None])[:, 0] - normal_scores(x))
    assert np.quantile(error, 0.95) < 0.03
    # a hundred steps: beyond the last of them one value in a hundred lies on a straight line
    assert error.max() < 0.8
    assert len(scaler.values_[0]) <= 101
    assert scaler.values_[0][[0, -1]].tolist() == [x.min(), x.max()]


def test_linear_between_points_and_constant_beyond():
    x = np.repeat([0.0, 1.0, 3.0], 10)[:, None]
    scaler = NormalScoreScaler().fit(x)
    z = scaler.transform([[-1e9], [0.5], [2.0], [1e9]])[:, 0]
    low = ndtri(1 / 6)
    np.testing.assert_allclose(z, [low, low / 2, -low / 2, -low], rtol=1e-12)


def test_shape_of_a_column_hardly_matters():
    x = np.random.default_rng(0).standard_normal((500, 1))
    scores = [NormalScoreScaler().fit_transform(g(x)) for g in (np.asarray, np.exp, np.cbrt)]
    for other in scores[1:]:
        assert np.quantile(abs(scores[0] - other), 0.95) < 0.02
        np.testing.assert_array_equal(np.argsort(other, axis=0), np.argsort(x, axis=0))
    assert scores[0].std() == pytest.approx(1.0, abs=0.01)
    assert abs(scores[0]).max() < 3.1


@pytest.mark.parametrize("heap", [0.4, 0.9])
@pytest.mark.parametrize("place", ["low", "middle", "high"])
def test_heap_keeps_its_score_and_its_neighbours_theirs(heap, place):
    n = 1000
    x = np.random.default_rng(0).exponential(size=n)
    x *= {"low": 1, "middle": (-1) ** np.arange(n), "high": -1}[place]
    x[: int(heap * n)] = 0.0
    error = abs(NormalScoreScaler().fit_transform(x[:, None])[:, 0] - normal_scores(x))
    assert error[x == 0].max() < 1e-12
    # both edges of a heap are known: no row beside it is taken for a part of it
    nearest = np.argsort(abs(x) + 1e9 * (x == 0))[:5]
    assert error[nearest].max() < 0.05
    assert np.quantile(error, 0.95) < 0.02


@pytest.mark.parametrize("n_each", [5, 40])
def test_levels_keep_their_scores(n_each):
    x = np.repeat([0.0, 1.0, 2.0, 10.0, 1e6], n_each)[:, None]
    scaler = NormalScoreScaler().fit(x)
    assert scaler.values_[0].tolist() == [0.0, 1.0, 2.0, 10.0, 1e6]
    np.testing.assert_allclose(scaler.transform(x)[:, 0], normal_scores(x[:, 0]), rtol=1e-12)


def test_a_rare_value_between_levels_is_not_kept_but_has_its_place():
    x = np.concatenate([np.repeat([1.0, 2.0, 4.0, 5.0], 100), [3.0, 3.0]])[:, None]
    scaler = NormalScoreScaler().fit(x)
    assert scaler.values_[0].tolist() == [1.0, 2.0, 2.5, 3.5, 4.0, 5.0]
    np.testing.assert_allclose(scaler.transform([[3.0]]), normal_scores(x[:, 0])[-1], atol=1e-4)


def test_many_rows_are_a_step_too():
    # of 5000 rows, fifty that share a value fill one of a hundred steps, forty-nine do not
    own = np.random.default_rng(0).random(4901)
    x = np.concatenate([own, np.full(50, 2.0), np.full(49, 3.0)])
    kept = NormalScoreScaler().fit(x[:, None]).values_[0]
    assert np.intersect1d(kept, x).tolist() == [own.min(), 2.0, 3.0]  # the last is the maximum
    kept = NormalScoreScaler().fit(np.append(x, 4.0)[:, None]).values_[0]
    assert 3.0 not in kept


def test_attributes_are_the_curve(X):
    scaler = NormalScoreScaler().fit(X)
    for j in range(X.shape[1]):
        rows = np.tile(X[0], (len(scaler.values_[j]), 1))
        rows[:, j] = scaler.values_[j]
        np.testing.assert_array_equal(scaler.transform(rows)[:, j], scaler.scores_[j])
        assert np.all(np.diff(scaler.values_[j]) > 0)
        assert scaler.constant_[j] or np.all(np.diff(scaler.scores_[j]) > 0)


@pytest.mark.parametrize("weighted", [False, True])
def test_special_columns_are_those_of_smooth_clip(X, weighted):
    weight = np.random.default_rng(1).random(len(X)) if weighted else None
    scaler = NormalScoreScaler().fit(X, sample_weight=weight)
    clip = SmoothClipScaler().fit(X, sample_weight=weight)
    assert scaler.two_valued_.tolist() == [False, False, True, False, False]
    assert scaler.constant_.tolist() == [False, False, False, True, False]
    later = np.concatenate([X, X + 1e9, X - 0.25])
    np.testing.assert_array_equal(scaler.transform(later)[:, 2:4], clip.transform(later)[:, 2:4])


def test_rounding_noise_is_constant():
    x = np.full((50, 1), 0.1) * 3
    x[::2] = 0.3
    scaler = NormalScoreScaler().fit(x)
    assert scaler.constant_.all()
    assert [len(v) for v in (scaler.values_[0], scaler.scores_[0])] == [1, 1]
    np.testing.assert_array_equal(scaler.transform(x), 0.0)


def test_one_row():
    scaler = NormalScoreScaler().fit([[3.0, 4.0]])
    assert scaler.transform([[5.0, 4.0]]).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("n_quantiles", [7, 1000])
def test_weights_equal_repetition_exactly(X, n_quantiles):
    weight = np.random.default_rng(1).integers(0, 4, len(X))
    weighted = NormalScoreScaler(n_quantiles).fit(X, sample_weight=weight)
    repeated = NormalScoreScaler(n_quantiles).fit(np.repeat(X, weight, axis=0))
    for name in ("values_", "scores_"):
        for a, b in zip(getattr(weighted, name), getattr(repeated, name), strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(weighted.transform(X), repeated.transform(X))


@pytest.mark.parametrize("factor", [0.1, 1 / 3, 1e-6])
def test_unit_of_small_weights_does_not_matter(factor):
    # the steps meet values exactly: rounding must not decide
    x = np.random.default_rng(0).permutation(np.arange(1998.0))[:, None]
    weight = np.where(x[:, 0] == 1997.0, 3.0, 1.0)
    whole = NormalScoreScaler().fit(x, sample_weight=weight)
    scaled = NormalScoreScaler().fit(x, sample_weight=weight * factor)
    np.testing.assert_array_equal(whole.values_[0], scaled.values_[0])
    np.testing.assert_allclose(whole.transform(x), scaled.transform(x), atol=1e-9)


def test_equal_weights_equal_none(X):
    plain = NormalScoreScaler().fit_transform(X)
    weighted = NormalScoreScaler().fit(X, sample_weight=np.full(len(X), 0.1)).transform(X)
    np.testing.assert_array_equal(plain, weighted)


def test_tiny_weight_stays_finite():
    x = np.arange(4.0)[:, None]
    scaler = NormalScoreScaler().fit(x, sample_weight=[1e-30, 1.0, 1.0, 1e-30])
    assert abs(scaler.scores_[0]).max() < 7.1


@pytest.mark.parametrize(
    "x",
    [
        [-1.7e308, 0.0, 1.7e308],
        [-1.7e308, 1.7e308, 1.7e308],
        [0.0, 5e-324, 1e-300, 1.0],
        [0.0, 5e-324, 1e-310, 1e-309],
    ],
)
def test_extreme_numbers_stay_finite(x):
    x = np.asarray(x)[:, None]
    scaler = NormalScoreScaler().fit(x)
    between = np.concatenate([x, x / 3, [[1.7e308], [-1.7e308]]])
    Z = scaler.transform(between)
    assert np.isfinite(Z).all()
    assert np.ptp(Z) > 0
    assert np.all(abs(Z) <= max(abs(scaler.scores_[0]).max(), 3.0))


@pytest.mark.parametrize("size", [1, 3, 64])
def test_any_split_gives_the_same_bits(X, size):
    scaler = NormalScoreScaler(n_quantiles=50).fit(X)
    rows = np.concatenate([X, X + 0.37, X * 1.1])
    parts = [scaler.transform(rows[i : i + size]) for i in range(0, len(rows), size)]
    np.testing.assert_array_equal(np.concatenate(parts), scaler.transform(rows))


def test_wide_table_is_cut_into_chunks(monkeypatch):
    X = np.random.default_rng(0).integers(0, 9, (50, 23)).astype(float)
    weight = np.random.default_rng(1).random(50)
    whole = NormalScoreScaler().fit(X, sample_weight=weight).transform(X)
    monkeypatch.setattr("sktaskneuron.preprocessing.weighted._CHUNK", 200)
    chunked = NormalScoreScaler().fit(X, sample_weight=weight).transform(X)
    np.testing.assert_array_equal(chunked, whole)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("write", [True, False])
def test_input_untouched(X, order, write):
    X = np.array(X, order=order)
    X.setflags(write=write)
    before = X.copy()
    Z = NormalScoreScaler().fit_transform(X)
    np.testing.assert_array_equal(X, before)
    assert not np.shares_memory(Z, X)


def test_pickle_holds_points_only():
    X = np.random.default_rng(0).standard_normal((20_000, 2))
    scaler = NormalScoreScaler(n_quantiles=100).fit(X)
    state = pickle.dumps(scaler)
    assert len(state) < 3 * 2 * 100 * 8 + 2_000
    np.testing.assert_array_equal(pickle.loads(state).transform(X), scaler.transform(X))


def test_dataframe_and_plain_output(X, dataframe):
    kind = dataframe.__module__.split(".")[0]
    table = dataframe({f"c{j}": X[:, j] for j in range(X.shape[1])})
    with sklearn.config_context(transform_output=kind):
        scaler = NormalScoreScaler().fit(table)
        Z = scaler.transform(table)
    assert isinstance(Z, np.ndarray)
    np.testing.assert_array_equal(Z, NormalScoreScaler().fit_transform(X))
    assert scaler.get_feature_names_out().tolist() == ["c0", "c1", "c2", "c3", "c4"]


@pytest.mark.parametrize("n_quantiles", [1, 2.5, None])
def test_bad_n_quantiles(X, n_quantiles):
    with pytest.raises(ValueError, match="n_quantiles must be an int of 2 or more"):
        NormalScoreScaler(n_quantiles=n_quantiles).fit(X)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_gaps_and_infinity_are_refused(X, bad):
    scaler = NormalScoreScaler().fit(X)
    X[3, 1] = bad
    for call in (NormalScoreScaler().fit, scaler.transform):
        with pytest.raises(ValueError, match="contains"):
            call(X)


@pytest.mark.parametrize(
    ("weight", "message"),
    [(0.0, "non-zero"), (-1.0, "Negative"), (np.nan, "NaN")],
)
def test_bad_weights(X, weight, message):
    with pytest.raises(ValueError, match=message):
        NormalScoreScaler().fit(X, sample_weight=np.full(len(X), weight))
