"""The distribution of one column, and points between its values."""

import numpy as np

from sktaskneuron._typing import Mask, Vector

# A point that is kept of a column stands for so many rows at least. Measured: with ten, a table of
# 205 rows had 5 % more error; with five, none (benchmarks/normal_scores.py).
FEWEST_ROWS = 5


def distribution(x: Vector, weight: Vector | None) -> tuple[Vector, Vector]:
    """Distinct values of x (n,), ascending, and the weight below each; last, the whole weight.

    These are sums: with whole weights the same numbers, bit for bit, as with copies.
    """
    if weight is None:
        x = np.sort(x)
        below = np.arange(len(x) + 1.0)
    else:
        order = np.argsort(x)
        x = x[order]
        below = np.concatenate([[0.0], np.cumsum(weight[order])])
    first = np.flatnonzero(np.concatenate([[True], x[1:] != x[:-1]]))
    return x[first], below[np.append(first, len(x))]


def points_between(values: Vector, shared: Mask) -> Vector:
    """Points between neighbouring values, (n - 1,), that tell none of them.

    Between two neighbours lies their middle. Beside a shared value, which is known, the middle
    would tell the other one: there the point lies a power of two away, a quarter to a half of the
    gap.
    """
    low, high = values[:-1], values[1:]
    half = high / 2 - low / 2
    power = np.ldexp(0.5, np.frexp(half)[1])
    beside = np.where(shared[1:], high - power, low + half)
    return np.asarray(np.where(shared[:-1], low + power, beside))


def rows_below(below: Vector, n_rows: int) -> Vector:
    """Return the weight below each value as a number of rows.

    A weight counts copies of a row, unless the weights sum to less than the rows.
    """
    return np.asarray(below * (max(below[-1], n_rows) / below[-1]))
