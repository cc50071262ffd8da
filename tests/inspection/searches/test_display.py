"""Pictures of a search of activations."""

import sys
from itertools import pairwise

import numpy as np
import numpydoc.validate
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression

from sktaskneuron import ActivationSearchClassifier, ActivationSearchRegressor
from sktaskneuron.exceptions import FormulaError, MissingDependencyError
from sktaskneuron.inspection import ActivationSearchDisplay
from sktaskneuron.inspection.drawing import BLUE, GREY, RED
from sktaskneuron.nn import ActivationSet
from sktaskneuron.search.activation.features import output_features

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")
plt = pytest.importorskip("matplotlib.pyplot")

QUICK = {
    "hidden_layer_sizes": (8,),
    "learning_rate": 0.03,
    "max_epochs": 4,
    "validation": 2,
    "n_members": 2,
    "random_state": 0,
}
X = np.random.default_rng(0).uniform(-1, 1, size=(80, 2))
y = X[:, 0] ** 2 - X[:, 0] * X[:, 1]
LEARNED = ActivationSet.from_names(["tanh", "gelu"])


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def table(names, losses, errors, fallback="silu"):
    losses, errors = np.array(losses), np.array(errors)
    with np.errstate(invalid="ignore"):
        gains = losses[names.index(fallback)] - losses
    return {
        "activation": names,
        "mean_loss": losses,
        "gain": gains,
        "standard_error": errors,
        "like_fallback": np.abs(gains) <= errors,
    }


FOUR = table(["silu", "relu", "square", "tanh"], [0.4, 0.41, 0.2, 0.7], [0, 0.05, 0.1, 0.1])


@pytest.fixture(scope="module")
def mixed():
    """Candidates of every kind."""
    candidates = ["silu", ["sin", "relu"], LEARNED, "x*tanh(softplus(x))"]
    return ActivationSearchRegressor(candidates=candidates, **QUICK).fit(X, y)


@pytest.fixture(scope="module")
def many():
    return ActivationSearchRegressor(candidates="catalogue", **QUICK).fit(X, y)


def colours(display):
    return [matplotlib.colors.to_hex(colour) for colour in display.points_.get_facecolors()]


def texts(display):
    return [label.get_text() for label in display.labels_]


class TestLosses:
    def test_best_first_with_their_roles(self):
        display = ActivationSearchDisplay(FOUR, chosen=2, fallback="silu").plot()
        assert display.shown_.tolist() == [2, 0, 1, 3]
        assert texts(display) == ["1  square (chosen)", "2  silu (fallback)", "3  relu", "4  tanh"]
        np.testing.assert_allclose(
            display.points_.get_offsets(), [[0.2, 0], [0.4, 1], [0.41, 2], [0.7, 3]]
        )
        assert colours(display) == [RED, "#000000", GREY, BLUE]
        assert display.ax_.yaxis_inverted()
        assert "standard error of silu" in display.ax_.get_xlabel()

    def test_a_grey_dot_lies_in_its_band_and_no_other(self, many):
        display = ActivationSearchDisplay.from_estimator(many, n_best=30)
        alike = many.results_["like_fallback"][display.shown_]
        assert alike.any()
        assert not alike.all()
        for (loss, _), bar, like in zip(
            display.points_.get_offsets(), display.bands_, alike, strict=True
        ):
            low = bar.get_x() - 1e-12
            assert (low <= loss <= low + bar.get_width() + 2e-12) == like

    def test_the_fallback_is_drawn_whatever_its_rank(self):
        names = ["relu", "tanh", "sin", "silu"]
        results = table(names, [0.1, 0.2, 0.3, 0.9], [0.01, 0.01, 0.01, 0.0])
        display = ActivationSearchDisplay(results, chosen=0, fallback="silu").plot(n_best=2)
        assert texts(display) == ["1  relu (chosen)", "2  tanh", "4  silu (fallback)"]
        assert [ax.get_title() for ax in display.axes_] == ["1  relu", "2  tanh", "4  silu"]
        everything = display.plot(n_best=50)
        assert len(everything.shown_) == 4

    def test_the_fallback_may_be_chosen(self):
        display = ActivationSearchDisplay(FOUR, chosen=0, fallback="silu").plot()
        assert texts(display)[1] == "2  silu (fallback, chosen)"
        assert colours(display)[1] == RED

    def test_failed_candidates_are_last(self):
        results = table(["relu", "silu", "sin"], [np.inf, 0.5, np.nan], [0.0, 0.0, 0.0])
        display = ActivationSearchDisplay(results, chosen=1, fallback="silu").plot()
        assert texts(display)[0] == "1  silu (fallback, chosen)"
        assert [text.get_text() for text in display.ax_.texts] == ["no finite loss"] * 2
        display.figure_.canvas.draw()

    def test_failed_fallback(self):
        results = table(["relu", "silu"], [0.5, np.inf], [0.0, 0.0])
        display = ActivationSearchDisplay(results, chosen=0, fallback="silu").plot()
        assert display.bands_ is None
        display.figure_.canvas.draw()

    @pytest.mark.parametrize(
        ("losses", "scale"),
        [([0.2, 0.3, 0.1, 0.3], "linear"), ([0.2, 5, 0.1, 0.3], "log"), ([0, 5, 1, 1], "linear")],
    )
    def test_all_losses_are_within_the_axes(self, losses, scale):
        names = ["silu", "relu", "square", "tanh"]
        results = table(names, losses, [0, 0.02, 0.02, 0.02])
        display = ActivationSearchDisplay(results, chosen=2, fallback="silu").plot()
        assert display.ax_.get_xscale() == scale
        low, high = display.ax_.get_xlim()
        assert low < min(losses)
        assert max(losses) < high

    def test_long_names_are_cut_and_their_numbers_rounded(self):
        long = "0.16666666666666666*x*(relu(x + 3) - relu(x - 3)) + tanh(x)*softplus(x)"
        results = table(["silu", long], [0.5, 0.6], [0, 0.1])
        display = ActivationSearchDisplay(results, chosen=0, fallback="silu").plot()
        assert texts(display)[1] == "2  0.167*x*(relu(x + 3) - re…"
        assert len(display.axes_[1].get_title()) <= 18

    def test_names_do_not_meet_the_functions(self, many):
        display = ActivationSearchDisplay.from_estimator(many)
        display.figure_.canvas.draw()
        edge = display.ax_.get_window_extent().x1
        titles = [ax.title.get_window_extent() for ax in display.axes_]
        assert min(title.x0 for title in titles) > edge
        for one, two in pairwise(titles):
            assert one.x1 <= two.x0 or one.y0 > two.y1  # next to it, or a row below


