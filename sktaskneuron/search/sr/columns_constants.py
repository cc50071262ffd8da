"""The numbers inside a tree: found, refitted by weighted least squares, made simple."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...exceptions import FormulaError
from ...formula.canonical import make_call, make_power, make_product, make_sum, rebuilt
from ...formula.evaluation import evaluate
from ...formula.fitted_expression import additive_terms
from ...formula.nodes import Call, Node, Number, Power, Product, Sum, Variable, complexity
from ...formula.primitives import PRIMITIVES

Array = NDArray[np.float64]

# Residual variance, as a share of the target's, below which two fits are equally exact: products
# and powers of float64 columns do not tell more.
EXACT = 1e-20
# A node of a tree is a choice among this many symbols and the columns.
_SYMBOLS = 12
# Largest whole number that counts as simple as it stands.
_MOST_PARTS = 20


def free_constants(node: Node) -> list[float]:
    """Return the numbers of a tree that a fit may move: factors and summands, no exponents."""
    match node:
        case Number(value):
            return [value]
        case Call(_, inner) | Power(inner, _):
            return free_constants(inner)
        case Product(coefficient, parts):
            own = [] if abs(coefficient) == 1 else [coefficient]
            return own + [value for part in parts for value in free_constants(part)]
        case Sum(parts, constant):
            own = [] if constant == 0 else [constant]
            return own + [value for part in parts for value in free_constants(part)]
        case _:
            return []


def _is_small_half(value: float) -> bool:
    return abs(value) <= _MOST_PARTS and (2 * value).is_integer()


def with_constants(node: Node, values: Sequence[float]) -> Node:
    """Return a tree of the same shape with other numbers, in the order of `free_constants`.

    It is not brought to canonical form, so that the places of the numbers stay.
    """
    left = iter(values)

    def build(inner: Node) -> Node:
        match inner:
            case Number():
                return Number(float(next(left)))
            case Call(name, argument):
                return Call(name, build(argument))
            case Power(base, exponent):
                return Power(build(base), exponent)
            case Product(coefficient, parts):
                own = coefficient if abs(coefficient) == 1 else float(next(left))
                return Product(own, tuple(map(build, parts)))
            case Sum(parts, constant):
                own = 0.0 if constant == 0 else float(next(left))
                return Sum(tuple(map(build, parts)), own)
            case _:
                return inner

    return build(node)


def canonical(node: Node) -> Node | None:
    """Return the canonical form of a tree, None if its numbers overflow."""
    try:
        return rebuilt(node, Variable)
    except FormulaError:
        return None


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows that equations are fitted to.

    Parameters
    ----------
    columns : mapping of str to ndarray of shape (n_samples,)
    y : ndarray of shape (n_samples,)
    weight : ndarray of shape (n_samples,)
        Positive.
    """

    columns: Mapping[str, Array]
    y: Array
    weight: Array

    @property
    def n_effective(self) -> float:
        """Number of observations: the sum of the weights."""
        return float(self.weight.sum())

    @property
    def variance(self) -> float:
        """Weighted variance of y."""
        mean = self.weight @ self.y / self.n_effective
        return max(float(self.weight @ (self.y - mean) ** 2) / self.n_effective, 1e-300)

    def take(self, rows: NDArray[np.intp]) -> Rows:
        """Return some of the rows."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Rows(columns, self.y[rows], self.weight[rows])

    def values(self, node: Node) -> Array:
        """Return a tree's values, (n_samples,); NaN and infinity where it is not defined."""
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.asarray(evaluate(node, self.columns), float), self.y.shape)

    def loss(self, node: Node) -> float:
        """Return the weighted mean squared error; infinite where a value is not finite."""
        with np.errstate(all="ignore"):
            error = float(self.weight @ (self.y - self.values(node)) ** 2) / self.n_effective
        return error if np.isfinite(error) else np.inf

    def criterion(self, node: Node, loss: float | None = None) -> float:
        """Return the description length of y by a tree: deviance, numbers and symbols.

        The extended Bayesian criterion for trees: log n for every number that was fitted (a small
        whole or half number is a symbol like others), and for every node twice the log of the
        number of symbols it was chosen from.
        """
        loss = self.loss(node) if loss is None else loss
        if not np.isfinite(loss):
            return np.inf
        n = self.n_effective
        deviance = n * np.log(max(loss, EXACT * self.variance))
        fitted = sum(not _is_small_half(value) for value in free_constants(node))
        price = fitted * np.log(max(n, 3.0))
        symbols = 2.0 * np.log(_SYMBOLS + len(self.columns)) * complexity(node)
        return float(deviance + price + symbols)


