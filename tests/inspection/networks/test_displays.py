"""Pictures of activation functions, of types of neurons, and of orbits."""

import sys
from copy import copy

import numpy as np
import numpydoc.validate
import pytest
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression

from sktaskneuron import (
    HamiltonianMLPRegressor,
    LearnedDiversityMLPClassifier,
    LearnedDiversityMLPRegressor,
)
from sktaskneuron.exceptions import MissingDependencyError
from sktaskneuron.inspection import (
    ActivationDisplay,
    PhaseSpaceDisplay,
    TypesDisplay,
    compare_types,
)
from sktaskneuron.nn import ActivationSet

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")
plt = pytest.importorskip("matplotlib.pyplot")

X, y = make_moons(120, noise=0.2, random_state=0)
QUICK = {
    "n_members": 2,
    "validation": None,
    "max_epochs": 2,
    "learning_rate": 0.01,
    "random_state": 0,
}


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def learner(**settings):
    shape = {"hidden_layer_sizes": (8, 6), "outer_steps": 4, "inner_steps": 4, "n_types": 2}
    return LearnedDiversityMLPClassifier(**{**shape, **QUICK, **settings})


@pytest.fixture(scope="module")
def learned():
    """Two hidden layers with functions of their own."""
    return learner(share_across_layers=False).fit(X, y)


@pytest.fixture(scope="module")
def named():
    return learner(activations=["sin", "relu"]).fit(X, y)


class TestActivations:
    @pytest.mark.parametrize("layer", [0, 1])
    def test_of_a_learner(self, learned, layer):
        display = ActivationDisplay.from_estimator(learned, X, layer=layer)
        assert display.axes_.shape == (2, 2)
        evolution = learned.activation_history_["evolution"][:, layer]
        knots = learned.learned_[layer].grid.knots()
        assert len(display.evolution) == len(evolution) == 5
        assert display.steps.tolist() == [0, 1, 2, 3, 4]
        for place, line in enumerate(display.lines_):
            x, drawn = line.get_data()
            np.testing.assert_allclose(drawn, learned.learned_[layer](x)[place])
            for values, segment in zip(
                evolution[:, place], display.evolution_[place].get_segments(), strict=True
            ):
                expected = np.interp(segment[:, 0], knots, values)
                np.testing.assert_allclose(segment[:, 1], expected, atol=0.02)
            assert display.axes_[0, place].get_title() == f"type {place + 1}"
        assert display.colorbar_.ax.get_ylabel() == "outer step"
        assert display.bounding_ax_ is None

    def test_histograms_are_those_of_the_types(self, learned):
        display = ActivationDisplay.from_estimator(learned, X, layer=1)
        network = learned._fitted.packed.typed_network()
        inputs = np.asarray(learned._fitted.network_inputs(X, learned), dtype=np.float32)
        import torch

        z = network.pre_activations(torch.from_numpy(inputs))[1].detach().numpy()
        for place, part in enumerate([z[..., :3], z[..., 3:]]):
            np.testing.assert_allclose(
                np.sort(display.inputs[place]), np.sort(part.ravel()), atol=1e-5
            )
            low, high = display.axes_[1, place].get_xlim()
            assert ((part > low) & (part < high)).mean() > 0.99
            path = display.bars_[place].get_paths()[0].vertices
            assert path[:, 1].max() > 0

    def test_without_rows(self, learned):
        display = ActivationDisplay.from_estimator(learned, low=-2.0)
        assert display.axes_.shape == (1, 2)
        assert display.axes_[0, 0].get_xlim() == (-2.0, 6.0)
        assert display.bars_ == []

    def test_one_learned_type_predicts(self):
        """The other is drawn without a histogram; asked for what is used, not at all."""
        first = learner().fit(X, y)
        single = learner(activations=first.learned_[0][1]).fit(X, y)
        single.learned_, single.activation_history_ = first.learned_, first.activation_history_
        single.selected_ = "learned 2"
        display = ActivationDisplay.from_estimator(single, X)
        assert display.bars_[0] is None
        assert display.bars_[1] is not None
        assert display.axes_[1, 0].texts[0].get_text() == "not in the network"
        assert len(display.inputs[1]) == 2 * 8 * len(X)
        used = ActivationDisplay.from_estimator(single, X, which="used")
        assert used.axes_.shape == (2, 1)
        np.testing.assert_allclose(
            used.evolution[2].values[0], first.activation_history_["evolution"][2, 0, 1]
        )

    def test_learned_but_not_used(self, named, learned):
        beaten = copy(named)
        beaten.learned_ = learned.learned_
        beaten.activation_history_ = learned.activation_history_
        beaten.selected_ = "sin + relu"
        display = ActivationDisplay.from_estimator(beaten, X)
        assert display.bars_ == [None, None]
        assert len(display.evolution) == 5
        used = ActivationDisplay.from_estimator(beaten, X, which="used")
        assert used.functions.names == ("sin", "relu")
        assert used.evolution == ()

    def test_names(self, named):
        display = ActivationDisplay.from_estimator(named, X)
        assert display.evolution_ == []
        assert display.colorbar_ is None
        for function, line in zip(
            (np.sin, lambda x: np.maximum(x, 0)), display.lines_, strict=True
        ):
            drawn_x, drawn = line.get_data()
            np.testing.assert_allclose(drawn, function(drawn_x), atol=5e-3)

    def test_within_given_axes(self, learned):
        figure, (_, second) = plt.subplots(1, 2, figsize=(10, 3), layout="constrained")
        display = ActivationDisplay.from_estimator(learned, X, ax=second)
        assert display.bounding_ax_ is second
        assert display.figure_ is figure
        figure.canvas.draw()
        room = second.get_position()
        assert all(ax.get_position().x0 >= room.x0 - 1e-6 for ax in display.axes_.ravel())

    def test_refusals(self, learned):
        with pytest.raises(NotFittedError):
            ActivationDisplay.from_estimator(learner())
        with pytest.raises(TypeError, match="holds no networks"):
            ActivationDisplay.from_estimator(LinearRegression().fit(X, y))
        with pytest.raises(ValueError, match=r"layer must lie in 0\.\.1"):
            ActivationDisplay.from_estimator(learned, layer=2)
        with pytest.raises(ValueError, match="which must be"):
            ActivationDisplay.from_estimator(learned, which="all")
        with pytest.raises(ValueError, match="range of inputs is empty"):
            ActivationDisplay.from_estimator(learned, low=2.0, high=1.0)
        pair = ActivationSet.from_names(["sin", "tanh"])
        with pytest.raises(ValueError, match="sets of 2 functions"):
            ActivationDisplay(pair, [pair[0]], [0])
        with pytest.raises(ValueError, match="need as many steps"):
            ActivationDisplay(pair, [pair])
        with pytest.raises(ValueError, match="2 types need inputs each"):
            ActivationDisplay(pair, inputs=[np.zeros(3)])


