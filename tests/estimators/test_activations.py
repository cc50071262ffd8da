"""What the estimators take for an activation: texts, sets, lists, learned parameters."""

import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sktaskneuron import (
    ActivationSearchRegressor,
    HamiltonianMLPRegressor,
    LearnedDiversityMLPClassifier,
    LearnedDiversityMLPRegressor,
    NeuronSeekClassifier,
    NeuronSeekRegressor,
)
from sktaskneuron.inspection import ActivationDisplay, hessian_trace
from sktaskneuron.nn import ActivationSet, DiverseNetwork
from sktaskneuron.training import TensorTable
from sktaskneuron.training.loop.replicates import fit_replicates

from .data import ALONE, QUICK, draw_classes, draw_quadratic

SET = ActivationSet.from_names(["sin", "tanh"])
FORMS = {
    "parameters": "snake(a=2)",
    "expression": "x*tanh(softplus(x))",
    "mix": ["sin", "x*tanh(x)"],
    "tuple": ("sin", "relu"),
    "set": SET,
    "sets": [SET, SET[0]],
    "texts and a set": ["relu", SET],
    "lists": [["sin", "relu"], ["tanh", SET]],
    "list and set": [["sin"], SET],
    "learned": "prelu(trainable=True)",
    "learned mix": ["snake(a=2, trainable=True)", "relu"],
}
BAD = [
    (3, TypeError, "must be a name"),
    (None, TypeError, "must be a name"),
    ([], TypeError, "must be a name"),
    ([["relu"], 3], TypeError, "must be a name"),
    ([(0.0, 1.0, 5, 1)] * 2, TypeError, "must be a name"),
    ([SET] * 3, ValueError, "of 3 hidden layers, the network has 2"),
    ("swish9", ValueError, "unknown activation"),
    (["sin"] * 9, ValueError, "8 neurons cannot have 9 types"),
    ("relu(trainable=True)", ValueError, "no parameter that may be learned"),
    ("prelu(trainable=1)", ValueError, "trainable must be True or False"),
]
#: Networks of two layers and two members, which alone predict.
SETTINGS = {**ALONE, "hidden_layer_sizes": (8, 8), "n_members": 2, "max_epochs": 3}
TYPED = {
    "hidden_layer_sizes": (8, 8),
    "n_members": 2,
    "max_epochs": 3,
    "validation": 2,
    "learning_rate": 0.01,
    "random_state": 0,
}
KINDS = [NeuronSeekRegressor, NeuronSeekClassifier]
forms = pytest.mark.parametrize("activation", FORMS.values(), ids=FORMS)


def draw(kind):
    return draw_quadratic() if kind.__name__.endswith("Regressor") else draw_classes()


def outputs_of(model, X):
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


