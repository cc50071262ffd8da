"""The pointwise activations in torch: one function each, parameters by keyword.

All are written so that values and gradients stay finite for large inputs. A parameter that may be
trained may be a tensor that broadcasts with ``x``; the others are numbers. A form under ``@fused``
returns its values and a function for the derivatives.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from sktaskneuron.nn.activations._fused import ValueAndSlope, fused

Parameter = float | Tensor

# exp(-exp(-x)) is 0 in every precision from here on, while exp(80) is finite in float32.
_GOMPERTZ_MOST = 80.0
# Up to here, sin(x) / x is 1 in every precision.
_SINC_LEAST = 1e-8


def _is_one(value: Parameter) -> bool:
    return not isinstance(value, Tensor) and value == 1.0


def _plus(x: Tensor, factor: Parameter, y: Tensor) -> Tensor:
    """Return x + factor * y."""
    return x + factor * y if isinstance(factor, Tensor) else torch.add(x, y, alpha=factor)


def _plus_product(x: Tensor, factor: Parameter, y: Tensor, z: Tensor) -> Tensor:
    """Return x + factor * y * z."""
    return (
        x + factor * y * z if isinstance(factor, Tensor) else torch.addcmul(x, y, z, value=factor)
    )


def _sinc(x: Tensor) -> ValueAndSlope:
    """Return sin(x) / x."""
    size = x.abs().clamp(min=_SINC_LEAST)
    value = torch.sin(size) / size

    def slope() -> Tensor:
        # between two sums of its series, which are close where the quotient cancels
        low = size * (-1 / 3)
        high = torch.addcmul(low, size, torch.square(size), value=1 / 30)
        quotient = (torch.cos(size) - value) / size
        return torch.sign(x) * torch.minimum(torch.maximum(quotient, low), high)

    return value, slope


def _asinh_of_size(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return |x|, sqrt(x**2 + 1) and asinh(|x|): torch's own asinh takes three times as long."""
    size = x.abs()
    root = torch.sqrt(torch.square(x) + 1)
    # x * (x / root) is finite where x**2 is not
    return size, root, torch.log1p(size + size * (size / (root + 1)))


# -- straight lines --------------------------------------------------------------------------------


def identity(x: Tensor) -> Tensor:
    return x


def leaky_relu(x: Tensor, *, a: float = 0.01) -> Tensor:
    return F.leaky_relu(x, a)


def prelu(x: Tensor, *, a: Parameter = 0.25) -> Tensor:
    return torch.where(x > 0, x, a * x) if isinstance(a, Tensor) else F.leaky_relu(x, a)


def silu_or_relu(x: Tensor, *, p: float = 0.5) -> Tensor:
    # the mean, which predicts; StochasticActivation tosses the coins of training
    return torch.lerp(torch.relu(x), F.silu(x), p)


def helu(x: Tensor, *, a: float = 0.1) -> Tensor:
    # the second summand is 0, and brings the slope: 1 above -a
    band = torch.relu(x + a)
    return torch.relu(x).detach() + (band - band.detach())


def hard_sigmoid(x: Tensor) -> Tensor:
    # torch's own hardsigmoid has no second derivative
    return F.relu6(x + 3) / 6


def hs_hs_elu(x: Tensor) -> Tensor:
    # the outer hard sigmoid is never at its bounds
    return (0.04 * x + 0.6).clamp(0.5, 0.7) * F.elu(x)


# -- powers ----------------------------------------------------------------------------------------


def relu2(x: Tensor) -> Tensor:
    return torch.square(torch.relu(x))


def repu(x: Tensor, *, k: float = 3.0) -> Tensor:
    return torch.relu(x) ** k


@fused
def smelu(x: Tensor, *, b: float = 1.0, a: float = 0.0) -> ValueAndSlope:
    share = x.clamp(-b, b) * (1 / (2 * b)) + 0.5
    value = torch.addcmul(torch.relu(x - b), share, share, value=b)
    if a == 0.0:
        return value, lambda: share
    return a * x + (1 - a) * value, lambda: a + (1 - a) * share


@fused
def squareplus(x: Tensor, *, b: Parameter = 4.0) -> ValueAndSlope:
    root = torch.sqrt(torch.square(x) + b)
    size = x.abs()
    # root - size is b / (root + size), which does not cancel; relu(x) would have no slope at 0
    value = (x + size) * 0.5 + (b / 2) / (root + size)
    return value, lambda: value / root


# -- exponentials ----------------------------------------------------------------------------------


def elu(x: Tensor, *, a: Parameter = 1.0) -> Tensor:
    if _is_one(a):
        return F.elu(x)
    return torch.relu(x) + a * torch.expm1(x.clamp(max=0.0))


def celu(x: Tensor, *, a: float = 1.0) -> Tensor:
    return F.celu(x, a)


def elish(x: Tensor) -> Tensor:
    return F.elu(x) * torch.sigmoid(x)


def silu(x: Tensor, *, beta: Parameter = 1.0) -> Tensor:
    return F.silu(x) if _is_one(beta) else x * torch.sigmoid(beta * x)


def softplus(x: Tensor, *, beta: float = 1.0) -> Tensor:
    return F.softplus(x, beta)


