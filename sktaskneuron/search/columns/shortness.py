"""Which equations no shorter one matches: the least error at each size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from sktaskneuron.formula.text.nodes import Node
from sktaskneuron.search.columns.constants import NamedRows
from sktaskneuron.search.columns.rules import running_rules


@dataclass(eq=False)
class LeastLosses:
    """The least loss of the equations met so far, by their size."""

    by_size: dict[float, float] = field(default_factory=dict)

    def beaten_by(self, size: float, loss: float) -> bool:
        """Tell whether all equations up to a size have a larger loss."""
        return all(loss < known for own, known in self.by_size.items() if own <= size)

    def note(self, size: float, loss: float) -> None:
        """Take an equation into account."""
        self.by_size[size] = min(loss, self.by_size.get(size, np.inf))


def shorter_than(best: Node, nodes: Iterable[Node], rows: NamedRows) -> list[Node]:
    """Return the equations that are shorter than one and fit better than all that are no longer."""
    size = running_rules().size
    most = size(best)
    sized = [(size(node), node) for node in nodes]
    ranked = sorted(
        ((own, rows.loss(node), node) for own, node in sized if own < most), key=lambda t: t[:2]
    )
    least, kept = np.inf, list[Node]()
    for _, loss, node in ranked:
        if loss < least:
            least = loss
            kept.append(node)
    return kept