class TestFunctions:
    def test_curves_are_those_of_the_names(self):
        display = ActivationSearchDisplay(FOUR, chosen=2, fallback="silu").plot()
        expected = [
            np.square,
            lambda x: x / (1 + np.exp(-x)),
            lambda x: np.maximum(x, 0),
            np.tanh,
        ]
        for ax, function in zip(display.axes_, expected, strict=True):
            x, drawn = ax.lines[-1].get_data()
            assert (x[0], x[-1]) == (-4, 4)
            np.testing.assert_allclose(drawn, function(x), atol=1e-12)

    def test_mixed_layers_and_sets_have_a_curve_per_type(self, mixed):
        display = ActivationSearchDisplay.from_estimator(mixed)
        drawn = {
            mixed.results_["activation"][place]: ax
            for place, ax in zip(display.shown_, display.axes_, strict=True)
        }
        lines = drawn["sin + relu"].lines[-2:]
        for line, function in zip(lines, (np.sin, lambda x: np.maximum(x, 0)), strict=True):
            x, values = line.get_data()
            np.testing.assert_allclose(values, function(x), atol=1e-12)
        lines = drawn["set of tanh, gelu"].lines[-2:]
        for line, values in zip(lines, LEARNED(np.linspace(-4, 4, 401)), strict=True):
            np.testing.assert_allclose(line.get_ydata(), values)
        assert len(drawn["silu"].lines) == 3  # with the cross of the zeros

    def test_one_set_per_layer(self):
        settings = {**QUICK, "hidden_layer_sizes": (8, 6)}
        other = ActivationSet.from_names(["sin", "relu"])
        model = ActivationSearchRegressor(candidates=["silu", [LEARNED, other]], **settings)
        display = ActivationSearchDisplay.from_estimator(model.fit(X, y))
        place = display.shown_.tolist().index(1)
        line = display.axes_[place].lines[-2]
        np.testing.assert_allclose(line.get_ydata(), LEARNED(line.get_xdata())[0])

    def test_what_is_not_finite_leaves_a_gap(self):
        results = table(["silu", "mine"], [0.5, 0.4], [0, 0.01])
        display = ActivationSearchDisplay(
            results, chosen=1, fallback="silu", functions={"mine": np.sqrt}
        ).plot()
        values = display.axes_[0].lines[-1].get_ydata()
        assert np.isnan(values[:200]).all()
        assert np.isfinite(values[200:]).all()


