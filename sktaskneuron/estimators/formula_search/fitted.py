"""What a search leaves behind: the equation that it found, and those that it could answer with."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sklearn.base import BaseEstimator

from sktaskneuron._typing import AnyArray, Matrix, TableLike, Vector
from sktaskneuron.estimators._common.checks import EncodedTable
from sktaskneuron.estimators._common.importances import importances_of
from sktaskneuron.estimators.fitted import shown_importances
from sktaskneuron.estimators.formula_search.answer import Answer
from sktaskneuron.estimators.formula_search.settings import SearchSettings
from sktaskneuron.estimators.formula_search.sums import TermSums
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import Constant, FittedExpression, FittedFormula, ParetoFront
from sktaskneuron.formula.equation.constants import constants_text
from sktaskneuron.models.constants import MOST_NUMBERS, constants_of
from sktaskneuron.models.predictor import Predictor, Reader
from sktaskneuron.models.target import ClassTarget, Target, indicators
from sktaskneuron.preprocessing import TableEncoder
from sktaskneuron.search.columns.choice import ColumnsResult
from sktaskneuron.search.frame import SearchResult

if TYPE_CHECKING:
    from torch import nn

    from sktaskneuron.deploy.onnx import Program


@dataclass(frozen=True, eq=False)
class SearchSums:
    """Sums of rows for every equation of a search, which can be added up in any order.

    Parameters
    ----------
    own : TermSums
        Of what the search found.
    points : tuple of TermSums
        Of the equations of the front.
    """

    own: TermSums
    points: tuple[TermSums, ...]

    def merged(self, other: SearchSums) -> SearchSums:
        """Return the sums of the rows of both."""
        points = zip(self.points, other.points, strict=True)
        return SearchSums(self.own.merged(other.own), tuple(a.merged(b) for a, b in points))


@dataclass(frozen=True, eq=False)
class FittedSearch:
    """What a search leaves behind.

    Parameters
    ----------
    settings : SearchSettings
    encoder : TableEncoder
    result : SearchResult or ColumnsResult
    target : ValueTarget or ClassTarget
        As what it was read.
    own : Answer
        What the search found.
    points : tuple of Answer
        Those of the front, in its order.
    place : int or None
        The point of the front that answers; None: ``own``.
    left_out : tuple of str
        For want of time.
    """

    settings: SearchSettings
    encoder: TableEncoder
    result: SearchResult | ColumnsResult
    target: Target
    own: Answer
    points: tuple[Answer, ...]
    place: int | None = None
    left_out: tuple[str, ...] = ()

    @property
    def answer(self) -> Answer:
        """What predicts, and is shown."""
        return self.own if self.place is None else self.points[self.place]

    @property
    def equation(self) -> FittedFormula | FittedExpression:
        """The formula with its numbers."""
        return self.answer.equation

    @property
    def front(self) -> ParetoFront:
        """The front of the points."""
        return ParetoFront(
            replace(point, fitted=answer.equation)
            for point, answer in zip(self.result.front, self.points, strict=True)
        )

    @property
    def reader(self) -> Reader:
        """How new rows are read."""
        return self.answer.reader(self.encoder)

    @property
    def predictor(self) -> Predictor:
        """The equation as what predicts the target."""
        return self.answer.predictor(self.encoder, self.target)

    def transform(self, X: TableLike, owner: BaseEstimator) -> Matrix:
        """Return the values of the terms, (n_rows, n_terms); a column of zeros without terms."""
        return self.answer.transform(self.reader.read(X, owner).raw)

    def _with_answers(self, changed: Callable[[Answer], Answer]) -> FittedSearch:
        return replace(self, own=changed(self.own), points=tuple(map(changed, self.points)))

    def with_importances(self, table: EncodedTable) -> FittedSearch:
        """Return it with the importances of the columns, by every equation."""

        def weighed(answer: Answer) -> Answer:
            predictor = answer.predictor(self.encoder, self.target)
            return replace(answer, importances=importances_of(predictor, table, "cpu"))

        return self._with_answers(weighed)

    def with_errors(self, table: EncodedTable, target: AnyArray) -> FittedSearch:
        """Return it with the errors of the equations' numbers.

        Parameters
        ----------
        table : EncodedTable
            The training rows.
        target : ndarray of shape (n_rows,) or (n_rows, n_outputs)
            Values or labels.
        """
        kind = self.target
        if isinstance(kind, ClassTarget):
            wide = indicators(kind.encoded(target), kind.n_outputs)
        else:
            wide = target.reshape(len(target), -1)
        return self._with_answers(
            lambda answer: answer.with_errors(
                table.matrix, wide, table.weight, classification=kind.classification
            )
        )

    @property
    def constants(self) -> tuple[Constant, ...]:
        """The numbers of the equation with their errors.

        Raises
        ------
        AttributeError
            If they are not known.
        """
        found = self.known_constants()
        if found is None:
            raise AttributeError(
                "constants_ is left out: errors are computed in fit and refit, of up to "
                f"{MOST_NUMBERS} numbers, and of no more than two classes"
            )
        return found

    def known_constants(self) -> tuple[Constant, ...] | None:
        """Return the numbers of the equation with their errors; None where they are not known."""
        if self.answer.errors is None:
            return None
        try:
            return constants_of(self.equation, self.answer.errors)
        except FormulaError:  # more monomials than anyone reads
            return None

    def summary(self) -> str:
        """Write the equation, its numbers and the front as text."""
        parts = [str(self.equation)]
        if (constants := self.known_constants()) is not None:
            parts.append(constants_text(constants))
        lines = [
            f"{'*' if place == self.chosen else ' '} {place:>3}  {point.complexity:>10g}  "
            f"{point.score:>10.6g}  {point.fitted}"
            for place, point in enumerate(self.front)
        ]
        if lines:
            parts.append("\n".join(["  front  complexity       score  equation", *lines]))
        return "\n\n".join(parts)

    def with_sums(self, table: EncodedTable, target: AnyArray, weight: Vector) -> FittedSearch:
        """Return the same with the sums of its training rows, if its weights follow from sums.

        Parameters
        ----------
        table : EncodedTable
        target : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        weight : ndarray of shape (n_rows,)
            As the user gave them: they compare rows of one call with those of another.
        """
        if self.target.classification:
            return self
        wide = target.reshape(len(target), -1)
        return self._with_answers(lambda answer: answer.with_sums(table.matrix, wide, weight))

    @property
    def _sums(self) -> SearchSums:
        """What was seen, of equations whose weights follow from sums."""

        def kept(answer: Answer) -> TermSums:
            assert answer.sums is not None  # who asks has looked
            return answer.sums

        return SearchSums(kept(self.own), tuple(map(kept, self.points)))

    def sums_of(self, table: EncodedTable, target: AnyArray, weight: Vector) -> SearchSums:
        """Return the sums of other rows alone; parameters as in `with_sums`."""
        wide = target.reshape(len(target), -1)

        def sums(former: TermSums) -> TermSums:
            return TermSums.none(former.equation).with_rows(table.matrix, wide, weight)

        return SearchSums(sums(self._sums.own), tuple(map(sums, self._sums.points)))

    def fitted_by(self, sums: SearchSums) -> FittedSearch:
        """Return the same with the weights of its terms that sums of other rows give."""
        points = zip(self.points, sums.points, strict=True)
        return replace(
            self,
            own=self.own.fitted_by(sums.own),
            points=tuple(answer.fitted_by(own) for answer, own in points),
        )

    def with_rows(self, table: EncodedTable, target: AnyArray, weight: Vector) -> FittedSearch:
        """Return the same with the weights of its terms fitted to more rows, and all before."""
        return self.fitted_by(self._sums.merged(self.sums_of(table, target, weight)))

    def answering_with(self, point: int | str | None) -> FittedSearch:
        """Return it with another answer: a point of the front, or None for what was found.

        Raises
        ------
        ValueError
            If there is no such point.
        TypeError
            If the point is neither a place nor a text.
        """
        return replace(self, place=None if point is None else self._place(point))

    def _place(self, point: int | str) -> int:
        n_points = len(self.points)
        if isinstance(point, str):
            texts = [{str(p.formula), str(p.fitted)} for p in self.front]
            places = [place for place, known in enumerate(texts) if point in known]
            if not places:
                raise ValueError(f"no point of pareto_front_ has the formula {point!r}")
            return places[0]
        try:
            place = operator.index(point)
        except TypeError:
            raise TypeError(
                "point must be a place in pareto_front_, the text of a formula in it, or None, "
                f"got {point!r}"
            ) from None
        if not -n_points <= place < n_points:
            why = "" if n_points else ": a search of a neuron's formula needs n_resamples=2 or more"
            raise ValueError(f"pareto_front_ has {n_points} points, got the place {place}{why}")
        return place % n_points

    @property
    def chosen(self) -> int | None:
        """The place in the front of what answers; None if a simpler point beats it."""
        if self.place is not None:
            return self.place
        found = [place for place, p in enumerate(self.points) if p.equation == self.own.equation]
        return found[0] if found else None

    def program(self, one_tensor: bool) -> Program:
        """Return the way of a table to the terms and the prediction as an ONNX graph."""
        from sktaskneuron.deploy.onnx import terms_program

        means = self.answer.term_means
        return terms_program(self.predictor, self.equation, means, one_tensor=one_tensor)

    def module(self) -> nn.Module:
        """Return the way of encoded columns to the terms as a torch module."""
        from sktaskneuron.deploy.torch_module import terms_module

        return terms_module(self.reader, self.equation, self.answer.term_means)

    def attributes(self) -> dict[str, object]:
        """Return the public attributes."""
        result = self.result
        shown = self.reader.attributes() | {
            "fitted_formula_": self.equation,
            "criterion_": self.answer.criterion,
            "null_criterion_": result.null_criterion,
            "caps_": result.caps,
            "n_iter_": max(result.n_steps, 1),
            "left_out_": self.left_out,
            **shown_importances(self.answer.importances),
        }
        if isinstance(self.target, ClassTarget):
            shown["classes_"] = self.target.classes
        if isinstance(self.equation, FittedFormula):
            shown["formula_"] = self.equation.formula
        if isinstance(result, ColumnsResult) or self.settings.n_resamples:
            shown |= {"pareto_front_": self.front, "chosen_": self.chosen}
        if isinstance(result, SearchResult) and self.settings.n_resamples:
            shown |= {
                "selection_frequency_": result.selection_frequency,
                "term_gain_": result.term_gain,
            }
        return shown
