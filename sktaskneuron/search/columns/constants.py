"""The numbers inside a tree: found, and refitted by weighted least squares."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import Matrix, RowNumbers, Vector
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.equation.numbers import MOST_PARTS, is_free_exponent
from sktaskneuron.formula.equation.trees import additive_terms
from sktaskneuron.formula.text.canonical import rebuilt
from sktaskneuron.formula.text.evaluation import evaluate, raised
from sktaskneuron.formula.text.nodes import (
    Call,
    Node,
    Number,
    Power,
    Product,
    Sum,
    Variable,
    children,
)
from sktaskneuron.formula.text.primitives import PRIMITIVES
from sktaskneuron.search.columns.rules import running_rules

# Residual variance, as a share of the target's, below which two fits are equally exact: products
# and powers of float64 columns do not tell more.
EXACT = 1e-20
# Shares above that one which still count as exact: what rounding in a long tree leaves.
_NEARLY = 1e3
# A node of a tree is a choice among this many symbols and the columns.
_SYMBOLS = 12
# Most Gauss-Newton steps of a fit, and by how many times its last gain one may be away from where
# it would matter: the steps converge fast, or not at all.
_MAX_STEPS, _PATIENCE = 15, 4.0


def numbers(node: Node) -> list[tuple[float, bool]]:
    """Return the numbers of a tree that a fit may move, and whether each is an exponent.

    They are factors, summands, and the exponents that are no simple fractions.
    """
    match node:
        case Number(value):
            return [(value, False)]
        case Power(base, exponent):
            return numbers(base) + ([(float(exponent), True)] if is_free_exponent(exponent) else [])
        case Product(coefficient) if abs(coefficient) != 1:
            own = [(coefficient, False)]
        case Sum(_, constant) if constant != 0:
            own = [(constant, False)]
        case _:
            own = []
    return own + [number for part in children(node) for number in numbers(part)]


def free_constants(node: Node) -> list[float]:
    """Return the values of `numbers`."""
    return [value for value, _ in numbers(node)]


def _is_small_half(value: float) -> bool:
    return abs(value) <= MOST_PARTS and float(2 * value).is_integer()


def fitted_constants(node: Node) -> list[float]:
    """Return the numbers of a tree that were fitted: small halves count as told exactly."""
    return [v for v, is_exponent in numbers(node) if is_exponent or not _is_small_half(v)]


def with_constants(node: Node, values: Iterable[float]) -> Node:
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
                inside = build(base)
                return Power(inside, float(next(left)) if is_free_exponent(exponent) else exponent)
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
class NamedRows:
    """Rows that equations are fitted to.

    Parameters
    ----------
    columns : mapping of str to ndarray of shape (n_samples,)
    y : ndarray of shape (n_samples,)
    weight : ndarray of shape (n_samples,)
        Positive.
    n_apart : int
        Columns that no equation may hold, as marks of a few rows: they are no choice to pay for.
    """

    columns: Mapping[str, Vector]
    y: Vector
    weight: Vector
    n_apart: int = 0

    @classmethod
    def of(
        cls, X: Matrix, names: Sequence[str], y: Vector, weight: Vector, n_apart: int = 0
    ) -> NamedRows:
        """Name the columns of a matrix (n_samples, n_features)."""
        return cls(dict(zip(names, X.T, strict=True)), y, weight, n_apart)

    @property
    def n_choices(self) -> int:
        """Number of columns that equations may hold."""
        return len(self.columns) - self.n_apart

    @property
    def n_effective(self) -> float:
        """Number of observations: the sum of the weights."""
        return float(self.weight.sum())

    @cached_property
    def mean(self) -> float:
        """Weighted mean of y; of a constant y exactly its value, not what rounding makes of it."""
        if self.y.min() == self.y.max():
            return float(self.y[0])
        return float(self.weight @ self.y / self.n_effective)

    @cached_property
    def variance(self) -> float:
        """Weighted variance of y, above zero."""
        return max(float(self.weight @ (self.y - self.mean) ** 2) / self.n_effective, 1e-300)

    def take(self, rows: RowNumbers) -> NamedRows:
        """Return some of the rows."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        return NamedRows(columns, self.y[rows], self.weight[rows], self.n_apart)

    def values(self, node: Node) -> Vector:
        """Return a tree's values, (n_samples,); NaN and infinity where it is not defined."""
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.asarray(evaluate(node, self.columns), float), self.y.shape)

    def loss(self, node: Node) -> float:
        """Return the weighted mean squared error; infinite where a value is not finite."""
        with np.errstate(all="ignore"):
            error = float(self.weight @ (self.y - self.values(node)) ** 2) / self.n_effective
        return error if np.isfinite(error) else np.inf

    def is_exact(self, loss: float) -> bool:
        """Tell whether a mean squared error is nothing but rounding."""
        return loss <= _NEARLY * EXACT * self.variance

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
        price = len(fitted_constants(node)) * np.log(max(n, 3.0))
        return float(deviance + price + symbols_price([node], self.n_choices))


def symbols_price(nodes: Iterable[Node], n_columns: int) -> float:
    """Return what the choice of the symbols of trees costs in their description length."""
    return float(2.0 * np.log(_SYMBOLS + n_columns) * sum(map(running_rules().size, nodes)))


