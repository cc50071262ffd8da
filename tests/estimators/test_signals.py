"""Signals and images behind fit and predict."""

import json
import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from sktaskneuron import (
    LearnedDiversityMLPClassifier,
    LearnedDiversityMLPRegressor,
    NeuronFormulaSearch,
    NeuronSeekClassifier,
    NeuronSeekRegressor,
    NeuronSeekSignalClassifier,
    NeuronSeekSignalRegressor,
)
from sktaskneuron.exceptions import FormulaError, TimeLimitWarning
from sktaskneuron.nn import ActivationSet

QUICK = {
    "hidden_channels": (3, 4),
    "depth": 1,
    "max_epochs": 4,
    "validation": 2,
    "compare_simple": False,
    "random_state": 0,
}
SHAPES = {"signals": (2, 20), "images": (1, 6, 7), "one channel": (20,)}


def draw(shape, n_rows=60, seed=0):
    """Signals, a number that is an energy of them, and two classes by it."""
    X = np.random.default_rng(seed).normal(size=(n_rows, *SHAPES[shape]))
    y = (X[..., 1:] * X[..., :-1]).mean(axis=tuple(range(1, X.ndim)))
    return X, y, np.where(y > np.median(y), "high", "low")


@pytest.mark.parametrize("shape", SHAPES)
def test_answers(shape):
    X, y, labels = draw(shape)
    model = NeuronSeekSignalClassifier(**QUICK).fit(X, labels)
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (60, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert set(model.predict(X)) <= {"high", "low"}
    assert model.n_features_in_ == X.shape[1]
    both = NeuronSeekSignalRegressor(**QUICK).fit(X, np.column_stack([y, -y]))
    assert both.predict(X).shape == (60, 2)


def test_products_find_an_energy():
    X, y, _ = draw("signals", n_rows=400)
    rest = {"random_state": 0, "hidden_channels": (8,), "depth": 1, "max_epochs": 30}
    model = NeuronSeekSignalRegressor("x + <x,x>:4", **rest).fit(X[:300], y[:300])
    assert model.score(X[300:], y[300:]) > 0.9
    assert model.weights_["networks"] > 0.5
    assert model.selected_ in ("networks", "blend")


def test_one_row_is_predicted_as_among_others():
    X, y, _ = draw("images")
    model = NeuronSeekSignalRegressor(**QUICK).fit(X, y)
    together = model.predict(X)
    alone = np.concatenate([model.predict(row[None]) for row in X[:5]])
    np.testing.assert_array_equal(together[:5], alone)


def test_same_seed_same_model_and_another_seed_another():
    X, y, _ = draw("signals")
    first = NeuronSeekSignalRegressor(**QUICK).fit(X, y)
    again = clone(first).fit(X, y)
    other = clone(first).set_params(random_state=1).fit(X, y)
    np.testing.assert_array_equal(first.predict(X), again.predict(X))
    assert not np.array_equal(first.predict(X), other.predict(X))
    copy = pickle.loads(pickle.dumps(first))
    np.testing.assert_array_equal(first.predict(X), copy.predict(X))


@pytest.mark.parametrize(
    "options",
    [
        {"formula": "x"},
        {"hidden_formula": "x + <x,x>:2"},
        {"hidden_channels": 5},
        {"depth": 2},
        {"kernel_size": 3},
        {"activation": "relu"},
        {"activation": "silu_or_relu"},
        {"activation": ["silu", "sin"]},
        {"dropout": 0.5},
        {"learning_rate": 0.01},
        {"weight_decay": 1.0},
        {"max_epochs": 1},
        {"batch_size": 5},
        {"n_members": 3},
        {"validation": 0.3},
        {"n_iter_no_change": 1, "learning_rate": 3.0},
        {"compare_simple": True},
        {"dtype": "float64"},
    ],
    ids=str,
)
def test_options_have_an_effect(options):
    X, y, _ = draw("signals")
    model = NeuronSeekSignalRegressor(**QUICK).fit(X, y)
    other = NeuronSeekSignalRegressor(**{**QUICK, **options}).fit(X, y)
    assert not np.array_equal(model.predict(X), other.predict(X))


def test_learned_functions_of_another_model():
    X, _, labels = draw("one channel")
    rest = {"max_epochs": 2, "random_state": 0}
    learner = LearnedDiversityMLPClassifier((8,), outer_steps=2, inner_steps=5, **rest)
    learner.fit(X, labels)
    model = NeuronSeekSignalClassifier(activation=learner.learned_[0], **QUICK).fit(X, labels)
    plain = NeuronSeekSignalClassifier(**QUICK).fit(X, labels)
    assert not np.array_equal(model.predict_proba(X), plain.predict_proba(X))
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize(
    ("activation", "error", "message"),
    [
        (3, TypeError, "activation must be a name or an expression"),
        ("siluu", ValueError, "unknown activation"),
        ([["relu"]] * 3, ValueError, "is of 3 hidden layers"),
    ],
    ids=str,
)
def test_bad_activations(activation, error, message):
    X, y, _ = draw("signals")
    with pytest.raises(error, match=message):
        NeuronSeekSignalRegressor(activation=activation, **QUICK).fit(X, y)


def test_weights_of_rows_and_classes():
    X, y, labels = draw("signals")
    weight = np.where(y > np.median(y), 5.0, 1.0)
    plain = NeuronSeekSignalClassifier(**QUICK).fit(X, labels)
    heavy = NeuronSeekSignalClassifier(**QUICK).fit(X, labels, sample_weight=weight)
    by_class = NeuronSeekSignalClassifier(class_weight={"high": 5.0, "low": 1.0}, **QUICK)
    by_class.fit(X, labels)
    np.testing.assert_allclose(heavy.predict_proba(X), by_class.predict_proba(X))
    assert heavy.predict_proba(X)[:, 0].mean() > plain.predict_proba(X)[:, 0].mean()
    part = np.where(np.arange(60) < 40, 1.0, 0.0)
    dropped = NeuronSeekSignalRegressor(**QUICK).fit(X, y, sample_weight=part)
    without = NeuronSeekSignalRegressor(**QUICK).fit(X[:40], y[:40])
    np.testing.assert_array_equal(dropped.predict(X), without.predict(X))


def test_rows_to_judge_by():
    X, y, _ = draw("signals")
    model = NeuronSeekSignalRegressor(**QUICK)
    model.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert np.isfinite(model.oof_score_)
    with pytest.raises(ValueError, match=r"X holds arrays of shape \(2, 19\)"):
        model.fit(X[:40], y[:40], X_val=X[40:, :, 1:], y_val=y[40:])


@pytest.mark.filterwarnings("ignore::sktaskneuron.exceptions.TimeLimitWarning")
@pytest.mark.parametrize(
    ("seconds", "asked", "trained"), [(0.03, "auto", 1), (1e9, "auto", 4), (0.03, 2, 2)]
)
def test_members_go_by_the_time(seconds, asked, trained):
    """Where four networks would get few steps, one gets more."""
    X, y, _ = draw("signals", n_rows=120)
    model = NeuronSeekSignalRegressor(
        time_limit=seconds, n_members=asked, validation=None, max_epochs=4, random_state=0
    )
    assert model.fit(X, y)._fitted.predictor.model.n_members == trained


def test_time_limit():
    X, y, _ = draw("signals", n_rows=300)
    model = NeuronSeekSignalRegressor(time_limit=0.3, random_state=0)
    with pytest.warns(TimeLimitWarning, match="left out"):
        model.fit(X, y)
    assert model.left_out_
    assert np.isfinite(model.predict(X)).all()


def test_folds_are_scored():
    X, _, labels = draw("images")
    scores = cross_val_score(NeuronSeekSignalClassifier(**QUICK), X, labels, cv=2)
    assert scores.shape == (2,)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((5, 1, 2, 3, 4)), "X has 5 axes; give signals as"),
        (np.zeros((5, 2, 0)), "its signals have no points"),
        (np.full((5, 2, 9), np.nan), "NaN"),
        (np.zeros((1, 2, 9)), "n_samples = 1"),
    ],
    ids=["axes", "points", "gaps", "one"],
)
def test_bad_signals_are_refused(X, message):
    with pytest.raises(ValueError, match=message):
        NeuronSeekSignalRegressor(**QUICK).fit(X, np.arange(len(X), dtype=float))


