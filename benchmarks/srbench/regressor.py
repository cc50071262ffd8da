"""The search of equations as SRBench asks for it: `est`, and `model(est)` as text for sympy.

SRBench runs methods of symbolic regression by a file of this name in its folder of methods. It sets
a limit of time through `eval_kwargs`, and reads the equation of a fitted estimator from `model`.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from sktaskneuron import NeuronFormulaSearch

#: What SRBench fits; one hour is its limit for small tables.
est = NeuronFormulaSearch(
    "sr", scope="columns", target_type="continuous", time_limit=3_300, random_state=0
)

#: Settings that it may choose between; the search needs none.
hyper_params: list[dict[str, Any]] = []

eval_kwargs: dict[str, Any] = {"scale_x": False, "scale_y": False}


def model(est: NeuronFormulaSearch, X: pd.DataFrame | None = None) -> str:
    """Return the equation of a fitted search, in the names of the columns."""
    return str(est.to_sympy())


def complexity(est: NeuronFormulaSearch) -> int:
    """Return the number of nodes of the equation."""
    return int(est.fitted_formula_.complexity)
