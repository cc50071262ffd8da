"""What SRBench asks of a method's file."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sympy
from sklearn.base import clone, is_regressor

FOLDER = Path(__file__).parent.parent / "benchmarks" / "srbench"


@pytest.fixture
def method(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, "regressor", raising=False)
    import regressor

    return regressor


def test_model_is_what_the_estimator_predicts(method):
    X = pd.DataFrame(np.random.default_rng(0).uniform(1, 3, (200, 2)), columns=["a", "b"])
    y = 3 * X["a"] / X["b"]
    assert is_regressor(method.est)
    fitted = clone(method.est).set_params(max_steps=1).fit(X, y)
    law = sympy.lambdify(sympy.symbols("a b"), sympy.sympify(method.model(fitted, X)))
    np.testing.assert_allclose(law(X["a"], X["b"]), fitted.predict(X), rtol=1e-12)
    assert method.complexity(fitted) == 7
