"""The equation that an estimator finds on the way to its networks."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import clone

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import AnyArray, FloatArray, RowNumbers, Vector
from sktaskneuron.estimators._common.checks import EncodedTable
from sktaskneuron.estimators._common.report import FitReport
from sktaskneuron.estimators.fitted import fitted_value
from sktaskneuron.estimators.formula_search.fitted import FittedSearch
from sktaskneuron.estimators.formula_search.run import fit_search
from sktaskneuron.estimators.formula_search.search import NeuronFormulaSearch
from sktaskneuron.estimators.formula_search.settings import SearchSettings
from sktaskneuron.formula import FittedExpression, FittedFormula, NeuronFormula
from sktaskneuron.models.task import Task
from sktaskneuron.search.frame.progress import SILENCE
from sktaskneuron.search.sr.library import rescaled

# Terms up to which an equation is preferred to a blend that is no better; and steps and rows of the
# default search: what comes later no reader and no network needs.
_MOST_TERMS, _STEPS, _ROWS = 25, 12, 5_000
# Steps for more than two classes, where there is no one equation to read.
_CLASS_STEPS = 4
# Rows beyond which the weights of an equation gain nothing, when it is judged.
_MOST_ROWS = 30_000
# Log odds of a class that was never seen.
_SURE = 20.0
_LINEAR = NeuronFormula(pure=("x",))


@dataclass(frozen=True, eq=False)
class Equation:
    """A searched formula, or equation of columns, with its numbers, and how it came about.

    Parameters
    ----------
    table : EncodedTable
    task : Task
    estimator : NeuronFormulaSearch
        What searched, not fitted.
    search : FittedSearch
    seconds : float
        What it took.
    kept : bool
        Whether it was found on other rows, so that it can be judged by these as it is.
    """

    table: EncodedTable
    task: Task
    estimator: NeuronFormulaSearch
    search: FittedSearch
    seconds: float
    kept: bool = False

    @classmethod
    def of(cls, table: EncodedTable, task: Task, search: NeuronFormulaSearch) -> Equation:
        """Return what an earlier fit found on other rows."""
        return cls(table, task, clone(search), fitted_value(search), 0.0, kept=True)

    @classmethod
    def find(
        cls,
        table: EncodedTable,
        task: Task,
        method: str,
        search: NeuronFormulaSearch | None,
        seed: int,
        report: FitReport,
    ) -> Equation:
        """Search.

        Parameters
        ----------
        table : EncodedTable
        task : Task
        method : {"td", "sr"}
            Of the default search.
        search : NeuronFormulaSearch or None
            None takes the estimators' own settings: one scale of the columns, few steps, no second
            try.
        seed : int
            Of the default search.
        report : FitReport
        """
        start = time.perf_counter()
        target = task.kind.searched(task.target[task.own_rows])
        steps = _CLASS_STEPS if task.classification and task.n_outputs > 2 else _STEPS
        if search is None:
            estimator = NeuronFormulaSearch(
                method, n_resamples=0, max_steps=steps, max_samples=_ROWS, random_state=seed
            )
            settings = SearchSettings.read(estimator, scale_number=0, swap=False)
        else:
            estimator = clone(search)
            settings = SearchSettings.read(estimator)

        def run(own: FitReport) -> FittedSearch:
            return fit_search(
                settings, table, target, classification=task.classification, progress=own.progress
            )

        found = report.search(estimator, run)
        return cls(table, task, estimator, found, time.perf_counter() - start)

    @property
    def name(self) -> str:
        """Of the model that it is beside the networks."""
        return "equation" if self.search.settings.scope == "columns" else "formula"

    @property
    def formula(self) -> NeuronFormula:
        """Its shape, of scope "neuron"."""
        assert isinstance(self.fitted, FittedFormula)
        return self.fitted.formula

    def network_formula(self, unit: Vector) -> NeuronFormula:
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
        if self.search.settings.method != "sr":
            return NeuronFormula(interactions=interactions)
        from sktaskneuron.nn.task.start import is_trainable

        fitted = self.fitted
        assert isinstance(fitted, FittedFormula)
        used = fitted.used_features
        ratio = np.median(unit[used] / fitted.scale[used]) if used.size else 1.0
        ratio = float(f"{ratio:.3g}")
        pure = [rescaled(expression, ratio) for expression in self.formula.expressions]
        return NeuronFormula([g for g in pure if is_trainable(g)], interactions)

    def network_factors(self, unit: Vector) -> dict[int, FloatArray]:
        """Return the directions of its products in a network's columns, by their orders.

        Networks that start from them find laws that multiply several columns in a fraction of the
        steps that it takes to find such directions by gradients.

        Parameters
        ----------
        unit : ndarray of shape (n_columns,)
            As in `network_formula`.
        """
        fitted = self.fitted
        assert isinstance(fitted, FittedFormula)
        ratio = (unit / fitted.scale)[:, None]
        return {order: factors * ratio for order, factors in fitted.factors.items()}

    @property
    def fitted(self) -> FittedFormula | FittedExpression:
        """With its numbers."""
        return self.search.equation

    @property
    def no_model(self) -> str:
        """Why it is no model of its own, in words; empty if it is one."""
        if self.task.classification and self.task.n_outputs > 2:
            return "of more than two classes there is one equation for each"
        if not self.fitted.terms:
            return "it has no terms"
        if isinstance(self.fitted, FittedFormula) and self.formula == _LINEAR:
            return "it is linear, as the linear model is"
        if not self.task.kind.squares:
            return "it is fitted by squares, and another loss is asked for"
        return ""

    @property
    def is_short(self) -> bool:
        """Whether it has few enough terms to be read."""
        return len(self.fitted.terms) <= _MOST_TERMS

    def on_rows(self, rows: RowNumbers) -> FittedFormula | FittedExpression:
        """Repeat the search, from the same seed, on some of the rows, of very many on a part."""
        if self.kept or (len(rows) == len(self.table.matrix) and self.task.n_own is not None):
            return self.fitted  # judged by rows that no search has seen
        if len(rows) > _MOST_ROWS:
            rows = np.sort(np.random.default_rng(0).choice(rows, size=_MOST_ROWS, replace=False))
        task, result = self.task, self.search.result
        target: AnyArray = task.kind.searched(task.target[rows])
        names = self.table.names
        if task.classification and len(np.unique(target)) < 2:
            # a class so rare that none of it is left: its odds are as good as nothing
            odds = [_SURE if target[0] else -_SURE]
            return FittedFormula(NeuronFormula(), odds, feature_names=names, link="logit")
        part = replace(
            self.table,
            matrix=task.inputs.raw[rows],
            weight=task.weight[rows],
            rows=rows,
            codes=task.inputs.codes[rows],
        )
        scale = getattr(result, "scale_number", None)
        settings = replace(self.search.settings, n_resamples=0, scale_number=scale)
        # silent: callbacks and the user have seen this search on all rows
        again = fit_search(
            settings,
            part,
            target,
            classification=task.classification,
            progress=SILENCE,
        )
        checkpoint()  # what is cut short does not judge
        return again.equation
