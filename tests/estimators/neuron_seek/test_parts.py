"""Which rows members of classes leave out."""

import numpy as np
import pytest

from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor
from sktaskneuron.estimators.neuron_seek import run
from sktaskneuron.models.validation import Validation


@pytest.fixture
def parts(monkeypatch):
    """Sizes of the parts that were held out, as one list per fit."""
    seen = []

    class Watched(Validation):
        @classmethod
        def of(cls, task, splits):
            seen.append([len(held) for _, held in splits])
            for train, held in splits:
                assert not np.intersect1d(train, held).size
            return Validation.of(task, splits)

    monkeypatch.setattr(run, "Validation", Watched)
    return seen


def draw(n_rows, n_rare=0):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 2))
    y = (X[:, 0] > 0).astype(int)
    y[:n_rare] = 2
    return X, y


def fitted(estimator, X, y, **parameters):
    return estimator(max_epochs=1, random_state=0, **parameters).fit(X, y)


def test_from_a_thousand_rows_an_eighth_each(parts):
    model = fitted(NeuronSeekClassifier, *draw(1_000))
    assert parts == [[125] * 4]
    assert model.oof_score_ > 0.9


def test_fewer_rows_a_quarter_each(parts):
    fitted(NeuronSeekClassifier, *draw(996))
    assert parts == [[249] * 4]


def test_rare_classes_keep_their_share(parts):
    fitted(NeuronSeekClassifier, *draw(1_000, n_rare=7))
    fitted(NeuronSeekClassifier, *draw(1_000, n_rare=8))
    assert parts == [[250] * 4, [125] * 4]


def test_who_asks_for_folds_gets_them(parts):
    fitted(NeuronSeekClassifier, *draw(1_000), validation=5)
    fitted(NeuronSeekClassifier, *draw(1_000), validation=0.3)
    assert parts == [[200] * 5, [300]]


def test_values_a_quarter_each(parts):
    X, y = draw(1_000)
    fitted(NeuronSeekRegressor, X, y.astype(float))
    assert parts == [[250] * 4]
