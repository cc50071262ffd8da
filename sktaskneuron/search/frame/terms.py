"""Pure terms by key: whole powers, and elementwise functions found by other searches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sktaskneuron._typing import Matrix
from sktaskneuron.formula import ElementwiseExpression

# Keys below are powers, x**key; far above the highest order that a search may have.
FIRST_FUNCTION = 100


def pure_text(order: int) -> str:
    """Return the text of a power."""
    return "x" if order == 1 else f"x**{order}"


def interaction_text(order: int) -> str:
    """Return the text of an interaction, without its rank."""
    return "<" + ",".join("x" * order) + ">"


@dataclass(frozen=True)
class TermLibrary:
    """Which elementwise function a key of the pure stream stands for.

    A key k below 100 is the power x**k; the keys from 100 on are those of ``functions``.

    Parameters
    ----------
    functions : mapping of int to ElementwiseExpression
        Without leading factor and added constant, which the weights carry.
    constants : mapping of int to int
        Inner constants that were fitted, per key; 0 where a key is missing.
    choices : mapping of int to float
        Logarithm of the number of functions that a key was chosen among.
    """

    functions: Mapping[int, ElementwiseExpression] = field(default_factory=dict)
    constants: Mapping[int, int] = field(default_factory=dict)
    choices: Mapping[int, float] = field(default_factory=dict)

    def text(self, key: int) -> str:
        """Return the text of a pure term, as in ``"x**2"`` or ``"sin(2*x)"``."""
        return self.functions[key].text if key in self.functions else pure_text(key)

    def expression(self, key: int) -> ElementwiseExpression:
        """Return the function of a key."""
        if key in self.functions:
            return self.functions[key]
        return ElementwiseExpression.parse(pure_text(key))

    def values(self, z: Matrix) -> dict[int, Matrix]:
        """Return the functions' values at ``z`` (n_samples, n_features), same shape."""
        return {key: g.evaluate(z) for key, g in self.functions.items()}

    def only(self, keys: Iterable[int]) -> TermLibrary:
        """Return the same library with no functions but those of ``keys``."""
        kept = {key: g for key, g in self.functions.items() if key in set(keys)}
        return TermLibrary(kept, self.constants, self.choices)


POWERS = TermLibrary()
