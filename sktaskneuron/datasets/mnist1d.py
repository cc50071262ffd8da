"""MNIST-1D: ten classes of short signals, drawn anew."""

from numbers import Integral, Real

import numpy as np
from scipy.ndimage import gaussian_filter1d
from sklearn.utils._param_validation import Interval

from sktaskneuron._typing import IntArray, Matrix, RandomState
from sktaskneuron.datasets.parameters import check_range, make_generator, validated

# The published templates, one row a digit: how far right its stroke is, from top to bottom.
_STROKES = np.array(
    [
        [5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5],
        [5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5],
        [5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5],
        [5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5],
        [5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5],
        [5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5],
        [5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5],
        [5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5],
    ]
)
_N_CLASSES, _WIDTH = _STROKES.shape
_TEMPLATE_SCALE = 6.0
# Width of the Gaussian filter behind the correlated noise, in points of the dilated signal.
_FILTER_SIGMA = 2.0


@validated(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_points": [Interval(Integral, 2, None, closed="left")],
        "padding": [tuple],
        "scale": [Interval(Real, 0, 1, closed="left")],
        "max_shift": [Interval(Integral, 1, None, closed="left")],
        "correlated_noise": [Interval(Real, 0, None, closed="left")],
        "noise": [Interval(Real, 0, None, closed="left")],
        "shear": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    }
)
def make_mnist1d(
    n_samples: int = 5000,
    *,
    n_points: int = 40,
    padding: tuple[int, int] = (36, 60),
    scale: float = 0.2,
    max_shift: int = 48,
    correlated_noise: float = 0.25,
    noise: float = 0.02,
    shear: float = 0.375,
    random_state: RandomState = None,
) -> tuple[Matrix, IntArray]:
    """Draw MNIST-1D: noisy, shifted, stretched strokes of ten digits.

    The construction of Greydanus (2020), with a random stream of its own: the samples are new,
    their law is that of the published set. Each signal is its digit's template of 12 points, in
    turn

    1. padded with zeros, dilated to the longest padded length, and scaled;
    2. shifted in a circle;
    3. covered with correlated noise where it is zero, and with independent noise everywhere;
    4. sheared, and resampled by linear interpolation.

    At last the whole set is centred and divided by its standard deviation. The classes are
    balanced, up to one sample, and in random order.

    Parameters
    ----------
    n_samples : int, default=5000
        Number of signals.
    n_points : int, default=40
        Points of each signal.
    padding : tuple of int (low, high), default=(36, 60)
        Range of the number of zeros after the template, both ends included.
    scale : float, default=0.2
        The amplitude is multiplied by a uniform number between ``1 - scale`` and ``1 + scale``.
    max_shift : int, default=48
        The shift is 0 to ``max_shift - 1`` points of the dilated signal, which has 72.
    correlated_noise : float, default=0.25
        Standard deviation of the normal noise that a Gaussian filter of width 2 then smooths.
    noise : float, default=0.02
        Standard deviation of the independent normal noise.
    shear : float, default=0.375
        A straight line of a uniform slope between ``-shear`` and ``shear`` per signal length is
        subtracted.
    random_state : int, RandomState instance or None, default=None
        Seed of all draws.

    Returns
    -------
    X : ndarray of shape (n_samples, n_points)
        Signals; mean 0 and standard deviation 1 over the whole array.
    y : ndarray of shape (n_samples,)
        Digits, 0 to 9.

    Raises
    ------
    InvalidParameterError
        If a parameter is of the wrong type or out of range; also a ValueError and a TypeError.
    ValueError
        If `padding` is not a range.

    See Also
    --------
    sktaskneuron.NeuronSeekSignalClassifier : Classification of signals and images by networks of
        task-driven neurons.
    sktaskneuron.LearnedDiversityMLPClassifier : Classification by a multilayer network whose
        neurons learn their own activation functions.

    References
    ----------
    S. Greydanus, "Scaling down deep learning", arXiv:2011.14439 (2020).

    Examples
    --------
    >>> from sktaskneuron.datasets import make_mnist1d
    >>> X, y = make_mnist1d(100, random_state=0)
    >>> X.shape, y[:5].tolist()
    ((100, 40), [2, 6, 0, 5, 3])
    """
    low, high = check_range(padding, "padding", Integral, above=-1)
    rng = make_generator(random_state)
    y = rng.permutation(np.arange(n_samples, dtype=np.int64) % _N_CLASSES)

    length = _WIDTH + high
    zeros = rng.integers(low, high, size=(n_samples, 1), endpoint=True)
    shift = rng.integers(max_shift, size=(n_samples, 1))
    # where, in the padded template, each point of the dilated and shifted signal lies
    position = (np.arange(length) - shift) % length * ((_WIDTH + zeros - 1) / (length - 1))
    X = _values_at(position, y) * rng.uniform(1 - scale, 1 + scale, size=(n_samples, 1))

    smooth = gaussian_filter1d(rng.standard_normal(X.shape), _FILTER_SIGMA, axis=1)
    # not `X == 0`: strokes cross zero, and the published set keeps them free of this noise
    X += np.where(position >= _WIDTH, correlated_noise * smooth, 0.0)
    X += noise * rng.standard_normal(X.shape)

    slope = rng.uniform(-shear, shear, size=(n_samples, 1))
    X = _resample(X - slope * np.linspace(-0.5, 0.5, length), n_points)
    spread = X.std()
    return (X - X.mean()) / (spread if spread > 0 else 1.0), y


def _values_at(position: Matrix, y: IntArray) -> Matrix:
    """Interpolate the padded template of each sample at (n_samples, length) positions."""
    templates = (_STROKES - _STROKES[:, :1]) / (
        _TEMPLATE_SCALE * _STROKES.std(axis=1, keepdims=True)
    )
    templates = np.pad(templates, ((0, 0), (0, 2)))
    inside = np.minimum(position, _WIDTH)
    left = inside.astype(np.intp)
    label = y[:, np.newaxis]
    start = templates[label, left]
    return start + (inside - left) * (templates[label, left + 1] - start)


def _resample(X: Matrix, n_points: int) -> Matrix:
    """Interpolate (n_samples, length) at n_points equally spaced points, both ends included."""
    position = np.linspace(0, X.shape[1] - 1, n_points)
    left = np.minimum(position.astype(np.intp), X.shape[1] - 2)
    return X[:, left] + (position - left) * (X[:, left + 1] - X[:, left])
