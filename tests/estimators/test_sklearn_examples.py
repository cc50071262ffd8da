"""Tasks of scikit-learn's gallery, with our estimators in the place of theirs.

Each test follows one example of the gallery in its own words and on little data; nothing but the
estimator is exchanged. The example's title is in the docstring.
"""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.datasets import load_digits, load_iris, make_friedman1
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import StackingRegressor, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import RFE, SelectFromModel, SequentialFeatureSelector
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import make_scorer, mean_pinball_loss, recall_score
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_validate,
    learning_curve,
    train_test_split,
    validation_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer, StandardScaler

from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor

from .data import QUICK, draw_classes, draw_people, draw_quadratic

SHORT = {**QUICK, "max_epochs": 60}
Regressor = NeuronSeekRegressor(**SHORT, formula="x + x**2 + <x,x>:1")
Classifier = NeuronSeekClassifier(**SHORT, formula="x + x**2")


def test_column_transformer_with_mixed_types():
    """Column Transformer with Mixed Types."""
    pd = pytest.importorskip("pandas")
    columns, y = draw_people(160)
    X, y = pd.DataFrame(columns), y > np.median(y)
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    levels = make_pipeline(OneHotEncoder(handle_unknown="ignore", sparse_output=False))
    prepared = ColumnTransformer(
        [
            ("numbers", numbers, make_column_selector(dtype_include="number")),
            ("levels", levels, make_column_selector(dtype_exclude="number")),
        ]
    )
    grid = {"columntransformer__numbers__simpleimputer__strategy": ["mean", "median"]}
    search = RandomizedSearchCV(
        make_pipeline(prepared, Classifier), grid, n_iter=2, cv=2, random_state=0
    ).fit(X, y)
    assert search.best_score_ > 0.7
    assert set(search.predict(X)) == {False, True}


def test_permutation_importance():
    """Permutation Importance vs Random Forest Feature Importance (MDI)."""
    X, y = draw_quadratic(200)
    model = Regressor.fit(X[:120], y[:120])
    found = permutation_importance(model, X[120:], y[120:], n_repeats=3, random_state=0)
    assert np.argsort(-found.importances_mean)[0] == 0
    assert found.importances_mean[3] < 0.1 < found.importances_mean[0]


def test_partial_dependence():
    """Partial Dependence and Individual Conditional Expectation Plots."""
    pytest.importorskip("matplotlib")
    from matplotlib import pyplot as plt
    from sklearn.inspection import PartialDependenceDisplay

    X, y = draw_quadratic(150)
    display = PartialDependenceDisplay.from_estimator(
        Regressor.fit(X, y), X, [0, (1, 2)], grid_resolution=10, kind=["both", "average"]
    )
    curve = display.pd_results[0]["average"][0]
    assert curve[[0, -1]].min() > curve.min() + 0.5  # a parabola
    plt.close(display.figure_)


def test_learning_and_validation_curves():
    """Plotting Learning Curves and Checking Models' Scalability; Plotting Validation Curves."""
    X, y = draw_quadratic(200)
    sizes, _, scores = learning_curve(Regressor, X, y, train_sizes=[30, 120], cv=3)
    assert list(sizes) == [30, 120]
    assert scores[1].mean() > scores[0].mean()
    train, held = validation_curve(
        Regressor, X, y, param_name="dropout", param_range=[0.0, 0.5], cv=2
    )
    assert train.shape == held.shape == (2, 2)


def test_calibration_curves():
    """Probability Calibration curves."""
    pytest.importorskip("matplotlib")
    from matplotlib import pyplot as plt

    X, y = draw_classes(300)
    calibrated = CalibratedClassifierCV(Classifier, method="isotonic", cv=2).fit(X[:200], y[:200])
    for model in (calibrated, Classifier.fit(X[:200], y[:200])):
        display = CalibrationDisplay.from_estimator(model, X[200:], y[200:], n_bins=4)
        assert display.prob_true[0] < display.prob_true[-1]
        plt.close(display.figure_)


def test_prediction_intervals_by_quantiles():
    """Prediction Intervals for Gradient Boosting Regression."""
    X, y = draw_quadratic(300, noise=0.5)
    ends = {}
    for level in (0.05, 0.5, 0.95):
        model = NeuronSeekRegressor(**SHORT, formula="x + x**2", loss="quantile", quantile=level)
        ends[level] = model.fit(X[:200], y[:200]).predict(X[200:])
        assert mean_pinball_loss(y[200:], ends[level], alpha=level) < 1.0
    inside = (ends[0.05] <= y[200:]) & (y[200:] <= ends[0.95])
    assert 0.6 < inside.mean() <= 1.0


def test_quantile_as_a_hyperparameter_search():
    """Tuning with a loss of quantiles: the same example's second half."""
    X, y = draw_quadratic(150)
    score = make_scorer(mean_pinball_loss, alpha=0.9, greater_is_better=False)
    model = NeuronSeekRegressor(**SHORT, formula="x", loss="quantile", quantile=0.9)
    search = GridSearchCV(model, {"hidden_layer_sizes": [8, (8, 8)]}, scoring=score, cv=2)
    assert search.fit(X, y).best_params_["hidden_layer_sizes"] in (8, (8, 8))


