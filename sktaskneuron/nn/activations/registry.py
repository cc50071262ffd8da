"""What an activation function is, and how a text names one."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import PRIMITIVES, ElementwiseExpression
from sktaskneuron.nn.activations.catalogue import CATALOGUE, Entry
from sktaskneuron.nn.activations.numerics import (
    Moments,
    gaussian_moments,
    is_bounded,
    is_odd,
    is_smooth,
    operation_cost,
)
from sktaskneuron.nn.primitives import TORCH_NAMESPACE, TensorFunction

Array = NDArray[np.float64]

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_CALL = re.compile(r"([A-Za-z_]\w*)\s*\(([^()]*)\)", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# Longest text of a name with parameters.
_LONGEST = 500


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
    parameters : mapping of str to float
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
    _numpy: Callable[..., Array] | None = field(default=None, repr=False, compare=False)

    def __reduce__(self) -> tuple[Callable[[str], Activation], tuple[str]]:
        # the mapping of parameters does not pickle; the name says everything
        return find_activation, (self.name,)

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

    def numpy(self, x: ArrayLike) -> Array:
        """Return the values, computed by numpy and scipy alone.

        Parameters
        ----------
        x : array-like of any shape

        Returns
        -------
        ndarray of float64, of the shape of ``x``
        """
        if self._numpy is not None:
            with np.errstate(all="ignore"):
                return self._numpy(np.asarray(x, dtype=np.float64), **self.parameters)
        if self.expression is None:
            raise AssertionError(f"the activation {self.name} has no numpy form")
        values: Array = self.expression.evaluate(x)
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


def _registered(entry: Entry) -> Activation:
    activation = Activation(
        entry.name,
        entry.torch,
        entry.formula,
        entry.reference,
        entry.aliases,
        MappingProxyType(entry.parameters),
        entry.trainable,
        positive=entry.positive,
        smooth="smooth" in entry.kind,
        odd="odd" in entry.kind,
        bounded="bounded" in entry.kind,
        train_eval="train_eval" in entry.kind,
        note=entry.note,
        _numpy=entry.numpy,
    )
    cost = entry.cost
    if cost is None:
        if activation.expression is None:
            raise AssertionError(f"the entry {entry.name} needs a cost")
        cost = operation_cost(activation.expression.node)
    return replace(activation, cost=cost)


#: Every registered activation by its name.
REGISTRY: Mapping[str, Activation] = MappingProxyType(
    {entry.name: _registered(entry) for entry in CATALOGUE}
)

#: Torch callables of the registered activations by name, parameters at their defaults. SiLU is the
#: default of the networks: as good as Mish on tables at a quarter of its cost.
ACTIVATIONS: Mapping[str, TensorFunction] = MappingProxyType(
    {name: activation.torch for name, activation in REGISTRY.items()}
)

_BY_ALIAS: Mapping[str, Activation] = MappingProxyType(
    {alias: a for a in REGISTRY.values() for alias in (a.name, *a.aliases)}
)


def get_activation(name: str) -> TensorFunction:
    """Return the torch function that a text names.

    Parameters
    ----------
    name : str
        A name or alias of the catalogue; a name with parameters, ``"snake(a=2)"``; or a function
        of x in the grammar of formulas, ``"x*tanh(softplus(x))"``. With ``trainable=True`` among
        the parameters, ``"snake(a=2, trainable=True)"``, it names a function whose parameters are
        learned, which networks take (:class:`TypedActivation`); there is no function to return.

    Returns
    -------
    callable
        Tensor of any shape to Tensor of the same shape; picklable.

    Raises
    ------
    ValueError
        If the text is none of these, where the message shows the place, or what is near; or if
        parameters are to be learned.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import get_activation
    >>> x = torch.tensor([-1.0, 2.0])
    >>> get_activation("relu")(x)
    tensor([0., 2.])
    >>> get_activation("silu(beta=0)")(x)
    tensor([-0.5000,  1.0000])
    >>> get_activation("x**2 - 1")(x)
    tensor([0., 3.])
    """
    if isinstance(name, str):
        # layers ask at every pass
        return _function(name)
    raise ValueError(f"unknown activation {name!r}; it must be a text")


@lru_cache(maxsize=1024)
def _function(text: str) -> TensorFunction:
    found = _read(text)
    if not isinstance(found, Activation):
        return ExpressionFunction(found)
    if found.learned:
        raise ValueError(
            f"{text!r} has parameters to learn, and a function alone cannot learn: give it to an "
            "estimator or a network as activation, or use TrainableActivation"
        )
    return found.torch


def has_learned_parameters(text: str) -> bool:
    """Tell whether a text names an activation whose parameters are to be learned.

    Parameters
    ----------
    text : str
        As for :func:`get_activation`.

    Raises
    ------
    ValueError
        If the text names no activation.

    Examples
    --------
    >>> from sktaskneuron.nn.activations.registry import has_learned_parameters
    >>> has_learned_parameters("prelu"), has_learned_parameters("prelu(trainable=True)")
    (False, True)
    """
    if not isinstance(text, str):
        raise ValueError(f"unknown activation {text!r}; it must be a text")
    found = _read(text)
    return isinstance(found, Activation) and bool(found.learned)


@lru_cache(maxsize=256)
def find_activation(text: str) -> Activation:
    """Return all that is known of the activation that a text names.

    Parameters
    ----------
    text : str
        As for :func:`get_activation`; with ``trainable=True`` too.

    Returns
    -------
    Activation
        Of an expression, or where parameters are not at their defaults, with flags that are
        measured.

    Raises
    ------
    ValueError
        As :func:`get_activation` does.

    Examples
    --------
    >>> from sktaskneuron.nn import find_activation
    >>> find_activation("swish").name
    'silu'
    >>> lisht = find_activation("tanh(x)*x")
    >>> lisht.name, lisht.smooth, lisht.odd, lisht.bounded
    ('x*tanh(x)', True, False, False)
    """
    found = _read(text)
    if isinstance(found, Activation):
        if found.name in REGISTRY:
            return found
        return _measured(found)
    return _measured(
        Activation(
            found.text,
            ExpressionFunction(found),
            found.text,
            "an expression",
            cost=operation_cost(found.node),
        )
    )


def _measured(activation: Activation) -> Activation:
    return replace(
        activation,
        smooth=is_smooth(activation.numpy, activation.torch),
        odd=is_odd(activation.numpy),
        bounded=is_bounded(activation.numpy),
    )


# -- reading ---------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _read(text: str) -> Activation | ElementwiseExpression:
    """Return the registered activation, with its parameters, or the expression of a text."""
    stripped = text.strip()
    if stripped in _BY_ALIAS:
        return _BY_ALIAS[stripped]
    if _NAME.fullmatch(stripped) and stripped not in ("x", "pi"):
        raise _unknown(text)
    call = _CALL.fullmatch(stripped) if len(stripped) <= _LONGEST else None
    if call is not None and ("=" in call[2] or call[1] not in PRIMITIVES):
        if call[1] not in _BY_ALIAS:
            raise _unknown(call[1])
        return _with_parameters(_BY_ALIAS[call[1]], call[2])
    expression = ElementwiseExpression.parse(stripped)
    if expression.is_constant:
        raise ValueError(f"the activation {text!r} does not depend on x")
    return expression


def _unknown(name: str) -> ValueError:
    near = difflib.get_close_matches(name[:50].lower(), _BY_ALIAS, n=3, cutoff=0.0)
    shown = repr(name if len(name) <= 50 else name[:47] + "...")
    return ValueError(
        f"unknown activation {shown}; known are {', '.join(near)} (the nearest of "
        f"{len(REGISTRY)}); a function of x such as 'x*tanh(x)' is accepted as well"
    )


def _with_parameters(activation: Activation, text: str) -> Activation:
    """Return the activation with parameters read from ``a=2, b=0.5, trainable=True``."""
    known = ", ".join(f"{key}={value:g}" for key, value in activation.parameters.items())
    has = f"{activation.name} has {f'the parameters {known}' if known else 'no parameters'}"
    values = dict(activation.parameters)
    given: set[str] = set()
    learn = False
    for part in text.split(",") if text.strip() else []:
        key, equals, number = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise ValueError(f"parameters are given by name, got {part.strip()!r}; {has}")
        if key not in values and key != "trainable":
            raise ValueError(f"unknown parameter {key!r}; {has}")
        if key in given:
            raise ValueError(f"the parameter {key!r} is given twice")
        given.add(key)
        if key == "trainable":
            if number not in ("True", "False"):
                raise ValueError(f"trainable must be True or False, got {number!r}")
            learn = number == "True"
            continue
        value = float(number) if _NUMBER.fullmatch(number) else math.nan
        if not math.isfinite(value):
            raise ValueError(f"the parameter {key!r} must be a finite number, got {number!r}")
        if key in activation.positive and value <= 0:
            raise ValueError(f"the parameter {key!r} must be above 0, got {number}")
        values[key] = value
    if learn and not activation.trainable:
        raise ValueError(
            f"{activation.name} has no parameter that may be learned, so trainable=True has no "
            f"meaning; activations that have some: {', '.join(able_to_learn())}"
        )
    return _bound(activation, values, learn)


def able_to_learn() -> list[str]:
    """Return the names of the activations with parameters that may be learned."""
    return [name for name, entry in REGISTRY.items() if entry.trainable]


def _bound(activation: Activation, values: Mapping[str, float], learn: bool) -> Activation:
    changed: dict[str, Any] = {
        key: value for key, value in values.items() if value != activation.parameters[key]
    }
    if not changed and not learn:
        return activation
    listed = [f"{key}={_shortest(value)}" for key, value in changed.items()]
    listed += ["trainable=True"] * learn
    return replace(
        activation,
        name=f"{activation.name}({', '.join(listed)})",
        torch=partial(activation.torch, **changed) if changed else activation.torch,
        parameters=MappingProxyType(dict(values)),
        learned=activation.trainable if learn else (),
        aliases=(),
    )


def _shortest(value: float) -> str:
    return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
