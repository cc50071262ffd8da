"""The registered activations: the catalogue's rows as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from sktaskneuron.nn.activations.activation import Activation
from sktaskneuron.nn.activations.catalogue import CATALOGUE, Entry
from sktaskneuron.nn.activations.numerics import operation_cost
from sktaskneuron.nn.primitives import TensorFunction


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
        coin=entry.coin,
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
#:
#: Examples
#: --------
#: >>> import torch
#: >>> from sktaskneuron.nn import ACTIVATIONS
#: >>> ACTIVATIONS["relu"](torch.tensor([-1.0, 2.0]))
#: tensor([0., 2.])
ACTIVATIONS: Mapping[str, TensorFunction] = MappingProxyType(
    {name: activation.torch for name, activation in REGISTRY.items()}
)

#: Every registered activation by its name and by its aliases.
BY_ALIAS: Mapping[str, Activation] = MappingProxyType(
    {alias: a for a in REGISTRY.values() for alias in (a.name, *a.aliases)}
)


def able_to_learn() -> list[str]:
    """Return the names of the activations with parameters that may be learned."""
    return [name for name, entry in REGISTRY.items() if entry.trainable]