def with_weights(node: Node, rows: Rows) -> Node | None:
    """Fit the weights of the additive terms and the constant of a tree; None if it has no values.

    A constant is added where there was none only if it had one: the shape stays.
    """
    weights, constant = additive_terms(node)
    if not weights:
        return Number(float(rows.weight @ rows.y / rows.n_effective))
    columns = [rows.values(term) for term in weights]
    if constant != 0:
        columns.append(np.ones_like(rows.y))
    design = np.stack(columns, axis=1)
    if not np.isfinite(design).all():
        return None
    root = np.sqrt(rows.weight)
    size = np.sqrt((design**2 * rows.weight[:, None]).sum(axis=0))
    if not np.isfinite(size).all() or (size == 0).any():
        return None
    found = np.linalg.lstsq(design / size * root[:, None], rows.y * root, rcond=1e-14)[0] / size
    terms = tuple(
        _weighted(float(w), term) for w, term in zip(found, weights, strict=False) if w != 0
    )
    free = float(found[-1]) if constant != 0 else 0.0
    if not terms:
        return Number(free)
    return terms[0] if len(terms) == 1 and free == 0 else Sum(terms, free)


def _weighted(weight: float, term: Node) -> Node:
    if isinstance(term, Product):
        return Product(weight * term.coefficient, term.factors)
    return Product(weight, (term,))


def refit(node: Node, rows: Rows, max_steps: int = 15) -> Node:
    """Fit all free numbers of a tree by weighted least squares.

    The weights of the additive terms have a closed form; the numbers inside move together with them
    by damped Gauss-Newton steps.

    Parameters
    ----------
    node : Node
    rows : Rows
    max_steps : int
        Most Gauss-Newton steps.

    Returns
    -------
    node : Node
        Canonical; the given one where no fit was better.
    """
    floor = EXACT * rows.variance
    best, best_loss = node, rows.loss(node)
    start = with_weights(node, rows)
    if start is not None and rows.loss(start) < best_loss:
        best, best_loss = start, rows.loss(start)
    if _has_inner(best):
        best, best_loss = _moved(best, best_loss, rows, max_steps, floor)
    tidy = canonical(best)
    if tidy is None or rows.loss(tidy) > max(best_loss * (1 + 1e-6), floor):
        return best
    return tidy


def _moved(
    node: Node, loss: float, rows: Rows, max_steps: int, floor: float
) -> tuple[Node, float]:
    """Take damped Gauss-Newton steps in all numbers of a tree; return it with its loss."""
    theta = np.asarray(free_constants(node))
    root = np.sqrt(rows.weight / rows.n_effective)
    damping = 1e-4
    for _ in range(max_steps):
        if loss <= floor:
            break
        with np.errstate(all="ignore"):
            value, slopes = _with_slopes(with_constants(node, theta), rows.columns)
            jacobian = np.stack([np.broadcast_to(s, rows.y.shape) for s in slopes], axis=1)
            jacobian = jacobian * root[:, None]
            residual = (rows.y - value) * root
        if not (np.isfinite(jacobian).all() and np.isfinite(residual).all()):
            break
        size = np.sqrt(np.einsum("ij,ij->j", jacobian, jacobian))
        size = np.where(size > 0, size, 1.0)
        # singular values rather than a Gram matrix: powers of one column are nearly collinear
        left, singular, right = np.linalg.svd(jacobian / size, full_matrices=False)
        inner = left.T @ residual
        before = loss
        for _ in range(6):
            change = right.T @ (singular / (singular**2 + damping) * inner) / size
            moved = theta + change
            trial = rows.loss(with_constants(node, moved)) if np.isfinite(moved).all() else np.inf
            if trial < loss:
                theta, loss = moved, trial
                damping = max(damping / 30.0, 1e-16)
                break
            damping *= 10.0
        if before - loss < 1e-3 * before:
            break
    return with_constants(node, theta), loss


