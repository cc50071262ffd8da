"""A candidate of a search of activations, as the pictures show it: name, loss, role, function."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sktaskneuron._typing import FloatArray
from sktaskneuron.inspection.drawing import BLUE, GREY, RED, abbreviated, plain

#: Numbers of shape (n_points,) to (n_points,), or to (n_types, n_points) for a mixed layer.
Function = Callable[[FloatArray], FloatArray]

_LONG_NUMBER = re.compile(r"\d+\.\d{3,}(e[+-]?\d+)?")


@dataclass(frozen=True, eq=False)
class Candidate:
    """One candidate in a picture.

    Parameters
    ----------
    name : str
    place : int
        In the results of the search.
    rank : int
        By loss, from 1.
    loss : float
        On held-out rows; not finite where the candidate failed.
    band : float
        Largest difference to the fallback's loss that is none.
    function : callable
    like_fallback : bool
        Whether the two losses cannot be told apart.
    is_chosen, is_fallback : bool
    is_text : bool
        Whether the name says what it is, so that a map can place it.
    """

    name: str
    place: int
    rank: int
    loss: float
    band: float
    function: Function
    like_fallback: bool
    is_chosen: bool
    is_fallback: bool
    is_text: bool

    @property
    def colour(self) -> str:
        """Tell its role, or whether it differs from the fallback."""
        if self.is_chosen:
            return RED
        if self.is_fallback:
            return "black"
        return GREY if self.like_fallback else BLUE

    @property
    def role(self) -> str:
        """Name its roles, empty if it has none."""
        roles = {"fallback": self.is_fallback, "chosen": self.is_chosen}
        return ", ".join(name for name, has_it in roles.items() if has_it)

    def short_name(self, width: int) -> str:
        """Write the name with three digits of its numbers, cut to a width."""
        text = _LONG_NUMBER.sub(lambda match: f"{float(match.group()):.3g}", self.name)
        return plain(abbreviated(text, width, at_space=False))


def function_of(item: object) -> Function:
    """Return the function of a candidate: of the types of its first hidden layer."""
    from sktaskneuron.nn import find_activation
    from sktaskneuron.nn.typed.reading import given_layers

    if isinstance(item, str):
        return find_activation(item).numpy
    functions = [
        find_activation(part).numpy if isinstance(part, str) else part
        for part in (given_layers(item, 1) or [[]])[0]
    ]
    return lambda x: np.concatenate([np.atleast_2d(function(x)) for function in functions])
