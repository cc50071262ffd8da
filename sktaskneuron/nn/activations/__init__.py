"""Pointwise activation functions: a catalogue, and functions of x as text."""

from sktaskneuron.nn.activations.activation import Activation
from sktaskneuron.nn.activations.distinct import distinct_activations
from sktaskneuron.nn.activations.reading import find_activation, get_activation
from sktaskneuron.nn.activations.registry import ACTIVATIONS, REGISTRY
from sktaskneuron.nn.activations.stochastic import StochasticActivation
from sktaskneuron.nn.activations.trainable import TrainableActivation

__all__ = [
    "ACTIVATIONS",
    "REGISTRY",
    "Activation",
    "StochasticActivation",
    "TrainableActivation",
    "distinct_activations",
    "find_activation",
    "get_activation",
]
