"""scikit-learn's own pictures take our estimators: tables with categories, texts as classes."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibrationDisplay
from sklearn.inspection import PartialDependenceDisplay
from sklearn.metrics import PredictionErrorDisplay, RocCurveDisplay

from sktaskneuron import (
    ActivationSearchClassifier,
    LearnedDiversityMLPClassifier,
    NeuronSeekClassifier,
    NeuronSeekRegressor,
)

plt = pytest.importorskip("matplotlib.pyplot")

QUICK = {"hidden_layer_sizes": (8,), "max_epochs": 2, "random_state": 0}
CLASSIFIERS = [
    NeuronSeekClassifier(**QUICK),
    LearnedDiversityMLPClassifier(activations="sin", **QUICK),
    ActivationSearchClassifier(candidates=["relu"], **QUICK),
]


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": rng.normal(size=200), "k": pd.Categorical(rng.choice(list("pqr"), size=200))}
    )
    value = frame["a"] + 2.0 * (frame["k"] == "q") + 0.3 * rng.normal(size=200)
    return frame, value, np.where(value > 0.5, "yes", "no")


@pytest.fixture(scope="module", params=CLASSIFIERS, ids=lambda model: type(model).__name__)
def classifier(request, table):
    frame, _, label = table
    return request.param.fit(frame, label)


@pytest.fixture
def ax():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def test_calibration(classifier, table, ax):
    frame, _, label = table
    shown = CalibrationDisplay.from_estimator(
        classifier, frame, label, pos_label="yes", n_bins=5, strategy="quantile", ax=ax
    )
    # in bins of equal size the mean confidence and the share of the class agree roughly
    assert np.abs(shown.prob_true - shown.prob_pred).mean() < 0.35
    np.testing.assert_array_equal(shown.y_prob, classifier.predict_proba(frame)[:, 1])


def test_roc(classifier, table, ax):
    frame, _, label = table
    shown = RocCurveDisplay.from_estimator(classifier, frame, label, pos_label="yes", ax=ax)
    assert 0.6 < shown.roc_auc <= 1.0


def test_prediction_errors(table, ax):
    frame, value, _ = table
    model = NeuronSeekRegressor(**QUICK).fit(frame, value)
    shown = PredictionErrorDisplay.from_estimator(model, frame, value, subsample=None, ax=ax)
    np.testing.assert_array_equal(shown.y_pred, model.predict(frame))


def test_partial_dependence_of_a_category(table, ax):
    frame, value, _ = table
    model = NeuronSeekRegressor(**QUICK).fit(frame, value)
    shown = PartialDependenceDisplay.from_estimator(
        model, frame, ["k"], categorical_features=["k"], ax=ax
    )
    found = dict(
        zip(shown.pd_results[0].grid_values[0], shown.pd_results[0].average[0], strict=True)
    )
    assert found["q"] - found["p"] == pytest.approx(2.0, abs=0.4)
