"""A budget of time."""

import math
import time


class Clock:
    """Share of a time budget that is used up.

    Parameters
    ----------
    seconds : float or None
        Budget from now on; None never runs out.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self.start, self.seconds = time.perf_counter(), seconds

    def left(self) -> float:
        """Return the seconds left; infinite without a budget."""
        if self.seconds is None:
            return math.inf
        return self.seconds - (time.perf_counter() - self.start)

    def __call__(self) -> float:
        """Return the share used, from 0; above 1 once the budget is exceeded."""
        if self.seconds is None:
            return 0.0
        if self.seconds <= 0:
            return math.inf
        return (time.perf_counter() - self.start) / self.seconds
