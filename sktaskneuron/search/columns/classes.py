"""Which equation of columns tells classes apart: compared by their likelihood."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sktaskneuron._typing import Matrix, RowNumbers
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.equation.fitted_expression import additive_terms
from sktaskneuron.formula.equation.pareto import ParetoPoint
from sktaskneuron.formula.text.canonical import make_product, make_sum
from sktaskneuron.formula.text.nodes import Node, Number, complexity
from sktaskneuron.search.columns.choice import ColumnsResult, Split
from sktaskneuron.search.columns.constants import NamedRows, symbols_price
from sktaskneuron.search.frame.family import Family, make_family
from sktaskneuron.search.frame.observations import Observations


def choose_classes(split: Split, per_output: Sequence[Sequence[Node]]) -> ColumnsResult:
    """Choose terms by the likelihood of classes; their weights are fitted jointly.

    Parameters
    ----------
    split : Split
        Of 0/1 indicators.
    per_output : sequence of sequence of Node
        Candidates for the indicator of each class, of two classes for the second's; the best first.
    """
    observations = split.observations
    target, weight = observations.target, observations.weight
    kept = split.kept
    train = make_family(target[kept], weight[kept], True)
    judged = split.held if len(split.held) else kept
    test = make_family(target[judged], weight[judged], True)
    # of several classes each has its terms by its own candidate; of two, candidates compete
    if len(per_output) > 1:
        groups = [[nodes[0] for nodes in per_output]]
    else:
        groups = [[node] for node in per_output[0]]
    groups.append([Number(0.0)])
    scored: list[tuple[float, float, list[Node], list[Node]]] = []
    for group in groups:
        terms = list(dict.fromkeys(term for node in group for term in additive_terms(node)[0]))
        trees, eta, deviance = _with_weights(observations, terms, train, kept, judged)
        if trees is None:
            continue
        price = np.log(max(train.n_effective, 3.0)) * train.n_free_outputs * len(terms)
        symbols = symbols_price(terms, len(observations.names))
        scored.append((deviance + price + symbols, test.deviance(eta), terms, trees))
    best = min(scored, key=lambda item: item[0])
    constant = scored[-1]
    if best[1] >= constant[1]:
        best = constant
    everywhere = np.arange(len(target))
    trees, _, _ = _with_weights(observations, best[2], observations.family, everywhere, everywhere)
    assert trees is not None
    front = [
        ParetoPoint(
            float(sum(map(complexity, nodes))),
            1.0 - held / constant[1] if constant[1] > 0 else 0.0,
            split.fitted(nodes),
        )
        for _, held, _, nodes in scored
    ]
    return ColumnsResult(split.fitted(trees), best[0], constant[0], front)


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
