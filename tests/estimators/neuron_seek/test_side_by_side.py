"""n_jobs: the same numbers, whatever runs side by side and wherever it does."""

from unittest import mock

import numpy as np
import pytest
import torch
from joblib import parallel_config
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import Callback

from sktaskneuron import NeuronFormulaSearch, NeuronSeekClassifier, NeuronSeekRegressor
from sktaskneuron.exceptions import TimeLimitWarning

from ..data import QUICK, draw_classes, draw_quadratic

SETTINGS = {**QUICK, "companions": ["boosted_trees"]}


@pytest.fixture(autouse=True)
def one_thread():
    """Networks in workers compute with one thread: so do those here."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def assert_same(model, other, X):
    assert model.weights_ == other.weights_
    assert model.validation_scores_ == other.validation_scores_
    assert model.formula_gain_ == other.formula_gain_
    assert model.not_compared_ == other.not_compared_
    assert model.history_.keys() == other.history_.keys()
    np.testing.assert_array_equal(model.predict(X), other.predict(X))


class TestSameNumbers:
    @pytest.mark.parametrize(
        "options",
        [{}, {"term_evidence": True}, {"formula": "x + x**2"}, {"validation": 0.3}],
        ids=lambda options: "-".join(options) or "default",
    )
    def test_in_threads(self, options):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor(**{**SETTINGS, **options}).fit(X, y)
        with parallel_config("threading"):
            other = clone(model).set_params(n_jobs=2).fit(X, y)
        assert_same(model, other, X)

    def test_of_classes(self):
        X, y = draw_classes(names=("a", "b", "c"))
        model = NeuronSeekClassifier(**SETTINGS).fit(X, y)
        with parallel_config("threading", n_jobs=3):
            other = clone(model).fit(X, y)
        assert_same(model, other, X)

    def test_of_an_equation_of_columns(self):
        X, y = draw_quadratic()
        search = NeuronFormulaSearch("sr", scope="columns", max_steps=1)
        model = NeuronSeekRegressor(**QUICK, search=search).fit(X, y)
        with parallel_config("threading", n_jobs=2):
            other = clone(model).fit(X, y)
        assert_same(model, other, X)

    def test_in_processes(self):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor(**SETTINGS).fit(X, y)
        with parallel_config("loky", n_jobs=2, max_nbytes="1K"):  # arrays travel as files
            other = clone(model).fit(X, y)
        assert_same(model, other, X)

    def test_on_a_cluster(self):
        distributed = pytest.importorskip("distributed")
        X, y = draw_quadratic()
        model = NeuronSeekRegressor(**SETTINGS).fit(X, y)
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, processes=False
        )
        with cluster, distributed.Client(cluster), parallel_config("dask"):
            other = clone(model).set_params(n_jobs=-1).fit(X, y)
        assert_same(model, other, X)

    def test_a_warm_start(self):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor(**QUICK, warm_start=True).fit(X, y).fit(X, y + 0.1)
        with parallel_config("threading", n_jobs=2):
            other = clone(model).fit(X, y).fit(X, y + 0.1)
        assert_same(model, other, X)


class TestContracts:
    def test_callbacks_stay_in_one_process(self):
        X, y = draw_quadratic(60)
        model = NeuronSeekRegressor(**QUICK, n_jobs=2, skorch_callbacks=[Callback()])
        with pytest.warns(UserWarning, match="n_jobs=2 is taken for 1, because callbacks") as told:
            model.fit(X, y)
        assert told[0].filename == __file__

    def test_no_jobs(self):
        X, y = draw_quadratic(60)
        with pytest.raises(InvalidParameterError, match="'n_jobs'"):
            NeuronSeekRegressor(**QUICK, n_jobs=0).fit(X, y)

    def test_time_limit(self):
        X, y = draw_quadratic(60)
        model = NeuronSeekRegressor(**{**SETTINGS, "max_epochs": 10_000}, time_limit=2.0)
        with parallel_config("threading", n_jobs=2), pytest.warns(TimeLimitWarning, match="epochs"):
            model.fit(X, y)
        assert any("of 'task'" in what for what in model.left_out_)
        assert any("of 'ranks'" in what for what in model.left_out_)

    def test_an_interrupted_fit_leaves_nothing(self):
        X, y = draw_quadratic(60)
        model = NeuronSeekRegressor(**QUICK, companions=[DecisionTreeRegressor()])
        cut = mock.patch.object(DecisionTreeRegressor, "fit", side_effect=KeyboardInterrupt)
        with parallel_config("threading", n_jobs=2), cut, pytest.raises(KeyboardInterrupt):
            model.fit(X, y)
        with pytest.raises(NotFittedError):
            check_is_fitted(model)

    def test_verbose(self, capsys):
        X, y = draw_quadratic(60)
        with parallel_config("threading", n_jobs=2):
            NeuronSeekRegressor(**QUICK, verbose=1).fit(X, y)
        lines = capsys.readouterr().out
        assert "[NeuronSeekRegressor]" in lines
        assert "task, epoch 3/3: train_loss" in lines
        assert "ranks, epoch 3/3: train_loss" in lines
