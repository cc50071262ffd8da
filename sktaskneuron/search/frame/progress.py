"""How far a search is: parts of the work, each with a name, and the steps in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Progress(Protocol):
    """Is told what a search does."""

    def part(self, name: str, n_steps: int | None = None) -> AbstractContextManager[Progress]:
        """Open a part of the work, of so many steps at most where that is known.

        It is closed where the block ends. A block of `within` belongs inside of it: what runs out
        of time is a part that has come to its end.
        """

    def step(self, text: str) -> None:
        """Tell of a step, in words.

        It may end the block of `within` around here, which there has to be: what was found so far
        is then what the block finds.
        """


class _Silence:
    def __repr__(self) -> str:
        return "SILENCE"

    @contextmanager
    def part(self, name: str, n_steps: int | None = None) -> Iterator[Progress]:
        yield self

    def step(self, text: str) -> None:
        pass


#: Tells nobody.
SILENCE: Progress = _Silence()
