"""Elementwise functions in torch: primitives, the smooth bound, activations."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import attrgetter

import torch
from torch import Tensor

from sktaskneuron.formula import PRIMITIVES, ElementwiseExpression

TensorFunction = Callable[[Tensor], Tensor]

# Output columns that matrix kernels take at once, or a multiple of it.
_COLUMN_BLOCK = 8


def torch_function(name: str) -> TensorFunction:
    """Return the torch function of a primitive's ``torch_name``.

    Parameters
    ----------
    name : str
        A dotted name under ``torch``, or several separated by blanks, applied from the right to
        the left: ``"exp neg square"`` is ``exp(neg(square(x)))``.

    Returns
    -------
    callable from Tensor to Tensor

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn.functional import torch_function
    >>> torch_function("exp neg square")(torch.zeros(2))
    tensor([1., 1.])
    """
    functions: list[TensorFunction] = [attrgetter(part)(torch) for part in reversed(name.split())]
    if len(functions) == 1:
        return functions[0]
    return lambda x: reduce(lambda value, function: function(value), functions, x)


#: Torch callable of every primitive of the formulas, by name.
TORCH_NAMESPACE: Mapping[str, TensorFunction] = {
    name: torch_function(primitive.torch_name) for name, primitive in PRIMITIVES.items()
}


def _identity(x: Tensor) -> Tensor:
    return x


def _gelu(x: Tensor) -> Tensor:
    # the tanh form: 2 % from the erf form at most, and cheaper
    return torch.nn.functional.gelu(x, approximate="tanh")


#: Activation functions by name. SiLU is the default of the networks: as good as Mish on tables at
#: a quarter of its cost.
ACTIVATIONS: Mapping[str, TensorFunction] = {
    "identity": _identity,
    "relu": torch.relu,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "elu": torch.nn.functional.elu,
    "selu": torch.selu,
    "gelu": _gelu,
    "silu": torch.nn.functional.silu,
    "mish": torch.nn.functional.mish,
    "softplus": torch.nn.functional.softplus,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "sin": torch.sin,
}


def get_activation(name: str) -> TensorFunction:
    """Return the activation function of a name.

    Raises
    ------
    ValueError
        If the name is not one of ``ACTIVATIONS``.
    """
    try:
        return ACTIVATIONS[name]
    except KeyError:
        known = ", ".join(sorted(ACTIVATIONS))
        raise ValueError(f"unknown activation {name!r}; known are {known}") from None


def matrix_product(input: Tensor, weight: Tensor) -> Tensor:
    """Return ``input @ weight``; in inference a row's result does not depend on its place.

    On some processors the kernels for other than whole blocks of output columns round the rows of a
    batch differently, every second one say. So in inference the weights are filled up with columns
    of zeros.

    Parameters
    ----------
    input : Tensor of shape (..., batch, n_in)
    weight : Tensor of shape (..., n_in, n_out)

    Returns
    -------
    Tensor of shape (..., batch, n_out)
    """
    n_out = weight.shape[-1]
    missing = -n_out % _COLUMN_BLOCK
    if missing == 0 or not torch.is_inference_mode_enabled():
        return input @ weight
    return (input @ torch.nn.functional.pad(weight, (0, missing)))[..., :n_out]


def affine(constant: Tensor, input: Tensor, weight: Tensor) -> Tensor:
    """Return ``constant + input @ weight``, of one layer or of packed ones.

    Parameters
    ----------
    constant : Tensor of shape ([n_members,] n_out), or of the shape of the result
    input : Tensor of shape ([n_members,] batch, n_in)
    weight : Tensor of shape ([n_members,] n_in, n_out)
    """
    if input.ndim == 3 and constant.ndim == 2:
        constant = constant.unsqueeze(1)
    if torch.is_inference_mode_enabled():
        return matrix_product(input, weight) + constant
    if input.ndim == 2:
        return torch.addmm(constant, input, weight)
    return torch.baddbmm(constant, input, weight)


def smooth_bound(x: Tensor, bound: float) -> Tensor:
    """Return x / sqrt(1 + (x / bound)**2), of the shape of ``x``: close to x, below the bound."""
    return x * torch.rsqrt(1.0 + torch.square(x * (1.0 / bound)))


def evaluate_terms(expressions: Sequence[ElementwiseExpression], x: Tensor) -> list[Tensor]:
    """Evaluate elementwise terms, powers by multiplication.

    Parameters
    ----------
    expressions : sequence of ElementwiseExpression
    x : Tensor of any shape

    Returns
    -------
    list of Tensor of the shape of ``x``, one per expression

    Notes
    -----
    ``x**5`` is built as ``x**2 * x**3`` from powers that other terms share; torch's own ``pow``
    is ten times slower for exponents above three.
    """
    powers: dict[int, Tensor] = {1: x}

    def power(k: int) -> Tensor:
        if k not in powers:
            powers[k] = power(k // 2) * power(k - k // 2)
        return powers[k]

    values = []
    for expression in expressions:
        k = expression.power if expression.is_power else None
        if k is not None and k >= 1:
            values.append(power(k))
        else:
            values.append(expression.evaluate(x, TORCH_NAMESPACE))
    return values
