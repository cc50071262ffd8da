"""Torch modules: the task neuron built from a formula, and the network around it.

They may be taken into any torch model; :func:`parameter_groups` gives an optimiser the learning
rates that the modules were built for.
"""

from sktaskneuron.nn.activations import (
    ACTIVATIONS,
    Activation,
    StochasticActivation,
    TrainableActivation,
    find_activation,
    get_activation,
)
from sktaskneuron.nn.dropout import GeneratorDropout
from sktaskneuron.nn.parameterization import parameter_groups
from sktaskneuron.nn.primitives import TORCH_NAMESPACE
from sktaskneuron.nn.task.conv import TaskNeuronConv1d, TaskNeuronConv2d
from sktaskneuron.nn.task.folded import folded
from sktaskneuron.nn.task.network import TaskNetwork, n_parameters
from sktaskneuron.nn.task.neuron import TaskNeuron
from sktaskneuron.nn.task.piecewise import PiecewiseLinearEmbedding, PiecewiseLinearTerms
from sktaskneuron.nn.task.replace import replace_linear, scale_factors
from sktaskneuron.nn.task.signal_network import SignalNetwork
from sktaskneuron.nn.task.table_input import LevelEmbedding, PeriodicTerms, TableInput
from sktaskneuron.nn.typed.activation_set import ActivationSet
from sktaskneuron.nn.typed.dictionary import SymbolicApproximation
from sktaskneuron.nn.typed.diverse import DiverseNetwork
from sktaskneuron.nn.typed.layers import TypedActivation, activation_layer
from sktaskneuron.nn.typed.sub_networks import SubNetworks
from sktaskneuron.nn.typed.tables import Grid, TableFunction

__all__ = [
    "ACTIVATIONS",
    "TORCH_NAMESPACE",
    "Activation",
    "ActivationSet",
    "DiverseNetwork",
    "GeneratorDropout",
    "Grid",
    "LevelEmbedding",
    "PeriodicTerms",
    "PiecewiseLinearEmbedding",
    "PiecewiseLinearTerms",
    "SignalNetwork",
    "StochasticActivation",
    "SubNetworks",
    "SymbolicApproximation",
    "TableFunction",
    "TableInput",
    "TaskNetwork",
    "TaskNeuron",
    "TaskNeuronConv1d",
    "TaskNeuronConv2d",
    "TrainableActivation",
    "TypedActivation",
    "activation_layer",
    "find_activation",
    "folded",
    "get_activation",
    "n_parameters",
    "parameter_groups",
    "replace_linear",
    "scale_factors",
]
