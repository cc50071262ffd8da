"""What an activation function is like, measured: moments under a Gaussian input, and its kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sktaskneuron._typing import FloatArray, Vector
from sktaskneuron.formula.text.nodes import Call, Clip, Node, Power, Product, Sum, children

ArrayFunction = Callable[[FloatArray], FloatArray]

# Panels of the quadrature: narrow, because many functions have kinks.
_LIMIT, _WIDTH, _ORDER = 16.0, 0.002, 3
# Where smoothness is looked at, and the step.
_LOOK, _STEP = 8.0, 0.0005
#: Floating-point operations of a function; what is not named takes one.
_CALL_COST: Mapping[str, float] = MappingProxyType(
    {
        "abs": 1,
        "relu": 1,
        "sign": 1,
        "softsign": 6,
        "exp": 10,
        "expm1": 10,
        "log": 10,
        "gaussian": 12,
        "sin": 12,
        "cos": 12,
        "sinh": 12,
        "cosh": 12,
        "tanh": 12,
        "sigmoid": 14,
        "tan": 15,
        "atan": 15,
        "asin": 15,
        "acos": 15,
        "erf": 15,
        "softplus": 20,
        "asinh": 20,
    }
)
_DIVISION, _ROOT, _FRACTIONAL_POWER = 4.0, 4.0, 20.0


class Moments(NamedTuple):
    """Moments of f(z) for z drawn from N(0, 1).

    Parameters
    ----------
    mean, std : float
        Of f(z).
    gain : float
        The mean square of the derivative, E[f'(z)**2].
    """

    mean: float
    std: float
    gain: float


def slopes(function: Callable[[Tensor], Tensor], x: Vector) -> Vector:
    """Return the derivative as back-propagation sees it, in float64.

    Parameters
    ----------
    function : callable from Tensor to Tensor
        Pointwise.
    x : ndarray of any shape

    Returns
    -------
    ndarray of the shape of ``x``
    """
    with torch.inference_mode(False), torch.enable_grad():
        # as_tensor of a copy: the caller's array may be read-only
        points = torch.as_tensor(np.array(x, dtype=np.float64)).requires_grad_()
        (slope,) = torch.autograd.grad(function(points).sum(), points)
    return np.asarray(slope.numpy(), dtype=np.float64)


@lru_cache(maxsize=1)
def _quadrature() -> tuple[Vector, Vector]:
    """Return knots and weights of integrals under the standard normal density."""
    knots, weights = np.polynomial.legendre.leggauss(_ORDER)
    centres = np.arange(-_LIMIT + _WIDTH / 2, _LIMIT, _WIDTH)
    z = (centres[:, None] + _WIDTH / 2 * knots).ravel()
    density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    return z, np.tile(_WIDTH / 2 * weights, len(centres)) * density


def _expectation(values: Vector) -> float:
    z, weights = _quadrature()
    with np.errstate(all="ignore"):
        parts = weights * values
        total = float(parts.sum())
        sizes = np.abs(parts)
        tail = float(sizes[np.abs(z) > _LIMIT - 0.5].sum())
        size = float(sizes.sum())
    # a tail that counts 16 standard deviations away belongs to an integral that diverges
    return math.copysign(math.inf, total) if tail > 1e-6 * size else total


def gaussian_moments(
    function: ArrayFunction, tensor_function: Callable[[Tensor], Tensor]
) -> Moments:
    """Return mean, standard deviation and gain by quadrature.

    Parameters
    ----------
    function : callable from ndarray to ndarray
    tensor_function : callable from Tensor to Tensor
        The same, for its derivative.

    Returns
    -------
    Moments
        NaN where the function is not defined on the whole line, infinite where they do not exist.

    Notes
    -----
    Gauss-Legendre on panels of 0.002: functions with kinks are met to about 1e-5, smooth ones to
    1e-10.
    """
    z, _ = _quadrature()
    values = function(z)
    mean = _expectation(values)
    with np.errstate(all="ignore"):
        variance = _expectation((values - mean) ** 2) if math.isfinite(mean) else mean
        gain = _expectation(slopes(tensor_function, z) ** 2)
    return Moments(mean, math.sqrt(variance) if variance >= 0 else math.nan, gain)


def is_odd(function: ArrayFunction) -> bool:
    """Return whether f(-x) = -f(x).

    Parameters
    ----------
    function : callable from ndarray to ndarray
    """
    x = np.linspace(0.0, _LOOK, 501)
    with np.errstate(all="ignore"):
        right, left = function(x), function(-x)
    scale = float(np.abs(right).max())
    return bool(np.isfinite(scale) and np.allclose(left, -right, rtol=1e-9, atol=1e-9 * scale))


def is_bounded(function: ArrayFunction) -> bool:
    """Return whether the function stays within limits, judged up to inputs of 1e8.

    Parameters
    ----------
    function : callable from ndarray to ndarray
    """
    near, far = np.geomspace(1e-2, 1e4, 1200), np.geomspace(1e4, 1e8, 800)
    with np.errstate(all="ignore"):
        inside, outside = (np.abs(function(np.concatenate([-x, x]))).max() for x in (near, far))
    return bool(np.isfinite(outside) and outside <= 1.01 * inside)


def is_smooth(function: ArrayFunction, tensor_function: Callable[[Tensor], Tensor]) -> bool:
    """Return whether the function and its derivative are continuous, judged on [-8, 8].

    Parameters
    ----------
    function : callable from ndarray to ndarray
    tensor_function : callable from Tensor to Tensor
        The same, for its derivative.

    Notes
    -----
    Both are followed in steps of 0.0005. A step that is many times as large as those around it is
    a jump: of a continuous function, steps grow and shrink gradually.
    """
    # the shift keeps the points off kinks at round numbers
    x = np.arange(-_LOOK, _LOOK, _STEP) + _STEP / 50
    for values in (function(x), slopes(tensor_function, x)):
        if not np.isfinite(values).all():
            return False
        steps = np.abs(np.diff(values))
        # not the next ones: a point beside a pole has two large steps
        around = np.maximum(steps[:-4], steps[4:])
        if (steps[2:-2] > 5 * around + 1e-9 * max(1.0, float(np.abs(values).max()))).any():
            return False
    return True


def operation_cost(node: Node) -> float:
    """Count the floating-point operations of a formula's tree per element.

    Parameters
    ----------
    node : Node

    Returns
    -------
    float
        1 for an addition, a product, a maximum or a clip, 4 for a division or a root, 10 to 20 for
        transcendental functions; at least 1. Parts that stand twice count twice: they are computed
        twice.
    """
    return max(1.0, _operations(node))


def _operations(node: Node) -> float:
    inner = sum(map(_operations, children(node)), 0.0)
    match node:
        case Call(name):
            return inner + _CALL_COST.get(name, 1.0)
        case Power(_, exponent):
            return inner + _power_cost(abs(exponent)) + (_DIVISION if exponent < 0 else 0.0)
        case Product(coefficient, factors):
            return inner + len(factors) - 1 + (coefficient != 1)
        case Sum(terms, constant):
            return inner + len(terms) - 1 + (constant != 0)
        case Clip():
            return inner + 1.0
        case _:
            return inner


def _power_cost(exponent: float) -> float:
    if exponent == 0.5:
        return _ROOT
    if not isinstance(exponent, int):
        return _FRACTIONAL_POWER
    return exponent.bit_length() + exponent.bit_count() - 2  # squarings and products
