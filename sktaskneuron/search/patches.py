"""Which formula the neurons of a convolution need: a search on the patches of signals.

A convolution with the aggregation g whose values are averaged over all places is

    f(x) = mean over places s of g(x(s)),

with the patch x(s). For a polynomial g it is linear in the mean moments of the patches: those of
single points for pure terms, the mean products of two or three points for products. So the question
which terms a target needs is one of linear models of such moments, with one row for every signal:
terms enter one after the other, while each lowers the squared error of rows that were held out by a
twentieth at least, and by more than twice the error of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from sktaskneuron._evidence import paired_gain
from sktaskneuron._typing import FloatArray, Matrix, Vector
from sktaskneuron.formula import NeuronFormula

__all__ = ["PatchSearch", "search_patches"]

_LINEAR = "x"
# Terms that are tried: products by their order, pure terms by their power.
_PRODUCTS = {"<x,x>": 2, "<x,x,x>": 3}
_POWERS = {_LINEAR: 1, "x**2": 2, "x**3": 3}
# Penalties of the linear models, in rows; moments of one kind; signals read at a time.
_PENALTIES = (0.1, 1.0, 10.0, 100.0)
_MOST_MOMENTS, _CHUNK = 3_000, 256
# Standard errors, and share of the loss, by which a term must lower it.
_MARGIN, _LEAST_GAIN = 2.0, 0.05


@dataclass(frozen=True, eq=False)
class PatchSearch:
    """What a search on patches found.

    Parameters
    ----------
    formula : NeuronFormula
        For the neurons of a convolution.
    gains : dict of str to (float, float)
        By how much each term lowers the held-out squared error of what was found before it, in
        variances of the target, with the standard error of that; of those that were not taken, too.
    loss : float
        Held-out squared error with all terms that were taken.
    """

    formula: NeuronFormula
    gains: dict[str, tuple[float, float]]
    loss: float


def search_patches(
    X: ArrayLike,
    y: ArrayLike,
    kernel_size: int = 5,
    *,
    terms: Sequence[str] = ("x**2", "x**3", "<x,x>", "<x,x,x>"),
    rank: int = 8,
    n_folds: int = 4,
    seed: int = 0,
) -> PatchSearch:
    """Search the formula of a convolution's neurons.

    Parameters
    ----------
    X : array-like of shape (n_samples, channels, length) or (n_samples, channels, height, width)
        Signals or images.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Numbers, or labels of any other type; whole numbers are numbers.
    kernel_size : int, default=5
        Length or side of a patch.
    terms : sequence of str, default=("x**2", "x**3", "<x,x>", "<x,x,x>")
        Terms that may enter beside x, of these four.
    rank : int, default=8
        Of products in the formula: how many there are is for the network to learn.
    n_folds : int, default=4
        Parts of the signals that are held out in turn.
    seed : int, default=0
        Draws them.

    Returns
    -------
    PatchSearch

    Raises
    ------
    ValueError
        If the shapes do not fit, a term is none of these, or a patch has too many points for them.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.search.patches import search_patches
    >>> X = np.random.default_rng(0).normal(size=(300, 1, 30))
    >>> y = (X[:, 0, 1:] * X[:, 0, :-1]).mean(axis=1)
    >>> found = search_patches(X, y, rank=4)
    >>> str(found.formula), found.loss < 0.1
    ('x + <x,x>:4', True)
    """
    signals, target = _checked(X, y, kernel_size, terms, n_folds)
    moments = {term: _moments(signals, kernel_size, term) for term in (_LINEAR, *terms)}
    folds = np.random.default_rng(seed).permutation(len(signals)) % n_folds
    share = np.full(len(signals), 1.0 / len(signals))

    def losses(taken: Sequence[str]) -> Vector:
        return _held_out_losses(np.hstack([moments[term] for term in taken]), target, folds)

    taken, best = [_LINEAR], losses([_LINEAR])
    gains: dict[str, tuple[float, float]] = {}
    while left := [term for term in terms if term not in taken]:
        tried = {term: losses([*taken, term]) for term in left}
        gains |= {term: paired_gain(best, tried[term], share) for term in left}
        term = max(left, key=lambda name: gains[name][0])
        gain, error = gains[term]
        if not gain > max(_MARGIN * error, _LEAST_GAIN * best.mean()):
            break
        taken, best = [*taken, term], tried[term]
    texts = [f"{term}:{rank}" if term in _PRODUCTS else term for term in taken]
    return PatchSearch(NeuronFormula.parse(" + ".join(texts)), gains, float(best.mean()))


def _checked(
    X: ArrayLike, y: ArrayLike, kernel_size: int, terms: Sequence[str], n_folds: int
) -> tuple[FloatArray, Matrix]:
    """Return signals of standardised channels, and a target of standardised columns."""
    signals, given = np.asarray(X, dtype=np.float64), np.asarray(y)
    if signals.ndim not in (3, 4) or len(given) != len(signals) or len(signals) < n_folds:
        raise ValueError(
            "search_patches needs signals (n_samples, channels, length) or images "
            f"(n_samples, channels, height, width) and as many targets, at least {n_folds}, got "
            f"the shapes {signals.shape} and {given.shape}"
        )
    if not 1 <= kernel_size <= min(signals.shape[2:]):
        raise ValueError(f"kernel_size must fit into {signals.shape[2:]}, got {kernel_size}")
    known = [*_POWERS, *_PRODUCTS]
    for term in terms:
        if term not in known:
            raise ValueError(f"terms must be of {', '.join(known)}, got {term!r}")
        n_points = signals.shape[1] * kernel_size ** (signals.ndim - 2)
        n_moments = comb(n_points, _PRODUCTS.get(term, 1))
        if n_moments > _MOST_MOMENTS:
            raise ValueError(
                f"a patch of {n_points} points has {n_moments} products of the kind {term}: take "
                "a smaller kernel_size, or leave this term out"
            )
    axes = (0, *range(2, signals.ndim))
    center, scale = signals.mean(axes, keepdims=True), signals.std(axes, keepdims=True)
    signals = (signals - center) / np.where(scale > 0, scale, 1.0)
    if given.dtype.kind in "iuf":
        target = given.reshape(len(given), -1).astype(np.float64)
    else:
        target = np.asarray(given[:, None] == np.unique(given), dtype=np.float64)
    target = target - target.mean(axis=0)
    size = np.sqrt(np.mean(target**2) * target.shape[1])
    return signals, target / (size if size > 0 else 1.0)


def _moments(signals: FloatArray, kernel_size: int, term: str) -> Matrix:
    """Return the mean of a term's monomials over the patches, (n_samples, n_moments)."""
    n_axes = signals.ndim - 2
    axes, window = tuple(range(2, signals.ndim)), (kernel_size,) * n_axes
    found = []
    for start in range(0, len(signals), _CHUNK):
        part = signals[start : start + _CHUNK]
        patches = np.lib.stride_tricks.sliding_window_view(part, window, axis=axes)
        # places first, then the points of a patch
        patches = np.moveaxis(patches, 1, 1 + n_axes)
        patches = patches.reshape(len(part), int(np.prod(patches.shape[1 : 1 + n_axes])), -1)
        if term in _POWERS:
            found.append((patches ** _POWERS[term]).mean(axis=1))
            continue
        chosen = np.array(list(combinations(range(patches.shape[2]), _PRODUCTS[term])))
        product = patches[:, :, chosen[:, 0]]
        for column in chosen.T[1:]:
            product = product * patches[:, :, column]
        found.append(product.mean(axis=1))
    return np.concatenate(found)


def _held_out_losses(columns: Matrix, target: Matrix, folds: FloatArray) -> Vector:
    """Return the squared error of every row by ridge models that have not seen its fold."""
    losses = np.zeros((len(_PENALTIES), len(columns)))
    for fold in np.unique(folds):
        held = folds == fold
        center, scale = columns[~held].mean(axis=0), columns[~held].std(axis=0)
        z = (columns - center) / np.where(scale > 0, scale, 1.0)
        mean = target[~held].mean(axis=0)
        u, s, vt = np.linalg.svd(z[~held], full_matrices=False)
        along = u.T @ (target[~held] - mean)
        for place, penalty in enumerate(_PENALTIES):
            weights = vt.T @ ((s / (s**2 + penalty))[:, None] * along)
            error = target[held] - mean - z[held] @ weights
            losses[place, held] = (error**2).sum(axis=1)
    return np.asarray(losses[losses.mean(axis=1).argmin()])
