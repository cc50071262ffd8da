"""NeuronSeek as a model of AutoGluon; what needs AutoGluon itself is skipped without it."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(autouse=True)
def _on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in [name for name in sys.modules if name.split(".")[0] == "arena"]:
        monkeypatch.delitem(sys.modules, name)


def test_estimators_by_problem_and_metric():
    from arena.estimators import estimator_of

    plain = estimator_of("regression", "root_mean_squared_error", {"dropout": 0.2}, seconds=10.0)
    assert isinstance(plain, NeuronSeekRegressor)
    assert (plain.loss, plain.dropout, plain.time_limit) == ("squared_error", 0.2, 9.5)
    assert estimator_of("regression", "mean_absolute_error", {}).loss == "absolute_error"
    given = estimator_of("regression", "mean_absolute_error", {"loss": "huber"})
    assert given.loss == "huber"
    for kind in ("binary", "multiclass"):
        found = estimator_of(kind, "log_loss", {}, device="cpu")
        assert isinstance(found, NeuronSeekClassifier)
        assert (found.device, found.time_limit) == ("cpu", None)
    with pytest.raises(ValueError, match="'quantile' are not solved here"):
        estimator_of("quantile", "pinball_loss", {})


def test_time_that_has_run_out_leaves_a_second():
    from arena.estimators import estimator_of

    assert estimator_of("binary", "log_loss", {}, seconds=-3.0).time_limit == 1.0


def test_random_configurations():
    from arena.configurations import random_configurations

    found = random_configurations()
    assert found == random_configurations()
    assert found[:5] == random_configurations(5)
    assert found != random_configurations(seed=0)
    texts = {json.dumps(one, sort_keys=True) for one in found}
    assert len(texts) == len(found) == 200
    known = set(NeuronSeekRegressor().get_params())
    assert all(set(one) <= known for one in found)


@pytest.mark.parametrize("kind", [NeuronSeekRegressor, NeuronSeekClassifier])
def test_configurations_are_accepted(kind):
    """Every kind of value occurs among the first ones; a bad one would be refused at once."""
    from arena.configurations import random_configurations

    for options in random_configurations(30):
        kind(**options)._validate_params()
        kind(**options)._settings()


def test_model_in_autogluon(tmp_path):
    pytest.importorskip("autogluon.tabular", reason="AutoGluon fits, saves and loads the model")
    import pandas as pd
    from arena.model import NeuronSeekModel

    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=120), "b": rng.choice(["u", "v"], 120)})
    X["b"] = X["b"].astype("category")
    y = pd.Series(X["a"] ** 2 + (X["b"] == "u"))
    options = {"formula": "x + x**2", "hidden_layer_sizes": [8], "max_epochs": 3, "n_members": 2}
    model = NeuronSeekModel(
        path=str(tmp_path), name="model", problem_type="regression", hyperparameters=options
    )
    rows = {"X": X[:80], "y": y[:80], "X_val": X[80:], "y_val": y[80:]}
    model.fit(**rows, num_cpus=1, num_gpus=0, time_limit=100)
    alone = NeuronSeekRegressor(
        **options, random_state=model.random_seed, device="cpu", time_limit=model.model.time_limit
    )
    alone.fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
    np.testing.assert_array_equal(model.predict(X), alone.predict(X).astype(np.float32))
    loaded = NeuronSeekModel.load(model.save())
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
