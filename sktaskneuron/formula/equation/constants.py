"""The numbers of an equation: where they stand, and how far they can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Constant", "constants_text"]


@dataclass(frozen=True)
class Constant:
    """A fitted number of an equation.

    Parameters
    ----------
    where : str
        The additive term that it stands in, with ``_`` in its place; ``"_"`` alone is the constant
        of the sum.
    value : float
        The number itself.
    standard_error : float
        NaN where the rows do not tell.
    lower, upper : float
        Ends of its confidence interval.
    output : int, default=0
        The output whose equation it stands in.

    See Also
    --------
    sktaskneuron.inspection.bootstrap_constants : Compute the errors of an equation's numbers on
        resampled rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron import NeuronFormulaSearch
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> search = NeuronFormulaSearch().fit(X, 3 * X[:, 0] + 0.1 * rng.normal(size=200))
    >>> slope = search.constants_[1]
    >>> slope.where, bool(slope.lower < 3 < slope.upper)
    ('_*x0', True)
    """

    where: str
    value: float
    standard_error: float
    lower: float
    upper: float
    output: int = 0


def constants_text(constants: Sequence[Constant], digits: int = 4) -> str:
    """Return a table of numbers with their errors and intervals as text.

    Parameters
    ----------
    constants : sequence of Constant
    digits : int, default=4
        Significant digits.

    Returns
    -------
    text : str
        A line for each, under a line with the names of the columns; outputs are told apart where
        there are several.

    Examples
    --------
    >>> from sktaskneuron.formula import Constant
    >>> from sktaskneuron.formula.equation.constants import constants_text
    >>> print(constants_text([Constant("_*age**2", 2.0012, 0.01, 1.98, 2.02)]))
    where     value  error  95 % interval
    _*age**2  2.001  0.01   1.98 to 2.02
    """
    several = len({constant.output for constant in constants}) > 1
    rows = [("where", "value", "error", "95 % interval")]
    for constant in constants:
        at = f"f[{constant.output}]: " * several + constant.where
        value, error, low, high = (
            f"{number:.{digits}g}"
            for number in (
                constant.value,
                constant.standard_error,
                constant.lower,
                constant.upper,
            )
        )
        rows.append((at, value, error, f"{low} to {high}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join(lines)
