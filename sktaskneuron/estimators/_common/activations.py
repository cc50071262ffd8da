"""What networks learned of the activations that an estimator was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sktaskneuron.nn.typed.diverse import DiverseNetwork


def with_learned_parameters(activations: Any, network: DiverseNetwork) -> Any:
    """Return given activations with what trained networks learned of them in its place.

    Parameters
    ----------
    activations : str, ActivationSet or sequence
        As the estimators take them.
    network : DiverseNetwork
        Built with them: a single group.

    Returns
    -------
    str, ActivationSet or sequence
        Learned parameters are the networks' means. Where layers differ by them, one list for each.
    """
    from sktaskneuron.nn.activations.reading import has_learned_parameters
    from sktaskneuron.nn.typed.reading import given_layers

    given = given_layers(activations, len(network.activations)) or []
    texts = [item for layer in given for item in layer if isinstance(item, str)]
    if not any(map(has_learned_parameters, texts)):
        return activations
    layers = []
    for items, layer in zip(given, network.activations, strict=True):
        means = iter(layer.activations[0].mean_texts())
        learned: list[Any] = []
        for item in items:
            if isinstance(item, str):
                learned.append(next(means))
            else:
                learned.append(item)
                for _ in range(len(item)):
                    next(means)
        layers.append(learned)
    return layers[0] if all(layer == layers[0] for layer in layers) else layers
