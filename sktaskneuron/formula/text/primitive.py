"""What is known of an elementary function, and where one is defined."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from sktaskneuron._typing import FloatArray, Mask

if TYPE_CHECKING:
    import sympy

__all__ = ["Domain", "Elementwise", "Primitive"]

#: A function of arrays of any shape.
Elementwise: TypeAlias = Callable[[FloatArray | float], FloatArray]


@dataclass(frozen=True)
class Domain:
    """An interval of the real line on which a function is defined, finite and free of poles.

    Parameters
    ----------
    low, high : float
        Ends of the interval; infinite by default.
    low_open, high_open : bool
        Whether the end itself is outside.

    See Also
    --------
    Primitive : One elementary function of one real variable.

    Examples
    --------
    >>> from sktaskneuron.formula import Domain
    >>> positive = Domain(low=0.0)
    >>> positive.contains([-1.0, 0.0, 2.0])
    array([False, False,  True])
    """

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = True
    high_open: bool = True

    def contains(self, x: ArrayLike) -> Mask:
        """Tell for every value of `x` whether it lies inside.

        Parameters
        ----------
        x : array-like of any shape
            Values to look at.

        Returns
        -------
        inside : ndarray of bool, of the shape of `x`
            False for NaN.
        """
        values = np.asarray(x, dtype=np.float64)
        above = values > self.low if self.low_open else values >= self.low
        below = values < self.high if self.high_open else values <= self.high
        return np.asarray(above & below)

    def __str__(self) -> str:
        left = "(" if self.low_open else "["
        right = ")" if self.high_open else "]"
        return f"{left}{self.low:g}, {self.high:g}{right}"


@dataclass(frozen=True)
class Primitive:
    """One elementary function of one real variable.

    Parameters
    ----------
    name : str
        The name that a formula text uses.
    numpy : callable
        From an ndarray to one of the same shape; stable for large arguments.
    torch_name : str
        Dotted name under `torch`, as in ``"sin"`` or ``"nn.functional.softplus"``. Several
        names, separated by blanks, are applied from the right to the left, as one writes a
        composition: ``"exp neg square"`` is ``torch.exp(torch.neg(torch.square(x)))``.
    sympy : callable
        ``(sympy module, sympy expression) -> sympy expression``. The module comes as an
        argument because sympy loads only when an export asks for it.
    source : str
        Python source with ``{x}`` for the argument, in terms of ``np`` (and ``special``, which
        is `scipy.special`).
    doc : str
        The function as an equation.
    domain : Domain
        Where the function is defined, finite and free of poles.
    parity : {-1, 0, 1}
        -1 for odd functions, 1 for even ones, 0 for neither.
    c, sql, excel : str, optional
        The function in C99 with ``math.h``, in SQL:2016 and in Excel, with ``{x}`` for the
        argument, which may be any expression; each reads as one operand. The export to that
        language refuses a function without one.

    See Also
    --------
    get_primitive : Return the function of this name.
    Domain : An interval of the real line on which a function is defined, finite and free of poles.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.formula import get_primitive
    >>> get_primitive("sin").parity
    -1
    >>> float(get_primitive("sin").numpy(np.pi / 2))
    1.0
    """

    name: str
    numpy: Elementwise
    torch_name: str
    sympy: Callable[[ModuleType, sympy.Expr], sympy.Expr]
    source: str
    doc: str
    domain: Domain = Domain()
    parity: int = 0
    c: str | None = None
    sql: str | None = None
    excel: str | None = None
