"""A budget of time, and the way out of long work when it is used up.

Long work stands in a block of :func:`within`, and calls :func:`checkpoint` at its joints. When time
is up, the block ends at the next one, and the code behind it goes on with the best that was found
so far. Blocks stand in one another: none runs longer than the one around it.

What is running is kept in a context variable rather than handed down, because the joints lie deep:
in the steps of a fit of one equation among thousands.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = [
    "Clock",
    "checkpoint",
    "end_block",
    "leave_out",
    "running_clock",
    "seconds_left",
    "time_limit",
    "within",
]


class Clock:
    """Share of a time budget that is used up, of wall and of CPU time: of the larger one.

    Parameters
    ----------
    seconds : float or None
        Budget from now on; None never runs out.
    paces : bool, default=True
        Whether work that is planned in steps is to go faster where time runs faster than they do.

    See Also
    --------
    fit_members : Train a packed module within the time of a clock.
    fit_replicates : Do the same with networks that are each trained as if alone.

    Examples
    --------
    >>> from sktaskneuron.training import Clock
    >>> 0.0 < Clock(60.0).left() <= 60.0
    True
    >>> Clock().left()
    inf
    """

    def __init__(self, seconds: float | None = None, *, paces: bool = True) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        self.paces = paces
        self.seconds: float = math.inf if seconds is None else seconds

    def used(self) -> float:
        """Return the seconds since the clock was made, of wall or of CPU time: the larger."""
        return max(time.perf_counter() - self._wall, time.process_time() - self._cpu)

    def left(self) -> float:
        """Return the seconds left; infinite without a budget."""
        return self.seconds if math.isinf(self.seconds) else self.seconds - self.used()

    def pace(self, share: float) -> float:
        """Return how far planned work is: its share of the steps, or that of the time if larger."""
        return max(share, self()) if self.paces else share

    def __call__(self) -> float:
        """Return the share used, from 0; above 1 once the budget is exceeded."""
        if math.isinf(self.seconds):
            return 0.0
        if self.seconds <= 0:
            return math.inf
        return self.used() / self.seconds


class _OutOfTime(Exception):
    """Ends the block of `within` in which it is raised."""


class _Asked(Exception):
    """Ends it likewise, but nothing was left out for want of time."""


_FOREVER = Clock()
_clock: ContextVar[Clock] = ContextVar("clock", default=_FOREVER)
_told: ContextVar[list[str] | None] = ContextVar("told", default=None)


@contextmanager
def time_limit(seconds: float | None) -> Iterator[list[str]]:
    """Run a fit that has so many seconds; None sets no limit.

    Yields
    ------
    left_out : list of str
        What `leave_out` was told in the block, each once.
    """
    told: list[str] = []
    outer_clock, outer_told = _clock.set(Clock(seconds)), _told.set(told)
    try:
        yield told
    finally:
        _clock.reset(outer_clock)
        _told.reset(outer_told)


@contextmanager
def within(
    seconds: float = math.inf, otherwise: str = "", *, paces: bool = True
) -> Iterator[Clock]:
    """Run a block for so many seconds at most, or as long as the block around it has left.

    Parameters
    ----------
    seconds : float, default=inf
    otherwise : str, default=""
        What is left out, in words, where the block does not come to its end; in place of what
        parts of it left out.
    paces : bool, default=True
        As of `Clock`; within a block that does not pace none does.

    Yields
    ------
    Clock
        Of this block.

    Examples
    --------
    >>> from sktaskneuron._clock import checkpoint, within
    >>> best = 0
    >>> with within(0.01):
    ...     while True:
    ...         best += 1
    ...         checkpoint()
    >>> best > 0
    True
    """
    outer = _clock.get()
    clock = Clock(min(seconds, outer.left()), paces=paces and outer.paces)
    told = list[str]()
    outer_clock, outer_told = _clock.set(clock), _told.set(told)
    try:
        yield clock
    except _OutOfTime:
        told[:] = [otherwise] if otherwise else told
    except _Asked:
        pass
    finally:
        _clock.reset(outer_clock)
        _told.reset(outer_told)
        for what in told:
            leave_out(what)


def checkpoint(needed: float = 0.0) -> None:
    """End the block of `within` around here if its time is up, or less is left than is needed.

    needed : seconds that the next piece of work takes, which cannot be stopped on the way.
    """
    if _clock.get().left() <= needed:
        raise _OutOfTime


def end_block() -> None:
    """End the block of `within` around here because somebody asked for it."""
    raise _Asked


class IterationCheckpoints:
    """Callback of scikit-learn by which a fit of many iterations of its own ends in time."""

    def setup(self, estimator: object, context: object) -> None:
        """Do nothing."""

    def teardown(self, estimator: object, context: object) -> None:
        """Do nothing."""

    def on_fit_task_begin(self, estimator: object, context: object, **others: object) -> None:
        """Look at the time before every iteration."""
        checkpoint()

    def on_fit_task_end(self, estimator: object, context: object, **others: object) -> None:
        """Do nothing."""


def running_clock() -> Clock:
    """Return the clock of the block of `within` around here."""
    return _clock.get()


def seconds_left() -> float:
    """Return how long the block of `within` around here may still run; infinite without a limit."""
    return _clock.get().left()


def leave_out(what: str) -> None:
    """Note for the user what a fit leaves out for want of time, in words."""
    told = _told.get()
    if told is not None and what not in told:
        told.append(what)