class TestTypes:
    def test_names_and_repeats(self):
        """Scores are those of fits with one seed each, the same for all."""
        model = learner(activations=["sin", "tanh"], hidden_layer_sizes=(6,))
        test = make_moons(80, noise=0.2, random_state=1)
        settings = {"n_repeats": 2, "X_test": test[0], "y_test": test[1], "random_state": 0}
        display = compare_types(model, X, y, **settings)
        assert list(display.scores) == ["mix", "sin", "tanh", "relu", "gelu", "sin + relu"]
        assert display.n_types == 2
        again = compare_types(model, X, y, activations={"relu": "relu"}, **settings)
        np.testing.assert_array_equal(display.scores["relu"], again.scores["relu"])
        assert len({*display.scores["mix"], *display.scores["relu"]}) > 1

    def test_is_clone_fitted_with_a_seed(self, monkeypatch):
        seen = []
        fit = LearnedDiversityMLPClassifier.fit

        def noted(self, X, y, sample_weight=None):
            seen.append((self.activations, self.random_state, len(X)))
            return fit(self, X, y, sample_weight)

        monkeypatch.setattr(LearnedDiversityMLPClassifier, "fit", noted)
        kinds = {"a": "sin", "b": ["sin", "relu"]}
        display = compare_types(
            learner(), X, y, activations=kinds, n_repeats=2, test_size=0.5, random_state=0
        )
        assert [activations for activations, _, _ in seen] == ["sin"] * 2 + [["sin", "relu"]] * 2
        seeds = [seed for _, seed, _ in seen]
        assert seeds[:2] == seeds[2:]
        assert seeds[0] != seeds[1]
        assert {n for _, _, n in seen} == {60}
        assert {scores.shape for scores in display.scores.values()} == {(2,)}

    def test_learned_mix(self, learned):
        """One learned function per layer makes a pure type."""
        display = compare_types(learned, X, y, n_repeats=1, random_state=0)
        assert list(display.scores)[:4] == ["mix", "type 1", "type 2", "relu"]
        model = clone(learner(activations=learned.learned_))
        assert model.fit(X, y).score(X, y) <= 1.0

    def test_learns_first(self):
        """Without activations a clone learns them, on the training rows alone."""
        model = learner(hidden_layer_sizes=(6,), compare=True)
        display = compare_types(model, X, y, n_repeats=1, random_state=0)
        assert display.n_types == 2
        assert not hasattr(model, "learned_")
        single = compare_types(model.set_params(n_types=1), X, y, n_repeats=1, random_state=0)
        assert next(iter(single.scores)) == "learned"
        assert single.n_types == 0

    @pytest.mark.parametrize("given", ["sin", ["sin"], ["sin", "relu"], ("sin", "relu")])
    def test_the_mix_comes_once(self, given):
        model = learner(activations=given, hidden_layer_sizes=(6,), max_epochs=1)
        names = list(compare_types(model, X, y, n_repeats=1, random_state=0).scores)
        usual = {"relu", "tanh", "sin", "gelu"}
        if len(given) == 2:
            assert names[:3] == ["mix", "sin", "relu"]
            assert set(names) == {"mix", *usual}
        else:
            assert names[0] == "sin"
            assert set(names) == {*usual, "sin + relu"}

    def test_numbers_and_scoring(self):
        target = np.sin(2 * X[:, 0]) + X[:, 1]
        model = LearnedDiversityMLPRegressor((6,), activations=["sin", "relu"], **QUICK)
        kinds = {"sin": "sin"}
        own, error = (
            compare_types(
                model, X, target, activations=kinds, n_repeats=1, scoring=scoring, random_state=0
            )
            for scoring in (None, "neg_mean_squared_error")
        )
        assert own.score_name == "test R²"
        assert error.score_name == "neg mean squared error"
        assert error.scores["sin"][0] < 0 < 1 - own.scores["sin"][0]

    def test_gains_are_paired(self):
        scores = {"mix": [0.9, 0.5, 0.7], "relu": [0.8, 0.5, 0.5], "sin": [0.9, 0.5, 0.7]}
        gains = TypesDisplay(scores).gains()
        assert gains["relu"] == pytest.approx((0.1, 0.1 / np.sqrt(3)))
        assert gains["sin"] == (0.0, 0.0)
        assert np.isnan(TypesDisplay({"a": [1.0], "b": [0.5]}).gains()["b"][1])

    def test_picture(self):
        scores = {"mix": [3.0, 5.0, 4.0], "type 1": [1.0, 2.0, 3.0], "a$b": [1.0, 1.0, 1.0]}
        figure, ax = plt.subplots()
        display = TypesDisplay(scores, n_types=1, score_name="test R²").plot(ax)
        assert display.ax_ is ax
        assert display.figure_ is figure
        labels = [label.get_text() for label in ax.get_yticklabels()]
        assert labels == ["mix", "type 1", r"a\$b"]
        for values, dots in zip(scores.values(), display.dots_, strict=True):
            assert dots.get_offsets()[:, 0].tolist() == values
        colours = {box.get_facecolor() for box in display.boxes_}
        assert len(colours) == 3
        assert ax.get_xlabel() == "test R²"
        figure.canvas.draw()

    def test_refusals(self):
        model = learner(activations="sin")
        with pytest.raises(TypeError, match="no parameter activations"):
            compare_types(LinearRegression(), X, y)
        with pytest.raises(ValueError, match="n_repeats must be 1 or more"):
            compare_types(model, X, y, n_repeats=0)
        with pytest.raises(ValueError, match="X_test and y_test go together"):
            compare_types(model, X, y, X_test=X)
        with pytest.raises(ValueError, match="nothing to compare"):
            compare_types(model, X, y, activations={})
        for scores in ({}, {"a": []}, {"a": [1.0], "b": [1.0, 2.0]}, {"a": 1.0}):
            with pytest.raises(ValueError, match="scores must hold"):
                TypesDisplay(scores)


