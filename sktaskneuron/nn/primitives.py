"""The primitives of the formulas in torch."""

from collections.abc import Callable, Mapping
from functools import reduce
from operator import attrgetter

import torch
from torch import Tensor

from sktaskneuron.formula import PRIMITIVES

TensorFunction = Callable[[Tensor], Tensor]


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
    >>> from sktaskneuron.nn.primitives import torch_function
    >>> torch_function("exp neg square")(torch.zeros(2))
    tensor([1., 1.])
    """
    functions: list[TensorFunction] = [attrgetter(part)(torch) for part in reversed(name.split())]
    if len(functions) == 1:
        return functions[0]
    return lambda x: reduce(lambda value, function: function(value), functions, x)


#: Torch callable of every primitive of the formulas, by name.
#:
#: Examples
#: --------
#: >>> import torch
#: >>> from sktaskneuron.nn import TORCH_NAMESPACE
#: >>> TORCH_NAMESPACE["abs"](torch.tensor([-1.0, 2.0]))
#: tensor([1., 2.])
TORCH_NAMESPACE: Mapping[str, TensorFunction] = {
    name: torch_function(primitive.torch_name) for name, primitive in PRIMITIVES.items()
}