class TestMap:
    def test_dots_stand_at_the_components(self, many):
        display = ActivationSearchDisplay.from_estimator(many, kind="map")
        names = [many.results_["activation"][place] for place in display.shown_]
        features = output_features(names)
        where = np.asarray(display.points_.get_offsets())
        assert len(where) == len(names) > 40
        # distances in the plane are at most those of the outputs, and nearly those on the whole
        full = np.linalg.norm(features[:, None] - features[None], axis=2)
        flat = np.linalg.norm(where[:, None] - where[None], axis=2)
        assert (flat <= full + 1e-6).all()
        assert (flat**2).sum() > 0.8 * (full**2).sum()
        losses = many.results_["mean_loss"][display.shown_]
        np.testing.assert_allclose(display.points_.get_array(), losses)
        assert display.colorbar_.ax.get_ylabel() == "held-out loss"
        assert display.axes_ == []

    def test_names_of_the_best(self, many):
        display = ActivationSearchDisplay.from_estimator(many, kind="map")
        assert texts(display)[0] == many.best_activation_
        assert 2 <= len(display.labels_) <= 8
        ranks = dict(zip(many.results_["activation"], many.results_["rank"], strict=True))
        others = [name for name in texts(display) if name != "silu"]
        assert max(ranks[name] for name in others) <= 1 + len(display.shown_) // 2

    def test_only_texts_with_a_loss(self, mixed):
        with pytest.raises(ValueError, match=r"a map needs three candidates .*, got 2"):
            ActivationSearchDisplay.from_estimator(mixed, kind="map")
        names = ["silu", "relu", "sin", "tanh"]
        results = table(names, [0.5, np.inf, 0.6, 0.7], [0.0] * 4)
        display = ActivationSearchDisplay(results, chosen=0, fallback="silu").plot(kind="map")
        assert sorted(display.shown_) == [0, 2, 3]

    def test_in_given_axes(self, many):
        _, ax = plt.subplots()
        assert ActivationSearchDisplay.from_estimator(many, kind="map", ax=ax).ax_ is ax


class TestSurroundings:
    def test_in_given_axes(self, mixed):
        figure, (_, right) = plt.subplots(1, 2, figsize=(14, 4), layout="constrained")
        display = ActivationSearchDisplay.from_estimator(mixed, ax=right)
        assert display.bounding_ax_ is right
        assert display.figure_ is figure
        figure.canvas.draw()
        room = right.get_position()
        assert all(ax.get_position().x0 >= room.x0 for ax in [display.ax_, *display.axes_])

    def test_classifier_without_a_model(self):
        model = ActivationSearchClassifier(candidates=["silu", "sin"], refit=False, **QUICK)
        display = ActivationSearchDisplay.from_estimator(model.fit(X, y > 0))
        assert len(display.axes_) == 2

    def test_refusals(self, many):
        with pytest.raises(NotFittedError):
            ActivationSearchDisplay.from_estimator(ActivationSearchRegressor())
        with pytest.raises(TypeError, match="LinearRegression is no search of activations"):
            ActivationSearchDisplay.from_estimator(LinearRegression().fit(X, y))
        few = ActivationSearchRegressor(**{**QUICK, "validation": "auto"}).fit(X[:12], y[:12])
        with pytest.raises(ValueError, match="no candidates were compared"):
            ActivationSearchDisplay.from_estimator(few)
        with pytest.raises(ValueError, match="kind must be 'losses' or 'map', got 'bars'"):
            ActivationSearchDisplay.from_estimator(many, kind="bars")
        with pytest.raises(ValueError, match="n_best must be 1 or more, got 0"):
            ActivationSearchDisplay.from_estimator(many, n_best=0)
        with pytest.raises(ValueError, match="no candidates to draw"):
            ActivationSearchDisplay({}, chosen=0, fallback="silu")
        with pytest.raises(ValueError, match="fallback must be one of silu, relu, square, tanh"):
            ActivationSearchDisplay(FOUR, chosen=0, fallback="elu")
        with pytest.raises(ValueError, match=r"chosen must lie in 0\.\.3, got 4"):
            ActivationSearchDisplay(FOUR, chosen=4, fallback="silu")
        results = table(["silu", "no such"], [0.1, 0.2], [0, 0])
        with pytest.raises(FormulaError):
            ActivationSearchDisplay(results, chosen=0, fallback="silu")

    def test_without_matplotlib(self, many, monkeypatch):
        monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
        with pytest.raises(MissingDependencyError, match=r"install sktaskneuron\[plot\]"):
            ActivationSearchDisplay.from_estimator(many)

    @pytest.mark.parametrize("name", ["", ".from_estimator", ".plot"])
    def test_docstrings(self, name):
        path = f"sktaskneuron.inspection.ActivationSearchDisplay{name}"
        errors = numpydoc.validate.validate(path)["errors"]
        assert [e for e in errors if e[0] not in {"ES01", "EX01", "SA01", "RT02"}] == []
