"""The state of the process: estimators do not depend on it, and leave it as it was."""

import os
import random
import warnings
from contextlib import ExitStack

import numpy as np
import pytest
import torch
from sklearn.base import clone

from .test_whole_fit import ESTIMATORS, draw, fit, outputs


def dtype(kind):
    stack = ExitStack()
    stack.callback(torch.set_default_dtype, torch.get_default_dtype())
    torch.set_default_dtype(kind)
    return stack


def deterministic():
    stack = ExitStack()
    stack.callback(torch.use_deterministic_algorithms, torch.are_deterministic_algorithms_enabled())
    torch.use_deterministic_algorithms(True)
    return stack


STATES = {
    "no_grad": [torch.no_grad, lambda: dtype(torch.float64), lambda: torch.device("meta")],
    "inference_mode": [
        *(torch.inference_mode, lambda: dtype(torch.float16), deterministic),
        lambda: np.errstate(all="raise"),
    ],
}


def state():
    """All that a fit or a prediction may not change."""
    return {
        "gradients": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "threads": torch.get_num_threads(),
        "stream of torch": torch.get_rng_state().tolist(),
        "stream of numpy": repr(np.random.get_state()),  # noqa: NPY002
        "stream of Python": random.getstate(),
        "warnings": list(warnings.filters),
        "floating-point errors": np.geterr(),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
    }


@pytest.fixture(scope="module", params=list(ESTIMATORS))
def fitted(request):
    X, y = draw(request.param, 0)
    model = fit(clone(ESTIMATORS[request.param]), X, y)
    return model, X, y, outputs(model, X)


@pytest.mark.parametrize("name", STATES)
def test_model_is_the_same(fitted, name):
    model, X, y, expected = fitted
    with ExitStack() as stack:
        for enter in STATES[name]:
            stack.enter_context(enter())
        before = repr({**state(), "stream of torch": None})
        predicted = outputs(model, X)
        refitted = outputs(fit(clone(model), X, y), X)
        assert repr({**state(), "stream of torch": None}) == before
    for one, two, three in zip(expected, predicted, refitted, strict=True):
        np.testing.assert_array_equal(two, one)
        np.testing.assert_array_equal(three, one)


def test_nothing_is_changed(fitted):
    model, X, y, _ = fitted
    X, y = X.copy(), y.copy()
    copies = X.copy(), y.copy()
    before = state()
    again = clone(model)
    fit(again, X, y)
    outputs(again, X)
    for bad in (X[:, :0], X[:5]):
        with pytest.raises(ValueError, match=r"sample|feature"):
            again.fit(bad, y)
    with pytest.raises(ValueError, match="features"):
        outputs(again, X[:, :1])
    assert state() == before
    for array, copy in zip((X, y), copies, strict=True):
        np.testing.assert_array_equal(array, copy)
