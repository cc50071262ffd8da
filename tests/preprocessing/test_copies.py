"""Tables of copies are told from tables whose rows are often alike."""

import numpy as np
import pytest

from sktaskneuron import LearnedDiversityMLPRegressor, NeuronFormulaSearch, NeuronSeekClassifier
from sktaskneuron.exceptions import DataWarning
from sktaskneuron.preprocessing.copies import copy_groups


def draw(n=40, d=3):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d)) * [1e-200, 1.0, 1e200][:d]
    return X, X[:, 1] + rng.normal(size=n)


@pytest.mark.parametrize("k", [2, 5])
def test_copies_are_found_wherever_they_stand(k):
    X, y = draw()
    places = np.random.default_rng(1).permutation(np.repeat(np.arange(len(X)), k))
    groups = copy_groups(X[places], y[places])
    assert len(np.unique(groups)) == len(X)
    assert len(np.unique(groups * 1000 + places)) == len(X)


def test_rows_of_their_own():
    X, y = draw(100)
    rng = np.random.default_rng(1)
    assert copy_groups(X, y) is None
    # a bootstrap sample, levels, an age that the target is drawn for, few rows
    rows = rng.integers(100, size=100)
    assert copy_groups(X[rows], y[rows]) is None
    assert copy_groups(rng.integers(0, 3, (500, 3)).astype(float), np.zeros(500)) is None
    age = rng.integers(0, 60, (500, 1)).astype(float)
    assert copy_groups(age, rng.integers(0, 2, 500)) is None
    assert copy_groups(np.repeat(X[:10], 3, axis=0), np.repeat(y[:10], 3)) is None


@pytest.mark.parametrize(
    "model",
    [
        NeuronFormulaSearch(n_resamples=0, max_steps=1),
        NeuronSeekClassifier("x", max_epochs=1, n_members=1, random_state=0),
        LearnedDiversityMLPRegressor((4,), activations="tanh", max_epochs=1, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_they_are_told_once(model):
    X = np.random.default_rng(0).normal(size=(40, 2))
    y = (X[:, 0] > 0).astype(int) if "Classifier" in type(model).__name__ else X[:, 0]
    with pytest.warns(DataWarning, match="80 of 120 rows are copies of others") as told:
        model.fit(np.repeat(X, 3, axis=0), np.repeat(y, 3))
    assert len(told) == 1


def test_they_are_held_out_together():
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = LearnedDiversityMLPRegressor(
        (4,), activations="tanh", max_epochs=200, validation=4, random_state=0
    )
    noise = np.random.default_rng(1).normal(size=40)
    with pytest.warns(DataWarning):
        model.fit(np.repeat(X, 5, axis=0), np.repeat(noise, 5))
    assert model.oof_score_ < 0.1
