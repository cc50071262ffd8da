"""Which rows an engine of another package sees."""

from __future__ import annotations

import numpy as np

from sktaskneuron._typing import RowNumbers, Vector

#: Most rows that such an engine sees: its time goes with them, and what it finds is fitted again to
#: all of them.
MAX_ROWS = 5_000
# Weighted rows are drawn so often at least, so that few rows get shares close to their weights.
_LEAST_DRAWN = 2_000


def drawn_rows(weight: Vector, seed: int) -> RowNumbers:
    """Draw rows with shares proportional to their weights, for an engine that knows no weights.

    Systematic sampling: the weights are laid end to end, in an order drawn at random, and cut at
    equal distances, so that every row is drawn as often as its weight says, give or take one.

    Parameters
    ----------
    weight : ndarray of shape (n_samples,)
        Positive.
    seed : int

    Returns
    -------
    rows : ndarray of int of shape (n_drawn,)
        Sorted indices, with repeats where weights differ; every row once where they are equal and
        few enough.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.search.columns.engines.rows import drawn_rows
    >>> np.bincount(drawn_rows(np.array([1.0, 1.0, 2.0]), seed=0)).tolist()
    [500, 500, 1000]
    """
    n = len(weight)
    equal = bool((weight == weight[0]).all())
    if equal and n <= MAX_ROWS:
        return np.arange(n)
    size = MAX_ROWS if n > MAX_ROWS else max(n, _LEAST_DRAWN)
    order = np.random.default_rng([seed, 3]).permutation(n)
    edges = np.cumsum(weight[order])
    cuts = (np.arange(size) + 0.5) * (edges[-1] / size)
    return np.sort(order[np.minimum(np.searchsorted(edges, cuts), n - 1)])
