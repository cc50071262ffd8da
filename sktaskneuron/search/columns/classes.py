"""Which equation of columns tells classes apart: compared by their likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from sktaskneuron._clock import checkpoint, seconds_left, within
from sktaskneuron._evidence import paired_gain
from sktaskneuron._typing import Mask, Matrix, RowNumbers, Vector
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.equation.fitted_expression import FittedExpression
from sktaskneuron.formula.equation.pareto import ParetoFront, ParetoPoint
from sktaskneuron.formula.equation.trees import additive_terms
from sktaskneuron.formula.text.canonical import make_product, make_sum
from sktaskneuron.formula.text.evaluation import variables
from sktaskneuron.formula.text.nodes import Node, Number, Variable
from sktaskneuron.search.columns.choice import ColumnsResult, Split
from sktaskneuron.search.columns.constants import NamedRows, symbols_price
from sktaskneuron.search.columns.rules import running_rules
from sktaskneuron.search.frame.family import Family, have_rows, make_family
from sktaskneuron.search.frame.observations import Observations

# Classes in a row for which nothing was found, after which rarer ones are not searched.
_WITHOUT_TERM = 5
# Candidates that are tried in exchange, of all classes; of so many classes that few are left for
# each, none: a fit of their weights takes long.
_MOST_TRIED, _FEWEST_TRIED = 60, 5
# Terms of all classes together, of which needless ones are looked for.
_MOST_PRUNED = 12
# Most of the time left that the comparison of equations may take.
_COMPARING = 0.7


class Score(Protocol):
    """Returns the criterion of the terms of some candidates together."""

    def __call__(self, group: Sequence[Node], noted: bool = True) -> float:
        """Score them, as a candidate for the answer where they are noted."""
        ...


@dataclass(eq=False)
class Budget:
    """Which of several classes are searched: the frequent ones, while terms can still pay.

    A term has a weight for each class, so that of many classes few terms are worth their price:
    together they cannot lower the deviance by more than it is.

    Parameters
    ----------
    order : list of int
        The classes, the most frequent first.
    enough : ndarray of bool of shape (n_outputs,)
        Whether a class has rows enough.
    n_terms : float
        How many terms can pay.
    """

    order: list[int]
    enough: Mask
    n_terms: float
    _terms: set[Node] = field(default_factory=set)
    _without: int = 0
    n_searched: int = 0

    @classmethod
    def of(cls, target: Matrix, weight: Vector) -> Budget:
        """Return that of 0/1 indicators (n_samples, n_outputs)."""
        counts, total = weight @ target, float(weight.sum())
        share = counts[counts > 0] / total
        deviance = -2.0 * total * float(share @ np.log(share))
        price = (target.shape[1] - 1) * np.log(max(total, 3.0))
        order = np.argsort(-counts, kind="stable").tolist()
        return cls(order, have_rows(counts, total), deviance / price)

    def promising(self) -> list[int]:
        """Return the classes that would be searched if each had one term, ascending."""
        with_rows = [output for output in self.order if self.enough[output]]
        return sorted(with_rows[: math.ceil(self.n_terms)])

    def admits(self, output: int) -> bool:
        """Tell whether a class is worth a search."""
        admitted = (
            bool(self.enough[output])
            and self._without < _WITHOUT_TERM
            and len(self._terms) < self.n_terms
        )
        self.n_searched += admitted
        return admitted

    def spend(self, node: Node) -> None:
        """Take down the terms that were found for a class."""
        terms = set(additive_terms(node)[0])
        self._terms |= terms
        self._without = 0 if terms else self._without + 1


def choose_classes(
    split: Split, per_output: Sequence[Sequence[Node]], max_complexity: int
) -> ColumnsResult:
    """Choose terms by the likelihood of classes; their weights are fitted jointly.

    Parameters
    ----------
    split : Split
        Of 0/1 indicators.
    per_output : sequence of sequence of Node
        Candidates for the indicator of each class, of two classes for the second's; the best first.
    max_complexity : int
        Largest size of an equation of one class.
    """
    observations = split.observations
    target, weight = observations.target, observations.weight
    kept = split.kept
    train = make_family(target[kept], weight[kept], True)
    judged = split.held if len(split.held) else kept
    test = make_family(target[judged], weight[judged], True)
    scored: list[tuple[float, float, list[Node], list[Node]]] = []
    losses: list[Vector] = []

    def score(group: Sequence[Node], noted: bool = True) -> float:
        """Return the criterion of the terms of candidates together; if noted it may be chosen."""
        terms = list(dict.fromkeys(term for node in group for term in additive_terms(node)[0]))
        trees, eta, deviance = _with_weights(observations, terms, train, kept, judged)
        if trees is None or (terms and not _admitted(split, trees)):
            return np.inf
        price = np.log(max(train.n_effective, 3.0)) * train.n_free_outputs * len(terms)
        symbols = symbols_price(terms, len(observations.names) - split.n_apart)
        criterion = deviance + price + symbols
        if noted:
            scored.append((criterion, test.deviance(eta), terms, trees))
            losses.append(test.row_loss(eta, test.loss_scale))
        return criterion

    with within(_COMPARING * seconds_left(), "the comparison of equations"):
        if len(per_output) > 1:
            _exchange(score, per_output)
        else:
            for node in per_output[0]:
                score([node])
        _look_at_lines(score, per_output, max_complexity)
    score([Number(0.0)])
    constant = scored[-1]
    forced = bool(running_rules().forced) and len(scored) > 1
    best = min(scored[:-1] if forced else scored, key=lambda item: item[0])
    if best[1] >= constant[1] and not forced:
        best = constant
    trees = best[3]
    with within(otherwise="weights of classes fitted on all rows"):
        trees = _on_all_rows(split, best[2], trees)
    least = losses[min(range(len(scored)), key=lambda place: scored[place][1])]
    share = test.weight / test.weight.sum()
    size, null = running_rules().size, float(share @ losses[-1])
    points = {
        ParetoPoint(
            float(sum(map(size, nodes))),
            1.0 - held / constant[1] if constant[1] > 0 else 0.0,
            split.fitted(nodes),
            criterion=criterion,
            error=paired_gain(loss, least, share)[1] / null if null > 0 else 0.0,
        ): terms
        for (criterion, held, terms, nodes), loss in zip(scored, losses, strict=True)
    }
    front = []
    for point in ParetoFront(points):
        assert isinstance(point.formula, FittedExpression)
        nodes = list(point.formula.nodes)
        with within(otherwise="weights of the front fitted on all rows"):
            checkpoint()
            nodes = _on_all_rows(split, points[point], nodes)
        front.append(replace(point, fitted=split.fitted(nodes)))
    return ColumnsResult(split.fitted(trees), best[0], constant[0], front)


def _exchange(score: Score, per_output: Sequence[Sequence[Node]]) -> None:
    """Score the classes' best candidates together, then others of each class in their place.

    A candidate is found for one class against all others, by squares: what is best there need not
    be best for all classes together.
    """
    chosen = [nodes[0] for nodes in per_output]
    terms = dict.fromkeys(term for node in chosen for term in additive_terms(node)[0])
    best = score(chosen)
    # each class has a form of its own for what one form tells of all
    _leave_out_needless(score, list(terms))
    n_searched = sum(len(nodes) > 1 for nodes in per_output)
    most = _MOST_TRIED // max(n_searched, 1)
    for output, nodes in enumerate(per_output):
        if len(nodes) == 1 or most < _FEWEST_TRIED:
            continue
        for node in [Number(0.0), *nodes[1:most]]:
            trial = [*chosen[:output], node, *chosen[output + 1 :]]
            value = score(trial)
            if value < best:
                best, chosen = value, trial


def _look_at_lines(score: Score, per_output: Sequence[Sequence[Node]], max_complexity: int) -> None:
    """Score weighted sums of the candidates' columns that are not larger than they may be.

    Candidates are found by squares of indicators, which bend where log odds are straight.
    """
    names = frozenset().union(*(variables(node) for nodes in per_output for node in nodes))
    size = running_rules().size

    def score_line(columns: Sequence[Node]) -> float:
        weighted = [make_product([Number(0.3), column]) for column in columns]
        return score(columns, size(make_sum([Number(0.3), *weighted])) <= max_complexity)

    _leave_out_needless(score_line, [Variable(name) for name in sorted(names)])


def _leave_out_needless(score: Callable[[Sequence[Node]], float], terms: list[Node]) -> None:
    """Score terms together, then with one after the other left out while that is better."""
    if not 1 <= len(terms) <= _MOST_PRUNED or running_rules().forced:
        return
    best = score(terms)
    while len(terms) > 1:
        rest = [[other for other in terms if other != term] for term in terms]
        values = [score(others) for others in rest]
        least = min(range(len(terms)), key=values.__getitem__)
        if not values[least] < best:
            return
        best, terms = values[least], rest[least]


def _admitted(split: Split, trees: Sequence[Node]) -> bool:
    return all(split.admits(tree, split.rows(0)) for tree in trees)


def _on_all_rows(split: Split, terms: Sequence[Node], trees: list[Node]) -> list[Node]:
    """Return trees with the weights of all rows; the given ones where those are not admitted."""
    found = weighted_terms(split.observations, terms)
    return trees if found is None or (terms and not _admitted(split, found)) else found


def weighted_terms(observations: Observations, terms: Sequence[Node]) -> list[Node] | None:
    """Fit the weights of terms on all rows; return a tree per output, None if some overflow."""
    rows = np.arange(len(observations.target))
    return _with_weights(observations, terms, observations.family.of_answers, rows, rows)[0]


def _with_weights(
    observations: Observations,
    terms: Sequence[Node],
    family: Family,
    train: RowNumbers,
    test: RowNumbers,
) -> tuple[list[Node] | None, Matrix, float]:
    """Fit the weights of terms; return a tree per output, the predictor elsewhere, deviance."""

    def design(places: RowNumbers) -> Matrix:
        n = len(places)
        rows = NamedRows.of(observations.X[places], observations.names, np.zeros(n), np.ones(n))
        return np.column_stack([np.ones(n), *(rows.values(term) for term in terms)])

    columns, elsewhere = design(train), design(test)
    if not (np.isfinite(columns).all() and np.isfinite(elsewhere).all()):
        return None, elsewhere, np.inf
    fit = family.fit_linear(columns)
    try:
        trees = []
        for constant, *weights in fit.coef.T.tolist():
            parts = [make_product([Number(w), t]) for w, t in zip(weights, terms, strict=True)]
            trees.append(make_sum([Number(constant), *parts]))
    except FormulaError:
        return None, elsewhere, np.inf
    return trees, elsewhere @ fit.coef, fit.deviance