def _with_slopes(node: Node, columns: Mapping[str, Array]) -> tuple[Any, list[Any]]:
    """Return a tree's values and its derivatives by its free numbers, in their order."""
    match node:
        case Number(value):
            return value, [1.0]
        case Call(name, argument):
            inner, slopes = _with_slopes(argument, columns)
            function = PRIMITIVES[name].numpy
            if not slopes:
                return function(inner), []
            # central differences of one function: 1e-9 of the slope, which is enough to descend
            step = 1e-6 * (1.0 + np.abs(inner))
            slope = (function(inner + step) - function(inner - step)) / (2.0 * step)
            return function(inner), [slope * s for s in slopes]
        case Power(base, exponent):
            inner, slopes = _with_slopes(base, columns)
            value = inner**exponent
            if not slopes:
                return value, []
            slope = exponent * inner ** (exponent - 1)
            return value, [slope * s for s in slopes]
        case Product(coefficient, parts):
            values, slopes = zip(*(_with_slopes(part, columns) for part in parts), strict=True)
            product = values[0]
            for value in values[1:]:
                product = product * value
            out = [] if abs(coefficient) == 1 else [product]
            for k, own in enumerate(slopes):
                if not own:
                    continue
                others = coefficient
                for m, value in enumerate(values):
                    if m != k:
                        others = others * value
                out += [others * s for s in own]
            return coefficient * product, out
        case Sum(parts, constant):
            total, out = constant, [] if constant == 0 else [1.0]
            for part in parts:
                value, slopes = _with_slopes(part, columns)
                total = total + value
                out += slopes
            return total, out
        case Variable(name):
            return columns[name], []
        case _:
            raise TypeError(node)


def _has_inner(node: Node) -> bool:
    """Tell whether a number stands elsewhere than in front of an additive term."""
    return any(free_constants(term) for term in additive_terms(node)[0])


def simple_values(value: float) -> list[float]:
    """Return simpler numbers near one, the simplest first: whole, short, fractions, parts of pi."""
    near: list[float] = []

    def fractions(denominators: Sequence[int], factor: float = 1.0) -> None:
        for denominator in denominators:
            top = round(value * denominator / factor)
            if top != 0 and abs(top) <= _MOST_PARTS * denominator:
                near.append(top * factor / denominator)

    def short(digits: int) -> None:
        near.append(float(f"{value:.{digits}g}"))

    fractions((1, 2))
    short(1)
    fractions((3, 4))
    short(2)
    for factor in (pi, 1.0 / pi):
        fractions((1, 2, 3, 4, 6, 8), factor)
    short(3)
    close = [number for number in near if abs(number - value) < 0.05 * abs(value)]
    return list(dict.fromkeys(number for number in close if number != value))


def snapped(node: Node, rows: Rows) -> Node:
    """Replace numbers by simple ones where the criterion agrees, the others refitted around them.

    A number that is told exactly need not be fitted: it saves the log n that a free one costs.

    Parameters
    ----------
    node : Node
    rows : Rows

    Returns
    -------
    node : Node
        Canonical.
    """
    values = free_constants(node)
    if not values or len(values) > 40:
        return node
    n = rows.n_effective
    floor = EXACT * rows.variance
    current, loss = list(values), max(rows.loss(node), floor)
    fixed: dict[int, float] = {}
    for place in np.argsort(np.abs(np.log(np.abs(np.asarray(values)) + 1e-300)), kind="stable"):
        for number in simple_values(current[place]):
            trial_fixed = {**fixed, int(place): number}
            trial = _around(node, current, trial_fixed, rows)
            new = max(rows.loss(with_constants(node, trial)), floor)
            if n * np.log(new / loss) < np.log(max(n, 3.0)):
                current, loss, fixed = trial, min(loss, new), trial_fixed
                break
    tidy = canonical(with_constants(node, current))
    return node if tidy is None or not np.isfinite(rows.loss(tidy)) else tidy


