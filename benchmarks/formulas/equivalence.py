"""Whether an equation that was found is a law, up to its numbers; and how far their trees are."""

from collections.abc import Mapping

import numpy as np

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
from sktaskneuron.search.columns.constants import NamedRows, refit

# Relative error outside of the range below which two equations are one.
SAME = 1e-6


def is_law(
    answer: Node,
    inside: Mapping[str, np.ndarray],
    y: np.ndarray,
    outside: Mapping[str, np.ndarray],
    y_outside: np.ndarray,
) -> bool:
    """Tell whether an equation is a law once its numbers are fitted to values without noise.

    Two expressions that agree to six digits on a thousand rows outside of those that were fitted
    are equal, however they are written.
    """
    rows = NamedRows(inside, y, np.ones(len(y)))
    with np.errstate(all="ignore"):
        node = answer
        for _ in range(4):  # steps end early where numbers are nearly dependent
            node = refit(node, rows)
        others = NamedRows(outside, y_outside, np.ones(len(y_outside)))
        return others.loss(node) <= (SAME * y_outside.std()) ** 2


def tree_distance(first: Node, second: Node) -> float:
    """Edit distance of two trees (Zhang and Shasha, 1989), as a share of the larger one."""
    a, b = _ordered(first), _ordered(second)
    return min(_distance(a, b) / max(len(a[0]), len(b[0])), 1.0)


def _label(node: Node) -> str:
    match node:
        case Number():
            return "number"
        case Variable(name):
            return name
        case Call(name, _):
            return f"{name}()"
        case Power(_, exponent):
            return f"**{exponent:g}"
        case Product():
            return "*"
        case Sum():
            return "+"
    raise TypeError(node)


def _ordered(node: Node) -> tuple[list[str], list[int]]:
    """Labels in postorder, and the place of the leftmost leaf below each."""
    labels: list[str] = []
    leftmost: list[int] = []

    def visit(inner: Node) -> int:
        first = None
        own = list(children(inner))
        if isinstance(inner, Product) and inner.coefficient != 1:
            own.append(Number(inner.coefficient))
        if isinstance(inner, Sum) and inner.constant != 0:
            own.append(Number(inner.constant))
        for part in own:
            left = visit(part)
            first = left if first is None else first
        labels.append(_label(inner))
        leftmost.append(len(labels) - 1 if first is None else first)
        return leftmost[-1]

    visit(node)
    return labels, leftmost


def _distance(a: tuple[list[str], list[int]], b: tuple[list[str], list[int]]) -> int:
    (la, left_a), (lb, left_b) = a, b
    tree = np.zeros((len(la), len(lb)), dtype=int)

    def roots(left: list[int]) -> list[int]:
        return sorted({value: place for place, value in enumerate(left)}.values())

    for i in roots(left_a):
        for j in roots(left_b):
            p, q = left_a[i], left_b[j]
            forest = np.zeros((i - p + 2, j - q + 2), dtype=int)
            forest[:, 0] = np.arange(i - p + 2)
            forest[0] = np.arange(j - q + 2)
            for x in range(p, i + 1):
                for y in range(q, j + 1):
                    u, v = x - p + 1, y - q + 1
                    cut = min(forest[u - 1, v], forest[u, v - 1]) + 1
                    if left_a[x] == p and left_b[y] == q:
                        forest[u, v] = min(cut, forest[u - 1, v - 1] + (la[x] != lb[y]))
                        tree[x, y] = forest[u, v]
                    else:
                        other = forest[left_a[x] - p, left_b[y] - q] + tree[x, y]
                        forest[u, v] = min(cut, other)
    return int(tree[-1, -1])
