"""scikit-learn's callbacks see the fit, and may end it; skorch's are passed on."""

import re
import sys
import threading

import numpy as np
import pytest
import skorch.callbacks
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktaskneuron import NeuronFormulaSearch, NeuronSeekClassifier, NeuronSeekRegressor
from sktaskneuron.exceptions import TimeLimitWarning

from .data import ALONE, QUICK, draw_classes, draw_quadratic


class Recorder:
    """Writes down every task that it is told of; asks to stop where ``stop_at(path)`` says so."""

    def __init__(self, stop_at=None):
        self.begun, self.ended, self.set_up = [], [], []
        self.stop_at = stop_at

    def setup(self, estimator, context):
        self.set_up.append("set up")

    def teardown(self, estimator, context):
        self.set_up.append("torn down")

    @staticmethod
    def path(context):
        parent = [] if context.parent is None else Recorder.path(context.parent)
        return [*parent, context.task_name]

    def on_fit_task_begin(self, estimator, context):
        self.begun.append("/".join(self.path(context)))

    def on_fit_task_end(self, estimator, context):
        self.ended.append("/".join(self.path(context)))
        return self.stop_at is not None and self.stop_at(
            self.ended[-1], self.ended.count(self.ended[-1])
        )


class Predictions(Recorder):
    """Predicts with the estimator that it is given at the end of a task."""

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        super().on_fit_task_end(estimator, context)
        if fitted_estimator is not None:
            assert fitted_estimator is not estimator
            self.last = fitted_estimator.predict(X)
            self.scores = [*getattr(self, "scores", []), fitted_estimator.score(X, y)]
            self.metadata = metadata


class TestTasks:
    def test_tree(self):
        X, y = draw_quadratic()
        recorder = Recorder()
        NeuronSeekRegressor("x + x**2", **QUICK).set_callbacks(recorder).fit(X, y)
        networks = ["fit/task", "fit/ranks"]
        assert [task for task in dict.fromkeys(recorder.begun) if "epoch" not in task] == [
            "fit",
            *networks,
        ]
        for network in networks:
            assert recorder.ended.count(f"{network}/epoch") == QUICK["max_epochs"]
        assert sorted(recorder.begun) == sorted(recorder.ended)
        assert recorder.ended[-1] == "fit"
        assert recorder.set_up == ["set up", "torn down"]

    def test_search_is_a_task(self):
        X, y = draw_quadratic()
        recorder = Recorder()
        NeuronSeekRegressor(**ALONE).set_callbacks(recorder).fit(X, y)
        assert recorder.begun[:2] == ["fit", "fit/search"]
        assert "fit/task/epoch" in recorder.begun
        assert sorted(recorder.begun) == sorted(recorder.ended)

    def test_callback_of_the_search(self):
        X, y = draw_quadratic()
        recorder = Recorder()
        search = NeuronFormulaSearch(n_resamples=0).set_callbacks(recorder)
        NeuronSeekRegressor(search=search, **QUICK).fit(X, y)
        scale = "fit/fit/scale 1 of the columns"
        assert scale in recorder.ended
        assert any(task.startswith(f"{scale}/scale 1, step 1: x**2") for task in recorder.ended)
        assert recorder.set_up == ["set up", "torn down"]

    def test_steps_of_a_search_alone(self):
        X, y = draw_quadratic()
        recorder = Recorder()
        NeuronFormulaSearch(n_resamples=2).set_callbacks(recorder).fit(X, y)
        parts = [task for task in dict.fromkeys(recorder.begun) if task.count("/") == 1]
        assert parts[0] == "fit/scale 1 of the columns"
        assert parts[-1] == "fit/evidence"
        assert recorder.ended[-3] == "fit/evidence/evidence, fold 2 of 2"
        assert sorted(recorder.begun) == sorted(recorder.ended)

    def test_equations_of_columns(self):
        X, _ = draw_quadratic()
        recorder = Recorder()
        search = NeuronFormulaSearch("sr", scope="columns", max_complexity=3, random_state=0)
        search.set_callbacks(recorder).fit(X, X[:, :2])
        assert list(dict.fromkeys(task for task in recorder.begun if task.count("/") == 1)) == [
            "fit/output 1 of 2: equations",
            "fit/output 2 of 2: equations",
            "fit/choice of the equations",
        ]
        assert any(task.count("/") == 2 for task in recorder.ended)
        assert sorted(recorder.begun) == sorted(recorder.ended)

    def test_search_without_time(self):
        X, y = draw_quadratic()
        recorder = Recorder()
        search = NeuronFormulaSearch(n_resamples=2, time_limit=1e-6).set_callbacks(recorder)
        with pytest.warns(TimeLimitWarning):
            search.fit(X, y)
        assert sorted(recorder.begun) == sorted(recorder.ended)

    def test_torn_down_after_an_error(self):
        X, y = draw_quadratic()
        recorder = Recorder()
        model = NeuronSeekClassifier(**QUICK).set_callbacks(recorder)
        with pytest.raises(ValueError, match="only one class"):
            model.fit(X, np.zeros(len(y)))
        assert recorder.set_up == ["set up", "torn down"]
        assert not hasattr(model, "_callback_fit_ctx")

    def test_no_callback_changes_the_result(self):
        X, y = draw_quadratic()
        plain = NeuronSeekRegressor("x + x**2", **QUICK).fit(X, y)
        watched = clone(plain).set_callbacks(Recorder(), Predictions()).fit(X, y)
        np.testing.assert_array_equal(plain.predict(X), watched.predict(X))
        assert plain.history_ == watched.history_


