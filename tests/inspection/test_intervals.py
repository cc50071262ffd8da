"""The picture of intervals."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from sktaskneuron import NeuronSeekRegressor
from sktaskneuron.inspection import IntervalDisplay

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    matplotlib.pyplot.close("all")


def test_red_dots_are_outside():
    display = IntervalDisplay([[0, 1], [2, 4], [5, 9]], [0.5, 4.5, 5.0], coverage=0.9).plot()
    red = np.all(
        display.points_.get_facecolors()[:, :3] == matplotlib.colors.to_rgb("#c1121f"), axis=1
    )
    assert red.tolist() == [False, True, False]
    assert display.ax_.get_title("left") == "67 % of 3 targets covered, 90 % asked for"
    assert len(display.bars_.get_segments()) == 3


def test_from_estimator():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = X[:, 0] + 0.1 * rng.normal(size=400)
    model = NeuronSeekRegressor(max_epochs=3, random_state=0).fit(X[:100], y[:100])
    _, ax = matplotlib.pyplot.subplots()
    display = IntervalDisplay.from_estimator(model, X, y, coverage=0.5, ax=ax)
    assert display.ax_ is ax
    np.testing.assert_array_equal(display.intervals, model.predict_interval(X, 0.5))
    assert len(display.bars_.get_segments()) == 150  # some of 400


def test_errors():
    with pytest.raises(NotFittedError):
        IntervalDisplay.from_estimator(NeuronSeekRegressor(), [[0.0]], [0.0])
    for intervals, y in (([[0, 1]], [0, 1]), ([[0, 1, 2]], [0]), (np.zeros((0, 2)), [])):
        with pytest.raises(ValueError, match="need the shape"):
            IntervalDisplay(intervals, y)
