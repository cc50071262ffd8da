"""Random configurations for a search over hyperparameters, the same ones in every run."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

#: Formulas of the first layer: both searches, a plain network, and two shapes that often pay.
FORMULAS = ("td", "sr", "x", "x + x**2 + <x,x>:4", "x + <x,x>:8")
ACTIVATIONS = ("silu", "relu", "gelu", "tanh", "snake(a=1)")
WIDTHS = (64, 128, 256, 512)


def random_configuration(rng: np.random.Generator) -> dict[str, Any]:
    """Draw parameters of an estimator: plain numbers, texts and lists, which JSON can hold."""

    def log_uniform(low: float, high: float) -> float:
        return float(math.exp(rng.uniform(math.log(low), math.log(high))))

    width, depth = int(rng.choice(WIDTHS)), int(rng.integers(1, 4))
    return {
        "formula": str(rng.choice(FORMULAS, p=(0.4, 0.2, 0.1, 0.2, 0.1))),
        "hidden_layer_sizes": [width] * depth,
        "activation": str(rng.choice(ACTIVATIONS, p=(0.4, 0.2, 0.2, 0.1, 0.1))),
        "dropout": float(rng.choice((0.0, rng.uniform(0.0, 0.4)), p=(0.25, 0.75))),
        "learning_rate": log_uniform(0.02, 0.3),
        "weight_decay": float(rng.choice((0.0, log_uniform(1e-3, 0.1)), p=(0.2, 0.8))),
        "batch_size": int(rng.choice((128, 256, 512))),
    }


def random_configurations(n: int = 200, seed: int = 1234) -> list[dict[str, Any]]:
    """Draw `n` configurations; fewer are the first ones of more."""
    rng = np.random.default_rng(seed)
    return [random_configuration(rng) for _ in range(n)]
