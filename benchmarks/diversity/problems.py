"""The problems of learned_diversity.py: signals to tell apart, and motions to predict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sktaskneuron.datasets import (
    make_henon_heiles,
    make_mnist1d,
    make_pendulum,
    make_van_der_pol,
)
from sktaskneuron.training import TensorTable

Array = np.ndarray

# Rows of MNIST-1D to train on, to choose by, and to test on; orbits likewise.
SIGNALS = (3400, 600, 1000)
ORBITS = (40, 8, 20)


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows to train on, to choose by and to test on.

    name : str
        Also of the files.
    table : TensorTable
        Training rows, then validation rows, as networks take them.
    n_train : int
    X_test : ndarray of shape (n_test, n_inputs), in raw units
    y_test : ndarray of shape (n_test,) or (n_test, n_outputs), in raw units
    n_outputs : int
        Number of classes, or of derivatives.
    mean, scale, gain, offset : ndarray
        Of the inputs, and of the outputs: raw ones are ``output * gain + offset``.
    hamiltonian : bool
        Whether networks give H, and their outputs are its symplectic gradient.
    energy : callable or None
        True energy of raw states (..., n_inputs).
    starts : ndarray of shape (n_starts, n_inputs) or None
        First states of the test orbits.
    """

    name: str
    table: TensorTable
    n_train: int
    X_test: Array
    y_test: Array
    n_outputs: int
    mean: Array
    scale: Array
    gain: Array
    offset: Array
    hamiltonian: bool = False
    energy: Callable[[Array], Array] | None = None
    starts: Array | None = None

    @property
    def classification(self) -> bool:
        return self.table.y.dtype == torch.int64

    def train_table(self) -> TensorTable:
        """The training rows alone: activations are learned on these."""
        return TensorTable(self.table.X[: self.n_train], self.table.y[: self.n_train])

    def outputs(self, network: Any, X: Array) -> Array:
        """Raw outputs of packed networks at raw inputs (n, d) or (S, n, d): (S, n, n_outputs)."""
        dtype = network.weights[0].dtype
        inputs = torch.from_numpy((X - self.mean) / self.scale).to(dtype)
        with torch.inference_mode():
            return network(inputs).double().numpy() * self.gain + self.offset


def mnist1d(path: Path | None) -> Problem:
    """MNIST-1D, drawn with a fixed seed or the published file; standardised as a whole."""
    if path is None:
        X, y = make_mnist1d(sum(SIGNALS), random_state=0)
    else:
        with np.load(path) as file:
            X = np.concatenate([file["x"], file["x_test"]]).astype(np.float64)
            y = np.concatenate([file["y"], file["y_test"]]).astype(np.int64)
    n_train, n_valid, _ = SIGNALS
    n = n_train + n_valid
    table = TensorTable(torch.from_numpy(X[:n]).float(), torch.from_numpy(y[:n]))
    one = np.ones(1)
    return Problem(
        "mnist1d" if path is None else "mnist1d_published",
        table,
        n_train,
        X[n:],
        y[n:],
        len(np.unique(y)),
        0 * one,
        one,
        one,
        0 * one,
    )


MOTIONS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "van_der_pol": (make_van_der_pol, {"mu": 2.7}),
    "henon_heiles": (make_henon_heiles, {}),
    "pendulum": (make_pendulum, {}),
}


def motion(name: str, *, hamiltonian: bool = False) -> Problem:
    """Derivatives of the states of 40 orbits, 8 to choose by, 20 unseen ones; 100 points each.

    Of a Hamiltonian network the targets are scaled so that they are a symplectic gradient still:
    dq/dt by the scale of p, dp/dt by that of q, and all by one number.
    """
    make, options = MOTIONS[name]
    train, valid, test = (make(n, 100, random_state=i, **options) for i, n in enumerate(ORBITS))
    mean, scale = train.X.mean(axis=0), train.X.std(axis=0)
    if hamiltonian:
        opposite = np.roll(scale, len(scale) // 2)
        gain = np.sqrt(np.mean((train.y * opposite) ** 2)) / opposite
        offset = np.zeros_like(gain)
    else:
        gain, offset = train.y.std(axis=0), train.y.mean(axis=0)
    X = (np.concatenate([train.X, valid.X]) - mean) / scale
    y = (np.concatenate([train.y, valid.y]) - offset) / gain
    return Problem(
        name,
        TensorTable(torch.from_numpy(X).float(), torch.from_numpy(y).float()),
        len(train.X),
        test.X,
        test.y,
        y.shape[1],
        mean,
        scale,
        gain,
        offset,
        hamiltonian,
        test.get("energy"),
        test.trajectories[:, 0],
    )
