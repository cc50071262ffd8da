"""The participation ratio of hidden activity."""

import numpy as np
import pytest
from sklearn.datasets import make_moons
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sktaskneuron import LearnedDiversityMLPClassifier
from sktaskneuron.inspection import participation_ratio
from sktaskneuron.inspection.networks import networks

FUNCTIONS = {
    "identity": lambda z: z,
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
}
X, y = make_moons(150, noise=0.2, random_state=0)


@pytest.fixture(scope="module")
def fitted():
    return LearnedDiversityMLPClassifier(
        (7, 4),
        activations=["sin", "tanh"],
        n_members=3,
        validation=None,
        max_epochs=3,
        random_state=0,
    ).fit(X, y)


def by_eigenvalues(activity):
    values = np.linalg.eigvalsh(np.cov(activity.T))
    return values.sum() ** 2 / (values**2).sum()


def passing_on(n_columns):
    """A network whose hidden activity is its input."""
    model = MLPRegressor(
        hidden_layer_sizes=(n_columns,), activation="identity", max_iter=1, solver="lbfgs"
    )
    rows = np.random.default_rng(1).normal(size=(10, n_columns))
    model.fit(rows, rows.sum(axis=1))
    model.coefs_[0], model.intercepts_[0] = np.eye(n_columns), np.full(n_columns, 5.0)
    return model


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_counts_independent_directions():
    rng = np.random.default_rng(0)
    model = passing_on(4)
    independent = rng.normal(size=(40_000, 4))
    assert participation_ratio(model, independent)[0, 0] == pytest.approx(4, abs=0.01)
    together = np.outer(rng.normal(size=100), [1.0, -2.0, 3.0, 0.1])
    assert participation_ratio(model, together)[0, 0] == pytest.approx(1)
    pairs = independent[:, [0, 0, 1, 1]]
    assert participation_ratio(model, pairs, normalize=True)[0, 0] == pytest.approx(0.5, abs=0.01)
    far = participation_ratio(model, 1e7 + independent)
    np.testing.assert_allclose(far, participation_ratio(model, independent), rtol=1e-6)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_networks_of_sklearn(kind, name):
    model = kind(
        hidden_layer_sizes=(6, 5), activation=name, solver="lbfgs", max_iter=20, random_state=0
    ).fit(X, y)
    activity, expected = X, []
    for weight, bias in list(zip(model.coefs_, model.intercepts_, strict=True))[:-1]:
        activity = FUNCTIONS[name](activity @ weight + bias)
        expected.append(by_eigenvalues(activity))
    found = participation_ratio(model, X)
    np.testing.assert_allclose(found, [expected], rtol=1e-9)
    np.testing.assert_allclose(participation_ratio(model, X, normalize=True), found / [6, 5])


def test_members_and_layers(fitted):
    """Each member's own, from its weights."""
    network = fitted._fitted.packed.typed_network()
    weights, biases = (
        [p.detach().double().numpy() for p in ps] for ps in (network.weights, network.biases)
    )
    found = participation_ratio(fitted, X)
    assert found.shape == (3, 2)
    for member in range(3):
        activity = fitted._fitted.network_inputs(X, fitted)
        for layer, n_first in enumerate((4, 2)):
            z = activity @ weights[layer][member] + biases[layer][member]
            activity = np.hstack([np.sin(z[:, :n_first]), np.tanh(z[:, n_first:])])
            assert found[member, layer] == pytest.approx(by_eigenvalues(activity), rel=1e-9)


def test_blocks_of_rows(fitted, monkeypatch):
    whole = participation_ratio(fitted, X)
    monkeypatch.setattr(networks, "_MOST_NUMBERS", 200)
    np.testing.assert_allclose(participation_ratio(fitted, X), whole, rtol=1e-12)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_nothing_varies():
    assert np.isnan(participation_ratio(passing_on(3), np.ones((5, 3)))).all()


def test_refusals(fitted):
    with pytest.raises(NotFittedError):
        participation_ratio(LearnedDiversityMLPClassifier(), X)
    with pytest.raises(TypeError, match="LinearRegression holds no networks"):
        participation_ratio(LinearRegression().fit(X, y), X)
    with pytest.raises(ValueError, match="at least 2"):
        participation_ratio(fitted, X[:1])