def circles(n_orbits=3, n_times=40):
    t = np.linspace(0, 5, n_times)
    size = np.arange(1.0, n_orbits + 1)[:, None]
    return np.stack([size * np.cos(t), -size * np.sin(t)], axis=2), t


class Oscillator:
    """A model of an oscillator, off by a factor in its velocity."""

    def __init__(self, rate=1.0):
        self.rate, self.methods = rate, []

    def simulate(self, x0, t, method="leapfrog"):
        self.methods.append(method)
        phase = self.rate * (t - t[0])
        q, p = x0[:, :1], x0[:, 1:]
        turned = [q * np.cos(phase) + p * np.sin(phase), p * np.cos(phase) - q * np.sin(phase)]
        return np.stack(turned, axis=2)

    def energy(self, states):
        return 0.5 * (states**2).sum(axis=1)


class Field:
    """A regressor of derivatives."""

    def predict(self, states):
        return np.stack([states[:, 1], -states[:, 0]], axis=1)


class TestPhaseSpace:
    def test_orbits_and_energies(self):
        orbits, t = circles()
        model = Oscillator(1.1)
        display = PhaseSpaceDisplay.from_estimator(model, orbits, t, names=["q", "p"])
        assert model.methods == ["rk4"]
        assert display.axes_.shape == (2,)
        for place, line in enumerate(display.true_lines_):
            np.testing.assert_allclose(line.get_xydata(), orbits[place])
            energy = display.true_energy_lines_[place].get_ydata()
            np.testing.assert_allclose(energy, 0.5 * (place + 1) ** 2)
        for place, line in enumerate(display.simulated_lines_):
            expected = np.stack([np.cos(1.1 * t), -np.sin(1.1 * t)], axis=1) * (place + 1)
            np.testing.assert_allclose(line.get_xydata(), expected, atol=1e-12)
            x, energy = display.simulated_energy_lines_[place].get_data()
            np.testing.assert_array_equal(x, t)
            np.testing.assert_allclose(energy, 0.5 * (place + 1) ** 2)
        assert display.axes_[0].get_xlabel() == "q"
        assert display.axes_[1].get_xlabel() == "time"
        assert [text.get_text() for text in display.axes_[1].get_legend().get_texts()] == [
            "true",
            "simulated",
        ]
        display.figure_.canvas.draw()

    def test_given_energy_and_one_orbit(self):
        orbits, t = circles(1)
        display = PhaseSpaceDisplay.from_estimator(
            Oscillator(), orbits[0], t, method="leapfrog", energy=lambda states: states[:, 0]
        )
        np.testing.assert_allclose(display.true_energy, orbits[..., 0])
        assert display.simulated.shape == (1, 40, 2)

    def test_regressor_of_derivatives(self):
        orbits, t = circles()
        display = PhaseSpaceDisplay.from_estimator(Field(), orbits, t)
        assert display.axes_.shape == (1,)
        assert display.simulated_energy_lines_ == []
        np.testing.assert_allclose(display.simulated, orbits, atol=1e-5)
        assert display.axes_[0].get_ylabel() == "x1"

    def test_coordinates(self):
        orbits, t = circles()
        wide = np.concatenate([orbits, 7 + orbits], axis=2)
        display = PhaseSpaceDisplay(wide, wide, t).plot(coordinates=(3, 0), names="abcd")
        np.testing.assert_allclose(display.true_lines_[1].get_xydata(), wide[1][:, [3, 0]])
        assert display.axes_[0].get_xlabel() == "d"
        assert display.axes_[0].get_ylabel() == "a"

    @pytest.mark.parametrize("bad", [1e6, np.nan, np.inf])
    def test_simulation_runs_away(self, bad):
        """The true orbits stay large enough to be seen."""
        orbits, t = circles()
        away = orbits.copy()
        away[:, 20:] = bad
        display = PhaseSpaceDisplay(orbits, away, t).plot()
        low, high = display.axes_[0].get_xlim()
        assert np.ptp(orbits[..., 0]) > 0.45 * (high - low)
        display.figure_.canvas.draw()

    def test_no_energy_of_what_ran_away(self):
        orbits, t = circles()

        class Lost(Oscillator):
            def simulate(self, x0, t, method):
                states = super().simulate(x0, t, method)
                states[0, 30:] = np.nan
                return states

            def energy(self, states):
                assert np.isfinite(states).all()
                return super().energy(states)

        display = PhaseSpaceDisplay.from_estimator(Lost(), orbits, t)
        assert np.isnan(display.simulated_energy[0, 30:]).all()
        assert np.isfinite(display.simulated_energy[0, :30]).all()
        assert np.isfinite(display.simulated_energy[1:]).all()

    def test_hamiltonian_network(self):
        orbits, t = circles()
        model = HamiltonianMLPRegressor((10,), **{**QUICK, "max_epochs": 30}).fit(orbits, t)
        display = PhaseSpaceDisplay.from_estimator(model, orbits, t)
        starts, expected = orbits[:, 0], model.simulate(orbits[:, 0], t, method="rk4")
        np.testing.assert_allclose(display.simulated, expected)
        np.testing.assert_allclose(display.simulated[:, 0], starts)
        np.testing.assert_allclose(display.true_energy[1], model.energy(orbits[1]), atol=1e-12)
        assert np.ptp(display.simulated_energy, axis=1).max() < 1e-3

    def test_within_given_axes(self):
        orbits, t = circles()
        figure, (_, second) = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
        display = PhaseSpaceDisplay.from_estimator(Oscillator(), orbits, t, ax=second)
        assert display.bounding_ax_ is second
        assert display.figure_ is figure

    def test_refusals(self):
        orbits, t = circles()
        draw = PhaseSpaceDisplay.from_estimator
        with pytest.raises(NotFittedError):
            draw(HamiltonianMLPRegressor(), orbits, t)
        with pytest.raises(TypeError, match="neither simulate nor predict"):
            draw(object(), orbits, t)
        with pytest.raises(ValueError, match="increasing times"):
            draw(Oscillator(), orbits, t[::-1])
        with pytest.raises(ValueError, match="increasing times"):
            draw(Oscillator(), orbits, t[1:])
        with pytest.raises(ValueError, match=r"two places in 0\.\.1"):
            draw(Oscillator(), orbits, t, coordinates=(0, 2))
        with pytest.raises(ValueError, match="method must be"):
            draw(Field(), orbits, t, method="euler")
        with pytest.raises(ValueError, match="need the shape"):
            PhaseSpaceDisplay(orbits, orbits[:1], t)
        with pytest.raises(ValueError, match="energies need the shape"):
            PhaseSpaceDisplay(orbits, orbits, t, np.zeros(3))
        loose = plt.figure().add_axes((0.1, 0.1, 0.8, 0.8))
        with pytest.raises(ValueError, match="ax must stand in a grid"):
            draw(Oscillator(), orbits, t, ax=loose)


