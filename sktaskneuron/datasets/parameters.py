"""How the generators check parameters and draw numbers."""

from collections.abc import Callable
from numbers import Real
from typing import TypeVar

import numpy as np
from sklearn.utils._param_validation import validate_params

from sktaskneuron._typing import RandomState

Function = TypeVar("Function", bound=Callable[..., object])
Number = TypeVar("Number", int, float)


def validated(constraints: dict[str, list[object]]) -> Callable[[Function], Function]:
    """Check a function's parameters as scikit-learn does, and keep its type."""
    return validate_params(constraints, prefer_skip_nested_validation=True)


def check_range(
    value: tuple[Number, ...], name: str, kind: type = Real, above: float = -np.inf
) -> tuple[Number, Number]:
    """Check that a tuple is (low, high) with finite numbers, ``above < low <= high``."""
    wanted = f"{name} must be (low, high) with {above:g} < low <= high < inf"
    if len(value) != 2 or not all(isinstance(end, kind) for end in value):
        raise ValueError(f"{wanted}, two of {kind.__name__}; got {value!r}")
    low, high = value
    if not above < low <= high < np.inf:
        raise ValueError(f"{wanted}; got {value!r}")
    return low, high


def make_generator(random_state: RandomState) -> np.random.Generator:
    """Give a generator of its own to each call; None takes nothing from numpy's global stream."""
    if random_state is None:
        return np.random.default_rng()
    if isinstance(random_state, np.random.RandomState):
        words = random_state.randint(2**32, size=4, dtype=np.uint32)
        return np.random.default_rng(words)
    return np.random.default_rng(int(random_state))
