"""Seeds from what scikit-learn calls ``random_state``."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
from sklearn.utils import check_random_state

from sktaskneuron._typing import RandomState

__all__ = ["draw_seed", "next_seed"]


def draw_seed(random_state: RandomState) -> int:
    """Return a seed.

    None means a new one from the operating system, and not, as elsewhere in scikit-learn, a draw
    from numpy's global stream: that is the user's.
    """
    stream = np.random.RandomState() if random_state is None else random_state
    return int(check_random_state(stream).randint(2**31 - 1))


def next_seed(random_state: RandomState) -> int:
    """Return the seed that :func:`draw_seed` would; a stream is left where it is."""
    return draw_seed(deepcopy(random_state))