class TestNeuronSeek:
    @forms
    @pytest.mark.parametrize("kind", KINDS)
    def test_fits_predicts_and_is_kept(self, kind, activation):
        X, y = draw(kind)
        model = kind("x + x**2", activation=activation, **SETTINGS).fit(X, y)
        assert model.selected_ == "task"
        expected = outputs_of(model, X)
        assert np.isfinite(expected).all()
        for same in (clone(model).fit(X, y), pickle.loads(pickle.dumps(model))):
            np.testing.assert_array_equal(outputs_of(same, X), expected)
        rows = [outputs_of(model, X[i : i + 1]) for i in range(9)]
        np.testing.assert_array_equal(np.concatenate(rows), expected[:9])
        plain = kind("x + x**2", **SETTINGS).fit(X, y)
        assert not np.allclose(outputs_of(plain, X), expected, rtol=1e-4, atol=0)

    @forms
    def test_beside_rivals(self, activation):
        X, y = draw_quadratic()
        settings = {**QUICK, "hidden_layer_sizes": (8, 8)}
        model = NeuronSeekRegressor("x + x**2", activation=activation, **settings).fit(X, y)
        assert {"task", "ranks"} < set(model.validation_scores_)
        assert np.isfinite(model.predict(X)).all()

    @pytest.mark.parametrize(("activation", "error", "message"), BAD, ids=str)
    @pytest.mark.parametrize("kind", KINDS)
    def test_bad_forms_are_refused(self, kind, activation, error, message):
        X, y = draw(kind)
        with pytest.raises(error, match=message):
            kind("td", activation=activation, **SETTINGS).fit(X, y)

    def test_a_list_of_one_is_its_text(self):
        X, y = draw_quadratic()
        outputs = [
            NeuronSeekRegressor("x", activation=activation, **SETTINGS).fit(X, y).predict(X)
            for activation in ("tanh", ["tanh"])
        ]
        np.testing.assert_array_equal(*outputs)

    def test_functions_of_another_model(self):
        X, y = draw_quadratic()
        learned = LearnedDiversityMLPRegressor(
            **{**TYPED, "hidden_layer_sizes": (8,)},
            compare=False, outer_steps=2, inner_steps=3,
        ).fit(X, y)  # fmt: skip
        assert isinstance(learned.activations_, ActivationSet)
        model = NeuronSeekRegressor("x", activation=learned.activations_, **SETTINGS).fit(X, y)
        spec = model._fitted.predictor.model.spec["activation"]
        assert spec == [[[-10.0, 10.0, 101, 3]] * 2] * 2

    def test_a_fitted_model_holds_plain_values(self):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor("x", activation=SET, **SETTINGS).fit(X, y)
        tables = [
            value
            for name, value in model._fitted.predictor.model.state.items()
            if "coefficients" in name
        ]
        assert len(tables) == 4
        assert all(
            type(value) is np.ndarray for value in model._fitted.predictor.model.state.values()
        )
        np.testing.assert_allclose(tables[0], SET.coefficients()[0], atol=1e-6)

    def test_as_a_parameter(self):
        model = NeuronSeekRegressor(activation=SET)
        assert model.get_params()["activation"] is SET
        assert "sin" in repr(model)
        assert len(repr(model)) < 300
        twin = clone(model).activation
        np.testing.assert_array_equal(twin.values, SET.values)
        assert twin.names == copy.deepcopy(SET).names == SET.names
        listed = model.set_params(activation=[SET, SET[0]]).get_params()["activation"]
        assert listed[0] is SET


def learned_numbers(model):
    """Learned parameters by name, one row per network."""
    fitted = model._fitted
    networks = getattr(fitted, "packed", None) or fitted.predictor.model
    return {
        name: value.reshape(len(value), -1)
        for name, value in networks.state.items()
        if ".raw." in name
    }


