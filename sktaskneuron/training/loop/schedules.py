"""Schedules: a factor over the progress t of training, 0 <= t <= 1."""

import math
from collections.abc import Callable, Mapping

Schedule = Callable[[float], float]


def constant(t: float) -> float:
    """Return 1."""
    return 1.0


def coslog4(t: float) -> float:
    """Return four cosine waves, evenly spaced in the logarithm of time, each from 0 to 1 to 0.

    The learning rate of RealMLP: it restarts three times early and ends with one long decay, so
    that a good state is met early and again late (Holzmüller et al., "Better by default", 2024).
    """
    return 0.5 * (1.0 - math.cos(2.0 * math.pi * math.log2(1.0 + 15.0 * t)))


def cosine(t: float) -> float:
    """Return a linear warm-up over the first twentieth times half a cosine wave from 1 to 0."""
    return min(1.0, t / 0.05) * 0.5 * (1.0 + math.cos(math.pi * t))


def flat_cos(t: float) -> float:
    """Return 1 in the first half, then half a cosine wave from 1 to 0."""
    return 1.0 if t < 0.5 else 0.5 * (1.0 + math.cos(math.pi * (2.0 * t - 1.0)))


#: Schedules by name.
SCHEDULES: Mapping[str, Schedule] = {
    "constant": constant,
    "coslog4": coslog4,
    "cosine": cosine,
    "flat_cos": flat_cos,
}


def get_schedule(name: str) -> Schedule:
    """Return the schedule of a name.

    Raises
    ------
    ValueError
        If the name is not one of ``SCHEDULES``.
    """
    try:
        return SCHEDULES[name]
    except KeyError:
        raise ValueError(
            f"unknown schedule {name!r}; known are {', '.join(sorted(SCHEDULES))}"
        ) from None
