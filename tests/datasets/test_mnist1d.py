"""Drawn signals follow the law of the published set."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from sktaskneuron.datasets import make_mnist1d

# Statistics of the published set (5000 signals of the package mnist1d, seed 42), each with four
# times its standard deviation between sets of that size.
QUANTILES = [-2.784, -1.683, -0.547, 0.014, 0.567, 1.576, 2.758], 0.05
COVARIANCES = [1.0, 0.815, 0.533, 0.351, 0.2, 0.092, 0.041, -0.09], 0.02
CLASS_MEANS = [0.471, -0.097, 0.035, 0.333, -0.127, 0.0, -0.383, 0.168, -0.253, -0.146], 0.035
CLASS_SPREADS = [1.196, 0.873, 0.835, 1.009, 0.881, 0.838, 1.191, 0.877, 1.0, 0.899], 0.032
CLASS_CUBES = [3.516, -0.516, 0.072, 1.607, -0.719, -0.113, -3.032, 0.67, -1.325, -0.816], 0.25
CLASS_ROUGHNESS = [0.438, 0.461, 0.443, 0.628, 0.465, 0.495, 0.44, 0.468, 0.629, 0.544], 0.017
MEAN_SIGNALS = [
    # points 4, 12, 20, 28 and 36 of the classes' mean signals
    [0.591, 0.626, 0.698, 0.634, -0.050],
    [-0.203, -0.095, -0.164, -0.021, 0.047],
    [0.142, 0.020, 0.022, -0.013, 0.036],
    [0.326, 0.492, 0.394, 0.405, 0.044],
    [-0.194, -0.271, -0.146, -0.131, 0.006],
    [-0.134, 0.008, -0.018, 0.067, 0.028],
    [-0.337, -0.533, -0.565, -0.505, 0.032],
    [0.252, 0.253, 0.240, 0.126, 0.033],
    [-0.242, -0.308, -0.424, -0.262, -0.015],
    [-0.169, -0.217, -0.292, -0.079, 0.005],
]
# Accuracy of two classifiers, 4000 signals to fit and 1000 to judge.
ACCURACY_LOGISTIC = 0.329
ACCURACY_NEIGHBOURS = 0.600

CLEAN = {"scale": 0.0, "max_shift": 1, "correlated_noise": 0.0, "noise": 0.0, "shear": 0.0}


@pytest.fixture(scope="module")
def drawn():
    return make_mnist1d(20_000, random_state=0)


@pytest.fixture(scope="module")
def by_class(drawn):
    X, y = drawn
    return [X[y == label] for label in range(10)]


def test_marginal_law(drawn):
    values, allowed = QUANTILES
    shares = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
    np.testing.assert_allclose(np.quantile(drawn[0], shares), values, atol=allowed)


def test_covariances(drawn):
    values, allowed = COVARIANCES
    C = np.cov(drawn[0].T)
    lagged = [np.diag(C, lag).mean() for lag in (0, 1, 2, 3, 5, 8, 12, 20)]
    np.testing.assert_allclose(lagged, values, atol=allowed)


@pytest.mark.parametrize(
    ("statistic", "recorded"),
    [
        (np.mean, CLASS_MEANS),
        (np.std, CLASS_SPREADS),
        (lambda X: (X**3).mean(), CLASS_CUBES),
        (lambda X: np.abs(np.diff(X, 2)).mean(), CLASS_ROUGHNESS),
    ],
    ids=["mean", "spread", "cube", "roughness"],
)
def test_classes(by_class, statistic, recorded):
    values, allowed = recorded
    np.testing.assert_allclose([statistic(X) for X in by_class], values, atol=allowed)


def test_mean_signals(by_class):
    means = [X.mean(axis=0)[4::8] for X in by_class]
    np.testing.assert_allclose(means, MEAN_SIGNALS, atol=0.25)
    assert np.sqrt(np.mean(np.subtract(means, MEAN_SIGNALS) ** 2)) < 0.07


def test_as_hard_as_the_published_set():
    X, y = make_mnist1d(8000, random_state=0)
    train, test = slice(4000), slice(4000, None)
    logistic = LogisticRegression(max_iter=100).fit(X[train], y[train])
    assert logistic.score(X[test], y[test]) == pytest.approx(ACCURACY_LOGISTIC, abs=0.045)
    neighbours = KNeighborsClassifier().fit(X[train], y[train])
    assert neighbours.score(X[test], y[test]) == pytest.approx(ACCURACY_NEIGHBOURS, abs=0.05)


def test_clean_signals_are_padded_templates():
    X, y = make_mnist1d(60, n_points=72, padding=(60, 60), **CLEAN, random_state=0)
    one = np.array([5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5])
    template = np.concatenate([(one - 5) / (6 * one.std()), np.zeros(60)])
    signal = X[y == 1]
    np.testing.assert_allclose(signal, np.broadcast_to(signal[0], signal.shape), atol=1e-12)
    # up to the common centre and scale of the set
    fit = np.polynomial.Polynomial.fit(template, signal[0], 1)
    np.testing.assert_allclose(fit(template), signal[0], atol=1e-12)


def test_shape_and_standardisation():
    X, y = make_mnist1d(103, n_points=25, random_state=0)
    assert X.shape == (103, 25)
    assert X.mean() == pytest.approx(0, abs=1e-12)
    assert X.std() == pytest.approx(1)
    assert y.dtype == np.int64
    counts = np.bincount(y)
    assert len(counts) == 10
    assert set(counts) == {10, 11}
    assert np.any(np.diff(y) != 1)


def n_patterns(**options):
    """Count different signals of one digit among 200, all noise being off."""
    X, y = make_mnist1d(2000, **(CLEAN | {"padding": (36, 36)} | options), random_state=0)
    return len(np.unique(X[y == 3].round(9), axis=0))


def test_discrete_options():
    assert n_patterns() == 1
    assert n_patterns(padding=(36, 40)) == 5
    assert n_patterns(max_shift=6) == 6


def test_continuous_options():
    assert n_patterns(scale=0.2) > 190
    assert n_patterns(shear=0.1) > 190
    assert n_patterns(noise=0.02) > 190
    assert n_patterns(correlated_noise=0.25) > 190


def test_noises():
    silent = CLEAN | {"padding": (36, 36), "n_points": 48}  # 12 + 36 points: no resampling
    clean, y = make_mnist1d(3000, **silent, random_state=0)
    zero = [5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5]
    height = np.ptp(clean[y == 0][0]) / (2 / (6 * np.std(zero)))

    def noise_of(name, size):
        """Noise in the unit of the templates; the set's own centre and scale are undone."""
        noisy, labels = make_mnist1d(3000, **silent | {name: size}, random_state=0)
        assert np.array_equal(labels, y)
        slope, centre = np.polyfit(clean[:, :12].ravel(), noisy[:, :12].ravel(), 1)
        return (noisy - slope * clean - centre) / (slope * height)

    white = noise_of("noise", 0.02)
    assert white.std() == pytest.approx(0.02, rel=0.02)
    assert abs(np.corrcoef(white[:, 20], white[:, 21])[0, 1]) < 0.08
    smooth = noise_of("correlated_noise", 0.25)
    # a Gaussian filter of width s leaves 1 / sqrt(2 s sqrt(pi)) of the spread, and a correlation of
    # exp(-1 / (4 s^2)) between neighbours
    inner = smooth[:, 24:40]
    assert inner.std() == pytest.approx(0.25 / np.sqrt(4 * np.sqrt(np.pi)), rel=0.03)
    assert np.corrcoef(inner[:, 6], inner[:, 7])[0, 1] == pytest.approx(np.exp(-1 / 16), abs=0.01)
    np.testing.assert_allclose(smooth[:, :12], 0, atol=1e-12)  # not on the stroke


