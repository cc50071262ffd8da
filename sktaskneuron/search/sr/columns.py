"""The equation of a target in named columns, from an engine's candidates to a validated answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...exceptions import FormulaError
from ...formula.canonical import make_product, make_sum
from ...formula.fitted_expression import FittedExpression, additive_terms
from ...formula.nodes import Node, Number, complexity
from ..td.family import Family, make_family
from ..td.standardise import usable_columns
from .columns_constants import EXACT, Rows, refit
from .columns_polish import pruned, snapped
from .columns_simplify import simplified
from .engine import ColumnsProblem
from .registry import get_columns_engine

Array = NDArray[np.float64]

# Share and greatest number of rows held out, and rows below which none are.
_HELD_OUT, _MOST_HELD_OUT, _FEWEST_ROWS = 0.2, 20_000, 60
# Candidates that are validated, and those whose numbers and summands are made fewer before.
_MOST_CANDIDATES, _MOST_POLISHED = 40, 10
# Rows in which a column must differ from its most frequent value, and their share of a small table.
_SUPPORT, _SUPPORT_SHARE = 10, 0.1
# Points between two rows, and ranges of the target beyond its ends that are near enough there.
_BETWEEN, _MOST_RANGES = 8_000, 1.0
# Standard errors by which a candidate's held-out loss may exceed the best one's.
_TOLERANCE = 2.0


@dataclass(frozen=True)
class ColumnsOptions:
    """Settings, as documented for :class:`sktaskneuron.NeuronFormulaSearch`."""

    engine: str = "builtin"
    max_complexity: int = 50
    max_samples: int = 2_000
    max_steps: int | None = None


@dataclass(frozen=True)
class FrontPoint:
    """One equation met, with its number of nodes and its score on held-out rows."""

    complexity: int
    score: float
    expression: FittedExpression


@dataclass(eq=False)
class ColumnsResult:
    """What the search found.

    Parameters
    ----------
    fitted : FittedExpression
    criterion, null_criterion : float
        Description length of the target by the answer and by a constant.
    front : list of FrontPoint
        Equations met, with their validated scores.
    caps : tuple of str
        What was cut to keep the cost bounded.
    n_steps : int
    """

    fitted: FittedExpression
    criterion: float
    null_criterion: float
    front: list[FrontPoint] = field(default_factory=list)
    caps: tuple[str, ...] = ()
    n_steps: int = 0


def search_columns(
    X: Array,
    target: Array,
    weight: Array,
    *,
    classification: bool,
    feature_names: Sequence[str],
    options: ColumnsOptions,
    rng: np.random.Generator,
    on_step: Callable[[str], None] | None = None,
) -> ColumnsResult:
    """Find equations of ``target`` in the named columns ``X``.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite floats in raw units.
    target : ndarray of shape (n_samples, n_outputs)
        For classification 0/1 indicators, one column for two classes.
    weight : ndarray of shape (n_samples,)
        Positive.
    classification : bool
        Whether the equation is of the log odds.
    feature_names : sequence of str
    options : ColumnsOptions
    rng : numpy.random.Generator
        Draws the rows that are held out and those that are searched on.
    on_step : callable, optional
        Called with a text now and then.

    Returns
    -------
    ColumnsResult
        Several outputs have an equation each, and a front of the first output's.

    Raises
    ------
    MissingDependencyError
        If the engine's package is not installed.
    EngineError
        If the engine failed.
    """
    find = get_columns_engine(options.engine)
    names = tuple(map(str, feature_names))
    caps: list[str] = []
    steps: list[str] = []

    def report(text: str) -> None:
        steps.append(text)
        if on_step is not None:
            on_step(text)

    n = len(X)
    order = rng.permutation(n)
    n_held = min(round(_HELD_OUT * n), _MOST_HELD_OUT) if weight.sum() >= _FEWEST_ROWS else 0
    held, rest = np.sort(order[:n_held]), order[n_held:]
    if len(rest) > options.max_samples:
        caps.append(f"equations searched on {options.max_samples} of {n} rows, drawn at random")
    train = np.sort(rest[: options.max_samples])
    usable = np.flatnonzero(usable_columns(X[train]) & _supported(X[train]))
    seed = int(rng.integers(2**31))
    link = make_family(target, weight, classification).link
    per_output: list[list[Node]] = []
    for j in range(target.shape[1]):
        problem = ColumnsProblem(
            X[np.ix_(train, usable)],
            tuple(names[i] for i in usable),
            target[train, j],
            weight[train],
            options.max_complexity,
            options.max_steps,
            seed,
            report,
        )
        # values that overflow are looked for and left out wherever candidates are compared
        with np.errstate(all="ignore"):
            found = find(problem) if usable.size else []
            rows = _rows(X[train], target[train, j], weight[train], names)
            per_output.append(_tidied(found, rows, options.max_complexity))
    everything = _Judged(X, target, weight, names, held, classification, link)
    with np.errstate(all="ignore"):
        result = everything.choose(per_output)
    result.caps, result.n_steps = tuple(caps), len(steps)
    return result


def _supported(X: Array) -> NDArray[np.bool_]:
    """Tell which columns have more than a few rows that differ from their most frequent value.

    A level that few rows have fits those rows, outliers foremost, and tells nothing about others.
    """
    fewest = min(_SUPPORT, _SUPPORT_SHARE * len(X))
    frequent = [np.unique(column, return_counts=True)[1].max() for column in X.T]
    return len(X) - np.asarray(frequent, dtype=float) >= fewest


def _rows(X: Array, y: Array, weight: Array, names: Sequence[str]) -> Rows:
    return Rows(dict(zip(names, X.T, strict=True)), y, weight)


def _tidied(nodes: Sequence[Node], rows: Rows, max_complexity: int) -> list[Node]:
    """Refit, prune and simplify an engine's candidates; the best by description length first."""
    mean = Number(float(rows.weight @ rows.y / rows.n_effective))
    scored: dict[Node, float] = {}

    def keep(node: Node) -> None:
        value = rows.criterion(node)
        if np.isfinite(value) and complexity(node) <= max_complexity:
            scored[node] = value

    start = sorted(nodes, key=rows.criterion)[:_MOST_CANDIDATES]
    for place, node in enumerate(start):
        if not np.isfinite(rows.values(node)).all():
            continue
        keep(node)
        if place >= _MOST_POLISHED:
            continue
        fitted = pruned(refit(node, rows), rows)
        for trial in (fitted, snapped(fitted, rows)):
            keep(simplified(trial, rows))
    best = sorted(scored, key=lambda node: scored[node])[:_MOST_CANDIDATES]
    return best if mean in best else [*best, mean]


