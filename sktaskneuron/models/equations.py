"""The searched equation beside the other models: what it could be worth, and what it is worth.

Terms that were chosen on all rows have seen the held-out ones. Refitting their weights on each fold
flatters them: on 22 tables and laws the loss looked lower than it was by up to a factor of 2.5, and
the squared error of a blend chosen by it was larger by up to half. So that loss is read as a bound.
What is far ahead of all others at its bound needs no closer look. Of everything else the whole
search is repeated on the training rows of one fold after another, as long as it may still help:
with the true outputs of the folds that are done and the bound on the others, and on the folds that
are done alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sktaskneuron._evidence import paired_gain
from sktaskneuron._typing import Matrix, RowNumbers
from sktaskneuron.formula import FittedExpression, FittedFormula
from sktaskneuron.formula.text.nodes import complexity
from sktaskneuron.models.candidate import Candidate
from sktaskneuron.models.choice import Blended, blendable
from sktaskneuron.models.fitted import FormulaModel
from sktaskneuron.models.residual import leaves_structure
from sktaskneuron.models.target import indicators
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation
from sktaskneuron.search.frame.family import make_family

# Share of the loss of the others' blend that an equation must take from it at its bound. Of ten
# that took less, eight would have changed the squared error on new rows by 1 % at most; one of the
# two others is a law in part, which is told by what it leaves.
_LEAST_GAIN = 0.03
# Share of the loss of the others' blend from which on no choice of terms explains the bound, if
# there are so many training rows to every number or symbol of the equation.
_FAR_AHEAD, _ROWS_PER_NUMBER = 0.2, 10
# Rows beyond which weights gain nothing.
_MOST_ROWS = 30_000
_NO_HELP = (
    "even with terms chosen on all rows, the held-out ones too, it takes less than "
    f"{_LEAST_GAIN:.0%} from the loss of the other models' blend"
)
_NO_HELP_FOUND_ANEW = (
    "found again without the held-out rows it takes less than "
    f"{_LEAST_GAIN:.0%} from the loss of the other models' blend on them"
)

#: Searches an equation on some of the rows.
Search = Callable[[RowNumbers], FittedFormula | FittedExpression]


@dataclass(frozen=True, eq=False)
class Judgement:
    """What came of an equation beside other models.

    Parameters
    ----------
    candidate : Candidate or None
        None: it takes no part.
    reason : str
        Why it takes no part, in words; else empty.
    """

    candidate: Candidate | None = None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Judge:
    """Rows to judge equations on, and the models that they must help.

    Parameters
    ----------
    task : Task
    validation : Validation
    others : sequence of Candidate
        One at least has finite outputs.
    margin : float
        Standard errors by which a blend must beat a simple model to take its place.
    """

    task: Task
    validation: Validation
    others: Sequence[Candidate]
    margin: float

    def __call__(
        self,
        name: str,
        fitted: FittedFormula | FittedExpression,
        search: Search,
        *,
        simple: bool,
    ) -> Judgement:
        """Judge an equation.

        Parameters
        ----------
        name : str
            Of the candidate.
        fitted : FittedFormula or FittedExpression
            Found on all rows.
        search : callable
            Finds one on some rows, as this one was found.
        simple : bool
            Of the candidate.
        """
        task, validation = self.task, self.validation
        model = FormulaModel(fitted, task.kind)
        outputs = refitted_outputs(task, fitted, validation)
        if outputs is None:
            honest = validation.outputs(task, lambda rows: FormulaModel(search(rows), task.kind))
            return Judgement(Candidate(name, model, honest, simple=simple))

        def candidate() -> Candidate:
            merged = validation.merged(outputs, [held for _, held in validation.splits])
            return Candidate(name, model, merged, simple=simple)

        if not self._is_far_ahead(fitted, candidate()):
            for place, (train, held) in enumerate(validation.splits):
                at_best = candidate()
                gains = self._gains(at_best)
                helps = gains and self._gains_on(place, at_best)
                if not helps and not self._leaves_structure(at_best):
                    return Judgement(reason=_NO_HELP_FOUND_ANEW if gains else _NO_HELP)
                found = FormulaModel(search(train), task.kind)
                outputs[place] = found.predict_raw(task.inputs.take(held))
        return Judgement(candidate())

    def _loss(self, outputs: Matrix) -> float:
        return float(self.validation.share @ self.task.losses(outputs, self.validation.rows))

    def _is_far_ahead(self, fitted: FittedFormula | FittedExpression, at_best: Candidate) -> bool:
        fewest = min(len(train) for train, _ in self.validation.splits)
        if _ROWS_PER_NUMBER * _size(fitted) > fewest:
            return False
        rest = Blended.of(self.task, self.validation, blendable(self.task, self.others))
        return self._loss(_outputs(at_best)) < _FAR_AHEAD * self._loss(rest.outputs)

    def _gains(self, at_best: Candidate) -> bool:
        """Return whether the blend needs it, or it is as good alone.

        at_best : with its outputs at the bound, in part or all.
        """
        if not np.isfinite(_outputs(at_best)).all():
            return False
        task, validation, rows = self.task, self.validation, self.validation.rows
        parts = blendable(task, self.others)
        rest = Blended.of(task, validation, parts).outputs
        more = Blended.of(task, validation, [*parts, at_best]).outputs
        if self._loss(more) <= (1 - _LEAST_GAIN) * self._loss(rest):
            return True
        lead, error = paired_gain(
            task.losses(_outputs(at_best), rows), task.losses(rest, rows), validation.share
        )
        return lead <= self.margin * error

    def _leaves_structure(self, at_best: Candidate) -> bool:
        """Return whether what it leaves is simple."""
        return leaves_structure(self.task, self.validation, _outputs(at_best), self.others)

    def _gains_on(self, n_splits: int, candidate: Candidate) -> bool:
        """Return whether it does so on the rows of the first splits alone; true of no rows."""
        if n_splits == 0:
            return True
        part = Validation.of(self.task, self.validation.splits[:n_splits])
        places = self.validation.place[part.rows]
        *others, cut = (
            replace(c, outputs=_outputs(c)[places])
            for c in (*self.others, candidate)
            if c.outputs is not None
        )
        return Judge(self.task, part, others, self.margin)._gains(cut)


def _outputs(candidate: Candidate) -> Matrix:
    assert candidate.outputs is not None
    return candidate.outputs


def _size(fitted: FittedFormula | FittedExpression) -> int:
    """Return the number of symbols of an equation of columns; of others that of fitted numbers."""
    if isinstance(fitted, FittedExpression):
        return sum(map(complexity, fitted.nodes))
    return len(fitted.terms) + sum(int((f != 0).sum()) for f in fitted.factors.values())


def refitted_outputs(
    task: Task, fitted: FittedFormula | FittedExpression, validation: Validation
) -> list[Matrix] | None:
    """Return held-out outputs of an equation whose weights alone are refitted on each split.

    Parameters
    ----------
    task : Task
        Of squared errors or two classes.
    fitted : FittedFormula or FittedExpression
    validation : Validation

    Returns
    -------
    list of ndarray of shape (n_held_out of the split, n_outputs), or None
        None where a term is not defined in some row, or one class is all there is in a split.
    """
    terms = fitted.transform(task.inputs.raw)
    if not np.isfinite(terms).all():
        return None
    size = np.abs(terms).max(axis=0, initial=0.0)
    design = np.column_stack([np.ones(len(terms)), terms / np.where(size > 0, size, 1.0)])
    target = indicators(task.target, 2) if task.classification else task.target
    outputs = []
    for train, held in validation.splits:
        rows = train
        if len(rows) > _MOST_ROWS:
            rows = np.sort(np.random.default_rng(0).choice(rows, size=_MOST_ROWS, replace=False))
        if task.classification and len(np.unique(target[rows])) < 2:
            return None
        family = make_family(target[rows], task.weight[rows], task.classification)
        value = design[held] @ family.of_answers.fit_linear(design[rows]).coef
        outputs.append(task.kind.of_equation(value) if task.classification else value)
    return outputs
