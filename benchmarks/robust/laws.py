"""Clean tables that can be learned: numbers, classes, and states of a Hamiltonian system.

Every law holds more than a line, so that ridge is a low mark and the clean fit a high one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from .draft import Draft, Rows, Truth

#: Rows of the clean tables; new rows are always so many.
SIZES = (90, 160, 300)
N_NEW = 300
NOISE = 0.1

Law = Callable[[pd.DataFrame], np.ndarray]

LAWS: dict[str, Law] = {
    "square": lambda t: t.a**2 + 2 * t.b,
    "product": lambda t: t.a + 1.5 * t.b * t.c,
    "level": lambda t: t.a**2 + t.b + 2.0 * (t.k == "f"),
    "step": lambda t: 2 * np.tanh(2 * t.a) + t.b - t.c,
}
#: Clean tables of each task that a run draws from: few, so that clean fits are shared.
N_BASES = len(LAWS) * len(SIZES)


def columns(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Four numbers and a category that one of them correlates with."""
    table = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    table["k"] = np.where(table.a + rng.normal(size=n) > 0, "f", "m")
    return table


def base(task: str, number: int, seed: int) -> Draft:
    """Draw a clean table; the same number and seed give the same one."""
    rng = np.random.default_rng([seed, number])
    n = SIZES[number % len(SIZES)]
    law = list(LAWS.values())[number // len(SIZES) % len(LAWS)]
    return {"numbers": of_numbers, "classes": of_classes, "states": of_states}[task](rng, n, law)


def of_numbers(rng: np.random.Generator, n: int, law: Law) -> Draft:
    train, new = columns(rng, n), columns(rng, N_NEW)
    y, truth = (np.asarray(law(t), dtype=float) for t in (train, new))
    y = y + NOISE * y.std() * rng.normal(size=n)
    return untouched("numbers", Rows(train, y), new, Truth(truth[:, None]))


def of_classes(rng: np.random.Generator, n: int, law: Law) -> Draft:
    train, new = columns(rng, n), columns(rng, N_NEW)
    middle, scale = np.median(law(new)), np.std(law(new))
    chance, truth = (1 / (1 + np.exp(-4 * (law(t) - middle) / scale)) for t in (train, new))
    y = np.where(rng.random(n) < chance, "yes", "no")
    truth = Truth(np.stack([1 - truth, truth], axis=1), ("no", "yes"))
    return untouched("classes", Rows(train, y), new, truth)


def of_states(rng: np.random.Generator, n: int, law: Law) -> Draft:
    """Columns q and p of H = p²/2 + q²/2 + q⁴/8, and their derivatives by time."""
    train, new = (pd.DataFrame(rng.uniform(-1, 1, (m, 2)), columns=["a", "b"]) for m in (n, N_NEW))
    y, truth = (np.stack([t.b, -t.a - t.a**3 / 2], axis=1) for t in (train, new))
    y = y + 0.02 * rng.normal(size=y.shape)
    return untouched("states", Rows(train, y), new, Truth(truth))


def untouched(task: str, rows: Rows, new: pd.DataFrame, truth: Truth) -> Draft:
    return Draft(task, rows, rows, new, new, truth, truth)
