"""What expressions of x are made of: unary and binary operations.

The operations are those of the search space of Bingham and Miikkulainen (arXiv:2301.05785), written
in what our formula grammar has. Operations that it lacks are composed: max(a, b) is
``a + relu(b - a)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from sktaskneuron.formula import ElementwiseExpression
from sktaskneuron.formula.text.canonical import (
    make_call,
    make_number,
    make_power,
    make_product,
    make_sum,
)
from sktaskneuron.formula.text.nodes import Node, Variable

Unary = Callable[[Node], Node]
Binary = Callable[[Node, Node], Node]


def times(factor: float, u: Node) -> Node:
    """Return the tree times a constant."""
    return make_product([make_number(factor), u])


def plus(u: Node, constant: float) -> Node:
    """Return the tree plus a constant."""
    return make_sum([u, make_number(constant)])


def _minus(u: Node, v: Node) -> Node:
    return make_sum([u, times(-1.0, v)])


def _call(name: str) -> Unary:
    return lambda u: make_call(name, u)


def _maximum(u: Node, v: Node) -> Node:
    return make_sum([u, make_call("relu", _minus(v, u))])


def _minimum(u: Node, v: Node) -> Node:
    return _minus(u, make_call("relu", _minus(u, v)))


def _elu(u: Node, scale: float = 1.0, alpha: float = 1.0) -> Node:
    # of what is below 0 alone: expm1(u) overflows far above
    below = make_call("expm1", times(-1.0, make_call("relu", times(-1.0, u))))
    return times(scale, make_sum([make_call("relu", u), times(alpha, below)]))


def _gelu(u: Node) -> Node:
    half = times(0.5, plus(make_call("erf", times(math.sqrt(0.5), u)), 1.0))
    return make_product([u, half])


def _hard_sigmoid(u: Node) -> Node:
    upper, lower = (make_call("relu", plus(u, c)) for c in (3.0, -3.0))
    return times(1 / 6, _minus(upper, lower))


#: Functions of our formula grammar that trees call, all defined everywhere.
FUNCTIONS = (
    "abs",
    "relu",
    "exp",
    "expm1",
    "sin",
    "cos",
    "sinh",
    "cosh",
    "tanh",
    "atan",
    "asinh",
    "erf",
    "sigmoid",
    "softplus",
    "softsign",
    "gaussian",
)
#: Unary operations by name: a tree for the argument to a tree.
UNARY: Mapping[str, Unary] = MappingProxyType(
    {
        **{name: _call(name) for name in FUNCTIONS},
        "negative": lambda u: times(-1.0, u),
        "square": lambda u: make_power(u, 2),
        "cube": lambda u: make_power(u, 3),
        "reciprocal": lambda u: make_power(u, -1),
        "bell": lambda u: make_power(plus(make_power(u, 2), 1.0), -1),
        "erfc": lambda u: plus(times(-1.0, make_call("erf", u)), 1.0),
        "log_sigmoid": lambda u: times(-1.0, make_call("softplus", times(-1.0, u))),
        "log1p_abs": lambda u: make_call("log", plus(make_call("abs", u), 1.0)),
        "elu": _elu,
        "silu": lambda u: make_product([u, make_call("sigmoid", u)]),
        "gelu": _gelu,
        "hard_sigmoid": _hard_sigmoid,
    }
)
#: Binary operations by name.
BINARY: Mapping[str, Binary] = MappingProxyType(
    {
        "add": lambda u, v: make_sum([u, v]),
        "subtract": _minus,
        "multiply": lambda u, v: make_product([u, v]),
        "divide": lambda u, v: make_product([u, make_power(v, -1)]),
        "maximum": _maximum,
        "minimum": _minimum,
    }
)


def node_text(node: Node) -> str:
    """Return the canonical text of a tree."""
    return ElementwiseExpression(node).text


#: The variable, x.
X = Variable()
#: Catalogued activations that the search writes in its own way: GELU as it is defined, where the
#: catalogue has its approximation by tanh, and hard swish with all digits of a sixth.
OWN_FORMS: Mapping[str, str] = MappingProxyType(
    {
        "gelu": node_text(_gelu(X)),
        "hard_swish": node_text(make_product([X, _hard_sigmoid(X)])),
    }
)
