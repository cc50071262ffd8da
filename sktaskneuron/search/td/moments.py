"""Moment tensors: every monomial of one order scored in a few matrix products.

For a residual r the tensor M = sum_n w_n r_n z_n (x) ... (x) z_n holds the inner product of r with
every product of k columns. Its largest entries (the diagonal z_i^k apart, which belongs to the pure
terms) name the best single monomials, and its leading CP factors start the alternating least
squares.
"""

from __future__ import annotations

import itertools
from functools import lru_cache

import numpy as np

from sktaskneuron._typing import FloatArray, IndexArray, Matrix, Vector

# Numbers of row-wise products held at once: 32 MB.
_CHUNK_ENTRIES = 4_000_000


def _row_products(z: Matrix, times: int) -> Matrix:
    """Return the row-wise Kronecker power, (n_samples, n_features**times)."""
    out = z
    for _ in range(times - 1):
        out = (out[:, :, None] * z[:, None, :]).reshape(len(z), -1)
    return out


def moment_tensor(z: Matrix, values: Vector, order: int) -> FloatArray:
    """Return sum_n values_n z_n (x) ... (x) z_n, shape (n_features,) * order.

    z : (n_samples, n_features); values : (n_samples,). Rows are taken in chunks, since the row-wise
    powers are far larger than the result.
    """
    n, d = z.shape
    left = order // 2
    right = order - left
    out = np.zeros((d**left, d**right))
    chunk = max(1, _CHUNK_ENTRIES // d**right)
    for start in range(0, n, chunk):
        rows = slice(start, start + chunk)
        wide = _row_products(z[rows], right)
        narrow = wide if left == right else _row_products(z[rows], left)
        out += narrow.T @ (wide * values[rows, None])
    return out.reshape((d,) * order)


@lru_cache(maxsize=16)
def monomials(n_features: int, order: int) -> IndexArray:
    """Return the products of at least two different columns, shape (n_monomials, order).

    Each row is a sorted tuple of column numbers.
    """
    rows = itertools.combinations_with_replacement(range(n_features), order)
    table = np.array([row for row in rows if row[0] != row[-1]], dtype=np.intp)
    return table.reshape(-1, order)


def cp_starts(tensor: FloatArray, n_starts: int) -> list[Matrix]:
    """Return starting factors from a symmetric moment tensor, its diagonal left out.

    Order 2 pairs the extreme eigenvectors: with eigenvalues a > 0 > -b the product
    (sqrt(a) p + sqrt(b) q)(sqrt(a) p - sqrt(b) q) is the best rank-one off-diagonal product of that
    pair. Higher orders take rank-``order`` CP factors (tensorly), whose mode factors differ where
    the tensor is a product of different directions.

    Parameters
    ----------
    tensor : ndarray of shape (n_features,) * order
    n_starts : int
        Most starts returned.

    Returns
    -------
    list of ndarray of shape (order, n_features)
        Empty if the tensor is zero off its diagonal.
    """
    order = tensor.ndim
    d = tensor.shape[0]
    tensor = tensor.copy()
    tensor[(np.arange(d),) * order] = 0.0
    scale = np.abs(tensor).max()
    if scale == 0:
        return []
    tensor = tensor / scale
    if order == 2:
        values, vectors = np.linalg.eigh(tensor)
        starts = []
        for i in range(min(n_starts, d // 2)):
            p, q = vectors[:, -1 - i], vectors[:, i]
            a, b = np.sqrt(max(values[-1 - i], 0.0)), np.sqrt(max(-values[i], 0.0))
            starts.append(np.stack([a * p + b * q, a * p - b * q]))
        return starts
    from tensorly.decomposition import parafac

    rank = min(order, d)
    cp = parafac(tensor, rank=rank, init="svd", n_iter_max=15, normalize_factors=True, tol=1e-4)
    strongest = np.argsort(-np.abs(cp.weights))[:n_starts]
    return [np.stack([factor[:, r] for factor in cp.factors]) for r in strongest]
