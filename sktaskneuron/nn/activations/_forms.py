"""The pointwise activations in torch: one function each, parameters by keyword.

All are written so that values and gradients stay finite for large inputs. A parameter that may be
trained may be a tensor that broadcasts with ``x``; the others are numbers.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

Parameter = float | Tensor

# exp(-exp(-x)) is 0 in every precision from here on, while exp(80) is finite in float32.
_GOMPERTZ_FLOOR = -80.0
# Below, sin(x) / x is its series: the quotient's gradient cancels there in float32.
_SINC_SERIES = 0.05


def _is_one(value: Parameter) -> bool:
    return not isinstance(value, Tensor) and value == 1.0


def _sinc(x: Tensor) -> Tensor:
    """Return sin(x) / x."""
    near = x.abs() < _SINC_SERIES
    square = torch.where(near, x, 0.0) ** 2
    series = 1 - square / 6 * (1 - square / 20 * (1 - square / 42))
    far = torch.where(near, 1.0, x)
    return torch.where(near, series, torch.sin(far) / far)


# -- straight lines --------------------------------------------------------------------------------


def identity(x: Tensor) -> Tensor:
    return x


def leaky_relu(x: Tensor, *, a: float = 0.01) -> Tensor:
    return F.leaky_relu(x, a)


def prelu(x: Tensor, *, a: Parameter = 0.25) -> Tensor:
    return torch.where(x > 0, x, a * x)


def helu(x: Tensor, *, a: float = 0.1) -> Tensor:
    # the second summand is 0, and brings the slope: 1 above -a
    band = torch.relu(x + a)
    return torch.relu(x).detach() + (band - band.detach())


def hard_sigmoid(x: Tensor) -> Tensor:
    # torch's own hardsigmoid has no second derivative
    return F.relu6(x + 3) / 6


def hs_hs_elu(x: Tensor) -> Tensor:
    inner = torch.clamp(0.2 * x + 0.5, 0.0, 1.0)
    return (0.2 * inner + 0.5) * F.elu(x)


# -- powers ----------------------------------------------------------------------------------------


def relu2(x: Tensor) -> Tensor:
    return torch.square(torch.relu(x))


def repu(x: Tensor, *, k: float = 3.0) -> Tensor:
    return torch.relu(x) ** k


def smelu(x: Tensor, *, b: float = 1.0) -> Tensor:
    middle = torch.square(x.clamp(-b, b) + b) / (4 * b)
    return middle + torch.relu(x - b)


def squareplus(x: Tensor, *, b: Parameter = 4.0) -> Tensor:
    root = torch.sqrt(torch.square(x) + b)
    # below 0, x + root would cancel
    return torch.where(x > 0, (x + root) / 2, b / (2 * (root - x.clamp(max=0.0))))


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


def golu(
    x: Tensor, *, alpha: Parameter = 1.0, beta: Parameter = 1.0, gamma: Parameter = 1.0
) -> Tensor:
    inner = (gamma * x).clamp(min=_GOMPERTZ_FLOOR)
    return alpha * x * torch.exp(-beta * torch.exp(-inner))


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


def gmtu(x: Tensor, *, a: Parameter = 1.5, b: Parameter = 0.2, c: Parameter = 0.2) -> Tensor:
    return torch.tanh(a * x) * torch.exp(-b * torch.square(x)) + c * x


def crrelu(x: Tensor, *, e: Parameter = 0.01) -> Tensor:
    return torch.relu(x) + e * x * torch.exp(-torch.square(x) / 2)


def sau(x: Tensor, *, a: Parameter = 0.15, n: float = 2.0) -> Tensor:
    bell = torch.exp(-torch.square(n * x) / 2) / (n * math.sqrt(2 * math.pi))
    return ((1 + a) * x + (1 - a) * x * torch.erf(n * x / math.sqrt(2))) / 2 + (1 - a) * bell


def gelu(x: Tensor) -> Tensor:
    # the tanh form: 2 % from the erf form at most, and cheaper
    return F.gelu(x, approximate="tanh")


# -- waves -----------------------------------------------------------------------------------------


def sin(x: Tensor, *, omega: Parameter = 1.0) -> Tensor:
    return torch.sin(x) if _is_one(omega) else torch.sin(omega * x)


def snake(x: Tensor, *, a: Parameter = 1.0) -> Tensor:
    return x + torch.square(torch.sin(a * x)) / a


def gelusine(x: Tensor, *, a: Parameter = 0.1) -> Tensor:
    return F.gelu(x) + a * torch.sin(x)


def gelu_sinc(x: Tensor, *, a: Parameter = 0.5) -> Tensor:
    return F.gelu(x) * (1 + a * _sinc(math.pi * x))


# -- found by the search of Swish ------------------------------------------------------------------


def max_x_sigmoid(x: Tensor) -> Tensor:
    return torch.maximum(x, torch.sigmoid(x))


def max_x_tanh(x: Tensor) -> Tensor:
    # tanh(x) is the larger below 0; torch.maximum would halve the gradient where they are equal
    return torch.where(x > 0, x, torch.tanh(x))


def min_x_sin(x: Tensor) -> Tensor:
    return torch.where(x > 0, torch.sin(x), x)


def cos_minus_x(x: Tensor) -> Tensor:
    return torch.cos(x) - x


def atan_sq_minus_x(x: Tensor) -> Tensor:
    return torch.square(torch.atan(x)) - x


def sinc_plus_x(x: Tensor) -> Tensor:
    return _sinc(x) + x


def x_asinh_sq(x: Tensor) -> Tensor:
    return x * torch.square(torch.asinh(x))