class TestFittedEstimator:
    def test_is_the_network_of_the_epoch(self):
        X, y = draw_quadratic()
        seen = Predictions()
        model = NeuronSeekRegressor("x + x**2", **ALONE).set_callbacks(seen).fit(X, y)
        np.testing.assert_array_equal(seen.last, model.predict(X))
        assert len(seen.scores) == ALONE["max_epochs"]
        assert seen.scores[-1] > seen.scores[0]
        assert seen.metadata is None

    def test_classifier_with_weights(self):
        X, y = draw_classes()
        seen = Predictions()
        weight = np.ones(len(y))
        model = NeuronSeekClassifier("x + x**2", **ALONE).set_callbacks(seen)
        model.fit(X, y, sample_weight=weight)
        np.testing.assert_array_equal(seen.last, model.predict(X))
        assert seen.metadata == {"sample_weight": weight}

    def test_scoring_monitor(self):
        X, y = draw_quadratic()
        monitor = ScoringMonitor(scoring="r2")
        model = NeuronSeekRegressor("x + x**2", **ALONE).set_callbacks(monitor).fit(X, y)
        log = monitor.get_logs().data
        epochs = [row for row in log if row["task_name"] == "epoch"]
        assert len(epochs) == ALONE["max_epochs"]
        assert epochs[-1]["r2"] == pytest.approx(model.score(X, y))
        assert epochs[0]["r2"] < epochs[-1]["r2"]

    def test_scoring_monitor_in_a_grid(self):
        X, y = draw_classes()
        monitor = ScoringMonitor(scoring="neg_log_loss")
        model = NeuronSeekClassifier("x + x**2", **ALONE).set_callbacks(monitor)
        GridSearchCV(model, {"learning_rate": [0.01, 0.1]}, cv=KFold(2)).fit(X, y)
        runs = monitor.get_logs(select="all")
        assert sum(len(run.data) for run in runs) >= 4 * ALONE["max_epochs"]