def test_seed():
    X, y = make_mnist1d(50, random_state=0)
    X_again, y_again = make_mnist1d(50, random_state=0)
    np.testing.assert_array_equal(X, X_again)
    np.testing.assert_array_equal(y, y_again)
    assert not np.array_equal(X, make_mnist1d(50, random_state=1)[0])


def test_random_state_instance_advances():
    stream = np.random.RandomState(0)
    first, second = (make_mnist1d(20, random_state=stream)[0] for _ in range(2))
    assert not np.array_equal(first, second)
    again = make_mnist1d(20, random_state=np.random.RandomState(0))[0]
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("seed", [None, 0])
def test_global_stream_is_left_alone(seed):
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    make_mnist1d(10, random_state=seed)
    assert np.random.random() == expected  # noqa: NPY002


def test_no_seed_gives_new_draws():
    assert not np.array_equal(make_mnist1d(10)[0], make_mnist1d(10)[0])


@pytest.mark.parametrize(
    "options",
    [
        {"n_samples": 0},
        {"n_samples": 10.0},
        {"n_points": 1},
        {"padding": 36},
        {"padding": (36,)},
        {"padding": (36.0, 60.0)},
        {"padding": (60, 36)},
        {"padding": (-1, 36)},
        {"scale": 1.0},
        {"max_shift": 0},
        {"correlated_noise": -0.1},
        {"noise": float("inf")},
        {"shear": float("nan")},
        {"random_state": "seed"},
    ],
)
def test_bad_parameters(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        make_mnist1d(**options)
