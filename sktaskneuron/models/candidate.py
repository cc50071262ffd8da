"""What is compared: fitted models with their held-out outputs."""

from __future__ import annotations

from dataclasses import dataclass, field

from sktaskneuron._typing import Matrix
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
    simple : bool
        Whether it predicts alone where a blend is no better.
    """

    name: str
    model: FittedModel
    outputs: Matrix | None = None
    history: History = field(default_factory=dict)
    n_epochs: int = 0
    simple: bool = False