@dataclass(frozen=True, eq=False)
class _Judged:
    """All rows, of which some were held out from the search."""

    X: Array
    target: Array
    weight: Array
    names: tuple[str, ...]
    held: NDArray[np.intp]
    classification: bool
    link: str

    def choose(self, per_output: list[list[Node]]) -> ColumnsResult:
        """Choose an equation per output, refitted on all rows."""
        if self.classification:
            return self._choose_classes(per_output)
        chosen, value, null, front = [], 0.0, 0.0, []
        for j, nodes in enumerate(per_output):
            y = self.target[:, j]
            rows = _rows(self.X, y, self.weight, self.names)
            kept = np.setdiff1d(np.arange(len(y)), self.held)
            train, test = rows.take(kept), rows.take(self.held)
            errors = [(test.y - test.values(node)) ** 2 for node in nodes]
            # before they are compared: one that is to be refused must not refuse others
            bounded = {id(node) for node in _bounded(nodes, rows)}
            usable = [place for place, node in enumerate(nodes) if id(node) in bounded]
            best = self._validated(
                [nodes[place] for place in usable],
                [errors[place] for place in usable],
                test.weight,
                EXACT * rows.variance,
            )
            refitted = [_refitted(node, rows) for node in best]
            criteria = [rows.criterion(node) for node in refitted]
            place = int(np.argmin(criteria))
            chosen.append(refitted[place])
            value += criteria[place]
            null += rows.criterion(Number(float(rows.weight @ rows.y / rows.n_effective)))
            if j == 0:
                front = self._front(nodes, errors, test, train)
        fitted = FittedExpression(tuple(chosen), self.names, self.link)
        return ColumnsResult(fitted, value, null, front)

    def _validated(
        self, nodes: Sequence[Node], errors: Sequence[Array], weight: Array, floor: float
    ) -> list[Node]:
        """Return the candidates that no other beats clearly on held-out rows, and the constant.

        That one always stays: a lucky candidate must still pay for what it is made of.
        """
        constant = next(node for node in nodes if isinstance(node, Number))
        if not len(self.held):
            return list(nodes)
        share = weight / weight.sum()
        means = np.asarray([float(share @ e) if np.isfinite(e).all() else np.inf for e in errors])
        best = int(np.argmin(means))

        def excess(place: int) -> float:
            """Return by how many standard errors a loss exceeds the best one, row by row."""
            gap = errors[place] - errors[best]
            mean = float(share @ gap)
            error = float(np.sqrt(share @ (gap - mean) ** 2 / len(gap)))
            return mean / error if error > 0 else 0.0

        kept = [
            node
            for place, node in enumerate(nodes)
            if means[place] <= floor or (np.isfinite(means[place]) and excess(place) <= _TOLERANCE)
        ]
        return kept if constant in kept else [*kept, constant]

    def _front(
        self, nodes: Sequence[Node], errors: Sequence[Array], test: Rows, train: Rows
    ) -> list[FrontPoint]:
        rows, losses = test, errors
        if not len(self.held):
            rows = train
            losses = [(train.y - train.values(node)) ** 2 for node in nodes]
        reference = rows.variance * rows.n_effective
        return [
            FrontPoint(
                complexity(node),
                1.0 - float(rows.weight @ loss) / reference,
                FittedExpression((node,), self.names, self.link),
            )
            for node, loss in zip(nodes, losses, strict=True)
            if np.isfinite(loss).all()
        ]

    # -- classes ----------------------------------------------------------------------------------

    def _choose_classes(self, per_output: list[list[Node]]) -> ColumnsResult:
        """Choose terms by the likelihood of classes; their weights are fitted jointly."""
        kept = np.setdiff1d(np.arange(len(self.target)), self.held)
        train = make_family(self.target[kept], self.weight[kept], True)
        judged = self.held if len(self.held) else kept
        test = make_family(self.target[judged], self.weight[judged], True)
        several = len(per_output) > 1
        # of several classes each has its terms by its own candidate; of two, candidates compete
        groups = [[nodes[0] for nodes in per_output]] if several else [[n] for n in per_output[0]]
        groups.append([Number(0.0)])
        scored: list[tuple[float, float, list[Node], list[Node]]] = []
        for group in groups:
            terms = list(dict.fromkeys(t for node in group for t in additive_terms(node)[0]))
            trees, eta, deviance = self._weights(terms, train, kept, judged)
            if trees is None:
                continue
            price = np.log(max(train.n_effective, 3.0)) * train.n_free_outputs * len(terms)
            symbols = 2.0 * np.log(12 + len(self.names)) * sum(map(complexity, terms))
            scored.append((deviance + price + symbols, test.deviance(eta), terms, trees))
        best = min(scored, key=lambda item: item[0])
        constant = scored[-1]
        if best[1] >= constant[1]:
            best = constant
        everywhere = np.arange(len(self.target))
        family = make_family(self.target, self.weight, True)
        trees, _, _ = self._weights(best[2], family, everywhere, everywhere)
        assert trees is not None
        front = [
            FrontPoint(
                sum(map(complexity, nodes)),
                1.0 - held / constant[1] if constant[1] > 0 else 0.0,
                FittedExpression(tuple(nodes), self.names, self.link),
            )
            for _, held, _, nodes in scored
        ]
        fitted = FittedExpression(tuple(trees), self.names, self.link)
        return ColumnsResult(fitted, best[0], constant[0], front)

    def _weights(
        self,
        terms: Sequence[Node],
        family: Family,
        train: NDArray[np.intp],
        test: NDArray[np.intp],
    ) -> tuple[list[Node] | None, Array, float]:
        """Fit the weights of terms; return a tree per output, the predictor elsewhere, deviance."""

        def design(places: NDArray[np.intp]) -> Array:
            rows = _rows(self.X[places], np.zeros(len(places)), np.ones(len(places)), self.names)
            return np.column_stack([np.ones(len(places)), *(rows.values(term) for term in terms)])

        columns, elsewhere = design(train), design(test)
        if not (np.isfinite(columns).all() and np.isfinite(elsewhere).all()):
            return None, elsewhere, np.inf
        fit = family.fit_linear(columns)
        try:
            trees = [
                make_sum(
                    [
                        Number(float(coef[0])),
                        *(
                            make_product([Number(float(w)), term])
                            for w, term in zip(coef[1:], terms, strict=True)
                        ),
                    ]
                )
                for coef in fit.coef.T
            ]
        except FormulaError:
            return None, elsewhere, np.inf
        return trees, elsewhere @ fit.coef, fit.deviance