def _around(
    node: Node, values: Sequence[float], fixed: Mapping[int, float], rows: Rows
) -> list[float]:
    """Return the numbers of a tree with some held, after one Gauss-Newton step of the others."""
    held = [fixed.get(place, value) for place, value in enumerate(values)]
    free = [place for place in range(len(held)) if place not in fixed]
    base = rows.values(with_constants(node, held))
    if not free or not np.isfinite(base).all():
        return held
    root = np.sqrt(rows.weight)
    slopes = []
    for place in free:
        step = 1e-6 * (abs(held[place]) or 1.0)
        moved = list(held)
        moved[place] += step
        slopes.append((rows.values(with_constants(node, moved)) - base) / step)
    jacobian = np.stack(slopes, axis=1)
    if not np.isfinite(jacobian).all():
        return held
    change = np.linalg.lstsq(jacobian * root[:, None], (rows.y - base) * root, rcond=1e-12)[0]
    after = list(held)
    for place, amount in zip(free, change, strict=True):
        after[place] += float(amount)
    before_loss, after_loss = (rows.loss(with_constants(node, v)) for v in (held, after))
    return after if after_loss < before_loss else held


def simplified(node: Node, rows: Rows) -> Node:
    """Shorten what holds for the rows' columns though not for all numbers.

    ``sqrt(x**2)`` and ``abs(x)`` are x where x is positive, ``exp(a*log(x))`` is ``x**a``.
    """

    def positive(inner: Node) -> bool:
        return bool((rows.values(inner) > 0).all())

    def power(base: Node, exponent: float) -> Node:
        match base:
            case Power(inner, e) if positive(inner):
                return make_power(inner, e * exponent)
            case Product(coefficient, parts) if coefficient > 0 and all(map(positive, parts)):
                raised = [power(part, exponent) for part in parts]
                return make_product([make_power(Number(coefficient), exponent), *raised])
            case _:
                return make_power(base, exponent)

    def short(inner: Node) -> Node:
        match inner:
            case Call("abs", argument):
                argument = short(argument)
                if positive(argument):
                    return argument
                return make_call("abs", argument)
            case Call("exp", argument):
                argument = short(argument)
                terms, constant = additive_terms(argument)
                logs = {t: w for t, w in terms.items() if isinstance(t, Call) and t.name == "log"}
                if not logs:
                    return make_call("exp", argument)
                rest = [make_product([Number(w), t]) for t, w in terms.items() if t not in logs]
                powers = [power(t.argument, w) for t, w in logs.items()]  # type: ignore[attr-defined]
                left = make_sum([*rest, Number(constant)])
                return make_product([make_call("exp", left), *powers])
            case Call(name, argument):
                return make_call(name, short(argument))
            case Power(base, exponent):
                return power(short(base), exponent)
            case Product(coefficient, parts):
                return make_product([Number(coefficient), *map(short, parts)])
            case Sum(parts, constant):
                return make_sum([*map(short, parts), Number(constant)])
            case _:
                return inner

    try:
        shorter = short(node)
    except FormulaError:
        return node
    tolerance = rows.loss(node) * (1 + 1e-9) + EXACT * rows.variance
    if complexity(shorter) < complexity(node) and rows.loss(shorter) <= tolerance:
        return shorter
    return node


def pruned(node: Node, rows: Rows) -> Node:
    """Take out summands, one after another, while that lowers the description length.

    Parameters
    ----------
    node : Node
    rows : Rows

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
