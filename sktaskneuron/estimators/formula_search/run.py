"""One run of a formula's search: an estimator's settings as the search takes them, its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from sktaskneuron.estimators._common.checks import EncodedTable, FloatArray, draw_seed
from sktaskneuron.estimators._common.expression import with_constant_outputs
from sktaskneuron.estimators._common.report import say
from sktaskneuron.formula import FittedFormula, NeuronFormula
from sktaskneuron.search.columns.choice import ColumnsResult
from sktaskneuron.search.engines import (
    function_proposer,
    resolve_engine,
    resolve_interactions,
    run_columns,
    run_search,
)
from sktaskneuron.search.frame.options import SearchOptions
from sktaskneuron.search.frame.result import SearchResult

if TYPE_CHECKING:
    from sktaskneuron.estimators.formula_search.search import NeuronFormulaSearch


def find_neuron_formula(
    search: NeuronFormulaSearch,
    table: EncodedTable,
    target: FloatArray,
    classification: bool,
    *,
    scale_number: int | None = None,
    swap: bool = True,
) -> SearchResult:
    """Search the formula of a neuron by the method and the settings of an estimator.

    Parameters
    ----------
    search : NeuronFormulaSearch
        Its callbacks hear of every step.
    table : EncodedTable
    target : ndarray of shape (n_rows, n_outputs)
        For classification 0/1 indicators.
    classification : bool
    scale_number : int or None, default=None
        Of the one scale to search on; None compares all.
    swap : bool, default=True
        As in SearchOptions.
    """
    with _search_task(search) as on_step:
        engine = resolve_engine(search.method, search.scope, search.engine)
        products = resolve_interactions(search.method, search.interactions)
        rng = np.random.default_rng(draw_seed(search.random_state))
        options = SearchOptions(
            engine="gates" if engine == "gates" else "als",
            max_order=search.max_order,
            max_interaction_order=search.max_interaction_order if products else 0,
            max_rank=search.max_rank,
            criterion=search.criterion,
            max_samples=search.max_samples,
            max_steps=search.max_steps,
            n_resamples=search.n_resamples,
            scale_number=scale_number,
            swap=swap,
            proposer=function_proposer(engine),
        )
        varying = np.flatnonzero(target.min(axis=0) < target.max(axis=0))
        if not varying.size:
            constant = FittedFormula(NeuronFormula(), target[0], feature_names=table.names)
            return SearchResult(constant, 0.0, 0.0)
        result = run_search(
            search.method,
            options,
            X=table.matrix,
            target=target[:, varying],
            weight=table.weight,
            classification=classification,
            feature_names=table.names,
            rng=rng,
            on_step=lambda scale, step, formula: on_step(f"{scale}, step {step}: {formula}"),
        )
        if varying.size < target.shape[1]:
            result.fitted = with_constant_outputs(result.fitted, varying, target[0])
        return result


def find_column_equations(
    search: NeuronFormulaSearch, table: EncodedTable, target: FloatArray, classification: bool
) -> ColumnsResult:
    """Search an equation of the named columns for each output, as `find_neuron_formula` does."""
    with _search_task(search) as on_step:
        return run_columns(
            resolve_engine(search.method, search.scope, search.engine),
            search.max_complexity,
            search.max_samples,
            search.max_steps,
            X=table.matrix,
            target=target,
            weight=table.weight,
            classification=classification,
            feature_names=table.names,
            rng=np.random.default_rng(draw_seed(search.random_state)),
            on_step=on_step,
        )


@contextmanager
def _search_task(search: NeuronFormulaSearch) -> Iterator[Callable[[str], None]]:
    """Tell the callbacks of a search when it begins and ends; give what tells them of a step."""
    context = search._init_callback_context(max_subtasks=None)
    context.call_on_fit_task_begin(estimator=search)

    def on_step(text: str) -> None:
        step = context.subcontext(task_name=text)
        step.call_on_fit_task_begin(estimator=search)
        step.call_on_fit_task_end(estimator=search)
        say(search, text)

    yield on_step
    context.call_on_fit_task_end(estimator=search)
