"""What a search of activation functions asks for, and what it has seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sktaskneuron._typing import Matrix, Vector

#: Maps texts to their validated losses, one each, or to rows of as many numbers that begin with the
#: loss; NaN or infinite for networks that failed.
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


def numbers_of(evaluate: Evaluate, texts: Sequence[str]) -> Matrix:
    """Evaluate functions.

    Parameters
    ----------
    evaluate : callable
    texts : sequence of str

    Returns
    -------
    ndarray of shape (n_texts, n_numbers)
        Losses first, infinite where training failed.

    Raises
    ------
    ValueError
        If ``evaluate`` returned another number of losses.
    """
    numbers = np.array(evaluate(list(texts)), dtype=np.float64)
    if numbers.ndim not in (1, 2) or len(numbers) != len(texts) or not numbers.size:
        raise ValueError(
            f"evaluate must return one loss for each of {len(texts)} texts, or one row that begins "
            f"with it, got an array of shape {numbers.shape}"
        )
    numbers = numbers.reshape(len(texts), -1)
    numbers[~np.isfinite(numbers[:, 0]), 0] = np.inf
    return numbers