def test_other_shapes_are_refused_later():
    X, y, _ = draw("signals")
    model = NeuronSeekSignalRegressor(**QUICK).fit(X, y)
    for other in (X[:, :, 1:], X[:, 0], X[..., None]):
        with pytest.raises(ValueError, match=r"fit saw arrays of shape \(2, 20\)|expecting 2"):
            model.predict(other)


def test_bad_options_are_refused_before_the_fit():
    X, y, _ = draw("signals")
    with pytest.raises(FormulaError):
        NeuronSeekSignalRegressor("x + <", **QUICK).fit(X, y)
    with pytest.raises(ValueError, match="hidden_channels must be positive whole numbers"):
        NeuronSeekSignalRegressor(**{**QUICK, "hidden_channels": ()}).fit(X, y)


@pytest.mark.parametrize(
    "model",
    [
        NeuronSeekRegressor(),
        NeuronSeekClassifier(),
        NeuronFormulaSearch(),
        LearnedDiversityMLPRegressor(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_tabular_estimators_point_here(model):
    X, _, labels = draw("signals")
    with pytest.raises(ValueError, match="NeuronSeekSignal"):
        model.fit(X, labels)


@pytest.mark.parametrize("shape", SHAPES)
def test_onnx(shape):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from tests.deploy.graphs import answers_of, differences

    X, y, labels = draw(shape)
    options = {**QUICK, "depth": 2, "kernel_size": 4, "hidden_formula": "x + cos(x) + <x,x>:2"}
    model = NeuronSeekSignalRegressor("x + <x,x>:2 + <x,x,x>:2", **options).fit(X, y)
    assert differences(model, X)["predict"] < 1e-4
    tables = ActivationSet.from_names(["sin", "tanh"])
    for activation in ("silu", tables, ["prelu(trainable=True)", "silu_or_relu"]):
        classes = NeuronSeekSignalClassifier(activation=activation, **QUICK).fit(X, labels)
        assert differences(classes, X)["predict_proba"] < 1e-4
    proto = classes.to_onnx()
    about = {entry.key: entry.value for entry in proto.metadata_props}
    assert json.loads(about["signal_shape"]) == [1, *X.shape[1:]][-max(2, X.ndim - 1) :]
    assert len(answers_of(proto, {"X": X[:1]})["predict"]) == 1


def test_torch_module():
    import torch

    X, y, _ = draw("images")
    model = NeuronSeekSignalRegressor(**QUICK).fit(X, y)
    module = model.to_torch()
    rows = torch.from_numpy(model.encoder_.transform(X))
    with torch.no_grad():
        np.testing.assert_allclose(module(rows).numpy(), model.predict(X), rtol=1e-5, atol=1e-6)
    torch.export.export(module, (rows,))


def test_names_of_points():
    pd = pytest.importorskip("pandas")
    X, y, _ = draw("one channel")
    table = pd.DataFrame(X, columns=[f"t{i}" for i in range(20)])
    model = NeuronSeekSignalRegressor(**QUICK).fit(table, y)
    assert model.feature_names_in_.tolist() == list(table.columns)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(table)
