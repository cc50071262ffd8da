"""Equations made shorter: simple numbers where they fit as well, no summands that do not pay."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from sktaskneuron._clock import checkpoint
from sktaskneuron.formula.equation.numbers import MOST_PARTS, is_free_exponent
from sktaskneuron.formula.text.nodes import Call, Node, Number, Power, Product, Sum
from sktaskneuron.search.columns.constants import (
    EXACT,
    NamedRows,
    canonical,
    free_constants,
    numbers,
    refit,
    symbols_price,
    with_constants,
    with_slopes,
)

_ONE_NODE = Number(1.0)


def simple_values(value: float, is_exponent: bool = False) -> list[float]:
    """Return simpler numbers near one, the simplest first: whole, short, fractions, parts of pi.

    Of exponents thirds and quarters come before decimals, and parts of pi not at all.
    """
    near: list[float] = []

    def fractions(denominators: Sequence[int], factor: float = 1.0) -> None:
        for denominator in denominators:
            top = round(value * denominator / factor)
            number = top * factor / denominator
            if top == 0 or abs(top) > MOST_PARTS * denominator:
                continue
            if not (is_exponent and is_free_exponent(number)):
                near.append(number)

    def short(digits: int) -> None:
        near.append(float(f"{value:.{digits}g}"))

    fractions((1, 2))
    if is_exponent:
        fractions((3, 4))
    short(1)
    short(2)
    if not is_exponent:
        fractions((3, 4))
        for factor in (math.pi, 1.0 / math.pi):
            fractions((1, 2, 3, 4, 6, 8), factor)
    short(3)
    close = [number for number in near if abs(number - value) < 0.05 * abs(value)]
    return list(dict.fromkeys(number for number in close if number != value))


def snapped(node: Node, rows: NamedRows) -> Node:
    """Replace numbers by simple ones where the criterion agrees, the others refitted around them.

    A number that is told exactly need not be fitted: it saves the log n that a free one costs.

    Parameters
    ----------
    node : Node
    rows : NamedRows

    Returns
    -------
    node : Node
        Canonical.
    """
    values = free_constants(node)
    if not values or len(values) > 40:
        return node
    is_exponent = [exponent for _, exponent in numbers(node)]
    n = rows.n_effective
    floor = EXACT * rows.variance
    current, loss = list(values), max(rows.loss(node), floor)
    fixed: dict[int, float] = {}
    # exponents first: the factors in front of them follow
    size = np.abs(np.log(np.abs(np.asarray(values)) + 1e-300))
    for place in np.lexsort((size, np.logical_not(is_exponent))):
        checkpoint()
        for number in simple_values(current[place], is_exponent[place]):
            trial_fixed = {**fixed, int(place): number}
            trial = _around(node, current, trial_fixed, rows)
            new = max(rows.loss(with_constants(node, trial)), floor)
            saved = np.log(max(n, 3.0))
            if is_exponent[place] and number == 0.5:
                saved += symbols_price([_ONE_NODE], rows.n_choices)  # a root is one symbol less
            if n * np.log(new / loss) < saved:
                current, loss, fixed = trial, min(loss, new), trial_fixed
                break
    tidy = canonical(with_constants(node, current))
    return node if tidy is None or not np.isfinite(rows.loss(tidy)) else tidy


def _around(
    node: Node, values: Sequence[float], fixed: Mapping[int, float], rows: NamedRows
) -> list[float]:
    """Return the numbers of a tree with some held, after one Gauss-Newton step of the others."""
    held = [fixed.get(place, value) for place, value in enumerate(values)]
    free = [place for place in range(len(held)) if place not in fixed]
    if not free:
        return held
    with np.errstate(all="ignore"):
        value, slopes = with_slopes(node, held, rows.columns)
        base = np.broadcast_to(value, rows.y.shape)
        jacobian = np.stack([np.broadcast_to(slopes[k], rows.y.shape) for k in free], axis=1)
    if not np.isfinite(base).all():
        return held
    root = np.sqrt(rows.weight)
    if not np.isfinite(jacobian).all():
        return held
    change = np.linalg.lstsq(jacobian * root[:, None], (rows.y - base) * root, rcond=1e-12)[0]
    after = list(held)
    for place, amount in zip(free, change, strict=True):
        after[place] += float(amount)
    before_loss, after_loss = (rows.loss(with_constants(node, v)) for v in (held, after))
    return after if after_loss < before_loss else held


def pruned(node: Node, rows: NamedRows) -> Node:
    """Take out summands, one after another, while that lowers the description length.

    Parameters
    ----------
    node : Node
    rows : NamedRows

    Returns
    -------
    node : Node
        Canonical, its numbers refitted where something was taken out.
    """
    best, value = node, rows.criterion(node)
    improved = True
    while improved:
        improved = False
        for shorter in _without_one(best):
            checkpoint()
            tidy = canonical(shorter)
            if tidy is None or not np.isfinite(rows.loss(tidy)):
                continue
            trial = refit(tidy, rows)
            new = rows.criterion(trial)
            if new < value:
                best, value, improved = trial, new, True
                break
    return best


def _without_one(node: Node) -> Iterator[Node]:
    """Yield the trees that lack one summand of a sum, at any depth."""
    match node:
        case Sum(parts, constant):
            if constant != 0:
                yield Sum(parts, 0.0) if len(parts) > 1 else parts[0]
            for place in range(len(parts)):
                rest = parts[:place] + parts[place + 1 :]
                yield Sum(rest, constant) if rest else Number(constant)
            for place, part in enumerate(parts):
                for other in _without_one(part):
                    yield Sum((*parts[:place], other, *parts[place + 1 :]), constant)
        case Product(coefficient, parts):
            for place, part in enumerate(parts):
                for other in _without_one(part):
                    yield Product(coefficient, (*parts[:place], other, *parts[place + 1 :]))
        case Call(name, argument):
            for other in _without_one(argument):
                yield Call(name, other)
        case Power(base, exponent):
            for other in _without_one(base):
                yield Power(other, exponent)
        case _:
            return
