"""Fits and predictions in other processes and in threads are those of one process."""

import multiprocessing
import threading
import warnings

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from sklearn.base import clone

from sktaskneuron import NeuronSeekRegressor

from .test_whole_fit import ESTIMATORS, draw, fit, outputs

#: Seconds for what takes a few: what hangs, hangs for ever.
PATIENCE = 120


def predicted(name, model):
    X, y = draw(name, 0)
    return outputs(model, X), outputs(fit(clone(model), X, y), X)


def predicted_by_all(models):
    return {name: predicted(name, model) for name, model in models.items()}


def send(connection, work, *arguments):
    connection.send(work(*arguments))


def in_process(method, work, *arguments):
    """Run a function in a process of its own, which is ended if it hangs."""
    context = multiprocessing.get_context(method)
    receive, sender = context.Pipe(duplex=False)
    process = context.Process(target=send, args=(sender, work, *arguments))
    with warnings.catch_warnings():
        # Python from 3.12 on warns of threads at a fork: that is what is tested
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    sender.close()
    try:
        assert receive.poll(PATIENCE), "the process hangs"
        return receive.recv()
    finally:
        process.kill()
        process.join()


@pytest.fixture(scope="module")
def models():
    return {name: fit(clone(model), *draw(name, 0)) for name, model in ESTIMATORS.items()}


@pytest.fixture
def used_threads():
    """Have torch use several threads, which a forked process lacks."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.exp(torch.ones(1_000_000)).sum()
    yield
    torch.set_num_threads(before)


def same(found, models):
    for name, model in models.items():
        expected = outputs(model, draw(name, 0)[0])
        for values in found[name]:
            for one, two in zip(values, expected, strict=True):
                np.testing.assert_array_equal(one, two)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="has no fork")
class TestFork:
    def test_all(self, models, used_threads):
        same(in_process("fork", predicted_by_all, models), models)

    def test_large_tensors(self, used_threads):
        """Of more values than one thread is taken for: torch alone would hang here."""
        X = np.random.default_rng(0).normal(size=(2000, 3))
        model = NeuronSeekRegressor(
            "x",
            hidden_layer_sizes=(128,),
            batch_size=2000,
            n_members=2,
            max_epochs=1,
            validation=None,
            random_state=0,
        ).fit(X, X[:, 0])
        found = in_process("fork", refitted, model, X)
        np.testing.assert_allclose(found[0], model.predict(X), rtol=1e-5)
        assert found[1] == 2  # as many threads as before


def refitted(model, X):
    values = clone(model).fit(X, X[:, 0]).predict(X)
    return values, torch.get_num_threads()


def test_spawn(models):
    same(in_process("spawn", predicted_by_all, models), models)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_joblib(models, backend):
    if backend == "loky":  # starts processes as spawn does
        models = {name: models[name] for name in ("search", "hamiltonian")}
    parallel = Parallel(2, backend=backend, timeout=PATIENCE)
    found = parallel(delayed(predicted)(*item) for item in models.items())
    same(dict(zip(models, found, strict=True)), models)


def test_threads_share_a_model(models):
    found = {}

    def predict(place, name, model):
        found[place, name] = (outputs(model, draw(name, 0)[0]),)

    threads = [
        threading.Thread(target=predict, args=(place, *item), daemon=True)
        for place in range(3)
        for item in models.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    for place in range(3):
        same({name: found[place, name] for name in models}, models)
