"""What an activation function is: a value, in every form that it is needed in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from sktaskneuron._typing import FloatArray
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import ElementwiseExpression
from sktaskneuron.formula.text.nodes import Node
from sktaskneuron.formula.text.parser import parse_node
from sktaskneuron.nn.activations.numerics import Moments, gaussian_moments
from sktaskneuron.nn.primitives import TORCH_NAMESPACE, TensorFunction


@dataclass(frozen=True)
class ExpressionFunction:
    """An elementwise expression as a torch function.

    Parameters
    ----------
    expression : ElementwiseExpression
    """

    expression: ElementwiseExpression

    def __call__(self, x: Tensor) -> Tensor:
        """Return the values, of the shape of ``x``."""
        value: Tensor = self.expression.evaluate(x, TORCH_NAMESPACE)
        return value


@dataclass(frozen=True)
class Activation:
    """One pointwise activation function, in every form; :func:`find_activation` returns it.

    Activations are values: equal when their names are, and picklable.

    Parameters
    ----------
    name : str
        With the parameters that are not at their defaults: ``"snake(a=2)"``; of an expression its
        canonical text.
    torch : callable
        Tensor of any shape to Tensor of the same shape.
    formula : str
        The equation, with parameters by their names.
    reference : str
        Where it was proposed or studied.
    aliases : tuple of str
        Other names that are understood.
    parameters : mapping of str to float
        Their values by their names.
    trainable : tuple of str
        Parameters that :class:`TrainableActivation` may learn.
    learned : tuple of str
        Those that a network learns: all of them where the text has ``trainable=True``. The
        function is then what training starts from.
    positive : tuple of str
        Parameters that must be above 0.
    smooth : bool
        Whether function and derivative are continuous.
    odd : bool
        Whether f(-x) = -f(x).
    bounded : bool
        Whether the values stay within limits.
    train_eval : bool
        Whether training sees another function than prediction does, be it in the slope alone.
    cost : float
        Operations per value, a ReLU being 1: see
        :func:`sktaskneuron.nn.activations.numerics.operation_cost`.
    note : str
        What a user must know besides.
    coin : pair of callable or None
        Two torch functions of which training takes one for every value, the first with probability
        p; the function itself is their mean. Networks build a :class:`StochasticActivation`.

    See Also
    --------
    find_activation : Return the properties of the activation that a text names.

    Examples
    --------
    >>> from sktaskneuron.nn import find_activation
    >>> relu = find_activation("relu")
    >>> relu.numpy([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    >>> round(relu.gaussian_mean, 3), round(relu.gaussian_std, 3), round(relu.gain, 3)
    (0.399, 0.584, 0.5)
    >>> find_activation("snake(a=2)").parameters["a"]
    2.0
    """

    name: str
    torch: TensorFunction = field(repr=False, compare=False)
    formula: str = field(compare=False)
    reference: str = field(repr=False, compare=False)
    aliases: tuple[str, ...] = field(default=(), repr=False, compare=False)
    parameters: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType({}), compare=False
    )
    trainable: tuple[str, ...] = field(default=(), repr=False, compare=False)
    learned: tuple[str, ...] = field(default=(), repr=False, compare=False)
    positive: tuple[str, ...] = field(default=(), repr=False, compare=False)
    smooth: bool = field(default=True, compare=False)
    odd: bool = field(default=False, compare=False)
    bounded: bool = field(default=False, compare=False)
    train_eval: bool = field(default=False, compare=False)
    cost: float = field(default=1.0, compare=False)
    note: str = field(default="", repr=False, compare=False)
    coin: tuple[TensorFunction, TensorFunction] | None = field(
        default=None, repr=False, compare=False
    )
    _numpy: Callable[..., FloatArray] | None = field(default=None, repr=False, compare=False)

    @cached_property
    def expression(self) -> ElementwiseExpression | None:
        """The formula with its numbers in the grammar of formulas, None if it cannot be written."""
        if self._numpy is not None:
            # sin(x)/x can be written, but has a hole at 0
            return None
        try:
            return ElementwiseExpression.parse(_with_numbers(self.formula, self.parameters))
        except FormulaError:
            return None

    def tree(self, free: Sequence[str] = ()) -> Node:
        """Return the formula's tree, with numbers for all parameters but the free ones.

        Parameters
        ----------
        free : sequence of str
            Parameters that stay variables beside ``x``.

        Returns
        -------
        tree : Node
            Numbers, variables and functions, as the parser of formulas makes them.

        Raises
        ------
        FormulaError
            If the grammar of formulas cannot write it.
        """
        numbers = {name: value for name, value in self.parameters.items() if name not in free}
        return parse_node(_with_numbers(self.formula, numbers), frozenset({"x", *free}))

    def numpy(self, x: ArrayLike) -> FloatArray:
        """Return the values, computed by numpy and scipy alone.

        Parameters
        ----------
        x : array-like of any shape
            Values of the argument.

        Returns
        -------
        ndarray of float64, of the shape of ``x``
            Values of the function.
        """
        if self._numpy is not None:
            with np.errstate(all="ignore"):
                return self._numpy(np.asarray(x, dtype=np.float64), **self.parameters)
        if self.expression is None:
            raise AssertionError(f"the activation {self.name} has no numpy form")
        values: FloatArray = self.expression.evaluate(x)
        return values

    @cached_property
    def moments(self) -> Moments:
        """Mean, standard deviation and gain for inputs from N(0, 1), by quadrature."""
        return gaussian_moments(self.numpy, self.torch)

    @property
    def gaussian_mean(self) -> float:
        """E[f(z)] for z from N(0, 1)."""
        return self.moments.mean

    @property
    def gaussian_std(self) -> float:
        """Standard deviation of f(z) for z from N(0, 1)."""
        return self.moments.std

    @property
    def gain(self) -> float:
        """E[f'(z)**2] for z from N(0, 1).

        A layer with weights of variance ``v / fan_in`` multiplies the mean square of the gradients
        by ``v * gain``. It is not the factor of ``torch.nn.init.calculate_gain``, which is that of
        the weights' standard deviation.
        """
        return self.moments.gain


def _with_numbers(formula: str, parameters: Mapping[str, float]) -> str:
    if not parameters:
        return formula
    names = "|".join(parameters)
    return re.sub(rf"\b({names})\b", lambda m: f"({parameters[m.group()]!r})", formula)
