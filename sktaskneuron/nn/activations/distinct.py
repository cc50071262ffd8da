"""The registered activations without those that are the same function."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from sktaskneuron.nn.activations.numerics import slopes
from sktaskneuron.nn.activations.registry import REGISTRY


@lru_cache(maxsize=1)
def distinct_activations() -> tuple[str, ...]:
    """Return the names of the registered activations, of equal functions the first alone.

    Returns
    -------
    tuple of str
        In the order of the catalogue. Two are equal if, with parameters at their defaults, their
        values and the slopes of training are: ``helu`` has the values of ``relu``, and stays.

    Examples
    --------
    >>> from sktaskneuron.nn.activations import REGISTRY, distinct_activations
    >>> sorted(set(REGISTRY) - set(distinct_activations()))
    ['celu']
    """
    # the shift keeps the points off kinks at round numbers
    x = np.linspace(-20.0, 20.0, 2001) + 1.2e-3
    kept: dict[str, np.ndarray] = {}
    for name, activation in REGISTRY.items():
        seen = np.stack([activation.numpy(x), slopes(activation.torch, x)])
        if not any(np.allclose(seen, other, rtol=1e-9, atol=1e-9) for other in kept.values()):
            kept[name] = seen
    return tuple(kept)
