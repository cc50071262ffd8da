"""Stages of the package's own engine: ratios of sums, and products of powers of atoms."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.formula.text.canonical import make_call, make_power, make_product, make_sum
from sktaskneuron.formula.text.nodes import Node, Number
from sktaskneuron.search.columns.builtin.library import (
    Atoms,
    columns_as_atoms,
    distinct,
    monomials,
    pairs_of,
    unary_of,
)
from sktaskneuron.search.columns.builtin.links import LINKS, Given, Link, allowed_links, capped
from sktaskneuron.search.columns.builtin.pool import SHORT, Search, View, weights_of, worth
from sktaskneuron.search.columns.builtin.select import forward
from sktaskneuron.search.columns.builtin.sums import MOST_TERMS, SMALL, sums_of

# Share of the variance that the best equation may leave to stand for the target.
_SMOOTH = 0.05
# Steps of the fit of a ratio of all columns, and the rows that each of its numbers needs.
_STEPS, _ROWS_PER_NUMBER = 12, 8
# Waves of columns and their pairs in products, and the rows that each needs.
_WAVES, _ROWS_PER_WAVE = ("sin", "cos", "sin/2"), 6
# Columns up to which there are waves of a sum or difference times a column.
_FEW = 4


def ratios(search: Search, view: View) -> None:
    """Fit y Q = P, which is linear: y = P - y (Q - 1)."""
    search.say("ratios of sums")
    X, names = view.X, view.names
    degrees: list[list[tuple[float, ...]]] = [[(1, 2), (1,)], [(1, 2, 3, 4), (1, 2), (1,)]]
    for link in (link for link in LINKS[:3:2] if link in allowed_links()):
        given = link.given(view.y, view.weight)
        if given is None:
            continue
        for exponents in degrees:
            atoms = monomials(X, names, exponents, SMALL)
            _fit_ratios(search, view, link, atoms, given, given.target)
            smooth = smooth_target(search, view, link, given)
            if smooth is None and not search.pool.is_noise:
                smooth = fitted_ratio(atoms.values[given.rows], given)
            if smooth is not None:
                _fit_ratios(search, view, link, atoms, given, smooth)
            if search.pool.is_exact:
                return


def _fit_ratios(
    search: Search, view: View, link: Link, atoms: Atoms, given: Given, factor: Vector
) -> None:
    """Fit ratios, Q on the right multiplied by ``factor``, the target or something near it."""
    values, n = atoms.values[given.rows], view.n_observations
    both = np.column_stack([values, values * factor[:, None]])
    usable = np.isfinite(both).all(axis=0)
    both = np.where(usable, both, 0.0)
    for sums in sums_of(both, given.target, given.weight, n, 3 * both.shape[1] < n):
        for size in worth(sums, n, both.shape[1]):
            places = sums.places[size]
            search.pool.add(partial(ratio, view, link, atoms, both, places, given))


def smooth_target(search: Search, view: View, link: Link, given: Given) -> Vector | None:
    """Return the target as the best equation has it: nearer to the truth than with its noise.

    None where that explains too little, or leaves nothing that a ratio could say.
    """
    rows, pool = search.pool.rows, search.pool
    # noise may hide a shorter ratio; of one column it costs little to look for it
    nothing = pool.is_exact or (pool.is_noise and view.X.shape[1] > 1)
    if nothing or pool.loss > _SMOOTH * rows.variance or (rows.y == 0).any():
        return None
    with np.errstate(all="ignore"):
        # y / scale of the view, without its noise
        smooth = link.forward(view.y * (rows.values(pool.nodes()[0]) / rows.y))[given.rows]
    return smooth if np.isfinite(smooth).all() else None


def fitted_ratio(values: Matrix, given: Given) -> Vector | None:
    """Return a target as the ratio of two sums of all columns, (n_rows, n_columns), has it.

    By damped Gauss-Newton steps from the linear equation, which noise biases. None where that
    explains too little, or has a pole.
    """
    n, k = values.shape
    if _ROWS_PER_NUMBER * (2 * k + 1) > n:
        return None
    scaled = values / np.maximum(np.abs(values).max(axis=0), 1e-300)
    above = np.column_stack([np.ones(n), scaled])
    y, root = given.target, np.sqrt(given.weight)

    def solved(design: Matrix, right: Vector, damping: float) -> Vector:
        full = np.vstack([design * root[:, None], damping * np.eye(design.shape[1])])
        padded = np.concatenate([right * root, np.zeros(design.shape[1])])
        return np.asarray(np.linalg.lstsq(full, padded, rcond=1e-12)[0])

    def parts(theta: Vector) -> tuple[Vector, Vector]:
        below = 1.0 + scaled @ theta[k + 1 :]
        return above @ theta[: k + 1] / below, below

    theta = solved(np.column_stack([above, -y[:, None] * scaled]), y, 0.0)
    (ratio, below), damping = parts(theta), 1e-3 * float(root.max())
    loss = float(given.weight @ (y - ratio) ** 2)
    for _ in range(_STEPS):
        design = np.column_stack([above, -ratio[:, None] * scaled]) / below[:, None]
        if not np.isfinite(design).all():  # a pole on a row
            return None
        moved = theta + solved(design, y - ratio, damping)
        with np.errstate(all="ignore"):
            new, new_below = parts(moved)
            new_loss = float(given.weight @ (y - new) ** 2)
        if new_loss < loss:
            theta, ratio, below, loss, damping = moved, new, new_below, new_loss, damping / 5
        else:
            damping *= 10
    if loss > _SMOOTH * given.spread or below.min() <= 0 <= below.max():
        return None
    return ratio


def ratio(
    view: View,
    link: Link,
    atoms: Atoms,
    both: Matrix,
    places: Sequence[int],
    given: Given,
) -> Node | None:
    """Return the ratio with the weights of the chosen columns: atoms above, atoms times y below."""
    coef = weights_of(both[:, list(places)], given.target, given.weight)
    above: list[Node] = []
    if abs(coef[-1]) > 1e-7 * float(np.abs(given.target).mean()):
        above.append(Number(float(coef[-1])))
    below: list[Node] = [Number(1.0)]
    for value, place in zip(coef[:-1], places, strict=True):
        side, sign = (above, 1.0) if place < len(atoms) else (below, -1.0)
        node = atoms.node(place % len(atoms))
        side.append(make_product([Number(sign * float(value)), node]))
    if not above:
        return None
    ratio = make_product([make_sum(above), make_power(make_sum(below), -1)])
    return view.equation(link.inverse(ratio))


def products(search: Search, view: View) -> None:
    """Fit log|y| by the logarithms of atoms, whose weights are exponents."""
    search.say("products of powers")
    size = np.abs(view.y)
    fine = np.flatnonzero(size > 1e-9 * size.max())
    if len(fine) < 0.95 * len(size):
        return
    X, names = view.X, view.names
    columns = columns_as_atoms(X, names)
    squares = unary_of(columns, ("square",))
    pairs = pairs_of(columns, columns, "+-*/", 300)
    sums = pairs_of(columns + squares, columns + squares, "+-", 600)
    sums = sums + pairs_of(columns, pairs, "+-", 1_000)
    plain = columns + squares + pairs + unary_of(pairs, ("square",))
    bent = unary_of(columns + pairs, ("sin", "cos", "sin/2", "log", "tanh"))
    if X.shape[1] <= _FEW:
        apart = pairs_of(columns, columns, "+-", 100)
        bent = bent + unary_of(pairs_of(apart, columns, "*", 100), _WAVES)
    # a power of an exponential is one of the plain terms
    moved = plain + bent + unary_of(columns + pairs, ("exp",))
    bases = columns.join(sums).join(bent)
    for name in ("1+", "1-"):
        bases = bases.join(unary_of(moved, (name,)))
    defined = np.flatnonzero(np.abs(bases.values).min(axis=0) > 0)
    bases = bases.take(defined)
    logs = np.log(np.abs(bases.values))
    # straight lines of one another are bases of their own; their logarithms tell
    kept = distinct(logs)
    bases = bases.take(kept)
    values = np.column_stack([logs[:, kept], plain.values])[fine]
    weight = capped((view.weight * size**2)[fine], view.weight[fine])
    given = Given(np.log(size[fine]), fine, weight)
    found = forward(values, given.target, weight, MOST_TERMS, view.n_observations)
    for count in worth(found, view.n_observations, values.shape[1]):
        places = found.places[count]
        for grid in (2, 6, None):
            search.pool.add(partial(product, view, bases, plain, values, places, given, grid))
    if not search.pool.is_noise:
        _fit_waves(search, view, given, columns.join(unary_of(columns + pairs, _WAVES)))
    # the best of few factors, and of few columns, may be the best of its size
    of_columns = values[:, : int((defined[kept] < len(columns)).sum())]
    for some in (found, forward(of_columns, given.target, weight, SHORT, view.n_observations)):
        for count, places in some.places.items():
            if count:
                make = partial(product, view, bases, plain, values, places, given, 2)
                expected = some.loss[count] * given.spread / view.n_observations
                search.attempt_short(make, expected, count)


def _fit_waves(search: Search, view: View, given: Given, waves: Atoms) -> None:
    """Fit products of powers of columns and waves from all of them at once.

    Their logarithms are so much alike that steps forward go astray. The exponents of those that do
    not belong there round to nothing.
    """
    waves = waves.take(np.flatnonzero(np.abs(waves.values).min(axis=0) > 0))
    logs = np.log(np.abs(waves.values))[given.rows]
    if _ROWS_PER_WAVE * len(waves) > len(given.rows):
        return
    n = view.n_observations
    for sums in sums_of(logs, given.target, given.weight, n, from_all=True):
        for count in worth(sums, n, len(waves)):
            places = sums.places[count]
            search.pool.add(partial(product, view, waves, waves, logs, places, given, 2))


def product(
    view: View,
    bases: Atoms,
    plain: Atoms,
    values: Matrix,
    places: Sequence[int],
    given: Given,
    grid: int | None,
) -> Node:
    """Return the product of powers, its exponents rounded to parts of ``grid`` if there is one."""
    coef = weights_of(values[:, list(places)], given.target, given.weight)
    parts: list[Node] = [Number(float(np.exp(coef[-1])))]
    inside: list[Node] = []
    for value, place in zip(coef[:-1], places, strict=True):
        exponent = float(value)
        if place >= len(bases):
            inside.append(make_product([Number(exponent), plain.node(place - len(bases))]))
            continue
        if grid is not None:
            exponent = round(exponent * grid) / grid
        if exponent == 0:
            continue
        base = bases.node(place)
        whole = float(exponent).is_integer()
        if not whole and bases.values[:, place].min() < 0:
            base = make_call("abs", base)
        parts.append(make_power(base, int(exponent) if whole else exponent))
    if inside:
        parts.append(make_call("exp", make_sum(inside)))
    return view.equation(make_product(parts))
