"""The package's own engine for equations of columns: sums, products and ratios of simple atoms.

Deterministic: transforms of the target turn many equations into sums, which forward steps with
exchanges and backward elimination find in libraries of growing depth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...exceptions import FormulaError
from ...formula.canonical import make_call, make_power, make_product, make_sum
from ...formula.nodes import Node, Number, complexity, render
from .columns_constants import EXACT, Rows, free_constants, refit, simplified, snapped, with_constants
from .columns_library import (
    Atoms,
    columns_as_atoms,
    hinges,
    invertible,
    monomials,
    pairs_of,
    safe_node,
    unary_of,
    waves,
)
from .columns_links import LINKS, Factor, Link, find_factors, no_factor
from .columns_select import Sums, backward, forward
from .engine import ColumnsProblem

Array = NDArray[np.float64]

# Terms of a sum, and rows on which the deep library is looked through.
_MOST_TERMS, _DEEP_TERMS, _DEEP_ROWS = 8, 4, 300
# Libraries up to this size are tried with every transform of the target, larger ones with the most
# promising.
_ALL_LINKS, _MOST_LINKS = 1_500, 4
# Functions of which modulated polynomials are fitted to the end.
_MOST_MODULATED, _MODULATED_LINKS = 8, 6
# Columns up to which products of all of them are formed.
_FEW_COLUMNS = 5
# Columns up to which atoms of pairs are formed, the most promising ones of a wide table.
_MOST_COLUMNS = 12
_SMALL, _MEDIUM = 400, 4_000
# Rows times atoms of a library that is looked through on all rows.
_MOST_ENTRIES = 1_500_000
# Stages that a target is not sent through if it is, with a factor divided out.
_DEEP_STAGES = slice(1, 5, 3)
# Residual variances above the exact one that still count as exact.
_NEARLY = 1e3
# Equations may be so much longer than allowed before their numbers are made simple.
_LOOSE = 1.4


@dataclass(eq=False)
class Pool:
    """Equations met so far, each fitted; the best is that of the least description length."""

    rows: Rows
    max_complexity: int
    found: dict[str, tuple[float, float, Node]] = field(default_factory=dict)

    def add(self, make: Callable[[], Node | None]) -> float:
        """Fit an equation and keep it, if it can be computed and is short enough.

        Return its criterion, infinite where it was not kept.
        """
        try:
            node = make()
        except FormulaError:
            return np.inf  # its numbers overflow
        if node is None or complexity(node) > 3 * self.max_complexity:
            return np.inf
        if not np.isfinite(self.rows.values(node)).all():
            return np.inf
        node = refit(node, self.rows)
        loss = self.rows.loss(node)
        if loss <= _NEARLY * EXACT * self.rows.variance:
            # the numbers are known to all digits: which are whole is plain to see
            node = snapped(node, self.rows)
            loss = self.rows.loss(node)
        node = simplified(node, self.rows)
        if complexity(node) > _LOOSE * self.max_complexity:
            return np.inf
        value = self.rows.criterion(node, loss)
        key = shape_of(node)
        if np.isfinite(value) and value < self.found.get(key, (np.inf,))[0]:
            self.found[key] = value, loss, node
        return value

    @property
    def is_exact(self) -> bool:
        """Whether an equation leaves nothing but rounding."""
        limit = _NEARLY * EXACT * self.rows.variance
        return any(loss <= limit for _, loss, _ in self.found.values())

    def nodes(self) -> list[Node]:
        """Return all equations, that of the least description length first."""
        return [node for _, _, node in sorted(self.found.values(), key=lambda item: item[0])]


def shape_of(node: Node) -> str:
    """Return the text of a tree with rounded numbers: what differs in digits only is the same."""
    return render(with_constants(node, [float(f"{v:.2g}") for v in free_constants(node)]))


def _weights_of(values: Array, target: Array, weight: Array) -> Array:
    """Return the weighted least-squares weights of columns, that of a constant last."""
    design = np.column_stack([values, np.ones(len(values))])
    root = np.sqrt(weight)
    size = np.linalg.norm(design * root[:, None], axis=0)
    scaled = design / size * root[:, None]
    return np.asarray(np.linalg.lstsq(scaled, target * root, rcond=1e-14)[0] / size)


def _left_of_modulated(
    quadratic: Array, columns: Array, w: Array, target: Array, weight: Array
) -> Array:
    """Return the share of a target that ``P + Q w + R w**2`` leaves, for every w: (n_w,).

    By normal equations, all w at once: to rank them needs no more digits.
    """
    root = np.sqrt(weight)
    y = (target - np.average(target, weights=weight)) * root
    fixed = np.column_stack([np.ones(len(y)), quadratic])
    fixed = fixed / np.maximum(np.linalg.norm(fixed, axis=0), 1e-300)
    wave = (w / np.maximum(np.abs(w).max(axis=0), 1e-300)).T[:, :, None]
    shape = (len(wave), *fixed.shape)
    linear = columns / np.maximum(np.linalg.norm(columns, axis=0), 1e-300)
    design = np.concatenate([np.broadcast_to(fixed, shape), fixed * wave, linear * wave**2], axis=2)
    design = design * root[:, None]
    design /= np.maximum(np.linalg.norm(design, axis=1, keepdims=True), 1e-300)
    gram = np.matmul(design.transpose(0, 2, 1), design)
    right = np.matmul(design.transpose(0, 2, 1), y)
    ridge = 1e-10 * np.eye(gram.shape[1])
    coef = np.linalg.solve(gram + ridge, right[:, :, None])[:, :, 0]
    residual = y - np.einsum("wnp,wp->wn", design, coef)
    return np.asarray(np.einsum("wn,wn->w", residual, residual) / max(float(y @ y), 1e-300))


@dataclass(frozen=True, eq=False)
class View:
    """The target divided by a factor, on the columns that are left."""

    X: Array
    names: tuple[str, ...]
    y: Array
    weight: Array
    factor: Factor

    @classmethod
    def of(cls, X: Array, names: Sequence[str], y: Array, weight: Array, factor: Factor) -> View:
        """Divide the target by a factor; its columns go."""
        rest = [i for i in range(X.shape[1]) if i not in factor.exponents]
        return cls(
            X[:, rest],
            tuple(names[i] for i in rest),
            y / factor.values,
            weight * factor.values**2,
            factor,
        )

    def equation(self, node: Node) -> Node:
        """Multiply by the factor again."""
        return make_product([self.factor.node, node])


def search_builtin(problem: ColumnsProblem) -> list[Node]:
    """Return candidate equations by the package's own engine.

    Parameters
    ----------
    problem : ColumnsProblem
        ``max_steps`` counts stages: sums, modulated polynomials, ratios, products, the deep
        library, broken lines.

    Returns
    -------
    nodes : list of Node
        Canonical trees, the best by description length first.
    """
    search = Builtin(
        problem.X,
        problem.names,
        problem.y,
        problem.weight,
        problem.max_complexity,
        problem.max_steps,
        problem.on_step,
    )
    return search.run()


class Builtin:
    """One search for the equation of one target.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    names : sequence of str
    y : ndarray of shape (n_samples,)
    weight : ndarray of shape (n_samples,)
    max_complexity : int
        Of an equation, in nodes.
    max_steps : int or None
        Most stages.
    on_step : callable, optional
        Called with a text before every stage.
    """

    def __init__(
        self,
        X: Array,
        names: Sequence[str],
        y: Array,
        weight: Array,
        max_complexity: int,
        max_steps: int | None = None,
        on_step: Callable[[str], None] | None = None,
    ) -> None:
        self.max_steps = max_steps
        self.in_short = False
        self.names = tuple(names)
        self.X, self.y, self.weight = X, y, weight
        self.rows = Rows(dict(zip(self.names, X.T, strict=True)), y, weight)
        self.pool = Pool(self.rows, max_complexity)
        self.on_step = on_step or (lambda text: None)
        self._reached: dict[tuple[int, str], float] = {}

    def run(self) -> list[Node]:
        """Return the equations met, that of the least description length first."""
        mean = float(self.weight @ self.y / self.weight.sum())
        self.pool.add(lambda: Number(mean))
        chosen = self._promising()
        X, names = self.X[:, chosen], tuple(self.names[i] for i in chosen)
        views = []
        for factor in find_factors(X, self.y, self.weight, names):
            views.append(View.of(X, names, self.y, self.weight, factor))
            self.pool.add(lambda node=factor.node: make_product([Number(1.0), node]))  # type: ignore[misc]
        views.append(View.of(X, names, self.y, self.weight, no_factor(len(X))))
        stages = (self._sums, self._modulated, self._ratios, self._products, self._deep)
        for stage in stages[: self.max_steps]:
            for view in views:
                # with a factor divided out, the rest is looked at as a whole in short only
                self.in_short = view.factor.exponents == {} and len(views) > 1
                if view.names and not (self.in_short and stage in stages[_DEEP_STAGES]):
                    stage(view)
                if self.pool.is_exact:
                    return self.pool.nodes()
        if self.max_steps is None or self.max_steps > len(stages):
            self._hinges(views[-1])
        return self.pool.nodes()

    # -- columns ----------------------------------------------------------------------------------

    def _promising(self) -> list[int]:
        """Return the columns to combine: all of a narrow table, else those that explain most."""
        d = self.X.shape[1]
        if d <= _MOST_COLUMNS:
            return list(range(d))
        atoms = columns_as_atoms(self.X, self.names)
        atoms = atoms + unary_of(atoms, ("square", "abs"))
        sums = forward(atoms.values, self.y, self.weight, _MOST_COLUMNS)
        used: list[str] = []
        from ...formula.evaluation import variables

        for size in sorted(sums.places):
            for place in sums.places[size]:
                used += [name for name in variables(atoms.node(place)) if name not in used]
        return sorted(self.names.index(name) for name in used[:_MOST_COLUMNS])

    # -- sums under a transform of the target ------------------------------------------------------

    def _libraries(self, view: View) -> list[tuple[Atoms, bool]]:
        """Return libraries of growing size, and whether to start from all of their atoms."""
        X, names = view.X, view.names
        n = len(X)
        whole = monomials(X, names, [(1, 2, 3, 4), (1, 2), (1,), (1,)], _SMALL)
        quadratic = monomials(X, names, [(1, 2), (1,)], _SMALL)
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
        high = monomials(X, names, [tuple(range(1, 10))], _SMALL)
        libraries = [(quadratic, True), (whole, True), (curves + whole, True)]
        if X.shape[1] <= 2:
            libraries.insert(2, (high, True))
        libraries += [
            (quadratic + curves + products, False),
            (laurent, False),
            (self._full_products(X, names), False),
        ]
        return [(atoms, start and 3 * len(atoms) < n) for atoms, start in libraries]

    def _full_products(self, X: Array, names: Sequence[str]) -> Atoms:
        """Return products of all columns, each as it is, inverted, as a wave, or left out."""
        columns = columns_as_atoms(X, names)
        result = Atoms(np.ones((len(X), 1)), [lambda: Number(1.0)])
        if X.shape[1] > _FEW_COLUMNS:
            return columns
        for place in range(len(columns)):
            own = columns.take([place])
            forms = own + unary_of(own, ("inverse", "sin", "cos"))
            result = result.join(pairs_of(result, forms, "*", 20_000))
        return result.take(range(1, len(result)))

    def _monomials_of_all(self, X: Array, names: Sequence[str]) -> Atoms:
        """Return products of the columns and their inverses, of any number of columns."""
        degrees = [(-1.0, 1.0)] * min(X.shape[1], 5)
        return monomials(X, names, degrees, 500)

    def _sums(self, view: View) -> None:
        for number, (atoms, from_all) in enumerate(self._libraries(view)):
            if self.in_short and len(atoms) > _SMALL:
                continue
            self.on_step(f"sums of {len(atoms)} atoms")
            for link in self._links(view, promising=number >= 3 and len(atoms) > _ALL_LINKS):
                self._linked(view, link, atoms, from_all)
                if self.pool.is_exact:
                    return

    def _links(self, view: View, promising: bool = True) -> list[Link]:
        """Return the transforms of the target to try: all, or those that came nearest so far."""
        if not promising:
            return list(LINKS)
        reached = {link.name: self._reached.get((id(view), link.name), np.inf) for link in LINKS}
        order = sorted(LINKS, key=lambda link: reached[link.name])
        return [
            link for link in order if link is LINKS[0] or link in order[:_MOST_LINKS]
            if np.isfinite(reached[link.name])
        ]

    def _try(self, view: View, link: Link, make: Callable[[], Node | None]) -> None:
        value = self.pool.add(make)
        key = (id(view), link.name)
        self._reached[key] = min(self._reached.get(key, np.inf), value)

    def _linked(self, view: View, link: Link, atoms: Atoms, from_all: bool) -> None:
        if not len(atoms):
            return
        given = link.rows(view.y, view.weight)
        if given is None:
            return
        target, fine, weight = given
        values = atoms.values if len(fine) == len(atoms.values) else atoms.values[fine]
        if values.size > _MOST_ENTRIES:
            # a look at some of the rows chooses the atoms; their weights are fitted on all
            step = -(-values.size // _MOST_ENTRIES)
            part = np.arange(0, len(fine), step)
            if len(part) >= min(_DEEP_ROWS, len(fine)):
                values, target, weight = values[part], target[part], weight[part]
        for sums in self._sums_of(values, target, weight, from_all):
            for size in self._worth(sums, len(fine), len(atoms)):
                places = sums.places[size]
                self._try(view, link, lambda p=places: self._sum(view, link, atoms, p, given))  # type: ignore[misc]

    def _sums_of(
        self, values: Array, target: Array, weight: Array, from_all: bool, most: int = _MOST_TERMS
    ) -> list[Sums]:
        """Return sums found forward, and backward from all columns or from those met forward."""
        steps = forward(values, target, weight, most + 6)
        if from_all:
            return [steps, backward(values, target, weight, most + 6)]
        longest = steps.places[max(steps.places)]
        if len(longest) < 3:
            return [steps]
        again = backward(values[:, list(longest)], target, weight, most + 6)
        places = {k: tuple(longest[i] for i in found) for k, found in again.places.items()}
        return [steps, Sums(places, again.loss)]

    def _worth(self, sums: Sums, n: int, n_atoms: int) -> list[int]:
        """Return the sizes of the sums worth fitting: the best by the criterion, and shorter ones."""
        price = np.log(max(n, 3)) + 2 * np.log(max(n_atoms, 2))
        value = {
            size: n * np.log(max(loss, EXACT)) + price * size for size, loss in sums.loss.items()
        }
        best = min(value, key=lambda size: value[size])
        return [size for size in (best, best - 1, best - 2) if size > 0 and size in value]

    def _sum(
        self,
        view: View,
        link: Link,
        atoms: Atoms,
        places: Sequence[int],
        given: tuple[Array, NDArray[np.intp], Array],
    ) -> Node | None:
        target, fine, weight = given
        coef = _weights_of(atoms.values[:, list(places)][fine], target, weight)
        terms: list[Node] = []
        for value, place in zip(coef[:-1], places, strict=True):
            node = safe_node(atoms, place)
            if node is None:
                return None
            terms.append(make_product([Number(float(value)), node]))
        spread = float(np.sqrt(np.average((target - np.average(target)) ** 2)))
        # a constant that is rounding would be a free number of its own
        constant = float(coef[-1])
        if abs(constant) > 1e-7 * max(spread, abs(float(np.average(target)))):
            terms.append(Number(constant))
        return view.equation(link.inverse(make_sum(terms)))

    # -- polynomials whose terms one function of the columns multiplies ------------------------------

    def _modulated(self, view: View) -> None:
        """Fit ``P + Q w + R w**2``, P and Q quadratic, R linear, for every w of a library.

        All terms at once, so that no greedy step has to find them; then those that say nothing go.
        """
        X, names = view.X, view.names
        quadratic = monomials(X, names, [(1, 2), (1,)], _SMALL)
        if X.shape[1] > _FEW_COLUMNS or 6 * len(quadratic) > min(len(X), _DEEP_ROWS):
            return
        self.on_step("modulated polynomials")
        columns = columns_as_atoms(X, names)
        pairs = pairs_of(columns, columns, "+-*/", 200)
        w = unary_of(columns + pairs, ("sin", "cos", "exp", "exp-", "log abs"))
        rows = np.linspace(0, len(X) - 1, min(_DEEP_ROWS, len(X))).astype(int)
        share: list[tuple[float, int, int]] = []
        for number, link in enumerate(LINKS[:_MODULATED_LINKS]):
            given = link.rows(view.y[rows], view.weight[rows])
            if given is None:
                continue
            left = _left_of_modulated(
                quadratic.values[rows][given[1]],
                columns.values[rows][given[1]],
                w.values[rows][given[1]],
                given[0],
                given[2],
            )
            share += [(float(value), number, place) for place, value in enumerate(left)]
        for _, number, place in sorted(share)[:_MOST_MODULATED]:
            own = w.take([place])
            both = quadratic + own + pairs_of(quadratic, own, "*", _SMALL)
            both = both + pairs_of(columns, unary_of(own, ("square",)), "*", _SMALL)
            self._linked(view, LINKS[number], both, from_all=True)
            if self.pool.is_exact:
                return

    # -- ratios of sums ----------------------------------------------------------------------------

    def _ratios(self, view: View) -> None:
        """Fit y Q = P, which is linear: y = P - y (Q - 1)."""
        self.on_step("ratios of sums")
        X, names = view.X, view.names
        degrees: list[list[tuple[float, ...]]] = [[(1, 2), (1,)], [(1, 2, 3, 4), (1, 2), (1,)]]
        n = len(X)
        for link in LINKS[:3:2]:
            given = link.rows(view.y, view.weight)
            if given is None:
                continue
            target, fine, weight = given
            for exponents in degrees:
                atoms = monomials(X, names, exponents, _SMALL)
                values = atoms.values[fine]
                both = np.column_stack([values, values * target[:, None]])
                usable = np.isfinite(both).all(axis=0)
                both = np.where(usable, both, 0.0)
                for sums in self._sums_of(both, target, weight, 3 * both.shape[1] < n):
                    for size in self._worth(sums, len(fine), both.shape[1]):
                        places = sums.places[size]
                        self.pool.add(
                            lambda p=places, a=atoms, b=both, g=given, k=link: self._ratio(  # type: ignore[misc]
                                view, k, a, b, p, g
                            )
                        )
                if self.pool.is_exact:
                    return

    def _ratio(
        self,
        view: View,
        link: Link,
        atoms: Atoms,
        both: Array,
        places: Sequence[int],
        given: tuple[Array, NDArray[np.intp], Array],
    ) -> Node | None:
        target, fine, weight = given
        coef = _weights_of(both[:, list(places)], target, weight)
        above: list[Node] = []
        if abs(coef[-1]) > 1e-7 * float(np.abs(target).mean()):
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

    # -- products of powers of atoms ---------------------------------------------------------------

    def _products(self, view: View) -> None:
        """Fit log|y| by the logarithms of atoms, whose weights are exponents."""
        self.on_step("products of powers")
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
        shifted = unary_of(columns + pairs + squares + unary_of(pairs, ("square",)), ("1+", "1-"))
        bent = unary_of(columns + pairs, ("sin", "cos", "sin/2", "log", "tanh", "exp"))
        bases = columns + sums + shifted + bent + unary_of(bent, ("1+", "1-"))
        logs, makers = [], []
        for place in range(len(bases)):
            value = bases.values[:, place]
            if invertible(value) or np.abs(value).min() > 0:
                logs.append(np.log(np.abs(value)))
                makers.append(place)
        plain = columns + squares + pairs + unary_of(pairs, ("square",))
        values = np.column_stack([*logs, plain.values])[fine]
        target = np.log(size[fine])
        weight = (view.weight * size**2)[fine]
        weight = np.minimum(weight, 50 * np.median(weight))
        found = forward(values, target, weight, _MOST_TERMS)
        for count in self._worth(found, len(fine), values.shape[1]):
            places = found.places[count]
            for grid in (2, 6, None):
                self.pool.add(
                    lambda p=places, g=grid: self._product(  # type: ignore[misc]
                        view, bases, makers, plain, values, target, weight, p, g
                    )
                )

    def _product(
        self,
        view: View,
        bases: Atoms,
        makers: Sequence[int],
        plain: Atoms,
        values: Array,
        target: Array,
        weight: Array,
        places: Sequence[int],
        grid: int | None,
    ) -> Node | None:
        coef = _weights_of(values[:, list(places)], target, weight)
        parts: list[Node] = [Number(float(np.exp(coef[-1])))]
        inside: list[Node] = []
        for value, place in zip(coef[:-1], places, strict=True):
            exponent = float(value)
            if place >= len(makers):
                inside.append(make_product([Number(exponent), plain.node(place - len(makers))]))
                continue
            if grid is not None:
                exponent = round(exponent * grid) / grid
            if exponent == 0:
                continue
            base = bases.node(makers[place])
            whole = float(exponent).is_integer()
            if not whole and bases.values[:, makers[place]].min() < 0:
                base = make_call("abs", base)
            parts.append(make_power(base, int(exponent) if whole else exponent))
        if inside:
            parts.append(make_call("exp", make_sum(inside)))
        return view.equation(make_product(parts))

    # -- the deep library --------------------------------------------------------------------------

    def _deep(self, view: View) -> None:
        self.on_step("deep library")
        rows = np.linspace(0, len(view.X) - 1, min(_DEEP_ROWS, len(view.X))).astype(int)
        X, names = view.X[rows], view.names
        columns = columns_as_atoms(X, names)
        functions = ("sin", "cos", "exp", "exp-", "log", "sqrt", "square", "cube", "inverse")
        more = ("1+", "1-", "tanh", "gaussian", "abs", "log 1+", "sin/2", "sin*2", "cos*2")
        single = unary_of(columns, functions + more)
        level1 = columns + single
        pairs = pairs_of(columns, columns, "+-*/", 400)
        mixed = pairs_of(columns, single, "+-*/", 2_000)
        twice = unary_of(single + pairs, functions + ("tanh", "gaussian", "1+", "1-", "log 1+"))
        triples = pairs_of(pairs, columns, "+-*/", 2_000)
        inside = unary_of(columns, ("square", "cube", "inverse", "sqrt"))
        nested = unary_of(inside + columns, ("sin", "cos", "exp", "exp-", "log")) + columns
        level2 = level1 + pairs + mixed + twice + triples
        level3 = (
            level2
            + unary_of(mixed + triples, ("sin", "cos", "exp", "exp-", "log", "sqrt", "inverse"))
            + pairs_of(level1, twice, "*/", 8_000)
            + pairs_of(single, single, "*/", 3_000)
            + pairs_of(nested, nested, "*", 5_000)
        )
        inner = self._monomials_of_all(X, names)
        curved = unary_of(inner, (*functions, "tanh", "gaussian", "1+", "1-", "log 1+", "asin"))
        curved = curved + unary_of(unary_of(inner, ("square",)), ("exp", "exp-", "1+", "1-"))
        level4 = level1 + curved + pairs_of(columns + unary_of(columns, ("inverse",)), curved, "*", 8_000)
        level5 = waves(inner, 6_000)
        for atoms in (level2, level4, level3, level5):
            for link in self._links(view):
                self._deep_linked(view, link, atoms, rows)
                if self.pool.is_exact:
                    return

    def _deep_linked(self, view: View, link: Link, atoms: Atoms, rows: NDArray[np.intp]) -> None:
        given = link.rows(view.y[rows], view.weight[rows])
        if given is None or not len(atoms):
            return
        target, fine, weight = given
        values = atoms.values if len(fine) == len(rows) else atoms.values[fine]
        sums = forward(values, target, weight, _DEEP_TERMS)
        for size in self._worth(sums, len(fine), len(atoms)):
            places = sums.places[size]
            self._try(view, link, lambda p=places: self._sum(view, link, atoms, p, given))  # type: ignore[misc]

    # -- broken lines, for tables that no closed form fits -----------------------------------------

    def _hinges(self, view: View) -> None:
        self.on_step("broken lines")
        atoms = columns_as_atoms(view.X, view.names) + hinges(view.X, view.names, 7)
        atoms = atoms + pairs_of(columns_as_atoms(view.X, view.names), atoms, "*", 2_000)
        sums = forward(atoms.values, view.y, view.weight, 14)
        given = (view.y, np.arange(len(view.y)), view.weight)
        for size in sums.places:
            if size:
                places = sums.places[size]
                self.pool.add(lambda p=places: self._sum(view, LINKS[0], atoms, p, given))  # type: ignore[misc]
