"""What is known of an activation function before a network is trained with it.

Its outputs, and the spectrum of the Fisher information of a network at initialisation: both tell
functions that train alike, the two together best (Bingham and Miikkulainen, arXiv:2301.05785).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import FloatArray, Mask, Matrix
from sktaskneuron.nn import DiverseNetwork, find_activation
from sktaskneuron.search.activation.admission import GAUSSIAN_POINTS, oriented
from sktaskneuron.training.loop.losses import cross_entropy, squared_error

#: Bins of the log-eigenvalues of a layer, and their range.
FISHER_BINS = 48
_LOW, _HIGH = -40.0, 15.0
# Eigenvalues are rounding below this, by itself and relative to the largest one.
_LEAST, _RELATIVE = 1e-12, 1e-13
# Most rows of which the information is taken; of more a sample.
_MOST_ROWS = 512
# Numbers in the activities of a layer that are held at a time.
_MOST_VALUES = 4_000_000


def output_features(texts: Sequence[str]) -> Matrix:
    """Return the outputs of activation functions, standardised.

    Parameters
    ----------
    texts : sequence of str
        Admissible expressions of x, or names of activations.

    Returns
    -------
    ndarray of shape (n_texts, 256)
        Values on quantiles of N(0, 1), of mean 0 and standard deviation 1 per function, with the
        signs of input and output chosen by :func:`~sktaskneuron.search.activation.oriented`. NaN
        for a function that is not finite there.

    Examples
    --------
    >>> from sktaskneuron.search.activation.features import output_features
    >>> output_features(["tanh(x)", "x**2"]).shape
    (2, 256)
    """
    x = torch.tensor(GAUSSIAN_POINTS)
    found = np.full((len(texts), len(x)), np.nan)
    with torch.inference_mode():
        for row, text in zip(found, texts, strict=True):
            checkpoint()
            values = find_activation(text).torch(x).numpy()
            if np.isfinite(values).all() and values.std() > 0:
                row[:] = oriented(values)
    return found


def fisher_features(
    texts: Sequence[str],
    X: ArrayLike,
    y: ArrayLike,
    hidden_layer_sizes: Sequence[int],
    n_outputs: int,
    *,
    classification: bool,
    seed: int = 0,
) -> Matrix:
    """Return the spectrum of the Fisher information of networks at initialisation.

    Parameters
    ----------
    texts : sequence of str
        Expressions of x, or names of activations: one network each, all of the same weights.
    X : array-like of shape (n_samples, n_features)
        As the networks will see it; of more than 512 rows a sample is taken.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Numbers, standardised here; or the classes 0 to n_outputs - 1.
    hidden_layer_sizes : sequence of int
    n_outputs : int
    classification : bool
    seed : int, default=0
        Of the weights and the sample.

    Returns
    -------
    ndarray of shape (n_texts, 48 * (n_hidden_layers + 1))
        Per layer with weights the cumulative distribution of the log-eigenvalues, between -40 and
        15. NaN for a function whose activities or gradients are not finite.

    Notes
    -----
    The Fisher information of a layer is approximated by the Kronecker product of the second moments
    of its inputs (and a 1 for the bias) and of the loss's gradients at its outputs, with the true
    targets (K-FAC, arXiv:1503.05671). Its eigenvalues are all products of those of the two factors,
    so that no large matrix is formed.
    """
    rows = np.asarray(X, dtype=np.float64)
    targets = np.asarray(y)
    if len(rows) > _MOST_ROWS:
        taken = np.random.default_rng(seed).choice(len(rows), _MOST_ROWS, replace=False)
        rows, targets = rows[taken], targets[taken]
    inputs = torch.tensor(rows)
    if classification:
        target = torch.tensor(targets.astype(np.int64)).ravel()
    else:
        target = torch.tensor(_standardised(targets.astype(np.float64).reshape(len(rows), -1)))
        if target.shape[1] != n_outputs:
            raise ValueError(f"y has {target.shape[1]} columns, but n_outputs={n_outputs}")
    widest = max([*hidden_layer_sizes, inputs.shape[1], n_outputs]) + 1
    chunk = max(1, _MOST_VALUES // (widest * max(len(rows), widest)))
    parts = [
        _spectra(texts[start : start + chunk], inputs, target, hidden_layer_sizes, n_outputs, seed)
        for start in range(0, len(texts), chunk)
    ]
    return np.concatenate([np.empty((0, FISHER_BINS * (len(hidden_layer_sizes) + 1))), *parts])


def _standardised(columns: Matrix) -> Matrix:
    columns = columns - columns.mean(axis=0)
    scale = columns.std(axis=0)
    return columns / np.where(scale > 0, scale, 1.0)


def _spectra(
    texts: Sequence[str],
    X: Tensor,
    y: Tensor,
    hidden_layer_sizes: Sequence[int],
    n_outputs: int,
    seed: int,
) -> Matrix:
    """Return the features of some functions, whose networks are one batch."""
    checkpoint()
    network = DiverseNetwork(
        X.shape[1],
        n_outputs,
        hidden_layer_sizes,
        [(1, [[text]] * len(hidden_layer_sizes)) for text in texts],
        generator=seed,
        dtype=torch.float64,
    )
    inputs: list[Tensor] = [X.expand(len(texts), *X.shape)]
    outputs: list[Tensor] = []

    def keep(_: torch.nn.Module, given: tuple[Tensor], result: Tensor) -> None:
        outputs.append(given[0])
        inputs.append(result)

    for layer in network.activations:
        layer.register_forward_hook(keep)
    with torch.inference_mode(False), torch.enable_grad():
        outputs.append(network(X))
        row_loss = squared_error if y.is_floating_point() else cross_entropy
        losses = row_loss(outputs[-1], y.expand(len(texts), *y.shape))
        # the losses of rows and networks do not mix, so the gradient of their sum holds each one's
        gradients = torch.autograd.grad(losses.sum(), outputs)
    finite = np.ones(len(texts), dtype=bool)
    found = []
    for h, g in zip(inputs, gradients, strict=True):
        h = torch.cat([torch.ones_like(h[..., :1]), h.detach()], dim=-1)
        sums = [log_eigenvalues(h), log_eigenvalues(g)]
        finite &= sums[0][1] & sums[1][1]
        found.append(distribution(sums[0][0][:, :, None] + sums[1][0][:, None, :]))
    features = np.concatenate(found, axis=1)
    features[~finite] = np.nan
    return features


def log_eigenvalues(rows: Tensor) -> tuple[Matrix, Mask]:
    """Return those of the second moments of (S, batch, n), and whether they are finite: (S,).

    In increasing order; those that are rounding are lifted to what is not.
    """
    moments = rows.transpose(1, 2) @ rows / rows.shape[1]
    finite = torch.isfinite(moments).flatten(1).all(dim=1)
    # the solver of a batch fails with any of its matrices
    safe = torch.where(finite[:, None, None], moments, torch.zeros_like(moments))
    values = torch.linalg.eigvalsh(safe)
    floor = (_RELATIVE * values[:, -1:]).clamp(min=_LEAST)
    return torch.maximum(values, floor).log().numpy(), finite.numpy()


def distribution(values: FloatArray) -> Matrix:
    """Return the cumulative distribution of every row's values: (S, FISHER_BINS)."""
    values = values.reshape(len(values), -1)
    place = ((values - _LOW) * (FISHER_BINS / (_HIGH - _LOW))).astype(np.int64)
    place = np.clip(place, 0, FISHER_BINS - 1) + FISHER_BINS * np.arange(len(values))[:, None]
    counts = np.bincount(place.ravel(), minlength=FISHER_BINS * len(values))
    return counts.reshape(len(values), -1).cumsum(axis=1) / values.shape[1]
