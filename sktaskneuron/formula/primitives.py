"""The elementary functions that a formula may name: one entry per function, in every form.

Nothing else of the package knows the functions one by one. To add one, add an entry to
`PRIMITIVES`; the parser, the exports, the torch layers and their tests take it from there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import FormulaError

__all__ = ["NUMPY_NAMESPACE", "PRIMITIVES", "Domain", "Primitive", "get_primitive"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Domain:
    """An interval of the real line on which a function is defined, finite and free of poles.

    Parameters
    ----------
    low, high : float
        Ends of the interval; infinite by default.
    low_open, high_open : bool
        Whether the end itself is outside.
    """

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = True
    high_open: bool = True

    def contains(self, x: Any) -> NDArray[np.bool_]:
        """Tell for every value of `x` whether it lies inside.

        Parameters
        ----------
        x : array-like of any shape

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
        ndarray -> ndarray of the same shape; stable for large arguments.
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
    """

    name: str
    numpy: Callable[[Any], Any]
    torch_name: str
    sympy: Callable[[Any, Any], Any]
    source: str
    doc: str
    domain: Domain = Domain()
    parity: int = 0

    def __reduce__(self) -> tuple[Callable[[str], Primitive], tuple[str]]:
        # The entries hold lambdas, which do not pickle; the name says everything.
        return get_primitive, (self.name,)


# scipy loads on first use: two functions need it, and it takes longer to load than this room.
def _sigmoid(x: Any) -> Any:
    from scipy import special

    return special.expit(x)


def _erf(x: Any) -> Any:
    from scipy import special

    return special.erf(x)


def _softplus(x: Any) -> Any:
    return np.logaddexp(0.0, x)


def _relu(x: Any) -> Any:
    return np.maximum(x, 0.0)


def _gaussian(x: Any) -> Any:
    return np.exp(-np.square(x))


def _softsign(x: Any) -> Any:
    return x / (1.0 + np.abs(x))


_TABLE = (
    Primitive(
        "sin", np.sin, "sin", lambda sp, x: sp.sin(x), "np.sin({x})", "sine, in radians", parity=-1
    ),
    Primitive(
        "cos", np.cos, "cos", lambda sp, x: sp.cos(x), "np.cos({x})", "cosine, in radians", parity=1
    ),
    Primitive(
        "tan",
        np.tan,
        "tan",
        lambda sp, x: sp.tan(x),
        "np.tan({x})",
        "tangent, in radians; the domain is the branch around 0, between two poles",
        Domain(-math.pi / 2, math.pi / 2),
        parity=-1,
    ),
    Primitive(
        "atan",
        np.arctan,
        "atan",
        lambda sp, x: sp.atan(x),
        "np.arctan({x})",
        "inverse tangent",
        parity=-1,
    ),
    Primitive(
        "asin",
        np.arcsin,
        "asin",
        lambda sp, x: sp.asin(x),
        "np.arcsin({x})",
        "inverse sine",
        Domain(-1.0, 1.0, low_open=False, high_open=False),
        parity=-1,
    ),
    Primitive(
        "acos",
        np.arccos,
        "acos",
        lambda sp, x: sp.acos(x),
        "np.arccos({x})",
        "inverse cosine",
        Domain(-1.0, 1.0, low_open=False, high_open=False),
    ),
    Primitive(
        "sinh",
        np.sinh,
        "sinh",
        lambda sp, x: sp.sinh(x),
        "np.sinh({x})",
        "(exp(x) - exp(-x)) / 2",
        parity=-1,
    ),
    Primitive(
        "cosh",
        np.cosh,
        "cosh",
        lambda sp, x: sp.cosh(x),
        "np.cosh({x})",
        "(exp(x) + exp(-x)) / 2",
        parity=1,
    ),
    Primitive(
        "tanh",
        np.tanh,
        "tanh",
        lambda sp, x: sp.tanh(x),
        "np.tanh({x})",
        "sinh(x) / cosh(x)",
        parity=-1,
    ),
    Primitive(
        "asinh",
        np.arcsinh,
        "asinh",
        lambda sp, x: sp.asinh(x),
        "np.arcsinh({x})",
        "log(x + sqrt(x**2 + 1)), a logarithm that takes both signs",
        parity=-1,
    ),
    Primitive(
        "sigmoid",
        _sigmoid,
        "sigmoid",
        lambda sp, x: 1 / (1 + sp.exp(-x)),
        "special.expit({x})",
        "1 / (1 + exp(-x))",
    ),
    Primitive(
        "softplus",
        _softplus,
        "nn.functional.softplus",
        lambda sp, x: sp.log(1 + sp.exp(x)),
        "np.logaddexp(0.0, {x})",
        "log(1 + exp(x)); torch takes x itself above 20, 2e-9 away",
    ),
    Primitive(
        "softsign",
        _softsign,
        "nn.functional.softsign",
        lambda sp, x: x / (1 + sp.Abs(x)),
        "(({x}) / (1.0 + np.abs({x})))",
        "x / (1 + |x|)",
        parity=-1,
    ),
    Primitive(
        "relu",
        _relu,
        "relu",
        lambda sp, x: sp.Max(0, x),
        "np.maximum({x}, 0.0)",
        "max(x, 0)",
    ),
    Primitive(
        "exp", np.exp, "exp", lambda sp, x: sp.exp(x), "np.exp({x})", "e**x, finite below 709"
    ),
    Primitive(
        "log",
        np.log,
        "log",
        lambda sp, x: sp.log(x),
        "np.log({x})",
        "natural logarithm",
        Domain(low=0.0),
    ),
    Primitive(
        "sqrt",
        np.sqrt,
        "sqrt",
        lambda sp, x: sp.sqrt(x),
        "np.sqrt({x})",
        "x**0.5",
        Domain(low=0.0, low_open=False),
    ),
    Primitive("abs", np.abs, "abs", lambda sp, x: sp.Abs(x), "np.abs({x})", "|x|", parity=1),
    Primitive(
        "sign",
        np.sign,
        "sign",
        lambda sp, x: sp.sign(x),
        "np.sign({x})",
        "-1, 0 or 1; its gradient is 0 everywhere, so a network cannot train through it",
        parity=-1,
    ),
    Primitive(
        "gaussian",
        _gaussian,
        "exp neg square",
        lambda sp, x: sp.exp(-(x**2)),
        "np.exp(-np.square({x}))",
        "exp(-x**2)",
        parity=1,
    ),
    Primitive(
        "erf",
        _erf,
        "special.erf",
        lambda sp, x: sp.erf(x),
        "special.erf({x})",
        "the Gauss error function",
        parity=-1,
    ),
)

#: Every function by its name.
PRIMITIVES: Mapping[str, Primitive] = MappingProxyType({entry.name: entry for entry in _TABLE})

#: The numpy callable of every function by its name; the default namespace of evaluation.
NUMPY_NAMESPACE: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {entry.name: entry.numpy for entry in _TABLE}
)


def get_primitive(name: str) -> Primitive:
    """Return the function of this name.

    Parameters
    ----------
    name : str

    Returns
    -------
    primitive : Primitive

    Raises
    ------
    FormulaError
        If there is none.
    """
    try:
        return PRIMITIVES[name]
    except KeyError:
        known = ", ".join(sorted(PRIMITIVES))
        raise FormulaError(f"unknown function {name!r}; known are {known}") from None
