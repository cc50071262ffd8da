"""What a search of activation functions asks for, and what it has seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sktaskneuron._typing import Vector

#: Maps texts to their validated losses, one each; NaN or infinite for networks that failed.
Evaluate = Callable[[list[str]], ArrayLike]
#: Called after a step with its number from 0, all texts evaluated so far and their losses; a true
#: answer ends the search.
StepHook = Callable[[int, list[str], Vector], object]


@dataclass(frozen=True, eq=False)
class Evaluations:
    """Activation functions that networks were trained with.

    Parameters
    ----------
    texts : tuple of str
        In the order of evaluation.
    losses : ndarray of shape (n_texts,)
        Validated losses; infinite where training failed.
    """

    texts: tuple[str, ...]
    losses: Vector

    @property
    def ranked(self) -> list[tuple[str, float]]:
        """Texts with their losses, the best first."""
        order = np.argsort(self.losses, kind="stable")
        return [(self.texts[i], float(self.losses[i])) for i in order]


def losses_of(evaluate: Evaluate, texts: Sequence[str]) -> Vector:
    """Evaluate functions.

    Parameters
    ----------
    evaluate : callable
    texts : sequence of str

    Returns
    -------
    ndarray of shape (n_texts,)
        Infinite where training failed.

    Raises
    ------
    ValueError
        If ``evaluate`` returned another number of losses.
    """
    losses = np.array(evaluate(list(texts)), dtype=np.float64)
    if losses.shape != (len(texts),):
        raise ValueError(
            f"evaluate must return one loss for each of {len(texts)} texts, got an array of shape "
            f"{losses.shape}"
        )
    losses[~np.isfinite(losses)] = np.inf
    return losses
