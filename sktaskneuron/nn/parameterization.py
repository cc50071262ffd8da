"""Learning rates and weight decays of single parameters (neural tangent parametrisation).

In the neural tangent parametrisation (NTP) a layer computes ``x @ W / sqrt(fan_in)`` with entries
of ``W`` of size one. We store the product ``W / sqrt(fan_in)`` as an ordinary weight. Adam moves a
parameter by about its learning rate whatever the size of the gradient, so the same training
follows from a learning rate divided by ``sqrt(fan_in)`` and a decoupled weight decay multiplied by
it. One learning rate then serves narrow and wide layers alike.
"""

import math
from collections.abc import Iterator
from typing import Any, Protocol, TypeAlias, runtime_checkable

from torch import nn

#: As the optimisers of torch take them.
ParameterGroups: TypeAlias = list[dict[str, Any]]

#: A bias is a single number that meets every row: it learns at a tenth of the weights' rate.
BIAS_RATE = 0.1

#: The learned scale of an input column moves faster than the weights it multiplies.
INPUT_SCALE_RATE = 6.0

#: Learned functions of a column set the inputs of everything behind them: they move slowly.
TERM_RATE = 0.1


@runtime_checkable
class HasParameterRates(Protocol):
    """A module that says how fast each of its own parameters learns."""

    def parameter_rates(self) -> Iterator[tuple[nn.Parameter, float, float]]:
        """Yield (parameter, factor of the learning rate, factor of the weight decay)."""
        ...


def ntp_rates(fan_in: int) -> tuple[float, float]:
    """Return the NTP factors of the learning rate and the weight decay of a weight matrix."""
    root = math.sqrt(fan_in)
    return 1.0 / root, root


def _rates(module: nn.Module) -> Iterator[tuple[nn.Parameter, float, float]]:
    if isinstance(module, HasParameterRates):
        yield from module.parameter_rates()
    elif isinstance(module, nn.Linear):
        for name, parameter in module.named_parameters(recurse=False):
            rates = (BIAS_RATE, 0.0) if name == "bias" else ntp_rates(module.in_features)
            yield parameter, *rates
    else:
        for parameter in module.parameters(recurse=False):
            yield parameter, 1.0, float(parameter.ndim > 1)


def rates_of(module: nn.Module) -> Iterator[tuple[nn.Parameter, float, float]]:
    """Yield each parameter once, with its factors of the learning rate and the weight decay.

    Every submodule is asked for its own parameters: modules with a ``parameter_rates`` method
    (:class:`TaskNeuron`, :class:`TaskNetwork`) answer themselves, ``torch.nn.Linear`` follows the
    NTP rule, and parameters of any other module learn at the plain learning rate, vectors and
    scalars without weight decay.
    """
    seen: set[int] = set()
    for submodule in module.modules():
        for parameter, rate, decay in _rates(submodule):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield parameter, rate, decay


def parameter_groups(
    module: nn.Module, learning_rate: float, weight_decay: float
) -> ParameterGroups:
    """Return the optimiser's parameter groups of a module, by :func:`rates_of`.

    Parameters
    ----------
    module : nn.Module
        Whose parameters are to be trained.
    learning_rate : float
        Learning rate of a weight with fan-in one.
    weight_decay : float
        Decoupled weight decay (AdamW) of a weight with fan-in one.

    Returns
    -------
    list of dict
        Groups with the keys ``params``, ``lr`` and ``weight_decay``, in the order of the module's
        parameters; parameters with equal factors share a group.

    See Also
    --------
    sktaskneuron.training.fit_network : Train a module in place with AdamW and return the state of
        the best epoch.

    References
    ----------
    Jacot et al., "Neural tangent kernel", 2018; Holzmüller et al., "Better by default", 2024.

    Examples
    --------
    >>> from torch import nn
    >>> from sktaskneuron.nn import parameter_groups
    >>> groups = parameter_groups(nn.Linear(4, 2), learning_rate=0.5, weight_decay=0.02)
    >>> [(group["lr"], group["weight_decay"]) for group in groups]
    [(0.25, 0.04), (0.05, 0.0)]
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter, rate, decay in rates_of(module):
        if parameter.requires_grad:
            groups.setdefault((rate, decay), []).append(parameter)
    return [
        {"params": parameters, "lr": learning_rate * rate, "weight_decay": weight_decay * decay}
        for (rate, decay), parameters in groups.items()
    ]
