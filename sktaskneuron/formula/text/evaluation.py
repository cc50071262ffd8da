"""Evaluation of trees: their values on columns, and where they are defined."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, TypeAlias, TypeVar, overload

import numpy as np

from sktaskneuron._typing import FloatArray, Mask
from sktaskneuron.formula.text.nodes import (
    Call,
    Clip,
    Node,
    Number,
    Power,
    Product,
    Sum,
    Variable,
    children,
)
from sktaskneuron.formula.text.primitives import NUMPY_NAMESPACE, get_primitive

__all__ = ["Namespace", "evaluate", "in_domain", "primitives_of", "raised", "variables"]

T = TypeVar("T")
#: Functions of arrays, or of tensors, by the names of the primitives.
Namespace: TypeAlias = Mapping[str, Callable[[T], T]]


def variables(node: Node) -> frozenset[str]:
    """Return the names of the variables that a tree reads."""
    if isinstance(node, Variable):
        return frozenset({node.name})
    return frozenset().union(*map(variables, children(node)))


def primitives_of(node: Node) -> frozenset[str]:
    """Return the names of the primitives that the evaluation of a tree calls."""
    inner = frozenset().union(*map(primitives_of, children(node)))
    match node:
        case Call(name):
            return inner | {name}
        case Power(_, exponent) if abs(exponent) == 0.5:
            return inner | {"sqrt"}
        case _:
            return inner


@overload
def evaluate(node: Node, columns: Mapping[str, FloatArray]) -> FloatArray | float: ...
@overload
def evaluate(node: Node, columns: Mapping[str, T], namespace: Namespace[T]) -> T | float: ...
def evaluate(
    node: Node, columns: Mapping[str, Any], namespace: Namespace[Any] = NUMPY_NAMESPACE
) -> Any:
    """Compute a tree.

    Parameters
    ----------
    node : Node
    columns : mapping of str to ndarray (or tensor)
        Values of the variables, of one shape.
    namespace : mapping of str to callable
        The primitives to call, by name; only arithmetic operators are used besides, and ``clip``
        methods where the tree clips.

    Returns
    -------
    values : ndarray (or tensor), a float for a constant tree
        May be the caller's own array, where the tree is a variable.
    """

    def value(inner: Node) -> Any:
        match inner:
            case Number(number):
                return number
            case Variable(name):
                return columns[name]
            case Call(name, argument):
                return namespace[name](value(argument))
            case Power(base, exponent):
                return raised(value(base), exponent, namespace)
            case Clip(argument, lower, upper):
                return value(argument).clip(lower, upper)
            case Product(coefficient, factors):
                result = value(factors[0])
                for factor in factors[1:]:
                    result = result * value(factor)
                return result if coefficient == 1 else coefficient * result
            case Sum(terms, constant):
                result = value(terms[0])
                for term in terms[1:]:
                    result = result + value(term)
                return result if constant == 0 else result + constant

    return value(node)


def raised(value: Any, exponent: float, namespace: Namespace[Any] = NUMPY_NAMESPACE) -> Any:
    """Raise values to a constant exponent, which is not zero."""
    if exponent < 0:
        return 1.0 / raised(value, -exponent, namespace)
    if exponent == 0.5:
        return namespace["sqrt"](value)
    if not isinstance(exponent, int):
        return value**exponent
    # Squaring and multiplying: numpy's ** goes through pow(), ten times slower from x**3 on.
    result = None
    while True:
        if exponent % 2:
            result = value if result is None else result * value
        exponent //= 2
        if exponent == 0:
            return result
        value = value * value


def in_domain(node: Node, columns: Mapping[str, FloatArray]) -> Mask | bool:
    """Tell for every row whether all parts of a tree are defined.

    Parameters
    ----------
    node : Node
    columns : mapping of str to ndarray of float64

    Returns
    -------
    inside : ndarray of bool, or True
    """
    inside: Mask | bool = reduce(
        operator.and_, (in_domain(part, columns) for part in children(node)), True
    )
    match node:
        case Call(name, argument):
            return inside & get_primitive(name).domain.contains(evaluate(argument, columns))
        case Power(base, exponent):
            value = np.asarray(evaluate(base, columns))
            if not isinstance(exponent, int):
                inside = inside & (value >= 0)
            return inside & (value != 0) if exponent < 0 else inside
        case _:
            return inside
