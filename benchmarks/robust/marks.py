"""How far predictions are from the truth, and how far they may be."""

from __future__ import annotations

import warnings
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .draft import Draft, Rows, Truth
from .models import Model, aligned, outputs

Array = np.ndarray

#: Predictions may be worse than the mark by a tenth of the target's variance, and by what the
#: mean of so few rows is off by itself.
MARGIN = 0.1
MARGIN_OF_ROWS = 2.0

_errors: dict[str, float] = {}


def distance(values: Array, truth: Truth) -> float:
    """Return the mean squared error in units of the target's variance, the largest of all outputs.

    Of classes it is the Brier score above that of the true probabilities, in units of that of the
    frequencies.
    """
    true = truth.values
    with np.errstate(over="ignore", under="ignore"):
        if truth.classes is not None:
            share = true.mean(axis=0)
            return float(np.mean(((values - true) ** 2).sum(axis=1)) / (1 - (share**2).sum()))
        size = np.abs(true).max(axis=0)
        size = np.where(size > 0, size, 1.0)
        # in units of the largest value, so that squares stay floats
        unit = np.maximum(np.std(true / size, axis=0), 1e-6)
        return float(np.mean(((values - true) / size / unit) ** 2, axis=0).max())


def allowed(draft: Draft, best: float) -> float:
    """Return the largest error that is right beside a mark."""
    return best * (1 + draft.slack) + MARGIN + MARGIN_OF_ROWS / max(len(draft.clean.X), 1)


def mark(draft: Draft, model: Model, random_state: int, mean_is_enough: bool) -> float:
    """Return the worst error that is good enough, without the margin."""
    if draft.mean_alone:
        return mean(draft.clean, draft.clean_truth)
    found = [
        once(clean_fit, draft.clean, draft.clean_new, draft.clean_truth, model, random_state),
        once(linear, draft.clean, draft.clean_new, draft.clean_truth),
    ]
    if mean_is_enough or draft.mean_is_enough:
        found.append(mean(draft.clean, draft.clean_truth))
    if draft.rough is not None:
        found.append(once(linear, *draft.rough, draft.truth))
    return max(value for value in found if np.isfinite(value))


def once(function: Any, *arguments: Any) -> float:
    """Compute each error of a clean table once."""
    named = [a.name if isinstance(a, Model) else a for a in arguments]
    key = joblib.hash((function.__name__, named))
    if key not in _errors:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            _errors[key] = function(*arguments)
    return _errors[key]


def clean_fit(
    rows: Rows, new: pd.DataFrame, truth: Truth, model: Model, random_state: int
) -> float:
    """Return the error of the same estimator on the table that was cleaned by hand."""
    fitted = seeded(model.make(), random_state)
    try:
        fit(fitted, rows)
    except ValueError:  # too few rows or classes for any model: the other marks serve
        return -np.inf
    values = outputs(fitted, new)
    return distance(
        values if truth.classes is None else aligned(values, fitted.classes_, truth), truth
    )


def seeded(estimator: Any, random_state: int) -> Any:
    return estimator.set_params(random_state=random_state)


def fit(estimator: Any, rows: Rows) -> Any:
    weight = {} if rows.weight is None else {"sample_weight": rows.weight}
    return estimator.fit(rows.X, rows.y, **weight)


def linear(rows: Rows, new: pd.DataFrame, truth: Truth) -> float:
    """Return the error of ridge or logistic regression with one-hot categories."""
    numbers = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
    levels = OneHotEncoder(handle_unknown="ignore", drop="if_binary")
    numeric = make_column_selector(dtype_include="number")
    text = make_column_selector(dtype_exclude="number")
    columns = ColumnTransformer([("numbers", numbers, numeric), ("levels", levels, text)])
    last = RidgeCV(np.logspace(-3, 3, 7)) if truth.classes is None else LogisticRegression()
    model = make_pipeline(columns, last)
    weight = {} if rows.weight is None else {f"{model.steps[-1][0]}__sample_weight": rows.weight}
    try:
        if truth.classes is None:
            model.fit(rows.X, np.asarray(rows.y, dtype=float), **weight)
            return distance(model.predict(new).reshape(len(new), -1), truth)
        model.fit(rows.X, np.asarray(rows.y).astype(str), **weight)
        return distance(aligned(model.predict_proba(new), model.classes_, truth), truth)
    except ValueError:  # one class, no rows: no mark
        return -np.inf


def mean(rows: Rows, truth: Truth) -> float:
    """Return the error of the weighted mean, or of the frequencies of the classes."""
    weight = np.ones(len(rows.X)) if rows.weight is None else np.asarray(rows.weight, dtype=float)
    weight = weight / weight.max()
    if truth.classes is None:
        y = np.asarray(rows.y, dtype=float).reshape(len(weight), -1)
        value = np.average(y, axis=0, weights=weight)
    else:
        labels = np.asarray(rows.y).astype(str)
        value = np.array([weight[labels == c].sum() for c in truth.classes]) / weight.sum()
    return distance(np.broadcast_to(value, truth.values.shape), truth)