@fused
def golu(
    x: Tensor, *, alpha: Parameter = 1.0, beta: Parameter = 1.0, gamma: Parameter = 1.0
) -> ValueAndSlope:
    inner = torch.exp((x * -gamma).clamp(max=_GOMPERTZ_MOST))
    gate = torch.exp(inner * -beta)
    if not _is_one(alpha):
        gate = alpha * gate

    def slope() -> Tensor:
        # x * inner may overflow where the gate is 0
        return _plus_product(gate, beta * gamma, x, inner * gate)

    return x * gate, slope


def tanhexp(x: Tensor) -> Tensor:
    # tanh(exp(x)) is 1 in every precision from 4 on
    return x * torch.tanh(torch.exp(x.clamp(max=20.0)))


def serf(x: Tensor) -> Tensor:
    return x * torch.erf(F.softplus(x))


def lisht(x: Tensor) -> Tensor:
    return x * torch.tanh(x)


def erfc_softplus_sq(x: Tensor) -> Tensor:
    return torch.square(torch.erfc(F.softplus(x)))


def gaussian(x: Tensor, *, a: Parameter = 1.0) -> Tensor:
    return torch.exp(-a * torch.square(x))


@fused
def gmtu(x: Tensor, *, a: Parameter = 1.5, b: Parameter = 0.2, c: Parameter = 0.2) -> ValueAndSlope:
    inner = torch.tanh(a * x)
    bell = torch.exp(-b * torch.square(x))
    wave = inner * bell

    def slope() -> Tensor:
        steep = a * torch.addcmul(bell, inner, wave, value=-1)
        return _plus_product(steep, -2 * b, x, wave) + c

    return _plus(wave, c, x), slope


@fused
def crrelu(x: Tensor, *, e: Parameter = 0.01) -> ValueAndSlope:
    line = torch.relu(x)
    square = torch.square(x)
    bell = torch.exp(square * -0.5)
    wave = x * bell
    return _plus(line, e, wave), lambda: _plus(
        torch.sign(line), e, torch.addcmul(bell, x, wave, value=-1)
    )


@fused
def sau(x: Tensor, *, a: Parameter = 0.15, n: float = 2.0) -> ValueAndSlope:
    scaled = x * (n * math.sqrt(0.5))
    share = (1 - a) / 2
    gate = torch.erf(scaled) * share + (share + a)
    bell = torch.exp(-torch.square(scaled)) * ((1 - a) / (n * math.sqrt(2 * math.pi)))
    # the slopes of erf and bell cancel
    return x * gate + bell, lambda: gate


def gelu(x: Tensor) -> Tensor:
    # the tanh form: 2 % from the erf form at most, and cheaper
    return F.gelu(x, approximate="tanh")


@partial(fused, plain=torch.asinh)
def asinh(x: Tensor) -> ValueAndSlope:
    _, root, value = _asinh_of_size(x)
    return torch.copysign(value, x), root.reciprocal


# -- waves -----------------------------------------------------------------------------------------


def sin(x: Tensor, *, omega: Parameter = 1.0) -> Tensor:
    return torch.sin(x) if _is_one(omega) else torch.sin(omega * x)


def snake(x: Tensor, *, a: Parameter = 1.0) -> Tensor:
    wave = sin(x, omega=a)
    return _plus_product(x, 1 / a, wave, wave)


def gelusine(x: Tensor, *, a: Parameter = 0.1) -> Tensor:
    return _plus(F.gelu(x), a, torch.sin(x))


@fused
def gelu_sinc(x: Tensor, *, a: Parameter = 0.5) -> ValueAndSlope:
    gelu = F.gelu(x)
    sinc, sinc_slope = _sinc(math.pi * x)
    factor = a * sinc + 1

    def slope() -> Tensor:
        gelu_slope = torch.ops.aten.gelu_backward(torch.ones_like(x), x)
        return _plus_product(gelu_slope * factor, math.pi * a, gelu, sinc_slope())

    return gelu * factor, slope


# -- found by the search of Swish ------------------------------------------------------------------


@fused
def max_x_sigmoid(x: Tensor) -> ValueAndSlope:
    gate = torch.sigmoid(x)
    return torch.maximum(x, gate), lambda: torch.where(x > gate, 1.0, gate * (1 - gate))


def max_x_tanh(x: Tensor) -> Tensor:
    # tanh(x) is the larger below 0; torch.maximum would halve the gradient where they are equal
    return torch.where(x > 0, x, torch.tanh(x))


@fused
def min_x_sin(x: Tensor) -> ValueAndSlope:
    # sin(x) is the smaller above 0
    return torch.minimum(x, torch.sin(x)), lambda: torch.cos(torch.relu(x))


def cos_minus_x(x: Tensor) -> Tensor:
    return torch.cos(x) - x


def atan_sq_minus_x(x: Tensor) -> Tensor:
    return torch.square(torch.atan(x)) - x


@fused
def sinc_plus_x(x: Tensor) -> ValueAndSlope:
    value, slope = _sinc(x)
    return value + x, lambda: slope() + 1


@fused
def x_asinh_sq(x: Tensor) -> ValueAndSlope:
    size, root, value = _asinh_of_size(x)
    return x * torch.square(value), lambda: value * (value + 2 * (size / root))
