"""Planted slips and wrong labels come first."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_friedman1
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GroupKFold
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from sktaskneuron import NeuronSeekRegressor
from sktaskneuron.inspection import doubtful_rows

N, PLANTED = 1_000, 20


def planted(seed):
    return np.random.default_rng(seed).choice(N, size=PLANTED, replace=False)


def precision(found, bad):
    return np.isin(found.rows, bad).mean()


SMOOTH = make_pipeline(StandardScaler(), SplineTransformer(), RidgeCV(np.logspace(-3, 3, 7)))


def test_slips_of_a_factor_of_ten():
    X, y = make_friedman1(N, noise=1.0, random_state=0)
    bad = planted(0)
    y[bad] *= 10
    assert precision(doubtful_rows(SMOOTH, X, y, n_rows=PLANTED), bad) >= 0.9


def test_wrong_labels():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(N, 5))
    odds = X @ [6.0, -6.0, 3.0, 0.0, 0.0]
    label = np.where(odds + 0.3 * rng.logistic(size=N) > 0, "yes", "no")
    sure = np.flatnonzero(np.abs(odds) > 4)
    bad = rng.choice(sure, size=PLANTED, replace=False)
    label[bad] = np.where(label[bad] == "yes", "no", "yes")
    found = doubtful_rows(LogisticRegression(), X, label, n_rows=PLANTED)
    assert precision(found, bad) >= 0.9
    assert (found.given != found.predicted).all()


def test_residuals_are_counted_by_what_is_usual_there():
    """A slip among quiet rows comes before larger residuals among loud ones."""
    rng = np.random.default_rng(2)
    X = rng.uniform(-1, 1, size=(N, 2))
    y = X[:, 1] + np.where(X[:, 0] > 0, 5.0, 0.05) * rng.normal(size=N)
    quiet = np.flatnonzero(X[:, 0] < -0.2)[:5]
    y[quiet] += 3.0
    found = doubtful_rows(RidgeCV(), X, y, n_rows=5)
    assert set(found.rows) == set(quiet)
    loudest = np.argsort(-np.abs(y - X[:, 1]))[:5]
    assert not set(loudest) & set(quiet)


def test_estimators_of_the_package_and_categories():
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"a": rng.normal(size=120), "kind": rng.choice(["u", "v"], size=120)})
    y = X["a"] + 3.0 * (X["kind"] == "u") + 0.1 * rng.normal(size=120)
    y.iloc[7] += 4
    model = NeuronSeekRegressor(
        "x", max_epochs=2, n_members=2, validation=2, hidden_layer_sizes=(4,), random_state=0
    )
    found = doubtful_rows(model, X, y, cv=2)
    assert found.rows[0] == 7
    assert sorted(found.rows) == list(range(120))
    assert (np.diff(found.score) <= 0).all()
    assert not hasattr(model, "n_features_in_")


def test_a_splitter_and_groups():
    """Copies of a slip vouch for each other unless they are held out together."""
    rng = np.random.default_rng(4)
    X = np.repeat(rng.normal(size=(100, 2)), 5, axis=0)
    y = X[:, 0].copy()
    y[40:45] += 10
    groups = np.repeat(np.arange(100), 5)
    near, slip = KNeighborsRegressor(3), set(range(40, 45))
    found = doubtful_rows(near, X, y, n_rows=25, cv=GroupKFold(5), groups=groups)
    assert slip <= set(found.rows)
    assert not slip & set(doubtful_rows(near, X, y, n_rows=25).rows)


def test_several_targets_are_refused():
    with pytest.raises(ValueError, match="one number or label a row"):
        doubtful_rows(RidgeCV(), np.ones((10, 1)), np.ones((10, 2)))
