"""What a hostile kind is, and the list of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..draft import Draft

Generator = np.random.Generator
Change = Callable[[Draft, Generator], Draft]

#: The order in which the kinds of a pair act.
ROWS, CELLS, COLUMNS, TARGET, WEIGHT, LATER, TYPES, NAMES, HOLDERS = range(9)
ALL = ("numbers", "classes", "states")
TABLES = ("numbers", "classes")


@dataclass(frozen=True)
class Kind:
    """A way in which a table is hostile; two of one stage are not paired."""

    name: str
    stage: int
    tasks: tuple[str, ...]
    change: Change
    #: never one of a pair: no other kind could go on from what it leaves
    alone: bool = False

    @property
    def text(self) -> str:
        return (self.change.__doc__ or "").splitlines()[0]


KINDS: dict[str, Kind] = {}


def kind(
    stage: int, tasks: tuple[str, ...] = ALL, *, alone: bool = False
) -> Callable[[Change], Change]:
    """Enter a function in the list of kinds, under its name."""

    def enter(change: Change) -> Change:
        name = change.__name__
        KINDS[name] = Kind(name, stage, tasks, change, alone)
        return change

    return enter
