"""Search of activation functions in a pool, guided by a Gaussian process on their features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg, stats

from sktaskneuron._typing import FloatArray, IndexArray, Mask, Matrix, Vector
from sktaskneuron.search.activation.evaluations import Evaluate, Evaluations, StepHook, numbers_of

# Principal components of a block, and what is averaged over: lengths of the kernel, for rows of
# mean squared norm 1 per block, and shares of noise.
_N_COMPONENTS = 8
_LENGTHS = (0.3, 0.5, 0.8, 1.2, 2.0, 3.0)
_NOISES = (0.02, 0.1, 0.25, 0.5, 0.8)


@dataclass(frozen=True, eq=False)
class SurrogateResult(Evaluations):
    """Losses of the functions that were trained, and predicted losses of the others.

    Parameters
    ----------
    texts : tuple of str
        Evaluated functions in order.
    losses : ndarray of shape (n_texts,)
        Their held-out losses.
    remaining : tuple of str
        Functions of the pool that were not evaluated.
    predicted : ndarray of shape (n_remaining,)
        Losses expected of them: within the range of those that were seen. NaN for those without
        finite features.
    deviation : ndarray of shape (n_remaining,)
        Standard deviation of the expectation, in normal scores: 1 for nothing known, 0 for all.

    See Also
    --------
    search_activation : Search the activation function of a network of your own.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.search.activation import SurrogateResult
    >>> result = SurrogateResult(
    ...     ("relu", "sin"), np.array([0.3, 0.2]), ("tanh",), np.array([0.25]), np.array([0.5])
    ... )
    >>> result.ranked[0]
    ('sin', 0.2)
    """

    remaining: tuple[str, ...]
    predicted: Vector
    deviation: Vector


class GaussianProcess:
    """Gaussian process with a squared-exponential kernel and noise, of variance 1 in all.

    Lengths and noise levels of a small grid are averaged, weighted by their marginal likelihood:
    with a dozen rows no single one of them is sure, and an optimiser would pretend it.

    Parameters
    ----------
    points : ndarray of shape (n, n_features)
    targets : ndarray of shape (n,)
        Of mean 0 and variance about 1.
    """

    def __init__(self, points: Matrix, targets: Matrix) -> None:
        self.points = points
        distances = _squared_distances(points, points)
        self._length = [length * np.sqrt(points.shape[1] / _N_COMPONENTS) for length in _LENGTHS]
        self._fits: list[tuple[int, float, FloatArray, FloatArray]] = []
        evidence = []
        for i, length in enumerate(self._length):
            correlation = np.exp(-0.5 * distances / length**2)
            for noise in _NOISES:
                covariance = (1.0 - noise) * correlation + noise * np.eye(len(points))
                factor = linalg.cholesky(covariance, lower=True)
                solved = linalg.cho_solve((factor, True), targets)
                self._fits.append((i, 1.0 - noise, factor, solved))
                evidence.append(-0.5 * targets @ solved - np.log(np.diag(factor)).sum())
        weights = np.exp(np.array(evidence) - max(evidence))
        self.weights: Vector = weights / weights.sum()

    def predict(self, points: Matrix) -> tuple[Vector, Vector]:
        """Return the means and standard deviations of the function at points: (n,) each."""
        distances = _squared_distances(points, self.points)
        correlations = [np.exp(-0.5 * distances / length**2) for length in self._length]
        means, squares = np.zeros(len(points)), np.zeros(len(points))
        for weight, (i, signal, factor, solved) in zip(self.weights, self._fits, strict=True):
            if weight < 1e-6:
                continue
            covariance = signal * correlations[i]
            mean = covariance @ solved
            part = linalg.solve_triangular(factor, covariance.T, lower=True)
            variance = np.maximum(signal - np.square(part).sum(axis=0), 0.0)
            means += weight * mean
            squares += weight * (variance + np.square(mean))
        return means, np.sqrt(np.maximum(squares - np.square(means), 0.0))


def _squared_distances(a: Matrix, b: Matrix) -> Matrix:
    between = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2.0 * a @ b.T
    return np.maximum(between, 0.0)


def reduced(blocks: Sequence[FloatArray]) -> Matrix:
    """Join blocks of features: the first principal components of each, at equal weight.

    Parameters
    ----------
    blocks : sequence of ndarray of shape (n, ...)
        Rows with NaN are those of functions that are not finite.

    Returns
    -------
    ndarray of shape (n, 8 * n_blocks)
        Fewer columns for narrow blocks. Every block has the mean squared norm 1; a row that is NaN
        in any block is NaN.
    """
    parts = []
    for block in blocks:
        finite = np.isfinite(block).all(axis=1)
        joined = np.full((len(block), min(_N_COMPONENTS, *block.shape)), np.nan)
        if finite.any():
            rows = block[finite] - block[finite].mean(axis=0)
            _, _, directions = np.linalg.svd(rows, full_matrices=False)
            kept = np.zeros((len(rows), joined.shape[1]))
            scores = rows @ directions[: joined.shape[1]].T
            kept[:, : scores.shape[1]] = scores
            size = np.sqrt(np.square(kept).sum(axis=1).mean())
            joined[finite] = kept / (size if size > 0 else 1.0)
        parts.append(joined)
    found = np.concatenate(parts, axis=1)
    found[~np.isfinite(found).all(axis=1)] = np.nan
    return found


def normal_scores(losses: Vector) -> Vector:
    """Return what a standard normal sample of the same order would be expected to hold.

    Losses of activation functions have long tails, and infinite ones; their order has neither.

    Parameters
    ----------
    losses : ndarray of shape (n,)

    Returns
    -------
    ndarray of shape (n,)
    """
    return stats.norm.ppf((stats.rankdata(losses) - 0.5) / len(losses))


def search_surrogate(
    pool: Sequence[str],
    features: Sequence[FloatArray],
    evaluate: Evaluate,
    *,
    n_evaluations: int,
    initial: Sequence[str] | int,
    batch_size: int = 8,
    rng: np.random.Generator,
    exploration: float = 1.0,
    on_step: StepHook | None = None,
) -> SurrogateResult:
    """Search a pool of activation functions with a Gaussian process as surrogate.

    Parameters
    ----------
    pool : sequence of str
        Distinct texts.
    features : sequence of ndarray of shape (n_pool, ...)
        Blocks such as :func:`output_features` and :func:`fisher_features`. Functions with NaN are
        evaluated only as initial ones.
    evaluate : callable
        Maps a list of texts to validated losses; NaN and infinity say that training failed.
    n_evaluations : int
        In all; fewer if the pool has fewer.
    initial : sequence of str or int
        Texts of the pool that are evaluated first, or how many are drawn; without any, a batch
        is drawn.
    batch_size : int, default=8
        Functions evaluated between two fits of the surrogate.
    rng : numpy.random.Generator
        Of the initial draw; ties are broken by it.
    exploration : float, default=1.0
        Standard deviations by which an uncertain function is preferred.
    on_step : callable, default=None
        Called after every batch; a true answer ends the search.

    Returns
    -------
    SurrogateResult

    Raises
    ------
    ValueError
        If the pool has a text twice, an initial text is not in it, or shapes do not fit.

    Notes
    -----
    The surrogate predicts normal scores of the losses. A batch minimises ``mean - exploration *
    deviation``, one function after the other; those taken count as observed at their mean, which
    lowers the deviation of what is like them.
    """
    pool = list(pool)
    place = {text: i for i, text in enumerate(pool)}
    if len(place) != len(pool):
        raise ValueError("the pool has a text twice; drop duplicates with dedupe")
    if any(len(block) != len(pool) for block in features):
        raise ValueError(f"every block of features needs a row for each of {len(pool)} texts")
    points = reduced(features)
    usable = np.asarray(np.isfinite(points).all(axis=1), dtype=np.bool_)
    if isinstance(initial, int | np.integer):
        able = np.flatnonzero(usable)
        batch = [int(i) for i in rng.permutation(able)[: min(initial, n_evaluations)]]
    else:
        unknown = [text for text in initial if text not in place]
        if unknown:
            raise ValueError(f"initial names {unknown[0]!r}, which is not in the pool")
        batch = [place[text] for text in dict.fromkeys(initial)][:n_evaluations]
    order = rng.permutation(len(pool))
    seen: list[int] = []
    losses = np.empty(0)
    step = 0

    def next_batch() -> list[int]:
        size = min(batch_size, n_evaluations - len(seen))
        return _next_batch(points, usable, seen, losses, size, order, exploration)

    batch = batch or next_batch()
    while batch:
        losses = np.append(losses, numbers_of(evaluate, [pool[i] for i in batch])[:, 0])
        seen += batch
        if on_step is not None and on_step(step, [pool[i] for i in seen], losses.copy()):
            break
        step += 1
        batch = next_batch()
    rest = [i for i in range(len(pool)) if i not in set(seen)]
    predicted, deviation = np.full(len(rest), np.nan), np.full(len(rest), np.nan)
    known = [i for i, c in enumerate(seen) if usable[c]]
    able = np.flatnonzero(usable[rest]) if rest else np.empty(0, dtype=np.intp)
    if known and len(able):
        scores = normal_scores(losses)
        process = GaussianProcess(points[[seen[i] for i in known]], scores[known])
        mean, deviation[able] = process.predict(points[[rest[i] for i in able]])
        predicted[able] = _losses_at(mean, scores, losses)
    return SurrogateResult(
        tuple(pool[i] for i in seen), losses, tuple(pool[i] for i in rest), predicted, deviation
    )


def _next_batch(
    points: Matrix,
    usable: Mask,
    seen: Sequence[int],
    losses: Vector,
    size: int,
    order: IndexArray,
    exploration: float,
) -> list[int]:
    """Return the functions of the lowest confidence bounds, each given those before it."""
    known = [i for i, candidate in enumerate(seen) if usable[candidate]]
    at = [seen[i] for i in known]
    targets = list(normal_scores(losses)[known])
    taken = set(seen)
    candidates = [int(i) for i in order if usable[i] and int(i) not in taken]
    batch: list[int] = []
    while len(batch) < size and candidates:
        best = 0
        if at:
            process = GaussianProcess(points[at], np.array(targets))
            mean, deviation = process.predict(points[candidates])
            best = int(np.argmin(mean - exploration * deviation))
            targets.append(float(mean[best]))
            at.append(candidates[best])
        batch.append(candidates.pop(best))
    return batch


def _losses_at(means: Vector, scores: Vector, losses: Vector) -> Vector:
    """Return the losses that stand at normal scores."""
    finite = np.isfinite(losses)
    if not finite.any():
        return np.full(len(means), np.inf)
    order = np.argsort(scores[finite], kind="stable")
    return np.interp(means, scores[finite][order], losses[finite][order])
