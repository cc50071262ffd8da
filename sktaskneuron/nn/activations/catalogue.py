"""The table of the registered activations: one entry per function.

To add one, add an entry; the networks, the searches, the exports and the tests take it from there.
Only pointwise functions are listed: what a row is given must not depend on other rows.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from sktaskneuron._typing import FloatArray
from sktaskneuron.nn.activations import _forms as forms


@dataclass(frozen=True)
class Entry:
    """One row of the catalogue.

    Parameters
    ----------
    name : str
    torch : callable
        ``(x, *, parameters)``; its defaults are the parameters' defaults.
    formula : str
        In the grammar of formulas where it can be; there max(0, x) is ``relu(x)``.
    reference : str
    kind : str
        Any of "smooth", "odd", "bounded" and "train_eval", separated by blanks.
    aliases : tuple of str
    trainable, positive : tuple of str
        Parameters that may be learned; that must be above 0.
    cost : float or None
        None counts the operations of the formula; for kernels that need fewer.
    numpy : callable or None
        ``(x, **parameters)``, where the formula is not in the grammar.
    note : str
    coin : pair of callable or None
        Of a mean of two functions: these, of which training takes the first with probability p.
    parameters : dict of str to float
        Taken from the signature of ``torch``.
    """

    name: str
    torch: Callable[..., Tensor]
    formula: str
    reference: str
    kind: str = ""
    aliases: tuple[str, ...] = ()
    trainable: tuple[str, ...] = ()
    positive: tuple[str, ...] = ()
    cost: float | None = None
    numpy: Callable[..., FloatArray] | None = None
    note: str = ""
    coin: tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]] | None = None
    parameters: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        found: dict[str, float] = {}
        if inspect.isfunction(self.torch) and self.torch.__module__ == forms.__name__:
            signature = inspect.signature(self.torch)
            found = {
                name: float(parameter.default)
                for name, parameter in signature.parameters.items()
                if parameter.kind is parameter.KEYWORD_ONLY
            }
        object.__setattr__(self, "parameters", found)


def _gelu_sinc(x: FloatArray, a: float) -> FloatArray:
    from scipy import special

    gated: FloatArray = x * special.ndtr(x) * (1 + a * np.sinc(x))
    return gated


def _sinc_plus_x(x: FloatArray) -> FloatArray:
    waved: FloatArray = np.sinc(x / math.pi) + x
    return waved


_SWISH = "Ramachandran et al. 2017, arXiv:1710.05941"
_AQUASURF = "Bingham & Miikkulainen 2023, arXiv:2301.05785"
_MINED = "Mining generalizable activation functions 2026, arXiv:2602.05688"
_MOBILE = "Howard et al. 2019, arXiv:1905.02244"

#: The rows, in the order in which the catalogue is shown.
CATALOGUE: tuple[Entry, ...] = (
    # -- classics
    Entry(
        "identity",
        forms.identity,
        "x",
        "Widrow & Hoff 1960",
        "smooth odd",
        ("linear",),
        note="a control: the network is linear",
    ),
    Entry("relu", torch.relu, "relu(x)", "Nair & Hinton 2010"),
    Entry("leaky_relu", forms.leaky_relu, "relu(x) - a*relu(-x)", "Maas et al. 2013", cost=1.0),
    Entry(
        "prelu",
        forms.prelu,
        "relu(x) - a*relu(-x)",
        "He et al. 2015, arXiv:1502.01852",
        trainable=("a",),
        cost=2.0,
    ),
    Entry(
        "relu6",
        torch.nn.functional.relu6,
        "relu(x) - relu(x - 6)",
        "Krizhevsky 2010",
        "bounded",
        cost=1.0,
    ),
    Entry(
        "elu",
        forms.elu,
        "relu(x) + a*expm1(-relu(-x))",
        "Clevert et al. 2015, arXiv:1511.07289",
        "smooth",
        trainable=("a",),
        cost=12.0,
    ),
    Entry(
        "celu",
        forms.celu,
        "relu(x) + a*expm1(-relu(-x)/a)",
        "Barron 2017, arXiv:1704.07483",
        "smooth",
        positive=("a",),
        note="with a=1 the same as elu",
        cost=12.0,
    ),
    Entry(
        "selu",
        torch.selu,
        "1.0507009873554805*(relu(x) + 1.6732632423543772*expm1(-relu(-x)))",
        "Klambauer et al. 2017, arXiv:1706.02515",
        cost=12.0,
    ),
    Entry(
        "gelu",
        forms.gelu,
        "0.5*x*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3)))",
        "Hendrycks & Gimpel 2016, arXiv:1606.08415",
        "smooth",
        ("gelu_tanh",),
        note="the tanh form",
    ),
    Entry(
        "gelu_exact",
        torch.nn.functional.gelu,
        "x*(1 + erf(x/sqrt(2)))/2",
        "Hendrycks & Gimpel 2016, arXiv:1606.08415",
        "smooth",
        ("gelu_erf",),
    ),
    Entry(
        "silu",
        forms.silu,
        "x*sigmoid(beta*x)",
        _SWISH,
        "smooth",
        ("swish",),
        trainable=("beta",),
    ),
    Entry(
        "mish",
        torch.nn.functional.mish,
        "x*tanh(softplus(x))",
        "Misra 2019, arXiv:1908.08681",
        "smooth",
    ),
    Entry(
        "softplus",
        forms.softplus,
        "softplus(beta*x)/beta",
        "Dugas et al. 2001",
        "smooth",
        positive=("beta",),
    ),
    Entry(
        "squareplus",
        forms.squareplus,
        "(x + sqrt(x**2 + b))/2",
        "Barron 2021, arXiv:2112.11687",
        "smooth",
        trainable=("b",),
        positive=("b",),
    ),
    Entry(
        "softsign",
        torch.nn.functional.softsign,
        "softsign(x)",
        "Bergstra et al. 2009",
        "smooth odd bounded",
        note="x/(1 + |x|)",
    ),
    Entry("tanh", torch.tanh, "tanh(x)", "LeCun et al. 1998", "smooth odd bounded"),
    Entry(
        "sigmoid",
        torch.sigmoid,
        "sigmoid(x)",
        "Rumelhart et al. 1986",
        "smooth bounded",
        ("logistic",),
    ),
    Entry(
        "log_sigmoid",
        torch.nn.functional.logsigmoid,
        "-softplus(-x)",
        _AQUASURF,
        "smooth",
        ("logsigmoid",),
    ),
    Entry("atan", torch.atan, "atan(x)", _AQUASURF, "smooth odd bounded", ("arctan",)),
    Entry("asinh", forms.asinh, "asinh(x)", _AQUASURF, "smooth odd", ("arcsinh",)),
    Entry("erf", torch.erf, "erf(x)", _AQUASURF, "smooth odd bounded"),
    Entry(
        "hard_sigmoid",
        forms.hard_sigmoid,
        "(relu(x + 3) - relu(x - 3))/6",
        _MOBILE,
        "bounded",
        ("hardsigmoid",),
        cost=3.0,
    ),
    Entry(
        "hard_tanh",
        torch.nn.functional.hardtanh,
        "relu(x + 1) - relu(x - 1) - 1",
        "Collobert 2004",
        "odd bounded",
        ("hardtanh",),
        cost=1.0,
    ),
    Entry(
        "hard_swish",
        torch.nn.functional.hardswish,
        "x*(relu(x + 3) - relu(x - 3))/6",
        _MOBILE,
        "",
        ("hardswish",),
        cost=4.0,
    ),
    Entry(
        "elish",
        forms.elish,
        "(relu(x) + expm1(-relu(-x)))*sigmoid(x)",
        "Basirat & Roth 2018, arXiv:1808.00783",
        "smooth",
    ),
    # -- rectifiers, powered and smoothed
    Entry(
        "relu2",
        forms.relu2,
        "relu(x)**2",
        "So et al. 2021, arXiv:2109.08668; Zhang et al. 2024, arXiv:2402.03804",
        "smooth",
        ("requ", "squared_relu"),
    ),
    Entry(
        "repu",
        forms.repu,
        "relu(x)**k",
        "Li et al. 2019, arXiv:1903.05858",
        "smooth",
        positive=("k",),
    ),
    Entry(
        "golu",
        forms.golu,
        "alpha*x*exp(-beta*exp(-gamma*x))",
        "Das et al. 2025, arXiv:2502.03654",
        "smooth",
        trainable=("alpha", "beta", "gamma"),
        positive=("beta", "gamma"),
    ),
    Entry(
        "smelu",
        forms.smelu,
        "a*x + (1 - a)*(relu(x + b)**2 - relu(x - b)**2)/(4*b)",
        "Shamir & Lin 2022, arXiv:2202.06499",
        "smooth",
        positive=("b",),
        cost=6.0,
    ),
    Entry(
        "sau",
        forms.sau,
        "((1 + a)*x + (1 - a)*x*erf(n*x/sqrt(2)))/2 + (1 - a)/(n*sqrt(2*pi))*exp(-(n*x)**2/2)",
        "Biswas et al. 2021, arXiv:2109.13210",
        "smooth",
        trainable=("a",),
        positive=("n",),
        note="leaky ReLU smoothed by a Gaussian of deviation 1/n; the paper has n=20000",
    ),
    Entry(
        "crrelu",
        forms.crrelu,
        "relu(x) + e*x*exp(-x**2/2)",
        "EAFO 2024, arXiv:2405.12954",
        trainable=("e",),
    ),
    Entry(
        "helu",
        forms.helu,
        "relu(x)",
        "Kimhi et al. 2024, arXiv:2411.10573",
        "train_eval",
        cost=3.0,
        note="the slope in training is 1 for x > -a, else 0",
    ),
    # -- winners of searches
    Entry(
        "gelusine",
        forms.gelusine,
        "x*(1 + erf(x/sqrt(2)))/2 + a*sin(x)",
        _MINED,
        "smooth",
        trainable=("a",),
    ),
    Entry(
        "gelu_sinc",
        forms.gelu_sinc,
        "gelu(x)*(1 + a*sin(pi*x)/(pi*x))",
        _MINED,
        "smooth",
        trainable=("a",),
        cost=30.0,
        numpy=_gelu_sinc,
        note="GELU-Sinc-Perturbation, the product form with the exact GELU; gelu(0)*(1 + a) at 0",
    ),
    Entry(
        "gmtu",
        forms.gmtu,
        "tanh(a*x)*exp(-b*x**2) + c*x",
        _MINED,
        "smooth odd",
        trainable=("a", "b", "c"),
        positive=("b",),
    ),
    Entry(
        "erfc_softplus_sq",
        forms.erfc_softplus_sq,
        "(1 - erf(softplus(x)))**2",
        _AQUASURF,
        "smooth bounded",
    ),
    Entry(
        "hs_hs_elu",
        forms.hs_hs_elu,
        "(0.2*(relu(0.2*x + 0.5) - relu(0.2*x - 0.5)) + 0.5)*(relu(x) + expm1(-relu(-x)))",
        _AQUASURF,
        note="h(h(x))*elu(x) with the hard sigmoid h(x) = 0.2 x + 0.5, clipped to [0, 1]",
    ),
    Entry("max_x_sigmoid", forms.max_x_sigmoid, "x + relu(sigmoid(x) - x)", _SWISH),
    Entry("max_x_tanh", forms.max_x_tanh, "x + relu(tanh(x) - x)", _SWISH, "smooth"),
    Entry("min_x_sin", forms.min_x_sin, "x - relu(x - sin(x))", _SWISH, "smooth"),
    Entry("cos_minus_x", forms.cos_minus_x, "cos(x) - x", _SWISH, "smooth"),
    Entry("atan_sq_minus_x", forms.atan_sq_minus_x, "atan(x)**2 - x", _SWISH, "smooth"),
    Entry(
        "sinc_plus_x",
        forms.sinc_plus_x,
        "sin(x)/x + x",
        _SWISH,
        "smooth",
        cost=21.0,
        numpy=_sinc_plus_x,
        note="1 at 0",
    ),
    Entry("x_asinh_sq", forms.x_asinh_sq, "x*asinh(x)**2", _SWISH, "smooth odd"),
    # -- gated and bell-shaped
    Entry(
        "serf",
        forms.serf,
        "x*erf(softplus(x))",
        "Nag & Bhattacharyya 2021, arXiv:2108.09598",
        "smooth",
    ),
    Entry(
        "tanhexp",
        forms.tanhexp,
        "x*tanh(exp(x))",
        "Liu & Di 2020, arXiv:2003.09855",
        "smooth",
        ("telu",),
    ),
    Entry("lisht", forms.lisht, "x*tanh(x)", "Roy et al. 2019, arXiv:1901.05894", "smooth"),
    Entry(
        "gaussian",
        forms.gaussian,
        "exp(-a*x**2)",
        "Ramasinghe & Lucey 2021, arXiv:2111.15135",
        "smooth bounded",
        trainable=("a",),
        positive=("a",),
        note="a=1 is the function of the formulas' grammar, a=0.5 the shape of N(0, 1)",
    ),
    # -- waves
    Entry(
        "sin",
        forms.sin,
        "sin(omega*x)",
        "Sitzmann et al. 2020, arXiv:2006.09661",
        "smooth odd bounded",
        trainable=("omega",),
    ),
    Entry(
        "snake",
        forms.snake,
        "x + sin(a*x)**2/a",
        "Ziyin et al. 2020, arXiv:2006.08195",
        "smooth",
        trainable=("a",),
        positive=("a",),
    ),
    # -- for quadratic neurons
    Entry("square", torch.square, "x**2", "Livni et al. 2014, arXiv:1410.1141", "smooth"),
    Entry("abs", torch.abs, "abs(x)", "Jarrett et al. 2009"),
    # -- by a coin
    Entry(
        "silu_or_relu",
        forms.silu_or_relu,
        "p*x*sigmoid(x) + (1 - p)*relu(x)",
        "Lomeli et al. 2025, arXiv:2509.22358",
        "train_eval",
        aliases=("stochastic",),
        positive=("p",),
        note="training takes silu with probability p, else relu, by a coin for every value",
        coin=(torch.nn.functional.silu, torch.relu),
    ),
)
