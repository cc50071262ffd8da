"""Stage of the package's own engine: sums of powers whose weights are all one or minus one.

Powers of one column are so much alike that beside noise a few weighted ones stand for many: which
of them are in a law is told only where their weights need not be fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import product

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.formula.text.canonical import make_power, make_product, make_sum
from sktaskneuron.formula.text.nodes import Node, Number
from sktaskneuron.search.columns.builtin.library import Atoms, monomials
from sktaskneuron.search.columns.builtin.links import LINKS, Given, Link, allowed_links
from sktaskneuron.search.columns.builtin.pool import Search, View
from sktaskneuron.search.columns.builtin.products import smooth_target
from sktaskneuron.search.columns.constants import EXACT, symbols_price

# Powers of one column and of each of two, of both sides of a ratio, and most of a sum.
_ONE, _TWO, _ABOVE, _BELOW, _MOST = range(1, 10), range(1, 5), range(1, 7), range(1, 5), 10
# Sums that are kept of each transform of the target.
_KEPT = 3


def unweighted(search: Search, view: View) -> None:
    """Compare all sums of powers of one or two columns with weights of one, zero and minus one.

    And of one column all ratios ``P/Q`` of such sums, by ``y = P - y (Q - 1)``.
    """
    X, names = view.X, view.names
    if not 1 <= X.shape[1] <= 2:
        return
    search.say("sums without weights")
    atoms = monomials(X, names, [tuple(_ONE) if X.shape[1] == 1 else tuple(_TWO)], _MOST)
    for link in allowed_links():
        given = link.given(view.y, view.weight)
        if given is None:
            continue
        for signs, constant in _best(search, view, atoms.values[given.rows], given):
            above = _terms(atoms, signs)
            for beside in (0.0, constant):
                node = partial(_sum, view, link, above, beside)
                search.pool.add_as_it_is(node)
    if X.shape[1] == 1 and not search.pool.is_exact:
        _fit_ratios(search, view)


def _fit_ratios(search: Search, view: View) -> None:
    given = Given(view.y, np.arange(len(view.y)), view.weight)
    above = monomials(view.X, view.names, [tuple(_ABOVE)], _MOST)
    below = monomials(view.X, view.names, [tuple(_BELOW)], _MOST)
    factor = smooth_target(search, view, LINKS[0], given)
    if factor is None:
        factor = view.y
    both = np.column_stack([above.values, below.values * factor[:, None]])
    for signs, constant in _best(search, view, both, given):
        over, under = _terms(above, signs[: len(above)]), _terms(below, -signs[len(above) :])
        for beside in (0.0, constant):
            if over or beside:
                search.pool.add_as_it_is(partial(_sum, view, LINKS[0], over, beside, under))


def _best(search: Search, view: View, values: Matrix, given: Given) -> list[tuple[Vector, float]]:
    """Return the weights of the best sums of all columns, and the constant beside each."""
    signs = np.asarray(list(product((0.0, 1.0, -1.0), repeat=values.shape[1])))[1:]
    # a term, its power and what joins it to others
    term = 4.0 * symbols_price([Number(1.0)], search.pool.rows.n_choices)
    share = given.weight / given.weight.sum()
    mean = share @ given.target
    centred, target = values - share @ values, given.target - mean
    gram, along = (centred * share[:, None]).T @ centred, centred.T @ (share * target)
    square = float(share @ target**2)
    left = square - 2 * signs @ along + np.einsum("sk,sk->s", signs @ gram, signs)
    length = view.n_observations * np.log(np.maximum(left, max(EXACT * square, 1e-300)))
    order = np.argsort(length + term * np.abs(signs).sum(axis=1), kind="stable")[:_KEPT]
    return [(signs[k], float(mean - share @ values @ signs[k])) for k in order]


def _terms(atoms: Atoms, signs: Vector) -> list[Node]:
    places = np.flatnonzero(signs)
    return [make_product([Number(float(signs[k])), atoms.node(int(k))]) for k in places]


def _sum(
    view: View, link: Link, above: list[Node], constant: float, below: Sequence[Node] = ()
) -> Node:
    top = make_sum([*above, Number(constant)])
    bottom = make_power(make_sum([Number(1.0), *below]), -1)
    return view.equation(link.inverse(make_product([top, bottom])))
