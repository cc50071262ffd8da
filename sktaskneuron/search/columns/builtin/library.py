"""Atoms: simple functions of one, two or three columns, as values and, when asked for, as trees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, product

import numpy as np

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import ColumnNumbers, Matrix, Vector
from sktaskneuron.formula.text.canonical import make_call, make_power, make_product, make_sum
from sktaskneuron.formula.text.nodes import Node, Number, Variable
from sktaskneuron.search.columns.dimensions import NEAR_ZERO, invertible
from sktaskneuron.search.columns.rules import running_rules

MakeNode = Callable[[], Node]

# Values that agree to this many digits are the same atom.
_DIGITS = 10
# Radians over the range of an argument up to which frequencies are looked for.
_MOST_RADIANS = 60


@dataclass(frozen=True, eq=False)
class Atoms:
    """Functions of columns: their values, and how to write them.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_atoms)
        Finite.
    makers : list of callable
        Without arguments; each makes the tree of one atom.
    """

    values: Matrix
    makers: list[MakeNode]

    def __len__(self) -> int:
        return len(self.makers)

    def node(self, place: int) -> Node:
        """Return the tree of an atom."""
        return self.makers[place]()

    @classmethod
    def of(cls, items: Iterable[tuple[Vector, MakeNode]], n_rows: int) -> Atoms:
        """Collect atoms: those that vary and have finite values of moderate size, each once."""
        pairs, rules = [], running_rules()
        for pair in items:
            checkpoint()
            if not rules.restrict_parts or rules.admit_part(pair[1]()):
                pairs.append(pair)
        if not pairs:
            return cls(np.zeros((n_rows, 0)), [])
        values = np.stack([column for column, _ in pairs], axis=1)
        kept = distinct(values)
        return cls(values[:, kept], [pairs[place][1] for place in kept])

    def take(self, places: Iterable[int]) -> Atoms:
        """Return some of the atoms."""
        chosen = list(places)
        return Atoms(self.values[:, chosen], [self.makers[place] for place in chosen])

    def join(self, other: Atoms) -> Atoms:
        """Put two collections together as they are."""
        values = np.concatenate([self.values, other.values], axis=1)
        return Atoms(values, [*self.makers, *other.makers])

    def __add__(self, other: Atoms) -> Atoms:
        """Join two collections; what both have is kept once."""
        return self.union(other)

    def union(self, *others: Atoms) -> Atoms:
        """Join several collections; what they have in common is kept once."""
        every = (self, *others)
        values = np.concatenate([atoms.values for atoms in every], axis=1)
        makers = [make for atoms in every for make in atoms.makers]
        return Atoms(values, makers).take(distinct(values))


def distinct(values: Matrix) -> ColumnNumbers:
    """Return the places of the columns that can be used, the first of those that are equal.

    Columns equal up to an affine map count as one: they have the same projections on two fixed
    directions once they are centred and scaled.
    """
    n = len(values)
    with np.errstate(all="ignore"):
        mean = values.mean(axis=0)
        spread = values.std(axis=0)
        size = np.abs(values).max(axis=0)
        fine = np.isfinite(mean) & np.isfinite(spread) & (spread > 1e-9 * size) & (spread < 1e60)
        directions = np.stack([np.cos(np.arange(n) * 1.0), np.sin(np.arange(n) * 2.5 + 0.3)])
        directions -= directions.mean(axis=1, keepdims=True)
        shadow = np.where(fine, directions @ np.where(fine, values, 0.0) / spread, 0.0)
    # the sign of a column is that of its first projection; a zero one is too rare to matter
    shadow = np.round(shadow * np.sign(shadow[:1]), _DIGITS - 4)
    usable = np.flatnonzero(fine)
    if not usable.size:
        return usable
    _, first = np.unique(shadow[:, usable], axis=1, return_index=True)
    return usable[np.sort(first)]


def _power_maker(names: Sequence[str], exponents: Sequence[float]) -> MakeNode:
    pairs = [(name, e) for name, e in zip(names, exponents, strict=True) if e != 0]
    return lambda: make_product([make_power(Variable(name), e) for name, e in pairs])


def monomials(
    X: Vector, names: Sequence[str], degrees: Sequence[Sequence[float]], most: int
) -> Atoms:
    """Return products of powers of columns.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    names : sequence of str
    degrees : sequence of sequence of float
        Exponents on offer in a product of one column, of two, of three and so on. Negative and
        fractional ones are for columns where they are defined.
    most : int
        Largest number of products; combinations of more columns that would exceed it are left out.

    Returns
    -------
    Atoms
    """
    d = X.shape[1]
    offered = sorted({e for exponents in degrees for e in exponents})
    powers: dict[tuple[int, float], Vector] = {}
    for i, e in product(range(d), offered):
        column = X[:, i]
        whole = float(e).is_integer()
        if (e < 0 and not invertible(column)) or (not whole and column.min() < 0):
            continue
        with np.errstate(all="ignore"):
            powers[i, e] = column ** (int(e) if whole else e)
    items: list[tuple[Vector, MakeNode]] = []
    for size, exponents in enumerate(degrees, start=1):
        if size > d:
            break
        block: list[tuple[Vector, MakeNode]] = []
        for chosen in combinations(range(d), size):
            for combination in product(exponents, repeat=size):
                keys = list(zip(chosen, combination, strict=True))
                if len(block) > most or not all(key in powers for key in keys):
                    continue
                value = powers[keys[0]]
                for key in keys[1:]:
                    value = value * powers[key]
                maker = _power_maker([names[i] for i in chosen], combination)
                block.append((value, maker))
        if len(items) + len(block) > most and items:
            break
        items += block
    return Atoms.of(items, len(X))


def _apart(v: Vector) -> Vector:
    """Return values, NaN where they are near zero."""
    return np.where(np.abs(v) > NEAR_ZERO * np.abs(v).max(), v, np.nan)


#: Unary functions that atoms are made of, by how they are written: values and tree of an argument.
UNARY: dict[str, tuple[Callable[[Vector], Vector], Callable[[Node], Node]]] = {
    "sin": (np.sin, lambda a: make_call("sin", a)),
    "cos": (np.cos, lambda a: make_call("cos", a)),
    "exp": (np.exp, lambda a: make_call("exp", a)),
    "exp-": (lambda v: np.exp(-v), lambda a: make_call("exp", make_product([Number(-1.0), a]))),
    "log": (lambda v: np.log(np.where(v > 0, v, np.nan)), lambda a: make_call("log", a)),
    "sqrt": (lambda v: np.sqrt(np.where(v >= 0, v, np.nan)), lambda a: make_power(a, 0.5)),
    "square": (np.square, lambda a: make_power(a, 2)),
    "cube": (lambda v: v**3, lambda a: make_power(a, 3)),
    "inverse": (lambda v: 1.0 / _apart(v), lambda a: make_power(a, -1)),
    "sin/2": (lambda v: np.sin(v / 2), lambda a: make_call("sin", make_product([Number(0.5), a]))),
    "sin*2": (lambda v: np.sin(2 * v), lambda a: make_call("sin", make_product([Number(2.0), a]))),
    "cos*2": (lambda v: np.cos(2 * v), lambda a: make_call("cos", make_product([Number(2.0), a]))),
    "tanh": (np.tanh, lambda a: make_call("tanh", a)),
    "gaussian": (lambda v: np.exp(-np.square(v)), lambda a: make_call("gaussian", a)),
    "abs": (np.abs, lambda a: make_call("abs", a)),
    "log abs": (
        lambda v: np.log(np.where(v != 0, np.abs(v), np.nan)),
        lambda a: make_call("log", make_call("abs", a)),
    ),
    "sqrt abs": (
        lambda v: np.sqrt(np.abs(v)),
        lambda a: make_power(make_call("abs", a), 0.5),
    ),
    "1+": (lambda v: 1.0 + v, lambda a: make_sum([Number(1.0), a])),
    "1-": (lambda v: 1.0 - v, lambda a: make_sum([Number(1.0), make_product([Number(-1.0), a])])),
    "log 1+": (
        lambda v: np.log1p(np.where(v > -1, v, np.nan)),
        lambda a: make_call("log", make_sum([Number(1.0), a])),
    ),
    "asin": (
        lambda v: np.arcsin(np.where(np.abs(v) <= 1, v, np.nan)),
        lambda a: make_call("asin", a),
    ),
}

_BINARY: dict[str, tuple[Callable[[Vector, Vector], Vector], Callable[[Node, Node], Node]]] = {
    "+": (np.add, lambda a, b: make_sum([a, b])),
    "-": (np.subtract, lambda a, b: make_sum([a, make_product([Number(-1.0), b])])),
    "*": (np.multiply, lambda a, b: make_product([a, b])),
    "/": (lambda a, b: a / _apart(b), lambda a, b: make_product([a, make_power(b, -1)])),
}


def columns_as_atoms(X: Vector, names: Sequence[str]) -> Atoms:
    """Return the columns themselves."""
    items = [(X[:, i], partial(Variable, name)) for i, name in enumerate(names)]
    return Atoms.of(items, len(X))


def _composed(make: Callable[..., Node], *arguments: MakeNode) -> MakeNode:
    return lambda: make(*(argument() for argument in arguments))


def unary_of(atoms: Atoms, functions: Sequence[str]) -> Atoms:
    """Return functions of atoms."""

    def items() -> Iterable[tuple[Vector, MakeNode]]:
        with np.errstate(all="ignore"):
            for name in functions:
                values, make = UNARY[name]
                for place in range(len(atoms)):
                    yield values(atoms.values[:, place]), _composed(make, atoms.makers[place])

    return Atoms.of(items(), len(atoms.values))


def pairs_of(first: Atoms, second: Atoms, operations: Sequence[str], most: int) -> Atoms:
    """Return sums, differences, products and ratios of two atoms, up to ``most`` of them."""

    def items() -> Iterable[tuple[Vector, MakeNode]]:
        count = 0
        same = first is second
        with np.errstate(all="ignore"):
            for i in range(len(first)):
                for j in range(len(second)):
                    for name in operations:
                        if same and (j < i or (j == i and name != "*")) and name in "+*-":
                            continue
                        if same and j == i and name == "/":
                            continue
                        if count >= most:
                            return
                        count += 1
                        values, make = _BINARY[name]
                        yield (
                            values(first.values[:, i], second.values[:, j]),
                            _composed(make, first.makers[i], second.makers[j]),
                        )

    return Atoms.of(items(), len(first.values))


def hinges(X: Vector, names: Sequence[str], n_knots: int) -> Atoms:
    """Return ``relu(x - knot)`` for knots at quantiles of the columns with many values."""
    items: list[tuple[Vector, MakeNode]] = []
    for i, name in enumerate(names):
        column = X[:, i]
        if len(np.unique(column)) < 3:
            continue
        knots = np.quantile(column, np.linspace(0, 1, n_knots + 2)[1:-1], method="nearest")
        for knot in np.unique(knots):
            value = float(f"{knot:.4g}")

            def maker(name: str = name, value: float = value) -> Node:
                return make_call("relu", make_sum([Variable(name), Number(-value)]))

            items.append((np.maximum(column - value, 0.0), maker))
    return Atoms.of(items, len(X))


def waves(atoms: Atoms, most: int) -> Atoms:
    """Return ``sin(a*u)`` and ``cos(a*u)`` of atoms u for frequencies a on a grid.

    A step of the grid turns the phase by one radian over the range of u: near enough to descend to
    the frequency by least squares.
    """
    items: list[tuple[Vector, MakeNode]] = []
    for place in range(len(atoms)):
        u, inner = atoms.values[:, place], atoms.makers[place]
        span = float(u.max() - u.min())
        for turns in range(1, _MOST_RADIANS):
            if len(items) >= most:
                return Atoms.of(items, len(atoms.values))
            a = turns / span
            for name, function in (("sin", np.sin), ("cos", np.cos)):

                def maker(name: str = name, a: float = a, inner: MakeNode = inner) -> Node:
                    return make_call(name, make_product([Number(a), inner()]))

                items.append((function(a * u), maker))
    return Atoms.of(items, len(atoms.values))
