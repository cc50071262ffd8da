"""Targets of more rows, which have to be those of the earlier fit that learning goes on from."""

from __future__ import annotations

import numpy as np

from sktaskneuron._typing import AnyArray
from sktaskneuron.models.losses import Huber, Loss
from sktaskneuron.models.target import Target, ValueTarget


def same_target(target: Target, loss: Loss, values: AnyArray) -> ValueTarget:
    """Return the target of the earlier fit, if it fits the loss and more values.

    Raises
    ------
    ValueError
        If the number of targets or the loss is another one.
    """
    assert isinstance(target, ValueTarget)  # a regressor's
    expected = (target.n_targets,) if values.ndim > 1 else ()
    single = target.single or target.loss.listed
    if values.shape[1:] != expected or (values.ndim == 1) != single:
        raise ValueError(
            f"y has the shape {values.shape}, but the earlier fit had {target.n_targets} "
            f"target(s){', as a vector' if single else ''}"
        )
    # the scale of a Huber loss is the data's
    same = loss == target.loss or (isinstance(loss, Huber) and isinstance(target.loss, Huber))
    if not same:
        raise ValueError("the earlier fit had another loss than these parameters ask for: fit anew")
    return target


def check_same_classes(found: AnyArray, earlier: AnyArray) -> None:
    """Refuse rows of other classes than those of the earlier fit, and classes without a row.

    Raises
    ------
    ValueError
        If one of them is missing, or there is another.
    """
    missing, unknown = np.setdiff1d(earlier, found), np.setdiff1d(found, earlier)
    if len(missing) or len(unknown):
        told = f"no row of {missing.tolist()[0]!r}" if len(missing) else f"{unknown.tolist()[0]!r}"
        raise ValueError(
            f"y has to hold the classes {earlier.tolist()} and no others, and it holds {told}"
        )
