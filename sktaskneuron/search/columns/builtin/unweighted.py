"""Stage of the package's own engine: sums of powers whose weights are all one or minus one.

Powers of one column are so much alike that beside noise a few weighted ones stand for many: which
of them are in a law is told only where their weights need not be fitted.
"""

from __future__ import annotations

from functools import partial
from itertools import product

import numpy as np

from sktaskneuron.formula.text.canonical import make_product, make_sum
from sktaskneuron.formula.text.nodes import Node, Number
from sktaskneuron.search.columns.builtin.library import Atoms, monomials
from sktaskneuron.search.columns.builtin.links import Link, allowed_links
from sktaskneuron.search.columns.builtin.pool import Search, View
from sktaskneuron.search.columns.constants import EXACT, symbols_price

# Powers of one column and of each of two, and most of them whose sums are all compared.
_ONE, _TWO, _MOST_ATOMS = range(1, 10), range(1, 5), 9
# Sums that are kept of each transform of the target.
_KEPT = 3


def unweighted(search: Search, view: View) -> None:
    """Compare all sums of powers of one or two columns with weights of one, zero and minus one."""
    X, names, n = view.X, view.names, view.n_observations
    if not 1 <= X.shape[1] <= 2:
        return
    search.say("sums without weights")
    degrees = [(tuple(_ONE) if X.shape[1] == 1 else tuple(_TWO))]
    atoms = monomials(X, names, degrees, _MOST_ATOMS)
    signs = np.asarray(list(product((0.0, 1.0, -1.0), repeat=len(atoms))))[1:]
    # two nodes more for each power and for each term
    price = (
        symbols_price([Number(1.0)], search.pool.rows.n_choices) * 4.0 * np.abs(signs).sum(axis=1)
    )
    for link in allowed_links():
        given = link.given(view.y, view.weight)
        if given is None:
            continue
        share = given.weight / given.weight.sum()
        values = atoms.values[given.rows]
        centred = values - share @ values
        target = given.target - share @ given.target
        gram, along = (centred * share[:, None]).T @ centred, centred.T @ (share * target)
        square = float(share @ target**2)
        left = square - 2 * signs @ along + np.einsum("sk,kl,sl->s", signs, gram, signs)
        length = n * np.log(np.maximum(left, EXACT * square)) + price
        for place in np.argsort(length, kind="stable")[:_KEPT]:
            constant = float(share @ (given.target - values @ signs[place]))
            for beside in (0.0, constant):
                search.pool.add_as_it_is(partial(_sum, view, link, atoms, signs[place], beside))


def _sum(view: View, link: Link, atoms: Atoms, signs: np.ndarray, constant: float) -> Node:
    terms: list[Node] = [
        make_product([Number(float(signs[place])), atoms.node(int(place))])
        for place in np.flatnonzero(signs)
    ]
    return view.equation(link.inverse(make_sum([*terms, Number(constant)])))
