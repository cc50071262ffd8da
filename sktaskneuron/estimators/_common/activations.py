"""What the estimators take for an activation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sktaskneuron.nn.typed.diverse import DiverseNetwork


def given_functions(
    activation: Any, n_layers: int, interpolation: str, *, name: str = "activations"
) -> list[list[Any]]:
    """Return functions per hidden layer, per type; see :func:`nn.typed.layer_functions`.

    Parameters
    ----------
    activation : str, ActivationSet or sequence
        A text, a set, or a list of these (the types of neurons), for all layers; or one set or list
        for each.
    n_layers : int
    interpolation : {"cubic", "linear"}
        Of the sets' tables.
    name : str, default="activations"
        The estimator's parameter, for messages.

    Raises
    ------
    ValueError, TypeError
        If it is none of these, or a text names no activation.
    """
    # torch is imported by fit alone
    from sktaskneuron.nn.typed.reading import layer_functions

    return layer_functions(activation, n_layers, interpolation, name=name)


def with_learned_parameters(activations: Any, network: DiverseNetwork) -> Any:
    """Return given activations with what trained networks learned of them in its place.

    Parameters
    ----------
    activations : str, ActivationSet or sequence
        As for :func:`given_functions`.
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
