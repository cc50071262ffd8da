"""A module's state as plain numpy arrays, and back."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from sktaskneuron._typing import AnyArray, State


def module_to_arrays(module: nn.Module) -> State:
    """Copy parameters and buffers into numpy arrays.

    Parameters
    ----------
    module : nn.Module
        Stays as it is.

    Returns
    -------
    dict of str to ndarray
        The keys of ``module.state_dict()``. The arrays share no memory with the module.

    See Also
    --------
    arrays_to_module : Copy arrays into a module's parameters and buffers; device and dtype stay the
        module's.

    Examples
    --------
    >>> from torch import nn
    >>> from sktaskneuron.training import module_to_arrays
    >>> sorted(module_to_arrays(nn.Linear(2, 1)))
    ['bias', 'weight']
    """
    return {
        name: value.detach().cpu().numpy().copy() for name, value in module.state_dict().items()
    }


def arrays_to_module(module: nn.Module, state: Mapping[str, AnyArray]) -> None:
    """Copy arrays into a module's parameters and buffers; device and dtype stay the module's.

    Parameters
    ----------
    module : nn.Module
        Takes the values.
    state : mapping of str to ndarray
        As :func:`module_to_arrays` returned it.

    Raises
    ------
    ValueError
        If names or shapes do not fit the module.

    See Also
    --------
    module_to_arrays : Copy parameters and buffers into numpy arrays.

    Examples
    --------
    >>> from torch import nn
    >>> from sktaskneuron.training import arrays_to_module, module_to_arrays
    >>> first, second = nn.Linear(2, 1), nn.Linear(2, 1)
    >>> arrays_to_module(second, module_to_arrays(first))
    >>> bool((first.weight == second.weight).all())
    True
    """
    target = module.state_dict()
    if target.keys() != state.keys():
        missing, unknown = (
            sorted(target.keys() - state.keys()),
            sorted(state.keys() - target.keys()),
        )
        raise ValueError(f"the state does not fit the module: {missing=}, {unknown=}")
    for name, tensor in target.items():
        if tuple(tensor.shape) != np.shape(state[name]):
            raise ValueError(
                f"the state does not fit the module: {name} has the shape "
                f"{np.shape(state[name])}, the module needs {tuple(tensor.shape)}"
            )
    with torch.no_grad():
        for name, tensor in target.items():
            tensor.copy_(torch.from_numpy(np.array(state[name])))
