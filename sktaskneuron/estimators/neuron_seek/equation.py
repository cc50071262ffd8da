"""The equation that an estimator finds on the way to its networks."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from sktaskneuron.estimators._common.checks import EncodedTable
from sktaskneuron.estimators._common.report import FitReport
from sktaskneuron.estimators.formula_search.search import NeuronFormulaSearch
from sktaskneuron.formula import FittedFormula, NeuronFormula
from sktaskneuron.models.validation import Rows, Task
from sktaskneuron.preprocessing import TableEncoder
from sktaskneuron.search.sr.library import rescaled

# Terms up to which an equation counts as a simple model, and steps and rows of the default search:
# what comes later no reader and no network needs.
_READABLE_TERMS, _STEPS, _ROWS = 25, 12, 5_000
# Steps for more than two classes, where there is no one equation to read.
_CLASS_STEPS = 4
# Rows beyond which the weights of an equation gain nothing, when it is judged.
_MOST_ROWS = 30_000
# Log odds of a class that was never seen.
_SURE = 20.0
_UNREADABLE = (NeuronFormula(), NeuronFormula(pure=("x",)))


class Equation:
    """A searched formula with its numbers, and how it came about.

    Parameters
    ----------
    encoder : TableEncoder
    table : EncodedTable
    task : Task
    method : {"td", "sr"}
        Of the default search.
    search : NeuronFormulaSearch or None
        None takes the estimators' own settings: one scale of the columns, few steps, no second try.
    seed : int
        Of the default search.
    naming : dict of str to object
        Attributes of the columns' names and number for the search.
    report : FitReport

    Attributes
    ----------
    search : NeuronFormulaSearch
        Fitted.
    seconds : float
        What it took.
    """

    def __init__(
        self,
        encoder: TableEncoder,
        table: EncodedTable,
        task: Task,
        method: str,
        search: NeuronFormulaSearch | None,
        seed: int,
        naming: dict[str, Any],
        report: FitReport,
    ) -> None:
        start = time.perf_counter()
        self.encoder, self.task = encoder, task
        self.target = task.target
        if not task.classification:
            self.target = task.target * task.unit + task.shift
        steps = _CLASS_STEPS if task.classification and task.n_outputs > 2 else _STEPS
        self.search: NeuronFormulaSearch = (
            NeuronFormulaSearch(
                method, n_resamples=0, max_steps=steps, max_samples=_ROWS, random_state=seed
            )
            if search is None
            else clone(search)
        )
        for name, value in naming.items():
            setattr(self.search, name, value)
        with report.searching(self.search):
            self.search._fit_encoded(
                encoder,
                table,
                self.target,
                classification=task.classification,
                scale_number=0 if search is None else None,
                swap=search is not None,
            )
        self.swap = search is not None
        self.seconds = time.perf_counter() - start

    @property
    def formula(self) -> NeuronFormula:
        """Its shape."""
        return self.search.formula_

    def network_formula(self, unit: NDArray[np.float64]) -> NeuronFormula:
        """Return the terms that a network takes over.

        Those are the interactions, and functions found by symbolic regression, as far as a network
        can be trained through them. (Powers that the tensor search found add nothing measurable
        to the learned functions of single columns that the networks have.)

        Parameters
        ----------
        unit : ndarray of shape (n_columns,)
            Scales of the network's columns. Inner constants are brought to these, by the median
            ratio to the scales of the equation.
        """
        interactions = self.formula.interactions
        if self.search.method != "sr":
            return NeuronFormula(interactions=interactions)
        from sktaskneuron.nn.task.start import is_trainable

        used = self.fitted.used_features
        ratio = np.median(unit[used] / self.fitted.scale[used]) if used.size else 1.0
        ratio = float(f"{ratio:.3g}")
        pure = [rescaled(expression, ratio) for expression in self.formula.expressions]
        return NeuronFormula([g for g in pure if is_trainable(g)], interactions)

    @property
    def fitted(self) -> FittedFormula:
        """With its numbers."""
        fitted = self.search.fitted_formula_
        assert isinstance(fitted, FittedFormula)  # a search of scope "columns" was refused before
        return fitted

    @property
    def is_readable(self) -> bool:
        """Whether it is a simple model of its own.

        One equation per class is not, nor one of many terms; to validate them takes many searches.
        """
        few_outputs = not self.task.classification or self.task.n_outputs == 2
        return (
            few_outputs
            and self.formula not in _UNREADABLE
            and len(self.fitted.term_names()) <= _READABLE_TERMS
        )

    def on_rows(self, rows: Rows) -> FittedFormula:
        """Repeat the search on some of the rows, of very many on a part."""
        if len(rows) > _MOST_ROWS:
            rows = np.sort(np.random.default_rng(0).choice(rows, size=_MOST_ROWS, replace=False))
        task, target = self.task, self.target[rows]
        names = self.fitted.feature_names
        if task.classification and len(np.unique(target)) < 2:
            # a class so rare that none of it is left: its odds are as good as nothing
            odds = [_SURE if target[0] else -_SURE]
            return FittedFormula(NeuronFormula(), odds, feature_names=names, link="logit")
        raw: NDArray[np.float64] = task.inputs.raw[rows]
        part = EncodedTable(raw, names, task.weight[rows], rows, task.inputs.codes[rows])
        # silent: callbacks and the user have seen this search on all rows
        again = clone(self.search).set_params(n_resamples=0, verbose=0).set_callbacks()
        again._fit_encoded(
            self.encoder,
            part,
            target,
            classification=task.classification,
            scale_number=self.search._scale_number,
            swap=self.swap,
        )
        return again.fitted_formula_
