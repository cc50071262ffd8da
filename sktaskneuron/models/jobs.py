"""Independent work side by side, on whatever backend of joblib is asked for.

Work gets all that it reads as arguments, its own budget of time, and one thread of torch, so that
it finds the same wherever it runs. What it left out for want of time is told here.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from threading import Condition
from typing import Any, Generic, TypeVar

from joblib import effective_n_jobs
from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed

from sktaskneuron._clock import (
    Clock,
    checkpoint,
    leave_out,
    running_clock,
    seconds_left,
    time_limit,
    within,
)

A = TypeVar("A")
T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """A function with its arguments.

    Parameters
    ----------
    function : callable
        Known by its name, or a method of a value that can be pickled.
    arguments : tuple
    otherwise : str
        What is left out, in words, where time ends it.
    """

    function: Callable[..., T]
    arguments: tuple[Any, ...]
    otherwise: str = ""


@dataclass(frozen=True)
class Jobs:
    """How many pieces of work may run at a time.

    Parameters
    ----------
    n_jobs : int or None
        As scikit-learn's.
    """

    n_jobs: int | None = 1

    @property
    def several(self) -> bool:
        """Whether that is more than one."""
        return effective_n_jobs(self.n_jobs) > 1

    def run(self, calls: Sequence[Call[T]], seconds: float = math.inf) -> list[T | None]:
        """Return what the calls return, in their order; None where time ended one.

        Parameters
        ----------
        calls : sequence of Call
        seconds : float, default=inf
            For all together. Those that have to wait for others share the time with them.
        """
        at_a_time = effective_n_jobs(self.n_jobs)
        rounds = -(-len(calls) // at_a_time)
        now, threads, owner = time.time(), _inner_threads(), os.getpid()
        ends = [now + seconds * (k // at_a_time + 1) / rounds for k in range(len(calls))]
        backend, _ = get_active_backend()
        # backends of processes need not say that they use no threads
        running = _Running() if getattr(backend, "uses_threads", False) else None
        with _torch_threads(threads):  # of threads; other processes set their own
            # arrays that travel as files may be written to, as those in memory
            parallel = Parallel(n_jobs=self.n_jobs, mmap_mode="c")
            try:
                found = parallel(
                    delayed(_in_time)(call, end, threads, owner, running)
                    for call, end in zip(calls, ends, strict=True)
                )
            except BaseException:
                if running is not None:
                    running.end()
                raise
        for _, left_out in found:
            for what in left_out:
                leave_out(what)
        return [value for value, _ in found]


class AllAtOnce(Generic[A, T]):
    """A function whose values are all computed side by side when the first is asked for.

    Parameters
    ----------
    jobs : Jobs
    function : callable
    arguments : sequence
        All that it will be asked for, each told by what it is, not by its value.
    """

    def __init__(self, jobs: Jobs, function: Callable[[A], T], arguments: Sequence[A]) -> None:
        self._jobs, self._function, self._arguments = jobs, function, arguments
        self._found: list[T | None] | None = None

    def __call__(self, argument: A) -> T:
        """Return the value, or end the block of `within` around here if time ended its work."""
        if self._found is None:
            calls = [Call(self._function, (a,)) for a in self._arguments]
            self._found = self._jobs.run(calls, seconds_left())
        place = next(k for k, a in enumerate(self._arguments) if a is argument)
        value = self._found[place]
        if value is None:
            checkpoint(math.inf)
        assert value is not None
        return value


class _Running:
    """Work in threads, which goes on where an error or Ctrl-C ends the fit: nobody can stop them.

    Their clocks can be: no time is left, and the work ends at its next joint.
    """

    def __init__(self) -> None:
        self._clocks: list[Clock] = []
        self._changed, self._over = Condition(), False

    @contextmanager
    def work(self) -> Iterator[None]:
        """Count the block as work that runs."""
        clock = running_clock()
        with self._changed:
            self._clocks.append(clock)
            if self._over:
                clock.seconds = 0.0
        try:
            yield
        finally:
            with self._changed:
                self._clocks.remove(clock)
                self._changed.notify_all()

    def end(self) -> None:
        """Take the time from all that runs, and wait for its end."""
        with self._changed:
            self._over = True
            for clock in self._clocks:
                clock.seconds = 0.0
            self._changed.wait_for(lambda: not self._clocks)


def _in_time(
    call: Call[T], end: float, threads: int, owner: int, running: _Running | None
) -> tuple[T | None, list[str]]:
    """Run a call until a moment; return what it returns, and what was left out."""
    value = None
    seconds = None if math.isinf(end) else end - time.time()
    elsewhere = _torch_threads(threads) if os.getpid() != owner else nullcontext()
    watched = nullcontext() if running is None else running.work()
    with elsewhere, time_limit(seconds) as left_out, within(otherwise=call.otherwise), watched:
        value = call.function(*call.arguments)
    return value, left_out


def _inner_threads() -> int:
    """Return what the user set by ``joblib.parallel_config(inner_max_num_threads=)``, or one."""
    backend, _ = get_active_backend()
    return getattr(backend, "inner_max_num_threads", None) or 1


@contextmanager
def _torch_threads(number: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
