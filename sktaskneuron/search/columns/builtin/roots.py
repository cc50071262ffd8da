"""Stage of the package's own engine: roots of quadratic equations, a sum beside a square root."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.formula.text.canonical import make_power, make_product, make_sum
from sktaskneuron.formula.text.nodes import Node, Number
from sktaskneuron.search.columns.builtin.library import Atoms, columns_as_atoms, monomials
from sktaskneuron.search.columns.builtin.links import LINKS, Given
from sktaskneuron.search.columns.builtin.pool import Search, View, weights_of, worth
from sktaskneuron.search.columns.builtin.products import smooth_target
from sktaskneuron.search.columns.builtin.sums import FEW_COLUMNS, SMALL, sums_of


def roots(search: Search, view: View) -> None:
    """Fit ``(y - L)**2 = R``, which is linear: ``y**2 = 2 y L + (R - L**2)``.

    L is linear in the columns, R a polynomial.
    """
    X, names, n = view.X, view.names, view.n_observations
    if X.shape[1] > FEW_COLUMNS:
        return
    search.say("roots of quadratic equations")
    given = Given(view.y, np.arange(len(view.y)), view.weight)
    smooth = smooth_target(search, view, LINKS[0], given)
    linear = columns_as_atoms(X, names)
    for factor in (view.y, smooth):
        if factor is None:
            continue
        for exponents in ([(1, 2), (1,)], [(1, 2, 3, 4), (1, 2), (1,), (1,)]):
            inside = monomials(X, names, exponents, SMALL)
            both = np.column_stack([inside.values, factor, linear.values * factor[:, None]])
            for sums in sums_of(both, view.y**2, view.weight, n, 3 * both.shape[1] < n):
                for size in worth(sums, n, both.shape[1]):
                    places = sums.places[size]
                    search.pool.add(partial(_root, view, inside, linear, both, places))
            if search.pool.is_exact:
                return


def _root(
    view: View, inside: Atoms, linear: Atoms, both: Matrix, places: Sequence[int]
) -> Node | None:
    """Return ``L + sqrt(L**2 + R)`` or the other root, whichever is nearer; None if y has no L."""
    coef = weights_of(both[:, list(places)], view.y**2, view.weight)
    beside: list[tuple[float, Node | None]] = []
    rest: list[Node] = [Number(float(coef[-1]))]
    half: Vector = np.zeros(len(view.y))
    for weight, place in zip(coef[:-1], places, strict=True):
        if place < len(inside):
            rest.append(make_product([Number(float(weight)), inside.node(place)]))
            continue
        own = place - len(inside) - 1
        beside.append((float(weight) / 2, linear.node(own) if own >= 0 else None))
        half = half + weight / 2 * (linear.values[:, own] if own >= 0 else 1.0)
    if not beside:
        return None
    terms = [make_product([Number(a), *([] if node is None else [node])]) for a, node in beside]
    square = [make_product([first, second]) for first in terms for second in terms]
    sign = 1.0 if float(view.weight @ np.sign(view.y - half)) >= 0 else -1.0
    root = make_power(make_sum([*square, *rest]), 0.5)
    return view.equation(make_sum([*terms, make_product([Number(sign), root])]))
