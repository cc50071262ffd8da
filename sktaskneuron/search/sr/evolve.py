"""Functions beyond the library: trees by mutation and crossover, judged in place of terms of a set.

A tree enters as a shape h with one inner constant, like any candidate: the weights and the constant
are fitted, so evolution works on the form alone. It sees no text and calls no sympy: a generation
is one batch of blocks on the Gram matrix. Trees with the values of an earlier one are dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

import numpy as np

from sktaskneuron._clock import checkpoint
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import ElementwiseExpression
from sktaskneuron.formula.text.canonical import (
    make_call,
    make_number,
    make_power,
    make_product,
    make_sum,
)
from sktaskneuron.formula.text.nodes import Node, Variable
from sktaskneuron.search.sr.library import Shape, Term, admitted
from sktaskneuron.search.sr.sets import Answer, SetSearch

# Generations, trees of each, and those that have children.
_GENERATIONS, _CHILDREN, _PARENTS = 5, 40, 16
# Most nodes of a tree.
_LARGEST = 14
#: Trees made in all, roughly.
N_TREES = 400
# Starting values of a tree's inner constant, and trees whose constants are tuned per generation.
_GRID = (0.5, 1.0, 2.0)
_TRIED = 6
# Where trees are compared: a few standard deviations on both sides, not symmetric.
_POINTS = np.linspace(-3.1, 2.9, 61)
_FUNCTIONS = ("sin", "cos", "tanh", "atan", "abs", "gaussian", "relu", "softplus", "exp")


def evolved(
    search: SetSearch,
    answer: Answer,
    shapes: Sequence[Shape],
    seed: int,
    functions: frozenset[str] | None = None,
) -> Answer:
    """Return a better answer with functions that are not in the library, or the same.

    Parameters
    ----------
    search : SetSearch
    answer : Answer
    shapes : sequence of Shape
        The library: the first parents.
    seed : int
        Of mutation and crossover.
    functions : frozenset of str, optional
        Names of those that may be made use of; all by default.

    Returns
    -------
    Answer
    """
    rng = np.random.default_rng([seed, 3])
    n_candidates = len(search.blocks.terms)
    seen = {_values_key(shape) for shape in shapes}
    parents = [shape.expression.node for shape in shapes]
    for generation in range(_GENERATIONS):
        nodes = _children(parents, rng) if generation else compositions()
        children = list(_fresh((n for n in nodes if admitted(n, functions)), seen))
        ranked = []
        for start in range(0, len(children), _CHILDREN):
            ranked += _ranked(search, answer, children[start : start + _CHILDREN])
            search.blocks.truncate(n_candidates)
        ranked.sort(key=lambda pair: pair[0])
        trials = _distinct(ranked)
        if trials:
            best = min(search.tuned(trials), key=lambda other: other.score)
            if best.score < answer.score:
                answer = search.exchanged(best)
        fittest = [term.shape for _, terms in ranked for term in terms[-1:]]
        unique = list(dict.fromkeys(fittest))[:_PARENTS]
        parents = [shape.expression.node for shape in (*unique, *shapes)]
        parents += [term.shape.expression.node for term in answer.terms]
    return answer


def _ranked(
    search: SetSearch, answer: Answer, children: list[Shape]
) -> list[tuple[float, tuple[Term, ...]]]:
    """Return the sets with a child in place of up to two terms, and their criteria; child last."""
    inside = search.blocks.add(answer.terms)
    first = len(search.blocks.terms)
    search.blocks.add([term for shape in children for term in shape.terms])
    costs = np.array([search.cost(term) for term in search.blocks.terms])
    found: list[tuple[float, tuple[Term, ...]]] = []
    for size in range(min(2, len(inside)) + 1):
        for leaving in combinations(inside, size):
            stay = tuple(c for c in inside if c not in leaving)
            if len(stay) >= search.max_terms:
                continue
            kept = search.terms_of(stay)
            rest = search.blocks.rest(stay, search.tuner.fixed(kept).tangents)
            value = (rest.single() + costs + costs[list(stay)].sum())[first:]
            for place in np.argsort(value, kind="stable")[: 2 * _PARENTS]:
                new = search.blocks.terms[first + int(place)]
                found.append((float(value[place]), (*kept, new)))
    return found


def _distinct(ranked: list[tuple[float, tuple[Term, ...]]]) -> list[tuple[Term, ...]]:
    """Return the best sets of every size, with another child each."""
    best: dict[tuple[int, Shape], tuple[Term, ...]] = {}
    for _, terms in ranked:
        key = len(terms), terms[-1].shape
        if sum(size == len(terms) for size, _ in best) < _TRIED:
            best.setdefault(key, terms)
    return list(best.values())


# -- trees -----------------------------------------------------------------------------------------


def compositions() -> Iterator[Node]:
    """Yield the first generation: functions of functions, and products of two."""
    x = Variable()
    inner = [make_power(x, 2), make_power(x, 3), make_call("abs", x)]
    outer = [make_call(name, x) for name in _FUNCTIONS]
    for name in _FUNCTIONS:
        for node in (*inner, *outer):
            yield make_call(name, node)
    for first, second in combinations((x, *inner, *outer), 2):
        yield make_product([first, second])
    one = make_number(1.0)
    for node in (x, *inner, *outer):
        above = make_sum([one, make_power(node, 2)])
        yield make_power(above, 0.5)
        yield make_power(above, -1)
        yield make_call("log", above)
        yield make_product([x, make_power(above, -1)])


def _children(parents: Sequence[Node], rng: np.random.Generator) -> Iterator[Node]:
    """Yield mutations and crossings, but for those that are no function."""
    for _ in range(_CHILDREN):
        try:
            yield _child(parents, rng)
        except FormulaError:
            continue


def _fresh(nodes: Iterable[Node], seen: set[bytes]) -> Iterator[Shape]:
    """Yield trees as shapes, none with the values of one seen before."""
    for node in nodes:
        checkpoint()
        try:
            expression = ElementwiseExpression(node).without_scale()
        except FormulaError:
            continue
        # powers have a limit of their own
        if expression is None or expression.is_power or expression.complexity > _LARGEST:
            continue
        shape = Shape(expression.text, _GRID)
        # rows to come may have other values than those seen
        if not expression.in_domain(np.concatenate([_POINTS, 10 * _POINTS])).all():
            continue
        key = _values_key(shape)
        if key not in seen:
            seen.add(key)
            yield shape


def _values_key(shape: Shape) -> bytes:
    """Return the values of a function up to weight and constant, as something to compare."""
    values = shape.expression.evaluate(_POINTS)
    values = values - values.mean()
    norm = float(np.linalg.norm(values))
    if not np.isfinite(norm) or norm < 1e-12:
        return b""
    values = values / norm
    lead = values[np.argmax(np.abs(values) > 1e-3)]
    return np.round(values * np.sign(lead), 6).tobytes()


def _child(parents: Sequence[Node], rng: np.random.Generator) -> Node:
    """Return a mutation of one parent or a crossing of two."""

    def one() -> Node:
        # the fitter a parent, the earlier it stands
        return parents[int(len(parents) * rng.uniform() ** 2)]

    kind = rng.integers(6)
    if kind == 0:
        return make_call(str(rng.choice(_FUNCTIONS)), one())
    if kind == 1:
        return make_product([one(), one()])
    if kind == 2:
        number = make_number(float(rng.choice([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])))
        return make_sum([one(), make_product([number, one()])])
    if kind == 3:
        return make_power(one(), int(rng.choice([2, 3])))
    if kind == 4:
        return make_power(make_sum([make_number(1.0), make_power(one(), 2)]), -1)
    return make_call("log", make_sum([make_number(1.0), make_power(one(), 2)]))
