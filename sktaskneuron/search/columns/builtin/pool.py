"""What the stages of the package's own engine share: equations met, and views of the target."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.text.canonical import make_product
from sktaskneuron.formula.text.nodes import Node, render
from sktaskneuron.search.columns.builtin.links import LINKS, Factor, Link, allowed_links
from sktaskneuron.search.columns.builtin.select import Sums
from sktaskneuron.search.columns.constants import (
    EXACT,
    NamedRows,
    free_constants,
    refit,
    with_constants,
)
from sktaskneuron.search.columns.polish import snapped
from sktaskneuron.search.columns.rules import running_rules
from sktaskneuron.search.columns.simplify import simplified

# Equations may be so much longer than allowed before their numbers are made simple.
_LOOSE = 1.4
# Parts of the best length at which sums are fitted too.
_SHORTER = (0.65, 0.45, 0.3)
# Characters of an equation in a line of progress.
_MOST_CHARACTERS = 80
# Transforms of the target that a large library is tried with.
_MOST_LINKS = 4


@dataclass(eq=False)
class Pool:
    """Equations met so far, each fitted; the best is that of the least description length."""

    rows: NamedRows
    max_complexity: int
    found: dict[str, tuple[float, float, Node]] = field(default_factory=dict)

    def add(self, make: Callable[[], Node | None]) -> float:
        """Fit an equation and keep it, if it can be computed and is short enough.

        Return its criterion, infinite where it was not kept.
        """
        checkpoint()
        try:
            node = make()
        except FormulaError:
            return np.inf  # its numbers overflow
        rules = running_rules()
        if node is None or rules.size(node) > 3 * self.max_complexity:
            return np.inf
        if not rules.admit_part(node):
            return np.inf
        if not np.isfinite(self.rows.values(node)).all():
            return np.inf
        node = refit(node, self.rows)
        loss = self.rows.loss(node)
        if self.rows.is_exact(loss):
            # the numbers are known to all digits: which are whole is plain to see
            node = snapped(node, self.rows)
            loss = self.rows.loss(node)
        node = simplified(node, self.rows)
        if rules.size(node) > _LOOSE * self.max_complexity or not rules.admit_part(node):
            return np.inf
        value = self.rows.criterion(node, loss)
        key = shape_of(node)
        if np.isfinite(value) and value < self.found.get(key, (np.inf,))[0]:
            self.found[key] = value, loss, node
        return value

    @property
    def is_exact(self) -> bool:
        """Whether an equation leaves nothing but rounding."""
        return any(self.rows.is_exact(loss) for _, loss, _ in self.found.values())

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
    """The target divided by a factor, on the columns that are left.

    ``n_observations`` is the sum of the weights before.

    ``in_short``: it goes through the quick stages and small libraries only.
    """

    X: Matrix
    names: tuple[str, ...]
    y: Vector
    weight: Vector
    factor: Factor
    in_short: bool = False
    n_observations: float = 0.0

    @classmethod
    def of(
        cls,
        X: Matrix,
        names: Sequence[str],
        y: Vector,
        weight: Vector,
        factor: Factor,
        in_short: bool = False,
    ) -> View:
        """Divide the target by a factor; its columns go."""
        rest = [i for i in range(X.shape[1]) if i not in factor.exponents]
        return cls(
            X[:, rest],
            tuple(names[i] for i in rest),
            y / factor.values,
            weight * factor.values**2,
            factor,
            in_short,
            float(weight.sum()),
        )

    def equation(self, node: Node) -> Node:
        """Multiply by the factor again."""
        return make_product([self.factor.node, node])


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

    def attempt(self, view: View, link: Link, make: Callable[[], Node | None]) -> None:
        """Fit an equation that a transform of the target led to, and note how near it came."""
        value = self.pool.add(make)
        key = (id(view), link.name)
        self._reached[key] = min(self._reached.get(key, np.inf), value)


def worth(sums: Sums, n: float, n_atoms: int) -> list[int]:
    """Return the sizes of the sums worth fitting: the best by the criterion, and shorter ones.

    Some are much shorter: the best may be too long for an equation.
    """
    price = np.log(max(n, 3)) + 2 * np.log(max(n_atoms, 2))
    value = {size: n * np.log(max(loss, EXACT)) + price * size for size, loss in sums.loss.items()}
    best = min(value, key=lambda size: value[size])
    sizes = [best, best - 1, best - 2, *(round(best * share) for share in _SHORTER)]
    return [size for size in dict.fromkeys(sizes) if size > 0 and size in value]
