"""What is compared: fitted models with their held-out outputs, and the rule of comparison."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.models.fitted import FittedModel

#: Losses per epoch by name, as skorch's callbacks may record them too.
History = dict[str, list[object]]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A fitted model with its held-out outputs.

    Parameters
    ----------
    name : str
    model : FittedModel
        Fitted to all rows.
    outputs : ndarray of shape (n_held_out, n_outputs) or None
        Raw outputs of models that have not seen the row; None without validation.
    history : dict of str to list
        Losses per epoch, of networks.
    n_epochs : int
        Epochs trained; 0 for other models.
    """

    name: str
    model: FittedModel
    outputs: Matrix | None = None
    history: History = field(default_factory=dict)
    n_epochs: int = 0


def paired_gain(reference: Vector, rows: Vector, share: Vector) -> tuple[float, float]:
    """Return how much less ``rows`` lose than ``reference``, and the standard error of that.

    Parameters
    ----------
    reference, rows : ndarray of shape (n_rows,)
        Losses. Where ``rows`` are not finite, the gain is -inf and its error 0.
    share : ndarray of shape (n_rows,)
        Weights of sum 1.
    """
    if not np.isfinite(rows).all():
        return -np.inf, 0.0
    if not np.isfinite(reference).all():
        return np.inf, 0.0
    differences = reference - rows
    gain = float(share @ differences)
    return gain, float(np.sqrt(share @ (differences - gain) ** 2 / len(rows)))
