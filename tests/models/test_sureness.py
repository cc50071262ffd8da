"""Probabilities of classes of few rows: no surer than those bear out."""

import numpy as np
import pytest

from sktaskneuron import (
    ActivationSearchClassifier,
    LearnedDiversityMLPClassifier,
    NeuronSeekClassifier,
)
from sktaskneuron.models import sureness
from sktaskneuron.models.sureness import sure_factor

SHORT = {"hidden_layer_sizes": (16,), "max_epochs": 30, "random_state": 0}


@pytest.mark.parametrize(("n_rows", "n_classes"), [(1, 2), (8, 2), (12, 3)])
def test_rows_that_are_all_right(n_rows, n_classes):
    target = np.arange(n_rows) % n_classes
    logits = 30.0 * np.eye(n_classes)[target]
    z = logits[0] * sure_factor(logits, target, np.ones(n_rows))
    chance = np.exp(z.max()) / np.exp(z).sum()
    np.testing.assert_allclose(chance, (n_rows + 1) / (n_rows + n_classes), rtol=1e-4)


def test_it_makes_no_model_surer():
    target = np.arange(20) % 2
    assert sure_factor(0.01 * np.eye(2)[target], target, np.ones(20)) == 1.0


def test_a_weight_counts_copies():
    rng = np.random.default_rng(0)
    logits, target = 5 * rng.normal(size=(9, 3)), rng.integers(0, 3, 9)
    weight = rng.integers(1, 4, 9).astype(float)
    copies = np.repeat(np.arange(9), weight.astype(int))
    np.testing.assert_allclose(
        sure_factor(logits, target, weight),
        sure_factor(logits[copies], target[copies], np.ones(len(copies))),
        rtol=1e-4,
    )


@pytest.mark.parametrize(
    "model",
    [
        LearnedDiversityMLPClassifier(
            activations=["sin", "tanh"], n_members=2, validation=2, **SHORT
        ),
        ActivationSearchClassifier(candidates=["silu", "tanh"], n_members=2, validation=2, **SHORT),
        NeuronSeekClassifier(hidden_layer_sizes=(16,), n_members=2, random_state=0),
    ],
    ids=["diversity", "activations", "seek without held-out rows"],
)
def test_nine_rows_are_no_certainty(model):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(9, 4))
    model.fit(X, X[:, 0] + 0.3 * rng.normal(size=9) > 0)
    sure = model.predict_proba(rng.normal(size=(400, 4))).max(axis=1)
    assert np.median(sure) < 0.9


def test_rows_that_were_learned_say_less(monkeypatch):
    """Without held-out rows: as if there were eight more, which say nothing."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(8, 4))
    settings = {"formula": "x", "hidden_layer_sizes": (16,), "max_epochs": 10, "random_state": 0}

    def log_odds():
        model = NeuronSeekClassifier(**settings).fit(X, X[:, 0] > 0)
        return np.log(model.predict_proba(X)) @ [-1.0, 1.0]

    less = log_odds()
    monkeypatch.setattr(sureness, "_REMEMBERED", 0.0)
    np.testing.assert_allclose(less, log_odds() / 2, rtol=1e-6)


def test_more_rows_are_left_to_the_models(monkeypatch):
    monkeypatch.setattr(sureness, "sure_factor", lambda *_: pytest.fail("30 rows are enough"))
    X = np.random.default_rng(0).normal(size=(30, 4))
    LearnedDiversityMLPClassifier(activations=["sin", "tanh"], validation=2, **SHORT).fit(
        X, X[:, 0] > 0
    )
