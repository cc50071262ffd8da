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


_TABLE = (
    Primitive(
        "sin",
        np.sin,
        "sin",
        lambda sp, x: sp.sin(x),
        "np.sin({x})",
        "sine, in radians",
        parity=-1,
        c="sin({x})",
        sql="SIN({x})",
        excel="SIN({x})",
    ),
    Primitive(
        "cos",
        np.cos,
        "cos",
        lambda sp, x: sp.cos(x),
        "np.cos({x})",
        "cosine, in radians",
        parity=1,
        c="cos({x})",
        sql="COS({x})",
        excel="COS({x})",
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
        c="tan({x})",
        sql="TAN({x})",
        excel="TAN({x})",
    ),
    Primitive(
        "atan",
        np.arctan,
        "atan",
        lambda sp, x: sp.atan(x),
        "np.arctan({x})",
        "inverse tangent",
        parity=-1,
        c="atan({x})",
        sql="ATAN({x})",
        excel="ATAN({x})",
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
        c="asin({x})",
        sql="ASIN({x})",
        excel="ASIN({x})",
    ),
    Primitive(
        "acos",
        np.arccos,
        "acos",
        lambda sp, x: sp.acos(x),
        "np.arccos({x})",
        "inverse cosine",
        Domain(-1.0, 1.0, low_open=False, high_open=False),
        c="acos({x})",
        sql="ACOS({x})",
        excel="ACOS({x})",
    ),
    Primitive(
        "sinh",
        np.sinh,
        "sinh",
        lambda sp, x: sp.sinh(x),
        "np.sinh({x})",
        "(exp(x) - exp(-x)) / 2",
        parity=-1,
        c="sinh({x})",
        sql="SINH({x})",
        excel="SINH({x})",
    ),
    Primitive(
        "cosh",
        np.cosh,
        "cosh",
        lambda sp, x: sp.cosh(x),
        "np.cosh({x})",
        "(exp(x) + exp(-x)) / 2",
        parity=1,
        c="cosh({x})",
        sql="COSH({x})",
        excel="COSH({x})",
    ),
    Primitive(
        "tanh",
        np.tanh,
        "tanh",
        lambda sp, x: sp.tanh(x),
        "np.tanh({x})",
        "sinh(x) / cosh(x)",
        parity=-1,
        c="tanh({x})",
        sql="TANH({x})",
        excel="TANH({x})",
    ),
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
    Primitive(
        "exp",
        np.exp,
        "exp",
        lambda sp, x: sp.exp(x),
        "np.exp({x})",
        "e**x, finite below 709",
        c="exp({x})",
        sql="EXP({x})",
        excel="EXP({x})",
    ),
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
    Primitive(
        "log",
        np.log,
        "log",
        lambda sp, x: sp.log(x),
        "np.log({x})",
        "natural logarithm",
        Domain(low=0.0),
        c="log({x})",
        sql="LN({x})",
        excel="LN({x})",
    ),
    Primitive(
        "sqrt",
        np.sqrt,
        "sqrt",
        lambda sp, x: sp.sqrt(x),
        "np.sqrt({x})",
        "x**0.5",
        Domain(low=0.0, low_open=False),
        c="sqrt({x})",
        sql="SQRT({x})",
        excel="SQRT({x})",
    ),
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
PRIMITIVES: Mapping[str, Primitive] = MappingProxyType({entry.name: entry for entry in _TABLE})

#: The numpy callable of every function by its name; the default namespace of evaluation.
NUMPY_NAMESPACE: Mapping[str, Elementwise] = MappingProxyType(
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


def _by_name(primitive: Primitive) -> tuple[Callable[[str], Primitive], tuple[str]]:
    return get_primitive, (primitive.name,)


# The entries hold lambdas, which do not pickle; the name says everything.
copyreg.pickle(Primitive, _by_name)
