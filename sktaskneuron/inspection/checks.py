"""What all of the inspection asks of what it is given."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sktaskneuron._typing import RandomState


def check_fitted(source: object) -> None:
    """Raise NotFittedError for an estimator before its fit; anything else needs none."""
    if hasattr(source, "fit"):
        check_is_fitted(source)


def draw_seed(random_state: RandomState) -> int:
    """Draw a seed from a user's stream; None draws from the system, not from numpy's stream."""
    stream = np.random.RandomState() if random_state is None else check_random_state(random_state)
    return int(stream.randint(2**31 - 1))
