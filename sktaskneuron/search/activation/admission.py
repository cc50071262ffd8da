"""Which functions a search of activations tries: cost, admission to training, duplicates.

A text comes from our own grammar or from a user's proposer. It is parsed, never executed, and has
to behave before any network is trained with it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from scipy import stats

from sktaskneuron._typing import Vector
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import ElementwiseExpression
from sktaskneuron.formula.text.evaluation import evaluate
from sktaskneuron.formula.text.nodes import Node, Power, children
from sktaskneuron.nn import TORCH_NAMESPACE
from sktaskneuron.nn.activations.numerics import operation_cost

#: Default budget: about three times GELU, which costs 19.
BUDGET = 60.0

# Quantiles of N(0, 1), symmetric around 0 without 0 itself.
_N_POINTS = 256
#: Where functions are looked at: N(0, 1) in as many equally likely points, increasing.
GAUSSIAN_POINTS: Vector = stats.norm.ppf((np.arange(_N_POINTS) + 0.5) / _N_POINTS)
GAUSSIAN_POINTS.flags.writeable = False
# ReLU and ReLU6 differ out here only.
_TAILS = np.array([-12.0, -8.0, -5.0, -4.0, -3.3])
_KEY_POINTS = np.concatenate([_TAILS, GAUSSIAN_POINTS, -_TAILS[::-1]])
# 0 is among them: columns of tables have many zeros.
_GRID = np.linspace(-12.0, 12.0, 2401)
# Spread of values and slopes below which a function is flat, and size above which it is steep.
_LEAST, _MOST = 1e-4, 1e4


def cost(text: str) -> float:
    """Count the floating-point operations of a function per element.

    Parameters
    ----------
    text : str
        An expression of x.

    Returns
    -------
    float
        As of :func:`~sktaskneuron.nn.activations.numerics.operation_cost`.

    Raises
    ------
    FormulaError
        If the text does not follow the grammar.

    Examples
    --------
    >>> from sktaskneuron.search.activation.admission import cost
    >>> cost("x*sigmoid(x)")
    15.0
    """
    return float(operation_cost(ElementwiseExpression.parse(text).node))


def refusal(text: str, *, budget: float = BUDGET) -> str | None:
    """Say why a function is not tried.

    Parameters
    ----------
    text : str
        What should be an expression of x; it may be anything.
    budget : float, default=60
        Most floating-point operations per element.

    Returns
    -------
    str or None
        ``"unreadable"`` for what our grammar does not read, ``"costly"`` above the budget,
        ``"undefined"`` where a value or slope is not finite or a denominator changes its sign,
        ``"flat"`` for values or slopes that hardly vary from 0, ``"steep"`` for those of 10,000 and
        more; None for an admissible function.

    Notes
    -----
    It is looked at on quantiles of N(0, 1) and on a grid between -12 and 12, in single precision,
    as networks will compute it.

    Examples
    --------
    >>> from sktaskneuron.search.activation.admission import refusal
    >>> [refusal(text) for text in ("x*tanh(x)", "__import__('os')", "1/x", "exp(x**2)")]
    [None, 'unreadable', 'undefined', 'undefined']
    """
    try:
        expression = ElementwiseExpression.parse(text)
    except FormulaError:
        return "unreadable"
    if expression.is_constant:
        return "flat"
    if operation_cost(expression.node) > budget:
        return "costly"
    if not expression.in_domain(_GRID).all() or _has_pole(expression.node):
        return "undefined"
    values, slopes = _values_and_slopes(expression)
    if not (np.isfinite(values).all() and np.isfinite(slopes).all()):
        return "undefined"
    inside = slice(0, _N_POINTS)
    if values[inside].std() <= _LEAST or np.sqrt(np.mean(slopes[inside] ** 2)) <= _LEAST:
        return "flat"
    if max(np.abs(values).max(), np.abs(slopes).max()) >= _MOST:
        return "steep"
    return None


def admissible(text: str, *, budget: float = BUDGET) -> bool:
    """Tell whether a function may be tried, see :func:`refusal`."""
    return refusal(text, budget=budget) is None


def _values_and_slopes(expression: ElementwiseExpression) -> tuple[Vector, Vector]:
    x = torch.tensor(np.concatenate([GAUSSIAN_POINTS, _GRID]), dtype=torch.float32)
    with torch.inference_mode(False), torch.enable_grad():
        x.requires_grad_()
        value = expression.evaluate(x, TORCH_NAMESPACE)
        (slope,) = torch.autograd.grad(value.sum(), x)
    return value.detach().double().numpy(), slope.double().numpy()


def _has_pole(node: Node) -> bool:
    """Tell whether a denominator changes its sign: no grid is sure to meet the pole itself."""
    if isinstance(node, Power) and node.exponent < 0:
        with np.errstate(all="ignore"):
            below = evaluate(node.base, {"x": _GRID})
        if np.min(below) < 0 < np.max(below):
            return True
    return any(map(_has_pole, children(node)))


def oriented(values: Vector) -> Vector:
    """Standardise outputs, so that functions that serve a network alike look alike.

    Parameters
    ----------
    values : ndarray of shape (n_points,)
        On points that are symmetric around 0, N(0, 1) in the middle.

    Returns
    -------
    ndarray of shape (n_points,)
        With mean 0 and standard deviation 1 on N(0, 1); the sign of the output is chosen for a
        skewness of at least 0 and then that of the input for a correlation with it of at least 0.
        Both signs, like scale and shift, are also in the weights of a network.
    """
    margin = (len(values) - _N_POINTS) // 2
    inside = slice(margin, margin + _N_POINTS)
    values = (values - values[inside].mean()) / values[inside].std()
    # of odd functions, whose skewness is rounding, one sign is as good as the other
    if np.mean(values[inside] ** 3) < 0:
        values = -values
    if values[inside] @ GAUSSIAN_POINTS < 0:
        values = values[::-1]
    return values


def output_key(text: str) -> bytes:
    """Return what equals that of another function just when networks cannot tell the two apart.

    Parameters
    ----------
    text : str
        An admissible expression of x.

    Returns
    -------
    bytes
        Outputs up to shift, scale and the signs of input and output, on N(0, 1) and on points up
        to 12 on both sides, rounded to four digits.
    """
    values = ElementwiseExpression.parse(text).evaluate(_KEY_POINTS)
    return (np.round(oriented(values), 4) + 0.0).tobytes()


def dedupe(texts: Iterable[str]) -> list[str]:
    """Keep the first of every set of functions that networks cannot tell apart.

    Parameters
    ----------
    texts : iterable of str
        Admissible expressions of x.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from sktaskneuron.search.activation.admission import dedupe
    >>> dedupe(["tanh(x)", "sigmoid(2*x)", "relu(x)", "1 - 3*relu(-x)", "x"])
    ['tanh(x)', 'relu(x)', 'x']
    """
    first: dict[bytes, str] = {}
    for text in texts:
        first.setdefault(output_key(text), text)
    return list(first.values())
