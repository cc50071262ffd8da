"""The best equation of few nodes that stands for a trained model, and what it costs in accuracy."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sktaskneuron._clock import checkpoint, seconds_left, within
from sktaskneuron._typing import Mask, Matrix, RowNumbers, Vector
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import FittedExpression, FittedFormula
from sktaskneuron.formula.text.canonical import make_number
from sktaskneuron.formula.text.nodes import Node, complexity
from sktaskneuron.models.fitted import FittedModel, FormulaModel
from sktaskneuron.models.target import ClassTarget, indicators
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation, make_splits
from sktaskneuron.search.columns.classes import Budget
from sktaskneuron.search.columns.search import ColumnsOptions, search_columns
from sktaskneuron.search.frame import Observations
from sktaskneuron.search.frame.progress import Progress

# Nodes of a readable equation, unless told otherwise.
DEFAULT_COMPLEXITY = 30
# Rows that equations are searched on, half as many drawn between them, and how far from a row.
_ROWS, _NEARNESS = 1_500, 0.5


@dataclass(frozen=True, eq=False)
class Distilled:
    """A readable equation beside the model that it stands for.

    Parameters
    ----------
    fitted : FittedExpression or FittedFormula
    model : FormulaModel
        It, as a model.
    loss, model_loss : float
        Mean loss of the equation and of the model on the same held-out rows.
    source : str
        What the equation was found on: "target", "model", or "formula" for the searched one.
    outputs : ndarray of shape (n_held_out, n_outputs)
        Raw outputs of the equation that was found without those rows.
    held : ndarray of int
    """

    fitted: FittedExpression | FittedFormula
    model: FormulaModel
    loss: float
    model_loss: float
    source: str
    outputs: Matrix
    held: RowNumbers


@dataclass(frozen=True, eq=False)
class Distillation:
    """Search of an equation, on the target and on a trained model's own predictions.

    A model is smoother than the target and can be asked between the rows: both help a search that
    looks for the shape of a function. One split of the rows decides which source serves better;
    the equation is then searched again on all rows. The model has seen the held-out rows of that
    split, the equation's search on the target has not.

    Parameters
    ----------
    task : Task
    names : tuple of str
        Of the encoded columns.
    references : ndarray of bool of shape (n_columns,)
        Columns that an equation leaves out: one level of each category.
    limits : ndarray of shape (2, n_columns)
        Of the columns; every equation holds them.
    max_complexity : int
    seed : int
    progress : Progress
        Told of what is searched.
    """

    task: Task
    names: tuple[str, ...]
    references: Mask
    limits: Matrix
    max_complexity: int
    seed: int
    progress: Progress

    def run(
        self,
        model: FittedModel,
        outputs: Matrix | None,
        validation: Validation,
        formula: FittedFormula | None,
    ) -> Distilled:
        """Find the equation.

        Parameters
        ----------
        model : FittedModel
            What it is to stand for.
        outputs : ndarray of shape (n_held_out, n_outputs) or None
            Its raw outputs on the rows of ``validation``, by models that had not seen them.
        validation : Validation
        formula : FittedFormula or None
            The searched equation; a rival if it is short enough.

        Returns
        -------
        Distilled
        """
        task = self.task
        splits = validation.splits
        if not splits:
            alone = [(task.own_rows, task.own_rows)]
            splits = make_splits(task, 0.25, self.seed) if len(task) > 1 else alone
        train, held = splits[0]
        own = model.predict_raw(task.inputs.take(held))
        if outputs is not None and validation:
            own = outputs[validation.place[held]]
        rivals: dict[str, FittedExpression | FittedFormula] = {}
        # three searches share the time; without any left they find a constant
        with within(seconds_left() / 3):
            rivals["target"] = self._on_target(train)
        with within(seconds_left() / 2):
            rivals["model"] = self._on_model(model, train)
        if formula is not None and self._is_short(formula):
            rivals["formula"] = formula
        weight = task.weight[held]

        def loss(raw: Matrix) -> float:
            return float(np.average(task.losses(raw, held), weights=weight))

        raw = {
            name: self._as_model(fitted).predict_raw(task.inputs.take(held))
            for name, fitted in rivals.items()
        }
        losses = {name: loss(values) for name, values in raw.items()}
        source = min(losses, key=lambda name: losses[name])
        everything = task.own_rows
        fitted = rivals[source]
        with within(otherwise="the search of the readable equation on all rows"):
            again = fitted
            if source == "target":
                again = self._on_target(everything)
            elif source == "model":
                again = self._on_model(model, everything)
            checkpoint()  # one that was cut short is no better than the first
            fitted = again
        return Distilled(
            fitted, self._as_model(fitted), losses[source], loss(own), source, raw[source], held
        )

    def _as_model(self, fitted: FittedExpression | FittedFormula) -> FormulaModel:
        return FormulaModel(fitted, self.task.kind)

    def _is_short(self, formula: FittedFormula) -> bool:
        try:
            return sum(map(complexity, formula.trees())) <= self.max_complexity
        except FormulaError:
            return False  # too long to be written out

    def _on_target(self, rows: RowNumbers) -> FittedExpression:
        task = self.task
        target: Matrix = task.target[rows]
        if isinstance(task.kind, ClassTarget):
            target = indicators(task.target[rows], task.n_outputs)
        else:
            target = task.kind.searched(target)
        return self._search(
            task.inputs.raw[rows], target, task.weight[rows], task.classification, "target"
        )

    def _on_model(self, model: FittedModel, rows: RowNumbers) -> FittedExpression:
        """Search on a model's predictions, at the rows and at points drawn between them."""
        task = self.task
        rng = np.random.default_rng([self.seed, 7])
        if len(rows) > _ROWS:
            rows = np.sort(rng.choice(rows, size=_ROWS, replace=False))
        inputs = task.inputs.take(rows)
        n_between = max(len(rows) // 2, 1)
        first, second = (rng.integers(len(rows), size=n_between) for _ in range(2))
        between = inputs.take(first)
        mixed = between.raw.copy()
        part = slice(0, inputs.n_numeric)
        step = _NEARNESS * rng.random((len(first), 1))
        mixed[:, part] += step * (inputs.raw[second, part] - mixed[:, part])
        between = replace(between, raw=mixed)
        raw = np.concatenate([inputs.raw, mixed])
        values = np.concatenate([model.predict_raw(inputs), model.predict_raw(between)])
        weight = np.concatenate([task.weight[rows], task.weight[rows][first]])
        if not isinstance(task.kind, ClassTarget):
            return self._search(raw, task.kind.searched(values), weight, False, "model")
        if task.n_outputs == 2:
            odds = values[:, 1:] - values[:, :1]
            return replace(self._search(raw, odds, weight, False, "model"), link="logit")
        return self._on_classes(raw, values, weight, rows)

    def _on_classes(
        self, raw: Matrix, values: Matrix, weight: Vector, rows: RowNumbers
    ) -> FittedExpression:
        """Search on a model's outputs of several classes, of those that terms can pay for."""
        task = self.task
        target = indicators(task.target[rows], task.n_outputs)
        chosen = Budget.of(target, task.weight[rows]).promising()
        nodes: list[Node] = [make_number(mean) for mean in np.average(values, 0, weight).tolist()]
        if chosen:
            found = self._search(raw, values[:, chosen], weight, False, "model")
            for output, node in zip(chosen, found.nodes, strict=True):
                nodes[output] = node
        equation = FittedExpression(tuple(nodes), self.names, link="softmax")
        return equation.within(*self.limits)

    def _search(
        self, X: Matrix, target: Matrix, weight: Vector, classification: bool, what: str
    ) -> FittedExpression:
        target = target.reshape(len(target), -1)
        observations = Observations(X, target, weight, self.names, classification, self.references)
        options = ColumnsOptions(max_complexity=self.max_complexity)
        rng = np.random.default_rng([self.seed, 11])
        with self.progress.part(f"readable equation, searched on the {what}") as part:
            found = search_columns(observations, options, rng, part).fitted
        return found.within(*self.limits)