def test_stacking():
    """Combine predictors using stacking."""
    X, y = make_friedman1(200, random_state=0)
    stack = StackingRegressor(
        [("neurons", Regressor), ("ridge", RidgeCV())], final_estimator=RidgeCV(), cv=3
    )
    scores = cross_validate(stack, X, y, cv=2, scoring=["r2", "neg_mean_absolute_error"])
    assert scores["test_r2"].mean() > 0.5


def test_voting():
    """Visualizing the probabilistic predictions of a VotingClassifier."""
    X, y = load_iris(return_X_y=True)
    vote = VotingClassifier(
        [("neurons", Classifier), ("linear", LogisticRegression(max_iter=1_000))], voting="soft"
    ).fit(X, y)
    assert vote.score(X, y) > 0.9
    np.testing.assert_allclose(vote.predict_proba(X).sum(1), 1.0)


def test_multi_output():
    """Face completion with a multi-output estimators."""
    images = load_digits().data[:300]
    upper, lower = images[:, :32], images[:, 32:]
    varies = upper.std(0) > 0
    model = NeuronSeekRegressor(**SHORT, formula="x")
    train, test, lower_train, lower_test = train_test_split(upper[:, varies], lower, random_state=0)
    completed = model.fit(train, lower_train).predict(test)
    assert completed.shape == lower_test.shape
    constant = np.mean((lower_test - lower_train.mean(0)) ** 2)
    assert np.mean((completed - lower_test) ** 2) < 0.8 * constant


@pytest.mark.parametrize(
    "selector",
    [
        SelectFromModel(Regressor, max_features=3, threshold=-np.inf),
        RFE(Regressor, n_features_to_select=3, step=2),
        SequentialFeatureSelector(Regressor, n_features_to_select=1, cv=2),
    ],
    ids=["from model", "recursive", "sequential"],
)
def test_feature_selection(selector):
    """Model-based and sequential feature selection; Recursive feature elimination."""
    X, y = draw_quadratic(200, noise=0.01)
    chosen = selector.fit(X, y).get_support()
    assert chosen[0]
    assert not chosen[3]


def test_pipeline_for_text():
    """Sample pipeline for text feature extraction and evaluation."""
    rng = np.random.default_rng(0)
    words = {0: ["ship", "sail", "wind"], 1: ["orbit", "launch", "moon"]}
    y = np.arange(80) % 2
    texts = [" ".join([*rng.choice(words[k], 3), *rng.choice(["a", "the", "or"], 3)]) for k in y]
    pipeline = make_pipeline(TfidfVectorizer(), TruncatedSVD(2, random_state=0), Classifier)
    grid = {"tfidfvectorizer__use_idf": [True, False], "neuronseekclassifier__dropout": [0.0, 0.1]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(texts, y)
    assert search.best_score_ > 0.9


def test_chaining_pca():
    """Pipelining: chaining a PCA and a logistic regression."""
    X, y = load_digits(n_class=3, return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), PCA(), Classifier)
    search = GridSearchCV(pipeline, {"pca__n_components": [2, 8]}, cv=2).fit(X[:200], y[:200])
    assert search.best_estimator_.score(X[200:], y[200:]) > 0.8


def test_transformed_target():
    """Effect of transforming the targets in regression model."""
    X, y = draw_quadratic(200)
    normal = QuantileTransformer(n_quantiles=50, output_distribution="normal")
    model = TransformedTargetRegressor(Regressor, transformer=normal).fit(X, np.exp(y / 8))
    assert model.score(X, np.exp(y / 8)) > 0.3


def test_tuned_threshold():
    """Post-tuning the decision threshold for cost-sensitive learning."""
    X, y = draw_classes(200)
    score = make_scorer(recall_score, pos_label="outside")
    tuned = TunedThresholdClassifierCV(Classifier, scoring=score, cv=2).fit(X, y)
    share = (tuned.predict(X) == "outside").mean()
    assert share >= (tuned.estimator_.predict(X) == "outside").mean()


def test_decision_boundary_and_curves():
    """Plot the decision surface; ROC with Cross Validation; Precision-Recall; Confusion matrix."""
    pytest.importorskip("matplotlib")
    from matplotlib import pyplot as plt
    from sklearn.inspection import DecisionBoundaryDisplay
    from sklearn.metrics import ConfusionMatrixDisplay, PrecisionRecallDisplay, RocCurveDisplay

    X, y = draw_classes(150)
    model = Classifier.fit(X[:, :2], y)
    surface = DecisionBoundaryDisplay.from_estimator(
        model, X[:, :2], response_method="predict_proba", grid_resolution=20
    )
    assert surface.response.shape == (20, 20)
    assert RocCurveDisplay.from_estimator(model, X[:, :2], y).roc_auc > 0.7
    assert PrecisionRecallDisplay.from_estimator(model, X[:, :2], y).average_precision > 0.6
    matrix = ConfusionMatrixDisplay.from_estimator(model, X[:, :2], y).confusion_matrix
    assert matrix.sum() == len(y)
    plt.close("all")
