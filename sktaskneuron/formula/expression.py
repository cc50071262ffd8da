"""One elementwise function g(x) as a value: text, numbers, sympy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import FormulaError
from .canonical import without_scale
from .nodes import Call, Node, Number, Power, Product, Sum, Variable, complexity, render, text_of
from .parser import MAX_DEPTH, MAX_TEXT_LENGTH, parse_node
from .primitives import NUMPY_NAMESPACE, PRIMITIVES, get_primitive

__all__ = ["ElementwiseExpression"]


@dataclass(frozen=True, repr=False)
class ElementwiseExpression:
    """An elementwise function g(x) of one variable, in canonical form.

    Expressions are values: frozen, hashable, picklable, and equal when their canonical forms
    are (``x*x`` and ``x**2``). Build one with `parse`, or from a tree made by the builders of
    `sktaskneuron.formula.canonical`.

    Parameters
    ----------
    node : Node
        The tree, as the builders return it.

    Raises
    ------
    FormulaError
        If the tree is longer or deeper than a text may be.

    Examples
    --------
    >>> from sktaskneuron.formula import ElementwiseExpression
    >>> g = ElementwiseExpression.parse("2*sin(x)*x*x")
    >>> g.text
    '2*x**2*sin(x)'
    >>> g.evaluate([0.0, 1.0]).round(3).tolist()
    [0.0, 1.683]
    """

    node: Node

    def __post_init__(self) -> None:
        text = self.text
        depth = deepest = 0
        for character in text:
            depth += (character == "(") - (character == ")")
            deepest = max(deepest, depth)
        # What is printed must be readable again, whoever built the tree.
        if len(text) > MAX_TEXT_LENGTH or deepest > MAX_DEPTH:
            raise FormulaError(
                f"the function is too long: its text has {len(text)} characters, nested "
                f"{deepest} deep; at most {MAX_TEXT_LENGTH} and {MAX_DEPTH} are allowed"
            )

    @classmethod
    def parse(cls, text: str) -> ElementwiseExpression:
        """Read a function from text.

        Parameters
        ----------
        text : str
            Numbers, ``x``, ``+ - * / **``, brackets and the names in `PRIMITIVES`. Exponents
            must be constants.

        Returns
        -------
        expression : ElementwiseExpression

        Raises
        ------
        FormulaError
            If the text does not follow the grammar; the message shows the place.
        """
        return cls(parse_node(text))

    @property
    def text(self) -> str:
        """Canonical text; parsing it gives an equal expression."""
        return text_of(self.node)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"ElementwiseExpression.parse({self.text!r})"

    @property
    def complexity(self) -> int:
        """Number of nodes: the variable, numbers, functions and operations, one each."""
        return complexity(self.node)

    @property
    def power(self) -> int | None:
        """The exponent k if g is exactly x**k with a positive whole k, else None."""
        match self.node:
            case Variable():
                return 1
            case Power(Variable(), exponent) if isinstance(exponent, int) and exponent > 0:
                return exponent
            case _:
                return None

    @property
    def is_power(self) -> bool:
        """Whether g is exactly x**k with a positive whole k."""
        return self.power is not None

    @property
    def is_constant(self) -> bool:
        """Whether g does not depend on x."""
        return isinstance(self.node, Number)

    @property
    def primitives(self) -> frozenset[str]:
        """Names of the primitives that evaluation calls."""
        return frozenset(_names(self.node))

    def without_scale(self) -> ElementwiseExpression | None:
        """Return g without its leading factor and added constant, or None for a constant.

        A pure term's weight and the neuron's bias carry both anyway.
        """
        node = without_scale(self.node)
        return None if node is None else type(self)(node)

    def evaluate(self, x: Any, namespace: Mapping[str, Callable[[Any], Any]] | None = None) -> Any:
        """Compute g(x), elementwise.

        Parameters
        ----------
        x : array-like, or a tensor with `namespace`
            Values, of any shape.
        namespace : mapping of str to callable, optional
            The primitives to call, by name. The default is numpy's. Only arithmetic
            operators are used besides, so torch tensors work with torch functions.

        Returns
        -------
        values : ndarray of float64, or what the namespace returns, of the shape of `x`
            NaN or infinite where g is not defined or overflows, without a numpy warning:
            `in_domain` tells where.

        Raises
        ------
        FormulaError
            If the namespace lacks a primitive of this expression.
        """
        if namespace is None:
            values = np.asarray(x, dtype=np.float64)
            if isinstance(self.node, Number):
                return np.full(values.shape, self.node.value)
            with np.errstate(all="ignore"):
                result = _evaluate(self.node, values, NUMPY_NAMESPACE)
            # g(x) = x must not hand out the caller's own array.
            return np.array(result, dtype=np.float64) if result is values else np.asarray(result)
        missing = self.primitives - namespace.keys()
        if missing:
            raise FormulaError(f"the namespace lacks the functions {', '.join(sorted(missing))}")
        if isinstance(self.node, Number):
            return x * 0 + self.node.value
        return _evaluate(self.node, x, namespace)

    def in_domain(self, x: Any) -> NDArray[np.bool_]:
        """Tell for every value whether g is defined there.

        Parameters
        ----------
        x : array-like of any shape

        Returns
        -------
        defined : ndarray of bool, of the shape of `x`
            False where a primitive's argument leaves its domain, a negative number gets a
            fractional exponent, something is divided by zero, or the value overflows.
        """
        values = np.asarray(x, dtype=np.float64)
        inside = np.isfinite(values) & np.isfinite(self.evaluate(values))
        with np.errstate(all="ignore"):
            return np.asarray(inside & _in_domain(self.node, values))

    def to_sympy(self, symbol: Any = None) -> Any:
        """Return g as a sympy expression.

        Parameters
        ----------
        symbol : sympy expression, optional
            What stands for x; the default is ``sympy.Symbol("x")``.

        Returns
        -------
        expression : sympy.Expr
            With numbers at full float64 precision.
        """
        import sympy

        return _to_sympy(self.node, sympy.Symbol("x") if symbol is None else symbol, sympy)

    def to_source(self, variable: str = "x") -> str:
        """Return g as Python source.

        Parameters
        ----------
        variable : str
            What stands for x: an identifier, or any text that reads as one operand.

        Returns
        -------
        source : str
            In terms of ``np`` (numpy) and, for erf and sigmoid, ``special`` (scipy.special).
        """

        def call(name: str, argument: str) -> str:
            return PRIMITIVES[name].source.format(x=argument)

        return render(self.node, variable, call)

    def format(self, variable: str) -> str:
        """Return the canonical text with another name for x, as in ``sin(age)``.

        Parameters
        ----------
        variable : str

        Returns
        -------
        text : str
        """
        return render(self.node, variable)


def _names(node: Node) -> set[str]:
    match node:
        case Call(name, argument):
            return {name} | _names(argument)
        case Power(base, exponent):
            return _names(base) | ({"sqrt"} if abs(exponent) == 0.5 else set())
        case Product(_, parts) | Sum(parts, _):
            return set().union(*(_names(part) for part in parts))
        case _:
            return set()


def _raised(value: Any, exponent: float, namespace: Mapping[str, Callable[[Any], Any]]) -> Any:
    if exponent < 0:
        return 1.0 / _raised(value, -exponent, namespace)
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


def _evaluate(node: Node, x: Any, namespace: Mapping[str, Callable[[Any], Any]]) -> Any:
    match node:
        case Number(value):
            return value
        case Variable():
            return x
        case Call(name, argument):
            return namespace[name](_evaluate(argument, x, namespace))
        case Power(base, exponent):
            return _raised(_evaluate(base, x, namespace), exponent, namespace)
        case Product(coefficient, factors):
            result = _evaluate(factors[0], x, namespace)
            for factor in factors[1:]:
                result = result * _evaluate(factor, x, namespace)
            return result if coefficient == 1 else coefficient * result
        case Sum(terms, constant):
            result = _evaluate(terms[0], x, namespace)
            for term in terms[1:]:
                result = result + _evaluate(term, x, namespace)
            return result if constant == 0 else result + constant


def _in_domain(node: Node, x: NDArray[np.float64]) -> Any:
    match node:
        case Call(name, argument):
            value = _evaluate(argument, x, NUMPY_NAMESPACE)
            return _in_domain(argument, x) & get_primitive(name).domain.contains(value)
        case Power(base, exponent):
            value = _evaluate(base, x, NUMPY_NAMESPACE)
            inside = _in_domain(base, x)
            if not isinstance(exponent, int):
                inside = inside & (value >= 0)
            return inside & (value != 0) if exponent < 0 else inside
        case Product(_, parts) | Sum(parts, _):
            return np.logical_and.reduce([_in_domain(part, x) for part in parts])
        case _:
            return np.ones(x.shape, dtype=bool)


def _to_sympy(node: Node, symbol: Any, sympy: Any) -> Any:
    def convert(inner: Node) -> Any:
        return _to_sympy(inner, symbol, sympy)

    match node:
        case Number(value):
            return sympy_number(value, sympy)
        case Variable():
            return symbol
        case Call(name, argument):
            return get_primitive(name).sympy(sympy, convert(argument))
        case Power(base, exponent):
            return sympy.Pow(convert(base), sympy_number(exponent, sympy))
        case Product(coefficient, factors):
            return sympy.Mul(sympy_number(coefficient, sympy), *map(convert, factors))
        case Sum(terms, constant):
            return sympy.Add(*map(convert, terms), sympy_number(constant, sympy))


def sympy_number(value: float, sympy: Any) -> Any:
    """Return a sympy number: exact for whole numbers and halves, a 53-bit float otherwise."""
    value = float(value)
    if abs(value) < 1e6 and (2 * value).is_integer():
        return sympy.Rational(int(2 * value), 2)
    return sympy.Float(value)