class TestLearnedParameters:
    @pytest.mark.parametrize("kind", KINDS)
    def test_neuron_seek(self, kind):
        X, y = draw(kind)
        text = "prelu(trainable=True)"
        model = kind("x", activation=text, **{**SETTINGS, "max_epochs": 20}).fit(X, y)
        numbers = learned_numbers(model)
        assert len(numbers) == 2
        for value in numbers.values():
            assert value.shape == (2, 1)
            assert (np.abs(value - 0.25) > 1e-4).all()
            assert value[0] != value[1]
        fixed = kind("x", activation="prelu", **{**SETTINGS, "max_epochs": 20}).fit(X, y)
        assert not learned_numbers(fixed)
        assert not np.allclose(outputs_of(fixed, X), outputs_of(model, X), rtol=1e-4, atol=0)

    @pytest.mark.parametrize("kind", [LearnedDiversityMLPRegressor, LearnedDiversityMLPClassifier])
    def test_learned_diversity(self, kind):
        X, y = draw(kind)
        mix = ["snake(a=2, trainable=True)", "relu"]
        model = kind(activations=mix, **TYPED).fit(X, y)
        numbers = learned_numbers(model)
        assert len(numbers) == 2
        for layer, value in zip(model.activations_, numbers.values(), strict=True):
            assert layer == [f"snake(a={np.exp(value.astype(float)).mean():.4g})", "relu"]
        for value in numbers.values():
            assert (np.abs(value - np.log(2)) > 1e-5).all()
            assert value[0] != value[1]
        expected = outputs_of(model, X)
        for same in (clone(model).fit(X, y), pickle.loads(pickle.dumps(model))):
            np.testing.assert_array_equal(outputs_of(same, X), expected)

    def test_beside_a_set(self):
        X, y = draw_quadratic()
        mix = [SET, "prelu(trainable=True)", "relu"]
        model = LearnedDiversityMLPRegressor(activations=mix, **TYPED).fit(X, y)
        assert len(model.activations_) == 2
        for (first, second, third), value in zip(
            model.activations_, learned_numbers(model).values(), strict=True
        ):
            assert first is SET
            assert second == f"prelu(a={value.astype(float).mean():.4g})"
            assert third == "relu"
        assert np.isfinite(hessian_trace(model, X, y, n_probes=2, random_state=0)).all()
        display = ActivationDisplay.from_estimator(model, layer=1)
        assert display.functions.names == ("sin", "tanh", second, "relu")

    def test_they_learn_at_a_tenth(self):
        """One step of Adam moves every parameter by its rate."""
        table = TensorTable.from_arrays(*draw_quadratic(), None, dtype=torch.float64)
        groups = [(2, [["prelu(trainable=True)"]])]
        network = DiverseNetwork(table.X.shape[1], 1, (8,), groups, dtype=torch.float64)
        start = {name: value.detach().clone() for name, value in network.named_parameters()}
        rows = [np.arange(len(table.X))] * 2
        fit_replicates(network, table, rows, n_epochs=1, batch_size=10**6, learning_rate=0.01)
        for name, value in network.named_parameters():
            moved = (value - start[name]).abs().max().item()
            assert moved == pytest.approx(0.001 if ".raw." in name else 0.01, rel=1e-3)

    def test_learned_texts_of_one_layer(self):
        X, y = draw_quadratic()
        settings = {**TYPED, "hidden_layer_sizes": 8}
        model = LearnedDiversityMLPRegressor(activations="prelu(trainable=True)", **settings)
        (value,) = learned_numbers(model.fit(X, y)).values()
        assert model.activations_ == [f"prelu(a={value.astype(float).mean():.4g})"]
        for given in ("prelu", ["sin", "relu"], SET):
            assert model.set_params(activations=given).fit(X, y).activations_ is given

    def test_hamiltonian(self):
        X = np.random.default_rng(0).uniform(-1, 1, size=(80, 2))
        y = np.stack([X[:, 1], -X[:, 0]], axis=1)
        model = HamiltonianMLPRegressor(activations="snake(trainable=True)", **TYPED).fit(X, y)
        numbers = learned_numbers(model)
        assert len(numbers) == 2
        for value in numbers.values():
            assert (np.abs(value) > 1e-5).all()  # logarithms, from 0 on
            assert value[0] != value[1]
        expected = model.predict(X)
        assert np.isfinite(expected).all()
        np.testing.assert_array_equal(clone(model).fit(X, y).predict(X), expected)
        fixed = clone(model).set_params(activations="snake").fit(X, y)
        assert not np.allclose(fixed.predict(X), expected, rtol=1e-4, atol=0)

    def test_activation_search(self):
        X, y = draw_quadratic()
        candidates = ["prelu(trainable=True)", "prelu", ["silu(trainable=True)", "sin"]]
        model = ActivationSearchRegressor(candidates=candidates, fallback="prelu", **TYPED)
        results = model.fit(X, y).results_
        assert results["activation"][0] == "prelu(trainable=True)"
        assert len(set(results["mean_loss"])) == 3
        again = clone(model).fit(X, y)
        np.testing.assert_array_equal(again.results_["mean_loss"], results["mean_loss"])
