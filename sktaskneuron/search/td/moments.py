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
    """Return the products of ``times`` columns i <= j <= ..., in the order of their numbers.

    Their shape is (n_samples, n_products). A column times all products of columns from it on is one
    product of slices.
    """
    n, d = z.shape
    out, first = z, np.arange(d)
    for _ in range(times - 1):
        starts = np.searchsorted(first, np.arange(d))
        widths = len(first) - starts
        edges = np.append(0, np.cumsum(widths))
        longer = np.empty((n, edges[-1]))
        for i in range(d):
            place = slice(edges[i], edges[i + 1])
            np.multiply(z[:, i : i + 1], out[:, starts[i] :], out=longer[:, place])
        out, first = longer, np.repeat(np.arange(d), widths)
    return out


@lru_cache(maxsize=16)
def _product_places(n_features: int, times: int) -> IndexArray:
    """Return where `_row_products` has the product of any columns, (n_features**times,)."""
    shape = (n_features,) * times
    columns = np.sort(np.indices(shape).reshape(times, -1), axis=0)
    return np.unique(np.ravel_multi_index(tuple(columns), shape), return_inverse=True)[1]


def moment_tensor(z: Matrix, values: Vector, order: int) -> FloatArray:
    """Return sum_n values_n z_n (x) ... (x) z_n, shape (n_features,) * order.

    z : (n_samples, n_features); values : (n_samples,). The tensor is symmetric: products of the
    same columns are formed once. Rows are taken in chunks, since there are far more products than
    entries of the result.
    """
    n, d = z.shape
    left = order // 2
    right = order - left
    rows_of, columns_of = _product_places(d, left), _product_places(d, right)
    out = np.zeros((rows_of.max() + 1, columns_of.max() + 1))
    chunk = max(1, _CHUNK_ENTRIES // out.shape[1])
    for start in range(0, n, chunk):
        rows = slice(start, start + chunk)
        wide = _row_products(z[rows], right)
        narrow = wide if left == right else _row_products(z[rows], left)
        out += (narrow * values[rows, None]).T @ wide
    return out[rows_of][:, columns_of].reshape((d,) * order)


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
