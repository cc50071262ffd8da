"""The elementary functions that a formula may name: one entry per function, in every form.

Nothing else of the package knows the functions one by one. To add one, add an entry to
`PRIMITIVES`; the parser, the exports, the torch layers and their tests take it from there.
"""

from __future__ import annotations

import copyreg
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from sktaskneuron._typing import FloatArray
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.text.primitive import Domain, Elementwise, Primitive

__all__ = ["NUMPY_NAMESPACE", "PRIMITIVES", "Domain", "Primitive", "get_primitive"]


# scipy loads on first use: two functions need it, and it takes longer to load than this room.
def _sigmoid(x: FloatArray | float) -> FloatArray:
    from scipy import special

    return special.expit(x)


def _erf(x: FloatArray | float) -> FloatArray:
    from scipy import special

    return special.erf(x)


def _softplus(x: FloatArray | float) -> FloatArray:
    return np.logaddexp(0.0, x)


def _relu(x: FloatArray | float) -> FloatArray:
    return np.maximum(x, 0.0)


def _gaussian(x: FloatArray | float) -> FloatArray:
    return np.exp(-np.square(x))


def _softsign(x: FloatArray | float) -> FloatArray:
    return x / (1.0 + np.abs(x))


_REAL_LINE = Domain()


def _common(
    name: str,
    numpy: np.ufunc,
    doc: str,
    domain: Domain = _REAL_LINE,
    parity: int = 0,
    sql: str | None = None,
) -> Primitive:
    """Make the entry of a function that every language has, under its own name."""
    capital = f"{sql or name.upper()}({{x}})"
    return Primitive(
        name,
        numpy,
        name,
        lambda sp, x: getattr(sp, name)(x),
        f"np.{numpy.__name__}({{x}})",
        doc,
        domain,
        parity,
        c=f"{name}({{x}})",
        sql=capital,
        excel=capital,
    )


