"""How a text names an activation: by name, by name and parameters, or as a function of x."""

from __future__ import annotations

import copyreg
import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from types import MappingProxyType

from sktaskneuron.formula import PRIMITIVES, ElementwiseExpression
from sktaskneuron.nn.activations.activation import Activation, ExpressionFunction
from sktaskneuron.nn.activations.numerics import is_bounded, is_odd, is_smooth, operation_cost
from sktaskneuron.nn.activations.registry import BY_ALIAS, REGISTRY, able_to_learn
from sktaskneuron.nn.primitives import TensorFunction

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_CALL = re.compile(r"([A-Za-z_]\w*)\s*\(([^()]*)\)", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# Longest text of a name with parameters.
_LONGEST = 500


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

    See Also
    --------
    find_activation : Return the properties of the activation that a text names.
    activation_layer : Return a module that applies an activation to every value of an input of any
        shape.

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
    return _function(_checked(name))


# layers ask at every pass
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
    >>> from sktaskneuron.nn.activations.reading import has_learned_parameters
    >>> has_learned_parameters("prelu"), has_learned_parameters("prelu(trainable=True)")
    (False, True)
    """
    found = _read(_checked(text))
    return isinstance(found, Activation) and bool(found.learned)


def tosses_coins(text: str) -> bool:
    """Tell whether a text names an activation of which training sees one of two functions.

    Parameters
    ----------
    text : str
        As for :func:`get_activation`.

    Examples
    --------
    >>> from sktaskneuron.nn.activations.reading import tosses_coins
    >>> tosses_coins("silu"), tosses_coins("silu_or_relu(p=0.3)")
    (False, True)
    """
    found = _read(_checked(text))
    return isinstance(found, Activation) and found.coin is not None


def find_activation(text: str) -> Activation:
    """Return the properties of the activation that a text names.

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

    See Also
    --------
    Activation : One pointwise activation function, in every form; :func:`find_activation` returns
        it.
    get_activation : Return the torch function that a text names.

    Examples
    --------
    >>> from sktaskneuron.nn import find_activation
    >>> find_activation("swish").name
    'silu'
    >>> lisht = find_activation("tanh(x)*x")
    >>> lisht.name, lisht.smooth, lisht.odd, lisht.bounded
    ('x*tanh(x)', True, False, False)
    """
    return _described(_checked(text))


def _reduced(activation: Activation) -> tuple[Callable[[str], Activation], tuple[str]]:
    return find_activation, (activation.name,)


# the mapping of parameters does not pickle; the name says everything
copyreg.pickle(Activation, _reduced)


@lru_cache(maxsize=256)
def _described(text: str) -> Activation:
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


def _checked(text: str) -> str:
    if not isinstance(text, str):
        raise ValueError(f"unknown activation {text!r}; it must be a text")
    return text


@lru_cache(maxsize=1024)
def _read(text: str) -> Activation | ElementwiseExpression:
    """Return the registered activation, with its parameters, or the expression of a text."""
    stripped = text.strip()
    if stripped in BY_ALIAS:
        return BY_ALIAS[stripped]
    if _NAME.fullmatch(stripped) and stripped not in ("x", "pi"):
        raise _unknown(text)
    call = _CALL.fullmatch(stripped) if len(stripped) <= _LONGEST else None
    if call is not None and ("=" in call[2] or call[1] not in PRIMITIVES):
        if call[1] not in BY_ALIAS:
            raise _unknown(call[1])
        return _with_parameters(BY_ALIAS[call[1]], call[2])
    expression = ElementwiseExpression.parse(stripped)
    if expression.is_constant:
        raise ValueError(f"the activation {text!r} does not depend on x")
    return expression


def _unknown(name: str) -> ValueError:
    near = difflib.get_close_matches(name[:50].lower(), BY_ALIAS, n=3, cutoff=0.0)
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


def _bound(activation: Activation, values: Mapping[str, float], learn: bool) -> Activation:
    changed = {key: value for key, value in values.items() if value != activation.parameters[key]}
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
