"""One elementwise function g(x) as a value: text, numbers, sympy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike

from sktaskneuron._typing import FloatArray, Mask
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.export.tree_sympy import node_to_sympy
from sktaskneuron.formula.text.canonical import without_scale
from sktaskneuron.formula.text.evaluation import (
    Namespace,
    evaluate,
    in_domain,
    primitives_of,
    variables,
)
from sktaskneuron.formula.text.nodes import (
    Node,
    Number,
    Power,
    Variable,
    complexity,
    render,
    text_of,
)
from sktaskneuron.formula.text.parser import MAX_TEXT_LENGTH, parse_node
from sktaskneuron.formula.text.primitives import NUMPY_NAMESPACE, PRIMITIVES
from sktaskneuron.formula.text.reader import MAX_DEPTH

if TYPE_CHECKING:
    import sympy

__all__ = ["ElementwiseExpression"]

T = TypeVar("T")

# Longest source of a function's argument, in characters: what SQL may have in all.
_MAX_SOURCE = 100_000


@dataclass(frozen=True, repr=False)
class ElementwiseExpression:
    """An elementwise function g(x) of one variable, in canonical form.

    Expressions are values: frozen, hashable, picklable, and equal when their canonical forms
    are (``x*x`` and ``x**2``). Build one with `parse`, or from a tree made by the builders of
    `sktaskneuron.formula.text.canonical`.

    Parameters
    ----------
    node : Node
        The tree, as the builders return it.

    Raises
    ------
    FormulaError
        If the tree is longer or deeper than a text may be.

    See Also
    --------
    NeuronFormula : Which terms one neuron adds up: pure terms and interactions, without weights.

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
        others = variables(self.node) - {"x"}
        if others:
            raise FormulaError(
                f"an elementwise function has the variable x only, got {min(others)!r}"
            )
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
        return primitives_of(self.node)

    def without_scale(self) -> ElementwiseExpression | None:
        """Return g without its leading factor and added constant, or None for a constant.

        A pure term's weight and the neuron's bias carry both anyway.
        """
        node = without_scale(self.node)
        return None if node is None else type(self)(node)

    @overload
    def evaluate(self, x: ArrayLike, namespace: None = None) -> FloatArray: ...
    @overload
    def evaluate(self, x: T, namespace: Namespace[T]) -> T: ...
    def evaluate(self, x: Any, namespace: Namespace[Any] | None = None) -> Any:
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
                result = evaluate(self.node, {"x": values}, NUMPY_NAMESPACE)
            # g(x) = x must not hand out the caller's own array.
            return np.array(result, dtype=np.float64) if result is values else np.asarray(result)
        missing = self.primitives - namespace.keys()
        if missing:
            raise FormulaError(f"the namespace lacks the functions {', '.join(sorted(missing))}")
        if isinstance(self.node, Number):
            return x * 0 + self.node.value
        return evaluate(self.node, {"x": x}, namespace)

    def in_domain(self, x: ArrayLike) -> Mask:
        """Tell for every value whether g is defined there.

        Parameters
        ----------
        x : array-like of any shape
            Values of the argument.

        Returns
        -------
        defined : ndarray of bool, of the shape of `x`
            False where a primitive's argument leaves its domain, a negative number gets a
            fractional exponent, something is divided by zero, or the value overflows.
        """
        values = np.asarray(x, dtype=np.float64)
        inside = np.isfinite(values) & np.isfinite(self.evaluate(values))
        with np.errstate(all="ignore"):
            return np.asarray(inside & in_domain(self.node, {"x": values}))

    def to_sympy(self, symbol: sympy.Expr | None = None) -> sympy.Expr:
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

        return node_to_sympy(
            self.node, {"x": sympy.Symbol("x") if symbol is None else symbol}, sympy
        )

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

        Raises
        ------
        FormulaError
            If the source is longer than 100,000 characters.
        """

        def call(name: str, argument: str) -> str:
            # softsign has its argument twice: nested, it doubles the text at every level
            if len(argument) > _MAX_SOURCE:
                raise FormulaError("the function's source is too long; its parts repeat")
            return PRIMITIVES[name].source.format(x=argument)

        return render(self.node, lambda _: variable, call)

    def format(self, variable: str) -> str:
        """Return the canonical text with another name for x, as in ``sin(age)``.

        Parameters
        ----------
        variable : str
            Name in the place of the argument.

        Returns
        -------
        text : str
            What `parse` reads again, where the name is ``x``.
        """
        return render(self.node, lambda _: variable)
