"""Parameters of one fit as a frozen value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator

from sktaskneuron._typing import RandomState, ValidationLike

S = TypeVar("S", bound="Settings")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Parameters of one fit, read once.

    Parameters
    ----------
    estimator_name : str
        For messages.
    """

    estimator_name: str

    @classmethod
    def of(cls: type[S], estimator: BaseEstimator, **read: object) -> S:
        """Take the parameters of an estimator that bear the names of the fields.

        Parameters
        ----------
        estimator : estimator
        **read : object
            Fields that are no parameters, or stand in a checked form in their place.
        """
        given = estimator.get_params(deep=False) | read
        given["estimator_name"] = type(estimator).__name__
        return cls(**{field.name: given[field.name] for field in fields(cls)})


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Settings):
    """Parameters that all estimators of networks have; see their docstrings."""

    learning_rate: str | float
    weight_decay: float
    max_epochs: str | int
    batch_size: str | int
    n_members: str | int
    validation: ValidationLike
    n_iter_no_change: int | None
    device: str
    dtype: str
    random_state: RandomState

    def plain_options(self) -> dict[str, Any]:
        """Return the options of a `Recipe` that do not depend on the rows."""
        return {
            "weight_decay": float(self.weight_decay),
            "patience": self.n_iter_no_change,
            "device": self.device,
            "dtype": self.dtype,
        }


@dataclass(frozen=True, kw_only=True)
class NetworkSettings(TrainingSettings):
    """Those of networks of tables."""

    hidden_layer_sizes: tuple[int, ...]


def layer_sizes(
    sizes: int | Sequence[int], *, least: int = 1, name: str = "hidden_layer_sizes"
) -> tuple[int, ...]:
    """Return a parameter of sizes, by its name, as numbers.

    Raises
    ------
    ValueError
        If they are no positive whole numbers, or fewer than ``least``.
    """
    listed: list[Any] = list(np.atleast_1d(np.asarray(sizes, dtype=object)))
    if len(listed) < least or not all(isinstance(s, Integral) and int(s) >= 1 for s in listed):
        needed = ", at least one" if least else ""
        raise ValueError(f"{name} must be positive whole numbers{needed}, got {sizes!r}")
    return tuple(int(size) for size in listed)