@pytest.mark.parametrize(
    "path",
    [
        "participation_ratio",
        "hessian_trace",
        "hessian_spectrum",
        "HessianSpectrum",
        "HessianSpectrum.density",
        "HessianSpectrum.near_zero_fraction",
        "compare_types",
        "TypesDisplay",
        "TypesDisplay.plot",
        "ActivationDisplay",
        "ActivationDisplay.from_estimator",
        "ActivationDisplay.plot",
        "PhaseSpaceDisplay",
        "PhaseSpaceDisplay.from_estimator",
        "PhaseSpaceDisplay.plot",
    ],
)
def test_docstrings(path):
    errors = numpydoc.validate.validate(f"sktaskneuron.inspection.{path}")["errors"]
    assert [e for e in errors if e[0] not in {"ES01", "EX01", "SA01", "RT02"}] == []


def test_without_matplotlib(monkeypatch, learned):
    orbits, t = circles()
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingDependencyError, match=r"install sktaskneuron\[plot\]"):
        ActivationDisplay.from_estimator(learned)
    with pytest.raises(MissingDependencyError, match=r"install sktaskneuron\[plot\]"):
        PhaseSpaceDisplay.from_estimator(Oscillator(), orbits, t)
    with pytest.raises(MissingDependencyError, match=r"install sktaskneuron\[plot\]"):
        TypesDisplay({"mix": [1.0]}).plot()
    # scores need no pictures
    kinds = {"sin": "sin"}
    assert compare_types(learner(), X, y, activations=kinds, n_repeats=1).scores["sin"].size == 1