_TABLE = (
    _common("sin", np.sin, "sine, in radians", parity=-1),
    _common("cos", np.cos, "cosine, in radians", parity=1),
    _common(
        "tan",
        np.tan,
        "tangent, in radians; the domain is the branch around 0, between two poles",
        Domain(-math.pi / 2, math.pi / 2),
        parity=-1,
    ),
    _common("atan", np.arctan, "inverse tangent", parity=-1),
    _common(
        "asin",
        np.arcsin,
        "inverse sine",
        Domain(-1.0, 1.0, low_open=False, high_open=False),
        parity=-1,
    ),
    _common(
        "acos", np.arccos, "inverse cosine", Domain(-1.0, 1.0, low_open=False, high_open=False)
    ),
    _common("sinh", np.sinh, "(exp(x) - exp(-x)) / 2", parity=-1),
    _common("cosh", np.cosh, "(exp(x) + exp(-x)) / 2", parity=1),
    _common("tanh", np.tanh, "sinh(x) / cosh(x)", parity=-1),
    Primitive(
        "asinh",
        np.arcsinh,
        "asinh",
        lambda sp, x: sp.asinh(x),
        "np.arcsinh({x})",
        "log(x + sqrt(x**2 + 1)), a logarithm that takes both signs",
        parity=-1,
        c="asinh({x})",
        sql=(
            # the sign apart: x + sqrt(x**2 + 1) would cancel far below 0
            "(CASE WHEN ({x}) < 0.0E0 THEN -LN(SQRT(POWER({x}, 2.0E0) + 1.0E0) - ({x})) "
            "ELSE LN(SQRT(POWER({x}, 2.0E0) + 1.0E0) + ({x})) END)"
        ),
        excel="ASINH({x})",
    ),
    Primitive(
        "sigmoid",
        _sigmoid,
        "sigmoid",
        lambda sp, x: 1 / (1 + sp.exp(-x)),
        "special.expit({x})",
        "1 / (1 + exp(-x))",
        c="(({x}) < 0.0 ? exp({x}) / (1.0 + exp({x})) : 1.0 / (1.0 + exp(-({x}))))",
        sql="(CASE WHEN ({x}) < -700.0E0 THEN 0.0E0 ELSE 1.0E0/(1.0E0 + EXP(-({x}))) END)",
        excel="(1/(1+EXP(MIN(-({x}),700))))",
    ),
    Primitive(
        "softplus",
        _softplus,
        "nn.functional.softplus",
        lambda sp, x: sp.log(1 + sp.exp(x)),
        "np.logaddexp(0.0, {x})",
        "log(1 + exp(x)); torch takes x itself above 20, 2e-9 away",
        c="(fmax({x}, 0.0) + log1p(exp(-fabs({x}))))",
        # far below 0, log(1 + exp(x)) has no digits left without log1p
        sql=(
            "(CASE WHEN ({x}) < -18.0E0 THEN EXP({x}) WHEN ({x}) < 0.0E0 THEN LN(1.0E0 + EXP({x})) "
            "ELSE ({x}) + LN(1.0E0 + EXP(-({x}))) END)"
        ),
        excel="IF(({x})<-18,EXP({x}),MAX({x},0)+LN(1+EXP(-ABS({x}))))",
    ),
    Primitive(
        "softsign",
        _softsign,
        "nn.functional.softsign",
        lambda sp, x: x / (1 + sp.Abs(x)),
        "(({x}) / (1.0 + np.abs({x})))",
        "x / (1 + |x|)",
        parity=-1,
        c="(({x}) / (1.0 + fabs({x})))",
        sql="(1.0E0*({x})/(1.0E0 + ABS({x})))",
        excel="(({x})/(1+ABS({x})))",
    ),
    Primitive(
        "relu",
        _relu,
        "relu",
        lambda sp, x: sp.Max(0, x),
        "np.maximum({x}, 0.0)",
        "max(x, 0)",
        c="fmax({x}, 0.0)",
        sql="(CASE WHEN ({x}) < 0.0E0 THEN 0.0E0 ELSE ({x}) END)",
        excel="MAX({x},0)",
    ),
    _common("exp", np.exp, "e**x, finite below 709"),
    Primitive(
        "expm1",
        np.expm1,
        "expm1",
        lambda sp, x: sp.exp(x) - 1,
        "np.expm1({x})",
        "exp(x) - 1, with all digits near 0",
        c="expm1({x})",
        # exp(x) - 1 is 2 sinh(x/2) exp(x/2), which does not cancel
        sql=(
            "(CASE WHEN ({x}) < -40.0E0 THEN -1.0E0 "
            "ELSE 2.0E0*SINH(({x})/2.0E0)*EXP(({x})/2.0E0) END)"
        ),
        excel="IF(({x})<-40,-1,2*SINH(({x})/2)*EXP(({x})/2))",
    ),
    _common("log", np.log, "natural logarithm", Domain(low=0.0), sql="LN"),
    _common("sqrt", np.sqrt, "x**0.5", Domain(low=0.0, low_open=False)),
    Primitive(
        "abs",
        np.abs,
        "abs",
        lambda sp, x: sp.Abs(x),
        "np.abs({x})",
        "|x|",
        parity=1,
        c="fabs({x})",
        sql="ABS({x})",
        excel="ABS({x})",
    ),
    Primitive(
        "sign",
        np.sign,
        "sign",
        lambda sp, x: sp.sign(x),
        "np.sign({x})",
        "-1, 0 or 1; its gradient is 0 everywhere, so a network cannot train through it",
        parity=-1,
        c="((double)((({x}) > 0.0) - (({x}) < 0.0)))",
        sql=("(CASE WHEN ({x}) > 0.0E0 THEN 1.0E0 WHEN ({x}) < 0.0E0 THEN -1.0E0 ELSE 0.0E0 END)"),
        excel="SIGN({x})",
    ),
    Primitive(
        "gaussian",
        _gaussian,
        "exp neg square",
        lambda sp, x: sp.exp(-(x**2)),
        "np.exp(-np.square({x}))",
        "exp(-x**2)",
        parity=1,
        c="exp(-({x}) * ({x}))",
        sql="EXP(-POWER({x}, 2.0E0))",
        excel="EXP(-(({x})^2))",
    ),
    Primitive(
        "erf",
        _erf,
        "special.erf",
        lambda sp, x: sp.erf(x),
        "special.erf({x})",
        "the Gauss error function",
        parity=-1,
        c="erf({x})",
        excel="ERF({x})",
    ),
)

#: Every function by its name.
#:
#: Examples
#: --------
#: >>> from sktaskneuron.formula import PRIMITIVES
#: >>> PRIMITIVES["relu"].doc
#: 'max(x, 0)'
PRIMITIVES: Mapping[str, Primitive] = MappingProxyType({entry.name: entry for entry in _TABLE})

#: The numpy callable of every function by its name; the default namespace of evaluation.
#:
#: Examples
#: --------
#: >>> from sktaskneuron.formula import NUMPY_NAMESPACE
#: >>> NUMPY_NAMESPACE["abs"]([-1.0, 2.0]).tolist()
#: [1.0, 2.0]
NUMPY_NAMESPACE: Mapping[str, Elementwise] = MappingProxyType(
    {entry.name: entry.numpy for entry in _TABLE}
)


def get_primitive(name: str) -> Primitive:
    """Return the function of this name.

    Parameters
    ----------
    name : str
        As a formula text writes it.

    Returns
    -------
    primitive : Primitive
        The entry of `PRIMITIVES`.

    Raises
    ------
    FormulaError
        If there is none.

    See Also
    --------
    Primitive : One elementary function of one real variable.

    Examples
    --------
    >>> from sktaskneuron.formula import get_primitive
    >>> get_primitive("tanh").doc
    'sinh(x) / cosh(x)'
    >>> str(get_primitive("log").domain)
    '(0, inf)'
    """
    try:
        return PRIMITIVES[name]
    except KeyError:
        known = ", ".join(sorted(PRIMITIVES))
        raise FormulaError(f"unknown function {name!r}; known are {known}") from None


def _by_name(primitive: Primitive) -> tuple[Callable[[str], Primitive], tuple[str]]:
    return get_primitive, (primitive.name,)


# The entries hold lambdas, which do not pickle; the name says everything.
copyreg.pickle(Primitive, _by_name)