class TestStopping:
    def test_ends_the_network(self):
        X, y = draw_quadratic()
        recorder = Recorder(lambda path, count: path.endswith("epoch") and count == 4)
        model = NeuronSeekRegressor("x + x**2", **ALONE).set_callbacks(recorder).fit(X, y)
        assert model.n_iter_ == 4
        assert len(model.history_["train_loss"]) == 4
        assert np.isfinite(model.predict(X)).all()

    @pytest.mark.parametrize("epoch", [1, 3, 7])
    def test_every_group(self, epoch):
        X, y = draw_quadratic()
        recorder = Recorder(lambda path, count: path.endswith("epoch") and count == epoch)
        settings = {**QUICK, "max_epochs": 20}
        model = NeuronSeekRegressor("x + x**2", **settings).set_callbacks(recorder).fit(X, y)
        assert model.n_iter_ == epoch
        assert recorder.ended.count("fit/ranks/epoch") == epoch
        assert np.isfinite(model.predict(X)).all()

    @pytest.mark.parametrize("epoch", [1, 3, 7])
    def test_one_group_only(self, epoch):
        X, y = draw_quadratic()
        recorder = Recorder(lambda path, count: path.endswith("task/epoch") and count == epoch)
        settings = {**QUICK, "max_epochs": 20}
        model = NeuronSeekRegressor("x + x**2", **settings).set_callbacks(recorder).fit(X, y)
        assert recorder.ended.count("fit/task/epoch") == epoch
        assert recorder.ended.count("fit/ranks/epoch") == 20
        assert np.isfinite(model.predict(X)).all()

    @pytest.mark.parametrize("method", ["td", "sr"])
    def test_ends_a_search(self, method):
        """At the second step, with what the first one found; nothing is said of time."""
        X, y = draw_quadratic()
        search = NeuronFormulaSearch(method, n_resamples=0, interactions=True)
        whole = clone(search).fit(X, y)
        seen = Recorder(lambda path, count: re.search(r"step 1\b", path))
        search.set_callbacks(seen).fit(X, y)
        assert search.n_iter_ < whole.n_iter_
        assert not any("step 2" in task for task in seen.ended)
        assert sorted(seen.begun) == sorted(seen.ended)
        assert search.left_out_ == ()
        assert "x**2" in str(search.formula_)

    def test_ends_a_search_of_columns(self):
        X, y = draw_quadratic()
        seen = Recorder(lambda path, count: True)
        search = NeuronFormulaSearch("sr", scope="columns", random_state=0)
        search.set_callbacks(seen).fit(X, y)
        assert search.left_out_ == ()
        assert sorted(seen.begun) == sorted(seen.ended)
        assert np.isfinite(search.predict(X)).all()

    def test_held_out_share(self):
        X, y = draw_quadratic()
        recorder = Recorder(lambda path, count: path.endswith("epoch") and count == 2)
        settings = {**QUICK, "validation": 0.3}
        model = NeuronSeekRegressor("x + x**2", **settings).set_callbacks(recorder).fit(X, y)
        assert model.n_iter_ == 2


class TestAmongOthers:
    def test_progress_bar(self, capsys):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor(**QUICK).set_callbacks(ProgressBar())
        model.fit(X, y)
        out = capsys.readouterr().out
        assert "NeuronSeekRegressor - fit" in out
        assert "ranks" in out
        assert "100%" in out

    def test_progress_bar_in_a_pipeline(self, capsys):
        X, y = draw_quadratic()
        model = make_pipeline(StandardScaler(), NeuronSeekRegressor("x + x**2", **QUICK))
        model.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
        assert "NeuronSeekRegressor" in capsys.readouterr().out

    def test_progress_bar_of_a_search(self, capsys):
        X, y = draw_quadratic()
        NeuronFormulaSearch(n_resamples=2).set_callbacks(ProgressBar()).fit(X, y)
        out = capsys.readouterr().out
        assert "NeuronFormulaSearch - scale 1 of the columns" in out
        assert "NeuronFormulaSearch - evidence" in out

    def test_several(self):
        X, y = draw_quadratic()
        recorder, monitor = Recorder(), ScoringMonitor(scoring="r2")
        NeuronSeekRegressor("x", **ALONE).set_callbacks(recorder, monitor).fit(X, y)
        assert len(monitor.get_logs().data) == ALONE["max_epochs"]
        assert recorder.ended[-1] == "fit"


def waited_for():
    """Return the threads that the process waits for at its end."""
    return [thread for thread in threading.enumerate() if not thread.daemon]


@pytest.fixture
def shown(capsys, monkeypatch):
    """Return what a fit writes to a terminal; no thread that a process waits for may go on."""
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "dumb")  # whole lines, no movements of the cursor
    X, y = draw_quadratic()
    before = set(waited_for())  # joblib keeps a thread for its processes, from one test to another

    def fitted(model, y=y):
        with monkeypatch.context() as patch:
            patch.setattr(sys.stdout, "isatty", lambda: True)
            model.fit(X, y)
        assert set(waited_for()) <= before
        return capsys.readouterr().out

    return fitted


