"""pyoperon by itself: its own estimator with its own choice of model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sktaskneuron.formula.text.nodes import Variable, complexity
from sktaskneuron.search.columns.engines.text import parse_engine_text

SYMBOLS = "add,sub,mul,div,constant,variable,sin,cos,exp,log,sqrt,square,tanh"


def fit_raw_operon(
    X: Any, y: Any, max_evaluations: int, seed: int
) -> tuple[Callable[[Any], Any], int, str]:
    """How it predicts, the nodes of its formula, and its text."""
    from pyoperon.sklearn import SymbolicRegressor

    model = SymbolicRegressor(
        allowed_symbols=SYMBOLS,
        optimizer_iterations=5,
        max_evaluations=max_evaluations,
        generations=10**9,
        random_state=seed,
        n_threads=1,
    ).fit(X, y)
    text = model.get_model_string(model.model_, 12)
    variables = {f"X{i + 1}": Variable(f"X{i + 1}") for i in range(X.shape[1])}
    return model.predict, complexity(parse_engine_text(text, variables)), text
