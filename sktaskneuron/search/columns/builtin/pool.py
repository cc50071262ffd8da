"""What the stages of the package's own engine share: equations met, and views of the target."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import Matrix, RowNumbers, Vector
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.text.canonical import make_product
from sktaskneuron.formula.text.evaluation import variables
from sktaskneuron.formula.text.nodes import Node, Variable, render
from sktaskneuron.search.columns.builtin.links import LINKS, Link, allowed_links
from sktaskneuron.search.columns.builtin.noise import leaves_noise
from sktaskneuron.search.columns.builtin.select import Sums
from sktaskneuron.search.columns.constants import (
    EXACT,
    NamedRows,
    free_constants,
    refit,
    with_constants,
)
from sktaskneuron.search.columns.dimensions import Groups, power_node, power_product
from sktaskneuron.search.columns.origins import in_given_columns
from sktaskneuron.search.columns.polish import snapped
from sktaskneuron.search.columns.rules import running_rules
from sktaskneuron.search.columns.shortness import LeastLosses
from sktaskneuron.search.columns.simplify import simplified

# Equations may be so much longer than allowed before their numbers are made simple.
_LOOSE = 1.4
# Nodes per column that it reads, above which an equation may have a shorter form.
_NODES_PER_COLUMN = 8
# Parts of the best length at which sums are fitted too.
_SHORTER = (0.65, 0.45, 0.3)
# Characters of an equation in a line of progress.
_MOST_CHARACTERS = 80
# Transforms of the target that a large library is tried with.
_MOST_LINKS = 4
# Deviance by which a sum may be expected to miss the best equation, and the same per observation:
# more than any equation saves by being short, and than its numbers gain by moving together.
_HOPELESS, _HOPELESS_SHARE = 200.0, 0.2
# Terms of sums that are looked at for the best equation of their size.
SHORT = 3


@dataclass(eq=False)
class Pool:
    """Equations met so far, each fitted; the best is that of the least description length."""

    rows: NamedRows
    max_complexity: int
    found: dict[str, tuple[float, float, Node]] = field(default_factory=dict)
    least: LeastLosses = field(default_factory=LeastLosses)
    _noise: dict[Node, bool] = field(default_factory=dict)
    _met: dict[Node, float] = field(default_factory=dict)

    def add(self, make: Callable[[], Node | None]) -> float:
        """Fit an equation and keep it, if it can be computed and is short enough.

        Return its criterion, infinite where it was not kept.
        """
        checkpoint()
        try:
            node = make()
        except FormulaError:
            return np.inf  # its numbers overflow
        if node is None:
            return np.inf
        if node not in self._met:
            self._met[node] = self._add(node)
        return self._met[node]

    def _add(self, node: Node) -> float:
        """Fit an equation that was not met before."""
        rules = running_rules()
        if rules.size(node) > 3 * self.max_complexity or not rules.admit_part(node):
            return np.inf
        if not np.isfinite(self.rows.values(node)).all():
            return np.inf
        node = refit(node, self.rows, self.loss)
        loss = self.rows.loss(node)
        if self.rows.is_exact(loss):
            # the numbers are known to all digits: which are whole is plain to see
            node = snapped(node, self.rows)
            loss = self.rows.loss(node)
        return self._keep(simplified(node, self.rows), loss)

    def add_as_it_is(self, make: Callable[[], Node]) -> None:
        """Keep an equation with the numbers that it has."""
        checkpoint()
        try:
            node = make()
        except FormulaError:
            return  # its numbers overflow
        self._keep(node, self.rows.loss(node))

    def _keep(self, node: Node, loss: float) -> float:
        rules = running_rules()
        if rules.size(node) > _LOOSE * self.max_complexity or not rules.admit_part(node):
            return np.inf
        value = self.rows.criterion(node, loss)
        key = shape_of(node)
        if np.isfinite(value) and value < self.found.get(key, (np.inf,))[0]:
            self.found[key] = value, loss, node
            self.least.note(rules.size(node), loss)
        return value

    def add_if_unmatched(
        self, make: Callable[[], Node | None], expected: float, least_size: int
    ) -> None:
        """Fit an equation if none as short is expected to fit as well.

        Parameters
        ----------
        make : callable
        expected : float
            Its mean squared error to first order.
        least_size : int
            That it is known to have before it is made.
        """
        if not self.least.beaten_by(least_size, expected):
            return
        try:
            node = make()
        except FormulaError:
            return  # its numbers overflow
        if node is not None and self.least.beaten_by(running_rules().size(node), expected):
            self.add(lambda: node)

    @property
    def loss(self) -> float:
        """Mean squared error of the best equation; infinite where there is none."""
        return min(self.found.values(), key=lambda item: item[0])[1] if self.found else np.inf

    @property
    def is_exact(self) -> bool:
        """Whether an equation that is short enough leaves nothing but rounding."""
        size = running_rules().size
        return any(
            self.rows.is_exact(loss) and size(node) <= self.max_complexity
            for _, loss, node in self.found.values()
        )

    @property
    def is_noise(self) -> bool:
        """Whether the best equation is short and leaves nothing but noise."""
        if not self.found:
            return False
        node = min(self.found.values(), key=lambda item: item[0])[2]
        if node not in self._noise:
            short = running_rules().size(node) <= _NODES_PER_COLUMN * len(variables(node))
            self._noise[node] = short and leaves_noise(node, self.rows)
        return self._noise[node]

    def nodes(self) -> list[Node]:
        """Return all equations, that of the least description length first."""
        return [node for _, _, node in sorted(self.found.values(), key=lambda item: item[0])]


def shape_of(node: Node) -> str:
    """Return the text of a tree with rounded numbers: what differs in digits only is the same."""
    return render(with_constants(node, [float(f"{v:.2g}") for v in free_constants(node)]))


def weights_of(values: Matrix, target: Vector, weight: Vector) -> Vector:
    """Return the weighted least-squares weights of columns, that of a constant last."""
    design = np.column_stack([values, np.ones(len(values))])
    root = np.sqrt(weight)
    size = np.linalg.norm(design * root[:, None], axis=0)
    scaled = design / size * root[:, None]
    return np.asarray(np.linalg.lstsq(scaled, target * root, rcond=1e-14)[0] / size)


@dataclass(frozen=True, eq=False)
class View:
    """The target divided by a factor, on groups of columns.

    ``n_observations`` is the sum of the weights before.

    ``in_short``: it goes through the quick stages and small libraries only.
    """

    X: Matrix
    names: tuple[str, ...]
    y: Vector
    weight: Vector
    scale: Node
    meaning: Mapping[str, Node]
    in_short: bool
    n_observations: float

    def rows(self, most: int) -> RowNumbers:
        """Return so many row numbers at most, evenly apart."""
        return np.linspace(0, len(self.y) - 1, min(most, len(self.y))).astype(int)

    @classmethod
    def of(
        cls,
        X: Matrix,
        names: Sequence[str],
        y: Vector,
        weight: Vector,
        way: Groups,
        in_short: bool = False,
    ) -> View:
        """Divide the target by a factor, and put the columns together to groups."""
        scale = power_product(X, way.scale)
        labels, meaning = list[str](), dict[str, Node]()
        for powers in way.groups:
            node = power_node(names, powers)
            if isinstance(node, Variable):
                labels.append(node.name)
                continue
            label = render(node)
            while label in names:
                label += "'"
            meaning[label] = node
            labels.append(label)
        return cls(
            np.stack([power_product(X, powers) for powers in way.groups], axis=1)
            if way.groups
            else np.zeros((len(X), 0)),
            tuple(labels),
            y / scale,
            weight * scale**2,
            power_node(names, way.scale),
            meaning,
            in_short,
            float(weight.sum()),
        )

    def equation(self, node: Node) -> Node:
        """Multiply by the factor again, and write the groups out."""
        written = in_given_columns(node, self.meaning) if self.meaning else node
        return make_product([self.scale, written])


@dataclass(eq=False)
class Search:
    """One search for the equation of one target.

    Parameters
    ----------
    pool : Pool
    on_step : callable
        Called with a text before every part of the search.
    """

    pool: Pool
    on_step: Callable[[str], None]
    _reached: dict[tuple[int, str], float] = field(default_factory=dict)
    _promoted: set[int] = field(default_factory=set)

    def say(self, stage: str) -> None:
        """Tell of a stage that begins, and of the best equation so far."""
        best = next(iter(self.pool.nodes()), None)
        if best is not None:
            text = textwrap.shorten(render(best), _MOST_CHARACTERS, placeholder="...")
            stage = f"{stage}; so far {text}, criterion {self.pool.rows.criterion(best):.6g}"
        self.on_step(stage)

    def links(self, view: View, promising: bool = True) -> list[Link]:
        """Return the transforms of the target to try: all, or those that came nearest so far."""
        links = allowed_links()
        if not promising:
            return links
        reached = {link.name: self._reached.get((id(view), link.name), np.inf) for link in links}
        order = sorted(links, key=lambda link: reached[link.name])
        best = [link for link in order[:_MOST_LINKS] if np.isfinite(reached[link.name])]
        return best if LINKS[0] in best else [LINKS[0], *best]

    def is_promoted(self, view: View) -> bool:
        """Tell whether a view in short is to go through all stages."""
        return id(view) in self._promoted

    def promote(self, views: Sequence[View]) -> View | None:
        """Choose the view in short that came clearly nearer than all others, if there is one.

        The factors and groups of those were wrong, then.
        """

        def nearest(view: View) -> float:
            return min(
                (v for (own, _), v in self._reached.items() if own == id(view)), default=np.inf
            )

        short = [view for view in views if view.in_short]
        best = min(short, key=nearest, default=None)
        whole = min((nearest(view) for view in views if not view.in_short), default=np.inf)
        if best is None or not nearest(best) < whole - _HOPELESS:
            return None
        self._promoted.add(id(best))
        return best

    def attempt(
        self,
        view: View,
        link: Link,
        make: Callable[[], Node | None],
        expected: float,
        n_terms: int,
    ) -> None:
        """Fit an equation that a transform of the target led to, and note how near it came.

        ``expected`` is its mean squared error to first order. One that cannot compete is only
        noted, or fitted if it is the best of its size.
        """
        rows = self.pool.rows
        if self._hopes_for(expected):
            value = self.pool.add(make)
        else:
            value = rows.n_effective * float(np.log(expected))
            self.attempt_short(make, expected, n_terms)
        key = (id(view), link.name)
        self._reached[key] = min(self._reached.get(key, np.inf), value)

    def attempt_short(self, make: Callable[[], Node | None], expected: float, n_terms: int) -> None:
        """Fit a sum of few terms that is the best of its size, though not the best of all."""
        if n_terms <= SHORT:
            # a symbol for each term, and one between two
            self.pool.add_if_unmatched(make, expected, 2 * n_terms - 1)

    def _hopes_for(self, expected: float) -> bool:
        """Tell whether an equation of such a mean squared error may compete with the best one."""
        rows = self.pool.rows
        n = rows.n_effective
        floor = EXACT * rows.variance
        ratio = max(expected, floor) / max(self.pool.loss, floor)
        return ratio == 0 or bool(n * np.log(ratio) <= max(_HOPELESS, _HOPELESS_SHARE * n))


def worth(sums: Sums, n: float, n_atoms: int) -> list[int]:
    """Return the sizes of the sums worth fitting: the best by the criterion, and shorter ones.

    Some are much shorter: the best may be too long for an equation.
    """
    price = np.log(max(n, 3)) + 2 * np.log(max(n_atoms, 2))
    value = {size: n * np.log(max(loss, EXACT)) + price * size for size, loss in sums.loss.items()}
    best = min(value, key=lambda size: value[size])
    sizes = [best, best - 1, best - 2, *(round(best * share) for share in _SHORTER)]
    return [size for size in dict.fromkeys(sizes) if size > 0 and size in value]
