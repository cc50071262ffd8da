"""A search that was ended, however and wherever, goes on to the model of the undisturbed one."""

import multiprocessing
import os
import time
import warnings

import numpy as np
import pytest
from sklearn.base import clone

from sktaskneuron import ActivationSearchClassifier, ActivationSearchRegressor

from ..data import draw_classes

SEARCH = ActivationSearchRegressor(
    (4,),
    strategy="evolve",
    n_evaluations=36,
    learning_rate=0.03,
    max_epochs=3,
    validation=2,
    random_state=0,
)


def draw(n=120):
    X = np.random.default_rng(0).normal(size=(n, 3))
    return X, np.sin(2 * X[:, 0]) + X[:, 1] ** 2


def same(one, two, X):
    assert one.best_activation_ == two.best_activation_
    assert one.results_.keys() == two.results_.keys()
    for name, column in one.results_.items():
        np.testing.assert_array_equal(column, two.results_[name])
    np.testing.assert_array_equal(one.predict(X), two.predict(X))


@pytest.fixture(scope="module")
def undisturbed():
    return clone(SEARCH).fit(*draw())


@pytest.fixture
def searched(tmp_path):
    return clone(SEARCH).set_params(checkpoint=tmp_path / "search.json")


class Killed(BaseException):
    """The process ends."""


def killing(model, count):
    """Have a search die after so many generations, by a proposer that sees the archive only."""
    seen = []

    def proposer(archive, rng, n):
        seen.append(len(archive))
        if len(seen) == count:
            raise Killed
        return ["x*sin(x)"]

    return model.set_params(proposer=proposer)


class TestResumed:
    def test_finished_search(self, searched, undisturbed):
        X, y = draw()
        for _ in range(2):
            same(searched.fit(X, y), undisturbed, X)

    def test_longer_search(self, searched, undisturbed):
        X, y = draw()
        first = clone(searched).set_params(n_evaluations=12).fit(X, y)
        assert len(first.results_["activation"]) == 13
        same(searched.fit(X, y), undisturbed, X)

    @pytest.mark.parametrize("split", ["cv", "tail"])
    def test_of_classes(self, split, tmp_path):
        X, y = draw_classes(80)
        settings = {**SEARCH.get_params(), "n_evaluations": 24, "split": split}
        whole = killing(ActivationSearchClassifier(**settings), 0).fit(X, y)
        settings["checkpoint"] = tmp_path / "search.json"
        with pytest.raises(Killed):
            killing(ActivationSearchClassifier(**settings), 1).fit(X, y)
        same(killing(ActivationSearchClassifier(**settings), 0).fit(X, y), whole, X)

    @pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork")
    def test_killed_three_times(self, searched, undisturbed):
        """By a signal that nobody can catch, a little after a generation has been written."""
        X, y = draw()
        path = searched.checkpoint
        for delay in (0.0, 0.02, 0.05):
            before = path.stat().st_mtime_ns if path.exists() else 0
            process = multiprocessing.get_context("fork").Process(target=searched.fit, args=(X, y))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # forks with threads around
                process.start()
            deadline = time.monotonic() + 60
            while process.is_alive() and time.monotonic() < deadline:
                if path.exists() and path.stat().st_mtime_ns != before:
                    break
                time.sleep(0.002)
            time.sleep(delay)
            process.kill()
            process.join()
            assert path.exists()
        same(searched.fit(X, y), undisturbed, X)
        assert os.listdir(path.parent) == [path.name]

    @pytest.mark.filterwarnings("ignore::sktaskneuron.exceptions.TimeLimitWarning")
    def test_out_of_time(self, searched, undisturbed):
        """What time has cut short is not kept."""
        X, y = draw()
        for seconds in (0.01, 0.1, 0.3):
            limited = clone(searched).set_params(time_limit=seconds).fit(X, y)
            assert np.isfinite(limited.predict(X)).all()
        same(searched.fit(X, y), undisturbed, X)


class TestOtherSearches:
    @pytest.mark.parametrize(
        ("options", "what"),
        [
            ({"random_state": 1}, "random_state"),
            ({"max_epochs": 4}, r"max_epochs \(3 there, 4 here\)"),
            ({"hidden_layer_sizes": (5,)}, "hidden_layer_sizes"),
            ({"learning_rate": 0.1}, "learning_rate"),
            ({"weight_decay": 0.1}, "weight_decay"),
            ({"batch_size": 30}, "batch_size"),
            ({"validation": 3}, "choice of held-out rows"),
            ({"n_iter_no_change": 2}, "n_iter_no_change"),
            ({"dtype": "float64"}, "dtype"),
            ({"split": "tail"}, "choice of held-out rows"),
            ({"candidates": ["silu", "sin(x)"]}, "list of candidates"),
        ],
    )
    def test_settings(self, searched, options, what):
        X, y = draw()
        searched.set_params(n_evaluations=12).fit(X, y)
        with pytest.raises(ValueError, match=f"is of a search with another {what}.*: fit as"):
            searched.set_params(**options).fit(X, y)

    def test_what_does_not_matter(self, searched):
        X, y = draw()
        one = searched.set_params(n_evaluations=12).fit(X, y).results_
        other = {"n_best": 1, "n_members": 2, "verbose": 0, "refit": False}
        two = searched.set_params(**other).fit(X, y).results_
        np.testing.assert_array_equal(one["mean_loss"], two["mean_loss"])

    @pytest.mark.parametrize("what", ["table", "target", "sample_weight"])
    def test_tables(self, searched, what):
        X, y = draw()
        searched.set_params(n_evaluations=12).fit(X, y)
        weight = np.ones(len(X))
        changed = {"table": X, "target": y, "sample_weight": weight}[what]
        changed[3] *= 1.0001
        with pytest.raises(ValueError, match=f"with another {what}"):
            searched.fit(X, y, sample_weight=weight)

    def test_version(self, searched, monkeypatch):
        X, y = draw()
        searched.set_params(n_evaluations=12).fit(X, y)
        monkeypatch.setattr("sktaskneuron.__version__", "99.0")
        with pytest.raises(ValueError, match=r"another version of sktaskneuron \(.*'99.0' here\)"):
            searched.fit(X, y)


def test_path_is_asked_before_the_first_step(tmp_path):
    X, y = draw()
    model = clone(SEARCH).set_params(checkpoint=tmp_path / "missing" / "search.json")
    start = time.process_time()
    with pytest.raises(FileNotFoundError, match="missing"):
        model.fit(X, y)
    with pytest.raises(ValueError, match="is no file"):
        model.set_params(checkpoint=tmp_path).fit(X, y)
    assert time.process_time() - start < 0.5
