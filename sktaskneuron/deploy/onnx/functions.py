"""The primitives of the formulas as ONNX nodes, and their slopes.

onnxruntime computes some functions in single precision only. In float64 these are written by
others that it has; each form keeps all digits where the plain one cancels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from sktaskneuron.deploy.onnx.graph import Operand, Value
from sktaskneuron.formula.text.evaluation import evaluate
from sktaskneuron.formula.text.nodes import Node

ValueFunction: TypeAlias = Callable[[Value], Value]

# Nodes of the quadrature of erf: with so many its error on [-6, 6] is below 1e-15.
_ERF_NODES = 32
# From here on erf is 1 in every precision.
_ERF_END = 6.0
# Beyond, atan differs from pi/2 by less than float64 can tell, and float32 still holds the number.
_ATAN_END = 1e30
# Up to here, sin(x) / x is 1 in every precision.
_SINC_LEAST = 1e-8


def _is_single(x: Value) -> bool:
    return x.dtype == np.float32


def _node(op: str, x: Value) -> Value:
    return x.op(op)


def _tan(x: Value) -> Value:
    return x.op("Tan") if _is_single(x) else x.op("Sin") / x.op("Cos")


def _atan(x: Value) -> Value:
    if _is_single(x):
        return x.op("Atan")
    # tan(a - b) by the addition theorem, for b the single-precision value: off by b's error cubed
    bounded = x.clip(-_ATAN_END, _ATAN_END)
    near = bounded.cast(np.float32).op("Atan").cast(np.float64)
    sine, cosine = near.op("Sin"), near.op("Cos")
    return near + (bounded * cosine - sine) / (cosine + bounded * sine)


def _asin(x: Value) -> Value:
    if _is_single(x):
        return x.op("Asin")
    root = ((1.0 - x) * (1.0 + x)).op("Sqrt")
    # the second summand is 0, and NaN outside of the domain
    return _atan(x / root) + root * 0.0


def _acos(x: Value) -> Value:
    return x.op("Acos") if _is_single(x) else math.pi / 2 - _asin(x)


def _cosh(x: Value) -> Value:
    return (x.op("Exp") + (-x).op("Exp")) * 0.5


def _sinh(x: Value) -> Value:
    return x.op("Tanh") * _cosh(x)


def _asinh(x: Value) -> Value:
    if _is_single(x):
        return x.op("Asinh")
    size = x.op("Abs")
    return x.op("Sign") * (size + (size * size + 1.0).op("Sqrt")).op("Log")


def _softplus(x: Value) -> Value:
    return x.op("Relu") + ((-x.op("Abs")).op("Exp") + 1.0).op("Log")


def _softsign(x: Value) -> Value:
    return x / (x.op("Abs") + 1.0)


def _expm1(x: Value) -> Value:
    return (x * 0.5).op("Tanh") * (x.op("Exp") + 1.0)


def _gaussian(x: Value) -> Value:
    return (-(x * x)).op("Exp")


def _erf(x: Value) -> Value:
    if _is_single(x):
        return x.op("Erf")
    nodes, weights = np.polynomial.legendre.leggauss(_ERF_NODES)
    bounded = x.clip(-_ERF_END, _ERF_END)
    inner = bounded.with_axis(-1) * (nodes / 2 + 0.5)
    return bounded * (_gaussian(inner) @ (weights / math.sqrt(math.pi)))


#: Every primitive as a function of values, by name.
PRIMITIVES: Mapping[str, ValueFunction] = MappingProxyType(
    {
        "sin": partial(_node, "Sin"),
        "cos": partial(_node, "Cos"),
        "tan": _tan,
        "atan": _atan,
        "asin": _asin,
        "acos": _acos,
        "sinh": _sinh,
        "cosh": _cosh,
        "tanh": partial(_node, "Tanh"),
        "asinh": _asinh,
        "sigmoid": partial(_node, "Sigmoid"),
        "softplus": _softplus,
        "softsign": _softsign,
        "relu": partial(_node, "Relu"),
        "exp": partial(_node, "Exp"),
        "expm1": _expm1,
        "log": partial(_node, "Log"),
        "sqrt": partial(_node, "Sqrt"),
        "abs": partial(_node, "Abs"),
        "sign": partial(_node, "Sign"),
        "gaussian": _gaussian,
        "erf": _erf,
    }
)


def tree_value(node: Node, columns: Mapping[str, Value]) -> Value:
    """Add a tree of a formula; of a number alone as many as there are rows."""
    functions: Mapping[str, Any] = PRIMITIVES
    value = evaluate(node, columns, functions)
    if isinstance(value, Value):
        return value
    return next(iter(columns.values())) * 0.0 + value


@dataclass(frozen=True, eq=False)
class Dual:
    """A value and its derivative by the input, which arithmetic carries along.

    Parameters
    ----------
    value, slope : Value
    """

    value: Value
    slope: Value

    def of(self, other: Dual | Operand) -> Dual:
        """Return an operand with a slope: 0, of what does not depend on the input."""
        if isinstance(other, Dual):
            return other
        value = self.value.of(other)
        return Dual(value, value * 0.0)

    def __add__(self, other: Dual | Operand) -> Dual:
        given = self.of(other)
        return Dual(self.value + given.value, self.slope + given.slope)

    __radd__ = __add__

    def __mul__(self, other: Dual | Operand) -> Dual:
        given = self.of(other)
        slope = self.slope * given.value + self.value * given.slope
        return Dual(self.value * given.value, slope)

    __rmul__ = __mul__

    def __rtruediv__(self, other: float) -> Dual:
        value = other / self.value
        return Dual(value, -value / self.value * self.slope)

    def __pow__(self, exponent: float) -> Dual:
        slope = exponent * self.value ** (exponent - 1.0) * self.slope
        return Dual(self.value**exponent, slope)

    def clip(self, lower: float, upper: float) -> Dual:
        """Return the values between two numbers; the slope is 0 outside of them."""
        value = self.value.clip(lower, upper)
        return Dual(value, value.equals(self.value).choose(self.slope, 0.0))


# The derivative of every primitive at x, whose value is y.
_SLOPES: Mapping[str, Callable[[Value, Value], Operand]] = {
    "sin": lambda x, y: x.op("Cos"),
    "cos": lambda x, y: -x.op("Sin"),
    "tan": lambda x, y: y * y + 1.0,
    "atan": lambda x, y: 1.0 / (x * x + 1.0),
    "asin": lambda x, y: 1.0 / (1.0 - x * x).op("Sqrt"),
    "acos": lambda x, y: -1.0 / (1.0 - x * x).op("Sqrt"),
    "sinh": lambda x, y: _cosh(x),
    "cosh": lambda x, y: _sinh(x),
    "tanh": lambda x, y: 1.0 - y * y,
    "asinh": lambda x, y: 1.0 / (x * x + 1.0).op("Sqrt"),
    "sigmoid": lambda x, y: y * (1.0 - y),
    "softplus": lambda x, y: x.op("Sigmoid"),
    "softsign": lambda x, y: (x.op("Abs") + 1.0) ** -2.0,
    "relu": lambda x, y: x.op("Sign").op("Relu"),
    "exp": lambda x, y: y,
    "expm1": lambda x, y: y + 1.0,
    "log": lambda x, y: 1.0 / x,
    "sqrt": lambda x, y: 0.5 / y,
    "abs": lambda x, y: x.op("Sign"),
    "sign": lambda x, y: y * 0.0,
    "gaussian": lambda x, y: x * y * -2.0,
    "erf": lambda x, y: _gaussian(x) * (2 / math.sqrt(math.pi)),
}


def _dual(name: str, x: Dual) -> Dual:
    value = PRIMITIVES[name](x.value)
    return Dual(value, x.slope * _SLOPES[name](x.value, value))


#: Every primitive as a function of values with their slopes, by name.
DUAL_PRIMITIVES: Mapping[str, Callable[[Dual], Dual]] = MappingProxyType(
    {name: partial(_dual, name) for name in PRIMITIVES}
)


def sinc(x: Any, functions: Mapping[str, Callable[[Any], Any]]) -> Any:
    """Return sin(x) / x, which the grammar of formulas cannot write: it has a hole at 0."""
    size = functions["abs"](x).clip(_SINC_LEAST, math.inf)
    return functions["sin"](size) * (1.0 / size)
