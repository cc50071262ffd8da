"""Stages of the package's own engine: weighted sums of atoms under transforms of the target."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.formula.text.canonical import make_product, make_sum
from sktaskneuron.formula.text.nodes import Node, Number
from sktaskneuron.search.columns.builtin.library import (
    Atoms,
    columns_as_atoms,
    hinges,
    monomials,
    pairs_of,
    unary_of,
)
from sktaskneuron.search.columns.builtin.links import LINKS, Given, Link
from sktaskneuron.search.columns.builtin.pool import SHORT, Search, View, weights_of, worth
from sktaskneuron.search.columns.builtin.select import Places, Sums, backward, forward

# Terms of a sum.
MOST_TERMS = 8
# Rows on which large libraries are looked through.
DEEP_ROWS = 300
# Columns up to which products of all of them are formed.
FEW_COLUMNS = 5
# Libraries up to this size are tried with every transform of the target, larger ones with the most
# promising.
_ALL_LINKS = 1_500
# Atoms of libraries whose best sum is fitted whatever is expected of it.
_ALWAYS = 60
# Atoms of libraries that are cheap, and of large ones.
SMALL, _MEDIUM = 400, 4_000
# Rows times atoms of a library that is looked through on all rows.
_MOST_ENTRIES = 1_500_000


def libraries(view: View) -> list[tuple[Atoms, bool]]:
    """Return libraries of growing size, and whether to start from all of their atoms."""
    X, names = view.X, view.names
    n = view.n_observations
    whole = monomials(X, names, [(1, 2, 3, 4), (1, 2), (1,), (1,)], SMALL)
    quadratic = monomials(X, names, [(1, 2), (1,)], SMALL)
    laurent = monomials(
        X,
        names,
        [(-3, -2, -1, -0.5, 0.5, 1, 2, 3), (-2, -1, -0.5, 0.5, 1, 2), (-2, -1, 1, 2), (-1, 1)],
        _MEDIUM,
    )
    columns = columns_as_atoms(X, names)
    bent = unary_of(columns, ("sin", "cos", "exp", "exp-", "log abs", "sqrt abs", "tanh"))
    angles = unary_of(pairs_of(columns, columns, "+-*", 200), ("sin", "cos"))
    even = unary_of(unary_of(columns, ("square",)), ("square",)) + unary_of(columns, ("square",))
    bumps = unary_of(unary_of(even, ("1+",)), ("inverse",))
    curves = columns + bent + angles + bumps
    products = pairs_of(quadratic, bent + angles, "*", _MEDIUM)
    products = products + pairs_of(columns, unary_of(angles, ("square",)), "*", 1_000)
    high = monomials(X, names, [tuple(range(1, 10))], SMALL)
    libraries = [(quadratic, True), (whole, True), (curves + whole, True)]
    if X.shape[1] <= 2:
        libraries.insert(2, (high, True))
    libraries += [
        (quadratic + curves + products, False),
        (laurent, False),
        (full_products(X, names), False),
    ]
    return [(atoms, start and 3 * len(atoms) < n) for atoms, start in libraries]


def full_products(X: Matrix, names: Sequence[str]) -> Atoms:
    """Return products of all columns, each as it is, inverted, its root, as a wave, or left out."""
    columns = columns_as_atoms(X, names)
    result = Atoms(np.ones((len(X), 1)), [lambda: Number(1.0)])
    if X.shape[1] > FEW_COLUMNS:
        return columns
    for place in range(len(columns)):
        own = columns.take([place])
        forms = own + unary_of(own, ("inverse", "sin", "cos", "sqrt"))
        result = result.join(pairs_of(result, forms, "*", 20_000))
    return result.take(range(1, len(result)))


def linked_sums(search: Search, view: View) -> None:
    """Fit sums of the atoms of libraries of growing size, under every transform of the target."""
    for number, (atoms, from_all) in enumerate(libraries(view)):
        # a view that is promoted has been through the small ones
        if view.in_short and (len(atoms) > SMALL) != search.is_promoted(view):
            continue
        if len(atoms) > SMALL and search.pool.is_noise:
            return
        search.say(f"sums of {len(atoms)} atoms")
        for link in search.links(view, promising=number >= 3 and len(atoms) > _ALL_LINKS):
            linked(search, view, link, atoms, from_all)
            if search.pool.is_exact:
                return


def linked(search: Search, view: View, link: Link, atoms: Atoms, from_all: bool) -> None:
    """Fit sums of atoms under one transform; ``from_all`` starts from all of them too."""
    if not len(atoms):
        return
    given = link.given(view.y, view.weight)
    if given is None:
        return
    look = given
    if len(given.rows) * len(atoms) > _MOST_ENTRIES:
        # a look at some of the rows chooses the atoms; their weights are fitted on all
        thin = given.thinned(-(-len(given.rows) * len(atoms) // _MOST_ENTRIES))
        look = thin if len(thin.rows) >= min(DEEP_ROWS, len(given.rows)) else given
    values = atoms.values if len(look.rows) == len(atoms.values) else atoms.values[look.rows]
    n = view.n_observations * len(look.rows) / len(view.y)
    always = 1 if len(atoms) <= _ALWAYS else 0
    met: set[Places] = set()
    for sums in sums_of(values, look.target, look.weight, n, from_all):
        fit_best(search, view, link, atoms, sums, given, look, always, met)


def fit_best(
    search: Search,
    view: View,
    link: Link,
    atoms: Atoms,
    sums: Sums,
    given: Given,
    look: Given,
    always: int = 0,
    met: set[Places] | None = None,
) -> None:
    """Fit the sums worth it, and of the short ones those that are the best of their size.

    They were chosen on the rows of ``look``. The first ``always`` are fitted whatever is expected,
    and none of those that were ``met``, to which it adds.
    """
    met = set() if met is None else met
    n = view.n_observations * len(look.rows) / len(view.y)
    sizes, spread = worth(sums, n, len(atoms)), look.spread / n
    for place, size in enumerate(sizes):
        if sums.places[size] in met and place >= always:
            continue
        met.add(sums.places[size])
        make = partial(sum_of, view, link, atoms, sums.places[size], given)
        search.attempt(view, link, make, 0.0 if place < always else sums.loss[size] * spread, size)
    for size in range(1, SHORT + 1):
        if size in sums.places and sums.places[size] not in met:
            make = partial(sum_of, view, link, atoms, sums.places[size], given)
            search.attempt_short(make, sums.loss[size] * spread, size)


def sums_of(values: Matrix, target: Vector, weight: Vector, n: float, from_all: bool) -> list[Sums]:
    """Return sums found forward, and backward from all columns or from those met forward."""
    most = MOST_TERMS + 6
    steps = forward(values, target, weight, most, n)
    if from_all:
        return [steps, backward(values, target, weight, most, n)]
    longest = steps.places[max(steps.places)]
    if len(longest) < 3:
        return [steps]
    again = backward(values[:, list(longest)], target, weight, most, n)
    places = {k: tuple(longest[i] for i in found) for k, found in again.places.items()}
    return [steps, Sums(places, again.loss)]


def sum_of(
    view: View,
    link: Link,
    atoms: Atoms,
    places: Sequence[int],
    given: Given,
) -> Node:
    """Return the equation that a sum of the chosen atoms is, with its least-squares weights."""
    target = given.target
    coef = weights_of(atoms.values[:, list(places)][given.rows], target, given.weight)
    terms: list[Node] = []
    for value, place in zip(coef[:-1], places, strict=True):
        terms.append(make_product([Number(float(value)), atoms.node(place)]))
    spread = float(np.sqrt(np.average((target - np.average(target)) ** 2)))
    # a constant that is rounding would be a free number of its own
    constant = float(coef[-1])
    if abs(constant) > 1e-7 * max(spread, abs(float(np.average(target)))):
        terms.append(Number(constant))
    return view.equation(link.inverse(make_sum(terms)))


def broken_lines(search: Search, view: View) -> None:
    """Fit sums of columns, their hinges, and products of these with columns."""
    search.say("broken lines")
    atoms = columns_as_atoms(view.X, view.names) + hinges(view.X, view.names, 7)
    atoms = atoms + pairs_of(columns_as_atoms(view.X, view.names), atoms, "*", 2_000)
    sums = forward(atoms.values, view.y, view.weight, 14, view.n_observations)
    given = Given(view.y, np.arange(len(view.y)), view.weight)
    for size in sums.places:
        if size:
            places = sums.places[size]
            search.pool.add(partial(sum_of, view, LINKS[0], atoms, places, given))