def with_weights(node: Node, rows: NamedRows) -> Node | None:
    """Fit the weights of the additive terms and the constant of a tree; None if it has no values.

    A constant is added where there was none only if it had one: the shape stays.
    """
    weights, constant = additive_terms(node)
    if not weights:
        return Number(rows.mean)
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


def refit(node: Node, rows: NamedRows, goal: float = np.inf, with_new: bool = True) -> Node:
    """Fit all free numbers of a tree by weighted least squares.

    The weights of the additive terms have a closed form; the numbers inside move together with them
    by damped Gauss-Newton steps.

    Parameters
    ----------
    node : Node
    rows : NamedRows
    goal : float
        Mean squared error that is of use: the steps end where they will not come near it. Infinite:
        any.
    with_new : bool
        Whether additive terms whose weight is one take a fitted weight.

    Returns
    -------
    node : Node
        Canonical; the given one where no fit was better.
    """
    floor = EXACT * rows.variance
    best, best_loss = node, rows.loss(node)
    start = with_weights(node, rows) if with_new else None
    if start is not None and (start_loss := rows.loss(start)) < best_loss:
        best, best_loss = start, start_loss
    if _has_inner(best) or not with_new:
        best, best_loss = _moved(best, best_loss, rows, floor, goal)
    tidy = canonical(best)
    if tidy is None or rows.loss(tidy) > max(best_loss * (1 + 1e-6), floor):
        return best
    return tidy


def _moved(
    node: Node, loss: float, rows: NamedRows, floor: float, goal: float
) -> tuple[Node, float]:
    """Take damped Gauss-Newton steps in all numbers of a tree; return it with its loss."""
    theta = np.asarray(free_constants(node))
    if not theta.size:
        return node, loss
    root = np.sqrt(rows.weight / rows.n_effective)
    damping = 1e-4
    for _ in range(_MAX_STEPS if loss > floor else 0):
        checkpoint()
        with np.errstate(all="ignore"):
            value, slopes = with_slopes(node, theta, rows.columns)
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
        if loss <= floor or before - loss < 1e-3 * before:
            break
        if loss > goal * (before / loss) ** _PATIENCE:
            break
    return with_constants(node, theta), loss


def with_slopes(
    node: Node, values: Iterable[float], columns: Mapping[str, Vector]
) -> tuple[Vector | float, list[Vector | float]]:
    """Return a tree's values and its derivatives by its free numbers.

    The numbers are others than those of the tree, in the order of `free_constants`.
    """
    left = iter(values)

    def walk(inner: Node) -> tuple[Vector | float, list[Vector | float]]:
        match inner:
            case Number():
                return float(next(left)), [1.0]
            case Variable(name):
                return columns[name], []
            case Call(name, argument):
                return _called(PRIMITIVES[name].numpy, *walk(argument))
            case Power(base, exponent):
                value, slopes = walk(base)
                if is_free_exponent(exponent):
                    free = float(next(left))
                    power, slopes = _raised(value, free, slopes)
                    return power, [*slopes, power * np.log(value)]
                return _raised(value, exponent, slopes)
            case Product(coefficient, parts):
                own = coefficient if abs(coefficient) == 1 else float(next(left))
                inside = [walk(part) for part in parts]
                product = math.prod(value for value, _ in inside)
                out = [] if abs(coefficient) == 1 else [product]
                for k, (_, slopes) in enumerate(inside):
                    if slopes:
                        others = math.prod(value for m, (value, _) in enumerate(inside) if m != k)
                        out += [own * others * s for s in slopes]
                return own * product, out
            case Sum(parts, constant):
                total: Vector | float = 0.0 if constant == 0 else float(next(left))
                out = [] if constant == 0 else [1.0]
                for part in parts:
                    value, slopes = walk(part)
                    total = total + value
                    out += slopes
                return total, out
            case _:
                raise TypeError(inner)

    return walk(node)


def _called(
    function: Callable[[Any], Any], inner: Vector | float, slopes: list[Vector | float]
) -> tuple[Vector | float, list[Vector | float]]:
    """Chain a function: values, and slopes by central differences of that one function."""
    value = function(inner)
    if not slopes:
        return value, []
    # 1e-9 of the slope, which is enough to descend
    step = 1e-6 * (1.0 + np.abs(inner))
    slope = (function(inner + step) - function(inner - step)) / (2.0 * step)
    return value, [slope * s for s in slopes]


def _raised(
    value: Vector | float, exponent: float, slopes: list[Vector | float]
) -> tuple[Vector | float, list[Vector | float]]:
    """Chain a power."""
    if not slopes:
        return raised(value, exponent), []
    less = value if exponent == 2 else raised(value, exponent - 1)
    return less * value, [exponent * less * s for s in slopes]


def has_bare_terms(node: Node) -> bool:
    """Tell whether additive terms of a tree have the weight one."""
    return any(abs(weight) == 1 for weight in additive_terms(node)[0].values())


def _has_inner(node: Node) -> bool:
    """Tell whether a number stands elsewhere than in front of an additive term."""
    return any(free_constants(term) for term in additive_terms(node)[0])
