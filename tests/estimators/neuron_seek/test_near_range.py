"""Blends read new values near their training rows, and learn from rows further out."""

import numpy as np
import pytest
from sklearn.base import clone

from sktaskneuron import NeuronSeekRegressor

MODEL = NeuronSeekRegressor(
    "x + <x,x>:2", hidden_layer_sizes=(8,), max_epochs=5, n_members=2, validation=2, random_state=0
)


def draw(low, high, n=200):
    X = np.random.default_rng(0).uniform(low, high, size=(n, 2))
    return X, np.sin(3 * X[:, 0]) + X[:, 1]


@pytest.fixture(scope="module")
def fitted():
    model = clone(MODEL).fit(*draw(0.0, 1.0))
    assert model.selected_ in ("blend", "task", "ranks")
    return model


def test_what_is_further_out_counts_as_a_tenth_of_the_range(fitted):
    X, _ = draw(0.0, 1.0)
    low, high = X.min(axis=0), X.max(axis=0)
    far, near = np.full((1, 2), 50.0), (high + 0.1 * (high - low))[None]
    assert fitted.predict(far) == pytest.approx(fitted.predict(near), abs=1e-12)
    assert fitted.predict(near) != pytest.approx(fitted.predict(high[None]), abs=1e-6)


@pytest.mark.parametrize("how", ["partial_fit", "warm_start"])
def test_rows_further_out_are_learned_from_and_then_read(how):
    model = clone(MODEL).set_params(warm_start=how == "warm_start").fit(*draw(0.0, 1.0))
    X, y = draw(0.0, 4.0)
    (model.partial_fit if how == "partial_fit" else model.fit)(X, y)
    bounds = model._fitted.predictor.reader.bounds
    assert (bounds[0] <= X.min(axis=0)).all()
    assert (bounds[1] >= X.max(axis=0)).all()