class TestVerbose:
    """`verbose` at a terminal: bars, lines or nothing."""

    def test_bars(self, shown):
        model = NeuronSeekRegressor(**QUICK, verbose=1)
        out = shown(model)
        for task in ("fit", "scale 1 of the columns", "task", "ranks"):
            assert f" - {task}" in out
        assert "epoch 1/" not in out
        assert "criterion" not in out
        assert "_skl_callbacks" not in vars(model)

    def test_bars_of_searches(self, shown):
        line = draw_quadratic()[0][:, 0]
        out = shown(NeuronFormulaSearch("sr", n_resamples=2, max_steps=1, verbose=1), line)
        assert "NeuronFormulaSearch - scale 1 of the columns" in out
        assert "NeuronFormulaSearch - evidence" in out
        columns = NeuronFormulaSearch("sr", scope="columns", max_complexity=3, verbose=1)
        assert "NeuronFormulaSearch - equations" in shown(columns, line)

    def test_nothing(self, shown):
        assert shown(NeuronFormulaSearch(n_resamples=2)) == ""

    def test_lines(self, shown):
        out = shown(NeuronFormulaSearch(n_resamples=2, verbose=2))
        assert "s: scale 1, step 0: 0, criterion" in out
        assert "s: evidence, fold 2 of 2" in out
        assert " - fit" not in out

    def test_bars_of_the_user_stay_the_only_ones(self, shown):
        bars = ProgressBar()
        out = shown(NeuronFormulaSearch(n_resamples=0, verbose=1).set_callbacks(bars))
        assert "NeuronFormulaSearch - fit" in out
        assert "s: scale 1, step 0" in out

    def test_search_within_a_fit_that_draws(self, shown):
        search = NeuronFormulaSearch(n_resamples=0, verbose=1)
        out = shown(NeuronSeekRegressor(search=search, **QUICK, verbose=1))
        assert "step 0" not in out
        assert "NeuronFormulaSearch - scale 1 of the columns" in out

    def test_after_an_error(self, shown):
        before = set(waited_for())
        with pytest.raises(ValueError, match="only one class"):
            shown(NeuronSeekClassifier(**QUICK, verbose=1), np.zeros(120))
        assert set(waited_for()) <= before

    def test_in_a_thread(self, shown):
        out = shown(InThread(NeuronFormulaSearch(n_resamples=0, verbose=1)))
        assert "s: scale 1, step 0" in out


class InThread:
    """Fits in another thread."""

    def __init__(self, model):
        self.model = model

    def fit(self, X, y):
        thread = threading.Thread(target=self.model.fit, args=(X, y))
        thread.start()
        thread.join()


class Sums(skorch.callbacks.Callback):
    """Counts epochs and batches over all networks."""

    def __init__(self):
        self.epochs_ = self.batches_ = 0

    def on_epoch_end(self, net, **kwargs):
        self.epochs_ += 1
        net.history.record("seen", self.epochs_)

    def on_batch_end(self, net, training=False, **kwargs):
        self.batches_ += bool(training)


class TestSkorchCallbacks:
    def test_are_called(self):
        X, y = draw_quadratic()
        sums = Sums()
        settings = {**ALONE, "batch_size": 30}
        model = NeuronSeekRegressor("x", **settings, skorch_callbacks=[sums]).fit(X, y)
        assert sums.epochs_ == ALONE["max_epochs"]
        assert sums.batches_ == 4 * ALONE["max_epochs"]
        assert model.history_["seen"] == list(range(1, ALONE["max_epochs"] + 1))

    def test_named_pairs_and_early_stopping(self):
        X, y = draw_quadratic()
        stop = skorch.callbacks.EarlyStopping("train_loss", patience=2, threshold=0.9)
        settings = {**ALONE, "max_epochs": 50}
        model = NeuronSeekRegressor("x", **settings, skorch_callbacks=[("stop", stop)])
        assert model.fit(X, y).n_iter_ < 50

    def test_clone_and_grid(self):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor("x", **ALONE, skorch_callbacks=[("sums", Sums())])
        twin = clone(model)
        assert isinstance(twin.skorch_callbacks[0][1], Sums)
        grid = GridSearchCV(model, {"learning_rate": [0.01, 0.1]}, cv=KFold(2)).fit(X, y)
        assert np.isfinite(grid.cv_results_["mean_test_score"]).all()
