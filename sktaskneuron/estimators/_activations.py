"""What the estimators take for an activation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sktaskneuron.nn.diverse import DiverseNetwork


def given_functions(
    activation: Any, n_layers: int, interpolation: str, *, name: str = "activations"
) -> list[list[Any]]:
    """Return functions per hidden layer, per type; see :func:`nn.typed.layer_functions`.

    Parameters
    ----------
    activation : str, ActivationSet, list of str or list of ActivationSet
        A text, a set, or several texts (one per type of neurons) are for all layers; a list of sets
        is one for each.
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
    from sktaskneuron.nn.typed import layer_functions

    return layer_functions(activation, n_layers, interpolation, name=name)


def with_learned_parameters(activations: Any, network: DiverseNetwork) -> Any:
    """Return given activations with what trained networks learned of them in its place.

    Parameters
    ----------
    activations : str, ActivationSet, list of str or list of ActivationSet
    network : DiverseNetwork
        Built with them: a single group.

    Returns
    -------
    str, ActivationSet, list of str or list of ActivationSet
        Learned parameters are the networks' means: texts, or, where layers differ, tables of each.
    """
    from sktaskneuron.nn import ActivationSet
    from sktaskneuron.nn.activations.reading import has_learned_parameters

    texts = [activations] if isinstance(activations, str) else activations
    if isinstance(texts, ActivationSet) or not isinstance(texts[0], str):
        return activations
    if not any(map(has_learned_parameters, texts)):
        return activations
    layers = [layer.activations[0].mean_texts() for layer in network.activations]
    if all(layer == layers[0] for layer in layers):
        return layers[0]
    try:
        return [ActivationSet.from_names(layer) for layer in layers]
    except ValueError:  # one that overflows within a table's range
        return activations