def _bounded(nodes: Sequence[Node], rows: Rows) -> list[Node]:
    """Return the equations that stay near the target's range between the rows.

    A ratio may have its poles just beside the rows that it was fitted to. An equation that leaves
    nothing but rounding stays, whatever it does there.
    """
    rng = np.random.default_rng(0)
    first, second = rng.integers(len(rows.y), size=(2, _BETWEEN))
    step = rng.random(_BETWEEN)
    columns = {}
    for name, values in rows.columns.items():
        columns[name] = values[first] + step * (values[second] - values[first])
        if len(np.unique(values)) <= 2:
            # levels come in other combinations too, and nothing lies between them
            columns[name] = rng.choice(values, size=_BETWEEN)
    between = Rows(columns, np.zeros(_BETWEEN), np.ones(_BETWEEN))
    low, high = float(rows.y.min()), float(rows.y.max())
    margin = _MOST_RANGES * (high - low)
    kept = []
    for node in nodes:
        values = between.values(node)
        # where a logarithm ends is no pole
        fine = ~np.isfinite(values) | ((values >= low - margin) & (values <= high + margin))
        if fine.all() or rows.loss(node) <= 1e3 * EXACT * rows.variance:
            kept.append(node)
    return kept


def _refitted(node: Node, rows: Rows) -> Node:
    """Refit an equation on all rows, and make its numbers simple again where they agree."""
    if isinstance(node, Number):
        return Number(float(rows.weight @ rows.y / rows.n_effective))
    if rows.loss(node) <= 1e3 * EXACT * rows.variance:
        return node
    return simplified(snapped(refit(node, rows), rows), rows)
